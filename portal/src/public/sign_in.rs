//! Employees sign in with the account that they also use for the network.
//!
//! A page that needs somebody takes an [`Employee`]; whoever is not signed in is sent to `/sign-in` and comes back. Sign-ins are
//! kept here, in memory, and the browser has a random word in a `__Host-` cookie. The account is looked at again with every request,
//! so that a disabled one is out at once.
//!
//! Tries are counted by address, and by address and name together. Nobody's account is locked: a stranger's tries keep only that
//! stranger waiting.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use aws_lc_rs::digest;
use axum::Router;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use nac_store::{Actor, ActorKind, Store, StoreError, User, user_key};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::PublicState;
use super::failure::PublicFailure;
use super::forms::{Faults, Field, Posted};
use super::layout::{Query, Shell};
use crate::web::{Failure, Source};

const COOKIE: &str = "__Host-nac-portal";
/// A sign-in ends so long after the last request.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// And so long after it began.
const ABSOLUTE: Duration = Duration::from_secs(2 * 3_600);
/// The most sign-ins at once; the one that was idle longest makes room.
const SIGN_INS_MAX: usize = 10_000;
/// The most of one person.
const SIGN_INS_OF_ONE: usize = 5;
/// Tries from one address in a minute, and for one name from one address.
const TRIES_OF_SOURCE: NonZeroU32 = NonZeroU32::new(20).unwrap();
const TRIES_OF_NAME: NonZeroU32 = NonZeroU32::new(5).unwrap();
/// More counters than this are looked through for those that count nothing any more.
const COUNTERS_MAX: usize = 10_000;
const NAME_MAX: usize = 253;
const PASSWORD_MAX: usize = 256;
/// Where somebody goes who signed in for nothing in particular.
const HOME: &str = "/devices";

type Key = [u8; 32];

/// Who is signed in.
pub struct SignIns {
    people: Mutex<HashMap<Key, SignIn>>,
    by_source: DefaultKeyedRateLimiter<IpAddr>,
    by_name: DefaultKeyedRateLimiter<(String, IpAddr)>,
}

struct SignIn {
    name: String,
    began: Instant,
    used: Instant,
    secret: Option<(Instant, Shown)>,
}

/// A secret that is shown to the person who made it, for some minutes and never again.
#[derive(Clone)]
pub struct Shown {
    /// What it belongs to.
    pub about: String,
    /// The secret's texts.
    pub texts: Vec<Zeroizing<String>>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown(<hidden>)")
    }
}

impl fmt::Debug for SignIns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIns(<hidden>)")
    }
}

impl Default for SignIns {
    fn default() -> Self {
        Self {
            people: Mutex::default(),
            by_source: RateLimiter::keyed(Quota::per_minute(TRIES_OF_SOURCE)),
            by_name: RateLimiter::keyed(Quota::per_minute(TRIES_OF_NAME)),
        }
    }
}

impl SignIns {
    /// Whether there may be another try for this name from this address.
    fn may_try(&self, name: &str, source: IpAddr) -> bool {
        let source = network(source);
        // No name is that long, and a counter keeps it.
        let name = match name.len() <= NAME_MAX {
            true => user_key(name),
            false => String::new(),
        };
        if self.by_source.len() > COUNTERS_MAX {
            self.by_source.retain_recent();
        }
        if self.by_name.len() > COUNTERS_MAX {
            self.by_name.retain_recent();
        }
        self.by_source.check_key(&source).is_ok() && self.by_name.check_key(&(name, source)).is_ok()
    }

