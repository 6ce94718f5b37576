//! Certificates that our authority issued: how long they last, issuing one, revoking one.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use nac_store::{Certificate, CertificateKind, now_us};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::form::{Fault, filled, number};
use super::listing::{self, Format, PAGE, Query};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::input::certificate::{authority, issue as issue_to};
use crate::input::user::check_name;
use crate::web::Failure;

const DAY_US: i64 = 86_400_000_000;
/// How long a certificate is good for when nobody says, in days.
const DAYS: &str = "365";
/// Fewer days left than this are marked.
const SOON_DAYS: i64 = 30;

/// `/certificates` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::CertificateChange;
    vec![
        Route::page("/certificates", Permission::Read, get(page)),
        Route::page("/certificates/ca.crt", Permission::Read, get(ca)),
        Route::page("/certificates/new", change, get(new)),
        Route::action(
            "/certificates/new",
            change,
            "certificate_issue",
            post(issue),
        ),
        Route::page("/certificates/{serial}", Permission::Read, get(detail)),
        Route::action(
            "/certificates/{serial}/revoke",
            change,
            "certificate_revoke",
            post(revoke),
        ),
    ]
}

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    kind: Option<String>,
    state: Option<String>,
    page: usize,
    format: Format,
}

struct Row {
    certificate: Certificate,
    state: &'static str,
    tone: &'static str,
    days: i64,
    until: Moment,
}

impl Row {
    fn of(certificate: Certificate, now: i64) -> Self {
        let days = (certificate.not_after_us - now).div_euclid(DAY_US);
        let (state, tone) = match certificate.revoked_us {
            Some(_) => ("revoked", "bad"),
            None if certificate.not_after_us <= now => ("ended", "bad"),
            None if days < SOON_DAYS => ("ends soon", "warn"),
            None => ("good", "good"),
        };
        Self {
            until: Moment(certificate.not_after_us),
            certificate,
            state,
            tone,
            days,
        }
    }
}

struct Own {
    fingerprint: String,
    subject: String,
    until: Moment,
    days: i64,
}

#[derive(Template)]
#[template(path = "admin/certificates/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    own: Option<Own>,
    kinds: Vec<&'static str>,
    states: [&'static str; 4],
    rows: Vec<Row>,
    next: Option<String>,
    csv: String,
    json: String,
    may_change: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let some = |text: &Option<String>| text.as_deref().and_then(filled).map(str::to_owned);
    let (text, kind, word) = (some(&filters.q), some(&filters.kind), some(&filters.state));
    let lower = text.as_ref().map(|text| text.to_lowercase());
    let now = now_us();
    let mut rows: Vec<Row> = state
        .store
        .certificate_list()
        .await?
        .into_iter()
        .map(|certificate| Row::of(certificate, now))
        .filter(|row| {
            let one = &row.certificate;
            let fits = |text: &String| {
                one.name.to_lowercase().contains(text) || one.serial.starts_with(text.as_str())
            };
            lower.as_ref().is_none_or(fits)
                && kind.as_ref().is_none_or(|kind| one.kind.as_str() == kind)
                && word.as_ref().is_none_or(|word| row.state == word)
        })
        .collect();
    // What ends next comes first; what is over comes last.
    rows.sort_by(|one, two| {
        let over = |row: &Row| ["revoked", "ended"].contains(&row.state);
        (
            over(one),
            one.certificate.not_after_us,
            &one.certificate.serial,
        )
            .cmp(&(
                over(two),
                two.certificate.not_after_us,
                &two.certificate.serial,
            ))
    });
    let query = Query::new("/certificates")
        .with("q", text)
        .with("kind", kind)
        .with("state", word);
    match filters.format {
        Format::Json => {
            let all: Vec<&Certificate> = rows.iter().map(|row| &row.certificate).collect();
            return Ok(listing::json("certificates", &all)?);
        }
        Format::Csv => return Ok(csv(&rows)?),
        Format::Html => {}
    }
    let from = filters.page.saturating_mul(PAGE as usize);
    let mut rows: Vec<Row> = rows
        .into_iter()
        .skip(from)
        .take(PAGE as usize + 1)
        .collect();
    let next = listing::cut(&mut rows).then(|| query.link("page", filters.page.saturating_add(1)));
    let own = authority(&state.store).await.ok().map(|own| Own {
        fingerprint: own.fingerprint_sha256(),
        subject: own.facts().subject.clone(),
        until: Moment(own.facts().not_after_us),
        days: (own.facts().not_after_us - now).div_euclid(DAY_US),
    });
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Certificates", Place::Certificates).await,
        filtered: query.is_filtered(),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        kinds: CertificateKind::ALL
            .iter()
            .map(|one| one.as_str())
            .collect(),
        states: ["good", "ends soon", "ended", "revoked"],
        own,
        next,
        filters,
        rows,
        may_change: account.may(Permission::CertificateChange),
    })
}

