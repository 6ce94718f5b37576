//! Forms that come back: what was typed stays, and what is wrong stands at its field.

use std::fmt;

use axum::http::StatusCode;
use axum::response::Response;

use super::guard::Problem;
use crate::web::Failure;

/// What is wrong with a form; nothing while it is new.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault {
    field: &'static str,
    /// One sentence, empty when nothing is wrong.
    pub(crate) message: String,
    /// Whether all that is missing is a fresh proof of identity.
    pub(crate) confirm: bool,
    status: StatusCode,
}

impl Fault {
    /// Takes a failure that whoever typed can mend, a missing proof of identity among them: the question would lead away from
    /// what was typed. Every other failure is a page of its own.
    pub(crate) fn of(problem: Problem) -> Result<Self, Problem> {
        let failure = match problem {
            Problem::Failure(failure) => failure,
            Problem::Confirm(_) => {
                return Ok(Self {
                    field: "",
                    message: "Prove first that it is still you, then press the button again. \
                              What you typed is still here."
                        .to_owned(),
                    confirm: true,
                    status: StatusCode::FORBIDDEN,
                });
            }
        };
        let field = match &failure {
            Failure::Invalid { field, .. } => field,
            Failure::Conflict(_) | Failure::TooMany(_) | Failure::Unavailable => "",
            _ => return Err(failure.into()),
        };
        Ok(Self {
            field,
            message: failure.to_string(),
            confirm: false,
            status: failure.status(),
        })
    }

    /// Whether something is wrong.
    pub(crate) fn is_some(&self) -> bool {
        !self.message.is_empty()
    }

    /// The attributes of this field's input.
    pub(crate) fn mark(&self, field: &str) -> Mark {
        Mark(self.is_some() && self.field == field)
    }

    /// Gives the page the status of what is wrong.
    pub(crate) fn on(&self, mut page: Response) -> Response {
        if self.is_some() {
            *page.status_mut() = self.status;
        }
        page
    }
}

/// Ties an input to the sentence that says what is wrong with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(bool);

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 {
            formatter.write_str(" aria-invalid=\"true\" aria-describedby=\"fault\"")?;
        }
        Ok(())
    }
}

// Two attributes of our own, or nothing.
impl askama::filters::HtmlSafe for Mark {}

/// What a field holds without the blanks around it; `None` when that is nothing.
pub(crate) fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// A whole number from a field, within bounds.
pub(crate) fn number(
    field: &'static str,
    text: &str,
    least: i64,
    most: i64,
) -> Result<i64, Failure> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            Failure::invalid(
                field,
                format!("write a whole number from {least} to {most}"),
            )
        })
}

/// A time from a field, in seconds: `90`, `30m`, `8h`, `7d`.
pub(crate) fn seconds(field: &'static str, text: &str) -> Result<u32, Failure> {
    let text = text.trim();
    let (digits, factor) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(digits) if text.ends_with('m') => (digits, 60),
        Some(digits) if text.ends_with('h') => (digits, 3_600),
        Some(digits) if text.ends_with('d') => (digits, 86_400),
        Some(digits) => (digits, 1),
        None => (text, 1),
    };
    digits
        .trim()
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| {
            Failure::invalid(
                field,
                "write a time such as 30m, 8h or 7d; a number alone means seconds",
            )
        })
}

/// Seconds as [`seconds`] reads them.
pub(crate) fn written(seconds: u32) -> String {
    match seconds {
        0 => "0".to_owned(),
        days if days % 86_400 == 0 => format!("{}d", days / 86_400),
        hours if hours % 3_600 == 0 => format!("{}h", hours / 3_600),
        minutes if minutes % 60 == 0 => format!("{}m", minutes / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, wanted) in [
            ("90", 90),
            ("90s", 90),
            ("30m", 1_800),
            (" 8h", 28_800),
            ("7d", 604_800),
        ] {
            assert_eq!(seconds("t", text).unwrap(), wanted);
            assert_eq!(seconds("t", &written(wanted)).unwrap(), wanted);
        }
        for text in ["", "h", "-1", "1w", "99999999d", "1.5h"] {
            assert!(seconds("t", text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_can_be_mended_stands_at_its_field_and_the_rest_does_not_come_back() {
        let fault = Fault::of(Failure::invalid("name", "no name").into()).unwrap();
        assert!(fault.mark("name").to_string().contains("aria-invalid"));
        assert_eq!(fault.mark("vlan").to_string(), "");
        assert_eq!(Fault::default().mark("").to_string(), "");
        assert!(Fault::of(Failure::NotFound("x".to_owned()).into()).is_err());
        assert!(Fault::of(Problem::Confirm("/".to_owned())).unwrap().confirm);
        assert!(Fault::of(Failure::Forbidden("x".to_owned()).into()).is_err());
    }
}
