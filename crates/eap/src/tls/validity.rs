//! A certificate's validity, for resumed sessions: rustls verifies nothing then.

use std::time::Duration;

use rustls_pki_types::CertificateDer;

use super::der::{SEQUENCE, element, from_validity};

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Days of a year that begins with March before each month, which counts from 1.
const DAYS_BEFORE_FROM_MARCH: [i64; 13] =
    [0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275];
/// From the first of March of year 0 to the first of January 1970, and one, for days count from 1.
const DAYS_BEFORE_THE_EPOCH: i64 = 719_469;

/// Checks that every certificate is within its validity. The error is a clause for a sentence.
pub(crate) fn check_validity(
    chain: &[CertificateDer<'_>],
    unix_time: Duration,
) -> Result<(), String> {
    let now = i64::try_from(unix_time.as_secs()).unwrap_or(i64::MAX);
    for certificate in chain {
        let (not_before, not_after) = validity(certificate.as_ref())
            .ok_or_else(|| "its validity cannot be read".to_owned())?;
        if now < not_before {
            return Err(format!(
                "it becomes valid in {} seconds",
                not_before.saturating_sub(now)
            ));
        }
        if now > not_after {
            return Err(format!(
                "it expired {} seconds ago",
                now.saturating_sub(not_after)
            ));
        }
    }
    Ok(())
}

/// notBefore and notAfter in seconds since the Unix epoch.
fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let fields = from_validity(certificate)?;
    let (validity, _) = element(fields, SEQUENCE)?;
    let (not_before, rest) = time(validity)?;
    let (not_after, _) = time(rest)?;
    Some((not_before, not_after))
}

fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    if let Some((text, rest)) = element(bytes, UTC_TIME) {
        let (year, text) = number(text, 2)?;
        // RFC 5280 section 4.1.2.5.1: 50 to 99 are of the last century.
        let century = if year >= 50 { 1900 } else { 2000 };
        return Some((seconds(year.checked_add(century)?, text)?, rest));
    }
    let (text, rest) = element(bytes, GENERALIZED_TIME)?;
    let (year, text) = number(text, 4)?;
    Some((seconds(year, text)?, rest))
}

/// Seconds since the Unix epoch of a year and `MMDDHHMMSSZ`.
fn seconds(year: i64, text: &[u8]) -> Option<i64> {
    let (month, text) = number(text, 2)?;
    let (day, text) = number(text, 2)?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text, 2)?;
    let (second, text) = number(text, 2)?;
    if text != b"Z" || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days by the civil calendar, counting years from March so that leap days come last.
    let years = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let before_month = *DAYS_BEFORE_FROM_MARCH.get(usize::try_from(month).ok()?)?;
    let days = years
        .checked_mul(365)?
        .checked_add(years.div_euclid(4))?
        .checked_sub(years.div_euclid(100))?
        .checked_add(years.div_euclid(400))?
        .checked_add(before_month)?
        .checked_add(day)?
        .checked_sub(DAYS_BEFORE_THE_EPOCH)?;
    let hours = days.checked_mul(24)?.checked_add(hour)?;
    let minutes = hours.checked_mul(60)?.checked_add(minute)?;
    minutes.checked_mul(60)?.checked_add(second)
}

fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    let value = digits.iter().try_fold(0, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| i64::from(digit & 0x0f))
            .and_then(|digit| i64::checked_mul(sum, 10)?.checked_add(digit))
    })?;
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let utc = |text: &[u8; 13]| {
            let mut der = vec![UTC_TIME, 13];
            der.extend(text);
            time(&der).map(|(seconds, _)| seconds)
        };
        assert_eq!(utc(b"700101000000Z"), Some(0));
        assert_eq!(utc(b"000229235959Z"), Some(951_868_799));
        assert_eq!(utc(b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(utc(b"260315123456Z"), Some(1_773_578_096));
        assert_eq!(utc(b"261315123456Z"), None);
        assert_eq!(utc(b"26031512345 Z"), None);
        let mut der = vec![GENERALIZED_TIME, 15];
        der.extend(b"99991231235959Z");
        assert_eq!(
            time(&der).map(|(seconds, _)| seconds),
            Some(253_402_300_799)
        );
    }

    #[test]
    fn garbage_has_no_validity() {
        assert_eq!(validity(&[]), None);
        assert_eq!(validity(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(validity(&[0x30, 0x80, 0, 0]), None);
        // CVE-2012-3547: a time of any length.
        for length in [0, 1, 12, 14, 127] {
            for tag in [UTC_TIME, GENERALIZED_TIME] {
                let der = [vec![tag, length], vec![b'9'; usize::from(length)]].concat();
                assert_eq!(time(&der), None, "{length}");
            }
        }
    }
}
