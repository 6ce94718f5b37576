//! No input panics; what is built reads back.

use nac_radius::{
    Code, Dictionary, MessageAuthenticator, Packet, PacketBuilder, Secret, VendorProfile,
    attribute, called_station, chap_password_valid,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Touches everything that a packet offers.
fn read_everything(datagram: &[u8], secret: &Secret) {
    let Ok(packet) = Packet::parse(datagram) else {
        return;
    };
    assert!(packet.as_bytes().len() <= datagram.len());
    let octets: usize = packet.attributes().map(|found| 2 + found.value.len()).sum();
    assert_eq!(octets + 20, packet.as_bytes().len());
    for number in 0..=u8::MAX {
        let _ = (
            packet.integer(number),
            packet.ipv4(number),
            packet.ipv6(number),
        );
        let _ = (packet.text(number), packet.vendor(9, number));
        let _ = packet.mppe_key(number, packet.authenticator(), secret);
    }
    let _ = (packet.vendor_attributes().count(), packet.eap_message());
    let _ = (
        packet.message_authenticator(secret),
        packet.request_authenticator_valid(secret),
    );
    let _ = (
        packet.verify_reply(&[0; 16], secret),
        packet.user_password(secret),
    );
    let _ = (
        packet.tunnel_password(&[0; 16], secret),
        chap_password_valid(&packet, b"x"),
    );
    let described = Dictionary::embedded().describe(&packet);
    assert!(described.len() >= usize::from(packet.attributes().count() > 0));
    let _ = PacketBuilder::reply(Code::AccessReject, &packet).seal(secret);
}

/// Datagrams that get past the header, with attributes that mostly fit.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let numbers = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![1, 2, 3, 26, 33, 60, 64, 69, 79, 80, 81, 92]),
    ];
    let attribute = (numbers, vec(any::<u8>(), 0..40), -1..2_i16);
    (
        any::<u8>(),
        vec(attribute, 0..30),
        vec(any::<u8>(), 0..20),
        any::<[u8; 16]>(),
    )
        .prop_map(|(code, attributes, padding, authenticator)| {
            let mut octets = vec![code % 46, 1, 0, 0];
            octets.extend(authenticator);
            for (number, value, lie) in attributes {
                let length = i16::try_from(value.len() + 2).unwrap();
                // Of the high numbers, two in three lengths are wrong by one.
                octets.extend([
                    number,
                    u8::try_from(length + lie * i16::from(number > 200)).unwrap(),
                ]);
                octets.extend(value);
            }
            let length = u16::try_from(octets.len()).unwrap();
            octets[2..4].copy_from_slice(&length.to_be_bytes());
            octets.extend(padding);
            octets
        })
}

fn code() -> impl Strategy<Value = Code> {
    (0..=u8::MAX).prop_filter_map("a code", Code::from_octet)
}

