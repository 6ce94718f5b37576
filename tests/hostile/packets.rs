//! Packets that break the rules of RFC 2865 section 3 and of common sense.

use std::thread;

use nac_test_support::wire::{Request, attribute, code};
use nac_test_support::{cast, exchange::Exchange, wait};

use crate::ground::{Ground, MEMORY, Noise, SOON, STRANGER, expect_silence, pap};

/// A valid request whose bytes are then spoiled. What is spoiled is signed again, so that nothing but the lie is wrong.
fn spoiled(client: &Exchange, spoil: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = pap(client, 7, true).bytes();
    spoil(&mut bytes);
    bytes
}

fn set_length(bytes: &mut [u8], length: u16) {
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
}

#[test]
fn a_header_that_lies_about_the_length_gets_silence() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.1:0");
    let true_length = pap(&client, 7, true).bytes().len() as u16;
    for length in [0, 1, 3, 4, 19, true_length + 1, 4096, 4097, u16::MAX] {
        expect_silence(
            &client,
            &spoiled(&client, |bytes| set_length(bytes, length)),
        );
    }
    ground.survived();
    let said = ground.line("client=lab source=127.2.0.1:", "malformed packet");
    assert!(said.contains("Length field at offset 2"), "{said}");
}

#[test]
fn a_truncated_packet_of_any_length_gets_silence() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.2:0");
    let whole = pap(&client, 7, true).bytes();
    for length in 0..whole.len() {
        client.send(&whole[..length]);
        // The header admits it.
        let mut honest = whole[..length].to_vec();
        if length >= 4 {
            set_length(&mut honest, length as u16);
        }
        client.send(&honest);
        if length % 16 == 0 {
            expect_silence(&client, &[]);
        }
    }
    expect_silence(&client, &[]);
    ground.survived();
}

#[test]
fn octets_after_the_length_are_padding() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.3:0");
    let padded = spoiled(&client, |bytes| bytes.extend([0xff; 500]));
    let reply = client.ask(&padded).expect("padding is ignored");
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
}

#[test]
fn an_attribute_that_lies_about_its_length_gets_silence() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.4:0");
    // After the header comes the Message-Authenticator (18 octets), then User-Name.
    for length in [0_u8, 1, 8, 255] {
        expect_silence(&client, &spoiled(&client, |bytes| bytes[39] = length));
    }
    // An attribute of length 0 at the end would loop; one octet alone is no attribute.
    for tail in [
        &[attribute::REPLY_MESSAGE, 0][..],
        &[attribute::REPLY_MESSAGE, 1],
        &[1],
        &[0, 2],
    ] {
        let lying = spoiled(&client, |bytes| {
            bytes.extend(tail);
            let length = bytes.len() as u16;
            set_length(bytes, length);
        });
        expect_silence(&client, &lying);
    }
    ground.survived();
    ground.line("client=lab source=127.2.0.4:", "malformed packet");
}

#[test]
fn more_attributes_than_anybody_needs_get_silence() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.5:0");
    let mut crowded = pap(&client, 7, true);
    for _ in 0..1500 {
        crowded = crowded.with(attribute::REPLY_MESSAGE, []);
    }
    expect_silence(&client, &crowded.bytes());
    ground.survived();
    let said = ground.line("client=lab source=127.2.0.5:", "malformed packet");
    assert!(said.contains("more than 200 attributes"), "{said}");
}

#[test]
fn a_packet_of_4096_octets_is_served_and_a_larger_one_gets_silence() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.6:0");
    let filled = |size: usize| {
        let mut request = pap(&client, 7, true);
        while size - request.bytes().len() > 255 {
            request = request.with(attribute::REPLY_MESSAGE, [b'x'; 253]);
        }
        let rest = size - request.bytes().len() - 2;
        request.with(attribute::REPLY_MESSAGE, vec![b'x'; rest])
    };
    let largest = filled(4096);
    assert_eq!(largest.bytes().len(), 4096);
    assert_eq!(client.answer(&largest).code, code::ACCESS_ACCEPT);
    expect_silence(&client, &filled(4097).bytes());
    expect_silence(&client, &Noise::new(1).octets(65_000));
    ground.survived();
}

