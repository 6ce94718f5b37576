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
use crate::admin::lines::{Layout, Lines, Plan};
use crate::web::Failure;

const LAYOUT: Layout = Layout {
    columns: &["mac", "name", "owner", "labels", "type", "expires"],
    required: "mac",
    most: 1_000,
    command: "nac device import",
};

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ImportForm {
    csv: String,
    confirmed: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/device/import.html")]
struct ImportPage {
    chrome: Chrome,
    csv: String,
    /// What would be done, after the first look.
    plan: Option<Plan>,
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
    let Lines {
        rows: mut records,
        faults,
    } = parse(&form.csv);
    resolve(&state.store, &mut records).await?;
    let changed = records.iter().filter(|record| record.id.is_some()).count();
    let added = records.len() - changed;
    let plan = Plan::new(added, changed, faults);
    if form.confirmed.is_some() && plan.is_good() {
        account.store(&state).device_put_many(records).await?;
        return Ok(Done::at(
            "/devices?sort=changed&order=reverse",
            format!("{added} devices are added, {changed} changed."),
        )
        .into_response());
    }
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

fn parse(text: &str) -> Lines<DeviceRecord> {
    let mut seen = HashSet::new();
    LAYOUT.read(text, |cells| {
        let mac = cells.get("mac");
        let Some(normal) = mac_normalise(mac) else {
            let mac: String = mac.chars().take(40).collect();
            return Err(format!("`{mac}` is not a MAC address"));
        };
        if !seen.insert(normal.clone()) {
            return Err(format!("the MAC address {normal} comes a second time"));
        }
        let cell = |column| cells.get(column).to_owned();
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
    })
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
        assert_eq!(parsed.rows.len(), 1);
        let lines: Vec<u64> = parsed.faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert!(parsed.faults[1].1.contains("second time"));
        assert!(parse("address\n1\n").faults[0].1.contains("no column"));
        assert!(parse("name\nx\n").faults[0].1.contains("column mac"));
    }
}
