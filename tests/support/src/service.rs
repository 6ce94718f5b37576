//! A server process that cannot outlive the test.
//!
//! A test process may be killed by its runner, and a server shared by many tests is never dropped. So
//! each server runs under a small shell that reads from a pipe held by the test process: when that pipe
//! closes, for whatever reason, the shell ends the server and removes the directory it was told to.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::{program, wait};

/// SIGTERM first; SIGKILL after ten seconds.
const GUARD: &str = r#"
trap : INT
"$@" </dev/null &
server=$!
echo "$server" >"$NAC_GUARD_PID.new" && mv "$NAC_GUARD_PID.new" "$NAC_GUARD_PID"
cat >/dev/null
kill -TERM "$server" 2>/dev/null
( sleep 10; kill -KILL "$server" ) >/dev/null 2>&1 &
watch=$!
wait "$server"
status=$?
kill "$watch" 2>/dev/null
if [ -n "$NAC_GUARD_REMOVE" ] && [ ! -e "$NAC_GUARD_REMOVE/keep" ]; then rm -rf "$NAC_GUARD_REMOVE"; fi
exit "$status"
"#;

/// A running server.
#[derive(Debug)]
pub struct Service {
    guard: Child,
    lifeline: Option<ChildStdin>,
    pid: u32,
    log: PathBuf,
}

impl Service {
    /// Starts `command`, with everything it prints going to `log`.
    ///
    /// With `remove`, the guard deletes that directory after the server has ended, unless it holds a
    /// file `keep`.
    ///
    /// # Panics
    ///
    /// When the process cannot be started.
    #[must_use]
    pub fn start(command: &Command, log: &Path, remove: Option<&Path>) -> Self {
        let pid_file = log.with_extension("pid");
        // Of the run before, where there was one.
        let _ = std::fs::remove_file(&pid_file);
        let output = File::create(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let mut guarded = Command::new(program::peer("sh", "dash"));
        guarded
            .arg("-c")
            .arg(GUARD)
            .arg("guard")
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        guarded
            .env("NAC_GUARD_PID", &pid_file)
            .env("NAC_GUARD_REMOVE", remove.unwrap_or_else(|| Path::new("")))
            .stdin(Stdio::piped())
            .stdout(output.try_clone().expect("a file handle can be cloned"))
            .stderr(output);
        let mut guard = guarded
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let lifeline = guard.stdin.take();
        let mut pid = None;
        let started = wait::until(Duration::from_secs(5), || {
            pid = std::fs::read_to_string(&pid_file)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            pid.is_some()
        });
        assert!(started, "the guard of {command:?} did not start");
        Self {
            guard,
            lifeline,
            pid: pid.unwrap_or_default(),
            log: log.to_owned(),
        }
    }

    /// The server's own process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the server is still there.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The state follows the command in brackets; a dead child that nobody has waited for is a Z.
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    /// Everything the server has printed.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `ready` holds.
    ///
    /// # Panics
    ///
    /// When the server ends first, or is not ready after `limit`; the message holds its log.
    pub fn wait_ready(&self, limit: Duration, mut ready: impl FnMut() -> bool) {
        let mut running = true;
        let done = wait::until(limit, || {
            running = self.is_running();
            !running || ready()
        });
        assert!(running, "the server ended while starting:\n{}", self.log());
        assert!(
            done,
            "the server was not ready after {limit:?}:\n{}",
            self.log()
        );
    }

    /// Sends the server a signal by its name, such as `HUP`.
    ///
    /// # Panics
    ///
    /// When there is no such process.
    pub fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.pid);
        program::run(
            Command::new(program::peer("sh", "dash"))
                .arg("-c")
                .arg(line),
        );
    }

    /// Ends the server with SIGTERM and says whether it exited with status 0.
    pub fn stop(&mut self) -> bool {
        drop(self.lifeline.take());
        self.guard.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}
