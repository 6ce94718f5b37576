//! Floods: what costs the sender little must cost the server little, and nobody else their login.

use std::thread;
use std::time::{Duration, Instant};

use nac_eap::peer::PeerMethod;
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

#[test]
fn twenty_thousand_identities_that_never_continue_disturb_nobody() {
    let ground = &Ground::start();
    let (accepted, tried, slowest) = thread::scope(|scope| {
        let floods: Vec<_> = (0..4_u32)
            .map(|thread| {
                scope.spawn(move || {
                    let client = ground.client(&format!("127.8.0.{}:0", thread + 1));
                    for count in 0..5_000_u32 {
                        let name = format!("ghost-{thread}-{count}");
                        let mac = [2, 9, thread as u8, 0, (count >> 8) as u8, count as u8];
                        let request = client
                            .request(code::ACCESS_REQUEST, count as u8)
                            .with_message_authenticator()
                            .with(attribute::USER_NAME, &name)
                            .with(attribute::CALLING_STATION_ID, hex::encode(mac))
                            .with_eap(&eap_response(1, 1, name.as_bytes()));
                        client.send(&request.bytes());
                        // The answers are of no interest, but somebody has to take them off the socket.
                        if count % 64 == 63 {
                            while client.receive(Duration::from_millis(1)).is_some() {}
                        }
                    }
                })
            })
            .collect();
        legitimate_traffic(ground, || floods.iter().all(|flood| flood.is_finished()))
    });
    assert_eq!(accepted, tried, "every legitimate login succeeds");
    assert!(
        slowest < Duration::from_secs(4),
        "the slowest took {slowest:?}"
    );
    ground.survived();
    let growth = ground.growth() >> 20;
    assert!(growth < 128, "{growth} MiB more");
}

#[test]
fn handshakes_that_are_left_half_open_stay_small() {
    const COUNT: usize = 600;
    let ground = &Ground::start();
    let profile = ground.profile(PeerMethod::PeapMschapv2);
    thread::scope(|scope| {
        for thread in 0..2 {
            let profile = &profile;
            scope.spawn(move || {
                let client = ground.client(&format!("127.8.1.{}:0", thread + 1));
                for _ in 0..COUNT / 2 {
                    // Identity, NAK for PEAP, ClientHello: the server's handshake waits for an answer.
                    assert!(break_off(&client, profile, 3).is_none());
                }
            });
        }
    });
    ground.survived();
    let each = ground.growth() / COUNT as u64 / 1024;
    assert!(each < 96, "a half-open handshake holds {each} KiB");
}

#[test]
fn a_flood_of_fragments_is_held_within_64_kib_each() {
    const CONVERSATIONS: usize = 100;
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
