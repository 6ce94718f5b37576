//! Section 5.33: Proxy-State goes back unchanged and in order, in every answer.

use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{Packet, Request, attribute, code, eap_response};
use nac_test_support::{Subject, cast};

const STATES: [&[u8]; 3] = [b"first", &[0, 0xff, 0x7f], b"first"];

fn through_proxies(request: Request) -> Request {
    STATES.iter().fold(request, |request, state| {
        request.with(attribute::PROXY_STATE, state)
    })
}

fn assert_echoed(reply: &Packet, expected: u8) {
    assert_eq!(reply.code, expected);
    assert_eq!(reply.all(attribute::PROXY_STATE), STATES);
}

fn request(client: &Exchange, identifier: u8) -> Request {
    let request = client
        .request(code::ACCESS_REQUEST, identifier)
        .with_message_authenticator();
    through_proxies(request.with(attribute::USER_NAME, cast::USER))
}

#[test]
fn in_an_accept() {
    let client = Subject::shared().client();
    let reply = client.answer(&request(&client, 1).with_password(cast::PASSWORD));
    assert_echoed(&reply, code::ACCESS_ACCEPT);
}

#[test]
fn in_a_reject() {
    let client = Subject::shared().client();
    let reply = client.answer(&request(&client, 2).with_password("wrong"));
    assert_echoed(&reply, code::ACCESS_REJECT);
}

#[test]
fn in_a_challenge() {
    let client = Subject::shared().client();
    let identity = eap_response(1, 1, cast::USER.as_bytes());
    let reply = client.answer(&request(&client, 3).with_eap(&identity));
    assert_echoed(&reply, code::ACCESS_CHALLENGE);
}

#[test]
fn in_an_accounting_response() {
    let client = Subject::shared().accounting_client();
    let request = client
        .request(code::ACCOUNTING_REQUEST, 4)
        .with(attribute::ACCT_STATUS_TYPE, 1_u32.to_be_bytes())
        .with(attribute::ACCT_SESSION_ID, "proxied");
    let reply = client.answer(&through_proxies(request));
    assert_echoed(&reply, code::ACCOUNTING_RESPONSE);
}
