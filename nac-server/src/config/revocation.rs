//! The keys of `[eap]` that say how revoked certificates of other authorities are known.

use std::time::Duration;

use super::reader::{Placed, Section};
use super::settings::{CrlSource, OcspResponder, RevocationSettings, UnknownRevocation};

/// Every key.
pub(super) const KEYS: [&str; 5] = [
    "crl",
    "crl_issuer",
    "crl_refresh",
    "ocsp",
    "revocation_unknown",
];

/// Most authorities make a list a day; a revocation should count sooner than its next one.
const DEFAULT_REFRESH: Duration = Duration::from_secs(3_600);

/// Reads the keys. The places are those of the issuers' files.
pub(super) fn read(
    section: &mut Section<'_, '_>,
) -> (RevocationSettings, Vec<Option<std::ops::Range<usize>>>) {
    let texts = section.texts("crl").unwrap_or_default();
    let sources: Vec<_> = texts
        .into_iter()
        .filter_map(|text| source(section, text))
        .collect();
    let issuers = section.paths("crl_issuer").unwrap_or_default();
    let places = issuers.iter().map(|placed| placed.span.clone()).collect();
    let ocsp = responder(section);
    // Who names lists or responders wants them to count also when they are missing.
    let default = match sources.is_empty() && ocsp.is_none() {
        true => UnknownRevocation::Accept,
        false => UnknownRevocation::Refuse,
    };
    let settings = RevocationSettings {
        sources,
        issuers: issuers.into_iter().map(|placed| placed.value).collect(),
        refresh: section.duration("crl_refresh", DEFAULT_REFRESH, 1..=604_800),
        ocsp,
        unknown: section.word(
            "revocation_unknown",
            default,
            &[
                ("refuse", UnknownRevocation::Refuse),
                ("accept", UnknownRevocation::Accept),
            ],
        ),
    };
    (settings, places)
}

fn responder(section: &mut Section<'_, '_>) -> Option<OcspResponder> {
    let Some(text) = section.flag_or_text("ocsp")? else {
        return Some(OcspResponder::Named);
    };
    let scheme = text.value.get(..7).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("http://") && is_plain(&text.value) {
        return Some(OcspResponder::At(text.value));
    }
    let help = "write ocsp = true to ask the responder that each certificate names, or ocsp = \"http://HOST/PATH\" (answers are \
                signed, so HTTP is enough), without a user name and a password";
    section.note(text.fault("this is not the URL of an OCSP responder", help));
    None
}

fn is_plain(url: &str) -> bool {
    reqwest::Url::parse(url)
        .is_ok_and(|url| url.has_host() && url.username().is_empty() && url.password().is_none())
}

fn source(section: &mut Section<'_, '_>, text: Placed<String>) -> Option<CrlSource> {
    let Some((scheme, _)) = text.value.split_once("://") else {
        if text.value.is_empty() {
            section.note(text.fault("this names no revocation list", "write a path or a URL"));
            return None;
        }
        return Some(CrlSource::File(section.folder().join(&text.value)));
    };
    if !scheme.eq_ignore_ascii_case("http") {
        let message = format!("a revocation list cannot be fetched by {scheme}://");
        let help = "give its http:// address (a list is signed, so HTTP is enough), or fetch it otherwise and name the file";
        section.note(text.fault(message, help));
        return None;
    }
    if !is_plain(&text.value) {
        let help = "write it as http://HOST/PATH, without a user name and a password";
        section.note(text.fault("this is not the URL of a revocation list", help));
        return None;
    }
    Some(CrlSource::Http(text.value))
}
