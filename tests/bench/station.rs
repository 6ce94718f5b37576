//! A simulated endpoint behind a switch: one socket, one conversation at a time.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nac_eap::peer::{Peer, PeerMethod, PeerSettings, PeerStep, PeerTls};
use nac_eap::{CertificateDer, PrivateKeyDer};
use nac_radius::{Code, Packet, PacketBuilder, ReplyFault, Secret, attribute};
use nac_test_support::exchange::fresh_authenticator;
use nac_test_support::{Subject, cast};
use rustls_pki_types::pem::PemObject;

use crate::case::Case;
use crate::measure::Population;

/// A switch sends again after this long, three times.
const RETRANSMIT: Duration = Duration::from_secs(3);
/// The largest EAP packet: Framed-MTU less 4 (RFC 3580 section 3.10).
const EAP_MTU: usize = 1396;
/// Ethernet (RFC 2865 section 5.41).
const ETHERNET: u32 = 15;
/// A TLS server's first flight with its certificate is longer than this, and whatever comes before it is shorter.
const FLIGHT: usize = 400;

/// Keys and certificates of one server's world.
#[derive(Debug)]
pub(crate) struct Credentials {
    ca: Vec<CertificateDer<'static>>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Credentials {
    /// Reads what the server's administrator hands out.
    pub(crate) fn read(server: &Subject) -> Self {
        let certificates = |path: &std::path::Path| -> Vec<CertificateDer<'static>> {
            let found =
                CertificateDer::pem_file_iter(path).expect("a certificate file can be read");
            found
                .map(|found| found.expect("it holds certificates"))
                .collect()
        };
        let credential = server.credential();
        Self {
            ca: certificates(server.ca()),
            chain: certificates(&credential.certificate),
            key: PrivateKeyDer::from_pem_file(&credential.key).expect("a key file can be read"),
        }
    }
}

/// The MAC of a station.
pub(crate) fn mac(number: usize) -> [u8; 6] {
    let [.., a, b, c] = number.to_be_bytes();
    [0x02, 0xbe, 0x0c, a, b, c]
}

/// As switches write it in Calling-Station-Id.
fn station_id(number: usize) -> String {
    let [_, _, _, spelling, _, _] = cast::mac_formats(mac(number));
    spelling
}

/// One endpoint and the port it is plugged into.
pub(crate) struct Station<'a> {
    socket: UdpSocket,
    acct: UdpSocket,
    secret: Secret,
    credentials: &'a Credentials,
    number: usize,
    population: Population,
    /// `02-BE-0C-00-00-01`, as switches write it.
    station_id: String,
    identifier: u8,
    /// Sessions that are to be resumed, one per turn.
    sessions: Vec<Arc<PeerTls>>,
}

impl<'a> Station<'a> {
    /// Plugs it in.
    pub(crate) fn new(
        server: &Subject,
        credentials: &'a Credentials,
        number: usize,
        population: Population,
    ) -> Self {
        let open = |peer| {
            let socket =
                UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
            socket
                .connect(peer)
                .expect("a UDP socket can be given its peer");
            socket
                .set_read_timeout(Some(RETRANSMIT))
                .expect("a time limit is above zero");
            socket
        };
        Self {
            socket: open(server.auth()),
            acct: open(server.acct()),
            secret: Secret::new(cast::SECRET),
            credentials,
            number,
            population,
            station_id: station_id(number),
            identifier: 0,
            sessions: Vec::new(),
        }
    }

    /// Does what comes before the measured part.
    pub(crate) fn prepare(&mut self, case: Case, count: usize) -> Result<(), String> {
        let Case::Eap {
            method,
            resumed: true,
            ..
        } = case
        else {
            return Ok(());
        };
        for turn in 0..count {
            let tls = self.tls(case)?;
            self.authenticate(method, &tls, turn, false)?;
            self.sessions.push(tls);
        }
        Ok(())
    }

    /// One turn of the measured part.
    pub(crate) fn perform(&mut self, case: Case, turn: usize) -> Result<(), String> {
        match case {
            Case::Pap => self.pap(turn),
            Case::Mab => self.mab(turn),
            Case::Accounting => self.accounting(),
            Case::Eap {
                method,
                resumed: false,
                ..
            } => {
                let tls = self.tls(case)?;
                self.authenticate(method, &tls, turn, false)
            }
            Case::Eap {
                method,
                resumed: true,
                ..
            } => {
                let tls = self
                    .sessions
                    .get(turn)
                    .cloned()
                    .ok_or("no session was prepared")?;
                self.authenticate(method, &tls, turn, true)
            }
        }
    }

