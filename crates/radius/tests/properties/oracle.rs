//! Agreement with the crate `radius`, written by others from the same RFCs.
//!
//! It has no opinion on Message-Authenticators and vendors' attributes, and a wrong one on
//! Tunnel-Password (no length octet) and tagged numbers (five octets instead of the four of RFC 2868
//! section 3.1), so that it is asked about the rest.

use std::net::Ipv4Addr;

use nac_radius::{Code, Malformed, Packet, PacketBuilder, Secret};
use proptest::collection::vec;
use proptest::prelude::*;
use radius::core::avp::AVP;
use radius::core::code::Code as OracleCode;
use radius::core::packet::Packet as Oracle;

const SECRET: &[u8] = b"a secret for two";

/// Any attributes, of which few have special rules.
fn attributes() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    vec((1..=u8::MAX, vec(any::<u8>(), 0..30)), 0..30)
}

fn datagram(code: u8, authenticator: [u8; 16], attributes: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut octets = vec![code, 7, 0, 0];
    octets.extend(authenticator);
    for (number, value) in attributes {
        octets.extend([*number, u8::try_from(value.len() + 2).unwrap()]);
        octets.extend(value);
    }
    let length = u16::try_from(octets.len()).unwrap();
    octets[2..4].copy_from_slice(&length.to_be_bytes());
    octets
}

