//! P18: what is stored about people, why and how long; one's own data to take along, and a guest's right to be forgotten.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use nac_store::{Actor, ActorKind, Guest, RetentionKind, RetentionRun};
use serde::Deserialize;

use super::PublicState;
use super::failure::PublicFailure;
use super::forms::Posted;
use super::layout::Shell;
use crate::i18n::Message;
use crate::web::Failure;

/// A kind of data: what it is, why, and how long.
struct Kind {
    what: Message,
    why: Message,
    days: u32,
}

/// What is known of the person who looks.
enum Known {
    /// Nobody.
    Nobody,
    /// Only a device, by an address that anybody can imitate.
    Device,
    /// Somebody who proved to be this.
    Person(String),
}

#[derive(Template)]
#[template(path = "public/privacy.html")]
struct Page {
    shell: Shell,
    kinds: Vec<Kind>,
    known: Known,
    guest: Option<Guest>,
    last_run: Option<(RetentionRun, u64)>,
}

#[derive(Template)]
#[template(path = "public/erased.html")]
struct Erased {
    shell: Shell,
}

/// The form's one hidden field: whom the page was about, so that a page that lies open for long erases nobody else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Erasure {
    guest: uuid::Uuid,
}

/// `/privacy`, `/privacy/export` and `/privacy/erase`.
pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/privacy", get(privacy))
        .route("/privacy/export", get(export))
        .route("/privacy/erase", axum::routing::post(erase))
        .route("/privacy/erased", get(erased))
}

async fn privacy(
    State(state): State<PublicState>,
    shell: Shell,
) -> Result<Html<String>, PublicFailure> {
    let days = state.store.portal_site("").await?.settings.retention.days();
    let kinds = days.iter().map(|(kind, days)| {
        let (what, why) = words(*kind);
        Kind {
            what: shell.text(what),
            why: shell.text(why),
            days: *days,
        }
    });
    let kinds = kinds.collect();
    let session = shell.visitor().session();
    let guest = match session {
        Some(session) => state.store.guest_of_session(session).await?,
        None => None,
    };
    let known = match session {
        None => Known::Nobody,
        Some(session) if session.is_proven() => Known::Person(session.identity.clone()),
        Some(_) => Known::Device,
    };
    let runs = state.store.retention_run_list(1).await?;
    let last_run = runs.into_iter().next().map(|run| {
        let removed = run.removed.values().sum();
        (run, removed)
    });
    let page = Page {
        shell,
        kinds,
        known,
        guest,
        last_run,
    };
    Ok(Html(page.render()?))
}

fn words(kind: RetentionKind) -> (&'static str, &'static str) {
    match kind {
        RetentionKind::Decisions => ("privacy-decisions", "privacy-decisions-why"),
        RetentionKind::Accounting => ("privacy-accounting", "privacy-accounting-why"),
        RetentionKind::Sessions => ("privacy-sessions", "privacy-sessions-why"),
        RetentionKind::Guests => ("privacy-guests", "privacy-guests-why"),
        RetentionKind::Acceptances => ("privacy-acceptances", "privacy-acceptances-why"),
    }
}

/// A file, because a page would be read over a shoulder.
async fn export(State(state): State<PublicState>, shell: Shell) -> Result<Response, PublicFailure> {
    let session = shell.visitor().present()?;
    let data = state.store.personal_data(session).await?;
    let body = serde_json::to_string_pretty(&data).map_err(|_| Failure::Unavailable)?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"my-network-data.json\"",
        ),
    ];
    Ok((headers, body).into_response())
}

async fn erase(
    State(state): State<PublicState>,
    shell: Shell,
    Posted(form): Posted<Erasure>,
) -> Result<Redirect, PublicFailure> {
    let session = shell.visitor().present()?;
    let guest = state.store.guest_of_session(session).await?;
    let guest = guest
        .filter(|guest| guest.id == form.guest)
        .ok_or_else(|| {
            PublicFailure::from(Failure::Forbidden("not this session's guest".to_owned()))
                .because("privacy-nobody-to-erase")
        })?;
    let store = state.store.acting(Actor {
        kind: ActorKind::Portal,
        name: format!("guest:{}", guest.id),
        source: shell.visitor().source.to_string(),
    });
    store.guest_erase(guest.id, "the guest").await?;
    Ok(Redirect::to(&shell.link("/privacy/erased")))
}

async fn erased(shell: Shell) -> Result<Html<String>, PublicFailure> {
    Ok(Html(Erased { shell }.render()?))
}

#[cfg(test)]
mod tests {
    use axum::http::{StatusCode, header};
    use nac_store::{Guest, GuestMethod, NewGuest, PortalSettings, StoreError, now_us};

