//! EAP packets, scripts of conversations, and what travels in tunnels.

use super::{Seed, seed};

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds = packets();
    seeds.extend(scripts());
    seeds.extend(avps());
    seeds.extend(tlvs());
    seeds.extend(mschapv2());
    seeds.extend(teap());
    seeds
}

/// How far the conversation is, then packets with their lengths; see `nac_fuzz::eap_packet`.
fn packets() -> Vec<Seed> {
    let input = |how_far: u8, packets: &[&[u8]]| {
        let mut input = vec![how_far];
        for packet in packets {
            input.extend((packet.len() as u16).to_be_bytes());
            input.extend_from_slice(packet);
        }
        input
    };
    let identity: &[u8] = &[2, 1, 0, 10, 1, b'a', b'l', b'i', b'c', b'e'];
    let nak: &[u8] = &[2, 2, 0, 8, 3, 25, 21, 13];
    let expanded_nak: &[u8] = &[
        2, 2, 0, 20, 254, 0, 0, 0, 0, 0, 0, 3, 254, 0, 0, 0, 0, 0, 0, 25,
    ];
    let fragments: [&[u8]; 3] = [
        &[2, 2, 0, 14, 13, 0xc0, 0, 0, 0, 8, 22, 3, 1, 0],
        &[2, 3, 0, 8, 13, 0x40, 3, 1],
        &[2, 4, 0, 8, 13, 0, 0, 0],
    ];
    vec![
        seed("eap_packet", "identity", input(0, &[identity])),
        seed("eap_packet", "teap-nak", input(134, &[nak])),
        seed("eap_packet", "nak", input(6, &[nak, nak])),
        seed("eap_packet", "expanded-nak", input(6, &[expanded_nak])),
        seed("eap_packet", "fragments", input(6, &fragments)),
        seed(
            "eap_packet",
            "start-flag",
            input(7, &[&[2, 2, 0, 6, 25, 0x20]]),
        ),
        seed(
            "eap_packet",
            "version",
            input(8, &[&[2, 2, 0, 7, 21, 3, 0]]),
        ),
        seed(
            "eap_packet",
            "success",
            input(3, &[&[3, 1, 0, 4], &[4, 1, 0, 4], &[1, 1, 0, 5, 1]]),
        ),
    ]
}

/// Method and version, flags, MTU, then what happens to each packet; see `nac_fuzz::eap_conversation`.
fn scripts() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, method) in [
        ("tls", 0_u8),
        ("peap", 1),
        ("ttls-pap", 2),
        ("ttls-mschapv2", 3),
    ] {
        for (version, number) in [("any", 0_u8), ("1.2", 1), ("1.3", 2)] {
            let who = method + 16 * number;
            seeds.push(seed(
                "eap_conversation",
                &format!("{name}-{version}"),
                [who, 0, 0],
            ));
            seeds.push(seed(
                "eap_conversation",
                &format!("{name}-{version}-again"),
                [who, 8, 3],
            ));
        }
        if method > 0 {
            // The same with a method inside TEAP, which the octet of the MTU picks.
            let wishes = [("", 0), ("-wrong", 3), ("-again", 8)];
            seeds.extend(wishes.map(|(kind, flags)| {
                let name = format!("teap-{method}{kind}");
                seed("eap_conversation", &name, [12, flags, 4 * method])
            }));
        }
        // No certificate and a wrong password; refused, and tried again; small fragments.
        seeds.push(seed(
            "eap_conversation",
            &format!("{name}-wrong"),
            [method, 3, 2],
        ));
        seeds.push(seed(
            "eap_conversation",
            &format!("{name}-refused"),
            [method, 12, 0],
        ));
        seeds.push(seed(
            "eap_conversation",
            &format!("{name}-small"),
            [method, 0, 1],
        ));
        // An octet is changed, one is cut off, one comes again, other data come.
        let tampering = [
            method, 0, 0, 0, 0, 3, 0, 0, 30, 1, 4, 20, 9, 5, 1, 6, 4, 0x80, 0, 0, 0, 7, 3, 2, 0, 0,
        ];
        seeds.push(seed(
            "eap_conversation",
            &format!("{name}-tampered"),
            tampering,
        ));
    }
    seeds
}

