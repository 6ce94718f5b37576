//! What people hand in, judged in one place for the pages, the API and the command line.

pub mod certificate;
pub mod client;
pub mod guest;
pub mod offer;
pub mod policy;
pub mod psk;
pub mod secret;
pub mod segment;
pub mod user;

/// Something that was handed in and cannot be used: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {fix}")]
pub struct InputFault {
    /// The name of the field; empty where no single one is at fault.
    pub field: &'static str,
    /// What is wrong, in one sentence without its full stop.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl InputFault {
    /// A fault of this field.
    pub fn new(field: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            field,
            what: what.into(),
            fix: fix.into(),
        }
    }
}

impl From<InputFault> for crate::web::Failure {
    fn from(fault: InputFault) -> Self {
        Self::invalid(fault.field, fault.to_string())
    }
}
