//! Filters as they stand in a URL: empty fields, words, moments.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use nac_store::now_us;

use crate::web::Failure;

/// What was written into a field; `None` when it was left empty.
pub(super) fn some(text: &Option<String>) -> Option<String> {
    text.as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// A word of a list, such as a state.
pub(super) fn word<T: FromStr>(
    field: &'static str,
    text: &Option<String>,
) -> Result<Option<T>, Failure>
where
    T::Err: std::fmt::Display,
{
    some(text)
        .map(|text| text.parse())
        .transpose()
        .map_err(|error: T::Err| Failure::invalid(field, error.to_string()))
}

/// A moment in the past: `90m`, `24h` and `7d` count back from now; a date, a date with a time, or RFC 3339 say it outright, in
/// the server's time zone where none is given. In microseconds since the Unix epoch.
pub(super) fn moment(field: &'static str, text: &Option<String>) -> Result<Option<i64>, Failure> {
    let Some(text) = some(text) else {
        return Ok(None);
    };
    read(&text)
        .map(Some)
        .ok_or_else(|| not_a_moment(field, &text))
}

/// An end: `8h` and `7d` count from now, the rest is as in [`moment`].
pub(super) fn end(field: &'static str, text: &Option<String>) -> Result<Option<i64>, Failure> {
    let Some(text) = some(text) else {
        return Ok(None);
    };
    let at = match span(&text) {
        Some(span) => Some(now_us().saturating_add(span)),
        None => read(&text),
    };
    at.map(Some).ok_or_else(|| not_a_moment(field, &text))
}

/// An end that is still to come.
pub(super) fn future(field: &'static str, text: &Option<String>) -> Result<Option<i64>, Failure> {
    let at = end(field, text)?;
    if at.is_some_and(|at| at <= now_us()) {
        return Err(Failure::invalid(
            field,
            "this moment has passed: write one to come, such as 8h, 7d or 2030-01-31",
        ));
    }
    Ok(at)
}

fn not_a_moment(field: &'static str, text: &str) -> Failure {
    let text: String = text.chars().take(40).collect();
    Failure::invalid(
        field,
        format!(
            "`{text}` is no moment: write 90m, 24h or 7d, or a date such as 2030-01-31 or 2030-01-31 14:00"
        ),
    )
}

fn read(text: &str) -> Option<i64> {
    if let Some(span) = span(text) {
        return Some(now_us().saturating_sub(span));
    }
    let zoned = |time: DateTime| -> Option<Zoned> { time.to_zoned(TimeZone::system()).ok() };
    let at = if let Ok(at) = text.parse::<Timestamp>() {
        at
    } else if let Ok(time) = text.parse::<DateTime>() {
        zoned(time)?.timestamp()
    } else {
        zoned(text.parse::<Date>().ok()?.at(0, 0, 0, 0))?.timestamp()
    };
    Some(at.as_microsecond())
}

/// `90m`, `24h` or `7d` as a span in microseconds.
fn span(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: i64 = text.get(..text.len() - 1)?.parse().ok()?;
    (0..=100_000)
        .contains(&number)
        .then(|| number * unit * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn moments_are_understood_as_people_write_them() {
        let hour = moment("since", &written("60m")).unwrap().unwrap();
        assert!((now_us() - hour - 3_600_000_000).abs() < 60_000_000);
        let day = moment("since", &written(" 2023-11-14T22:13:20Z ")).unwrap();
        assert_eq!(day, Some(1_700_000_000_000_000));
        assert!(
            moment("since", &written("2023-11-14 08:00"))
                .unwrap()
                .is_some()
        );
        assert!(moment("since", &written("2023-11-14")).unwrap().is_some());
        assert_eq!(moment("since", &written("  ")).unwrap(), None);
        for text in ["yesterday", "h", "-1h", "99999999999h", "é"] {
            assert!(moment("since", &written(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn an_end_is_never_in_the_past() {
        assert!(future("until", &written("8h")).unwrap().unwrap() > now_us());
        assert!(future("until", &written("2001-01-01")).is_err());
    }
}
