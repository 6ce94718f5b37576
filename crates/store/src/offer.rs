//! Offers: which methods are offered to whom, before anybody is known.

use serde::{Deserialize, Serialize};

use crate::{
    EventKind, Store, StoreError, now_us,
    sql::{Json, json, sql, words},
    transaction::Tx,
};

/// How many offers there may be: every login looks through them.
pub const OFFERS_MAX: usize = 256;

words! {
    /// A method that an offer may name.
    pub enum OfferedMethod {
        /// EAP-TLS.
        EapTls = "EAP-TLS",
        /// PEAP.
        Peap = "PEAP",
        /// EAP-TTLS.
        EapTtls = "EAP-TTLS",
        /// TEAP.
        Teap = "TEAP",
        /// MAC authentication.
        Mab = "MAB",
        /// A cleartext password.
        Pap = "PAP",
        /// CHAP.
        Chap = "CHAP",
        /// MS-CHAPv2.
        MsChapV2 = "MS-CHAPv2",
    }
}

words! {
    /// A method inside a tunnel that an offer may name.
    pub enum OfferedInnerMethod {
        /// EAP-MSCHAPv2.
        EapMschapv2 = "EAP-MSCHAPv2",
        /// EAP-GTC.
        EapGtc = "EAP-GTC",
        /// EAP-TLS.
        EapTls = "EAP-TLS",
        /// PAP.
        Pap = "PAP",
        /// CHAP.
        Chap = "CHAP",
        /// MS-CHAP.
        Mschap = "MS-CHAP",
        /// MS-CHAPv2.
        Mschapv2 = "MS-CHAPv2",
    }
}

/// What is offered, and to whom. Of all offers the first that fits a login counts.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, utoipa::ToSchema,
)]
#[serde(default)]
pub struct Offer {
    /// Its name; unique.
    pub name: String,
    /// Its place in the order, from 1. The store's own.
    pub position: i64,
    /// The RADIUS client, by name; `*` stands for any part of it, an empty text for every client.
    pub client: String,
    /// The client's site, in the same way.
    pub site: String,
    /// The Wi-Fi network, in the same way. A wired port has none, and only an empty text or `*` fits it.
    pub ssid: String,
    /// The realm outside the tunnel (RFC 7542), in the same way and without regard to letter case.
    pub realm: String,
    /// The methods on offer, the preferred one first.
    #[sqlx(try_from = "Json<Vec<OfferedMethod>>")]
    pub methods: Vec<OfferedMethod>,
    /// What may authenticate inside tunnels, the preferred one first. When the list is empty, that of the configuration file counts.
    #[sqlx(try_from = "Json<Vec<OfferedInnerMethod>>")]
    pub inner_methods: Vec<OfferedInnerMethod>,
    /// What it is for.
    pub description: String,
    /// When it was last changed, in microseconds since the Unix epoch.
    pub updated_us: i64,
}

impl Offer {
    /// Whether it fits a login at this client, in this site, on this Wi-Fi network, with this realm.
    pub fn fits(&self, client: &str, site: &str, ssid: &str, realm: &str) -> bool {
        fits(&self.client, client)
            && fits(&self.site, site)
            && fits(&self.ssid, ssid)
            && (self.realm.is_empty() || fits(&self.realm.to_lowercase(), &realm.to_lowercase()))
    }
}

/// Whether a text is what a pattern says. An empty pattern says nothing, `*` stands for any octets. Linear in the product of both lengths
/// at worst, and both are short.
fn fits(pattern: &str, text: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.split_once(part) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    true
}

impl Store {
    /// Adds an offer after the others, or replaces the one of this name in its place. `position` and `updated_us` are the store's own and
    /// are ignored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for an empty name or without a method, [`StoreError::Conflict`] when there are [`OFFERS_MAX`].
    pub async fn offer_put(&self, offer: Offer) -> Result<Offer, StoreError> {
        if offer.name.trim().is_empty() || offer.methods.is_empty() {
            return Err(StoreError::Invalid {
                what: "an offer needs a name and a method".to_owned(),
            });
        }
        let methods = json(&offer.methods)?;
        let inner_methods = json(&offer.inner_methods)?;
        let mut tx = self.write().await?;
        let all = all(&mut tx).await?;
        let before = all.iter().find(|other| other.name == offer.name);
        if before.is_none() && all.len() >= OFFERS_MAX {
            return Err(StoreError::Conflict {
                what: format!("there are {OFFERS_MAX} offers already"),
            });
        }
        let last = all.last().map_or(0, |last| last.position);
        let stored: Offer = sql!(
            tx.on(),
            fetch_one as Offer,
            "INSERT INTO offer (name, position, client, site, ssid, realm, methods, inner_methods, description, updated_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (name) DO UPDATE SET client = excluded.client, site = excluded.site, ssid = excluded.ssid, \
             realm = excluded.realm, methods = excluded.methods, inner_methods = excluded.inner_methods, \
             description = excluded.description, updated_us = excluded.updated_us RETURNING *",
            offer.name.as_str(),
            last + 1,
            offer.client.as_str(),
            offer.site.as_str(),
            offer.ssid.as_str(),
            offer.realm.as_str(),
            methods.as_str(),
            inner_methods.as_str(),
            offer.description.as_str(),
            now_us()
        )?;
        tx.changed(EventKind::Offer, &stored.name);
        tx.audit(
            "offer.put",
            format!("offer:{}", stored.name),
            before,
            Some(&stored),
        )?;
        tx.commit().await?;
        Ok(stored)
    }

