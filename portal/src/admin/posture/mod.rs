//! Posture: which hosts report, what their checks found, and with which secrets they come to us.

mod reports;
mod secrets;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_policy::Verdict;
use nac_posture::{FlagfileSettings, NodePosture, flagfile};
use nac_store::{CheckOutcome, CheckResult, NodeStatus, OsqueryNode, RecheckOutcome, now_us};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::filter::some;
use super::listing::{self, Column, Format, Head, Query};
use super::moment::span;
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// `/posture` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::page("/posture", Permission::Read, get(page)),
        Route::page("/posture/hosts/{id}", Permission::Read, get(detail)),
        Route::action(
            "/posture/hosts/{id}/recheck",
            Permission::QuarantineChange,
            "host_recheck",
            post(recheck),
        ),
        Route::action(
            "/posture/hosts/{id}/remove",
            Permission::PostureChange,
            "host_remove",
            post(remove),
        ),
        Route::page("/posture/checks", Permission::Read, get(checks)),
        Route::page("/posture/reports", Permission::Read, get(reports::page)),
        Route::action(
            "/posture/reports/{id}/close",
            Permission::QuarantineChange,
            "check_report_close",
            post(reports::close),
        ),
    ];
    routes.extend(secrets::routes());
    routes
}

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    verdict: Option<String>,
    check: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    after: Option<Uuid>,
    format: Format,
}

/// A host as it is exported.
#[derive(Serialize)]
struct Host {
    #[serde(flatten)]
    node: OsqueryNode,
    verdict: Verdict,
    failing: Vec<String>,
    advisory: Vec<String>,
    unanswered: Vec<String>,
}

impl From<NodePosture> for Host {
    fn from(posture: NodePosture) -> Self {
        Self {
            node: posture.node,
            verdict: posture.verdict,
            failing: posture.failing,
            advisory: posture.advisory,
            unanswered: posture.unanswered,
        }
    }
}

struct Row {
    host: Host,
    enrolled: Moment,
    seen: Moment,
    ago: String,
}

/// The columns, in the words of [`sort`].
const HEADS: [Head; 7] = [
    Head::sorts("Host", "host"),
    Head::sorts("Verdict", "verdict"),
    Head::sorts("Failing", "failing").descending(),
    Head::plain("Advice"),
    Head::sorts("System", "system"),
    Head::sorts("Enrolled", "enrolled").descending(),
    Head::sorts("Last seen", "seen").descending(),
];

#[derive(Template)]
#[template(path = "admin/posture/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    columns: Vec<Column>,
    verdicts: [&'static str; 4],
    rows: Vec<Row>,
    next: Option<String>,
    csv: String,
    json: String,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let (text, verdict, check) = (
        some(&filters.q),
        some(&filters.verdict),
        some(&filters.check),
    );
    let lower = text.as_ref().map(|text| text.to_lowercase());
    let by = some(&filters.sort).unwrap_or_else(|| "enrolled".to_owned());
    let reverse = listing::is_reversed(&filters.order);
    let mut nodes = state.gate.nodes();
    nodes.retain(|posture| {
        let node = &posture.node;
        let fits = |text: &String| {
            [
                &node.hostname,
                &node.host_identifier,
                &node.hardware_serial,
                &node.os_name,
                &node.source_ip,
            ]
            .into_iter()
            .any(|field| field.to_lowercase().contains(text))
                || node.macs.iter().any(|mac| mac.contains(text))
        };
        let fails =
            |check: &String| posture.failing.contains(check) || posture.advisory.contains(check);
        lower.as_ref().is_none_or(fits)
            && verdict
                .as_ref()
                .is_none_or(|verdict| posture.verdict.as_str() == verdict)
            && check.as_ref().is_none_or(fails)
    });
    sort(&mut nodes, &by, reverse)?;
    // Each page goes on behind the last one's end, wherever that is by now.
    let done = filters.after.map_or(0, |after| {
        nodes
            .iter()
            .position(|posture| posture.node.id == after)
            .map_or(nodes.len(), |last| last + 1)
    });
    let mut hosts: Vec<Host> = nodes
        .into_iter()
        .skip(done)
        .take(filters.format.limit() as usize)
        .map(Host::from)
        .collect();
    let query = Query::new("/posture")
        .with("q", text)
        .with("verdict", verdict)
        .with("check", check)
        .with("sort", some(&filters.sort))
        .with("order", some(&filters.order));
    match filters.format {
        Format::Json => return Ok(listing::json("hosts", &hosts)?),
        Format::Csv => return Ok(csv(&hosts)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut hosts)
        .then(|| hosts.last().map(|last| query.link("after", last.node.id)))
        .flatten();
    let now = now_us();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Posture", Place::Posture).await,
        filtered: query.is_filtered(),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        columns: listing::columns(&query, &HEADS, &by, reverse),
        verdicts: Verdict::ALL.map(Verdict::as_str),
        next,
        filters,
        rows: hosts
            .into_iter()
            .map(|host| Row {
                enrolled: Moment(host.node.enrolled_us),
                seen: Moment(host.node.last_seen_us),
                ago: span(now - host.node.last_seen_us),
                host,
            })
            .collect(),
    })
}

