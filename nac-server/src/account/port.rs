//! Accounting-Requests (RFC 2866): recorded first, answered then.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use nac_radius::{Code, Packet, PacketBuilder, attribute};
use nac_store::{Accounting, now_us};

use super::Reference;
use crate::authenticate::request::{described, identifiers};
use crate::authenticate::{Authenticator, DuplicateCache, Seen, Slot, status_reply, verified};
use crate::listen::origin::Origin;
use crate::listen::udp::{Disposition, Responder};
use crate::reason::Refusal;
use crate::snapshot::Client;
use crate::telemetry::activity::Heard;

/// Acct-Status-Type (RFC 2866 section 5.1).
const START: u32 = 1;
const STOP: u32 = 2;
const INTERIM_UPDATE: u32 = 3;
const ACCOUNTING_ON: u32 = 7;
const ACCOUNTING_OFF: u32 = 8;

/// The Accounting-Request port.
pub struct AccountingPort {
    authenticator: Arc<Authenticator>,
    duplicates: Arc<DuplicateCache>,
}

impl AccountingPort {
    /// Shares clients, sessions and the writer with the authentication port.
    pub fn new(authenticator: Arc<Authenticator>) -> Self {
        Self {
            authenticator,
            duplicates: Arc::default(),
        }
    }
}

impl Responder for AccountingPort {
    fn respond(&self, source: SocketAddr, datagram: &[u8]) -> Disposition {
        let authenticator = &self.authenticator;
        let Some((client, packet)) = authenticator.known(source, datagram) else {
            return Disposition::Silence;
        };
        match packet.code() {
            Code::AccountingRequest => {}
            Code::StatusServer if verified(&client, source, &packet) => {
                let reply = status_reply(Code::AccountingResponse, &client.secret, &packet);
                return Disposition::Reply(reply.into());
            }
            _ => return Disposition::Silence,
        }
        if !packet.request_authenticator_valid(&client.secret) {
            client.activity.heard(Heard::WrongSecret);
            if let Some(held) = client.complaints.wrong_secret.may_speak(source.ip()) {
                tracing::warn!(code = Refusal::wrong_secret().code, client = %client.name, %source, held_back = held,
                    "wrong secret: the Accounting-Request's authenticator does not verify; set the same shared secret on the NAS and here");
            }
            return Disposition::Silence;
        }
        self.answer(&client, Origin::udp(source), &packet)
    }
}

impl AccountingPort {
    /// Records and answers an Accounting-Request of which it is known that it is the client's own.
    pub(crate) fn answer(
        &self,
        client: &Arc<Client>,
        origin: Origin,
        packet: &Packet<'_>,
    ) -> Disposition {
        let (slot, key) = (Slot::new(&origin, packet), *packet.authenticator());
        match self.duplicates.claim(slot, &key, Instant::now()) {
            Seen::Answered(reply) => {
                client.activity.heard(Heard::Duplicate);
                return Disposition::Reply(reply);
            }
            Seen::InFlight => {
                client.activity.heard(Heard::Duplicate);
                return Disposition::Silence;
            }
            Seen::New => {}
        }
        let (record, reply) = self.record(client, &origin, packet);
        let (authenticator, duplicates) = (self.authenticator.clone(), self.duplicates.clone());
        let client = client.clone();
        Disposition::Later(Box::pin(async move {
            match authenticator.writer.accounting(record).await {
                Ok(()) => {
                    let reply: Arc<[u8]> = reply.into();
                    duplicates.finish(slot, &key, reply.clone());
                    authenticator.metrics.accounting.inc();
                    Some(reply)
                }
                // RFC 2866 section 2: no response unless recorded. The NAS asks again.
                Err(error) => {
                    duplicates.forget(slot, &key);
                    authenticator.metrics.accounting_failures.inc();
                    if let Some(held) = client.complaints.overload.may_speak() {
                        tracing::warn!(client = %client.name, %error, held_back = held,
                            "accounting is not answered: it could not be recorded");
                    }
                    None
                }
            }
        }))
    }

    fn record(
        &self,
        client: &Client,
        origin: &Origin,
        packet: &Packet<'_>,
    ) -> (Accounting, Vec<u8>) {
        let attributes = described(packet);
        let framed_ip = framed_ip(packet);
        let status_type = packet
            .integer(attribute::ACCT_STATUS_TYPE)
            .unwrap_or_default();
        let cause = packet
            .integer(attribute::ACCT_TERMINATE_CAUSE)
            .unwrap_or_default();
        self.follow(
            origin.source,
            &client.name,
            packet,
            status_type,
            framed_ip,
            &attributes,
        );
        let text = |number| packet.text(number).map(std::borrow::Cow::into_owned);
        let mac = text(attribute::CALLING_STATION_ID)
            .and_then(|station| station.parse::<nac_radius::MacAddr>().ok())
            .map(|mac| mac.to_string());
        let record = Accounting {
            at_us: now_us(),
            client: client.name.clone(),
            status_type,
            acct_session_id: text(attribute::ACCT_SESSION_ID).unwrap_or_default(),
            mac,
            user_name: text(attribute::USER_NAME).unwrap_or_default(),
            framed_ip: framed_ip.map(|address| address.to_string()),
            input_octets: octets(
                packet,
                attribute::ACCT_INPUT_OCTETS,
                attribute::ACCT_INPUT_GIGAWORDS,
            ),
            output_octets: octets(
                packet,
                attribute::ACCT_OUTPUT_OCTETS,
                attribute::ACCT_OUTPUT_GIGAWORDS,
            ),
            session_time_s: packet
                .integer(attribute::ACCT_SESSION_TIME)
                .unwrap_or_default(),
            terminate_cause: cause,
            attributes,
        };
        let reply =
            PacketBuilder::reply(Code::AccountingResponse, packet).seal(origin.secret(client));
        (record, reply)
    }

    fn follow(
        &self,
        source: SocketAddr,
        client: &str,
        packet: &Packet<'_>,
        status_type: u32,
        framed_ip: Option<IpAddr>,
        attributes: &[(String, String)],
    ) {
        let sessions = &self.authenticator.sessions;
        let reference = Reference::new(source, client, packet);
        match status_type {
            START | INTERIM_UPDATE => {
                sessions.heard(&reference, framed_ip, identifiers(attributes));
            }
            STOP => {
                sessions.stopped(&reference, &terminate_cause(attributes));
            }
            ACCOUNTING_ON | ACCOUNTING_OFF => {
                sessions.nas_restarted(source.ip(), packet.ipv4(attribute::NAS_IP_ADDRESS));
            }
            _ => {}
        }
    }
}

/// The station's address: IPv4, or an IPv6 address (RFC 6911).
fn framed_ip(packet: &Packet<'_>) -> Option<IpAddr> {
    packet
        .ipv4(attribute::FRAMED_IP_ADDRESS)
        .map(IpAddr::V4)
        .or_else(|| packet.ipv6(attribute::FRAMED_IPV6_ADDRESS).map(IpAddr::V6))
}

/// Counters of 32 bits with their overflows (RFC 2869 sections 5.1 and 5.2).
fn octets(packet: &Packet<'_>, low: u8, high: u8) -> u64 {
    let part = |number| u64::from(packet.integer(number).unwrap_or_default());
    (part(high) << 32) | part(low)
}

fn terminate_cause(attributes: &[(String, String)]) -> String {
    attributes
        .iter()
        .find(|(name, _)| name == "Acct-Terminate-Cause")
        .map_or_else(
            || "accounting stopped".to_owned(),
            |(_, cause)| format!("accounting stopped: {cause}"),
        )
}
