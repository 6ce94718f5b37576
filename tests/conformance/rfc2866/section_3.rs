//! Section 3: the Request Authenticator of accounting.

use nac_test_support::Subject;
use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{Request, attribute, code};

fn start(client: &Exchange, identifier: u8, session: &str) -> Request {
    client
        .request(code::ACCOUNTING_REQUEST, identifier)
        .with(attribute::ACCT_STATUS_TYPE, 1_u32.to_be_bytes())
        .with(attribute::ACCT_SESSION_ID, session)
        .with(attribute::USER_NAME, "alice")
}

#[test]
fn a_signed_record_is_answered() {
    let client = Subject::shared().accounting_client();
    let reply = client.answer(&start(&client, 1, "signed"));
    assert_eq!(reply.code, code::ACCOUNTING_RESPONSE);
}

#[test]
fn a_record_with_a_wrong_authenticator_is_discarded() {
    let client = Subject::shared().accounting_client();
    let mut request = start(&client, 2, "forged").bytes();
    request[10] ^= 1;
    assert!(client.is_ignored(&request));
}

#[test]
fn a_record_that_was_changed_on_the_way_is_discarded() {
    let client = Subject::shared().accounting_client();
    let mut request = start(&client, 3, "changed").bytes();
    let last = request.len() - 1;
    request[last] ^= 1;
    assert!(client.is_ignored(&request));
}

#[test]
fn a_message_authenticator_may_be_there_and_has_to_be_right() {
    // It is computed over sixteen zero octets there, as in the requests of RFC 5176.
    let client = Subject::shared().accounting_client();
    let right = start(&client, 5, "signed-twice").with_message_authenticator();
    assert_eq!(client.answer(&right).code, code::ACCOUNTING_RESPONSE);
    let wrong = start(&client, 6, "forged-too").with(attribute::MESSAGE_AUTHENTICATOR, [1; 16]);
    assert!(client.is_ignored(&wrong.bytes()));
}

#[test]
fn the_answer_carries_no_message_authenticator() {
    // Servers and proxies disagree about how to compute one there, so none is sent.
    let client = Subject::shared().accounting_client();
    let reply = client.answer(&start(&client, 4, "plain"));
    assert_eq!(reply.first(attribute::MESSAGE_AUTHENTICATOR), None);
}
