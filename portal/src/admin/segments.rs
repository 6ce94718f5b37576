//! Segments: where a policy may put somebody, and what each vendor's devices are told then.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use nac_policy::Engine;
use nac_radius::{SegmentAttributes, VendorProfile};
use nac_store::{Segment, StoreError};
use serde::Deserialize;

use super::form::{Fault, filled, seconds, written};
use super::guard::encode_part;
use super::listing::{self, Format, Query};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::input;
use crate::web::Failure;

/// Lines of an ACL at most.
const ACL_MAX: usize = 200;

/// `/segments` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::NetworkChange;
    vec![
        Route::page("/segments", Permission::Read, get(page)),
        Route::page("/segments/new", change, get(new)),
        Route::action("/segments/new", change, "segment_put", post(add)),
        Route::page("/segments/{name}", Permission::Read, get(detail)),
        Route::page("/segments/{name}/edit", change, get(edit)),
        Route::action("/segments/{name}/edit", change, "segment_put", post(update)),
        Route::action(
            "/segments/{name}/remove",
            change,
            "segment_remove",
            post(remove),
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
    path: String,
    session: String,
    policies: usize,
    segment: Segment,
}

#[derive(Template)]
#[template(path = "admin/segments/list.html")]
struct ListPage {
    chrome: Chrome,
    rows: Vec<Row>,
    csv: String,
    json: String,
    may_change: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let segments = state.store.segment_list().await?;
    match filters.format {
        Format::Json => return Ok(listing::json("segments", &segments)?),
        Format::Csv => return Ok(csv(&segments)?),
        Format::Html => {}
    }
    let query = Query::new("/segments");
    let naming = policies(&state, &segments).await?;
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Segments", Place::Segments).await,
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        rows: segments
            .into_iter()
            .map(|segment| Row {
                path: path(&segment.name),
                session: session(&segment),
                policies: naming
                    .iter()
                    .filter(|(name, _)| *name == segment.name)
                    .count(),
                segment,
            })
            .collect(),
        may_change: account.may(Permission::NetworkChange),
    })
}

/// Which policies in force name which segment; nothing when the policy does not load, which the policy page tells.
async fn policies(
    state: &AdminState,
    segments: &[Segment],
) -> Result<Vec<(String, String)>, StoreError> {
    let Some(current) = state.store.policy_current().await? else {
        return Ok(Vec::new());
    };
    let names: Vec<String> = segments
        .iter()
        .map(|segment| segment.name.clone())
        .collect();
    let Ok(engine) = Engine::load(&current.text, &names) else {
        return Ok(Vec::new());
    };
    Ok(engine
        .policies()
        .into_iter()
        .filter_map(|policy| policy.segment.map(|segment| (segment, policy.id)))
        .collect())
}

fn csv(segments: &[Segment]) -> Result<Response, Failure> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let rows: Vec<Vec<String>> = segments
        .iter()
        .map(|segment| {
            vec![
                segment.name.clone(),
                text(&segment.vlan),
                text(&segment.role),
                segment.acl.join("\n"),
                text(&segment.redirect),
                text(&segment.redirect_acl),
                segment
                    .session_timeout_s
                    .map(|seconds| seconds.to_string())
                    .unwrap_or_default(),
                segment.description.clone(),
            ]
        })
        .collect();
    let header = [
        "name",
        "vlan",
        "role",
        "acl",
        "redirect",
        "redirect_acl",
        "session_timeout_s",
        "description",
    ];
    listing::csv("segments", &header, &rows)
}

/// What devices of one vendor are told.
struct Told {
    vendor: &'static str,
    title: &'static str,
    attributes: Vec<(String, String)>,
    missing: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "admin/segments/detail.html")]
struct DetailPage {
    chrome: Chrome,
    segment: Segment,
    path: String,
    session: String,
    changed: Moment,
    policies: Vec<String>,
    told: Vec<Told>,
    may_change: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let segment = state.store.segment_fetch(&name).await?;
    let segments = state.store.segment_list().await?;
    let policies = policies(&state, &segments).await?;
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, &segment.name, Place::Segments).await,
        path: path(&name),
        session: session(&segment),
        changed: Moment(segment.updated_us),
        policies: policies
            .into_iter()
            .filter(|(segment, _)| *segment == name)
            .map(|(_, policy)| policy)
            .collect(),
        told: told(&segment),
        segment,
        may_change: account.may(Permission::NetworkChange),
    })
}

