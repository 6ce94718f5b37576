//! Section 3: packet format.

use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{Request, attribute, code};
use nac_test_support::{Subject, cast};

fn login(client: &Exchange, identifier: u8) -> Request {
    client
        .access_request(identifier, cast::USER)
        .with_password(cast::PASSWORD)
}

#[test]
fn a_correct_request_is_accepted() {
    let client = Subject::shared().client();
    let reply = client.answer(&login(&client, 1));
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
    assert_eq!(reply.vlan().as_deref(), Some(cast::STAFF_VLAN));
}

#[test]
fn octets_after_the_length_are_padding() {
    let client = Subject::shared().client();
    let request = login(&client, 2).bytes();
    let padded = [&request[..], &[0xff; 40]].concat();
    let reply = client
        .ask(&padded)
        .expect("padding does not make a packet invalid");
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
}

#[test]
fn a_datagram_shorter_than_its_length_is_discarded() {
    let client = Subject::shared().client();
    let request = login(&client, 3).bytes();
    assert!(client.is_ignored(&request[..request.len() - 1]));
}

#[test]
fn lengths_outside_20_to_4096_are_discarded() {
    let client = Subject::shared().client();
    for length in [0_u16, 19, 4097, u16::MAX] {
        let mut request = login(&client, 4).bytes();
        request[2..4].copy_from_slice(&length.to_be_bytes());
        assert!(client.is_ignored(&request), "length {length}");
    }
    assert!(client.is_ignored(&[1]), "one octet");
    assert!(client.is_ignored(&[]), "no octet");
}

#[test]
fn a_packet_of_4096_octets_is_answered() {
    let client = Subject::shared().client();
    let mut request = login(&client, 5);
    // Vendor-Specific of a vendor that no dictionary has, up to the last octet.
    let mut room = 4096 - request.bytes().len();
    while room > 0 {
        let size = if room > 255 && room - 255 < 20 {
            200
        } else {
            room.min(255)
        };
        let mut value = vec![0, 0xfe, 0xfe, 0xfe, 1];
        value.push((size - 6) as u8);
        value.resize(size - 2, b'x');
        request = request.with(attribute::VENDOR_SPECIFIC, value);
        room -= size;
    }
    let bytes = request.bytes();
    assert_eq!(bytes.len(), 4096);
    assert_eq!(
        client.ask(&bytes).map(|reply| reply.code),
        Some(code::ACCESS_ACCEPT)
    );
}

#[test]
fn an_attribute_that_lies_about_its_length_discards_the_packet() {
    let client = Subject::shared().client();
    for lie in [0_u8, 1, 255] {
        let mut request = login(&client, 6).bytes();
        request.extend([attribute::NAS_PORT, lie, 0, 0, 0, 1]);
        let length = (request.len() as u16).to_be_bytes();
        request[2..4].copy_from_slice(&length);
        assert!(client.is_ignored(&request), "attribute of length {lie}");
    }
}

#[test]
fn an_unknown_code_is_discarded() {
    let client = Subject::shared().client();
    for unknown in [0_u8, 6, 99, 255] {
        let mut request = login(&client, 7).bytes();
        request[0] = unknown;
        assert!(client.is_ignored(&request), "code {unknown}");
    }
}

#[test]
fn an_answer_sent_to_the_server_is_discarded() {
    let client = Subject::shared().client();
    let mut request = login(&client, 8).bytes();
    request[0] = code::ACCESS_ACCEPT;
    assert!(client.is_ignored(&request));
}

#[test]
fn the_server_still_answers_after_all_that() {
    let client = Subject::shared().client();
    for rubbish in [&[0xff; 64][..], b"GET / HTTP/1.1\r\n\r\n", &[1, 2, 0, 20]] {
        client.send(rubbish);
    }
    assert_eq!(client.answer(&login(&client, 9)).code, code::ACCESS_ACCEPT);
}
