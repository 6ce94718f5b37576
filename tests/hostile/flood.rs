//! Floods: what costs the sender little must cost the server little, and nobody else their login.

use std::thread;
use std::time::{Duration, Instant};

use nac_eap::peer::PeerMethod;
use nac_test_support::cast;
use nac_test_support::eapol_test::{Method, Supplicant, TlsVersion};
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::break_off;
use nac_test_support::wire::{attribute, code, eap_response};

use crate::eap::Talk;
use crate::ground::Ground;

/// Supplicants that log in while the flood runs: how many did, of how many, and the slowest.
fn legitimate_traffic(ground: &Ground, until: impl Fn() -> bool) -> (usize, usize, Duration) {
    let client = ground.client("127.0.0.1:0");
    let (mut accepted, mut tried, mut slowest) = (0, 0, Duration::ZERO);
    while !until() || tried < 20 {
        let began = Instant::now();
        accepted += usize::from(ground.patient_log_in(&client));
        slowest = slowest.max(began.elapsed());
        tried += 1;
    }
    (accepted, tried, slowest)
}

/// How many conversations the server keeps.
fn under_way(ground: &Ground) -> usize {
    ground.metric("nac_eap_conversations") as usize
}

/// Says names, each from a MAC of its own, until the server has answered `count` of them. Nobody continues.
fn say_names(client: &Exchange, thread: u8, count: usize) {
    const AT_ONCE: u32 = 32;
    let (mut answered, mut said) = (0, 0_u32);
    while answered < count {
        for _ in 0..AT_ONCE {
            let name = format!("ghost-{thread}-{said}");
            let [_, high, middle, low] = said.to_be_bytes();
            let mac = [2, 9, thread, high, middle, low];
            let request = client
                .access_request(said as u8, &name)
                .with(attribute::CALLING_STATION_ID, hex::encode(mac))
                .with_eap(&eap_response(1, 1, name.as_bytes()));
            client.send(&request.bytes());
            said += 1;
        }
        // The kernel may lose some of them; the others are answered soon.
        let mut missing = AT_ONCE;
        while missing > 0 && client.receive(Duration::from_millis(50)).is_some() {
            answered += 1;
            missing -= 1;
        }
    }
}

#[test]
fn a_hundred_thousand_identities_that_never_continue_cost_no_memory_and_disturb_nobody() {
    const EACH: usize = 25_000;
    let ground = &Ground::start();
    // What is as large after a few thousand as it ever gets, as the memory of answers, is not what this is about.
    say_names(&ground.client("127.8.0.9:0"), 9, EACH);
    let before = ground.rss();
    let supplicant = Supplicant::new(Method::PeapMschapv2, TlsVersion::V13, &ground.nac.ca);
    let (passwords, supplicants) = thread::scope(|scope| {
        let floods: Vec<_> = (0..4_u8)
            .map(|thread| {
                scope.spawn(move || {
                    let client = ground.client(&format!("127.8.0.{}:0", thread + 1));
                    say_names(&client, thread, EACH);
                })
            })
            .collect();
        let over = || floods.iter().all(|flood| flood.is_finished());
        let supplicants = scope.spawn(|| {
            let run = || supplicant.run(ground.auth(), cast::SECRET).success;
            (0..10).filter(|_| run()).count()
        });
        let passwords = legitimate_traffic(ground, over);
        (passwords, supplicants.join().expect("nobody panics"))
    });
    let (accepted, tried, slowest) = passwords;
    assert_eq!(accepted, tried, "every legitimate login succeeds");
    assert_eq!(supplicants, 10, "every supplicant gets in");
    assert!(
        slowest < Duration::from_secs(4),
        "the slowest took {slowest:?}"
    );
    ground.survived();
    // Of those that logged in one may have been left behind by a lost packet.
    let under_way = under_way(ground);
    assert!(
        under_way < 5,
        "{under_way} are kept, and nobody has begun a method"
    );
    let growth = ground.rss().saturating_sub(before) >> 20;
    assert!(growth < 48, "{growth} MiB more");
}

#[test]
fn a_thousand_refusals_of_a_method_cost_no_memory_either() {
    let ground = &Ground::start();
    let client = ground.client("127.8.3.1:0");
    // Whoever says a name and then refuses what is proposed has still sent nothing of a method: none of them is remembered, so the first
    // may go on after more others than the table of conversations holds for one station.
    let mut first = Talk::begin(&client);
    let next = first.say(&eap_response(first.identifier(), 3, &[25]));
    assert_eq!(next.eap()[4], 25);
    for _ in 0..1_000 {
        let mut talk = Talk::begin(&client);
        let next = talk.say(&eap_response(talk.identifier(), 3, &[21]));
        assert_eq!(next.eap()[4], 21);
    }
    let on = first.say(&eap_response(first.identifier(), 3, &[21]));
    assert_eq!(on.eap()[4], 21);
    assert_eq!(under_way(ground), 0);
    ground.survived();
}

#[test]
fn handshakes_that_are_left_half_open_stay_small() {
    const COUNT: usize = 3000;
    let ground = &Ground::start();
    let profile = ground.profile(PeerMethod::PeapMschapv2);
    thread::scope(|scope| {
        for thread in 0..2_u8 {
            let mut profile = profile.clone();
            scope.spawn(move || {
                let client = ground.client(&format!("127.8.1.{}:0", thread + 1));
                for count in 0..COUNT / 2 {
                    let [.., high, low] = count.to_be_bytes();
                    profile.mac = [2, 8, 1, thread, high, low];
                    // Identity, NAK for PEAP, ClientHello: the server's handshake waits for an answer.
                    assert!(break_off(&client, &profile, 3).is_none());
                }
            });
        }
    });
    ground.survived();
    let each = ground.growth() / COUNT as u64 / 1024;
    // 16 384 of them are kept at most, in half a gibibyte.
    assert!(each < 32, "a half-open handshake holds {each} KiB");
}

#[test]
fn a_station_that_begins_again_and_again_holds_few_handshakes() {
    const COUNT: usize = 150;
    let ground = &Ground::start();
    let profile = ground.profile(PeerMethod::PeapMschapv2);
    let client = ground.client("127.8.4.1:0");
    for _ in 0..COUNT {
        assert!(break_off(&client, &profile, 3).is_none());
    }
    let under_way = under_way(ground);
    assert!((1..=64).contains(&under_way), "{under_way} are kept");
    ground.survived();
}

#[test]
fn a_flood_of_fragments_is_held_within_64_kib_each() {
    const CONVERSATIONS: usize = 200;
    let ground = &Ground::start();
    let client = ground.client("127.8.2.1:0");
    for _ in 0..CONVERSATIONS {
        let mut talk = Talk::begin(&client);
        let mut data = 0x1_0000_u32.to_be_bytes().to_vec();
        data.extend([22; 1300]);
        let mut reply = talk.tls(0xc0, &data);
        let mut sent = 1300;
        while reply.code == code::ACCESS_CHALLENGE && sent < 60_000 {
            reply = talk.tls(0x40, &[22; 1300]);
            sent += 1300;
        }
    }
    ground.survived();
    let each = ground.growth() / CONVERSATIONS as u64 / 1024;
    assert!(each < 192, "an unfinished message holds {each} KiB");
}
