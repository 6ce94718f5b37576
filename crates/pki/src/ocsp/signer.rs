//! Who may sign: who issued a certificate, and who may answer for its issuer (RFC 6960 section 4.2.2.2).

use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::{BitString, FromDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::verify::verify_signature;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::question::{OcspError, sha1};
use super::{Basic, Responder, context, sequence};

/// More certificates than an honest response carries.
const MOST_CERTIFICATES: usize = 8;

/// Which certificates of a chain were issued by whom, up to an anchor.
pub(super) struct Way<'a> {
    chain: Vec<Option<X509Certificate<'a>>>,
    ders: &'a [CertificateDer<'static>],
    trusted: Vec<(X509Certificate<'a>, &'a CertificateDer<'static>)>,
    looked_at: Vec<bool>,
    issuers: Vec<Option<&'a CertificateDer<'static>>>,
}

impl<'a> Way<'a> {
    pub(super) fn new(
        chain: &'a [CertificateDer<'static>],
        trusted: &'a [CertificateDer<'static>],
    ) -> Self {
        let parse = |der: &'a CertificateDer<'static>| {
            let parsed = x509_parser::parse_x509_certificate(der).ok();
            parsed.map(|(_, certificate)| certificate)
        };
        Self {
            chain: chain.iter().map(parse).collect(),
            ders: chain,
            trusted: trusted
                .iter()
                .filter_map(|der| Some((parse(der)?, der)))
                .collect(),
            looked_at: vec![false; chain.len()],
            issuers: vec![None; chain.len()],
        }
    }

    /// Goes up from the leaf.
    pub(super) fn follow(&mut self) {
        let _ = self.leads(0);
    }

    /// Each certificate on the way with its issuer.
    pub(super) fn found(
        &self,
    ) -> impl Iterator<Item = (&CertificateDer<'static>, &CertificateDer<'static>)> {
        let pairs = self.ders.iter().zip(&self.issuers);
        pairs.filter_map(|(der, issuer)| Some((der, (*issuer)?)))
    }

    /// Whether this certificate leads to an anchor. Each is looked at once, so circles end, and so does the work.
    fn leads(&mut self, index: usize) -> bool {
        match self.looked_at.get_mut(index) {
            Some(looked_at) if !*looked_at => *looked_at = true,
            _ => return self.issuer(index).is_some(),
        }
        let mut anchors = self.trusted.iter();
        let anchor = anchors.find(|(anchor, _)| self.issued(index, anchor));
        let mut issuer = anchor.map(|(_, der)| *der);
        for other in 0..self.chain.len() {
            if issuer.is_some() {
                break;
            }
            let candidate = self.chain.get(other).and_then(Option::as_ref);
            if other != index
                && candidate.is_some_and(|candidate| self.issued(index, candidate))
                && self.leads(other)
            {
                issuer = self.ders.get(other);
            }
        }
        if let Some(place) = self.issuers.get_mut(index) {
            *place = issuer;
        }
        issuer.is_some()
    }

    fn issuer(&self, index: usize) -> Option<&'a CertificateDer<'static>> {
        self.issuers.get(index).copied().flatten()
    }

    fn issued(&self, index: usize, issuer: &X509Certificate<'_>) -> bool {
        let certificate = self.chain.get(index).and_then(Option::as_ref);
        certificate.is_some_and(|certificate| is_issued_by(certificate, issuer))
    }
}

/// Whether the response is signed by the issuer of the certificate that it is about, or by somebody to whom that issuer
/// delegated it. Whether the delegate's own certificate is revoked is not asked: its issuer gives it a short life instead.
pub(super) fn verify(
    basic: &Basic<'_>,
    issuer: &CertificateDer<'_>,
    now_us: i64,
) -> Result<(), OcspError> {
    let (rest, algorithm) =
        AlgorithmIdentifier::from_der(basic.signature).map_err(|_| OcspError::Malformed)?;
    let (rest, signature) = BitString::from_der(rest).map_err(|_| OcspError::Malformed)?;
    if signature.unused_bits != 0 || is_sha1(&algorithm) {
        return Err(OcspError::Signature);
    }
    let right = |key: &SubjectPublicKeyInfo<'_>| match verify_signature(
        key,
        &algorithm,
        &signature,
        basic.signed,
    ) {
        Ok(()) => Ok(()),
        Err(_) => Err(OcspError::Signature),
    };
    let (_, issuer) =
        x509_parser::parse_x509_certificate(issuer).map_err(|_| OcspError::Malformed)?;
    if basic.responder.is(&issuer) {
        return right(issuer.public_key());
    }
    let Some((certificates, _)) = context(rest, 0) else {
        return Err(OcspError::Signer);
    };
    let (mut certificates, _) = sequence(certificates).ok_or(OcspError::Malformed)?;
    for _ in 0..MOST_CERTIFICATES {
        let Ok((rest, certificate)) = X509Certificate::from_der(certificates) else {
            break;
        };
        if basic.responder.is(&certificate) && may_answer(&certificate, &issuer, now_us) {
            return right(certificate.public_key());
        }
        certificates = rest;
    }
    Err(OcspError::Signer)
}

impl Responder<'_> {
    fn is(&self, certificate: &X509Certificate<'_>) -> bool {
        match self {
            Self::Name(name) => *name == certificate.subject().as_raw(),
            Self::Key(key) => sha1(&certificate.public_key().subject_public_key.data)
                .is_some_and(|ours| *key == ours),
        }
    }
}

/// The issuer itself signed it and says that it is for OCSP (RFC 6960 section 4.2.2.2), and it is valid.
fn may_answer(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    now_us: i64,
) -> bool {
    let for_ocsp =
        matches!(certificate.extended_key_usage(), Ok(Some(usage)) if usage.value.ocsp_signing);
    let now_s = now_us.div_euclid(1_000_000);
    let validity = certificate.validity();
    for_ocsp
        && validity.not_before.timestamp() <= now_s
        && now_s <= validity.not_after.timestamp()
        && is_issued_by(certificate, issuer)
}

fn is_issued_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == issuer.subject().as_raw()
        && !is_sha1(&certificate.signature_algorithm)
        && certificate
            .verify_signature(Some(issuer.public_key()))
            .is_ok()
}

fn is_sha1(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    [OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA].contains(&algorithm.algorithm)
}
