//! Who accepted which version of the terms.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    Store, StoreError, now_us,
    sql::{plain, plain_option, sql},
    transaction::Tx,
};

/// The record of an acceptance. It outlives the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct GuestAcceptance {
    /// Our id.
    pub id: Uuid,
    /// The guest.
    pub guest_id: Uuid,
    /// The version of the terms.
    pub version: String,
    /// The language in which they were shown.
    pub language: String,
    /// The device at which they were accepted.
    pub mac: Option<String>,
    /// The address that the request came from.
    pub source: String,
    /// When, in microseconds since the Unix epoch.
    pub at_us: i64,
}

impl Store {
    /// What a guest accepted, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_acceptances(
        &self,
        guest_id: Uuid,
    ) -> Result<Vec<GuestAcceptance>, StoreError> {
        sql!(
            self.read(),
            fetch_all as GuestAcceptance,
            "SELECT * FROM guest_acceptance WHERE guest_id = $1 ORDER BY id",
            guest_id
        )
    }

    /// Forgets acceptances from before a moment. Gives their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_acceptance_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM guest_acceptance WHERE at_us < $1",
            before_us
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}

/// Records that somebody accepted the terms.
pub(crate) async fn acceptance_write(
    tx: &mut Tx<'_>,
    guest_id: Uuid,
    version: &str,
    language: &str,
    mac: Option<&str>,
    source: &str,
) -> Result<(), StoreError> {
    sql!(
        tx.on(),
        execute,
        "INSERT INTO guest_acceptance (id, guest_id, version, language, mac, source, at_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        Uuid::now_v7(),
        guest_id,
        plain(version),
        plain(language),
        plain_option(mac),
        plain(source),
        now_us()
    )?;
    Ok(())
}
