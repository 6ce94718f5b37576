//! Adding, changing and removing clients; their secrets are shown once.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::{IntoResponse as _, Response};
use nac_store::{
    Client, ClientChange, MessageAuthenticatorRule, NewClient, SecretBytes, Store, StoreError,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{path, vendors};
use crate::admin::filter::end;
use crate::admin::form::{Fault, filled, number};
use crate::admin::{Account, AdminState, Chrome, Done, Place, Problem, render};
use crate::input::client::{
    check_message_authenticator, check_name, check_vendor, network, radsec_name, taken,
};
use crate::input::secret::{GENERATED_LENGTH, generate, weakness};
use crate::web::Failure;

/// What the URL of the form may fill in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Prefill {
    name: String,
    address: String,
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientForm {
    name: String,
    address: String,
    vendor: String,
    site: String,
    coa_port: String,
    #[serde(default)]
    radsec_name: String,
    /// A rule's word; nothing is the safe one.
    #[serde(default)]
    message_authenticator: String,
    #[serde(default)]
    legacy_until: Option<String>,
    #[serde(default)]
    secret: Zeroizing<String>,
    #[serde(default)]
    weak: bool,
}

impl ClientForm {
    fn of(client: &Client) -> Self {
        Self {
            name: client.name.clone(),
            address: client.address.to_string(),
            vendor: client.vendor.clone(),
            site: client.site.clone(),
            coa_port: client
                .coa_port
                .map(|port| port.to_string())
                .unwrap_or_default(),
            radsec_name: client.radsec_name.clone().unwrap_or_default(),
            message_authenticator: client.message_authenticator.to_string(),
            legacy_until: client.legacy_until_us.and_then(date),
            secret: Zeroizing::default(),
            weak: false,
        }
    }

    fn port(&self) -> Result<Option<u16>, Failure> {
        let Some(text) = filled(&self.coa_port) else {
            return Ok(None);
        };
        let port = number("coa_port", text, 1, 65_535)?;
        Ok(u16::try_from(port).ok())
    }

    fn radsec_name(&self) -> Result<Option<String>, Failure> {
        Ok(filled(&self.radsec_name).map(radsec_name).transpose()?)
    }

    fn rule(&self, address: ipnet::IpNet) -> Result<MessageAuthenticatorRule, Failure> {
        let rule = match self.message_authenticator.as_str() {
            "" => MessageAuthenticatorRule::Required,
            word => word.parse().map_err(|_| {
                Failure::invalid("message_authenticator", "choose one of the three rules")
            })?,
        };
        check_message_authenticator(rule, address)?;
        Ok(rule)
    }

    /// The secret that was typed; weak ones only with consent.
    fn typed_secret(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        if self.secret.is_empty() {
            return Ok(None);
        }
        match weakness(&self.secret) {
            Some(why) if !self.weak => Err(Failure::invalid(
                "secret",
                format!(
                    "this shared secret is weak: {why}; leave it out and a strong one is made, or accept that it is weak"
                ),
            )),
            _ => Ok(Some(self.secret.clone())),
        }
    }
}

/// A moment as the form takes it.
fn date(us: i64) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(us).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[derive(Template)]
#[template(path = "admin/clients/form.html")]
struct FormPage {
    chrome: Chrome,
    form: ClientForm,
    fault: Fault,
    /// The client that is changed; `None` when one is added.
    old: Option<String>,
    back: String,
    vendors: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "admin/clients/secret.html")]
struct SecretPage {
    chrome: Chrome,
    client: Client,
    secret: Zeroizing<String>,
    back: String,
}

pub(super) async fn new(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(prefill): UrlQuery<Prefill>,
) -> Result<Response, Problem> {
    let form = ClientForm {
        name: prefill.name,
        address: prefill.address,
        vendor: "generic".to_owned(),
        site: String::new(),
        coa_port: String::new(),
        radsec_name: String::new(),
        message_authenticator: MessageAuthenticatorRule::Required.to_string(),
        legacy_until: None,
        secret: Zeroizing::default(),
        weak: false,
    };
    form_page(&state, &account, form, None, Fault::default()).await
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: ClientForm,
    old: Option<String>,
    fault: Fault,
) -> Result<Response, Problem> {
    let title = match &old {
        Some(name) => format!("Change {name}"),
        None => "New client".to_owned(),
    };
    let page = FormPage {
        chrome: Chrome::new(state, account, title, Place::Clients).await,
        back: old.as_deref().map_or_else(|| "/clients".to_owned(), path),
        form,
        old,
        vendors: vendors(),
        fault,
    };
    Ok(page.fault.on(render(&page)?))
}

pub(super) async fn add(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<ClientForm>,
) -> Result<Response, Problem> {
    match try_add(&state, &account, &form).await {
        Ok((client, Some(secret))) => secret_page(&state, &account, client, secret).await,
        Ok((client, None)) => Ok(Done::at(
            path(&client.name),
            format!("{} may ask from {}.", client.name, client.address),
        )
        .into_response()),
        Err(problem) => form_page(&state, &account, form, None, Fault::of(problem)?).await,
    }
}