fn csv(rows: &[Row]) -> Result<Response, Failure> {
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let one = &row.certificate;
            vec![
                one.name.clone(),
                one.kind.to_string(),
                one.serial.clone(),
                row.state.to_owned(),
                row.days.to_string(),
                one.not_after_us.to_string(),
                one.fingerprint_sha256.clone(),
                one.revoked_reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let header = [
        "name",
        "kind",
        "serial",
        "state",
        "days_left",
        "not_after_us",
        "fingerprint_sha256",
        "revoked_reason",
    ];
    listing::csv("certificates", &header, &lines)
}

async fn ca(State(state): State<AdminState>, _: Account) -> Result<Response, Problem> {
    let own = authority(&state.store).await?;
    Ok(download("ca.crt", own.certificate_pem().to_owned()))
}

fn download(name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-pem-file".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, text).into_response()
}

#[derive(Template)]
#[template(path = "admin/certificates/detail.html")]
struct DetailPage {
    chrome: Chrome,
    row: Row,
    issued: Moment,
    from: Moment,
    revoked: Option<Moment>,
    may_change: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(serial): Path<String>,
) -> Result<Response, Problem> {
    let certificate = state.store.certificate_fetch(&serial).await?;
    let title = format!("Certificate of {}", certificate.name);
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, title, Place::Certificates).await,
        issued: Moment(certificate.issued_us),
        from: Moment(certificate.not_before_us),
        revoked: certificate.revoked_us.map(Moment),
        row: Row::of(certificate, now_us()),
        may_change: account.may(Permission::CertificateChange),
    })
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct IssueForm {
    kind: String,
    name: String,
    days: String,
}

#[derive(Template)]
#[template(path = "admin/certificates/form.html")]
struct FormPage {
    chrome: Chrome,
    form: IssueForm,
    fault: Fault,
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: IssueForm,
    fault: Fault,
) -> Result<Response, Problem> {
    let page = FormPage {
        chrome: Chrome::new(state, account, "New certificate", Place::Certificates).await,
        form,
        fault,
    };
    Ok(page.fault.on(render(&page)?))
}

async fn new(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(mut form): UrlQuery<IssueForm>,
) -> Result<Response, Problem> {
    if form.days.is_empty() {
        form.days = DAYS.to_owned();
    }
    form_page(&state, &account, form, Fault::default()).await
}

async fn issue(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<IssueForm>,
) -> Result<Response, Problem> {
    match try_issue(&state, &account, &form).await {
        Ok(pem) => Ok(download("nac-certificate.pem", pem.to_string())),
        Err(problem) => form_page(&state, &account, form, Fault::of(problem)?).await,
    }
}

/// Key, certificate and authority in one PEM text. The key is nowhere else.
async fn try_issue(
    state: &AdminState,
    account: &Account,
    form: &IssueForm,
) -> Result<Zeroizing<String>, Problem> {
    account.confirmed("/certificates/new")?;
    let name = form.name.trim();
    check_name(name)?;
    let days = u32::try_from(number("days", &form.days, 1, 3_650)?).unwrap_or(1);
    let kind = match form.kind.as_str() {
        "user" => CertificateKind::User,
        "device" => CertificateKind::Device,
        "nas" => CertificateKind::Nas,
        _ => return Err(Failure::invalid("kind", "choose whom it is for").into()),
    };
    Ok(issue_to(&account.store(state), kind, name, days).await?.pem)
}

/// What the button sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeForm {
    reason: String,
}

async fn revoke(
    State(state): State<AdminState>,
    account: Account,
    Path(serial): Path<String>,
    Form(form): Form<RevokeForm>,
) -> Result<Done, Problem> {
    let reason =
        filled(&form.reason).ok_or_else(|| Failure::invalid("reason", "say why it is revoked"))?;
    let revoked = account
        .store(&state)
        .certificate_revoke(&serial, reason, &account.operator())
        .await?;
    Ok(Done::at(
        format!("/certificates/{serial}"),
        format!(
            "The certificate of {} opens nothing any more.",
            revoked.name
        ),
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use nac_pki::Authority;
    use nac_store::{Role, SecretBytes};

    use super::*;
    use crate::admin::tests::site;

    #[tokio::test]
    async fn a_certificate_is_issued_with_its_key_once_and_revoked_with_a_reason() {
        let site = site().await;
        let cookie = site.signed_in(Role::Administrator).await;
        let form = "kind=user&name=alice&days=30";
        let (status, _, page) = site.post("/certificates/new", &cookie, form).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert!(page.contains("no certificate authority") && page.contains("alice"));

        let own = Authority::create("test", now_us() / 1_000_000, 3_650).unwrap();
        let key = SecretBytes::new(own.key_pem().as_bytes());
        site.store
            .authority_put(own.certificate_pem(), key)
            .await
            .unwrap();
        let (status, _, pem) = site.post("/certificates/new", &cookie, form).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(pem.matches("BEGIN PRIVATE KEY").count(), 1);
        assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
        let serial = site.store.certificate_list().await.unwrap()[0]
            .serial
            .clone();
        let path = format!("/certificates/{serial}");
        let (_, _, page) = site.get(&path, &cookie).await;
        assert!(page.contains("alice") && !page.contains("PRIVATE KEY"));
        let revoke = format!("{path}/revoke");
        let (status, _, _) = site.post(&revoke, &cookie, "reason=+").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let (status, _, _) = site.post(&revoke, &cookie, "reason=lost").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (_, _, list) = site.get("/certificates?state=revoked", &cookie).await;
        assert!(list.contains("alice") && list.contains(&own.fingerprint_sha256()));
    }
}