/// Sorts by a word of the URL; times begin with the newest.
fn sort(nodes: &mut [NodePosture], by: &str, reverse: bool) -> Result<(), Failure> {
    // Ids are in the order of enrolment, and make every order a whole one.
    nodes.sort_by_key(|posture| Reverse(posture.node.id));
    match by {
        "enrolled" => {}
        "host" => nodes.sort_by_key(|posture| name(&posture.node).to_lowercase()),
        "verdict" => nodes.sort_by_key(|posture| posture.verdict.as_str()),
        "failing" => nodes.sort_by_key(|posture| Reverse(posture.failing.len())),
        "system" => nodes.sort_by_key(|posture| {
            let node = &posture.node;
            (node.os_name.to_lowercase(), node.os_version.clone())
        }),
        "seen" => nodes.sort_by_key(|posture| Reverse(posture.node.last_seen_us)),
        _ => return Err(Failure::invalid("sort", "the list has no such order")),
    }
    if reverse {
        nodes.reverse();
    }
    Ok(())
}

fn csv(hosts: &[Host]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = hosts
        .iter()
        .map(|host| {
            let node = &host.node;
            vec![
                node.hostname.clone(),
                host.verdict.to_string(),
                host.failing.join(" "),
                host.advisory.join(" "),
                host.unanswered.join(" "),
                format!("{} {}", node.os_name, node.os_version),
                node.hardware_serial.clone(),
                node.macs.join(" "),
                node.last_seen_us.to_string(),
            ]
        })
        .collect();
    let header = [
        "host",
        "verdict",
        "failing",
        "advisory",
        "unanswered",
        "system",
        "serial",
        "macs",
        "last_seen_us",
    ];
    listing::csv("hosts", &header, &rows)
}

/// A check on one host.
struct Finding {
    result: CheckResult,
    title: String,
    severity: &'static str,
    resolution: String,
    checked: Moment,
    changed: Moment,
}

#[derive(Template)]
#[template(path = "admin/posture/host.html")]
struct HostPage {
    chrome: Chrome,
    host: Host,
    device: Option<(Uuid, String)>,
    findings: Vec<Finding>,
    enrolled: Moment,
    seen: Moment,
    waiting: bool,
    may_recheck: bool,
    may_remove: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let posture = node(&state, id)?;
    let device = match posture.node.device_id {
        Some(id) => state.store.device_fetch(id).await.ok(),
        None => None,
    };
    let mut findings: Vec<Finding> = posture
        .results
        .iter()
        .map(|result| {
            let check = state.gate.checks().find(&result.check);
            Finding {
                title: check.map_or_else(|| result.check.clone(), |check| check.title.clone()),
                severity: check.map_or("", |check| check.severity.as_str()),
                resolution: check.map_or_else(String::new, |check| check.resolution.clone()),
                checked: Moment(result.checked_us),
                changed: Moment(result.changed_us),
                result: result.clone(),
            }
        })
        .collect();
    // What fails comes first, then what could not be told.
    findings.sort_by_key(|finding| match finding.result.outcome {
        CheckOutcome::Fail => 0,
        CheckOutcome::Unknown => 1,
        CheckOutcome::Pass => 2,
    });
    let recheck = state.store.recheck_find(id).await?;
    let name = name(&posture.node);
    render(&HostPage {
        chrome: Chrome::new(&state, &account, name, Place::Posture).await,
        enrolled: Moment(posture.node.enrolled_us),
        seen: Moment(posture.node.last_seen_us),
        device: device.map(|device| (device.id, device.name)),
        waiting: recheck.is_some_and(|recheck| recheck.is_open(now_us())),
        host: Host::from(posture),
        findings,
        may_recheck: account.may(Permission::QuarantineChange),
        may_remove: account.may(Permission::PostureChange),
    })
}

