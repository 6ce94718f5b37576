//! Shared secrets: making good ones and refusing bad ones.

use zeroize::Zeroizing;

/// Characters that survive every switch's command line and every configuration file.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// RFC 2865 section 3 asks for at least 16 octets.
const SHORTEST: usize = 16;

/// Words that are tried first by whoever has captured a packet.
const WELL_KNOWN: [&str; 16] = [
    "testing123",
    "radius",
    "secret",
    "cisco",
    "password",
    "passw0rd",
    "changeme",
    "admin",
    "test",
    "aruba",
    "juniper",
    "whatever",
    "sharedsecret",
    "12345678",
    "qwerty",
    "letmein",
];

/// The length of a shared secret that is made here, in characters: some switches take no more than 32.
pub const GENERATED_LENGTH: usize = 32;

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct NoRandomness;

impl From<NoRandomness> for crate::web::Failure {
    fn from(error: NoRandomness) -> Self {
        tracing::error!(%error, "no secret can be made");
        Self::Unavailable
    }
}

/// Makes a random text of letters and digits, about six bits to the character.
///
/// # Errors
///
/// [`NoRandomness`].
pub fn generate(length: usize) -> Result<Zeroizing<String>, NoRandomness> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| NoRandomness)?;
        // Bytes above the largest multiple of 62 would favour the first letters.
        let letters = bytes.iter().filter(|byte| **byte < 248);
        for byte in letters.take(length - text.len()) {
            text.push(char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        }
    }
    Ok(text)
}

/// Why a shared secret is easy to guess, if it is.
pub fn weakness(secret: &str) -> Option<String> {
    let lower = secret.to_lowercase();
    let length = secret.chars().count();
    let first = lower.chars().next();
    if WELL_KNOWN.contains(&lower.as_str()) {
        return Some("it is one that everybody tries first".to_owned());
    }
    if lower.chars().all(|character| Some(character) == first) {
        return Some("it repeats one character".to_owned());
    }
    let repeated = |word: &&&str| lower.replace(**word, "").is_empty();
    if let Some(word) = WELL_KNOWN.iter().find(repeated) {
        return Some(format!("it repeats the word {word}"));
    }
    if length < SHORTEST {
        return Some(format!(
            "it has {length} characters, and fewer than {SHORTEST} can be guessed from one captured packet"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_are_strong_and_differ() {
        let one = generate(32).unwrap();
        let two = generate(32).unwrap();
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
        assert_eq!(weakness(&one), None);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn short_and_well_known_secrets_are_weak() {
        for secret in [
            "",
            "testing123",
            "Cisco",
            "short",
            "aaaaaaaaaaaaaaaaaaaaaa",
            "secretsecretsecret",
        ] {
            assert!(weakness(secret).is_some(), "{secret}");
        }
        assert_eq!(weakness("xyzzy5461-and-then-some"), None);
    }
}
