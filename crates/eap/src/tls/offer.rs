//! What a supplicant offers in its ClientHello, in words for who has to find out why that is not enough.
//!
//! rustls says which agreement failed, and not what there was to agree about.

use rustls::{CipherSuite, NamedGroup, PeerIncompatible, SignatureScheme};

use crate::reason::{self, Reason};

/// Record header, of which the payload follows.
const RECORD_HEADER: usize = 5;
/// Message type, length (3).
const MESSAGE_HEADER: usize = 4;
/// Version (2) and random before the session id.
const BEFORE_SESSION_ID: usize = 34;
/// The extensions that say something about what is in common (RFC 8446 section 4.2).
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const SUPPORTED_VERSIONS: u16 = 43;
const TLS12: u16 = 0x0303;
/// So many names are told.
const NAMES: usize = 4;

/// What a ClientHello offers (RFC 5246 section 7.4.1.2, RFC 8446 section 4.1.2).
#[derive(Debug, Default, PartialEq, Eq)]
struct Offer {
    /// The newest version.
    version: u16,
    oldest: u16,
    suites: Vec<u16>,
    groups: Vec<u16>,
    signatures: Vec<u16>,
}

/// Why there is nothing in common, and whether it is the version, for which TLS has an alert of its own.
pub(super) fn nothing_in_common(error: &PeerIncompatible, flight: &[u8]) -> (Reason, bool) {
    let offer = Offer::read(flight);
    let version = offer.as_ref().and_then(Offer::too_old);
    let of_version = version.is_some() || is_about_versions(error);
    let what = match (version, offer) {
        (Some(version), _) => version,
        (None, Some(offer)) if of_version => offer.version(),
        (None, offer) => described(error, &offer.unwrap_or_default()),
    };
    (reason::NO_COMMON_TLS.with(what), of_version)
}

fn is_about_versions(error: &PeerIncompatible) -> bool {
    matches!(
        error,
        PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::SupportedVersionsExtensionRequired
    )
}

/// What is missing, with what is there instead.
fn described(error: &PeerIncompatible, offer: &Offer) -> String {
    let instead = |names: &[u16], name: fn(u16) -> String| match names {
        [] => String::new(),
        names => format!(": {}", told(names, name)),
    };
    match error {
        PeerIncompatible::NoCipherSuitesInCommon => match offer.kind_of_suites() {
            Some(kind) => format!("it offers {kind}{}", instead(&offer.suites, suite)),
            None => format!(
                "it offers no cipher suite of this server's{}",
                instead(&offer.suites, suite)
            ),
        },
        PeerIncompatible::NoKxGroupsInCommon => format!(
            "it offers no key exchange group of this server's{}",
            instead(&offer.groups, group)
        ),
        PeerIncompatible::NoSignatureSchemesInCommon => format!(
            "it verifies no signature of this server's{}",
            instead(&offer.signatures, scheme)
        ),
        PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "it offers no signature algorithms, as TLS 1.1 and older do not".to_owned()
        }
        PeerIncompatible::NamedGroupsExtensionRequired => {
            "it offers no key exchange groups".to_owned()
        }
        PeerIncompatible::KeyShareExtensionRequired => {
            "it offers TLS 1.3 without a key share".to_owned()
        }
        PeerIncompatible::NullCompressionRequired => {
            "it offers no TLS without compression".to_owned()
        }
        PeerIncompatible::EcPointsExtensionRequired
        | PeerIncompatible::NoEcPointFormatsInCommon
        | PeerIncompatible::UncompressedEcPointsRequired => {
            "it offers no uncompressed points of elliptic curves".to_owned()
        }
        PeerIncompatible::ExtendedMasterSecretExtensionRequired => {
            "it offers TLS 1.2 without the extended master secret".to_owned()
        }
        other => format!("its TLS does not fit ({})", in_words(&format!("{other:?}"))),
    }
}