fn told(segment: &Segment) -> Vec<Told> {
    let attributes = SegmentAttributes {
        vlan: segment.vlan.as_deref(),
        role: segment.role.as_deref(),
        acl: &segment.acl,
        redirect: segment.redirect.as_deref(),
        redirect_acl: segment.redirect_acl.as_deref(),
        session_timeout_s: segment.session_timeout_s,
    };
    VendorProfile::embedded()
        .iter()
        .map(|profile| Told {
            vendor: &profile.name,
            title: &profile.title,
            attributes: profile
                .accept(&attributes)
                .into_iter()
                .map(|(name, value)| (name, value.replace('\0', "\n")))
                .collect(),
            missing: profile.missing(&attributes),
        })
        .collect()
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SegmentForm {
    name: String,
    vlan: String,
    role: String,
    acl: String,
    redirect: String,
    redirect_acl: String,
    session: String,
    description: String,
}

impl SegmentForm {
    fn of(segment: Segment) -> Self {
        Self {
            session: session(&segment),
            name: segment.name,
            vlan: segment.vlan.unwrap_or_default(),
            role: segment.role.unwrap_or_default(),
            acl: segment.acl.join("\n"),
            redirect: segment.redirect.unwrap_or_default(),
            redirect_acl: segment.redirect_acl.unwrap_or_default(),
            description: segment.description,
        }
    }

    fn segment(&self) -> Result<Segment, Failure> {
        let some = |text: &str| filled(text).map(str::to_owned);
        let acl: Vec<String> = self.acl.lines().filter_map(some).collect();
        if acl.len() > ACL_MAX {
            return Err(Failure::invalid(
                "acl",
                format!("an ACL has at most {ACL_MAX} lines"),
            ));
        }
        let session_timeout_s = match filled(&self.session) {
            Some(text) => Some(seconds("session", text)?).filter(|seconds| *seconds != 0),
            None => None,
        };
        let segment = Segment {
            name: self.name.trim().to_owned(),
            vlan: some(&self.vlan),
            role: some(&self.role),
            acl,
            redirect: some(&self.redirect),
            redirect_acl: some(&self.redirect_acl),
            session_timeout_s,
            description: self.description.trim().to_owned(),
            ..Segment::default()
        };
        input::segment::check(&segment)?;
        Ok(segment)
    }
}

#[derive(Template)]
#[template(path = "admin/segments/form.html")]
struct FormPage {
    chrome: Chrome,
    form: SegmentForm,
    fault: Fault,
    old: bool,
    back: String,
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: SegmentForm,
    old: bool,
    fault: Fault,
) -> Result<Response, Problem> {
    let (title, back) = if old {
        (format!("Change {}", form.name), path(&form.name))
    } else {
        ("New segment".to_owned(), "/segments".to_owned())
    };
    let page = FormPage {
        chrome: Chrome::new(state, account, title, Place::Segments).await,
        form,
        fault,
        old,
        back,
    };
    Ok(page.fault.on(render(&page)?))
}

async fn new(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let form = SegmentForm::default();
    form_page(&state, &account, form, false, Fault::default()).await
}

async fn add(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<SegmentForm>,
) -> Result<Response, Problem> {
    match try_add(&state, &account, &form).await {
        Ok(segment) => Ok(Done::at(
            path(&segment.name),
            format!("A policy may put people into {} now.", segment.name),
        )
        .into_response()),
        Err(problem) => form_page(&state, &account, form, false, Fault::of(problem)?).await,
    }
}

async fn try_add(
    state: &AdminState,
    account: &Account,
    form: &SegmentForm,
) -> Result<Segment, Problem> {
    let segment = form.segment()?;
    match state.store.segment_fetch(&segment.name).await {
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => {
            return Err(Failure::invalid(
                "name",
                format!("there is already a segment {}", segment.name),
            )
            .into());
        }
    }
    Ok(account.store(state).segment_put(segment).await?)
}

async fn edit(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let form = SegmentForm::of(state.store.segment_fetch(&name).await?);
    form_page(&state, &account, form, true, Fault::default()).await
}

async fn update(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
    Form(mut form): Form<SegmentForm>,
) -> Result<Response, Problem> {
    state.store.segment_fetch(&name).await?;
    // Policies know it by its name, which therefore stays.
    form.name = name;
    let segment = match form.segment() {
        Ok(segment) => segment,
        Err(failure) => {
            return form_page(&state, &account, form, true, Fault::of(failure.into())?).await;
        }
    };
    let segment = account.store(&state).segment_put(segment).await?;
    Ok(Done::at(
        path(&segment.name),
        format!(
            "{} was changed. Sessions in it are moved where they differ now.",
            segment.name
        ),
    )
    .into_response())
}

async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Done, Problem> {
    if input::segment::is_named(&state.store, &name).await? {
        return Err(Failure::Conflict(format!(
            "the policy in force names the segment {name}: apply a policy that does not name it, then remove it"
        ))
        .into());
    }
    account.store(&state).segment_remove(&name).await?;
    Ok(Done::at("/segments", format!("{name} is removed.")))
}

fn session(segment: &Segment) -> String {
    segment.session_timeout_s.map(written).unwrap_or_default()
}

fn path(name: &str) -> String {
    format!("/segments/{}", encode_part(name))
}
