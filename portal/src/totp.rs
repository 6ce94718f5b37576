//! Codes of authenticator apps (TOTP, RFC 6238): six digits, 30 seconds, SHA-1, which is what every app can do. Administrators sign in
//! to the pages with them, and users to the network.
//!
//! *Invariant*: what is right here may have been used before. Who checks remembers the step, and takes none twice (section 5.2).

use nac_store::{SealedError, SecretBytes, Store, StoreError, now_us};
use qrcode::QrCode;
use qrcode::render::{svg, unicode};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

/// The digits of a code.
pub const DIGITS: usize = 6;
/// The name in front of the account's in authenticator apps.
const ISSUER: &str = "nac";
/// RFC 4226 section 4 asks for 128 bits at least and recommends 160.
const SECRET_OCTETS: usize = 20;

/// A new secret. `None` when the operating system has no randomness.
pub fn new_secret() -> Option<SecretBytes> {
    let mut octets = Zeroizing::new([0_u8; SECRET_OCTETS]);
    aws_lc_rs::rand::fill(&mut *octets).ok()?;
    Some(SecretBytes::new(*octets))
}

/// The time step whose code this is, the present one or one beside it (RFC 6238 section 5.2); `now_s` is in seconds since the
/// Unix epoch. `None` when it is none of them, or no code at all.
pub fn check(secret: &[u8], code: &str, now_s: u64) -> Option<i64> {
    if code.len() != DIGITS || !code.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let step = totp("", secret)?.check(code, now_s)?;
    i64::try_from(step).ok()
}

/// The code of a moment, in seconds since the Unix epoch: for tests and probes.
pub fn code(secret: &[u8], at_s: u64) -> Option<String> {
    Some(totp("", secret)?.generate(at_s).to_string())
}

/// The secret as people type it into an app.
pub fn base32(secret: &SecretBytes) -> Zeroizing<String> {
    Zeroizing::new(
        Secret::from(secret.expose())
            .to_base32()
            .as_str()
            .to_owned(),
    )
}

/// What an app takes: `otpauth://totp/…`, with the account's name.
pub fn url(name: &str, secret: &[u8]) -> Option<Zeroizing<String>> {
    Some(Zeroizing::new(totp(name, secret)?.to_url().ok()?))
}

/// A text as a QR code for a page.
pub fn qr_svg(text: &str) -> Option<String> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    let mut svg = code.render::<svg::Color<'_>>();
    Some(svg.min_dimensions(200, 200).build())
}

/// A text as a QR code for a terminal, which is dark behind it more often than not.
pub fn qr_text(text: &str) -> Option<String> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    let mut blocks = code.render::<unicode::Dense1x2>();
    Some(
        blocks
            .dark_color(unicode::Dense1x2::Light)
            .light_color(unicode::Dense1x2::Dark)
            .build(),
    )
}

/// A user's new secret, which is shown once.
#[derive(Debug)]
pub struct Enrolled {
    /// The user's name.
    pub user: String,
    /// The secret in base32, to type.
    pub secret: Zeroizing<String>,
    /// What the app takes from a QR code.
    pub url: Zeroizing<String>,
}

/// Has a user show the code of an authenticator app from now on, whose secret this is. One that the user had before is good no longer.
///
/// # Errors
///
/// [`StoreError::NotFound`] without such a user; [`StoreError::Sealed`] without randomness or a sealing key.
pub async fn enrol(store: &Store, name: &str) -> Result<Enrolled, StoreError> {
    let user = store.user_fetch(name).await?.name;
    let secret = new_secret().ok_or(SealedError::NoRandomness)?;
    let url = url(&user, secret.expose()).ok_or_else(|| StoreError::Invalid {
        what: format!("an authenticator app cannot take the name {user}"),
    })?;
    store.user_set_totp(&user, Some(&secret)).await?;
    Ok(Enrolled {
        secret: base32(&secret),
        user,
        url,
    })
}

/// The present moment, in seconds since the Unix epoch.
pub fn now_s() -> u64 {
    u64::try_from(now_us() / 1_000_000).unwrap_or_default()
}

fn totp(name: &str, secret: &[u8]) -> Option<Totp> {
    // A colon separates issuer and account in the app's address.
    let account = name.replace(':', " ");
    Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(account)
        .with_issuer(Some(ISSUER))
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238 appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_rfc_6238_appendix_b() {
        for (at_s, digits) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, at_s).as_deref(), Some(digits));
            assert_eq!(check(SECRET, digits, at_s), Some((at_s / 30) as i64));
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let at_s = 1_234_567_890;
        let digits = code(SECRET, at_s).unwrap();
        for (now_s, right) in [
            (at_s - 60, false),
            (at_s - 30, true),
            (at_s + 30, true),
            (at_s + 60, false),
        ] {
            assert_eq!(check(SECRET, &digits, now_s).is_some(), right, "{now_s}");
        }
    }

    #[test]
    fn what_is_not_six_digits_is_no_code() {
        for text in [
            "",
            "28708",
            "2870822",
            "28708a",
            "٢٨٧٠٨٢",
            " 87082",
            "+87082",
        ] {
            assert_eq!(check(SECRET, text, 59), None, "{text}");
        }
        assert_eq!(check(b"short", "287082", 59), None);
    }

    #[test]
    fn an_app_reads_the_address_and_a_colon_in_a_name_does_no_harm() {
        let secret = new_secret().unwrap();
        let url = url("corp:alice", secret.expose()).unwrap();
        assert!(
            url.starts_with("otpauth://totp/nac:corp%20alice?secret="),
            "{}",
            *url
        );
        assert!(url.contains(&*base32(&secret)));
        assert!(qr_svg(&url).unwrap().contains("<svg"));
        assert!(qr_text(&url).unwrap().lines().count() > 20);
    }
}
