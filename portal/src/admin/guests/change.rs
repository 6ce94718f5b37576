//! Adding guests, answering for them, extending and ending their stays.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use nac_store::{Guest, GuestMethod, GuestOutcome, GuestRefusal, NewGuest, now_us};
use serde::Deserialize;
use uuid::Uuid;

use super::name;
use crate::admin::form::{Fault, filled, number, seconds};
use crate::admin::{Account, AdminState, Chrome, Done, Moment, Place, Problem, render};
use crate::input::guest::announce;
use crate::web::Failure;

/// How long an announced guest may take to come, in microseconds: 30 days.
const INVITED_US: i64 = 30 * 86_400_000_000;

/// What the form sends.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GuestForm {
    name: String,
    email: String,
    phone: String,
    company: String,
    host: String,
    note: String,
    site: String,
    mac: String,
    stay: String,
    devices: String,
}

impl Default for GuestForm {
    fn default() -> Self {
        Self {
            name: String::new(),
            email: String::new(),
            phone: String::new(),
            company: String::new(),
            host: String::new(),
            note: String::new(),
            site: String::new(),
            mac: String::new(),
            stay: "8h".to_owned(),
            devices: "1".to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/guests/form.html")]
struct FormPage {
    chrome: Chrome,
    form: GuestForm,
    fault: Fault,
}

#[derive(Template)]
#[template(path = "admin/guests/code.html")]
struct CodePage {
    chrome: Chrome,
    guest: Guest,
    name: String,
    code: String,
    portal: String,
    until: Moment,
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: GuestForm,
    fault: Fault,
) -> Result<Response, Problem> {
    let page = FormPage {
        chrome: Chrome::new(state, account, "New guest", Place::Guests).await,
        form,
        fault,
    };
    Ok(page.fault.on(render(&page)?))
}

pub(super) async fn new(
    State(state): State<AdminState>,
    account: Account,
) -> Result<Response, Problem> {
    form_page(&state, &account, GuestForm::default(), Fault::default()).await
}

pub(super) async fn add(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<GuestForm>,
) -> Result<Response, Problem> {
    match try_add(&state, &account, &form).await {
        Ok((guest, None)) => Ok(Done::at(
            format!("/guests/{}", guest.id),
            format!("{} is let in.", name(&guest)),
        )
        .into_response()),
        Ok((guest, Some(code))) => render(&CodePage {
            chrome: Chrome::new(&state, &account, "The guest's code", Place::Guests).await,
            name: name(&guest),
            until: Moment(guest.link_expires_us.unwrap_or_default()),
            guest,
            code,
            portal: state.environment.portal_url.clone(),
        }),
        Err(problem) => form_page(&state, &account, form, Fault::of(problem)?).await,
    }
}

/// Gives the code when the guest is announced and has no device yet.
async fn try_add(
    state: &AdminState,
    account: &Account,
    form: &GuestForm,
) -> Result<(Guest, Option<String>), Problem> {
    let guest_name =
        filled(&form.name).ok_or_else(|| Failure::invalid("name", "write the guest's name"))?;
    let duration_s = seconds("stay", &form.stay)?;
    let devices = u32::try_from(number("devices", &form.devices, 1, 100)?).unwrap_or(1);
    let mac = match filled(&form.mac) {
        Some(text) => Some(
            nac_store::mac_normalise(text)
                .ok_or_else(|| Failure::invalid("mac", format!("{text} is no MAC address")))?,
        ),
        None => None,
    };
    let own = |text: &str| text.trim().to_owned();
    let new = NewGuest {
        method: GuestMethod::Operator,
        name: guest_name.to_owned(),
        email: own(&form.email),
        phone: own(&form.phone),
        company: own(&form.company),
        host: own(&form.host),
        note: own(&form.note),
        site: own(&form.site),
        mac,
        duration_s,
        devices_max: devices,
        link_expires_us: Some(now_us() + INVITED_US),
        created_by: account.operator(),
        ..NewGuest::default()
    };
    Ok(announce(&account.store(state), new).await?)
}

/// A refusal says itself what does not fit.
fn let_in(outcome: GuestOutcome) -> Result<Guest, Failure> {
    outcome.map_err(|refusal| match refusal {
        GuestRefusal::DeviceKnown | GuestRefusal::DeviceBlocked => {
            Failure::invalid("mac", refusal.to_string())
        }
        other => Failure::Conflict(other.to_string()),
    })
}

/// What the buttons of a guest send.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AnswerForm {
    stay: String,
    reason: String,
    block: bool,
}

pub(super) async fn approve(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AnswerForm>,
) -> Result<Done, Problem> {
    let stay = match filled(&form.stay) {
        Some(text) => Some(seconds("stay", text)?),
        None => None,
    };
    let outcome = account
        .store(&state)
        .guest_approve(id, &account.operator(), stay)
        .await?;
    let guest = let_in(outcome)?;
    Ok(Done::at("/guests", format!("{} is let in.", name(&guest))))
}

pub(super) async fn deny(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AnswerForm>,
) -> Result<Done, Problem> {
    let outcome = account
        .store(&state)
        .guest_deny(id, &account.operator(), form.reason.trim())
        .await?;
    let guest = let_in(outcome)?;
    Ok(Done::at(
        "/guests",
        format!("{} is not let in.", name(&guest)),
    ))
}

pub(super) async fn extend(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AnswerForm>,
) -> Result<Done, Problem> {
    let longer = seconds("stay", &form.stay)?;
    let guest = let_in(account.store(&state).guest_extend(id, longer).await?)?;
    Ok(Done::at(
        format!("/guests/{id}"),
        format!("{} may stay longer.", name(&guest)),
    ))
}

pub(super) async fn revoke(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AnswerForm>,
) -> Result<Done, Problem> {
    let outcome = account
        .store(&state)
        .guest_revoke(id, &account.operator(), form.block)
        .await?;
    let guest = let_in(outcome)?;
    let blocked = if form.block {
        " The devices are blocked."
    } else {
        ""
    };
    Ok(Done::at(
        format!("/guests/{id}"),
        format!("{} has to leave.{blocked}", name(&guest)),
    ))
}
