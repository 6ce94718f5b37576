//! Secrets at rest: AES-256-GCM with the place of the value as associated data.
//!
//! A sealed value is one version octet, a random 96-bit nonce, the ciphertext and the 128-bit tag. The associated data is
//! `table/column/row`, so a ciphertext that somebody copies to another row or column does not open there.

use std::{
    fmt,
    io::{Read, Write},
    path::Path,
    sync::Arc,
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::{StoreError, error::SealedError};

const KEY_LEN: usize = 32;
const VERSION: u8 = 1;
/// A key file is 45 octets; anything much longer is some other file.
const KEY_FILE_MAX: u64 = 1024;

/// Bytes that nobody should see: wiped when dropped, never printed, never serialised.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes of a secret.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for the one place that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(<hidden>)")
    }
}

/// The key that seals the secret columns. It lives in a file or a systemd credential, never in the database.
#[derive(Clone)]
pub struct SealingKey {
    bytes: Zeroizing<[u8; KEY_LEN]>,
    cipher: Arc<RandomizedNonceKey>,
}

impl SealingKey {
    /// A new random key.
    ///
    /// # Errors
    ///
    /// [`SealedError::NoRandomness`] when the system has none to give.
    pub fn generate() -> Result<Self, SealedError> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| SealedError::NoRandomness)?;
        Self::from_bytes(bytes.as_slice())
    }

    /// The key with these 32 bytes.
    ///
    /// # Errors
    ///
    /// [`SealedError::KeyForm`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealedError> {
        let bytes: [u8; KEY_LEN] = bytes.try_into().map_err(|_| SealedError::KeyForm)?;
        let bytes = Zeroizing::new(bytes);
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice())
            .map_err(|_| SealedError::KeyForm)?;
        Ok(Self {
            bytes,
            cipher: Arc::new(cipher),
        })
    }

    /// The key in one line of base64, as a key file or an environment variable holds it.
    ///
    /// # Errors
    ///
    /// [`SealedError::KeyForm`] when it is not base64 of 32 bytes.
    pub fn from_text(text: &str) -> Result<Self, SealedError> {
        let bytes = Zeroizing::new(
            STANDARD
                .decode(text.trim())
                .map_err(|_| SealedError::KeyForm)?,
        );
        Self::from_bytes(&bytes)
    }

    /// Reads a key file.
    ///
    /// # Errors
    ///
    /// [`SealedError::KeyFile`] when it cannot be read, when others than its owner may read it, or when it is no key.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SealedError> {
        let path = path.as_ref();
        let fault = |why: String| SealedError::KeyFile {
            path: path.to_owned(),
            why,
        };
        let file = std::fs::File::open(path).map_err(|error| {
            fault(format!(
                "{error}; it is made by `nac init`, and a restore needs it too"
            ))
        })?;
        let metadata = file.metadata().map_err(|error| fault(error.to_string()))?;
        if let Some(mode) = readable_by_others(&metadata) {
            let path = path.display();
            return Err(fault(format!(
                "others may read it (mode {mode:o}); run `chmod 600 {path}`"
            )));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(KEY_FILE_MAX)
            .read_to_string(&mut text)
            .map_err(|error| fault(error.to_string()))?;
        Self::from_text(&text).map_err(|error| fault(error.to_string()))
    }

    /// Writes the key to a new file that only its owner may read.
    ///
    /// # Errors
    ///
    /// [`SealedError::KeyFile`] when the file exists already or cannot be written.
    pub fn write_new(&self, path: impl AsRef<Path>) -> Result<(), SealedError> {
        let path = path.as_ref();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut text = Zeroizing::new(STANDARD.encode(self.bytes.as_slice()));
        text.push('\n');
        options
            .open(path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .map_err(|error| SealedError::KeyFile {
                path: path.to_owned(),
                why: error.to_string(),
            })
    }

    pub(crate) fn seal(&self, at: Cell<'_>, secret: &[u8]) -> Result<Vec<u8>, SealedError> {
        let mut body = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        body.extend_from_slice(secret);
        let sealed = self
            .cipher
            .seal_in_place_append_tag(Aad::from(at.to_string()), &mut body);
        let Ok(nonce) = sealed else {
            body.zeroize();
            return Err(SealedError::NoRandomness);
        };
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// A key for another purpose, 32 octets; neither this key nor another purpose's can be computed from it.
    pub fn derived_key(&self, purpose: &str) -> SecretBytes {
        SecretBytes::new(self.derive(&format!("derived/{purpose}")))
    }

    /// A key for another purpose, from which this one cannot be computed.
    pub(crate) fn derive(&self, purpose: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_slice());
        hmac::sign(&key, purpose.as_bytes()).as_ref().to_vec()
    }

    pub(crate) fn unseal(&self, at: Cell<'_>, sealed: &[u8]) -> Result<SecretBytes, SealedError> {
        let fault = || SealedError::WrongKey {
            what: at.to_string(),
        };
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(fault());
        };
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(fault)?;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self
            .cipher
            .open_in_place(nonce, Aad::from(at.to_string()), body.as_mut_slice())
            .map_err(|_| fault())?;
        Ok(SecretBytes::new(&*plain))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(<hidden>)")
    }
}

