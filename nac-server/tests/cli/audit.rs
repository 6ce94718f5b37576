//! `nac audit`: every change by command is recorded as the operator's, and who tampers with the record is found out.

use rusqlite::Connection;

use crate::site::{Run, Site, nac};

/// An installation with six changes by somebody called helen.
fn changed() -> Site {
    let site = Site::new();
    for name in ["one", "two", "three", "four", "five", "six"] {
        by_helen(&site, &["segment", "set", name, "--vlan", "30"]).ends(0);
    }
    site
}

fn by_helen(site: &Site, arguments: &[&str]) -> Run {
    let mut command = nac();
    command
        .env("SUDO_USER", "helen")
        .arg("--config")
        .arg(site.installed("nac.toml"))
        .args(arguments);
    Run::of(&mut command, "")
}

fn tamper(site: &Site, sql: &str) {
    let database = Connection::open(site.installed("nac.db")).expect("a SQLite file");
    database.execute_batch(sql).expect("the statement runs");
}

#[test]
fn a_change_by_command_is_recorded_with_who_and_what() {
    let site = changed();
    by_helen(&site, &["client", "add", "sw1", "--address", "192.0.2.1"]).ends(0);
    let all = site.json(&["audit", "list"]);
    let newest = &all[0];
    assert_eq!(newest["action"], "client.add");
    assert_eq!(newest["object"], "client:sw1");
    assert_eq!(
        (&newest["actor"], &newest["actor_kind"]),
        (&"cli:helen".into(), &"cli".into())
    );
    assert_eq!(newest["after"]["address"], "192.0.2.1/32");
    assert_eq!(newest["after"]["secret"], serde_json::Value::Null);
    let segments = site.json(&["audit", "list", "--action", "segment.", "--limit", "2"]);
    let objects: Vec<&str> = segments
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["object"].as_str())
        .collect();
    assert_eq!(objects, ["segment:six", "segment:five"]);
    let before = segments[1]["seq"].as_i64().expect("a number").to_string();
    let next = site.json(&["audit", "list", "--before", &before, "--limit", "1"]);
    assert_eq!(next[0]["object"], "segment:four");
    let none = site.json(&["audit", "list", "--actor", "cli:mallory"]);
    assert_eq!(none.as_array().map(Vec::len), Some(0));
    site.run(&["audit", "list", "--object", "client:sw1"])
        .ends(0)
        .says(&["client.add", "cli:helen"]);
    site.run(&["audit", "list", "--since", "soon"]).ends(2);
}

#[test]
fn a_whole_log_verifies_and_its_seal_can_be_noted() {
    let site = changed();
    let verified = site.json(&["audit", "verify"]);
    assert_eq!(verified["rows"], 6);
    let seal = verified["seal"].as_str().expect("a seal").to_owned();
    site.run(&["segment", "set", "seven", "--vlan", "31"])
        .ends(0);
    site.run(&["audit", "verify", "--seal", &seal])
        .ends(0)
        .says(&["whole", "7 rows"]);
    let foreign = "0".repeat(64);
    site.run(&["audit", "verify", "--seal", &foreign])
        .ends(1)
        .says(&["no row of it has the seal"]);
}

#[test]
fn whoever_edits_removes_truncates_or_swaps_rows_is_found_out() {
    for (sql, row) in [
        ("UPDATE audit SET after = NULL WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq > 2", 3),
        (
            "UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 5; \
             UPDATE audit SET seq = 5 WHERE seq = 99",
            2,
        ),
    ] {
        let site = changed();
        tamper(&site, sql);
        site.run(&["audit", "verify"])
            .ends(1)
            .says(&[&format!("broken at row {row}:")]);
        let failure = site.run(&["audit", "verify", "--json"]).ends(1);
        assert!(failure.out.is_empty(), "{}", failure.out);
        serde_json::from_str::<serde_json::Value>(&failure.err).expect("one line of JSON");
    }
}

#[test]
fn an_export_has_every_row_oldest_first_and_no_formula() {
    let site = changed();
    by_helen(
        &site,
        &[
            "segment",
            "set",
            "seven",
            "--description",
            "=1+1",
            "--vlan",
            "1",
        ],
    )
    .ends(0);
    let lines = site.run(&["audit", "export"]).ends(0).out;
    let rows: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let numbers: Vec<i64> = rows.iter().filter_map(|row| row["seq"].as_i64()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(rows[6]["after"]["description"], "=1+1");
    assert_eq!(rows[6]["seal"].as_str().map(str::len), Some(64));
    let csv = site
        .run(&["audit", "export", "--format", "csv"])
        .ends(0)
        .out;
    assert!(csv.starts_with("seq,at,actor_kind,actor,source,action,object,before,after,seal\n"));
    assert_eq!(csv.lines().count(), 8);
    assert!(
        !csv.split([',', '\n']).any(|cell| cell.starts_with('=')),
        "{csv}"
    );
}
