//! Well-formed and malformed datagrams.

use super::*;

/// A packet with these attribute octets and a Length field that is right for them.
fn datagram(attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER_LEN + attributes.len())
        .unwrap()
        .to_be_bytes();
    [&[1, 42, length[0], length[1]], &[7; 16][..], attributes].concat()
}

fn check(datagram: &[u8], expected: Malformed) {
    assert_eq!(Packet::parse(datagram), Err(expected));
    assert!(!expected.to_string().is_empty());
}

#[test]
fn a_cut_off_header_is_refused_at_every_length() {
    let whole = datagram(&[]);
    for received in 0..HEADER_LEN {
        check(&whole[..received], Malformed::HeaderTruncated { received });
    }
    assert!(Packet::parse(&whole).is_ok());
}

#[test]
fn a_lying_length_field_is_refused() {
    let mut octets = datagram(&[1, 3, b'a']);
    let mut with_length = |length: u16| {
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        octets.clone()
    };
    check(&with_length(0), Malformed::LengthTooSmall { length: 0 });
    check(&with_length(19), Malformed::LengthTooSmall { length: 19 });
    check(
        &with_length(24),
        Malformed::Truncated {
            length: 24,
            received: 23,
        },
    );
    check(
        &with_length(4096),
        Malformed::Truncated {
            length: 4096,
            received: 23,
        },
    );
    check(
        &with_length(4097),
        Malformed::LengthTooLarge { length: 4097 },
    );
    check(
        &with_length(u16::MAX),
        Malformed::LengthTooLarge { length: u16::MAX },
    );
    check(
        &with_length(22),
        Malformed::AttributeOverflow {
            offset: 20,
            number: 1,
            length: 3,
            remaining: 2,
        },
    );
    check(
        &with_length(21),
        Malformed::AttributeTruncated { offset: 20 },
    );
}

#[test]
fn octets_after_the_length_are_padding_and_dropped() {
    let clean = datagram(&[1, 3, b'a']);
    let mut padded = clean.clone();
    padded.extend([0xff; 5000]);
    let packet = Packet::parse(&padded).unwrap();
    assert_eq!(packet.as_bytes(), clean);
    assert_eq!(packet.attributes().count(), 1);
}

#[test]
fn the_largest_packet_is_accepted_and_one_octet_more_is_not() {
    let mut attributes = [&[26, 255][..], &[0; 253]].concat().repeat(15);
    attributes.extend([26, 251]);
    attributes.extend([0; 249]);
    let octets = datagram(&attributes);
    assert_eq!(octets.len(), MAX_PACKET_LEN);
    assert_eq!(Packet::parse(&octets).unwrap().attributes().count(), 16);
    attributes.extend([1, 2]);
    check(
        &datagram(&attributes),
        Malformed::LengthTooLarge { length: 4098 },
    );
}

#[test]
fn a_code_that_we_do_not_speak_is_refused_after_the_length_and_before_the_attributes() {
    let mut octets = datagram(&[0, 0]);
    for code in [0, 6, 10, 13, 39, 46, 52, 255] {
        octets[0] = code;
        check(&octets, Malformed::UnknownCode { code });
    }
}

#[test]
fn attributes_with_impossible_lengths_are_refused_where_they_are() {
    let first = [1, 4, b'a', b'b'];
    let after = |rest: &[u8]| datagram(&[&first, rest].concat());
    let (offset, number) = (24, 31);
    check(&after(&[31]), Malformed::AttributeTruncated { offset });
    check(&after(&[0, 2]), Malformed::AttributeNumberZero { offset });
    check(
        &after(&[31, 0]),
        Malformed::AttributeTooShort {
            offset,
            number,
            length: 0,
        },
    );
    check(
        &after(&[31, 1]),
        Malformed::AttributeTooShort {
            offset,
            number,
            length: 1,
        },
    );
    let overflow = Malformed::AttributeOverflow {
        offset,
        number,
        length: 5,
        remaining: 4,
    };
    check(&after(&[31, 5, 0, 0]), overflow);
    let overflow = Malformed::AttributeOverflow {
        offset,
        number,
        length: 255,
        remaining: 2,
    };
    check(&after(&[31, 255]), overflow);
    assert!(Packet::parse(&after(&[31, 2])).is_ok());
}

