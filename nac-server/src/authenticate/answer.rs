//! The answer: ruling → attributes → sealed reply, with its session and its decision record.

use std::sync::Arc;
use std::time::Instant;

use nac_eap::Conversation;
use nac_policy::IdentityKind;
use nac_radius::vendor::microsoft;
use nac_radius::{
    Code, Dictionary, DoesNotFit, EncodeError, MAX_PACKET_LEN, MacAddr, Packet, PacketBuilder,
    attribute,
};
use nac_store::{
    CertificateDetails, DecisionOutcome, DecisionRecord, EapDetails, MachineDetails, SecretBytes,
    Timings, now_us,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::request::{Freshness, Request, described, identifiers};
use super::{Authenticator, random};
use crate::account::Admission;
use crate::identity::realm::realm_of;
use crate::identity::{AccessContext, Assessment, assess};
use crate::ocsp::Standing;
use crate::reason::Refusal;
use crate::snapshot::segments::SegmentAnswer;

/// An EAP-Success of four octets in its attribute (RFC 3748 section 4.2).
const EAP_SUCCESS_ATTRIBUTE: usize = 6;

/// Somebody who proved who they are. Nothing is granted yet.
pub(super) struct Authenticated {
    pub(super) kind: IdentityKind,
    pub(super) name: String,
    pub(super) source: &'static str,
    pub(super) method: &'static str,
    /// The MAC that MAB authenticated; otherwise Calling-Station-Id counts.
    pub(super) mac: Option<MacAddr>,
    /// A code of an authenticator app was checked as well.
    pub(super) second_factor: bool,
    pub(super) certificate: Option<Arc<CertificateDetails>>,
    pub(super) machine: Option<Arc<MachineDetails>>,
    /// The realm of the name that was proven, and of the one outside the tunnel.
    pub(super) realm: String,
    pub(super) outer_realm: String,
    pub(super) eap: Option<EapAnswer>,
    /// Vendor attributes of the method itself.
    pub(super) vendor: Vec<(u32, u8, Vec<u8>)>,
    /// MS-CHAPv2's session keys, send then receive.
    pub(super) mppe: Option<([u8; 16], [u8; 16])>,
    pub(super) credential_us: u64,
}

/// What EAP adds to the answer.
pub(super) struct EapAnswer {
    pub(super) msk: Zeroizing<[u8; 64]>,
    pub(super) session_id: Vec<u8>,
    pub(super) tls_version: &'static str,
    pub(super) cipher_suite: String,
    pub(super) resumed: bool,
    pub(super) rounds: u16,
}

impl Authenticated {
    pub(super) fn new(
        kind: IdentityKind,
        name: String,
        source: &'static str,
        method: &'static str,
    ) -> Self {
        Self {
            kind,
            name,
            source,
            method,
            mac: None,
            second_factor: false,
            certificate: None,
            machine: None,
            realm: String::new(),
            outer_realm: String::new(),
            eap: None,
            vendor: Vec::new(),
            mppe: None,
            credential_us: 0,
        }
    }

    /// By a name that was sent without a tunnel, so that there is no other.
    pub(super) fn in_realm_of(self, name: &str) -> Self {
        let realm = realm_of(name);
        Self {
            outer_realm: realm.clone(),
            realm,
            ..self
        }
    }
}

/// Decides about somebody authenticated without EAP.
pub(super) fn conclude(
    authenticator: &Authenticator,
    request: &Request,
    authenticated: Authenticated,
) -> Vec<u8> {
    decide(authenticator, request, authenticated, None)
}

/// Decides about somebody authenticated by EAP, while EAP-Success is not sent yet.
pub(super) fn conclude_eap(
    authenticator: &Authenticator,
    request: &Request,
    authenticated: Authenticated,
    conversation: &mut Conversation,
) -> Vec<u8> {
    decide(authenticator, request, authenticated, Some(conversation))
}

fn decide(
    authenticator: &Authenticator,
    request: &Request,
    authenticated: Authenticated,
    mut conversation: Option<&mut Conversation>,
) -> Vec<u8> {
    let snapshot = authenticator.world.snapshot();
    let packet = request.packet();
    let context = Arc::new(AccessContext {
        kind: authenticated.kind,
        name: authenticated.name.clone(),
        source: authenticated.source,
        method: authenticated.method,
        second_factor: authenticated.second_factor,
        certificate: authenticated.certificate.clone(),
        machine: authenticated.machine.clone(),
        realm: authenticated.realm.clone(),
        outer_realm: authenticated.outer_realm.clone(),
        mac: authenticated.mac.or(request.mac),
        nas: request.nas(&packet),
    });
    let sessions = &authenticator.sessions;
    let live = sessions.of_station(request.origin.source.ip(), &context);
    // Only who goes on with a session is seen at its address.
    let continued = sessions.continued(live, &context, &packet);
    let assessment = assess(
        &snapshot,
        &authenticator.world.directory,
        &authenticator.gate,
        &context,
        continued
            .as_ref()
            .map(|session| (session.framed_ip, session.started_us)),
        sessions.is_in_two_places(context.mac),
        Standing::Entering,
    );
    if assessment.facts.realm_mismatch {
        tracing::info!(client = %request.client.name, identity = %context.name, realm = %context.realm,
            outer_realm = %context.outer_realm, "the realm outside the tunnel is not that of who logs in");
    }
    let ruling = assessment.ruling.clone().and_then(|segment| {
        match snapshot.segments.answer(&segment, request.client.profile) {
            Some(answer) => Ok((segment, answer.clone())),
            None => Err(Refusal::missing_segment(&segment)),
        }
    });
    let mut record = Record::new(&packet, request, &context, Some(&assessment));
    record.policy_version = snapshot.policy.version;
    record.credential_us = authenticated.credential_us;
    record.eap = authenticated.eap.as_ref().map(|eap| EapDetails {
        tls_version: eap.tls_version.to_owned(),
        cipher_suite: eap.cipher_suite.clone(),
        resumed: eap.resumed,
        rounds: eap.rounds,
        certificate: context.certificate.as_deref().cloned(),
        machine: context.machine.as_deref().cloned(),
    });
    match ruling {
        Ok((segment, answer)) => {
            let session = continued.map_or_else(Uuid::now_v7, |session| session.id);
            let told = answer.told_to(session, &authenticator.world.links);
            // RFC 4372 section 2.1: only who asks is told.
            let chargeable = packet
                .attribute(attribute::CHARGEABLE_USER_IDENTITY)
                .map(|_| {
                    authenticator
                        .world
                        .chargeable
                        .of(context.kind, &context.name)
                });
            let sealed = accept(
                request,
                &packet,
                &context,
                &authenticated,
                &told,
                &authenticator.psks.told(
                    context.mac,
                    &assessment.psks,
                    request.client.profile,
                    request.arrived,
                ),
                session,
                chargeable.as_deref(),
                conversation.as_deref_mut(),
            );
            match sealed {
                Ok(reply) => {
                    admit(
                        authenticator,
                        request,
                        &packet,
                        context,
                        assessment,
                        (&segment, answer),
                        session,
                        &record,
                    );
                    record.finish(authenticator, request, &reply, Ok(segment), Some(session));
                    reply
                }
                Err(_) => {
                    let failure = conversation.map(Conversation::refuse);
                    let refusal = Refusal::answer_too_long();
                    let failure = failure.as_deref();
                    record.refuse(authenticator, request, &packet, refusal, &[], failure)
                }
            }
        }
        Err(refusal) => {
            let failure = conversation.map(Conversation::refuse);
            record.refuse(
                authenticator,
                request,
                &packet,
                refusal,
                &[],
                failure.as_deref(),
            )
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "each is one part of the answer, used once"
)]
fn accept(
    request: &Request,
    packet: &Packet<'_>,
    context: &AccessContext,
    authenticated: &Authenticated,
    answer: &SegmentAnswer,
    psks: &[SecretBytes],
    session: Uuid,
    chargeable: Option<&str>,
    conversation: Option<&mut Conversation>,
) -> Result<Vec<u8>, DoesNotFit> {
    let secret = request.secret();
    let mut reply = PacketBuilder::reply(Code::AccessAccept, packet);
    // User data is echoed only where no forger can have put it (draft-ietf-radext-deprecating-radius).
    let unforged = request.client.requires_message_authenticator() || request.origin.is_radsec();
    if unforged && context.kind != IdentityKind::Mac {
        reply.push_text(attribute::USER_NAME, &context.name)?;
    }
    if let Some(chargeable) = chargeable {
        reply.push_text(attribute::CHARGEABLE_USER_IDENTITY, chargeable)?;
    }
    reply.push(attribute::CLASS, session.as_bytes())?;
    for (number, value) in &answer.encoded {
        reply.push(*number, value)?;
    }
    for (vendor, number, value) in &authenticated.vendor {
        reply.push_vendor(*vendor, *number, value)?;
    }
    let authenticator = packet.authenticator();
    let salts = two_salts();
    let both = psks.iter().zip(salts);
    for (psk, salt) in both {
        push_psk(&mut reply, request, psk, salt, authenticator)?;
    }
    if let Some(eap) = &authenticated.eap {
        reply.push_mppe_keys(&eap.msk, salts, authenticator, secret)?;
        // RFC 4072 section 2.8: only who asks gets the Session-Id.
        if packet.attribute(attribute::EAP_KEY_NAME).is_some() {
            reply.push(attribute::EAP_KEY_NAME, &eap.session_id)?;
        }
    }
    if let Some((send, receive)) = &authenticated.mppe {
        reply.push_mppe_key(
            microsoft::MPPE_SEND_KEY,
            send,
            salts[0],
            authenticator,
            secret,
        )?;
        reply.push_mppe_key(
            microsoft::MPPE_RECV_KEY,
            receive,
            salts[1],
            authenticator,
            secret,
        )?;
    }
    if let Some(conversation) = conversation {
        if reply.length() + EAP_SUCCESS_ATTRIBUTE > MAX_PACKET_LEN {
            return Err(DoesNotFit::Packet {
                number: attribute::EAP_MESSAGE,
            });
        }
        // The TLS session becomes resumable only now, when nothing keeps the answer from being sent any more.
        reply.push_eap_message(&conversation.accept())?;
    }
    Ok(reply.seal(secret))
}

/// The device's own Wi-Fi key in the words of the vendor. Records mask it.
fn push_psk(
    reply: &mut PacketBuilder,
    request: &Request,
    psk: &SecretBytes,
    salt: [u8; 2],
    authenticator: &[u8; 16],
) -> Result<(), DoesNotFit> {
    let passphrase = Zeroizing::new(String::from_utf8_lossy(psk.expose()).into_owned());
    let secret = request.secret();
    for (name, value) in request.client.profile.psk(&passphrase) {
        let dictionary = Dictionary::embedded();
        match dictionary.encode_secret(reply, name, &value, salt, authenticator, secret) {
            Ok(()) => {}
            Err(EncodeError::DoesNotFit { source, .. }) => return Err(source),
            // A test encodes every attribute of every profile.
            Err(error) => tracing::error!(attribute = name, %error, "a Wi-Fi key cannot be told"),
        }
    }
    Ok(())
}

/// Two different salts; the first bit is set by RFC 2548 section 2.4.2's rule.
fn two_salts() -> [[u8; 2]; 2] {
    let [high, low] = random::<2>();
    [[high | 0x80, low], [high | 0x80, low ^ 1]]
}

#[expect(
    clippy::too_many_arguments,
    reason = "each is one fact of the admission, used once"
)]
fn admit(
    authenticator: &Authenticator,
    request: &Request,
    packet: &Packet<'_>,
    context: Arc<AccessContext>,
    assessment: Assessment,
    (segment, answer): (&str, Arc<SegmentAnswer>),
    session: Uuid,
    record: &Record,
) {
    authenticator.sessions.admitted(Admission {
        id: session,
        context,
        segment: segment.to_owned(),
        answer,
        decision_id: record.id,
        policy_version: record.policy_version,
        nas_source: request.origin.source,
        transport: request.origin.transport,
        nas_address: request.nas_address(packet),
        identifiers: identifiers(&record.request),
        user_name: request.user_name.clone(),
        device_id: assessment.device.map(|device| device.id),
    });
}

