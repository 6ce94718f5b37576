//! RADIUS clients: the switches, access points and controllers that may ask us.

use ipnet::IpNet;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, MessageAuthenticatorRule, MessageAuthenticatorTerms, SecretBytes, Store, StoreError,
    activity::unknown_nas_known,
    now_us,
    seal::Cell,
    sql::{Parsed, sql},
};

/// A NAS, or a network of them, that shares a secret with us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Client {
    /// Our id.
    pub id: Uuid,
    /// The name people use; unique.
    pub name: String,
    /// Where its packets come from; unique. The most specific network wins.
    #[schema(value_type = String, example = "192.0.2.10/32")]
    pub address: IpNet,
    /// The shared secret.
    #[serde(skip)]
    pub secret: SecretBytes,
    /// Whether an Access-Request without Message-Authenticator is looked at (RFC 3579 section 3.2).
    pub message_authenticator: MessageAuthenticatorRule,
    /// Until when `legacy` lasts, in microseconds since the Unix epoch.
    pub legacy_until_us: Option<i64>,
    /// The name of its vendor profile, such as `generic`.
    pub vendor: String,
    /// The port for CoA and Disconnect requests, where it is not the profile's.
    pub coa_port: Option<u16>,
    /// The name in its certificate by which it is known when it comes over RadSec (RFC 6614); where there is none, its address says
    /// who it is there too.
    pub radsec_name: Option<String>,
    /// The site it stands in; empty when nobody said.
    pub site: String,
    /// When it was added, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it was last changed, in microseconds since the Unix epoch.
    pub updated_us: i64,
}

/// A client to add.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The name people use.
    pub name: String,
    /// Where its packets come from. Host bits are dropped.
    pub address: IpNet,
    /// The shared secret.
    pub secret: SecretBytes,
    /// Whether an Access-Request without Message-Authenticator is looked at.
    pub message_authenticator: MessageAuthenticatorRule,
    /// Until when `legacy` lasts; 90 days when nobody says.
    pub legacy_until_us: Option<i64>,
    /// The name of its vendor profile.
    pub vendor: String,
    /// The port for CoA and Disconnect requests, where it is not the profile's.
    pub coa_port: Option<u16>,
    /// The name in its certificate by which it is known over RadSec; unique.
    pub radsec_name: Option<String>,
    /// The site it stands in.
    pub site: String,
}

/// What to change of a client; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ClientChange {
    /// A new name.
    pub name: Option<String>,
    /// A new address.
    pub address: Option<IpNet>,
    /// A new shared secret.
    pub secret: Option<SecretBytes>,
    /// Another rule for Message-Authenticator.
    pub message_authenticator: Option<MessageAuthenticatorRule>,
    /// Another end of `legacy`.
    pub legacy_until_us: Option<i64>,
    /// Another vendor profile.
    pub vendor: Option<String>,
    /// Another CoA port, or (`Some(None)`) the profile's.
    pub coa_port: Option<Option<u16>>,
    /// Another name in its certificate, or (`Some(None)`) none.
    pub radsec_name: Option<Option<String>>,
    /// Another site.
    pub site: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ClientRow {
    id: Uuid,
    name: String,
    #[sqlx(try_from = "Parsed<IpNet>")]
    address: IpNet,
    secret: Vec<u8>,
    message_authenticator: MessageAuthenticatorRule,
    legacy_until_us: Option<i64>,
    vendor: String,
    coa_port: Option<i64>,
    radsec_name: Option<String>,
    site: String,
    created_us: i64,
    updated_us: i64,
}

