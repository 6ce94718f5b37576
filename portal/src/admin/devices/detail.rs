//! One device: what it is recognised by, where it is now, its posture, and what happened to it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use nac_store::{
    AuditFilter, DecisionFilter, Device, DeviceIdentifier, DeviceState, EnforcementFilter,
    Exception, ExceptionFilter, PskState, Quarantine, QuarantineFilter, Session, SessionFilter,
    Supplicant, now_us,
};
use uuid::Uuid;

use super::{Account, AdminState, Chrome, Moment, Place, Problem, psk, render};
use crate::access::Permission;
use crate::admin::host::Host;
use crate::admin::job::Job;
use crate::admin::listing::PAGE;
use crate::explain;
use crate::web::Failure;

/// Of how many MAC addresses the decisions are looked for.
const MACS_MAX: usize = 8;

/// Something that happened.
struct Happening {
    at_us: i64,
    at: Moment,
    kind: &'static str,
    tone: String,
    text: String,
    link: Option<String>,
}

impl Happening {
    fn new(at_us: i64, kind: &'static str, tone: impl ToString, text: impl Into<String>) -> Self {
        Self {
            at_us,
            at: Moment(at_us),
            kind,
            tone: tone.to_string(),
            text: text.into(),
            link: None,
        }
    }

    fn to(self, link: String) -> Self {
        Self {
            link: Some(link),
            ..self
        }
    }
}

#[derive(Template)]
#[template(path = "admin/device/detail.html")]
struct DetailPage {
    chrome: Chrome,
    device: Device,
    state: DeviceState,
    expires: Option<Moment>,
    added: Moment,
    lost: Option<Moment>,
    identifiers: Vec<(DeviceIdentifier, Moment)>,
    /// Which of its addresses were let in by 802.1X, so that they may not be meant to come without.
    supplicants: Vec<(Supplicant, Moment)>,
    session: Option<(Session, Moment)>,
    hosts: Vec<Host>,
    quarantines: Vec<(Quarantine, Moment)>,
    exceptions: Vec<(Exception, Moment)>,
    keys: Vec<psk::Key>,
    /// The Wi-Fi networks for which it may have a key of its own.
    networks: Vec<String>,
    timeline: Vec<Happening>,
    may_change: bool,
    may_quarantine: bool,
}

pub(super) async fn page(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let store = &state.store;
    let device = store.device_fetch(id).await?;
    let session = store
        .session_list(&SessionFilter {
            open_only: true,
            device_id: Some(id),
            limit: 1,
            ..SessionFilter::default()
        })
        .await?
        .pop();
    let quarantines = store
        .quarantine_list(&QuarantineFilter {
            device_id: Some(id),
            limit: PAGE,
            ..QuarantineFilter::default()
        })
        .await?;
    let exceptions = store
        .exception_list(&ExceptionFilter {
            device_id: Some(id),
            open_only: true,
            limit: PAGE,
            ..ExceptionFilter::default()
        })
        .await?;
    let supplicants = store.supplicants_of(&device).await?;
    let (keys, networks) = psk::of_device(&state, &device).await?;
    let timeline = timeline(&state, &account, &device, &quarantines).await?;
    let now = now_us();
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, device.name.clone(), Place::Devices).await,
        state: device.state(now),
        expires: device.expires_us.map(Moment),
        added: Moment(device.created_us),
        lost: device.lost_us.map(Moment),
        identifiers: device
            .identifiers
            .iter()
            .map(|known| (known.clone(), Moment(known.last_seen_us)))
            .collect(),
        supplicants: supplicants
            .into_iter()
            .map(|known| {
                let seen = Moment(known.seen_us);
                (known, seen)
            })
            .collect(),
        session: session.map(|session| {
            let started = Moment(session.started_us);
            (session, started)
        }),
        hosts: Host::of_device(&state, id),
        quarantines: quarantines
            .into_iter()
            .filter(|quarantine| quarantine.closed_us.is_none())
            .map(|quarantine| {
                let since = Moment(quarantine.opened_us);
                (quarantine, since)
            })
            .collect(),
        exceptions: exceptions
            .into_iter()
            .map(|exception| {
                let until = Moment(exception.expires_us);
                (exception, until)
            })
            .collect(),
        keys,
        networks,
        timeline,
        may_change: account.may(Permission::DeviceChange),
        may_quarantine: account.may(Permission::QuarantineChange),
        device,
    })
}