    use crate::public::testing::TestPortal;

    const PHONE: &str = "aa:bb:cc:00:00:01";

    async fn guest(portal: &TestPortal) -> Guest {
        let new = NewGuest {
            method: GuestMethod::Form,
            name: "Ada <Lovelace>".to_owned(),
            email: "ada@example.org".to_owned(),
            mac: Some(PHONE.to_owned()),
            duration_s: 3_600,
            ..NewGuest::default()
        };
        portal.store().guest_register(new).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn the_page_says_how_long_and_when_it_was_last_true() {
        let portal = TestPortal::new().await;
        let mut settings = PortalSettings::default();
        settings.retention.decisions_days = 17;
        portal.store().portal_site_put("", &settings).await.unwrap();
        let before = portal.person("10.0.0.5").get("/privacy").await.body;
        assert!(
            before.contains("after 17 days") && before.contains("has not run yet"),
            "{before}"
        );
        portal.store().retention_run(now_us()).await.unwrap();
        let after = portal.person("10.0.0.5").get("/privacy").await.body;
        assert!(after.contains("Records removed: 0"), "{after}");
    }

    #[tokio::test]
    async fn a_stranger_sees_and_gets_nothing_of_anybody() {
        let portal = TestPortal::new().await;
        portal.session(PHONE, "guest", Some("10.0.0.5")).await;
        let guest = guest(&portal).await;
        let stranger = portal.person("10.0.0.6");
        assert!(!stranger.get("/privacy").await.body.contains("Ada"));
        assert_eq!(
            stranger.get("/privacy/export").await.status,
            StatusCode::FORBIDDEN
        );
        let erased = stranger
            .post("/privacy/erase", &format!("guest={}", guest.id))
            .await;
        assert_eq!(erased.status, StatusCode::FORBIDDEN);
        assert!(portal.store().guest_fetch(guest.id).await.is_ok());
    }

    #[tokio::test]
    async fn a_guest_takes_their_data_along_and_is_forgotten() {
        let portal = TestPortal::new().await;
        portal.session(PHONE, "guest", Some("10.0.0.5")).await;
        let guest = guest(&portal).await;
        let person = portal.person("10.0.0.5");
        let page = person.get("/privacy").await.body;
        assert!(page.contains("Ada &#60;Lovelace&#62;"), "{page}");
        let export = person.get("/privacy/export").await;
        assert!(
            export
                .header(header::CONTENT_DISPOSITION)
                .starts_with("attachment")
        );
        assert_eq!(export.header(header::CACHE_CONTROL), "no-store");
        let data: serde_json::Value = serde_json::from_str(&export.body).unwrap();
        assert_eq!(data["guest"]["email"], "ada@example.org");
        // Looking erases nothing, whatever the address says.
        let erase = format!("guest={}", guest.id);
        let looked = person.get(&format!("/privacy/erase?{erase}")).await;
        assert_eq!(looked.status, StatusCode::METHOD_NOT_ALLOWED);
        let done = person.post("/privacy/erase", &erase).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER);
        assert_eq!(done.header(header::LOCATION), "/privacy/erased");
        let found = portal.store().guest_fetch(guest.id).await;
        assert!(matches!(found, Err(StoreError::NotFound { .. })));
    }

    #[tokio::test]
    async fn a_later_connection_with_the_same_address_is_not_the_guest() {
        let portal = TestPortal::new().await;
        let guest = guest(&portal).await;
        portal.session(PHONE, "guest", Some("10.0.0.5")).await;
        let person = portal.person("10.0.0.5");
        assert!(!person.get("/privacy").await.body.contains("Ada"));
        assert!(
            !person
                .get("/privacy/export")
                .await
                .body
                .contains("ada@example.org")
        );
        let erased = person
            .post("/privacy/erase", &format!("guest={}", guest.id))
            .await;
        assert_eq!(erased.status, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn another_site_cannot_make_a_browser_erase() {
        let portal = TestPortal::new().await;
        portal.session(PHONE, "guest", Some("10.0.0.5")).await;
        let guest = guest(&portal).await;
        let form = format!("guest={}", guest.id);
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
        ] {
            let answer = portal
                .person("10.0.0.5")
                .with(name, value)
                .post("/privacy/erase", &form)
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {value}");
        }
        for form in [
            format!("{form}&also=1"),
            "guest=x".to_owned(),
            String::new(),
        ] {
            let answer = portal
                .person("10.0.0.5")
                .post("/privacy/erase", &form)
                .await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        }
        assert!(portal.store().guest_fetch(guest.id).await.is_ok());
    }
}