proptest! {
    #[test]
    fn both_read_the_same_attributes(
        attributes in attributes(),
        authenticator: [u8; 16],
        cut in 0..60_usize,
        padding in vec(any::<u8>(), 0..9),
    ) {
        let mut octets = datagram(1, authenticator, &attributes);
        octets.extend(padding);
        octets.truncate(octets.len().saturating_sub(cut.saturating_sub(40)));
        let theirs = Oracle::decode(&octets, SECRET);
        let ours = Packet::parse(&octets);
        let packet = match (&theirs, ours) {
            (Ok(_), Ok(packet)) => packet,
            (Err(_), Err(_)) => return Ok(()),
            // Where we are stricter, it is for one of these reasons.
            (Ok(_), Err(fault)) => {
                prop_assert!(matches!(
                    fault,
                    Malformed::MessageAuthenticatorLength { .. }
                        | Malformed::MessageAuthenticatorRepeated { .. }
                ), "{}", fault);
                return Ok(());
            }
            (Err(fault), Ok(_)) => return Err(TestCaseError::fail(fault.to_string())),
        };
        let theirs = theirs.unwrap();
        prop_assert_eq!(packet.identifier(), theirs.get_identifier());
        prop_assert_eq!(&packet.authenticator()[..], &theirs.get_authenticator()[..]);
        for number in 1..=u8::MAX {
            let all = packet.attributes().filter(|found| found.number == number);
            let all = all.map(|found| found.value.to_vec()).collect::<Vec<_>>();
            let oracle = theirs.lookup_all(number);
            let oracle = oracle.iter().map(|avp| avp.encode_bytes()).collect::<Vec<_>>();
            prop_assert_eq!(all, oracle);
            let Some(first) = theirs.lookup(number) else {
                prop_assert_eq!(packet.attribute(number), None);
                continue;
            };
            prop_assert_eq!(packet.integer(number), first.encode_u32().ok());
            prop_assert_eq!(packet.ipv4(number), first.encode_ipv4().ok());
            prop_assert_eq!(packet.ipv6(number), first.encode_ipv6().ok());
            if let Ok(text) = first.encode_string() {
                prop_assert_eq!(packet.text(number).unwrap(), text);
            }
        }
    }

    #[test]
    fn they_believe_our_replies_and_we_believe_theirs(
        code in prop::sample::select(vec![2_u8, 3, 5, 11, 41, 42, 44, 45]),
        authenticator: [u8; 16],
        attributes in attributes(),
    ) {
        let secret = Secret::new(SECRET);
        let request = datagram(1, authenticator, &[]);
        let request_view = Packet::parse(&request).unwrap();
        let mut reply = PacketBuilder::reply(Code::from_octet(code).unwrap(), &request_view);
        for (number, value) in &attributes {
            let _ = reply.push(*number, value);
        }
        let mut reply = reply.seal(&secret);
        prop_assert!(Oracle::is_authentic_response(&reply, &request, SECRET));
        reply[1] ^= 1;
        prop_assert!(!Oracle::is_authentic_response(&reply, &request, SECRET));

        // Theirs carry no Message-Authenticator, which is enough where none is demanded.
        if matches!(code, 5 | 41 | 42 | 44 | 45) {
            let mut theirs = Oracle::decode(&request, SECRET)
                .unwrap()
                .make_response_packet(OracleCode::from(code));
            for (number, value) in attributes.iter().filter(|(number, _)| *number != 80) {
                theirs.add(AVP::from_bytes(*number, value));
            }
            let theirs = theirs.encode().unwrap();
            let packet = Packet::parse(&theirs).unwrap();
            prop_assert_eq!(packet.verify_reply(&authenticator, &secret), Ok(()));
            prop_assert!(packet.verify_reply(&authenticator, &Secret::new("other")).is_err());
        }
    }

    #[test]
    fn both_compute_the_same_request_authenticator(
        code in prop::sample::select(vec![4_u8, 40, 43]),
        attributes in attributes(),
        change in 0..3_u8,
    ) {
        let secret = Secret::new(SECRET);
        let mut builder = PacketBuilder::request(Code::from_octet(code).unwrap(), 1, [0; 16]);
        for (number, value) in &attributes {
            let _ = builder.push(*number, value);
        }
        let mut sealed = builder.seal(&secret);
        sealed[1] ^= change;
        let ours = Packet::parse(&sealed).unwrap().request_authenticator_valid(&secret);
        prop_assert_eq!(ours, Oracle::is_authentic_request(&sealed, SECRET));
        prop_assert_eq!(ours, change == 0);

        let mut theirs = Oracle::new_with_identifier(OracleCode::from(code), SECRET, 1);
        for (number, value) in attributes.iter().filter(|(number, _)| *number != 80) {
            theirs.add(AVP::from_bytes(*number, value));
        }
        let theirs = theirs.encode().unwrap();
        prop_assert!(Packet::parse(&theirs).unwrap().request_authenticator_valid(&secret));
    }

    #[test]
    fn both_hide_a_password_alike(
        password in vec(1..=u8::MAX, 0..=128),
        authenticator: [u8; 16],
    ) {
        let secret = Secret::new(SECRET);
        let mut builder = PacketBuilder::request(Code::AccessRequest, 1, authenticator);
        builder.push_user_password(&password, &secret).unwrap();
        let sealed = builder.seal(&secret);
        let packet = Packet::parse(&sealed).unwrap();
        let theirs = AVP::from_user_password(2, &password, SECRET, &authenticator).unwrap();
        prop_assert_eq!(packet.attribute(2).unwrap(), theirs.encode_bytes());
        let clear = packet.user_password(&secret).unwrap().unwrap();
        prop_assert_eq!(&clear[..], &password[..]);
    }

    #[test]
    fn both_write_values_alike(number in 1..80_u8, integer: u32, text in "\\PC{0,60}") {
        let secret = Secret::new(SECRET);
        let address = Ipv4Addr::from(integer);
        let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [0; 16]);
        builder.push_integer(number, integer).unwrap();
        builder.push_ipv4(number, address).unwrap();
        builder.push_text(number, &text).unwrap();
        let sealed = builder.seal(&secret);
        let theirs = Oracle::decode(&sealed, SECRET).unwrap();
        let expected =
            [AVP::from_u32(number, integer), AVP::from_ipv4(number, &address), AVP::from_string(number, &text)];
        prop_assert_eq!(theirs.lookup_all(number), expected.iter().collect::<Vec<_>>());
    }
}
