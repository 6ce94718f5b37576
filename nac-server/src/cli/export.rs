//! `nac export`: the addresses of live sessions by segment, as firewalls and clusters read them.

use clap::Args;
use nac_portal::export::{self, ExportError, ExportFormat};

use super::output::{print, print_json};
use super::{Answer, Context, Failure, Outcome};
use crate::config::parse_duration;

const EXAMPLES: &str = "\
Examples:
  nac export nft --timeout 10m | nft -f -             sets seg_NAME_v4 and seg_NAME_v6 in the table inet nac
  nac export edl --segment quarantine > quarantine.txt
  nac export cilium | kubectl apply -f -

Addresses are those that accounting told of the live sessions (Framed-IP-Address). Where two sessions claim one address it
belongs to the one that was heard of last. Characters of a segment's name that the format does not allow are replaced, and the
name gets the beginning of its SHA-256 behind it. With --timeout an element leaves its nft set when no later export renews it.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportArguments {
    /// nft, edl, csv, calico or cilium
    format: ExportFormat,
    /// Only this segment; may be given several times. An external list (edl) is of one
    #[arg(long = "segment", value_name = "NAME")]
    segments: Vec<String>,
    /// For nft: how long an address stays in its set unless it is renewed
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
}

pub(super) async fn run(context: &Context, arguments: ExportArguments) -> Outcome {
    let ExportArguments {
        format,
        segments,
        timeout,
    } = arguments;
    if timeout.is_some() && format != ExportFormat::Nft {
        return Err(Failure::usage("only sets of nft have a timeout").fix("leave --timeout away"));
    }
    let timeout = timeout
        .as_deref()
        .map(parse_duration)
        .transpose()
        .map_err(Failure::usage)?;
    let exported = export::collect(&context.store().await?, &segments).await?;
    if context.json() {
        print_json(&exported)?;
    } else {
        print(&export::render(format, &exported, timeout)?)?;
    }
    Ok(Answer::Yes)
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::SameName(_) => Self::no(error.to_string()),
            ExportError::OneSegment => Self::usage(error.to_string())
                .fix("name it with --segment NAME; see: nac segment list"),
        }
    }
}
