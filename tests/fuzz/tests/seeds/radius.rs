//! RADIUS packets as NASes send them, vendors' attributes, dictionaries.

use nac_radius::{Code, Packet, PacketBuilder, Secret, attribute, chap_response, vendor};

use super::{Seed, seed};

const DICTIONARY: &str = r#"# A site's own dictionary.
VENDOR		Example		32473
VENDOR		Odd		24757	format=1,1,c
BEGIN-VENDOR	Example
ATTRIBUTE	Example-Role		1	string
ATTRIBUTE	Example-Level		2	integer	has_tag
ATTRIBUTE	Example-Key		3	octets	encrypt=2
ATTRIBUTE	Example-Nested		5.1	ipv6prefix
VALUE		Example-Level		High	0x10
VALUE		Example-Level		Low	1
END-VENDOR	Example
ATTRIBUTE	Site-Flag		240	byte
ATTRIBUTE	Site-Date		241	date	# when
ATTRIBUTE	Site-Text		242	string[4]
$INCLUDE	dictionary.more
"#;

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = packets()
        .into_iter()
        .map(|(name, packet)| seed("radius_packet", name, packet))
        .collect();
    seeds.extend(vendors());
    seeds.push(seed("dictionary_text", "site", DICTIONARY));
    seeds
}

fn packets() -> Vec<(&'static str, Vec<u8>)> {
    let secret = Secret::new("a secret for the fuzzer");
    let request = |code, fill: &dyn Fn(&mut PacketBuilder)| {
        let mut builder = PacketBuilder::request(code, 7, *b"sixteen randoms!");
        fill(&mut builder);
        builder.seal(&secret)
    };
    let nas = |builder: &mut PacketBuilder| {
        builder.push_text(attribute::USER_NAME, "alice").unwrap();
        builder
            .push_ipv4(attribute::NAS_IP_ADDRESS, [192, 0, 2, 1].into())
            .unwrap();
        builder.push_integer(attribute::NAS_PORT, 17).unwrap();
        builder.push_integer(attribute::NAS_PORT_TYPE, 15).unwrap();
        builder
            .push_text(attribute::CALLED_STATION_ID, "02-00-00-00-00-01:staff")
            .unwrap();
        builder
            .push_text(attribute::CALLING_STATION_ID, "02-00-00-00-00-02")
            .unwrap();
        builder
            .push_text(attribute::NAS_PORT_ID, "GigabitEthernet1/0/17")
            .unwrap();
        builder.push(attribute::PROXY_STATE, b"one").unwrap();
        builder.push(attribute::PROXY_STATE, b"").unwrap();
    };
    let pap = request(Code::AccessRequest, &|builder| {
        nas(builder);
        builder
            .push_user_password(b"correct horse", &secret)
            .unwrap();
    });
    let chap = request(Code::AccessRequest, &|builder| {
        nas(builder);
        let response = chap_response(9, b"correct horse", b"challenge");
        builder
            .push(attribute::CHAP_PASSWORD, &[&[9], &response[..]].concat())
            .unwrap();
        builder
            .push(attribute::CHAP_CHALLENGE, b"challenge")
            .unwrap();
    });
    let mschap = request(Code::AccessRequest, &|builder| {
        nas(builder);
        builder
            .push_vendor(vendor::MICROSOFT, 11, &[5; 16])
            .unwrap();
        builder
            .push_vendor(vendor::MICROSOFT, 25, &[6; 50])
            .unwrap();
    });
    let eap = request(Code::AccessRequest, &|builder| {
        nas(builder);
        builder.push(attribute::STATE, &[3; 16]).unwrap();
        builder.push_integer(attribute::FRAMED_MTU, 1400).unwrap();
        builder.push(attribute::EAP_KEY_NAME, &[0]).unwrap();
        let mut message = vec![2, 9, 2, 94, 13, 0x80, 0, 0, 2, 84];
        message.resize(606, 0x16);
        builder.push_eap_message(&message).unwrap();
    });
    let accounting = request(Code::AccountingRequest, &|builder| {
        nas(builder);
        for number in [40, 41, 42, 43, 46, 47, 48, 49, 52, 53] {
            builder.push_integer(number, 2).unwrap();
        }
        builder
            .push_text(attribute::ACCT_SESSION_ID, "5A0B7C")
            .unwrap();
        builder
            .push_vendor(vendor::CISCO, 1, b"audit-session-id=0A0000010000")
            .unwrap();
        builder
            .push_vendor(vendor::CISCO, 1, b"psk=correct horse")
            .unwrap();
    });
    let accept = {
        let asked = Packet::parse(&pap).unwrap();
        let mut builder = PacketBuilder::reply(Code::AccessAccept, &asked);
        builder.push(64, &[0, 0, 0, 13]).unwrap();
        builder.push(65, &[0, 0, 0, 6]).unwrap();
        builder.push(81, b"\x01120").unwrap();
        builder
            .push_integer(attribute::SESSION_TIMEOUT, 3600)
            .unwrap();
        builder.push(56, &[0x31, 0, 0, 1]).unwrap();
        builder.push(92, b"permit in ip from any to any").unwrap();
        builder
            .push(97, &[0, 64, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0])
            .unwrap();
        builder
            .push_mppe_keys(
                &[8; 64],
                [[0x80, 1], [0x80, 2]],
                asked.authenticator(),
                &secret,
            )
            .unwrap();
        builder.seal(&secret)
    };
    let status = request(Code::StatusServer, &|_| {});
    let coa = request(Code::CoaRequest, &|builder| {
        nas(builder);
        builder.push_integer(55, 1_780_272_000).unwrap();
        builder
            .push_vendor(vendor::CISCO, 1, b"subscriber:command=reauthenticate")
            .unwrap();
    });
    let nak = {
        let asked = Packet::parse(&coa).unwrap();
        let mut builder = PacketBuilder::reply(Code::CoaNak, &asked);
        builder.push_integer(101, 503).unwrap();
        builder.seal(&secret)
    };
    let padded = [&pap[..], &[0; 9]].concat();
    vec![
        ("pap", pap),
        ("chap", chap),
        ("mschapv2", mschap),
        ("eap", eap),
        ("accounting", accounting),
        ("accept", accept),
        ("status", status),
        ("coa", coa),
        ("coa-nak", nak),
        ("padded", padded),
    ]
}