fn node(state: &AdminState, id: Uuid) -> Result<NodePosture, Problem> {
    Ok(state
        .gate
        .node_posture(id)
        .ok_or_else(|| Failure::NotFound(format!("there is no osquery host {id}")))?)
}

fn name(node: &OsqueryNode) -> String {
    if node.hostname.is_empty() {
        node.host_identifier.clone()
    } else {
        node.hostname.clone()
    }
}

async fn recheck(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    let posture = node(&state, id)?;
    let asked = account
        .store(&state)
        .recheck_request(id, &account.operator())
        .await?;
    let name = name(&posture.node);
    let sentence = match asked {
        RecheckOutcome::Asked(_) => {
            state.gate.ask_now(id);
            format!("{name} is asked at its next poll: look again in some seconds.")
        }
        RecheckOutcome::Waiting(_) => {
            format!("{name} has been asked already and has not answered yet.")
        }
        RecheckOutcome::TooOften { again_us } => {
            return Err(Failure::TooMany(format!(
                "{name} was asked too often within an hour: again in {}",
                span(again_us - now_us())
            ))
            .into());
        }
    };
    Ok(Done::at(format!("/posture/hosts/{id}"), sentence))
}

async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account.store(&state).node_remove(id).await?;
    Ok(Done::at(
        "/posture",
        "The host is removed. It comes back when its osquery enrols again.",
    ))
}

/// A check with what it found on all hosts.
#[derive(Serialize)]
struct CheckRow {
    name: String,
    title: String,
    severity: &'static str,
    platforms: String,
    pass: usize,
    fail: usize,
    unknown: usize,
}

#[derive(Template)]
#[template(path = "admin/posture/checks.html")]
struct ChecksPage {
    chrome: Chrome,
    rows: Vec<CheckRow>,
    csv: String,
    json: String,
}

async fn checks(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let mut counts: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for result in state
        .gate
        .nodes()
        .into_iter()
        .filter(|posture| posture.node.status == NodeStatus::Active)
        .flat_map(|posture| posture.results)
    {
        let place = match result.outcome {
            CheckOutcome::Pass => 0,
            CheckOutcome::Fail => 1,
            CheckOutcome::Unknown => 2,
        };
        counts.entry(result.check).or_default()[place] += 1;
    }
    let mut rows: Vec<CheckRow> = state
        .gate
        .checks()
        .iter()
        .map(|check| {
            let [pass, fail, unknown] = counts.get(&check.name).copied().unwrap_or_default();
            CheckRow {
                name: check.name.clone(),
                title: check.title.clone(),
                severity: check.severity.as_str(),
                platforms: check.platforms.join(" "),
                pass,
                fail,
                unknown,
            }
        })
        .collect();
    rows.sort_by(|one, two| {
        two.fail
            .cmp(&one.fail)
            .then_with(|| one.name.cmp(&two.name))
    });
    let query = Query::new("/posture/checks");
    match filters.format {
        Format::Json => return Ok(listing::json("checks", &rows)?),
        Format::Csv => {
            let lines: Vec<Vec<String>> = rows
                .iter()
                .map(|row| {
                    vec![
                        row.name.clone(),
                        row.title.clone(),
                        row.severity.to_owned(),
                        row.platforms.clone(),
                        row.pass.to_string(),
                        row.fail.to_string(),
                        row.unknown.to_string(),
                    ]
                })
                .collect();
            let header = [
                "name",
                "title",
                "severity",
                "platforms",
                "pass",
                "fail",
                "unknown",
            ];
            return Ok(listing::csv("checks", &header, &lines)?);
        }
        Format::Html => {}
    }
    render(&ChecksPage {
        chrome: Chrome::new(&state, &account, "Checks", Place::Posture).await,
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        rows,
    })
}

/// The flag file for endpoints of this installation.
fn flags(state: &AdminState) -> String {
    let portal = state
        .environment
        .portal_url
        .strip_prefix("https://")
        .unwrap_or(&state.environment.portal_url);
    let hostname_port = if portal.rsplit_once(':').is_some_and(|(_, port)| {
        !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit())
    }) {
        portal.to_owned()
    } else {
        format!("{portal}:443")
    };
    flagfile(&FlagfileSettings {
        hostname_port,
        ..FlagfileSettings::default()
    })
}
