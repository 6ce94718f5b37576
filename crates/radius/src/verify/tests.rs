//! Vectors of RFC 2865 section 7, signatures computed another way, and the BLAST matrix.

use super::*;
use crate::{PacketBuilder, attribute, chap_password_valid};

const SECRET: &str = "xyzzy5461";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// RFC 2865 section 7.1: nemo telnets to a host, the request and its answer.
const TELNET_REQUEST: &str = "01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb
    98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be 70 8d
    93 d4 13 ce 31 96 e4 3f 78 2a 0a ee 04 06 c0 a8
    01 10 05 06 00 00 00 03";
const TELNET_ACCEPT: &str = "02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf
    9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03";
/// RFC 2865 section 7.2: flopsy dials in with CHAP.
const CHAP_REQUEST: &str = "01 01 00 47 2a ee 86 f0 8d 0d 55 96 9c a5 97 8e
    0d 33 67 a2 01 08 66 6c 6f 70 73 79 03 13 16 e9
    75 57 c3 16 18 58 95 f2 93 ff 63 44 07 72 75 04
    06 c0 a8 01 10 05 06 00 00 00 14 06 06 00 00 00
    02 07 06 00 00 00 01";
const CHAP_ACCEPT: &str = "02 01 00 38 15 ef bc 7d ab 26 cf a3 dc 34 d9 c0
    3c 86 01 a4 06 06 00 00 00 02 07 06 00 00 00 01
    08 06 ff ff ff fe 0a 06 00 00 00 02 0d 06 00 00
    00 01 0c 06 00 00 05 dc";

#[test]
fn the_telnet_example_of_rfc_2865_reads_and_verifies() {
    let secret = Secret::new(SECRET);
    let (request, reply) = (bytes(TELNET_REQUEST), bytes(TELNET_ACCEPT));
    let request = Packet::parse(&request).unwrap();
    assert_eq!(request.code(), Code::AccessRequest);
    assert_eq!(request.text(attribute::USER_NAME).unwrap(), "nemo");
    assert_eq!(
        request.user_password(&secret).unwrap().unwrap().as_slice(),
        b"arctangent"
    );
    assert_eq!(
        request.ipv4(attribute::NAS_IP_ADDRESS).unwrap().to_string(),
        "192.168.1.16"
    );
    assert_eq!(request.integer(attribute::NAS_PORT), Some(3));
    assert_eq!(
        request.message_authenticator(&secret),
        MessageAuthenticator::Absent
    );

    let reply = Packet::parse(&reply).unwrap();
    // The Response Authenticator is right; what is missing is what 1997 did not have.
    assert_eq!(
        reply.verify_reply(request.authenticator(), &secret),
        Err(ReplyFault::MessageAuthenticatorMissing)
    );
    assert_eq!(
        reply.verify_reply(request.authenticator(), &Secret::new("other")),
        Err(ReplyFault::Authenticator)
    );
}

#[test]
fn the_telnet_request_of_rfc_2865_is_built_octet_for_octet() {
    let secret = Secret::new(SECRET);
    let expected = bytes(TELNET_REQUEST);
    let authenticator = *Packet::parse(&expected).unwrap().authenticator();
    let mut builder = PacketBuilder::unsigned_request(Code::AccessRequest, 0, authenticator);
    builder.push_text(attribute::USER_NAME, "nemo").unwrap();
    builder.push_user_password(b"arctangent", &secret).unwrap();
    builder
        .push_ipv4(attribute::NAS_IP_ADDRESS, [192, 168, 1, 16].into())
        .unwrap();
    builder.push_integer(attribute::NAS_PORT, 3).unwrap();
    assert_eq!(builder.seal(&secret), expected);
}

#[test]
fn the_chap_example_of_rfc_2865_reads_and_verifies() {
    let secret = Secret::new(SECRET);
    let (request, reply) = (bytes(CHAP_REQUEST), bytes(CHAP_ACCEPT));
    let request = Packet::parse(&request).unwrap();
    assert_eq!(request.identifier(), 1);
    assert!(chap_password_valid(&request, b"arctangent"));
    assert!(!chap_password_valid(&request, b"arctangents"));
    assert_eq!(
        Packet::parse(&reply)
            .unwrap()
            .verify_reply(request.authenticator(), &secret),
        Err(ReplyFault::MessageAuthenticatorMissing)
    );
}

