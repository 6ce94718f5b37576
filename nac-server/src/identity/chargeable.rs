//! Chargeable-User-Identity (RFC 4372): a name for the user that is always the same and tells nobody who it is, for a NAS or a proxy
//! that counts users whose names stay in the tunnel.

use aws_lc_rs::hmac;
use nac_policy::IdentityKind;
use nac_store::{Store, StoreError};

/// Octets of the HMAC that make the name; as hexadecimal digits, twice as many.
const LENGTH: usize = 16;

/// Makes the names. A restart and another node make the same ones.
#[derive(Debug)]
pub struct ChargeableIdentities {
    key: hmac::Key,
}

impl ChargeableIdentities {
    /// With the key that this database's sealing key gives.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] when the store was opened without its sealing key.
    pub fn new(store: &Store) -> Result<Self, StoreError> {
        let key = store.derived_key("radius.chargeable-user-identity")?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()),
        })
    }

    /// The name of an identity: 32 hexadecimal digits. A user and a device of the same name have different ones.
    pub fn of(&self, kind: IdentityKind, name: &str) -> String {
        let identity = format!("{kind} {}", name.to_lowercase());
        let tag = hmac::sign(&self.key, identity.as_bytes());
        hex::encode(tag.as_ref().get(..LENGTH).unwrap_or_default())
    }
}
