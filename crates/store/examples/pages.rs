//! How long the administrators' lists take with a million decisions and a hundred thousand sessions on SQLite:
//! `cargo run --workspace --example pages [DECISIONS]`. It fills a database in a temporary folder, two gigabytes of it.

#![allow(
    clippy::print_stdout,
    reason = "this program exists to print its figures"
)]

use std::time::{Duration, Instant};

use nac_store::{DecisionFilter, DecisionOutcome, SessionFilter, SessionSort, Store, now_us};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

const REPEAT: u32 = 5;
const DAY_US: i64 = 86_400_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let decisions: i64 = match std::env::args().nth(1) {
        Some(number) => number.parse()?,
        None => 1_000_000,
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("nac.db").display().to_string();
    let store = Store::open(&path, None).await?;
    let began = Instant::now();
    fill(&path, decisions, 100_000).await?;
    println!(
        "{decisions} decisions and 100000 sessions in {:.0?}",
        began.elapsed()
    );

    let text = |text: &str| Some(text.to_owned());
    let all = || DecisionFilter {
        limit: 100,
        ..DecisionFilter::default()
    };
    let now = now_us();
    let filters = [
        ("the first page", all()),
        (
            "refusals",
            DecisionFilter {
                outcome: Some(DecisionOutcome::Reject),
                ..all()
            },
        ),
        (
            "a MAC address",
            DecisionFilter {
                mac: text("02:00:00:00:00:07"),
                ..all()
            },
        ),
        (
            "a user",
            DecisionFilter {
                user: text("user-77"),
                ..all()
            },
        ),
        (
            "a search",
            DecisionFilter {
                search: text("user-77"),
                ..all()
            },
        ),
        (
            "a client",
            DecisionFilter {
                client: text("switch-3"),
                ..all()
            },
        ),
        (
            "a rare reason",
            DecisionFilter {
                reason_code: text("EAP-1203"),
                ..all()
            },
        ),
        (
            "a family of reasons",
            DecisionFilter {
                reason_code: text("EAP-"),
                ..all()
            },
        ),
        (
            "a method nobody uses",
            DecisionFilter {
                method: text("TEAP"),
                ..all()
            },
        ),
        (
            "a site nobody has",
            DecisionFilter {
                site: text("nowhere"),
                ..all()
            },
        ),
        (
            "three filters that fit nothing",
            DecisionFilter {
                client: text("switch-3"),
                segment: text("staff"),
                outcome: Some(DecisionOutcome::Reject),
                ..all()
            },
        ),
        (
            "an hour of ten days ago",
            DecisionFilter {
                since_us: Some(now - 10 * DAY_US),
                until_us: Some(now - 10 * DAY_US + DAY_US / 24),
                ..all()
            },
        ),
        (
            "slower than a second",
            DecisionFilter {
                slower_than_us: Some(1_000_000),
                ..all()
            },
        ),
    ];
    for (name, filter) in filters {
        let mut best = Duration::MAX;
        let mut rows = 0;
        for _ in 0..REPEAT {
            let began = Instant::now();
            rows = store.decision_list(&filter).await?.len();
            best = best.min(began.elapsed());
        }
        println!(
            "decisions: {name:32} {rows:4} rows {:8.1} ms",
            best.as_secs_f64() * 1e3
        );
    }
    let mut sessions = vec![(
        "a search".to_owned(),
        SessionFilter {
            search: text("user-77"),
            ..page()
        },
    )];
    sessions.push((
        "a segment".to_owned(),
        SessionFilter {
            segment: text("guest"),
            ..page()
        },
    ));
    sessions.push((
        "a user".to_owned(),
        SessionFilter {
            user: text("user-7"),
            ..page()
        },
    ));
    for &sort in SessionSort::ALL {
        sessions.push((
            format!("sorted by {sort}"),
            SessionFilter { sort, ..page() },
        ));
    }
    for (name, filter) in sessions {
        let mut best = Duration::MAX;
        let mut rows = 0;
        for _ in 0..REPEAT {
            let began = Instant::now();
            rows = store.session_list(&filter).await?.len();
            best = best.min(began.elapsed());
        }
        println!(
            "sessions:  {name:32} {rows:4} rows {:8.1} ms",
            best.as_secs_f64() * 1e3
        );
    }
    for (name, days) in [("a day", 1), ("a month", 30), ("a year", 365)] {
        let began = Instant::now();
        let overview = store.overview(now - days * DAY_US).await?;
        let spans = overview.traffic.len();
        println!(
            "overview:  {name:32} {spans:4} spans {:7.1} ms",
            began.elapsed().as_secs_f64() * 1e3
        );
    }
    store.close().await;
    Ok(())
}

