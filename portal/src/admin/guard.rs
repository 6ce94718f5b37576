//! The door: who is signed in, whether they may, and what others see instead.

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use nac_store::{Actor, ActorKind, Administrator, AdministratorSession, Store, now_us};

use super::chrome::{Chrome, Place, ProblemPage};
use super::done::{self, Flash};
use super::{AdminState, sign_in};
use crate::access::{Permission, authorize};
use crate::web::{Failure, Source};

/// How long a proof of identity is fresh enough for secrets, policy and tokens, in microseconds.
const CONFIRMED_US: i64 = 10 * 60 * 1_000_000;

/// Somebody who is signed in and may use this route.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Who it is.
    pub(crate) administrator: Administrator,
    /// Their session here.
    pub(crate) session: AdministratorSession,
    /// Where they are.
    pub(crate) source: Source,
    /// What the last action has to say.
    pub(crate) flash: Option<Flash>,
}

impl Account {
    /// The store, recording changes as theirs.
    pub(crate) fn store(&self, state: &AdminState) -> Store {
        state.store.acting(Actor {
            kind: ActorKind::Admin,
            name: self.administrator.name.clone(),
            source: self.source.0.to_string(),
        })
    }

    /// Their name as records have it, such as `admin:alice`.
    pub(crate) fn operator(&self) -> String {
        format!("admin:{}", self.administrator.name)
    }

    /// Whether they may do this.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        authorize(self.administrator.role, permission)
    }

    /// Asks for a fresh proof of identity when the last one is old; the page comes back afterwards to `back`.
    ///
    /// # Errors
    ///
    /// The way to that question.
    pub(crate) fn confirmed(&self, back: &str) -> Result<(), Problem> {
        if self.session.confirmed_us > now_us() - CONFIRMED_US {
            return Ok(());
        }
        Err(Problem::Confirm(back.to_owned()))
    }
}

impl<S: Sync> FromRequestParts<S> for Account {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// What a handler answers instead of its page.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It could not be done.
    Failure(Failure),
    /// Prove first that it is still you, then come back to this path.
    Confirm(String),
}

impl<F: Into<Failure>> From<F> for Problem {
    fn from(failure: F) -> Self {
        Self::Failure(failure.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            // The layer that knows the account puts the page around it.
            Self::Failure(failure) => {
                let mut response = failure.status().into_response();
                response.extensions_mut().insert(Message {
                    title: title(failure.status()),
                    sentence: failure.to_string(),
                });
                response
            }
            Self::Confirm(back) => {
                Redirect::to(&format!("/confirm?next={}", encode(&back))).into_response()
            }
        }
    }
}

/// What a failed response should say, until its page is made.
#[derive(Clone, Debug)]
struct Message {
    title: &'static str,
    sentence: String,
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not here",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::CONFLICT => "It does not fit",
        StatusCode::UNPROCESSABLE_ENTITY => "This cannot be used",
        StatusCode::TOO_MANY_REQUESTS => "Too often",
        _ => "Not now",
    }
}

/// Lets in who is signed in and may; otherwise shows the sign-in page or says what is missing.
pub(super) async fn let_in(
    State((state, permission)): State<(AdminState, Permission)>,
    source: Source,
    jar: CookieJar,
    mut request: Request,
    next: Next,
) -> Response {
    let here = here(request.uri());
    let session = match jar.get(sign_in::COOKIE) {
        Some(cookie) => {
            state
                .store
                .administrator_session_use(&sign_in::hash(cookie.value()))
                .await
        }
        None => Ok(None),
    };
    let (session, administrator) = match session {
        Ok(Some(found)) => found,
        Ok(None) => return not_signed_in(request.method(), &here),
        Err(error) => return plain_page(Failure::from(error)),
    };
    let account = Account {
        administrator,
        session,
        source,
        flash: jar
            .get(done::COOKIE)
            .and_then(|cookie| Flash::read(cookie.value())),
    };
    if !account.may(permission) {
        let failure = Failure::Forbidden(format!(
            "your role {} does not include this; an owner can change it",
            account.administrator.role
        ));
        return dressed(&state, &account, Problem::from(failure).into_response()).await;
    }
    request.extensions_mut().insert(account.clone());
    let page = request.method() == Method::GET;
    let response = next.run(request).await;
    let mut response = dressed(&state, &account, response).await;
    if page
        && account.flash.is_some()
        && response.status() == StatusCode::OK
        && let Ok(forget) = Flash::forget().parse()
    {
        response.headers_mut().append(header::SET_COOKIE, forget);
    }
    response
}

/// Puts the page around a failure that a handler left bare.
async fn dressed(state: &AdminState, account: &Account, mut response: Response) -> Response {
    let Some(Message { title, sentence }) = response.extensions_mut().remove() else {
        return response;
    };
    let chrome = Chrome::without_flash(state, account, title, Place::None).await;
    let page = ProblemPage { chrome, sentence };
    match askama::Template::render(&page) {
        Ok(html) => (response.status(), Html(html)).into_response(),
        Err(_) => response.status().into_response(),
    }
}

fn not_signed_in(method: &Method, here: &str) -> Response {
    let way = if method == Method::GET {
        format!("/sign-in?next={}", encode(here))
    } else {
        "/sign-in".to_owned()
    };
    Redirect::to(&way).into_response()
}

/// A failure for somebody whom we do not know.
pub(super) fn plain_page(failure: Failure) -> Response {
    let page = sign_in::PlainProblem {
        title: title(failure.status()),
        sentence: failure.to_string(),
    };
    match askama::Template::render(&page) {
        Ok(html) => (failure.status(), Html(html)).into_response(),
        Err(_) => failure.status().into_response(),
    }
}

/// Whatever is not in the table.
pub(super) async fn nothing_here(uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return crate::api::no_such_operation().into_response();
    }
    plain_page(Failure::NotFound(
        "there is no such page; the overview is at /".to_owned(),
    ))
}

/// An unsafe request must say where it comes from: browsers do, and nothing else has business with these pages. What they say is
/// judged by [`crate::web::secured`].
pub(super) fn demand_origin(router: Router) -> Router {
    async fn check(headers: HeaderMap, request: Request, next: Next) -> Response {
        let safe = matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        );
        if safe || headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN) {
            return next.run(request).await;
        }
        plain_page(Failure::Forbidden(
            "the request does not say where it comes from; programs use the API with a token"
                .to_owned(),
        ))
    }
    router.layer(middleware::from_fn(check))
}

fn here(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned())
}

/// Percent-encodes a value of a query string.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~/".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}

/// Percent-encodes one part of a path, slashes included.
pub(crate) fn encode_part(text: &str) -> String {
    encode(text).replace('/', "%2F")
}

/// A path on this site to go back to; anything that could lead elsewhere becomes the overview.
pub(crate) fn local_path(next: Option<&str>) -> &str {
    match next {
        Some(path)
            if path.starts_with('/')
                && !path.starts_with("//")
                && !path.contains('\\')
                && path.bytes().all(|octet| (0x21..0x7f).contains(&octet)) =>
        {
            path
        }
        _ => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_gone_back_to() {
        assert_eq!(local_path(Some("/quarantine?q=a")), "/quarantine?q=a");
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\r\nSet-Cookie: x",
            "javascript:alert(1)",
            "",
            "/\t/evil.example",
        ] {
            assert_eq!(local_path(Some(elsewhere)), "/", "{elsewhere:?}");
        }
    }
}
