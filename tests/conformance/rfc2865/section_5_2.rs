//! Section 5.2: User-Password.

use nac_test_support::wire::code;
use nac_test_support::{Subject, cast};

fn outcome(password: &str) -> u8 {
    let client = Subject::shared().client();
    let request = client.access_request(1, cast::USER).with_password(password);
    client.answer(&request).code
}

#[test]
fn a_password_longer_than_one_block_is_unhidden() {
    assert!(cast::PASSWORD.len() > 16);
    assert_eq!(outcome(cast::PASSWORD), code::ACCESS_ACCEPT);
}

#[test]
fn wrong_passwords_of_every_length_are_rejected() {
    for length in [0, 1, 15, 16, 17, 127, 128] {
        assert_eq!(
            outcome(&"x".repeat(length)),
            code::ACCESS_REJECT,
            "{length} octets"
        );
    }
}

#[test]
fn a_beginning_of_the_password_is_not_the_password() {
    assert_eq!(outcome(&cast::PASSWORD[..16]), code::ACCESS_REJECT);
}

#[test]
fn a_reject_carries_no_segment() {
    let client = Subject::shared().client();
    let request = client.access_request(2, cast::USER).with_password("wrong");
    let reply = client.answer(&request);
    assert_eq!((reply.code, reply.vlan()), (code::ACCESS_REJECT, None));
}
