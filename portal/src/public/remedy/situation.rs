//! What can honestly be said to the person who is here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nac_policy::Verdict;
use nac_posture::{Check, NodePosture, Posture, Subject};
use nac_store::{
    CheckOutcome, CheckResult, Device, Exception, ExceptionFilter, ExceptionState, Quarantine,
    QuarantineFilter, QuarantineKind, Session, SessionFilter, Store, StoreError,
};
use uuid::Uuid;

use super::mine::newest;
use super::{PublicState, QUARANTINE, Seat};
use crate::i18n::Language;
use crate::public::failure::PublicFailure;
use crate::public::layout::Shell;

/// The segment of who is kept apart.
pub(super) const KEPT_APART: &str = "quarantine";
/// How long a release is told, in microseconds: an hour.
const RELEASE_TOLD_US: i64 = 3_600_000_000;
/// How long a denial is told, in microseconds: a week.
const DENIAL_TOLD_US: i64 = 7 * 24 * 3_600_000_000;
/// The network follows a verdict within this time, in microseconds; if it has not, something else keeps the device apart.
const FOLLOWS_US: i64 = 60_000_000;
/// The most live sessions of one device that are looked at; a laptop has a dock and a radio.
const SESSIONS_MAX: u32 = 8;
/// Below this level of binding somebody else could sit here under the same MAC address.
const SURE: u8 = 2;

/// The one word for how things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nobody is connected at this address.
    NotHere,
    /// Nothing is checked on this device.
    NotOurs,
    /// Somebody decided that it is kept apart.
    Waiting,
    /// The host was asked and has not answered yet.
    Checking,
    /// Checks fail.
    Failing,
    /// There are not enough answers.
    Unknown,
    /// The agent has been silent for too long.
    Stale,
    /// Nothing fails any more; the network has not let it in yet.
    Restoring,
    /// It was let in again a short time ago.
    Fixed,
    /// Nothing fails that is not excepted.
    Excepted,
    /// Nothing fails.
    Passing,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) words: String,
    /// A command that ends the sentence, where the sentence runs the other way: its signs would be put in another order.
    pub(super) command: Option<String>,
}

impl Step {
    fn read(text: &str, right_to_left: bool) -> Self {
        let command = text
            .split_once(": ")
            .filter(|(_, command)| right_to_left && command.is_ascii());
        Self {
            words: command.map_or_else(|| text.to_owned(), |(words, _)| format!("{words}:")),
            command: command.map(|(_, command)| command.to_owned()),
        }
    }
}

/// One check as the person sees it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// The language of these words.
    pub(super) language: String,
    pub(super) title: String,
    pub(super) seen: Option<String>,
    pub(super) seen_us: Option<i64>,
    pub(super) why: Option<String>,
    pub(super) steps: Vec<Step>,
    pub(super) link: Option<String>,
    /// How long the repair takes, in seconds.
    pub(super) takes_s: Option<i64>,
    /// Whether it was said already that this check is wrong.
    pub(super) reported: bool,
    /// The exception that was asked for or granted.
    pub(super) exception: Option<Exception>,
}

/// How things stand for the device that the person sits at.
#[derive(Debug)]
pub(super) struct Situation {
    pub(super) condition: Condition,
    pub(super) device_id: Option<Uuid>,
    pub(super) node: Option<Uuid>,
    /// The device's name; empty when it has none.
    pub(super) name: String,
    /// Whether it is in the quarantine segment now.
    pub(super) limited: bool,
    /// Checks that apply.
    pub(super) total: usize,
    pub(super) failing: Vec<Row>,
    /// Checks that fail and count for nothing.
    pub(super) advisory: Vec<Row>,
    /// Checks that count and have no answer.
    pub(super) unanswered: Vec<Row>,
    /// Checks that an exception covers.
    pub(super) excepted: Vec<Row>,
    /// When an answer or an exception last changed anything.
    changed_us: i64,
    /// When the host last answered, and when it was last heard.
    pub(super) answered_us: Option<i64>,
    pub(super) heard_us: Option<i64>,
    /// The quarantine that somebody decided.
    pub(super) manual: Option<Quarantine>,
    /// The exception to that quarantine that was asked for.
    pub(super) manual_exception: Option<Exception>,
    /// When it was let in again.
    pub(super) released_us: Option<i64>,
    /// The last request for an exception that was denied.
    pub(super) denied: Option<Exception>,
    /// Open quarantines whose person has not seen this page.
    pub(super) untold: Vec<Uuid>,
}

