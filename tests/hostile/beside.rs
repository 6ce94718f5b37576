//! Beside each flood of what a network can send, those who have nothing to do with it log in as ever.
//!
//! Two threads send as fast as the server answers, or thousands of packets a second where it must not; a release build on more
//! processors takes much more, and loses as little.

use std::collections::HashSet;
use std::time::Duration;

use nac_eap::peer::PeerMethod;
use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::break_off;
use nac_test_support::wait;
use nac_test_support::wire::{Request, attribute, code, eap_response};

use crate::crowd::served_beside;
use crate::eap::Talk;
use crate::ground::{Ground, Noise, mab, pap, read_only};

/// Packets of a wave that nobody answers, and the time that their sender then takes.
const SILENT_WAVE: u8 = 64;
const PAUSE: Duration = Duration::from_millis(8);
/// No longer than it takes to look.
const AT_ONCE: Duration = Duration::from_millis(1);
/// Long enough for an answer that comes at all.
const ANSWER: Duration = Duration::from_secs(2);

/// EAP types and flags.
const NAK: u8 = 3;
const PEAP: u8 = 25;
const TTLS: u8 = 21;
const LENGTH: u8 = 0x80;
const MORE: u8 = 0x40;

/// Sends all of them, and takes the answers that come; one that does not come is not waited for long.
fn say(client: &Exchange, requests: &[Request]) {
    for request in requests {
        client.send(&request.bytes());
    }
    for _ in requests {
        if client.receive(ANSWER).is_none() {
            break;
        }
    }
}

/// Sends a packet again and again and hears nothing.
fn insist(client: &Exchange, packets: &[Vec<u8>]) {
    for packet in packets.iter().cycle().take(usize::from(SILENT_WAVE)) {
        client.send(packet);
    }
    let heard = client.receive(PAUSE);
    assert!(heard.is_none(), "answered: {heard:02x?}");
}

#[test]
fn thousands_of_unknown_nases() {
    const SOURCES: u32 = 10_000;
    let ground = Ground::flooded();
    let heard_before = ground.metric("nac_unknown_nas_packets_total");
    let waves = served_beside(ground, |sender, number| {
        let first = (2 * number + u32::from(sender)) * 32;
        let strangers: Vec<Exchange> = (first..first + 32)
            .map(|index| {
                let [.., high, low] = (index % SOURCES).to_be_bytes();
                ground.client(&format!("127.201.{high}.{low}:0"))
            })
            .collect();
        for stranger in &strangers {
            let request = pap(stranger, 1, true).bytes();
            (0..16).for_each(|_| stranger.send(&request));
        }
        for stranger in &strangers {
            assert!(
                stranger.receive(AT_ONCE).is_none(),
                "a stranger is answered"
            );
        }
    });
    let sent = u64::from(waves) * 32 * 16;
    let heard = ground.metric("nac_unknown_nas_packets_total") - heard_before;
    assert!(heard <= sent && heard * 4 > sent, "{heard} of {sent} count");
    // One line for each of 64 sources, and one a minute for all others.
    let lines = ground.lines("source=127.201.", "unknown NAS").len();
    assert!(
        (1..=70).contains(&lines),
        "{lines} lines about {sent} packets"
    );
}

#[test]
fn packets_that_break_the_rules() {
    let ground = Ground::flooded();
    let broken = |client: &Exchange| {
        let whole = pap(client, 7, true).bytes();
        let spoiled = |spoil: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = whole.clone();
            spoil(&mut bytes);
            bytes
        };
        let crowded = (0..1_500).fold(pap(client, 7, true), |request, _| {
            request.with(attribute::REPLY_MESSAGE, [])
        });
        let noise = Noise::new(3).octets(60_000);
        vec![
            spoiled(&|bytes| bytes.truncate(30)),
            spoiled(&|bytes| bytes[2] = 0xff),
            spoiled(&|bytes| bytes[3] = 19),
            spoiled(&|bytes| bytes[39] = 0),
            spoiled(&|bytes| bytes[39] = 0xff),
            crowded.bytes(),
            noise[..4_096].to_vec(),
            noise,
        ]
    };
    let before = ground.metric("nac_malformed_packets_total");
    served_beside(ground, |sender, _| {
        let client = ground.client(&format!("127.21.0.{}:0", sender + 1));
        insist(&client, &broken(&client));
    });
    assert!(ground.metric("nac_malformed_packets_total") > before);
    for sender in 1..=2 {
        ground.line(&format!("source=127.21.0.{sender}:"), "malformed packet");
    }
}

#[test]
fn requests_in_the_name_of_a_nas_without_its_secret() {
    // Whoever can send from a NAS's address has no secret yet: nothing of theirs is looked at, signed wrongly or not at all.
    let ground = Ground::flooded();
    served_beside(ground, |sender, _| {
        let source = format!("127.22.0.{}:0", sender + 1);
        let forger = Exchange::from(&source, ground.auth(), "not the secret of anybody");
        let identity = eap_response(1, 1, b"alice");
        let by_eap = forger
            .request(code::ACCESS_REQUEST, 2)
            .with(attribute::USER_NAME, "alice")
            .with_eap(&identity);
        let packets = [
            pap(&forger, 1, true),
            pap(&forger, 1, false),
            by_eap.clone().with_message_authenticator(),
            by_eap,
            mab(&forger, 3),
        ];
        insist(&forger, &packets.map(|request| request.bytes()));
    });
    ground.line("source=127.22.0.1:", "wrong secret");
    ground.line("source=127.22.0.1:", "missing Message-Authenticator");
}

