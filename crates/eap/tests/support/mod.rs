//! A small PKI, a server, a supplicant, and the wire between them.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "shared by several test programs; a failing test should panic"
)]

pub mod stranger;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nac_eap::peer::{Peer, PeerMachine, PeerMethod, PeerSettings, PeerStep, PeerSuccess, PeerTls};
use nac_eap::{
    Answer, CertificateDer, Conversation, CryptoBinding, InnerMethod, Method, PrivateKeyDer,
    Question, Random, Reason, ServerTls, Settings, Step, Success, TlsVersions, mschapv2,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// 1 June 2026.
pub const NOW: Duration = Duration::from_secs(1_780_272_000);
pub const LIFETIME_S: u64 = 8 * 3600;
/// What the server calls whoever it lets in.
pub const HOLDER: &str = "somebody";

pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub fn issue(
        &self,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
        until: (i32, u8, u8),
    ) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    }
}

pub struct Pki {
    pub authority: Authority,
    pub other_authority: Authority,
    pub server: Identity,
    pub client: Identity,
    pub expired_client: Identity,
    /// Valid until 2 June 2026, 00:00.
    pub short_client: Identity,
    pub foreign_client: Identity,
}

pub fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        let authority = Authority::new("Test CA");
        let other_authority = Authority::new("Other CA");
        let client = ExtendedKeyUsagePurpose::ClientAuth;
        Pki {
            server: authority.issue(
                "radius.example.org",
                ExtendedKeyUsagePurpose::ServerAuth,
                (2036, 1, 1),
            ),
            client: authority.issue("alice", client.clone(), (2036, 1, 1)),
            expired_client: authority.issue("late", client.clone(), (2026, 5, 1)),
            short_client: authority.issue("brief", client.clone(), (2026, 6, 2)),
            foreign_client: other_authority.issue("mallory", client, (2036, 1, 1)),
            authority,
            other_authority,
        }
    })
}

pub fn copy(identity: &Identity) -> Identity {
    (identity.0.clone(), identity.1.clone_key())
}

pub fn server_tls(versions: TlsVersions) -> Arc<ServerTls> {
    let (chain, key) = copy(&pki().server);
    let ca = vec![pki().authority.certificate()];
    Arc::new(ServerTls::new(chain, key, ca, versions, LIFETIME_S).unwrap())
}

pub fn settings_of(tls: &Arc<ServerTls>, methods: &[Method]) -> Arc<Settings> {
    Arc::new(Settings {
        methods: methods.to_vec(),
        inner_methods: InnerMethod::ALL.to_vec(),
        crypto_binding: CryptoBinding::Optional,
        tls: Arc::clone(tls),
        max_rounds: 50,
        timeout: Duration::from_secs(60),
    })
}

pub fn peer_tls(versions: TlsVersions, identity: Option<&Identity>) -> Arc<PeerTls> {
    let ca = vec![pki().authority.certificate()];
    Arc::new(PeerTls::new(ca, None, identity.map(copy), versions).unwrap())
}

/// A deterministic stand-in for a random source. Every caller gets other bytes.
pub fn random() -> Random {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let mut state = SEED
        .fetch_add(1, Ordering::Relaxed)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Box::new(move |bytes| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
    })
}

pub const PASSWORD: &str = "pässword";

/// What the caller says to a success.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Refuse,
    /// The conversation is dropped: the NAS or the supplicant went away.
    Vanish,
}

pub struct Login {
    pub settings: Arc<Settings>,
    pub method: PeerMethod,
    pub tls: Arc<PeerTls>,
    pub password: &'static str,
    pub identity: &'static str,
    pub eap_mtu: usize,
    pub unix_time: Duration,
    pub verdict: Verdict,
    pub early: bool,
    pub crypto_binding: CryptoBinding,
    pub machine: Option<PeerMachine>,
    pub code: Option<&'static str>,
    pub new_password: Option<&'static str>,
}