    /// Each station has four people in turn, each with a computer of their own, so that no two stations share one.
    fn user(&mut self, turn: usize) -> (String, String) {
        let number = (self.number * 4 + turn % 4) % self.population.users;
        self.station_id = station_id(number);
        (format!("user{number}"), format!("password-{number}"))
    }

    fn tls(&self, case: Case) -> Result<Arc<PeerTls>, String> {
        let wants_certificate = matches!(
            case,
            Case::Eap {
                method: PeerMethod::Tls,
                ..
            }
        );
        let identity = wants_certificate.then(|| {
            (
                self.credentials.chain.clone(),
                self.credentials.key.clone_key(),
            )
        });
        PeerTls::new(self.credentials.ca.clone(), None, identity, case.versions())
            .map(Arc::new)
            .map_err(|error| error.to_string())
    }

    fn pap(&mut self, turn: usize) -> Result<(), String> {
        let (user, password) = self.user(turn);
        let mut request = self.request(&user)?;
        request
            .push_user_password(password.as_bytes(), &self.secret)
            .map_err(|error| error.to_string())?;
        self.accepted(request, cast::STAFF_VLAN)
    }

    fn mab(&mut self, turn: usize) -> Result<(), String> {
        let Population {
            stations, devices, ..
        } = self.population;
        self.station_id = station_id((self.number + turn * stations) % devices);
        let name = self.station_id.replace('-', "").to_lowercase();
        let mut request = self.request(&name)?;
        request
            .push_user_password(name.as_bytes(), &self.secret)
            .map_err(|error| error.to_string())?;
        // Call-Check (RFC 2865 section 5.6).
        request
            .push_integer(attribute::SERVICE_TYPE, 10)
            .map_err(|error| error.to_string())?;
        self.accepted(request, cast::PRINTER_VLAN)
    }

    fn accepted(&self, request: PacketBuilder, vlan: &str) -> Result<(), String> {
        let reply = self.exchange(&self.socket, request)?;
        let reply = Packet::parse(&reply).map_err(|error| error.to_string())?;
        if reply.code() != Code::AccessAccept {
            return Err(format!("answered with {}", reply.code()));
        }
        let found = reply
            .text(attribute::TUNNEL_PRIVATE_GROUP_ID)
            .unwrap_or_default();
        if found.trim_start_matches(|octet| octet <= '\u{1f}') != vlan {
            return Err(format!("VLAN `{found}` instead of {vlan}"));
        }
        Ok(())
    }

    fn accounting(&mut self) -> Result<(), String> {
        // Unique for ever: FreeRADIUS does not answer for a session that it has seen.
        let session = hex::encode(fresh_authenticator());
        for (status, seconds) in [(1, 0), (3, 300), (2, 600)] {
            let mut request = self.bare(Code::AccountingRequest, "user0")?;
            let mut push = || {
                request.push_integer(attribute::ACCT_STATUS_TYPE, status)?;
                request.push_text(attribute::ACCT_SESSION_ID, &session)?;
                request.push_integer(attribute::ACCT_SESSION_TIME, seconds)?;
                request.push_integer(attribute::ACCT_INPUT_OCTETS, 1_000_000)?;
                request.push_integer(attribute::ACCT_OUTPUT_OCTETS, 5_000_000)
            };
            push().map_err(|error| error.to_string())?;
            let reply = self.exchange(&self.acct, request)?;
            let code = Packet::parse(&reply)
                .map_err(|error| error.to_string())?
                .code();
            if code != Code::AccountingResponse {
                return Err(format!("answered with {code}"));
            }
        }
        Ok(())
    }

    /// Begins an EAP-TLS conversation and leaves it when the server has sent its certificate.
    pub(crate) fn leave_half_open(&mut self) -> Result<(), String> {
        let case = Case::Eap {
            method: PeerMethod::Tls,
            tls13: true,
            resumed: false,
        };
        let tls = self.tls(case)?;
        match self.converse(PeerMethod::Tls, &tls, 0, Some(FLIGHT))? {
            Some(_) => Err("it came to an end".into()),
            None => Ok(()),
        }
    }

    fn authenticate(
        &mut self,
        method: PeerMethod,
        tls: &Arc<PeerTls>,
        turn: usize,
        resumes: bool,
    ) -> Result<(), String> {
        match self.converse(method, tls, turn, None)? {
            Some(resumed) if resumed == resumes => Ok(()),
            Some(resumed) => Err(format!("resumed: {resumed}")),
            None => Err("no end".into()),
        }
    }