    /// A new sign-in, as the word for the cookie.
    fn begin(&self, name: &str) -> Result<String, Failure> {
        let mut word = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut word).map_err(|_| Failure::Unavailable)?;
        let now = Instant::now();
        let mut people = self.lock();
        people.retain(|_, one| one.is_live(now));
        let oldest = |people: &HashMap<Key, SignIn>, of: Option<&str>| {
            let those = people
                .iter()
                .filter(|(_, one)| of.is_none_or(|name| one.name == name));
            those.min_by_key(|(_, one)| one.used).map(|(key, _)| *key)
        };
        let own = people.values().filter(|one| one.name == name).count();
        let leaves = if own >= SIGN_INS_OF_ONE {
            oldest(&people, Some(name))
        } else if people.len() >= SIGN_INS_MAX {
            oldest(&people, None)
        } else {
            None
        };
        leaves.and_then(|key| people.remove(&key));
        let one = SignIn {
            name: name.to_owned(),
            began: now,
            used: now,
            secret: None,
        };
        people.insert(hashed(&word), one);
        Ok(URL_SAFE_NO_PAD.encode(word))
    }

    /// Who comes with this cookie.
    fn name_of(&self, key: &Key) -> Option<String> {
        let now = Instant::now();
        let mut people = self.lock();
        let one = people.get_mut(key).filter(|one| one.is_live(now))?;
        one.used = now;
        Some(one.name.clone())
    }

    fn end(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, SignIn>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SignIn {
    fn is_live(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE && now.duration_since(self.began) < ABSOLUTE
    }
}

/// Somebody who has signed in. As an extractor it sends everybody else to sign in first.
#[derive(Clone, Debug)]
pub struct Employee {
    /// The account.
    pub user: User,
    source: IpAddr,
    key: Key,
}

impl Employee {
    /// How the owner of a device is compared.
    pub fn key(&self) -> String {
        user_key(&self.user.name)
    }

    /// The store, which records changes as this person's.
    pub fn store(&self, state: &PublicState) -> Store {
        state.store.acting(Actor {
            kind: ActorKind::Portal,
            name: self.user.name.clone(),
            source: self.source.to_string(),
        })
    }

    /// Keeps a secret for the page that shows it.
    pub fn show(&self, state: &PublicState, shown: Shown) {
        if let Some(one) = state.sign_ins.lock().get_mut(&self.key) {
            one.secret = Some((Instant::now(), shown));
        }
    }

    /// The secret that was made a moment ago, if it is about this.
    pub fn shown(&self, state: &PublicState, about: &str) -> Option<Shown> {
        /// Long enough to type 16 letters into a television.
        const SHOWN_FOR: Duration = Duration::from_secs(5 * 60);
        let mut people = state.sign_ins.lock();
        let one = people.get_mut(&self.key)?;
        let gone = |(at, _): &(Instant, Shown)| at.elapsed() >= SHOWN_FOR;
        if one.secret.as_ref().is_some_and(gone) {
            one.secret = None;
        }
        let (_, shown) = one.secret.as_ref()?;
        (shown.about == about).then(|| shown.clone())
    }
}

/// For pages that are for everybody and say more to somebody.
impl OptionalFromRequestParts<PublicState> for Employee {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &PublicState,
    ) -> Result<Option<Self>, Response> {
        let Source(source) = Source::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let Some(key) = cookie(&parts.headers) else {
            return Ok(None);
        };
        let Some(name) = state.sign_ins.name_of(&key) else {
            return Ok(None);
        };
        match state.store.user_fetch(&name).await {
            Ok(user) if user.enabled => Ok(Some(Self { user, source, key })),
            Ok(_) | Err(StoreError::NotFound { .. }) => {
                state.sign_ins.end(&key);
                Ok(None)
            }
            Err(error) => Err(PublicFailure::from(error).into_response()),
        }
    }
}

impl FromRequestParts<PublicState> for Employee {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &PublicState) -> Result<Self, Response> {
        if let Some(employee) = Option::<Self>::from_request_parts(parts, state).await? {
            return Ok(employee);
        }
        let shell = Shell::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let next = match parts.method {
            Method::GET => parts.uri.path(),
            _ => HOME,
        };
        let path = match local(next) {
            true => format!("/sign-in?next={next}"),
            false => "/sign-in".to_owned(),
        };
        Err(Redirect::to(&shell.link(&path)).into_response())
    }
}

#[derive(Template)]
#[template(path = "public/device/sign_in.html")]
struct Page {
    shell: Shell,
    faults: Faults,
    fields: Vec<Field>,
    next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// `/sign-in` and `/sign-out`.
pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/sign-in", get(ask).post(sign_in))
        .route("/sign-out", post(sign_out))
}

