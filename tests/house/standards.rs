//! `docs/rfc-support.md` names tests that exist, and leaves no conformance test unnamed.

use std::collections::BTreeSet;

use nac_test_support::program::repository;

fn table() -> String {
    std::fs::read_to_string(repository().join("docs/rfc-support.md"))
        .expect("docs/rfc-support.md is there")
}

/// The paths in the last column of every row.
fn paths(table: &str) -> BTreeSet<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let last = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    last.flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn every_test_that_the_table_of_standards_names_exists() {
    let table = table();
    let named = paths(&table);
    assert!(named.len() >= 20, "only {} paths were found", named.len());
    for path in named {
        assert!(
            repository().join(path).exists(),
            "docs/rfc-support.md names {path}, which does not exist"
        );
    }
}

#[test]
fn every_folder_of_conformance_tests_is_in_the_table_of_standards() {
    let table = table();
    let named = paths(&table);
    let entries = std::fs::read_dir(repository().join("tests/conformance"))
        .expect("tests/conformance is there");
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    for folder in folders {
        let path = format!("tests/conformance/{}", folder.file_name().to_string_lossy());
        assert!(
            named.contains(&path[..]),
            "docs/rfc-support.md does not name {path}"
        );
    }
}

#[test]
fn a_standard_that_is_complete_or_partly_there_names_its_tests() {
    for row in table().lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        if let [standard, status, tests] = cells[..] {
            let served = status.starts_with("Complete") || status.starts_with("Partly");
            let known = served
                || ["Absent", "Not planned", "A review", "Status"]
                    .iter()
                    .any(|word| status.starts_with(word));
            assert!(
                known,
                "{standard}: the status {status:?} is none of those that the page explains"
            );
            assert_eq!(served, tests.starts_with('`'), "{standard}: {status}");
        }
    }
}
