//! Section 2.6: the RADIUS answer and the EAP packet inside it never contradict each other.

use nac_test_support::wire::{attribute, code, eap_response};
use nac_test_support::{Subject, cast};

/// Starts a conversation and answers the offered method with `kind` and `data`.
fn second_answer(
    kind: u8,
    data: &[u8],
    identifier_offset: u8,
) -> Option<nac_test_support::wire::Packet> {
    let client = Subject::shared().client();
    let identity =
        client
            .access_request(1, cast::USER)
            .with_eap(&eap_response(1, 1, cast::USER.as_bytes()));
    let challenge = client.answer(&identity);
    let identifier = challenge.eap()[1].wrapping_add(identifier_offset);
    let response = client
        .access_request(2, cast::USER)
        .with(
            attribute::STATE,
            challenge
                .first(attribute::STATE)
                .expect("a challenge carries State"),
        )
        .with_eap(&eap_response(identifier, kind, data));
    client.ask(&response.bytes())
}

#[test]
fn a_reject_carries_eap_failure() {
    // The peer asks for MD5-Challenge, which no careful server offers.
    let reply = second_answer(3, &[4], 0).expect("an answer");
    assert_eq!(reply.code, code::ACCESS_REJECT);
    assert_eq!(reply.eap().first(), Some(&4));
}

#[test]
fn a_reject_to_eap_carries_no_reply_message() {
    let reply = second_answer(3, &[0], 0).expect("an answer");
    assert_eq!(reply.code, code::ACCESS_REJECT);
    assert_eq!(reply.first(attribute::REPLY_MESSAGE), None);
}

#[test]
fn a_challenge_carries_a_request_and_a_reject_a_failure() {
    // An empty acknowledgement where a ClientHello belongs.
    let fault = "the reject after a malformed first message carries no EAP-Failure";
    Subject::shared().unless_freeradius(fault, || {
        let reply = second_answer(13, &[0], 0).expect("an answer");
        match reply.code {
            code::ACCESS_CHALLENGE => assert_eq!(reply.eap().first(), Some(&1)),
            code::ACCESS_REJECT => assert_eq!(reply.eap().first(), Some(&4)),
            other => panic!("code {other}"),
        }
    });
}

#[test]
fn an_eap_identifier_that_does_not_match_never_leads_to_an_accept() {
    let reply = second_answer(13, &[0], 7);
    assert_ne!(reply.map(|reply| reply.code), Some(code::ACCESS_ACCEPT));
}
