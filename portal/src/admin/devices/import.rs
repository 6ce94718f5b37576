//! Many devices by CSV: every line is checked first, and nothing is stored before somebody saw what would be.

use std::collections::HashSet;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use nac_store::{DeviceRecord, Store, mac_normalise};
use serde::Deserialize;

use super::form::DeviceForm;
use super::{Account, AdminState, Chrome, Done, Place, Problem, SOURCE, render};
use crate::web::Failure;

/// The most lines of one form; larger files go through `nac device import`.
const LINES_MAX: usize = 1_000;
/// How many faulty lines are shown one by one.
const FAULTS_SHOWN: usize = 50;
/// The columns, of which only the first must be there.
const COLUMNS: [&str; 6] = ["mac", "name", "owner", "labels", "type", "expires"];

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ImportForm {
    csv: String,
    confirmed: Option<String>,
}

/// What a text holds.
#[derive(Debug, Default)]
struct Parsed {
    records: Vec<DeviceRecord>,
    faults: Vec<(u64, String)>,
}

#[derive(Template)]
#[template(path = "admin/device/import.html")]
struct ImportPage {
    chrome: Chrome,
    csv: String,
    /// What would be done, after the first look.
    plan: Option<Plan>,
}

struct Plan {
    added: usize,
    changed: usize,
    faults: Vec<(u64, String)>,
    unshown: usize,
}

pub(super) async fn page(
    State(state): State<AdminState>,
    account: Account,
) -> Result<Response, Problem> {
    show(&state, &account, String::new(), None).await
}

async fn show(
    state: &AdminState,
    account: &Account,
    csv: String,
    plan: Option<Plan>,
) -> Result<Response, Problem> {
    render(&ImportPage {
        chrome: Chrome::new(state, account, "Import devices", Place::Devices).await,
        csv,
        plan,
    })
}

pub(super) async fn run(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<ImportForm>,
) -> Result<Response, Problem> {
    let Parsed {
        mut records,
        mut faults,
    } = parse(&form.csv);
    resolve(&state.store, &mut records).await?;
    let changed = records.iter().filter(|record| record.id.is_some()).count();
    let added = records.len() - changed;
    if form.confirmed.is_some() && faults.is_empty() && !records.is_empty() {
        account.store(&state).device_put_many(records).await?;
        return Ok(Done::at(
            "/devices?sort=changed&order=reverse",
            format!("{added} devices are added, {changed} changed."),
        )
        .into_response());
    }
    let unshown = faults.len().saturating_sub(FAULTS_SHOWN);
    faults.truncate(FAULTS_SHOWN);
    let plan = Plan {
        added,
        changed,
        faults,
        unshown,
    };
    show(&state, &account, form.csv, Some(plan)).await
}

/// Lines for devices that are known change them.
async fn resolve(store: &Store, records: &mut [DeviceRecord]) -> Result<(), Failure> {
    for record in records {
        if let Some(mac) = record.macs.first()
            && let Some(device) = store.device_find(mac).await?
        {
            record.id = Some(device.id);
            record.status = device.status;
        }
    }
    Ok(())
}

fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_lowercase).collect(),
        Err(error) => {
            parsed.faults.push((1, error.to_string()));
            return parsed;
        }
    };
    if let Some(unknown) = header.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        let unknown: String = unknown.chars().take(40).collect();
        parsed.faults.push((
            1,
            format!(
                "`{unknown}` is no column: the first line names some of {}",
                COLUMNS.join(", ")
            ),
        ));
        return parsed;
    }
    if !header.iter().any(|name| name == "mac") {
        parsed
            .faults
            .push((1, "the first line must name the column mac".to_owned()));
        return parsed;
    }
    let mut seen = HashSet::new();
    for (number, row) in reader.records().enumerate() {
        if number == LINES_MAX {
            parsed.faults.push((
                0,
                format!("at most {LINES_MAX} lines at once: use `nac device import` for more"),
            ));
            break;
        }
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                parsed.faults.push((line, error.to_string()));
                continue;
            }
        };
        let line = row.position().map_or(0, csv::Position::line);
        match record(&header, &row, &mut seen) {
            Ok(record) => parsed.records.push(record),
            Err(fault) => parsed.faults.push((line, fault)),
        }
    }
    parsed
}

fn record(
    header: &[String],
    row: &csv::StringRecord,
    seen: &mut HashSet<String>,
) -> Result<DeviceRecord, String> {
    let cell = |column: &str| -> String {
        header
            .iter()
            .position(|name| name == column)
            .and_then(|position| row.get(position))
            .unwrap_or_default()
            .to_owned()
    };
    if row.len() > header.len() {
        return Err(format!(
            "it has {} cells and the first line names {}",
            row.len(),
            header.len()
        ));
    }
    let mac = cell("mac");
    let Some(normal) = mac_normalise(&mac) else {
        let mac: String = mac.chars().take(40).collect();
        return Err(format!("`{mac}` is not a MAC address"));
    };
    if !seen.insert(normal.clone()) {
        return Err(format!("the MAC address {normal} comes a second time"));
    }
    DeviceForm {
        name: cell("name"),
        owner: Some(cell("owner")),
        labels: cell("labels"),
        kind: Some(cell("type")),
        expires: Some(cell("expires")),
        macs: normal,
    }
    .record(DeviceRecord::new("", SOURCE))
    .map_err(|failure| failure.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_faulty_line_is_named_with_its_number() {
        let parsed = parse(
            "mac,name,expires\n02:00:00:00:00:01,printer,\nnonsense,x,\n0200.0000.0001,again,\n\
             02:00:00:00:00:02,late,tomorrow\n",
        );
        assert_eq!(parsed.records.len(), 1);
        let lines: Vec<u64> = parsed.faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert!(parsed.faults[1].1.contains("second time"));
        assert!(parse("address\n1\n").faults[0].1.contains("no column"));
        assert!(parse("name\nx\n").faults[0].1.contains("column mac"));
    }
}
