//! `nac device import`: many devices at once, all lines checked before the first is stored.

use std::collections::HashSet;
use std::path::Path;

use nac_radius::MacAddr;
use nac_store::{DeviceRecord, IdentifierKind, Store};
use serde_json::json;

use super::check_label;
use super::mac::check_mac;
use crate::cli::csv::{self, Row};
use crate::cli::output::{Progress, answer, count};
use crate::cli::{Answer, Context, Failure, Outcome};

const COLUMNS: [&str; 3] = ["mac", "owner", "labels"];
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
}

pub(super) async fn run(context: &Context, file: &Path, skip_bad: bool) -> Outcome {
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
        store.device_put_many(records).await.map_err(|error| {
            Failure::from(error).fix(format!(
                "{done} of {total} devices were imported; run the same command again"
            ))
        })?;
        done += chunk.len();
        progress.reached(done);
    }
    let record = json!({
        "imported": total,
        "changed": changed,
        "skipped": skipped.iter().map(|(line, fault)| json!({ "line": line, "fault": fault }))
            .collect::<Vec<_>>(),
    });
    answer(context.json(), &record, &summary(total, changed, &skipped))?;
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
    let owner = row.cell("owner");
    if owner.len() > 253 || owner.chars().any(char::is_control) {
        return Err(format!("\"{}\" cannot be an owner", owner.escape_debug()));
    }
    Ok(Candidate {
        mac,
        owner: (!owner.is_empty()).then(|| owner.to_owned()),
        labels,
    })
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
                macs: vec![mac.clone()],
                ..DeviceRecord::new(mac, SOURCE)
            });
            continue;
        };
        if let Some(record) = records
            .iter_mut()
            .find(|record| record.id == Some(device.id))
        {
            record.labels.extend(line.labels.clone());
            record.owner = line.owner.clone().or_else(|| record.owner.take());
            continue;
        }
        records.push(DeviceRecord {
            owner: line.owner.clone(),
            labels: line.labels.clone(),
            ..DeviceRecord::change(device, SOURCE)
        });
    }
    Ok(records)
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
