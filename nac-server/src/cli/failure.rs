//! How a command ends: yes, no, wrong usage, or cannot.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use nac_portal::input::InputFault;
use nac_portal::input::certificate::AuthorityError;
use nac_portal::input::secret::NoRandomness;
use nac_store::StoreError;
use serde_json::json;

use crate::config::ConfigErrors;

/// What a command returns.
pub type Outcome = Result<Answer, Failure>;

/// The answer of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, or yes: exit status 0.
    Yes,
    /// The answer is no: exit status 1.
    No,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
        }
    }
}

/// Why a command did not do its work: what, where, and what to do.
#[derive(Clone, Debug)]
pub struct Failure(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    status: u8,
    what: String,
    place: Option<String>,
    remedy: Option<String>,
    /// Faults that were rendered already, with their lines underlined.
    rendered: Option<String>,
    /// The same faults as data.
    records: Vec<serde_json::Value>,
}

impl Failure {
    fn new(status: u8, what: impl Into<String>) -> Self {
        Self(Box::new(Details {
            status,
            what: what.into(),
            place: None,
            remedy: None,
            rendered: None,
            records: Vec::new(),
        }))
    }

    /// What failed, in one sentence.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The answer is no: exit status 1.
    #[must_use]
    pub fn no(what: impl Into<String>) -> Self {
        Self::new(1, what)
    }

    /// The command line is wrong: exit status 2.
    #[must_use]
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(2, what)
    }

    /// It cannot be done: exit status 3.
    #[must_use]
    pub fn cannot(what: impl Into<String>) -> Self {
        Self::new(3, what)
    }

    /// A file that cannot be read or written.
    #[must_use]
    pub fn file(action: &str, path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let failure = Self::cannot(format!(
            "cannot {action} {}: {}",
            path.display(),
            plain(error)
        ));
        match error.kind() {
            ErrorKind::NotFound => failure.fix("check the path"),
            ErrorKind::PermissionDenied => {
                failure.fix("run the command as a user who may, or change the permissions")
            }
            ErrorKind::ReadOnlyFilesystem => failure.fix("choose a place that is not read-only"),
            ErrorKind::StorageFull => failure.fix("free some space on that disk"),
            _ => failure,
        }
    }

    /// Adds where it went wrong.
    #[must_use]
    pub fn place(mut self, place: impl Into<String>) -> Self {
        self.0.place = Some(place.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn fix(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// Adds faults with their places; `status` as for the other constructors.
    #[must_use]
    pub fn faults(mut self, errors: &ConfigErrors) -> Self {
        self.0.rendered = Some(errors.render_for_stderr());
        let records = errors
            .records()
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>();
        self.0.records = records.unwrap_or_default();
        self
    }

    /// Writes the failure to standard error and gives the exit status.
    #[must_use]
    pub fn report(&self, as_json: bool) -> ExitCode {
        let text = if as_json {
            self.as_json()
        } else {
            self.as_text()
        };
        // Nobody is left to tell when standard error is closed.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        ExitCode::from(self.0.status)
    }

    fn as_text(&self) -> String {
        let mut text = self.0.rendered.clone().unwrap_or_default();
        text.push_str(&format!("nac: {}\n", self.0.what));
        for (label, line) in [("  in: ", &self.0.place), (" fix: ", &self.0.remedy)] {
            if let Some(line) = line {
                text.push_str(label);
                text.push_str(&line.replace('\n', "\n      "));
                text.push('\n');
            }
        }
        text
    }

    fn as_json(&self) -> String {
        let mut record = json!({ "error": self.0.what });
        let members = [
            ("in", self.0.place.clone().map(Into::into)),
            ("fix", self.0.remedy.clone().map(Into::into)),
            (
                "faults",
                (!self.0.records.is_empty()).then(|| self.0.records.clone().into()),
            ),
        ];
        for (name, value) in members {
            if let (Some(value), Some(object)) = (value, record.as_object_mut()) {
                object.insert(name.to_owned(), value);
            }
        }
        format!("{record}\n")
    }
}

/// The system's words without the number that only a programmer reads.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_lowercase()
}

/// The command that lists the things of this kind; the store names one as `client sw1`.
fn lister(missing: &str) -> Option<&'static str> {
    const LISTERS: [(&str, &str); 11] = [
        ("client ", "nac client list"),
        ("user ", "nac user list"),
        ("device ", "nac device list"),
        ("mac ", "nac device list"),
        ("segment ", "nac segment list"),
        ("policy version ", "nac policy history"),
        ("certificate ", "nac certificate list"),
        ("quarantine ", "nac quarantine list --all"),
        ("open quarantine ", "nac quarantine list"),
        ("enrolment secret ", "nac posture secret list"),
        ("node ", "nac posture hosts"),
    ];
    let of_kind = |(kind, _): &&(&str, &str)| missing.starts_with(kind);
    LISTERS.iter().find(of_kind).map(|(_, command)| *command)
}

impl From<InputFault> for Failure {
    fn from(fault: InputFault) -> Self {
        Self::usage(fault.what).fix(fault.fix)
    }
}

impl From<AuthorityError> for Failure {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Store(error) => error.into(),
            AuthorityError::Pki(error) => error.into(),
            other => Self::cannot(other.to_string()),
        }
    }
}

impl From<NoRandomness> for Failure {
    fn from(error: NoRandomness) -> Self {
        Self::cannot(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let what = error.to_string();
        match error {
            StoreError::NotFound { what: missing } => {
                let failure = Self::no(what);
                match lister(&missing) {
                    Some(command) => failure.fix(format!("see what there is with: {command}")),
                    None => failure,
                }
            }
            StoreError::Conflict { .. } => Self::no(what),
            StoreError::Invalid { .. } => Self::usage(what),
            _ => Self::cannot(what),
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        let count = errors.faults().len();
        let faults = if count == 1 {
            "one fault".to_owned()
        } else {
            format!("{count} faults")
        };
        Self::cannot(format!("the configuration has {faults}"))
            .place(errors.file().display().to_string())
            .faults(&errors)
    }
}

impl From<nac_pki::PkiError> for Failure {
    fn from(error: nac_pki::PkiError) -> Self {
        match error {
            nac_pki::PkiError::Name { .. } | nac_pki::PkiError::Lifetime(_) => {
                Self::usage(error.to_string())
            }
            _ => Self::cannot(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_where_and_what_to_do() {
        let failure = Failure::no("there is no client sw1")
            .place("nac.db")
            .fix("add it");
        assert_eq!(
            failure.as_text(),
            "nac: there is no client sw1\n  in: nac.db\n fix: add it\n"
        );
        let json: serde_json::Value = serde_json::from_str(&failure.as_json()).expect("JSON");
        assert_eq!(
            json,
            json!({ "error": "there is no client sw1", "in": "nac.db", "fix": "add it" })
        );
    }

    #[test]
    fn what_is_not_there_names_the_command_that_lists_it() {
        for (missing, fix) in [
            (
                "client sw1",
                "fix: see what there is with: nac client list\n",
            ),
            ("policy version 9", "with: nac policy history\n"),
            (
                "setting sealing-check",
                "nac: there is no setting sealing-check\n",
            ),
        ] {
            let what = missing.to_owned();
            let text = Failure::from(StoreError::NotFound { what }).as_text();
            assert!(text.ends_with(fix), "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_told_without_numbers() {
        let error = std::fs::read("/nonexistent/x").expect_err("missing");
        let text = Failure::file("read", Path::new("/nonexistent/x"), &error).as_text();
        assert_eq!(
            text,
            "nac: cannot read /nonexistent/x: no such file or directory\n fix: check the path\n"
        );
    }
}