/// Refuses before anybody is known.
pub(super) fn refuse_plain(
    authenticator: &Authenticator,
    request: &Request,
    refusal: Refusal,
) -> Vec<u8> {
    refuse(authenticator, request, "none", &request.user_name, refusal)
}

/// Refuses a method without EAP.
pub(super) fn refuse(
    authenticator: &Authenticator,
    request: &Request,
    method: &'static str,
    name: &str,
    refusal: Refusal,
) -> Vec<u8> {
    refuse_with(authenticator, request, method, name, refusal, &[])
}

/// Refuses with what the method has to say about it.
pub(super) fn refuse_with(
    authenticator: &Authenticator,
    request: &Request,
    method: &'static str,
    name: &str,
    refusal: Refusal,
    vendor: &[(u32, u8, Vec<u8>)],
) -> Vec<u8> {
    let packet = request.packet();
    let context = unauthenticated(request, &packet, method, name);
    Record::new(&packet, request, &context, None).refuse(
        authenticator,
        request,
        &packet,
        refusal,
        vendor,
        None,
    )
}

/// Refuses with an EAP-Failure.
pub(super) fn refuse_eap(
    authenticator: &Authenticator,
    request: &Request,
    method: &'static str,
    name: &str,
    refusal: Refusal,
    failure: &[u8],
    credential_us: u64,
) -> Vec<u8> {
    let packet = request.packet();
    let context = unauthenticated(request, &packet, method, name);
    let mut record = Record::new(&packet, request, &context, None);
    record.credential_us = credential_us;
    record.refuse(authenticator, request, &packet, refusal, &[], Some(failure))
}

