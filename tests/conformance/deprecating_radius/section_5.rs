//! Message-Authenticator against CVE-2024-3596: required in requests, first in every reply.

use nac_test_support::wire::{Packet, Request, attribute, code, eap_response};
use nac_test_support::{Subject, cast};

const FAULT: &str = "3.2.1 signs no reply that carries no EAP, and puts Message-Authenticator last";

fn assert_signed_first(reply: &Packet, request: &Request, expected: u8) {
    assert_eq!(reply.code, expected);
    let first = reply
        .attributes
        .first()
        .map(|(number, value)| (*number, value.len()));
    assert_eq!(
        first,
        Some((attribute::MESSAGE_AUTHENTICATOR, 16)),
        "it is the first attribute"
    );
    assert_eq!(reply.all(attribute::MESSAGE_AUTHENTICATOR).len(), 1);
    let valid = reply.message_authenticator(&request.bytes(), cast::SECRET);
    assert_eq!(valid, Some(true), "it is right");
}

fn check(finish: impl FnOnce(Request) -> Request, expected: u8) {
    let subject = Subject::shared();
    subject.unless_freeradius(FAULT, || {
        let client = subject.client();
        let request = client
            .request(code::ACCESS_REQUEST, 1)
            .with_message_authenticator();
        let request = finish(request.with(attribute::USER_NAME, cast::USER));
        let reply = client.answer(&request);
        assert_signed_first(&reply, &request, expected);
    });
}

#[test]
fn first_in_an_accept() {
    check(
        |request| request.with_password(cast::PASSWORD),
        code::ACCESS_ACCEPT,
    );
}

#[test]
fn first_in_a_reject() {
    check(
        |request| request.with_password("wrong"),
        code::ACCESS_REJECT,
    );
}

#[test]
fn first_in_a_challenge() {
    let identity = eap_response(1, 1, cast::USER.as_bytes());
    check(
        |request| request.with_eap(&identity),
        code::ACCESS_CHALLENGE,
    );
}

#[test]
fn first_in_the_answer_to_status_server() {
    let subject = Subject::shared();
    subject.unless_freeradius(FAULT, || {
        let client = subject.client();
        let request = client
            .request(code::STATUS_SERVER, 2)
            .with_message_authenticator();
        let reply = client.answer(&request);
        assert_signed_first(&reply, &request, code::ACCESS_ACCEPT);
    });
}

#[test]
fn a_request_without_it_is_discarded() {
    let client = Subject::shared().client();
    let request = client
        .request(code::ACCESS_REQUEST, 3)
        .with(attribute::USER_NAME, cast::USER)
        .with_password(cast::PASSWORD);
    assert!(client.is_ignored(&request.bytes()));
}

#[test]
fn a_request_with_proxy_state_and_without_it_is_discarded() {
    let client = Subject::shared().client();
    let request = client
        .request(code::ACCESS_REQUEST, 4)
        .with(attribute::USER_NAME, cast::USER)
        .with_password(cast::PASSWORD)
        .with(attribute::PROXY_STATE, [0; 64]);
    assert!(client.is_ignored(&request.bytes()));
}