impl Offer {
    /// Reads the ClientHello at the beginning of a flight.
    fn read(flight: &[u8]) -> Option<Self> {
        let message = message(flight)?;
        let mut rest = Reader(&message);
        let (_, version) = (rest.take(MESSAGE_HEADER)?, rest.number()?);
        rest.take(BEFORE_SESSION_ID - 2)?;
        let session_id = rest.octet()?;
        rest.take(session_id.into())?;
        let length = rest.number()?;
        let mut offer = Self {
            version,
            oldest: version.min(TLS12),
            suites: numbers(rest.take(length.into())?),
            ..Self::default()
        };
        let compressions = rest.octet()?;
        rest.take(compressions.into())?;
        // Old ones have no extensions.
        let mut extensions = match rest.number() {
            Some(length) => Reader(rest.take(length.into())?),
            None => Reader(&[]),
        };
        while let Some(number) = extensions.number() {
            let length = extensions.number()?;
            let mut body = Reader(extensions.take(length.into())?);
            match number {
                SUPPORTED_VERSIONS => {
                    body.octet()?;
                    let versions = numbers(body.0);
                    offer.oldest = versions.iter().copied().min().unwrap_or(version);
                    offer.version = versions.into_iter().max().unwrap_or(version);
                }
                SUPPORTED_GROUPS => {
                    body.number()?;
                    offer.groups = numbers(body.0);
                }
                SIGNATURE_ALGORITHMS => {
                    body.number()?;
                    offer.signatures = numbers(body.0);
                }
                _ => {}
            }
        }
        Some(offer)
    }

    /// That the version is below all that are served.
    fn too_old(&self) -> Option<String> {
        (self.version < TLS12).then(|| self.version())
    }

    fn version(&self) -> String {
        if self.oldest > TLS12 {
            return "it offers TLS 1.3 and nothing older".to_owned();
        }
        let name = match self.version {
            0x0300 => "SSL 3.0".to_owned(),
            0x0301 => "TLS 1.0".to_owned(),
            0x0302 => "TLS 1.1".to_owned(),
            0x0303 => "TLS 1.2".to_owned(),
            other => format!("the version {other:#06x}"),
        };
        format!("it offers {name} at most")
    }

    /// What all cipher suites have in common that keeps them from being used.
    fn kind_of_suites(&self) -> Option<&'static str> {
        let names: Vec<String> = self.suites.iter().map(|number| suite(*number)).collect();
        let all = |test: fn(&String) -> bool| !names.is_empty() && names.iter().all(test);
        if all(|name| name.contains("_CBC_") || name.contains("_RC4_")) {
            Some("only CBC cipher suites")
        } else if all(|name| name.starts_with("TLS_RSA_")) {
            Some("only cipher suites with RSA key exchange")
        } else {
            None
        }
    }
}

/// The first handshake message of a flight, if it is a whole ClientHello.
fn message(mut records: &[u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        if let Some([1, high, middle, low]) = message.get(..MESSAGE_HEADER) {
            let length = u32::from_be_bytes([0, *high, *middle, *low]);
            let whole = MESSAGE_HEADER.checked_add(usize::try_from(length).ok()?)?;
            if message.len() >= whole {
                message.truncate(whole);
                return Some(message);
            }
        } else if message.len() >= MESSAGE_HEADER {
            return None;
        }
        let (&[22, _, _, high, low], rest) = records.split_first_chunk::<RECORD_HEADER>()? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (payload, rest) = rest.split_at_checked(length)?;
        message.extend_from_slice(payload);
        records = rest;
    }
}

/// A list of 16-bit numbers, without those that only keep servers tolerant (RFC 8701) or are signals, no suites (RFC 5746, RFC 7507).
fn numbers(list: &[u8]) -> Vec<u16> {
    list.as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u16::from_be_bytes(*pair))
        .filter(|number| number & 0x0f0f != 0x0a0a && !matches!(number, 0x00ff | 0x5600))
        .collect()
}

