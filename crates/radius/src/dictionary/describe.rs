//! From a packet to names and texts.

use super::{DataType, Dictionary, DictionaryAttribute, value};
use crate::packet::{Attribute, Packet, VendorAttribute, VendorAttributes};
use crate::{attribute, vendor};

/// One attribute in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The attribute's name, with its tag if it has one: `Tunnel-Type:1`.
    pub name: String,
    /// Its value as [`Dictionary::encode`] reads it, or `<hidden, N bytes>`.
    pub value: String,
}

impl Dictionary {
    /// Names every attribute of a packet, in order.
    ///
    /// Enumerations appear by name, tags behind the attribute's name, vendors' attributes under
    /// their own names, and what no dictionary defines as `Attr-N` or `Vendor-N-Attr-M` in
    /// hexadecimal. Passwords, keys and everything that they could be guessed from are masked.
    pub fn describe(&self, packet: &Packet<'_>) -> Vec<Described> {
        let mut described = Vec::new();
        for found in packet.attributes() {
            if found.number == attribute::VENDOR_SPECIFIC {
                self.describe_vendor(found, &mut described);
            } else {
                described.push(self.describe_standard(found));
            }
        }
        described
    }

    fn describe_standard(&self, found: Attribute<'_>) -> Described {
        let known = self.by_number(None, found.number);
        if always_hidden(found.number) {
            let name = known.map_or_else(|| format!("Attr-{}", found.number), |k| k.name.clone());
            return Described {
                name,
                value: mask(found.value.len()),
            };
        }
        match known {
            Some(known) => describe_known(known, found.value),
            None => Described {
                name: format!("Attr-{}", found.number),
                value: value::to_hex(found.value),
            },
        }
    }

    /// Describes what is inside a Vendor-Specific attribute, or all of it when it is malformed.
    fn describe_vendor(&self, found: Attribute<'_>, described: &mut Vec<Described>) {
        let before = described.len();
        let mut inside = VendorAttributes::new(found.value);
        for sub in inside.by_ref() {
            described.push(self.describe_sub(sub));
        }
        let usual = match found.value.split_first_chunk::<4>() {
            Some((number, _)) => self.vendor_is_usual(u32::from_be_bytes(*number)),
            None => false,
        };
        if !usual || !inside.rest().is_empty() || described.len() == before {
            described.truncate(before);
            described.push(Described {
                name: "Vendor-Specific".to_owned(),
                // A malformed one may still hold a key in clear sight of its vendor.
                value: match found.value {
                    [0, 0, 1, 0x37, ..] => mask(found.value.len()),
                    _ => value::to_hex(found.value),
                },
            });
        }
    }

    fn describe_sub(&self, sub: VendorAttribute<'_>) -> Described {
        let known = self.by_number(Some(sub.vendor), sub.number);
        let unnamed = || format!("Vendor-{}-Attr-{}", sub.vendor, sub.number);
        if vendor_hidden(sub) {
            let name = known.map_or_else(unnamed, |known| known.name.clone());
            return Described {
                name,
                value: mask(sub.value.len()),
            };
        }
        match known {
            Some(known) => describe_known(known, sub.value),
            None => Described {
                name: unnamed(),
                value: value::to_hex(sub.value),
            },
        }
    }
}

fn describe_known(known: &DictionaryAttribute, octets: &[u8]) -> Described {
    let named = |name: String, value| Described { name, value };
    if known.is_hidden() {
        return named(known.name.clone(), mask(octets.len()));
    }
    match (known.tagged, known.data_type, octets) {
        (true, DataType::Integer, [tag @ 0..=31, high, middle, low]) => {
            let name = match tag {
                0 => known.name.clone(),
                tag => format!("{}:{tag}", known.name),
            };
            named(name, value::to_text(known, &[0, *high, *middle, *low]))
        }
        // Above 31 it is no tag, and no number of three octets either (RFC 2868 section 3.1).
        (true, DataType::Integer, _) => named(known.name.clone(), value::to_hex(octets)),
        // In text a first octet above 31 is data (RFC 2868 section 3.3).
        (true, DataType::String | DataType::Octets, [tag @ 0..=31, text @ ..]) => {
            named(format!("{}:{tag}", known.name), value::to_text(known, text))
        }
        _ => named(known.name.clone(), value::to_text(known, octets)),
    }
}

fn mask(octets: usize) -> String {
    format!("<hidden, {octets} bytes>")
}

/// Standard attributes that are masked even if a dictionary says otherwise.
const fn always_hidden(number: u8) -> bool {
    matches!(
        number,
        attribute::USER_PASSWORD
            | attribute::CHAP_PASSWORD
            | attribute::TUNNEL_PASSWORD
            | attribute::EAP_MESSAGE
            | attribute::MESSAGE_AUTHENTICATOR
    )
}

/// Vendors' attributes that are masked even if a dictionary says otherwise.
fn vendor_hidden(sub: VendorAttribute<'_>) -> bool {
    let starts_with = |prefix: &[u8]| {
        sub.value
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    match (sub.vendor, sub.number) {
        (vendor::MICROSOFT, number) => {
            // MS-CHAP* but its domain, and MS-MPPE*.
            matches!(number, 1..=8 | 11 | 12 | 16 | 17 | 25..=27)
        }
        // The PSK of one device goes to Cisco controllers as text.
        (vendor::CISCO, vendor::cisco::AV_PAIR) => {
            starts_with(b"psk=") || starts_with(b"leap:session-key=")
        }
        (vendor::ARUBA, vendor::aruba::MPSK_PASSPHRASE)
        | (vendor::MIKROTIK, vendor::mikrotik::WIRELESS_PSK)
        | (vendor::RUCKUS, vendor::ruckus::DPSK | vendor::ruckus::DPSK_PARAMS) => true,
        _ => false,
    }
}