/// TLS version and what is answered, then TLVs; see `nac_fuzz::teap_tlvs`.
fn teap() -> Vec<Seed> {
    let tlv = |kind: u16, value: &[u8]| {
        let length = (value.len() as u16).to_be_bytes();
        [&kind.to_be_bytes()[..], &length, value].concat()
    };
    let input = |first: u8, tlvs: &[Vec<u8>]| [vec![first], tlvs.concat()].concat();
    let user = tlv(2, &[0, 1]);
    let identity = tlv(0x8009, &[2, 0, 0, 10, 1, b'a', b'l', b'i', b'c', b'e']);
    let result = tlv(0x8003, &[0, 1]);
    let intermediate = tlv(0x800a, &[0, 1]);
    let binding = tlv(0x800c, &[&[0, 1, 1, 0x31][..], &[7; 72]].concat());
    let password = tlv(0x800e, b"\x05alice\x05guess");
    let nak = tlv(0x8009, &[2, 0, 0, 6, 3, 13]);
    vec![
        seed(
            "teap_tlvs",
            "identity-1.2",
            input(0, &[user.clone(), identity.clone()]),
        ),
        seed("teap_tlvs", "identity-1.3", input(1, &[user, identity])),
        seed("teap_tlvs", "inner-nak", input(3, &[nak])),
        seed(
            "teap_tlvs",
            "result",
            input(1, std::slice::from_ref(&result)),
        ),
        seed(
            "teap_tlvs",
            "binding",
            input(3, &[intermediate, binding, result]),
        ),
        seed("teap_tlvs", "password", input(3, &[password])),
        seed(
            "teap_tlvs",
            "refused",
            input(1, &[tlv(0x8004, &[0, 0, 0, 0, 0, 13])]),
        ),
        seed(
            "teap_tlvs",
            "error",
            input(1, &[tlv(0x8005, &[0, 0, 7, 0xd1])]),
        ),
        seed(
            "teap_tlvs",
            "unknown-mandatory",
            input(1, &[tlv(0x8063, b"x")]),
        ),
    ]
}

fn avp(code: u32, vendor: u32, data: &[u8]) -> Vec<u8> {
    let (flags, header) = if vendor == 0 { (0x40, 8) } else { (0xc0, 12) };
    let mut octets = code.to_be_bytes().to_vec();
    octets.extend(((flags << 24) | (header + data.len() as u32)).to_be_bytes());
    if vendor != 0 {
        octets.extend(vendor.to_be_bytes());
    }
    octets.extend_from_slice(data);
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// TLS version, then the attributes; see `nac_fuzz::ttls_avps`.
fn avps() -> Vec<Seed> {
    let name = avp(1, 0, b"alice");
    let password = avp(2, 0, "pässword\0\0\0\0\0\0\0".as_bytes());
    let wrong = avp(2, 0, b"guess\0\0\0\0\0\0\0\0\0\0\0");
    let mschap = [avp(11, 311, &[1; 16]), avp(25, 311, &[2; 50])].concat();
    let chap = [avp(60, 0, &[1; 16]), avp(3, 0, &[2; 17])].concat();
    let eap = avp(79, 0, &[2, 0, 0, 10, 1, b'a', b'l', b'i', b'c', b'e']);
    let input = |version: u8, parts: &[&[u8]]| [&[version][..], &parts.concat()].concat();
    vec![
        seed("ttls_avps", "pap-1.2", input(0, &[&name, &password])),
        seed("ttls_avps", "pap-1.3", input(1, &[&name, &password])),
        seed("ttls_avps", "pap-wrong", input(0, &[&name, &wrong])),
        seed("ttls_avps", "mschapv2", input(0, &[&name, &mschap])),
        seed("ttls_avps", "chap", input(0, &[&name, &chap])),
        seed("ttls_avps", "eap", input(0, &[&eap])),
        seed(
            "ttls_avps",
            "unknown-mandatory",
            input(0, &[&name, &avp(9999, 4711, b"x"), &password]),
        ),
    ]
}

/// An extensions message behind its header; see `nac_fuzz::peap_tlvs`.
fn tlvs() -> Vec<Seed> {
    let binding = [&[33, 0x80, 3, 0, 2, 0, 1, 0x80, 12, 0, 56][..], &[0; 56]].concat();
    vec![
        seed("peap_tlvs", "success", [33, 0x80, 3, 0, 2, 0, 1]),
        seed("peap_tlvs", "failure", [33, 0x80, 3, 0, 2, 0, 2]),
        seed(
            "peap_tlvs",
            "optional",
            [33, 0, 9, 0, 1, 7, 0x80, 3, 0, 2, 0, 1],
        ),
        seed(
            "peap_tlvs",
            "twice",
            [33, 0x80, 3, 0, 2, 0, 1, 0x80, 3, 0, 2, 0, 2],
        ),
        seed("peap_tlvs", "binding", binding),
    ]
}

/// Which message is answered, then the answer; see `nac_fuzz::mschapv2_messages`.
fn mschapv2() -> Vec<Seed> {
    let message = |which: u8, operation: u8, rest: &[u8]| {
        let length = (4 + rest.len() as u16).to_be_bytes();
        [&[which, operation, 0, length[0], length[1]][..], rest].concat()
    };
    let response = [&[49][..], &[7; 16], &[0; 8], &[9; 24], &[0], b"alice"].concat();
    vec![
        seed("mschapv2_messages", "response", message(0, 2, &response)),
        seed(
            "mschapv2_messages",
            "challenge",
            message(0, 1, &[&[16][..], &[1; 16], b"nac"].concat()),
        ),
        seed(
            "mschapv2_messages",
            "change-password",
            message(0, 7, &[3; 582]),
        ),
        seed("mschapv2_messages", "success", [1, 3]),
        seed("mschapv2_messages", "success-long", message(1, 3, b"")),
        seed("mschapv2_messages", "failure-instead", [1, 4]),
        seed("mschapv2_messages", "failure", [2, 4]),
        seed("mschapv2_messages", "another-try", message(2, 2, &response)),
    ]
}
