//! `nac user totp`: the second factor of a user, an authenticator app.

use clap::Subcommand;
use nac_portal::totp;
use serde_json::json;

use crate::cli::output::{answer, print, print_json};
use crate::cli::{Answer, Context, Failure, Outcome};

const ENABLE_EXAMPLES: &str = "\
Examples:
  nac user totp enable alice              prints a QR code for the app, once
  nac user totp enable alice --replace    the telephone is lost: a new one
  nac user totp disable alice

The user is asked for the code after the password with PAP and EAP-GTC, or types it right behind the password (correct horse123456)
where a method has room for one answer only: EAP-TTLS/PAP, TEAP with a password. CHAP, MS-CHAPv2 and PEAP-MSCHAPv2 can carry no code
and are refused. Each code works once.";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TotpCommand {
    /// Ask the user for a code besides the password; the app's secret is shown once
    #[command(after_help = ENABLE_EXAMPLES)]
    Enable {
        /// The name
        name: String,
        /// Make a new secret although the user has one, which is good no longer
        #[arg(long)]
        replace: bool,
    },
    /// Ask for the password only
    Disable {
        /// The name
        name: String,
    },
}

pub(super) async fn run(context: &Context, command: TotpCommand) -> Outcome {
    match command {
        TotpCommand::Enable { name, replace } => enable(context, &name, replace).await,
        TotpCommand::Disable { name } => disable(context, &name).await,
    }
}

async fn enable(context: &Context, name: &str, replace: bool) -> Outcome {
    let store = context.store().await?;
    let user = store.user_fetch(name).await?;
    if user.totp.is_some() && !replace {
        return Err(Failure::no(format!(
            "user {} has an authenticator app already, whose secret is not shown again",
            user.name
        ))
        .fix(format!(
            "for a new one: nac user totp enable {} --replace",
            user.name
        )));
    }
    let totp::Enrolled { user, secret, url } = totp::enrol(&store, &user.name).await?;
    if context.json() {
        print_json(&json!({ "user": user, "url": *url, "secret": *secret }))?;
        return Ok(Answer::Yes);
    }
    print(&format!(
        "user {user} needs a code besides the password from now on. This is shown only now, for the authenticator app:\n\n{}\n\n  {}\n\n  to type: {}\n",
        totp::qr_text(&url).unwrap_or_default(),
        *url,
        *secret
    ))?;
    Ok(Answer::Yes)
}

async fn disable(context: &Context, name: &str) -> Outcome {
    let store = context.store().await?;
    store.user_set_totp(name, None).await?;
    answer(
        context.json(),
        &json!({ "user": name, "totp": false }),
        &format!("user {name} is asked for the password only"),
    )?;
    Ok(Answer::Yes)
}
