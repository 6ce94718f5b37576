//! What a RADIUS client may be called, where it may stand and what it may be.

use ipnet::IpNet;
use nac_radius::VendorProfile;
use nac_store::{MessageAuthenticatorRule, Store, StoreError};

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

/// A name of a certificate (a DNS name, an address, a URI or a common name) as it is compared: in lower case.
///
/// # Errors
///
/// What is wrong with it.
pub fn radsec_name(name: &str) -> Result<String, InputFault> {
    let name = name.trim();
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '*';
    if !name.is_empty() && name.len() <= 253 && name.chars().all(plain) {
        return Ok(name.to_lowercase());
    }
    Err(InputFault::new(
        "radsec_name",
        format!(
            "\"{}\" cannot be a name in a certificate",
            name.escape_debug()
        ),
        "write one name in full, such as sw1.example.org; wildcards stand for nobody",
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

/// Whether Message-Authenticator can be asked for like this: what one NAS of a network does says nothing of the others.
///
/// # Errors
///
/// What to ask for instead.
pub fn check_message_authenticator(
    rule: MessageAuthenticatorRule,
    address: IpNet,
) -> Result<(), InputFault> {
    if rule == MessageAuthenticatorRule::Learn && address.prefix_len() != address.max_prefix_len() {
        return Err(InputFault::new(
            "message_authenticator",
            format!(
                "{address} is a network of NASes, and what one of them sends says nothing of the others"
            ),
            "use required, or legacy for a time; or add the NASes one by one",
        ));
    }
    Ok(())
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

/// What another client has already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The field of the form or of the API's body.
    pub field: &'static str,
    /// What is taken, in a sentence.
    pub sentence: String,
    /// The name of the client that has it.
    pub other: String,
}

/// What is taken, when the store refused a client for its name, its address or its RadSec name; `own` is the client that may have
/// them already.
pub async fn taken(
    store: &Store,
    error: &StoreError,
    name: Option<&str>,
    address: Option<IpNet>,
    radsec_name: Option<&str>,
    own: Option<&str>,
) -> Option<Taken> {
    if !matches!(error, StoreError::Conflict { .. }) {
        return None;
    }
    let mut others = store.client_list().await.unwrap_or_default();
    others.retain(|client| own != Some(client.name.as_str()));
    if let Some(name) = name
        && others.iter().any(|client| client.name == name)
    {
        return Some(Taken {
            field: "name",
            sentence: format!("there is already a client {name}"),
            other: name.to_owned(),
        });
    }
    let network = address.map(|address| address.trunc());
    for other in others {
        if Some(other.address.trunc()) == network {
            return Some(Taken {
                field: "address",
                sentence: format!(
                    "the client {} has the address {} already",
                    other.name, other.address
                ),
                other: other.name,
            });
        }
        if let Some(radsec) = radsec_name
            && other.radsec_name.as_deref() == Some(radsec)
        {
            return Some(Taken {
                field: "radsec_name",
                sentence: format!(
                    "the client {} has the RadSec name {radsec} already",
                    other.name
                ),
                other: other.name,
            });
        }
    }
    None
}
