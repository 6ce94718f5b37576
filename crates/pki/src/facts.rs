//! What a certificate says: the names, the purposes and the fingerprints that identity and policy use.

mod device_id;
mod names;

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use crate::PkiError;
use crate::serial::canonical;
pub use names::NameKind;
use names::Names;
pub(crate) use names::printable;

/// The largest certificate that is read, in bytes. Real ones have one to four thousand; a TLS record
/// that carries more is an attack or an accident.
pub const MAX_CERTIFICATE_LEN: usize = 64 * 1024;

/// How many names of each kind are kept from one certificate; the rest are ignored.
pub const MAX_NAMES: usize = 100;

/// What one certificate says about its holder. Reading it proves nothing: trust comes from verifying
/// the chain, which the TLS handshake does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The serial number in lower-case hexadecimal pairs, without zero octets that only pad.
    pub serial: String,
    /// The subject's distinguished name, for people to read.
    pub subject: String,
    /// The issuer's distinguished name, for people to read.
    pub issuer: String,
    /// The first common name of the subject.
    pub common_name: Option<String>,
    /// The subjectAltName's `rfc822Name` entries.
    pub emails: Vec<String>,
    /// The subjectAltName's `dNSName` entries.
    pub dns_names: Vec<String>,
    /// The subjectAltName's `iPAddress` entries, as text.
    pub addresses: Vec<std::net::IpAddr>,
    /// The subjectAltName's `uniformResourceIdentifier` entries.
    pub uris: Vec<String>,
    /// The subjectAltName's `otherName` entries of Microsoft's type User Principal Name.
    pub upns: Vec<String>,
    /// Which kinds have a name that names nobody: it is empty, holds a control character, is no UTF-8, or is longer
    /// than 1024 octets.
    pub unusable: Vec<NameKind>,
    /// The device that this certificate asserts, in lower case: from `urn:uuid:<uuid>`, from
    /// `spiffe://<trust domain>/device/<uuid>` or from `ID:<vendor>:GUID:<id>` (in a URI or in the common
    /// name). `None` when the certificate asserts two different ones.
    pub device_id: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo, in lower-case hexadecimal: the same key in another
    /// certificate has the same value.
    pub spki_sha256: String,
    /// SHA-256 of the whole certificate, in lower-case hexadecimal.
    pub fingerprint_sha256: String,
    /// The first instant of validity, in microseconds since the Unix epoch.
    pub not_before_us: i64,
    /// The last instant of validity, in microseconds since the Unix epoch.
    pub not_after_us: i64,
    /// The certificate may identify a TLS server (RFC 5280 section 4.2.1.12; true as well when it has no
    /// extended key usage at all, which means any purpose).
    pub server_auth: bool,
    /// The certificate may identify a TLS client; the same rule.
    pub client_auth: bool,
    /// The certificate may sign certificates (basicConstraints says CA).
    pub is_authority: bool,
}

impl CertificateFacts {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// [`PkiError::TooLong`] and [`PkiError::Malformed`]; also when the subjectAltName cannot be read or
    /// occurs twice, because then nobody can say whom the certificate names.
    pub fn read(der: &[u8]) -> Result<Self, PkiError> {
        if der.len() > MAX_CERTIFICATE_LEN {
            return Err(PkiError::TooLong(der.len()));
        }
        let (rest, certificate) = x509_parser::parse_x509_certificate(der)
            .map_err(|_| PkiError::Malformed("it is not an X.509 certificate in DER"))?;
        if !rest.is_empty() {
            return Err(PkiError::Malformed("bytes follow the certificate"));
        }
        let names = Names::of(&certificate)?;
        let (server_auth, client_auth) = purposes(&certificate)?;
        let validity = certificate.validity();
        Ok(Self {
            serial: canonical(certificate.raw_serial()),
            subject: printable(&certificate.subject().to_string()),
            issuer: printable(&certificate.issuer().to_string()),
            device_id: device_id::asserted(&names.uris, names.common_name.as_deref()),
            common_name: names.common_name,
            emails: names.emails,
            dns_names: names.dns_names,
            addresses: names.addresses,
            uris: names.uris,
            upns: names.upns,
            unusable: names.unusable,
            spki_sha256: hex::encode(digest(&SHA256, certificate.public_key().raw)),
            fingerprint_sha256: hex::encode(digest(&SHA256, der)),
            not_before_us: validity.not_before.timestamp().saturating_mul(1_000_000),
            not_after_us: validity.not_after.timestamp().saturating_mul(1_000_000),
            server_auth,
            client_auth,
            is_authority: is_authority(&certificate),
        })
    }

    /// The user whom this certificate names, where `order` finds the first name. A device's certificate has
    /// a common name too, so look at [`Self::device_id`] first.
    ///
    /// # Errors
    /// The kind, when it has a name that cannot be used: what comes after it must not be taken in its place,
    /// because whoever issued the certificate meant somebody.
    pub fn user_name_by(&self, order: &[NameKind]) -> Result<Option<&str>, NameKind> {
        for kind in order {
            if self.unusable.contains(kind) {
                return Err(*kind);
            }
            let name = match kind {
                NameKind::Uri => self.uris.first(),
                NameKind::Upn => self.upns.first(),
                NameKind::Dns => self.dns_names.first(),
                NameKind::Email => self.emails.first(),
                NameKind::CommonName => self.common_name.as_ref(),
            };
            if let Some(name) = name {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The user whom this certificate names in the usual order: the first User Principal Name, else the first
    /// e-mail address, else the common name.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        self.user_name_by(&NameKind::USUAL).ok().flatten()
    }
}

/// SHA-256 of a certificate in the form that people compare: `AB:CD:…`.
#[must_use]
pub fn fingerprint_sha256(der: &[u8]) -> String {
    let pairs: Vec<String> = digest(&SHA256, der)
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02X}"))
        .collect();
    pairs.join(":")
}

/// Returns (server, client). A certificate without the extension serves every purpose.
fn purposes(certificate: &X509Certificate<'_>) -> Result<(bool, bool), PkiError> {
    let usage = certificate
        .extended_key_usage()
        .map_err(|_| PkiError::Malformed("its extended key usage occurs twice or is damaged"))?;
    Ok(usage.map_or((true, true), |usage| {
        let usage = usage.value;
        (
            usage.any || usage.server_auth,
            usage.any || usage.client_auth,
        )
    }))
}

pub(crate) fn is_authority(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| {
        matches!(extension.parsed_extension(),
            ParsedExtension::BasicConstraints(constraints) if constraints.ca)
    })
}

#[cfg(test)]
mod tests;
