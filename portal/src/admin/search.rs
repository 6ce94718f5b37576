//! One box for everything: a MAC address in any format, a user, a host's or a device's name, an IP address, an id. One hit is gone
//! to at once; several are listed by kind.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use nac_store::{
    DecisionFilter, DeviceFilter, DeviceSort, GuestFilter, Quarantine, Session, SessionFilter,
    Store, StoreError, UserFilter, mac_normalise,
};
use serde::Deserialize;
use uuid::Uuid;

use super::filter::some;
use super::guard::encode;
use super::{Account, AdminState, Chrome, Place, Problem, Route, render};
use crate::access::Permission;

/// Hits of each kind that are shown.
const SHOWN: u32 = 10;
/// Longer texts are nobody's name.
const TEXT_MAX: usize = 200;

/// `/search`.
pub(super) fn routes() -> Vec<Route> {
    vec![Route::page("/search", Permission::Read, get(page))]
}

/// What the box sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wish {
    q: Option<String>,
}

/// Something that was found.
struct Hit {
    label: String,
    note: String,
    link: String,
}

impl Hit {
    fn new(label: impl Into<String>, note: impl Into<String>, link: String) -> Self {
        Self {
            label: label.into(),
            note: note.into(),
            link,
        }
    }

    fn session(session: &Session) -> Self {
        let address = session.framed_ip.as_deref().unwrap_or_default();
        Self::new(
            if session.identity.is_empty() {
                &session.user_name
            } else {
                &session.identity
            },
            format!("in {} at {} {address}", session.segment, session.client),
            format!("/sessions/{}", session.id),
        )
    }

    fn quarantine(quarantine: &Quarantine) -> Self {
        Self::new(
            quarantine.reason.clone(),
            quarantine.mac.clone().unwrap_or_default(),
            format!("/quarantine/{}", quarantine.id),
        )
    }
}

/// Hits of one kind.
struct Kind {
    title: &'static str,
    hits: Vec<Hit>,
    /// The list that has all of them.
    all: Option<String>,
}

impl Kind {
    fn new(title: &'static str, hits: Vec<Hit>) -> Self {
        Self {
            title,
            hits,
            all: None,
        }
    }

    fn all(self, link: String) -> Self {
        Self {
            all: Some(link),
            ..self
        }
    }
}

#[derive(Template)]
#[template(path = "admin/search/page.html")]
struct SearchPage {
    chrome: Chrome,
    q: String,
    kinds: Vec<Kind>,
    may_add: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(wish): UrlQuery<Wish>,
) -> Result<Response, Problem> {
    let q: String = some(&wish.q)
        .unwrap_or_default()
        .chars()
        .take(TEXT_MAX)
        .collect();
    let mut kinds = if q.is_empty() {
        Vec::new()
    } else if let Ok(id) = q.parse::<Uuid>() {
        by_id(&state.store, id).await?
    } else if let Some(mac) = mac_normalise(&q) {
        by_mac(&state.store, &mac).await?
    } else if let Ok(address) = q.parse::<IpAddr>() {
        by_address(&state.store, address).await?
    } else {
        by_text(&state, &account, &q).await?
    };
    kinds.retain(|kind| !kind.hits.is_empty());
    if let [Kind { hits, .. }] = kinds.as_slice()
        && let [hit] = hits.as_slice()
    {
        return Ok(Redirect::to(&hit.link).into_response());
    }
    render(&SearchPage {
        chrome: Chrome::new(&state, &account, "Search", Place::None).await,
        may_add: account.may(Permission::DeviceChange),
        q,
        kinds,
    })
}

