//! One installation: what `nac init` made, the running server, and the administrator's command line.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use nac_test_support::directory::TestDirectory;
use nac_test_support::pki::Credential;
use nac_test_support::service::Service;
use nac_test_support::subject::free_ports;
use nac_test_support::{cast, postgres, program, wait};
use rusqlite::Connection;
use serde_json::Value;

/// How long the server may take to do what it should do at once. Generous: the machine may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// How long silence must last to count as silence.
pub(crate) const QUIET: Duration = Duration::from_millis(600);

/// The installation. Dropping it ends the server.
pub(crate) struct Site {
    pub(crate) auth: SocketAddr,
    pub(crate) acct: SocketAddr,
    pub(crate) portal: SocketAddr,
    pub(crate) admin: SocketAddr,
    metrics: SocketAddr,
    /// Its database, where that is not the SQLite file beside the configuration.
    postgres: Option<String>,
    service: RefCell<Option<Service>>,
    // Dropped after the service.
    directory: TestDirectory,
}

/// Another server of an installation. Dropping it ends it.
pub(crate) struct Neighbour {
    pub(crate) auth: SocketAddr,
    _service: Service,
}

impl Site {
    /// A new installation with the starter policy, serving.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// The same with more keys in `nac.toml`: text of whole sections.
    pub(crate) fn start_with(sections: &str) -> Self {
        let directory = TestDirectory::new("story");
        let home = directory.path().join("home");
        let mut init = Command::new(program::nac());
        init.arg("init").arg(&home).arg("--yes");
        let [auth, acct, portal, admin, metrics] = free_ports();
        let postgres = create_database(auth.port());
        if let Some(url) = &postgres {
            init.args(["--database", url]);
        }
        program::run(&mut init);
        let site = Self {
            auth,
            acct,
            portal,
            admin,
            metrics,
            postgres,
            service: RefCell::new(None),
            directory,
        };
        let listeners = format!(
            "[radius]\nlisten_auth = \"{auth}\"\nlisten_acct = \"{acct}\"\nreject_delay = 0\n\
             [portal]\nlisten = \"{portal}\"\npublic_name = \"localhost\"\n\
             [admin]\nlisten = \"{admin}\"\n[metrics]\nlisten = \"{metrics}\"\n{sections}"
        );
        site.configure(|table| {
            let more: toml::Table = listeners.parse().expect("the story's keys are TOML");
            for (section, keys) in more {
                let known = table
                    .entry(section)
                    .or_insert_with(|| toml::Value::Table(toml::Table::new()));
                if let (toml::Value::Table(known), toml::Value::Table(keys)) = (known, keys) {
                    known.extend(keys);
                }
            }
        });
        site.directory.write_private("secret", cast::SECRET);
        site.serve();
        site
    }

