//! P18: what is stored about people, why and how long; one's own data to take along, and the right to be forgotten: guests
//! erase themselves, and what employees ask for goes to the people who run the network, because an employer has to weigh it.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use nac_store::{Actor, ActorKind, AuditFilter, Guest, PersonalData, RetentionKind, RetentionRun};
use serde::Deserialize;

use super::PublicState;
use super::failure::PublicFailure;
use super::forms::Posted;
use super::layout::{Query, Shell};
use super::sign_in::Employee;
use crate::i18n::Message;
use crate::web::Failure;

/// What an employee's request is called in the audit log, where whoever runs the network finds it and nobody can lose it.
const ERASURE_ASKED: &str = "privacy.ask-erasure";
/// A request is taken once in this time, in microseconds: a week.
const ERASURE_AGAIN_US: i64 = 7 * 86_400_000_000;
/// The longest request, in characters.
const ERASURE_TEXT_MAX: usize = 1_000;

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
    employee: Option<SignedIn>,
    last_run: Option<(RetentionRun, u64)>,
}

/// Somebody who signed in, which proves more than a connection does.
struct SignedIn {
    name: String,
    /// When they asked for erasure, in microseconds since the Unix epoch.
    asked_us: Option<i64>,
    /// Whether that was a moment ago.
    done: bool,
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

/// What an employee asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErasureRequest {
    #[serde(default)]
    text: String,
}

/// `/privacy` and what is below.
pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/privacy", get(privacy))
        .route("/privacy/export", get(export))
        .route("/privacy/erase", axum::routing::post(erase))
        .route("/privacy/erased", get(erased))
        .route("/privacy/mine", get(mine))
        .route("/privacy/mine/export", get(export_mine))
        .route("/privacy/mine/ask", axum::routing::post(ask_erasure))
}

async fn privacy(
    State(state): State<PublicState>,
    employee: Option<Employee>,
    uri: axum::http::Uri,
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
    let employee = match employee {
        None => None,
        Some(employee) => Some(SignedIn {
            asked_us: erasure_asked(&state, &employee, shell.now_us()).await?,
            name: employee.user.name,
            done: Query::of(&uri).first("done").is_some(),
        }),
    };
    let page = Page {
        shell,
        kinds,
        known,
        guest,
        employee,
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
    file(&state.store.personal_data(session).await?)
}

fn file(data: &PersonalData) -> Result<Response, PublicFailure> {
    let body = serde_json::to_string_pretty(data).map_err(|_| Failure::Unavailable)?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"my-network-data.json\"",
        ),
    ];
    Ok((headers, body).into_response())
}

/// Whoever is not signed in comes back here and goes on to the page that knows them.
async fn mine(_: Employee, shell: Shell) -> Redirect {
    Redirect::to(&shell.link("/privacy"))
}

async fn export_mine(
    State(state): State<PublicState>,
    employee: Employee,
) -> Result<Response, PublicFailure> {
    let name = employee.user.name.as_str();
    let data = state.store.personal_data_of_user(name).await?;
    let store = employee.store(&state);
    store
        .audit_note("privacy.export", &object(&employee), &())
        .await?;
    file(&data)
}

fn object(employee: &Employee) -> String {
    format!("user:{}", employee.user.name)
}

/// When this person last asked for erasure, if that still counts as asked.
async fn erasure_asked(
    state: &PublicState,
    employee: &Employee,
    now_us: i64,
) -> Result<Option<i64>, PublicFailure> {
    let filter = AuditFilter {
        action: Some(ERASURE_ASKED.to_owned()),
        object: Some(object(employee)),
        since_us: Some(now_us - ERASURE_AGAIN_US),
        limit: 1,
        ..AuditFilter::default()
    };
    let found = state.store.audit_list(&filter).await?;
    Ok(found.first().map(|record| record.at_us))
}

async fn ask_erasure(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Posted(form): Posted<ErasureRequest>,
) -> Result<Redirect, PublicFailure> {
    // Sent twice, it is asked once.
    if erasure_asked(&state, &employee, shell.now_us())
        .await?
        .is_none()
    {
        let text: String = form.text.trim().chars().take(ERASURE_TEXT_MAX).collect();
        let store = employee.store(&state);
        let details = serde_json::json!({ "text": text });
        store
            .audit_note(ERASURE_ASKED, &object(&employee), &details)
            .await?;
    }
    Ok(Redirect::to(&shell.link("/privacy?done=asked")))
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
    async fn an_employee_who_signed_in_takes_everything_along_and_asks_for_erasure_once() {
        let portal = TestPortal::new().await;
        let stranger = portal.person("10.0.0.9");
        for path in ["/privacy/mine", "/privacy/mine/export"] {
            let answer = stranger.get(path).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
            let to = answer.header(header::LOCATION).to_owned();
            assert_eq!(to, format!("/sign-in?next={path}"));
        }
        let ask = stranger.post("/privacy/mine/ask", "text=x").await;
        assert!(ask.header(header::LOCATION).starts_with("/sign-in"));
        assert!(
            stranger
                .get("/privacy")
                .await
                .body
                .contains("/privacy/mine")
        );

        let alice = portal.employee("alice", "10.0.0.9").await;
        portal.employee("bob", "10.0.0.10").await;
        let store = portal.store();
        for owner in ["alice", "bob"] {
            let device = nac_store::DeviceRecord {
                owner: Some(owner.to_owned()),
                ..nac_store::DeviceRecord::new(format!("laptop of {owner}"), "admin")
            };
            store.device_put(device).await.unwrap();
        }
        let page = alice.get("/privacy").await.body;
        assert!(
            page.contains("You are signed in as alice") && page.contains("/privacy/mine/export"),
            "{page}"
        );
        let export = alice.get("/privacy/mine/export").await;
        assert!(
            export
                .header(header::CONTENT_DISPOSITION)
                .starts_with("attachment")
        );
        let data: serde_json::Value = serde_json::from_str(&export.body).unwrap();
        assert_eq!(data["user"]["name"], "alice");
        assert_eq!(data["devices"][0]["name"], "laptop of alice");
        assert!(!export.body.contains("bob") && !export.body.contains("argon2"));

        for _ in 0..2 {
            let asked = alice
                .post("/privacy/mine/ask", "text=I+leave+on+Friday")
                .await;
            assert_eq!(asked.header(header::LOCATION), "/privacy?done=asked");
        }
        let filter = nac_store::AuditFilter {
            action: Some("privacy.ask-erasure".to_owned()),
            ..nac_store::AuditFilter::default()
        };
        let records = store.audit_list(&filter).await.unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].object, "user:alice");
        let page = alice.get("/privacy?done=asked").await.body;
        assert!(
            page.contains("You asked on") && !page.contains("/privacy/mine/ask"),
            "{page}"
        );
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
