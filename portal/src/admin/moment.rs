//! A moment on a page: local time to read, UTC to hover over, and both for machines.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A moment, in microseconds since the Unix epoch.
///
/// It writes itself as a `<time>` element of digits and punctuation only. The server's time zone is shown; the page's script
/// changes it to the reader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(time) = Timestamp::from_microsecond(self.0) else {
            return formatter.write_str("–");
        };
        let utc = time.to_zoned(TimeZone::UTC);
        let local = time.to_zoned(TimeZone::system());
        write!(
            formatter,
            "<time datetime=\"{}\" title=\"{} UTC\">{}</time>",
            utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            utc.strftime("%Y-%m-%d %H:%M:%S"),
            local.strftime("%Y-%m-%d %H:%M:%S")
        )
    }
}

// Digits, dashes and colons in markup of our own.
impl askama::filters::HtmlSafe for Moment {}

/// How long ago, or until when: `4 min`, `3 h`, `12 days`.
pub(crate) fn span(us: i64) -> String {
    let seconds = us.unsigned_abs() / 1_000_000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_shows_local_time_and_has_utc_to_hover_over() {
        let shown = Moment(1_700_000_000_000_000).to_string();
        assert!(shown.contains("datetime=\"2023-11-14T22:13:20Z\""));
        assert!(shown.contains("title=\"2023-11-14 22:13:20 UTC\""));
        assert_eq!(Moment(i64::MAX).to_string(), "–");
    }

    #[test]
    fn spans_are_short() {
        assert_eq!(span(90_000_000), "90 s");
        assert_eq!(span(-600_000_000), "10 min");
        assert_eq!(span(86_400_000_000), "24 h");
        assert_eq!(span(864_000_000_000), "10 days");
    }
}
