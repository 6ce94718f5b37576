//! What a public page could not do, said in the person's language and within the site's own frame.
//!
//! A handler gives `Result<_, PublicFailure>`; the page around it is made by `dress`, which knows who asked. The details of
//! a [`Failure`] are English words for logs and programs and are not shown here.

use askama::Template;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::PublicState;
use super::layout::Shell;
use crate::web::Failure;

/// How long a person should wait after "too often" or "not now", in seconds.
const RETRY_S: &str = "60";

/// A public request that was not carried out.
#[derive(Debug)]
pub struct PublicFailure {
    failure: Failure,
    because: Option<&'static str>,
}

impl PublicFailure {
    /// There is no such page.
    pub fn not_found() -> Self {
        Failure::NotFound("there is no such page".to_owned()).into()
    }

    /// Explains it with a text of the catalogue, instead of the general words for its kind.
    #[must_use]
    pub fn because(mut self, key: &'static str) -> Self {
        self.because = Some(key);
        self
    }
}

impl<T: Into<Failure>> From<T> for PublicFailure {
    fn from(failure: T) -> Self {
        Self {
            failure: failure.into(),
            because: None,
        }
    }
}

/// What `dress` finds in a response that it has to dress.
#[derive(Clone, Copy, Debug)]
struct Undressed {
    status: StatusCode,
    because: Option<&'static str>,
}

impl IntoResponse for PublicFailure {
    fn into_response(self) -> Response {
        let status = self.failure.status();
        tracing::debug!(%status, failure = %self.failure, "a public request was not carried out");
        let mut response = status.into_response();
        response.extensions_mut().insert(Undressed {
            status,
            because: self.because,
        });
        response
    }
}

#[derive(Template)]
#[template(path = "public/failure.html")]
struct Page {
    shell: Shell,
    title: &'static str,
    explanation: &'static str,
    retry: bool,
}

/// Gives every failure of the router within its page.
pub(super) async fn dress(
    State(state): State<PublicState>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut asked = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(&undressed) = response.extensions().get::<Undressed>() else {
        return response;
    };
    let shell = match Shell::from_request_parts(&mut asked, &state).await {
        Ok(shell) => shell,
        Err(_) => Shell::bare(&asked),
    };
    let (title, general) = match undressed.status {
        StatusCode::NOT_FOUND => ("shell-not-found-title", "shell-not-found"),
        StatusCode::FORBIDDEN => ("shell-forbidden-title", "shell-forbidden"),
        StatusCode::TOO_MANY_REQUESTS => ("shell-too-many-title", "shell-too-many"),
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            ("shell-unusable-title", "shell-unusable")
        }
        _ => ("shell-unavailable-title", "shell-unavailable"),
    };
    let retry = matches!(
        undressed.status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    tracing::info!(status = %undressed.status, code = shell.code(), source = %shell.visitor().source,
        because = undressed.because.unwrap_or(general), "a public page told of a failure");
    let page = Page {
        shell,
        title,
        explanation: undressed.because.unwrap_or(general),
        retry,
    };
    let Ok(html) = page.render() else {
        return undressed.status.into_response();
    };
    let mut dressed = (undressed.status, Html(html)).into_response();
    if retry {
        dressed
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_S));
    }
    dressed
}
