//! Reading dictionaries, and words to octets and back.

use super::*;
use crate::{Code, Packet, PacketBuilder, Secret, attribute, vendor};

fn encode(name: &str, value: &str) -> Result<Vec<u8>, EncodeError> {
    let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [0; 16]);
    Dictionary::embedded().encode(&mut builder, name, value)?;
    Ok(builder.seal(&Secret::new("s")))
}

fn describe(sealed: &[u8]) -> Vec<(String, String)> {
    let packet = Packet::parse(sealed).unwrap();
    let described = Dictionary::embedded().describe(&packet);
    described
        .into_iter()
        .map(|found| (found.name, found.value))
        .collect()
}

/// Encodes, checks the octets, describes, and expects the same words.
#[track_caller]
fn check(name: &str, value: &str, octets: &[u8]) {
    let sealed = encode(name, value).unwrap();
    assert_eq!(&sealed[20..], octets, "{name} = {value}");
    assert_eq!(describe(&sealed), [(name.to_owned(), value.to_owned())]);
}

#[test]
fn every_type_becomes_octets_and_words_again() {
    check("User-Name", "alice", b"\x01\x07alice");
    check("User-Name", "домен\\имя", "\x01\x13домен\\имя".as_bytes());
    check("NAS-Port", "258", &[5, 6, 0, 0, 1, 2]);
    check("NAS-Port-Type", "Wireless-802.11", &[61, 6, 0, 0, 0, 19]);
    check("NAS-Port-Type", "77", &[61, 6, 0, 0, 0, 77]);
    check("NAS-IP-Address", "192.0.2.1", &[4, 6, 192, 0, 2, 1]);
    check("Class", "0x00ff10", &[25, 5, 0, 255, 16]);
    check("State", "0x", &[24, 2]);
    check(
        "Event-Timestamp",
        "2026-08-01T12:34:56Z",
        &[55, 6, 0x6a, 0x6d, 0xe7, 0xf0],
    );
    check(
        "Event-Timestamp",
        "1970-01-01T00:00:00Z",
        &[55, 6, 0, 0, 0, 0],
    );
    check(
        "Event-Timestamp",
        "2000-02-29T23:59:59Z",
        &[55, 6, 0x38, 0xbc, 0x5d, 0x7f],
    );
    check(
        "Event-Timestamp",
        "2106-02-07T06:28:15Z",
        &[55, 6, 255, 255, 255, 255],
    );
    let address = [&[95, 18, 0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1]].concat();
    check("NAS-IPv6-Address", "2001:db8::1", &address);
    check(
        "Framed-IPv6-Prefix",
        "2001:db8::/32",
        &[97, 8, 0, 32, 0x20, 1, 0xd, 0xb8],
    );
    check("Framed-IPv6-Prefix", "::/0", &[97, 4, 0, 0]);
    check(
        "Framed-Interface-Id",
        "0:a:0:1",
        &[96, 10, 0, 0, 0, 10, 0, 0, 0, 1],
    );
    check("Tunnel-Type:1", "VLAN", &[64, 6, 1, 0, 0, 13]);
    check("Tunnel-Type", "VLAN", &[64, 6, 0, 0, 0, 13]);
    check("Tunnel-Private-Group-Id:0", "12", &[81, 5, 0, b'1', b'2']);
    check("Tunnel-Private-Group-Id", "12", &[81, 4, b'1', b'2']);
    check(
        "Cisco-AVPair",
        "a=b",
        &[26, 11, 0, 0, 0, 9, 1, 5, b'a', b'=', b'b'],
    );
    check(
        "Aruba-Port-Auth-Mode",
        "Multi-Domain-Mode",
        &[26, 12, 0, 0, 0x39, 0xe7, 50, 6, 0, 0, 0, 3],
    );
    let mac = [26, 14, 0, 0, 0x30, 0x44, 23, 8, 0, 17, 34, 51, 68, 85];
    check(
        "Fortinet-WirelessController-Device-MAC",
        "00:11:22:33:44:55",
        &mac,
    );
    check("Attr-250", "0x01", &[250, 3, 1]);
    check("Vendor-9-Attr-99", "0x01", &[26, 9, 0, 0, 0, 9, 99, 3, 1]);
}

#[test]
fn names_are_found_in_any_case() {
    let sealed = encode("user-name", "alice").unwrap();
    assert_eq!(describe(&sealed), [("User-Name".into(), "alice".into())]);
    assert_eq!(encode("tunnel-type", "vlan"), encode("Tunnel-Type", "VLAN"));
}