#[test]
fn vendor_attributes_that_lie_inside_are_not_followed() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.7:0");
    let insides: [&[u8]; 8] = [
        &[],
        &[0, 0, 1],
        &[0, 0, 1, 55],
        &[0, 0, 1, 55, 25],
        &[0, 0, 1, 55, 25, 0],
        &[0, 0, 1, 55, 25, 1],
        &[0, 0, 1, 55, 25, 255, 1],
        &[0, 0, 0, 9, 1, 2, 1, 0, 1, 0],
    ];
    for inside in insides {
        let request = pap(&client, 7, true).with(attribute::VENDOR_SPECIFIC, inside);
        assert_eq!(
            client.answer(&request).code,
            code::ACCESS_ACCEPT,
            "{inside:?}"
        );
    }
    // The same as the only credential: refused, not guessed at.
    for inside in insides {
        let request = client
            .access_request(8, cast::USER)
            .with(attribute::VENDOR_SPECIFIC, inside);
        assert_eq!(
            client.answer(&request).code,
            code::ACCESS_REJECT,
            "{inside:?}"
        );
    }
    ground.survived();
}

#[test]
fn credentials_of_a_wrong_length_are_refused() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.8:0");
    let with = |number: u8, value: &[u8]| {
        let request = client.access_request(9, cast::USER);
        client.answer(&request.with(number, value)).code
    };
    for length in [0, 1, 15, 17, 129, 144, 253] {
        let value = vec![7; length];
        assert_eq!(
            with(attribute::USER_PASSWORD, &value),
            code::ACCESS_REJECT,
            "{length}"
        );
    }
    for length in [0, 1, 16, 18, 253] {
        let value = vec![7; length];
        assert_eq!(
            with(attribute::CHAP_PASSWORD, &value),
            code::ACCESS_REJECT,
            "{length}"
        );
    }
    // MS-CHAP2-Response with and without a challenge, of every length that fits.
    for length in [0, 1, 49, 51, 200] {
        let response = [
            &[0, 0, 1, 55, 25, length + 2][..],
            &vec![7; usize::from(length)],
        ]
        .concat();
        assert_eq!(
            with(attribute::VENDOR_SPECIFIC, &response),
            code::ACCESS_REJECT,
            "{length}"
        );
    }
    ground.survived();
}

#[test]
fn two_credentials_in_one_request_are_refused_and_the_record_names_them() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.13:0");
    let station = "02-00-00-02-0d-01";
    let request = || pap(&client, 10, true).with(attribute::CALLING_STATION_ID, station);
    assert_eq!(client.answer(&request()).code, code::ACCESS_ACCEPT);
    // The password is right all the same.
    let with_chap = request().with(attribute::CHAP_PASSWORD, [7; 17]);
    assert_eq!(client.answer(&with_chap).code, code::ACCESS_REJECT);
    let identity = nac_test_support::wire::eap_response(1, 1, b"alice");
    let with_eap = request().with_eap(&identity);
    assert_eq!(client.answer(&with_eap).code, code::ACCESS_REJECT);
    // It waits until everything so far is recorded.
    let _ = ground.decisions("alice");
    let told = ground.nac.command(&["why", station, "--last", "9"]);
    assert_eq!(told.matches("(NAC-2047)").count(), 2, "{told}");
    for kinds in [
        "User-Password and CHAP-Password",
        "User-Password and EAP-Message",
    ] {
        assert!(told.contains(kinds), "{told}");
    }
    ground.survived();
}

