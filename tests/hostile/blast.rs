//! BLAST (CVE-2024-3596): which requests are looked at, and what every answer begins with.

use std::thread;
use std::time::Duration;

use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{Packet, Request, attribute, code};

use crate::ground::{Ground, LEGACY};

/// How a request is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Signature {
    Absent,
    Valid,
    Invalid,
    Double,
}

fn request(client: &Exchange, signature: Signature, proxied: bool) -> Request {
    let request = client.request(code::ACCESS_REQUEST, 5);
    let request = match signature {
        Signature::Absent => request,
        Signature::Valid | Signature::Double => request.with_message_authenticator(),
        Signature::Invalid => request.with(attribute::MESSAGE_AUTHENTICATOR, [0x5a; 16]),
    };
    let request = request
        .with(attribute::USER_NAME, cast::USER)
        .with_password(cast::PASSWORD);
    let request = match proxied {
        true => request
            .with(attribute::PROXY_STATE, [0; 64])
            .with(attribute::PROXY_STATE, b"second"),
        false => request,
    };
    match signature {
        Signature::Double => request.with(attribute::MESSAGE_AUTHENTICATOR, [0; 16]),
        _ => request,
    }
}

fn answer(client: &Exchange, request: &Request) -> Option<Packet> {
    let bytes = request.bytes();
    client.send(&bytes);
    let reply = client.receive(Duration::from_secs(2))?;
    let reply = Packet::parse(&reply).expect("an answer is a packet");
    assert!(reply.answers(&bytes, cast::SECRET));
    // The first attribute, so that no forger can put anything between the header and it.
    assert_eq!(reply.bytes[20], attribute::MESSAGE_AUTHENTICATOR);
    assert_eq!(
        reply.message_authenticator(&bytes, cast::SECRET),
        Some(true)
    );
    Some(reply)
}

#[test]
fn only_what_cannot_be_forged_is_answered_and_every_answer_is_signed_first() {
    let ground = Ground::shared();
    thread::scope(|scope| {
        for (source, required) in [("127.3.0.1:0", true), ("127.190.0.2:0", false)] {
            for proxied in [false, true] {
                use Signature::{Absent, Double, Invalid, Valid};
                for signature in [Absent, Valid, Invalid, Double] {
                    scope.spawn(move || {
                        let client = ground.client(source);
                        let request = request(&client, signature, proxied);
                        let reply = answer(&client, &request);
                        let expected = match signature {
                            Valid => true,
                            // A legacy NAS; what went through a proxy could be a forger's (limit-proxy-state).
                            Absent => !required && !proxied,
                            Invalid | Double => false,
                        };
                        let what = format!("{signature:?}, proxied {proxied}, required {required}");
                        assert_eq!(reply.is_some(), expected, "{what}");
                        if let Some(reply) = reply {
                            assert_eq!(reply.code, code::ACCESS_ACCEPT, "{what}");
                            let echoed = reply.all(attribute::PROXY_STATE);
                            match proxied {
                                true => assert_eq!(echoed, [&[0; 64][..], b"second"], "{what}"),
                                false => assert!(echoed.is_empty(), "{what}"),
                            }
                        }
                    });
                }
            }
        }
    });
    ground.survived();
    let said = ground.line(
        "client=legacy source=127.190.0.2:",
        "missing Message-Authenticator",
    );
    assert!(
        said.contains("Proxy-State") && said.contains("CVE-2024-3596"),
        "{said}"
    );
}

#[test]
fn a_reject_to_a_legacy_nas_is_signed_first_too() {
    let ground = Ground::shared();
    let client = ground.client(LEGACY);
    let request = client
        .request(code::ACCESS_REQUEST, 6)
        .with(attribute::USER_NAME, cast::USER)
        .with_password("wrong");
    let reply = answer(&client, &request).expect("a legacy NAS is answered");
    assert_eq!(reply.code, code::ACCESS_REJECT);
}

#[test]
fn eap_without_message_authenticator_is_ignored_even_from_a_legacy_nas() {
    let ground = Ground::shared();
    let client = ground.client(LEGACY);
    let identity = nac_test_support::wire::eap_response(1, 1, b"alice");
    let request = client
        .request(code::ACCESS_REQUEST, 6)
        .with(attribute::USER_NAME, cast::USER)
        .with_eap(&identity);
    crate::ground::expect_silence(&client, &request.bytes());
    ground.survived();
}
