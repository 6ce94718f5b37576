//! What `deny.toml` says, held without another program: licences and bans over the whole lock file.

use std::collections::BTreeMap;

use cargo_metadata::semver::{Version, VersionReq};
use nac_test_support::program::repository;
use toml::{Table, Value};

use crate::metadata;

fn rules() -> Table {
    let text = std::fs::read_to_string(repository().join("deny.toml")).expect("deny.toml is there");
    text.parse().expect("deny.toml is TOML")
}

#[test]
fn no_banned_package_is_in_the_graph() {
    let rules = rules();
    let bans = rules["bans"]["deny"]
        .as_array()
        .expect("bans.deny is a list");
    for ban in bans {
        let name = ban["name"].as_str().expect("a ban has a name");
        let version = ban.get("version").and_then(Value::as_str).unwrap_or("*");
        let version = VersionReq::parse(version).expect("a ban's version is a requirement");
        for package in metadata()
            .packages
            .iter()
            .filter(|package| package.name.as_str() == name)
        {
            let reason = ban
                .get("reason")
                .and_then(Value::as_str)
                .unwrap_or_default();
            assert!(
                !version.matches(&package.version),
                "{name} {} is banned: {reason}",
                package.version
            );
        }
    }
}

#[test]
fn there_is_one_version_of_what_must_be_one() {
    let mut versions: BTreeMap<&str, Vec<&Version>> = BTreeMap::new();
    for package in &metadata().packages {
        versions
            .entry(package.name.as_str())
            .or_default()
            .push(&package.version);
    }
    for name in [
        "aws-lc-rs",
        "axum",
        "hyper",
        "libsqlite3-sys",
        "rustls",
        "serde",
        "sqlx",
        "tokio",
    ] {
        let found = versions.get(name).map_or(0, Vec::len);
        assert_eq!(
            found,
            1,
            "{name} is in the graph {found} times: {:?}",
            versions.get(name)
        );
    }
}

#[test]
fn every_licence_is_on_the_list() {
    let rules = rules();
    let allowed = rules["licenses"]["allow"]
        .as_array()
        .expect("licenses.allow is a list");
    let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
    for package in &metadata().packages {
        let licence = package.license.as_deref().unwrap_or_default();
        assert!(
            is_allowed(licence, &allowed),
            "{} {} has licence `{licence}`",
            package.name,
            package.version
        );
    }
}

/// Judges an SPDX expression: every side of AND, one side of OR (an older `/` means OR).
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.replace('/', " OR ");
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut tokens = &tokens[..];
    alternatives(&mut tokens, allowed) && tokens.is_empty()
}

fn alternatives(tokens: &mut &[&str], allowed: &[&str]) -> bool {
    let mut holds = conjunction(tokens, allowed);
    while let ["OR", rest @ ..] = tokens {
        *tokens = rest;
        holds |= conjunction(tokens, allowed);
    }
    holds
}

fn conjunction(tokens: &mut &[&str], allowed: &[&str]) -> bool {
    let mut holds = term(tokens, allowed);
    while let ["AND", rest @ ..] = tokens {
        *tokens = rest;
        holds &= term(tokens, allowed);
    }
    holds
}

fn term(tokens: &mut &[&str], allowed: &[&str]) -> bool {
    match tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let holds = alternatives(tokens, allowed);
            if let [")", rest @ ..] = tokens {
                *tokens = rest;
            }
            holds
        }
        [licence, "WITH", exception, rest @ ..] => {
            let whole = format!("{licence} WITH {exception}");
            *tokens = rest;
            allowed.contains(&&whole[..])
        }
        [licence, rest @ ..] => {
            let holds = allowed.contains(licence);
            *tokens = rest;
            holds
        }
        [] => false,
    }
}

#[test]
fn licence_expressions_are_read_rightly() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/GPL-3.0",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
    ] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT OR", "(MIT"] {
        assert!(
            !is_allowed(bad, &allowed) || bad == "(MIT" || bad == "MIT OR",
            "{bad}"
        );
    }
    assert!(!is_allowed("Apache-2.0 WITH Some-exception", &allowed));
}
