//! When a MAC is in two places, and when a station has only moved.

use std::net::SocketAddr;
use std::sync::Arc;

use nac_policy::{IdentityKind, NasFacts};
use uuid::Uuid;

use super::*;
use crate::identity::AccessContext;
use crate::listen::origin::Transport;

const S: i64 = 1_000_000;
const MAC: MacAddr = MacAddr::new([0x00, 0x16, 0x3e, 0x00, 0x00, 0x01]);

/// A session at a port of a NAS, let in at this second.
fn session(nas: [u8; 4], port_type: &str, port: &str, admitted_s: i64) -> LiveSession {
    let context = AccessContext {
        kind: IdentityKind::Mac,
        name: MAC.to_string(),
        source: "mac",
        method: "MAB",
        second_factor: false,
        certificate: None,
        machine: None,
        realm: String::new(),
        outer_realm: String::new(),
        mac: Some(MAC),
        nas: NasFacts {
            port: port.to_owned(),
            port_type: port_type.to_owned(),
            ..NasFacts::default()
        },
    };
    LiveSession {
        id: Uuid::now_v7(),
        context: Arc::new(context),
        segment: "printers".to_owned(),
        answer: None,
        decision_id: Uuid::nil(),
        policy_version: 1,
        nas_source: SocketAddr::from((nas, 50_000)),
        transport: Some(Transport::Udp),
        nas_address: nas.into(),
        identifiers: Vec::new(),
        user_name: String::new(),
        mac: Some(MAC.to_string()),
        device_id: None,
        framed_ip: None,
        started_us: admitted_s * S,
        admitted_us: admitted_s * S,
        updated_us: admitted_s * S,
        counted: None,
    }
}

fn sign(at_s: i64, octets: Option<u64>) -> Sign {
    Sign {
        at_us: at_s * S,
        octets,
    }
}

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

#[test]
fn who_is_heard_where_it_was_after_it_was_let_in_elsewhere_is_in_two_places() {
    let older = session(A, "ethernet", "1", 100);
    for younger in [
        session(A, "ethernet", "2", 200),
        session(B, "ethernet", "1", 200),
        session(B, "wireless", "", 200),
    ] {
        assert!(sign(300, None).is_beside(None, &older, &younger));
    }
}

#[test]
fn who_moved_is_not_heard_where_it_was() {
    let (older, younger) = (
        session(A, "ethernet", "1", 100),
        session(A, "ethernet", "2", 200),
    );
    // From before the move, and late by Acct-Delay-Time, which counts whole seconds.
    assert!(!sign(199, None).is_beside(None, &older, &younger));
    assert!(!sign(202, None).is_beside(None, &older, &younger));
    // The new place speaks.
    assert!(!sign(300, None).is_beside(None, &younger, &older));
    // It came back: the newest accept says where it is now.
    let back = session(A, "ethernet", "1", 250);
    assert!(!sign(300, None).is_beside(None, &back, &younger));
}

#[test]
fn one_place_under_two_names_is_one() {
    let older = session(A, "ethernet", "1", 100);
    for younger in [
        session(A, "ethernet", "1", 200),
        session(A, "ethernet", "", 200),
        session(A, "wireless", "2", 200),
    ] {
        assert!(!sign(300, None).is_beside(None, &older, &younger));
    }
}

#[test]
fn where_octets_are_counted_only_growth_is_a_sign() {
    let older = session(A, "wireless", "", 100);
    let younger = session(B, "wireless", "", 200);
    let beside = |before, now| sign(400, now).is_beside(before, &older, &younger);
    assert!(!beside(None, None), "an access point that does not count");
    assert!(!beside(None, Some(5)), "the first count");
    assert!(
        !beside(Some(sign(199, Some(5))), Some(9)),
        "sent before it roamed"
    );
    assert!(!beside(Some(sign(300, Some(9))), Some(9)), "it is silent");
    assert!(beside(Some(sign(300, Some(9))), Some(10)));
    let cable = session(A, "ethernet", "1", 100);
    let silent = sign(400, Some(9)).is_beside(Some(sign(300, Some(9))), &cable, &younger);
    assert!(!silent, "a telephone hides that it went");
}

#[test]
fn sessions_of_a_former_run_do_not_say_which_is_the_younger() {
    let older = session(A, "ethernet", "1", 100);
    let mut younger = session(A, "ethernet", "2", 200);
    younger.transport = None;
    assert!(!sign(300, None).is_beside(None, &older, &younger));
}

#[test]
fn it_ends_ten_minutes_after_the_last_sign() {
    let mut places = TwoPlaces::default();
    assert!(places.note(MAC, 0));
    assert!(!places.note(MAC, 300 * S), "no news");
    assert!(places.contains(MAC, 899 * S));
    assert_eq!(places.len(899 * S), 1);
    assert!(places.expire(899 * S).is_empty());
    assert!(!places.contains(MAC, 900 * S));
    assert_eq!(places.expire(900 * S), [MAC]);
    assert!(places.until_us.is_empty());
    assert!(places.note(MAC, 901 * S), "news again");
}

#[test]
fn no_more_are_remembered_than_there_is_room_for() {
    let mut places = TwoPlaces::default();
    for number in 0..=MAX_MACS {
        let [.., a, b] = number.to_be_bytes();
        let now = i64::try_from(number).expect("a small number");
        assert!(places.note(MacAddr::new([0, 0, 0, 0, a, b]), now));
    }
    assert_eq!(places.until_us.len(), MAX_MACS);
    let first = MacAddr::new([0; 6]);
    assert!(!places.contains(first, 0), "the oldest made room");
}