/// The first names of a list, and how many more there are.
fn told(numbers: &[u16], name: fn(u16) -> String) -> String {
    let names: Vec<String> = numbers.iter().take(NAMES).map(|n| name(*n)).collect();
    let more = numbers.len().saturating_sub(NAMES);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn suite(number: u16) -> String {
    let name = CipherSuite::from(number).as_str().map(str::to_owned);
    name.unwrap_or_else(|| format!("{number:#06x}"))
}

fn group(number: u16) -> String {
    let name = NamedGroup::from(number).as_str().map(str::to_owned);
    name.unwrap_or_else(|| format!("{number:#06x}"))
}

fn scheme(number: u16) -> String {
    let name = SignatureScheme::from(number).as_str().map(str::to_owned);
    name.unwrap_or_else(|| format!("{number:#06x}"))
}

/// A name like `NoSuchThing` as words.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars().take_while(char::is_ascii_alphanumeric) {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().copied().map(u16::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello in records of at most `record` octets.
    fn hello(
        version: u16,
        suites: &[u16],
        extensions: &[(u16, Vec<u8>)],
        record: usize,
    ) -> Vec<u8> {
        let list = |numbers: &[u16]| -> Vec<u8> {
            numbers
                .iter()
                .flat_map(|number| number.to_be_bytes())
                .collect()
        };
        let suites = list(suites);
        let mut body = version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend((suites.len() as u16).to_be_bytes());
        body.extend(suites);
        body.extend([1, 0]);
        if !extensions.is_empty() {
            let mut all = Vec::new();
            for (number, octets) in extensions {
                all.extend(number.to_be_bytes());
                all.extend((octets.len() as u16).to_be_bytes());
                all.extend(octets);
            }
            body.extend((all.len() as u16).to_be_bytes());
            body.extend(all);
        }
        let mut message = (body.len() as u32 | 1 << 24).to_be_bytes().to_vec();
        message.extend(body);
        let mut flight = Vec::new();
        for payload in message.chunks(record) {
            flight.extend([22, 3, 1]);
            flight.extend((payload.len() as u16).to_be_bytes());
            flight.extend(payload);
        }
        flight
    }

    fn said(error: PeerIncompatible, flight: &[u8]) -> (String, bool) {
        let (reason, version) = nothing_in_common(&error, flight);
        (reason.sentence, version)
    }

    #[test]
    fn an_old_version_is_named_whatever_was_missed_first() {
        for (version, name) in [
            (0x0300, "SSL 3.0"),
            (0x0301, "TLS 1.0"),
            (0x0302, "TLS 1.1"),
        ] {
            let error = PeerIncompatible::SignatureAlgorithmsExtensionRequired;
            let (sentence, of_version) = said(error, &hello(version, &[0xc013], &[], 50));
            assert!(
                sentence.ends_with(&format!("it offers {name} at most")),
                "{sentence}"
            );
            assert!(of_version);
        }
        let versions = vec![4, 0x1a, 0x1a, 0x03, 0x04];
        let new = hello(TLS12, &[0x1301], &[(SUPPORTED_VERSIONS, versions)], 500);
        assert_eq!(Offer::read(&new).unwrap().version, 0x0304);
    }

    #[test]
    fn cipher_suites_are_named_and_what_is_wrong_with_them() {
        let signatures = (SIGNATURE_ALGORITHMS, vec![0, 2, 4, 3]);
        let extensions = std::slice::from_ref(&signatures);
        let error = || PeerIncompatible::NoCipherSuitesInCommon;
        let suites = [0xc013, 0xc014, 0x002f, 0x0035, 0x000a, 0x00ff, 0x2a2a];
        let (sentence, version) = said(error(), &hello(TLS12, &suites, extensions, 9));
        assert!(
            sentence.ends_with(
                "it offers only CBC cipher suites: TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, \
                 TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, TLS_RSA_WITH_AES_128_CBC_SHA, \
                 TLS_RSA_WITH_AES_256_CBC_SHA and 1 more"
            ),
            "{sentence}"
        );
        assert!(!version);
        let (sentence, _) = said(error(), &hello(TLS12, &[0x009c], extensions, 900));
        assert!(
            sentence.contains(
                "only cipher suites with RSA key exchange: TLS_RSA_WITH_AES_128_GCM_SHA256"
            )
        );
        let (sentence, _) = said(error(), b"no hello");
        assert!(
            sentence.ends_with("no cipher suite of this server's"),
            "{sentence}"
        );
    }

    #[test]
    fn no_name_of_the_library_is_told() {
        let words = in_words(&format!("{:?}", PeerIncompatible::Tls13RequiredForQuic));
        assert_eq!(words, "tls13 required for quic");
    }

    #[test]
    fn a_hello_that_is_cut_off_or_lies_is_none_and_nothing_breaks() {
        let versions = (SUPPORTED_VERSIONS, vec![4, 3, 4, 3, 3]);
        let groups = (SUPPORTED_GROUPS, vec![0, 2, 0, 29]);
        let whole = hello(TLS12, &[0x1301, 0xc02b], &[versions, groups], 40);
        assert!(Offer::read(&whole).is_some());
        for at in 0..whole.len() {
            assert_eq!(Offer::read(&whole[..at]), None, "{at} octets");
            for octet in [0, 1, 0x7f, 0xff] {
                let mut lying = whole.clone();
                lying[at] = octet;
                let _ = Offer::read(&lying);
            }
        }
    }
}
