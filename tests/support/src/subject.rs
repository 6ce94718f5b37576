//! The server under test, whichever it is.
//!
//! `NAC_TEST_SUBJECT=freeradius` runs the same cases against FreeRADIUS; without it they run against
//! this project's `nac`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::exchange::Exchange;
use crate::freeradius::FreeRadius;
use crate::nac::Nac;
use crate::pki::Credential;
use crate::wire::{Packet, code};
use crate::{cast, directory};

/// Which server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubjectKind {
    /// The program of this repository.
    Nac,
    /// FreeRADIUS 3.2 of the distribution.
    FreeRadius,
}

impl SubjectKind {
    /// The one that the environment names.
    ///
    /// # Panics
    ///
    /// When `NAC_TEST_SUBJECT` names neither.
    #[must_use]
    pub fn of_environment() -> Self {
        match std::env::var("NAC_TEST_SUBJECT").as_deref() {
            Err(_) | Ok("" | "nac") => Self::Nac,
            Ok("freeradius") => Self::FreeRadius,
            Ok(other) => {
                panic!("NAC_TEST_SUBJECT is `{other}`; known subjects are `nac` and `freeradius`")
            }
        }
    }
}

/// A user with a password.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// Whether the password is stored so that MS-CHAPv2 can check it.
    pub mschap: bool,
}

/// What the server is given before it starts.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Users, all of them staff.
    pub accounts: Vec<Account>,
    /// Registered printers.
    pub printers: Vec<[u8; 6]>,
    /// Whether TLS sessions may be resumed.
    pub resumption: bool,
    /// Whether revoked certificates are looked up (only FreeRADIUS can leave it out).
    pub revocation: bool,
    /// `postgres://…`: a server on which it gets a database of its own; a SQLite file when there is none.
    pub database: Option<String>,
    /// Whether FreeRADIUS looks users and devices up in a flat file instead of a database.
    pub flat_file: bool,
    /// The cores that it may use, as `taskset` writes them; all of them when nothing is said.
    pub cores: Option<String>,
}

impl Default for Plan {
    /// The cast of the tests.
    fn default() -> Self {
        let account = |name: &str, password: &str| Account {
            name: name.to_owned(),
            password: password.to_owned(),
            mschap: true,
        };
        Self {
            accounts: vec![
                account(cast::USER, cast::PASSWORD),
                account(cast::OTHER_USER, cast::OTHER_PASSWORD),
            ],
            printers: vec![cast::PRINTER],
            resumption: true,
            revocation: true,
            database: None,
            flat_file: false,
            cores: None,
        }
    }
}

/// A running server under test.
#[derive(Debug)]
pub enum Subject {
    /// This project's program.
    Nac(Box<Nac>),
    /// FreeRADIUS.
    FreeRadius(Box<FreeRadius>),
}

impl Subject {
    /// A server of the caller's own, with the usual cast.
    #[must_use]
    pub fn start() -> Self {
        Self::start_as(SubjectKind::of_environment(), &Plan::default())
    }

    /// A server of the caller's own.
    #[must_use]
    pub fn start_as(kind: SubjectKind, plan: &Plan) -> Self {
        Self::launch(kind, plan, false)
    }

