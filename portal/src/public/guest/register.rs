//! P2 and P4: accepting the terms, and the form with the configured fields.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use nac_store::{
    AskedField, Guest, GuestField, GuestMethod, GuestSettings, NewGuest, PortalMethod, now_us,
};
use serde::Deserialize;

use super::{
    LINK_US, acting, here, letters, method_of, new_token, offered, refused, site_of, terms_version,
};
use crate::i18n::Message;
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::forms::{Faults, Field, Posted};
use crate::public::layout::Shell;

/// What a form may send. Fields that the site does not ask for are not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Entry {
    name: String,
    email: String,
    phone: String,
    company: String,
    sponsor: String,
    reason: String,
    terms: String,
}

impl Entry {
    fn of(&self, field: GuestField) -> &str {
        let value = match field {
            GuestField::Name => &self.name,
            GuestField::Email => &self.email,
            GuestField::Phone => &self.phone,
            GuestField::Company => &self.company,
            GuestField::Sponsor => &self.sponsor,
            GuestField::Reason => &self.reason,
        };
        value.trim()
    }
}

#[derive(Template)]
#[template(path = "public/guest/form.html")]
struct FormPage {
    shell: Shell,
    faults: Faults,
    fields: Vec<Field>,
    terms: Option<String>,
    terms_fault: Option<String>,
    method: GuestMethod,
}

#[derive(Template)]
#[template(path = "public/guest/terms.html")]
struct TermsPage {
    shell: Shell,
    faults: Faults,
    terms: String,
    terms_fault: Option<String>,
}

impl FormPage {
    fn stay(&self) -> Message {
        stay(&self.shell)
    }
}

impl TermsPage {
    fn stay(&self) -> Message {
        stay(&self.shell)
    }
}

/// How long a guest may stay here.
fn stay(shell: &Shell) -> Message {
    shell.duration(i64::from(shell.settings().guest.hours) * 3_600)
}

pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/guest", get(form).post(register))
        .route("/terms", get(terms).post(accept))
}

async fn form(State(state): State<PublicState>, shell: Shell) -> Result<Response, PublicFailure> {
    offered(&state, &shell, PortalMethod::Guest)?;
    if let Some(redirect) = already(&state, &shell).await? {
        return Ok(redirect.into_response());
    }
    form_page(shell, &Entry::default(), Faults::default())
}

async fn register(
    State(state): State<PublicState>,
    shell: Shell,
    Posted(entry): Posted<Entry>,
) -> Result<Response, PublicFailure> {
    offered(&state, &shell, PortalMethod::Guest)?;
    let (session, mac) = here(&shell)?;
    if let Some(redirect) = already(&state, &shell).await? {
        return Ok(redirect.into_response());
    }
    let faults = faults(&shell, &entry);
    if !faults.is_empty() {
        return form_page(shell, &entry, faults);
    }
    state.limits.form(&shell, session)?;
    let settings = &shell.settings().guest;
    let method = method_of(settings);
    let asked = |field| {
        let asked = fields(settings, method).any(|asked| asked.field == field);
        if asked {
            entry.of(field).to_owned()
        } else {
            String::new()
        }
    };
    let (token, hash) = new_token()?;
    let new = NewGuest {
        method,
        name: asked(GuestField::Name),
        email: asked(GuestField::Email),
        phone: asked(GuestField::Phone),
        company: asked(GuestField::Company),
        sponsor: asked(GuestField::Sponsor),
        reason: asked(GuestField::Reason),
        link_sha256: Some(hash),
        link_expires_us: Some(now_us() + LINK_US),
        activation_s: settings.activation_minutes.saturating_mul(60),
        mac: Some(mac.to_owned()),
        ..common(&state, &shell).await?
    };
    // Where addresses are not verified, anybody may write anybody's: the limit by address is for the page that the mail opens.
    let store = acting(&state, &shell, "guest");
    let guest = store
        .guest_register(new)
        .await?
        .map_err(|refusal| refused(&refusal))?;
    tracing::info!(guest = %guest.id, method = guest.method.as_str(), mac, "a guest has registered");
    send_link(&state, &shell, &guest, &token).await?;
    Ok(Redirect::to(&shell.link("/guest/status")).into_response())
}

