//! From a verified client certificate to an identity.

use nac_pki::{CertificateFacts, NameKind};
use nac_policy::IdentityKind;
use nac_store::CertificateDetails;
use rustls_pki_types::CertificateDer;

use crate::reason::Refusal;
use crate::snapshot::Revocations;

/// The longest name that a RADIUS attribute holds.
const NAME_LIMIT: usize = 253;

/// Reads a chain that TLS has verified, leaf first: a device when the certificate asserts a device id, else the user whom
/// `names` find first.
///
/// # Errors
/// A certificate that cannot be read, that names nobody, or whose name cannot be used.
pub fn from_chain(
    chain: &[CertificateDer<'_>],
    revocations: &Revocations,
    names: &[NameKind],
) -> Result<(IdentityKind, String, CertificateDetails), Refusal> {
    let unreadable = |error: nac_pki::PkiError| Refusal::unreadable_certificate(&error.to_string());
    let leaf = chain.first().ok_or_else(Refusal::anonymous_certificate)?;
    let facts = CertificateFacts::read(leaf).map_err(unreadable)?;
    let way = revocations.way(chain).map_err(unreadable)?;
    let (kind, name) = match &facts.device_id {
        Some(id) => {
            let name = facts.common_name.as_ref().unwrap_or(id);
            (IdentityKind::Device, name.clone())
        }
        None => match facts.user_name_by(names) {
            Ok(Some(name)) => (IdentityKind::User, name.to_owned()),
            Ok(None) => return Err(Refusal::anonymous_certificate()),
            Err(kind) => return Err(Refusal::unusable_name(&kind.to_string())),
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
        way,
    };
    Ok((kind, name, details))
}
