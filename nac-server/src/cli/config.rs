//! `nac config`: is the configuration good?

use std::path::Path;

use clap::Subcommand;
use nac_store::{SealingKey, StoreError};
use serde_json::json;
use tokio::runtime::Handle;

use super::context::{database, open_unfurnished, why_closed};
use super::{Answer, Context, Failure, Outcome, output};
use crate::config::{Config, Settings, describe_duration};

const EXAMPLES: &str = "\
Examples:
  nac config check && systemctl reload nac
  nac --config /etc/nac/nac.toml config check --json";

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read the file and every certificate and check that it names, and open the database (a new version
    /// migrates it, as any command does); report everything that is wrong
    #[command(after_help = EXAMPLES)]
    Check,
}

pub(super) fn run(context: &Context, command: ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Check => check(context),
    }
}

fn check(context: &Context) -> Outcome {
    let file = context.existing_config_file()?;
    let config = match Config::load(&file) {
        Ok(config) => config,
        Err(errors) => {
            let count = output::count(errors.faults().len(), "fault");
            return Err(Failure::no(format!("the configuration has {count}"))
                .place(errors.file().display().to_string())
                .faults(&errors));
        }
    };
    // The one command that is not asynchronous otherwise.
    let tried = tokio::task::block_in_place(|| Handle::current().block_on(try_database(&config)));
    let tried = tried.map_err(|error| {
        let why = why_closed(&config, &error);
        Failure::no(format!("the server could not start: {why}")).place(database(&config))
    })?;
    let warnings = config.certificates.warnings(output::now_us());
    let facts = &config.certificates.eap.facts;
    let left = (facts.not_after_us - output::now_us())
        .max(0)
        .unsigned_abs();
    let record = json!({
        "ok": true,
        "file": config.file,
        "listen": {
            "radius_auth": config.radius.listen_auth,
            "radius_acct": config.radius.listen_acct,
            "radsec": config.radsec.as_ref().map(|radsec| radsec.listen),
            "portal": config.portal.listen,
            "portal_http": config.portal.listen_http,
            "admin": config.admin.listen,
            "metrics": config.metrics.listen,
        },
        "eap_certificate_not_after_us": facts.not_after_us,
        "warnings": warnings,
    });
    let mut sentence = format!(
        "{} is good\nthe server's certificate ({}) is valid until {}, another {}{tried}",
        config.file.display(),
        facts.common_name.as_deref().unwrap_or(&facts.subject),
        output::local_time(facts.not_after_us),
        describe_duration(std::time::Duration::from_micros(left)),
    );
    for warning in &warnings {
        sentence.push_str("\nwarning: ");
        sentence.push_str(warning);
    }
    output::answer(context.json(), &record, &sentence)?;
    Ok(Answer::Yes)
}

/// Opens the database as the server would, when that makes no new one: a SQLite file that is there. Of
/// any other database only the sealing key is read. Gives what is to be added about it.
async fn try_database(settings: &Settings) -> Result<&'static str, StoreError> {
    let url = &settings.database.url;
    let Some(path) = url.strip_prefix("sqlite://") else {
        SealingKey::from_file(&settings.secrets.sealing_key_file)?;
        return Ok("\nthe database server was not asked");
    };
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    if !Path::new(path).exists() {
        SealingKey::from_file(&settings.secrets.sealing_key_file)?;
        return Ok("\nthe database does not exist yet; the server makes it when it starts");
    }
    open_unfurnished(settings).await?.close().await;
    Ok("")
}
