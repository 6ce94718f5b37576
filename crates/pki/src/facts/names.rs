//! Collects the names of a certificate, bounded and without control characters.

use std::net::IpAddr;

use x509_parser::asn1_rs::{Any, Class, FromDer, Oid, Tag, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;

use super::MAX_NAMES;
use crate::PkiError;

/// Microsoft's otherName type User Principal Name.
const UPN: Oid<'static> = oid!(1.3.6.1.4.1.311.20.2.3);

/// Longer names are ignored: no directory holds them, and they only fill logs. In bytes.
const MAX_NAME_LEN: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) common_name: Option<String>,
    pub(super) emails: Vec<String>,
    pub(super) dns_names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) uris: Vec<String>,
    pub(super) upns: Vec<String>,
}

impl Names {
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Result<Self, PkiError> {
        let mut names = Self {
            common_name: common_name(certificate),
            ..Self::default()
        };
        let mut seen = false;
        for extension in certificate.extensions() {
            if extension.oid != OID_X509_EXT_SUBJECT_ALT_NAME {
                continue;
            }
            if std::mem::replace(&mut seen, true) {
                return Err(PkiError::Malformed("its subjectAltName occurs twice"));
            }
            let ParsedExtension::SubjectAlternativeName(alternatives) =
                extension.parsed_extension()
            else {
                return Err(PkiError::Malformed("its subjectAltName is damaged"));
            };
            for name in &alternatives.general_names {
                names.add(name);
            }
        }
        Ok(names)
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        match name {
            GeneralName::RFC822Name(text) => keep(&mut self.emails, text),
            GeneralName::DNSName(text) => keep(&mut self.dns_names, text),
            GeneralName::URI(text) => keep(&mut self.uris, text),
            GeneralName::IPAddress(octets) => {
                if let (Some(address), true) = (address(octets), self.addresses.len() < MAX_NAMES) {
                    self.addresses.push(address);
                }
            }
            GeneralName::OtherName(kind, value) if *kind == UPN => {
                if let Some(text) = explicit_text(value) {
                    keep(&mut self.upns, text);
                }
            }
            _ => {}
        }
    }
}

/// Replaces control characters, so that a distinguished name cannot forge a line of a log.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(MAX_NAME_LEN)
        .collect()
}

/// A name with a control character (a NUL, say) means one thing to us and another to a C program:
/// such a name names nobody.
fn acceptable(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_LEN && !text.chars().any(char::is_control)
}

fn keep(list: &mut Vec<String>, text: &str) {
    if list.len() < MAX_NAMES && acceptable(text) {
        list.push(text.to_owned());
    }
}

fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let first = certificate.subject().iter_common_name().next()?;
    let text = first.as_str().ok()?;
    acceptable(text).then(|| text.to_owned())
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(v4));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

/// Reads `[0] EXPLICIT UTF8String`, the value of an otherName (RFC 5280 section 4.2.1.6).
fn explicit_text(value: &[u8]) -> Option<&str> {
    let (rest, outer) = Any::from_der(value).ok()?;
    if !rest.is_empty() || outer.class() != Class::ContextSpecific || outer.tag() != Tag(0) {
        return None;
    }
    let (rest, inner) = Any::from_der(outer.data).ok()?;
    let textual = matches!(
        inner.tag(),
        Tag::Utf8String | Tag::Ia5String | Tag::PrintableString
    );
    if !rest.is_empty() || inner.class() != Class::Universal || !textual {
        return None;
    }
    std::str::from_utf8(inner.data).ok()
}
