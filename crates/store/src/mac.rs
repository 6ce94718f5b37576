//! MAC addresses in one form.

/// A MAC address in any usual form (`AA-BB-CC-DD-EE-FF`, `aabb.ccdd.eeff`, `aa:bb:…`, bare) as `aa:bb:cc:dd:ee:ff`.
///
/// `None` when the text is something else.
pub fn mac_normalise(text: &str) -> Option<String> {
    let text = text.trim();
    let mut digits = String::with_capacity(17);
    let mut count = 0;
    for character in text.chars() {
        match character {
            ':' | '-' | '.' if count > 0 && count < 12 => {}
            _ if character.is_ascii_hexdigit() && count < 12 => {
                if count > 0 && count % 2 == 0 {
                    digits.push(':');
                }
                digits.push(character.to_ascii_lowercase());
                count += 1;
            }
            _ => return None,
        }
    }
    // Separators stand where their forms put them: 17 with pairs, 14 with groups of four, 13 with one in the middle.
    (count == 12 && matches!(text.len(), 12 | 13 | 14 | 17)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::mac_normalise;

    #[test]
    fn every_usual_form_is_understood() {
        for text in [
            "00:11:22:aa:BB:cc",
            "00-11-22-AA-BB-CC",
            "0011.22aa.bbcc",
            "001122-aabbcc",
            "001122AABBCC",
            " 00:11:22:aa:bb:cc ",
        ] {
            assert_eq!(
                mac_normalise(text).as_deref(),
                Some("00:11:22:aa:bb:cc"),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_not_an_address() {
        for text in [
            "",
            "00:11:22:aa:bb",
            "00:11:22:aa:bb:cc:dd",
            "alice",
            "00:11:22:aa:bb:cg",
            ":001122aabbcc",
        ] {
            assert_eq!(mac_normalise(text), None, "{text}");
        }
    }
}
