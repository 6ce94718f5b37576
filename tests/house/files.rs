//! Rooms explain themselves, migrations come in pairs, files stay readable, the plan is true.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nac_test_support::program::repository;

use crate::metadata;

/// A file beyond this needs to be split by responsibility.
const MAX_LINES: usize = 800;

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let skipped = ["target", ".git", "node_modules"]
            .iter()
            .any(|skipped| name == **skipped);
        if path.is_dir() && !skipped {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
}

fn all(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&repository(), ending, &mut found);
    assert!(!found.is_empty(), "no file ends in .{ending}");
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_crate_opens_with_what_it_is_and_its_invariants() {
    for package in metadata().workspace_packages() {
        for target in package.targets.iter().filter(|target| target.is_lib()) {
            let text = read(target.src_path.as_std_path());
            assert!(
                text.starts_with("//! "),
                "{} does not open with `//!`",
                target.src_path
            );
            assert!(
                text.contains("Invariants"),
                "{} does not state its invariants",
                target.src_path
            );
        }
    }
}

#[test]
fn no_file_is_longer_than_a_story() {
    for path in all("rs") {
        let lines = read(&path).lines().count();
        assert!(
            lines <= MAX_LINES,
            "{} has {lines} lines; split it by responsibility",
            path.display()
        );
    }
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| -> BTreeSet<String> {
        let folder = repository().join("migrations").join(engine);
        let entries = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn the_tree_in_the_readme_exists() {
    let readme = read(&repository().join("README.md"));
    let tree = readme
        .split("```")
        .find(|block| block.contains("Cargo.toml ") && block.contains("crates/"));
    let tree = tree.expect("README.md shows the tree");
    let mut count = 0;
    for line in tree.lines() {
        // A path at the start of a line, then its meaning; lines that only continue begin with a space.
        let Some(path) = line
            .split_whitespace()
            .next()
            .filter(|_| !line.starts_with(' '))
        else {
            continue;
        };
        if path == "text" {
            continue;
        }
        assert!(
            repository().join(path).exists(),
            "README.md shows {path}, which does not exist"
        );
        count += 1;
    }
    assert!(count >= 10, "the tree has only {count} entries");
}

#[test]
fn links_between_documents_lead_somewhere() {
    for path in all("md") {
        let text = read(&path);
        let folder = path.parent().expect("a file lies in a folder");
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            assert!(
                folder.join(target).exists(),
                "{} links to {target}, which does not exist",
                path.display()
            );
        }
    }
}

#[test]
fn the_decisions_are_numbered_without_gaps() {
    let folder = repository().join("docs/decisions");
    let entries = std::fs::read_dir(folder).expect("docs/decisions is there");
    let mut numbers: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .split('-')
                .next()?
                .parse()
                .ok()
        })
        .collect();
    numbers.sort_unstable();
    let expected: Vec<u32> = (1..=numbers.len() as u32).collect();
    assert_eq!(numbers, expected);
}
