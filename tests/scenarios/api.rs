//! The API as a program uses it: curl, a token of the command line, the server's own CA.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nac_test_support::cast::PASSWORD;
use serde_json::{Value, json};

use crate::enforcement::office;
use crate::site::{Site, has_moved_to};
use crate::switch::Switch;

/// A program with a token.
struct Program<'s> {
    site: &'s Site,
    token: String,
}

impl<'s> Program<'s> {
    fn new(site: &'s Site, role: &str) -> Self {
        let line = [
            "token",
            "create",
            "--name",
            role,
            "--role",
            role,
            "--expires",
            "1d",
            "--json",
        ];
        let made: Value = serde_json::from_str(&site.nac(&line)).expect("JSON");
        let token = made["token"].as_str().expect("a token").to_owned();
        Self { site, token }
    }

    fn curl(&self, path: &str) -> Command {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "20", "--cacert"])
            .arg(self.site.ca())
            .args(["-H", &format!("Authorization: Bearer {}", self.token)])
            .arg(format!(
                "https://localhost:{}{path}",
                self.site.admin.port()
            ));
        command
    }

    /// Status and body.
    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut command = self.curl(path);
        command.args(["-X", method, "-w", "\n%{http_code}"]);
        if !body.is_null() {
            command.args([
                "-H",
                "Content-Type: application/json",
                "-d",
                &body.to_string(),
            ]);
        }
        let output = command.output().expect("curl can be started");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').expect("a status line");
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        (status.parse().expect("a number"), body)
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

#[test]
fn the_lines_of_the_contract_work_as_they_stand() {
    let site = office();
    let link = site.nac(&["admin", "invite", "--role", "owner"]);
    assert!(
        link.starts_with(&format!("https://localhost:{}/welcome/", site.admin.port())),
        "{link}"
    );
    let program = Program::new(&site, "administrator");
    let document = program.get("/api/v1/openapi.json");
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    for list in ["devices", "sessions", "decisions", "quarantine"] {
        let page = program.get(&format!("/api/v1/{list}"));
        assert!(page["items"].is_array(), "{list}: {page}");
    }
    site.nac(&["token", "revoke", "administrator"]);
    let (status, _) = program.call("GET", "/api/v1/devices", &Value::Null);
    assert_eq!(status, 401);
}

#[test]
fn a_call_moves_a_live_session_both_ways_and_the_record_says_who() {
    let site = office();
    let program = Program::new(&site, "help-desk");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x56, 0x00, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));

    let body = json!({ "device": port.mac_text(), "reason": "seen scanning" });
    let (status, opened) = program.call("POST", "/api/v1/quarantine", &body);
    assert_eq!(status, 201, "{opened}");
    switch.coa();
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("99"));
    site.why_once(&port.mac_text(), |why| has_moved_to(why, "quarantine"));

    let id = opened["id"].as_str().expect("an id");
    let (status, released) = program.call(
        "POST",
        &format!("/api/v1/quarantine/{id}/release"),
        &Value::Null,
    );
    assert_eq!(status, 200, "{released}");
    switch.coa();
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));

    // The help desk may not read the log of changes; an administrator may.
    let (status, _) = program.call("GET", "/api/v1/audit", &Value::Null);
    assert_eq!(status, 403);
    let audit = Program::new(&site, "administrator").get("/api/v1/audit?action=quarantine.");
    let records = audit["items"].as_array().expect("a list");
    assert!(
        records
            .iter()
            .any(|record| record["actor"] == "help-desk" && record["actor_kind"] == "token"),
        "{audit}"
    );
    site.nac(&["audit", "verify"]);
}

#[test]
fn events_arrive_as_they_happen_and_can_be_taken_up_again() {
    let site = office();
    let program = Program::new(&site, "viewer");
    let first = Events::follow(&program, None);
    site.nac(&["device", "add", "02:00:00:00:00:01"]);
    let id = first.next_of("device");
    drop(first);
    site.nac(&["device", "add", "02:00:00:00:00:02"]);
    let second = Events::follow(&program, Some(&id));
    let later = second.next_of("device");
    assert!(
        later.parse::<u64>().ok() > id.parse::<u64>().ok(),
        "{later} after {id}"
    );
}

/// A program that listens to what changes.
struct Events {
    curl: Child,
    lines: mpsc::Receiver<String>,
}

impl Events {
    fn follow(program: &Program<'_>, last: Option<&str>) -> Self {
        let mut command = program.curl("/api/v1/events");
        command.args(["--no-buffer", "--include"]);
        if let Some(last) = last {
            command.args(["-H", &format!("Last-Event-ID: {last}")]);
        }
        let mut curl = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl can be started");
        let out = BufReader::new(curl.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let events = Self { curl, lines };
        // The headers are there: it listens.
        assert!(events.line().contains("200"));
        events
    }

    fn line(&self) -> String {
        self.lines
            .recv_timeout(Duration::from_secs(15))
            .expect("a line arrives")
    }

    /// The id of the next event of this kind; others happen meanwhile.
    fn next_of(&self, wanted: &str) -> String {
        loop {
            let (id, kind) = self.next();
            if kind == wanted {
                return id;
            }
        }
    }

    /// Id and kind of the next event that has an id.
    fn next(&self) -> (String, String) {
        let (mut id, mut kind) = (String::new(), String::new());
        loop {
            let line = self.line();
            if let Some(value) = line.strip_prefix("id:") {
                value.trim().clone_into(&mut id);
            } else if let Some(value) = line.strip_prefix("event:") {
                value.trim().clone_into(&mut kind);
            } else if line.trim().is_empty() {
                if !id.is_empty() {
                    return (id, kind);
                }
                kind.clear();
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.curl.kill();
        let _ = self.curl.wait();
    }
}
