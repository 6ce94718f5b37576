//! P5: the link in the mail. It works on any device and shows which one gets on; a mail scanner that opens it confirms nothing.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use nac_store::{Guest, GuestDevice, GuestStatus, now_us};
use serde::Deserialize;

use super::{LINK_US, acting, letters, new_token, refused, token_hash};
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::forms::{Faults, Posted};
use crate::public::layout::Shell;

/// The form: which of the guest's devices makes room, where that is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    replace: String,
}

#[derive(Template)]
#[template(path = "public/guest/confirm.html")]
struct Page {
    shell: Shell,
    guest: Guest,
    token: String,
    /// The devices of which one has to make room.
    others: Vec<GuestDevice>,
    faults: Faults,
    now_us: i64,
}

#[derive(Template)]
#[template(path = "public/guest/confirmed.html")]
struct ConfirmedPage {
    shell: Shell,
}

impl Page {
    fn waits(&self) -> bool {
        self.guest.status == GuestStatus::Unverified
            && self
                .guest
                .link_expires_us
                .is_some_and(|end| end > self.now_us)
    }

    fn is_active(&self) -> bool {
        self.guest.is_active(self.now_us)
    }

    fn asked(&self) -> String {
        self.shell.moment(self.guest.created_us)
    }

    fn since(&self, device: &GuestDevice) -> String {
        self.shell.moment(device.added_us)
    }

    fn action(&self) -> String {
        self.shell.link(format!("/guest/confirm/{}", self.token))
    }
}

pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/guest/confirm/{token}", get(ask).post(confirm))
        .route("/guest/confirmed", get(confirmed))
}

async fn ask(
    State(state): State<PublicState>,
    shell: Shell,
    Path(token): Path<String>,
) -> Result<Response, PublicFailure> {
    let guest = find(&state, &token).await?;
    let others = in_the_way(&state, &guest).await?;
    page(shell, guest, token, others, Faults::default())
}

async fn confirm(
    State(state): State<PublicState>,
    shell: Shell,
    Path(token): Path<String>,
    Posted(entry): Posted<Entry>,
) -> Result<Response, PublicFailure> {
    let guest = find(&state, &token).await?;
    let others = in_the_way(&state, &guest).await?;
    let store = acting(&state, &shell, "guest");
    if guest.status == GuestStatus::Unverified && !others.is_empty() {
        let Some(leaving) = others.iter().find(|device| device.mac == entry.replace) else {
            let mut faults = Faults::default();
            faults.add("replace", shell.text("guest-replace-missing"));
            return page(shell, guest, token, others, faults);
        };
        store.guest_leave(leaving.guest_id, &leaving.mac).await?;
    }
    let verified = store
        .guest_verify(guest.id)
        .await?
        .map_err(|refusal| refused(&refusal))?;
    tracing::info!(guest = %verified.id, "a guest's address has answered");
    if verified.status == GuestStatus::Awaiting {
        ask_sponsor(&state, &shell, &verified).await?;
        return Ok(Redirect::to(&shell.link("/guest/confirmed")).into_response());
    }
    Ok(Redirect::to(&shell.link(format!("/guest/confirm/{token}"))).into_response())
}

/// What comes next, for a guest whose sponsor has to decide.
async fn confirmed(shell: Shell) -> Result<Html<String>, PublicFailure> {
    Ok(Html(ConfirmedPage { shell }.render()?))
}

/// The guest's own link ends here; the sponsor gets another.
async fn ask_sponsor(
    state: &PublicState,
    shell: &Shell,
    guest: &Guest,
) -> Result<(), PublicFailure> {
    let (token, hash) = new_token()?;
    let guest = state
        .store
        .guest_link_renew(guest.id, &hash, now_us() + LINK_US)
        .await?
        .map_err(|refusal| refused(&refusal))?;
    if let Err(refusal) = letters::ask_sponsor(state, shell, &guest, &token).await? {
        tracing::warn!(guest = %guest.id, %refusal, "a mail to a sponsor was not sent");
    }
    Ok(())
}

async fn find(state: &PublicState, token: &str) -> Result<Guest, PublicFailure> {
    let found = state.store.guest_by_link(&token_hash(token)).await?;
    // The sponsor's link decides; it does not confirm the guest's address.
    let theirs = found.filter(|guest| {
        guest.method == nac_store::GuestMethod::Email
            && (guest.verified_us.is_none() || guest.sponsor.is_empty())
    });
    theirs.ok_or_else(|| PublicFailure::not_found().because("guest-link-over"))
}

/// The devices of the same person, where there are too many for a further one.
async fn in_the_way(state: &PublicState, guest: &Guest) -> Result<Vec<GuestDevice>, PublicFailure> {
    if guest.status != GuestStatus::Unverified {
        return Ok(Vec::new());
    }
    let mut devices = state.store.guest_devices_of_email(&guest.email).await?;
    let room = usize::try_from(guest.devices_max).unwrap_or(usize::MAX);
    if devices.len() < room {
        devices.clear();
    }
    Ok(devices)
}

fn page(
    shell: Shell,
    guest: Guest,
    token: String,
    others: Vec<GuestDevice>,
    faults: Faults,
) -> Result<Response, PublicFailure> {
    let page = Page {
        shell,
        guest,
        token,
        others,
        faults,
        now_us: now_us(),
    };
    Ok(Html(page.render()?).into_response())
}
