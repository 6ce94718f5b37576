//! What a decision costs to keep, in processor time, by how many go into one transaction:
//! `cargo run --release --workspace --example record [DECISIONS]`. SQLite, in a temporary folder.

#![allow(
    clippy::print_stdout,
    reason = "this program exists to print its figures"
)]

use std::sync::Arc;

use nac_policy::Facts;
use nac_store::{DecisionOutcome, DecisionRecord, Store, Timings, now_us};
use uuid::Uuid;

const USERS: usize = 1_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let decisions: usize = match std::env::args().nth(1) {
        Some(number) => number.parse()?,
        None => 100_000,
    };
    for group in [16, 128, 512, 4_096] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("nac.db").display().to_string();
        let store = Store::open(&path, None).await?;
        let mut spent = 0.0;
        for first in (0..decisions).step_by(group) {
            let records: Vec<_> = (first..first + group).map(record).collect();
            let before = processor_s()?;
            store.decision_put_many(&records).await?;
            spent += processor_s()? - before;
        }
        println!(
            "{group:5} in one transaction: {:5.1} µs each",
            spent * 1e6 / decisions as f64
        );
    }
    Ok(())
}

/// What one Access-Request of a switch leads to.
fn record(number: usize) -> Arc<DecisionRecord> {
    let user = number.wrapping_mul(7_919) % USERS;
    let name = format!("user{user}");
    let mac = format!("02:00:00:00:{:02x}:{:02x}", user >> 8, user & 0xff);
    let mut facts = Facts::default();
    facts.identity.name.clone_from(&name);
    facts.nas.client = "switch-3".to_owned();
    facts.device.mac.clone_from(&mac);
    let pairs = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    Arc::new(DecisionRecord {
        id: Uuid::now_v7(),
        at_us: now_us(),
        client: "switch-3".to_owned(),
        nas_address: "192.0.2.3".to_owned(),
        mac: Some(mac.clone()),
        user_name: name.clone(),
        identity: name.clone(),
        method: "PAP".to_owned(),
        offer: "default".to_owned(),
        outcome: DecisionOutcome::Accept,
        segment: Some("staff".to_owned()),
        reason_code: "NAC-0000".to_owned(),
        reason: "permitted".to_owned(),
        remedy: String::new(),
        policy_version: 3,
        facts: Some(Arc::new(facts)),
        decision: None,
        attributes: pairs(&[
            ("Message-Authenticator", "(masked)"),
            ("User-Name", &name),
            ("Class", "0x0192837465aabbccddeeff0011223344"),
            ("Tunnel-Type", "VLAN"),
            ("Tunnel-Medium-Type", "IEEE-802"),
            ("Tunnel-Private-Group-Id", "20"),
            ("Session-Timeout", "3600"),
        ]),
        request: pairs(&[
            ("Message-Authenticator", "(masked)"),
            ("User-Name", &name),
            ("User-Password", "(masked)"),
            ("NAS-IP-Address", "192.0.2.3"),
            ("NAS-Port", "17"),
            ("NAS-Port-Type", "Ethernet"),
            ("Calling-Station-Id", &mac),
            ("Called-Station-Id", "00-11-22-33-44-55"),
            ("Service-Type", "Framed-User"),
            ("Framed-MTU", "1400"),
        ]),
        eap: None,
        timings: Timings::default(),
        session_id: Some(Uuid::now_v7()),
    })
}

/// Processor time of this process so far, in seconds.
fn processor_s() -> std::io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // user and system time are fields 14 and 15 of the line (proc(5)); 100 ticks a second.
    Ok((ticks(11) + ticks(12)) / 100.0)
}
