//! Until when a device may be used: `30d`, `2027-01-31` (that day included), `never`.

use jiff::{Zoned, civil::Date, tz::TimeZone};
use nac_store::now_us;

use crate::config::parse_duration;

/// The moment, in microseconds since the Unix epoch; `None` for never.
pub(in crate::cli) fn parse_expiry(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() || text == "never" {
        return Ok(None);
    }
    if let Ok(date) = text.parse::<Date>() {
        let wrong = |_| format!("\"{text}\" is no day of the calendar");
        let end = date.tomorrow().map_err(wrong)?;
        let end: Zoned = end.to_zoned(TimeZone::system()).map_err(wrong)?;
        return Ok(Some(end.timestamp().as_microsecond()));
    }
    let duration = parse_duration(text).map_err(|_| {
        format!(
            "\"{}\" is no time: write 30d, 2027-01-31 or never",
            text.escape_debug()
        )
    })?;
    let micros = i64::try_from(duration.as_micros()).ok();
    let end = micros.and_then(|micros| now_us().checked_add(micros));
    end.map(Some)
        .ok_or_else(|| format!("\"{text}\" is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_a_day_and_never_are_understood() {
        assert_eq!(parse_expiry("never"), Ok(None));
        assert_eq!(parse_expiry(" "), Ok(None));
        let month = parse_expiry("30d").expect("a length").expect("an end");
        assert!((month - now_us() - 30 * 86_400_000_000).abs() < 60_000_000);
        let first = parse_expiry("2027-01-31").expect("a day").expect("an end");
        let second = parse_expiry("2027-02-01").expect("a day").expect("an end");
        assert_eq!(second - first, 86_400_000_000);
        for text in ["soon", "2027-13-01", "99999999999999999d"] {
            assert!(parse_expiry(text).is_err(), "{text}");
        }
    }
}
