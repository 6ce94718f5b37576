//! A switch with ports: sends what a Cisco switch sends, and does what the story tells it.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::time::Duration;

use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::nas::{FakeNas, Received};
use nac_test_support::wire::{Packet, Request, attribute, code};

use crate::site::{QUIET, SOON, Site};
use crate::supplicant::{Login, Supplicant};

/// Attributes that `nac_test_support::wire` does not name.
mod number {
    pub(super) const FRAMED_IP_ADDRESS: u8 = 8;
    pub(super) const ACCT_INPUT_OCTETS: u8 = 42;
    pub(super) const ACCT_TERMINATE_CAUSE: u8 = 49;
    pub(super) const NAS_PORT_ID: u8 = 87;
}
/// Acct-Status-Type (RFC 2866 section 5.1).
mod status {
    pub(super) const START: u32 = 1;
    pub(super) const STOP: u32 = 2;
    pub(super) const INTERIM: u32 = 3;
    pub(super) const ACCOUNTING_ON: u32 = 7;
}
const CISCO: u32 = 9;
const CISCO_AVPAIR: u8 = 1;

/// A switch that the server knows as a client of its own.
pub(crate) struct Switch {
    /// Where CoA-Request and Disconnect-Request arrive, and how they are answered.
    pub(crate) nas: FakeNas,
    auth: Exchange,
    acct: Exchange,
    /// NAS-IP-Address.
    speaks_for: Cell<Ipv4Addr>,
    identifier: Cell<u8>,
}

impl Switch {
    /// A switch at a loopback address, added with `nac client add`.
    pub(crate) fn add(site: &Site, name: &str, address: [u8; 4], vendor: &str) -> Self {
        let address = Ipv4Addr::from(address);
        let nas = FakeNas::listen(&format!("{address}:0"));
        site.nac(&[
            "client",
            "add",
            name,
            "--address",
            &address.to_string(),
            "--secret-file",
            &site.secret_file().display().to_string(),
            "--vendor",
            vendor,
            "--coa-port",
            &nas.address().port().to_string(),
        ]);
        let source = format!("{address}:0");
        let switch = Self {
            nas,
            auth: Exchange::from(&source, site.auth, cast::SECRET),
            acct: Exchange::from(&source, site.acct, cast::SECRET),
            speaks_for: Cell::new(address),
            identifier: Cell::new(0),
        };
        switch.wait_until_known();
        switch
    }

    /// The command is done before the server has read it.
    fn wait_until_known(&self) {
        let known = nac_test_support::wait::until(SOON, || {
            let request = self
                .auth
                .request(code::STATUS_SERVER, self.next_identifier())
                .with_message_authenticator()
                .bytes();
            self.auth.send(&request);
            self.auth.receive(Duration::from_millis(100)).is_some()
        });
        assert!(known, "the server learns of a new client");
    }

    /// A new session at a port, not authenticated yet.
    pub(crate) fn port(&self, number: u32, mac: [u8; 6]) -> Port<'_> {
        Port {
            switch: self,
            number,
            mac,
            acct_session_id: RefCell::new(format!("{number:08X}")),
            class: RefCell::new(None),
            framed_ip: Cell::new(None),
            octets: Cell::new(None),
            ssid: None,
        }
    }

    /// The next CoA-Request or Disconnect-Request, signed as RFC 5176 demands.
    pub(crate) fn ordered(&self, code: u8) -> Received {
        let received = self
            .nas
            .next(SOON)
            .unwrap_or_else(|| panic!("no request with code {code} within {SOON:?}"));
        assert_eq!(received.packet.code, code, "{:?}", received.packet);
        assert!(received.signed, "its Request Authenticator is right");
        assert_eq!(received.message_authenticator, Some(true));
        received
    }

    /// The next CoA-Request.
    pub(crate) fn coa(&self) -> Received {
        self.ordered(code::COA_REQUEST)
    }

    /// The next Disconnect-Request.
    pub(crate) fn disconnect(&self) -> Received {
        self.ordered(code::DISCONNECT_REQUEST)
    }

    /// Nothing arrives.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.nas.next(QUIET).is_none()
    }

    /// Accounting-On: it has restarted, and all its sessions are gone.
    pub(crate) fn restart(&self) {
        let request = self
            .acct
            .request(code::ACCOUNTING_REQUEST, self.next_identifier())
            .with(
                attribute::ACCT_STATUS_TYPE,
                status::ACCOUNTING_ON.to_be_bytes(),
            )
            .with(attribute::NAS_IP_ADDRESS, self.speaks_for.get().octets())
            .with(attribute::ACCT_SESSION_ID, "00000000");
        assert_eq!(self.acct.answer(&request).code, code::ACCOUNTING_RESPONSE);
    }

    /// From now on it is a proxy that sends for the switch at this address.
    pub(crate) fn speak_for(&self, address: [u8; 4]) {
        self.speaks_for.set(address.into());
    }

    fn next_identifier(&self) -> u8 {
        let next = self.identifier.get().wrapping_add(1);
        self.identifier.set(next);
        next
    }
}

