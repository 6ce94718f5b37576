//! Section 4.1: an Access-Request does not contain both a User-Password and a CHAP-Password.

use nac_test_support::wire::{Request, attribute, code};
use nac_test_support::{Subject, cast};

fn request(identifier: u8) -> Request {
    Subject::shared()
        .client()
        .access_request(identifier, cast::USER)
}

fn outcome(request: &Request) -> u8 {
    Subject::shared().client().answer(request).code
}

#[test]
fn a_password_beside_a_chap_response_is_refused_though_both_are_right() {
    let fault = "a request with both is let in";
    Subject::shared().unless_freeradius(fault, || {
        let both = request(1)
            .with_password(cast::PASSWORD)
            .with_chap(7, cast::PASSWORD);
        assert_eq!(outcome(&both), code::ACCESS_REJECT);
        let turned = request(2)
            .with_chap(7, cast::PASSWORD)
            .with_password(cast::PASSWORD);
        assert_eq!(outcome(&turned), code::ACCESS_REJECT);
    });
}

#[test]
fn either_of_them_alone_is_enough() {
    let password = request(3).with_password(cast::PASSWORD);
    assert_eq!(outcome(&password), code::ACCESS_ACCEPT);
    let chap = request(4).with_chap(7, cast::PASSWORD);
    assert_eq!(outcome(&chap), code::ACCESS_ACCEPT);
}

#[test]
fn a_challenge_of_its_own_is_no_second_credential() {
    // CHAP-Challenge (section 5.40) belongs to CHAP-Password, and MAC authentication comes that way too.
    let challenge = [0x5a; 16];
    let alice = request(5).with_chap_challenge(7, cast::PASSWORD, &challenge);
    assert_eq!(outcome(&alice), code::ACCESS_ACCEPT);
    let [mac, ..] = cast::mac_formats(cast::PRINTER);
    let station = |identifier| {
        Subject::shared()
            .client()
            .access_request(identifier, &mac)
            .with(attribute::CALLING_STATION_ID, &mac)
            .with(attribute::SERVICE_TYPE, 10_u32.to_be_bytes())
    };
    let by_chap = station(6).with_chap_challenge(7, &mac, &challenge);
    assert_eq!(outcome(&by_chap), code::ACCESS_ACCEPT);
    let by_password = station(7).with_password(&mac);
    assert_eq!(outcome(&by_password), code::ACCESS_ACCEPT);
}
