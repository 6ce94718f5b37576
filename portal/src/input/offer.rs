//! What an offer may be called, to whom it may apply, and which methods may stand in it.

use std::str::FromStr;

use nac_store::{Offer, OfferedInnerMethod, OfferedMethod};

use super::InputFault;

/// What the configuration file's own lists are called in records.
const RESERVED: &str = "default";
/// The longest pattern, in bytes: as long as the longest text of RADIUS.
const PATTERN_MAX: usize = 253;
/// The longest description, in bytes.
const DESCRIPTION_MAX: usize = 500;

/// Whether this can be an offer.
///
/// # Errors
///
/// The first thing that is wrong with it.
pub fn check(offer: &Offer) -> Result<(), InputFault> {
    let name = &offer.name;
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(InputFault::new(
            "name",
            format!("\"{}\" cannot be an offer's name", name.escape_debug()),
            "use up to 64 letters, digits, dots and dashes",
        ));
    }
    if name.eq_ignore_ascii_case(RESERVED) {
        return Err(InputFault::new(
            "name",
            "the methods of the configuration file are called default already",
            "choose another name; to replace them for everybody, add an offer that names no client, site, SSID or realm",
        ));
    }
    for (field, pattern) in [
        ("client", &offer.client),
        ("site", &offer.site),
        ("ssid", &offer.ssid),
        ("realm", &offer.realm),
    ] {
        if pattern.len() > PATTERN_MAX || pattern.chars().any(char::is_control) {
            return Err(InputFault::new(
                field,
                format!("\"{}\" fits nothing", pattern.escape_debug()),
                "write a name of at most 253 bytes; * stands for any part of it, an empty text for everything",
            ));
        }
    }
    if offer.realm.contains(['@', '\\']) {
        return Err(InputFault::new(
            "realm",
            format!("\"{}\" fits no realm", offer.realm),
            "write what follows the @ or stands before the backslash, such as example.org or EXAMPLE",
        ));
    }
    if offer.description.len() > DESCRIPTION_MAX || offer.description.chars().any(char::is_control)
    {
        return Err(InputFault::new(
            "description",
            "this description is too long",
            "use at most 500 bytes in one line",
        ));
    }
    check_methods(offer)
}

fn check_methods(offer: &Offer) -> Result<(), InputFault> {
    use OfferedInnerMethod as Inner;
    use OfferedMethod::{EapTtls, Peap, Teap};
    if offer.methods.is_empty() {
        return Err(InputFault::new(
            "methods",
            "an offer needs a method",
            "name one; to keep everybody out, write a policy that forbids it, which says why",
        ));
    }
    if let Some(method) = twice(&offer.methods) {
        return Err(named_twice("methods", method.as_str()));
    }
    if let Some(method) = twice(&offer.inner_methods) {
        return Err(named_twice("inner_methods", method.as_str()));
    }
    let inner = &offer.inner_methods;
    if inner.is_empty() {
        return Ok(());
    }
    let tunnels = [Peap, EapTtls, Teap].map(|tunnel| (tunnel, offer.methods.contains(&tunnel)));
    if !tunnels.iter().any(|(_, offered)| *offered) {
        return Err(InputFault::new(
            "inner_methods",
            "there is no tunnel for these methods",
            "offer PEAP, EAP-TTLS or TEAP as well, or name no inner method",
        ));
    }
    for (tunnel, _) in tunnels.into_iter().filter(|(_, offered)| *offered) {
        let fitting: &[Inner] = match tunnel {
            Peap => &[Inner::EapMschapv2, Inner::EapGtc, Inner::EapTls],
            Teap => &[Inner::EapMschapv2, Inner::EapTls, Inner::Pap],
            _ => Inner::ALL,
        };
        if !inner.iter().any(|method| fitting.contains(method)) {
            let fitting: Vec<&str> = fitting.iter().map(|method| method.as_str()).collect();
            return Err(InputFault::new(
                "inner_methods",
                format!("none of these methods may run inside {tunnel}"),
                format!("add one of {}", fitting.join(", ")),
            ));
        }
    }
    Ok(())
}