#[test]
fn a_flood_of_attributes_is_cut_off() {
    let octets = datagram(&[1, 2].repeat(MAX_ATTRIBUTES));
    assert_eq!(
        Packet::parse(&octets).unwrap().attributes().count(),
        MAX_ATTRIBUTES
    );
    let offset = HEADER_LEN + 2 * MAX_ATTRIBUTES;
    let limit = MAX_ATTRIBUTES;
    check(
        &datagram(&[1, 2].repeat(2_000)),
        Malformed::TooManyAttributes { offset, limit },
    );
}

#[test]
fn a_message_authenticator_is_sixteen_octets_and_alone() {
    let with_length =
        |length: u8| datagram(&[&[80, length][..], &vec![0; usize::from(length) - 2]].concat());
    for length in [2, 17, 19, 255] {
        check(
            &with_length(length),
            Malformed::MessageAuthenticatorLength { offset: 20, length },
        );
    }
    assert!(Packet::parse(&with_length(18)).is_ok());
    let two = [&[80, 18][..], &[0; 16]].concat().repeat(2);
    check(
        &datagram(&two),
        Malformed::MessageAuthenticatorRepeated { offset: 38 },
    );
}

#[test]
fn values_are_read_only_in_their_own_size() {
    let octets = datagram(
        &[
            &[5, 6, 0, 0, 1, 2][..],
            &[6, 5, 0, 0, 1],
            &[4, 6, 10, 0, 0, 1],
            &[1, 4, 0xff, b'a'],
            &[1, 3, b'b'],
            &[
                95, 18, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            ],
        ]
        .concat(),
    );
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!(packet.integer(5), Some(258));
    assert_eq!(packet.integer(6), None);
    assert_eq!(packet.integer(7), None);
    assert_eq!(packet.ipv4(4).unwrap().to_string(), "10.0.0.1");
    assert_eq!(packet.ipv6(95).unwrap().to_string(), "2001:db8::1");
    assert_eq!(packet.text(1).unwrap(), "\u{fffd}a");
    assert_eq!(packet.attribute(1), Some(&[0xff, b'a'][..]));
    assert_eq!(packet.eap_message(), None);
}

#[test]
fn an_empty_eap_message_is_eap_start() {
    let octets = datagram(&[79, 2]);
    assert_eq!(Packet::parse(&octets).unwrap().eap_message(), Some(vec![]));
}

#[test]
fn vendor_attributes_are_found_inside_their_container_and_broken_ones_end_the_walk() {
    let octets = datagram(
        &[
            &[26, 14, 0, 0, 0, 9, 1, 4, b'a', b'b', 2, 4, b'c', b'd'][..],
            &[26, 5, 0, 0, 9],                              // no room for a vendor
            &[26, 6, 0, 0, 0, 9],                           // a vendor and nothing else
            &[26, 7, 0, 0, 0, 9, 1],                        // half a header
            &[26, 8, 0, 0, 0, 9, 1, 0],                     // length 0
            &[26, 8, 0, 0, 0, 9, 1, 1],                     // length 1
            &[26, 8, 0, 0, 0, 9, 1, 200],                   // beyond the end
            &[26, 11, 0, 0, 0x39, 0xe7, 7, 3, b'e', 8, 99], // one whole, one broken
        ]
        .concat(),
    );
    let packet = Packet::parse(&octets).unwrap();
    let found = packet.vendor_attributes().collect::<Vec<_>>();
    let attribute = |vendor, number, value| VendorAttribute {
        vendor,
        number,
        value,
    };
    assert_eq!(
        found,
        [
            attribute(9, 1, b"ab"),
            attribute(9, 2, b"cd"),
            attribute(14823, 7, b"e"),
        ]
    );
    assert_eq!(packet.vendor(vendor::CISCO, 2), Some(&b"cd"[..]));
    assert_eq!(packet.vendor(vendor::ARUBA, 8), None);
}
