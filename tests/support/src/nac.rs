//! The program `nac`, driven through its own command line as an administrator would.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cast;
use crate::directory::TestDirectory;
use crate::pki::{Credential, unknown_authority};
use crate::postgres;
use crate::program;
use crate::service::Service;
use crate::subject::{Plan, free_ports, is_answering};

const POLICY: &str = include_str!("../nac/policy.cedar");

/// A running `nac serve`.
#[derive(Debug)]
pub struct Nac {
    /// Where it takes Access-Requests.
    pub auth: SocketAddr,
    /// Where it takes Accounting-Requests.
    pub acct: SocketAddr,
    /// Where it takes RADIUS over TLS.
    pub radsec: SocketAddr,
    /// Where the portal and osquery's API listen.
    pub portal: SocketAddr,
    /// The CA of its certificate.
    pub ca: PathBuf,
    /// The certificate of [`cast::USER`].
    pub credential: Credential,
    /// The certificate of a NAS at 127.0.0.1.
    pub nas: Credential,
    /// The certificate of [`cast::REVOKED_USER`].
    pub revoked: Credential,
    /// A CA that did not sign its certificate.
    pub unknown_ca: PathBuf,
    /// The process.
    pub service: Service,
    config: PathBuf,
    cores: Option<String>,
    // Dropped after the service.
    directory: TestDirectory,
}

impl Nac {
    /// `nac init`, the cast by the command line, `nac serve`.
    ///
    /// # Panics
    ///
    /// When any step fails.
    #[must_use]
    pub fn start(plan: &Plan, unguarded: bool) -> Self {
        let directory = TestDirectory::new("server");
        let home = directory.path().join("home");
        let config = home.join("nac.toml");
        program::run(
            Command::new(program::nac())
                .arg("init")
                .arg(&home)
                .arg("--yes"),
        );
        let [auth, acct, radsec, portal, admin, metrics] = free_ports();
        let listeners = [
            ("radius", "listen_auth", auth),
            ("radius", "listen_acct", acct),
            ("radsec", "listen", radsec),
            ("portal", "listen", portal),
            ("admin", "listen", admin),
            ("metrics", "listen", metrics),
        ];
        let database = plan
            .database
            .as_ref()
            .map(|server| postgres::create_database(server, &format!("nac_{}", auth.port())));
        change(&config, |table| {
            place(table, &listeners, database.as_deref());
        });

        let nac = |arguments: &[&str]| run_with(&config, arguments, "");
        let secret = directory.write_private("secret", cast::SECRET);
        nac(&[
            "client",
            "add",
            "lab",
            "--address",
            "127.0.0.0/8",
            "--secret-file",
            &secret.display().to_string(),
        ]);
        nac(&["segment", "set", "printers", "--vlan", cast::PRINTER_VLAN]);
        import(&config, &directory, plan);
        let policy = directory.write("policy.cedar", POLICY);
        nac(&["policy", "apply", &policy.display().to_string()]);
        let issued = directory.path().join("issued");
        for name in [cast::USER, cast::REVOKED_USER] {
            nac(&[
                "certificate",
                "issue",
                "--user",
                name,
                "--out",
                &issued.display().to_string(),
            ]);
        }
        nac(&[
            "certificate",
            "issue",
            "--nas",
            cast::NAS,
            "--out",
            &issued.display().to_string(),
        ]);
        let credential = |name: &str| Credential {
            certificate: issued.join(format!("{name}.crt")),
            key: issued.join(format!("{name}.key")),
        };
        let nas = credential(cast::NAS);
        let (credential, revoked) = (credential(cast::USER), credential(cast::REVOKED_USER));
        nac(&[
            "certificate",
            "revoke",
            cast::REVOKED_USER,
            "--reason",
            "lost",
        ]);

        let remove = unguarded.then(|| directory.path());
        let service = serve(&config, &directory, remove, auth, plan.cores.as_deref());
        let unknown_ca = unknown_authority(directory.path());
        let ca = issued.join("ca.crt");
        Self {
            auth,
            acct,
            radsec,
            portal,
            ca,
            credential,
            nas,
            revoked,
            unknown_ca,
            service,
            config,
            cores: plan.cores.clone(),
            directory,
        }
    }

    /// Ends the server and starts it again on what it has stored. Gives the time from the start to the first answer.
    ///
    /// # Panics
    ///
    /// When it does not end or does not come back.
    pub fn restart(&mut self) -> Duration {
        assert!(self.service.stop(), "the server ends when it is told to");
        let began = Instant::now();
        let cores = self.cores.as_deref();
        self.service = serve(&self.config, &self.directory, None, self.auth, cores);
        began.elapsed()
    }

    /// Changes `nac.toml`; it counts after [`Self::restart`].
    pub fn configure(&self, changed: impl FnOnce(&mut toml::Table)) {
        change(&self.config, changed);
    }

