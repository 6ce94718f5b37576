//! One live session: one station at one place, from its accept to its end.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use nac_radius::{MacAddr, Packet, attribute};
use nac_store::{Session, now_us};
use uuid::Uuid;

use super::two_places::Sign;
use crate::identity::AccessContext;
use crate::listen::origin::Transport;
use crate::snapshot::segments::SegmentAnswer;

/// More identifiers than any NAS sends; accounting must not make a session grow for ever.
const MAX_IDENTIFIERS: usize = 32;

/// One station on one NAS, now.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// Our id; the NAS carries it in Class.
    pub id: Uuid,
    /// Who and how, for looking at it again.
    pub context: Arc<AccessContext>,
    /// Where the NAS was last told to put it.
    pub segment: String,
    /// The attributes that told it so; unknown when the segment was gone at a restart.
    pub answer: Option<Arc<SegmentAnswer>>,
    /// The decision that said so.
    pub decision_id: Uuid,
    /// The policy then in force.
    pub policy_version: i64,
    /// Where the NAS's packets come from, which is where a CoA goes.
    pub nas_source: SocketAddr,
    /// What carried its last Access-Request; not known of a session that a former run left.
    pub transport: Option<Transport>,
    /// The NAS's own address.
    pub nas_address: IpAddr,
    /// The identifiers that this NAS itself sent.
    pub identifiers: Vec<(String, String)>,
    /// User-Name as sent.
    pub user_name: String,
    /// The station's address as text.
    pub mac: Option<String>,
    /// The inventory's device, when known.
    pub device_id: Option<Uuid>,
    /// From accounting.
    pub framed_ip: Option<IpAddr>,
    /// When it began.
    pub started_us: i64,
    /// The newest accept.
    pub admitted_us: i64,
    /// The last sign of life.
    pub updated_us: i64,
    /// The last record that counted its octets.
    pub(crate) counted: Option<Sign>,
}

impl LiveSession {
    /// An identifier by attribute name, as the NAS sent it.
    pub fn identifier(&self, name: &str) -> Option<&str> {
        self.identifiers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Takes newer values over. Of an attribute that carries many things, only the same thing is replaced.
    pub(super) fn learn(&mut self, identifiers: Vec<(String, String)>) {
        for newer in identifiers {
            let room = self.identifiers.len() < MAX_IDENTIFIERS;
            match self
                .identifiers
                .iter_mut()
                .find(|known| same_thing(known, &newer))
            {
                Some(known) => *known = newer,
                None if room => self.identifiers.push(newer),
                None => {}
            }
        }
    }

    /// Whether a request that failed before anybody was known came from this very session: the NAS says so by
    /// Acct-Session-Id, which no endpoint can choose, or by the one port of a switch.
    pub(super) fn is_meant_by(&self, packet: &Packet<'_>, context: &AccessContext) -> bool {
        let named = packet.text(attribute::ACCT_SESSION_ID);
        match (named.as_deref(), self.identifier("Acct-Session-Id")) {
            (Some(now), Some(then)) => now == then,
            (None, None) => {
                let port = &self.context.nas.port;
                context.nas.port_type == "ethernet" && !port.is_empty() && context.nas.port == *port
            }
            _ => false,
        }
    }

    /// Whether everything by which the store finds a session is as it was.
    pub(super) fn is_found_like(&self, former: &Self) -> bool {
        self.segment == former.segment
            && self.framed_ip == former.framed_ip
            && self.device_id == former.device_id
            && self.mac == former.mac
            && self.user_name == former.user_name
            && self.context.name == former.context.name
            && self.context.method == former.context.method
            && self.context.nas.client == former.context.nas.client
    }

    /// The row for the store.
    pub(super) fn stored(&self, ended: Option<&str>) -> Session {
        Session {
            id: self.id,
            class: self.id.simple().to_string(),
            client: self.context.nas.client.clone(),
            nas_address: self.nas_address,
            nas_source: self.nas_source,
            mac: self.mac.clone(),
            user_name: self.user_name.clone(),
            identity: self.context.name.clone(),
            device_id: self.device_id,
            attributes: self.identifiers.clone(),
            acct_session_id: self.identifier("Acct-Session-Id").map(str::to_owned),
            framed_ip: self.framed_ip.map(|address| address.to_string()),
            method: self.context.method.to_owned(),
            segment: self.segment.clone(),
            decision_id: self.decision_id,
            policy_version: self.policy_version,
            started_us: self.started_us,
            updated_us: self.updated_us,
            stopped_us: ended.map(|_| now_us()),
            terminate_cause: ended.map(str::to_owned),
        }
    }
}

/// A place and who is there: the NAS, on a wire its port, and the station's MAC, or its name where the NAS names no MAC. The same MAC on
/// two ports is two stations, and neither speaks for the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Station {
    source: IpAddr,
    nas: String,
    port: String,
    who: String,
}

