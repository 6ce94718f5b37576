//! What the portal shows and offers, for each site.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::multipart::MultipartError;
use axum::extract::{Multipart, Query as UrlQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use nac_store::{
    AskedField, GuestField, LANGUAGES, PortalMethod, PortalSettings, RetentionRun, SettingFault,
};
use serde::Deserialize;

use super::guard::encode;
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::public::guest::needs_mail;
use crate::web::Failure;

/// Runs of the job that forgets that are shown.
const RUNS_SHOWN: u32 = 5;

/// `/settings` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::SettingChange;
    vec![
        Route::page("/settings", Permission::Read, get(page)),
        Route::action("/settings", change, "setting_put", post(save)),
        Route::action("/settings/remove", change, "setting_remove", post(remove)),
        Route::action("/settings/logo", change, "setting_put_logo", post(logo)),
        Route::action(
            "/settings/logo/remove",
            change,
            "setting_remove_logo",
            post(remove_logo),
        ),
    ]
}

/// What the URL says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Which {
    site: String,
}

/// A site that has settings of its own, or would have by saving.
struct Site {
    name: String,
    link: String,
    current: bool,
}

struct Choice {
    word: &'static str,
    label: &'static str,
    chosen: bool,
}

/// What guests may be asked, and whether they are.
struct Field {
    field: GuestField,
    label: &'static str,
    asked: bool,
    required: bool,
}

/// A run of the job that forgets.
struct Forgotten {
    at: Moment,
    rows: Vec<(&'static str, u64)>,
}

struct Text {
    language: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "admin/settings/page.html")]
