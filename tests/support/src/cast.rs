//! Who and what every subject knows: the same people and devices on every server under test.

/// The shared secret between the tests and the server. Long enough for any rule about weak ones.
pub const SECRET: &str = "loopback-tests-only-7f3a91";

/// A member of staff whose password is stored so that every method can check it.
pub const USER: &str = "alice";
/// Her password.
pub const PASSWORD: &str = "correct horse battery";
/// A second member of staff, so that two people never share a session.
pub const OTHER_USER: &str = "bob";
/// His password.
pub const OTHER_PASSWORD: &str = "staple-staple-staple";
/// Holds a certificate that was revoked; has no password that works.
pub const REVOKED_USER: &str = "mallory";

/// The name in the certificate of a NAS that speaks RadSec.
pub const NAS: &str = "nas.lab.test";

/// Where staff belong.
pub const STAFF_VLAN: &str = "10";
/// A printer that is registered by its MAC.
pub const PRINTER: [u8; 6] = [0x02, 0, 0, 0, 0xaa, 0x01];
/// Where printers belong.
pub const PRINTER_VLAN: &str = "40";
/// A device that nobody has registered.
pub const STRANGER: [u8; 6] = [0x02, 0, 0, 0, 0xbb, 0x02];
/// Where unknown devices go.
pub const REGISTRATION_VLAN: &str = "90";

/// A MAC in the six spellings that switches use.
#[must_use]
pub fn mac_formats(mac: [u8; 6]) -> [String; 6] {
    let plain = hex::encode(mac);
    let grouped = |size: usize, separator: &str| {
        let groups: Vec<&str> = (0..12)
            .step_by(size)
            .filter_map(|at| plain.get(at..at + size))
            .collect();
        groups.join(separator)
    };
    [
        plain.clone(),
        plain.to_uppercase(),
        grouped(2, ":"),
        grouped(2, "-").to_uppercase(),
        grouped(4, "."),
        grouped(6, "-"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_has_six_spellings() {
        assert_eq!(
            mac_formats([0x02, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e]),
            [
                "020a0b0c0d0e",
                "020A0B0C0D0E",
                "02:0a:0b:0c:0d:0e",
                "02-0A-0B-0C-0D-0E",
                "020a.0b0c.0d0e",
                "020a0b-0c0d0e"
            ]
        );
    }
}
