//! What was heard from the clients, and from addresses that are none.
//!
//! The server counts in memory and adds what came together every few seconds; nothing here is written for a single packet.
//! Nobody is told by the change feed: who shows these numbers looks again.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Store, StoreError, now_us,
    sql::{plain, sql, words},
    transaction::Tx,
};

/// The most addresses of unknown NASes that are kept: anybody can send a packet.
pub const UNKNOWN_NAS_MAX: u32 = 256;
/// After so long without a single unsigned request a client counts as one that signs, in microseconds.
const RELAPSE_US: i64 = 24 * 3_600 * 1_000_000;

/// What was heard from a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ClientActivity {
    /// The client.
    pub client_id: Uuid,
    /// When its last packet came, in microseconds since the Unix epoch.
    pub last_packet_us: Option<i64>,
    /// Where that came from: a client may be a network.
    pub last_source: String,
    /// What carried it: `UDP`, `RADIUS/1.0 over TLS` or `RADIUS/1.1 over TLS`.
    pub last_transport: String,
    /// Packets of any kind.
    pub requests: i64,
    /// How many of them in the last minute that was counted.
    pub requests_per_minute: i64,
    /// Retransmissions among them.
    pub duplicates: i64,
    /// Access-Requests with a Message-Authenticator that verified.
    pub signed: i64,
    /// The last of those, in microseconds since the Unix epoch.
    pub signed_us: Option<i64>,
    /// Access-Requests without one that were looked at all the same.
    pub unsigned: i64,
    /// The last of those.
    pub unsigned_us: Option<i64>,
    /// Packets whose signature does not verify: the shared secrets differ.
    pub wrong_secret: i64,
    /// The last of those.
    pub wrong_secret_us: Option<i64>,
    /// Packets that were ignored for want of a Message-Authenticator.
    pub missing_signature: i64,
    /// The last of those.
    pub missing_signature_us: Option<i64>,
    /// Packets that break the rules.
    pub malformed: i64,
    /// The last of those.
    pub malformed_us: Option<i64>,
    /// CoA and Disconnect requests that were acknowledged.
    pub coa_acknowledged: i64,
    /// Those that were refused.
    pub coa_refused: i64,
    /// Those without an answer.
    pub coa_unanswered: i64,
    /// When the last of them ended, in microseconds since the Unix epoch.
    pub coa_us: Option<i64>,
    /// How the last of them ended, in words.
    pub coa_result: String,
    /// When this was last added to, in microseconds since the Unix epoch.
    pub updated_us: i64,
}

words! {
    /// Whether a client sends Message-Authenticator (RFC 3579 section 3.2), which CVE-2024-3596 makes needful.
    pub enum MessageAuthenticatorUse {
        /// No Access-Request has come yet.
        Unknown = "unknown",
        /// In every Access-Request of the last day that it sent some.
        Always = "always",
        /// In some.
        Sometimes = "sometimes",
        /// In none.
        Never = "never",
    }
}

words! {
    /// What is most wrong with a client, as far as its packets tell.
    pub enum ClientConcern {
        /// Its last packets were signed with another secret.
        WrongSecret = "wrong-secret",
        /// Its last packets lack the Message-Authenticator that is required.
        MissingMessageAuthenticator = "missing-message-authenticator",
        /// The last CoA or Disconnect request got no answer.
        CoaUnanswered = "coa-unanswered",
        /// The last CoA or Disconnect request was refused.
        CoaRefused = "coa-refused",
        /// It sends packets that break the rules.
        Malformed = "malformed",
    }
}

impl ClientConcern {
    /// What it means and what to do, in one sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::WrongSecret => "the shared secrets differ: set the same one on the NAS and here",
            Self::MissingMessageAuthenticator => {
                "its requests carry no Message-Authenticator and are ignored: update the NAS, or accept the risk \
                 (CVE-2024-3596) for this client"
            }
            Self::CoaUnanswered => {
                "it does not answer CoA: allow dynamic authorization from this server there, with the same secret and port"
            }
            Self::CoaRefused => {
                "it refuses CoA: see the Error-Cause, and whether the vendor profile fits"
            }
            Self::Malformed => "some of its packets break the rules of RADIUS: update the NAS",
        }
    }
}

/// Packets from an address that is no client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct UnknownNas {
    /// Where they came from. Source addresses can be forged.
    pub address: String,
    /// How many.
    pub packets: i64,
    /// The NAS-Identifier of the last one that had one, which nobody has verified; empty when none had.
    pub nas_identifier: String,
    /// The first, in microseconds since the Unix epoch.
    pub first_us: i64,
    /// The last, in microseconds since the Unix epoch.
    pub last_us: i64,
}

