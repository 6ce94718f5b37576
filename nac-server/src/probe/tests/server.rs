//! A RADIUS server on loopback with one user, one printer and one fault.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use nac_eap::peer::{PeerMethod, PeerSettings, PeerTls};
use nac_eap::{
    Answer, Conversation, CryptoBinding, InnerMethod, Method, Question, ServerTls, Settings, Step,
    TlsVersions, mschapv2,
};
use nac_pki::{Authority, ClientSubject, pem_certificates, pem_key};
use nac_radius::vendor::{MICROSOFT, microsoft};
use nac_radius::{
    Code, MacAddr, MessageAuthenticator, Packet, PacketBuilder, Secret, attribute,
    chap_password_valid, chap_response,
};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::probe::Credentials;

pub(super) const SECRET: &str = "xyzzy5461-and-then-some";
pub(super) const PASSWORD: &str = "pässword";
pub(super) const CLASS: &[u8] = b"session-1";

/// What this server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    DropFirst,
    WrongSecret,
    ForgeryFirst,
    NoMessageAuthenticator,
    MessageAuthenticatorLast,
    WrongKeys,
    NoKeys,
    NoKeyName,
    NoProof,
    EarlySuccess,
}

/// Serves until it is dropped.
pub(super) struct FakeServer {
    pub(super) address: SocketAddr,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
    _task: JoinSet<()>,
}

struct Pki {
    authority: Authority,
    other: Authority,
    server: (String, Zeroizing<String>),
    client: (String, Zeroizing<String>),
}

fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        let now =
            i64::try_from(unix_time().as_secs()).expect("a clock before the year 292277026596");
        let authority = Authority::create("Test CA", now, 30).expect("a CA");
        let names = ["radius.example.org".to_owned()];
        let server = authority
            .issue_server(&names, now, 30)
            .expect("a server certificate");
        let client = ClientSubject::User("alice@example.org");
        let client = authority
            .issue_client(client, now, 30)
            .expect("a client certificate");
        Pki {
            other: Authority::create("Other CA", now, 30).expect("a CA"),
            server: (server.certificate_pem, server.key_pem),
            client: (client.certificate_pem, client.key_pem),
            authority,
        }
    })
}

fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970")
}

pub(super) fn peer_tls(versions: TlsVersions, certificate: bool) -> Arc<PeerTls> {
    let ca = pem_certificates(pki().authority.certificate_pem()).expect("a CA");
    let (chain, key) = &pki().client;
    let identity = certificate.then(|| {
        (
            pem_certificates(chain).expect("a chain"),
            pem_key(key).expect("a key"),
        )
    });
    let name = Some("radius.example.org".to_owned());
    Arc::new(PeerTls::new(ca, name, identity, versions).expect("TLS"))
}

/// Trusts another CA.
pub(super) fn distrusting_tls() -> Arc<PeerTls> {
    let ca = pem_certificates(pki().other.certificate_pem()).expect("a CA");
    Arc::new(PeerTls::new(ca, None, None, TlsVersions::Both).expect("TLS"))
}

pub(super) fn eap(
    method: PeerMethod,
    password: &str,
    tls: Arc<PeerTls>,
    eap_mtu: usize,
) -> Credentials {
    Credentials::eap(PeerSettings {
        method,
        identity: "alice".to_owned(),
        anonymous_identity: (method != PeerMethod::Tls).then(|| "anonymous".to_owned()),
        password: Some(Zeroizing::new(password.to_owned())),
        tls,
        eap_mtu,
    })
}

fn wrong() -> nac_eap::Reason {
    nac_eap::Reason {
        code: "TEST-1",
        sentence: "the password is wrong".to_owned(),
        remedy: "Type it again.",
    }
}

impl FakeServer {
    pub(super) async fn start(fault: Fault) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let address = socket.local_addr().expect("its address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(serve(socket, fault, Arc::clone(&received)));
        Self {
            address,
            received,
            _task: task,
        }
    }

