//! Every built-in check's own SQL on its own example hosts, in tables with osquery's schema.

use nac_posture_simulator::{Fixture, HostDatabase, HostSettings, tables};

use super::*;
use crate::osquery::outcome_of_rows;
use nac_store::CheckOutcome;

fn database(platform: &str, rows: &[FixtureRow]) -> HostDatabase {
    let rows: Vec<Fixture> = rows
        .iter()
        .map(|row| Fixture {
            table: row.table.clone(),
            row: row.row.clone(),
        })
        .collect();
    HostDatabase::new(platform, &rows).expect("fixtures that fit osquery's schema")
}

fn ask(database: &HostDatabase, check: &Check) -> CheckOutcome {
    let rows = database
        .query(&check.query)
        .expect("SQL that osquery understands");
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|(key, value)| (key, value.into()))
                .collect()
        })
        .collect();
    outcome_of_rows(&rows)
}

#[test]
fn every_built_in_file_is_a_check() {
    for (file, text) in EMBEDDED {
        let check = Check::parse(file, text).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(format!("{}.toml", check.name), *file);
    }
    assert_eq!(CheckSet::embedded().len(), EMBEDDED.len());
    assert!(EMBEDDED.len() >= 16);
}

#[test]
fn every_built_in_check_tells_what_to_do_in_every_language_of_the_portal() {
    for check in CheckSet::embedded().iter() {
        for platform in &check.platforms {
            for language in ["en", "de", "fr", "es", "ar"] {
                let told = check.told(language, platform);
                let name = format!("{} {platform} {language}", check.name);
                assert_eq!(told.language, language, "{name}");
                assert!(told.seen.is_some() && told.why.is_some(), "{name}");
                assert!(
                    told.steps != [check.resolution.as_str()],
                    "{name} has no steps"
                );
                assert!(told.minutes.is_some(), "{name}");
            }
            let english = check.told("en", platform);
            for language in ["de", "fr", "es", "ar"] {
                let told = check.told(language, platform);
                assert_ne!(told.title, english.title, "{} {language}", check.name);
                assert_ne!(told.seen, english.seen, "{} {language}", check.name);
                assert_eq!(
                    told.steps.len(),
                    english.steps.len(),
                    "{} {platform} {language}",
                    check.name
                );
            }
            assert_eq!(
                check.told("nl", platform),
                english,
                "whole sentences of one language"
            );
        }
    }
}

#[test]
fn a_check_without_texts_tells_its_resolution_and_a_wrong_text_is_a_fault() {
    let plain = "name = \"a\"\ntitle = \"Disk\"\nplatforms = [\"linux\"]\nseverity = \"high\"\n\
        tables = [\"uptime\"]\nquery = \"SELECT 1\"\nresolution = \"Ask IT.\"\n\
        [fixtures]\npass = []\nfail = []\n";
    let check = Check::parse("a.toml", plain).expect("a check");
    let told = check.told("de", "linux");
    assert_eq!(
        (told.title, told.steps.as_slice()),
        ("Disk", &["Ask IT."][..])
    );
    for (wrong, field) in [
        (
            "[help]\nlink = { linux = \"javascript:alert(1)\" }\n",
            "help.link.linux",
        ),
        (
            "[help]\nlink = { linux = \"https://a b\" }\n",
            "help.link.linux",
        ),
        ("[help]\nminutes = 0\n", "help.minutes"),
        ("[help]\nhours = 1\n", "help.hours"),
        ("[text.en]\nseen = \"\"\n", "text.en.seen"),
        ("[text.en]\nhint = \"x\"\n", "text.en.hint"),
        ("[text.en]\nsteps.amiga = [\"x\"]\n", "text.en.steps.amiga"),
        ("[text.en]\nsteps.linux = \"x\"\n", "text.en.steps.linux"),
        ("[text.\"<b>\"]\nwhy = \"x\"\n", "text.<b>"),
    ] {
        let faults = Check::parse("a.toml", &format!("{plain}{wrong}")).expect_err(wrong);
        let fields: Vec<&str> = faults.0.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, [field], "{wrong}");
    }
}

#[test]
fn every_check_passes_its_passing_host_and_fails_its_failing_host() {
    for check in CheckSet::embedded().iter() {
        for platform in &check.platforms {
            let healthy = database(platform, &check.passing);
            assert_eq!(
                ask(&healthy, check),
                CheckOutcome::Pass,
                "{} {platform}",
                check.name
            );
            let ill = database(platform, &check.failing);
            assert_eq!(
                ask(&ill, check),
                CheckOutcome::Fail,
                "{} {platform}",
                check.name
            );
        }
    }
}

