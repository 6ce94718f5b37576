//! Accounting records, as the NAS sent them.

use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError, mac_normalise, page,
    sql::{Json, Small, json, plain, plain_option, sql, sql_rows},
    transaction::Tx,
};

/// One Accounting-Request (RFC 2866). A retransmission that comes after its duplicate cache has forgotten it is stored
/// twice: recorded at least once is the promise.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, utoipa::ToSchema,
)]
#[serde(default)]
pub struct Accounting {
    /// When it came, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// The client's name.
    pub client: String,
    /// Acct-Status-Type (RFC 2866 section 5.1): 1 Start, 2 Stop, 3 Interim-Update, 7 Accounting-On, 8 Accounting-Off.
    #[sqlx(try_from = "Small")]
    pub status_type: u32,
    /// Acct-Session-Id.
    pub acct_session_id: String,
    /// The device's MAC address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: Option<String>,
    /// The user name.
    pub user_name: String,
    /// The device's IP address.
    pub framed_ip: Option<String>,
    /// Octets received from the device, gigawords included.
    #[sqlx(try_from = "Small")]
    pub input_octets: u64,
    /// Octets sent to the device, gigawords included.
    #[sqlx(try_from = "Small")]
    pub output_octets: u64,
    /// Acct-Session-Time in seconds.
    #[sqlx(try_from = "Small")]
    pub session_time_s: u32,
    /// Acct-Terminate-Cause (RFC 2866 section 5.10); 0 when there was none.
    #[sqlx(try_from = "Small")]
    pub terminate_cause: u32,
    /// All attributes by dictionary name.
    #[sqlx(try_from = "Json<Vec<(String, String)>>")]
    pub attributes: Vec<(String, String)>,
}

/// Which accounting records to list.
#[derive(Clone, Debug, Default)]
pub struct AccountingFilter {
    /// This MAC address, in any usual form.
    pub mac: Option<String>,
    /// Exactly this user name.
    pub user_name: Option<String>,
    /// Exactly this Acct-Session-Id.
    pub acct_session_id: Option<String>,
    /// This client.
    pub client: Option<String>,
    /// Not before this moment, in microseconds since the Unix epoch.
    pub since_us: Option<i64>,
    /// Before this moment, in microseconds since the Unix epoch.
    pub before_us: Option<i64>,
    /// At most so many; 0 means 100, and 10,000 is the most.
    pub limit: u32,
}

impl Store {
    /// Stores accounting records. The server itself goes through the writer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails; nothing is stored then.
    pub async fn accounting_put_many(&self, records: &[Accounting]) -> Result<(), StoreError> {
        let records: Vec<&Accounting> = records.iter().collect();
        let mut tx = self.write().await?;
        accounting_write(&mut tx, &records).await?;
        tx.commit().await
    }

    /// Accounting records, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn accounting_list(
        &self,
        filter: &AccountingFilter,
    ) -> Result<Vec<Accounting>, StoreError> {
        let mac = filter
            .mac
            .as_deref()
            .map(|mac| mac_normalise(mac).unwrap_or_else(|| mac.to_lowercase()));
        let limit = page::rows(filter.limit);
        let by_mac = if mac.is_some() {
            "mac = $1"
        } else {
            "$1 IS NULL"
        };
        let by_session = if filter.acct_session_id.is_some() {
            "acct_session_id = $2"
        } else {
            "$2 IS NULL"
        };
        let text = format!(
            "SELECT * FROM accounting WHERE {by_mac} AND {by_session} AND ($3 IS NULL OR user_name = $3) \
             AND ($4 IS NULL OR client = $4) AND at_us >= $5 AND at_us < $6 ORDER BY seq DESC LIMIT $7"
        );
        sql!(
            self.read(),
            fetch_all as Accounting,
            sqlx::AssertSqlSafe(text.clone()),
            mac.as_deref(),
            filter.acct_session_id.as_deref(),
            filter.user_name.as_deref(),
            filter.client.as_deref(),
            filter.since_us.unwrap_or(i64::MIN),
            filter.before_us.unwrap_or(i64::MAX),
            limit
        )
    }

    /// Forgets the accounting records from before a moment. Gives their number, at most 10,000 at a time so that other
    /// writers get their turn.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn accounting_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM accounting WHERE seq IN \
             (SELECT seq FROM (SELECT seq, at_us FROM accounting ORDER BY seq LIMIT 10000) AS oldest \
              WHERE at_us < $1)",
            before_us
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}

/// Inserts accounting records.
pub(crate) async fn accounting_write(
    tx: &mut Tx<'_>,
    records: &[&Accounting],
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        rows.push((*record, json(&record.attributes)?));
    }
    sql_rows!(
        tx,
        "INSERT INTO accounting (at_us, client, status_type, acct_session_id, mac, user_name, framed_ip, \
         input_octets, output_octets, session_time_s, terminate_cause, attributes)",
        12,
        "",
        rows.as_slice(),
        |row| row.0.at_us,
        plain(&row.0.client),
        i64::from(row.0.status_type),
        plain(&row.0.acct_session_id),
        plain_option(row.0.mac.as_deref()),
        plain(&row.0.user_name),
        plain_option(row.0.framed_ip.as_deref()),
        i64::try_from(row.0.input_octets).unwrap_or(i64::MAX),
        i64::try_from(row.0.output_octets).unwrap_or(i64::MAX),
        i64::from(row.0.session_time_s),
        i64::from(row.0.terminate_cause),
        row.1.as_str()
    );
    Ok(())
}