impl Situation {
    /// Looks at everything for whoever came to the device in this way.
    pub(super) async fn find(
        state: &PublicState,
        shell: &Shell,
        seat: &Seat,
    ) -> Result<Self, PublicFailure> {
        match (seat, shell.visitor().session()) {
            (Seat::Owner(owner), _) => Self::of_owner(state, shell, &owner.1).await,
            (Seat::Here, Some(session)) => Self::of_session(state, shell, session).await,
            (Seat::Here, None) => Ok(Self::of_nobody()),
        }
    }

    /// The device that the person sits at.
    async fn of_session(
        state: &PublicState,
        shell: &Shell,
        session: &Session,
    ) -> Result<Self, PublicFailure> {
        let (posture, node) = host(state, session, shell.now_us()).await?;
        let device_id = session
            .device_id
            .or_else(|| node.as_ref().and_then(|node| node.node.device_id));
        let device = match device_id {
            Some(id) => found(state.store.device_fetch(id).await)?,
            None => None,
        };
        let here = Self {
            device_id,
            node: node.as_ref().map(|node| node.node.id),
            name: name(device.as_ref(), node.as_ref()),
            limited: session.segment == KEPT_APART,
            ..Self::of_nobody()
        };
        let mac = session.mac.as_deref();
        here.complete(state, shell, mac, node, posture.verdict)
            .await
    }

    /// A device of the person who signed in, connected or not.
    async fn of_owner(
        state: &PublicState,
        shell: &Shell,
        device: &Device,
    ) -> Result<Self, PublicFailure> {
        let filter = SessionFilter {
            open_only: true,
            device_id: Some(device.id),
            limit: SESSIONS_MAX,
            ..SessionFilter::default()
        };
        let sessions = state.store.session_list(&filter).await?;
        let node = newest(state.gate.nodes_of(device.id));
        let mut verdict = node.as_ref().map_or(Verdict::Unknown, |node| node.verdict);
        // A quarantine of a MAC address is told to who proved to be connected with it, not to who has only registered it.
        let mut mac = None;
        for session in &sessions {
            let (posture, of_session) = host(state, session, shell.now_us()).await?;
            let same =
                of_session.map(|node| node.node.id) == node.as_ref().map(|node| node.node.id);
            if same && session.segment == KEPT_APART && node.is_some() {
                // The network goes by what it can tie to the wire, and so does the sentence about it.
                verdict = posture.verdict;
            }
            if session.is_proven() {
                mac = session.mac.as_deref();
            }
        }
        let here = Self {
            device_id: Some(device.id),
            node: node.as_ref().map(|node| node.node.id),
            name: name(Some(device), node.as_ref()),
            limited: sessions.iter().any(|session| session.segment == KEPT_APART),
            ..Self::of_nobody()
        };
        here.complete(state, shell, mac, node, verdict).await
    }

    async fn complete(
        mut self,
        state: &PublicState,
        shell: &Shell,
        mac: Option<&str>,
        node: Option<NodePosture>,
        verdict: Verdict,
    ) -> Result<Self, PublicFailure> {
        let store = &state.store;
        self.quarantines(store, mac, shell.now_us()).await?;
        let exceptions = self.exceptions(store).await?;
        if let Some(node) = &node {
            self.checks(state, shell, node, &exceptions).await?;
        }
        self.condition = self.judge(state, verdict, shell.now_us()).await?;
        Ok(self)
    }