#[test]
fn text_that_is_not_plain_comes_back_octet_for_octet() {
    for octets in [
        &b"\xff\xfe"[..],
        b"tab\there",
        b"zero\0",
        b"0xff",
        b"0x41",
        b"0x30786666",
        b"0x",
        b"0x4",
        b"0xzz",
        b"",
    ] {
        let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [0; 16]);
        builder.push(attribute::USER_NAME, octets).unwrap();
        let sealed = builder.seal(&Secret::new("s"));
        let described = describe(&sealed);
        assert_eq!(
            encode("User-Name", &described[0].1).unwrap(),
            sealed,
            "{described:?}"
        );
    }
}

#[test]
fn a_tagged_number_whose_tag_is_none_is_shown_as_octets() {
    let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [0; 16]);
    builder.push(64, &[0x20, 0, 0, 13]).unwrap();
    let described = describe(&builder.seal(&Secret::new("s")));
    assert_eq!(
        described,
        [("Tunnel-Type".to_owned(), "0x2000000d".to_owned())]
    );
}

#[test]
fn values_that_do_not_fit_are_refused_without_repeating_them() {
    let check = |name: &str, value: &str| {
        let error = encode(name, value).unwrap_err();
        assert!(matches!(error, EncodeError::WrongValue { .. }), "{error}");
        assert!(
            value.is_empty() || !error.to_string().contains(value),
            "{error}"
        );
    };
    check("NAS-Port", "4294967296");
    check("NAS-Port", "-1");
    check("NAS-Port-Type", "Cable-TV");
    check("NAS-IP-Address", "192.0.2.256");
    check("NAS-IPv6-Address", "192.0.2.1");
    check("Framed-IPv6-Prefix", "2001:db8::/129");
    check("Framed-Interface-Id", "1:2:3");
    check("Class", "0x123");
    check("Class", "0xZZ");
    check("Tunnel-Preference", "16777216");
    check("Event-Timestamp", "2026-13-01T00:00:00Z");
    check("Event-Timestamp", "1969-12-31T23:59:59Z");
    check("Event-Timestamp", "2200-01-01T00:00:00Z");
}

#[test]
fn names_and_tags_that_do_not_exist_are_refused() {
    let unknown = |name: &str| EncodeError::UnknownAttribute { name: name.into() };
    let tag = |name: &str| EncodeError::WrongTag { name: name.into() };
    for name in [
        "",
        "Usr-Name",
        "Attr-256",
        "Attr-",
        "Vendor-9",
        "Vendor-x-Attr-1",
    ] {
        assert_eq!(encode(name, "1"), Err(unknown(name)));
    }
    for name in [
        "Tunnel-Type:32",
        "Tunnel-Type:x",
        "User-Name:1",
        "Tunnel-Type:",
    ] {
        assert_eq!(encode(name, "1"), Err(tag(name)));
    }
    for name in ["Attr-0", "Attr-80", "Message-Authenticator"] {
        assert!(matches!(
            encode(name, "0x00"),
            Err(EncodeError::DoesNotFit { .. })
        ));
    }
    for name in ["User-Password", "Tunnel-Password:1", "MS-MPPE-Send-Key"] {
        assert_eq!(
            encode(name, "x"),
            Err(EncodeError::Encrypted { name: name.into() })
        );
    }
    assert!(matches!(
        encode("User-Name", &"a".repeat(254)),
        Err(EncodeError::DoesNotFit { .. })
    ));
}

#[test]
fn a_long_filter_rule_is_split_over_attributes() {
    let sealed = encode("NAS-Filter-Rule", &"r".repeat(600)).unwrap();
    let packet = Packet::parse(&sealed).unwrap();
    let lengths = packet
        .attributes()
        .map(|found| found.value.len())
        .collect::<Vec<_>>();
    assert_eq!(lengths, [253, 253, 94]);
}

#[test]
fn secrets_are_masked_and_everything_else_is_named() {
    let secret = Secret::new("s");
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [0; 16]);
    builder.push_user_password(b"hunter2", &secret).unwrap();
    builder.push(attribute::CHAP_PASSWORD, &[1; 17]).unwrap();
    builder.push_eap_message(b"12345").unwrap();
    builder
        .push_tunnel_password(1, b"psk", [0, 0], &[0; 16], &secret)
        .unwrap();
    builder
        .push_mppe_keys(&[1; 64], [[0, 0], [0, 1]], &[0; 16], &secret)
        .unwrap();
    builder
        .push_vendor(vendor::MICROSOFT, 25, &[1; 50])
        .unwrap();
    builder
        .push_vendor(vendor::CISCO, 1, b"PSK=geheim")
        .unwrap();
    builder
        .push_vendor(vendor::MIKROTIK, 16, b"geheim")
        .unwrap();
    builder.push_vendor(vendor::RUCKUS, 142, b"geheim").unwrap();
    builder.push_vendor(vendor::ARUBA, 44, b"geheim").unwrap();
    builder
        .push(attribute::VENDOR_SPECIFIC, &[0, 0, 1, 0x37, 16, 99, 7])
        .unwrap();
    let described = describe(&builder.seal(&secret));
    assert_eq!(described.len(), 13);
    for (name, value) in &described {
        assert!(value.starts_with("<hidden, "), "{name} = {value}");
    }
    assert_eq!(
        described[0],
        ("Message-Authenticator".into(), "<hidden, 16 bytes>".into())
    );
    assert_eq!(described[5].0, "MS-MPPE-Recv-Key");
    assert_eq!(described[12].0, "Vendor-Specific");
}