/// The first octet picks the vendor; see `nac_fuzz::vendor_attributes`.
fn vendors() -> Vec<Seed> {
    let piece = |octets: &[u8]| [&[octets.len() as u8], octets].concat();
    let input = |pick: u8, pieces: &[&[u8]]| {
        let pieces: Vec<u8> = pieces.iter().flat_map(|one| piece(one)).collect();
        [vec![pick], pieces].concat()
    };
    vec![
        seed(
            "vendor_attributes",
            "cisco",
            input(
                0,
                &[
                    b"\x01\x17subscriber:command=on",
                    b"\x01\x09psk=abc\x02\x05one",
                ],
            ),
        ),
        seed(
            "vendor_attributes",
            "microsoft",
            input(
                1,
                &[
                    &[16, 6, 0x80, 1, 2, 3],
                    &[7, 6, 0, 0, 0, 1],
                    &[10, 4, 65, 66],
                ],
            ),
        ),
        seed(
            "vendor_attributes",
            "aruba",
            input(2, &[b"\x01\x07staff", &[2, 6, 0, 0, 0, 120]]),
        ),
        seed(
            "vendor_attributes",
            "mikrotik",
            input(3, &[b"\x08\x0910M/10M", &[26, 6, 0, 0, 0, 5]]),
        ),
        seed(
            "vendor_attributes",
            "unusual",
            input(7, &[&[1, 7, 0, 1, 2, 3, 4]]),
        ),
        seed(
            "vendor_attributes",
            "none",
            input(8, &[&[0, 0, 0x7e, 0xd9, 1, 4, 1, 2], &[0, 0, 1], &[]]),
        ),
    ]
}
