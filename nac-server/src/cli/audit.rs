//! `nac audit`: who changed what, and whether the log is whole.

use clap::{Args, Subcommand, ValueEnum};
use nac_store::{AuditFilter, AuditRecord, Store};
use serde_json::json;

use super::csv;
use super::output::{Table, answer, count, local_time, now_us, print, print_json};
use super::{Answer, Context, Failure, Outcome};
use crate::config::parse_duration;

const VERIFY_HELP: &str = "\
Every row carries a seal over itself and the row before it, made with a key that is derived from the sealing key. An edited,
removed or inserted row is named, and the exit status is 1. Note the printed seal elsewhere: only by it can you tell that a
whole older database was put back.

Examples:
  nac audit verify
  nac audit verify --seal 3f6c… # also fails when the log does not hold that row any more";

/// Rows that are read at once.
const PIECE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List changes, the newest first
    List(ListArguments),
    /// Whether every row is as it was written, and none is missing
    #[command(after_help = VERIFY_HELP)]
    Verify {
        /// A seal that was noted earlier and must still be in the log
        #[arg(long, value_name = "SEAL")]
        seal: Option<String>,
    },
    /// Write the whole log to standard output, the oldest row first
    Export {
        /// The form
        #[arg(long, value_enum, default_value_t = Form::Jsonl)]
        format: Form,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// One JSON object per line, with the seals
    Jsonl,
    /// Comma-separated values with a header
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only changes by this actor, such as cli:root
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only actions that begin so, such as quarantine.
    #[arg(long, value_name = "PREFIX")]
    action: Option<String>,
    /// Only changes of this object, such as client:switch-1
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,
    /// Only changes within this length of time before now, such as 7d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only rows before this one, to turn the page
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u32,
}

pub(super) async fn run(context: &Context, command: AuditCommand) -> Outcome {
    match command {
        AuditCommand::List(arguments) => list(context, arguments).await,
        AuditCommand::Verify { seal } => verify(context, seal.as_deref()).await,
        AuditCommand::Export { format } => export(context, format).await,
    }
}

async fn list(context: &Context, arguments: ListArguments) -> Outcome {
    let since_us = match arguments.since.as_deref().map(parse_duration) {
        None => None,
        Some(Ok(since)) => {
            let since = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
            Some(now_us().saturating_sub(since))
        }
        Some(Err(why)) => return Err(Failure::usage(why)),
    };
    let filter = AuditFilter {
        actor: arguments.actor,
        action: arguments.action,
        object: arguments.object,
        since_us,
        before_seq: arguments.before,
        limit: arguments.limit,
    };
    let records = context.store().await?.audit_list(&filter).await?;
    if context.json() {
        let records: Vec<serde_json::Value> = records.iter().map(as_json).collect();
        print_json(&records)?;
        return Ok(Answer::Yes);
    }
    let header = ["NUMBER", "WHEN", "WHO", "FROM", "WHAT", "OBJECT"];
    let mut table = Table::new(
        &header,
        "no such change; what people change by command, page or API is recorded here",
    );
    for record in records {
        table.row([
            record.seq.to_string(),
            local_time(record.at_us),
            record.actor,
            record.source,
            record.action,
            record.object,
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn verify(context: &Context, noted: Option<&str>) -> Outcome {
    let store = context.store().await?;
    let verified = store.audit_verify().await?;
    if let Some(fault) = &verified.fault {
        return Err(Failure::no(format!(
            "the audit log is broken at row {}: {}",
            fault.seq, fault.why
        ))
        .fix(format!(
            "{} before it hold; compare with a backup and with: nac audit list --before {}",
            count(usize::try_from(verified.rows).unwrap_or(0), "row"),
            fault.seq + 2
        )));
    }
    if let Some(noted) = noted
        && !has_seal(&store, noted).await?
    {
        return Err(Failure::no(format!(
            "the audit log is whole, but no row of it has the seal {noted}"
        ))
        .fix("an older database was put back, or the seal is another installation's"));
    }
    let sentence = format!(
        "the audit log is whole: {}{}",
        count(usize::try_from(verified.rows).unwrap_or(0), "row"),
        if verified.seal.is_empty() {
            String::new()
        } else {
            format!("; the seal of the newest is {}", verified.seal)
        }
    );
    answer(context.json(), &verified, &sentence)?;
    Ok(Answer::Yes)
}

async fn has_seal(store: &Store, noted: &str) -> Result<bool, Failure> {
    let mut pages = Pages::default();
    while let Some(page) = pages.next(store).await? {
        if page.iter().any(|record| record.seal == noted) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn export(context: &Context, format: Form) -> Outcome {
    let store = context.store().await?;
    let mut records = Vec::new();
    let mut pages = Pages::default();
    while let Some(page) = pages.next(&store).await? {
        records.extend(page);
    }
    if format == Form::Csv {
        print("seq,at,actor_kind,actor,source,action,object,before,after,seal\n")?;
    }
    // The pages come newest first.
    for record in records.iter().rev() {
        match format {
            Form::Jsonl => print_json(&as_json(record))?,
            Form::Csv => print(&csv::line(&cells(record))?)?,
        }
    }
    Ok(Answer::Yes)
}

/// The whole log, in pieces, newest first.
#[derive(Default)]
struct Pages {
    before: Option<i64>,
}

impl Pages {
    async fn next(&mut self, store: &Store) -> Result<Option<Vec<AuditRecord>>, Failure> {
        let filter = AuditFilter {
            before_seq: self.before,
            limit: PIECE,
            ..AuditFilter::default()
        };
        let page = store.audit_list(&filter).await?;
        self.before = page.last().map(|record| record.seq);
        Ok((!page.is_empty()).then_some(page))
    }
}

/// With what was before and after as JSON of its own, not as text that holds JSON.
fn as_json(record: &AuditRecord) -> serde_json::Value {
    let parsed = |text: &Option<String>| -> serde_json::Value {
        text.as_deref().map_or(serde_json::Value::Null, |text| {
            serde_json::from_str(text).unwrap_or_else(|_| text.into())
        })
    };
    json!({
        "seq": record.seq,
        "at_us": record.at_us,
        "actor_kind": record.actor_kind,
        "actor": record.actor,
        "source": record.source,
        "action": record.action,
        "object": record.object,
        "before": parsed(&record.before),
        "after": parsed(&record.after),
        "seal": record.seal,
    })
}

fn cells(record: &AuditRecord) -> [String; 10] {
    let time = jiff::Timestamp::from_microsecond(record.at_us)
        .map_or_else(|_| String::new(), |time| time.to_string());
    [
        record.seq.to_string(),
        time,
        record.actor_kind.to_string(),
        record.actor.clone(),
        record.source.clone(),
        record.action.clone(),
        record.object.clone(),
        record.before.clone().unwrap_or_default(),
        record.after.clone().unwrap_or_default(),
        record.seal.clone(),
    ]
}
