//! Section 2.2.2: duplicates.

use std::time::Duration;

use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{Packet, Request, attribute, code, eap_response};
use nac_test_support::{Subject, cast, wait};

fn identity(client: &Exchange, identifier: u8) -> Request {
    client
        .access_request(identifier, cast::USER)
        .with_eap(&eap_response(1, 1, cast::USER.as_bytes()))
}

#[test]
fn a_hundred_copies_get_the_same_octets() {
    // A challenge carries a random State, so equal octets mean that it was answered from the cache.
    let client = Subject::shared().client();
    let request = identity(&client, 1).bytes();
    let first = client.ask(&request).expect("an answer");
    assert_eq!(first.code, code::ACCESS_CHALLENGE);
    // A copy that overtakes the end of the first one's processing may be dropped; later ones may not.
    wait::pause(Duration::from_millis(50));
    for copy in 0..100 {
        assert_eq!(client.ask(&request).as_ref(), Some(&first), "copy {copy}");
    }
}

#[test]
fn the_same_identifier_with_a_new_authenticator_is_a_new_request() {
    let client = Subject::shared().client();
    let state = |reply: &Packet| reply.first(attribute::STATE).map(<[u8]>::to_vec);
    let first = client.answer(&identity(&client, 2));
    let second = client.answer(&identity(&client, 2));
    assert_ne!(state(&first), state(&second));
}

#[test]
fn the_same_packet_from_another_port_is_a_new_request() {
    let subject = Subject::shared();
    let client = subject.client();
    let request = identity(&client, 3).bytes();
    let first = client.ask(&request).expect("an answer");
    let second = subject.client().ask(&request).expect("an answer");
    assert_ne!(
        first.first(attribute::STATE),
        second.first(attribute::STATE)
    );
}

#[test]
fn a_copy_of_an_accounting_record_gets_the_same_answer() {
    let client = Subject::shared().accounting_client();
    let request = client
        .request(code::ACCOUNTING_REQUEST, 4)
        .with(attribute::ACCT_STATUS_TYPE, 1_u32.to_be_bytes())
        .with(attribute::ACCT_SESSION_ID, "copied")
        .bytes();
    let first = client.ask(&request).expect("an answer");
    wait::pause(Duration::from_millis(50));
    assert_eq!(client.ask(&request), Some(first));
}
