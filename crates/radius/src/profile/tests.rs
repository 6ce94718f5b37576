//! Every profile, and what it makes of a segment.

use std::net::Ipv4Addr;

use super::*;
use crate::{Packet, PacketBuilder, Secret, attribute};

fn full<'a>(acl: &'a [String]) -> SegmentAttributes<'a> {
    SegmentAttributes {
        vlan: Some("120"),
        role: Some("staff"),
        acl,
        redirect: Some("https://portal.example/q"),
        redirect_acl: Some("REDIRECT"),
        session_timeout_s: Some(600),
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

/// What a typical NAS says about a session.
fn session() -> Vec<(String, String)> {
    pairs(&[
        ("User-Name", "alice"),
        ("NAS-IP-Address", "192.0.2.7"),
        ("NAS-Port", "50103"),
        ("NAS-Port-Id", "GigabitEthernet1/0/3"),
        ("NAS-Identifier", "sw1"),
        ("Called-Station-Id", "00-11-22-33-44-55"),
        ("Calling-Station-Id", "AA-BB-CC-DD-EE-FF"),
        ("Acct-Session-Id", "0000001F"),
        ("Framed-IP-Address", "198.51.100.9"),
        ("Cisco-AVPair", "service-type=Framed"),
        ("Cisco-AVPair", "audit-session-id=C0000207000000150012"),
    ])
}

#[test]
fn every_file_in_the_folder_is_embedded_and_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dictionaries/vendors");
    let mut found = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect::<Vec<_>>();
    let mut embedded = Vec::new();
    for (name, text) in FILES {
        let profile = VendorProfile::parse(name, text, Dictionary::embedded());
        embedded.push(profile.unwrap().name);
    }
    found.sort();
    embedded.sort();
    assert_eq!(found, embedded);
    assert_eq!(VendorProfile::embedded().len(), FILES.len());
    assert!(VendorProfile::by_name("generic").is_some());
    assert!(VendorProfile::by_name("Generic").is_none());
}

#[test]
fn every_profile_names_only_attributes_of_the_dictionary() {
    for profile in VendorProfile::embedded() {
        for name in profile.attribute_names() {
            assert!(
                Dictionary::embedded().by_name(name).is_some(),
                "{}: {name}",
                profile.name
            );
        }
        assert!(!profile.title.is_empty());
        assert!(
            !profile.ladder().is_empty(),
            "{} can move nobody",
            profile.name
        );
    }
}

#[test]
fn every_profile_encodes_a_whole_segment_and_leaves_no_placeholder() {
    let acl = [
        "permit ip any host 192.0.2.1".to_owned(),
        "deny ip any any".to_owned(),
    ];
    for profile in VendorProfile::embedded() {
        let mut builder = PacketBuilder::request(Code::AccessAccept, 1, [0; 16]);
        let attributes = profile.accept(&full(&acl));
        for (name, value) in &attributes {
            assert!(
                !name.contains('{') && !value.contains('{'),
                "{}: {value}",
                profile.name
            );
            Dictionary::embedded()
                .encode(&mut builder, name, value)
                .unwrap();
        }
        let sealed = builder.seal(&Secret::new("s"));
        let packet = Packet::parse(&sealed).unwrap();
        assert_eq!(
            packet.integer(attribute::TUNNEL_TYPE),
            Some(13),
            "{}",
            profile.name
        );
        assert_eq!(packet.integer(attribute::TUNNEL_MEDIUM_TYPE), Some(6));
        assert_eq!(
            packet.text(attribute::TUNNEL_PRIVATE_GROUP_ID).unwrap(),
            "120"
        );
        assert_eq!(packet.integer(attribute::SESSION_TIMEOUT), Some(600));
        assert_eq!(packet.integer(attribute::TERMINATION_ACTION), Some(1));
    }
}

#[test]
fn every_step_of_every_ladder_encodes_and_names_a_session() {
    for profile in VendorProfile::embedded() {
        for step in profile.ladder() {
            let identifiers = step.identify(&session());
            assert!(!identifiers.is_empty(), "{}: {step:?}", profile.name);
            let mut builder = PacketBuilder::request(step.code, 1, [0; 16]);
            for (name, value) in step.attributes.iter().chain(&identifiers) {
                Dictionary::embedded()
                    .encode(&mut builder, name, value)
                    .unwrap();
            }
            let sealed = builder.seal(&Secret::new("s"));
            let packet = Packet::parse(&sealed).unwrap();
            assert!(packet.request_authenticator_valid(&Secret::new("s")));
            assert!(matches!(step.port, 1700 | 3799));
            if let Some(address) = packet.ipv4(attribute::NAS_IP_ADDRESS) {
                assert_eq!(address, Ipv4Addr::new(192, 0, 2, 7));
            }
        }
        assert!(profile.ladder()[0].identify(&[]).is_empty());
    }
}

