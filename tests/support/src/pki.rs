//! A small PKI for subjects that do not bring their own, and for "a CA that nobody trusts".

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use crate::directory::TestDirectory;

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A certification authority on P-256.
#[derive(Debug)]
pub struct TestAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    issued: u64,
}

impl TestAuthority {
    /// A new CA with a name of its own.
    ///
    /// # Panics
    ///
    /// When the key cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = parameters(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a P-256 key can be made");
        let certificate = params
            .self_signed(&key)
            .expect("a CA can sign itself")
            .pem();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
            issued: 0,
        }
    }

    /// The CA's certificate.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// Issues a certificate for a RADIUS server into `NAME.crt` and `NAME.key`.
    #[must_use]
    pub fn issue_server(&mut self, directory: &TestDirectory, name: &str) -> Credential {
        self.issue(directory, name, ExtendedKeyUsagePurpose::ServerAuth)
            .0
    }

    /// Issues a certificate for a person; the second value is its serial number.
    #[must_use]
    pub fn issue_client(&mut self, directory: &TestDirectory, name: &str) -> (Credential, u64) {
        self.issue(directory, name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Issues a certificate for a person that is valid between these moments, counted from now.
    #[must_use]
    pub fn issue_client_within(
        &mut self,
        directory: &TestDirectory,
        name: &str,
        validity: std::ops::Range<Duration>,
    ) -> Credential {
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        self.issue_within(directory, name, usage, Some(validity)).0
    }

    fn issue(
        &mut self,
        directory: &TestDirectory,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
    ) -> (Credential, u64) {
        self.issue_within(directory, name, usage, None)
    }

    fn issue_within(
        &mut self,
        directory: &TestDirectory,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
        validity: Option<std::ops::Range<Duration>>,
    ) -> (Credential, u64) {
        self.issued += 1;
        let serial = 0x1000 + self.issued;
        let mut params = parameters(name);
        params.subject_alt_names = CertificateParams::new(vec![name.to_owned()])
            .expect("a DNS name")
            .subject_alt_names;
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.serial_number = Some(SerialNumber::from(serial));
        if let Some(validity) = validity {
            let now = OffsetDateTime::now_utc();
            params.not_before = now + validity.start;
            params.not_after = now + validity.end;
        }
        let key = KeyPair::generate().expect("a P-256 key can be made");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("the CA can sign");
        let credential = Credential {
            certificate: directory.write(&format!("{name}.crt"), certificate.pem()),
            key: directory.write_private(&format!("{name}.key"), key.serialize_pem()),
        };
        (credential, serial)
    }

    /// A revocation list with these serial numbers, as PEM.
    ///
    /// # Panics
    ///
    /// When it cannot be signed.
    #[must_use]
    pub fn revocation_list(&self, serials: &[u64]) -> String {
        let now = OffsetDateTime::now_utc();
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: now - Duration::hours(1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: now - Duration::hours(1),
            next_update: now + Duration::days(7),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list
            .signed_by(&self.issuer)
            .expect("the CA can sign a list");
        list.pem().expect("a list can be written as PEM")
    }
}

/// Writes the certificate of a CA that issued nothing here.
#[must_use]
pub fn unknown_authority(directory: &Path) -> PathBuf {
    let path = directory.join("unknown-ca.pem");
    let authority = TestAuthority::new("A CA that nobody here trusts");
    std::fs::write(&path, authority.certificate_pem()).expect("a test may write its directory");
    path
}

fn parameters(name: &str) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - Duration::hours(2);
    params.not_after = now + Duration::days(30);
    params
}
