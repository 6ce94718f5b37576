//! Arrows point down only.

use std::collections::BTreeSet;

use cargo_metadata::DependencyKind;

use crate::metadata;

/// Which of our packages each package may depend on. A package that is not listed fails the test.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("nac-radius", &[]),
    ("nac-eap", &[]),
    ("nac-policy", &[]),
    ("nac-pki", &[]),
    ("nac-store", &["nac-policy"]),
    ("nac-posture", &["nac-policy", "nac-pki", "nac-store"]),
    ("nac-posture-simulator", &[]),
    (
        "nac-portal",
        &[
            "nac-policy",
            "nac-pki",
            "nac-posture",
            "nac-radius",
            "nac-store",
        ],
    ),
    (
        "nac-server",
        &[
            "nac-eap",
            "nac-pki",
            "nac-policy",
            "nac-portal",
            "nac-posture",
            "nac-posture-simulator",
            "nac-radius",
            "nac-store",
        ],
    ),
    (
        "nac-tests",
        &["nac-eap", "nac-pki", "nac-posture-simulator", "nac-radius"],
    ),
    (
        "nac-fuzz",
        &[
            "nac-eap",
            "nac-pki",
            "nac-policy",
            "nac-posture",
            "nac-radius",
            "nac-store",
        ],
    ),
];

/// The engine rooms that do no I/O and take time and chance as arguments.
const PURE: [&str; 4] = ["nac-eap", "nac-pki", "nac-policy", "nac-radius"];

/// What has no business in a pure room: runtimes, sockets, databases, random numbers.
const IMPURE: [&str; 12] = [
    "async-std",
    "axum",
    "fastrand",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "reqwest",
    "rusqlite",
    "socket2",
    "sqlx",
    "tokio",
];

/// The direct dependencies of a workspace package, without those of its tests.
fn direct(name: &str) -> BTreeSet<&'static str> {
    let package = metadata()
        .packages
        .iter()
        .find(|package| package.name.as_str() == name);
    let package = package.unwrap_or_else(|| panic!("there is no package {name}"));
    let shipped = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development);
    shipped.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn every_room_depends_only_on_rooms_below_it() {
    for package in metadata().workspace_packages() {
        let name = package.name.as_str();
        let rule = ALLOWED.iter().find(|(room, _)| *room == name);
        let (_, below) = rule.unwrap_or_else(|| panic!("{name} is not in the plan of the house"));
        for dependency in direct(name)
            .into_iter()
            .filter(|dependency| dependency.starts_with("nac-"))
        {
            assert!(
                below.contains(&dependency),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn pure_rooms_have_no_runtime_no_sockets_and_no_randomness() {
    for room in PURE {
        for dependency in direct(room) {
            assert!(
                !IMPURE.contains(&dependency),
                "{room} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn only_the_store_speaks_sql() {
    for package in metadata().workspace_packages() {
        let name = package.name.as_str();
        if name != "nac-store" {
            assert!(
                !direct(name).contains("sqlx"),
                "{name} must not depend on sqlx"
            );
        }
    }
}