#[derive(Debug)]
pub struct Outcome {
    pub server: Result<Success, Reason>,
    pub peer: Option<Result<PeerSuccess, Reason>>,
    /// Responses that the supplicant sent: one Access-Request each.
    pub responses: usize,
    pub asked: usize,
}

impl Outcome {
    #[track_caller]
    pub fn success(self) -> (Success, PeerSuccess) {
        let peer = self.peer.unwrap().unwrap();
        let server = self.server.unwrap();
        assert_eq!(*server.msk, peer.msk);
        assert_eq!(server.session_id, peer.session_id);
        assert_eq!(server.resumed, peer.resumed);
        assert_eq!(server.tls_version, peer.tls_version);
        (server, peer)
    }

    /// The codes with which the server and the supplicant ended.
    #[track_caller]
    pub fn codes(self) -> (&'static str, &'static str) {
        (
            self.server.unwrap_err().code,
            self.peer.unwrap().unwrap_err().code,
        )
    }
}

impl Login {
    pub fn new(settings: &Arc<Settings>, method: PeerMethod, tls: &Arc<PeerTls>) -> Self {
        Self {
            settings: Arc::clone(settings),
            method,
            tls: Arc::clone(tls),
            password: PASSWORD,
            identity: "alice",
            eap_mtu: 1386,
            unix_time: NOW,
            verdict: Verdict::Accept,
            early: false,
            crypto_binding: CryptoBinding::Optional,
            machine: None,
            code: None,
            new_password: None,
        }
    }

    pub fn conversation(&self) -> Conversation {
        let settings = Arc::clone(&self.settings);
        Conversation::new(
            settings,
            start_of_time(),
            self.unix_time,
            self.eap_mtu,
            random(),
        )
    }

    pub fn peer(&self) -> Peer {
        let settings = PeerSettings {
            method: self.method,
            identity: self.identity.to_owned(),
            anonymous_identity: (self.method != PeerMethod::Tls).then(|| "anonymous".to_owned()),
            password: Some(self.password.to_owned().into()),
            tls: Arc::clone(&self.tls),
            eap_mtu: self.eap_mtu,
        };
        let peer = Peer::new(Arc::new(settings), self.unix_time, random())
            .with_crypto_binding(self.crypto_binding);
        let peer = match &self.machine {
            Some(machine) => peer.with_machine(machine.clone()),
            None => peer,
        };
        let peer = match self.code {
            Some(code) => peer.with_code(code.to_owned().into()),
            None => peer,
        };
        let peer = match self.new_password {
            Some(password) => peer.with_new_password(password.to_owned().into()),
            None => peer,
        };
        if self.early {
            peer.with_early_credentials()
        } else {
            peer
        }
    }

    /// Carries packets between both sides until one has nothing more to say.
    pub fn run(&self) -> Outcome {
        let now = start_of_time();
        let (mut conversation, mut peer) = (self.conversation(), self.peer());
        let mut outcome = Outcome {
            server: Err(Reason {
                code: "none",
                sentence: String::new(),
                remedy: "",
            }),
            peer: None,
            responses: 0,
            asked: 0,
        };
        let mut to_peer = conversation.start();
        loop {
            assert!(
                to_peer.len() <= self.eap_mtu.max(64),
                "{} octets",
                to_peer.len()
            );
            let response = match peer.receive(&to_peer) {
                PeerStep::Response(response) => response,
                PeerStep::Success(success) => {
                    outcome.peer = Some(Ok(success));
                    return outcome;
                }
                PeerStep::Failure(reason) => {
                    outcome.peer = Some(Err(reason));
                    return outcome;
                }
                PeerStep::Ignore => return outcome,
            };
            assert!(
                response.len() <= self.eap_mtu.max(64),
                "{} octets",
                response.len()
            );
            outcome.responses += 1;
            let mut step = conversation.receive(now, &response);
            while let Step::Ask(question) = step {
                outcome.asked += 1;
                step = conversation.resume(now, answer(&question));
            }
            to_peer = match step {
                Step::Request(request) => request,
                Step::Success(success) => {
                    outcome.server = Ok(success);
                    match self.verdict {
                        Verdict::Accept => conversation.accept(HOLDER),
                        Verdict::Refuse => conversation.refuse(),
                        Verdict::Vanish => return outcome,
                    }
                }
                Step::Failure { packet, reason } => {
                    outcome.server = Err(reason);
                    packet
                }
                Step::Ignore(reason) => {
                    outcome.server = Err(reason);
                    return outcome;
                }
                Step::Ask(_) => unreachable!(),
            };
        }
    }
}

