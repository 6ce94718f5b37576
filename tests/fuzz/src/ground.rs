//! What all EAP targets stand on: a small PKI, servers, answers of the world, and a source of "random" octets.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use nac_eap::peer::PeerTls;
use nac_eap::{
    Answer, CertificateDer, CryptoBinding, InnerMethod, Method, PrivateKeyDer, Question, Random,
    Reason, ServerTls, Settings, TlsVersions, mschapv2,
};
use nac_pki::{Authority, ClientSubject, Issued, pem_certificates, pem_key};

/// 1 June 2026.
pub(crate) const NOW: Duration = Duration::from_secs(1_780_272_000);
/// All methods that the server offers.
pub(crate) const METHODS: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];
/// TLS versions, by the number that an input picks.
pub(crate) const VERSIONS: [TlsVersions; 3] =
    [TlsVersions::Both, TlsVersions::Only12, TlsVersions::Only13];
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "pässword";

const LIFETIME_DAYS: u32 = 3_000;

/// Certificates, keys and the server's TLS set-ups, made once.
pub(crate) struct Ground {
    authority: CertificateDer<'static>,
    client: Issued,
    servers: [Arc<ServerTls>; 3],
}

/// The one ground of this process.
pub(crate) static GROUND: LazyLock<Ground> = LazyLock::new(Ground::new);

/// One instant: time does not pass in a target.
pub(crate) static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Ground {
    fn new() -> Self {
        let now = NOW.as_secs().cast_signed();
        let authority = Authority::create("Fuzz CA", now, LIFETIME_DAYS).expect("an authority");
        let server = authority.issue_server(&["radius.example.org".to_owned()], now, LIFETIME_DAYS);
        let server = server.expect("a server's certificate");
        let client = authority.issue_client(ClientSubject::User(USER), now, LIFETIME_DAYS);
        let root = pem_certificates(authority.certificate_pem())
            .expect("a certificate")
            .remove(0);
        let tls = |versions| {
            let (chain, key) = identity(&server);
            let tls = ServerTls::new(chain, key, vec![root.clone()], versions, 8 * 3600);
            Arc::new(tls.expect("a TLS set-up"))
        };
        Self {
            servers: VERSIONS.map(tls),
            client: client.expect("a client's certificate"),
            authority: root,
        }
    }

    /// The server's settings. `first` is the method that it proposes.
    pub(crate) fn settings(&self, version: usize, first: Method) -> Arc<Settings> {
        let mut methods = vec![first];
        methods.extend(METHODS.into_iter().filter(|method| *method != first));
        Arc::new(Settings {
            methods,
            inner_methods: InnerMethod::ALL.to_vec(),
            crypto_binding: CryptoBinding::Optional,
            tls: Arc::clone(&self.servers[version % self.servers.len()]),
            max_rounds: 50,
            timeout: Duration::from_secs(60),
        })
    }

    /// A supplicant that has no sessions yet, with or without a certificate.
    pub(crate) fn peer_tls(&self, with_certificate: bool) -> Arc<PeerTls> {
        let identity = with_certificate.then(|| identity(&self.client));
        let tls = PeerTls::new(
            vec![self.authority.clone()],
            None,
            identity,
            TlsVersions::Both,
        );
        Arc::new(tls.expect("a TLS set-up"))
    }

    /// The certificate that the server's is issued under.
    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        self.authority.clone()
    }

    /// Forgets resumable sessions, so that no input meets what another left behind.
    pub(crate) fn forget(&self) {
        for server in &self.servers {
            server.forget_sessions();
        }
    }
}

fn identity(issued: &Issued) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = pem_certificates(&issued.certificate_pem).expect("a certificate");
    (chain, pem_key(&issued.key_pem).expect("a key"))
}

/// The same octets in every run.
pub(crate) fn random(seed: u64) -> Random {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Box::new(move |octets| {
        for octet in octets {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *octet = (state >> 32).to_le_bytes()[0];
        }
    })
}

/// What a world that knows one user says.
pub(crate) fn truth(question: &Question) -> Answer {
    match question {
        Question::Password { user, password, .. }
            if mschapv2::account_name(user) == USER
                && password.as_slice() == PASSWORD.as_bytes() =>
        {
            Answer::Accepted
        }
        Question::NtHash { user } if mschapv2::account_name(user) == USER => {
            Answer::NtHash(mschapv2::nt_hash(PASSWORD).into())
        }
        _ => refusal(),
    }
}

/// A refusal by the world.
pub(crate) fn refusal() -> Answer {
    Answer::Refused(Reason {
        code: "ACC-1",
        sentence: "no such user".to_owned(),
        remedy: "Add the user.",
    })
}
