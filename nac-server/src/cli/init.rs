//! `nac init DIR`: a complete installation in one step, or nothing at all.

mod files;
mod furnish;
mod next_steps;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use nac_portal::input::secret;
use nac_store::{CertificateKind, SealingKey, Store};
use serde::Serialize;

pub(super) use files::{Workshop, refuse_existing, write_new};
pub use furnish::{Furnished, furnish};
pub(super) use next_steps::own_address;

use super::{Answer, Context, Failure, Outcome, input, output};

/// Clients that install no updates must not outlive it, and Apple refuses longer-lived servers.
const SERVER_LIFETIME_DAYS: u32 = 825;

const EXAMPLES: &str = "\
Examples:
  nac init /etc/nac --name radius.example.org
  nac init ./try --yes";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InitArguments {
    /// The folder to create
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Create it without asking
    #[arg(long)]
    yes: bool,
    /// The name or address by which endpoints reach this server; may be given several times
    #[arg(long = "name", value_name = "HOST")]
    names: Vec<String>,
    /// The database, instead of a SQLite file in the folder (postgres://user:password@host/name)
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// What [`create`] made.
#[derive(Clone, Debug, Serialize)]
pub struct Created {
    /// The folder.
    pub folder: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
    /// The certificate of the authority, for supplicants and endpoints.
    pub ca_certificate: PathBuf,
    /// Its SHA-256 fingerprint as people compare it.
    pub ca_fingerprint_sha256: String,
    /// The file with osquery's first enrolment secret.
    pub enroll_secret: PathBuf,
    /// The one-time link that makes the first administrator; it works for a day.
    pub admin_link: String,
    /// The names in the server's certificate.
    pub server_names: Vec<String>,
}

pub(super) async fn run(context: &Context, arguments: InitArguments) -> Outcome {
    let folder = std::path::absolute(&arguments.folder)
        .map_err(|error| Failure::file("find", &arguments.folder, &error))?;
    refuse_existing(&folder)?;
    let names = server_names(&arguments.names);
    let question = format!("{}Create this?", plan(&folder, &names));
    input::confirm(&question, arguments.yes)?;
    let created = create(&folder, &names, arguments.database.as_deref()).await?;
    if context.json() {
        output::print_json(&created)?;
    } else {
        output::print(&next_steps::text(&created))?;
    }
    Ok(Answer::Yes)
}

/// Creates an installation in `folder`, which must not exist or be empty. It is built beside its place and
/// moved there when it is complete, so that a failure leaves nothing behind.
///
/// # Errors
/// When the folder has something in it, cannot be written, or the database cannot be made.
pub async fn create(
    folder: &Path,
    names: &[String],
    database: Option<&str>,
) -> Result<Created, Failure> {
    refuse_existing(folder)?;
    let workshop = Workshop::beside(folder)?;
    let key = SealingKey::generate().map_err(nac_store::StoreError::from)?;
    key.write_new(workshop.path("sealing.key"))
        .map_err(nac_store::StoreError::from)?;

    let url = database.map_or_else(
        || format!("sqlite://{}", workshop.path("nac.db").display()),
        str::to_owned,
    );
    let store = Store::open(&url, Some(key)).await?;
    let filled = fill(&store, &workshop, names).await;
    store.close().await;
    let (fingerprint, admin_link) = filled?;

    workshop.write_public("nac.toml", &next_steps::configuration(names, database))?;
    workshop.protect(&["nac.toml", "nac.db"])?;
    workshop.move_to(folder)?;
    Ok(Created {
        config: folder.join("nac.toml"),
        ca_certificate: folder.join("ca.crt"),
        enroll_secret: folder.join("osquery-enroll-secret"),
        folder: folder.to_owned(),
        ca_fingerprint_sha256: fingerprint,
        admin_link,
        server_names: names.to_vec(),
    })
}

/// Fills the database and writes the files that belong to it; gives the authority's fingerprint and the
/// first administrator's link.
async fn fill(
    store: &Store,
    workshop: &Workshop,
    names: &[String],
) -> Result<(String, String), Failure> {
    furnish(store).await?;
    let authority = authority(store).await?;
    workshop.write_public("ca.crt", authority.certificate_pem())?;

    let now_us = output::now_us();
    let issued = authority.issue_server(names, now_us / 1_000_000, SERVER_LIFETIME_DAYS)?;
    workshop.folder("tls")?;
    workshop.write_public("tls/server.crt", &issued.certificate_pem)?;
    workshop.write_secret("tls/server.key", &issued.key_pem)?;
    let name = names.first().map_or("server", String::as_str);
    store
        .certificate_add(&record(&issued, CertificateKind::Server, name, now_us))
        .await?;

    let enroll = secret::generate(32)?;
    workshop.write_secret("osquery-enroll-secret", &enroll)?;
    store
        .enroll_secret_add(
            FIRST_ENROLL_SECRET,
            &sha256_hex(enroll.as_bytes()),
            None,
            None,
        )
        .await?;
    let admin_link = super::invite(
        store,
        FIRST_ADMIN_URL,
        nac_store::Role::Owner,
        None,
        "nac init",
        now_us + FIRST_ADMIN_LIFETIME_US,
    )
    .await?;
    Ok((authority.fingerprint_sha256(), admin_link))
}

/// Where the admin pages of a new installation are.
const FIRST_ADMIN_URL: &str = "https://localhost:9443";
/// How long the first administrator's link works.
const FIRST_ADMIN_LIFETIME_US: i64 = 86_400_000_000;

/// The name of the enrolment secret that `nac init` makes.
const FIRST_ENROLL_SECRET: &str = "first";

pub(super) use nac_portal::input::certificate::{authority, record};

/// How tokens are stored: never themselves.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

/// The names for the server's certificate: those given, else this machine's; and always those by which
/// the machine reaches itself.
fn server_names(given: &[String]) -> Vec<String> {
    let mut names = given.to_vec();
    if names.is_empty() {
        names.push(next_steps::host_name());
    }
    let own = own_address()
        .filter(|address| !address.is_loopback())
        .map(|a| a.to_string());
    let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    for name in own.into_iter().chain(always) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn plan(folder: &Path, names: &[String]) -> String {
    let entries = [
        ("nac.toml", "configuration"),
        (
            "nac.db",
            "SQLite database: segments, starter policy, sealed certificate authority",
        ),
        (
            "sealing.key",
            "the key that unseals the secrets in the database",
        ),
        (
            "ca.crt",
            "the authority's certificate, for supplicants and endpoints",
        ),
        (
            "tls/server.crt, tls/server.key",
            "certificate and key of this server",
        ),
        (
            "osquery-enroll-secret",
            "what an endpoint's osquery shows when it enrols",
        ),
    ];
    let width = entries
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    let mut text = format!("{}\n", folder.display());
    for (name, what) in entries {
        text.push_str(&format!("  {name:width$}  {what}\n"));
    }
    text.push_str(&format!("for the names {}\n", names.join(", ")));
    text
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.folder.display())
    }
}
