//! `nac voucher`: codes that let people in, made in batches, printed, exported, withdrawn.

mod import;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use nac_portal::voucher::{Paper, SheetSettings, csv, sheet};
use nac_store::{
    NewVoucherBatch, Store, Voucher, VoucherBatch, VoucherBatchFilter, VoucherCode, VoucherFilter,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::init::write_new;
use super::output::{Table, answer, count, lines, local_time, note, print, print_json};
use super::{Answer, Context, Failure, Outcome};
use crate::config::{describe_duration, parse_duration};

const CREATE_EXAMPLES: &str = "\
Examples:
  nac voucher create --count 50 --duration 1d --note 'Conference'
  nac voucher create --duration 8h --devices 2 --site hq --expires 90d
  nac voucher create --count 10 --duration 2d --starts 2026-12-01T08:00

The codes go to standard output, one a line. See them again with: nac voucher show BATCH";

const IMPORT_EXAMPLES: &str = "\
The file begins with the name of its column:
  code
  ABCDE-FGHJK
  abcde-fghjm
Further columns, as an export has them, are passed over.";

#[derive(Debug, Subcommand)]
pub(super) enum VoucherCommand {
    /// Make a batch of codes
    #[command(visible_alias = "add")]
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// How many codes
        #[arg(long, default_value_t = 1)]
        count: u32,
        #[command(flatten)]
        terms: TermsArguments,
    },
    /// List batches, newest first
    List {
        /// Only those with this text in the note or the site
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Continue behind this batch, with which the last page ended
        #[arg(long, value_name = "ID")]
        before: Option<Uuid>,
    },
    /// Show a batch with its codes, or one code
    Show {
        /// Id of the batch, or a code
        #[arg(value_name = "BATCH|CODE")]
        target: String,
    },
    /// Withdraw a batch or one code; who is here with it has to leave
    #[command(visible_alias = "remove")]
    Revoke {
        /// Id of the batch, or a code
        #[arg(value_name = "BATCH|CODE")]
        target: String,
    },
    /// Write a batch as CSV
    Export {
        /// Id of the batch
        batch: Uuid,
        /// The file to make; standard output when it is not given
        #[arg(long, value_name = "FILE.csv")]
        out: Option<PathBuf>,
    },
    /// Take over codes from a CSV file as a new batch
    #[command(after_help = IMPORT_EXAMPLES)]
    Import {
        /// The CSV file
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
        /// Import the good lines even when others are bad
        #[arg(long)]
        skip_bad: bool,
        #[command(flatten)]
        terms: TermsArguments,
    },
    /// Make a page to print, with a QR code on each slip
    Print {
        /// Id of the batch
        batch: Uuid,
        /// The file to make
        #[arg(long, value_name = "FILE.html")]
        out: PathBuf,
        /// What it is printed on
        #[arg(long, value_enum, default_value_t = PaperWord::A4)]
        paper: PaperWord,
        /// The name of the Wi-Fi network
        #[arg(long, value_name = "NAME", default_value = "")]
        ssid: String,
    },
}