/// The mail that goes with a registration.
async fn send_link(
    state: &PublicState,
    shell: &Shell,
    guest: &Guest,
    token: &str,
) -> Result<(), PublicFailure> {
    let sent = match guest.method {
        GuestMethod::Email => letters::verify(state, shell, guest, token).await?,
        GuestMethod::Sponsor => letters::ask_sponsor(state, shell, guest, token).await?,
        _ => return Ok(()),
    };
    if let Err(refusal) = sent {
        // The page that follows offers to send it again later.
        tracing::warn!(guest = %guest.id, %refusal, "a mail for a guest was not sent");
    }
    Ok(())
}

async fn terms(State(state): State<PublicState>, shell: Shell) -> Result<Response, PublicFailure> {
    offered(&state, &shell, PortalMethod::Terms)?;
    if let Some(redirect) = already(&state, &shell).await? {
        return Ok(redirect.into_response());
    }
    terms_page(shell, Faults::default())
}

/// The form of the terms page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Acceptance {
    terms: String,
}

async fn accept(
    State(state): State<PublicState>,
    shell: Shell,
    Posted(acceptance): Posted<Acceptance>,
) -> Result<Response, PublicFailure> {
    offered(&state, &shell, PortalMethod::Terms)?;
    let (session, mac) = here(&shell)?;
    if let Some(redirect) = already(&state, &shell).await? {
        return Ok(redirect.into_response());
    }
    if acceptance.terms != "on" {
        let mut faults = Faults::default();
        faults.add("terms", shell.text("guest-terms-missing"));
        return terms_page(shell, faults);
    }
    state.limits.form(&shell, session)?;
    let new = NewGuest {
        method: GuestMethod::Click,
        mac: Some(mac.to_owned()),
        ..common(&state, &shell).await?
    };
    let store = acting(&state, &shell, "guest");
    let guest = store
        .guest_register(new)
        .await?
        .map_err(|refusal| refused(&refusal))?;
    tracing::info!(guest = %guest.id, mac, "a guest has accepted the terms");
    Ok(Redirect::to(&shell.link("/guest/status")).into_response())
}

/// Who is a guest already sees that instead of a form.
async fn already(state: &PublicState, shell: &Shell) -> Result<Option<Redirect>, PublicFailure> {
    let Ok((_, mac)) = here(shell) else {
        return Ok(None);
    };
    let guest = state.store.guest_by_mac(mac).await?;
    let open = guest.is_some_and(|guest| guest.is_active(now_us()) || guest.is_pending());
    Ok(open.then(|| Redirect::to(&shell.link("/guest/status"))))
}

async fn common(state: &PublicState, shell: &Shell) -> Result<NewGuest, PublicFailure> {
    let settings = shell.settings();
    Ok(NewGuest {
        language: shell.language().tag().to_owned(),
        site: site_of(&state.store, here(shell)?.0).await?,
        duration_s: settings.guest.hours.saturating_mul(3_600),
        devices_max: settings.guest.devices,
        terms_version: terms_version(settings),
        source: shell.visitor().source.to_string(),
        ..NewGuest::default()
    })
}

/// What the form asks: what the site says, and what the way needs.
fn fields(
    settings: &GuestSettings,
    method: GuestMethod,
) -> impl Iterator<Item = AskedField> + use<> {
    let needed = [
        (GuestField::Email, method == GuestMethod::Email),
        (GuestField::Sponsor, settings.approval),
    ];
    let mut asked = settings.fields.clone();
    // Without approval a sponsor has nothing to say.
    asked.retain(|asked| asked.field != GuestField::Sponsor || settings.approval);
    for (field, needed) in needed {
        match asked.iter_mut().find(|asked| asked.field == field) {
            Some(asked) => asked.required |= needed,
            None if needed => asked.push(AskedField {
                field,
                required: true,
            }),
            None => {}
        }
    }
    asked.into_iter()
}

