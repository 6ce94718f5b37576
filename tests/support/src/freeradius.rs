//! FreeRADIUS 3.2 from the Debian package, with a configuration made for the occasion.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::cast;
use crate::directory::TestDirectory;
use crate::pki::{Credential, TestAuthority, unknown_authority};
use crate::postgres;
use crate::program;
use crate::service::Service;
use crate::subject::{Account, Plan, free_ports, is_answering};

const CONFIG: &str = include_str!("../freeradius/radiusd.conf");
/// What a reject may carry; the rest of what SQL gave before the password was checked is taken out.
const ACCESS_REJECT: &str = "DEFAULT
\tEAP-Message =* ANY,
\tState =* ANY,
\tMessage-Authenticator =* ANY,
\tReply-Message =* ANY,
\tMS-CHAP-Error =* ANY,
\tProxy-State =* ANY
";
const SCHEMA: &str = include_str!("../freeradius/schema.sql");

/// A running FreeRADIUS.
#[derive(Debug)]
pub struct FreeRadius {
    /// Where it takes Access-Requests.
    pub auth: SocketAddr,
    /// Where it takes Accounting-Requests.
    pub acct: SocketAddr,
    /// Where it takes RADIUS over TLS.
    pub radsec: SocketAddr,
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
    // Dropped after the service.
    directory: TestDirectory,
}

impl FreeRadius {
    /// Writes the configuration, starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start(plan: &Plan, unguarded: bool) -> Self {
        let directory = TestDirectory::new("freeradius");
        let mut authority = TestAuthority::new("Test CA");
        let _server = authority.issue_server(&directory, "server");
        let (credential, _) = authority.issue_client(&directory, cast::USER);
        let (revoked, serial) = authority.issue_client(&directory, cast::REVOKED_USER);
        let (nas, _) = authority.issue_client(&directory, cast::NAS);
        let ca = directory.write("ca.pem", authority.certificate_pem());
        let trusted = format!(
            "{}{}",
            authority.certificate_pem(),
            authority.revocation_list(&[serial])
        );
        directory.write("trusted.pem", trusted);
        std::fs::create_dir(directory.path().join("sessions")).expect("the directory is new");
        directory.write("dictionary", "");
        directory.write("access_reject", ACCESS_REJECT);
        directory.write("schema.sql", format!("{SCHEMA}{}", rows(plan)));
        directory.write(
            "users",
            if plan.flat_file {
                flat(plan)
            } else {
                String::new()
            },
        );

        let [auth, acct, radsec] = free_ports();
        let database = plan.database.as_ref().map(|server| {
            let url = postgres::create_database(server, &format!("freeradius_{}", auth.port()));
            let schema = format!("{SCHEMA}{}", rows(plan)).replace("id INTEGER", "id BIGSERIAL");
            postgres::query(&url, &schema);
            url
        });
        let config = CONFIG
            .replace("@AUTH_PORT@", &auth.port().to_string())
            .replace("@ACCT_PORT@", &acct.port().to_string())
            .replace("@RADSEC_PORT@", &radsec.port().to_string())
            .replace("@SECRET@", cast::SECRET)
            .replace("@REGISTRATION_VLAN@", cast::REGISTRATION_VLAN)
            .replace("@USERS@", if plan.flat_file { "files" } else { "sql" })
            .replace("@DRIVER@", &database.as_deref().map_or_else(sqlite, driver))
            .replace("@DIR@", &directory.path().display().to_string())
            .replace("@CHECK_CRL@", if plan.revocation { "yes" } else { "no" })
            .replace("@RESUMPTION@", if plan.resumption { "yes" } else { "no" });
        directory.write("radiusd.conf", config);

        let mut command = Command::new(program::peer("freeradius", "freeradius"));
        command
            .args(["-f", "-n", "radiusd", "-d"])
            .arg(directory.path());
        let command = program::on_cores(plan.cores.as_deref(), command);
        let remove = unguarded.then(|| directory.path());
        let service = Service::start(&command, &directory.path().join("output.log"), remove);
        service.wait_ready(Duration::from_secs(30), || is_answering(auth));
        let unknown_ca = unknown_authority(directory.path());
        Self {
            auth,
            acct,
            radsec,
            ca,
            credential,
            nas,
            revoked,
            unknown_ca,
            service,
            directory,
        }
    }

    /// What it wrote into its log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.directory.path().join("radius.log"));
        log.unwrap_or_default() + &self.service.log()
    }
}

/// The driver of users in a file of their own.
fn sqlite() -> String {
    r#"driver = "rlm_sql_sqlite"
		dialect = "sqlite"
		radius_db = "radius"
		sqlite {
			filename = "@DIR@/users.db"
			busy_timeout = 5000
			bootstrap = "@DIR@/schema.sql"
		}"#
    .to_owned()
}

/// The driver of users on a PostgreSQL server (Debian package freeradius-postgresql), which wants libpq's other form of a URL.
fn driver(url: &str) -> String {
    let parts = || {
        let (user, rest) = url.strip_prefix("postgres://")?.split_once('@')?;
        let (host, database) = rest.split_once('/')?;
        let (host, port) = host.split_once(':')?;
        Some(format!(
            "host={host} port={port} user={user} dbname={database}"
        ))
    };
    let place = parts().expect("a URL such as postgres://user@host:port/database");
    format!(
        r#"driver = "rlm_sql_postgresql"
		dialect = "postgresql"
		radius_db = "{place}""#
    )
}

/// The users and devices as a flat file (users(5) of FreeRADIUS).
fn flat(plan: &Plan) -> String {
    let mut text = String::new();
    let mut entry = |name: &str, check: &str, vlan: &str| {
        let _ = writeln!(
            text,
            "{name} {check}\n\tTunnel-Type = VLAN,\n\tTunnel-Medium-Type = IEEE-802,\n\tTunnel-Private-Group-Id = \"{vlan}\""
        );
    };
    for Account { name, password, .. } in &plan.accounts {
        let check = format!("Cleartext-Password := \"{password}\"");
        entry(name, &check, cast::STAFF_VLAN);
    }
    for mac in &plan.printers {
        let [.., name, _, _, _] = cast::mac_formats(*mac);
        entry(&name, "Auth-Type := Accept", cast::PRINTER_VLAN);
    }
    text
}

/// The users and devices as rows. One statement per table: SQLite commits each statement by itself.
fn rows(plan: &Plan) -> String {
    let mut check = Vec::new();
    let mut reply = Vec::new();
    for Account { name, password, .. } in &plan.accounts {
        check.push(format!("('{name}','Cleartext-Password',':=','{password}')"));
        reply.extend(vlan_rows(name, cast::STAFF_VLAN));
    }
    for mac in &plan.printers {
        let [.., name, _, _, _] = cast::mac_formats(*mac);
        check.push(format!("('{name}','Auth-Type',':=','Accept')"));
        reply.extend(vlan_rows(&name, cast::PRINTER_VLAN));
    }
    let mut text = String::new();
    for (table, rows) in [("radcheck", check), ("radreply", reply)] {
        for part in rows.chunks(400) {
            let _ = writeln!(
                text,
                "INSERT INTO {table} (username, attribute, op, value) VALUES {};",
                part.join(",")
            );
        }
    }
    text
}

fn vlan_rows(name: &str, vlan: &str) -> [String; 3] {
    [
        format!("('{name}','Tunnel-Type','=','VLAN')"),
        format!("('{name}','Tunnel-Medium-Type','=','IEEE-802')"),
        format!("('{name}','Tunnel-Private-Group-Id','=','{vlan}')"),
    ]
}