#[test]
fn attributes_without_a_value_or_without_enough_of_one_harm_nobody() {
    // Empty tagged attributes, passwords without a salt and the like have ended other servers (CVE-2003-0968, CVE-2009-3111).
    const THEIR_OWN: [u8; 7] = [
        attribute::USER_NAME,
        attribute::USER_PASSWORD,
        attribute::CHAP_PASSWORD,
        attribute::ARAP_PASSWORD,
        attribute::STATE,
        attribute::EAP_MESSAGE,
        attribute::MESSAGE_AUTHENTICATOR,
    ];
    let ground = Ground::shared();
    let client = ground.client("127.2.0.11:0");
    let values: [&[u8]; 4] = [&[], &[0], &[0x1f], &[0x80, 0]];
    for number in (1..=254).filter(|number| !THEIR_OWN.contains(number)) {
        for value in values {
            let request = pap(&client, number, true).with(number, value);
            let code = client.answer(&request).code;
            assert_eq!(code, code::ACCESS_ACCEPT, "attribute {number} of {value:?}");
        }
    }
    // A challenge of any length, with a response that does not fit it.
    for length in [0, 1, 15, 17, 253] {
        let request = client
            .access_request(9, cast::USER)
            .with(attribute::CHAP_CHALLENGE, vec![7; length])
            .with(attribute::CHAP_PASSWORD, [7; 17]);
        assert_eq!(
            client.answer(&request).code,
            code::ACCESS_REJECT,
            "{length}"
        );
    }
    ground.survived();
}

#[test]
fn eap_in_pieces_that_are_empty_or_have_something_between_them_is_answered_or_refused() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.12:0");
    let whole = nac_test_support::wire::eap_response(1, 1, b"alice");
    let (one, two) = whole.split_at(3);
    let cases: [(&str, [&[u8]; 3]); 4] = [
        ("an empty piece first", [&[], one, two]),
        ("an empty piece between", [one, &[], two]),
        ("an empty piece last", [one, two, &[]]),
        ("octet by octet", [&whole[..1], &whole[1..2], &whole[2..]]),
    ];
    for (what, pieces) in cases {
        let request = client.access_request(3, "alice");
        let add = |request: Request, piece: &&[u8]| request.with(attribute::EAP_MESSAGE, piece);
        let whole = pieces.iter().fold(request.clone(), add);
        let reply = client.answer(&whole);
        assert_eq!(reply.code, code::ACCESS_CHALLENGE, "{what}");
        // RFC 3579 section 3.1: nothing may stand between them. Whoever does it is not followed into anything else.
        let apart = pieces.iter().fold(request, |request, piece| {
            add(request, piece).with(attribute::REPLY_MESSAGE, "between")
        });
        let code = client.answer(&apart).code;
        assert!(
            [code::ACCESS_CHALLENGE, code::ACCESS_REJECT].contains(&code),
            "{what}: {code}"
        );
    }
    ground.survived();
}

#[test]
fn what_a_server_never_receives_gets_silence() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.9:0");
    for odd in [0, 2, 3, 4, 5, 11, 13, 40, 43, 52, 255] {
        let mut bytes = pap(&client, 7, true).bytes();
        bytes[0] = odd;
        expect_silence(&client, &bytes);
        let signed = Request::new(odd, 7, [9; 16], cast::SECRET).with(attribute::USER_NAME, "x");
        expect_silence(&client, &signed.bytes());
    }
    ground.survived();
}

