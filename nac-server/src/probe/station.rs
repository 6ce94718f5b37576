//! An endpoint and the port it is plugged into, as a NAS tells it.

use std::net::IpAddr;

use nac_radius::{Dictionary, MacAddr, MacFormat, PacketBuilder, attribute};

use super::ProbeFault;

/// NAS-Port-Type (RFC 2865 section 5.41).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NasPortType {
    /// A switch port.
    #[default]
    Ethernet,
    /// An IEEE 802.11 association.
    Wireless,
    /// No port at all, as a VPN gateway has it.
    Virtual,
}

/// Service-Type (RFC 2865 section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceType {
    /// A person or device that wants the network.
    Framed,
    /// MAC authentication bypass.
    CallCheck,
}

/// What a NAS tells about itself, its port and the endpoint there.
#[derive(Clone, Debug)]
pub struct Station {
    /// The endpoint's address, the Calling-Station-Id.
    pub mac: MacAddr,
    /// NAS-IP-Address or NAS-IPv6-Address; `None`: the address that the packets come from.
    pub nas_address: Option<IpAddr>,
    /// NAS-Identifier.
    pub nas_identifier: Option<String>,
    /// The NAS's own address, the first part of the Called-Station-Id.
    pub called_mac: MacAddr,
    /// The SSID, the second part of the Called-Station-Id.
    pub ssid: Option<String>,
    /// NAS-Port.
    pub nas_port: Option<u32>,
    /// NAS-Port-Id, the port's name.
    pub nas_port_id: Option<String>,
    /// NAS-Port-Type.
    pub nas_port_type: NasPortType,
    /// Acct-Session-Id, which ties accounting to the login.
    pub acct_session_id: Option<String>,
    /// Framed-MTU, in octets: how large the server's EAP packets may be.
    pub framed_mtu: u32,
    /// Whether EAP-Key-Name is asked for, as switches with MACsec do.
    pub wants_key_name: bool,
    /// More attributes, by dictionary name and value. One that this station would send itself takes
    /// the place of its own.
    pub attributes: Vec<(String, String)>,
}

impl Station {
    /// An endpoint at port 1 of a switch.
    #[must_use]
    pub fn wired(mac: MacAddr) -> Self {
        Self {
            mac,
            nas_address: None,
            nas_identifier: Some("nac-probe".to_owned()),
            called_mac: MacAddr::new([0x02, 0x00, 0x5e, 0x00, 0x53, 0x00]),
            ssid: None,
            nas_port: Some(1),
            nas_port_id: None,
            nas_port_type: NasPortType::Ethernet,
            acct_session_id: None,
            framed_mtu: 1400,
            wants_key_name: false,
            attributes: Vec::new(),
        }
    }

    /// An endpoint on a wireless network.
    #[must_use]
    pub fn wireless(mac: MacAddr, ssid: impl Into<String>) -> Self {
        Self {
            ssid: Some(ssid.into()),
            nas_port_type: NasPortType::Wireless,
            ..Self::wired(mac)
        }
    }

    /// The Calling-Station-Id as RFC 3580 section 3.21 writes it.
    #[must_use]
    pub fn calling_station_id(&self) -> String {
        self.mac.format(MacFormat::UpperDashes)
    }

    /// The Called-Station-Id as RFC 3580 section 3.20 writes it.
    #[must_use]
    pub fn called_station_id(&self) -> String {
        let mac = self.called_mac.format(MacFormat::UpperDashes);
        match &self.ssid {
            Some(ssid) => format!("{mac}:{ssid}"),
            None => mac,
        }
    }

    /// Adds everything but the credentials to a request.
    pub(super) fn describe(
        &self,
        request: &mut PacketBuilder,
        local: IpAddr,
        service: Option<ServiceType>,
    ) -> Result<(), ProbeFault> {
        let dictionary = Dictionary::embedded();
        let given: Vec<u8> = self
            .attributes
            .iter()
            .filter_map(|(name, _)| dictionary.by_name(name))
            .filter(|known| known.vendor.is_none())
            .map(|known| known.number)
            .collect();
        self.describe_itself(request, local, service, &|number| !given.contains(&number))?;
        for (name, value) in &self.attributes {
            dictionary.encode(request, name, value)?;
        }
        Ok(())
    }

    fn describe_itself(
        &self,
        request: &mut PacketBuilder,
        local: IpAddr,
        service: Option<ServiceType>,
        own: &dyn Fn(u8) -> bool,
    ) -> Result<(), ProbeFault> {
        let mut text = |number: u8, text: Option<&str>| match text {
            Some(text) if own(number) => request.push_text(number, text),
            _ => Ok(()),
        };
        text(
            attribute::CALLING_STATION_ID,
            Some(&self.calling_station_id()),
        )?;
        text(
            attribute::CALLED_STATION_ID,
            Some(&self.called_station_id()),
        )?;
        text(attribute::NAS_IDENTIFIER, self.nas_identifier.as_deref())?;
        text(attribute::NAS_PORT_ID, self.nas_port_id.as_deref())?;
        text(attribute::ACCT_SESSION_ID, self.acct_session_id.as_deref())?;
        match self.nas_address.unwrap_or(local) {
            IpAddr::V4(address) if own(attribute::NAS_IP_ADDRESS) => {
                request.push_ipv4(attribute::NAS_IP_ADDRESS, address)?;
            }
            IpAddr::V6(address) if own(attribute::NAS_IPV6_ADDRESS) => {
                request.push_ipv6(attribute::NAS_IPV6_ADDRESS, address)?;
            }
            _ => {}
        }
        let mut integer = |number: u8, value: Option<u32>| match value {
            Some(value) if own(number) => request.push_integer(number, value),
            _ => Ok(()),
        };
        integer(attribute::NAS_PORT, self.nas_port)?;
        integer(attribute::NAS_PORT_TYPE, Some(self.nas_port_type.number()))?;
        integer(attribute::SERVICE_TYPE, service.map(ServiceType::number))?;
        let framed = service == Some(ServiceType::Framed);
        integer(attribute::FRAMED_MTU, framed.then_some(self.framed_mtu))?;
        Ok(())
    }
}

impl NasPortType {
    const fn number(self) -> u32 {
        match self {
            Self::Virtual => 5,
            Self::Ethernet => 15,
            Self::Wireless => 19,
        }
    }
}

impl ServiceType {
    const fn number(self) -> u32 {
        match self {
            Self::Framed => 2,
            Self::CallCheck => 10,
        }
    }
}
