//! What the administrator is told, once per NAS, and what the NAS is told, which is nothing.

use std::thread;

use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{attribute, code};

use crate::ground::{Ground, expect_silence, pap};

#[test]
fn a_wrong_secret_is_named_once_per_nas() {
    let ground = Ground::shared();
    // Two switches of one client entry, each with its own hint.
    for source in ["127.4.0.1", "127.4.0.2"] {
        let client = Exchange::from(
            &format!("{source}:0"),
            ground.auth(),
            "another secret altogether",
        );
        let right = ground.client(&format!("{source}:0"));
        for identifier in 0..50 {
            let request = client
                .access_request(identifier, cast::USER)
                .with_password(cast::PASSWORD);
            client.send(&request.bytes());
        }
        assert!(
            client
                .receive(std::time::Duration::from_millis(300))
                .is_none()
        );
        expect_silence(&right, &[]);
    }
    ground.survived();
    for source in ["source=127.4.0.1:", "source=127.4.0.2:"] {
        let said = ground.line(source, "");
        assert!(
            said.contains("wrong secret") && said.contains("client=lab"),
            "{said}"
        );
        assert!(said.contains("NAC-2055"), "{said}");
        assert!(said.contains("set the same shared secret"), "{said}");
        assert!(
            !said.contains("missing") && !said.contains(cast::SECRET),
            "{said}"
        );
    }
}

#[test]
fn a_missing_message_authenticator_is_named_once_with_the_way_out() {
    let ground = Ground::shared();
    let client = ground.client("127.4.0.3:0");
    for identifier in 0..50 {
        client.send(&pap(&client, identifier, false).bytes());
    }
    expect_silence(&client, &pap(&client, 51, false).bytes());
    ground.survived();
    let said = ground.line("source=127.4.0.3:", "");
    assert!(said.contains("missing Message-Authenticator"), "{said}");
    assert!(said.contains("--message-authenticator legacy"), "{said}");
    assert!(!said.contains("wrong secret"), "{said}");
    assert!(said.contains("NAC-2053"), "{said}");
}

#[test]
fn a_malformed_packet_has_a_code_in_the_log() {
    let ground = Ground::shared();
    let client = ground.client("127.4.0.5:0");
    expect_silence(&client, &[1, 1, 0, 19]);
    let said = ground.line("source=127.4.0.5:", "malformed packet");
    assert!(said.contains("NAC-2054"), "{said}");
}

#[test]
fn another_secret_at_a_nas_that_does_not_sign_is_not_taken_for_a_wrong_password() {
    let ground = Ground::shared();
    let right = ground.client("127.190.0.51:0");
    let wrong = Exchange::from("127.190.0.51:0", ground.auth(), "another secret altogether");
    let station = "02-00-00-04-00-51";
    let ask = |client: &Exchange, password: &str, identifier| {
        client
            .request(code::ACCESS_REQUEST, identifier)
            .with(attribute::USER_NAME, cast::USER)
            .with(attribute::CALLING_STATION_ID, station)
            .with_password(password)
    };
    // More than would count as guessing.
    for identifier in 0..40 {
        wrong.send(&ask(&wrong, cast::PASSWORD, identifier).bytes());
        let reply = wrong.receive(std::time::Duration::from_secs(5));
        assert!(reply.is_some(), "it is refused as ever");
    }
    let mistyped = right.answer(&ask(&right, "not her password", 41));
    assert_eq!(mistyped.code, code::ACCESS_REJECT);
    let login = right.answer(&ask(&right, cast::PASSWORD, 42));
    assert_eq!(login.code, code::ACCESS_ACCEPT, "nothing was guessed");
    let _ = ground.decisions(cast::USER);
    let told = ground
        .nac
        .command(&["why", station, "--last", "60", "--json"]);
    for code in ["NAC-2051", "NAC-2001", "shared secret", "--secret-file"] {
        assert!(told.contains(code), "no {code} in {told}");
    }
}

#[test]
fn a_wrong_secret_for_accounting_is_named_once() {
    let ground = Ground::shared();
    let client = Exchange::from("127.4.0.4:0", ground.nac.acct, "another secret altogether");
    for identifier in 0..50 {
        let request = client
            .request(code::ACCOUNTING_REQUEST, identifier)
            .with(attribute::ACCT_STATUS_TYPE, 1_u32.to_be_bytes())
            .with(attribute::ACCT_SESSION_ID, "one");
        client.send(&request.bytes());
    }
    assert!(
        client
            .receive(std::time::Duration::from_millis(300))
            .is_none()
    );
    ground.survived();
    let said = ground.line("source=127.4.0.4:", "");
    assert!(said.contains("wrong secret"), "{said}");
    assert!(said.contains("NAC-2055"), "{said}");
}

#[test]
fn an_unknown_nas_gets_silence_and_one_line_with_the_command_to_add_it() {
    let ground = Ground::shared();
    let stranger = ground.client("127.200.0.2:0");
    for identifier in 0..200 {
        stranger.send(&pap(&stranger, identifier, true).bytes());
        let status = stranger
            .request(code::STATUS_SERVER, identifier)
            .with_message_authenticator();
        stranger.send(&status.bytes());
    }
    assert!(
        stranger
            .receive(std::time::Duration::from_secs(1))
            .is_none()
    );
    ground.survived();
    let said = ground.line("source=127.200.0.2:", "");
    assert!(
        said.contains("unknown NAS") && said.contains("nac client add"),
        "{said}"
    );
    assert!(said.contains("NAC-2052"), "{said}");
}

#[test]
fn thousands_of_unknown_addresses_cannot_flood_the_log() {
    // Its own server: afterwards no stranger is named for a minute.
    let ground = &Ground::start();
    thread::scope(|scope| {
        for block in 0..4_u8 {
            scope.spawn(move || {
                for host in 0..=255_u8 {
                    let stranger = ground.client(&format!("127.201.{block}.{host}:0"));
                    stranger.send(b"x");
                }
            });
        }
    });
    ground.survived();
    let lines = ground.lines("source=127.201.", "").len();
    assert!(
        (1..=65).contains(&lines),
        "{lines} lines for 1024 addresses"
    );
}

#[test]
fn a_legacy_nas_without_message_authenticator_is_served() {
    let ground = Ground::shared();
    let client = ground.client(crate::ground::LEGACY);
    let reply = client.answer(&pap(&client, 9, false));
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
    assert_eq!(reply.vlan().as_deref(), Some(cast::STAFF_VLAN));
    // What such a NAS sent may be a forger's, so nothing of it is echoed.
    assert_eq!(reply.first(attribute::USER_NAME), None);
}
