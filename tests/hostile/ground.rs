//! The server under attack, and what must still be true of it afterwards.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nac_eap::TlsVersions;
use nac_eap::peer::PeerMethod;
use nac_test_support::exchange::Exchange;
use nac_test_support::nac::Nac;
use nac_test_support::subject::Plan;
use nac_test_support::supplicant::{Profile, log_in, tls};
use nac_test_support::wire::{Packet, Request, attribute, code};
use nac_test_support::{cast, wait};

/// Where no client is configured.
pub(crate) const STRANGER: &str = "127.200.0.1:0";
/// A NAS that may ask without Message-Authenticator. All of 127.190.0.0/24 may.
pub(crate) const LEGACY: &str = "127.190.0.1:0";
/// Another client with the same secret.
pub(crate) const NEIGHBOUR: &str = "127.191.0.1:0";
/// What the server may hold in memory whatever happens, in octets.
pub(crate) const MEMORY: u64 = 512 << 20;
/// How long the server may take to do what it should do at once. Generous: the machine may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A server whose clients are 127.0.0.0/9, [`LEGACY`] with its network, and [`NEIGHBOUR`].
pub(crate) struct Ground {
    pub(crate) nac: Nac,
    calm_rss: u64,
}

impl Ground {
    /// The one that all attacks of this process share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Ground> = OnceLock::new();
        SHARED.get_or_init(|| Self::start_as(true))
    }

    /// The one that the floods share; they leave what belongs to others in peace.
    pub(crate) fn flooded() -> &'static Self {
        static FLOODED: OnceLock<Ground> = OnceLock::new();
        FLOODED.get_or_init(|| Self::start_as(true))
    }

    /// One of the caller's own.
    pub(crate) fn start() -> Self {
        Self::start_as(false)
    }

    fn start_as(shared: bool) -> Self {
        let nac = Nac::start(&Plan::default(), shared);
        let secret = nac.directory().write_private("secret-again", cast::SECRET);
        let secret = secret.display().to_string();
        let add = |name, address, more: &[&str]| {
            let arguments = [
                "client",
                "add",
                name,
                "--address",
                address,
                "--secret-file",
                &secret,
            ];
            nac.command(&[&arguments[..], more].concat());
        };
        nac.command(&["client", "set", "lab", "--address", "127.0.0.0/9"]);
        add("neighbour", "127.191.0.1/32", &[]);
        add(
            "legacy",
            "127.190.0.0/24",
            &["--message-authenticator", "legacy"],
        );
        // The last of the changes is in force, and so are those before it.
        let legacy = Exchange::from(LEGACY, nac.auth, cast::SECRET);
        let heard = wait::until(SOON, || {
            legacy.send(&pap(&legacy, 1, false).bytes());
            legacy.receive(Duration::from_millis(300)).is_some()
        });
        assert!(heard, "the clients are not known:\n{}", nac.service.log());
        let ground = Self { nac, calm_rss: 0 };
        ground.still_serves();
        let calm_rss = ground.rss();
        Self { calm_rss, ..ground }
    }

    /// A client at a source address of the caller's choice.
    pub(crate) fn client(&self, source: &str) -> Exchange {
        Exchange::from(source, self.nac.auth, cast::SECRET)
    }

    /// Where it takes Access-Requests.
    pub(crate) fn auth(&self) -> SocketAddr {
        self.nac.auth
    }

    /// The log's lines about a source (or anything else) that say `words`.
    pub(crate) fn lines(&self, about: &str, words: &str) -> Vec<String> {
        let log = self.nac.service.log();
        let lines = log
            .lines()
            .filter(|line| line.contains(about) && line.contains(words));
        lines.map(str::to_owned).collect()
    }

    /// The one line of the log about `about` that says `words`.
    pub(crate) fn line(&self, about: &str, words: &str) -> String {
        let mut lines = Vec::new();
        let said = wait::until(SOON, || {
            lines = self.lines(about, words);
            !lines.is_empty()
        });
        assert!(said, "nothing is said about {about}");
        assert_eq!(lines.len(), 1, "it is said once: {lines:#?}");
        lines.remove(0)
    }

    /// The questions that every attack ends with.
    pub(crate) fn survived(&self) {
        assert!(
            self.nac.service.is_running(),
            "the server has ended:\n{}",
            self.nac.service.log()
        );
        self.still_serves();
        let log = self.nac.service.log();
        let faults: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("panicked") || line.contains("fault in this program"))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
        let rss = self.rss();
        assert!(rss < MEMORY, "{} MiB are in use", rss >> 20);
    }

    /// A password, a MAC and a supplicant with a certificate are let in at once.
    pub(crate) fn still_serves(&self) {
        let client = self.client("127.0.0.1:0");
        let accepted = client.answer(&pap(&client, 200, true));
        assert_eq!(accepted.code, code::ACCESS_ACCEPT);
        assert_eq!(self.log_in(&client), code::ACCESS_ACCEPT);
    }

    /// Alice's password as a switch sends it.
    pub(crate) fn patient_log_in(&self, client: &Exchange) -> bool {
        is_accepted(client, &pap(client, 201, true))
    }

    /// A whole EAP-TLS login; gives the code of the last answer.
    pub(crate) fn log_in(&self, client: &Exchange) -> u8 {
        log_in(client, &self.profile(PeerMethod::Tls)).reply.code
    }

    /// Alice, who has everything right.
    pub(crate) fn profile(&self, method: PeerMethod) -> Profile {
        let credential = (method == PeerMethod::Tls).then_some(&self.nac.credential);
        Profile {
            method,
            identity: cast::USER.to_owned(),
            password: cast::PASSWORD.to_owned(),
            tls: tls(&self.nac.ca, credential, TlsVersions::Both),
            mac: [2, 0, 0, 0, 0, 0x10],
        }
    }

    /// A number of its metrics, by the name of the series with its labels.
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let config = std::fs::read_to_string(self.nac.config()).expect("nac.toml");
        let config: toml::Table = config.parse().expect("TOML");
        let listen = config["metrics"]["listen"].as_str().expect("an address");
        let mut stream = TcpStream::connect(listen).expect("metrics are served");
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut page = String::new();
        stream.read_to_string(&mut page).expect("it is text");
        let value = page
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {series} in:\n{page}"));
        value.trim().parse().expect("a number")
    }

    /// Resident memory of the server, in octets.
    pub(crate) fn rss(&self) -> u64 {
        rss(self.nac.service.pid())
    }

    /// How long the server's threads have run so far, in milliseconds, whatever else the machine does. What a thread that has ended did
    /// is not in it.
    pub(crate) fn worked(&self) -> f64 {
        let tasks = format!("/proc/{}/task", self.nac.service.pid());
        let tasks = std::fs::read_dir(tasks).expect("the server runs");
        let times = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        times.sum::<u64>() as f64 / 1e6
    }

    /// How much more memory it holds than before the attacks, in octets.
    pub(crate) fn growth(&self) -> u64 {
        self.rss().saturating_sub(self.calm_rss)
    }

    /// How many decisions were recorded whose User-Name is `user`, once everything so far is recorded.
    pub(crate) fn decisions(&self, user: &str) -> i64 {
        // A later decision is recorded after the earlier ones.
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let last = format!("the-last-{count}");
        let client = self.client("127.0.0.1:0");
        let request = client.access_request(1, &last);
        assert_eq!(client.answer(&request).code, code::ACCESS_REJECT);
        let home = self.nac.config().with_file_name("nac.db");
        let database = read_only(&home);
        let recorded = wait::until(SOON, || decisions(&database, &last) == 1);
        assert!(recorded, "decisions are not recorded");
        decisions(&database, user)
    }
}