/// A port of a switch with one endpoint.
pub(crate) struct Port<'a> {
    switch: &'a Switch,
    pub(crate) number: u32,
    pub(crate) mac: [u8; 6],
    acct_session_id: RefCell<String>,
    class: RefCell<Option<Vec<u8>>>,
    framed_ip: Cell<Option<Ipv4Addr>>,
    octets: Cell<Option<u32>>,
    /// On Wi-Fi, the network.
    ssid: Option<&'static str>,
}

impl Port<'_> {
    /// The same station at an access point, on this network.
    pub(crate) fn on_wifi(mut self, ssid: &'static str) -> Self {
        self.ssid = Some(ssid);
        self
    }

    /// The MAC as this switch writes it, which no other part of the product does.
    pub(crate) fn calling_station_id(&self) -> String {
        let plain = hex::encode_upper(self.mac);
        format!("{}.{}.{}", &plain[..4], &plain[4..8], &plain[8..])
    }

    /// The MAC as people type it.
    pub(crate) fn mac_text(&self) -> String {
        let pairs: Vec<String> = self
            .mac
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        pairs.join(":")
    }

    /// The session's id at this switch.
    pub(crate) fn acct_session_id(&self) -> String {
        self.acct_session_id.borrow().clone()
    }

    /// The switch begins a session with another id, as after a Disconnect-Request.
    pub(crate) fn begin_anew(&self) {
        *self.acct_session_id.borrow_mut() += "-2";
    }

    /// The switch's own name for the session.
    pub(crate) fn audit_session_id(&self) -> String {
        format!("audit-session-id=0A0000FE0000{:04X}5E1C", self.number)
    }

    fn describe(&self, request: Request) -> Request {
        // RFC 3580 sections 3.20 and 3.24: an access point says its network behind its address.
        let (port_type, called) = match self.ssid {
            None => (15_u32, "00-1B-0D-63-C2-26".to_owned()),
            Some(ssid) => (19, format!("00-1B-0D-63-C2-26:{ssid}")),
        };
        request
            .with(
                attribute::NAS_IP_ADDRESS,
                self.switch.speaks_for.get().octets(),
            )
            .with(attribute::NAS_IDENTIFIER, "access-1")
            .with(attribute::NAS_PORT, (50_000 + self.number).to_be_bytes())
            .with(
                number::NAS_PORT_ID,
                format!("GigabitEthernet1/0/{}", self.number),
            )
            .with(attribute::NAS_PORT_TYPE, port_type.to_be_bytes())
            .with(attribute::CALLED_STATION_ID, called)
            .with(attribute::CALLING_STATION_ID, self.calling_station_id())
            .with(attribute::ACCT_SESSION_ID, self.acct_session_id())
            .with(attribute::VENDOR_SPECIFIC, avpair(&self.audit_session_id()))
            .with(attribute::VENDOR_SPECIFIC, avpair("service-type=Framed"))
    }

    fn access_request(&self, user: &str) -> Request {
        let request = self
            .switch
            .auth
            .request(code::ACCESS_REQUEST, self.switch.next_identifier())
            .with_message_authenticator()
            .with(attribute::USER_NAME, user);
        self.describe(request)
    }

    fn conclude(&self, reply: &Packet) {
        if reply.code == code::ACCESS_ACCEPT {
            *self.class.borrow_mut() = reply.first(attribute::CLASS).map(<[u8]>::to_vec);
        }
    }

    /// MAC authentication bypass, with the keys that the access point is told for the station.
    pub(crate) fn mab_with_keys(&self) -> (Packet, Vec<String>) {
        let name = hex::encode(self.mac);
        let request = self
            .access_request(&name)
            .with(attribute::SERVICE_TYPE, 10_u32.to_be_bytes())
            .with_password(&name);
        let authenticator = Request::authenticator(&request.bytes());
        let reply = self.switch.auth.answer(&request);
        self.conclude(&reply);
        let keys = reply.wifi_keys(&authenticator, cast::SECRET);
        (reply, keys)
    }

    /// MAC authentication bypass.
    pub(crate) fn mab(&self) -> Packet {
        let name = hex::encode(self.mac);
        let request = self
            .access_request(&name)
            .with(attribute::SERVICE_TYPE, 10_u32.to_be_bytes())
            .with_password(&name);
        let reply = self.switch.auth.answer(&request);
        self.conclude(&reply);
        reply
    }

    /// PAP.
    pub(crate) fn pap(&self, user: &str, password: &str) -> Packet {
        let request = self.access_request(user).with_password(password);
        let reply = self.switch.auth.answer(&request);
        self.conclude(&reply);
        reply
    }

    /// IEEE 802.1X.
    pub(crate) fn dot1x(&self, person: &Supplicant) -> Login {
        let login = person.log_in(|outer_identity, state, eap| {
            let mut request = self
                .access_request(outer_identity)
                .with(attribute::FRAMED_MTU, 1_400_u32.to_be_bytes());
            if let Some(state) = state {
                request = request.with(attribute::STATE, state);
            }
            self.switch.auth.answer(&request.with_eap(eap))
        });
        self.conclude(&login.reply);
        login
    }

    /// Accounting-Start.
    pub(crate) fn start(&self) {
        self.account(status::START, None);
    }

    /// Interim-Update with the address that the endpoint uses by now.
    pub(crate) fn interim(&self, framed_ip: [u8; 4]) {
        self.framed_ip.set(Some(framed_ip.into()));
        self.account(status::INTERIM, None);
    }

    /// Interim-Update with how many octets the endpoint has sent by now.
    pub(crate) fn counted(&self, octets: u32) {
        self.octets.set(Some(octets));
        self.account(status::INTERIM, None);
    }

    /// Accounting-Stop.
    pub(crate) fn stop(&self) {
        // Acct-Terminate-Cause 1, User Request.
        self.account(status::STOP, Some(1));
    }

    fn account(&self, status: u32, cause: Option<u32>) {
        let mut request = self
            .switch
            .acct
            .request(code::ACCOUNTING_REQUEST, self.switch.next_identifier())
            .with(attribute::ACCT_STATUS_TYPE, status.to_be_bytes());
        if let Some(class) = &*self.class.borrow() {
            request = request.with(attribute::CLASS, class);
        }
        if let Some(address) = self.framed_ip.get() {
            request = request.with(number::FRAMED_IP_ADDRESS, address.octets());
        }
        if let Some(octets) = self.octets.get() {
            request = request.with(number::ACCT_INPUT_OCTETS, octets.to_be_bytes());
        }
        if let Some(cause) = cause {
            request = request.with(number::ACCT_TERMINATE_CAUSE, cause.to_be_bytes());
        }
        // What this switch says in accounting only.
        let request = self.describe(request).with(
            attribute::VENDOR_SPECIFIC,
            avpair("connect-progress=Call Up"),
        );
        let reply = self.switch.acct.answer(&request);
        assert_eq!(reply.code, code::ACCOUNTING_RESPONSE);
    }
}

/// The value of a Vendor-Specific attribute with one Cisco-AVPair.
pub(crate) fn avpair(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len() + 2).expect("a short text");
    [
        &CISCO.to_be_bytes()[..],
        &[CISCO_AVPAIR, length],
        text.as_bytes(),
    ]
    .concat()
}
