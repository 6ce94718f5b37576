//! Measures how long a decision takes: `cargo run --release -p nac-policy --example measure`.
//!
//! Sets of 10, 50 and 200 policies: with scopes as organisations write them (groups at sites); with
//! every policy open to every request; and open with conditions that begin with nothing plain, so
//! that Cedar has to evaluate every policy, which is the worst case. *First time* means facts that
//! the set has never seen; *remembered* means that it has.

#![allow(
    clippy::print_stdout,
    reason = "this program exists to print its figures"
)]

use std::hint::black_box;
use std::time::Instant;

use nac_policy::{Engine, Facts, IdentityKind, Verdict};

const FIRST_TIMES: i64 = 20_000;
const REMEMBERED: usize = 200_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Scoped,
    Open,
    Opaque,
}

fn main() {
    println!(
        "| policies | scopes | load ms | considered | first time p50 µs | p99 µs | remembered p50 µs | p99 µs |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for count in [10, 50, 200] {
        for shape in [Shape::Scoped, Shape::Open, Shape::Opaque] {
            measure(count, shape);
        }
    }
}

fn measure(count: usize, shape: Shape) {
    let segments: Vec<String> = (0..8).map(|number| format!("segment-{number}")).collect();
    let text: String = (0..count).map(|number| policy(number, shape)).collect();
    let start = Instant::now();
    let engine = Engine::load(&text, &segments).unwrap_or_else(|errors| panic!("{errors}"));
    let load_ms = start.elapsed().as_secs_f64() * 1e3;

    // The set reads the age of the posture, so that every age is new to it.
    let first = sample(
        (0..FIRST_TIMES).map(|age| facts(age.unsigned_abs() as usize, age)),
        &engine,
    );
    let known: Vec<Facts> = (0..1_000).map(|number| facts(number, -1)).collect();
    known.iter().for_each(|facts| drop(engine.decide(facts)));
    let again = sample(known.iter().cloned().cycle().take(REMEMBERED), &engine);
    let considered = engine.decide(&facts(0, 0)).considered;

    let scopes = match shape {
        Shape::Scoped => "groups and sites",
        Shape::Open => "all open",
        Shape::Opaque => "all open, nothing plain",
    };
    println!(
        "| {count} | {scopes} | {load_ms:.0} | {considered} | {:.1} | {:.1} | {:.2} | {:.2} |",
        percentile(&first, 50),
        percentile(&first, 99),
        percentile(&again, 50),
        percentile(&again, 99),
    );
}

/// How long each decision took, in microseconds, sorted.
fn sample(cases: impl Iterator<Item = Facts>, engine: &Engine) -> Vec<f64> {
    let mut times: Vec<f64> = cases
        .map(|facts| {
            let start = Instant::now();
            black_box(engine.decide(black_box(&facts)));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted
        .get(sorted.len() * percent / 100)
        .copied()
        .unwrap_or_default()
}

fn policy(number: usize, shape: Shape) -> String {
    let segment = number % 8;
    let scope = if shape == Shape::Scoped {
        format!(
            "principal in Group::\"group-{}\", action, resource in Site::\"site-{}\"",
            number % 20,
            number % 5
        )
    } else {
        "principal, action, resource".to_owned()
    };
    let condition = match number % 5 {
        0 => format!("context.eap && context.device.labels.contains(\"label-{number}\")"),
        1 => format!(
            "context.method == \"EAP-TLS\" && context.posture.verdict == \"compliant\" && \
             context.posture.binding >= 2 && context.nas.ssid == \"ssid-{number}\""
        ),
        2 => format!(
            "context.eap && context.time.hour >= 7 && context.time.hour < 19 && \
             context.nas.port_type == \"ethernet\" && context.device.owner == \"user-{number}\""
        ),
        3 => format!(
            "context.device.known && !context.device.blocked && context.posture has age_s && \
             context.posture.age_s < {number}"
        ),
        _ => format!(
            "context.identity.kind == \"user\" && !context.device.random_mac && \
             context.posture.failing.contains(\"check-{number}\")"
        ),
    };
    let condition = match shape {
        Shape::Opaque => format!("({condition}) || context.nas.port == \"none\""),
        Shape::Scoped | Shape::Open => condition,
    };
    let effect = match number % 10 {
        9 => format!("@segment(\"segment-{segment}\") forbid"),
        _ => format!("@segment(\"segment-{segment}\") permit"),
    };
    format!(
        "@id(\"policy-{number}\") @order(\"{number}\") {effect} ({scope}) when {{ {condition} }};\n"
    )
}

fn facts(number: usize, age_s: i64) -> Facts {
    let mut facts = Facts {
        method: "EAP-TLS".to_owned(),
        ..Facts::default()
    };
    facts.identity.kind = IdentityKind::User;
    facts.identity.name = format!("user-{number}");
    facts.identity.source = "certificate".to_owned();
    facts.identity.groups = (0..4)
        .map(|group| format!("group-{}", (number + group) % 20))
        .collect();
    facts.device.known = true;
    facts.device.id = format!("018f0000-0000-7000-8000-{number:012x}");
    facts.device.name = format!("laptop-{number}");
    facts.device.owner = facts.identity.name.clone();
    facts.device.labels = vec!["laptop".to_owned(), format!("label-{}", number % 200)];
    facts.device.enrolled = true;
    facts.device.mac = "02:00:5e:00:53:01".to_owned();
    facts.posture.verdict = Verdict::Compliant;
    facts.posture.binding = 3;
    facts.posture.age_s = (age_s >= 0).then_some(age_s);
    facts.nas.client = format!("switch-{}", number % 40);
    facts.nas.site = format!("site-{}", number % 5);
    facts.nas.vendor = "generic".to_owned();
    facts.nas.port = "GigabitEthernet1/0/7".to_owned();
    facts.nas.port_type = "ethernet".to_owned();
    facts.nas.address = "192.0.2.1".to_owned();
    facts.time.hour = 10;
    facts
}
