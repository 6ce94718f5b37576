//! State (RFC 2865 section 5.24, RFC 5080 section 2.1): unknown, old, foreign, absent.

use nac_test_support::wire::{attribute, code, eap_response};

use crate::eap::Talk;
use crate::ground::{Ground, NEIGHBOUR};

/// EAP-TLS.
const TLS: u8 = 13;

#[test]
fn an_unknown_state_is_refused_with_the_reason() {
    let ground = Ground::shared();
    let client = ground.client("127.7.0.1:0");
    for state in [&[][..], &[1], &[0; 16], &[0xff; 253]] {
        let request = client
            .access_request(1, "lost-its-state")
            .with(attribute::STATE, state)
            .with_eap(&eap_response(2, TLS, &[0]));
        let reply = client.answer(&request);
        assert_eq!(reply.code, code::ACCESS_REJECT, "{} octets", state.len());
        assert_eq!(reply.eap(), [4, 2, 0, 4], "{} octets", state.len());
    }
    assert_eq!(ground.decisions("lost-its-state"), 4);
    ground.survived();
}

#[test]
fn an_old_state_is_ignored_and_the_conversation_goes_on() {
    let ground = Ground::shared();
    let client = ground.client("127.7.0.2:0");
    let mut talk = Talk::begin(&client);
    let old = talk.state().expect("a challenge has a State").to_vec();
    let late = eap_response(talk.identifier(), TLS, &[0]);
    // A NAK moves the conversation on.
    let next = talk.say(&eap_response(talk.identifier(), 3, &[25]));
    assert_eq!(next.code, code::ACCESS_CHALLENGE);
    let replay = client
        .access_request(77, "alice")
        .with(attribute::STATE, old)
        .with_eap(&late);
    crate::ground::expect_silence(&client, &replay.bytes());
    let identifier = talk.identifier();
    let on = talk.say(&eap_response(identifier, 3, &[21]));
    assert_eq!(on.eap()[4], 21, "EAP-TTLS is proposed next");
    ground.survived();
}

#[test]
fn a_state_from_another_nas_is_worth_nothing_and_harms_nobody() {
    let ground = Ground::shared();
    let client = ground.client("127.7.0.3:0");
    let neighbour = ground.client(NEIGHBOUR);
    let mut talk = Talk::begin(&client);
    let state = talk.state().expect("a challenge has a State").to_vec();
    for identifier in 0..8 {
        let stolen = neighbour
            .access_request(identifier, "alice")
            .with(attribute::STATE, &state)
            .with_eap(&eap_response(talk.identifier(), 3, &[0]));
        assert_eq!(neighbour.answer(&stolen).code, code::ACCESS_REJECT);
    }
    let on = talk.say(&eap_response(talk.identifier(), 3, &[25]));
    assert_eq!(on.eap()[4], 25, "the owner's conversation goes on");
    ground.survived();
}

#[test]
fn another_address_of_the_same_client_may_continue() {
    // A pair of controllers that share a client entry: one takes over from the other.
    let ground = Ground::shared();
    let first = ground.client("127.7.0.4:0");
    let talk = Talk::begin(&first);
    let second = ground.client("127.7.0.5:0");
    let request = second
        .request(code::ACCESS_REQUEST, 1)
        .with_message_authenticator()
        .with(attribute::STATE, talk.state().expect("a State"))
        .with_eap(&eap_response(talk.identifier(), 3, &[25]));
    assert_eq!(second.answer(&request).eap()[4], 25);
}

#[test]
fn an_eap_message_without_state_that_is_no_identity_is_refused() {
    let ground = Ground::shared();
    let client = ground.client("127.7.0.6:0");
    let mut profile = [0_u8; 64];
    profile[0] = 22;
    for message in [
        eap_response(9, TLS, &profile),
        eap_response(9, 3, &[25]),
        eap_response(9, 26, &[2, 9, 0, 6]),
    ] {
        let request = client.access_request(1, "without-state").with_eap(&message);
        let reply = client.answer(&request);
        assert_eq!(reply.code, code::ACCESS_REJECT);
        assert_eq!(
            reply.eap(),
            [4, 9, 0, 4],
            "an EAP-Failure with the identifier of the message"
        );
    }
    assert_eq!(ground.decisions("without-state"), 3);
    ground.survived();
}

#[test]
fn a_state_without_eap_does_not_turn_a_password_into_a_conversation() {
    let ground = Ground::shared();
    let client = ground.client("127.7.0.7:0");
    let talk = Talk::begin(&client);
    let state = talk.state().expect("a State").to_vec();
    let request = crate::ground::pap(&client, 60, true).with(attribute::STATE, state);
    assert_eq!(client.answer(&request).code, code::ACCESS_ACCEPT);
    ground.survived();
}
