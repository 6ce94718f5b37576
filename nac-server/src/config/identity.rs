//! `[identity]`: what is no part of an account's name.

use super::reader::Section;
use crate::identity::realm::{is_nt_domain, is_realm};

/// Every key of the section.
pub(super) const KEYS: [&str; 2] = ["realms", "nt_domains"];

/// Which realms and Windows domains are this organisation's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentitySettings {
    /// Realms (RFC 7542): `anna@example.org` is the account `anna` when `example.org` is one of them.
    pub realms: Vec<String>,
    /// Windows domains: `EXAMPLE\anna` is the account `anna`. When the list is empty, every domain is taken for ours.
    pub nt_domains: Vec<String>,
}

pub(super) fn read(section: &mut Section<'_, '_>) -> IdentitySettings {
    let mut names = |key: &str, fits: fn(&str) -> bool, what: &str, help: &str| {
        let names = section.texts(key).unwrap_or_default();
        for name in names.iter().filter(|name| !fits(&name.value)) {
            let message = format!("\"{}\" is no {what}", name.value.escape_debug());
            section.note(name.fault(message, help));
        }
        names.into_iter().map(|name| name.value).collect()
    };
    IdentitySettings {
        realms: names(
            "realms",
            is_realm,
            "realm",
            "write what follows the @ in user names, such as example.org",
        ),
        nt_domains: names(
            "nt_domains",
            is_nt_domain,
            "Windows domain",
            "write what stands before the backslash in user names, such as EXAMPLE",
        ),
    }
}