#[test]
fn names_that_are_said_and_not_proven() {
    let ground = Ground::flooded();
    let waves = served_beside(ground, |sender, number| {
        let client = ground.client(&format!("127.23.0.{}:0", sender + 1));
        let names: Vec<Request> = (0..32_u8)
            .map(|index| {
                let name = format!("ghost-{sender}-{number}-{index}");
                let [.., high, low] = number.to_be_bytes();
                let mac = [2, 23, sender, high, low, index];
                client
                    .access_request(index, &name)
                    .with(attribute::CALLING_STATION_ID, hex::encode(mac))
                    .with_eap(&eap_response(1, 1, name.as_bytes()))
            })
            .collect();
        say(&client, &names);
    });
    assert!(waves > 10, "{waves} waves are no flood");
}

#[test]
fn handshakes_that_stop_after_the_client_hello() {
    let ground = Ground::flooded();
    let profile = ground.profile(PeerMethod::PeapMschapv2);
    let waves = served_beside(ground, |sender, number| {
        let client = ground.client(&format!("127.24.0.{}:0", sender + 1));
        let mut profile = profile.clone();
        let [.., high, low] = number.to_be_bytes();
        profile.mac = [2, 24, 0, sender, high, low];
        assert!(break_off(&client, &profile, 3).is_none());
    });
    assert!(waves > 50, "{waves} ClientHellos are no flood");
}

#[test]
fn stations_that_refuse_every_method() {
    let ground = Ground::flooded();
    let waves = served_beside(ground, |sender, number| {
        let client = ground.client(&format!("127.25.0.{}:0", sender + 1));
        let mut talk = Talk::begin(&client);
        let on = talk.say(&eap_response(talk.identifier(), NAK, &[PEAP]));
        assert_eq!(on.eap()[4], PEAP);
        if number % 2 == 0 {
            let on = talk.say(&eap_response(talk.identifier(), NAK, &[TTLS]));
            assert_eq!(on.eap()[4], TTLS);
        }
        // MD5, GTC, LEAP, and whatever the number says: no NAK leads to anything that is not on offer.
        let none = [4, 6, 17, (number % 200) as u8 + 56];
        talk.insist("a NAK for what is not on offer", |identifier| {
            eap_response(identifier, NAK, &none)
        });
    });
    assert!(waves > 50, "{waves} refusals are no flood");
}

#[test]
fn messages_that_never_end() {
    let ground = Ground::flooded();
    served_beside(ground, |sender, _| {
        let client = ground.client(&format!("127.26.0.{}:0", sender + 1));
        let mut talk = Talk::begin(&client);
        let announced = [&0x1_0000_u32.to_be_bytes()[..], &[22; 1_300]].concat();
        let mut reply = talk.tls(LENGTH | MORE, &announced);
        for _ in 0..20 {
            if reply.code != code::ACCESS_CHALLENGE {
                break;
            }
            reply = talk.tls(MORE, &[22; 1_300]);
        }
    });
}

/// A password as a switch passes it on for a station.
fn guess(client: &Exchange, identifier: u8, user: &str, station: u32, password: &str) -> Request {
    let [high, middle, low] = [16, 8, 0].map(|bits| (station >> bits) as u8);
    client
        .access_request(identifier, user)
        .with(
            attribute::CALLING_STATION_ID,
            hex::encode([2, 27, 0, high, middle, low]),
        )
        .with_password(password)
}

