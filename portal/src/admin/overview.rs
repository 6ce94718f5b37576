//! The first page: how the network is, each number a link to the list behind it, and what is wrong now.

use askama::Template;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use nac_store::{DecisionFilter, Overview, SegmentCount, now_us};
use serde::Deserialize;

use super::chart::Chart;
use super::moment::span;
use super::{Account, AdminState, Chrome, Place, Problem, Route, render};
use crate::access::Permission;

const HOUR_US: i64 = 3_600_000_000;
/// Who waits in quarantine longer than this is named, in microseconds.
const LATE_US: i64 = 24 * HOUR_US;
/// A wrong secret is news for this long, in microseconds.
const NEWS_US: i64 = HOUR_US;

/// `/`.
pub(super) fn routes() -> Vec<Route> {
    vec![Route::page("/", Permission::Own, get(page))]
}

/// What the URL may ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wish {
    range: Range,
}

/// How far back the page looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Range {
    #[default]
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
}

impl Range {
    const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    const fn hours(self) -> i64 {
        match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }
}

/// A number that leads to its list.
struct Card {
    number: i64,
    label: &'static str,
    note: String,
    link: String,
}

/// Something that somebody should look at.
struct Wrong {
    sentence: String,
    link: String,
}

/// A segment and how full it is.
struct Fill {
    segment: String,
    sessions: i64,
    width: f64,
}