impl ClientActivity {
    /// Whether it sends Message-Authenticator, as far as has been seen.
    pub fn message_authenticator(&self) -> MessageAuthenticatorUse {
        let without = self.unsigned_us.max(self.missing_signature_us);
        match (self.signed_us, without) {
            (None, None) => MessageAuthenticatorUse::Unknown,
            (None, Some(_)) => MessageAuthenticatorUse::Never,
            (Some(_), None) => MessageAuthenticatorUse::Always,
            (Some(signed), Some(without)) if signed.saturating_sub(without) > RELAPSE_US => {
                MessageAuthenticatorUse::Always
            }
            (Some(_), Some(_)) => MessageAuthenticatorUse::Sometimes,
        }
    }
}

impl ClientActivity {
    /// What is most wrong with it now; what has been put right since is no concern.
    pub fn concern(&self) -> Option<ClientConcern> {
        let good = self.signed_us.max(self.unsigned_us);
        let since = |bad: Option<i64>| bad.is_some() && bad > good;
        if since(self.wrong_secret_us) {
            return Some(ClientConcern::WrongSecret);
        }
        if since(self.missing_signature_us) {
            return Some(ClientConcern::MissingMessageAuthenticator);
        }
        match self.coa_result.as_str() {
            "" | "acknowledged" if since(self.malformed_us) => Some(ClientConcern::Malformed),
            "" | "acknowledged" => None,
            refused if refused.starts_with("refused") => Some(ClientConcern::CoaRefused),
            _ => Some(ClientConcern::CoaUnanswered),
        }
    }
}

impl Store {
    /// Adds what was counted since the last time: numbers are added up, times and words replace older ones. Clients that are
    /// gone are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn client_activity_add(&self, counted: &[ClientActivity]) -> Result<(), StoreError> {
        if counted.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        for one in counted {
            sql!(
                tx.on(),
                execute,
                "INSERT INTO client_activity (client_id, last_packet_us, last_source, requests, requests_per_minute, \
                 duplicates, signed, signed_us, unsigned, unsigned_us, wrong_secret, wrong_secret_us, missing_signature, \
                 missing_signature_us, malformed, malformed_us, coa_acknowledged, coa_refused, coa_unanswered, coa_us, \
                 coa_result, updated_us, last_transport) SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
                 $17, $18, $19, $20, $21, $22, $23 FROM client WHERE id = $1 \
                 ON CONFLICT (client_id) DO UPDATE SET \
                 last_packet_us = COALESCE(excluded.last_packet_us, client_activity.last_packet_us), \
                 last_source = CASE excluded.last_source WHEN '' THEN client_activity.last_source \
                 ELSE excluded.last_source END, \
                 last_transport = CASE excluded.last_transport WHEN '' THEN client_activity.last_transport \
                 ELSE excluded.last_transport END, \
                 requests = client_activity.requests + excluded.requests, \
                 requests_per_minute = excluded.requests_per_minute, \
                 duplicates = client_activity.duplicates + excluded.duplicates, \
                 signed = client_activity.signed + excluded.signed, \
                 signed_us = COALESCE(excluded.signed_us, client_activity.signed_us), \
                 unsigned = client_activity.unsigned + excluded.unsigned, \
                 unsigned_us = COALESCE(excluded.unsigned_us, client_activity.unsigned_us), \
                 wrong_secret = client_activity.wrong_secret + excluded.wrong_secret, \
                 wrong_secret_us = COALESCE(excluded.wrong_secret_us, client_activity.wrong_secret_us), \
                 missing_signature = client_activity.missing_signature + excluded.missing_signature, \
                 missing_signature_us = COALESCE(excluded.missing_signature_us, client_activity.missing_signature_us), \
                 malformed = client_activity.malformed + excluded.malformed, \
                 malformed_us = COALESCE(excluded.malformed_us, client_activity.malformed_us), \
                 coa_acknowledged = client_activity.coa_acknowledged + excluded.coa_acknowledged, \
                 coa_refused = client_activity.coa_refused + excluded.coa_refused, \
                 coa_unanswered = client_activity.coa_unanswered + excluded.coa_unanswered, \
                 coa_us = COALESCE(excluded.coa_us, client_activity.coa_us), \
                 coa_result = CASE excluded.coa_result WHEN '' THEN client_activity.coa_result \
                 ELSE excluded.coa_result END, \
                 updated_us = excluded.updated_us",
                one.client_id,
                one.last_packet_us,
                plain(&one.last_source),
                one.requests,
                one.requests_per_minute,
                one.duplicates,
                one.signed,
                one.signed_us,
                one.unsigned,
                one.unsigned_us,
                one.wrong_secret,
                one.wrong_secret_us,
                one.missing_signature,
                one.missing_signature_us,
                one.malformed,
                one.malformed_us,
                one.coa_acknowledged,
                one.coa_refused,
                one.coa_unanswered,
                one.coa_us,
                plain(&one.coa_result),
                now_us(),
                plain(&one.last_transport)
            )?;
        }
        tx.commit().await
    }

    /// What was heard from all clients; one that was never heard of is not among them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn client_activity_list(&self) -> Result<Vec<ClientActivity>, StoreError> {
        sql!(
            self.read(),
            fetch_all as ClientActivity,
            "SELECT * FROM client_activity ORDER BY client_id"
        )
    }

    /// What was heard from one client.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn client_activity_find(
        &self,
        client_id: Uuid,
    ) -> Result<Option<ClientActivity>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as ClientActivity,
            "SELECT * FROM client_activity WHERE client_id = $1",
            client_id
        )
    }

    /// Begins a client's numbers anew, for example after its secret was put right.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn client_activity_forget(&self, client_id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "DELETE FROM client_activity WHERE client_id = $1",
            client_id
        )?;
        tx.commit().await
    }

    /// Adds packets from addresses that are no client. Beyond [`UNKNOWN_NAS_MAX`] the longest silent ones are forgotten.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn unknown_nas_add(&self, heard: &[UnknownNas]) -> Result<(), StoreError> {
        if heard.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        for one in heard {
            sql!(
                tx.on(),
                execute,
                "INSERT INTO unknown_nas (address, packets, nas_identifier, first_us, last_us) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (address) DO UPDATE SET \
                 packets = unknown_nas.packets + excluded.packets, \
                 nas_identifier = CASE excluded.nas_identifier WHEN '' THEN unknown_nas.nas_identifier \
                 ELSE excluded.nas_identifier END, last_us = excluded.last_us",
                plain(&one.address),
                one.packets,
                plain(&one.nas_identifier),
                one.first_us,
                one.last_us
            )?;
        }
        sql!(
            tx.on(),
            execute,
            "DELETE FROM unknown_nas WHERE address NOT IN \
             (SELECT address FROM unknown_nas ORDER BY last_us DESC, address LIMIT $1)",
            i64::from(UNKNOWN_NAS_MAX)
        )?;
        tx.commit().await
    }

    /// Packets from addresses that are no client, the latest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn unknown_nas_list(&self) -> Result<Vec<UnknownNas>, StoreError> {
        sql!(
            self.read(),
            fetch_all as UnknownNas,
            "SELECT * FROM unknown_nas ORDER BY last_us DESC, address"
        )
    }

    /// Forgets what came from an address, or with `None` from all of them. Gives how many there were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn unknown_nas_forget(&self, address: Option<&str>) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM unknown_nas WHERE $1 IS NULL OR address = $1",
            address
        )?;
        if removed > 0 {
            tx.audit(
                "unknown-nas.forget",
                format!("unknown-nas:{}", address.unwrap_or("*")),
                Some(&serde_json::json!({ "addresses": removed })),
                None::<&()>,
            )?;
        }
        tx.commit().await?;
        Ok(removed)
    }
}

