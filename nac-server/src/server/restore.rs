//! Sessions that a former run left open are live again after a restart, so that changes still reach them.

use std::sync::Arc;

use nac_policy::IdentityKind;
use nac_store::{
    DecisionRecord, EnforcementFilter, EnforcementState, Session, SessionFilter, Store, StoreError,
};

use crate::account::LiveSession;
use crate::identity::AccessContext;
use crate::snapshot::World;

/// The methods without EAP.
const PLAIN: [&str; 4] = ["PAP", "CHAP", "MS-CHAPv2", "MAB"];

/// A method's name as the static text that contexts carry.
fn method_name(name: &str) -> Option<&'static str> {
    let eap = nac_eap::method_names().iter();
    PLAIN
        .iter()
        .chain(eap)
        .copied()
        .find(|known| *known == name)
}

/// Reads the open sessions with the facts of their decisions, and closes the former run's jobs, which start anew.
pub(super) async fn sessions(store: &Store, world: &World) -> Result<Vec<LiveSession>, StoreError> {
    let filter = EnforcementFilter {
        open_only: true,
        limit: u32::MAX,
        ..EnforcementFilter::default()
    };
    for mut job in store.enforcement_list(&filter).await? {
        // What a person asked for a moment ago is still meant; the enforcer takes it up.
        if job.action.is_some() && job.is_fresh() {
            continue;
        }
        job.state = EnforcementState::Superseded;
        job.proof = Some("the server restarted and looks again".to_owned());
        store.enforcement_put(&job).await?;
    }
    let mut restored = Vec::new();
    for session in store.session_list(&SessionFilter::open()).await? {
        match store.decision_fetch(session.decision_id).await {
            Ok(decision) => {
                restored.extend(restore(world, session, &decision));
            }
            // Its decision was pruned or not yet replayed from the spool: the next authentication makes a new session.
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(restored)
}

fn restore(world: &World, session: Session, decision: &DecisionRecord) -> Option<LiveSession> {
    let facts = decision.facts.as_ref()?;
    let method = method_name(&session.method)?;
    let snapshot = world.snapshot().clone();
    // A NAS that is no client any more cannot be moved.
    let client = snapshot
        .clients
        .of_session(&session.client, session.nas_source.ip(), None)?;
    // What it was told is known from its decision alone. Words that the segment has lost since then go
    // unnoticed; words that are new make it other than what is wanted.
    let answer = snapshot
        .segments
        .answer(&session.segment, client.profile)
        .map(|answer| match answer.is_within(&decision.attributes) {
            true => Arc::clone(answer),
            false => Arc::default(),
        });
    let certificate = decision
        .eap
        .as_ref()
        .and_then(|eap| eap.certificate.clone())
        .map(Arc::new);
    let machine = decision
        .eap
        .as_ref()
        .and_then(|eap| eap.machine.clone())
        .map(Arc::new);
    let source = match facts.identity.kind {
        IdentityKind::Mac => "mac",
        _ if nac_eap::is_by_certificate(method) => "certificate",
        _ => "local",
    };
    let context = AccessContext {
        kind: facts.identity.kind,
        name: facts.identity.name.clone(),
        source,
        method,
        second_factor: facts.second_factor,
        certificate,
        machine,
        realm: facts.realm.clone(),
        outer_realm: facts.outer_realm.clone(),
        mac: session.mac.as_deref().and_then(|mac| mac.parse().ok()),
        nas: facts.nas.clone(),
    };
    Some(LiveSession {
        id: session.id,
        context: Arc::new(context),
        segment: session.segment,
        answer,
        decision_id: session.decision_id,
        policy_version: session.policy_version,
        mac: session.mac,
        nas_source: session.nas_source,
        transport: None,
        nas_address: session.nas_address,
        identifiers: session.attributes,
        user_name: session.user_name,
        device_id: session.device_id,
        framed_ip: session.framed_ip.and_then(|address| address.parse().ok()),
        started_us: session.started_us,
        admitted_us: session.started_us,
        updated_us: session.updated_us,
        counted: None,
    })
}

#[cfg(test)]
mod tests {
    use super::method_name;

    #[test]
    fn a_session_of_any_method_comes_back() {
        for name in nac_eap::method_names().iter().chain(&super::PLAIN) {
            assert_eq!(method_name(name), Some(*name));
        }
        assert_eq!(method_name("EAP-MD5"), None);
    }

    #[test]
    fn a_policy_may_name_every_method() {
        let segments = ["staff".to_owned()];
        for name in nac_eap::method_names().iter().chain(&super::PLAIN) {
            let text = format!(
                "@id(\"p\") @segment(\"staff\") permit (principal is User in Group::\"staff\", \
                 action == Action::\"connect\", resource) when {{ context.method == \"{name}\" }};"
            );
            let engine = nac_policy::Engine::load(&text, &segments).expect("a policy");
            let doubts: Vec<String> = engine.warnings().iter().map(ToString::to_string).collect();
            assert!(
                doubts.iter().all(|doubt| !doubt.contains(name)),
                "{doubts:?}"
            );
        }
    }
}