/// What the codes of a batch are good for.
#[derive(Debug, Args)]
pub(super) struct TermsArguments {
    /// How long a code lets somebody stay, such as 1d
    #[arg(long, value_name = "TIME", default_value = "1d")]
    duration: String,
    /// How many devices may use one code at once
    #[arg(long, default_value_t = 1)]
    devices: u32,
    /// The only site where they count
    #[arg(long, default_value = "")]
    site: String,
    /// What they are for
    #[arg(long, default_value = "")]
    note: String,
    /// When unused codes end, counted from now, such as 90d
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// A moment at which the time of all codes begins, local or with a zone; without it the first use counts
    #[arg(long, value_name = "MOMENT")]
    starts: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PaperWord {
    A4,
    Letter,
    Receipt,
}

pub(super) async fn run(context: &Context, command: VoucherCommand) -> Outcome {
    match command {
        VoucherCommand::Create { count, terms } => {
            let mut new = terms.batch(context)?;
            new.size = count;
            create(context, new).await
        }
        VoucherCommand::List {
            search,
            limit,
            before,
        } => list(context, search, limit, before).await,
        VoucherCommand::Show { target } => show(context, &target).await,
        VoucherCommand::Revoke { target } => revoke(context, &target).await,
        VoucherCommand::Export { batch, out } => export(context, batch, out.as_deref()).await,
        VoucherCommand::Import {
            file,
            skip_bad,
            terms,
        } => import::run(context, &file, skip_bad, terms.batch(context)?).await,
        VoucherCommand::Print {
            batch,
            out,
            paper,
            ssid,
        } => print_sheet(context, batch, &out, paper, &ssid).await,
    }
}

impl TermsArguments {
    fn batch(self, context: &Context) -> Result<NewVoucherBatch, Failure> {
        let expires_us = self
            .expires
            .as_deref()
            .map(super::quarantine::expiry)
            .transpose()?;
        Ok(NewVoucherBatch {
            duration_s: seconds(&self.duration)?,
            starts_us: self.starts.as_deref().map(moment).transpose()?,
            note: self.note,
            site: self.site,
            devices: self.devices,
            expires_us,
            created_by: context.operator(),
            ..NewVoucherBatch::default()
        })
    }
}

async fn create(context: &Context, new: NewVoucherBatch) -> Outcome {
    let store = context.store().await?;
    let (batch, vouchers) = store.voucher_batch_add(new).await?;
    if context.json() {
        print_json(&with_codes(&batch, &vouchers))?;
        return Ok(Answer::Yes);
    }
    let number = count(vouchers.len(), "code");
    note(&format!("the batch {} has {number}", batch.id));
    let codes: String = vouchers
        .iter()
        .map(|voucher| voucher.code.shown() + "\n")
        .collect();
    print(&codes)?;
    Ok(Answer::Yes)
}

async fn list(
    context: &Context,
    search: Option<String>,
    limit: u32,
    before: Option<Uuid>,
) -> Outcome {
    let store = context.store().await?;
    let filter = VoucherBatchFilter {
        search,
        before,
        limit: limit.max(1),
    };
    let batches = store.voucher_batch_list(&filter).await?;
    if context.json() {
        print_json(&batches)?;
        return Ok(Answer::Yes);
    }
    let header = [
        "BATCH", "NOTE", "CODES", "UNUSED", "ACTIVE", "DURATION", "SITE", "EXPIRES", "REVOKED",
    ];
    let mut table = Table::new(
        &header,
        "there are no vouchers; make some with: nac voucher create --count 10 --duration 1d",
    );
    for batch in batches {
        table.row([
            batch.id.to_string(),
            batch.note.clone(),
            batch.size.to_string(),
            batch.unused.to_string(),
            batch.active.to_string(),
            length(&batch),
            batch.site,
            batch.expires_us.map(local_time).unwrap_or_default(),
            batch.revoked_us.map(local_time).unwrap_or_default(),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let (batch, vouchers) = match Target::find(&store, text).await? {
        Target::Batch(id) => (store.voucher_batch_fetch(id).await?, all(&store, id).await?),
        Target::Code(voucher) => (
            store.voucher_batch_fetch(voucher.batch_id).await?,
            vec![*voucher],
        ),
    };
    if context.json() {
        print_json(&with_codes(&batch, &vouchers))?;
        return Ok(Answer::Yes);
    }
    print(&lines(&[
        ("batch", batch.id.to_string()),
        ("note", batch.note.clone()),
        ("site", batch.site.clone()),
        ("duration", length(&batch)),
        ("devices", batch.devices.to_string()),
        (
            "begins",
            batch
                .starts_us
                .map_or_else(|| "at the first use".to_owned(), local_time),
        ),
        (
            "expires",
            batch.expires_us.map(local_time).unwrap_or_default(),
        ),
        ("made", local_time(batch.created_us)),
        ("by", batch.created_by.clone()),
        (
            "revoked",
            batch.revoked_us.map(local_time).unwrap_or_default(),
        ),
    ]))?;
    let mut table = Table::new(&["CODE", "STATE", "FIRST USED", "ENDS", "GUEST"], "");
    for voucher in vouchers {
        table.row([
            voucher.code.shown(),
            voucher.state.to_string(),
            voucher.first_used_us.map(local_time).unwrap_or_default(),
            voucher.ends_us.map(local_time).unwrap_or_default(),
            voucher
                .guest_id
                .map(|id| id.to_string())
                .unwrap_or_default(),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn revoke(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    match Target::find(&store, text).await? {
        Target::Batch(id) => {
            let batch = store.voucher_batch_revoke(id, &context.operator()).await?;
            answer(
                context.json(),
                &batch,
                &format!("the batch {id} is withdrawn"),
            )?;
        }
        Target::Code(voucher) => {
            let voucher = store
                .voucher_revoke(voucher.id, &context.operator())
                .await?;
            let sentence = format!("the code {} is withdrawn", voucher.code.shown());
            answer(context.json(), &voucher, &sentence)?;
        }
    }
    Ok(Answer::Yes)
}

async fn export(context: &Context, batch: Uuid, out: Option<&Path>) -> Outcome {
    let store = context.store().await?;
    let vouchers = all(&store, batch).await?;
    let batch = store.voucher_batch_fetch(batch).await?;
    if context.json() && out.is_none() {
        print_json(&with_codes(&batch, &vouchers))?;
        return Ok(Answer::Yes);
    }
    let text = csv(&batch, &vouchers);
    match out {
        None => print(&text)?,
        Some(file) => written(context, file, &text, &batch, vouchers.len())?,
    }
    Ok(Answer::Yes)
}

async fn print_sheet(
    context: &Context,
    batch: Uuid,
    out: &Path,
    paper: PaperWord,
    ssid: &str,
) -> Outcome {
    let portal = context.settings()?.portal;
    let portal_url = portal.url(portal.listen);
    let store = context.store().await?;
    let vouchers = all(&store, batch).await?;
    let batch = store.voucher_batch_fetch(batch).await?;
    let settings = SheetSettings {
        portal_url: &portal_url,
        ssid,
        paper: match paper {
            PaperWord::A4 => Paper::A4,
            PaperWord::Letter => Paper::Letter,
            PaperWord::Receipt => Paper::Receipt,
        },
        alone: true,
    };
    let page =
        sheet(&batch, &vouchers, settings).map_err(|error| Failure::cannot(error.to_string()))?;
    written(context, out, &page, &batch, vouchers.len())?;
    Ok(Answer::Yes)
}

/// Codes are keys: only the owner of the file may read it.
fn written(
    context: &Context,
    file: &Path,
    text: &str,
    batch: &VoucherBatch,
    codes: usize,
) -> Result<(), Failure> {
    write_new(file, text, 0o600)?;
    let sentence = format!("{} written to {}", count(codes, "code"), file.display());
    let record = json!({ "batch": batch, "file": file });
    answer(context.json(), &record, &sentence)
}

/// What somebody names on the command line.
enum Target {
    Batch(Uuid),
    Code(Box<Voucher>),
}

impl Target {
    async fn find(store: &Store, text: &str) -> Result<Self, Failure> {
        if let Ok(id) = text.trim().parse() {
            return Ok(Self::Batch(id));
        }
        let code = VoucherCode::parse(text).ok_or_else(|| {
            Failure::usage("this is neither the id of a batch nor a code")
                .fix("see the batches with: nac voucher list")
        })?;
        let voucher = store.voucher_by_code(&code).await?;
        voucher
            .map(|voucher| Self::Code(Box::new(voucher)))
            .ok_or_else(|| {
                Failure::no("there is no such code").fix("see the batches with: nac voucher list")
            })
    }
}

async fn all(store: &Store, batch: Uuid) -> Result<Vec<Voucher>, Failure> {
    let filter = VoucherFilter {
        batch_id: Some(batch),
        limit: 10_000,
        ..VoucherFilter::default()
    };
    Ok(store.voucher_list(&filter).await?)
}

/// Who may run this command may see the codes.
fn with_codes(batch: &VoucherBatch, vouchers: &[Voucher]) -> Value {
    let vouchers: Vec<Value> = vouchers
        .iter()
        .map(|voucher| {
            let mut value = json!(voucher);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("code".to_owned(), voucher.code.shown().into());
            }
            value
        })
        .collect();
    json!({ "batch": batch, "vouchers": vouchers })
}

fn length(batch: &VoucherBatch) -> String {
    describe_duration(std::time::Duration::from_secs(batch.duration_s.into()))
}

/// A length of time in seconds.
pub(super) fn seconds(text: &str) -> Result<u32, Failure> {
    let duration = parse_duration(text).map_err(Failure::usage)?;
    u32::try_from(duration.as_secs())
        .ok()
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| Failure::usage(format!("{text} is no length of time to stay")))
}

/// A moment, local or with a zone.
fn moment(text: &str) -> Result<i64, Failure> {
    let at = text.parse::<jiff::Timestamp>().or_else(|_| {
        let local: jiff::civil::DateTime = text.parse()?;
        Ok::<_, jiff::Error>(local.to_zoned(jiff::tz::TimeZone::system())?.timestamp())
    });
    at.map(jiff::Timestamp::as_microsecond).map_err(|_| {
        Failure::usage(format!("\"{text}\" is no moment"))
            .fix("write it as 2026-12-01T08:00, or with a zone as 2026-12-01T08:00:00+01:00")
    })
}
