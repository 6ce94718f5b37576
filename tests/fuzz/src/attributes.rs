//! RADIUS: packets, vendors' attributes, dictionaries.

use std::sync::LazyLock;

use nac_radius::{
    Code, Described, Dictionary, MessageAuthenticator, Packet, PacketBuilder, Secret,
    VendorProfile, attribute, called_station, chap_password_valid, vendor,
};

static SECRET: LazyLock<Secret> = LazyLock::new(|| Secret::new("a secret for the fuzzer"));

/// A datagram: parsed, read by every accessor, described, answered, built again.
pub fn radius_packet(datagram: &[u8]) {
    let Ok(packet) = Packet::parse(datagram) else {
        return;
    };
    assert!(
        datagram.starts_with(packet.as_bytes()),
        "a packet is the head of its datagram"
    );
    read(&packet);
    rebuilt(&packet);
    answered(&packet);
    described(&packet);
}

/// The inside of Vendor-Specific attributes. The first octet picks a vendor, or none; each of the pieces behind it,
/// an octet of length first, becomes one attribute.
pub fn vendor_attributes(input: &[u8]) {
    const VENDORS: [u32; 8] = [
        vendor::CISCO,
        vendor::MICROSOFT,
        vendor::ARUBA,
        vendor::MIKROTIK,
        vendor::RUCKUS,
        // HP, Juniper, and WiMAX with its unusual format.
        11,
        2636,
        24757,
    ];
    let Some((&pick, mut rest)) = input.split_first() else {
        return;
    };
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]);
    while let Some((&length, tail)) = rest.split_first() {
        let (piece, tail) = tail
            .split_at_checked(usize::from(length))
            .unwrap_or((tail, &[]));
        rest = tail;
        let mut value = Vec::new();
        if let Some(vendor) = VENDORS.get(usize::from(pick)) {
            value.extend(vendor.to_be_bytes());
        }
        value.extend(piece);
        let _ = builder.push(attribute::VENDOR_SPECIFIC, &value);
    }
    let sealed = builder.seal(&SECRET);
    let packet = Packet::parse(&sealed).expect("what is built parses");
    for found in packet.vendor_attributes() {
        assert!(
            found.value.len() <= 247,
            "a vendor's value fits into its attribute"
        );
        assert!(packet.vendor(found.vendor, found.number).is_some());
    }
    described(&packet);
    let session: Vec<(String, String)> = Dictionary::embedded()
        .describe(&packet)
        .into_iter()
        .map(|one| (one.name, one.value))
        .collect();
    for step in VendorProfile::embedded()
        .iter()
        .flat_map(VendorProfile::ladder)
    {
        assert!(
            step.identify(&session)
                .iter()
                .all(|one| session.contains(one))
        );
    }
}

/// A dictionary, as a site may bring one. It includes itself wherever it says `$INCLUDE`.
pub fn dictionary_text(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut dictionary = Dictionary::default();
    let mut included = 0;
    let read = dictionary.extend_with("fuzz", text, &mut |_, path| {
        included += 1;
        match included {
            ..100 => Ok((path.to_owned(), text.to_owned())),
            _ => Err("that is enough".to_owned()),
        }
    });
    if let Err(error) = read {
        assert!(error.line >= 1, "lines are counted from 1");
        assert!(!error.message.is_empty());
    }
    for defined in dictionary.attributes() {
        assert!(
            dictionary.by_name(&defined.name).is_some(),
            "{} is found by its name",
            defined.name
        );
        for (name, _) in defined.values() {
            assert!(defined.value(name).is_some());
        }
    }
    // What the text defines must not make describing any attribute panic.
    let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]);
    for number in 1..=60 {
        let _ = builder.push(number, &[0, 0, 0, number]);
    }
    let sealed = builder.seal(&SECRET);
    let packet = Packet::parse(&sealed).expect("what is built parses");
    assert!(dictionary.describe(&packet).len() >= 60);
}