/// What is there; that it is not there is no fault.
fn there<T>(found: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn by_id(store: &Store, id: Uuid) -> Result<Vec<Kind>, StoreError> {
    let decision = there(store.decision_fetch(id).await)?
        .map(|decision| Hit::new(id.to_string(), decision.reason, format!("/log/{id}")));
    let device = there(store.device_fetch(id).await)?
        .map(|device| Hit::new(device.name, "", format!("/devices/{id}")));
    let session = there(store.session_fetch(id).await)?.map(|session| Hit::session(&session));
    let quarantine =
        there(store.quarantine_fetch(id).await)?.map(|quarantine| Hit::quarantine(&quarantine));
    Ok(vec![
        Kind::new("Decisions", decision.into_iter().collect()),
        Kind::new("Devices", device.into_iter().collect()),
        Kind::new("Sessions", session.into_iter().collect()),
        Kind::new("Quarantine", quarantine.into_iter().collect()),
    ])
}

async fn by_mac(store: &Store, mac: &str) -> Result<Vec<Kind>, StoreError> {
    // The device's page has its sessions and its history.
    if let Some(device) = store.device_find(mac).await? {
        let hit = Hit::new(device.name, mac, format!("/devices/{}", device.id));
        return Ok(vec![Kind::new("Devices", vec![hit])]);
    }
    let sessions = store
        .session_list(&SessionFilter {
            open_only: true,
            mac: Some(mac.to_owned()),
            limit: SHOWN,
            ..SessionFilter::default()
        })
        .await?;
    let decisions = store
        .decision_list(&DecisionFilter {
            mac: Some(mac.to_owned()),
            limit: 1,
            ..DecisionFilter::default()
        })
        .await?;
    let log = format!("/log?mac={}", encode(mac));
    Ok(vec![
        Kind::new("Sessions", sessions.iter().map(Hit::session).collect()),
        Kind::new(
            "Log",
            decisions
                .iter()
                .map(|_| Hit::new(format!("What {mac} was answered"), "", log.clone()))
                .collect(),
        ),
    ])
}

async fn by_address(store: &Store, address: IpAddr) -> Result<Vec<Kind>, StoreError> {
    let session = store.session_by_address(address).await?;
    let clients = store.client_list().await?;
    let text = address.to_string();
    Ok(vec![
        Kind::new("Sessions", session.iter().map(Hit::session).collect()),
        Kind::new(
            "Clients",
            clients
                .iter()
                .filter(|client| client.address.to_string().split('/').next() == Some(&text))
                .map(|client| {
                    Hit::new(
                        client.name.clone(),
                        text.clone(),
                        format!("/clients/{}", encode(&client.name)),
                    )
                })
                .collect(),
        ),
    ])
}

async fn by_text(state: &AdminState, account: &Account, q: &str) -> Result<Vec<Kind>, StoreError> {
    let store = &state.store;
    let shown = SHOWN as usize;
    let devices = store
        .device_list(&DeviceFilter {
            search: Some(q.to_owned()),
            sort: Some(DeviceSort::Name),
            limit: SHOWN,
            ..DeviceFilter::default()
        })
        .await?;
    let users = store
        .user_list(&UserFilter {
            search: Some(q.to_owned()),
            limit: SHOWN,
            ..UserFilter::default()
        })
        .await?;
    let sessions = store
        .session_list(&SessionFilter {
            open_only: true,
            search: Some(q.to_owned()),
            limit: SHOWN,
            ..SessionFilter::default()
        })
        .await?;
    let decisions = store
        .decision_list(&DecisionFilter {
            user: Some(q.to_owned()),
            limit: 1,
            ..DecisionFilter::default()
        })
        .await?;
    let lower = q.to_lowercase();
    let guests = if account.may(Permission::GuestRead) {
        store
            .guest_list(&GuestFilter {
                search: Some(q.to_owned()),
                limit: SHOWN,
                ..GuestFilter::default()
            })
            .await?
    } else {
        Vec::new()
    };
    let hosts = state
        .gate
        .nodes()
        .into_iter()
        .map(|posture| posture.node)
        .filter(|node| node.hostname.to_lowercase().contains(&lower))
        .take(shown);
    let clients = store
        .client_list()
        .await?
        .into_iter()
        .filter(|client| client.name.to_lowercase().contains(&lower))
        .take(shown);
    Ok(vec![
        Kind::new(
            "Devices",
            devices
                .into_iter()
                .map(|device| {
                    Hit::new(
                        device.name,
                        device.owner.unwrap_or_default(),
                        format!("/devices/{}", device.id),
                    )
                })
                .collect(),
        )
        .all(format!("/devices?q={}", encode(q))),
        Kind::new(
            "Users",
            users
                .into_iter()
                .map(|user| {
                    let link = format!("/users/{}", encode(&user.name));
                    Hit::new(user.name, user.groups.join(", "), link)
                })
                .collect(),
        )
        .all(format!("/users?q={}", encode(q))),
        Kind::new(
            "Guests",
            guests
                .into_iter()
                .map(|guest| {
                    let label = if guest.name.is_empty() {
                        guest.email
                    } else {
                        guest.name
                    };
                    let note = format!("{} {}", guest.status, guest.company);
                    Hit::new(label, note, format!("/guests/{}", guest.id))
                })
                .collect(),
        )
        .all(format!("/guests?q={}", encode(q))),
        Kind::new(
            "Hosts",
            hosts
                .map(|node| {
                    let link = match node.device_id {
                        Some(device) => format!("/devices/{device}"),
                        None => format!("/posture/hosts/{}", node.id),
                    };
                    Hit::new(
                        node.hostname,
                        format!("{} {}", node.os_name, node.os_version),
                        link,
                    )
                })
                .collect(),
        ),
        Kind::new("Sessions", sessions.iter().map(Hit::session).collect())
            .all(format!("/sessions?q={}", encode(q))),
        Kind::new(
            "Clients",
            clients
                .map(|client| {
                    let link = format!("/clients/{}", encode(&client.name));
                    Hit::new(client.name, client.address.to_string(), link)
                })
                .collect(),
        ),
        Kind::new(
            "Log",
            decisions
                .iter()
                .map(|_| {
                    Hit::new(
                        format!("What {q} was answered"),
                        "",
                        format!("/log?user={}", encode(q)),
                    )
                })
                .collect(),
        ),
    ])
}