    /// Every datagram so far.
    pub(super) fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().expect("no panic").clone()
    }
}

async fn serve(socket: UdpSocket, fault: Fault, received: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut server = Server::new(fault);
    let mut buffer = vec![0; 4096];
    while let Ok((length, source)) = socket.recv_from(&mut buffer).await {
        let datagram = &buffer[..length];
        let count = {
            let mut received = received.lock().expect("no panic");
            received.push(datagram.to_vec());
            received.len()
        };
        if fault == Fault::DropFirst && count == 1 {
            continue;
        }
        let Ok(request) = Packet::parse(datagram) else {
            continue;
        };
        let Some(reply) = server.answer(&request) else {
            continue;
        };
        if fault == Fault::ForgeryFirst {
            let mut forged = reply.clone();
            forged[19] ^= 1;
            let _ = socket.send_to(&forged, source).await;
        }
        let _ = socket.send_to(&reply, source).await;
    }
}

struct Server {
    fault: Fault,
    secret: Secret,
    settings: Arc<Settings>,
    conversations: HashMap<Vec<u8>, Conversation>,
    next_state: u64,
}

impl Server {
    fn new(fault: Fault) -> Self {
        let (chain, key) = &pki().server;
        let ca = pem_certificates(pki().authority.certificate_pem()).expect("a CA");
        let (chain, key) = (
            pem_certificates(chain).expect("a chain"),
            pem_key(key).expect("a key"),
        );
        let tls = ServerTls::new(chain, key, ca, TlsVersions::Both, 3600).expect("TLS");
        let settings = Settings {
            methods: vec![Method::Tls, Method::Peap, Method::Ttls, Method::Teap],
            inner_methods: InnerMethod::ALL.to_vec(),
            crypto_binding: CryptoBinding::Optional,
            tls: Arc::new(tls),
            max_rounds: 100,
            timeout: Duration::from_secs(60),
        };
        Self {
            fault,
            secret: Secret::new(SECRET),
            settings: Arc::new(settings),
            conversations: HashMap::new(),
            next_state: 0,
        }
    }

    fn answer(&mut self, request: &Packet<'_>) -> Option<Vec<u8>> {
        match request.code() {
            Code::AccountingRequest if request.request_authenticator_valid(&self.secret) => {
                Some(PacketBuilder::reply(Code::AccountingResponse, request).seal(&self.secret))
            }
            Code::AccessRequest | Code::StatusServer => {
                let genuine = request.message_authenticator(&self.secret);
                (genuine == MessageAuthenticator::Valid).then(|| self.access(request))
            }
            _ => None,
        }
    }

    fn access(&mut self, request: &Packet<'_>) -> Vec<u8> {
        if request.code() == Code::StatusServer {
            return PacketBuilder::reply(Code::AccessAccept, request).seal(&self.secret);
        }
        if let Some(message) = request.eap_message() {
            return self.eap(request, &message);
        }
        if request
            .vendor(MICROSOFT, microsoft::CHAP2_RESPONSE)
            .is_some()
        {
            return self.ms_chap_v2(request);
        }
        let name = request.text(attribute::USER_NAME).unwrap_or_default();
        let password = request.user_password(&self.secret).ok().flatten();
        let password = password.as_ref().map(|password| password.as_slice());
        let known = match name.parse::<MacAddr>() {
            Ok(_) => password == Some(name.as_bytes()),
            Err(_) => {
                name == "alice"
                    && (password == Some(PASSWORD.as_bytes())
                        || chap_password_valid(request, PASSWORD.as_bytes()))
            }
        };
        if known {
            self.accept(request, |_| {})
        } else {
            self.reject(request, |_| {})
        }
    }

