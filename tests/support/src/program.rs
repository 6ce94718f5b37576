//! Where the programs are: ours in the target directory, the peers on the path.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the repository")
        .to_owned()
}

/// The program `nac` of the same build profile as this test, or the one that `NAC_TEST_PROGRAM` names.
///
/// # Panics
///
/// When it has not been built; the message says how to build it.
#[must_use]
pub fn nac() -> PathBuf {
    if let Some(path) = std::env::var_os("NAC_TEST_PROGRAM") {
        let path = PathBuf::from(path);
        assert!(
            path.is_file(),
            "NAC_TEST_PROGRAM names {}, which is no file",
            path.display()
        );
        return path;
    }
    let this = std::env::current_exe().expect("a running test knows its own path");
    // target/<profile>/deps/<test> and target/<profile>/<bin> both lie beside target/<profile>/nac.
    let found = this
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("nac"))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "the program `nac` is not built beside {}; run `cargo build --workspace --all-targets` first, \
             or name one with NAC_TEST_PROGRAM",
            this.display()
        )
    })
}

/// A peer program from a Debian package.
///
/// # Panics
///
/// When it is not on the path, naming the package that brings it.
#[must_use]
pub fn peer(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("`{name}` is missing: install the package {package}, or run `tests/run setup`")
    })
}

/// The same command, kept to these cores.
#[must_use]
pub fn on_cores(cores: Option<&str>, command: Command) -> Command {
    let Some(cores) = cores else {
        return command;
    };
    let mut kept = Command::new(peer("taskset", "util-linux"));
    kept.args(["-c", cores])
        .arg(command.get_program())
        .args(command.get_args());
    kept
}

/// Runs a program to its end and returns what it printed.
///
/// # Panics
///
/// When it cannot be started or does not exit with 0; the message holds everything it said.
pub fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
