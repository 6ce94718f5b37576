//! What can go wrong, each with the sentence that an administrator reads.

/// Why a certificate or a key could not be made, loaded or read. No variant carries key material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// The text holds no `BEGIN CERTIFICATE` block.
    #[error("there is no PEM certificate here (no \"-----BEGIN CERTIFICATE-----\" block)")]
    NoCertificate,
    /// The text holds no private key block.
    #[error("there is no PEM private key here (no \"-----BEGIN PRIVATE KEY-----\" block)")]
    NoKey,
    /// The private key is protected by a passphrase, which a server cannot type.
    #[error(
        "the private key is encrypted with a passphrase; store it decrypted, readable by the server only"
    )]
    EncryptedKey,
    /// The PEM armour itself is damaged.
    #[error("the PEM text is damaged: {0}")]
    Pem(String),
    /// The bytes are not a certificate (RFC 5280 section 4.1).
    #[error("the certificate cannot be read: {0}")]
    Malformed(&'static str),
    /// The certificate is larger than [`crate::MAX_CERTIFICATE_LEN`].
    #[error("the certificate has {0} bytes, more than the {max} allowed", max = crate::MAX_CERTIFICATE_LEN)]
    TooLong(usize),
    /// A certificate that should sign others has no CA basic constraint (RFC 5280 section 4.2.1.9).
    #[error(
        "this certificate is not one of a certificate authority (basicConstraints says CA:FALSE)"
    )]
    NotAnAuthority,
    /// The private key does not belong to the certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The authority's own validity does not reach the requested time.
    #[error("the certificate authority is not valid at this time, so it can issue nothing")]
    AuthorityExpired,
    /// The validity asked for is empty or lies outside what X.509 can express.
    #[error("a lifetime of {0} days is not possible")]
    Lifetime(u32),
    /// A name that cannot stand in a certificate.
    #[error("the name \"{name}\" cannot stand in a certificate: {why}")]
    Name {
        /// The offending name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The cryptographic library refused the work; the text is its own.
    #[error("the certificate could not be made: {0}")]
    Issue(String),
    /// The operating system gave no random bytes.
    #[error("the system's random number generator failed")]
    Random,
}

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> Self {
        Self::Issue(error.to_string())
    }
}
