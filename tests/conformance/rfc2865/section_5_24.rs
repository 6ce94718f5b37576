//! Section 5.24: State.

use nac_test_support::wire::{attribute, code, eap_response};
use nac_test_support::{Subject, cast};

const IDENTITY: u8 = 1;

#[test]
fn every_challenge_carries_a_state_of_its_own() {
    let client = Subject::shared().client();
    let mut states = Vec::new();
    for identifier in 0..3 {
        let request = client
            .access_request(identifier, cast::USER)
            .with_eap(&eap_response(identifier, IDENTITY, cast::USER.as_bytes()));
        let reply = client.answer(&request);
        assert_eq!(reply.code, code::ACCESS_CHALLENGE);
        let state = reply
            .first(attribute::STATE)
            .expect("a challenge carries State")
            .to_vec();
        assert!(state.len() >= 16, "a State that can be guessed");
        assert!(!states.contains(&state), "a State that was used before");
        states.push(state);
    }
}

#[test]
fn a_state_that_nobody_gave_out_is_rejected() {
    let subject = Subject::shared();
    let client = subject.client();
    let request = client
        .access_request(9, cast::USER)
        .with(attribute::STATE, [0x5a; 16])
        .with_eap(&eap_response(3, 13, &[0]));
    let reply = client.answer(&request);
    assert_eq!(reply.code, code::ACCESS_REJECT);
    subject.unless_freeradius(
        "without a session its reject carries no EAP-Failure",
        || {
            assert_eq!(
                reply.eap().first(),
                Some(&4),
                "the reject carries EAP-Failure"
            );
        },
    );
}