/// Gives the secret when it was made here.
async fn try_add(
    state: &AdminState,
    account: &Account,
    form: &ClientForm,
) -> Result<(Client, Option<Zeroizing<String>>), Problem> {
    account.confirmed("/clients/new")?;
    let name = form.name.trim();
    check_name(name)?;
    check_vendor(&form.vendor)?;
    let address = network(form.address.trim()).map_err(|why| Failure::invalid("address", why))?;
    let radsec = form.radsec_name()?;
    let rule = form.rule(address)?;
    let (secret, made) = match form.typed_secret()? {
        Some(secret) => (secret, false),
        None => (generate(GENERATED_LENGTH)?, true),
    };
    let store = account.store(state);
    let added = store
        .client_add(NewClient {
            name: name.to_owned(),
            address,
            secret: SecretBytes::new(secret.as_bytes()),
            message_authenticator: rule,
            legacy_until_us: end("legacy_until", &form.legacy_until)?,
            vendor: form.vendor.clone(),
            coa_port: form.port()?,
            radsec_name: radsec.clone(),
            site: form.site.trim().to_owned(),
        })
        .await;
    match added {
        Ok(client) => Ok((client, made.then_some(secret))),
        Err(error) => Err(refused(&store, error, name, address, radsec.as_deref(), None).await),
    }
}

/// At which field the form is told that a name or an address is taken.
async fn refused(
    store: &Store,
    error: StoreError,
    name: &str,
    address: ipnet::IpNet,
    radsec: Option<&str>,
    own: Option<&str>,
) -> Problem {
    match taken(store, &error, Some(name), Some(address), radsec, own).await {
        Some(taken) => Failure::invalid(taken.field, taken.sentence).into(),
        None => error.into(),
    }
}

async fn secret_page(
    state: &AdminState,
    account: &Account,
    client: Client,
    secret: Zeroizing<String>,
) -> Result<Response, Problem> {
    render(&SecretPage {
        chrome: Chrome::new(state, account, "The shared secret", Place::Clients).await,
        back: path(&client.name),
        client,
        secret,
    })
}

pub(super) async fn edit(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let client = state.store.client_fetch(&name).await?;
    let form = ClientForm::of(&client);
    form_page(&state, &account, form, Some(name), Fault::default()).await
}

pub(super) async fn update(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
    Form(form): Form<ClientForm>,
) -> Result<Response, Problem> {
    match try_update(&state, &account, &name, &form).await {
        Ok(client) => Ok(
            Done::at(path(&client.name), format!("{} was changed.", client.name)).into_response(),
        ),
        Err(problem) => form_page(&state, &account, form, Some(name), Fault::of(problem)?).await,
    }
}

async fn try_update(
    state: &AdminState,
    account: &Account,
    old: &str,
    form: &ClientForm,
) -> Result<Client, Problem> {
    let name = form.name.trim();
    check_name(name)?;
    check_vendor(&form.vendor)?;
    let address = network(form.address.trim()).map_err(|why| Failure::invalid("address", why))?;
    let radsec = form.radsec_name()?;
    let rule = form.rule(address)?;
    let secret = form.typed_secret()?;
    if secret.is_some() {
        account.confirmed(&format!("{}/edit", path(old)))?;
    }
    let change = ClientChange {
        name: Some(name.to_owned()),
        address: Some(address),
        secret: secret.map(|secret| SecretBytes::new(secret.as_bytes())),
        message_authenticator: Some(rule),
        legacy_until_us: end("legacy_until", &form.legacy_until)?,
        vendor: Some(form.vendor.clone()),
        coa_port: Some(form.port()?),
        radsec_name: Some(radsec.clone()),
        site: Some(form.site.trim().to_owned()),
    };
    let store = account.store(state);
    match store.client_update(old, change).await {
        Ok(client) => Ok(client),
        Err(error) => {
            Err(refused(&store, error, name, address, radsec.as_deref(), Some(old)).await)
        }
    }
}

pub(super) async fn rotate(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    account.confirmed(&path(&name))?;
    let secret = generate(GENERATED_LENGTH)?;
    let change = ClientChange {
        secret: Some(SecretBytes::new(secret.as_bytes())),
        ..ClientChange::default()
    };
    let client = account.store(&state).client_update(&name, change).await?;
    secret_page(&state, &account, client, secret).await
}

pub(super) async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Done, Problem> {
    account.store(&state).client_remove(&name).await?;
    Ok(Done::at("/clients", format!("{name} may ask no longer.")))
}

/// What the button sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForgetForm {
    address: String,
}

pub(super) async fn forget_unknown(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<ForgetForm>,
) -> Result<Done, Problem> {
    let store = account.store(&state);
    store.unknown_nas_forget(Some(&form.address)).await?;
    Ok(Done::at(
        "/clients",
        format!("{} is forgotten until its next packet comes.", form.address),
    ))
}
