//! The frame of every public page: site, language, brand, who is here, whom to ask, and the code that leads support to the
//! decision.
//!
//! A page's template struct has a field `shell: Shell` and extends `public/base.html`. [`Shell`] is an extractor: a handler that
//! takes one has all of this.

use std::borrow::Borrow;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum_extra::extract::CookieJar;
use jiff::tz::TimeZone;
use nac_store::{HelpContact, PortalSettings, PortalSite, now_us, support_code};
use uuid::Uuid;

use super::PublicState;
use super::failure::PublicFailure;
use super::visitor::Visitor;
use crate::i18n::{self, Language, Message};
use crate::web::Source;

/// The cookie that remembers the language where the browser keeps cookies.
pub(super) const LANGUAGE_COOKIE: &str = "lang";
/// The most of a query that is looked at, in octets, and the most parameters.
const QUERY_MAX: usize = 8_192;
const PARAMETERS_MAX: usize = 32;

/// The frame of one page for one person.
#[derive(Clone, Debug)]
pub struct Shell {
    language: Language,
    /// Whether the address says the language, so that links have to carry it on.
    language_in_address: bool,
    site: PortalSite,
    visitor: Visitor,
    query: Query,
    now_us: i64,
    code: String,
}

/// The language switch's one entry.
#[derive(Debug)]
pub struct LanguageLink {
    /// Which language.
    pub language: Language,
    /// Where it leads: the same page.
    pub href: String,
    /// Whether the page is in it.
    pub current: bool,
}

impl Shell {
    /// The text with this key, in the person's language.
    pub fn text(&self, key: impl AsRef<str>) -> Message {
        i18n::text(self.language, key.as_ref())
    }

    /// The person's language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// What the site's administrator has set.
    pub fn settings(&self) -> &PortalSettings {
        &self.site.settings
    }

    /// The site whose settings these are; empty for the default ones.
    pub fn site(&self) -> &str {
        &self.site.site
    }

    /// Who is here.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// The time of the page, in microseconds since the Unix epoch.
    pub fn now_us(&self) -> i64 {
        self.now_us
    }

    /// The network's name.
    pub fn site_name(&self) -> String {
        match self.site.settings.name.as_str() {
            "" => self.text("shell-network").to_string(),
            name => name.to_owned(),
        }
    }

    /// Whom to ask; `None` when nobody is named.
    pub fn help(&self) -> Option<&HelpContact> {
        let help = &self.site.settings.help;
        let named = !(help.name.is_empty() && help.phone.is_empty() && help.email.is_empty());
        named.then_some(help)
    }

    /// The code that leads support to the decision about this device, or to this moment where there is none.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// An address of ours with what has to go on to the next page: the language and the session, where a browser without
    /// cookies needs them. For links and for forms.
    pub fn link(&self, path: impl AsRef<str>) -> String {
        let mut link = path.as_ref().to_owned();
        let language = self.language_in_address.then(|| self.language.tag());
        for (name, value) in [("lang", language), ("t", self.visitor.token())] {
            if let Some(value) = value {
                link.push(if link.contains('?') { '&' } else { '?' });
                link.push_str(name);
                link.push('=');
                link.push_str(value);
            }
        }
        link
    }

