//! Reading PEM files that administrators hand us (RFC 7468).

use rustls_pki_types::pem::{Error, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::PkiError;

/// Reads every certificate of a PEM text, in the order of the file. Other blocks and text between the
/// blocks are skipped.
///
/// # Errors
/// [`PkiError::NoCertificate`] when there is none, [`PkiError::Pem`] when the armour is damaged.
pub fn pem_certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, PkiError> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| damaged(&error))?;
    if certificates.is_empty() {
        Err(PkiError::NoCertificate)
    } else {
        Ok(certificates)
    }
}

/// Reads the first private key of a PEM text: PKCS #8, PKCS #1 (RSA) or SEC1 (EC).
///
/// # Errors
/// [`PkiError::NoKey`], [`PkiError::EncryptedKey`], or [`PkiError::Pem`] when the armour is damaged.
pub fn pem_key(pem: &str) -> Result<PrivateKeyDer<'static>, PkiError> {
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(_) if pem.contains("Proc-Type: 4,ENCRYPTED") => Err(PkiError::EncryptedKey),
        Ok(key) => Ok(key),
        Err(_) if is_encrypted(pem) => Err(PkiError::EncryptedKey),
        Err(Error::NoItemsFound) => Err(PkiError::NoKey),
        Err(error) => Err(damaged(&error)),
    }
}

/// PKCS #8 has a block type of its own for encrypted keys; the older forms announce it in a header
/// (RFC 1421), which is not base64.
fn is_encrypted(pem: &str) -> bool {
    pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED")
}

/// The library's own texts quote whole lines, which in a key file may be the key. Say less.
fn damaged(error: &Error) -> PkiError {
    PkiError::Pem(
        match error {
            Error::MissingSectionEnd { .. } => "a block has no \"-----END …-----\" line",
            Error::IllegalSectionStart { .. } => "a \"-----BEGIN …-----\" line is malformed",
            Error::Base64Decode(_) => "a block is not valid base64",
            _ => "it cannot be read",
        }
        .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_says_so() {
        assert_eq!(pem_certificates(""), Err(PkiError::NoCertificate));
        assert_eq!(pem_certificates("hello\n"), Err(PkiError::NoCertificate));
        assert_eq!(pem_key("").err(), Some(PkiError::NoKey));
    }

    #[test]
    fn a_damaged_file_is_told_from_an_empty_one_and_quotes_nothing_of_it() {
        let cut = "-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n";
        let error = pem_key(cut).expect_err("has no end line");
        assert!(matches!(error, PkiError::Pem(_)), "{error:?}");
        assert!(!error.to_string().contains("SECRET"));
        let cut = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(pem_certificates(cut), Err(PkiError::Pem(_))));
    }

    #[test]
    fn an_encrypted_key_is_named_as_such() {
        let pkcs8 =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(pem_key(pkcs8).err(), Some(PkiError::EncryptedKey));
        let sec1 = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(pem_key(sec1).err(), Some(PkiError::EncryptedKey));
    }
}
