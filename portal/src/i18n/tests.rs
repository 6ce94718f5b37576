//! The catalogue against itself and against the pages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_bundle::FluentResource;

use super::catalogue::{AREAS, bundle};
use super::{Language, text};

/// Each message of a Fluent file, with the names of its arguments.
fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = None;
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let key = line
                .split_once('=')
                .expect("a message has an equals sign")
                .0
                .trim();
            assert!(
                found.insert(key.to_owned(), BTreeSet::new()).is_none(),
                "{key} stands there twice"
            );
            current = Some(key.to_owned());
        }
        let Some(arguments) = current.as_ref().and_then(|key| found.get_mut(key)) else {
            continue;
        };
        for rest in line.split('$').skip(1) {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .unwrap_or(rest.len());
            arguments.insert(rest[..end].to_owned());
        }
    }
    found
}

fn files_under(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// The public pages' templates and code, path and text.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    files_under(&root.join("templates/public"), "html", &mut files);
    files_under(&root.join("templates/public"), "txt", &mut files);
    files_under(&root.join("src/public"), "rs", &mut files);
    files_under(&root.join("src/web"), "rs", &mut files);
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join("\n");
            (path, code)
        })
        .collect()
}

#[test]
fn every_file_of_the_catalogue_is_embedded_and_is_fluent() {
    for (index, language) in Language::ALL.iter().enumerate() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("locales")
            .join(language.tag());
        let mut files = Vec::new();
        files_under(&folder, "ftl", &mut files);
        let mut names: Vec<&str> = files
            .iter()
            .map(|path| path.file_stem().unwrap().to_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            AREAS.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            "{language:?}"
        );
        for (name, sources) in AREAS {
            if let Err((_, errors)) = FluentResource::try_new(sources[index].to_owned()) {
                panic!("{name} in {language:?}: {errors:?}");
            }
        }
    }
}

#[test]
fn every_language_has_every_text_with_the_same_arguments() {
    for (name, sources) in AREAS {
        let english = messages(sources[0]);
        for key in english.keys() {
            assert!(
                key.starts_with(&format!("{name}-")),
                "{key} does not begin with {name}-"
            );
        }
        for (source, language) in sources.iter().zip(Language::ALL) {
            let other = messages(source);
            for key in english.keys() {
                assert!(
                    bundle(language).has_message(key),
                    "{key} is no message in {language:?}"
                );
            }
            assert_eq!(english, other, "{name} in English and in {language:?}");
        }
    }
}

#[test]
fn every_text_is_used_and_every_used_text_exists() {
    let known: BTreeSet<String> = AREAS
        .iter()
        .flat_map(|(_, sources)| messages(sources[0]).into_keys())
        .collect();
    let mut unused = known.clone();
    for (path, source) in pages() {
        for literal in source.split('"') {
            unused.remove(literal);
        }
        for rest in source.split("text(\"").skip(1) {
            let key = rest.split('"').next().unwrap_or_default();
            assert!(
                known.contains(key),
                "{} uses {key}, which does not exist",
                path.display()
            );
        }
    }
    assert_eq!(unused, BTreeSet::new(), "texts that nobody uses");
}

/// What is left of a template when expressions, statements, comments and tags are taken out.
fn bare(source: &str) -> String {
    let mut left = source.to_owned();
    for (open, close) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}"), ("<", ">")] {
        let mut kept = String::new();
        let mut rest = left.as_str();
        while let Some((before, after)) = rest.split_once(open) {
            kept.push_str(before);
            rest = after.split_once(close).map_or("", |(_, rest)| rest);
        }
        kept.push_str(rest);
        left = kept;
    }
    left.replace("&nbsp;", "").replace("&middot;", "")
}

#[test]
fn no_public_template_holds_text_of_its_own() {
    for (path, source) in pages()
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "html"))
    {
        let text = bare(&source);
        let text = text.trim();
        assert!(
            !text.contains(char::is_alphabetic),
            "{} has text outside of the catalogue: {text:?}",
            path.display()
        );
        for attribute in ["title", "alt", "placeholder", "aria-label"] {
            for rest in source.split(&format!(" {attribute}=\"")).skip(1) {
                let value = rest.split('"').next().unwrap_or_default();
                assert!(
                    value.is_empty() || rest.starts_with("{{"),
                    "{}: the attribute {attribute} holds {value:?}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_language_asked_for_most_is_chosen() {
    let cases = [
        ("de-AT,de;q=0.9,en;q=0.8", Some(Language::German)),
        ("nl,fr;q=0.7,en;q=0.8", Some(Language::English)),
        ("ar-EG", Some(Language::Arabic)),
        ("en;q=0,es;q=0.1", Some(Language::Spanish)),
        ("nl, pl", None),
        ("", None),
        ("*;q=x, fr;q=nonsense", None),
        ("\u{fffd};;;=,,,", None),
    ];
    for (header, language) in cases {
        assert_eq!(Language::from_header(header), language, "{header}");
    }
    let long = "x,".repeat(10_000) + "de";
    assert_eq!(Language::from_header(&long), None);
}

#[test]
fn an_argument_stands_in_its_text_and_is_isolated_from_right_to_left() {
    let message = |language| {
        text(language, "shell-code")
            .arg("code", "8K3M-2Q7W")
            .to_string()
    };
    assert!(message(Language::English).contains("8K3M-2Q7W"));
    assert!(message(Language::Arabic).contains("\u{2068}8K3M-2Q7W\u{2069}"));
}

#[test]
fn a_text_that_is_missing_is_shown_by_its_key() {
    assert_eq!(
        text(Language::French, "no-such-text").to_string(),
        "no-such-text"
    );
}
