//! Lengths of time as people write them: `90`, `15m`, `2h`, `1d12h`.

use std::time::Duration;

const UNITS: [(char, u64); 5] = [
    ('w', 604_800),
    ('d', 86_400),
    ('h', 3600),
    ('m', 60),
    ('s', 1),
];

/// Reads `90` (seconds), `15m`, `2h`, `30d`, `2w`, or a sum such as `1d12h`.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "\"{text}\" is no length of time; write a number with s, m, h, d or w, such as 2h or 30d"
        )
    };
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let (mut total, mut rest) = (0_u64, text.trim());
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.chars().next().ok_or_else(wrong)?;
        let (_, seconds) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(*seconds).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = tail.get(unit.len_utf8()..).unwrap_or_default();
    }
    Ok(Duration::from_secs(total))
}

/// Writes a length of time in its two largest units, such as `1d 12h`.
#[must_use]
pub fn describe_duration(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    let mut parts = Vec::new();
    for (name, size) in UNITS.into_iter().skip(1) {
        let count = seconds / size;
        seconds %= size;
        if count > 0 {
            parts.push(format!("{count}{name}"));
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.into_iter().take(2).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90", 90),
            ("15m", 900),
            ("2h", 7200),
            ("1d12h", 129_600),
            ("2w", 1_209_600),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "h",
            "2x",
            "-1",
            "2h3",
            "99999999999999999999h",
            "18446744073709551615w",
            "ü",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_are_written_in_two_units() {
        assert_eq!(describe_duration(Duration::from_secs(0)), "0s");
        assert_eq!(describe_duration(Duration::from_secs(61)), "1m 1s");
        assert_eq!(describe_duration(Duration::from_secs(90_061)), "1d 1h");
    }
}