    fn ms_chap_v2(&self, request: &Packet<'_>) -> Vec<u8> {
        let challenge = request
            .vendor(MICROSOFT, microsoft::CHAP_CHALLENGE)
            .unwrap_or_default();
        let challenge: [u8; 16] = challenge.try_into().expect("16 octets");
        let value = request
            .vendor(MICROSOFT, microsoft::CHAP2_RESPONSE)
            .unwrap_or_default();
        let peer_challenge: [u8; 16] = value[2..18].try_into().expect("16 octets");
        let response: [u8; 24] = value[26..50].try_into().expect("24 octets");
        let hash = mschapv2::nt_hash(PASSWORD);
        let user = request.text(attribute::USER_NAME).unwrap_or_default();
        let Some(proof) = mschapv2::verify(&hash, &challenge, &peer_challenge, &*user, &response)
        else {
            let error = [&value[..1], b"E=691 R=0 V=3"].concat();
            return self.reject(request, |reply| {
                reply
                    .push_vendor(MICROSOFT, microsoft::CHAP_ERROR, &error)
                    .expect("room");
            });
        };
        let proof = if self.fault == Fault::NoProof {
            "S=00".to_owned()
        } else {
            proof
        };
        let success = [&value[..1], proof.as_bytes()].concat();
        let (mut send, receive) = mschapv2::mppe_keys(&hash, &response);
        send[0] ^= u8::from(self.fault == Fault::WrongKeys);
        self.accept(request, |reply| {
            reply
                .push_vendor(MICROSOFT, microsoft::CHAP2_SUCCESS, &success)
                .expect("room");
            let mut push = |number, key: &[u8], salt| {
                let authenticator = request.authenticator();
                reply
                    .push_mppe_key(number, key, salt, authenticator, &self.secret)
                    .expect("room");
            };
            if self.fault != Fault::NoKeys {
                push(microsoft::MPPE_SEND_KEY, &send, [0x80, 1]);
                push(microsoft::MPPE_RECV_KEY, &receive, [0x80, 2]);
            }
        })
    }

    fn eap(&mut self, request: &Packet<'_>, message: &[u8]) -> Vec<u8> {
        let state = request.attribute(attribute::STATE);
        let mut conversation = match state.and_then(|state| self.conversations.remove(state)) {
            Some(conversation) => conversation,
            None => {
                let mtu = request.integer(attribute::FRAMED_MTU).expect("Framed-MTU") as usize - 4;
                let fill = |octets: &mut [u8]| aws_lc_rs::rand::fill(octets).expect("randomness");
                let settings = Arc::clone(&self.settings);
                Conversation::new(settings, Instant::now(), unix_time(), mtu, Box::new(fill))
            }
        };
        let mut step = conversation.receive(Instant::now(), message);
        if let Step::Ask(question) = &step {
            let answer = match question {
                Question::NtHash { .. } => {
                    Answer::NtHash(Zeroizing::new(mschapv2::nt_hash(PASSWORD)))
                }
                Question::Password { password, .. } if **password == PASSWORD.as_bytes() => {
                    Answer::Accepted
                }
                Question::Chap {
                    identifier,
                    challenge,
                    response,
                    ..
                } => {
                    let expected = chap_response(*identifier, PASSWORD.as_bytes(), challenge);
                    match expected == *response {
                        true => Answer::Accepted,
                        false => Answer::Refused(wrong()),
                    }
                }
                Question::Code { .. } | Question::NewPassword { .. } => Answer::Refused(wrong()),
                Question::Password { .. } => {
                    Answer::NtHash(Zeroizing::new(mschapv2::nt_hash(PASSWORD)))
                }
            };
            step = conversation.resume(Instant::now(), answer);
        }
        match step {
            Step::Request(packet) if self.fault == Fault::EarlySuccess && state.is_some() => {
                let success = [3, packet[1], 0, 4];
                self.accept(request, |reply| {
                    reply.push_eap_message(&success).expect("room")
                })
            }
            Step::Request(packet) => {
                self.next_state += 1;
                let state = self.next_state.to_be_bytes().to_vec();
                let mut reply = PacketBuilder::reply(Code::AccessChallenge, request);
                reply.push(attribute::STATE, &state).expect("room");
                reply.push_eap_message(&packet).expect("room");
                self.conversations.insert(state, conversation);
                reply.seal(&self.secret)
            }
            Step::Success(success) => {
                let packet = conversation.accept("");
                let mut msk = *success.msk;
                msk[40] ^= u8::from(self.fault == Fault::WrongKeys);
                self.accept(request, |reply| {
                    reply.push_eap_message(&packet).expect("room");
                    if self.fault != Fault::NoKeys {
                        let salts = [[0x80, 1], [0x80, 2]];
                        let authenticator = request.authenticator();
                        reply
                            .push_mppe_keys(&msk, salts, authenticator, &self.secret)
                            .expect("room");
                    }
                    let asked = request.attribute(attribute::EAP_KEY_NAME).is_some();
                    if asked && self.fault != Fault::NoKeyName {
                        reply
                            .push(attribute::EAP_KEY_NAME, &success.session_id)
                            .expect("room");
                    }
                })
            }
            Step::Failure { packet, .. } => self.reject(request, |reply| {
                reply.push_eap_message(&packet).expect("room")
            }),
            other => panic!("{other:?}"),
        }
    }

