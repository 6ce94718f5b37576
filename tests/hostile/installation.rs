//! What `nac init` made, before anybody serves it: for starts that must fail, and for servers with a limit on something.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nac_test_support::directory::TestDirectory;
use nac_test_support::exchange::Exchange;
use nac_test_support::service::Service;
use nac_test_support::subject::free_ports;
use nac_test_support::wire::{Packet, attribute, code};
use nac_test_support::{cast, program, wait};

use crate::ground::{SOON, read_only};

/// The user and group that own nothing.
const NOBODY: u32 = 65_534;

/// An installation with free ports.
pub(crate) struct Installation {
    pub(crate) auth: SocketAddr,
    pub(crate) acct: SocketAddr,
    pub(crate) portal: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) metrics: SocketAddr,
    directory: TestDirectory,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) said: String,
}

impl Installation {
    pub(crate) fn new() -> Self {
        let directory = TestDirectory::new("hostile");
        let home = directory.path().join("home");
        program::run(
            Command::new(program::nac())
                .arg("init")
                .arg(&home)
                .arg("--yes"),
        );
        let [auth, acct, portal, admin, metrics] = free_ports();
        let site = Self {
            auth,
            acct,
            portal,
            admin,
            metrics,
            directory,
        };
        for (section, key, address) in [
            ("radius", "listen_auth", auth),
            ("radius", "listen_acct", acct),
            ("portal", "listen", portal),
            ("admin", "listen", admin),
            ("metrics", "listen", metrics),
        ] {
            site.set(section, key, &address.to_string());
        }
        site.set("radius", "reject_delay", "0s");
        site
    }

    /// With the client 127.0.0.0/8, Alice, and a policy that lets her in by any method.
    pub(crate) fn with_cast() -> Self {
        let site = Self::new();
        let secret = site.directory.write_private("secret", cast::SECRET);
        let secret = secret.display().to_string();
        site.nac(
            &[
                "client",
                "add",
                "lab",
                "--address",
                "127.0.0.0/8",
                "--secret-file",
                &secret,
            ],
            "",
        );
        let alice = [
            "user",
            "add",
            cast::USER,
            "--group",
            "staff",
            "--password-stdin",
            "--mschap",
        ];
        site.nac(&alice, cast::PASSWORD);
        let policy = "@id(\"staff\") @segment(\"staff\") @order(\"1\")\n\
                      permit (principal in Group::\"staff\", action == Action::\"connect\", resource);\n";
        let policy = site.directory.write("policy.cedar", policy);
        site.nac(&["policy", "apply", &policy.display().to_string()], "");
        site
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.home().join("nac.toml")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.home().join("nac.db")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.home().join("sealing.key")
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Sets a key of `nac.toml`.
    pub(crate) fn set(&self, section: &str, key: &str, value: &str) {
        let text = std::fs::read_to_string(self.config()).expect("`nac init` writes nac.toml");
        let mut table: toml::Table = text.parse().expect("`nac init` writes TOML");
        let section = table[section].as_table_mut().expect("a section is a table");
        section.insert(key.to_owned(), value.into());
        std::fs::write(self.config(), table.to_string()).expect("the file is ours");
    }

    /// Runs a command of the administrator.
    pub(crate) fn nac(&self, arguments: &[&str], input: &str) {
        let mut command = Command::new(program::nac());
        command.arg("--config").arg(self.config()).args(arguments);
        let ended = run(&mut command, input);
        assert_eq!(ended.status, Some(0), "{arguments:?}: {}", ended.said);
    }

    /// `nac serve`, which is expected to end by itself.
    pub(crate) fn start(&self) -> Ended {
        let mut command = Command::new(program::nac());
        command.arg("serve").arg("--config").arg(self.config());
        run(&mut command, "")
    }

    /// The same as a user who owns nothing but the installation, whoever runs the tests.
    pub(crate) fn start_as_nobody(&self) -> Ended {
        let mut command = self.as_nobody();
        command.arg("serve").arg("--config").arg(self.config());
        run(&mut command, "")
    }

    /// The program as somebody whom file permissions bind.
    pub(crate) fn as_nobody(&self) -> Command {
        if !is_root() {
            return Command::new(program::nac());
        }
        // The build directory may be closed to others.
        let copy = self.directory.path().join("nac");
        if !copy.exists() {
            std::fs::copy(program::nac(), &copy).expect("the program can be copied");
            std::fs::set_permissions(self.directory.path(), mode(0o755)).expect("it is ours");
        }
        let mut command = Command::new(program::peer("setpriv", "util-linux"));
        command
            .args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")])
            .arg("--clear-groups")
            .arg(copy);
        command
    }

    /// Gives everything in the home folder to the user of [`Self::as_nobody`].
    pub(crate) fn give_away(&self) {
        if is_root() {
            let mut folders = vec![self.home()];
            while let Some(path) = folders.pop() {
                chown(&path, Some(NOBODY), Some(NOBODY)).expect("root may");
                if path.is_dir() {
                    let inside = std::fs::read_dir(&path).expect("root may");
                    folders.extend(inside.flatten().map(|entry| entry.path()));
                }
            }
        }
    }

    /// `nac serve` as arguments of `prefix`, waited for until it serves.
    pub(crate) fn serve_under(&self, prefix: &[&str]) -> Service {
        let nac = program::nac();
        let mut words: Vec<std::ffi::OsString> = prefix.iter().map(Into::into).collect();
        words.extend([
            nac.into(),
            "serve".into(),
            "--config".into(),
            self.config().into(),
        ]);
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().expect("there is a program"));
        command.args(words);
        let runs = std::fs::read_dir(self.directory.path()).map_or(0, Iterator::count);
        let log = self.directory.path().join(format!("serve-{runs}.log"));
        let service = Service::start(&command, &log, None);
        service.wait_ready(SOON, || service.log().contains(" serving "));
        service
    }

