//! `nac posture flagfile`: what an endpoint's osqueryd is started with, and the files that belong to it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use nac_posture::{FlagfileSettings, flagfile};
use nac_store::Store;
use rustls::pki_types::DnsName;
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::init::{authority, sha256_hex, write_new};
use crate::cli::output::{answer, note, now_us};
use crate::cli::{Answer, Context, Failure, Outcome, open_store};
use crate::config::Settings;

#[derive(Debug, Args)]
pub(in crate::cli) struct FlagfileArguments {
    /// Where endpoints reach this server, as NAME or NAME:PORT
    #[arg(long, value_name = "NAME:PORT")]
    host: Option<String>,
    /// Write the flag file and what belongs to it into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Path of the authority's certificate on the endpoint
    #[arg(long, value_name = "PATH")]
    ca_path: Option<String>,
    /// Path of the enrolment secret on the endpoint
    #[arg(long, value_name = "PATH")]
    secret_path: Option<String>,
    /// Path of the device's certificate on the endpoint
    #[arg(long, value_name = "PATH", requires = "client_key")]
    client_certificate: Option<String>,
    /// Path of the device's key on the endpoint
    #[arg(long, value_name = "PATH", requires = "client_certificate")]
    client_key: Option<String>,
}

pub(super) async fn run(context: &Context, arguments: FlagfileArguments) -> Outcome {
    let settings = context.settings()?;
    let defaults = FlagfileSettings::default();
    let flags = flagfile(&FlagfileSettings {
        hostname_port: reach(&settings, arguments.host.as_deref())?,
        ca_path: arguments.ca_path.unwrap_or(defaults.ca_path),
        secret_path: arguments.secret_path.unwrap_or(defaults.secret_path),
        client_certificate: arguments.client_certificate.zip(arguments.client_key),
    });
    let Some(folder) = arguments.out else {
        answer(
            context.json(),
            &json!({ "flagfile": flags }),
            flags.trim_end(),
        )?;
        return Ok(Answer::Yes);
    };
    let store = open_store(&settings).await?;
    let ca = authority(&store).await?.certificate_pem().to_owned();
    let secret = first_secret(&store, &settings).await?;
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
    let mut written = vec![
        ("osquery.flags", flags.as_str(), 0o644),
        ("nac-ca.pem", ca.as_str(), 0o644),
    ];
    if let Some(secret) = &secret {
        written.push(("nac-enroll-secret", secret.as_str(), 0o600));
    }
    let mut files = Vec::new();
    for (name, text, mode) in written {
        let path = folder.join(name);
        write_new(&path, text, mode)?;
        files.push(path);
    }
    let names: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    answer(
        context.json(),
        &json!({ "files": files }),
        &names.join("\n"),
    )?;
    Ok(Answer::Yes)
}

/// The secret that `nac init` put beside the configuration, as long as a host can enrol with it.
async fn first_secret(
    store: &Store,
    settings: &Settings,
) -> Result<Option<Zeroizing<String>>, Failure> {
    let file = settings.file.with_file_name("osquery-enroll-secret");
    let Ok(text) = std::fs::read_to_string(&file).map(Zeroizing::new) else {
        note(
            "there is no osquery-enroll-secret beside the configuration; make one with: nac posture secret add NAME",
        );
        return Ok(None);
    };
    let known = store
        .enroll_secret_by_hash(&sha256_hex(text.trim().as_bytes()))
        .await?;
    match known.map(|secret| secret.expires_us) {
        Some(None) => Ok(Some(text)),
        Some(Some(end)) if now_us() < end => Ok(Some(text)),
        Some(Some(_)) => Err(useless(&file, "has expired")),
        None => Err(useless(&file, "was removed")),
    }
}

fn useless(file: &Path, why: &str) -> Failure {
    Failure::no(format!(
        "the enrolment secret in {} {why}: no host can enrol with it",
        file.display()
    ))
    .fix(format!(
        "make another with: nac posture secret add NAME, and write what it prints into {}",
        file.display()
    ))
}

/// What was given, else the portal's public name, else this machine's name for itself; with a port.
fn reach(settings: &Settings, given: Option<&str>) -> Result<String, Failure> {
    let port = settings.portal.listen.port();
    if let Some(name) = given {
        return with_port(name, port).ok_or_else(|| {
            Failure::usage(format!("\"{}\" is no place to reach", name.escape_debug()))
                .fix("write NAME, NAME:PORT, ADDRESS:PORT or [ADDRESS]:PORT")
        });
    }
    let name = settings
        .portal
        .public_name
        .as_deref()
        .unwrap_or("localhost");
    with_port(name, port).ok_or_else(|| {
        Failure::no(format!(
            "[portal] public_name \"{name}\" is no place to reach"
        ))
        .place(settings.file.display().to_string())
        .fix("write a name or an address there, or give --host NAME:PORT")
    })
}

/// `host:port` for a name or an address, which has the port already or gets this one.
fn with_port(text: &str, port: u16) -> Option<String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return (address.port() != 0).then(|| address.to_string());
    }
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bracketed {
        Some(inner) => Some(IpAddr::V6(inner.parse::<Ipv6Addr>().ok()?)),
        None => text.parse().ok(),
    };
    if let Some(address) = address {
        return Some(SocketAddr::new(address, port).to_string());
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, port.parse().ok().filter(|port| *port != 0)?),
        None => (text, port),
    };
    DnsName::try_from(name).ok()?;
    Some(format!("{name}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::with_port;

    #[test]
    fn a_place_to_reach_gets_the_port_that_it_lacks() {
        for (text, place) in [
            ("nac.example.org", "nac.example.org:8443"),
            ("nac.example.org:443", "nac.example.org:443"),
            ("192.0.2.1", "192.0.2.1:8443"),
            ("192.0.2.1:443", "192.0.2.1:443"),
            ("2001:db8::1", "[2001:db8::1]:8443"),
            ("[2001:db8::1]", "[2001:db8::1]:8443"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
        ] {
            assert_eq!(with_port(text, 8443).as_deref(), Some(place), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_to_reach_is_refused() {
        for text in [
            "",
            "bad:host:99",
            "host:",
            "host:0",
            "host:70000",
            "192.0.2.1:0",
            "two words",
            "[x]",
            "https://host",
        ] {
            assert_eq!(with_port(text, 8443), None, "{text}");
        }
    }
}
