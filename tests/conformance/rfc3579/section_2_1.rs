//! Section 2.1: how a conversation begins.

use nac_test_support::wire::{attribute, code, eap_response};
use nac_test_support::{Subject, cast};

#[test]
fn an_eap_start_is_answered_with_a_request_for_the_identity() {
    let client = Subject::shared().client();
    let request = client
        .access_request(1, cast::USER)
        .with(attribute::EAP_MESSAGE, []);
    let reply = client.answer(&request);
    assert_eq!(reply.code, code::ACCESS_CHALLENGE);
    let eap = reply.eap();
    assert_eq!(
        (eap.first(), eap.get(4)),
        (Some(&1), Some(&1)),
        "EAP-Request/Identity"
    );
}

#[test]
fn an_identity_is_answered_with_the_start_of_a_method() {
    let client = Subject::shared().client();
    let request = client
        .access_request(2, "anonymous@example.org")
        .with_eap(&eap_response(5, 1, b"anonymous@example.org"));
    let reply = client.answer(&request);
    assert_eq!(reply.code, code::ACCESS_CHALLENGE);
    let eap = reply.eap();
    assert_eq!(eap.first(), Some(&1), "an EAP-Request");
    assert!(
        matches!(eap.get(4), Some(13 | 21 | 25)),
        "of a TLS method: {eap:?}"
    );
    // Start bit, and no length field: some supplicants refuse one here.
    assert_eq!(eap.get(5).map(|flags| flags & 0xe0), Some(0x20));
    assert_eq!(eap.len(), 6);
}

#[test]
fn a_nak_without_alternatives_is_rejected() {
    let client = Subject::shared().client();
    let identity =
        client
            .access_request(3, cast::USER)
            .with_eap(&eap_response(6, 1, cast::USER.as_bytes()));
    let challenge = client.answer(&identity);
    let state = challenge
        .first(attribute::STATE)
        .expect("a challenge carries State");
    let nak = client
        .access_request(4, cast::USER)
        .with(attribute::STATE, state)
        .with_eap(&eap_response(challenge.eap()[1], 3, &[0]));
    let reply = client.answer(&nak);
    assert_eq!(reply.code, code::ACCESS_REJECT);
    assert_eq!(reply.eap().first(), Some(&4), "EAP-Failure");
}
