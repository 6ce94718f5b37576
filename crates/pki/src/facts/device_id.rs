//! Which device a certificate asserts: three conventions, one answer.

/// Finds the device id in the URIs and the common name. Two different ids are an ambiguity that an
/// attacker could use, so they give none.
pub(super) fn asserted(uris: &[String], common_name: Option<&str>) -> Option<String> {
    let from_uris = uris
        .iter()
        .filter_map(|uri| uuid_urn(uri).or_else(|| spiffe(uri)));
    let labelled = uris
        .iter()
        .map(String::as_str)
        .chain(common_name)
        .filter_map(vendor_guid);
    let mut found: Option<String> = None;
    for id in from_uris.chain(labelled) {
        match &found {
            Some(other) if *other != id => return None,
            _ => found = Some(id),
        }
    }
    found
}

/// `urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6` (RFC 9562 section 4).
fn uuid_urn(uri: &str) -> Option<String> {
    uuid(strip_prefix_ignoring_case(uri, "urn:uuid:")?)
}

/// `spiffe://<trust domain>/device/<uuid>`.
fn spiffe(uri: &str) -> Option<String> {
    let (domain, path) = strip_prefix_ignoring_case(uri, "spiffe://")?.split_once('/')?;
    if domain.is_empty() {
        return None;
    }
    uuid(path.strip_prefix("device/")?)
}

/// `ID:<vendor>:GUID:<id>`, the convention of mobile device managements.
fn vendor_guid(text: &str) -> Option<String> {
    let rest = strip_prefix_ignoring_case(text, "ID:")?;
    let (vendor, rest) = rest.split_once(':')?;
    let id = strip_prefix_ignoring_case(rest, "GUID:")?.to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let usable = !vendor.is_empty() && (1..=128).contains(&id.len()) && id.chars().all(plain);
    usable.then_some(id)
}

fn uuid(text: &str) -> Option<String> {
    let right = text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    right.then(|| text.to_ascii_lowercase())
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "018f3c6e-2b7a-7c3e-9d52-0a1b2c3d4e5f";

    fn of(uris: &[&str], common_name: Option<&str>) -> Option<String> {
        let uris: Vec<String> = uris.iter().map(|uri| (*uri).to_owned()).collect();
        asserted(&uris, common_name)
    }

    #[test]
    fn the_three_conventions_are_understood() {
        let upper = ID.to_ascii_uppercase();
        assert_eq!(of(&[&format!("urn:uuid:{ID}")], None).as_deref(), Some(ID));
        assert_eq!(
            of(&[&format!("URN:UUID:{upper}")], None).as_deref(),
            Some(ID)
        );
        assert_eq!(
            of(&[&format!("spiffe://corp.example/device/{ID}")], None).as_deref(),
            Some(ID)
        );
        let labelled = format!("ID:Microsoft Endpoint Manager:GUID:{upper}");
        assert_eq!(of(&[&labelled], None).as_deref(), Some(ID));
        assert_eq!(of(&[], Some(&labelled)).as_deref(), Some(ID));
    }

    #[test]
    fn what_only_looks_like_a_device_is_none() {
        for uri in [
            "urn:uuid:",
            "urn:uuid:018f3c6e",
            "urn:uuid:018f3c6e-2b7a-7c3e-9d52-0a1b2c3d4e5g",
            "spiffe:///device/018f3c6e-2b7a-7c3e-9d52-0a1b2c3d4e5f",
            "spiffe://corp.example/workload/018f3c6e-2b7a-7c3e-9d52-0a1b2c3d4e5f",
            "ID::GUID:abc",
            "ID:x:GUID:",
            "ID:x:GUID:a b",
            "https://example.com/",
            "ü",
        ] {
            assert_eq!(of(&[uri], None), None, "{uri}");
        }
    }

    #[test]
    fn two_different_devices_in_one_certificate_are_none() {
        let other = "018f3c6e-2b7a-7c3e-9d52-000000000000";
        let (one, two) = (
            format!("urn:uuid:{ID}"),
            format!("spiffe://x/device/{other}"),
        );
        assert_eq!(of(&[&one, &two], None), None);
        let same = format!("spiffe://x/device/{ID}");
        assert_eq!(of(&[&one, &same], None).as_deref(), Some(ID));
    }
}
