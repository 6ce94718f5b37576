//! Hiding and revealing, with vectors and with hostile lengths.

use super::*;
use crate::{Code, PacketBuilder};

const AUTHENTICATOR: [u8; 16] = [0x3c; 16];

fn secret() -> Secret {
    Secret::new("testing123")
}

fn request(number: u8, value: &[u8]) -> Vec<u8> {
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, AUTHENTICATOR);
    builder.push(number, value).unwrap();
    builder.seal(&secret())
}

#[test]
fn a_password_of_any_length_is_hidden_and_revealed() {
    for length in [0, 1, 15, 16, 17, 127, 128] {
        let password = vec![b'p'; length];
        let mut builder = PacketBuilder::request(Code::AccessRequest, 1, AUTHENTICATOR);
        builder.push_user_password(&password, &secret()).unwrap();
        let sealed = builder.seal(&secret());
        let packet = Packet::parse(&sealed).unwrap();
        let hidden = packet.attribute(attribute::USER_PASSWORD).unwrap();
        assert_eq!(hidden.len(), length.max(1).next_multiple_of(16));
        assert_eq!(
            packet.user_password(&secret()).unwrap().unwrap().as_slice(),
            password
        );
    }
}

#[test]
fn only_padding_at_the_end_is_stripped() {
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, AUTHENTICATOR);
    builder
        .push_user_password(b"\0a\0b\0\0", &secret())
        .unwrap();
    let sealed = builder.seal(&secret());
    let clear = Packet::parse(&sealed)
        .unwrap()
        .user_password(&secret())
        .unwrap()
        .unwrap();
    assert_eq!(clear.as_slice(), b"\0a\0b");
}

#[test]
fn a_user_password_of_a_wrong_length_is_malformed() {
    for length in [0, 1, 15, 17, 144, 253] {
        let sealed = request(attribute::USER_PASSWORD, &vec![1; length]);
        let packet = Packet::parse(&sealed).unwrap();
        assert_eq!(
            packet.user_password(&secret()),
            Err(Malformed::UserPasswordLength { length })
        );
    }
    let sealed = request(attribute::USER_NAME, b"alice");
    assert_eq!(
        Packet::parse(&sealed).unwrap().user_password(&secret()),
        Ok(None)
    );
}

#[test]
fn a_chap_challenge_counts_before_the_request_authenticator() {
    let response = |challenge: &[u8]| [&[9][..], &chap_response(9, b"secret", challenge)].concat();
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, AUTHENTICATOR);
    builder
        .push(attribute::CHAP_PASSWORD, &response(b"challenge"))
        .unwrap();
    builder
        .push(attribute::CHAP_CHALLENGE, b"challenge")
        .unwrap();
    let sealed = builder.seal(&secret());
    assert!(chap_password_valid(
        &Packet::parse(&sealed).unwrap(),
        b"secret"
    ));

    let sealed = request(attribute::CHAP_PASSWORD, &response(&AUTHENTICATOR));
    assert!(chap_password_valid(
        &Packet::parse(&sealed).unwrap(),
        b"secret"
    ));
    assert!(!chap_password_valid(
        &Packet::parse(&sealed).unwrap(),
        b"Secret"
    ));
}

#[test]
fn a_chap_password_of_a_wrong_length_is_never_valid() {
    let right = [&[9][..], &chap_response(9, b"secret", &AUTHENTICATOR)].concat();
    for value in [
        &right[..0],
        &right[..1],
        &right[..16],
        &[&right[..], b"x"].concat(),
    ] {
        let sealed = request(attribute::CHAP_PASSWORD, value);
        assert!(!chap_password_valid(
            &Packet::parse(&sealed).unwrap(),
            b"secret"
        ));
    }
    let sealed = request(attribute::USER_NAME, b"alice");
    assert!(!chap_password_valid(&Packet::parse(&sealed).unwrap(), b""));
}

/// RFC 2868 section 3.5 step by step, written with nothing but MD5.
#[test]
fn salt_encryption_is_the_one_of_the_rfc() {
    let salt = [0x91, 0x07];
    let mut expected = salt.to_vec();
    let mut plain = [&[20][..], b"twenty octets of key"].concat();
    plain.resize(32, 0);
    let mut key = Md5::digest([&b"testing123"[..], &AUTHENTICATOR, &salt].concat());
    for block in plain.chunks(16) {
        let cipher: Vec<u8> = block
            .iter()
            .zip(key)
            .map(|(clear, key)| clear ^ key)
            .collect();
        key = Md5::digest([&b"testing123"[..], &cipher].concat());
        expected.extend(cipher);
    }
    let mut found = Vec::new();
    salt_encrypt(
        b"twenty octets of key",
        salt,
        &AUTHENTICATOR,
        &secret(),
        &mut found,
    );
    assert_eq!(found, expected);
    assert_eq!(found.len(), salted_len(20));
}

#[test]
fn a_tunnel_password_keeps_its_tag_and_its_zero_octets() {
    for length in [0, 1, 14, 15, 16, 63, 239] {
        let password: Vec<u8> = (0..length).map(|index| index as u8).collect();
        let mut builder = PacketBuilder::request(Code::AccessAccept, 1, AUTHENTICATOR);
        builder
            .push_tunnel_password(3, &password, [0, 1], &AUTHENTICATOR, &secret())
            .unwrap();
        let sealed = builder.seal(&secret());
        let packet = Packet::parse(&sealed).unwrap();
        let (tag, clear) = packet.tunnel_password(&AUTHENTICATOR, &secret()).unwrap();
        assert_eq!((tag, clear.as_slice()), (3, password.as_slice()));
    }
}

/// CVE-2009-3111 and its kin: too short, not in blocks, inner length beyond the end.
#[test]
fn hostile_salted_values_are_refused() {
    for value in [
        &b""[..],
        b"\0",
        b"\0\x80",
        b"\0\x80\0",
        &[0x80; 18],
        &[0x80; 20],
    ] {
        let sealed = request(attribute::TUNNEL_PASSWORD, value);
        assert_eq!(
            Packet::parse(&sealed)
                .unwrap()
                .tunnel_password(&AUTHENTICATOR, &secret()),
            None
        );
    }
    let mut lying = vec![0, 0x80, 0];
    let mut plain = [0; 16];
    plain[0] = 16;
    hide(&plain, &[&AUTHENTICATOR, &[0x80, 0]], &secret(), &mut lying);
    let sealed = request(attribute::TUNNEL_PASSWORD, &lying);
    assert_eq!(
        Packet::parse(&sealed)
            .unwrap()
            .tunnel_password(&AUTHENTICATOR, &secret()),
        None
    );
}
