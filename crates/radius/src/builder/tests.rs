//! What a builder accepts, refuses and promises.

use super::*;
use crate::MessageAuthenticator;

fn secret() -> Secret {
    Secret::new("testing123-testing123")
}

fn sealed_request(fill: impl FnOnce(&mut PacketBuilder)) -> Vec<u8> {
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]);
    fill(&mut builder);
    builder.seal(&secret())
}

#[test]
fn a_reply_echoes_every_proxy_state_unmodified_and_in_order_behind_the_signature() {
    let request = sealed_request(|builder| {
        builder.push(attribute::PROXY_STATE, b"first").unwrap();
        builder.push(attribute::USER_NAME, b"alice").unwrap();
        builder.push(attribute::PROXY_STATE, b"").unwrap();
        builder.push(attribute::PROXY_STATE, b"third").unwrap();
    });
    let request = Packet::parse(&request).unwrap();
    let reply = PacketBuilder::reply(Code::AccessReject, &request).seal(&secret());
    let reply = Packet::parse(&reply).unwrap();
    let numbers = reply
        .attributes()
        .map(|found| found.number)
        .collect::<Vec<_>>();
    assert_eq!(numbers, [80, 33, 33, 33]);
    let states = reply
        .attributes()
        .skip(1)
        .map(|found| found.value)
        .collect::<Vec<_>>();
    assert_eq!(states, [&b"first"[..], b"", b"third"]);
    assert_eq!(reply.identifier(), 1);
    assert_eq!(reply.verify_reply(&[7; 16], &secret()), Ok(()));
}

#[test]
fn an_accounting_response_is_not_signed() {
    let request = PacketBuilder::request(Code::AccountingRequest, 4, [0; 16]).seal(&secret());
    assert_eq!(request.len(), HEADER_LEN);
    let request = Packet::parse(&request).unwrap();
    let reply = PacketBuilder::reply(Code::AccountingResponse, &request).seal(&secret());
    assert_eq!(reply.len(), HEADER_LEN);
    let reply = Packet::parse(&reply).unwrap();
    assert_eq!(
        reply.verify_reply(request.authenticator(), &secret()),
        Ok(())
    );
}

#[test]
fn a_request_full_of_proxy_state_still_gets_a_signed_reply() {
    let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [7; 16]);
    while builder.length() < MAX_PACKET_LEN {
        let room = (MAX_PACKET_LEN - builder.length() - 2).min(MAX_VALUE_LEN);
        let room = if MAX_PACKET_LEN - builder.length() - 2 - room == 1 {
            room - 2
        } else {
            room
        };
        builder
            .push(attribute::PROXY_STATE, &vec![1; room])
            .unwrap();
    }
    let request = builder.seal(&secret());
    assert_eq!(request.len(), MAX_PACKET_LEN);
    let request = Packet::parse(&request).unwrap();
    let reply = PacketBuilder::reply(Code::AccessAccept, &request).seal(&secret());
    let reply = Packet::parse(&reply).unwrap();
    assert_eq!(reply.verify_reply(&[7; 16], &secret()), Ok(()));
}

#[test]
fn what_does_not_fit_leaves_the_packet_as_it_was() {
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]);
    let before = builder.length();
    let check = |result: Result<(), DoesNotFit>, expected| assert_eq!(result, Err(expected));
    check(
        builder.push(1, &[0; 254]),
        DoesNotFit::Value {
            number: 1,
            length: 254,
            most: 253,
        },
    );
    check(
        builder.push_vendor(9, 1, &[0; 248]),
        DoesNotFit::Value {
            number: 1,
            length: 248,
            most: 247,
        },
    );
    check(
        builder.push_user_password(&[1; 129], &secret()),
        DoesNotFit::Value {
            number: 2,
            length: 129,
            most: 128,
        },
    );
    check(
        builder.push_tunnel_password(0, &[1; 240], [0; 2], &[0; 16], &secret()),
        DoesNotFit::Value {
            number: 69,
            length: 240,
            most: 239,
        },
    );
    check(
        builder.push_eap_message(&[0; 4060]),
        DoesNotFit::Packet { number: 79 },
    );
    check(builder.push(0, b""), DoesNotFit::Reserved { number: 0 });
    check(
        builder.push(80, &[0; 16]),
        DoesNotFit::Reserved { number: 80 },
    );
    assert_eq!(builder.length(), before);
}

#[test]
fn no_more_attributes_are_built_than_are_accepted() {
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]);
    for _ in 1..MAX_ATTRIBUTES {
        builder.push(1, b"").unwrap();
    }
    assert_eq!(builder.push(1, b""), Err(DoesNotFit::TooMany { number: 1 }));
    assert_eq!(
        builder.push_eap_message(b"x"),
        Err(DoesNotFit::TooMany { number: 79 })
    );
    let sealed = builder.seal(&secret());
    assert_eq!(
        Packet::parse(&sealed).unwrap().attributes().count(),
        MAX_ATTRIBUTES
    );
}

#[test]
fn an_eap_packet_is_split_at_253_octets_and_comes_back_whole() {
    for length in [0_usize, 1, 252, 253, 254, 506, 507, 1_400] {
        let eap: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        let sealed = sealed_request(|builder| builder.push_eap_message(&eap).unwrap());
        let packet = Packet::parse(&sealed).unwrap();
        assert_eq!(packet.eap_message().as_deref(), Some(eap.as_slice()));
        let pieces = packet
            .attributes()
            .filter(|found| found.number == 79)
            .count();
        assert_eq!(pieces, length.div_ceil(253).max(1));
        assert!(packet.has_eap_message());
        assert_eq!(
            packet.message_authenticator(&secret()),
            MessageAuthenticator::Valid
        );
    }
}