/// Methods by their names in any letter case, separated by commas or spaces.
///
/// # Errors
///
/// A word that is no method.
pub fn methods(text: &str) -> Result<Vec<OfferedMethod>, InputFault> {
    words("methods", text, OfferedMethod::ALL)
}

/// Inner methods in the same way.
///
/// # Errors
///
/// A word that is no inner method.
pub fn inner_methods(text: &str) -> Result<Vec<OfferedInnerMethod>, InputFault> {
    words("inner_methods", text, OfferedInnerMethod::ALL)
}

fn words<T>(field: &'static str, text: &str, all: &[T]) -> Result<Vec<T>, InputFault>
where
    T: Copy + FromStr + std::fmt::Display,
{
    let words = text.split([',', ' ', '\t', '\r', '\n']);
    words
        .filter(|word| !word.is_empty())
        .map(|word| {
            let mut known = all.iter().copied();
            let found = known.find(|known| known.to_string().eq_ignore_ascii_case(word));
            found.ok_or_else(|| {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                let word: String = word.chars().take(64).collect();
                InputFault::new(
                    field,
                    format!("\"{}\" is no method", word.escape_debug()),
                    format!("use {}", all.join(", ")),
                )
            })
        })
        .collect()
}

fn twice<T: Copy + PartialEq>(methods: &[T]) -> Option<T> {
    let again = |(at, method): (usize, &T)| methods.iter().take(at).any(|other| other == method);
    let at = methods
        .iter()
        .enumerate()
        .position(|(at, method)| again((at, method)))?;
    methods.get(at).copied()
}

fn named_twice(field: &'static str, method: &str) -> InputFault {
    InputFault::new(
        field,
        format!("{method} is named twice"),
        "name each method once, the preferred one first",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(methods_text: &str, inner: &str) -> Offer {
        Offer {
            name: "guests".to_owned(),
            methods: methods(methods_text).expect("methods"),
            inner_methods: inner_methods(inner).expect("inner methods"),
            ..Offer::default()
        }
    }

    #[test]
    fn methods_are_read_in_any_case_and_keep_their_order() {
        let read = methods("peap, EAP-TLS mab").expect("methods");
        let words: Vec<&str> = read.iter().map(|method| method.as_str()).collect();
        assert_eq!(words, ["PEAP", "EAP-TLS", "MAB"]);
        let fault = methods("PEAP EAP-MD5").expect_err("no method of ours");
        assert!(fault.to_string().contains("EAP-MD5"), "{fault}");
    }

    #[test]
    fn an_offer_that_could_let_nobody_in_is_no_offer() {
        assert_eq!(check(&offer("PEAP EAP-TLS", "EAP-GTC")), Ok(()));
        assert_eq!(check(&offer("MAB", "")), Ok(()));
        for (methods, inner, field) in [
            ("", "", "methods"),
            ("PEAP PEAP", "", "methods"),
            ("PEAP", "PAP", "inner_methods"),
            ("TEAP", "EAP-GTC", "inner_methods"),
            ("EAP-TLS MAB", "PAP", "inner_methods"),
            ("EAP-TTLS", "PAP PAP", "inner_methods"),
        ] {
            let fault = check(&offer(methods, inner)).expect_err(methods);
            assert_eq!(fault.field, field, "{methods} {inner}");
        }
    }

    #[test]
    fn an_offer_has_a_name_of_its_own_and_patterns_that_can_fit() {
        for (change, field) in [
            (
                (|offer| offer.name = "Default".to_owned()) as fn(&mut Offer),
                "name",
            ),
            (|offer| offer.name = "a b".to_owned(), "name"),
            (|offer| offer.realm = "@example.org".to_owned(), "realm"),
            (|offer| offer.ssid = "a\u{7}".to_owned(), "ssid"),
            (|offer| offer.client = "x".repeat(254), "client"),
            (|offer| offer.description = "x".repeat(501), "description"),
        ] {
            let mut offer = offer("PAP", "");
            change(&mut offer);
            assert_eq!(check(&offer).expect_err(field).field, field);
        }
    }
}
