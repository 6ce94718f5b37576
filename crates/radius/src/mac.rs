//! Ethernet addresses and the many ways in which NASes write them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// An Ethernet address (EUI-48).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddr([u8; 6]);

/// How a NAS writes an Ethernet address. `aabbccddeeff` stands for the twelve digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacFormat {
    /// `aa:bb:cc:dd:ee:ff`, which is also how [`MacAddr`] displays.
    Colons,
    /// `AA:BB:CC:DD:EE:FF`.
    UpperColons,
    /// `aa-bb-cc-dd-ee-ff`.
    Dashes,
    /// `AA-BB-CC-DD-EE-FF`, the form of RFC 3580 section 3.20.
    UpperDashes,
    /// `aabb.ccdd.eeff`.
    Dots,
    /// `aabbccddeeff`.
    Plain,
    /// `AABBCCDDEEFF`.
    UpperPlain,
    /// `aabbcc-ddeeff`.
    HalfDash,
}

/// The text is not an Ethernet address in any usual form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a MAC address: write it as aa:bb:cc:dd:ee:ff")]
pub struct NotMacAddr;

impl MacAddr {
    /// Takes the six octets.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The six octets.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether the device made the address up, as phones do for privacy (IEEE 802c).
    pub const fn is_locally_administered(self) -> bool {
        self.0[0] & 0x02 != 0
    }

    /// Whether this is a group address, which no endpoint can have as its own.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// Writes the address in a NAS's own format.
    pub fn format(self, format: MacFormat) -> String {
        let (group, separator, upper) = match format {
            MacFormat::Colons => (1, ":", false),
            MacFormat::UpperColons => (1, ":", true),
            MacFormat::Dashes => (1, "-", false),
            MacFormat::UpperDashes => (1, "-", true),
            MacFormat::Dots => (2, ".", false),
            MacFormat::Plain => (6, "", false),
            MacFormat::UpperPlain => (6, "", true),
            MacFormat::HalfDash => (3, "-", false),
        };
        let mut text = String::with_capacity(17);
        for (index, octet) in self.0.iter().enumerate() {
            if index > 0 && index.is_multiple_of(group) {
                text.push_str(separator);
            }
            for nibble in [octet >> 4, octet & 0x0f] {
                let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                text.push(if upper {
                    digit.to_ascii_uppercase()
                } else {
                    digit
                });
            }
        }
        text
    }
}

impl FromStr for MacAddr {
    type Err = NotMacAddr;

