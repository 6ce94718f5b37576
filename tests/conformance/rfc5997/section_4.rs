//! Section 4: what answers Status-Server.

use nac_test_support::Subject;
use nac_test_support::wire::{attribute, code};

#[test]
fn the_authentication_port_answers_with_an_accept() {
    let client = Subject::shared().client();
    let request = client
        .request(code::STATUS_SERVER, 1)
        .with_message_authenticator();
    let reply = client.answer(&request);
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
    assert_eq!(reply.vlan(), None, "a life sign grants nothing");
}

#[test]
fn the_accounting_port_answers_with_an_accounting_response() {
    let client = Subject::shared().accounting_client();
    let request = client
        .request(code::STATUS_SERVER, 2)
        .with_message_authenticator();
    assert_eq!(client.answer(&request).code, code::ACCOUNTING_RESPONSE);
}

#[test]
fn proxy_state_is_echoed() {
    let client = Subject::shared().client();
    let request = client
        .request(code::STATUS_SERVER, 3)
        .with_message_authenticator()
        .with(attribute::PROXY_STATE, "probe");
    assert_eq!(
        client.answer(&request).all(attribute::PROXY_STATE),
        [b"probe"]
    );
}
