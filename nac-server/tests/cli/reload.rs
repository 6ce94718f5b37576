//! A running server that is told to read its configuration again.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::site::{Site, nac};

/// A server of this installation; it ends with this value.
struct Running {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(site: &Site) -> Self {
        let mut child = nac()
            .arg("serve")
            .arg("--config")
            .arg(site.installed("nac.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut running = Self { child, log };
        running.log_until("serving");
        running
    }

    /// The log up to the line that says this.
    fn log_until(&mut self, end: &str) -> String {
        let mut text = String::new();
        for line in self.log.by_ref() {
            let line = line.expect("text");
            text.push_str(&line);
            text.push('\n');
            if line.contains(end) {
                return text;
            }
        }
        panic!("the server ended before it said {end:?}:\n{text}");
    }

    /// What the log says about reading the configuration again.
    fn reload(&mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::HUP).expect("signalled");
        self.log_until("configuration reloaded")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_needs_a_restart_is_told_until_it_is_as_at_the_start() {
    let site = Site::new();
    let file = site.installed("nac.toml");
    let mut text = fs::read_to_string(&file).expect("read");
    for address in [
        "0.0.0.0:1812",
        "0.0.0.0:1813",
        "0.0.0.0:8443",
        "127.0.0.1:9443",
        "127.0.0.1:9812",
    ] {
        text = text.replace(address, "127.0.0.1:0");
    }
    fs::write(&file, &text).expect("written");
    let mut server = Running::start(&site);
    let due = "until the server is restarted";
    assert!(!server.reload().contains(due));
    let changed = text.replace("# level = \"info\"", "level = \"debug\"");
    assert_ne!(changed, text);
    fs::write(&file, changed).expect("written");
    for time in ["first", "second"] {
        assert!(server.reload().contains(due), "the {time} time");
    }
    fs::write(&file, &text).expect("written");
    assert!(!server.reload().contains(due));
}
