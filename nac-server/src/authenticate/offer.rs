//! Which methods are offered to a login, before anybody is known: by client, site, Wi-Fi network and the realm outside the tunnel.

use std::sync::Arc;

use nac_eap::Settings;
use nac_store::OfferedMethod;

use super::Authenticator;
use super::credentials::Credentials;
use super::expired::Change;
use super::request::Request;
use crate::identity::realm::realm_of;
use crate::reason::Refusal;
use crate::snapshot::offers::OfferEntry;

/// EAP's refusals that mean: the supplicant wants what is not offered.
const NOT_OFFERED: [&str; 6] = [
    "EAP-1301", "EAP-1302", "EAP-1405", "EAP-1406", "EAP-1413", "EAP-1502",
];

/// Finds the offer for who goes by this name outside of any tunnel, and takes note of it in the request.
fn choose(
    authenticator: &Authenticator,
    request: &mut Request,
    name: &str,
) -> Option<Arc<OfferEntry>> {
    let snapshot = authenticator.world.snapshot();
    let offers = &snapshot.offers;
    if offers.is_empty() {
        request.offer = Some(offers.default_name().clone());
        return None;
    }
    let ssid = request.ssid(&request.packet());
    let found = offers.first(&request.client, &ssid, &realm_of(name));
    let name = found.map_or_else(|| offers.default_name(), |entry| &entry.name);
    request.offer = Some(name.clone());
    found.cloned()
}

/// What is offered to a supplicant that goes by this name; nothing while EAP is not set up.
pub(super) fn eap_settings(
    authenticator: &Authenticator,
    request: &mut Request,
    identity: &str,
) -> Option<Arc<Settings>> {
    let offer = choose(authenticator, request, identity);
    let settings = authenticator.eap.load_full()?;
    Some(match offer {
        Some(offer) => Arc::new(offer.settings(&settings)),
        None => settings,
    })
}

/// Whether credentials without EAP are of a method on offer.
///
/// # Errors
/// They are not.
pub(super) fn allow(
    authenticator: &Authenticator,
    request: &mut Request,
    credentials: &Credentials,
) -> Result<(), Refusal> {
    let (method, name) = match credentials {
        Credentials::Eap(_) => return Ok(()),
        // The name of a station is its address and has no realm.
        Credentials::Mab(_) => (OfferedMethod::Mab, ""),
        Credentials::Pap { user, .. } => (OfferedMethod::Pap, user.as_str()),
        Credentials::Chap { user } => (OfferedMethod::Chap, user.as_str()),
        Credentials::MsChapV2 { user, .. } | Credentials::MsChapV2Change(Change { user, .. }) => {
            (OfferedMethod::MsChapV2, user.as_str())
        }
    };
    match choose(authenticator, request, name) {
        Some(offer) if !offer.has(method) => {
            Err(Refusal::method_not_offered(method.as_str(), &offer.name))
        }
        _ => Ok(()),
    }
}

/// Says in a refusal for a method that is not on offer whose offer that was.
pub(super) fn named(refusal: Refusal, request: &Request) -> Refusal {
    match &request.offer {
        Some(offer) if NOT_OFFERED.contains(&refusal.code) => Refusal {
            sentence: format!(
                "{}; method not allowed by the offer \"{offer}\"",
                refusal.sentence
            ),
            ..refusal
        },
        _ => refusal,
    }
}
