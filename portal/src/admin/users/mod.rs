//! Users: people with passwords and groups.

mod change;
mod import;
mod totp;

use askama::Template;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{
    DecisionFilter, DecisionRecord, Device, DeviceFilter, User, UserFilter, UserSort, now_us,
};
use serde::Deserialize;

use super::filter::{some, word};
use super::guard::encode_part;
use super::listing::{self, Column, Format, Head, Query};
use super::{Account, AdminState, Chrome, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// `/users` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::UserChange;
    vec![
        Route::page("/users", Permission::Read, get(page)),
        Route::page("/users/new", change, get(change::new)),
        Route::action("/users/new", change, "user_put", post(change::add)),
        Route::page("/users/import", change, get(import::page)),
        Route::action("/users/import", change, "user_import", post(import::run)),
        Route::page("/users/{name}", Permission::Read, get(detail)),
        Route::action(
            "/users/{name}/groups",
            change,
            "user_put",
            post(change::groups),
        ),
        Route::action(
            "/users/{name}/password",
            change,
            "user_put",
            post(change::password),
        ),
        Route::action(
            "/users/{name}/enable",
            change,
            "user_enable",
            post(change::enable),
        ),
        Route::action(
            "/users/{name}/disable",
            change,
            "user_disable",
            post(change::disable),
        ),
        Route::action(
            "/users/{name}/totp",
            change,
            "user_totp_enable",
            post(totp::enable),
        ),
        Route::action(
            "/users/{name}/totp/disable",
            change,
            "user_totp_disable",
            post(totp::disable),
        ),
        Route::action(
            "/users/{name}/remove",
            change,
            "user_remove",
            post(change::remove),
        ),
    ]
}

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    group: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    after: Option<String>,
    format: Format,
}

/// The columns, in the words of [`UserSort`].
const HEADS: [Head; 6] = [
    Head::sorts("Name", "name"),
    Head::plain("Groups"),
    Head::plain("Password"),
    Head::plain("State"),
    Head::sorts("Changed", "changed").descending(),
    Head::sorts("Added", "added").descending(),
];

struct Row {
    user: User,
    path: String,
    credentials: &'static str,
    expires: Option<Moment>,
    expired: bool,
    changed: Moment,
    added: Moment,
}

impl Row {
    fn of(user: User) -> Self {
        Self {
            path: path(&user.name),
            credentials: credentials(&user),
            expires: user.password_expires_us.map(Moment),
            expired: user
                .password_expires_us
                .is_some_and(|expires| expires <= now_us()),
            changed: Moment(user.updated_us),
            added: Moment(user.created_us),
            user,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/users/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    columns: Vec<Column>,
    rows: Vec<Row>,
    next: Option<String>,
    csv: String,
    json: String,
    may_change: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let (search, group) = (some(&filters.q), some(&filters.group));
    let sort: UserSort = word("sort", &filters.sort)?.unwrap_or_default();
    let reverse = listing::is_reversed(&filters.order);
    let mut users = state
        .store
        .user_list(&UserFilter {
            search: search.clone(),
            group: group.clone(),
            sort,
            // Times begin with the newest.
            descending: (sort != UserSort::Name) != reverse,
            after: some(&filters.after),
            limit: filters.format.limit(),
        })
        .await?;
    let query = Query::new("/users")
        .with("q", search)
        .with("group", group)
        .with("sort", some(&filters.sort))
        .with("order", some(&filters.order));
    match filters.format {
        Format::Json => return Ok(listing::json("users", &users)?),
        Format::Csv => return Ok(csv(&users)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut users)
        .then(|| users.last().map(|last| query.link("after", &last.name)))
        .flatten();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Users", Place::Users).await,
        filtered: query.is_filtered(),
        columns: listing::columns(&query, &HEADS, sort.as_str(), reverse),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        next,
        filters,
        rows: users.into_iter().map(Row::of).collect(),
        may_change: account.may(Permission::UserChange),
    })
}

fn csv(users: &[User]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = users
        .iter()
        .map(|user| {
            vec![
                user.name.clone(),
                user.groups.join(";"),
                credentials(user).to_owned(),
                user.enabled.to_string(),
                user.created_us.to_string(),
                user.updated_us.to_string(),
            ]
        })
        .collect();
    let header = [
        "name",
        "groups",
        "credentials",
        "enabled",
        "created_us",
        "updated_us",
    ];
    listing::csv("users", &header, &rows)
}

struct DecisionRow {
    at: Moment,
    record: DecisionRecord,
}

#[derive(Template)]
#[template(path = "admin/users/detail.html")]
struct DetailPage {
    chrome: Chrome,
    row: Row,
    devices: Vec<Device>,
    decisions: Vec<DecisionRow>,
    may_change: bool,
    groups: String,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let user = state.store.user_fetch(&name).await?;
    let devices = state
        .store
        .device_list(&DeviceFilter {
            owner: Some(user.name.clone()),
            limit: 100,
            ..DeviceFilter::default()
        })
        .await?;
    let decisions = state
        .store
        .decision_list(&DecisionFilter {
            user: Some(user.name.clone()),
            limit: 10,
            ..DecisionFilter::default()
        })
        .await?;
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, &user.name, Place::Users).await,
        groups: user.groups.join(" "),
        row: Row::of(user),
        devices,
        decisions: decisions
            .into_iter()
            .map(|record| DecisionRow {
                at: Moment(record.at_us),
                record,
            })
            .collect(),
        may_change: account.may(Permission::UserChange),
    })
}

const fn credentials(user: &User) -> &'static str {
    match (user.password.is_some(), user.cleartext.is_some()) {
        (true, true) => "argon2id and sealed",
        (true, false) => "argon2id",
        (false, true) => "sealed",
        (false, false) => "none: certificates only",
    }
}

fn path(name: &str) -> String {
    format!("/users/{}", encode_part(name))
}

#[cfg(test)]
mod tests;
