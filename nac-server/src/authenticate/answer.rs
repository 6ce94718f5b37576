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
use nac_store::{CertificateDetails, EapDetails, MachineDetails, SecretBytes};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::record::{Record, end_session_unknown, tell_held};
use super::request::{Request, identifiers};
use super::{Authenticator, random};
use crate::account::Admission;
use crate::identity::realm::realm_of;
use crate::identity::{AccessContext, Assessment, Doubts, assess};
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
        Doubts {
            in_two_places: sessions.is_in_two_places(context.mac),
            downgraded: authenticator.world.supplicants.is_missing(&context),
        },
        Standing::Entering,
    );
    if assessment.facts.device.downgraded {
        authenticator.metrics.downgrades.inc();
        let complaints = &request.client.complaints.downgraded;
        let may_speak = || complaints.may_speak(request.origin.source.ip());
        authenticator.world.supplicants.warn(&context, may_speak);
    }
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
    if ruling.is_ok() {
        // What was held back of its refusals comes before this decision.
        tell_held(authenticator, request, &context);
    }
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
        reply.push_eap_message(&conversation.accept(&context.name))?;
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
    if record.eap.is_some()
        && let Some(mac) = context.mac
    {
        authenticator.world.supplicants.seen(mac, context.method);
    }
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

/// Refuses a method without EAP, after so many microseconds in the check of its credential.
pub(super) fn refuse_checked(
    authenticator: &Authenticator,
    request: &Request,
    method: &'static str,
    name: &str,
    refusal: Refusal,
    credential_us: u64,
) -> Vec<u8> {
    let packet = request.packet();
    let record = record_of_unknown(request, &packet, method, name, credential_us);
    record.refuse(authenticator, request, &packet, refusal, &[], None)
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
    let record = record_of_unknown(request, &packet, method, name, 0);
    record.refuse(authenticator, request, &packet, refusal, vendor, None)
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
    let record = record_of_unknown(request, &packet, method, name, credential_us);
    record.refuse(authenticator, request, &packet, refusal, &[], Some(failure))
}

/// Ends an EAP conversation of which this decision says why already.
pub(super) fn end_eap(
    authenticator: &Authenticator,
    request: &Request,
    failure: &[u8],
    decision: Uuid,
) -> Vec<u8> {
    let packet = request.packet();
    let station = unauthenticated(request, &packet, "EAP", &request.user_name);
    end_session_unknown(authenticator, request, &packet, &station, decision);
    sealed_reject(request, &packet, &[], Some(failure))
}

/// Takes down why a login ended that nobody asked about any more: nothing is sent, and a live session stays what it is.
pub(super) fn never_answered(
    authenticator: &Authenticator,
    request: &Request,
    method: &'static str,
    name: &str,
    refusal: Refusal,
    credential_us: u64,
    decision: Uuid,
) {
    let packet = request.packet();
    let mut record = record_of_unknown(request, &packet, method, name, credential_us);
    record.id = decision;
    record.finish(authenticator, request, &[], Err(refusal), None);
}

/// An Access-Reject: nothing in it but what RFC 3579 section 2.6.5 allows.
pub(super) fn sealed_reject(
    request: &Request,
    packet: &Packet<'_>,
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
    reply.seal(request.secret())
}

/// A record of somebody who proved nothing, after so many microseconds in the check of a credential.
fn record_of_unknown(
    request: &Request,
    packet: &Packet<'_>,
    method: &'static str,
    name: &str,
    credential_us: u64,
) -> Record {
    let context = unauthenticated(request, packet, method, name);
    let mut record = Record::new(packet, request, &context, None);
    record.credential_us = credential_us;
    record
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

/// Microseconds since `began`.
pub(super) fn micros(began: Instant) -> u64 {
    began.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
}