#[derive(Template)]
#[template(path = "admin/overview/page.html")]
struct OverviewPage {
    chrome: Chrome,
    ranges: Vec<(&'static str, bool)>,
    cards: Vec<Card>,
    wrong: Vec<Wrong>,
    chart: Chart,
    refusals: Vec<(String, i64, String)>,
    segments: Vec<Fill>,
    segments_label: String,
}

/// Where nothing has been asked yet.
#[derive(Template)]
#[template(path = "admin/overview/start.html")]
struct StartPage {
    chrome: Chrome,
    clients: i64,
    unknown: Vec<(String, i64)>,
    may_add: bool,
    portal_url: String,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(wish): UrlQuery<Wish>,
) -> Result<Response, Problem> {
    if !account.may(Permission::Read) {
        return Ok(Redirect::to("/guests").into_response());
    }
    let chrome = Chrome::new(&state, &account, "Overview", Place::Overview).await;
    if is_fresh(&state).await? {
        return start(&state, &account, chrome).await;
    }
    let range = wish.range;
    let overview = state
        .store
        .overview(now_us() - range.hours() * HOUR_US)
        .await?;
    let fullest = overview.sessions.first().map_or(1, |first| first.sessions);
    let live: i64 = overview.sessions.iter().map(|count| count.sessions).sum();
    render(&OverviewPage {
        chrome,
        ranges: Range::ALL
            .into_iter()
            .map(|each| (each.word(), each == range))
            .collect(),
        cards: cards(&overview, range, live),
        wrong: wrong(&state, &overview, range).await?,
        chart: Chart::of(&overview.traffic, range.hours()),
        refusals: overview
            .refusals
            .into_iter()
            .map(|reason| {
                let link = format!(
                    "/log?reason={}&since={}",
                    super::guard::encode(&reason.reason_code),
                    range.word()
                );
                (reason.reason_code, reason.decisions, link)
            })
            .collect(),
        segments_label: format!("{live} live sessions by segment"),
        segments: overview
            .sessions
            .into_iter()
            .map(|count| fill(count, fullest))
            .collect(),
    })
}

fn fill(count: SegmentCount, fullest: i64) -> Fill {
    Fill {
        width: (count.sessions as f64 / fullest.max(1) as f64 * 500.0).round(),
        segment: count.segment,
        sessions: count.sessions,
    }
}

/// Whether no request was ever answered.
async fn is_fresh(state: &AdminState) -> Result<bool, nac_store::StoreError> {
    let any = DecisionFilter {
        limit: 1,
        ..DecisionFilter::default()
    };
    Ok(state.store.decision_list(&any).await?.is_empty())
}

async fn start(state: &AdminState, account: &Account, chrome: Chrome) -> Result<Response, Problem> {
    let clients = state.store.client_list().await?.len();
    render(&StartPage {
        chrome,
        clients: i64::try_from(clients).unwrap_or(i64::MAX),
        unknown: state
            .store
            .unknown_nas_list()
            .await?
            .into_iter()
            .take(5)
            .map(|nas| (nas.address, nas.packets))
            .collect(),
        may_add: account.may(Permission::NetworkChange),
        portal_url: state.environment.portal_url.clone(),
    })
}

fn cards(overview: &Overview, range: Range, live: i64) -> Vec<Card> {
    let since = range.word();
    let accepts = overview.traffic.iter().map(|span| span.accepts).sum();
    let refusals = overview.traffic.iter().map(|span| span.refusals).sum();
    let card = |number, label, note: String, link: &str| Card {
        number,
        label,
        note,
        link: link.to_owned(),
    };
    let oldest = overview
        .quarantine_oldest
        .as_ref()
        .map_or_else(String::new, |oldest| {
            format!("the oldest for {}", span(now_us() - oldest.opened_us))
        });
    let failed = match overview.enforcements_failed {
        0 => String::new(),
        failed => format!("{failed} failed"),
    };
    let ending = overview.certificates_expiring.len();
    vec![
        card(
            accepts,
            "accepted",
            String::new(),
            &format!("/log?outcome=accept&since={since}"),
        ),
        card(
            refusals,
            "refused",
            String::new(),
            &format!("/log?outcome=reject&since={since}"),
        ),
        card(live, "live sessions", String::new(), "/sessions"),
        card(
            overview.quarantines_open,
            "in quarantine",
            oldest,
            "/quarantine?order=oldest",
        ),
        card(
            overview.enforcements_open,
            "moves under way",
            failed,
            "/sessions",
        ),
        card(
            i64::try_from(ending).unwrap_or(i64::MAX),
            "certificates end soon",
            String::new(),
            "/certificates",
        ),
        card(
            overview.unknown_nas,
            "unknown NAS",
            String::new(),
            "/clients",
        ),
    ]
}

/// What somebody should look at, the most urgent first.
async fn wrong(
    state: &AdminState,
    overview: &Overview,
    range: Range,
) -> Result<Vec<Wrong>, nac_store::StoreError> {
    let now = now_us();
    let mut wrong = Vec::new();
    let mut say = |sentence: String, link: String| wrong.push(Wrong { sentence, link });
    for certificate in &overview.certificates_expiring {
        let (ended, left) = (
            certificate.not_after_us <= now,
            span(certificate.not_after_us - now),
        );
        let when = if ended {
            format!("ended {left} ago")
        } else {
            format!("ends in {left}")
        };
        say(
            format!(
                "The {} certificate of {} {when}.",
                certificate.kind, certificate.name
            ),
            "/certificates".to_owned(),
        );
    }
    let names: std::collections::HashMap<_, _> = state
        .store
        .client_list()
        .await?
        .into_iter()
        .map(|client| (client.id, client.name))
        .collect();
    for activity in state.store.client_activity_list().await? {
        let Some(name) = names.get(&activity.client_id) else {
            continue;
        };
        let link = format!("/clients/{}", super::guard::encode(name));
        let recent = |at: Option<i64>| at.is_some_and(|at| at > now - NEWS_US);
        if recent(activity.wrong_secret_us) {
            say(
                format!("{name} signs with another secret: its requests are not answered."),
                link,
            );
        } else if recent(activity.missing_signature_us) {
            say(
                format!("{name} sends no Message-Authenticator: its requests are not answered."),
                link,
            );
        }
    }
    if overview.unknown_nas > 0 {
        say(
            format!(
                "{} addresses send RADIUS packets and are no client here.",
                overview.unknown_nas
            ),
            "/clients".to_owned(),
        );
    }
    if overview.enforcements_failed > 0 {
        say(
            format!(
                "{} moves failed in the last {}: those sessions are not where they should be.",
                overview.enforcements_failed,
                range.word()
            ),
            "/sessions".to_owned(),
        );
    }
    if let Some(oldest) = &overview.quarantine_oldest
        && now - oldest.opened_us > LATE_US
    {
        say(
            format!(
                "Somebody waits in quarantine for {}: {}",
                span(now - oldest.opened_us),
                oldest.reason
            ),
            format!("/quarantine/{}", oldest.id),
        );
    }
    Ok(wrong)
}
