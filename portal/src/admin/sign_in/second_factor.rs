//! The second factor beside a password: codes of an authenticator app (TOTP, RFC 6238), and backup codes for when it is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nac_store::{PasswordCredential, SecretBytes, Store};
use totp_rs::Secret;
use zeroize::Zeroizing;

use super::hash;
use crate::totp::{self, now_s};
use crate::web::Failure;

/// Backup codes of one set.
const CODES: usize = 10;
/// Crockford's alphabet: no I, L, O, U. Ten of them are 50 bits.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Checks a code of the app, or a backup code, and uses it up. Gives the method's name.
pub(super) async fn check(
    store: &Store,
    known: &PasswordCredential,
    code: &str,
) -> Result<Option<&'static str>, Failure> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let id = known.administrator.id;
    if digits.len() == 6 && digits.bytes().all(|octet| octet.is_ascii_digit()) {
        let Some(step) = totp::check(known.totp_secret.expose(), &digits, now_s()) else {
            return Ok(None);
        };
        let fresh = store.administrator_totp_use(id, step).await?;
        return Ok(fresh.then_some("password"));
    }
    let used = store
        .administrator_backup_code_use(id, &hash(&normal(&digits)))
        .await?;
    Ok(used.then_some("backup-code"))
}

/// A secret that somebody is putting into their app.
pub(crate) struct Enrolment {
    /// The secret in base32, to type or to send back with the form.
    pub(crate) secret: String,
    /// The QR code, SVG.
    pub(crate) qr: String,
}

impl Enrolment {
    /// A new secret.
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let secret = totp::new_secret().ok_or(Failure::Unavailable)?;
        Self::again(name, &totp::base32(&secret))
    }

    /// The QR code as a data URL holds it.
    pub(crate) fn qr_base64(&self) -> String {
        STANDARD.encode(&self.qr)
    }

    /// The same secret once more, after a mistyped code.
    pub(crate) fn again(name: &str, secret: &str) -> Result<Self, Failure> {
        let bytes = octets(secret)?;
        let qr = totp::url(name, bytes.expose())
            .and_then(|url| totp::qr_svg(&url))
            .ok_or(Failure::Unavailable)?;
        Ok(Self {
            secret: secret.to_owned(),
            qr,
        })
    }

    /// Checks the first code of the app; gives the secret.
    pub(crate) fn confirm(secret: &str, code: &str) -> Result<SecretBytes, Failure> {
        let bytes = octets(secret)?;
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if totp::check(bytes.expose(), &digits, now_s()).is_some() {
            return Ok(bytes);
        }
        Err(Failure::invalid(
            "code",
            "the code does not fit: type the one that the app shows now, and check that the phone's clock is right",
        ))
    }
}

fn octets(secret: &str) -> Result<SecretBytes, Failure> {
    Secret::try_from_base32(secret)
        .ok()
        .map(|secret| SecretBytes::new(secret.as_ref()))
        .filter(|secret| (16..=64).contains(&secret.expose().len()))
        .ok_or_else(|| Failure::invalid("secret", "the form lost its secret: open the link again"))
}

/// A set of backup codes, to be shown once.
pub(crate) struct BackupCodes(pub(crate) Vec<Zeroizing<String>>);

impl BackupCodes {
    /// Ten new ones, `ABCDE-FGHJK`.
    pub(crate) fn new() -> Result<Self, Failure> {
        (0..CODES)
            .map(|_| {
                let mut bytes = Zeroizing::new([0_u8; 10]);
                aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| Failure::Unavailable)?;
                let letters: String = bytes
                    .iter()
                    .map(|octet| char::from(ALPHABET[usize::from(octet % 32)]))
                    .collect();
                let (left, right) = letters.split_at(5);
                Ok(Zeroizing::new(format!("{left}-{right}")))
            })
            .collect::<Result<_, Failure>>()
            .map(Self)
    }

    /// What the store keeps of them.
    pub(crate) fn hashes(&self) -> Vec<String> {
        self.0.iter().map(|code| hash(&normal(code))).collect()
    }
}

/// A backup code as it is compared: without dashes, in capitals, with the letters that are mistaken for digits as digits.
fn normal(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_code_is_read_however_it_is_typed() {
        assert_eq!(normal("abcde-fghjk"), normal("ABCDE FGHJK"));
        assert_eq!(normal("o1l0i"), "01101");
    }

    #[test]
    fn the_apps_first_code_proves_that_it_has_the_secret() {
        let enrolment = Enrolment::new("alice").unwrap();
        assert!(enrolment.qr.contains("<svg"));
        let secret = octets(&enrolment.secret).unwrap();
        let code = totp::code(secret.expose(), now_s()).unwrap();
        assert!(Enrolment::confirm(&enrolment.secret, &code).is_ok());
        assert!(Enrolment::confirm(&enrolment.secret, "12345").is_err());
        assert!(Enrolment::confirm("AAAA", &code).is_err());
    }

    #[test]
    fn ten_backup_codes_are_ten_different_ones() {
        let codes = BackupCodes::new().unwrap();
        let mut hashes = codes.hashes();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), CODES);
    }
}
