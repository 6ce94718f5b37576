//! The texts of the formats.

use std::net::IpAddr;
use std::time::Duration;

use super::name::{self, SameName, named};
use super::{Exported, Host};
use crate::web::spreadsheet;

/// One address on each line.
pub(super) fn edl(exported: &Exported) -> String {
    exported
        .hosts
        .iter()
        .map(|host| format!("{}\n", host.address))
        .collect()
}

pub(super) fn csv(exported: &[Exported]) -> String {
    let header = [
        "address",
        "segment",
        "mac",
        "identity",
        "client",
        "device_id",
        "session_id",
        "since_us",
    ];
    let mut text = spreadsheet::line(header);
    for host in exported.iter().flat_map(|one| &one.hosts) {
        let session = &host.session;
        let address = host.address.to_string();
        let device = session.device_id.map(|id| id.to_string());
        let id = session.id.to_string();
        let since = session.started_us.to_string();
        text += &spreadsheet::line([
            &address,
            &session.segment,
            session.mac.as_deref().unwrap_or_default(),
            &session.identity,
            &session.client,
            device.as_deref().unwrap_or_default(),
            &id,
            &since,
        ]);
    }
    text
}

/// In one transaction, as `nft -f` reads a file: each set is emptied and filled anew. Sets have a timeout in any case, for a set cannot
/// get one later.
pub(super) fn nft(exported: &[Exported], timeout: Option<Duration>) -> Result<String, SameName> {
    let sets = named(exported, name::nft)?;
    let mut declared = String::from("table inet nac {\n");
    let mut filled = String::new();
    let timeout = timeout.map_or_else(String::new, |time| {
        format!(" timeout {}s", time.as_secs().max(1))
    });
    for (name, one) in sets {
        declared += &format!("\t# segment {}\n", one.segment.escape_default());
        for (ending, kind, is_of) in [
            ("v4", "ipv4_addr", IpAddr::is_ipv4 as fn(&IpAddr) -> bool),
            ("v6", "ipv6_addr", IpAddr::is_ipv6),
        ] {
            let set = format!("{name}_{ending}");
            declared += &format!("\tset {set} {{\n\t\ttype {kind}\n\t\tflags timeout\n\t}}\n");
            filled += &format!("flush set inet nac {set}\n");
            let elements: Vec<String> = one
                .hosts
                .iter()
                .filter(|host| is_of(&host.address))
                .map(|host| format!("{}{timeout}", host.address))
                .collect();
            if !elements.is_empty() {
                filled += &format!("add element inet nac {set} {{ {} }}\n", elements.join(", "));
            }
        }
    }
    Ok(format!("{declared}}}\n{filled}"))
}

pub(super) fn calico(exported: &[Exported]) -> Result<String, SameName> {
    resources(exported, "projectcalico.org/v3", "GlobalNetworkSet", "nets")
}

pub(super) fn cilium(exported: &[Exported]) -> Result<String, SameName> {
    resources(
        exported,
        "cilium.io/v2alpha1",
        "CiliumCIDRGroup",
        "externalCIDRs",
    )
}

/// A document for each segment. Names hold letters, digits and dashes only, and values are addresses, so quotation marks are enough.
fn resources(
    exported: &[Exported],
    version: &str,
    kind: &str,
    list: &str,
) -> Result<String, SameName> {
    let mut text = String::new();
    for (name, one) in named(exported, name::kubernetes)? {
        text += &format!(
            "---\n# segment {}\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: \"{name}\"\n  labels:\n    \
             nac-segment: \"{}\"\nspec:\n",
            one.segment.escape_default(),
            name.strip_prefix("nac-").unwrap_or(&name)
        );
        if one.hosts.is_empty() {
            text += &format!("  {list}: []\n");
            continue;
        }
        text += &format!("  {list}:\n");
        text.extend(
            one.hosts
                .iter()
                .map(|host| format!("    - \"{}\"\n", cidr(host))),
        );
    }
    Ok(text)
}

fn cidr(host: &Host) -> String {
    let bits = if host.address.is_ipv4() { 32 } else { 128 };
    format!("{}/{bits}", host.address)
}