#[test]
fn no_check_passes_on_empty_tables() {
    for check in CheckSet::embedded().iter() {
        for platform in &check.platforms {
            let outcome = ask(&database(platform, &[]), check);
            let expected = if check.evidence.is_empty() {
                CheckOutcome::Fail
            } else {
                CheckOutcome::Unknown
            };
            assert_eq!(outcome, expected, "{} {platform}", check.name);
        }
    }
}

#[test]
fn discovery_finds_every_check_where_it_applies_and_never_errs_elsewhere() {
    for check in CheckSet::embedded().iter() {
        for platform in ["linux", "darwin", "windows"] {
            let host = database(platform, &[]);
            let rows = host.query(&check.discovery).expect("always valid SQL");
            let all = check
                .tables
                .iter()
                .all(|name| tables(platform).any(|t| t.name == name));
            assert_eq!(!rows.is_empty(), all, "{} {platform}", check.name);
            if check.applies_to(platform) {
                assert!(all, "{} needs a table that {platform} lacks", check.name);
            }
        }
    }
}

#[test]
fn the_simulators_compliant_hosts_pass_every_check_of_their_platform() {
    let set = CheckSet::embedded();
    for platform in ["linux", "darwin", "windows"] {
        let host = nac_posture_simulator::OsqueryHost::new(HostSettings::compliant(platform))
            .expect("a host");
        let mut gates = 0;
        for check in set.for_platform(platform) {
            assert_eq!(
                ask(host.database(), check),
                CheckOutcome::Pass,
                "{} {platform}",
                check.name
            );
            gates += usize::from(check.severity.gates());
        }
        assert!(gates >= 5, "{platform} has {gates} gating checks");
    }
}

const GOOD: &str = r#"
name = "a"
title = "A"
platforms = ["linux"]
severity = "high"
tables = ["uptime"]
query = "SELECT 1 FROM uptime WHERE days < {{days}} AND 'x' <> {{word}} AND days IN ({{list}})"
resolution = "Do."
[parameters]
days = 3
word = "it's"
list = [1, 2]
[fixtures]
pass = []
fail = [{ uptime = { days = 9 } }]
"#;

#[test]
fn parameters_become_sql_literals_that_cannot_leave_their_quotes() {
    let check = Check::parse("a.toml", GOOD).expect("a check");
    assert!(check.query.contains("days < 3"), "{}", check.query);
    assert!(check.query.contains("<> 'it''s'"), "{}", check.query);
    assert!(check.query.contains("IN (1, 2)"), "{}", check.query);
}

#[test]
fn every_fault_of_a_file_is_told_at_once_with_field_and_fix() {
    let text = r#"
name = "Bad Name"
platforms = ["amiga"]
severity = "dire"
tables = ["uptime; DROP"]
query = "SELECT 1; SELECT {{missing}}"
colour = "red"
[parameters]
unused = 1
odd = 1.5
[fixtures]
pass = [{ mounts = { path = "/" } }]
"#;
    let faults = Check::parse("bad.toml", text).expect_err("faults");
    let fields: Vec<&str> = faults.0.iter().map(|fault| fault.field.as_str()).collect();
    for field in [
        "colour",
        "name",
        "title",
        "resolution",
        "platforms",
        "severity",
        "tables",
        "query",
        "parameters.unused",
        "parameters.odd",
        "fixtures.pass",
        "fixtures.fail",
    ] {
        assert!(fields.contains(&field), "{field} is not among {fields:?}");
    }
    assert!(
        faults
            .0
            .iter()
            .all(|fault| fault.file == "bad.toml" && !fault.fix.is_empty())
    );
}

#[test]
fn a_directory_tells_the_faults_of_all_its_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written");
    };
    assert!(
        CheckSet::load_dir(directory.path()).is_err(),
        "an empty directory is a mistake"
    );
    write("a.toml", GOOD);
    write("notes.txt", "not a check");
    let set = CheckSet::load_dir(directory.path()).expect("one check");
    assert_eq!(
        set.iter()
            .map(|check| check.name.as_str())
            .collect::<Vec<_>>(),
        ["a"]
    );
    write("b.toml", GOOD);
    write("c.toml", "name = ");
    let faults = CheckSet::load_dir(directory.path()).expect_err("two faults");
    assert_eq!(faults.0.len(), 2, "{faults}");
    assert!(faults.to_string().contains("another file's check"));
}

#[test]
fn a_check_of_the_same_name_replaces_the_built_in_one() {
    let text = GOOD.replace("name = \"a\"", "name = \"macos-sip\"");
    let own = CheckSet {
        checks: vec![Check::parse("x.toml", &text).expect("a check")],
    };
    let set = CheckSet::embedded().overlaid_with(own);
    assert_eq!(set.len(), EMBEDDED.len());
    assert_eq!(
        set.find("macos-sip").map(|check| check.title.as_str()),
        Some("A")
    );
}