    /// Runs `nac --config … ARGUMENTS` beside the running server and returns what it printed.
    ///
    /// # Panics
    ///
    /// When it does not end with status 0.
    pub fn command(&self, arguments: &[&str]) -> String {
        run_with(&self.config, arguments, "")
    }

    /// The same with something on standard input.
    ///
    /// # Panics
    ///
    /// When it does not end with status 0.
    pub fn command_with_input(&self, arguments: &[&str], input: &str) -> String {
        run_with(&self.config, arguments, input)
    }

    /// Issues a certificate for a member of staff who is made for it.
    ///
    /// # Panics
    ///
    /// When it cannot be issued.
    #[must_use]
    pub fn issue(&self, name: &str) -> Credential {
        self.command_with_input(
            &["user", "add", name, "--group", "staff", "--password-stdin"],
            cast::PASSWORD,
        );
        let out = self.directory.path().join("issued");
        self.command(&[
            "certificate",
            "issue",
            "--user",
            name,
            "--out",
            &out.display().to_string(),
        ]);
        Credential {
            certificate: out.join(format!("{name}.crt")),
            key: out.join(format!("{name}.key")),
        }
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The directory of this server, for files of a test.
    #[must_use]
    pub fn directory(&self) -> &TestDirectory {
        &self.directory
    }
}

/// `nac serve`, until it answers.
fn serve(
    config: &Path,
    directory: &TestDirectory,
    remove: Option<&Path>,
    auth: SocketAddr,
    cores: Option<&str>,
) -> Service {
    let mut command = Command::new(program::nac());
    command.arg("serve").arg("--config").arg(config);
    let command = program::on_cores(cores, command);
    let service = Service::start(&command, &directory.path().join("serve.log"), remove);
    service.wait_ready(Duration::from_secs(60), || is_answering(auth));
    service
}

/// Users and devices by the import commands: one process for all of them.
fn import(config: &Path, directory: &TestDirectory, plan: &Plan) {
    let mut users = String::from("name,password,groups,mschap\n");
    for account in &plan.accounts {
        let mschap = if account.mschap { "true" } else { "false" };
        users.push_str(&format!(
            "{},{},staff,{mschap}\n",
            account.name, account.password
        ));
    }
    // The holder of the revoked certificate exists: only the certificate is at fault.
    users.push_str(&format!(
        "{},{},staff,false\n",
        cast::REVOKED_USER,
        cast::OTHER_PASSWORD
    ));
    let users = directory.write_private("users.csv", users);
    run_with(
        config,
        &["user", "import", &users.display().to_string()],
        "",
    );
    let mut devices = String::from("mac,owner,labels\n");
    for mac in &plan.printers {
        let [.., spelling, _, _, _] = cast::mac_formats(*mac);
        devices.push_str(&format!("{spelling},,printer\n"));
    }
    let devices = directory.write("devices.csv", devices);
    run_with(
        config,
        &["device", "import", &devices.display().to_string()],
        "",
    );
}

fn run_with(config: &Path, arguments: &[&str], input: &str) -> String {
    use std::io::Write;
    let mut command = Command::new(program::nac());
    command.arg("--config").arg(config).args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    if let Some(mut pipe) = process.stdin.take() {
        // A command that does not read its input closes the pipe; its exit status tells.
        let _ = pipe.write_all(input.as_bytes());
    }
    let output = process
        .wait_with_output()
        .expect("a started process can be waited for");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{said}{complained}",
        output.status
    );
    said
}

/// Changes a configuration file.
fn change(config: &Path, change: impl FnOnce(&mut toml::Table)) {
    let text = std::fs::read_to_string(config).expect("`nac init` writes nac.toml");
    let mut table: toml::Table = text.parse().expect("`nac init` writes valid TOML");
    change(&mut table);
    std::fs::write(config, table.to_string()).expect("the file is ours");
}

/// Puts free ports, and a database if there is one, into the configuration that `nac init` wrote.
fn place(table: &mut toml::Table, listeners: &[(&str, &str, SocketAddr)], database: Option<&str>) {
    let mut set = |section: &str, key: &str, value: String| {
        let entry = table
            .entry(section)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let section = entry.as_table_mut().expect("a section is a table");
        let value = match section.get(key) {
            Some(toml::Value::Array(_)) => toml::Value::Array(vec![value.into()]),
            _ => value.into(),
        };
        section.insert(key.to_owned(), value);
    };
    for (section, key, address) in listeners {
        set(section, key, address.to_string());
    }
    // Tests are refused often, and measure how long things take.
    set("radius", "reject_delay", "0s".to_owned());
    if let Some(url) = database {
        set("database", "url", url.to_owned());
    }
}
