//! P3: the voucher's code.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use nac_store::{PortalMethod, Redeemer, VoucherCode, VoucherRefusal};
use serde::Deserialize;

use super::register::terms_text;
use super::{acting, here, offered, refused, site_of, terms_version};
use crate::i18n::Message;
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::forms::{Faults, Field, Posted};
use crate::public::layout::Shell;

/// Every answer to a code takes at least this long, whatever it is.
const ANSWER: Duration = Duration::from_millis(300);

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    code: String,
    terms: String,
}

#[derive(Template)]
#[template(path = "public/guest/voucher.html")]
struct Page {
    shell: Shell,
    faults: Faults,
    field: Field,
    terms: Option<String>,
    terms_fault: Option<String>,
}

pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/voucher", get(empty).post(redeem))
        .route("/v/{code}", get(filled))
}

async fn empty(State(state): State<PublicState>, shell: Shell) -> Result<Response, PublicFailure> {
    offered(&state, &shell, PortalMethod::Voucher)?;
    page(shell, &Entry::default(), Faults::default())
}

/// Where the QR code leads: the form with the code in it. Nothing happens before it is sent.
async fn filled(
    State(state): State<PublicState>,
    shell: Shell,
    Path(code): Path<String>,
) -> Result<Response, PublicFailure> {
    offered(&state, &shell, PortalMethod::Voucher)?;
    let code = VoucherCode::parse(&code).map(|code| code.shown());
    let entry = Entry {
        code: code.unwrap_or_default(),
        ..Entry::default()
    };
    page(shell, &entry, Faults::default())
}

async fn redeem(
    State(state): State<PublicState>,
    shell: Shell,
    Posted(entry): Posted<Entry>,
) -> Result<Response, PublicFailure> {
    offered(&state, &shell, PortalMethod::Voucher)?;
    let (session, mac) = here(&shell)?;
    let mut faults = Faults::default();
    let code = VoucherCode::parse(&entry.code);
    if code.is_none() {
        faults.add("code", shell.text("guest-code-form"));
    }
    if terms_version(shell.settings()).is_some() && entry.terms != "on" {
        faults.add("terms", shell.text("guest-terms-missing"));
    }
    let Some(code) = code.filter(|_| faults.is_empty()) else {
        return page(shell, &entry, faults);
    };
    state.limits.code(&shell, session)?;
    let answer_at = tokio::time::Instant::now() + ANSWER;
    let who = Redeemer {
        mac: mac.to_owned(),
        site: site_of(&state.store, session).await?,
        language: shell.language().tag().to_owned(),
        terms_version: terms_version(shell.settings()),
        source: shell.visitor().source.to_string(),
    };
    let store = acting(&state, &shell, "guest");
    let redeemed = store.voucher_redeem(&code, &who).await;
    tokio::time::sleep_until(answer_at).await;
    let refusal = match redeemed? {
        Ok(guest) => {
            tracing::info!(guest = %guest.id, mac, "a voucher was used");
            return Ok(Redirect::to(&shell.link("/guest/status")).into_response());
        }
        Err(VoucherRefusal::Device(refusal)) => return Err(refused(&refusal)),
        Err(refusal) => refusal,
    };
    if refusal == VoucherRefusal::Unknown {
        state.limits.code_was_wrong();
    }
    tracing::info!(mac, %refusal, "a voucher was refused");
    faults.add("code", why(&shell, &refusal));
    page(shell, &entry, faults)
}

fn why(shell: &Shell, refusal: &VoucherRefusal) -> Message {
    match refusal {
        VoucherRefusal::Unknown | VoucherRefusal::Device(_) => shell.text("guest-code-wrong"),
        VoucherRefusal::Expired => shell.text("guest-code-expired"),
        VoucherRefusal::UsedUp => shell.text("guest-code-used"),
        VoucherRefusal::OtherSite => shell.text("guest-code-elsewhere"),
        VoucherRefusal::NotYet { from_us } => shell
            .text("guest-code-early")
            .arg("time", shell.moment(*from_us)),
    }
}

fn page(shell: Shell, entry: &Entry, faults: Faults) -> Result<Response, PublicFailure> {
    let page = Page {
        field: Field::new("code", shell.text("guest-code"))
            .hint(shell.text("guest-code-hint"))
            .required(true)
            .length_max(64)
            .sent(&entry.code, &faults),
        terms: terms_text(&shell),
        terms_fault: faults.of("terms").map(ToOwned::to_owned),
        faults,
        shell,
    };
    Ok(Html(page.render()?).into_response())
}
