//! What a segment may be called, what it may send, and when it may go.

use nac_policy::Engine;
use nac_store::{Segment, Store, StoreError};

use super::InputFault;

/// The longest text of one attribute, in bytes.
const TEXT_MAX: usize = 247;

/// Whether this can be a segment.
///
/// # Errors
///
/// The first thing that is wrong with it.
pub fn check(segment: &Segment) -> Result<(), InputFault> {
    let name = &segment.name;
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(InputFault::new(
            "name",
            format!("\"{}\" cannot be a segment's name", name.escape_debug()),
            "use up to 64 letters, digits, dots and dashes",
        ));
    }
    if let Some(vlan) = &segment.vlan
        && let Ok(number) = vlan.parse::<u64>()
        && !(1..=4094).contains(&number)
    {
        return Err(InputFault::new(
            "vlan",
            format!("{number} is no VLAN"),
            "VLANs are numbered 1 to 4094 (IEEE 802.1Q)",
        ));
    }
    if let Some(url) = segment.redirect.as_deref().filter(|url| !url.is_empty())
        && !is_web_address(url)
    {
        return Err(InputFault::new(
            "redirect",
            format!("\"{}\" is no URL for a browser", url.escape_debug()),
            "write it with http:// or https://, such as https://nac.example.org:8443/",
        ));
    }
    let texts = [
        ("vlan", &segment.vlan),
        ("role", &segment.role),
        ("redirect", &segment.redirect),
        ("redirect_acl", &segment.redirect_acl),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(field, text)| text.as_ref().map(|text| (field, text)));
    for (field, text) in texts.chain(segment.acl.iter().map(|line| ("acl", line))) {
        if text.len() > TEXT_MAX || text.chars().any(char::is_control) {
            return Err(InputFault::new(
                field,
                format!("\"{}\" does not fit into an attribute", text.escape_debug()),
                "use at most 247 bytes without control characters",
            ));
        }
    }
    Ok(())
}

fn is_web_address(url: &str) -> bool {
    url.parse::<axum::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

/// The names of all segments, which a policy may use.
///
/// # Errors
///
/// [`StoreError`] when the database fails.
pub async fn names(store: &Store) -> Result<Vec<String>, StoreError> {
    let segments = store.segment_list().await?;
    Ok(segments.into_iter().map(|segment| segment.name).collect())
}

/// Whether the policy in force names this segment: without it the policy would not load, and then nobody gets in.
///
/// # Errors
///
/// [`StoreError`] when the database fails.
pub async fn is_named(store: &Store, name: &str) -> Result<bool, StoreError> {
    let Some(current) = store.policy_current().await? else {
        return Ok(false);
    };
    let mut names = names(store).await?;
    if Engine::load(&current.text, &names).is_err() {
        return Ok(false);
    }
    names.retain(|segment| segment != name);
    Ok(Engine::load(&current.text, &names).is_err())
}
