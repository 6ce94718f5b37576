//! Guests: the form, the terms, the voucher, what comes by mail, the sponsor's answer, and how long is left.
//!
//! Who lets a device in is always the person who sits at it: a form counts only with a live session behind the address, and the
//! device is the session's, never one that a person wrote down. A link in a mail confirms or decides about a device, by POST.

mod confirm;
mod letters;
mod limits;
mod register;
mod sponsor;
mod status;
#[cfg(test)]
mod tests;
mod voucher;

use aws_lc_rs::digest;
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nac_store::{
    Actor, ActorKind, GuestMethod, GuestRefusal, GuestSettings, PortalMethod, PortalSettings,
    Session, Store, StoreError,
};
use zeroize::Zeroizing;

use super::PublicState;
use super::failure::PublicFailure;
use super::layout::Shell;
use crate::web::Failure;

pub use limits::Limits;

/// How often a guest may stay longer by themselves.
const EXTENSIONS: u32 = 1;
/// How long a link in a mail can be used, in microseconds.
const LINK_US: i64 = 86_400_000_000;

/// `/guest…`, `/terms`, `/voucher`, `/v/…`.
pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .merge(register::routes())
        .merge(voucher::routes())
        .merge(status::routes())
        .merge(confirm::routes())
        .merge(sponsor::routes())
}

/// Whether a way to get on needs mail that has to leave this server.
pub fn needs_mail(settings: &PortalSettings) -> bool {
    settings.methods.contains(&PortalMethod::Guest)
        && matches!(
            method_of(&settings.guest),
            GuestMethod::Email | GuestMethod::Sponsor
        )
}

/// Whether this site offers a way to get on, and can: without a mail server nobody can confirm or be asked.
pub(super) fn is_offered(
    state: &PublicState,
    settings: &PortalSettings,
    method: PortalMethod,
) -> bool {
    settings.methods.contains(&method)
        && match method {
            PortalMethod::Guest => state.outbox.is_open() || !needs_mail(settings),
            PortalMethod::Terms => !settings.terms.text.is_empty(),
            PortalMethod::Voucher | PortalMethod::Devices | PortalMethod::Remedy => true,
        }
}

/// The way that the form leads to.
fn method_of(settings: &GuestSettings) -> GuestMethod {
    match (settings.verify_email, settings.approval) {
        (true, _) => GuestMethod::Email,
        (false, true) => GuestMethod::Sponsor,
        (false, false) => GuestMethod::Form,
    }
}

/// Refuses a way that the site does not offer.
fn offered(state: &PublicState, shell: &Shell, method: PortalMethod) -> Result<(), PublicFailure> {
    if is_offered(state, shell.settings(), method) {
        return Ok(());
    }
    Err(PublicFailure::not_found().because("guest-closed"))
}

/// The live session of the person, and the address of its device.
fn here(shell: &Shell) -> Result<(&Session, &str), PublicFailure> {
    let session = shell.visitor().present()?;
    let mac = session.mac.as_deref().ok_or_else(|| {
        PublicFailure::from(Failure::Forbidden(
            "the session has no MAC address".to_owned(),
        ))
        .because("shell-not-here")
    })?;
    Ok((session, mac))
}

/// The site where a session is.
async fn site_of(store: &Store, session: &Session) -> Result<String, StoreError> {
    match store.client_fetch(&session.client).await {
        Ok(client) => Ok(client.site),
        Err(StoreError::NotFound { .. }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// The store, recording what somebody in the portal does.
fn acting(state: &PublicState, shell: &Shell, name: &str) -> Store {
    state.store.acting(Actor {
        kind: ActorKind::Portal,
        name: name.to_owned(),
        source: shell.visitor().source.to_string(),
    })
}

/// A refusal of the store as a page.
fn refused(refusal: &GuestRefusal) -> PublicFailure {
    let because = match refusal {
        GuestRefusal::DeviceKnown => "guest-device-known",
        GuestRefusal::DeviceBlocked => "guest-device-blocked",
        GuestRefusal::DeviceLimit { .. } => "guest-device-limit",
        GuestRefusal::Decided { .. } => "guest-decided",
        GuestRefusal::NoExtension => "guest-no-extension",
    };
    PublicFailure::from(Failure::Conflict(refusal.to_string())).because(because)
}

/// The version of the terms that a form accepts; `None` where the site has none.
fn terms_version(settings: &PortalSettings) -> Option<String> {
    (!settings.terms.text.is_empty()).then(|| settings.terms.version.clone())
}

/// A new secret for a link, and what the store keeps of it.
fn new_token() -> Result<(Zeroizing<String>, String), PublicFailure> {
    let mut octets = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(octets.as_mut_slice()).map_err(|_| Failure::Unavailable)?;
    let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(octets.as_slice()));
    let hash = token_hash(&token);
    Ok((token, hash))
}

fn token_hash(token: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, token.as_bytes()))
}
