//! The addresses that live sessions have, by segment, as other systems read them: nftables, firewalls with external lists, tables,
//! Calico, Cilium.
//!
//! *Invariants*
//!
//! * An address stands in one segment: where two live sessions claim it, in that of the one that was heard of last, as for the
//!   portal. A device in quarantine does not keep the place of the one that had its address before.
//! * Addresses are parsed and written anew, and names are reduced to what the format allows: nothing that a person or a NAS wrote
//!   can become a statement of the format.
//! * Every segment is there, the empty ones too, so that rules that name one load, and whoever has left is taken out.

mod name;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use nac_store::{Session, SessionFilter, Store, StoreError};
use serde::{Deserialize, Serialize};

pub use name::SameName;

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Commands for `nft -f`: two sets for each segment in the table `inet nac`, one for each family.
    Nft,
    /// An external dynamic list: one address on each line, of one segment.
    Edl,
    /// Comma-separated values, a line for each address.
    Csv,
    /// `GlobalNetworkSet`s of Calico, in YAML.
    Calico,
    /// `CiliumCIDRGroup`s of Cilium, in YAML.
    Cilium,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Nft, Self::Edl, Self::Csv, Self::Calico, Self::Cilium];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Edl => "edl",
            Self::Csv => "csv",
            Self::Calico => "calico",
            Self::Cilium => "cilium",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Nft | Self::Edl => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Calico | Self::Cilium => "application/yaml",
        }
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for ExportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| "use nft, edl, csv, calico or cilium".to_owned())
    }
}

/// A segment with the addresses that are in it now.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// The segment.
    pub segment: String,
    /// Who is in it, by address.
    pub hosts: Vec<Host>,
}

/// An address, and who has it.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// The address.
    pub address: IpAddr,
    /// The session that was heard of last with it.
    pub session: Session,
}

/// What could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database did not answer, or there is no such segment.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two segments would get one name.
    #[error(transparent)]
    SameName(#[from] SameName),
    /// A list is of one segment.
    #[error("an external list is of one segment, and none or several were named")]
    OneSegment,
}

/// The addresses of live sessions, in these segments or, when none is named, in all.
///
/// # Errors
///
/// [`StoreError::NotFound`] for a segment that does not exist; otherwise when the database fails.
pub async fn collect(store: &Store, segments: &[String]) -> Result<Vec<Exported>, StoreError> {
    let mut found: BTreeMap<String, Vec<Host>> = store
        .segment_list()
        .await?
        .into_iter()
        .map(|segment| (segment.name, Vec::new()))
        .collect();
    let mut by_address: BTreeMap<IpAddr, Session> = BTreeMap::new();
    for session in store.session_list(&SessionFilter::open()).await? {
        let Some(address) = session.framed_ip.as_deref().and_then(endpoint) else {
            continue;
        };
        let newest =
            |known: &Session| (known.updated_us, known.id) < (session.updated_us, session.id);
        if by_address.get(&address).is_none_or(newest) {
            by_address.insert(address, session);
        }
    }
    for (address, session) in by_address {
        let hosts = found.entry(session.segment.clone()).or_default();
        hosts.push(Host { address, session });
    }
    if let Some(missing) = segments.iter().find(|name| !found.contains_key(*name)) {
        return Err(StoreError::NotFound {
            what: format!("segment {missing}"),
        });
    }
    let wanted = |name: &String| segments.is_empty() || segments.contains(name);
    Ok(found
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(segment, hosts)| Exported { segment, hosts })
        .collect())
}

/// The text of an export. With a `timeout`, elements of nft sets leave by themselves when no newer export renews them.
///
/// # Errors
///
/// [`ExportError::OneSegment`] for an external list of several; [`ExportError::SameName`].
pub fn render(
    format: ExportFormat,
    exported: &[Exported],
    timeout: Option<Duration>,
) -> Result<String, ExportError> {
    Ok(match (format, exported) {
        (ExportFormat::Edl, [one]) => text::edl(one),
        (ExportFormat::Edl, _) => return Err(ExportError::OneSegment),
        (ExportFormat::Csv, all) => text::csv(all),
        (ExportFormat::Nft, all) => text::nft(all, timeout)?,
        (ExportFormat::Calico, all) => text::calico(all)?,
        (ExportFormat::Cilium, all) => text::cilium(all)?,
    })
}

/// The address of an endpoint. What a NAS may send instead means none (RFC 2865 section 5.8) or several.
fn endpoint(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let address = address.to_canonical();
    let is_chosen_later = match address {
        IpAddr::V4(address) => address.is_broadcast() || address.octets() == [255, 255, 255, 254],
        IpAddr::V6(_) => false,
    };
    let is_nobody = address.is_unspecified() || address.is_multicast() || address.is_loopback();
    (!is_chosen_later && !is_nobody).then_some(address)
}