    /// A conversation to its end, and whether it resumed a session; or until a packet of at least `leave` octets came.
    fn converse(
        &mut self,
        method: PeerMethod,
        tls: &Arc<PeerTls>,
        turn: usize,
        leave: Option<usize>,
    ) -> Result<Option<bool>, String> {
        let (identity, password) = match method {
            PeerMethod::Tls => (cast::USER.to_owned(), None),
            _ => {
                let (user, password) = self.user(turn);
                (user, Some(password.into()))
            }
        };
        let anonymous_identity = (method != PeerMethod::Tls).then(|| "anonymous".to_owned());
        let outer = anonymous_identity
            .clone()
            .unwrap_or_else(|| identity.clone());
        let settings = PeerSettings {
            method,
            identity,
            anonymous_identity,
            password,
            tls: Arc::clone(tls),
            eap_mtu: EAP_MTU,
        };
        let clock = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut peer = Peer::new(Arc::new(settings), clock, Box::new(fill));
        // The switch asks for the identity by itself (RFC 3579 section 2.1).
        let mut packet = vec![1, 1, 0, 5, 1];
        let mut state: Option<Vec<u8>> = None;
        for _ in 0..60 {
            let response = match peer.receive(&packet) {
                PeerStep::Response(response) => response,
                PeerStep::Failure(reason) => return Err(reason.to_string()),
                PeerStep::Ignore => return Err("the supplicant ignored a packet".into()),
                PeerStep::Success(success) => return Ok(Some(success.resumed)),
            };
            let mut request = self.request(&outer)?;
            if let Some(state) = &state {
                request
                    .push(attribute::STATE, state)
                    .map_err(|error| error.to_string())?;
            }
            request
                .push_eap_message(&response)
                .map_err(|error| error.to_string())?;
            let reply = self.exchange(&self.socket, request)?;
            let reply = Packet::parse(&reply).map_err(|error| error.to_string())?;
            state = reply.attribute(attribute::STATE).map(<[u8]>::to_vec);
            packet = reply
                .eap_message()
                .ok_or_else(|| format!("{} without EAP", reply.code()))?;
            if leave.is_some_and(|least| packet.len() >= least) {
                return Ok(None);
            }
        }
        Err("no end after 60 rounds".into())
    }

    fn request(&mut self, user: &str) -> Result<PacketBuilder, String> {
        let mut request = self.bare(Code::AccessRequest, user)?;
        request
            .push_integer(attribute::FRAMED_MTU, 1400)
            .map_err(|error| error.to_string())?;
        Ok(request)
    }

    /// What every request of a switch carries.
    fn bare(&mut self, code: Code, user: &str) -> Result<PacketBuilder, String> {
        self.identifier = self.identifier.wrapping_add(1);
        let mut request = PacketBuilder::request(code, self.identifier, fresh_authenticator());
        let mut push = || {
            request.push_text(attribute::USER_NAME, user)?;
            request.push_ipv4(attribute::NAS_IP_ADDRESS, Ipv4Addr::LOCALHOST)?;
            request.push_integer(attribute::NAS_PORT, self.number as u32)?;
            request.push_integer(attribute::NAS_PORT_TYPE, ETHERNET)?;
            request.push_text(attribute::CALLED_STATION_ID, "02-00-00-00-00-FE")?;
            request.push_text(attribute::CALLING_STATION_ID, &self.station_id)
        };
        push().map_err(|error| error.to_string())?;
        Ok(request)
    }

    fn exchange(&self, socket: &UdpSocket, request: PacketBuilder) -> Result<Vec<u8>, String> {
        let request = request.seal(&self.secret);
        let authenticator: [u8; 16] = request
            .get(4..20)
            .and_then(|octets| octets.try_into().ok())
            .unwrap_or_default();
        let mut buffer = [0; 4096];
        for _ in 0..3 {
            socket.send(&request).map_err(|error| error.to_string())?;
            while let Ok(length) = socket.recv(&mut buffer) {
                let bytes = &buffer[..length];
                let Ok(reply) = Packet::parse(bytes) else {
                    continue;
                };
                if Some(&reply.identifier()) != request.get(1) {
                    // The answer to an earlier copy.
                    continue;
                }
                return match reply.verify_reply(&authenticator, &self.secret) {
                    // FreeRADIUS 3.2.1 signs only answers that carry EAP.
                    Ok(()) | Err(ReplyFault::MessageAuthenticatorMissing) => Ok(bytes.to_vec()),
                    Err(fault) => Err(fault.to_string()),
                };
            }
        }
        Err("no answer".into())
    }
}

/// Randomness of a simulated supplicant. It protects nothing, so it need not be strong.
fn fill(octets: &mut [u8]) {
    for chunk in octets.chunks_mut(8) {
        chunk.copy_from_slice(&fresh_authenticator()[..chunk.len()]);
    }
}
