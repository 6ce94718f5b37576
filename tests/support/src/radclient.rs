//! `radclient`, FreeRADIUS's own client, as an independent NAS.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::directory::TestDirectory;
use crate::program;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The packet's name, such as `Access-Accept`; `None` without an answer.
    pub code: Option<String>,
    /// The attributes of the reply as radclient prints them.
    pub attributes: Vec<(String, String)>,
    /// Everything it printed.
    pub log: String,
}

impl Answer {
    /// The value of an attribute, without quotation marks; a tag such as `:0` is not part of `name`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let named = |found: &str| found.split(':').next() == Some(name);
        let (_, value) = self.attributes.iter().find(|(found, _)| named(found))?;
        Some(value.trim_matches('"'))
    }
}

/// Sends one request. `command` is `auth`, `acct`, `status`, `coa` or `disconnect`; `attributes` are
/// lines in the usual format. A Message-Authenticator is added: radclient 3.2.1 does not do it by itself.
///
/// # Panics
///
/// When radclient cannot be run.
#[must_use]
pub fn send(server: SocketAddr, command: &str, secret: &str, attributes: &[&str]) -> Answer {
    let directory = TestDirectory::new("radclient");
    directory.write("dictionary", "");
    let mut process = Command::new(program::peer("radclient", "freeradius-utils"));
    process
        .arg("-d")
        .arg(directory.path())
        .args(["-x", "-r", "1", "-t", "5"]);
    process.args([&server.to_string(), command, secret]);
    let process = process
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut process = process.expect("radclient can be started");
    let mut lines = attributes.join("\n");
    if command != "acct" {
        lines.push_str("\nMessage-Authenticator = 0x00");
    }
    lines.push('\n');
    let mut input = process.stdin.take().expect("its input was piped");
    input
        .write_all(lines.as_bytes())
        .expect("radclient reads its input");
    drop(input);
    let output = process.wait_with_output().expect("radclient ends");
    let log = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    parse(log)
}

fn parse(log: String) -> Answer {
    let mut lines = log
        .lines()
        .skip_while(|line| !line.starts_with("Received "));
    let code = lines
        .next()
        .and_then(|line| line.split_whitespace().nth(1))
        .map(str::to_owned);
    let attributes = lines
        .take_while(|line| line.starts_with('\t'))
        .filter_map(|line| line.trim().split_once(" = "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Answer {
        code,
        attributes,
        log,
    }
}
