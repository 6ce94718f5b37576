//! Offers: which methods are offered to whom, the first that fits counts.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use nac_store::{Offer, StoreError};
use serde::Deserialize;

use super::form::Fault;
use super::guard::encode_part;
use super::listing::{self, Format, Query};
use super::{Account, AdminState, Chrome, Done, Place, Problem, Route, render};
use crate::access::Permission;
use crate::input;
use crate::web::Failure;

/// `/offers` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::NetworkChange;
    vec![
        Route::page("/offers", Permission::Read, get(page)),
        Route::page("/offers/new", change, get(new)),
        Route::action("/offers/new", change, "offer_put", post(add)),
        Route::page("/offers/{name}/edit", change, get(edit)),
        Route::action("/offers/{name}/edit", change, "offer_put", post(update)),
        Route::action("/offers/{name}/move", change, "offer_move", post(reorder)),
        Route::action(
            "/offers/{name}/remove",
            change,
            "offer_remove",
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
    place: usize,
    methods: String,
    inner_methods: String,
    offer: Offer,
}

#[derive(Template)]
#[template(path = "admin/offers/list.html")]
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
    let offers = state.store.offer_list().await?;
    match filters.format {
        Format::Json => return Ok(listing::json("offers", &offers)?),
        Format::Csv => return Ok(csv(&offers)?),
        Format::Html => {}
    }
    let query = Query::new("/offers");
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Offers", Place::Offers).await,
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        rows: offers
            .into_iter()
            .zip(1..)
            .map(|(offer, place)| Row {
                path: path(&offer.name),
                place,
                methods: joined(&offer.methods),
                inner_methods: joined(&offer.inner_methods),
                offer,
            })
            .collect(),
        may_change: account.may(Permission::NetworkChange),
    })
}

fn csv(offers: &[Offer]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = offers
        .iter()
        .map(|offer| {
            vec![
                offer.name.clone(),
                offer.client.clone(),
                offer.site.clone(),
                offer.ssid.clone(),
                offer.realm.clone(),
                joined(&offer.methods),
                joined(&offer.inner_methods),
                offer.description.clone(),
            ]
        })
        .collect();
    let header = [
        "name",
        "client",
        "site",
        "ssid",
        "realm",
        "methods",
        "inner_methods",
        "description",
    ];
    listing::csv("offers", &header, &rows)
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OfferForm {
    name: String,
    client: String,
    site: String,
    ssid: String,
    realm: String,
    methods: String,
    inner_methods: String,
    description: String,
}

impl OfferForm {
    fn of(offer: Offer) -> Self {
        Self {
            methods: joined(&offer.methods),
            inner_methods: joined(&offer.inner_methods),
            name: offer.name,
            client: offer.client,
            site: offer.site,
            ssid: offer.ssid,
            realm: offer.realm,
            description: offer.description,
        }
    }

    fn offer(&self) -> Result<Offer, Failure> {
        let trimmed = |text: &str| text.trim().to_owned();
        let offer = Offer {
            name: trimmed(&self.name),
            client: trimmed(&self.client),
            site: trimmed(&self.site),
            ssid: self.ssid.clone(),
            realm: trimmed(&self.realm),
            methods: input::offer::methods(&self.methods)?,
            inner_methods: input::offer::inner_methods(&self.inner_methods)?,
            description: trimmed(&self.description),
            ..Offer::default()
        };
        input::offer::check(&offer)?;
        Ok(offer)
    }
}

#[derive(Template)]
#[template(path = "admin/offers/form.html")]
struct FormPage {
    chrome: Chrome,
    form: OfferForm,
    fault: Fault,
    old: bool,
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: OfferForm,
    old: bool,
    fault: Fault,
) -> Result<Response, Problem> {
    let title = match old {
        true => format!("Change {}", form.name),
        false => "New offer".to_owned(),
    };
    let page = FormPage {
        chrome: Chrome::new(state, account, title, Place::Offers).await,
        form,
        fault,
        old,
    };
    Ok(page.fault.on(render(&page)?))
}

async fn new(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let form = OfferForm::default();
    form_page(&state, &account, form, false, Fault::default()).await
}

async fn add(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<OfferForm>,
) -> Result<Response, Problem> {
    match try_add(&state, &account, &form).await {
        Ok(offer) => Ok(Done::at(
            "/offers",
            format!(
                "{} is the last to be tried. It counts from the next login on.",
                offer.name
            ),
        )
        .into_response()),
        Err(problem) => form_page(&state, &account, form, false, Fault::of(problem)?).await,
    }
}

async fn try_add(
    state: &AdminState,
    account: &Account,
    form: &OfferForm,
) -> Result<Offer, Problem> {
    let offer = form.offer()?;
    match state.store.offer_fetch(&offer.name).await {
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => {
            let taken = format!("there is already an offer {}", offer.name);
            return Err(Failure::invalid("name", taken).into());
        }
    }
    Ok(account.store(state).offer_put(offer).await?)
}

async fn edit(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let form = OfferForm::of(state.store.offer_fetch(&name).await?);
    form_page(&state, &account, form, true, Fault::default()).await
}

async fn update(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
    Form(mut form): Form<OfferForm>,
) -> Result<Response, Problem> {
    state.store.offer_fetch(&name).await?;
    // Records know it by its name, which therefore stays.
    form.name = name;
    let offer = match form.offer() {
        Ok(offer) => offer,
        Err(failure) => {
            return form_page(&state, &account, form, true, Fault::of(failure.into())?).await;
        }
    };
    let offer = account.store(&state).offer_put(offer).await?;
    let sentence = format!(
        "{} was changed. It counts from the next login on.",
        offer.name
    );
    Ok(Done::at("/offers", sentence).into_response())
}

/// Where to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveForm {
    position: usize,
}

async fn reorder(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
    Form(form): Form<MoveForm>,
) -> Result<Done, Problem> {
    let offer = account
        .store(&state)
        .offer_move(&name, form.position)
        .await?;
    let sentence = format!("{} is number {} now.", offer.name, offer.position);
    Ok(Done::at("/offers", sentence))
}

async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Done, Problem> {
    account.store(&state).offer_remove(&name).await?;
    Ok(Done::at("/offers", format!("{name} is removed.")))
}

fn joined(methods: &[impl std::fmt::Display]) -> String {
    let names: Vec<String> = methods.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn path(name: &str) -> String {
    format!("/offers/{}", encode_part(name))
}
