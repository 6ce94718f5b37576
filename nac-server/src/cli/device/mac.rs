//! MAC addresses as people type them.

use nac_radius::MacAddr;

use crate::cli::Failure;
use crate::cli::output::note;

const FORMS: &str =
    "write it as aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff, aabb.ccdd.eeff or aabbccddeeff";

pub(super) fn parse_mac(text: &str) -> Result<MacAddr, Failure> {
    let mac = text.trim().parse::<MacAddr>().map_err(|_| {
        Failure::usage(format!("\"{}\" is no MAC address", text.escape_debug())).fix(FORMS)
    })?;
    check_mac(mac)
}

pub(super) fn check_mac(mac: MacAddr) -> Result<MacAddr, Failure> {
    if mac.is_multicast() || mac.octets() == [0; 6] {
        return Err(Failure::usage(format!(
            "{mac} is the address of no single device"
        )));
    }
    Ok(mac)
}

/// Refuses a name that was meant to be a MAC address: a device of that name would never be met.
pub(super) fn refuse_a_misspelt_mac(name: &str) -> Result<(), Failure> {
    let name = name.trim();
    if name.parse::<MacAddr>().is_ok() || !looks_like_a_mac(name) {
        return Ok(());
    }
    let what = format!(
        "\"{}\" looks like a MAC address, and is none",
        name.escape_debug()
    );
    Err(Failure::usage(what).fix(format!("{FORMS}; or choose another name")))
}

/// Six short groups, three groups of four, or twelve characters, nearly all of them hexadecimal.
fn looks_like_a_mac(name: &str) -> bool {
    let grouped = |sign: char, groups: usize, longest: usize| {
        name.split(sign).count() == groups
            && name
                .split(sign)
                .all(|group| group.len() <= longest && group.chars().all(char::is_alphanumeric))
    };
    let hexadecimal = name.chars().filter(char::is_ascii_hexdigit).count();
    let twelve = name.len() == 12 && name.chars().all(char::is_alphanumeric);
    grouped(':', 6, 3)
        || grouped('-', 6, 3)
        || ((grouped('.', 3, 4) && name.len() == 14 || twelve) && hexadecimal >= 10)
}

pub(super) fn warn_of_random(macs: &[MacAddr]) {
    for mac in macs.iter().filter(|mac| mac.is_locally_administered()) {
        note(&format!(
            "{mac} is a locally administered address: phones and laptops make such addresses up and change them"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_mac_address_is_no_name() {
        for name in [
            "02:00:00:00:00:zz",
            "02-00-00-00-00-0g",
            "2:0:0:0:0:zz",
            "02:00:00:00:000:01",
            "0200.0000.00zz",
            "0200000000zz",
            "02:00:00:00:00:",
        ] {
            assert!(refuse_a_misspelt_mac(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_and_good_addresses_pass() {
        for name in [
            "laptop-7",
            "lobby",
            "02:00:00:00:00:01",
            "0200.0000.0001",
            "020000000001",
            "backdoor0001",
            "printer.hq.3rd",
            "meeting-room-2-north-east-tv",
            "192.0.2.1",
        ] {
            assert!(refuse_a_misspelt_mac(name).is_ok(), "{name}");
        }
    }
}
