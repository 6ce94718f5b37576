//! Section 2.2: CHAP.

use nac_test_support::Subject;
use nac_test_support::cast::{self, PRINTER, PRINTER_VLAN};
use nac_test_support::wire::{attribute, code};

#[test]
fn without_a_chap_challenge_the_request_authenticator_is_the_challenge() {
    let subject = Subject::shared();
    let client = subject.client();
    let [mac, ..] = cast::mac_formats(PRINTER);
    let request = client
        .request(code::ACCESS_REQUEST, 1)
        .with_message_authenticator()
        .with(attribute::USER_NAME, &mac)
        .with_chap(7, &mac);
    let reply = client.answer(&request);
    assert_eq!(
        (reply.code, reply.vlan().as_deref()),
        (code::ACCESS_ACCEPT, Some(PRINTER_VLAN))
    );
}

#[test]
fn a_wrong_chap_password_is_rejected() {
    let client = Subject::shared().client();
    let request = client
        .request(code::ACCESS_REQUEST, 2)
        .with_message_authenticator()
        .with(attribute::USER_NAME, cast::USER)
        .with_chap(7, "not her password");
    assert_eq!(client.answer(&request).code, code::ACCESS_REJECT);
}

/// CHAP needs the password in the clear, so it works for users whose password is stored readably.
#[test]
fn a_user_with_a_readable_password_may_use_chap() {
    let client = Subject::shared().client();
    let request = client
        .request(code::ACCESS_REQUEST, 3)
        .with_message_authenticator()
        .with(attribute::USER_NAME, cast::USER)
        .with_chap(9, cast::PASSWORD);
    assert_eq!(client.answer(&request).code, code::ACCESS_ACCEPT);
}