/// What happened to the device, newest first.
async fn timeline(
    state: &AdminState,
    account: &Account,
    device: &Device,
    quarantines: &[Quarantine],
) -> Result<Vec<Happening>, Failure> {
    let store = &state.store;
    let mut all = Vec::new();
    let of_device = DecisionFilter {
        device_id: Some(device.id),
        limit: PAGE,
        ..DecisionFilter::default()
    };
    let mut decisions = store.decision_list(&of_device).await?;
    // Those from before it was known, too.
    for mac in device.macs.iter().take(MACS_MAX) {
        let of_address = DecisionFilter {
            mac: Some(mac.clone()),
            limit: PAGE,
            ..DecisionFilter::default()
        };
        decisions.extend(store.decision_list(&of_address).await?);
    }
    let mut known = std::collections::HashSet::new();
    decisions.retain(|decision| known.insert(decision.id));
    all.extend(decisions.iter().map(|decision| {
        let reason = match decision.outcome {
            nac_store::DecisionOutcome::Accept => String::new(),
            nac_store::DecisionOutcome::Reject => format!(": {}", decision.reason),
        };
        let text = format!(
            "{} at {} by {}{reason}",
            explain::headline(decision),
            decision.client,
            decision.method
        );
        Happening::new(decision.at_us, "decision", decision.outcome, text)
            .to(format!("/log/{}", decision.id))
    }));
    let enforcements = store
        .enforcement_list(&EnforcementFilter {
            device_id: Some(device.id),
            limit: PAGE,
            ..EnforcementFilter::default()
        })
        .await?;
    all.extend(enforcements.into_iter().map(|enforcement| {
        let link = format!("/sessions/{}", enforcement.session_id);
        let job = Job::from(enforcement);
        let text = format!("{}: {}, because {}", job.purpose, job.progress, job.reason);
        Happening::new(job.at_us, "enforcement", job.state, text).to(link)
    }));
    for quarantine in quarantines {
        let link = format!("/quarantine/{}", quarantine.id);
        let text = format!("opened by {}: {}", quarantine.opened_by, quarantine.reason);
        all.push(
            Happening::new(quarantine.opened_us, "quarantine", "quarantine", text).to(link.clone()),
        );
        if let Some(closed) = quarantine.closed_us {
            let by = quarantine.closed_by.as_deref().unwrap_or("somebody");
            all.push(
                Happening::new(closed, "quarantine", "good", format!("ended by {by}")).to(link),
            );
        }
    }
    if account.may(Permission::AuditRead) {
        // What was said of its addresses, too.
        let addresses = device.macs.iter().take(MACS_MAX);
        let mut objects: Vec<String> = addresses.map(|mac| format!("supplicant:{mac}")).collect();
        objects.push(format!("device:{}", device.id));
        for object in objects {
            let records = store
                .audit_list(&AuditFilter {
                    object: Some(object.clone()),
                    limit: PAGE,
                    ..AuditFilter::default()
                })
                .await?;
            all.extend(records.into_iter().map(|record| {
                let text = format!(
                    "{} by {}:{}",
                    record.action, record.actor_kind, record.actor
                );
                Happening::new(record.at_us, "change", "plain", text)
                    .to(format!("/audit?object={object}"))
            }));
        }
    }
    all.sort_by_key(|happening| std::cmp::Reverse(happening.at_us));
    all.truncate(2 * PAGE as usize);
    Ok(all)
}