    pub(crate) fn serve(&self) -> Service {
        self.serve_under(&[])
    }

    /// Sends an Accounting-Request that starts a session; gives the code of the answer if one comes.
    pub(crate) fn account(&self, session: &str) -> Option<u8> {
        let client = Exchange::new(self.acct, cast::SECRET);
        let request = client
            .request(code::ACCOUNTING_REQUEST, 1)
            .with(attribute::ACCT_STATUS_TYPE, 1_u32.to_be_bytes())
            .with(attribute::ACCT_SESSION_ID, session);
        client.send(&request.bytes());
        let reply = client.receive(Duration::from_secs(2))?;
        Packet::parse(&reply).map(|reply| reply.code)
    }

    /// How many accounting records name this session.
    pub(crate) fn records(&self, session: &str) -> i64 {
        let sql = "SELECT COUNT(*) FROM accounting WHERE acct_session_id = ?1";
        read_only(&self.database())
            .query_row(sql, [session], |row| row.get(0))
            .expect("records can be counted")
    }

    /// Changes the database behind the program's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.database()).expect("it is a database");
        database.execute_batch(sql).expect("the statement is right");
    }

    /// Every file of the installation with a sum of its content.
    pub(crate) fn content(&self) -> BTreeMap<PathBuf, u64> {
        files(&self.home())
    }
}

impl Ended {
    /// It ended with status 3 and one message that says all of `words`, in plain text.
    pub(crate) fn cannot(&self, words: &[&str]) {
        assert_eq!(self.status, Some(3), "{}", self.said);
        for word in words {
            assert!(
                self.said.contains(word),
                "`{word}` is missing in: {}",
                self.said
            );
        }
        let messages = self
            .said
            .lines()
            .filter(|line| line.starts_with("nac: "))
            .count();
        assert_eq!(messages, 1, "one message: {}", self.said);
        for word in ["panicked", "RUST_BACKTRACE", "Error(", "\x1b"] {
            assert!(
                !self.said.contains(word),
                "`{word}` is no word for people: {}",
                self.said
            );
        }
    }
}

/// Runs a program to its end, which comes within [`SOON`] or by force.
pub(crate) fn run(command: &mut Command, input: &str) -> Ended {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut process = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    if let Some(mut pipe) = process.stdin.take() {
        // A command that does not read its input closes the pipe.
        let _ = pipe.write_all(input.as_bytes());
    }
    let mut status = None;
    let ended = wait::until(SOON, || {
        status = process.try_wait().expect("a child can be waited for");
        status.is_some()
    });
    if !ended {
        let _ = process.kill();
        let _ = process.wait();
    }
    let mut said = String::new();
    if let Some(mut pipe) = process.stderr.take() {
        let _ = pipe.read_to_string(&mut said);
    }
    let status = status.and_then(|status| status.code());
    Ended { status, said }
}

/// Every file under a folder with a sum of its content; folders have none, and SQLite's working files are left out.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path.clone());
                found.insert(path, 0);
            } else if !is_working_file(&path) {
                let mut sum = DefaultHasher::new();
                std::fs::read(&path).unwrap_or_default().hash(&mut sum);
                found.insert(path, sum.finish());
            }
        }
    }
    found
}

/// SQLite's log and its index, which come and go.
fn is_working_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with("-wal") || name.ends_with("-shm")
}

pub(crate) fn mode(bits: u32) -> std::fs::Permissions {
    std::fs::Permissions::from_mode(bits)
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}
