//! The decision record: what was asked and answered, and why.
//!
//! *Invariant*: every decision is in a record, by itself or in the number of those like it ([`super::repeats`]).

use std::sync::Arc;
use std::time::Instant;

use nac_radius::Packet;
use nac_store::{DecisionOutcome, DecisionRecord, EapDetails, Timings, now_us};
use uuid::Uuid;

use super::Authenticator;
use super::answer::{micros, sealed_reject};
use super::repeats::Held;
use super::request::{Freshness, Request, described};
use crate::identity::{AccessContext, Assessment};
use crate::reason::Refusal;

/// A decision record in the making.
pub(super) struct Record {
    pub(super) id: Uuid,
    pub(super) request: Vec<(String, String)>,
    identity: String,
    method: &'static str,
    mac: Option<String>,
    nas_address: String,
    pub(super) policy_version: i64,
    facts: Option<Arc<nac_policy::Facts>>,
    decision: Option<Arc<nac_policy::Decision>>,
    pub(super) eap: Option<EapDetails>,
    policy_us: u64,
    pub(super) credential_us: u64,
    station: AccessContext,
    /// Whether the station proved who it is.
    known: bool,
}

impl Record {
    pub(super) fn new(
        packet: &Packet<'_>,
        request: &Request,
        context: &AccessContext,
        assessment: Option<&Assessment>,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            request: described(packet),
            identity: context.name.clone(),
            method: context.method,
            mac: context.mac.map(|mac| mac.to_string()),
            nas_address: request.nas_address(packet).to_string(),
            policy_version: 0,
            facts: assessment.map(|assessment| assessment.facts.clone()),
            decision: assessment.and_then(|assessment| assessment.decision.clone()),
            eap: None,
            policy_us: assessment.map_or(0, |assessment| assessment.policy_us),
            credential_us: 0,
            station: context.clone(),
            known: assessment.is_some(),
        }
    }

    /// Seals an Access-Reject, and ends what the station had.
    pub(super) fn refuse(
        self,
        authenticator: &Authenticator,
        request: &Request,
        packet: &Packet<'_>,
        refusal: Refusal,
        vendor: &[(u32, u8, Vec<u8>)],
        eap_failure: Option<&[u8]>,
    ) -> Vec<u8> {
        let reply = sealed_reject(request, packet, vendor, eap_failure);
        let (sessions, nas) = (&authenticator.sessions, request.origin.source.ip());
        if self.known {
            sessions.refused(nas, &self.station, self.id);
        } else {
            end_session_unknown(authenticator, request, packet, &self.station, self.id);
        }
        self.finish(authenticator, request, &reply, Err(refusal), None);
        reply
    }

    /// Hands the record to the writer. The reply is empty where none was sent.
    pub(super) fn finish(
        self,
        authenticator: &Authenticator,
        request: &Request,
        reply: &[u8],
        result: Result<String, Refusal>,
        session_id: Option<Uuid>,
    ) {
        let (outcome, segment, refusal) = match result {
            Ok(segment) => (DecisionOutcome::Accept, Some(segment), None),
            Err(refusal) => (DecisionOutcome::Reject, None, Some(refusal)),
        };
        authenticator.metrics.decided(
            outcome,
            self.method,
            refusal.as_ref().map(|refusal| refusal.code),
            (!reply.is_empty()).then_some(request.arrived),
        );
        let client = &request.client.name;
        if let Some(refusal) = &refusal {
            let whose = whose(self.mac.as_deref(), &self.identity);
            let example = || self.example(request, refusal);
            let repeats = &authenticator.repeats;
            if !repeats.tells(client, whose, refusal.code, Instant::now(), example) {
                return;
            }
        }
        let attributes = Packet::parse_as(request.origin.version(), reply)
            .map(|reply| described(&reply))
            .unwrap_or_default();
        let record = DecisionRecord {
            id: self.id,
            at_us: now_us(),
            client: client.clone(),
            nas_address: self.nas_address,
            mac: self.mac,
            user_name: request.user_name.clone(),
            identity: self.identity,
            method: match self.station.second_factor {
                true => format!("{}+TOTP", self.method),
                false => self.method.to_owned(),
            },
            offer: request.offer.as_deref().unwrap_or_default().to_owned(),
            outcome,
            segment,
            reason_code: refusal
                .as_ref()
                .map_or("NAC-0000", |refusal| refusal.code)
                .to_owned(),
            reason: refusal.as_ref().map_or_else(
                || "permitted".to_owned(),
                |refusal| refusal.sentence.clone(),
            ),
            remedy: refusal
                .as_ref()
                .map_or("", |refusal| refusal.remedy)
                .to_owned(),
            policy_version: self.policy_version,
            facts: self.facts,
            decision: self.decision,
            attributes,
            request: self.request,
            eap: self.eap,
            timings: Timings {
                total_us: micros(request.arrived),
                policy_us: self.policy_us,
                credential_us: self.credential_us,
            },
            session_id,
        };
        tell(authenticator, &record);
    }

    /// What is told of many refusals that are like this one: not what each of them was asked, and when.
    fn example(&self, request: &Request, refusal: &Refusal) -> DecisionRecord {
        DecisionRecord {
            id: self.id,
            at_us: 0,
            client: request.client.name.clone(),
            nas_address: self.nas_address.clone(),
            mac: self.mac.clone(),
            user_name: request.user_name.clone(),
            identity: self.identity.clone(),
            method: self.method.to_owned(),
            offer: request.offer.as_deref().unwrap_or_default().to_owned(),
            outcome: DecisionOutcome::Reject,
            segment: None,
            reason_code: refusal.code.to_owned(),
            reason: refusal.sentence.clone(),
            remedy: refusal.remedy.to_owned(),
            policy_version: self.policy_version,
            facts: self.facts.clone(),
            decision: self.decision.clone(),
            attributes: Vec::new(),
            request: Vec::new(),
            eap: None,
            timings: Timings {
                total_us: 0,
                policy_us: 0,
                credential_us: 0,
            },
            session_id: None,
        }
    }
}