impl Station {
    pub(super) fn new(source: IpAddr, context: &AccessContext) -> Self {
        let nas = &context.nas;
        // A roaming phone keeps its session while its radio port changes.
        let port = if nas.port_type == "wireless" {
            ""
        } else {
            &nas.port
        };
        Self {
            source,
            nas: nas.address.clone(),
            port: port.to_owned(),
            who: context
                .mac
                .map_or_else(|| context.name.clone(), |mac| mac.to_string()),
        }
    }
}

/// What an Accounting-Request says about which session it means.
#[derive(Debug)]
pub struct Reference {
    /// Where it came from.
    pub source: SocketAddr,
    /// The client that the source belongs to.
    pub client: String,
    /// The NAS's own address.
    pub nas_address: IpAddr,
    /// Our Class, echoed.
    pub(super) class: Option<Uuid>,
    pub(super) acct_session_id: Option<String>,
    pub(super) mac: Option<MacAddr>,
    /// When it happened there, by Acct-Delay-Time, and how much the station had sent by then.
    pub(super) sign: Sign,
}

impl Reference {
    /// Reads a packet of this client.
    pub fn new(source: SocketAddr, client: &str, packet: &Packet<'_>) -> Self {
        let delay_s = packet
            .integer(attribute::ACCT_DELAY_TIME)
            .unwrap_or_default();
        Self {
            source,
            client: client.to_owned(),
            nas_address: packet
                .ipv4(attribute::NAS_IP_ADDRESS)
                .map_or_else(|| source.ip(), IpAddr::V4),
            class: packet
                .attributes()
                .filter(|attribute| attribute.number == attribute::CLASS)
                .find_map(|class| Uuid::from_slice(class.value).ok()),
            acct_session_id: packet
                .text(attribute::ACCT_SESSION_ID)
                .map(std::borrow::Cow::into_owned),
            mac: packet
                .text(attribute::CALLING_STATION_ID)
                .and_then(|station| station.parse().ok()),
            sign: Sign {
                at_us: now_us() - i64::from(delay_s) * 1_000_000,
                octets: sent_octets(packet),
            },
        }
    }

    /// Whether this can be about that session at all: a NAS behind the same proxy may use the same ids for another station.
    pub(super) fn fits(&self, session: &LiveSession) -> bool {
        let same_station = match (self.mac, session.context.mac) {
            (Some(said), Some(known)) => said == known,
            _ => true,
        };
        same_station && session.context.nas.client == self.client
    }

    /// Whether it is about an earlier presence of the same station: it names another Acct-Session-Id, or happened before the accept.
    pub(super) fn is_past(&self, session: &LiveSession) -> bool {
        let other = match (
            self.acct_session_id.as_deref(),
            session.identifier("Acct-Session-Id"),
        ) {
            (Some(said), Some(known)) => said != known,
            _ => false,
        };
        other || self.sign.at_us + CLOCK_SLACK_US < session.admitted_us
    }
}

/// Acct-Delay-Time counts whole seconds.
pub(super) const CLOCK_SLACK_US: i64 = 2_000_000;

/// What the station has sent (RFC 2866 section 5.3, RFC 2869 section 5.1), of a NAS that counts.
fn sent_octets(packet: &Packet<'_>) -> Option<u64> {
    let low = packet.integer(attribute::ACCT_INPUT_OCTETS)?;
    let high = packet.integer(attribute::ACCT_INPUT_GIGAWORDS);
    Some((u64::from(high.unwrap_or_default()) << 32) | u64::from(low))
}

/// Cisco-AVPair is a bag of `name=value`.
fn same_thing(known: &(String, String), newer: &(String, String)) -> bool {
    let name = |value: &str| value.split('=').next().map(str::to_owned);
    known.0 == newer.0 && (known.0 != "Cisco-AVPair" || name(&known.1) == name(&newer.1))
}
