//! The two forms of the header and of hidden attributes: RADIUS as it always was, and RADIUS/1.1.

/// What a connection speaks. The two ends of a TLS connection agree on it by ALPN (RFC 9765 section 3); UDP knows only the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 2865: Identifier and Authenticator in the header, MD5 over packets and in hidden attributes.
    #[default]
    V1_0,
    /// RFC 9765: a Token in place of the Identifier, no MD5; TLS alone protects the packet and what was hidden in it.
    V1_1,
}

impl Version {
    /// The name that ALPN knows it by (RFC 9765 section 3.1).
    pub const fn alpn(self) -> &'static [u8] {
        match self {
            Self::V1_0 => b"radius/1.0",
            Self::V1_1 => b"radius/1.1",
        }
    }

    /// The version that two ends agreed on; an end that knows no ALPN speaks the first one.
    ///
    /// `None` for the name of another protocol.
    pub fn agreed(alpn: Option<&[u8]>) -> Option<Self> {
        match alpn {
            None => Some(Self::V1_0),
            Some(name) => [Self::V1_0, Self::V1_1]
                .into_iter()
                .find(|version| version.alpn() == name),
        }
    }

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "RADIUS/1.0",
            Self::V1_1 => "RADIUS/1.1",
        }
    }
}

/// The Authenticator field of a RADIUS/1.1 packet: the Token, and twelve octets that are reserved (RFC 9765 section 4.1).
pub(crate) const fn token_field([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Code, MessageAuthenticator, Packet, PacketBuilder, ReplyFault, Secret, attribute,
        chap_password_valid, chap_response,
    };

    const TOKEN: [u8; 4] = [0xde, 0xad, 0xbe, 0xef];

    fn secret() -> Secret {
        Secret::new("radsec")
    }

    fn request(fill: impl FnOnce(&mut PacketBuilder)) -> Vec<u8> {
        let mut builder = PacketBuilder::token_request(Code::AccessRequest, TOKEN);
        fill(&mut builder);
        builder.seal(&secret())
    }

    #[test]
    fn a_request_has_a_token_where_the_authenticator_was_and_no_digest() {
        let octets = request(|builder| {
            builder.push_text(attribute::USER_NAME, "alice").unwrap();
            builder
                .push_user_password(b"correct horse", &secret())
                .unwrap();
        });
        let header = [
            1, 0, 0, 42, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(octets[..20], header);
        assert_eq!(octets[20..], *b"\x01\x07alice\x02\x0fcorrect horse");
        let packet = Packet::parse_as(Version::V1_1, &octets).unwrap();
        assert_eq!(packet.token(), TOKEN);
        assert_eq!(
            packet.message_authenticator(&secret()),
            MessageAuthenticator::Absent
        );
        let password = packet.user_password(&secret()).unwrap().unwrap();
        assert_eq!(*password, b"correct horse");
    }

    #[test]
    fn the_reply_has_the_version_and_the_token_of_its_request() {
        let octets = request(|builder| builder.push(attribute::PROXY_STATE, b"p").unwrap());
        let request = Packet::parse_as(Version::V1_1, &octets).unwrap();
        let mut reply = PacketBuilder::reply(Code::AccessAccept, &request);
        let (field, salt) = (*request.authenticator(), [[0x80, 1], [0x80, 2]]);
        let msk = std::array::from_fn(|n| u8::try_from(n).unwrap());
        reply.push_mppe_keys(&msk, salt, &field, &secret()).unwrap();
        reply
            .push_tunnel_password(3, b"key", salt[0], &field, &secret())
            .unwrap();
        let reply = reply.seal(&secret());
        let reply = Packet::parse_as(Version::V1_1, &reply).unwrap();
        let numbers: Vec<u8> = reply.attributes().map(|found| found.number).collect();
        assert_eq!(numbers, [33, 26, 26, 69], "and no Message-Authenticator");
        assert_eq!(reply.token(), TOKEN);
        assert_eq!(
            reply.vendor(311, 17).unwrap(),
            &msk[..32],
            "the Recv-Key, in clear"
        );
        assert_eq!(
            reply.vendor(311, 16).unwrap(),
            &msk[32..],
            "the Send-Key, in clear"
        );
        assert_eq!(
            reply.attribute(attribute::TUNNEL_PASSWORD),
            Some(&b"\x03key"[..])
        );
        assert_eq!(reply.verify_reply(&field, &secret()), Ok(()));
        assert_eq!(
            reply.verify_reply(&token_field([1; 4]), &secret()),
            Err(ReplyFault::Authenticator)
        );
    }

    #[test]
    fn a_message_authenticator_means_nothing_whatever_it_looks_like() {
        let mut octets = request(|_| {});
        octets.extend_from_slice(b"\x50\x04ab\x50\x03c");
        octets[3] = u8::try_from(octets.len()).unwrap();
        assert!(Packet::parse(&octets).is_err());
        let packet = Packet::parse_as(Version::V1_1, &octets).unwrap();
        assert_eq!(
            packet.message_authenticator(&secret()),
            MessageAuthenticator::Absent
        );
    }

    #[test]
    fn chap_needs_its_challenge_in_an_attribute() {
        let response = chap_response(7, b"secret", &token_field(TOKEN));
        let chap = [&[7][..], &response].concat();
        let octets = request(|builder| builder.push(attribute::CHAP_PASSWORD, &chap).unwrap());
        let packet = Packet::parse_as(Version::V1_1, &octets).unwrap();
        assert!(
            !chap_password_valid(&packet, b"secret"),
            "the Token is no challenge"
        );
        let octets = request(|builder| {
            let response = chap_response(7, b"secret", b"a challenge");
            builder
                .push(attribute::CHAP_PASSWORD, &[&[7][..], &response].concat())
                .unwrap();
            builder
                .push(attribute::CHAP_CHALLENGE, b"a challenge")
                .unwrap();
        });
        let packet = Packet::parse_as(Version::V1_1, &octets).unwrap();
        assert!(chap_password_valid(&packet, b"secret"));
    }

    #[test]
    fn an_accounting_request_needs_no_authenticator() {
        let octets = PacketBuilder::token_request(Code::AccountingRequest, TOKEN).seal(&secret());
        let packet = Packet::parse_as(Version::V1_1, &octets).unwrap();
        assert!(packet.request_authenticator_valid(&Secret::new("another")));
        assert!(
            !Packet::parse(&octets)
                .unwrap()
                .request_authenticator_valid(&secret())
        );
    }

    #[test]
    fn who_knows_no_alpn_speaks_the_first_version() {
        assert_eq!(Version::agreed(None), Some(Version::V1_0));
        assert_eq!(Version::agreed(Some(b"radius/1.0")), Some(Version::V1_0));
        assert_eq!(Version::agreed(Some(b"radius/1.1")), Some(Version::V1_1));
        assert_eq!(Version::agreed(Some(b"h2")), None);
    }
}
