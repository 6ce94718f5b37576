//! `nac certificate`: issue, look at and revoke certificates of the built-in authority.

mod crl;
mod files;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use nac_pki::{ClientSubject, Issued};
use nac_store::{
    Certificate, CertificateKind, Device, DeviceRecord, IdentifierKind, Store, StoreError,
};
use serde_json::json;

use super::init::{authority, record};
use super::output::{Table, answer, count, lines, local_time, note, now_us, print, print_json};
use super::{Answer, Context, Failure, Outcome};
use files::Place;

const ISSUE_EXAMPLES: &str = "\
Examples:
  nac certificate issue --user alice --out ./certificates
  nac certificate issue --device laptop-7 --out ./certificates --days 90
  nac certificate issue --server radius.example.org --out /etc/nac/tls
  nac certificate issue --nas switch-1.example.org --out ./certificates

It writes NAME.crt, NAME.key (readable by you only) and ca.crt into the folder. The private key is not
stored anywhere else.";

const REVOKE_EXAMPLES: &str = "\
Examples:
  nac certificate revoke alice --reason 'laptop lost'
  nac certificate revoke 5d0c8c6a3b0f4d1e9a7b2c3d4e5f6071

A running server refuses it at once, resumed sessions included, and has the sessions that live by it
authenticate again or ends them.";

const CRL_HELP: &str = "\
It reads every source that crl in [eap] names, as the server does, and says until when each list holds. The exit
status is 1 when one cannot be used. The server's own view is in its metrics (nac_revocation_list_…).";

const CLIENT_LIFETIME_DAYS: u32 = 365;
const HOST_LIFETIME_DAYS: u32 = 825;