/// HMAC-MD5 written out by RFC 2104 from the MD5 of another crate's tree.
fn hmac_by_hand(key: &[u8], data: &[u8]) -> [u8; 16] {
    use md5::{Digest, Md5};
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Md5::digest([&block.map(|octet| octet ^ 0x36), data].concat());
    Md5::digest([&block.map(|octet| octet ^ 0x5c)[..], &inner].concat()).into()
}

/// Seals `builder`, then recomputes its Message-Authenticator over a copy with `field` in place.
fn check_signature(builder: PacketBuilder, field: [u8; 16]) {
    let mut sealed = builder.seal(&Secret::new(SECRET));
    assert_eq!(
        sealed[20],
        attribute::MESSAGE_AUTHENTICATOR,
        "it comes first"
    );
    assert_eq!(sealed[21], 18);
    let found: [u8; 16] = sealed[22..38].try_into().unwrap();
    sealed[4..20].copy_from_slice(&field);
    sealed[22..38].fill(0);
    assert_eq!(found, hmac_by_hand(SECRET.as_bytes(), &sealed));
}

#[test]
fn each_kind_of_packet_is_signed_over_the_field_that_its_rfc_names() {
    let authenticator = [0x5a; 16];
    for code in [Code::AccessRequest, Code::StatusServer] {
        check_signature(
            PacketBuilder::request(code, 1, authenticator),
            authenticator,
        );
    }
    for code in [Code::CoaRequest, Code::DisconnectRequest] {
        check_signature(PacketBuilder::request(code, 1, authenticator), [0; 16]);
    }
    let request =
        PacketBuilder::request(Code::AccessRequest, 9, authenticator).seal(&Secret::new(SECRET));
    let request = Packet::parse(&request).unwrap();
    for code in [
        Code::AccessAccept,
        Code::AccessReject,
        Code::AccessChallenge,
        Code::CoaAck,
        Code::CoaNak,
        Code::DisconnectAck,
        Code::DisconnectNak,
    ] {
        check_signature(PacketBuilder::reply(code, &request), authenticator);
    }
}

#[test]
fn a_computed_request_authenticator_is_checked_and_one_changed_octet_is_noticed() {
    let secret = Secret::new(SECRET);
    for code in [
        Code::AccountingRequest,
        Code::CoaRequest,
        Code::DisconnectRequest,
    ] {
        let mut builder = PacketBuilder::request(code, 3, [0xff; 16]);
        builder
            .push_text(attribute::ACCT_SESSION_ID, "0a1b")
            .unwrap();
        let mut sealed = builder.seal(&secret);
        assert!(
            Packet::parse(&sealed)
                .unwrap()
                .request_authenticator_valid(&secret)
        );
        *sealed.last_mut().unwrap() ^= 1;
        let packet = Packet::parse(&sealed).unwrap();
        assert!(!packet.request_authenticator_valid(&secret));
        assert_ne!(
            packet.message_authenticator(&secret),
            MessageAuthenticator::Valid
        );
    }
    let access = PacketBuilder::request(Code::AccessRequest, 3, [0; 16]).seal(&secret);
    assert!(
        !Packet::parse(&access)
            .unwrap()
            .request_authenticator_valid(&secret)
    );
}

