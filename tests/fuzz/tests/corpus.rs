//! The inputs that are kept, run through their targets without libFuzzer: what was found once stays mended.
#![expect(clippy::unwrap_used, reason = "a failing test should panic")]

mod seeds;

use std::fs;
use std::path::{Path, PathBuf};

use nac_fuzz::TARGETS;

/// The corpora live in the repository, so they stay small.
const MAX_OCTETS: u64 = 1024 * 1024;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn every_target_bears_every_input_of_its_corpus() {
    let mut octets = 0;
    for (target, run) in TARGETS {
        let folder = corpora().join(target);
        let inputs = names(&folder);
        assert!(!inputs.is_empty(), "{target} has no corpus");
        for input in inputs {
            let input = fs::read(folder.join(&input)).unwrap();
            octets += input.len() as u64;
            run(&input);
        }
    }
    assert!(
        octets <= MAX_OCTETS,
        "the corpora have {octets} octets; keep fewer inputs"
    );
}

#[test]
fn targets_programs_and_corpora_have_the_same_names() {
    let targets = TARGETS.map(|(name, _)| name.to_owned()).to_vec();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let programs: Vec<String> = names(&root.join("fuzz_targets"))
        .iter()
        .map(|name| name.strip_suffix(".rs").unwrap().to_owned())
        .collect();
    assert_eq!(targets, programs);
    assert_eq!(targets, names(&corpora()));
    for (target, _) in TARGETS {
        let program = fs::read_to_string(root.join(format!("fuzz_targets/{target}.rs"))).unwrap();
        assert!(
            program.contains(&format!("nac_fuzz::{target}(data)")),
            "{target} runs itself"
        );
    }
}

/// `UPDATE=1` writes them.
#[test]
fn the_seeds_are_what_the_code_makes() {
    for (target, name, input) in seeds::all() {
        assert!(
            TARGETS.iter().any(|(known, _)| *known == target),
            "{target} is no target"
        );
        let path = corpora().join(target).join(format!("seed-{name}"));
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &input).unwrap();
        }
        let kept = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            kept == input,
            "{} is out of date; UPDATE=1 writes it",
            path.display()
        );
    }
}
