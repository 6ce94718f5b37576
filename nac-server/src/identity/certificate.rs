//! From a verified client certificate to an identity.

use nac_pki::CertificateFacts;
use nac_policy::IdentityKind;
use nac_store::CertificateDetails;

use crate::reason::Refusal;

/// The longest name that a RADIUS attribute holds.
const NAME_LIMIT: usize = 253;

/// Reads the leaf of a chain that TLS has verified: a device when the certificate asserts a device id, else a user.
///
/// # Errors
/// A certificate that cannot be read or that names nobody.
pub fn from_chain(leaf: &[u8]) -> Result<(IdentityKind, String, CertificateDetails), Refusal> {
    let facts = CertificateFacts::read(leaf)
        .map_err(|error| Refusal::unreadable_certificate(&error.to_string()))?;
    let (kind, name) = match &facts.device_id {
        Some(id) => {
            let name = facts.common_name.as_ref().unwrap_or(id);
            (IdentityKind::Device, name.clone())
        }
        None => match facts.user_name() {
            Some(name) => (IdentityKind::User, name.to_owned()),
            None => return Err(Refusal::anonymous_certificate()),
        },
    };
    if name.len() > NAME_LIMIT {
        return Err(Refusal::unreadable_certificate(
            "its name has more than 253 octets",
        ));
    }
    let details = CertificateDetails {
        serial: facts.serial,
        subject: facts.subject,
        spki_sha256: facts.spki_sha256,
        fingerprint_sha256: facts.fingerprint_sha256,
        device_id: facts.device_id,
        not_before_us: facts.not_before_us,
        not_after_us: facts.not_after_us,
    };
    Ok((kind, name, details))
}