fn tell(authenticator: &Authenticator, record: &DecisionRecord) {
    log(record);
    authenticator.writer.decision(record);
}

/// The one whose refusals are told a few times a minute only.
fn whose<'a>(mac: Option<&'a str>, identity: &'a str) -> &'a str {
    mac.unwrap_or(identity)
}

/// Tells of the refusals of somebody who is let in now, as far as they were held back.
pub(super) fn tell_held(authenticator: &Authenticator, request: &Request, context: &AccessContext) {
    let mac = context.mac.map(|mac| mac.to_string());
    let whose = whose(mac.as_deref(), &context.name);
    let held = authenticator.repeats.let_in(&request.client.name, whose);
    told_together(authenticator, held);
}

/// Tells of refusals that were not told one by one.
pub(super) fn told_together(authenticator: &Authenticator, held: Vec<Held<DecisionRecord>>) {
    for Held {
        example,
        count,
        mixed,
    } in held
    {
        let of = if mixed { " of several stations" } else { "" };
        let record = DecisionRecord {
            id: Uuid::now_v7(),
            at_us: now_us(),
            reason: format!(
                "{}; {count} more like this{of} in the last minute",
                example.reason
            ),
            ..example
        };
        tell(authenticator, &record);
    }
}

/// One line: refusals always, for somebody may be waiting at a port; accepts when they are wanted, for every one of them is in the
/// records, and `nac tail` shows them.
fn log(record: &DecisionRecord) {
    macro_rules! decided {
        ($level:ident) => {
            tracing::$level!(
                client = %record.client,
                mac = record.mac.as_deref().unwrap_or(""),
                identity = %record.identity,
                method = %record.method,
                outcome = ?record.outcome,
                segment = record.segment.as_deref().unwrap_or(""),
                code = %record.reason_code,
                reason = %record.reason,
                decision = %record.id,
                "decided"
            )
        };
    }
    match record.outcome {
        DecisionOutcome::Accept => decided!(debug),
        DecisionOutcome::Reject => decided!(info),
    }
}

/// Ends the session of a station that was refused before anybody was known, as far as the request is no recorded one.
pub(super) fn end_session_unknown(
    authenticator: &Authenticator,
    request: &Request,
    packet: &Packet<'_>,
    station: &AccessContext,
    decision: Uuid,
) {
    let is_certain = match request.freshness {
        Freshness::Unknown => return,
        Freshness::Possible => false,
        Freshness::Certain => true,
    };
    let nas = request.origin.source.ip();
    authenticator
        .sessions
        .refused_unknown(nas, station, packet, decision, is_certain);
}