#[test]
fn an_accounting_response_may_be_signed_in_either_of_the_two_ways_in_use() {
    let secret = Secret::new(SECRET);
    let request_authenticator = [7; 16];
    for field in [[0; 16], request_authenticator, [9; 16]] {
        let mut reply = vec![5, 1, 0, 38];
        reply.extend(request_authenticator);
        reply.extend([80, 18]);
        reply.extend([0; 16]);
        let mut covered = reply.clone();
        covered[4..20].copy_from_slice(&field);
        let signature = hmac_by_hand(SECRET.as_bytes(), &covered);
        reply[22..38].copy_from_slice(&signature);
        let digest = secret.md5_before(&[&reply]);
        reply[4..20].copy_from_slice(&digest);
        let expected = match field == [9; 16] {
            true => Err(ReplyFault::MessageAuthenticator),
            false => Ok(()),
        };
        let reply = Packet::parse(&reply).unwrap();
        assert_eq!(
            reply.verify_reply(&request_authenticator, &secret),
            expected
        );
    }
}

#[test]
fn a_request_is_never_taken_for_a_reply_nor_a_reply_for_a_request() {
    let secret = Secret::new(SECRET);
    let request = PacketBuilder::request(Code::AccessRequest, 3, [1; 16]).seal(&secret);
    let request = Packet::parse(&request).unwrap();
    assert_eq!(
        request.verify_reply(&[1; 16], &secret),
        Err(ReplyFault::Authenticator)
    );
    let reply = PacketBuilder::reply(Code::AccessAccept, &request).seal(&secret);
    let reply = Packet::parse(&reply).unwrap();
    assert_eq!(
        reply.message_authenticator(&secret),
        MessageAuthenticator::Invalid
    );
    assert!(!reply.request_authenticator_valid(&secret));
    assert_eq!(reply.verify_reply(&[1; 16], &secret), Ok(()));
    assert_eq!(
        reply.verify_reply(&[2; 16], &secret),
        Err(ReplyFault::Authenticator)
    );
}

/// CVE-2024-3596: every combination of what a request may carry, and what we can say about it.
#[test]
fn the_blast_matrix_of_requests_tells_absent_valid_invalid_and_repeated_apart() {
    use crate::Malformed;
    let secret = Secret::new(SECRET);
    for proxy_state in [false, true] {
        let build = |signed: bool| {
            let mut builder = match signed {
                true => PacketBuilder::request(Code::AccessRequest, 1, [3; 16]),
                false => PacketBuilder::unsigned_request(Code::AccessRequest, 1, [3; 16]),
            };
            if proxy_state {
                builder.push(attribute::PROXY_STATE, &[0xee; 40]).unwrap();
            }
            builder.seal(&secret)
        };
        let verdict =
            |octets: &[u8]| Packet::parse(octets).map(|p| p.message_authenticator(&secret));
        assert_eq!(verdict(&build(false)), Ok(MessageAuthenticator::Absent));
        assert_eq!(verdict(&build(true)), Ok(MessageAuthenticator::Valid));
        let mut bad = build(true);
        bad[30] ^= 0x80;
        assert_eq!(verdict(&bad), Ok(MessageAuthenticator::Invalid));
        let mut double = build(true);
        let offset = double.len();
        double.extend_from_within(20..38);
        double[3] += 18;
        assert_eq!(
            verdict(&double),
            Err(Malformed::MessageAuthenticatorRepeated { offset })
        );
    }
}

#[test]
fn a_reply_forged_by_a_colliding_prefix_has_no_valid_message_authenticator() {
    let secret = Secret::new(SECRET);
    let request = PacketBuilder::request(Code::AccessRequest, 1, [3; 16]).seal(&secret);
    let request = Packet::parse(&request).unwrap();
    // What a chosen-prefix collision gives the attacker: a right Response Authenticator.
    let mut forged = vec![2, 1, 0, 38];
    forged.extend([3; 16]);
    forged.extend([80, 18]);
    forged.extend([0xaa; 16]);
    for without in [false, true] {
        let mut forged = forged.clone();
        if without {
            forged.truncate(20);
            forged[3] = 20;
        }
        let digest = secret.md5_before(&[&forged]);
        forged[4..20].copy_from_slice(&digest);
        let expected = match without {
            true => ReplyFault::MessageAuthenticatorMissing,
            false => ReplyFault::MessageAuthenticator,
        };
        let reply = Packet::parse(&forged).unwrap();
        assert_eq!(
            reply.verify_reply(request.authenticator(), &secret),
            Err(expected)
        );
    }
}
