//! What a client's certificate chain may be before anything in it is trusted: so many certificates, with keys of
//! such sizes. The rest is webpki's, once per chain.

use std::fmt;
use std::sync::Arc;

use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::der::{
    BIT_STRING, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, element, public_key_of_certificate,
};
use super::known::{ChainDigest, KnownChains};
use rustls::client::danger::HandshakeSignatureValid;

/// The longest chain, leaf and root included. Real ones have two to four.
const LONGEST_CHAIN: usize = 10;
/// The RSA keys that are taken, in bits. A shorter one can be broken; verifying with a longer one is an attack on
/// this server's time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// rsaEncryption (RFC 8017 appendix C), as the content of the DER object identifier.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Why a chain is not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// So many certificates.
    TooLong(usize),
    /// A RSA key of so many bits.
    KeySize(usize),
    /// The certificate's public key cannot be read.
    Unreadable,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(count) => write!(f, "it has {count} certificates"),
            Self::KeySize(bits) => write!(f, "an RSA key has {bits} bits"),
            Self::Unreadable => f.write_str("a public key cannot be read"),
        }
    }
}

impl std::error::Error for Unfit {}

/// Looks at sizes first, then hands on a chain that is not known yet.
#[derive(Debug)]
pub(super) struct Bounded {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// What the verifier's trust anchors were found to vouch for.
    pub(super) known: Arc<KnownChains>,
}

impl ClientCertVerifier for Bounded {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        check(end_entity, intermediates).map_err(|unfit| {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(unfit))))
        })?;
        let digest = ChainDigest::of(end_entity, intermediates);
        if self
            .known
            .vouch_for(&digest, end_entity, intermediates, now)
        {
            return Ok(ClientCertVerified::assertion());
        }
        let verified = self
            .verifier
            .verify_client_cert(end_entity, intermediates, now)?;
        self.known.remember(&digest);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn check(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<(), Unfit> {
    let count = intermediates.len().saturating_add(1);
    if count > LONGEST_CHAIN {
        return Err(Unfit::TooLong(count));
    }
    for certificate in std::iter::once(end_entity).chain(intermediates) {
        let key = public_key_of_certificate(certificate).ok_or(Unfit::Unreadable)?;
        match rsa_bits(key).ok_or(Unfit::Unreadable)? {
            Some(bits) if !RSA_BITS.contains(&bits) => return Err(Unfit::KeySize(bits)),
            _ => {}
        }
    }
    Ok(())
}

/// How many bits the modulus of an RSA key has; `Some(None)` for a key of another kind, `None` for one that is
/// damaged. `key` is the content of the SubjectPublicKeyInfo.
fn rsa_bits(key: &[u8]) -> Option<Option<usize>> {
    let (algorithm, rest) = element(key, SEQUENCE)?;
    let (algorithm, _) = element(algorithm, OBJECT_IDENTIFIER)?;
    if algorithm != RSA_ENCRYPTION {
        return Some(None);
    }
    let (bits, _) = element(rest, BIT_STRING)?;
    let (_unused, bits) = bits.split_first()?;
    let (numbers, _) = element(bits, SEQUENCE)?;
    let (modulus, _) = element(numbers, INTEGER)?;
    let first = modulus.iter().position(|octet| *octet != 0)?;
    let significant = modulus.get(first..)?;
    let leading = significant.first()?.leading_zeros();
    let bits = significant.len().checked_mul(8)?;
    Some(Some(bits.checked_sub(usize::try_from(leading).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content of a SubjectPublicKeyInfo with an RSA key of this modulus.
    fn spki(modulus: &[u8]) -> Vec<u8> {
        fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            [&[tag, 0x82], &length[..], content].concat()
        }
        let numbers = [wrap(INTEGER, modulus), wrap(INTEGER, &[1, 0, 1])].concat();
        let key = [vec![0], wrap(SEQUENCE, &numbers)].concat();
        let algorithm = wrap(SEQUENCE, &wrap(OBJECT_IDENTIFIER, RSA_ENCRYPTION));
        [algorithm, wrap(BIT_STRING, &key)].concat()
    }

    #[test]
    fn the_bits_of_an_rsa_key_are_counted() {
        for (modulus, bits) in [
            ([&[0, 0x80][..], &[0; 127]].concat(), 1024),
            ([&[0, 0xff][..], &[0; 255]].concat(), 2048),
            ([&[0, 0x80][..], &[0; 511]].concat(), 4096),
            ([&[1][..], &[0; 512]].concat(), 4097),
        ] {
            assert_eq!(rsa_bits(&spki(&modulus)), Some(Some(bits)));
        }
        assert_eq!(rsa_bits(&[]), None);
        assert_eq!(rsa_bits(&spki(&[0, 0])), None, "no modulus");
    }
}