    /// Rewrites `nac.toml`.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut toml::Table)) {
        let text = std::fs::read_to_string(self.config()).expect("`nac init` writes nac.toml");
        let mut table: toml::Table = text.parse().expect("`nac init` writes TOML");
        change(&mut table);
        self.write_config(&table.to_string());
    }

    /// Replaces `nac.toml` by any text.
    pub(crate) fn write_config(&self, text: &str) {
        std::fs::write(self.config(), text).expect("the file is ours");
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.home().join("nac.toml")
    }

    /// The folder that `nac init` made.
    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// The built-in authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.home().join("ca.crt")
    }

    /// The file with the shared secret of every switch.
    pub(crate) fn secret_file(&self) -> PathBuf {
        self.directory.path().join("secret")
    }

    /// Starts the server and waits until it serves.
    pub(crate) fn serve(&self) {
        let mut command = Command::new(program::nac());
        command.arg("serve").arg("--config").arg(self.config());
        let mut service = self.service.borrow_mut();
        let run = self.directory.path().join(format!(
            "serve-{}.log",
            std::fs::read_dir(self.directory.path()).map_or(0, Iterator::count)
        ));
        let started = Service::start(&command, &run, None);
        started.wait_ready(Duration::from_secs(30), || {
            started.log().contains("serving")
        });
        *service = Some(started);
    }

    /// Ends the server without any warning, as a power cut would.
    pub(crate) fn kill(&self) {
        let service = self.service.borrow_mut().take().expect("it runs");
        service.signal("KILL");
        assert!(
            wait::until(SOON, || !service.is_running()),
            "SIGKILL ends it"
        );
    }

    /// Sends SIGHUP and waits for a line with `words` that was not there before.
    pub(crate) fn reload(&self, words: &str) {
        let count = |site: &Self| site.log().matches(words).count();
        let before = count(self);
        self.service
            .borrow()
            .as_ref()
            .expect("it runs")
            .signal("HUP");
        assert!(
            wait::until(SOON, || count(self) > before),
            "no line `{words}` after SIGHUP:\n{}",
            self.log()
        );
    }

    /// What the running server has logged.
    pub(crate) fn log(&self) -> String {
        self.service
            .borrow()
            .as_ref()
            .map(Service::log)
            .unwrap_or_default()
    }

    /// What Prometheus would read.
    pub(crate) fn metrics(&self) -> String {
        let mut connection = TcpStream::connect(self.metrics).expect("the metrics are served");
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        connection.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Runs `nac --config … ARGUMENTS`, which must work, beside the server.
    pub(crate) fn nac(&self, arguments: &[&str]) -> String {
        self.nac_with_input(arguments, "")
    }

    /// The same with something on standard input.
    pub(crate) fn nac_with_input(&self, arguments: &[&str], input: &str) -> String {
        let output = self.try_nac(arguments, input);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "nac {arguments:?}: {}\n{said}{complained}",
            output.status
        );
        said
    }

    /// The same where failing is one of the answers.
    pub(crate) fn try_nac(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("nac can be started");
        if let Some(mut pipe) = process.stdin.take() {
            // A command that does not read its input closes the pipe.
            let _ = pipe.write_all(input.as_bytes());
        }
        process.wait_with_output().expect("it was started")
    }

    /// `nac --config … ARGUMENTS`, to be started by the story.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program::nac());
        command.arg("--config").arg(self.config()).args(arguments);
        command
    }

    /// A member of staff with the usual password.
    pub(crate) fn staff(&self, name: &str) {
        let arguments = [
            "user",
            "add",
            name,
            "--group",
            "staff",
            "--password-stdin",
            "--mschap",
        ];
        self.nac_with_input(&arguments, cast::PASSWORD);
    }

    /// Issues a certificate, `--user` or `--device`.
    pub(crate) fn certificate(&self, holder: &str, name: &str) -> Credential {
        let out = self.directory.path().join("issued");
        self.nac(&[
            "certificate",
            "issue",
            holder,
            name,
            "--out",
            &out.display().to_string(),
        ]);
        Credential {
            certificate: out.join(format!("{name}.crt")),
            key: out.join(format!("{name}.key")),
        }
    }

    /// Applies a policy.
    pub(crate) fn apply_policy(&self, text: &str) {
        let file = self.directory.write("policy.cedar", text);
        self.nac(&["policy", "apply", &file.display().to_string()]);
    }

    /// The text of the policy in force.
    pub(crate) fn policy(&self) -> String {
        self.nac(&["policy", "show"])
    }

    /// The newest decision about somebody, as `nac why --json` tells it.
    pub(crate) fn why(&self, subject: &str) -> Value {
        let output = self.try_nac(&["why", subject, "--json"], "");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// The newest decision, once `condition` holds.
    pub(crate) fn why_once(&self, subject: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = wait::until(SOON, || {
            last = self.why(subject);
            condition(&last)
        });
        assert!(found, "`nac why {subject}` still says {last:#}");
        last
    }

    /// The decision about somebody that `event` brings about. It is written down a little later than it is answered, and until
    /// then the newest is an older one.
    pub(crate) fn why_after<T>(&self, subject: &str, event: impl FnOnce() -> T) -> (T, Value) {
        let began = UNIX_EPOCH
            .elapsed()
            .expect("a clock after 1970")
            .as_micros();
        let happened = event();
        let why = self.why_once(subject, |why| {
            why["at_us"]
                .as_u64()
                .is_some_and(|at| u128::from(at) >= began)
        });
        (happened, why)
    }

    /// Everything that the database holds; the server is down.
    pub(crate) fn dump(&self) -> Vec<u8> {
        let Some(url) = &self.postgres else {
            return std::fs::read(self.home().join("nac.db")).expect("a SQLite file");
        };
        let mut command = Command::new(program::peer("pg_dump", "postgresql-client"));
        program::run(command.arg(url)).into_bytes()
    }

    /// The number that a query of one row and column gives; the server is down.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        if let Some(url) = &self.postgres {
            return postgres::query(url, sql).trim().parse().expect("a number");
        }
        let database = Connection::open(self.home().join("nac.db")).expect("a SQLite file");
        database
            .query_row(sql, [], |row| row.get(0))
            .expect("a number")
    }

    /// Changes the database behind everybody's back; the server is down.
    pub(crate) fn tamper(&self, sql: &str) {
        if let Some(url) = &self.postgres {
            let mut command = Command::new(program::peer("psql", "postgresql-client"));
            program::run(command.args(["-q", "-c", sql, url]));
            return;
        }
        let database = Connection::open(self.home().join("nac.db")).expect("a SQLite file");
        database.execute_batch(sql).expect("a statement");
    }

    /// A second server on the same database, with the same key and certificates.
    pub(crate) fn beside(&self) -> Neighbour {
        let home = self.directory.path().join("beside");
        std::fs::create_dir_all(home.join("tls")).expect("a folder");
        for file in [
            "ca.crt",
            "sealing.key",
            "tls/server.crt",
            "tls/server.key",
            "nac.toml",
        ] {
            std::fs::copy(self.home().join(file), home.join(file)).expect("`nac init` made it");
        }
        let config = home.join("nac.toml");
        let text = std::fs::read_to_string(&config).expect("copied");
        let mut table: toml::Table = text.parse().expect("TOML");
        let [auth, acct, portal, admin, metrics] = free_ports();
        let listeners = [
            ("radius", "listen_auth", auth),
            ("radius", "listen_acct", acct),
            ("portal", "listen", portal),
            ("admin", "listen", admin),
            ("metrics", "listen", metrics),
        ];
        let mut set = |section: &str, key: &str, value: String| {
            let section = table[section].as_table_mut().expect("a section");
            section.insert(key.to_owned(), value.into());
        };
        for (section, key, address) in listeners {
            set(section, key, address.to_string());
        }
        if self.postgres.is_none() {
            let file = self.home().join("nac.db");
            set("database", "url", format!("sqlite://{}", file.display()));
        }
        std::fs::write(&config, table.to_string()).expect("the file is ours");
        let mut command = Command::new(program::nac());
        command.arg("serve").arg("--config").arg(config);
        let service = Service::start(&command, &self.directory.path().join("beside.log"), None);
        service.wait_ready(Duration::from_secs(30), || {
            service.log().contains("serving")
        });
        Neighbour {
            auth,
            _service: service,
        }
    }

    /// A file of the story.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// With `NAC_TEST_POSTGRES`, as for the tests of the store, every story has a database of its own there.
fn create_database(number: u16) -> Option<String> {
    let server = std::env::var("NAC_TEST_POSTGRES").ok()?;
    let name = format!("story_{}_{number}", std::process::id());
    Some(postgres::create_database(&server, &name))
}

/// The newest enforcement in what `nac why --json` said.
pub(crate) fn enforcement(why: &Value) -> &Value {
    why["enforcements"]
        .as_array()
        .and_then(|all| all.iter().max_by_key(|one| one["created_us"].as_i64()))
        .unwrap_or(&Value::Null)
}

/// Whether the newest answer put the session there, and proved the newest enforcement by it.
pub(crate) fn has_moved_to(why: &Value, segment: &str) -> bool {
    why["segment"] == segment && enforcement(why)["to_segment"] == segment && is(why, "proven")
}

/// Whether the newest enforcement is in this state.
pub(crate) fn is(why: &Value, state: &str) -> bool {
    enforcement(why)["state"] == state
}