/// Addresses within a network that has just become a client are unknown no longer.
pub(crate) async fn unknown_nas_known(tx: &mut Tx<'_>, network: IpNet) -> Result<(), StoreError> {
    let addresses: Vec<(String,)> = sql!(
        tx.on(),
        fetch_all as (String,),
        "SELECT address FROM unknown_nas"
    )?;
    for (address,) in addresses {
        if address
            .parse::<IpAddr>()
            .is_ok_and(|address| network.contains(&address))
        {
            sql!(
                tx.on(),
                execute,
                "DELETE FROM unknown_nas WHERE address = $1",
                address.as_str()
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_right_is_no_concern() {
        let broken = ClientActivity {
            wrong_secret_us: Some(5),
            signed_us: Some(4),
            ..ClientActivity::default()
        };
        assert_eq!(broken.concern(), Some(ClientConcern::WrongSecret));
        let repaired = ClientActivity {
            signed_us: Some(6),
            coa_result: "refused: unsupported service (405)".to_owned(),
            ..broken
        };
        assert_eq!(repaired.concern(), Some(ClientConcern::CoaRefused));
        let silent = ClientActivity {
            coa_result: "no answer from 192.0.2.1:3799 after four transmissions".to_owned(),
            ..repaired.clone()
        };
        assert_eq!(silent.concern(), Some(ClientConcern::CoaUnanswered));
        let fine = ClientActivity {
            coa_result: "acknowledged".to_owned(),
            ..repaired
        };
        assert_eq!(fine.concern(), None);
    }

    #[test]
    fn a_client_that_has_signed_for_a_day_signs() {
        let seen = |signed_us, unsigned_us, missing_signature_us| {
            let activity = ClientActivity {
                signed_us,
                unsigned_us,
                missing_signature_us,
                ..ClientActivity::default()
            };
            activity.message_authenticator().as_str()
        };
        assert_eq!(seen(None, None, None), "unknown");
        assert_eq!(seen(Some(5), None, None), "always");
        assert_eq!(seen(None, None, Some(5)), "never");
        assert_eq!(seen(None, Some(5), None), "never");
        assert_eq!(seen(Some(5), Some(4), None), "sometimes");
        assert_eq!(seen(Some(RELAPSE_US + 5), Some(4), Some(3)), "always");
    }
}
