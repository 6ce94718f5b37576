//! The supplicant of `crates/eap` behind a switch: logs in step by step, and can break off anywhere.
//!
//! eapol_test is the supplicant that proves interoperability. This one is for what eapol_test cannot do:
//! stop in the middle, carry a TLS session from one method to another, resume after something changed.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nac_eap::peer::{Peer, PeerMethod, PeerSettings, PeerStep, PeerSuccess, PeerTls};
use nac_eap::{CertificateDer, PrivateKeyDer, TlsVersions};
use rustls_pki_types::pem::PemObject;

use crate::exchange::{Exchange, fresh_authenticator};
use crate::pki::Credential;
use crate::wire::{Packet, Request, attribute, code as packet_code};

/// Framed-MTU 1400 less 4 (RFC 3580 section 3.10).
const EAP_MTU: usize = 1396;

/// Who logs in and how.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The method.
    pub method: PeerMethod,
    /// The inner identity.
    pub identity: String,
    /// The password, for tunnel methods.
    pub password: String,
    /// Trust anchors and resumable sessions; two profiles that share it share sessions.
    pub tls: Arc<PeerTls>,
    /// The station's MAC.
    pub mac: [u8; 6],
}

/// How a login ended.
#[derive(Debug)]
pub struct Login {
    /// The last answer of the server.
    pub reply: Packet,
    /// The supplicant's keys, when both sides agree that it succeeded.
    pub success: Option<PeerSuccess>,
    /// Requests that were sent.
    pub rounds: usize,
}

impl Login {
    /// Whether the server let the supplicant in.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.reply.code == packet_code::ACCESS_ACCEPT
    }

    /// Whether it did so on a resumed session.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.success.as_ref().is_some_and(|success| success.resumed)
    }
}

/// TLS for a supplicant, from PEM files.
///
/// # Panics
///
/// When the files are not what they should be.
#[must_use]
pub fn tls(ca: &Path, credential: Option<&Credential>, versions: TlsVersions) -> Arc<PeerTls> {
    let certificates = |path: &Path| -> Vec<CertificateDer<'static>> {
        let found = CertificateDer::pem_file_iter(path).expect("a certificate file can be read");
        found
            .map(|found| found.expect("it holds certificates"))
            .collect()
    };
    let identity = credential.map(|credential| {
        let key = PrivateKeyDer::from_pem_file(&credential.key).expect("a key file can be read");
        (certificates(&credential.certificate), key)
    });
    let tls = PeerTls::new(certificates(ca), None, identity, versions);
    Arc::new(tls.expect("the files fit together"))
}

/// Logs in to the end.
#[must_use]
pub fn log_in(client: &Exchange, profile: &Profile) -> Login {
    run(client, profile, Answers::default(), usize::MAX).expect("nothing breaks the login off")
}

/// Logs in behind a switch that names the session by this Acct-Session-Id, and falls silent after so many requests. Gives everything
/// that was asked and answered.
#[must_use]
pub fn recorded(
    client: &Exchange,
    profile: &Profile,
    session: &str,
    requests: usize,
) -> (Option<Login>, Vec<Asked>) {
    let answers = Answers {
        session: Some(session),
        ..Answers::default()
    };
    let mut asked = Vec::new();
    let login = run_and_record(client, profile, answers, requests, &mut asked);
    (login, asked)
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What was sent.
    pub request: Request,
    /// What came back.
    pub reply: Packet,
}

/// Logs in to the end, with this code of an authenticator app for a second prompt of EAP-GTC.
///
/// # Panics
///
/// As [`log_in`].
#[must_use]
pub fn log_in_with_code(client: &Exchange, profile: &Profile, code: &str) -> Login {
    let answers = Answers {
        code: Some(code),
        ..Answers::default()
    };
    run(client, profile, answers, usize::MAX).expect("nothing breaks the login off")
}

/// Logs in to the end, and chooses this password when the present one is expired.
///
/// # Panics
///
/// As [`log_in`].
#[must_use]
pub fn log_in_with_new_password(client: &Exchange, profile: &Profile, password: &str) -> Login {
    let answers = Answers {
        new_password: Some(password),
        ..Answers::default()
    };
    run(client, profile, answers, usize::MAX).expect("nothing breaks the login off")
}