#[test]
fn what_no_dictionary_defines_is_shown_by_number() {
    let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [0; 16]);
    builder.push(241, &[1, 2]).unwrap();
    builder.push_vendor(99_999, 7, b"\x05").unwrap();
    builder
        .push(attribute::VENDOR_SPECIFIC, &[0, 0, 0, 9, 1, 200])
        .unwrap();
    builder.push(attribute::VENDOR_SPECIFIC, &[1, 2]).unwrap();
    builder.push(attribute::NAS_PORT, &[1, 2, 3]).unwrap();
    let expected = [
        ("Attr-241", "0x0102"),
        ("Vendor-99999-Attr-7", "0x05"),
        ("Vendor-Specific", "0x0000000901c8"),
        ("Vendor-Specific", "0x0102"),
        ("NAS-Port", "0x010203"),
    ];
    let described = describe(&builder.seal(&Secret::new("s")));
    assert_eq!(
        described,
        expected.map(|(name, value)| (name.into(), value.into()))
    );
}

#[test]
fn a_vendors_own_file_can_be_added() {
    let mut dictionary = Dictionary::embedded().clone();
    let text = "# our own\n\
        VENDOR Example 32473\n\
        BEGIN-VENDOR Example\n\
        ATTRIBUTE Example-Zone 1 integer has_tag # comment\n\
        VALUE Example-Zone Red 0x01\n\
        ATTRIBUTE Example-Key 2 octets[16] secret\n\
        ATTRIBUTE Example-List 3 string array\n\
        END-VENDOR Example\n";
    dictionary.extend("example.dictionary", text).unwrap();
    assert_eq!(dictionary.notes(), []);
    assert_eq!(dictionary.vendor_name(32473), Some("Example"));
    let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [0; 16]);
    dictionary
        .encode(&mut builder, "Example-Zone:2", "Red")
        .unwrap();
    dictionary
        .encode(&mut builder, "Example-Key", "0x1234")
        .unwrap();
    let sealed = builder.seal(&Secret::new("s"));
    let described = dictionary.describe(&Packet::parse(&sealed).unwrap());
    assert_eq!(
        (described[0].name.as_str(), described[0].value.as_str()),
        ("Example-Zone:2", "Red")
    );
    assert_eq!(described[1].value, "<hidden, 2 bytes>");
}

#[test]
fn a_file_cannot_uncover_a_secret() {
    let mut dictionary = Dictionary::embedded().clone();
    dictionary
        .extend(
            "x",
            "ATTRIBUTE User-Password 2 string\nATTRIBUTE CHAP-Password 3 octets",
        )
        .unwrap();
    let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [0; 16]);
    builder.push(2, &[1; 16]).unwrap();
    builder.push(3, &[1; 17]).unwrap();
    let sealed = builder.seal(&Secret::new("s"));
    for found in dictionary.describe(&Packet::parse(&sealed).unwrap()) {
        assert!(found.value.starts_with("<hidden"), "{found:?}");
    }
}

#[test]
fn errors_name_the_file_the_line_and_the_fix() {
    let check = |text: &str, line: usize, expected: &str| {
        let error = Dictionary::parse("mine", text).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("mine", line), "{error}");
        assert!(error.message.contains(expected), "{error}");
        assert!(error.to_string().starts_with(&format!("mine:{line}: ")));
    };
    check("\nATRIBUTE A 1 string", 2, "unknown keyword");
    check("ATTRIBUTE A 1", 1, "write: ATTRIBUTE name number type");
    check("ATTRIBUTE A one string", 1, "is not a number");
    check("ATTRIBUTE A 1 ipaddr has_tag", 1, "has_tag fits");
    check("ATTRIBUTE A 1 string encrypt=9", 1, "encrypt is 1, 2 or 3");
    check("ATTRIBUTE A\u{7}B 1 string", 1, "is no name");
    check(
        "ATTRIBUTE A 1 string\nATTRIBUTE a 2 string",
        2,
        "already number 1",
    );
    check(
        "ATTRIBUTE A 1 byte\nVALUE A B 256",
        2,
        "a number from 0 to 255",
    );
    check("VALUE A B", 1, "write: VALUE");
    check("VENDOR A", 1, "write: VENDOR");
    check("VENDOR A 0", 1, "private enterprise number");
    check("VENDOR A 5\nVENDOR A 6", 2, "already vendor 5");
    check(
        "BEGIN-VENDOR A",
        1,
        "unknown vendor A: add `VENDOR A number`",
    );
    check("VENDOR A 5\nBEGIN-VENDOR A\n\n", 2, "never closed");
    check(
        "VENDOR A 5\nBEGIN-VENDOR A\nBEGIN-VENDOR A",
        3,
        "inside another",
    );
    check("VENDOR A 5\nEND-VENDOR A", 2, "no BEGIN-VENDOR A is open");
    check("$INCLUDE other", 1, "no other file can be included here");
}