#[test]
fn hostile_names_are_stored_and_shown_as_one_escaped_line() {
    let ground = Ground::shared();
    let client = ground.client("127.2.0.10:0");
    let names: [&[u8]; 6] = [
        b"eve\n2026-01-01T00:00:00Z  INFO decided outcome=Accept forged-by-eve",
        b"eve\r\x1b[2J\x1b]0;forged-by-eve\x07",
        b"eve\0forged-by-eve",
        b"'; DROP TABLE decision; -- forged-by-eve",
        b"%{exec:forged-by-eve}",
        b"forged-by-eve \xff\xfe\xc0\x80 \xe2\x80\xae",
    ];
    for name in names {
        let request = client
            .access_request(3, name)
            .with(attribute::CALLED_STATION_ID, name)
            .with(attribute::NAS_IDENTIFIER, name)
            .with_password("wrong");
        assert_eq!(client.answer(&request).code, code::ACCESS_REJECT);
    }
    ground.survived();
    // On a busy machine the log is behind.
    let lines = || ground.lines("forged-by-eve", "");
    let written = wait::until(SOON, || lines().len() >= names.len());
    let lines = lines();
    assert!(written, "{lines:#?}");
    assert_eq!(lines.len(), names.len(), "{lines:#?}");
    for line in lines {
        assert!(
            line.starts_with("20") && line.contains("client=lab"),
            "{line}"
        );
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    // Nor does what the administrator asks about them move the terminal's cursor.
    ground.decisions("none");
    let shown = ground
        .nac
        .command(&["tail", "--last", "1000", "--no-follow"]);
    assert!(shown.contains("forged-by-eve"), "{shown}");
    let decision = decision_about_the_cursor(ground);
    let why = ground.nac.command(&["why", &decision, "--attributes"]);
    assert!(why.contains("forged-by-eve"), "{why}");
    for text in [shown, why] {
        let hostile: Vec<char> = text
            .chars()
            .filter(|c| c.is_control() && *c != '\n')
            .collect();
        assert!(hostile.is_empty(), "{hostile:?}");
        assert!(
            !text.lines().any(|line| line.starts_with("2026-01-01")),
            "{text}"
        );
    }
}

/// The id of the decision about the name with the cursor in it.
fn decision_about_the_cursor(ground: &Ground) -> String {
    let line = ground.line("]0;forged-by-eve", "decided");
    let (_, id) = line.rsplit_once("decision=").expect("its id is logged");
    id.to_owned()
}

#[test]
fn tens_of_thousands_of_random_datagrams_stop_nothing() {
    let ground = Ground::shared();
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn(move || {
                let mut noise = Noise::new(0x9e37 + thread);
                // Two of the four come from addresses that nobody knows.
                let source = if thread % 2 == 0 {
                    "127.2.1.1:0"
                } else {
                    STRANGER
                };
                let client = ground.client(source);
                let valid = pap(&client, 1, true).bytes();
                for count in 0..10_000 {
                    let datagram = match count % 3 {
                        0 => {
                            let length = noise.below(300);
                            noise.octets(length)
                        }
                        // A header that could be true before random octets.
                        1 => {
                            let length = 20 + noise.below(200);
                            let mut bytes = noise.octets(length);
                            bytes[0] = [1, 4, 12][noise.below(3)];
                            set_length(&mut bytes, length as u16);
                            bytes
                        }
                        _ => {
                            let mut bytes = valid.clone();
                            for _ in 0..1 + noise.below(4) {
                                let at = noise.below(bytes.len());
                                bytes[at] = noise.number() as u8;
                            }
                            bytes
                        }
                    };
                    client.send(&datagram);
                }
            });
        }
        scope.spawn(|| {
            let client = ground.client("127.0.0.1:0");
            for _ in 0..50 {
                assert!(ground.patient_log_in(&client), "nobody is let in any more");
            }
        });
    });
    ground.survived();
    assert!(
        ground.growth() < MEMORY / 2,
        "{} MiB more",
        ground.growth() >> 20
    );
    // One line for the address that nobody knows, one each for what the known one does wrong.
    ground.line("source=127.200.0.1:", "unknown NAS");
    for kind in [
        "malformed packet",
        "wrong secret",
        "missing Message-Authenticator",
    ] {
        let lines = ground.lines("source=127.2.1.1:", kind);
        assert!(lines.len() <= 1, "{lines:#?}");
    }
}