/// Where a sealed value belongs. Its text form is the associated data.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: &'a dyn fmt::Display,
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.table, self.column, self.row)
    }
}

impl crate::Store {
    /// A key for another purpose, 32 octets; neither the sealing key nor another purpose's can be computed from it.
    ///
    /// # Errors
    ///
    /// [`SealedError::NoKey`] when the store was opened without a sealing key.
    pub fn derived_key(&self, purpose: &str) -> Result<SecretBytes, StoreError> {
        let key = self.sealing_key().ok_or(SealedError::NoKey)?;
        Ok(key.derived_key(purpose))
    }

    pub(crate) fn seal(&self, at: Cell<'_>, secret: &SecretBytes) -> Result<Vec<u8>, StoreError> {
        let key = self.sealing_key().ok_or(SealedError::NoKey)?;
        Ok(key.seal(at, secret.expose())?)
    }

    pub(crate) fn unseal(&self, at: Cell<'_>, sealed: &[u8]) -> Result<SecretBytes, StoreError> {
        let key = self.sealing_key().ok_or(SealedError::NoKey)?;
        Ok(key.unseal(at, sealed)?)
    }
}

#[cfg(unix)]
fn readable_by_others(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(row: &'static &'static str) -> Cell<'static> {
        Cell {
            table: "client",
            column: "secret",
            row,
        }
    }

    #[test]
    fn a_sealed_value_opens_only_where_it_was_put() {
        let key = SealingKey::generate().unwrap();
        let sealed = key.seal(at(&"one"), b"testing123").unwrap();
        assert_eq!(
            key.unseal(at(&"one"), &sealed).unwrap().expose(),
            b"testing123"
        );
        assert!(key.unseal(at(&"two"), &sealed).is_err());
        let other = Cell {
            column: "cleartext",
            ..at(&"one")
        };
        assert!(key.unseal(other, &sealed).is_err());
        assert!(
            SealingKey::generate()
                .unwrap()
                .unseal(at(&"one"), &sealed)
                .is_err()
        );
    }

    #[test]
    fn a_changed_or_cut_value_opens_nowhere() {
        let key = SealingKey::generate().unwrap();
        let sealed = key.seal(at(&"one"), b"testing123").unwrap();
        for length in 0..sealed.len() {
            assert!(
                key.unseal(at(&"one"), &sealed[..length]).is_err(),
                "{length}"
            );
        }
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.unseal(at(&"one"), &changed).is_err(), "{index}");
        }
    }

    #[test]
    fn the_same_secret_never_looks_the_same_twice() {
        let key = SealingKey::generate().unwrap();
        assert_ne!(
            key.seal(at(&"one"), b"x").unwrap(),
            key.seal(at(&"one"), b"x").unwrap()
        );
    }

    #[test]
    fn a_key_file_comes_back_and_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sealing.key");
        let key = SealingKey::generate().unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(SealingKey::from_file(&path).unwrap().bytes, key.bytes);
        assert!(matches!(
            key.write_new(&path),
            Err(SealedError::KeyFile { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_may_read_is_refused_with_the_fix() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sealing.key");
        SealingKey::generate().unwrap().write_new(&path).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let text = SealingKey::from_file(&path).unwrap_err().to_string();
            assert!(
                text.contains(&format!("chmod 600 {}", path.display())),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = SecretBytes::new(*b"testing123");
        assert_eq!(format!("{secret:?}"), "SecretBytes(<hidden>)");
        assert_eq!(
            format!("{:?}", SealingKey::generate().unwrap()),
            "SealingKey(<hidden>)"
        );
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert_eq!(
            SealingKey::from_bytes(&[0; 16]).unwrap_err(),
            SealedError::KeyForm
        );
        assert_eq!(
            SealingKey::from_text("not base64!").unwrap_err(),
            SealedError::KeyForm
        );
    }
}