/// Logs in to the end, or gives up when the server does not answer however often it is asked.
#[must_use]
pub fn try_log_in(client: &Exchange, profile: &Profile) -> Option<Login> {
    let answers = Answers {
        gives_up: true,
        ..Answers::default()
    };
    run(client, profile, answers, usize::MAX)
}

/// What somebody in front of the supplicant answers when it asks, and the switch behind it.
#[derive(Clone, Copy, Default)]
struct Answers<'a> {
    code: Option<&'a str>,
    new_password: Option<&'a str>,
    session: Option<&'a str>,
    /// A server that stays silent ends the login, and otherwise the test.
    gives_up: bool,
}

/// Sends at most `requests` requests, then falls silent. `None` when it broke off before the end.
#[must_use]
pub fn break_off(client: &Exchange, profile: &Profile, requests: usize) -> Option<Login> {
    run(client, profile, Answers::default(), requests)
}

impl Profile {
    /// The name that is said outside the tunnel, if there is one.
    #[must_use]
    pub fn outer_identity(&self) -> &str {
        match self.method {
            PeerMethod::Tls => &self.identity,
            _ => "anonymous",
        }
    }

    /// A supplicant that has not begun.
    #[must_use]
    pub fn peer(&self) -> Peer {
        let tunnelled = self.method != PeerMethod::Tls;
        let settings = PeerSettings {
            method: self.method,
            identity: self.identity.clone(),
            anonymous_identity: tunnelled.then(|| self.outer_identity().to_owned()),
            password: tunnelled.then(|| self.password.clone().into()),
            tls: Arc::clone(&self.tls),
            eap_mtu: EAP_MTU,
        };
        let clock = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Peer::new(Arc::new(settings), clock, Box::new(fill))
    }
}

fn run(client: &Exchange, profile: &Profile, answers: Answers<'_>, limit: usize) -> Option<Login> {
    run_and_record(client, profile, answers, limit, &mut Vec::new())
}

fn run_and_record(
    client: &Exchange,
    profile: &Profile,
    answers: Answers<'_>,
    limit: usize,
    asked: &mut Vec<Asked>,
) -> Option<Login> {
    let outer = profile.outer_identity();
    let mut peer = profile.peer();
    if let Some(code) = answers.code {
        peer = peer.with_code(code.to_owned().into());
    }
    if let Some(password) = answers.new_password {
        peer = peer.with_new_password(password.to_owned().into());
    }
    // The switch asks for the identity by itself (RFC 3579 section 2.1).
    let mut packet = vec![1, 1, 0, 5, 1];
    let mut last: Option<Packet> = None;
    for rounds in 0..60 {
        let response = match peer.receive(&packet) {
            PeerStep::Response(response) => response,
            PeerStep::Success(success) => {
                return last.map(|reply| Login {
                    reply,
                    success: Some(success),
                    rounds,
                });
            }
            PeerStep::Failure(_) | PeerStep::Ignore => {
                return last.map(|reply| Login {
                    reply,
                    success: None,
                    rounds,
                });
            }
        };
        if rounds == limit {
            return None;
        }
        let mac = hex::encode(profile.mac);
        let mut request = client
            .request(packet_code::ACCESS_REQUEST, rounds as u8)
            .with_message_authenticator()
            .with(attribute::USER_NAME, outer)
            .with(attribute::CALLING_STATION_ID, mac)
            .with(attribute::NAS_PORT_TYPE, 15_u32.to_be_bytes())
            .with(attribute::FRAMED_MTU, 1400_u32.to_be_bytes());
        if let Some(state) = last
            .as_ref()
            .and_then(|reply| reply.first(attribute::STATE))
        {
            request = request.with(attribute::STATE, state);
        }
        if let Some(session) = answers.session {
            request = request.with(attribute::ACCT_SESSION_ID, session);
        }
        let request = request.with_eap(&response);
        let reply = match client.ask(&request.bytes()) {
            None if answers.gives_up => return None,
            reply => reply.expect("the server answers"),
        };
        packet = reply.eap();
        asked.push(Asked {
            request,
            reply: reply.clone(),
        });
        last = Some(reply);
    }
    panic!("the login did not end within 60 rounds");
}

/// Randomness of a simulated supplicant. It protects nothing, so it need not be strong.
fn fill(octets: &mut [u8]) {
    for chunk in octets.chunks_mut(8) {
        chunk.copy_from_slice(&fresh_authenticator()[..chunk.len()]);
    }
}
