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

/// Where in a certificate a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// The subjectAltName's `uniformResourceIdentifier`.
    Uri,
    /// The subjectAltName's `otherName` of Microsoft's type User Principal Name.
    Upn,
    /// The subjectAltName's `dNSName`.
    Dns,
    /// The subjectAltName's `rfc822Name`.
    Email,
    /// The subject's first common name.
    CommonName,
}

impl NameKind {
    /// Where a user's name is looked for unless told otherwise, the first that is there counts.
    pub const USUAL: [Self; 3] = [Self::Upn, Self::Email, Self::CommonName];
}

/// For people to read.
impl std::fmt::Display for NameKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Uri => "URI",
            Self::Upn => "User Principal Name",
            Self::Dns => "DNS name",
            Self::Email => "e-mail address",
            Self::CommonName => "common name",
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct Names {
    /// The kinds of those names that are there and name nobody.
    pub(super) unusable: Vec<NameKind>,
    pub(super) common_name: Option<String>,
    pub(super) emails: Vec<String>,
    pub(super) dns_names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) uris: Vec<String>,
    pub(super) upns: Vec<String>,
}

impl Names {
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Result<Self, PkiError> {
        let mut names = Self::default();
        names.common_name(certificate);
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
            GeneralName::RFC822Name(text) => self.keep(NameKind::Email, Some(text)),
            GeneralName::DNSName(text) => self.keep(NameKind::Dns, Some(text)),
            GeneralName::URI(text) => self.keep(NameKind::Uri, Some(text)),
            GeneralName::IPAddress(octets) => {
                if let (Some(address), true) = (address(octets), self.addresses.len() < MAX_NAMES) {
                    self.addresses.push(address);
                }
            }
            GeneralName::OtherName(kind, value) if *kind == UPN => {
                self.keep(NameKind::Upn, explicit_text(value));
            }
            // Not UTF-8. The tags are those of RFC 5280 section 4.2.1.6.
            GeneralName::Invalid(Tag(1), _) => self.keep(NameKind::Email, None),
            GeneralName::Invalid(Tag(2), _) => self.keep(NameKind::Dns, None),
            GeneralName::Invalid(Tag(6), _) => self.keep(NameKind::Uri, None),
            GeneralName::Invalid(Tag(0), _) => self.keep(NameKind::Upn, None),
            _ => {}
        }
    }

    fn keep(&mut self, kind: NameKind, text: Option<&str>) {
        let Some(text) = text.filter(|text| acceptable(text)) else {
            if !self.unusable.contains(&kind) {
                self.unusable.push(kind);
            }
            return;
        };
        let list = match kind {
            NameKind::Uri => &mut self.uris,
            NameKind::Upn => &mut self.upns,
            NameKind::Dns => &mut self.dns_names,
            NameKind::Email => &mut self.emails,
            NameKind::CommonName => {
                self.common_name = Some(text.to_owned());
                return;
            }
        };
        if list.len() < MAX_NAMES {
            list.push(text.to_owned());
        }
    }

    fn common_name(&mut self, certificate: &X509Certificate<'_>) {
        if let Some(first) = certificate.subject().iter_common_name().next() {
            self.keep(NameKind::CommonName, first.as_str().ok());
        }
    }
}

/// Replaces control characters, so that a distinguished name cannot forge a line of a log.
pub(crate) fn printable(text: &str) -> String {
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
