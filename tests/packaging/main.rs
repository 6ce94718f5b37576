//! What is delivered beside the program: alert rules and a dashboard, tried with Prometheus itself.
//!
//! *Invariant*: every query of the dashboard and every alert names metrics that a real server really has, and Prometheus
//! evaluates it without an error.

mod prometheus;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nac_test_support::directory::TestDirectory;
use nac_test_support::program;
use nac_test_support::service::Service;
use serde_json::Value;

use prometheus::Prometheus;

/// Metrics that Prometheus makes by itself.
const OWN: [&str; 2] = ["up", "ALERTS"];

fn packaging(file: &str) -> PathBuf {
    program::repository().join("packaging").join(file)
}

fn promtool() -> Command {
    Command::new(program::peer("promtool", "prometheus"))
}

#[test]
fn promtool_finds_no_fault_in_the_alerts() {
    let said = program::run(
        promtool()
            .args(["check", "rules", "--lint=all", "--lint-fatal"])
            .arg(packaging("prometheus/nac.rules.yml")),
    );
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn every_alert_fires_where_it_must_and_only_there() {
    program::run(
        promtool()
            .args(["test", "rules"])
            .arg(packaging("prometheus/nac.rules.test.yml")),
    );
    let rules = std::fs::read_to_string(packaging("prometheus/nac.rules.yml")).expect("the rules");
    let tests =
        std::fs::read_to_string(packaging("prometheus/nac.rules.test.yml")).expect("their tests");
    for alert in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        let named = tests.contains(&format!("\"{alert}\""))
            || tests.contains(&format!("alertname: {alert}"));
        assert!(named, "{alert} has no test");
    }
}

#[test]
fn every_query_of_dashboard_and_alerts_runs_on_what_a_real_server_says() {
    let directory = TestDirectory::new("prometheus");
    // The demo has traffic of every kind: accepts, refusals, CoA, osquery, a stranger.
    let mut demo = Command::new(program::nac());
    demo.arg("demo");
    let demo = Service::start(&demo, &directory.path().join("demo.log"), None);
    let mut metrics = None;
    demo.wait_ready(Duration::from_secs(120), || {
        metrics = demo.log().lines().find_map(|line| {
            line.trim()
                .strip_prefix("curl http://")?
                .strip_suffix("/metrics")
                .map(str::to_owned)
        });
        metrics.is_some()
    });
    let metrics = metrics.expect("the demo tells where its metrics are");
    let prometheus =
        Prometheus::start(&directory, &metrics, &packaging("prometheus/nac.rules.yml"));
    prometheus.wait_for("sum(nac_posture_hosts) >= 1");
    prometheus.wait_for("up{job=\"nac\"} == 1 and count_over_time(up{job=\"nac\"}[1m]) > 2");

    let mut known = prometheus.metric_names();
    known.extend(prometheus.described_names());
    let mut asked = 0;
    for query in queries() {
        // What Grafana fills in.
        let query = query
            .replace("$__rate_interval", "1m")
            .replace("$instance", ".*");
        prometheus.query(&query);
        for name in names(&query) {
            assert!(
                known.contains(&name) || OWN.contains(&name.as_str()),
                "{query}: there is no metric {name}"
            );
            asked += 1;
        }
    }
    assert!(asked > 60, "only {asked} metrics were asked for");
    let faults = prometheus.rule_faults();
    assert!(faults.is_empty(), "{faults:?}");
    // Not only names: the story of the demo is in the numbers.
    for holds in [
        "sum(nac_decisions_total{outcome=\"accept\"}) >= 3",
        "sum(nac_refusals_total) >= 1",
        "sum(nac_enforcements_total{kind=\"move\",result=\"proven\"}) >= 1",
        "sum(nac_coa_requests_total{result=\"ack\"}) >= 1",
        "sum(nac_osquery_requests_total{status=\"200\"}) >= 3",
        "nac_unknown_nas_packets_total >= 1",
        "nac_certificate_expiry_timestamp_seconds{use=\"eap\"} > time()",
        "process_resident_memory_bytes{job=\"nac\"} > 1e6",
        "count(nac_build_info) == 1",
    ] {
        assert!(!prometheus.query(holds).is_empty(), "{holds} does not hold");
    }
}

/// Every expression of the dashboard and the rules.
fn queries() -> Vec<String> {
    let text = std::fs::read_to_string(packaging("grafana/nac.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let mut found = Vec::new();
    expressions(&dashboard, &mut found);
    assert!(found.len() > 40, "{}", found.len());
    let rules = std::fs::read_to_string(packaging("prometheus/nac.rules.yml")).expect("the rules");
    let mut lines = rules.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.trim().strip_prefix("expr: ") else {
            continue;
        };
        let mut expression = first.trim_start_matches(">-").to_owned();
        while let Some(next) = lines.next_if(|next| next.starts_with("          ")) {
            expression += " ";
            expression += next.trim();
        }
        found.push(expression);
    }
    found
}

fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == "expr" => found.push(text.to_owned()),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

/// The metrics that a query names.
fn names(query: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    query
        .split(|c: char| !word(c))
        .filter(|word| {
            ["nac_", "process_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
                || OWN.contains(word)
        })
        .map(str::to_owned)
        .collect()
}