#[test]
fn a_segment_without_anything_becomes_no_attribute() {
    for profile in VendorProfile::embedded() {
        assert_eq!(profile.accept(&SegmentAttributes::default()), []);
        assert_eq!(profile.missing(&SegmentAttributes::default()), None);
    }
}

#[test]
fn cisco_numbers_its_rules_and_a_redirect_replaces_the_role() {
    let profile = VendorProfile::by_name("cisco-ios").unwrap();
    let acl = [
        "permit udp any any eq 53".to_owned(),
        "deny ip any any".to_owned(),
    ];
    let quarantine = SegmentAttributes {
        vlan: None,
        session_timeout_s: None,
        ..full(&acl)
    };
    let expected = pairs(&[
        ("Cisco-AVPair", "ip:inacl#101=permit udp any any eq 53"),
        ("Cisco-AVPair", "ip:inacl#102=deny ip any any"),
        ("Cisco-AVPair", "url-redirect=https://portal.example/q"),
        ("Cisco-AVPair", "url-redirect-acl=REDIRECT"),
    ]);
    assert_eq!(profile.accept(&quarantine), expected);
    let staff = SegmentAttributes {
        role: Some("staff"),
        ..SegmentAttributes::default()
    };
    assert_eq!(profile.accept(&staff), pairs(&[("Filter-Id", "staff.in")]));
}

#[test]
fn filter_rules_of_rfc_4849_stand_in_one_string_with_zero_octets_between() {
    let profile = VendorProfile::by_name("generic").unwrap();
    let acl = [
        "permit in tcp from any to 10.0.0.1/32 443".to_owned(),
        "deny in ip".to_owned(),
    ];
    let segment = SegmentAttributes {
        acl: &acl,
        ..SegmentAttributes::default()
    };
    let attributes = profile.accept(&segment);
    let rules = "permit in tcp from any to 10.0.0.1/32 443\0deny in ip";
    assert_eq!(attributes, pairs(&[("NAS-Filter-Rule", rules)]));
}

#[test]
fn a_step_echoes_what_the_nas_said_and_nothing_else() {
    let step = &VendorProfile::by_name("cisco-wlc").unwrap().ladder()[0];
    let expected = pairs(&[
        ("Calling-Station-Id", "AA-BB-CC-DD-EE-FF"),
        ("NAS-IP-Address", "192.0.2.7"),
        ("NAS-Port", "50103"),
        ("Cisco-AVPair", "audit-session-id=C0000207000000150012"),
    ]);
    assert_eq!(step.identify(&session()), expected);
}

#[test]
fn procurve_is_told_nas_port_and_never_nas_port_id() {
    for step in VendorProfile::by_name("arubaos-switch").unwrap().ladder() {
        assert!(step.identifiers.iter().any(|name| name == "NAS-Port"));
        assert!(!step.identifiers.iter().any(|name| name == "NAS-Port-Id"));
    }
}

#[test]
fn what_a_vendor_cannot_say_is_named() {
    let profile = VendorProfile::by_name("unifi").unwrap();
    let role = SegmentAttributes {
        role: Some("staff"),
        ..SegmentAttributes::default()
    };
    assert_eq!(profile.missing(&role), Some("role"));
    let vlan = SegmentAttributes {
        vlan: Some("7"),
        ..SegmentAttributes::default()
    };
    assert_eq!(profile.missing(&vlan), None);
}

#[test]
fn a_tag_is_added_where_the_profile_wants_one() {
    let text = |tag| {
        format!(
            "title = \"T\"\ntag = {tag}\n[accept]\nvlan = [[\"Tunnel-Type{{tag}}\", \"VLAN\"], \
             [\"Tunnel-Private-Group-Id{{tag}}\", \"{{vlan}}\"]]\n"
        )
    };
    let parse = |tag| VendorProfile::parse("x", &text(tag), Dictionary::embedded());
    let check = |tag, names: [&str; 2], octets: &[u8]| {
        let segment = SegmentAttributes {
            vlan: Some("9"),
            ..SegmentAttributes::default()
        };
        let attributes = parse(tag).unwrap().accept(&segment);
        assert_eq!(attributes, pairs(&[(names[0], "VLAN"), (names[1], "9")]));
        let mut builder = PacketBuilder::unsigned_request(Code::AccessAccept, 1, [0; 16]);
        for (name, value) in &attributes {
            Dictionary::embedded()
                .encode(&mut builder, name, value)
                .unwrap();
        }
        assert_eq!(&builder.seal(&Secret::new("s"))[20..], octets);
    };
    check(
        "\"none\"",
        ["Tunnel-Type", "Tunnel-Private-Group-Id"],
        &[64, 6, 0, 0, 0, 13, 81, 3, b'9'],
    );
    check(
        "0",
        ["Tunnel-Type:0", "Tunnel-Private-Group-Id:0"],
        &[64, 6, 0, 0, 0, 13, 81, 4, 0, b'9'],
    );
    check(
        "1",
        ["Tunnel-Type:1", "Tunnel-Private-Group-Id:1"],
        &[64, 6, 1, 0, 0, 13, 81, 4, 1, b'9'],
    );
    for wrong in ["2", "\"all\""] {
        assert!(matches!(
            parse(wrong),
            Err(ProfileError::WrongValue { field: "tag", .. })
        ));
    }
}

