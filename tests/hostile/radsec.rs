//! RADIUS over TLS: connections that dawdle, flood, take nothing, break off or break the rules. Each costs itself, and nobody else.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nac_test_support::cast;
use nac_test_support::radsec::{Dialling, RadSec};
use nac_test_support::wire::{Packet, attribute, code};

use crate::crowd::turn;
use crate::ground::{Ground, Noise, SOON};

/// Longer than any deadline of a connection.
const LATE: Duration = Duration::from_secs(25);
/// What one connection may make the server hold, in octets, with room for what else it does meanwhile.
const ONE_CONNECTION: u64 = 64 << 20;
/// Connections of one NAS.
const PER_NAS: usize = 32;

fn connect(ground: &Ground) -> RadSec {
    connect_from(ground, Ipv4Addr::LOCALHOST)
}

fn connect_from(ground: &Ground, from: Ipv4Addr) -> RadSec {
    let nac = &ground.nac;
    let mut dialling = Dialling::new(nac.radsec, &nac.ca, &nac.nas);
    dialling.from = from;
    dialling.connect().expect("a connection")
}

fn request(connection: &mut RadSec) -> Vec<u8> {
    let request = connection.request(code::ACCESS_REQUEST);
    request
        .with(attribute::USER_NAME, cast::USER)
        .with_password(cast::PASSWORD)
        .bytes()
}

fn is_served(connection: &mut RadSec) {
    let request = connection.request(code::STATUS_SERVER);
    let request = request.with_message_authenticator();
    assert_eq!(connection.answer(&request).code, code::ACCESS_ACCEPT);
}

#[test]
fn a_packet_may_come_octet_by_octet_and_two_may_share_a_record() {
    let ground = Ground::shared();
    let mut connection = connect(ground);
    let octets = request(&mut connection);
    for octet in &octets {
        connection.send(&[*octet]).expect("it is open");
    }
    let reply = connection.receive().expect("an answer");
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
    // One and a half, then the rest.
    let (first, second) = (request(&mut connection), request(&mut connection));
    let (half, rest) = second.split_at(23);
    connection
        .send(&[&first[..], half].concat())
        .expect("it is open");
    assert_eq!(
        connection.receive().map(|reply| reply.identifier),
        Some(first[1])
    );
    connection.send(rest).expect("it is open");
    assert_eq!(
        connection.receive().map(|reply| reply.identifier),
        Some(second[1])
    );
    ground.survived();
}

#[test]
fn a_packet_that_breaks_the_rules_ends_its_own_connection_only() {
    let ground = Ground::shared();
    let mut neighbour = connect(ground);
    let header = |code: u8, length: u16| {
        let [high, low] = length.to_be_bytes();
        let mut octets = vec![code, 1, high, low];
        octets.extend([9; 16]);
        octets
    };
    let broken: [(&str, Vec<u8>); 6] = [
        ("a Length below the header's", header(1, 19)),
        ("a Length above 4096", header(1, 4_097)),
        ("no Length at all", vec![0; 64]),
        (
            "an attribute without length",
            [header(1, 22), vec![1, 0]].concat(),
        ),
        (
            "an attribute past the end",
            [header(1, 23), vec![1, 9, 7]].concat(),
        ),
        (
            "HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        ),
    ];
    for (what, octets) in broken {
        let mut connection = connect(ground);
        is_served(&mut connection);
        connection.send(&octets).expect("it is open");
        assert!(connection.is_closed_within(SOON), "{what}");
        is_served(&mut neighbour);
    }
    // An accounting record that is not signed.
    let mut connection = connect(ground);
    connection
        .send(&header(code::ACCOUNTING_REQUEST, 20))
        .expect("it is open");
    assert!(connection.is_closed_within(SOON), "a forged authenticator");
    ground.survived();
}

#[test]
fn what_cannot_be_understood_is_passed_over() {
    let ground = Ground::shared();
    let mut connection = connect(ground);
    // Protocol-Error, a code that nobody has given a meaning, and an answer to nothing (RFC 6613 section 2.6.4).
    for code in [52, 99, code::COA_ACK, code::ACCESS_ACCEPT] {
        let mut octets = vec![code, 7, 0, 20];
        octets.extend([3; 16]);
        connection.send(&octets).expect("it is open");
    }
    assert!(connection.is_quiet());
    is_served(&mut connection);
    ground.survived();
}

#[test]
fn who_dawdles_is_shown_out() {
    let ground = Ground::shared();
    // Before the handshake, in its middle, and within a packet.
    let mut silent = TcpStream::connect(ground.nac.radsec).expect("it listens");
    let mut stuck = TcpStream::connect(ground.nac.radsec).expect("it listens");
    stuck
        .write_all(b"\x16\x03\x01\x02\x00\x01")
        .expect("it reads");
    let mut half = connect(ground);
    let octets = request(&mut half);
    half.send(&octets[..octets.len() - 1]).expect("it is open");
    let began = Instant::now();
    is_served(&mut connect(ground));
    assert!(began.elapsed() < Duration::from_secs(5), "others wait");
    for socket in [&mut silent, &mut stuck] {
        socket.set_read_timeout(Some(LATE)).expect("above zero");
        let mut rest = Vec::new();
        match socket.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock, "it is left open"),
        }
    }
    assert!(half.is_closed_within(LATE), "half a packet");
    ground.survived();
}