proptest! {
    #[test]
    fn no_octets_at_all_make_the_parser_panic(octets in vec(any::<u8>(), 0..600)) {
        read_everything(&octets, &Secret::new("secret"));
    }

    #[test]
    fn no_nearly_right_packet_makes_any_reader_panic(octets in plausible()) {
        read_everything(&octets, &Secret::new("secret"));
    }

    #[test]
    fn what_is_built_parses_again_with_the_same_attributes(
        code in code(),
        identifier: u8,
        authenticator: [u8; 16],
        attributes in vec((any::<u8>(), vec(any::<u8>(), 0..260)), 0..40),
        secret in vec(any::<u8>(), 0..80),
    ) {
        let secret = Secret::new(secret);
        let mut builder = PacketBuilder::request(code, identifier, authenticator);
        let mut pushed = Vec::new();
        for (number, value) in &attributes {
            if builder.push(*number, value).is_ok() {
                pushed.push((*number, value.as_slice()));
            }
        }
        let sealed = builder.seal(&secret);
        let packet = Packet::parse(&sealed).unwrap();
        prop_assert_eq!(packet.code(), code);
        prop_assert_eq!(packet.identifier(), identifier);
        prop_assert_eq!(packet.as_bytes(), &sealed[..]);
        let signed = !matches!(code, Code::AccountingRequest | Code::AccountingResponse);
        let found = packet
            .attributes()
            .skip(usize::from(signed))
            .map(|found| (found.number, found.value))
            .collect::<Vec<_>>();
        prop_assert_eq!(found, pushed);
        if signed {
            prop_assert_eq!(sealed[20], attribute::MESSAGE_AUTHENTICATOR);
        }
        match code {
            Code::AccessRequest | Code::StatusServer => {
                prop_assert_eq!(packet.authenticator(), &authenticator);
                prop_assert_eq!(packet.message_authenticator(&secret), MessageAuthenticator::Valid);
            }
            Code::AccountingRequest | Code::CoaRequest | Code::DisconnectRequest => {
                prop_assert!(packet.request_authenticator_valid(&secret));
                prop_assert_ne!(packet.message_authenticator(&secret), MessageAuthenticator::Invalid);
            }
            _ => prop_assert_eq!(packet.verify_reply(&authenticator, &secret), Ok(())),
        }
    }

    #[test]
    fn no_change_of_a_signed_request_goes_unnoticed(
        value in vec(any::<u8>(), 0..100),
        place: prop::sample::Index,
        change in 1..=u8::MAX,
    ) {
        let secret = Secret::new("secret");
        let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [9; 16]);
        builder.push(attribute::USER_NAME, &value).unwrap();
        let mut sealed = builder.seal(&secret);
        let place = place.index(sealed.len());
        sealed[place] ^= change;
        if let Ok(packet) = Packet::parse(&sealed) {
            prop_assert_ne!(packet.message_authenticator(&secret), MessageAuthenticator::Valid);
        }
    }

    #[test]
    fn what_is_described_encodes_to_the_same_octets(
        number in prop::sample::select(vec![1_u8, 11, 24, 25, 30, 31, 32, 44, 81, 87, 89, 250]),
        value in vec(any::<u8>(), 0..=253),
    ) {
        let secret = Secret::new("secret");
        let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [9; 16]);
        builder.push(number, &value).unwrap();
        let sealed = builder.seal(&secret);
        let described = Dictionary::embedded().describe(&Packet::parse(&sealed).unwrap());
        let mut again = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [9; 16]);
        for found in &described {
            Dictionary::embedded().encode(&mut again, &found.name, &found.value).unwrap();
        }
        prop_assert_eq!(again.seal(&secret), sealed);
    }

    #[test]
    fn dates_are_the_same_seconds_again(seconds: u32) {
        let secret = Secret::new("secret");
        let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [9; 16]);
        builder.push_integer(attribute::EVENT_TIMESTAMP, seconds).unwrap();
        let sealed = builder.seal(&secret);
        let described = Dictionary::embedded().describe(&Packet::parse(&sealed).unwrap());
        let mut again = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [9; 16]);
        Dictionary::embedded().encode(&mut again, "Event-Timestamp", &described[0].value).unwrap();
        prop_assert_eq!(again.seal(&secret), sealed);
    }

    #[test]
    fn no_dictionary_text_panics(text in dictionary_text()) {
        let mut dictionary = Dictionary::embedded().clone();
        let mut loader = |from: &str, path: &str| Ok((from.to_owned(), format!("$INCLUDE {path}")));
        let _ = dictionary.extend_with("hostile", &text, &mut loader);
        let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [0; 16]);
        for name in ["A", "B", "A:1", "User-Name"] {
            let _ = dictionary.encode(&mut builder, name, "1");
        }
        let _ = dictionary.describe(&Packet::parse(&builder.seal(&Secret::new("s"))).unwrap());
    }

    #[test]
    fn no_profile_text_panics(text in "[a-z\\[\\]=\"{}, \n]{0,200}") {
        let _ = VendorProfile::parse("hostile", &text, Dictionary::embedded());
    }

    #[test]
    fn no_name_or_value_makes_the_encoder_panic(name in "\\PC{0,40}", value in "\\PC{0,300}") {
        let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [0; 16]);
        let _ = Dictionary::embedded().encode(&mut builder, &name, &value);
        for attribute in Dictionary::embedded().attributes() {
            let _ = Dictionary::embedded().encode(&mut builder, &attribute.name, &value);
        }
        prop_assert!(Packet::parse(&builder.seal(&Secret::new("s"))).is_ok());
    }

    #[test]
    fn no_called_station_panics(text in "\\PC{0,40}") {
        let _ = called_station(&text);
    }
}

/// Words of the dictionary language in any order.
fn dictionary_text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "ATTRIBUTE",
        "VALUE",
        "VENDOR",
        "BEGIN-VENDOR",
        "END-VENDOR",
        "BEGIN-TLV",
        "END-TLV",
        "$INCLUDE",
        "$INCLUDE-",
        "A",
        "B",
        "User-Name",
        "1",
        "255",
        "256",
        "0",
        "-1",
        "1.2",
        "0xffffffffffffffffff",
        "string",
        "integer",
        "integer64",
        "byte",
        "tlv",
        "octets[4]",
        "has_tag",
        "encrypt=2",
        "encrypt=",
        "format=4,0",
        ",",
        "#",
        "\n",
        "\n",
        "\n",
        "é",
        "\u{0}",
    ]);
    vec(words, 0..80).prop_map(|words| words.join(" "))
}