    /// Reads twelve hexadecimal digits of any case in groups of two, four, six or twelve with one
    /// kind of separator (`:`, `-` or `.`).
    fn from_str(text: &str) -> Result<Self, NotMacAddr> {
        let mut octets = [0; 6];
        let mut digits = 0;
        let mut separator = None;
        let mut group = None;
        let mut in_group = 0_usize;
        for character in text.chars() {
            if let Some(value) = character.to_digit(16) {
                let octet = octets.get_mut(digits / 2).ok_or(NotMacAddr)?;
                *octet = *octet << 4 | u8::try_from(value).map_err(|_| NotMacAddr)?;
                digits = digits.saturating_add(1);
                in_group = in_group.saturating_add(1);
            } else if matches!(character, ':' | '-' | '.')
                && *separator.get_or_insert(character) == character
                && *group.get_or_insert(in_group) == in_group
                && matches!(in_group, 2 | 4 | 6)
            {
                in_group = 0;
            } else {
                return Err(NotMacAddr);
            }
        }
        if digits == 12 && in_group == group.unwrap_or(12) {
            Ok(Self(octets))
        } else {
            Err(NotMacAddr)
        }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.format(MacFormat::Colons))
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Splits a Called-Station-Id into the NAS's MAC address and the SSID (RFC 3580 section 3.20).
///
/// `AA-BB-CC-DD-EE-FF:ssid` gives both; an address in any form alone, or a name alone, gives what
/// there is. The SSID may itself hold colons.
pub fn called_station(text: &str) -> (Option<MacAddr>, Option<&str>) {
    if let Ok(mac) = text.parse() {
        return (Some(mac), None);
    }
    // The address is the longest of the usual forms that stands before a colon.
    for length in [17, 14, 13, 12] {
        let Some((head, tail)) = text.split_at_checked(length) else {
            continue;
        };
        if let (Ok(mac), Some(ssid)) = (head.parse(), tail.strip_prefix(':')) {
            return (Some(mac), Some(ssid).filter(|ssid| !ssid.is_empty()));
        }
    }
    (None, Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr::new([0x02, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);

    #[test]
    fn every_usual_form_in_either_case_is_the_same_address() {
        for text in [
            "02:bb:cc:dd:ee:ff",
            "02-BB-CC-DD-EE-FF",
            "02bb.ccdd.eeff",
            "02bbccddeeff",
            "02BBCC-DDEEFF",
            "02bbcc:ddeeff",
            "02bb-ccdd-eeff",
        ] {
            assert_eq!(text.parse(), Ok(MAC), "{text}");
            assert_eq!(text.to_uppercase().parse(), Ok(MAC), "{text}");
        }
    }

    #[test]
    fn what_only_resembles_an_address_is_none() {
        for text in [
            "",
            ":",
            "02:bb:cc:dd:ee",
            "02:bb:cc:dd:ee:f",
            "02:bb:cc:dd:ee:ff:",
            ":02bbccddeeff",
            "02:bb-cc:dd-ee:ff",
            "02bb.cc.ddeeff",
            "02:bb:cc:dd:ee:fg",
            "02bbccddeeff00",
            "alice",
            "02:bb:cc:dd:ee:ff:00:11",
            "٠٢bbccddeeff",
            "0:2bb:cc:dd:ee:ff",
            "02bbcc--ddeeff",
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(NotMacAddr), "{text}");
        }
    }

    #[test]
    fn every_format_is_read_back_as_the_same_address() {
        let check = |format, expected: &str| {
            assert_eq!(MAC.format(format), expected);
            assert_eq!(expected.parse(), Ok(MAC));
        };
        check(MacFormat::Colons, "02:bb:cc:dd:ee:ff");
        check(MacFormat::UpperColons, "02:BB:CC:DD:EE:FF");
        check(MacFormat::Dashes, "02-bb-cc-dd-ee-ff");
        check(MacFormat::UpperDashes, "02-BB-CC-DD-EE-FF");
        check(MacFormat::Dots, "02bb.ccdd.eeff");
        check(MacFormat::Plain, "02bbccddeeff");
        check(MacFormat::UpperPlain, "02BBCCDDEEFF");
        check(MacFormat::HalfDash, "02bbcc-ddeeff");
        assert_eq!(MAC.to_string(), "02:bb:cc:dd:ee:ff");
    }

    #[test]
    fn an_address_made_up_for_privacy_is_recognised() {
        assert!(MAC.is_locally_administered());
        assert!(!MacAddr::new([0x00, 1, 2, 3, 4, 5]).is_locally_administered());
        assert!(MacAddr::new([0x01, 0, 0x5e, 0, 0, 1]).is_multicast());
    }

    #[test]
    fn a_called_station_is_split_into_address_and_ssid() {
        let check = |text, mac, ssid| assert_eq!(called_station(text), (mac, ssid), "{text}");
        check("02-BB-CC-DD-EE-FF:office", Some(MAC), Some("office"));
        check("02-BB-CC-DD-EE-FF:a:b c", Some(MAC), Some("a:b c"));
        check("02:bb:cc:dd:ee:ff:guest", Some(MAC), Some("guest"));
        check("02bb.ccdd.eeff:guest", Some(MAC), Some("guest"));
        check("02bbcc-ddeeff:guest", Some(MAC), Some("guest"));
        check("02bbccddeeff:guest", Some(MAC), Some("guest"));
        check("02-BB-CC-DD-EE-FF", Some(MAC), None);
        check("02-BB-CC-DD-EE-FF:", Some(MAC), None);
        check("office", None, Some("office"));
        check("", None, None);
        check("äöüäöüäöüäöüäöüäöü", None, Some("äöüäöüäöüäöüäöüäöü"));
    }
}