struct SettingsPage {
    chrome: Chrome,
    site: String,
    sites: Vec<Site>,
    /// Whether the site's settings are its own and not the default's.
    own: bool,
    has_logo: bool,
    changed: Option<Moment>,
    settings: PortalSettings,
    languages: [&'static str; LANGUAGES.len()],
    methods: Vec<Choice>,
    fields: Vec<Field>,
    texts: Vec<Text>,
    sponsor_domains: String,
    sponsor_groups: String,
    networks: String,
    delegates: String,
    runs: Vec<Forgotten>,
    /// Guests are to be sent mail, and no mail server is configured.
    mail_missing: bool,
    faults: Vec<SettingFault>,
    may_change: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(which): UrlQuery<Which>,
) -> Result<Response, Problem> {
    let found = state.store.portal_site(&which.site).await?;
    show(&state, &account, which.site, found.settings, Vec::new()).await
}

async fn show(
    state: &AdminState,
    account: &Account,
    site: String,
    settings: PortalSettings,
    faults: Vec<SettingFault>,
) -> Result<Response, Problem> {
    let stored = state.store.portal_site_list().await?;
    let own = stored.iter().find(|one| one.site == site);
    let mut names: Vec<String> = vec![String::new()];
    names.extend(stored.iter().map(|one| one.site.clone()));
    names.extend(
        state
            .store
            .client_list()
            .await?
            .into_iter()
            .map(|client| client.site),
    );
    names.push(site.clone());
    names.sort();
    names.dedup();
    let failed = !faults.is_empty();
    let mut response = render(&SettingsPage {
        chrome: Chrome::new(state, account, "Portal", Place::Settings).await,
        sites: names
            .into_iter()
            .map(|name| Site {
                link: format!("/settings?site={}", encode(&name)),
                current: name == site,
                name: if name.is_empty() {
                    "every site".to_owned()
                } else {
                    name
                },
            })
            .collect(),
        own: own.is_some(),
        has_logo: own.is_some_and(|own| own.has_logo),
        changed: own
            .filter(|own| own.updated_us != 0)
            .map(|own| Moment(own.updated_us)),
        languages: LANGUAGES,
        methods: PortalMethod::ALL
            .iter()
            .map(|method| Choice {
                word: method.as_str(),
                label: label(*method),
                chosen: settings.methods.contains(method),
            })
            .collect(),
        fields: GuestField::ALL
            .iter()
            .map(|field| asked(&settings, *field))
            .collect(),
        texts: LANGUAGES
            .iter()
            .map(|language| Text {
                language,
                text: settings
                    .terms
                    .text
                    .get(*language)
                    .cloned()
                    .unwrap_or_default(),
            })
            .collect(),
        sponsor_domains: settings.guest.sponsor_domains.join(" "),
        sponsor_groups: settings.guest.sponsor_groups.join(" "),
        networks: settings.devices.networks.join("\n"),
        delegates: settings.devices.delegates.join(" "),
        runs: state
            .store
            .retention_run_list(RUNS_SHOWN)
            .await?
            .into_iter()
            .map(Forgotten::from)
            .collect(),
        mail_missing: needs_mail(&settings) && !state.environment.sends_mail,
        site,
        settings,
        faults,
        may_change: account.may(Permission::SettingChange),
    })?;
    if failed {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

impl From<RetentionRun> for Forgotten {
    fn from(run: RetentionRun) -> Self {
        Self {
            at: Moment(run.started_us),
            rows: run
                .removed
                .into_iter()
                .filter(|(_, rows)| *rows > 0)
                .map(|(kind, rows)| (kind.as_str(), rows))
                .collect(),
        }
    }
}

fn asked(settings: &PortalSettings, field: GuestField) -> Field {
    let asked = settings
        .guest
        .fields
        .iter()
        .find(|asked| asked.field == field);
    Field {
        field,
        label: match field {
            GuestField::Name => "Name",
            GuestField::Email => "E-mail address",
            GuestField::Phone => "Telephone number",
            GuestField::Company => "Company",
            GuestField::Sponsor => "Whom they visit (e-mail address of the sponsor)",
            GuestField::Reason => "Reason of the visit",
        },
        asked: asked.is_some(),
        required: asked.is_some_and(|asked| asked.required),
    }
}

const fn label(method: PortalMethod) -> &'static str {
    match method {
        PortalMethod::Guest => "guests register",
        PortalMethod::Voucher => "guests type a voucher's code",
        PortalMethod::Terms => "guests accept the terms, and nothing else",
        PortalMethod::Devices => "employees register their own devices",
        PortalMethod::Remedy => "why a device is limited, and how to put it right",
    }
}

async fn save(
    State(state): State<AdminState>,
    account: Account,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let site = pairs
        .iter()
        .find(|(key, _)| key == "site")
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default();
    let mut settings = state.store.portal_site(&site).await?.settings;
    let mut faults = read(&mut settings, &pairs)?;
    faults.extend(settings.faults());
    if !faults.is_empty() {
        return show(&state, &account, site, settings, faults).await;
    }
    account
        .store(&state)
        .portal_site_put(&site, &settings)
        .await?;
    Ok(Done::at(
        at(&site),
        "Saved. The portal shows it from the next page on.",
    )
    .into_response())
}

/// Takes over what the form sent; what is not in the form stays as it is.
fn read(
    settings: &mut PortalSettings,
    pairs: &[(String, String)],
) -> Result<Vec<SettingFault>, Failure> {
    let mut faults = Vec::new();
    let mut methods = Vec::new();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    (settings.guest.verify_email, settings.guest.approval) = (false, false);
    let mut fields = Vec::new();
    let mut asks = false;
    for (key, value) in pairs {
        let value = value.trim();
        let words = || {
            value
                .split([' ', ',', ';', '\n', '\r', '\t'])
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut number = |key: &'static str, place: &mut u32| match value.parse() {
            Ok(number) => *place = number,
            Err(_) => faults.push(SettingFault {
                key,
                what: format!("\"{}\" is no whole number", value.escape_debug()),
            }),
        };
        match key.as_str() {
            "site" => {}
            "name" => value.clone_into(&mut settings.name),
            "language" => value.clone_into(&mut settings.language),
            "time_zone" => value.clone_into(&mut settings.time_zone),
            "venue_url" => value.clone_into(&mut settings.venue_url),
            "accent" | "accent_dark" => {
                let (key, place) = match key.as_str() {
                    "accent" => ("brand.accent", &mut settings.brand.accent),
                    _ => ("brand.accent_dark", &mut settings.brand.accent_dark),
                };
                match value.parse() {
                    Ok(colour) => *place = colour,
                    Err(error) => faults.push(SettingFault {
                        key,
                        what: nac_store::ColourForm::to_string(&error),
                    }),
                }
            }
            "help_name" => value.clone_into(&mut settings.help.name),
            "help_phone" => value.clone_into(&mut settings.help.phone),
            "help_email" => value.clone_into(&mut settings.help.email),
            "method" => methods.extend(value.parse::<PortalMethod>().ok()),
            "verify_email" => settings.guest.verify_email = true,
            "approval" => settings.guest.approval = true,
            "sponsor_domains" => settings.guest.sponsor_domains = words(),
            "sponsor_groups" => settings.guest.sponsor_groups = words(),
            "guest_hours" => number("guest.hours", &mut settings.guest.hours),
            "guest_devices" => number("guest.devices", &mut settings.guest.devices),
            "activation_minutes" => number(
                "guest.activation_minutes",
                &mut settings.guest.activation_minutes,
            ),
            "device_limit" => number("device_limit", &mut settings.device_limit),
            "device_days" => number("devices.days", &mut settings.devices.days),
            "device_networks" => {
                // Names of Wi-Fi networks may hold blanks: one a line.
                settings.devices.networks = value
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
            "device_delegates" => settings.devices.delegates = words(),
            "exception_days" => number("exception_days", &mut settings.exception_days),
            "terms_version" => value.clone_into(&mut settings.terms.version),
            "decisions_days" => number(
                "retention.decisions_days",
                &mut settings.retention.decisions_days,
            ),
            "accounting_days" => number(
                "retention.accounting_days",
                &mut settings.retention.accounting_days,
            ),
            "sessions_days" => number(
                "retention.sessions_days",
                &mut settings.retention.sessions_days,
            ),
            "guests_days" => number("retention.guests_days", &mut settings.retention.guests_days),
            "acceptances_days" => number(
                "retention.acceptances_days",
                &mut settings.retention.acceptances_days,
            ),
            other if other.starts_with("ask_") => {
                let Ok(field) = other.trim_start_matches("ask_").parse() else {
                    return Err(unknown());
                };
                asks = true;
                match value {
                    "no" => {}
                    "yes" | "required" => fields.push(AskedField {
                        field,
                        required: value == "required",
                    }),
                    _ => return Err(unknown()),
                }
            }
            other => match other.strip_prefix("terms_") {
                Some(language) if LANGUAGES.contains(&language) => {
                    if !value.is_empty() {
                        texts.insert(language.to_owned(), value.replace("\r\n", "\n"));
                    }
                }
                _ => return Err(unknown()),
            },
        }
    }
    if asks {
        let former = &settings.guest.fields;
        // The order that somebody chose stays.
        fields.sort_by_key(|asked: &AskedField| {
            let place = former.iter().position(|known| known.field == asked.field);
            place.unwrap_or(usize::MAX)
        });
        settings.guest.fields = fields;
    }
    settings.methods = methods;
    settings.terms.text = texts;
    Ok(faults)
}

fn unknown() -> Failure {
    Failure::invalid("", "the form has a field that is not known here")
}

/// What the button sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoveForm {
    site: String,
}

async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<RemoveForm>,
) -> Result<Done, Problem> {
    account.store(&state).portal_site_remove(&form.site).await?;
    Ok(Done::at(
        "/settings",
        format!("{} follows the settings of every site again.", form.site),
    ))
}

/// Takes a picture as browsers send files.
async fn logo(
    State(state): State<AdminState>,
    account: Account,
    mut form: Multipart,
) -> Result<Done, Problem> {
    let unreadable = |error: MultipartError| Failure::invalid("logo", error.body_text());
    let (mut site, mut logo) = (String::new(), None);
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("site") => site = field.text().await.map_err(unreadable)?,
            Some("logo") => logo = Some(field.bytes().await.map_err(unreadable)?),
            _ => return Err(unknown().into()),
        }
    }
    let logo = logo
        .filter(|logo| !logo.is_empty())
        .ok_or_else(|| Failure::invalid("logo", "choose a picture first"))?;
    account
        .store(&state)
        .portal_logo_put(&site, Some(&logo))
        .await?;
    Ok(Done::at(
        at(&site),
        "The portal shows the logo from the next page on.",
    ))
}