fn page() -> SessionFilter {
    SessionFilter {
        open_only: true,
        limit: 100,
        ..SessionFilter::default()
    }
}

/// Thirty days of decisions, evenly; records of two kilobytes.
async fn fill(path: &str, decisions: i64, sessions: i64) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{path}")).await?;
    let record = record();
    let start_us = now_us() - 30 * DAY_US;
    let step_us = 30 * DAY_US / decisions;
    let statements = [
        "PRAGMA synchronous = off".to_owned(),
        "BEGIN".to_owned(),
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {decisions}) \
             INSERT INTO decision (id, at_us, client, mac, user_key, identity_key, outcome, segment, reason_code, \
             policy_version, session_id, record, method, site, nas_address, total_us) \
             SELECT unhex(printf('%012x7000%04x%012x', ({start_us} + i * {step_us}) / 1000, 32768 + i % 4096, i)), \
             {start_us} + i * {step_us}, 'switch-' || (i % 50), printf('02:00:00:00:%02x:%02x', i / 256 % 40, i % 256), \
             'user-' || (i * 7919 % 5000), 'user-' || (i * 7919 % 5000), \
             CASE WHEN i % 20 = 0 THEN 'reject' ELSE 'accept' END, \
             CASE WHEN i % 20 = 0 THEN NULL WHEN i % 3 = 0 THEN 'guest' ELSE 'staff' END, \
             CASE WHEN i % 20000 = 0 THEN 'EAP-1203' WHEN i % 20 = 0 THEN 'NAC-1001' ELSE 'NAC-0000' END, \
             i / 100000, NULL, '{record}', CASE i % 3 WHEN 0 THEN 'EAP-TLS' WHEN 1 THEN 'MAB' ELSE 'PEAP-MSCHAPv2' END, \
             'site-' || (i % 5), '10.0.0.' || (i % 50), 400 + i % 3000 FROM n"
        ),
        "INSERT INTO decision_tally SELECT at_us - at_us % 300000000, outcome, reason_code, COUNT(*) FROM decision \
         GROUP BY 1, 2, 3"
            .to_owned(),
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {sessions}) \
             INSERT INTO session (id, class, client, nas_address, nas_source, mac, user_name, identity, attributes, framed_ip, \
             method, segment, decision_id, policy_version, started_us, updated_us, user_key, identity_key) \
             SELECT unhex(printf('%012x7000%04x%012x', ({start_us} + i) / 1000, 32768 + i % 4096, i)), 'c', \
             'switch-' || (i % 50), '10.0.0.1', '10.0.0.1:1', printf('02:00:00:%02x:%02x:%02x', i / 65536, i / 256 % 256, i % 256), \
             'user-' || i, 'user-' || i, '[[\"Acct-Session-Id\",\"0000000000000000\"],[\"NAS-Port-Id\",\"GigabitEthernet1/0/1\"]]', \
             '10.1.' || (i / 256 % 256) || '.' || (i % 256), 'EAP-TLS', CASE i % 4 WHEN 0 THEN 'guest' ELSE 'staff' END, \
             zeroblob(16), 1, {start_us}, {start_us}, 'user-' || i, 'user-' || i FROM n"
        ),
        "COMMIT".to_owned(),
        "PRAGMA wal_checkpoint(truncate)".to_owned(),
    ];
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
    }
    connection.close().await
}

/// A record as it is stored, with two kilobytes of attributes.
fn record() -> String {
    let attributes: Vec<(String, String)> = (0..40)
        .map(|number| {
            (
                format!("Cisco-AVPair-{number:02}"),
                "audit-session-id=0A0000FE00000000".to_owned(),
            )
        })
        .collect();
    serde_json::json!({
        "id": "0190d3b4-77f0-7e3a-8f5e-3f8f4c5a2b10", "at_us": 0, "client": "switch-1", "nas_address": "10.0.0.1",
        "mac": "02:00:00:00:00:01", "user_name": "alice", "identity": "alice", "method": "EAP-TLS",
        "outcome": "accept", "segment": "staff", "reason_code": "NAC-0000", "reason": "permitted", "remedy": "",
        "policy_version": 1, "facts": null, "decision": null, "attributes": [], "request": attributes, "eap": null,
        "timings": {}, "session_id": null
    })
    .to_string()
}
