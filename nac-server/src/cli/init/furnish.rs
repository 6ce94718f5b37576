//! What a new database needs before a server can answer from it.

use std::fmt;

use nac_pki::Authority;
use nac_store::{SecretBytes, Segment, Store};

use crate::cli::{Failure, output};

const AUTHORITY_NAME: &str = "NAC Certificate Authority";
const AUTHORITY_LIFETIME_DAYS: u32 = 3650;

/// Name, VLAN and purpose of the segments that the starter policy and the portal speak of.
const SEGMENTS: [(&str, &str, &str); 6] = [
    ("staff", "10", "People who belong here"),
    (
        "devices",
        "70",
        "Devices that somebody here has registered: phones, printers, televisions",
    ),
    ("guest", "80", "Visitors"),
    (
        "guest-activation",
        "80",
        "Visitors who have to confirm first: as guest, for some minutes",
    ),
    (
        "registration",
        "90",
        "Devices that nobody has registered yet",
    ),
    ("quarantine", "99", "Devices that must be repaired first"),
];

/// What [`furnish`] added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Furnished {
    /// Segments, by name.
    pub segments: Vec<String>,
    /// The starter policy.
    pub policy: bool,
    /// A certificate authority.
    pub authority: bool,
}

impl Furnished {
    /// Whether anything was added.
    #[must_use]
    pub const fn anything(&self) -> bool {
        !self.segments.is_empty() || self.policy || self.authority
    }
}

impl fmt::Display for Furnished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.segments.is_empty() {
            parts.push(format!("the segments {}", self.segments.join(", ")));
        }
        if self.policy {
            parts.push("the starter policy".to_owned());
        }
        if self.authority {
            parts.push("a certificate authority".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}

/// Gives a database that has never been used its segments, the starter policy and a certificate authority.
/// A database that has a policy or an authority was used before, and nobody's choices are undone.
///
/// # Errors
/// When the database fails or no key can be generated.
pub async fn furnish(store: &Store) -> Result<Furnished, Failure> {
    let mut added = Furnished::default();
    let no_policy = store.policy_current().await?.is_none();
    let no_authority = store.authority_fetch().await?.is_none();
    if !(no_policy && no_authority) {
        return Ok(added);
    }
    let existing = store.segment_list().await?;
    for (name, vlan, description) in SEGMENTS {
        let found = existing.iter().find(|segment| segment.name == name);
        // The migrations make the protected ones, without a VLAN.
        if found.is_some_and(|segment| segment.vlan.is_some()) {
            continue;
        }
        let segment = Segment {
            name: name.to_owned(),
            vlan: Some(vlan.to_owned()),
            description: description.to_owned(),
            ..found.cloned().unwrap_or_default()
        };
        store.segment_put(segment).await?;
        added.segments.push(name.to_owned());
    }
    let now_us = output::now_us();
    let authority = Authority::create(AUTHORITY_NAME, now_us / 1_000_000, AUTHORITY_LIFETIME_DAYS)?;
    let key = SecretBytes::new(authority.key_pem().as_bytes());
    store
        .authority_put(authority.certificate_pem(), key)
        .await?;
    added.authority = true;
    // The policy comes last: until it is there, the database counts as new.
    store
        .policy_apply(nac_policy::STARTER_POLICY, "starter policy", "nac init")
        .await?;
    added.policy = true;
    Ok(added)
}
