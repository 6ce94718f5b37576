//! Somebody's own devices that something is checked on, each with a word on how it is.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use nac_policy::Verdict;
use nac_posture::NodePosture;
use nac_store::{EVERY_SESSION, SessionFilter};
use uuid::Uuid;

use super::situation::KEPT_APART;
use super::{MINE, PublicState};
use crate::public::device::devices_of;
use crate::public::failure::PublicFailure;
use crate::public::layout::Shell;
use crate::public::sign_in::Employee;

/// One device of the list.
struct Row {
    href: String,
    name: String,
    /// The key of the text that says how it is.
    state: &'static str,
    bad: bool,
    /// When its agent was last heard, in microseconds since the Unix epoch.
    heard_us: Option<i64>,
}

#[derive(Template)]
#[template(path = "public/remedy/mine.html")]
struct Page {
    shell: Shell,
    person: String,
    rows: Vec<Row>,
}

/// One device alone is shown at once; there is nothing to choose.
pub(super) async fn list(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
) -> Result<Response, PublicFailure> {
    let kept_apart = SessionFilter {
        open_only: true,
        segment: Some(KEPT_APART.to_owned()),
        limit: EVERY_SESSION,
        ..SessionFilter::default()
    };
    let kept_apart = state.store.session_list(&kept_apart).await?;
    let kept_apart: HashSet<Uuid> = kept_apart
        .into_iter()
        .filter_map(|session| session.device_id)
        .collect();
    let mut rows = BTreeMap::new();
    for device in devices_of(&state, &employee).await? {
        let node = newest(state.gate.nodes_of(device.id));
        let limited = kept_apart.contains(&device.id);
        if node.is_none() && !limited {
            continue;
        }
        let (state, bad) = word(limited, node.as_ref().map(|node| node.verdict));
        let row = Row {
            href: shell.link(format!("{MINE}/{}", device.id)),
            name: device.name.clone(),
            state,
            bad,
            heard_us: node.map(|node| node.node.last_seen_us),
        };
        // What needs its owner comes first.
        rows.insert((!limited, !bad, device.name, device.id), row);
    }
    if rows.len() == 1
        && let Some(row) = rows.values().next()
    {
        return Ok(Redirect::to(&row.href).into_response());
    }
    let page = Page {
        shell,
        person: employee.user.name,
        rows: rows.into_values().collect(),
    };
    Ok(Html(page.render()?).into_response())
}

/// The host that speaks for a device: after a new installation the former one is silent.
pub(super) fn newest(nodes: Vec<NodePosture>) -> Option<NodePosture> {
    nodes.into_iter().max_by_key(|node| node.node.last_seen_us)
}

fn word(limited: bool, verdict: Option<Verdict>) -> (&'static str, bool) {
    match (limited, verdict) {
        (true, _) => ("remedy-mine-limited", true),
        (false, Some(Verdict::Failing)) => ("remedy-mine-failing", true),
        (false, Some(Verdict::Compliant)) => ("remedy-mine-passing", false),
        (false, Some(Verdict::Stale)) => ("remedy-mine-stale", true),
        (false, Some(Verdict::Unknown) | None) => ("remedy-mine-unknown", false),
    }
}