#[test]
fn a_profile_with_a_fault_is_refused_with_its_reason() {
    let check = |text: &str, expected: &str| {
        let error = VendorProfile::parse("mine", text, Dictionary::embedded()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(
        "title = ",
        "vendor profile mine: TOML parse error at line 1",
    );
    check(
        "title = \"T\"\ntag = 0\ncolour = 1\n[accept]\n",
        "unknown field `colour`",
    );
    check(
        "title = \"T\"\ntag = 0\n[accept]\nrole = [[\"Fliter-Id\", \"{role}\"]]\n",
        "no dictionary defines Fliter-Id",
    );
    check(
        "title = \"T\"\ntag = 0\n[accept]\n[[ladder]]\ncode = \"Kick\"\nport = 1\nidentifiers = []",
        "code must be CoA-Request or Disconnect-Request",
    );
}

/// An Access-Accept that tells this key, and what is in it.
fn accept_with_psk(profile: &str, psk: &str) -> Vec<u8> {
    let profile = VendorProfile::by_name(profile).unwrap();
    let mut builder = PacketBuilder::request(Code::AccessAccept, 1, [7; 16]);
    for (name, value) in profile.psk(psk) {
        Dictionary::embedded()
            .encode_secret(
                &mut builder,
                name,
                &value,
                [0x80, 1],
                &[7; 16],
                &Secret::new("s"),
            )
            .unwrap();
    }
    builder.seal(&Secret::new("s"))
}

#[test]
fn every_vendor_is_told_a_device_key_in_its_own_words() {
    let psk = "k7mq2xw9bfh4tz8c";
    for name in ["hostapd", "meraki", "generic"] {
        let sealed = accept_with_psk(name, psk);
        let packet = Packet::parse(&sealed).unwrap();
        let (tag, clear) = packet.tunnel_password(&[7; 16], &Secret::new("s")).unwrap();
        assert_eq!((tag, clear.as_slice()), (0, psk.as_bytes()), "{name}");
        // hostapd counts on one octet of tag, two of salt and whole blocks.
        let value = packet.attribute(attribute::TUNNEL_PASSWORD).unwrap();
        assert_eq!(value.len() % 16, 3);
    }
    let sealed = accept_with_psk("aruba-wireless", psk);
    let packet = Packet::parse(&sealed).unwrap();
    let value = packet
        .vendor(crate::vendor::ARUBA, crate::vendor::aruba::MPSK_PASSPHRASE)
        .unwrap();
    assert_eq!(value.len(), 2 + 32);
    assert!(
        !value
            .windows(4)
            .any(|window| psk.as_bytes().starts_with(window))
    );
    let sealed = accept_with_psk("cisco-wlc", psk);
    let packet = Packet::parse(&sealed).unwrap();
    let pairs: Vec<Vec<u8>> = packet
        .attributes()
        .filter(|found| found.number == attribute::VENDOR_SPECIFIC)
        .map(|found| found.value[6..].to_vec())
        .collect();
    assert_eq!(
        pairs,
        [
            b"psk-mode=ascii".to_vec(),
            format!("psk={psk}").into_bytes()
        ]
    );
}

#[test]
fn a_device_key_is_never_described() {
    let psk = "k7mq2xw9bfh4tz8c";
    let told = VendorProfile::embedded()
        .iter()
        .filter(|profile| profile.tells_psk());
    assert!(told.clone().count() >= 6);
    for profile in told {
        let sealed = accept_with_psk(&profile.name, psk);
        let packet = Packet::parse(&sealed).unwrap();
        let described = Dictionary::embedded().describe(&packet);
        assert!(
            described.iter().any(|one| one.value.starts_with("<hidden")),
            "{}",
            profile.name
        );
        assert!(!described.iter().any(|one| one.value.contains(psk)));
    }
}
