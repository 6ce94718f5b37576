//! One temporary directory per server, kept when a test fails.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};

/// The directories of this process; a failing test marks all of them to be kept.
static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

thread_local! {
    static FAILURE_EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// The file whose presence keeps a directory.
const KEEP: &str = "keep";

/// A directory that disappears with its owner unless a test of this process has failed.
#[derive(Debug)]
pub struct TestDirectory {
    path: PathBuf,
}

impl TestDirectory {
    /// A new directory under the system's temporary folder.
    ///
    /// # Panics
    ///
    /// When it cannot be created.
    #[must_use]
    pub fn new(what: &str) -> Self {
        keep_on_panic();
        let path = tempfile::Builder::new()
            .prefix(&format!("nac-{what}-"))
            .tempdir()
            .expect("a temporary directory can be created")
            .keep();
        if let Ok(mut live) = LIVE.lock() {
            live.push(path.clone());
        }
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it, written now.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        std::fs::write(&path, content)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// A file in it that only its owner may read, written now.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write_private(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(name, content);
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, mode).expect("its owner may change the mode");
        path
    }
}

impl Drop for TestDirectory {
    #[expect(
        clippy::print_stderr,
        reason = "tells where the evidence of a failed test is"
    )]
    fn drop(&mut self) {
        if self.path.join(KEEP).exists() {
            eprintln!("kept for inspection: {}", self.path.display());
        } else {
            // A directory that cannot be removed is no reason to fail a test that passed.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Runs `case` without keeping directories when it panics: the caller expects that it does.
pub fn expecting_failure<T>(case: impl FnOnce() -> T) -> T {
    FAILURE_EXPECTED.set(true);
    let outcome = case();
    FAILURE_EXPECTED.set(false);
    outcome
}

fn keep_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if FAILURE_EXPECTED.get() {
                return;
            }
            for path in LIVE.lock().iter().flat_map(|live| live.iter()) {
                let _ = std::fs::write(path.join(KEEP), "a test failed\n");
            }
            default(panic);
        }));
    });
}
