//! Section 3: Status-Server must be signed.

use nac_test_support::Subject;
use nac_test_support::wire::{attribute, code};

#[test]
fn without_a_message_authenticator_it_is_discarded() {
    let client = Subject::shared().client();
    assert!(client.is_ignored(&client.request(code::STATUS_SERVER, 1).bytes()));
}

#[test]
fn with_a_wrong_message_authenticator_it_is_discarded() {
    let client = Subject::shared().client();
    let request = client
        .request(code::STATUS_SERVER, 2)
        .with(attribute::MESSAGE_AUTHENTICATOR, [7; 16]);
    assert!(client.is_ignored(&request.bytes()));
}
