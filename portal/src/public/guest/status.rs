//! P14: how long is left, staying longer, logging out; and waiting for the mail or the sponsor.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use nac_store::{Guest, GuestMethod, GuestStatus, now_us};
use serde::Deserialize;

use super::{EXTENSIONS, LINK_US, acting, here, letters, new_token, refused};
use crate::i18n::Message;
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::forms::Posted;
use crate::public::layout::Shell;
use crate::web::Failure;

#[derive(Template)]
#[template(path = "public/guest/status.html")]
struct Page {
    shell: Shell,
    guest: Guest,
    devices: usize,
    may_extend: bool,
    now_us: i64,
}

impl Page {
    fn left(&self) -> i64 {
        let until = self.guest.expires_us.unwrap_or(self.now_us);
        (until - self.now_us).max(0) / 1_000_000
    }

    fn stay(&self) -> Message {
        self.shell.duration(i64::from(self.guest.duration_s))
    }

    fn waits(&self) -> bool {
        self.guest.is_pending()
    }

    fn is_active(&self) -> bool {
        self.guest.is_active(self.now_us)
    }

    fn is_denied(&self) -> bool {
        self.guest.status == GuestStatus::Denied
    }

    fn is_unverified(&self) -> bool {
        self.guest.status == GuestStatus::Unverified
    }
}

/// A form without a field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/guest/status", get(status))
        .route("/guest/extend", post(extend))
        .route("/guest/leave", post(leave))
        .route("/guest/resend", post(resend))
}

async fn status(State(state): State<PublicState>, shell: Shell) -> Result<Response, PublicFailure> {
    let (_, mac) = here(&shell)?;
    let Some(guest) = state.store.guest_by_mac(mac).await? else {
        return Ok(Redirect::to(&shell.link("/")).into_response());
    };
    let devices = state.store.guest_devices(guest.id).await?;
    let page = Page {
        devices: devices
            .iter()
            .filter(|device| device.left_us.is_none())
            .count(),
        may_extend: guest.extended < EXTENSIONS && guest.method != GuestMethod::Voucher,
        now_us: now_us(),
        guest,
        shell,
    };
    Ok(Html(page.render()?).into_response())
}

async fn extend(
    State(state): State<PublicState>,
    shell: Shell,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, PublicFailure> {
    let guest = own(&state, &shell).await?;
    if guest.method == GuestMethod::Voucher {
        return Err(refused(&nac_store::GuestRefusal::NoExtension));
    }
    acting(&state, &shell, "guest")
        .guest_extend_self(guest.id, guest.duration_s, EXTENSIONS)
        .await?
        .map_err(|refusal| refused(&refusal))?;
    Ok(Redirect::to(&shell.link("/guest/status")))
}

async fn leave(
    State(state): State<PublicState>,
    shell: Shell,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, PublicFailure> {
    let guest = own(&state, &shell).await?;
    let (_, mac) = here(&shell)?;
    acting(&state, &shell, "guest")
        .guest_leave(guest.id, mac)
        .await?;
    Ok(Redirect::to(&shell.link("/")))
}

async fn resend(
    State(state): State<PublicState>,
    shell: Shell,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, PublicFailure> {
    let guest = own(&state, &shell).await?;
    if !guest.is_pending() {
        return Ok(Redirect::to(&shell.link("/guest/status")));
    }
    let too_soon = || {
        PublicFailure::from(Failure::TooMany("a mail again so soon".to_owned()))
            .because("guest-resend-later")
    };
    if !state.limits.mail(guest.id) {
        return Err(too_soon());
    }
    let (token, hash) = new_token()?;
    let guest = state
        .store
        .guest_link_renew(guest.id, &hash, now_us() + LINK_US)
        .await?
        .map_err(|refusal| refused(&refusal))?;
    let sent = if guest.status == GuestStatus::Unverified {
        letters::verify(&state, &shell, &guest, &token).await?
    } else {
        letters::ask_sponsor(&state, &shell, &guest, &token).await?
    };
    sent.map_err(|_| too_soon())?;
    Ok(Redirect::to(&shell.link("/guest/status")))
}

/// The guest whose device the person sits at.
async fn own(state: &PublicState, shell: &Shell) -> Result<Guest, PublicFailure> {
    let (_, mac) = here(shell)?;
    let guest = state.store.guest_by_mac(mac).await?;
    guest.ok_or_else(|| PublicFailure::not_found().because("guest-nobody"))
}