    fn of_nobody() -> Self {
        Self {
            condition: Condition::NotHere,
            device_id: None,
            node: None,
            name: String::new(),
            limited: false,
            total: 0,
            failing: Vec::new(),
            advisory: Vec::new(),
            unanswered: Vec::new(),
            excepted: Vec::new(),
            changed_us: 0,
            answered_us: None,
            heard_us: None,
            manual: None,
            manual_exception: None,
            released_us: None,
            denied: None,
            untold: Vec::new(),
        }
    }

    /// The quarantines of the device: the one that somebody decided, those not told yet, the one that has just ended.
    async fn quarantines(
        &mut self,
        store: &Store,
        mac: Option<&str>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut found = Vec::new();
        let by_device = self.device_id.map(|id| QuarantineFilter {
            device_id: Some(id),
            limit: 20,
            ..QuarantineFilter::default()
        });
        let by_mac = mac.map(|mac| QuarantineFilter {
            mac: Some(mac.to_owned()),
            limit: 20,
            ..QuarantineFilter::default()
        });
        for filter in by_device.into_iter().chain(by_mac) {
            found.extend(store.quarantine_list(&filter).await?);
        }
        found.sort_by_key(|quarantine| std::cmp::Reverse(quarantine.id));
        found.dedup_by_key(|quarantine| quarantine.id);
        let open = |quarantine: &&Quarantine| {
            let over = quarantine
                .expires_us
                .is_some_and(|expires| expires <= now_us);
            quarantine.closed_us.is_none() && !over
        };
        self.untold = found
            .iter()
            .filter(open)
            .filter(|quarantine| quarantine.told_us.is_none())
            .map(|quarantine| quarantine.id)
            .collect();
        self.manual = found
            .iter()
            .filter(open)
            .find(|quarantine| quarantine.kind != QuarantineKind::Posture)
            .cloned();
        self.released_us = found
            .iter()
            .filter_map(|quarantine| quarantine.closed_us)
            .filter(|closed| now_us.saturating_sub(*closed) < RELEASE_TOLD_US)
            .max();
        Ok(())
    }

    /// The exceptions of the device that matter here, by check; those to its quarantine and the denied ones are kept apart.
    async fn exceptions(
        &mut self,
        store: &Store,
    ) -> Result<BTreeMap<String, Exception>, StoreError> {
        let filter = ExceptionFilter::default;
        let mut filters: Vec<ExceptionFilter> = Vec::new();
        filters.extend(self.device_id.map(|id| ExceptionFilter {
            device_id: Some(id),
            ..filter()
        }));
        filters.extend(self.node.map(|id| ExceptionFilter {
            node_id: Some(id),
            ..filter()
        }));
        filters.extend(self.manual.as_ref().map(|kept| ExceptionFilter {
            quarantine_id: Some(kept.id),
            ..filter()
        }));
        let mut by_check = BTreeMap::new();
        let now_us = nac_store::now_us();
        for filter in filters {
            for exception in store.exception_list(&filter).await? {
                let open = exception.expires_us > now_us
                    && matches!(
                        exception.state,
                        ExceptionState::Requested | ExceptionState::Active
                    );
                let denied = exception.state == ExceptionState::Denied
                    && exception
                        .ended_us
                        .is_some_and(|ended| now_us.saturating_sub(ended) < DENIAL_TOLD_US);
                let newer = |known: &Option<Exception>| {
                    known.as_ref().is_none_or(|known| known.id < exception.id)
                };
                match (&exception.check, open) {
                    (Some(check), true) => {
                        by_check.insert(check.clone(), exception);
                    }
                    (None, true) => self.manual_exception = Some(exception),
                    (_, false) if denied && newer(&self.denied) => self.denied = Some(exception),
                    _ => {}
                }
            }
        }
        Ok(by_check)
    }

