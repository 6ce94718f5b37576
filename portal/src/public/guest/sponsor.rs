//! P7 and P8: an employee decides about a guest. The link only opens the page: who decides signs in first, and is one of those who
//! may.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use nac_store::{Guest, GuestRefusal, GuestStatus, StoreError, now_us};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{acting, refused, token_hash};
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::forms::{Faults, Field, Posted};
use crate::public::layout::Shell;
use crate::public::token::Holder;
use crate::web::Failure;

/// The purpose of the token that says who has signed in.
const SIGNED_IN: &str = "guest-sponsor";

/// The form to sign in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    user: String,
    password: Zeroizing<String>,
}

/// The form to decide.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Decision {
    signed_in: String,
    decision: String,
    hours: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "public/guest/sponsor_sign_in.html")]
struct SignInPage {
    shell: Shell,
    token: String,
    faults: Faults,
    user: Field,
    password: Field,
}

impl SignInPage {
    fn action(&self) -> String {
        self.shell.link(format!("/guest/sponsor/{}", self.token))
    }
}

#[derive(Template)]
#[template(path = "public/guest/sponsor.html")]
struct DecisionPage {
    shell: Shell,
    guest: Guest,
    token: String,
    signed_in: String,
    user: String,
    faults: Faults,
    hours: Field,
    reason: Field,
    now_us: i64,
}

impl DecisionPage {
    fn waits(&self) -> bool {
        self.guest.status == GuestStatus::Awaiting
            && self
                .guest
                .link_expires_us
                .is_some_and(|end| end > self.now_us)
    }

    fn is_denied(&self) -> bool {
        self.guest.status == GuestStatus::Denied
    }

    fn is_active(&self) -> bool {
        self.guest.is_active(self.now_us)
    }

    fn asked(&self) -> String {
        self.shell.moment(self.guest.created_us)
    }

    fn action(&self) -> String {
        self.shell
            .link(format!("/guest/sponsor/{}/decide", self.token))
    }

    fn decided_by(&self) -> &str {
        self.guest.decided_by.as_deref().unwrap_or_default()
    }
}

pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/guest/sponsor/{token}", get(open).post(sign_in))
        .route("/guest/sponsor/{token}/decide", post(decide))
}

async fn open(
    State(state): State<PublicState>,
    shell: Shell,
    Path(token): Path<String>,
) -> Result<Response, PublicFailure> {
    let guest = find(&state, &token).await?;
    let signed_in = shell.query("s").unwrap_or_default();
    match who(&state, &shell, &token, &signed_in).await? {
        Some(user) => decision_page(
            shell,
            guest,
            token,
            (signed_in, user),
            &Decision::default(),
            Faults::default(),
        ),
        None => sign_in_page(shell, token, "", Faults::default()),
    }
}

async fn sign_in(
    State(state): State<PublicState>,
    shell: Shell,
    Path(token): Path<String>,
    Posted(entry): Posted<SignIn>,
) -> Result<Response, PublicFailure> {
    find(&state, &token).await?;
    if entry.user.len() > 200 || entry.password.len() > 256 {
        return Err(Failure::invalid("user", "too long").into());
    }
    state.limits.sign_in(&shell, &entry.user)?;
    let user = found(state.store.user_fetch(&entry.user).await)?.filter(|user| user.enabled);
    let hash = user.as_ref().and_then(|user| user.password.clone());
    let right = state.passwords.verify(hash, entry.password).await?;
    let groups = sponsor_groups(&state, &token).await?;
    let mut faults = Faults::default();
    let Some(user) = user.filter(|_| right) else {
        faults.add("user", shell.text("guest-sign-in-wrong"));
        tracing::info!(source = %shell.visitor().source, "a sponsor's sign-in was refused");
        return sign_in_page(shell, token, &entry.user, faults);
    };
    if !may_sponsor(&groups, &user.groups) {
        faults.add("user", shell.text("guest-sign-in-not-allowed"));
        return sign_in_page(shell, token, &entry.user, faults);
    }
    let holder = Holder::Address(shell.visitor().source);
    let signed_in = state
        .tokens
        .sign(
            SIGNED_IN,
            holder,
            &(&user.name, token_hash(&token)),
            now_us(),
        )
        .map_err(|_| Failure::Unavailable)?;
    let next = shell.link(format!("/guest/sponsor/{token}?s={signed_in}"));
    Ok(Redirect::to(&next).into_response())
}

