//! The state of the network in numbers, for the administrators' first page.
//!
//! *Invariant*: its cost does not grow with the number of decisions. They are counted when they are stored, in spans of five
//! minutes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    CertificateKind, DecisionOutcome, Quarantine, SegmentCount, Store, StoreError,
    decision::DecisionRow, now_us, sql::sql, transaction::Tx,
};

/// The finest span that is counted, in microseconds. The migration that made the table knows it too.
const BUCKET_US: i64 = 300_000_000;
const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// Certificates that end within so long are named.
const EXPIRY_US: i64 = 30 * DAY_US;
/// Reasons and certificates that are named.
const NAMED: i64 = 10;
/// More spans than this are of no use to a chart.
const BUCKETS_MAX: i64 = 1_000;

/// Everything at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Overview {
    /// From when the traffic is, in microseconds since the Unix epoch: the beginning of the first span.
    pub since_us: i64,
    /// How long a span is, in microseconds.
    pub bucket_us: i64,
    /// Answers by span, without gaps, the oldest first. The last one is not over yet.
    pub traffic: Vec<TrafficBucket>,
    /// The most frequent reasons of refusals in that time.
    pub refusals: Vec<ReasonCount>,
    /// Live sessions by segment, the fullest first.
    pub sessions: Vec<SegmentCount>,
    /// Open quarantines.
    pub quarantines_open: i64,
    /// The one that has been open longest.
    pub quarantine_oldest: Option<Quarantine>,
    /// Moves and commands that are not at their end.
    pub enforcements_open: i64,
    /// Those that failed in that time.
    pub enforcements_failed: i64,
    /// Certificates of ours that end within 30 days or have just ended, the first to end first.
    pub certificates_expiring: Vec<ExpiringCertificate>,
    /// Addresses that send packets and are no client.
    pub unknown_nas: i64,
}

/// The answers of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TrafficBucket {
    /// Its first moment, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// Accepts.
    pub accepts: i64,
    /// Refusals.
    pub refusals: i64,
}

/// How often something was the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ReasonCount {
    /// The stable code, such as `EAP-1203`.
    pub reason_code: String,
    /// How often.
    pub decisions: i64,
}

/// A certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ExpiringCertificate {
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// Whom it is for.
    pub kind: CertificateKind,
    /// The name of the user, device or server.
    pub name: String,
    /// Its last moment, in microseconds since the Unix epoch.
    pub not_after_us: i64,
}

#[derive(sqlx::FromRow)]
struct TallyRow {
    at_us: i64,
    accepts: i64,
    refusals: i64,
}