    fn accept(&self, request: &Packet<'_>, more: impl FnOnce(&mut PacketBuilder)) -> Vec<u8> {
        self.reply(Code::AccessAccept, request, |reply| {
            reply.push(attribute::CLASS, CLASS).expect("room");
            reply
                .push_integer(attribute::TUNNEL_TYPE, 13)
                .expect("room");
            reply
                .push_integer(attribute::TUNNEL_MEDIUM_TYPE, 6)
                .expect("room");
            reply
                .push_text(attribute::TUNNEL_PRIVATE_GROUP_ID, "10")
                .expect("room");
            reply
                .push_text(attribute::FILTER_ID, "staff")
                .expect("room");
            reply
                .push_integer(attribute::SESSION_TIMEOUT, 3600)
                .expect("room");
            more(reply);
        })
    }

    fn reject(&self, request: &Packet<'_>, more: impl FnOnce(&mut PacketBuilder)) -> Vec<u8> {
        self.reply(Code::AccessReject, request, |reply| {
            if !request.has_eap_message() {
                reply
                    .push_text(attribute::REPLY_MESSAGE, "no")
                    .expect("room");
            }
            more(reply);
        })
    }

    fn reply(
        &self,
        code: Code,
        request: &Packet<'_>,
        fill: impl FnOnce(&mut PacketBuilder),
    ) -> Vec<u8> {
        let unsigned = matches!(
            self.fault,
            Fault::NoMessageAuthenticator | Fault::MessageAuthenticatorLast
        );
        let (identifier, authenticator) = (request.identifier(), *request.authenticator());
        let mut reply = match unsigned {
            true => PacketBuilder::unsigned_request(code, identifier, authenticator),
            false => PacketBuilder::reply(code, request),
        };
        fill(&mut reply);
        match self.fault {
            Fault::WrongSecret => reply.seal(&Secret::new("another secret")),
            Fault::MessageAuthenticatorLast => {
                sign_at_the_end(reply.seal(&self.secret), &authenticator)
            }
            _ => reply.seal(&self.secret),
        }
    }
}

/// Adds a valid Message-Authenticator as the last attribute, as many servers did.
fn sign_at_the_end(mut reply: Vec<u8>, request_authenticator: &[u8; 16]) -> Vec<u8> {
    reply.extend_from_slice(&[attribute::MESSAGE_AUTHENTICATOR, 18]);
    reply.extend_from_slice(&[0; 16]);
    let length = u16::try_from(reply.len()).expect("a short packet");
    reply[2..4].copy_from_slice(&length.to_be_bytes());
    reply[4..20].copy_from_slice(request_authenticator);
    let mut mac = Hmac::<Md5>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(&reply);
    let end = reply.len() - 16;
    reply[end..].copy_from_slice(&mac.finalize().into_bytes());
    let digest = Md5::new()
        .chain_update(&reply)
        .chain_update(SECRET)
        .finalize();
    reply[4..20].copy_from_slice(&digest);
    reply
}
