//! Administrators: who may use these pages, as what, from where; invitations.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{Administrator, AdministratorSession, Invitation, Role, now_us};
use serde::Deserialize;
use uuid::Uuid;

use super::form::{Fault, number};
use super::listing::{self, Format, Query};
use super::sign_in::{hash, token};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

const HOUR_US: i64 = 3_600_000_000;

/// `/administrators` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::AdministratorChange;
    let action = |path, operation, handler| Route::action(path, change, operation, handler);
    vec![
        Route::page("/administrators", change, get(page)),
        action(
            "/administrators/invite",
            "administrator_invite",
            post(invite),
        ),
        action(
            "/administrators/invitations/{id}/remove",
            "administrator_uninvite",
            post(withdraw),
        ),
        Route::page("/administrators/{id}", change, get(detail)),
        action("/administrators/{id}/set", "administrator_set", post(set)),
        action(
            "/administrators/{id}/recover",
            "administrator_invite",
            post(recover),
        ),
        action(
            "/administrators/{id}/remove",
            "administrator_remove",
            post(remove),
        ),
        action(
            "/administrators/{id}/sessions/close",
            "administrator_session_close",
            post(close_sessions),
        ),
    ]
}

/// What the URL says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    format: Format,
}

struct Row {
    administrator: Administrator,
    seen: Option<Moment>,
    sessions: usize,
    own: bool,
}

struct InvitationRow {
    invitation: Invitation,
    made: Moment,
    expires: Moment,
}

#[derive(Template)]
#[template(path = "admin/administrators/list.html")]
struct ListPage {
    chrome: Chrome,
    rows: Vec<Row>,
    invitations: Vec<InvitationRow>,
    roles: Vec<&'static str>,
    fault: Fault,
    csv: String,
    json: String,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    match filters.format {
        Format::Json => {
            let all = state.store.administrator_list().await?;
            Ok(listing::json("administrators", &all)?)
        }
        Format::Csv => Ok(csv(&state.store.administrator_list().await?)?),
        Format::Html => list(&state, &account, Fault::default()).await,
    }
}

async fn list(state: &AdminState, account: &Account, fault: Fault) -> Result<Response, Problem> {
    let sessions = state.store.administrator_session_list(None).await?;
    let now = now_us();
    let query = Query::new("/administrators");
    let page = ListPage {
        chrome: Chrome::new(state, account, "Administrators", Place::Administrators).await,
        rows: state
            .store
            .administrator_list()
            .await?
            .into_iter()
            .map(|administrator| Row {
                seen: administrator.last_sign_in_us.map(Moment),
                sessions: sessions
                    .iter()
                    .filter(|session| session.administrator_id == administrator.id)
                    .count(),
                own: administrator.id == account.administrator.id,
                administrator,
            })
            .collect(),
        invitations: state
            .store
            .invitation_list()
            .await?
            .into_iter()
            .filter(|invitation| invitation.used_us.is_none() && invitation.expires_us > now)
            .map(|invitation| InvitationRow {
                made: Moment(invitation.created_us),
                expires: Moment(invitation.expires_us),
                invitation,
            })
            .collect(),
        roles: roles(),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        fault,
    };
    Ok(page.fault.on(render(&page)?))
}

fn csv(administrators: &[Administrator]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = administrators
        .iter()
        .map(|one| {
            vec![
                one.name.clone(),
                one.role.to_string(),
                one.enabled.to_string(),
                one.created_us.to_string(),
                one.last_sign_in_us
                    .map(|us| us.to_string())
                    .unwrap_or_default(),
            ]
        })
        .collect();
    let header = ["name", "role", "enabled", "created_us", "last_sign_in_us"];
    listing::csv("administrators", &header, &rows)
}

fn roles() -> Vec<&'static str> {
    Role::ALL.iter().map(|role| role.as_str()).collect()
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InviteForm {
    role: String,
    hours: String,
}

#[derive(Template)]
#[template(path = "admin/administrators/link.html")]
struct LinkPage {
    chrome: Chrome,
    link: String,
    whom: String,
    expires: Moment,
}

async fn invite(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<InviteForm>,
) -> Result<Response, Problem> {
    let checked = role(&form.role).and_then(|role| {
        let hours = number("hours", &form.hours, 1, 168)?;
        Ok((role, hours))
    });
    let (role, hours) = match checked {
        Ok(checked) => checked,
        Err(failure) => return list(&state, &account, Fault::of(failure.into())?).await,
    };
    link(&state, &account, role, None, hours).await
}

async fn recover(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let other = state.store.administrator_fetch(id).await?;
    link(&state, &account, other.role, Some(&other.name), 24).await
}

/// A link that makes an administrator, or gives somebody new means of signing in; shown once.
async fn link(
    state: &AdminState,
    account: &Account,
    role: Role,
    name: Option<&str>,
    hours: i64,
) -> Result<Response, Problem> {
    account.confirmed("/administrators")?;
    let token = token()?;
    let invitation = account
        .store(state)
        .invitation_add(
            &hash(&token),
            role,
            name,
            &account.operator(),
            now_us() + hours * HOUR_US,
        )
        .await?;
    render(&LinkPage {
        chrome: Chrome::new(state, account, "The invitation", Place::Administrators).await,
        link: format!("{}/welcome/{token}", state.environment.url),
        whom: name.map_or_else(|| format!("a new {role}"), str::to_owned),
        expires: Moment(invitation.expires_us),
    })
}

fn role(word: &str) -> Result<Role, Failure> {
    word.parse()
        .map_err(|_| Failure::invalid("role", "choose one of the roles"))
}

