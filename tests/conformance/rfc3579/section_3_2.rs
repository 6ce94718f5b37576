//! Section 3.2: Message-Authenticator.

use nac_test_support::wire::{attribute, code, eap_response};
use nac_test_support::{Subject, cast};

#[test]
fn eap_without_a_message_authenticator_is_discarded() {
    let client = Subject::shared().client();
    let request = client
        .request(code::ACCESS_REQUEST, 1)
        .with(attribute::USER_NAME, cast::USER)
        .with_eap(&eap_response(1, 1, cast::USER.as_bytes()));
    assert!(client.is_ignored(&request.bytes()));
}

#[test]
fn a_wrong_message_authenticator_is_discarded() {
    let client = Subject::shared().client();
    let request = client
        .request(code::ACCESS_REQUEST, 2)
        .with(attribute::MESSAGE_AUTHENTICATOR, [0x5a; 16])
        .with(attribute::USER_NAME, cast::USER)
        .with_password(cast::PASSWORD);
    assert!(client.is_ignored(&request.bytes()));
}

#[test]
fn a_message_authenticator_of_another_length_is_discarded() {
    let client = Subject::shared().client();
    for length in [0, 15, 17] {
        let request = client
            .request(code::ACCESS_REQUEST, 3)
            .with(attribute::MESSAGE_AUTHENTICATOR, vec![0x5a; length])
            .with(attribute::USER_NAME, cast::USER)
            .with_password(cast::PASSWORD);
        assert!(client.is_ignored(&request.bytes()), "{length} octets");
    }
}

#[test]
fn two_message_authenticators_are_discarded() {
    let subject = Subject::shared();
    let client = subject.client();
    let request = client
        .access_request(4, cast::USER)
        .with_password(cast::PASSWORD)
        .with(attribute::MESSAGE_AUTHENTICATOR, [0x5a; 16]);
    assert!(client.is_ignored(&request.bytes()));
}

#[test]
fn its_place_in_the_request_does_not_matter() {
    let client = Subject::shared().client();
    let request = client
        .request(code::ACCESS_REQUEST, 5)
        .with(attribute::USER_NAME, cast::USER)
        .with_password(cast::PASSWORD)
        .with_message_authenticator();
    assert_eq!(client.answer(&request).code, code::ACCESS_ACCEPT);
}

#[test]
fn a_discarded_request_does_not_use_up_its_identifier() {
    let client = Subject::shared().client();
    let request = client
        .access_request(6, cast::USER)
        .with_password(cast::PASSWORD);
    let mut forged = request.bytes();
    // The first octet of the Message-Authenticator's value; the Request Authenticator stays the same.
    forged[22] ^= 1;
    assert!(client.is_ignored(&forged));
    assert_eq!(client.answer(&request).code, code::ACCESS_ACCEPT);
}