    /// The checks in the person's language, with what was seen.
    async fn checks(
        &mut self,
        state: &PublicState,
        shell: &Shell,
        node: &NodePosture,
        exceptions: &BTreeMap<String, Exception>,
    ) -> Result<(), StoreError> {
        let platform = node.node.platform.as_str();
        let checks = state.gate.checks();
        self.total = checks.for_platform(platform).count();
        self.heard_us = Some(node.node.last_seen_us);
        let answered = |result: &&CheckResult| result.outcome != CheckOutcome::Unknown;
        let answers = node.results.iter().filter(answered);
        self.answered_us = answers.map(|result| result.checked_us).max();
        let changes = node.results.iter().map(|result| result.changed_us);
        let granted = exceptions.values().filter_map(|one| one.approved_us);
        self.changed_us = changes.chain(granted).max().unwrap_or_default();
        let reports = state.store.check_report_list(true).await?;
        let reported: BTreeSet<&str> = reports
            .iter()
            .filter(|report| report.node_id == Some(node.node.id))
            .map(|report| report.check.as_str())
            .collect();
        let row = |name: &String| {
            let check = checks.find(name)?;
            let mut row = row(check, platform, shell.language().tag());
            let result = node.results.iter().find(|result| result.check == *name);
            row.seen_us = result.map(|result| result.checked_us);
            row.reported = reported.contains(name.as_str());
            row.exception = exceptions.get(name).cloned();
            Some(row)
        };
        let rows = |names: &[String]| -> Vec<Row> { names.iter().filter_map(row).collect() };
        self.failing = rows(&node.failing);
        self.advisory = rows(&node.advisory);
        self.unanswered = rows(&node.unanswered);
        self.excepted = rows(&node.excepted);
        Ok(())
    }

    async fn judge(
        &self,
        state: &PublicState,
        verdict: Verdict,
        now_us: i64,
    ) -> Result<Condition, StoreError> {
        let excused = self
            .manual_exception
            .as_ref()
            .is_some_and(|exception| exception.state == ExceptionState::Active);
        if self.manual.is_some() && !excused {
            return Ok(Condition::Waiting);
        }
        let Some(node) = self.node else {
            return Ok(if self.limited {
                Condition::Unknown
            } else {
                Condition::NotOurs
            });
        };
        let recheck = state.store.recheck_find(node).await?;
        if recheck.is_some_and(|recheck| recheck.is_open(now_us)) {
            return Ok(Condition::Checking);
        }
        Ok(match verdict {
            Verdict::Failing => Condition::Failing,
            Verdict::Stale => Condition::Stale,
            Verdict::Unknown => Condition::Unknown,
            Verdict::Compliant if self.limited && self.is_followed(now_us) => Condition::Restoring,
            Verdict::Compliant if !self.excepted.is_empty() => Condition::Excepted,
            Verdict::Compliant if self.released_us.is_some() => Condition::Fixed,
            Verdict::Compliant => Condition::Passing,
        })
    }

    /// Whether the network may still be about to follow.
    fn is_followed(&self, now_us: i64) -> bool {
        let released_us = self.released_us.unwrap_or_default();
        now_us.saturating_sub(self.changed_us.max(released_us)) < FOLLOWS_US
    }

    /// What an exception may be asked for: its name in the form, and for people.
    pub(super) fn rules(&self) -> Vec<(String, String)> {
        let mut rules = Vec::new();
        if self.manual.is_some() && self.manual_exception.is_none() {
            rules.push((QUARANTINE.to_owned(), String::new()));
        }
        let open = self.failing.iter().filter(|row| row.exception.is_none());
        rules.extend(open.map(|row| (row.name.clone(), row.title.clone())));
        rules
    }

    /// Whether an exception to this rule was asked for or granted.
    pub(super) fn is_asked(&self, rule: &str) -> bool {
        let of_quarantine = rule == QUARANTINE && self.manual_exception.is_some();
        of_quarantine
            || self
                .open_exceptions()
                .iter()
                .any(|(row, _)| row.name == rule)
    }