fn unauthenticated(
    request: &Request,
    packet: &Packet<'_>,
    method: &'static str,
    name: &str,
) -> AccessContext {
    AccessContext {
        kind: IdentityKind::None,
        name: name.to_owned(),
        source: "",
        method,
        second_factor: false,
        certificate: None,
        machine: None,
        realm: String::new(),
        outer_realm: String::new(),
        mac: request.mac,
        nas: request.nas(packet),
    }
}

/// A decision record in the making.
struct Record {
    id: Uuid,
    request: Vec<(String, String)>,
    identity: String,
    method: &'static str,
    mac: Option<String>,
    nas_address: String,
    policy_version: i64,
    facts: Option<Arc<nac_policy::Facts>>,
    decision: Option<Arc<nac_policy::Decision>>,
    eap: Option<EapDetails>,
    policy_us: u64,
    credential_us: u64,
    station: AccessContext,
    /// Whether the station proved who it is.
    known: bool,
}

impl Record {
    fn new(
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

    /// Seals an Access-Reject: nothing in it but what RFC 3579 section 2.6.5 allows.
    fn refuse(
        self,
        authenticator: &Authenticator,
        request: &Request,
        packet: &Packet<'_>,
        refusal: Refusal,
        vendor: &[(u32, u8, Vec<u8>)],
        eap_failure: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut reply = PacketBuilder::reply(Code::AccessReject, packet);
        if let Some(failure) = eap_failure {
            let _ = reply.push_eap_message(failure);
        }
        for (vendor, number, value) in vendor {
            let _ = reply.push_vendor(*vendor, *number, value);
        }
        let reply = reply.seal(request.secret());
        let (sessions, nas) = (&authenticator.sessions, request.origin.source.ip());
        if self.known {
            sessions.refused(nas, &self.station, self.id);
        } else if request.freshness != Freshness::Unknown {
            let is_certain = request.freshness == Freshness::Certain;
            sessions.refused_unknown(nas, &self.station, packet, self.id, is_certain);
        }
        self.finish(authenticator, request, &reply, Err(refusal), None);
        reply
    }

    /// Hands the record to the writer.
    fn finish(
        self,
        authenticator: &Authenticator,
        request: &Request,
        reply: &[u8],
        result: Result<String, Refusal>,
        session_id: Option<Uuid>,
    ) {
        let attributes = Packet::parse_as(request.origin.version(), reply)
            .map(|reply| described(&reply))
            .unwrap_or_default();
        let (outcome, segment, refusal) = match result {
            Ok(segment) => (DecisionOutcome::Accept, Some(segment), None),
            Err(refusal) => (DecisionOutcome::Reject, None, Some(refusal)),
        };
        authenticator.metrics.decided(
            outcome,
            self.method,
            refusal.as_ref().map(|refusal| refusal.code),
            request.arrived,
        );
        let record = DecisionRecord {
            id: self.id,
            at_us: now_us(),
            client: request.client.name.clone(),
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
        log(&record);
        authenticator.writer.decision(&record);
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

/// Microseconds since `began`.
pub(super) fn micros(began: Instant) -> u64 {
    began.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
}