impl Store {
    /// Adds a client.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when one of its names or its address is taken; [`StoreError::Sealed`] without a sealing key.
    pub async fn client_add(&self, new: NewClient) -> Result<Client, StoreError> {
        let at_us = now_us();
        let terms = MessageAuthenticatorTerms::new(new.message_authenticator, new.legacy_until_us);
        let client = Client {
            id: Uuid::now_v7(),
            name: new.name,
            address: new.address.trunc(),
            secret: new.secret,
            message_authenticator: terms.rule,
            legacy_until_us: terms.legacy_until_us,
            vendor: new.vendor,
            coa_port: new.coa_port,
            radsec_name: new.radsec_name,
            site: new.site,
            created_us: at_us,
            updated_us: at_us,
        };
        let secret = self.seal(secret_cell(&client.id), &client.secret)?;
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "INSERT INTO client (id, name, address, secret, message_authenticator, legacy_until_us, vendor, coa_port, \
             radsec_name, site, created_us, updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            client.id,
            client.name.as_str(),
            client.address.to_string(),
            secret.as_slice(),
            client.message_authenticator.as_str(),
            client.legacy_until_us,
            client.vendor.as_str(),
            client.coa_port.map(i64::from),
            client.radsec_name.as_deref(),
            client.site.as_str(),
            client.created_us,
            client.updated_us
        )
        .map_err(|error| error.or_conflict(|| taken(&client)))?;
        unknown_nas_known(&mut tx, client.address).await?;
        tx.changed(EventKind::Client, &client.name);
        tx.audit(
            "client.add",
            format!("client:{}", client.name),
            None::<&()>,
            Some(&client),
        )?;
        tx.commit().await?;
        Ok(client)
    }

    /// Changes a client.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when a new name or the new address is taken.
    pub async fn client_update(
        &self,
        name: &str,
        change: ClientChange,
    ) -> Result<Client, StoreError> {
        let mut tx = self.write().await?;
        let row: Option<ClientRow> = sql!(
            tx.on(),
            fetch_optional as ClientRow,
            sqlite: "SELECT * FROM client WHERE name = $1",
            postgres: "SELECT * FROM client WHERE name = $1 FOR UPDATE",
            name
        )?;
        let before = self.client(row.ok_or_else(|| StoreError::not_found("client", name))?)?;
        let mut client = before.clone();
        let terms = before.terms().changed(&change);
        client.message_authenticator = terms.rule;
        client.legacy_until_us = terms.legacy_until_us;
        client.name = change.name.unwrap_or(client.name);
        client.address = change
            .address
            .map_or(client.address, |address| address.trunc());
        client.secret = change.secret.unwrap_or(client.secret);
        client.vendor = change.vendor.unwrap_or(client.vendor);
        client.coa_port = change.coa_port.unwrap_or(client.coa_port);
        client.radsec_name = change.radsec_name.unwrap_or(client.radsec_name);
        client.site = change.site.unwrap_or(client.site);
        // Clocks may step back; a later change is later all the same.
        client.updated_us = now_us().max(client.updated_us.saturating_add(1));
        let secret = self.seal(secret_cell(&client.id), &client.secret)?;
        sql!(
            tx.on(),
            execute,
            "UPDATE client SET name = $2, address = $3, secret = $4, message_authenticator = $5, \
             legacy_until_us = $6, vendor = $7, coa_port = $8, radsec_name = $9, site = $10, updated_us = $11 WHERE id = $1",
            client.id,
            client.name.as_str(),
            client.address.to_string(),
            secret.as_slice(),
            client.message_authenticator.as_str(),
            client.legacy_until_us,
            client.vendor.as_str(),
            client.coa_port.map(i64::from),
            client.radsec_name.as_deref(),
            client.site.as_str(),
            client.updated_us
        )
        .map_err(|error| error.or_conflict(|| taken(&client)))?;
        tx.changed(EventKind::Client, name);
        tx.changed(EventKind::Client, &client.name);
        let after = Changed {
            client: &client,
            secret: (client.secret != before.secret).then_some("changed"),
        };
        tx.audit(
            "client.update",
            format!("client:{name}"),
            Some(&before),
            Some(&after),
        )?;
        tx.commit().await?;
        Ok(client)
    }

    /// All clients, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without the right key, or when the database fails.
    pub async fn client_list(&self) -> Result<Vec<Client>, StoreError> {
        let rows: Vec<ClientRow> = sql!(
            self.read(),
            fetch_all as ClientRow,
            "SELECT * FROM client ORDER BY name"
        )?;
        rows.into_iter().map(|row| self.client(row)).collect()
    }

    /// The client of this name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn client_fetch(&self, name: &str) -> Result<Client, StoreError> {
        let row: Option<ClientRow> = sql!(
            self.read(),
            fetch_optional as ClientRow,
            "SELECT * FROM client WHERE name = $1",
            name
        )?;
        self.client(row.ok_or_else(|| StoreError::not_found("client", name))?)
    }

    /// Removes a client.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name.
    pub async fn client_remove(&self, name: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row: Option<ClientRow> = sql!(
            tx.on(),
            fetch_optional as ClientRow,
            "DELETE FROM client WHERE name = $1 RETURNING *",
            name
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("client", name))?;
        sql!(
            tx.on(),
            execute,
            "DELETE FROM client_activity WHERE client_id = $1",
            row.id
        )?;
        tx.changed(EventKind::Client, name);
        // Its secret is not needed, so a lost sealing key is no obstacle.
        let before = row.with_secret(SecretBytes::new(Vec::new()));
        tx.audit(
            "client.remove",
            format!("client:{name}"),
            Some(&before),
            None::<&()>,
        )?;
        tx.commit().await
    }

    fn client(&self, row: ClientRow) -> Result<Client, StoreError> {
        let secret = self.unseal(secret_cell(&row.id), &row.secret)?;
        Ok(row.with_secret(secret))
    }
}

impl ClientRow {
    fn with_secret(self, secret: SecretBytes) -> Client {
        Client {
            secret,
            id: self.id,
            name: self.name,
            address: self.address,
            message_authenticator: self.message_authenticator,
            legacy_until_us: self.legacy_until_us,
            vendor: self.vendor,
            coa_port: self.coa_port.and_then(|port| u16::try_from(port).ok()),
            radsec_name: self.radsec_name,
            site: self.site,
            created_us: self.created_us,
            updated_us: self.updated_us,
        }
    }
}

/// A changed client for the audit log, which must tell that the secret is another one and not which.
#[derive(Serialize)]
struct Changed<'a> {
    #[serde(flatten)]
    client: &'a Client,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'static str>,
}

fn secret_cell(id: &Uuid) -> Cell<'_> {
    Cell {
        table: "client",
        column: "secret",
        row: id,
    }
}

fn taken(client: &Client) -> String {
    let also = client
        .radsec_name
        .as_ref()
        .map_or_else(String::new, |name| {
            format!(" or with the RadSec name {name}")
        });
    format!(
        "there is already a client named {} or with the address {}{also}",
        client.name, client.address
    )
}
