//! `nac device import`: many devices at once, all lines checked before the first is stored.

use std::collections::HashSet;
use std::path::Path;

use nac_radius::MacAddr;
use nac_store::{DeviceRecord, IdentifierKind, Store};
use serde_json::json;

use super::check_label;
use super::expiry::parse_expiry;
use super::mac::check_mac;
use crate::cli::csv::{self, Row};
use crate::cli::output::{Progress, answer, count};
use crate::cli::{Answer, Context, Failure, Outcome};

const COLUMNS: [&str; 6] = ["mac", "owner", "labels", "name", "type", "expires"];
/// Only the MAC address must be there.
const REQUIRED: usize = 1;

/// Who put an identifier into the database.
const SOURCE: &str = "import";

/// How many devices one transaction stores.
const CHUNK: usize = 500;

/// One good line.
struct Candidate {
    mac: MacAddr,
    owner: Option<String>,
    labels: Vec<String>,
    name: Option<String>,
    device_type: Option<String>,
    /// Absent where the line says nothing; nothing in it means never.
    expires_us: Option<Option<i64>>,
}

pub(super) async fn run(context: &Context, file: &Path, skip_bad: bool, dry_run: bool) -> Outcome {
    let mut seen = HashSet::new();
    let parsed = csv::read(file, &COLUMNS, REQUIRED, |row| {
        let candidate = candidate(row)?;
        if seen.insert(candidate.mac) {
            Ok(candidate)
        } else {
            Err(format!(
                "the MAC address {} comes a second time",
                candidate.mac
            ))
        }
    })?;
    let parsed = parsed.accept(file, skip_bad)?;
    let (candidates, skipped) = (parsed.rows, parsed.faults);

    let store = context.store().await?;
    let total = candidates.len();
    let mut progress = Progress::new("devices imported", total, context.json());
    let (mut done, mut changed) = (0, 0);
    for chunk in candidates.chunks(CHUNK) {
        let records = records(&store, chunk).await?;
        changed += records.iter().filter(|record| record.id.is_some()).count();
        if !dry_run {
            store.device_put_many(records).await.map_err(|error| {
                Failure::from(error).fix(format!(
                    "{done} of {total} devices were imported; run the same command again"
                ))
            })?;
        }
        done += chunk.len();
        progress.reached(done);
    }
    let record = json!({
        "imported": if dry_run { 0 } else { total },
        "good": total,
        "dry_run": dry_run,
        "changed": changed,
        "skipped": skipped.iter().map(|(line, fault)| json!({ "line": line, "fault": fault }))
            .collect::<Vec<_>>(),
    });
    let mut sentence = summary(total, changed, &skipped);
    if dry_run {
        sentence.push_str("\nnothing was stored: this was a dry run");
    }
    answer(context.json(), &record, &sentence)?;
    Ok(Answer::Yes)
}

fn candidate(row: &Row<'_>) -> Result<Candidate, String> {
    let text = row.cell("mac");
    let wrong = |_| format!("\"{}\" is no MAC address", text.escape_debug());
    let mac = text.parse::<MacAddr>().map_err(wrong)?;
    check_mac(mac).map_err(|_| format!("{mac} is the address of no single device"))?;
    let labels = csv::words(row.cell("labels"));
    for label in &labels {
        check_label(label)?;
    }
    let expires = row.cell("expires");
    let expires_us = match expires.is_empty() {
        true => None,
        false => Some(parse_expiry(expires)?),
    };
    Ok(Candidate {
        mac,
        owner: word(row, "owner")?,
        labels,
        name: word(row, "name")?,
        device_type: word(row, "type")?,
        expires_us,
    })
}

/// A cell of one printable word or several.
fn word(row: &Row<'_>, column: &str) -> Result<Option<String>, String> {
    let cell = row.cell(column);
    if cell.len() > 253 || cell.chars().any(char::is_control) {
        return Err(format!(
            "\"{}\" cannot be the {column} of a device",
            cell.escape_debug()
        ));
    }
    Ok((!cell.is_empty()).then(|| cell.to_owned()))
}

/// Two lines may belong to one device that is known already; its second line then counts as well.
async fn records(store: &Store, chunk: &[(u64, Candidate)]) -> Result<Vec<DeviceRecord>, Failure> {
    let mut records: Vec<DeviceRecord> = Vec::with_capacity(chunk.len());
    for (_, line) in chunk {
        let mac = line.mac.to_string();
        let known = store
            .device_by_identifier(IdentifierKind::Mac, &mac)
            .await?;
        let Some(device) = known else {
            records.push(DeviceRecord {
                owner: line.owner.clone(),
                labels: line.labels.clone(),
                device_type: line.device_type.clone(),
                expires_us: line.expires_us.flatten(),
                macs: vec![mac.clone()],
                ..DeviceRecord::new(line.name.clone().unwrap_or(mac), SOURCE)
            });
            continue;
        };
        if let Some(record) = records
            .iter_mut()
            .find(|record| record.id == Some(device.id))
        {
            record.labels.extend(line.labels.clone());
            record.owner = line.owner.clone().or_else(|| record.owner.take());
            change(record, line);
            continue;
        }
        let mut record = DeviceRecord {
            owner: line.owner.clone(),
            labels: line.labels.clone(),
            ..DeviceRecord::change(device, SOURCE)
        };
        change(&mut record, line);
        records.push(record);
    }
    Ok(records)
}

/// What a line says beyond owner and labels.
fn change(record: &mut DeviceRecord, line: &Candidate) {
    if let Some(name) = &line.name {
        record.name.clone_from(name);
    }
    if line.device_type.is_some() {
        record.device_type.clone_from(&line.device_type);
    }
    record.expires_us = line.expires_us.unwrap_or(record.expires_us);
}

fn summary(total: usize, changed: usize, skipped: &[(u64, String)]) -> String {
    let mut text = format!("{} imported", count(total, "device"));
    if changed > 0 {
        text.push_str(&format!(", {changed} of them known before"));
    }
    if !skipped.is_empty() {
        text.push_str(&format!("; {} skipped:", count(skipped.len(), "bad line")));
        for (line, fault) in skipped {
            text.push_str(&format!("\nline {line}: {fault}"));
        }
    }
    text
}