impl Store {
    /// Everything at a glance, with the traffic since a moment: in spans of five minutes for a day, of an hour for a month,
    /// of a day beyond that.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn overview(&self, since_us: i64) -> Result<Overview, StoreError> {
        let now = now_us();
        let bucket_us = match now.saturating_sub(since_us) {
            span if span <= DAY_US + HOUR_US => BUCKET_US,
            span if span <= 31 * DAY_US => HOUR_US,
            _ => DAY_US,
        };
        let since_us = since_us.max(now - BUCKETS_MAX * DAY_US).min(now);
        let since_us = since_us - since_us.rem_euclid(bucket_us);
        let counted: Vec<TallyRow> = sql!(
            self.read(),
            fetch_all as TallyRow,
            "SELECT bucket_us - bucket_us % $2 AS at_us, \
             CAST(SUM(CASE outcome WHEN 'accept' THEN decisions ELSE 0 END) AS BIGINT) AS accepts, \
             CAST(SUM(CASE outcome WHEN 'reject' THEN decisions ELSE 0 END) AS BIGINT) AS refusals \
             FROM decision_tally WHERE bucket_us >= $1 GROUP BY bucket_us - bucket_us % $2",
            since_us,
            bucket_us
        )?;
        let refusals: Vec<ReasonCount> = sql!(
            self.read(),
            fetch_all as ReasonCount,
            "SELECT reason_code, CAST(SUM(decisions) AS BIGINT) AS decisions FROM decision_tally \
             WHERE bucket_us >= $1 AND outcome = 'reject' GROUP BY reason_code \
             ORDER BY SUM(decisions) DESC, reason_code LIMIT $2",
            since_us,
            NAMED
        )?;
        let (quarantines_open, enforcements_open, enforcements_failed, unknown_nas): (
            i64,
            i64,
            i64,
            i64,
        ) = sql!(
            self.read(),
            fetch_one as (i64, i64, i64, i64),
            "SELECT (SELECT COUNT(*) FROM quarantine WHERE closed_us IS NULL), \
             (SELECT COUNT(*) FROM enforcement WHERE state IN ('pending', 'sent', 'acknowledged')), \
             (SELECT COUNT(*) FROM enforcement WHERE state = 'failed' AND updated_us >= $1), \
             (SELECT COUNT(*) FROM unknown_nas)",
            since_us
        )?;
        let quarantine_oldest: Option<Quarantine> = sql!(
            self.read(),
            fetch_optional as Quarantine,
            "SELECT * FROM quarantine WHERE closed_us IS NULL ORDER BY opened_us, id LIMIT 1"
        )?;
        let certificates_expiring: Vec<ExpiringCertificate> = sql!(
            self.read(),
            fetch_all as ExpiringCertificate,
            "SELECT serial, kind, name, not_after_us FROM certificate WHERE revoked_us IS NULL \
             AND not_after_us > $1 AND not_after_us < $2 ORDER BY not_after_us, serial LIMIT $3",
            now.saturating_sub(EXPIRY_US),
            now.saturating_add(EXPIRY_US),
            NAMED
        )?;
        Ok(Overview {
            since_us,
            bucket_us,
            traffic: without_gaps(&counted, since_us, now, bucket_us),
            refusals,
            sessions: self.session_count_by_segment().await?,
            quarantines_open,
            quarantine_oldest,
            enforcements_open,
            enforcements_failed,
            certificates_expiring,
            unknown_nas,
        })
    }

    /// Forgets the counts from before a moment. Gives their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn tally_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM decision_tally WHERE bucket_us < $1",
            before_us
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}

/// Counts decisions that are stored in the same transaction.
pub(crate) async fn tally_add(
    tx: &mut Tx<'_>,
    rows: impl Iterator<Item = &DecisionRow>,
) -> Result<(), StoreError> {
    // In order, so that two writers on one database lock the rows in the same order.
    let mut counts: BTreeMap<(i64, &str, &str), i64> = BTreeMap::new();
    for row in rows {
        let bucket = row.at_us - row.at_us.rem_euclid(BUCKET_US);
        let outcome = DecisionOutcome::as_str(row.outcome);
        *counts
            .entry((bucket, outcome, &row.reason_code))
            .or_default() += 1;
    }
    for ((bucket, outcome, reason), count) in counts {
        sql!(
            tx.on(),
            execute,
            "INSERT INTO decision_tally (bucket_us, outcome, reason_code, decisions) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (bucket_us, outcome, reason_code) DO UPDATE SET \
             decisions = decision_tally.decisions + excluded.decisions",
            bucket,
            outcome,
            reason,
            count
        )?;
    }
    Ok(())
}

fn without_gaps(
    counted: &[TallyRow],
    since_us: i64,
    now: i64,
    bucket_us: i64,
) -> Vec<TrafficBucket> {
    let counted: BTreeMap<i64, &TallyRow> = counted.iter().map(|row| (row.at_us, row)).collect();
    let mut traffic = Vec::new();
    let mut at_us = since_us;
    while at_us <= now {
        let row = counted.get(&at_us);
        traffic.push(TrafficBucket {
            at_us,
            accepts: row.map_or(0, |row| row.accepts),
            refusals: row.map_or(0, |row| row.refusals),
        });
        at_us = at_us.saturating_add(bucket_us);
    }
    traffic
}