async fn decide(
    State(state): State<PublicState>,
    shell: Shell,
    Path(token): Path<String>,
    Posted(entry): Posted<Decision>,
) -> Result<Response, PublicFailure> {
    let guest = find(&state, &token).await?;
    let Some(user) = who(&state, &shell, &token, &entry.signed_in).await? else {
        let mut faults = Faults::default();
        faults.add("user", shell.text("guest-sign-in-again"));
        return sign_in_page(shell, token, "", faults);
    };
    let store = acting(&state, &shell, &user);
    let mut faults = Faults::default();
    let decided = match entry.decision.as_str() {
        "approve" => match hours(&entry.hours, guest.duration_s) {
            Some(duration_s) => {
                store
                    .guest_approve(guest.id, &user, Some(duration_s))
                    .await?
            }
            None => {
                faults.add("hours", shell.text("guest-hours-unusable"));
                return decision_page(
                    shell,
                    guest,
                    token,
                    (entry.signed_in.clone(), user),
                    &entry,
                    faults,
                );
            }
        },
        "deny" if entry.reason.trim().is_empty() || entry.reason.chars().count() > 200 => {
            faults.add("reason", shell.text("guest-deny-reason-missing"));
            return decision_page(
                shell,
                guest,
                token,
                (entry.signed_in.clone(), user),
                &entry,
                faults,
            );
        }
        "deny" => store.guest_deny(guest.id, &user, &entry.reason).await?,
        _ => return Err(Failure::invalid("decision", "neither approve nor deny").into()),
    };
    match decided {
        // Who was too late sees who was quicker.
        Ok(_) | Err(GuestRefusal::Decided { .. }) => {}
        Err(refusal) => return Err(refused(&refusal)),
    }
    let next = format!("/guest/sponsor/{token}?s={}", entry.signed_in);
    Ok(Redirect::to(&shell.link(&next)).into_response())
}

/// The guest whom this sponsor's link is about.
async fn find(state: &PublicState, token: &str) -> Result<Guest, PublicFailure> {
    let found = state.store.guest_by_link(&token_hash(token)).await?;
    let asked =
        found.filter(|guest| !guest.sponsor.is_empty() && guest.status != GuestStatus::Unverified);
    asked.ok_or_else(|| PublicFailure::not_found().because("guest-link-over"))
}

/// Who has signed in for this link, and may still decide.
async fn who(
    state: &PublicState,
    shell: &Shell,
    token: &str,
    signed_in: &str,
) -> Result<Option<String>, PublicFailure> {
    let holder = Holder::Address(shell.visitor().source);
    let signed = state
        .tokens
        .verify::<(String, String)>(SIGNED_IN, holder, signed_in, now_us());
    let Some((name, _)) = signed.ok().filter(|(_, link)| *link == token_hash(token)) else {
        return Ok(None);
    };
    let groups = sponsor_groups(state, token).await?;
    let user = found(state.store.user_fetch(&name).await)?;
    let user = user.filter(|user| user.enabled && may_sponsor(&groups, &user.groups));
    Ok(user.map(|user| user.name))
}

/// The groups of sponsors at the site where the guest is.
async fn sponsor_groups(state: &PublicState, token: &str) -> Result<Vec<String>, PublicFailure> {
    let guest = find(state, token).await?;
    let site = state.store.portal_site(&guest.site).await?;
    Ok(site.settings.guest.sponsor_groups)
}

fn may_sponsor(sponsors: &[String], groups: &[String]) -> bool {
    sponsors.is_empty() || groups.iter().any(|group| sponsors.contains(group))
}

/// Whole or half hours, no longer than was asked for.
fn hours(text: &str, asked_s: u32) -> Option<u32> {
    let text = text.trim().replace(',', ".");
    if text.is_empty() {
        return Some(asked_s);
    }
    let hours: f64 = text.parse().ok()?;
    let seconds = hours * 3_600.0;
    let allowed = (60.0..=f64::from(asked_s)).contains(&seconds);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 60 and a u32"
    )]
    allowed.then_some(seconds as u32)
}

fn found<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn sign_in_page(
    shell: Shell,
    token: String,
    user: &str,
    faults: Faults,
) -> Result<Response, PublicFailure> {
    let page = SignInPage {
        user: Field::new("user", shell.text("guest-sign-in-user"))
            .kind("text", "username")
            .required(true)
            .sent(user, &faults),
        password: Field::new("password", shell.text("guest-sign-in-password"))
            .kind("password", "current-password")
            .required(true),
        shell,
        token,
        faults,
    };
    Ok(Html(page.render()?).into_response())
}

fn decision_page(
    shell: Shell,
    guest: Guest,
    token: String,
    (signed_in, user): (String, String),
    entry: &Decision,
    faults: Faults,
) -> Result<Response, PublicFailure> {
    let asked = f64::from(guest.duration_s) / 3_600.0;
    let hours = if entry.hours.is_empty() {
        format!("{asked}")
    } else {
        entry.hours.clone()
    };
    let page = DecisionPage {
        hours: Field::new("hours", shell.text("guest-hours"))
            .hint(
                shell
                    .text("guest-hours-hint")
                    .arg("duration", shell.duration(i64::from(guest.duration_s))),
            )
            .length_max(8)
            .sent(&hours, &faults),
        reason: Field::new("reason", shell.text("guest-deny-reason"))
            .hint(shell.text("guest-deny-reason-hint"))
            .sent(&entry.reason, &faults),
        shell,
        guest,
        token,
        signed_in,
        user,
        faults,
        now_us: now_us(),
    };
    Ok(Html(page.render()?).into_response())
}
