//! Whether a client's Access-Requests have to carry Message-Authenticator (RFC 3579 section 3.2), without which answers can be forged
//! (CVE-2024-3596; draft-ietf-radext-deprecating-radius).
//!
//! *Invariant*: what was learned is kept, and only somebody's own change goes back behind it.

use uuid::Uuid;

use crate::{
    Client, ClientChange, EventKind, Store, StoreError, now_us,
    sql::{sql, words},
};

/// How long a legacy NAS is borne with when nobody says until when, in microseconds: 90 days.
const LEGACY_US: i64 = 90 * 24 * 3_600 * 1_000_000;

words! {
    /// Whether an Access-Request without Message-Authenticator is looked at.
    pub enum MessageAuthenticatorRule {
        /// Never.
        Required = "required",
        /// Until the first request without EAP that carries one: then the NAS can do it, and it is required from there on.
        Learn = "learn",
        /// Until a date, for a NAS that cannot do it and is going to be replaced.
        Legacy = "legacy",
    }
}

/// A rule with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageAuthenticatorTerms {
    /// The rule.
    pub rule: MessageAuthenticatorRule,
    /// Until when `legacy` lasts, in microseconds since the Unix epoch.
    pub legacy_until_us: Option<i64>,
}

impl MessageAuthenticatorTerms {
    /// `legacy` always ends; nothing else has an end.
    pub(crate) fn new(rule: MessageAuthenticatorRule, legacy_until_us: Option<i64>) -> Self {
        let legacy_until_us = match rule {
            MessageAuthenticatorRule::Legacy => {
                Some(legacy_until_us.unwrap_or_else(|| now_us().saturating_add(LEGACY_US)))
            }
            MessageAuthenticatorRule::Required | MessageAuthenticatorRule::Learn => None,
        };
        Self {
            rule,
            legacy_until_us,
        }
    }

    pub(crate) fn changed(self, change: &ClientChange) -> Self {
        let until = change.legacy_until_us.or(self.legacy_until_us);
        Self::new(change.message_authenticator.unwrap_or(self.rule), until)
    }

    /// Whether a request without one is ignored at this moment.
    pub fn requires(self, now_us: i64) -> bool {
        match self.rule {
            MessageAuthenticatorRule::Required => true,
            MessageAuthenticatorRule::Learn => false,
            MessageAuthenticatorRule::Legacy => {
                self.legacy_until_us.is_none_or(|until| until <= now_us)
            }
        }
    }
}

impl Client {
    /// What holds for its requests.
    pub fn terms(&self) -> MessageAuthenticatorTerms {
        MessageAuthenticatorTerms {
            rule: self.message_authenticator,
            legacy_until_us: self.legacy_until_us,
        }
    }
}

impl Store {
    /// A client whose rule is to learn has sent Message-Authenticator: it is required from now on. Gives its name, and nothing when
    /// there was nothing to learn.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn client_learned(&self, id: Uuid) -> Result<Option<String>, StoreError> {
        let mut tx = self.write().await?;
        let row: Option<(String,)> = sql!(
            tx.on(),
            fetch_optional as (String,),
            "UPDATE client SET message_authenticator = 'required', updated_us = $2 \
             WHERE id = $1 AND message_authenticator = 'learn' RETURNING name",
            id,
            now_us()
        )?;
        let Some((name,)) = row else {
            return Ok(None);
        };
        tx.changed(EventKind::Client, &name);
        let rule =
            |rule: MessageAuthenticatorRule| serde_json::json!({ "message_authenticator": rule });
        tx.audit(
            "client.learned",
            format!("client:{name}"),
            Some(&rule(MessageAuthenticatorRule::Learn)),
            Some(&rule(MessageAuthenticatorRule::Required)),
        )?;
        tx.commit().await?;
        Ok(Some(name))
    }
}
