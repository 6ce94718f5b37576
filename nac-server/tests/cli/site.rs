//! An installation in a temporary folder, and the program that works on it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program with an environment that changes nothing.
pub(crate) fn nac() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nac"));
    command
        .env_remove("NAC_CONFIG")
        .env_remove("CREDENTIALS_DIRECTORY")
        .env("NO_COLOR", "1")
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command, input: &str) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that reads nothing may be gone already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("the program ends").into()
    }

    #[track_caller]
    pub(crate) fn ends(self, status: i32) -> Self {
        assert_eq!(self.status, status, "out: {}\nerr: {}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            let said = self.out.contains(part) || self.err.contains(part);
            assert!(
                said,
                "nobody said {part:?}\nout: {}\nerr: {}",
                self.out, self.err
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {}", self.out))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("no signal ended it"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// An installation made by `nac init`.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let site = Self { folder };
        let target = site.path("nac");
        let target = target.to_str().expect("text");
        site.run_bare(&["init", target, "--yes", "--name", "radius.test"])
            .ends(0);
        site
    }

    /// A path in the folder around the installation.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in the installation.
    pub(crate) fn installed(&self, name: &str) -> PathBuf {
        self.path("nac").join(name)
    }

    /// Writes a file beside the installation and gives its path as text.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("text").to_owned()
    }

    /// Runs a command on the installation.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }

    /// Runs a command on the installation with this on its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let config = self.installed("nac.toml");
        Run::of(nac().arg("--config").arg(config).args(arguments), input)
    }

    /// Runs a command and reads its JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        self.run(&arguments).ends(0).json()
    }

    /// Runs a command without naming the configuration.
    pub(crate) fn run_bare(&self, arguments: &[&str]) -> Run {
        Run::of(nac().current_dir(self.folder.path()).args(arguments), "")
    }
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}