    /// All offers, in the order in which they are tried.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn offer_list(&self) -> Result<Vec<Offer>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Offer,
            "SELECT * FROM offer ORDER BY position, name"
        )
    }

    /// The offer of this name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn offer_fetch(&self, name: &str) -> Result<Offer, StoreError> {
        let row: Option<Offer> = sql!(
            self.read(),
            fetch_optional as Offer,
            "SELECT * FROM offer WHERE name = $1",
            name
        )?;
        row.ok_or_else(|| StoreError::not_found("offer", name))
    }

    /// Moves an offer to a place in the order, counted from 1; beyond the last is the last. The others close up.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name.
    pub async fn offer_move(&self, name: &str, position: usize) -> Result<Offer, StoreError> {
        let mut tx = self.write().await?;
        let mut offers = all(&mut tx).await?;
        let Some(from) = offers.iter().position(|offer| offer.name == name) else {
            return Err(StoreError::not_found("offer", name));
        };
        let before = offers.remove(from);
        let to = position.max(1).min(offers.len() + 1) - 1;
        offers.insert(to, before.clone());
        for (place, offer) in (1_i64..).zip(&offers) {
            if offer.position != place {
                sql!(
                    tx.on(),
                    execute,
                    "UPDATE offer SET position = $1 WHERE name = $2",
                    place,
                    offer.name.as_str()
                )?;
            }
        }
        let moved = Offer {
            position: i64::try_from(to + 1).unwrap_or(i64::MAX),
            ..before.clone()
        };
        tx.changed(EventKind::Offer, name);
        tx.audit(
            "offer.move",
            format!("offer:{name}"),
            Some(&before),
            Some(&moved),
        )?;
        tx.commit().await?;
        Ok(moved)
    }

    /// Removes an offer.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name.
    pub async fn offer_remove(&self, name: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row: Option<Offer> = sql!(
            tx.on(),
            fetch_optional as Offer,
            "SELECT * FROM offer WHERE name = $1",
            name
        )?;
        let before = row.ok_or_else(|| StoreError::not_found("offer", name))?;
        sql!(tx.on(), execute, "DELETE FROM offer WHERE name = $1", name)?;
        tx.changed(EventKind::Offer, name);
        tx.audit(
            "offer.remove",
            format!("offer:{name}"),
            Some(&before),
            None::<&()>,
        )?;
        tx.commit().await
    }
}

impl From<Json<Self>> for Vec<OfferedMethod> {
    fn from(json: Json<Self>) -> Self {
        json.0
    }
}

impl From<Json<Self>> for Vec<OfferedInnerMethod> {
    fn from(json: Json<Self>) -> Self {
        json.0
    }
}

async fn all(tx: &mut Tx<'_>) -> Result<Vec<Offer>, StoreError> {
    sql!(
        tx.on(),
        fetch_all as Offer,
        "SELECT * FROM offer ORDER BY position, name"
    )
}

#[cfg(test)]
mod tests {
    use super::Offer;

    #[test]
    fn an_offer_fits_what_it_names_and_what_it_leaves_open() {
        let of = |client: &str, ssid: &str, realm: &str| Offer {
            client: client.to_owned(),
            ssid: ssid.to_owned(),
            realm: realm.to_owned(),
            ..Offer::default()
        };
        assert!(of("", "", "").fits("sw1", "hq", "", ""));
        assert!(of("sw1", "", "").fits("sw1", "hq", "", ""));
        assert!(!of("sw1", "", "").fits("sw11", "hq", "", ""));
        assert!(of("ap-*", "corp", "").fits("ap-17", "", "corp", "x"));
        assert!(!of("ap-*", "corp", "").fits("ap-17", "", "Corp", "x"));
        assert!(of("", "", "Example.ORG").fits("sw1", "", "", "example.org"));
        assert!(of("", "", "*.example.org").fits("sw1", "", "", "cs.example.org"));
        assert!(!of("", "", "*.example.org").fits("sw1", "", "", "example.org"));
        assert!(of("", "a*b*c", "").fits("sw1", "", "a-bb-c", ""));
        assert!(!of("", "a*b*c", "").fits("sw1", "", "a-c-b", ""));
        assert!(!of("", "ab*b", "").fits("sw1", "", "ab", ""));
        assert!(of("", "*", "").fits("sw1", "", "", ""));
        assert!(!of("", "?", "").fits("sw1", "", "x", ""));
    }
}
