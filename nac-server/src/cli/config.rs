//! `nac config`: is the configuration good?

use clap::Subcommand;
use serde_json::json;

use super::{Answer, Context, Failure, Outcome, output};
use crate::config::{Config, describe_duration};

const EXAMPLES: &str = "\
Examples:
  nac config check && systemctl reload nac
  nac --config /etc/nac/nac.toml config check --json";

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read the file and every certificate that it names; report everything that is wrong
    #[command(after_help = EXAMPLES)]
    Check,
}

pub(super) fn run(context: &Context, command: ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Check => check(context),
    }
}

fn check(context: &Context) -> Outcome {
    let file = context.config_file();
    let config = match Config::load(&file) {
        Ok(config) => config,
        Err(errors) => {
            let count = output::count(errors.faults().len(), "fault");
            return Err(Failure::no(format!("the configuration has {count}"))
                .place(errors.file().display().to_string())
                .faults(&errors));
        }
    };
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
            "portal": config.portal.listen,
            "admin": config.admin.listen,
            "metrics": config.metrics.listen,
        },
        "eap_certificate_not_after_us": facts.not_after_us,
    });
    let sentence = format!(
        "{} is good\nthe server's certificate ({}) is valid until {}, another {}",
        config.file.display(),
        facts.common_name.as_deref().unwrap_or(&facts.subject),
        output::local_time(facts.not_after_us),
        describe_duration(std::time::Duration::from_micros(left)),
    );
    output::answer(context.json(), &record, &sentence)?;
    Ok(Answer::Yes)
}