async fn withdraw(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account.store(&state).invitation_remove(id).await?;
    Ok(Done::at(
        "/administrators",
        "The invitation is withdrawn: its link leads nowhere.",
    ))
}

struct SessionRow {
    session: AdministratorSession,
    since: Moment,
    seen: Moment,
}

#[derive(Template)]
#[template(path = "admin/administrators/detail.html")]
struct DetailPage {
    chrome: Chrome,
    administrator: Administrator,
    passkeys: usize,
    codes_left: i64,
    added: Moment,
    seen: Option<Moment>,
    sessions: Vec<SessionRow>,
    roles: Vec<&'static str>,
    own: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let administrator = state.store.administrator_fetch(id).await?;
    let sessions = state.store.administrator_session_list(Some(id)).await?;
    let title = administrator.name.clone();
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, title, Place::Administrators).await,
        passkeys: state.store.passkey_list(id).await?.len(),
        codes_left: state.store.administrator_backup_codes_left(id).await?,
        added: Moment(administrator.created_us),
        seen: administrator.last_sign_in_us.map(Moment),
        own: administrator.id == account.administrator.id,
        administrator,
        sessions: sessions
            .into_iter()
            .map(|session| SessionRow {
                since: Moment(session.created_us),
                seen: Moment(session.seen_us),
                session,
            })
            .collect(),
        roles: roles(),
    })
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetForm {
    role: String,
    #[serde(default)]
    enabled: bool,
}

async fn set(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<SetForm>,
) -> Result<Done, Problem> {
    let back = format!("/administrators/{id}");
    account.confirmed(&back)?;
    let role = role(&form.role)?;
    let changed = account
        .store(&state)
        .administrator_set(id, role, form.enabled)
        .await?;
    let state = if changed.enabled {
        "may sign in"
    } else {
        "may sign in no longer"
    };
    Ok(Done::at(
        back,
        format!("{} is {} and {state}.", changed.name, changed.role),
    ))
}

async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account.confirmed(&format!("/administrators/{id}"))?;
    let name = state.store.administrator_fetch(id).await?.name;
    account.store(&state).administrator_remove(id).await?;
    Ok(Done::at(
        "/administrators",
        format!("{name} is removed and signed out everywhere."),
    ))
}

async fn close_sessions(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    let back = format!("/administrators/{id}");
    account.confirmed(&back)?;
    let store = account.store(&state);
    let sessions = store.administrator_session_list(Some(id)).await?;
    // One's own session of this moment stays: signing out is another button.
    let others: Vec<Uuid> = sessions
        .iter()
        .map(|session| session.id)
        .filter(|session| *session != account.session.id)
        .collect();
    for session in &others {
        store.administrator_session_close(id, *session).await?;
    }
    Ok(Done::at(
        back,
        format!("{} sessions were closed.", others.len()),
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::admin::tests::site;

    async fn owner(site: &crate::admin::tests::Site) -> (String, Administrator) {
        let cookie = site.signed_in(Role::Owner).await;
        let mut all = site.store.administrator_list().await.unwrap();
        all.retain(|one| one.role == Role::Owner);
        (cookie, all.remove(0))
    }

    #[tokio::test]
    async fn the_last_owner_stays_one_and_stays() {
        let site = site().await;
        let (cookie, owner) = owner(&site).await;
        let path = format!("/administrators/{}", owner.id);
        for (action, body) in [
            ("set", "role=viewer&enabled=true"),
            ("set", "role=owner"),
            ("remove", ""),
        ] {
            let (status, _, page) = site.post(&format!("{path}/{action}"), &cookie, body).await;
            assert_eq!(status, StatusCode::CONFLICT, "{action} {body}");
            assert!(page.contains("last owner"), "{action} {body}");
        }
        let still = site.store.administrator_fetch(owner.id).await.unwrap();
        assert!(still.enabled && still.role == Role::Owner);
    }

    #[tokio::test]
    async fn an_invitation_is_shown_once_and_can_be_withdrawn() {
        let site = site().await;
        let (cookie, _) = owner(&site).await;
        let (status, _, page) = site
            .post("/administrators/invite", &cookie, "role=viewer&hours=24")
            .await;
        assert_eq!(status, StatusCode::OK);
        let link = page
            .split("https://localhost:9443/welcome/")
            .nth(1)
            .and_then(|rest| rest.split('<').next())
            .unwrap();
        assert_eq!(link.len(), 64);
        let (_, _, list) = site.get("/administrators", &cookie).await;
        assert!(!list.contains(link));
        let (status, _, _) = site.get(&format!("/welcome/{link}"), "").await;
        assert_eq!(status, StatusCode::OK);
        for invitation in site.store.invitation_list().await.unwrap() {
            let path = format!("/administrators/invitations/{}/remove", invitation.id);
            site.post(&path, &cookie, "").await;
        }
        let (status, _, _) = site.get(&format!("/welcome/{link}"), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn closing_sessions_signs_the_other_out() {
        let site = site().await;
        let (cookie, _) = owner(&site).await;
        let viewer = site.signed_in(Role::Viewer).await;
        let all = site.store.administrator_list().await.unwrap();
        let other = all.iter().find(|one| one.role == Role::Viewer).unwrap();
        let path = format!("/administrators/{}/sessions/close", other.id);
        let (status, _, _) = site.post(&path, &cookie, "").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (_, headers, _) = site.get("/clients", &viewer).await;
        let to = headers["location"].to_str().unwrap();
        assert!(to.starts_with("/sign-in"));
    }
}