async fn remove_logo(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<RemoveForm>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .portal_logo_put(&form.site, None)
        .await?;
    Ok(Done::at(at(&form.site), "The logo is gone."))
}

/// The page of a site's settings.
fn at(site: &str) -> String {
    format!("/settings?site={}", encode(site))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use nac_store::Role;

    use super::*;
    use crate::admin::tests::site;

    #[tokio::test]
    async fn settings_that_cannot_be_used_come_back_with_all_their_faults() {
        let site = site().await;
        let cookie = site.signed_in(Role::Administrator).await;
        let bad = "site=&name=Caf%C3%A9&language=xx&guest_hours=soon&method=remedy";
        let (status, _, page) = site.post("/settings", &cookie, bad).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("Café") && page.contains("guest.hours"));
        assert!(page.contains("one of en, de"));
        let stored = site.store.portal_site("").await.unwrap();
        assert_eq!(stored.settings, PortalSettings::default());
    }

    #[tokio::test]
    async fn colours_that_nobody_can_read_are_refused_and_good_ones_kept() {
        let site = site().await;
        let cookie = site.signed_in(Role::Administrator).await;
        for bad in ["accent=%23ffff00", "accent=yellow", "accent_dark=%23000000"] {
            let (status, _, page) = site
                .post("/settings", &cookie, &format!("site=&{bad}"))
                .await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
            assert!(page.contains("brand.accent"), "{bad}");
        }
        let good = "site=&accent=%237a1f1f&accent_dark=%23f2b8b8";
        let (status, _, _) = site.post("/settings", &cookie, good).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let brand = site.store.portal_site("").await.unwrap().settings.brand;
        assert_eq!(brand.accent.to_string(), "#7a1f1f");
        assert_eq!(brand.accent_dark.to_string(), "#f2b8b8");
    }

    #[tokio::test]
    async fn what_guests_are_asked_is_chosen_field_by_field_and_keeps_its_order() {
        let site = site().await;
        let cookie = site.signed_in(Role::Administrator).await;
        let form = "site=&ask_email=required&ask_name=yes&ask_phone=no&ask_company=yes&method=guest&verify_email=true";
        let (status, _, _) = site.post("/settings", &cookie, form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let fields = site
            .store
            .portal_site("")
            .await
            .unwrap()
            .settings
            .guest
            .fields;
        let fields: Vec<_> = fields
            .iter()
            .map(|asked| (asked.field, asked.required))
            .collect();
        assert_eq!(
            fields,
            [
                (GuestField::Name, false),
                (GuestField::Email, true),
                (GuestField::Company, false)
            ]
        );
        let (_, _, page) = site.get("/settings", &cookie).await;
        assert!(page.contains("no mail server"), "guests could not confirm");
        let (status, _, _) = site.post("/settings", &cookie, "site=&ask_shoe=yes").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[tokio::test]
    async fn settings_are_saved_for_one_site_and_follow_the_default_again() {
        let site = site().await;
        let cookie = site.signed_in(Role::Administrator).await;
        let form = "site=hq&name=Headquarters&language=de&method=guest&method=remedy&terms_version=2&terms_en=Be+kind";
        let (status, _, _) = site.post("/settings", &cookie, form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let stored = site.store.portal_site("hq").await.unwrap().settings;
        assert_eq!(stored.name, "Headquarters");
        assert_eq!(stored.methods, [PortalMethod::Guest, PortalMethod::Remedy]);
        assert_eq!(stored.terms.text_in("en"), Some("Be kind"));
        let (_, _, page) = site.get("/settings?site=hq", &cookie).await;
        assert!(page.contains("Headquarters"));
        let (status, _, _) = site.post("/settings/remove", &cookie, "site=hq").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(site.store.portal_site("hq").await.unwrap().site, "");
        let viewer = site.signed_in(Role::Viewer).await;
        let (status, _, _) = site.post("/settings", &viewer, form).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
}
