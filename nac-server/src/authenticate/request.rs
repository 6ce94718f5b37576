//! One verified Access-Request and what the answer needs of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use nac_policy::NasFacts;
use nac_radius::{Dictionary, MacAddr, Packet, Secret, attribute, called_station, vendor};

use super::Content;
use crate::listen::origin::Origin;
use crate::snapshot::Client;

/// Longest text that is taken from the network into records.
const TEXT_LIMIT: usize = 253;

/// A request, owned, so that it can outlive the socket's buffer while a password is checked.
pub struct Request {
    /// The NAS.
    pub client: Arc<Client>,
    /// Where it came from and the answer goes.
    pub origin: Origin,
    /// When it came.
    pub arrived: Instant,
    /// The datagram; parsed before, so it parses again.
    pub datagram: Box<[u8]>,
    /// User-Name as sent. An outer identity at most: nothing is authorised by it.
    pub user_name: String,
    /// The station's address from Calling-Station-Id.
    pub mac: Option<MacAddr>,
    /// The name of the offer of methods, once it was chosen.
    pub offer: Option<Arc<str>>,
    /// What it says, if it goes on with a conversation.
    pub(crate) content: Option<Content>,
    /// Whether it speaks for the session at its place when it fails before anybody is known.
    pub(crate) freshness: Freshness,
}

/// Whether somebody may have recorded a request earlier and sends it now: over UDP a packet is as well signed the second time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It belongs to nothing that is known.
    #[default]
    Unknown,
    /// It asks by itself, with a password. It counts where the NAS was told to ask.
    Possible,
    /// It answers a State that was open until now, or came over TLS.
    Certain,
}

impl Request {
    /// Takes what is needed from a verified packet.
    pub fn new(
        client: &Arc<Client>,
        origin: Origin,
        packet: &Packet<'_>,
        arrived: Instant,
    ) -> Self {
        let text = |number| {
            packet
                .text(number)
                .map(|text| text.chars().take(TEXT_LIMIT).collect::<String>())
        };
        Self {
            client: client.clone(),
            origin,
            arrived,
            datagram: packet.as_bytes().into(),
            user_name: text(attribute::USER_NAME).unwrap_or_default(),
            mac: text(attribute::CALLING_STATION_ID).and_then(|station| station.parse().ok()),
            offer: None,
            content: None,
            freshness: Freshness::Unknown,
        }
    }

    /// The packet again.
    ///
    /// # Panics
    /// Never: the datagram parsed when this was made.
    pub fn packet(&self) -> Packet<'_> {
        Packet::parse_as(self.origin.version(), &self.datagram)
            .expect("parsed when the request was made")
    }

    /// The secret that its answer is signed and hidden with.
    pub fn secret(&self) -> &Secret {
        self.origin.secret(&self.client)
    }

    /// Where the station connects, for the policy.
    pub fn nas(&self, packet: &Packet<'_>) -> NasFacts {
        let port = packet
            .text(attribute::NAS_PORT_ID)
            .map(|port| port.into_owned())
            .or_else(|| {
                packet
                    .integer(attribute::NAS_PORT)
                    .map(|port| port.to_string())
            });
        NasFacts {
            client: self.client.name.clone(),
            site: self.client.site.clone(),
            vendor: self.client.profile.name.clone(),
            port: port.unwrap_or_default(),
            port_type: port_type(packet.integer(attribute::NAS_PORT_TYPE)).to_owned(),
            ssid: self.ssid(packet),
            address: self.nas_address(packet).to_string(),
        }
    }

    /// The Wi-Fi network; empty on a wire.
    pub fn ssid(&self, packet: &Packet<'_>) -> String {
        let called = packet.text(attribute::CALLED_STATION_ID);
        called
            .as_deref()
            .and_then(|called| called_station(called).1)
            .map(str::to_owned)
            .or_else(|| vendor_ssid(packet))
            .unwrap_or_default()
    }

    /// NAS-IP-Address, or where the packet came from.
    pub fn nas_address(&self, packet: &Packet<'_>) -> IpAddr {
        packet
            .ipv4(attribute::NAS_IP_ADDRESS)
            .map_or_else(|| self.origin.source.ip(), IpAddr::V4)
    }
}

/// The SSID where a vendor says it in an attribute of its own.
fn vendor_ssid(packet: &Packet<'_>) -> Option<String> {
    let known = [
        (vendor::ARUBA, vendor::aruba::ESSID_NAME),
        (vendor::RUCKUS, vendor::ruckus::SSID),
    ];
    let said = known
        .into_iter()
        .find_map(|(vendor, number)| packet.vendor(vendor, number));
    said.and_then(|ssid| std::str::from_utf8(ssid).ok())
        .map(|ssid| ssid.chars().take(TEXT_LIMIT).collect())
}

/// What identifies a session at its NAS (RFC 5176 section 3), by dictionary name.
const IDENTIFIERS: [&str; 13] = [
    "User-Name",
    "NAS-IP-Address",
    "NAS-IPv6-Address",
    "NAS-Identifier",
    "NAS-Port",
    "NAS-Port-Id",
    "NAS-Port-Type",
    "Called-Station-Id",
    "Calling-Station-Id",
    "Acct-Session-Id",
    "Acct-Multi-Session-Id",
    "Framed-IP-Address",
    "Cisco-AVPair",
];

/// The identifiers among a packet's attributes, exactly as this NAS sent them: a CoA echoes its own words.
pub fn identifiers(described: &[(String, String)]) -> Vec<(String, String)> {
    described
        .iter()
        .filter(|(name, _)| IDENTIFIERS.contains(&name.as_str()))
        .cloned()
        .collect()
}

/// A packet's attributes by name, with secrets masked, for records.
pub fn described(packet: &Packet<'_>) -> Vec<(String, String)> {
    Dictionary::embedded()
        .describe(packet)
        .into_iter()
        .map(|described| (described.name, described.value))
        .collect()
}

fn port_type(number: Option<u32>) -> &'static str {
    match number {
        Some(15) => "ethernet",
        Some(19) => "wireless",
        _ => "other",
    }
}