#[test]
fn who_takes_no_answers_holds_little_memory_and_is_shown_out() {
    let ground = Ground::start();
    let mut connection = connect(&ground);
    let before = ground.rss();
    // Requests as fast as the server takes them; not one answer is read.
    let began = Instant::now();
    let mut asked = 0_u32;
    let ended = loop {
        let record: Vec<u8> = (0..64)
            .flat_map(|_| {
                let request = connection.request(code::STATUS_SERVER);
                request.with_message_authenticator().bytes()
            })
            .collect();
        if let Err(error) = connection.send(&record) {
            break Some(error);
        }
        asked += 64;
        if began.elapsed() > 2 * LATE {
            break None;
        }
    };
    let growth = ground.rss().saturating_sub(before);
    assert!(
        growth < ONE_CONNECTION,
        "{} MiB after {asked} requests",
        growth >> 20
    );
    assert!(ended.is_some(), "it is neither held up nor shown out");
    is_served(&mut connect(&ground));
    ground.survived();
}

#[test]
fn one_nas_cannot_take_every_connection() {
    let ground = Ground::shared();
    let from = Ipv4Addr::new(127, 0, 9, 9);
    let mut open: Vec<RadSec> = (0..PER_NAS).map(|_| connect_from(ground, from)).collect();
    for connection in &mut open {
        is_served(connection);
    }
    assert!(
        connect_from(ground, from).is_closed_within(SOON),
        "one too many"
    );
    is_served(&mut connect(ground));
    let line = ground.line("127.0.9.9", "NAC-4004");
    assert!(line.contains("lab"), "{line}");
    open.pop();
    let back = nac_test_support::wait::until(SOON, || {
        let mut again = connect_from(ground, from);
        !again.is_closed_within(Duration::from_millis(300))
    });
    assert!(back, "a place that is given back is free");
    ground.survived();
}

#[test]
fn noise_within_tls_ends_nothing_but_itself() {
    let ground = Ground::shared();
    let mut noise = Noise::new(0x7ad5ec);
    for _ in 0..200 {
        let mut connection = connect(ground);
        let mut octets = request(&mut connection);
        for _ in 0..=noise.below(4) {
            let at = noise.below(octets.len());
            octets[at] = noise.number() as u8;
        }
        let length = noise.below(octets.len()) + 1;
        octets.truncate(length);
        let _ = connection.send(&octets);
    }
    for _ in 0..50 {
        let mut connection = connect(ground);
        let length = noise.below(6_000);
        let _ = connection.send(&noise.octets(length));
    }
    // And before TLS.
    for _ in 0..50 {
        let mut socket = TcpStream::connect(ground.nac.radsec).expect("it listens");
        let length = noise.below(2_000);
        let _ = socket.write_all(&noise.octets(length));
    }
    is_served(&mut connect(ground));
    ground.survived();
}

#[test]
fn records_that_wait_for_the_database_keep_no_login_waiting() {
    let ground = Ground::start();
    let mut connection = connect(&ground);
    let file = ground.nac.config().with_file_name("nac.db");
    let database = rusqlite::Connection::open(file).expect("the database can be opened");
    database.busy_timeout(SOON).expect("a limit is a number");
    database
        .execute_batch("BEGIN IMMEDIATE")
        .expect("the only writer");
    // More than the connection has places for.
    let records: Vec<u8> = (0..3_000_u32)
        .flat_map(|number| {
            let request = connection.request(code::ACCOUNTING_REQUEST);
            request
                .with(attribute::ACCT_STATUS_TYPE, 3_u32.to_be_bytes())
                .with(attribute::ACCT_SESSION_ID, format!("waits-{number}"))
                .bytes()
        })
        .collect();
    connection.send(&records).expect("it is open");
    let octets = request(&mut connection);
    connection.send(&octets).expect("it is open");
    let reply = connection.receive().expect("an answer");
    assert_eq!(
        (reply.code, reply.identifier),
        (code::ACCESS_ACCEPT, octets[1])
    );
    database.execute_batch("ROLLBACK").expect("it was begun");
    let response = connection.receive_within(SOON).expect("a record is stored");
    assert_eq!(response.code, code::ACCOUNTING_RESPONSE);
    ground.survived();
}

