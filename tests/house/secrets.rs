//! What is secret is compared in constant time (`subtle`, or a verify function of aws-lc-rs), so that no answer's time tells how
//! much of a guess was right.

use std::path::{Path, PathBuf};

use nac_test_support::program::repository;

/// Where the product compares something that a stranger sends with something that only we know.
const COMPARISONS: [(&str, &str); 15] = [
    ("crates/radius/src/verify.rs", "ct_eq"),
    ("crates/radius/src/password.rs", "ct_eq"),
    ("crates/eap/src/mschapv2.rs", "ct_eq"),
    ("crates/eap/src/method/ttls/credentials.rs", "ct_eq"),
    ("crates/eap/src/method/ttls/change.rs", "ct_eq"),
    ("crates/eap/src/method/inner/gtc.rs", "ct_eq"),
    ("crates/eap/src/mschapv2/change.rs", "ct_eq"),
    ("crates/eap/src/method/teap/keys.rs", "ct_eq"),
    ("crates/eap/src/method/peap/binding.rs", "hmac::verify"),
    ("nac-server/src/authenticate/openings.rs", "ct_eq"),
    ("nac-server/src/authenticate/eap/questions.rs", "ct_eq"),
    ("nac-server/src/identity/password.rs", "ct_eq"),
    ("crates/store/src/audit.rs", "ct_eq"),
    ("crates/store/src/seal.rs", "ct_eq"),
    (
        "portal/src/public/token.rs",
        "constant_time::verify_slices_are_equal",
    ),
];
/// Names that such things have. Nothing with one of them is compared by `==`.
const SECRET: [&str; 8] = [
    "response_authenticator",
    "nt_hash",
    "nt_response",
    "password_hash",
    "signature",
    "expected_mac",
    "compound_mac",
    "shared_secret",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push(path);
        }
    }
}

/// The program without its tests and comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let code = text
        .split("\n#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The names on both sides of an `==` or `!=`, as far as they are names.
fn compared(line: &str) -> Vec<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_.()&*".contains(letter);
    let mut names = Vec::new();
    for sign in ["==", "!="] {
        for (at, _) in line.match_indices(sign) {
            names.extend(
                line[..at]
                    .trim_end()
                    .rsplit(|letter| !is_part(letter))
                    .next(),
            );
            let right = line[at + sign.len()..].trim_start();
            names.extend(right.split(|letter| !is_part(letter)).next());
        }
    }
    names
}

#[test]
fn every_place_that_compares_a_secret_does_it_in_constant_time() {
    for (file, how) in COMPARISONS {
        let code = code(&repository().join(file));
        assert!(code.contains(how), "{file} does not compare with {how}");
    }
}

#[test]
fn nothing_that_is_secret_by_its_name_is_compared_octet_by_octet() {
    let mut files = Vec::new();
    for room in [
        "crates/radius/src",
        "crates/eap/src",
        "crates/store/src",
        "nac-server/src",
        "portal/src",
        "posture/src",
    ] {
        sources(&repository().join(room), &mut files);
    }
    assert!(files.len() > 100, "only {} files were found", files.len());
    for file in files {
        for line in code(&file).lines() {
            for name in compared(line) {
                let last = name
                    .trim_end_matches("()")
                    .rsplit('.')
                    .next()
                    .unwrap_or_default();
                let is_secret = SECRET.contains(&last.trim_start_matches(['&', '*', '(']));
                assert!(!is_secret, "{}: {}", file.display(), line.trim());
            }
        }
    }
}

#[test]
fn a_comparison_of_secrets_would_be_found() {
    assert_eq!(
        compared("if a.nt_hash == *other {"),
        ["a.nt_hash", "*other"]
    );
    assert_eq!(compared("x != self.signature()"), ["x", "self.signature()"]);
}

/// Types that hold a secret have no `==` but a constant-time one.
#[test]
fn types_that_hold_a_secret_derive_no_equality() {
    for (file, name) in [
        ("crates/radius/src/secret.rs", "pub struct Secret"),
        ("crates/store/src/seal.rs", "pub struct SecretBytes"),
    ] {
        let code = code(&repository().join(file));
        let (before, _) = code
            .split_once(name)
            .unwrap_or_else(|| panic!("{file}: no {name}"));
        let derived = before.rsplit("#[derive(").next().unwrap_or_default();
        let derived = derived.split(')').next().unwrap_or_default();
        assert!(!derived.contains("PartialEq"), "{file}: {name} derives ==");
    }
}