fn read(packet: &Packet<'_>) {
    let octets: usize = packet.attributes().map(|found| 2 + found.value.len()).sum();
    assert_eq!(
        octets + 20,
        packet.as_bytes().len(),
        "the attributes fill the packet"
    );
    for number in 0..=u8::MAX {
        let value = packet.attribute(number);
        assert_eq!(value.is_some(), packet.text(number).is_some());
        assert!(packet.integer(number).is_none() || value.is_some_and(|value| value.len() == 4));
        assert!(packet.ipv6(number).is_none() || value.is_some_and(|value| value.len() == 16));
        let _ = packet.mppe_key(number, packet.authenticator(), &SECRET);
    }
    assert_eq!(packet.has_eap_message(), packet.eap_message().is_some());
    assert!(
        packet
            .eap_message()
            .is_none_or(|eap| eap.len() < packet.as_bytes().len())
    );
    let signed = packet.message_authenticator(&SECRET);
    let present = packet.attribute(attribute::MESSAGE_AUTHENTICATOR).is_some();
    assert_eq!(signed == MessageAuthenticator::Absent, !present);
    let _ = (
        packet.request_authenticator_valid(&SECRET),
        packet.verify_reply(&[0; 16], &SECRET),
    );
    if let Ok(Some(password)) = packet.user_password(&SECRET) {
        assert!(password.len() <= 128);
    }
    let _ = (
        packet.tunnel_password(&[0; 16], &SECRET),
        chap_password_valid(packet, b"x"),
    );
    if let Some(text) = packet.text(attribute::CALLED_STATION_ID) {
        let _ = called_station(&text);
    }
}

/// The same attributes, built and sealed by us, parse to the same attributes. A Message-Authenticator is the builder's own.
fn rebuilt(packet: &Packet<'_>) {
    let others = |number: u8| number != attribute::MESSAGE_AUTHENTICATOR;
    let mut builder = PacketBuilder::unsigned_request(
        packet.code(),
        packet.identifier(),
        *packet.authenticator(),
    );
    for found in packet.attributes().filter(|found| others(found.number)) {
        let pushed = builder.push(found.number, found.value);
        pushed.expect("what came in one packet fits into one");
    }
    let sealed = builder.seal(&SECRET);
    let again = Packet::parse(&sealed).expect("what is built parses");
    let head = (packet.code(), packet.identifier());
    assert_eq!((again.code(), again.identifier()), head);
    let kept = packet.attributes().filter(|found| others(found.number));
    assert!(
        again.attributes().eq(kept),
        "nothing is changed, lost or moved"
    );
}

/// A reply begins with its Message-Authenticator, and whoever asked believes it (RFC 3579, CVE-2024-3596).
fn answered(packet: &Packet<'_>) {
    if packet.code() != Code::AccessRequest {
        return;
    }
    let sealed = PacketBuilder::reply(Code::AccessReject, packet).seal(&SECRET);
    let reply = Packet::parse(&sealed).expect("what is built parses");
    assert_eq!(sealed.get(20), Some(&attribute::MESSAGE_AUTHENTICATOR));
    assert_eq!(reply.verify_reply(packet.authenticator(), &SECRET), Ok(()));
}

/// Words for people: no control character; and what is not masked can be said back, word for word.
fn described(packet: &Packet<'_>) {
    let dictionary = Dictionary::embedded();
    for told in dictionary.describe(packet) {
        let Described { name, value } = &told;
        assert!(
            !name.is_empty() && !name.chars().any(char::is_control),
            "{name:?}"
        );
        assert!(!value.chars().any(char::is_control), "{name} = {value:?}");
        if value.starts_with("<hidden, ") {
            continue;
        }
        let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]);
        let said = dictionary.encode(&mut builder, name, value);
        let sealed = builder.seal(&SECRET);
        let again = Packet::parse(&sealed).expect("what is built parses");
        let again = dictionary.describe(&again);
        let same = again.get(1..) == Some(&[told.clone()][..]);
        // Octets that do not fit the attribute's type are shown as they are, and belong to no value.
        assert!(
            same || value.starts_with("0x"),
            "{name} = {value:?} became {again:?} ({said:?})"
        );
    }
}
