//! From a verified client certificate to an identity.

use nac_pki::CertificateFacts;
use nac_policy::IdentityKind;

use crate::reason::Refusal;

/// Reads the leaf of a chain that TLS has verified: a device when the certificate asserts a device id, else a user.
///
/// # Errors
/// A certificate that cannot be read or that names nobody.
pub fn from_chain(leaf: &[u8]) -> Result<(IdentityKind, String, CertificateFacts), Refusal> {
    let facts = CertificateFacts::read(leaf)
        .map_err(|error| Refusal::unreadable_certificate(&error.to_string()))?;
    if facts.device_id.is_some() {
        let name = facts
            .common_name
            .clone()
            .or_else(|| facts.device_id.clone());
        return Ok((IdentityKind::Device, name.unwrap_or_default(), facts));
    }
    match facts.user_name().map(str::to_owned) {
        Some(name) => Ok((IdentityKind::User, name, facts)),
        None => Err(Refusal::anonymous_certificate()),
    }
}