    /// A parameter of the page's address.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query.first(name)
    }

    /// This page in every language. The addresses have no path, so that they cannot lead elsewhere.
    pub fn languages(&self) -> Vec<LanguageLink> {
        let rest = self.query.without("lang");
        let links = Language::ALL.into_iter();
        links
            .map(|language| LanguageLink {
                language,
                href: format!("?{rest}lang={}", language.tag()),
                current: language == self.language,
            })
            .collect()
    }

    /// The style sheet with the site's colours; `None` where they are the program's own.
    pub fn brand_url(&self) -> Option<String> {
        super::brand::style_url(&self.site)
    }

    /// The site's logo.
    pub fn logo_url(&self) -> Option<String> {
        super::brand::logo_url(&self.site)
    }

    /// A moment as people here write it, in the site's time zone.
    pub fn moment(&self, at_us: impl Borrow<i64>) -> String {
        self.written(*at_us.borrow(), "%H:%M %Z", true)
    }

    /// A day as people here write it, in the site's time zone.
    pub fn day(&self, at_us: impl Borrow<i64>) -> String {
        self.written(*at_us.borrow(), "", true)
    }

    /// A time of day, in the site's time zone.
    pub fn clock(&self, at_us: impl Borrow<i64>) -> String {
        self.written(*at_us.borrow(), "%H:%M", false)
    }

    /// A moment for programs, as HTML's `datetime` wants it.
    pub fn iso(&self, at_us: impl Borrow<i64>) -> String {
        jiff::Timestamp::from_microsecond(*at_us.borrow())
            .unwrap_or_default()
            .to_string()
    }

    /// A length of time in words: minutes, hours or days, rounded up.
    pub fn duration(&self, seconds: impl Borrow<i64>) -> Message {
        let minutes = ((*seconds.borrow()).max(0) + 59) / 60;
        match minutes {
            0..120 => self.text("shell-minutes").arg("count", minutes),
            120..2_880 => self.text("shell-hours").arg("count", (minutes + 59) / 60),
            _ => self
                .text("shell-days")
                .arg("count", (minutes + 1_439) / 1_440),
        }
    }

    fn written(&self, at_us: i64, clock: &str, with_day: bool) -> String {
        let name = self.site.settings.time_zone.as_str();
        let zone = match name {
            "" => TimeZone::system(),
            name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
        };
        let day = match self.language {
            Language::English => "%-d %B %Y",
            Language::German => "%d.%m.%Y",
            Language::French | Language::Spanish | Language::Arabic => "%d/%m/%Y",
        };
        let format = match (with_day, clock) {
            (true, "") => day.to_owned(),
            (true, clock) => format!("{day}, {clock}"),
            (false, clock) => clock.to_owned(),
        };
        let at = jiff::Timestamp::from_microsecond(at_us).unwrap_or_default();
        at.to_zoned(zone).strftime(&format).to_string()
    }

    /// A frame without a database: the default site, and nobody known.
    pub(super) fn bare(parts: &Parts) -> Self {
        let source = parts
            .extensions
            .get::<nac_posture::TlsPeer>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
                peer.address.ip().to_canonical()
            });
        let site = PortalSite {
            site: String::new(),
            settings: PortalSettings::default(),
            updated_us: 0,
            has_logo: false,
        };
        let query = Query::of(&parts.uri);
        Self::new(&parts.headers, query, site, Visitor::unknown(source))
    }

    fn new(headers: &HeaderMap, query: Query, site: PortalSite, visitor: Visitor) -> Self {
        let asked = query.first("lang").and_then(|tag| Language::from_tag(&tag));
        let language = asked
            .or_else(|| {
                Language::from_tag(
                    CookieJar::from_headers(headers)
                        .get(LANGUAGE_COOKIE)?
                        .value(),
                )
            })
            .or_else(|| Language::from_header(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?))
            .or_else(|| Language::from_tag(&site.settings.language))
            .unwrap_or(Language::English);
        let decision = visitor.session().map(|session| session.decision_id);
        Self {
            language,
            language_in_address: asked.is_some(),
            site,
            query,
            now_us: now_us(),
            code: support_code(decision.unwrap_or_else(Uuid::now_v7)),
            visitor,
        }
    }
}

impl FromRequestParts<PublicState> for Shell {
    type Rejection = PublicFailure;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &PublicState,
    ) -> Result<Self, PublicFailure> {
        let Source(source) = Source::from_request_parts(parts, state)
            .await
            .map_err(|_| crate::web::Failure::Unavailable)?;
        let query = Query::of(&parts.uri);
        let visitor = Visitor::find(state, source, &query).await?;
        let site = match visitor.session() {
            Some(session) => state.store.portal_site_of_client(&session.client).await?,
            None => state.store.portal_site("").await?,
        };
        Ok(Self::new(&parts.headers, query, site, visitor))
    }
}

/// The parameters behind the `?` of an address. What is not known is not minded: a NAS appends to what it was given.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Those of an address.
    pub fn of(uri: &Uri) -> Self {
        let query = uri
            .query()
            .filter(|query| query.len() <= QUERY_MAX)
            .unwrap_or_default();
        let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        Self(
            parameters
                .take(PARAMETERS_MAX)
                .map(|parameter| {
                    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                    (name.to_owned(), value.to_owned())
                })
                .collect(),
        )
    }

    /// The first parameter of this name. Our own values need no escapes, so none are read.
    pub fn first(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.split('?').next().unwrap_or_default().to_owned())
    }

    /// All but one of them, as they came, each with its `&`.
    fn without(&self, name: &str) -> String {
        let kept = self.0.iter().filter(|(known, _)| known != name);
        kept.map(|(name, value)| format!("{name}={value}&"))
            .collect()
    }
}