#[test]
fn the_master_session_key_reaches_the_nas_as_two_keys_in_the_right_direction() {
    let msk: [u8; 64] = std::array::from_fn(|index| index as u8);
    let request = sealed_request(|_| ());
    let request = Packet::parse(&request).unwrap();
    let mut builder = PacketBuilder::reply(Code::AccessAccept, &request);
    // Even a random source that repeats itself must not repeat a salt.
    builder
        .push_mppe_keys(&msk, [[0x12, 0xff]; 2], request.authenticator(), &secret())
        .unwrap();
    builder
        .push_tunnel_password(1, b"psk", [0x12, 0xff], &[7; 16], &secret())
        .unwrap();
    let sealed = builder.seal(&secret());
    let packet = Packet::parse(&sealed).unwrap();
    let key = |number| {
        packet
            .mppe_key(number, request.authenticator(), &secret())
            .unwrap()
    };
    assert_eq!(key(vendor::microsoft::MPPE_RECV_KEY), msk[..32]);
    assert_eq!(key(vendor::microsoft::MPPE_SEND_KEY), msk[32..]);
    assert_eq!(
        packet
            .mppe_key(16, &[8; 16], &secret())
            .filter(|key| key == &msk[32..]),
        None
    );

    let mut salts = packet
        .vendor_attributes()
        .map(|found| &found.value[..2])
        .collect::<Vec<_>>();
    salts.push(&packet.attribute(attribute::TUNNEL_PASSWORD).unwrap()[1..3]);
    assert!(salts.iter().all(|salt| salt[0] & 0x80 != 0));
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), 3);
    assert_eq!(
        packet
            .vendor_attributes()
            .map(|found| found.value.len())
            .sum::<usize>(),
        2 * 50
    );
}

#[test]
fn debug_shows_no_values() {
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]);
    builder.push_text(1, "alice").unwrap();
    assert!(!format!("{builder:?}").contains("alice"));
    let sealed = builder.seal(&secret());
    assert!(!format!("{:?}", Packet::parse(&sealed).unwrap()).contains("alice"));
}

/// An Access-Accept with everything that is hidden in it.
fn accept(request: &Packet<'_>) -> Vec<u8> {
    let field = *request.authenticator();
    let mut reply = PacketBuilder::reply(Code::AccessAccept, request);
    reply.push(attribute::CLASS, b"a session").unwrap();
    let msk = std::array::from_fn(|n| u8::try_from(n).unwrap());
    let salts = [[0x80, 1], [0x80, 2]];
    reply
        .push_mppe_keys(&msk, salts, &field, &secret())
        .unwrap();
    reply
        .push_tunnel_password(3, b"a key of Wi-Fi", [0x90, 1], &field, &secret())
        .unwrap();
    reply
        .push_vendor_salted(
            vendor::ARUBA,
            vendor::aruba::MPSK_PASSPHRASE,
            b"another one",
            [0x90, 2],
            &field,
            &secret(),
        )
        .unwrap();
    reply.push_eap_message(&[3, 9, 0, 4]).unwrap();
    reply.seal(&secret())
}

#[test]
fn a_repeated_reply_says_the_same_and_what_is_hidden_in_it_can_be_read_with_the_new_request() {
    let request = sealed_request(|builder| builder.push(attribute::PROXY_STATE, b"1").unwrap());
    let request = Packet::parse(&request).unwrap();
    let former = accept(&request);
    let former = Packet::parse(&former).unwrap();
    let mut again = PacketBuilder::request(Code::AccessRequest, 99, [8; 16]);
    again.push(attribute::PROXY_STATE, b"2").unwrap();
    let again = again.seal(&secret());
    let again = Packet::parse(&again).unwrap();
    let repeated = PacketBuilder::repeat(&former, request.authenticator(), &again, &secret());
    let repeated = repeated.expect("it is the reply to that request");
    assert_eq!(
        repeated.seal(&secret()),
        accept(&again),
        "as if it had been made for the new request in the first place"
    );
    let same = PacketBuilder::repeat(&former, request.authenticator(), &request, &secret());
    assert_eq!(same.unwrap().seal(&secret()), former.as_bytes());
}

#[test]
fn a_reply_of_another_secret_or_to_another_request_is_not_repeated() {
    let request = sealed_request(|_| {});
    let request = Packet::parse(&request).unwrap();
    let former = accept(&request);
    let former = Packet::parse(&former).unwrap();
    let other = Secret::new("since then it was changed");
    let field = request.authenticator();
    assert!(PacketBuilder::repeat(&former, field, &request, &other).is_none());
    assert!(PacketBuilder::repeat(&former, &[1; 16], &request, &secret()).is_none());
}

#[test]
fn a_reply_of_radius_1_1_is_repeated_under_the_new_token() {
    let asked = |token| PacketBuilder::token_request(Code::AccessRequest, token).seal(&secret());
    let (first, second) = (asked([1; 4]), asked([2; 4]));
    let parse = |octets| Packet::parse_as(Version::V1_1, octets).unwrap();
    let former = accept(&parse(&first));
    let field = parse(&first);
    let repeated = PacketBuilder::repeat(
        &parse(&former),
        field.authenticator(),
        &parse(&second),
        &secret(),
    );
    assert_eq!(repeated.unwrap().seal(&secret()), accept(&parse(&second)));
}
