//! Section 3.1: EAP-Message.

use nac_test_support::Subject;
use nac_test_support::wire::{attribute, code, eap_response};

#[test]
fn an_identity_over_several_attributes_is_put_together() {
    let client = Subject::shared().client();
    let name = format!("{}@example.org", "a".repeat(240));
    let packet = eap_response(1, 1, name.as_bytes());
    let mut request = client.access_request(1, &name);
    for part in packet.chunks(100) {
        request = request.with(attribute::EAP_MESSAGE, part);
    }
    assert_eq!(client.answer(&request).code, code::ACCESS_CHALLENGE);
}

#[test]
fn a_packet_longer_than_it_says_never_leads_to_an_accept() {
    let client = Subject::shared().client();
    for (says, has) in [
        (4_u16, 12_usize),
        (0, 12),
        (3, 12),
        (200, 12),
        (u16::MAX, 12),
    ] {
        let mut packet = eap_response(1, 1, &vec![b'x'; has]);
        packet[2..4].copy_from_slice(&says.to_be_bytes());
        let request = client.access_request(2, "x").with_eap(&packet);
        client.send(&request.bytes());
        let reply = client.receive(std::time::Duration::from_millis(500));
        assert_ne!(
            reply.and_then(|bytes| bytes.first().copied()),
            Some(code::ACCESS_ACCEPT),
            "length {says}"
        );
    }
}

#[test]
fn codes_that_a_peer_must_not_send_never_lead_to_an_accept() {
    let client = Subject::shared().client();
    for eap_code in [0_u8, 1, 3, 4, 5, 255] {
        let mut packet = eap_response(1, 1, b"x");
        packet[0] = eap_code;
        let request = client.access_request(3, "x").with_eap(&packet);
        client.send(&request.bytes());
        let reply = client.receive(std::time::Duration::from_millis(500));
        assert_ne!(
            reply.and_then(|bytes| bytes.first().copied()),
            Some(code::ACCESS_ACCEPT),
            "code {eap_code}"
        );
    }
}
