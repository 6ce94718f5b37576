//! Section 2.2: CHAP.

use nac_test_support::wire::code;
use nac_test_support::{Subject, cast};

#[test]
fn a_wrong_chap_password_is_rejected() {
    let client = Subject::shared().client();
    let request = client
        .access_request(2, cast::USER)
        .with_chap(7, "not her password");
    assert_eq!(client.answer(&request).code, code::ACCESS_REJECT);
}

/// CHAP needs the password in the clear, so it works for users whose password is stored readably.
#[test]
fn without_a_chap_challenge_the_request_authenticator_is_the_challenge() {
    let client = Subject::shared().client();
    let request = client
        .access_request(3, cast::USER)
        .with_chap(9, cast::PASSWORD);
    let reply = client.answer(&request);
    assert_eq!(
        (reply.code, reply.vlan().as_deref()),
        (code::ACCESS_ACCEPT, Some(cast::STAFF_VLAN))
    );
}
