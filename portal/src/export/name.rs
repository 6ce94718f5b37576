//! What a segment is called elsewhere. A name that another format does not allow is reduced to its letters and digits and gets the
//! beginning of its SHA-256 behind it, so that it stays the same whatever other segments there are.

use std::collections::BTreeMap;

use aws_lc_rs::digest;

use super::Exported;

/// The longest part of a segment's own name.
const LONGEST: usize = 40;

/// Two segments that would have one name.
#[derive(Debug, thiserror::Error)]
#[error(
    "the segments {one:?} and {other:?} would both be called {name} there: rename one, or export one by one"
)]
pub struct SameName {
    one: String,
    other: String,
    name: String,
}

/// Each segment with its name by `naming`.
pub(super) fn named(
    exported: &[Exported],
    naming: fn(&str) -> String,
) -> Result<Vec<(String, &Exported)>, SameName> {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let mut all = Vec::new();
    for one in exported {
        let name = naming(&one.segment);
        if let Some(other) = taken.insert(name.clone(), &one.segment) {
            return Err(SameName {
                one: other.to_owned(),
                other: one.segment.clone(),
                name,
            });
        }
        all.push((name, one));
    }
    Ok(all)
}

/// A set of nftables: letters, digits and underscores, and no keyword.
pub(super) fn nft(segment: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    format!("seg_{}", reduced(segment, '_', allowed))
}

/// A name and a label of Kubernetes: lower-case letters, digits and dashes (RFC 1123).
pub(super) fn kubernetes(segment: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| allowed(c) || c == '-';
    if segment.ends_with(allowed) {
        format!("nac-{}", reduced(segment, '-', inner))
    } else {
        format!("nac-{}", marked(segment, '-', inner))
    }
}

fn reduced(segment: &str, filler: char, allowed: impl Fn(char) -> bool + Copy) -> String {
    let fits = !segment.is_empty() && segment.len() <= LONGEST && segment.chars().all(allowed);
    if fits {
        segment.to_owned()
    } else {
        marked(segment, filler, allowed)
    }
}

fn marked(segment: &str, filler: char, allowed: impl Fn(char) -> bool) -> String {
    let hash = hex::encode(digest::digest(&digest::SHA256, segment.as_bytes()));
    let kept: String = segment
        .chars()
        .map(|c| if allowed(c) { c } else { filler })
        .take(LONGEST)
        .collect();
    format!("{kept}{filler}{}", hash.get(..8).unwrap_or(&hash))
}