    /// The server that all tests of this process share. Tests that change the server start their own.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Subject> = OnceLock::new();
        SHARED.get_or_init(|| Self::launch(SubjectKind::of_environment(), &Plan::default(), true))
    }

    fn launch(kind: SubjectKind, plan: &Plan, shared: bool) -> Self {
        match kind {
            SubjectKind::Nac => Self::Nac(Box::new(Nac::start(plan, shared))),
            SubjectKind::FreeRadius => Self::FreeRadius(Box::new(FreeRadius::start(plan, shared))),
        }
    }

    /// Which server this is.
    #[must_use]
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Nac(_) => SubjectKind::Nac,
            Self::FreeRadius(_) => SubjectKind::FreeRadius,
        }
    }

    /// Where it takes Access-Requests.
    #[must_use]
    pub fn auth(&self) -> SocketAddr {
        match self {
            Self::Nac(nac) => nac.auth,
            Self::FreeRadius(freeradius) => freeradius.auth,
        }
    }

    /// Where it takes Accounting-Requests.
    #[must_use]
    pub fn acct(&self) -> SocketAddr {
        match self {
            Self::Nac(nac) => nac.acct,
            Self::FreeRadius(freeradius) => freeradius.acct,
        }
    }

    /// Where it takes RADIUS over TLS.
    #[must_use]
    pub fn radsec(&self) -> SocketAddr {
        match self {
            Self::Nac(nac) => nac.radsec,
            Self::FreeRadius(freeradius) => freeradius.radsec,
        }
    }

    /// The certificate of a NAS at 127.0.0.1.
    #[must_use]
    pub fn nas(&self) -> &Credential {
        match self {
            Self::Nac(nac) => &nac.nas,
            Self::FreeRadius(freeradius) => &freeradius.nas,
        }
    }

    /// The CA that supplicants must trust.
    #[must_use]
    pub fn ca(&self) -> &Path {
        match self {
            Self::Nac(nac) => &nac.ca,
            Self::FreeRadius(freeradius) => &freeradius.ca,
        }
    }

    /// A CA that this server's certificate does not come from.
    #[must_use]
    pub fn unknown_ca(&self) -> &Path {
        match self {
            Self::Nac(nac) => &nac.unknown_ca,
            Self::FreeRadius(freeradius) => &freeradius.unknown_ca,
        }
    }

    /// The certificate of [`cast::USER`].
    #[must_use]
    pub fn credential(&self) -> &Credential {
        match self {
            Self::Nac(nac) => &nac.credential,
            Self::FreeRadius(freeradius) => &freeradius.credential,
        }
    }

    /// The certificate of [`cast::REVOKED_USER`].
    #[must_use]
    pub fn revoked(&self) -> &Credential {
        match self {
            Self::Nac(nac) => &nac.revoked,
            Self::FreeRadius(freeradius) => &freeradius.revoked,
        }
    }

    /// The process id of the server, for accounting of CPU time and memory.
    #[must_use]
    pub fn pid(&self) -> u32 {
        match self {
            Self::Nac(nac) => nac.service.pid(),
            Self::FreeRadius(freeradius) => freeradius.service.pid(),
        }
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        match self {
            Self::Nac(nac) => nac.service.log(),
            Self::FreeRadius(freeradius) => freeradius.log(),
        }
    }

    /// A client of the authentication port.
    #[must_use]
    pub fn client(&self) -> Exchange {
        Exchange::new(self.auth(), cast::SECRET)
    }

    /// A client of the accounting port.
    #[must_use]
    pub fn accounting_client(&self) -> Exchange {
        Exchange::new(self.acct(), cast::SECRET)
    }

    /// Runs `case`. On FreeRADIUS the case must fail, because of the fault that `fault` describes: a
    /// case that begins to pass there is as much news as one that fails here.
    ///
    /// # Panics
    ///
    /// When the case fails, or on FreeRADIUS when it does not.
    pub fn unless_freeradius(&self, fault: &str, case: impl FnOnce()) {
        match self.kind() {
            SubjectKind::Nac => case(),
            SubjectKind::FreeRadius => {
                let outcome = directory::expecting_failure(|| catch_unwind(AssertUnwindSafe(case)));
                assert!(
                    outcome.is_err(),
                    "FreeRADIUS no longer shows this fault: {fault}"
                );
            }
        }
    }
}

/// Loopback addresses that are free for UDP and TCP. They lie below the range from which the system gives ports to whoever
/// connects, so they stay free until the server takes them.
#[must_use]
pub fn free_ports<const N: usize>() -> [SocketAddr; N] {
    std::array::from_fn(|_| free_port())
}

fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const LAST: u16 = 32_000;
    // Test processes that run side by side begin at different places.
    let first = 10_000 + (std::process::id() % 100) as u16 * 200;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % (LAST - first);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Whether a RADIUS server answers Status-Server there (RFC 5997).
#[must_use]
pub fn is_answering(server: SocketAddr) -> bool {
    let client = Exchange::new(server, cast::SECRET);
    let request = client
        .request(code::STATUS_SERVER, 1)
        .with_message_authenticator()
        .bytes();
    client.send(&request);
    client
        .receive(Duration::from_millis(200))
        .is_some_and(|bytes| Packet::parse(&bytes).is_some())
}