#[test]
fn lines_of_no_use_here_are_noted_and_not_refused() {
    let text = "ATTRIBUTE Extended 241 extended\n\
        ATTRIBUTE Frag-Status 241.1 integer\n\
        ATTRIBUTE Internal 1050 string\n\
        VALUE Nobody X 1\n\
        VENDOR Old 429 format=4,0\n\
        BEGIN-VENDOR Old\n\
        ATTRIBUTE Old-Thing 3 tlv\n\
        BEGIN-TLV Old-Thing\n\
        ATTRIBUTE Inner 1 string\n\
        END-TLV Old-Thing\n\
        END-VENDOR Old\n\
        FLAGS internal\n";
    let dictionary = Dictionary::parse("mine", text).unwrap();
    let lines = dictionary
        .notes()
        .iter()
        .map(|note| note.line)
        .collect::<Vec<_>>();
    assert_eq!(lines, [1, 2, 3, 4, 5, 7, 12]);
    assert!(dictionary.by_name("Inner").is_none());
    let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 1, [0; 16]);
    let error = dictionary
        .encode(&mut builder, "Old-Thing", "0x00")
        .unwrap_err();
    assert_eq!(
        error,
        EncodeError::UnusualVendor {
            name: "Old-Thing".into()
        }
    );
}

#[test]
fn included_files_come_from_the_loader_and_circles_end() {
    let mut dictionary = Dictionary::default();
    let mut loader = |from: &str, path: &str| match path {
        "inner" => Ok((format!("{from}/inner"), "ATTRIBUTE A 1 string\n".to_owned())),
        "circle" => Ok(("circle".to_owned(), "$INCLUDE circle\n".to_owned())),
        _ => Err("no such file".to_owned()),
    };
    dictionary
        .extend_with("top", "$INCLUDE inner\n$INCLUDE- gone\n", &mut loader)
        .unwrap();
    assert!(dictionary.by_name("A").is_some());
    let error = dictionary
        .extend_with("top", "$INCLUDE circle", &mut loader)
        .unwrap_err();
    assert!(error.message.contains("circle"));
    let error = dictionary
        .extend_with("top", "$INCLUDE gone", &mut loader)
        .unwrap_err();
    assert!(error.message.contains("no such file"));
}

/// `attribute.rs` and `vendor.rs` hold numbers that the dictionaries hold too.
#[test]
fn constants_and_dictionaries_agree() {
    let mut checked = 0;
    let lines = include_str!("../attribute.rs").lines().collect::<Vec<_>>();
    for pair in lines.windows(2) {
        let Some(name) = pair[0]
            .strip_prefix("/// ")
            .and_then(|rest| rest.split(':').next())
        else {
            continue;
        };
        let number = pair[1]
            .rsplit(' ')
            .next()
            .unwrap()
            .trim_end_matches(';')
            .parse()
            .unwrap();
        let found = Dictionary::embedded().by_number(None, number).unwrap();
        assert!(
            found.name.eq_ignore_ascii_case(name),
            "{name} is {}",
            found.name
        );
        checked += 1;
    }
    assert!(checked > 50);
    for (number, name) in [
        (vendor::CISCO, "Cisco"),
        (vendor::HP, "HP"),
        (vendor::MICROSOFT, "Microsoft"),
        (vendor::EXTREME, "Extreme"),
        (vendor::FOUNDRY, "Foundry"),
        (vendor::HUAWEI, "Huawei"),
        (vendor::JUNIPER, "Juniper"),
        (vendor::FORTINET, "Fortinet"),
        (vendor::AIRESPACE, "Airespace"),
        (vendor::ARUBA, "Aruba"),
        (vendor::MIKROTIK, "Mikrotik"),
        (vendor::RUCKUS, "Ruckus"),
        (vendor::AEROHIVE, "Aerohive"),
        (vendor::MERAKI, "Meraki"),
        (vendor::UBIQUITI, "Ubiquiti"),
    ] {
        assert_eq!(Dictionary::embedded().vendor_name(number), Some(name));
    }
}
