//! What a handler could not do, as people and programs are told. Details of the inside go to the log only.

use axum::http::StatusCode;
use nac_store::StoreError;

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The input cannot be used: what, where, what to do. The field is empty where no single one is at fault.
    #[error("{message}")]
    Invalid {
        /// The name of the field.
        field: &'static str,
        /// One sentence.
        message: String,
    },
    /// It does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// Too often: come back later.
    #[error("{0}")]
    TooMany(String),
    /// Not at this moment: the database or something else does not answer.
    #[error("this did not work at this moment: nothing was changed; try again in a minute")]
    Unavailable,
}

impl Failure {
    /// A field that cannot be used.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            message: message.into(),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::NotFound(error.to_string()),
            StoreError::Conflict { what } => Self::Conflict(what),
            StoreError::Invalid { what } => Self::invalid("", what),
            error => {
                tracing::error!(%error, "a page could not be served");
                Self::Unavailable
            }
        }
    }
}

impl From<super::password::Busy> for Failure {
    fn from(busy: super::password::Busy) -> Self {
        Self::TooMany(busy.to_string())
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page does not render");
        Self::Unavailable
    }
}
