//! Section 3.3, note 1: User-Password, CHAP-Password, ARAP-Password and EAP-Message exclude each other.

use nac_test_support::wire::{Request, attribute, code, eap_response};
use nac_test_support::{Subject, cast};

/// Requests with an identity in EAP and something beside it, which `what` names.
fn mixed() -> [(&'static str, Request); 3] {
    let identity = eap_response(1, 1, cast::USER.as_bytes());
    let client = Subject::shared().client();
    let eap = |identifier| {
        let request = client.access_request(identifier, cast::USER);
        request.with_eap(&identity)
    };
    [
        ("User-Password", eap(1).with_password(cast::PASSWORD)),
        ("CHAP-Password", eap(2).with_chap(7, cast::PASSWORD)),
        (
            "ARAP-Password",
            eap(3).with(attribute::ARAP_PASSWORD, [7; 16]),
        ),
    ]
}

#[test]
fn eap_beside_another_credential_leads_to_no_accept_and_begins_nothing() {
    for (what, both) in mixed() {
        let reply = Subject::shared().client().ask(&both.bytes());
        let code = reply.map(|reply| reply.code);
        assert!([None, Some(code::ACCESS_REJECT)].contains(&code), "{what}");
    }
}

#[test]
fn eap_beside_another_credential_is_refused_in_the_words_of_eap() {
    let fault = "it is dropped, and the NAS does not learn why";
    Subject::shared().unless_freeradius(fault, || {
        for (what, both) in mixed() {
            let reply = Subject::shared().client().answer(&both);
            assert_eq!(reply.code, code::ACCESS_REJECT, "{what}");
            assert_eq!(reply.eap().first(), Some(&4), "{what}: EAP-Failure");
        }
    });
}

#[test]
fn a_password_beside_arap_is_refused() {
    let fault = "the request is let in by its User-Password";
    Subject::shared().unless_freeradius(fault, || {
        let client = Subject::shared().client();
        let both = client
            .access_request(4, cast::USER)
            .with_password(cast::PASSWORD)
            .with(attribute::ARAP_PASSWORD, [7; 16]);
        assert_eq!(client.answer(&both).code, code::ACCESS_REJECT);
    });
}