#[test]
fn guesses_at_one_user_from_five_hundred_stations() {
    const STATIONS: u32 = 500;
    const AT_A_TIME: u8 = 16;
    const LAPTOP: u32 = 0xff_ffff;
    let ground = &Ground::start();
    let bob = |client: &Exchange, identifier, password| {
        client
            .answer(&guess(
                client,
                identifier,
                cast::OTHER_USER,
                LAPTOP,
                password,
            ))
            .code
    };
    let laptop = ground.client("127.0.0.1:0");
    let first = bob(&laptop, 1, cast::OTHER_PASSWORD);
    assert_eq!(first, code::ACCESS_ACCEPT);
    let waves = served_beside(ground, |sender, number| {
        let client = ground.client(&format!("127.27.0.{}:0", sender + 1));
        let guesses: Vec<Request> = (0..AT_A_TIME)
            .map(|index| {
                let wave = 2 * number + u32::from(sender);
                let count = wave * u32::from(AT_A_TIME) + u32::from(index);
                let password = format!("guess {count}");
                let station = count % STATIONS;
                guess(&client, index, cast::OTHER_USER, station, &password)
            })
            .collect();
        say(&client, &guesses);
    });
    assert!(waves > 60, "{waves} waves are no flood");
    let last = bob(&laptop, 2, cast::OTHER_PASSWORD);
    assert_eq!(last, code::ACCESS_ACCEPT, "the user's own laptop");
    ground.decisions(cast::OTHER_USER);
    let database = read_only(&ground.nac.config().with_file_name("nac.db"));
    let looked_at: i64 = database
        .query_row(
            "SELECT COUNT(*) FROM decision WHERE reason_code = 'NAC-2001'",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    // Twenty a minute, in one minute or two, and what the cores are at when the twentieth is found to be wrong.
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let most = i64::try_from(2 * (20 + 2 * cores)).expect("a few");
    assert!(
        (20..=most).contains(&looked_at),
        "{looked_at} were looked at"
    );
}

#[test]
fn passwords_of_users_who_do_not_exist() {
    // Each costs a password hash, lest the time of the answer tell who exists.
    let ground = Ground::flooded();
    let waves = served_beside(ground, |sender, number| {
        let client = ground.client(&format!("127.28.0.{}:0", sender + 1));
        let guesses: Vec<Request> = (0..8_u8)
            .map(|index| {
                let station = number * 16 + u32::from(sender * 8 + index);
                guess(&client, index, &format!("nobody-{station}"), station, "x")
            })
            .collect();
        say(&client, &guesses);
    });
    assert!(waves > 5, "{waves} waves are no flood");
}

#[test]
fn records_of_sessions_by_the_thousand() {
    let ground = Ground::flooded();
    let waves = served_beside(ground, |sender, number| {
        let source = format!("127.29.0.{}:0", sender + 1);
        let client = Exchange::from(&source, ground.nac.acct, cast::SECRET);
        let record = |index: u8, session: &str| {
            client
                .request(code::ACCOUNTING_REQUEST, index)
                .with(attribute::ACCT_STATUS_TYPE, 3_u32.to_be_bytes())
                .with(attribute::ACCT_SESSION_ID, session)
        };
        let records: Vec<Request> = (0..64)
            .map(|index| record(index, &format!("flood-{sender}-{number}-{index}")))
            .collect();
        say(&client, &records);
        // What a switch asks again about is stored in the end.
        let reply = client.answer(&record(64, &format!("insists-{sender}-{number}")));
        assert_eq!(reply.code, code::ACCOUNTING_RESPONSE);
    });
    let database = read_only(&ground.nac.config().with_file_name("nac.db"));
    let stored: u32 = database
        .query_row(
            "SELECT COUNT(DISTINCT acct_session_id) FROM accounting WHERE acct_session_id LIKE 'insists-%'",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(stored, waves, "what was acknowledged is there");
}

#[test]
fn orders_that_are_for_switches() {
    // Whoever sends CoA and Disconnect to the server, or answers what it never asked, is not even told that it is wrong.
    let ground = Ground::flooded();
    let waves = served_beside(ground, |sender, number| {
        let port = match number % 2 {
            0 => ground.auth(),
            _ => ground.nac.acct,
        };
        let source = format!("127.30.0.{}:0", sender + 1);
        let client = Exchange::from(&source, port, cast::SECRET);
        let orders = [40, 41, 42, 43, 44, 45, 2, 3, 5, 11].map(|order| {
            Request::new(order, number as u8, [number as u8; 16], cast::SECRET)
                .with_message_authenticator()
                .with(attribute::USER_NAME, cast::USER)
                .with(attribute::CALLING_STATION_ID, "02-00-00-00-00-10")
                .bytes()
        });
        insist(&client, &orders);
    });
    let counted = ground.metric("nac_radius_packets_total{code=\"other\"}");
    assert!(
        counted >= u64::from(waves),
        "{counted} count of {waves} waves"
    );
}

#[test]
fn senders_who_are_gone_before_the_answer() {
    // Every answer comes back to the server as an ICMP message: there is no such port.
    let ground = Ground::flooded();
    served_beside(ground, |sender, _| {
        let source = format!("127.31.0.{}:0", sender + 1);
        for identifier in 0..SILENT_WAVE {
            let client = ground.client(&source);
            let status = client
                .request(code::STATUS_SERVER, identifier)
                .with_message_authenticator();
            client.send(&status.bytes());
        }
        wait::pause(PAUSE);
    });
}

#[test]
fn one_captured_request_by_the_thousand() {
    let ground = Ground::flooded();
    let origin = ground.client("127.32.0.1:0");
    let captured = pap(&origin, 1, true).bytes();
    let first = origin.ask(&captured).expect("an answer");
    let answers = std::sync::Mutex::new(HashSet::new());
    served_beside(ground, |sender, _| {
        // The same NAS, from other ports of it.
        let client = ground.client("127.32.0.1:0");
        for _ in 0..SILENT_WAVE {
            client.send(&captured);
        }
        while let Some(answer) = client.receive(PAUSE) {
            let mut answers = answers.lock().expect("nobody panics holding it");
            answers.insert((sender, answer[0]));
        }
    });
    let answers = answers.into_inner().expect("nobody panics holding it");
    assert!(answers.iter().all(|(_, code)| *code == first.code));
}