#[derive(Debug, Subcommand)]
pub(super) enum CertificateCommand {
    /// Issue a certificate and its key
    #[command(after_help = ISSUE_EXAMPLES)]
    Issue(IssueArguments),
    /// Revoke certificates, by serial number or by the name they were issued for
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke {
        /// A serial number, or a name: then all of its certificates
        #[arg(value_name = "SERIAL|NAME")]
        target: String,
        /// Why
        #[arg(long, default_value = "unspecified")]
        reason: String,
    },
    /// Fetch and check the revocation lists of other authorities
    #[command(after_help = CRL_HELP)]
    Crl,
    /// List certificates
    List,
    /// Show one certificate, or all of a name
    Show {
        /// A serial number or a name
        #[arg(value_name = "SERIAL|NAME")]
        target: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct IssueArguments {
    #[command(flatten)]
    holder: Holder,
    /// The folder to write to; it is created when it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How long it is valid, in days
    #[arg(long)]
    days: Option<u32>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Holder {
    /// For a user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// For a device; a device of this name is created when there is none
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// For a RADIUS or HTTPS server; several names separated by commas
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    server: Vec<String>,
    /// For a NAS or a RADIUS proxy that speaks RadSec; several names separated by commas
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    nas: Vec<String>,
}

pub(super) async fn run(context: &Context, command: CertificateCommand) -> Outcome {
    match command {
        CertificateCommand::Issue(arguments) => issue(context, arguments).await,
        CertificateCommand::Revoke { target, reason } => revoke(context, &target, &reason).await,
        CertificateCommand::Crl => crl::run(context).await,
        CertificateCommand::List => list(context).await,
        CertificateCommand::Show { target } => show(context, &target).await,
    }
}

async fn issue(context: &Context, arguments: IssueArguments) -> Outcome {
    let settings = context.settings()?;
    let store = super::open_store(&settings).await?;
    let holder = arguments.holder;
    let mut created = false;
    let (issued, days) = if let Some(user) = &holder.user {
        let place = Place::prepare(&arguments.out, user)?;
        let days = arguments.days.unwrap_or(CLIENT_LIFETIME_DAYS);
        let issued =
            authority(&store)
                .await?
                .issue_client(ClientSubject::User(user), now(), days)?;
        if matches!(
            store.user_fetch(user).await,
            Err(StoreError::NotFound { .. })
        ) {
            note(&format!(
                "there is no user {user}: the policy will see somebody without groups"
            ));
        }
        let certificate = record(&issued, CertificateKind::User, user, now_us());
        (keep(&store, place, issued, certificate).await?, days)
    } else if let Some(name) = &holder.device {
        let place = Place::prepare(&arguments.out, name)?;
        let days = arguments.days.unwrap_or(CLIENT_LIFETIME_DAYS);
        created = store.device_find(name).await?.is_none();
        (issue_for_device(&store, place, name, days).await?, days)
    } else {
        let of_server = !holder.server.is_empty();
        let names = if of_server {
            &holder.server
        } else {
            &holder.nas
        };
        let name = names.first().map(String::as_str).unwrap_or_default();
        let place = Place::prepare(&arguments.out, name)?;
        let authority = authority(&store).await?;
        let days = arguments.days.unwrap_or(HOST_LIFETIME_DAYS);
        let (kind, issued) = if of_server {
            let issued = authority.issue_server(names, now(), days)?;
            (CertificateKind::Server, issued)
        } else {
            (
                CertificateKind::Nas,
                authority.issue_nas(names, now(), days)?,
            )
        };
        let certificate = record(&issued, kind, name, now_us());
        (keep(&store, place, issued, certificate).await?, days)
    };
    let authorities = files::authorities(&store, &settings).await?;
    let ca = files::write_authorities(&arguments.out, &authorities)?;
    let (certificate, place) = issued;
    let shortened = is_shorter(&certificate, days);
    let mut sentence = format!(
        "certificate for {} until {}\n  {}\n  {}\n  {}",
        certificate.name,
        local_time(certificate.not_after_us),
        place.certificate.display(),
        place.key.display(),
        ca.display(),
    );
    if shortened {
        sentence.push_str(&format!(
            "\nthat is less than the {days} days asked for, because the authority itself ends then"
        ));
    }
    if created {
        sentence.push_str(&format!(
            "\nthere was no device {}; it was created",
            certificate.name
        ));
    }
    let result = json!({
        "certificate": certificate,
        "certificate_file": place.certificate,
        "key_file": place.key,
        "ca_file": ca,
        "shortened": shortened,
        "device_created": created,
    });
    answer(context.json(), &result, &sentence)?;
    Ok(Answer::Yes)
}

/// No certificate outlives the authority that issued it; a day's grace for the clock's granularity.
fn is_shorter(certificate: &Certificate, days: u32) -> bool {
    const DAY_US: i64 = 86_400 * 1_000_000;
    certificate.not_after_us - now_us() < (i64::from(days) - 1) * DAY_US
}

/// The device comes first, because its id stands in the certificate; a device that was created for a
/// certificate which then cannot be written is removed again.
async fn issue_for_device(
    store: &Store,
    place: Place,
    name: &str,
    days: u32,
) -> Result<(Certificate, Place), Failure> {
    let known = store.device_find(name).await?;
    let created = known.is_none();
    let device = match known {
        Some(device) => device,
        None => {
            store
                .device_put(DeviceRecord::new(name, "certificate"))
                .await?
        }
    };
    let attempt = certify_device(store, place, &device, days).await;
    if attempt.is_err() && created {
        store.device_remove(device.id).await?;
    }
    attempt
}

async fn certify_device(
    store: &Store,
    place: Place,
    device: &Device,
    days: u32,
) -> Result<(Certificate, Place), Failure> {
    let id = device.id.to_string();
    let subject = ClientSubject::Device {
        name: &device.name,
        id: &id,
    };
    let issued = authority(store).await?.issue_client(subject, now(), days)?;
    let mut certificate = record(&issued, CertificateKind::Device, &device.name, now_us());
    certificate.device_id = Some(device.id);
    let spki = issued.facts.spki_sha256.clone();
    let kept = keep(store, place, issued, certificate).await?;
    for (kind, value) in [
        (IdentifierKind::Spki, &spki),
        (IdentifierKind::AssertedId, &id),
    ] {
        store
            .device_identifier_put(device.id, kind, value, "certificate")
            .await?;
    }
    Ok(kept)
}

/// Writes the files, then the row: a certificate that is not in the database could never be revoked, so
/// the files disappear again when the row cannot be written.
async fn keep(
    store: &Store,
    place: Place,
    issued: Issued,
    certificate: Certificate,
) -> Result<(Certificate, Place), Failure> {
    place.write(&issued)?;
    if let Err(error) = store.certificate_add(&certificate).await {
        place.remove();
        return Err(error.into());
    }
    Ok((certificate, place))
}

async fn revoke(context: &Context, target: &str, reason: &str) -> Outcome {
    let store = context.store().await?;
    let found = find(&store, target).await?;
    let valid: Vec<&Certificate> = found
        .iter()
        .filter(|one| one.revoked_us.is_none())
        .collect();
    if valid.is_empty() {
        return Err(Failure::no(format!(
            "every certificate of {target} is revoked already"
        )));
    }
    let mut revoked = Vec::new();
    for certificate in valid {
        let serial = &certificate.serial;
        revoked.push(
            store
                .certificate_revoke(serial, reason, &context.operator())
                .await?,
        );
    }
    let serials: Vec<&str> = revoked.iter().map(|one| one.serial.as_str()).collect();
    let sentence = format!(
        "{} revoked: {}",
        count(revoked.len(), "certificate"),
        serials.join(", ")
    );
    answer(context.json(), &json!({ "revoked": revoked }), &sentence)?;
    Ok(Answer::Yes)
}

async fn list(context: &Context) -> Outcome {
    let mut certificates = context.store().await?.certificate_list().await?;
    certificates.sort_by(|one, two| {
        one.name
            .cmp(&two.name)
            .then(two.issued_us.cmp(&one.issued_us))
    });
    if context.json() {
        print_json(&certificates)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &["NAME", "KIND", "SERIAL", "UNTIL", "STATUS"],
        "no certificate was issued; issue one with: nac certificate issue --user NAME --out DIR",
    );
    for certificate in certificates {
        let (kind, until) = (
            certificate.kind.to_string(),
            local_time(certificate.not_after_us),
        );
        let status = status(&certificate);
        table.row([certificate.name, kind, certificate.serial, until, status]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, target: &str) -> Outcome {
    let found = find(&context.store().await?, target).await?;
    if context.json() {
        print_json(&found)?;
        return Ok(Answer::Yes);
    }
    let mut text = String::new();
    for certificate in &found {
        text.push_str(&lines(&[
            ("name", certificate.name.clone()),
            ("kind", certificate.kind.to_string()),
            ("subject", certificate.subject.clone()),
            ("serial", certificate.serial.clone()),
            ("SHA-256", certificate.fingerprint_sha256.clone()),
            ("public key", certificate.spki_sha256.clone()),
            (
                "device",
                certificate
                    .device_id
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
            ),
            ("from", local_time(certificate.not_before_us)),
            ("until", local_time(certificate.not_after_us)),
            ("status", status(certificate)),
            (
                "reason",
                certificate.revoked_reason.clone().unwrap_or_default(),
            ),
        ]));
        text.push_str(&certificate.certificate_pem);
        text.push('\n');
    }
    print(text.trim_end_matches('\n'))?;
    print("\n")?;
    Ok(Answer::Yes)
}

/// The certificates of this serial number, else all of this name.
async fn find(store: &Store, target: &str) -> Result<Vec<Certificate>, Failure> {
    let serial: String = target
        .chars()
        .filter(|c| *c != ':')
        .collect::<String>()
        .to_ascii_lowercase();
    let all = store.certificate_list().await?;
    let by_serial: Vec<Certificate> = all
        .iter()
        .filter(|one| one.serial == serial)
        .cloned()
        .collect();
    if !by_serial.is_empty() {
        return Ok(by_serial);
    }
    let named: Vec<Certificate> = all
        .into_iter()
        .filter(|one| one.name.eq_ignore_ascii_case(target))
        .collect();
    if named.is_empty() {
        return Err(Failure::no(format!(
            "no certificate has the serial number or the name {target}"
        ))
        .fix("see them with: nac certificate list"));
    }
    Ok(named)
}

fn status(certificate: &Certificate) -> String {
    match certificate.revoked_us {
        Some(us) => format!("revoked {}", local_time(us)),
        None if certificate.not_after_us <= now_us() => "expired".to_owned(),
        None => "valid".to_owned(),
    }
}

fn now() -> i64 {
    now_us() / 1_000_000
}

/// A name as a file name: nothing in it leads out of the folder.
fn file_name(name: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || "._@-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(safe).collect();
    if name.starts_with('.') {
        format!("_{name}")
    } else {
        name
    }
}

/// The files of one certificate in a folder.
fn paths(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let name = file_name(name);
    (
        folder.join(format!("{name}.crt")),
        folder.join(format!("{name}.key")),
    )
}