fn faults(shell: &Shell, entry: &Entry) -> Faults {
    let settings = &shell.settings().guest;
    let mut faults = Faults::default();
    for asked in fields(settings, method_of(settings)) {
        let (name, value) = (asked.field.as_str(), entry.of(asked.field));
        let label = label(asked.field);
        if value.is_empty() {
            if asked.required {
                faults.add_to(name, shell.text(label), shell.text("guest-field-empty"));
            }
            continue;
        }
        if value.chars().count() > 200 || value.chars().any(char::is_control) {
            faults.add_to(name, shell.text(label), shell.text("guest-field-unusable"));
            continue;
        }
        let address = value.parse::<lettre::Address>().ok();
        match asked.field {
            GuestField::Email if address.is_none() => {
                faults.add(name, shell.text("guest-email-unusable"));
            }
            GuestField::Sponsor => {
                let known = address.is_some_and(|address| {
                    let domains = &settings.sponsor_domains;
                    domains
                        .iter()
                        .any(|domain| domain.eq_ignore_ascii_case(address.domain()))
                });
                if !known {
                    faults.add(name, shell.text("guest-sponsor-unusable"));
                }
            }
            _ => {}
        }
    }
    if terms_version(shell.settings()).is_some() && entry.terms != "on" {
        faults.add("terms", shell.text("guest-terms-missing"));
    }
    faults
}

/// What people call a field.
fn label(field: GuestField) -> &'static str {
    match field {
        GuestField::Name => "guest-name",
        GuestField::Email => "guest-email",
        GuestField::Phone => "guest-phone",
        GuestField::Company => "guest-company",
        GuestField::Sponsor => "guest-sponsor",
        GuestField::Reason => "guest-reason",
    }
}

fn form_page(shell: Shell, entry: &Entry, faults: Faults) -> Result<Response, PublicFailure> {
    let settings = &shell.settings().guest;
    let method = method_of(settings);
    let fields = fields(settings, method)
        .map(|asked| {
            let name = asked.field.as_str();
            let (hint, kind, autocomplete) = match asked.field {
                GuestField::Name => (None, "text", "name"),
                GuestField::Email => (
                    Some(if method == GuestMethod::Email {
                        "guest-email-why"
                    } else {
                        "guest-email-hint"
                    }),
                    "email",
                    "email",
                ),
                GuestField::Phone => (Some("guest-phone-hint"), "tel", "tel"),
                GuestField::Company => (None, "text", "organization"),
                GuestField::Sponsor => (Some("guest-sponsor-why"), "email", "off"),
                GuestField::Reason => (Some("guest-reason-hint"), "text", "off"),
            };
            let field = Field::new(name, shell.text(label(asked.field)))
                .kind(kind, autocomplete)
                .required(asked.required)
                .sent(entry.of(asked.field), &faults);
            match hint {
                Some(hint) => field.hint(shell.text(hint)),
                None => field,
            }
        })
        .collect();
    let page = FormPage {
        fields,
        terms: terms_text(&shell),
        terms_fault: faults.of("terms").map(ToOwned::to_owned),
        method,
        faults,
        shell,
    };
    Ok(Html(page.render()?).into_response())
}

fn terms_page(shell: Shell, faults: Faults) -> Result<Response, PublicFailure> {
    let page = TermsPage {
        terms: terms_text(&shell).unwrap_or_default(),
        terms_fault: faults.of("terms").map(ToOwned::to_owned),
        faults,
        shell,
    };
    Ok(Html(page.render()?).into_response())
}

/// The text of the terms for this person.
pub(super) fn terms_text(shell: &Shell) -> Option<String> {
    let terms = &shell.settings().terms;
    terms.text_in(shell.language().tag()).map(ToOwned::to_owned)
}