async fn ask(shell: Shell, uri: axum::http::Uri) -> Result<Html<String>, PublicFailure> {
    let next = Query::of(&uri).first("next").unwrap_or_default();
    let page = page(shell, "", Faults::default(), &next);
    Ok(Html(page.render()?))
}

async fn sign_in(
    State(state): State<PublicState>,
    Source(source): Source,
    shell: Shell,
    headers: HeaderMap,
    Posted(form): Posted<Form>,
) -> Result<Response, PublicFailure> {
    let password = Zeroizing::new(form.password);
    let mut faults = Faults::default();
    let fits = form.name.len() <= NAME_MAX && password.len() <= PASSWORD_MAX;
    if !state.sign_ins.may_try(&form.name, source) {
        faults.add("", shell.text("device-sign-in-often"));
        let page = page(shell, &form.name, faults, &form.next);
        return Ok((StatusCode::TOO_MANY_REQUESTS, Html(page.render()?)).into_response());
    }
    let user = match state.store.user_fetch(&form.name).await {
        Ok(user) if user.enabled && fits => Some(user),
        Ok(_) | Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    // The same work for an account that is not there, is disabled or has no password.
    let hash = user.as_ref().and_then(|user| user.password.clone());
    let right = state.passwords.verify(hash, password).await?;
    let Some(user) = user.filter(|_| right) else {
        tracing::info!(%source, "a sign-in to the portal failed");
        faults.add("", shell.text("device-sign-in-wrong"));
        let page = page(shell, &form.name, faults, &form.next);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response());
    };
    // A word that the browser brought along is good for nothing: no fixation.
    if let Some(former) = cookie(&headers) {
        state.sign_ins.end(&former);
    }
    let word = state.sign_ins.begin(&user.name)?;
    let store = state.store.acting(Actor {
        kind: ActorKind::Portal,
        name: user.name.clone(),
        source: source.to_string(),
    });
    store
        .audit_note("portal.sign-in", &format!("user:{}", user.name), &())
        .await?;
    let next = match local(&form.next) {
        true => form.next.as_str(),
        false => HOME,
    };
    let cookie = format!("{COOKIE}={word}; Path=/; Secure; HttpOnly; SameSite=Lax");
    Ok(with_cookie(Redirect::to(&shell.link(next)), &cookie))
}

async fn sign_out(State(state): State<PublicState>, shell: Shell, headers: HeaderMap) -> Response {
    if let Some(key) = cookie(&headers) {
        state.sign_ins.end(&key);
    }
    let gone = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    with_cookie(Redirect::to(&shell.link("/")), &gone)
}

fn page(shell: Shell, name: &str, faults: Faults, next: &str) -> Page {
    let fields = vec![
        Field::new("name", shell.text("device-user"))
            .kind("text", "username")
            .required(true)
            .length_max(NAME_MAX)
            .sent(name, &faults),
        Field::new("password", shell.text("device-password"))
            .kind("password", "current-password")
            .required(true)
            .length_max(PASSWORD_MAX),
    ];
    let next = match local(next) {
        true => next.to_owned(),
        false => String::new(),
    };
    Page {
        shell,
        faults,
        fields,
        next,
    }
}

/// Whether a text is the path of a page of ours. It never leads anywhere else.
fn local(path: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/-_.".contains(&octet);
    path.starts_with('/') && !path.contains("//") && path.len() <= 200 && path.bytes().all(plain)
}

/// One household of IPv6 addresses counts as one address.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let bits = u128::from(address) >> 64 << 64;
            IpAddr::V6(bits.into())
        }
    }
}

fn cookie(headers: &HeaderMap) -> Option<Key> {
    let jar = CookieJar::from_headers(headers);
    let word = jar.get(COOKIE)?.value();
    if word.len() > 64 {
        return None;
    }
    Some(hashed(&URL_SAFE_NO_PAD.decode(word).ok()?))
}

fn hashed(word: &[u8]) -> Key {
    let mut key = [0; 32];
    for (to, from) in key
        .iter_mut()
        .zip(digest::digest(&digest::SHA256, word).as_ref())
    {
        *to = *from;
    }
    key
}

fn with_cookie(redirect: Redirect, cookie: &str) -> Response {
    let mut response = redirect.into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
