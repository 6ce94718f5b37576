//! What a RADIUS client may be called, where it may stand and what it may be.

use ipnet::IpNet;
use nac_radius::VendorProfile;
use nac_store::{Store, StoreError};

use super::InputFault;

/// Whether a client may have this name.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), InputFault> {
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    if !name.is_empty() && name.len() <= 253 && name.chars().all(plain) {
        return Ok(());
    }
    Err(InputFault::new(
        "name",
        format!("\"{}\" cannot be a name", name.escape_debug()),
        "use letters, digits, dots and dashes",
    ))
}

/// Whether there is a vendor profile of this name.
///
/// # Errors
///
/// Which there are.
pub fn check_vendor(name: &str) -> Result<(), InputFault> {
    if VendorProfile::by_name(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = VendorProfile::embedded()
        .iter()
        .map(|profile| profile.name.as_str())
        .collect();
    Err(InputFault::new(
        "vendor",
        format!("there is no vendor profile {name}"),
        format!("use one of: {}", known.join(", ")),
    ))
}

/// An address, or a network of them.
///
/// # Errors
///
/// How one is written.
pub fn network(text: &str) -> Result<IpNet, String> {
    let bare = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().or_else(|_| bare());
    network
        .map_err(|_| "write an address or a network, such as 192.0.2.10 or 192.0.2.0/24".to_owned())
}

/// Which of the two is taken, when the store refused a client for its name or its address, and by which client; `own` is the
/// client that may have them already.
pub async fn taken(
    store: &Store,
    error: &StoreError,
    name: Option<&str>,
    address: Option<IpNet>,
    own: Option<&str>,
) -> Option<(String, String)> {
    if !matches!(error, StoreError::Conflict { .. }) {
        return None;
    }
    let mut others = store.client_list().await.unwrap_or_default();
    others.retain(|client| own != Some(client.name.as_str()));
    if let Some(name) = name
        && others.iter().any(|client| client.name == name)
    {
        return Some((format!("there is already a client {name}"), name.to_owned()));
    }
    let network = address.map(|address| address.trunc());
    let other = others
        .into_iter()
        .find(|client| Some(client.address.trunc()) == network)?;
    Some((
        format!(
            "the client {} has the address {} already",
            other.name, other.address
        ),
        other.name,
    ))
}