    /// What a check of this page is called.
    pub(super) fn title_of(&self, check: &str) -> Option<String> {
        let rows = [
            &self.failing,
            &self.advisory,
            &self.unanswered,
            &self.excepted,
        ];
        let row = rows.into_iter().flatten().find(|row| row.name == check);
        row.map(|row| row.title.clone())
    }

    /// Exceptions that were asked for or granted.
    pub(super) fn open_exceptions(&self) -> Vec<(&Row, &Exception)> {
        [
            &self.failing,
            &self.advisory,
            &self.unanswered,
            &self.excepted,
        ]
        .into_iter()
        .flatten()
        .filter_map(|row| Some((row, row.exception.as_ref()?)))
        .collect()
    }

    /// A text that changes whenever the page does.
    pub(super) fn stamp(&self) -> String {
        let mut stamp = format!("{:?}:{}", self.condition, u8::from(self.limited));
        for rows in [
            &self.failing,
            &self.advisory,
            &self.unanswered,
            &self.excepted,
        ] {
            stamp.push('/');
            for row in rows {
                let state = row
                    .exception
                    .as_ref()
                    .map_or("", |exception| exception.state.as_str());
                // Writing into a String cannot fail.
                let _ = write!(stamp, "{}{state},", row.name);
            }
        }
        let manual = self.manual.as_ref().map(|kept| kept.id);
        let asked = self
            .manual_exception
            .as_ref()
            .map(|asked| asked.state.as_str());
        let _ = write!(stamp, "/{manual:?}{asked:?}");
        stamp
    }
}

/// The osquery host that is tied to the session, as strongly as the server knows.
async fn host(
    state: &PublicState,
    session: &Session,
    now_us: i64,
) -> Result<(Posture, Option<NodePosture>), StoreError> {
    let decision = found(state.store.decision_fetch(session.decision_id).await)?;
    let certificate = decision
        .as_ref()
        .and_then(|decision| decision.eap.as_ref()?.certificate.as_ref());
    let subject = Subject {
        device_id: session.device_id,
        spki: certificate.map(|certificate| certificate.spki_sha256.as_str()),
        asserted_id: certificate.and_then(|certificate| certificate.device_id.as_deref()),
        identity: Some(session.identity.as_str()),
        mac: session.mac.as_deref(),
        framed_ip: session
            .framed_ip
            .as_deref()
            .and_then(|address| address.parse().ok()),
        session_started_us: Some(session.started_us),
    };
    let posture = state.gate.posture(&subject, now_us);
    // Whoever borrows a MAC address does not read what is wrong with its owner's laptop.
    let authenticated = !session.method.eq_ignore_ascii_case("mab");
    let sure = posture.binding >= SURE || (authenticated && posture.binding > 0);
    let node = posture
        .node
        .filter(|_| sure)
        .and_then(|node| state.gate.node_posture(node));
    Ok((posture, node))
}

fn name(device: Option<&Device>, node: Option<&NodePosture>) -> String {
    let device = device.map(|device| device.name.as_str());
    let host = node.map(|node| node.node.hostname.as_str());
    let named = |name: &&str| !name.trim().is_empty();
    device.filter(named).or(host).unwrap_or_default().to_owned()
}

fn row(check: &Check, platform: &str, language: &str) -> Row {
    let told = check.told(language, platform);
    let right_to_left =
        Language::from_tag(told.language).is_some_and(|language| language.is_right_to_left());
    Row {
        name: check.name.clone(),
        language: told.language.to_owned(),
        title: told.title.to_owned(),
        seen: told.seen.map(ToOwned::to_owned),
        seen_us: None,
        why: told.why.map(ToOwned::to_owned),
        steps: told
            .steps
            .into_iter()
            .map(|step| Step::read(step, right_to_left))
            .collect(),
        link: told.link.map(ToOwned::to_owned),
        takes_s: told.minutes.map(|minutes| i64::from(minutes) * 60),
        reported: false,
        exception: None,
    }
}

fn found<T>(outcome: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