/// The code of the app of `carol`, who has to show one besides her password.
pub const CODE: &str = "287082";

/// `dave`'s password is right and over; he may choose one of at least four characters.
fn answer_about_dave(question: &Question) -> Option<Answer> {
    let refused = |code| {
        Answer::Refused(Reason {
            code,
            sentence: "no".to_owned(),
            remedy: "",
        })
    };
    match question {
        Question::NtHash { user } if user == "dave" => Some(Answer::ExpiredNtHash {
            nt_hash: mschapv2::nt_hash(PASSWORD).into(),
            reason: Reason {
                code: "ACC-2",
                sentence: "it is expired".to_owned(),
                remedy: "",
            },
        }),
        Question::NewPassword { user, password } if user == "dave" => {
            Some(match password.chars().count() >= 4 {
                true => Answer::Accepted,
                false => refused("ACC-3"),
            })
        }
        _ => None,
    }
}

fn answer_about_carol(question: &Question) -> Option<Answer> {
    let with_code = [PASSWORD, CODE].concat();
    match question {
        Question::Password {
            user,
            password,
            can_ask_for_code,
        } if user == "carol" => match password.as_slice() {
            sent if sent == PASSWORD.as_bytes() && *can_ask_for_code => Some(Answer::CodeNeeded),
            sent if sent == with_code.as_bytes() => Some(Answer::AcceptedWithCode),
            _ => None,
        },
        Question::Code { user, code } if user == "carol" && code.as_slice() == CODE.as_bytes() => {
            Some(Answer::Accepted)
        }
        _ => None,
    }
}

pub fn answer(question: &Question) -> Answer {
    let known = answer_about_carol(question).or_else(|| answer_about_dave(question));
    if let Some(answer) = known {
        return answer;
    }
    let refused = || {
        Answer::Refused(Reason {
            code: "ACC-1",
            sentence: "no such user".to_owned(),
            remedy: "Add the user.",
        })
    };
    match question {
        Question::Password { user, .. }
        | Question::NtHash { user }
        | Question::Code { user, .. }
        | Question::NewPassword { user, .. }
        | Question::Chap { user, .. }
            if mschapv2::account_name(user) != "alice" =>
        {
            refused()
        }
        Question::Password { password, .. } if password.as_slice() == PASSWORD.as_bytes() => {
            Answer::Accepted
        }
        Question::Password { .. } | Question::Code { .. } | Question::NewPassword { .. } => {
            refused()
        }
        Question::Chap {
            identifier,
            challenge,
            response,
            ..
        } => {
            use md5::Digest;
            let expected = md5::Md5::new()
                .chain_update([*identifier])
                .chain_update(PASSWORD)
                .chain_update(challenge)
                .finalize();
            match expected[..] == response[..] {
                true => Answer::Accepted,
                false => refused(),
            }
        }
        Question::NtHash { .. } => Answer::NtHash(mschapv2::nt_hash(PASSWORD).into()),
    }
}

/// Time does not pass unless a test says so.
pub fn start_of_time() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    #[allow(
        clippy::disallowed_methods,
        reason = "tests need one instant to begin from"
    )]
    *START.get_or_init(Instant::now)
}
