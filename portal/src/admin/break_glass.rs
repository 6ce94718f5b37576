//! Break-glass: switched on with a reason and an end, named on every page while it is on, and every use of it for the review.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{BreakGlass, now_us};
use serde::Deserialize;

use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// The choices of its length, in hours.
const HOURS: [i64; 5] = [1, 2, 4, 8, 24];
const HOUR_US: i64 = 3_600_000_000;
/// How many former uses the page lists.
const USES: u32 = 50;

/// `/break-glass` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/break-glass", Permission::Read, get(page)),
        Route::action(
            "/break-glass",
            Permission::BreakGlassChange,
            "break_glass_start",
            post(start),
        ),
        Route::action(
            "/break-glass/end",
            Permission::BreakGlassChange,
            "break_glass_end",
            post(end),
        ),
    ]
}

struct Row {
    using: BreakGlass,
    started: Moment,
    /// When it ended, or is to end.
    ends: Moment,
    /// Who ended it; nothing while it is on.
    ended_by: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/break_glass/page.html")]
struct BreakGlassPage {
    chrome: Chrome,
    rows: Vec<Row>,
    hours: [i64; 5],
    may_change: bool,
}

async fn page(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let uses = state.store.break_glass_list(USES).await?;
    render(&BreakGlassPage {
        chrome: Chrome::new(&state, &account, "Break-glass", Place::Posture).await,
        rows: uses.into_iter().map(row).collect(),
        hours: HOURS,
        may_change: account.may(Permission::BreakGlassChange),
    })
}

fn row(using: BreakGlass) -> Row {
    // One whose time has come is over, also before somebody wrote it down.
    let over = using.expires_us <= now_us();
    Row {
        started: Moment(using.started_us),
        ends: Moment(using.ended_us.unwrap_or(using.expires_us)),
        ended_by: using
            .ended_by
            .clone()
            .or_else(|| over.then(|| "expiry".to_owned())),
        using,
    }
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartForm {
    reason: String,
    hours: i64,
}

async fn start(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<StartForm>,
) -> Result<Done, Problem> {
    account.confirmed("/break-glass")?;
    if !(1..=24).contains(&form.hours) {
        return Err(Failure::invalid("hours", "break-glass lasts 1 to 24 hours").into());
    }
    let expires_us = now_us() + form.hours * HOUR_US;
    account
        .store(&state)
        .break_glass_start(&form.reason, &account.operator(), expires_us)
        .await?;
    Ok(Done::at(
        "/break-glass",
        "Break-glass is on. Live sessions are judged again now.",
    ))
}

/// Nobody has to prove anything for this: it takes nothing away but what break-glass gave.
async fn end(State(state): State<AdminState>, account: Account) -> Result<Done, Problem> {
    account
        .store(&state)
        .break_glass_end(&account.operator())
        .await?;
    Ok(Done::at(
        "/break-glass",
        "Break-glass is off: posture counts again.",
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::{StatusCode, header};
    use nac_store::{AuditFilter, Role};

    use crate::admin::tests::site;

    #[tokio::test]
    async fn while_it_is_on_every_page_says_so_with_reason_and_person() {
        let site = site().await;
        let cookie = site.signed_in(Role::Administrator).await;
        let (_, _, before) = site.get("/quarantine", &cookie).await;
        assert!(!before.contains("Break-glass is on"), "{before}");
        let form = "reason=a+%3Cbad%3E+check&hours=2";
        let (status, headers, _) = site.post("/break-glass", &cookie, form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(headers[header::LOCATION], "/break-glass");
        let viewer = site.signed_in(Role::Viewer).await;
        for path in ["/", "/quarantine", "/posture", "/policy", "/break-glass"] {
            let (_, _, page) = site.get(path, &viewer).await;
            assert!(page.contains("Break-glass is on"), "{path}");
            assert!(page.contains("a &#60;bad&#62; check"), "{path}: {page}");
            assert!(page.contains("admin:administrator-"), "{path}");
            assert!(!page.contains("/break-glass/end"), "{path}");
        }
        let (status, _, _) = site.post("/break-glass/end", &cookie, "").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (_, _, after) = site.get("/break-glass", &cookie).await;
        assert!(!after.contains("Break-glass is on"), "{after}");
        assert!(after.contains("a &#60;bad&#62; check"), "for the review");
        let audit = site
            .store
            .audit_list(&AuditFilter::default())
            .await
            .unwrap();
        let actions: Vec<&str> = audit.iter().map(|entry| entry.action.as_str()).collect();
        assert!(
            actions.contains(&"break-glass.start") && actions.contains(&"break-glass.end"),
            "{actions:?}"
        );
    }

    #[tokio::test]
    async fn it_needs_a_reason_an_end_within_a_day_and_an_administrator() {
        let site = site().await;
        let cookie = site.signed_in(Role::Owner).await;
        for form in ["reason=+&hours=2", "reason=x&hours=25", "reason=x&hours=0"] {
            let (status, _, _) = site.post("/break-glass", &cookie, form).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        }
        for role in [Role::HelpDesk, Role::PolicyEditor] {
            let cookie = site.signed_in(role).await;
            let (status, _, _) = site.post("/break-glass", &cookie, "reason=x&hours=2").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{role}");
        }
        assert_eq!(site.store.break_glass_current().await.unwrap(), None);
        let (status, _, _) = site.post("/break-glass/end", &cookie, "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
