//! The certificate authority of a site that has none of its own: P-256 throughout.

mod names;

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{CertificateFacts, PkiError, Serial, fingerprint_sha256, pem_certificates, pem_key};

/// How long before "now" a new certificate becomes valid, in seconds: endpoints' clocks are late.
pub const BACKDATE_S: i64 = 3600;

const DAY_S: i64 = 86_400;

/// A certificate authority with its private key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    certificate_der: Vec<u8>,
    facts: CertificateFacts,
}

/// For whom a client certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientSubject<'a> {
    /// A person, by user name. It becomes the common name, and the subjectAltName holds it as e-mail
    /// address when it contains `@`, else as User Principal Name.
    User(&'a str),
    /// A device. Its name becomes the common name, its id the URI `urn:uuid:<id>` of the subjectAltName.
    Device {
        /// The name that people read.
        name: &'a str,
        /// The device's UUID, as text.
        id: &'a str,
    },
}

/// A certificate that was just issued, with its private key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate, in PEM.
    pub certificate_pem: String,
    /// The private key, PKCS #8 in PEM, wiped when dropped.
    pub key_pem: Zeroizing<String>,
    /// What the certificate says.
    pub facts: CertificateFacts,
}

impl Authority {
    /// Makes a new authority: a P-256 key and a self-signed certificate that may sign end entities only
    /// (`pathLenConstraint` 0).
    ///
    /// `now_unix` is in seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`PkiError::Name`] for a common name that X.509 cannot hold, [`PkiError::Lifetime`],
    /// [`PkiError::Random`].
    pub fn create(common_name: &str, now_unix: i64, lifetime_days: u32) -> Result<Self, PkiError> {
        let common_name = names::common_name(common_name)?;
        let mut params = parameters(common_name, now_unix, not_after(now_unix, lifetime_days)?)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let key_pem = Zeroizing::new(key.serialize_pem());
        Self::load(&certificate.pem(), &key_pem)
    }

    /// Loads an authority from its certificate and private key.
    ///
    /// # Errors
    /// Says which of the two is unreadable; [`PkiError::KeyMismatch`] when they do not belong together,
    /// [`PkiError::NotAnAuthority`] when the certificate may not sign.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, PkiError> {
        let certificate = pem_certificates(certificate_pem)?
            .into_iter()
            .next()
            .ok_or(PkiError::NoCertificate)?;
        let facts = CertificateFacts::read(&certificate)?;
        if !facts.is_authority {
            return Err(PkiError::NotAnAuthority);
        }
        let key = KeyPair::try_from(&pem_key(key_pem)?)?;
        if spki_sha256(&key) != facts.spki_sha256 {
            return Err(PkiError::KeyMismatch);
        }
        Ok(Self {
            issuer: Issuer::from_ca_cert_der(&certificate, key)?,
            certificate_pem: certificate_pem.to_owned(),
            certificate_der: certificate.to_vec(),
            facts,
        })
    }

    /// The authority's certificate, in PEM: what supplicants install.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's private key, PKCS #8 in PEM. Seal it before storing it.
    #[must_use]
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// SHA-256 of the certificate as people compare it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint_sha256(&self) -> String {
        fingerprint_sha256(&self.certificate_der)
    }

    /// What the authority's own certificate says.
    #[must_use]
    pub const fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// Issues a certificate for a server: extended key usage `serverAuth`, every name and address in the
    /// subjectAltName. The lifetime is cut to the authority's own.
    ///
    /// # Errors
    /// [`PkiError::Name`] when a name is neither an IP address nor a host name, or when there is none;
    /// [`PkiError::AuthorityExpired`], [`PkiError::Lifetime`], [`PkiError::Random`].
    pub fn issue_server(
        &self,
        names: &[String],
        now_unix: i64,
        lifetime_days: u32,
    ) -> Result<Issued, PkiError> {
        let alternatives = names::host(names)?;
        let common_name = names::host_common_name(names);
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        self.issue(common_name, alternatives, usage, now_unix, lifetime_days)
    }

    /// Issues a certificate for a NAS or a RADIUS proxy that speaks RadSec (RFC 6614): extended key usage `clientAuth` alone, so that it
    /// can stand in for no server, and every name and address in the subjectAltName. The lifetime is cut to the authority's own.
    ///
    /// # Errors
    /// As [`Self::issue_server`].
    pub fn issue_nas(
        &self,
        names: &[String],
        now_unix: i64,
        lifetime_days: u32,
    ) -> Result<Issued, PkiError> {
        let alternatives = names::host(names)?;
        let common_name = names::host_common_name(names);
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        self.issue(common_name, alternatives, usage, now_unix, lifetime_days)
    }

    /// Issues a certificate for a user or a device: extended key usage `clientAuth`. The lifetime is cut to
    /// the authority's own.
    ///
    /// # Errors
    /// [`PkiError::Name`] for a name that X.509 cannot hold or an id that is no UUID;
    /// [`PkiError::AuthorityExpired`], [`PkiError::Lifetime`], [`PkiError::Random`].
    pub fn issue_client(
        &self,
        subject: ClientSubject<'_>,
        now_unix: i64,
        lifetime_days: u32,
    ) -> Result<Issued, PkiError> {
        let (common_name, alternative) = match subject {
            ClientSubject::User(name) => (names::common_name(name)?, names::user(name)?),
            ClientSubject::Device { name, id } => (names::common_name(name)?, names::device(id)?),
        };
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        self.issue(
            common_name,
            vec![alternative],
            usage,
            now_unix,
            lifetime_days,
        )
    }

    fn issue(
        &self,
        common_name: &str,
        alternatives: Vec<SanType>,
        usage: ExtendedKeyUsagePurpose,
        now_unix: i64,
        lifetime_days: u32,
    ) -> Result<Issued, PkiError> {
        let own_end = self.facts.not_after_us / 1_000_000;
        if now_unix >= own_end || now_unix < self.facts.not_before_us / 1_000_000 {
            return Err(PkiError::AuthorityExpired);
        }
        let end = not_after(now_unix, lifetime_days)?.min(own_end);
        let mut params = parameters(common_name, now_unix, end)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.subject_alt_names = alternatives;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            facts: CertificateFacts::read(certificate.der())?,
            certificate_pem: certificate.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

fn not_after(now_unix: i64, lifetime_days: u32) -> Result<i64, PkiError> {
    if lifetime_days == 0 {
        return Err(PkiError::Lifetime(0));
    }
    now_unix
        .checked_add(i64::from(lifetime_days).saturating_mul(DAY_S))
        .ok_or(PkiError::Lifetime(lifetime_days))
}

/// What all certificates of this authority have in common.
fn parameters(common_name: &str, now: i64, end: i64) -> Result<CertificateParams, PkiError> {
    let instant = |seconds: i64| {
        let days = u32::try_from(end.saturating_sub(now) / DAY_S).unwrap_or(u32::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| PkiError::Lifetime(days))
    };
    let mut params = CertificateParams::default();
    params.not_before = instant(now.saturating_sub(BACKDATE_S))?;
    params.not_after = instant(end)?;
    params.serial_number = Some(SerialNumber::from_slice(Serial::random()?.as_bytes()));
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(params)
}

fn spki_sha256(key: &KeyPair) -> String {
    use rcgen::PublicKeyData;
    let spki = key.subject_public_key_info();
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &spki))
}

#[cfg(test)]
mod tests;