#[test]
fn open_connections_do_not_hold_up_the_end() {
    let ground = Ground::start();
    let mut open: Vec<RadSec> = (0..8).map(|_| connect(&ground)).collect();
    for connection in &mut open {
        is_served(connection);
    }
    let service = &ground.nac.service;
    service.signal("TERM");
    let ended = nac_test_support::wait::until(Duration::from_secs(8), || !service.is_running());
    assert!(ended, "it waits for its connections:\n{}", service.log());
    for connection in &mut open {
        assert!(connection.is_closed_within(SOON));
    }
}

#[test]
fn a_repeated_request_is_decided_once_on_its_connection_and_again_on_another() {
    let ground = Ground::shared();
    let mut connection = connect(ground);
    let user = "repeats-over-tls";
    let request = connection.request(code::ACCESS_REQUEST);
    let octets = request
        .with(attribute::USER_NAME, user)
        .with_password("wrong")
        .bytes();
    let mut replies: Vec<Packet> = Vec::new();
    for _ in 0..3 {
        connection.send(&octets).expect("it is open");
        replies.push(connection.receive().expect("an answer"));
    }
    assert!(replies.iter().all(|reply| reply.bytes == replies[0].bytes));
    assert_eq!(ground.decisions(user), 1);
    let mut other = connect(ground);
    other.send(&octets).expect("it is open");
    assert_eq!(
        other.receive().map(|reply| reply.code),
        Some(code::ACCESS_REJECT)
    );
    assert_eq!(ground.decisions(user), 2);
}

#[test]
fn ten_thousand_connections_of_strangers_keep_no_nas_out() {
    // As many as both sides may have open: 10,000, or what is left of the limit of files where that is lower.
    let limit = std::fs::read_to_string("/proc/self/limits").expect("Linux tells limits");
    let mut limits = limit.lines();
    let files = limits.find(|line| line.starts_with("Max open files"));
    let files = files.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    let count = files
        .unwrap_or(20_000_usize)
        .saturating_sub(1_000)
        .min(10_000);
    let ground = &Ground::start();
    let _turn = turn();
    let mut nas = connect(ground);
    let is_accepted = |nas: &mut RadSec| {
        let octets = request(nas);
        let sent = nas.send(&octets);
        let reply = sent.ok().and_then(|()| nas.receive());
        reply.is_some_and(|reply| reply.code == code::ACCESS_ACCEPT)
    };
    let over = AtomicBool::new(false);
    let opened = thread::scope(|scope| {
        let (sender, over) = (ground.nac.radsec, &over);
        let flood = scope.spawn(move || {
            let mut open = Vec::new();
            for number in 0..count {
                // Forty from each of 250 addresses: one half says nothing, the other stops in the middle of the handshake.
                let from = Ipv4Addr::new(127, 203, 0, (number % 250) as u8 + 1);
                let Ok(mut socket) = dial(from, sender) else {
                    continue;
                };
                if number % 2 == 0 {
                    let _ = socket.write_all(b"\x16\x03\x01\x02\x00\x01");
                }
                open.push(socket);
            }
            over.store(true, Ordering::Relaxed);
            open
        });
        let (mut served, mut slowest) = (0, Duration::ZERO);
        while !over.load(Ordering::Relaxed) || served < 25 {
            let began = Instant::now();
            assert!(is_accepted(&mut nas), "who is connected");
            // Those who dawdle hold all the places that they can get.
            assert!(is_accepted(&mut connect(ground)), "who connects now");
            assert!(ground.patient_log_in(&ground.client("127.0.0.1:0")));
            slowest = slowest.max(began.elapsed());
            served += 1;
        }
        assert!(
            slowest < Duration::from_secs(4),
            "the slowest took {slowest:?}"
        );
        flood.join().expect("nobody panics")
    });
    let opened = opened.len();
    assert!(opened * 10 >= count * 9, "{opened} of {count}");
    ground.survived();
    let full = ground.lines("RadSec connections are refused", "too many handshakes");
    assert!(
        (1..=3).contains(&full.len()),
        "it is said, and not {count} times: {full:#?}"
    );
}

/// A TCP connection of somebody else.
fn dial(from: Ipv4Addr, server: std::net::SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from((from, 0)).into())?;
    socket.connect_timeout(&server.into(), Duration::from_secs(2))?;
    Ok(socket.into())
}