/// An Access-Request with Alice's right password.
pub(crate) fn pap(client: &Exchange, identifier: u8, signed: bool) -> Request {
    let request = client.request(code::ACCESS_REQUEST, identifier);
    let request = if signed {
        request.with_message_authenticator()
    } else {
        request
    };
    request
        .with(attribute::USER_NAME, cast::USER)
        .with_password(cast::PASSWORD)
}

/// A registered printer as a switch asks about it (RFC 3580 section 3.1 leaves the password to the switch: it is the name again).
pub(crate) fn mab(client: &Exchange, identifier: u8) -> Request {
    let name = hex::encode(cast::PRINTER);
    client
        .access_request(identifier, &name)
        .with(attribute::CALLING_STATION_ID, &name)
        .with(attribute::SERVICE_TYPE, 10_u32.to_be_bytes())
        .with_password(&name)
}

/// Whether the answer is yes. Asks again after a second as a switch does, for a flood makes the kernel lose datagrams.
pub(crate) fn is_accepted(client: &Exchange, request: &Request) -> bool {
    let request = request.bytes();
    let mut tries = 0..5;
    tries.any(|_| {
        client.send(&request);
        let reply = client.receive(Duration::from_secs(1));
        let reply = reply.and_then(|bytes| Packet::parse(&bytes));
        reply.is_some_and(|reply| {
            reply.code == code::ACCESS_ACCEPT && reply.answers(&request, cast::SECRET)
        })
    })
}

/// Sends `hostile`, then a question of the same socket, and expects nothing but the answer to that.
pub(crate) fn expect_silence(client: &Exchange, hostile: &[u8]) {
    client.send(hostile);
    let request = client
        .request(code::STATUS_SERVER, 250)
        .with_message_authenticator()
        .bytes();
    let deadline = Instant::now() + SOON;
    let mut asked = Instant::now();
    client.send(&request);
    loop {
        match client.receive(Duration::from_millis(500)) {
            Some(bytes) => {
                let reply = Packet::parse(&bytes).expect("an answer is a packet");
                assert!(
                    reply.identifier == 250 && reply.answers(&request, cast::SECRET),
                    "answered: {bytes:02x?}"
                );
                break;
            }
            // A full socket buffer loses datagrams; that is no answer to anything.
            None if asked.elapsed() > Duration::from_secs(1) => {
                asked = Instant::now();
                client.send(&request);
            }
            None => {}
        }
        assert!(Instant::now() < deadline, "the server does not answer");
    }
}

/// A database that a server is using.
pub(crate) fn read_only(file: &std::path::Path) -> rusqlite::Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(file, flags);
    let database = database.expect("the database can be read");
    database.busy_timeout(SOON).expect("a limit is a number");
    database
}

fn decisions(database: &rusqlite::Connection, user: &str) -> i64 {
    let sql = "SELECT COUNT(*) FROM decision WHERE user_key = ?1";
    database
        .query_row(sql, [user], |row| row.get(0))
        .expect("decisions can be counted")
}

/// Resident memory of a process, in octets.
pub(crate) fn rss(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("a running process has memory") << 10
}

/// Numbers without a pattern, the same in every run.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn number(&mut self) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    pub(crate) fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }
}
