//! Which decisions to list, and the statement that finds them.
//!
//! There may be millions, each with a record of some kilobytes. So a page is found in an index that holds every column that
//! is filtered by, and only the records of the page itself are read. The planner has no statistics to know that by, so on SQLite the
//! index is named.

use uuid::Uuid;

use crate::{DecisionOutcome, mac_normalise, page, user::escape_like, user::user_key};

/// The code of an accept; every other one belongs to a refusal.
const PERMITTED: &str = "NAC-0000";
/// The id was made at about `at_us`: five minutes are room enough for any login.
const SLACK_US: i64 = 300_000_000;

/// Which decisions to list.
#[derive(Clone, Debug, Default)]
pub struct DecisionFilter {
    /// This MAC address, in any usual form.
    pub mac: Option<String>,
    /// This user: the name as it was sent or the identity, in any case.
    pub user: Option<String>,
    /// A user's name, an identity that begins so, or a MAC address in any usual form.
    pub search: Option<String>,
    /// This outcome.
    pub outcome: Option<DecisionOutcome>,
    /// This client.
    pub client: Option<String>,
    /// Of clients at this site, as far as a policy was asked.
    pub site: Option<String>,
    /// From a NAS with this address.
    pub nas_address: Option<String>,
    /// Into this segment.
    pub segment: Option<String>,
    /// With this reason, such as `EAP-1203`; one that ends in `-` stands for all that begin so.
    pub reason_code: Option<String>,
    /// Authenticated so.
    pub method: Option<String>,
    /// By this version of the policy.
    pub policy_version: Option<i64>,
    /// In this session.
    pub session_id: Option<Uuid>,
    /// About this device.
    pub device_id: Option<Uuid>,
    /// Not before this moment, in microseconds since the Unix epoch.
    pub since_us: Option<i64>,
    /// Before this moment, in microseconds since the Unix epoch.
    pub until_us: Option<i64>,
    /// Those that took at least so long, in microseconds.
    pub slower_than_us: Option<u64>,
    /// Older than this one, which the last page ended with.
    pub before_id: Option<Uuid>,
    /// At most so many; 0 means 100, and 10,000 is the most.
    pub limit: u32,
}

/// For which engine a statement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

/// Runs a statement with a filter's values, which are always the same and in the same order.
macro_rules! bound {
    ($on:expr, $how:ident as $row:ty, sqlite: $lite:expr, postgres: $pg:expr, $filter:expr) => {{
        let values = $filter.values();
        $crate::sql::sql!(
            $on,
            $how as $row,
            sqlite: sqlx::AssertSqlSafe($lite),
            postgres: sqlx::AssertSqlSafe($pg),
            values.mac.as_deref(),
            values.user.as_deref(),
            $filter.client.as_deref(),
            $filter.site.as_deref(),
            $filter.nas_address.as_deref(),
            $filter.segment.as_deref(),
            values.reason.as_deref(),
            $filter.method.as_deref(),
            $filter.policy_version,
            $filter.session_id,
            $filter.device_id,
            values.slower_than_us,
            values.prefix.as_deref(),
            values.prefix_end.as_deref(),
            values.searched_mac.as_deref(),
            values.first_id,
            $filter.since_us.unwrap_or(i64::MIN),
            values.end_id,
            $filter.until_us.unwrap_or(i64::MAX),
            values.limit
        )
    }};
}
pub(super) use bound;

/// What is bound, where it is not the filter's own word.
pub(super) struct Values {
    pub(super) mac: Option<String>,
    pub(super) user: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) slower_than_us: Option<i64>,
    pub(super) prefix: Option<String>,
    pub(super) prefix_end: Option<String>,
    pub(super) searched_mac: Option<String>,
    pub(super) first_id: Uuid,
    pub(super) end_id: Uuid,
    pub(super) limit: i64,
}

impl DecisionFilter {
    /// Each condition names its value with and without a filter; with one, its index serves.
    pub(super) fn text(&self, engine: Engine) -> String {
        let family = self.reason_code.as_deref().is_some_and(is_family);
        let prefix = match engine {
            // Ranges, for its LIKE uses no index that tells upper from lower case; and each word by itself, for between ORs it
            // takes no index at all.
            Engine::Sqlite => {
                "id IN (SELECT id FROM decision INDEXED BY decision_user WHERE user_key >= $13 AND user_key < $14 \
                 UNION ALL SELECT id FROM decision INDEXED BY decision_identity WHERE identity_key >= $13 \
                 AND identity_key < $14 AND identity_key <> user_key UNION ALL SELECT id FROM decision INDEXED BY decision_mac WHERE mac = $15)"
            }
            Engine::Postgres => {
                "(starts_with(user_key, $13) OR starts_with(identity_key, $13) OR mac = $15 OR $14 = '')"
            }
        };
        let unless = |absent: bool, number: u8, condition: &str| {
            if absent {
                format!("${number} IS NULL")
            } else {
                condition.to_owned()
            }
        };
        let outcome = match (self.outcome, self.is_refusal()) {
            // Literally, so that an index of refusals alone is known to fit.
            (_, true) | (Some(DecisionOutcome::Reject), _) => "outcome = 'reject'",
            (Some(DecisionOutcome::Accept), _) => "outcome = 'accept'",
            (None, _) => "1 = 1",
        };
        let conditions = [
            unless(self.mac.is_none(), 1, "mac = $1"),
            unless(
                self.user.is_none(),
                2,
                "(user_key = $2 OR (identity_key = $2 AND identity_key <> user_key))",
            ),
            unless(self.client.is_none(), 3, "client = $3"),
            unless(self.site.is_none(), 4, "site = $4"),
            unless(self.nas_address.is_none(), 5, "nas_address = $5"),
            unless(self.segment.is_none(), 6, "segment = $6"),
            unless(
                self.reason_code.is_none(),
                7,
                if family {
                    "reason_code LIKE $7 ESCAPE '\\'"
                } else {
                    "reason_code = $7"
                },
            ),
            unless(self.method.is_none(), 8, "method = $8"),
            unless(self.policy_version.is_none(), 9, "policy_version = $9"),
            unless(self.session_id.is_none(), 10, "session_id = $10"),
            unless(self.device_id.is_none(), 11, "device_id = $11"),
            unless(self.slower_than_us.is_none(), 12, "total_us >= $12"),
            if self.search.is_some() {
                prefix.to_owned()
            } else {
                "$13 IS NULL AND $14 IS NULL AND $15 IS NULL".to_owned()
            },
            outcome.to_owned(),
            "id >= $16 AND at_us >= $17 AND id < $18 AND at_us < $19".to_owned(),
        ];
        let index = match engine {
            Engine::Sqlite => self.index(),
            Engine::Postgres => "",
        };
        format!(
            "SELECT record FROM decision WHERE id IN (SELECT id FROM decision {index} WHERE {} ORDER BY id DESC LIMIT $20) \
             ORDER BY id DESC",
            conditions.join(" AND ")
        )
    }

    fn index(&self) -> &'static str {
        if self.mac.is_some() {
            "INDEXED BY decision_mac"
        } else if self.user.is_some() || self.search.is_some() {
            // Two or three of them, one for each word between the ORs.
            ""
        } else if self.is_refusal() && !self.reason_code.as_deref().is_some_and(is_family) {
            "INDEXED BY decision_refused"
        } else {
            "INDEXED BY decision_find"
        }
    }

    /// Whether the reason belongs to refusals alone.
    fn is_refusal(&self) -> bool {
        let code = self.reason_code.as_deref();
        code.is_some_and(|code| !is_family(code) && code != PERMITTED)
            && self.outcome != Some(DecisionOutcome::Accept)
    }

    pub(super) fn values(&self) -> Values {
        let since_us = self.since_us.unwrap_or(i64::MIN);
        let search = self.search.as_deref().map(str::trim);
        let prefix = search.map(user_key);
        let end_id = match (self.before_id, self.until_us) {
            (Some(before), Some(until)) => before.min(first_id(until.saturating_add(SLACK_US))),
            (Some(before), None) => before,
            (None, Some(until)) => first_id(until.saturating_add(SLACK_US)),
            (None, None) => Uuid::max(),
        };
        Values {
            mac: self
                .mac
                .as_deref()
                .map(|mac| mac_normalise(mac).unwrap_or_else(|| mac.to_lowercase())),
            user: self.user.as_deref().map(user_key),
            reason: self.reason_code.as_deref().map(|code| {
                if is_family(code) {
                    format!("{}%", escape_like(code))
                } else {
                    code.to_owned()
                }
            }),
            slower_than_us: self
                .slower_than_us
                .map(|us| i64::try_from(us).unwrap_or(i64::MAX)),
            prefix_end: prefix.as_ref().map(|prefix| format!("{prefix}\u{10ffff}")),
            searched_mac: search.and_then(mac_normalise),
            prefix,
            first_id: first_id(since_us.saturating_sub(SLACK_US)),
            end_id,
            limit: page::rows(self.limit),
        }
    }
}

fn is_family(code: &str) -> bool {
    code.ends_with('-')
}

/// The smallest UUIDv7 of a moment (RFC 9562 section 5.7: 48 bits of milliseconds in front).
pub(super) fn first_id(at_us: i64) -> Uuid {
    let milliseconds = u128::try_from(at_us.max(0) / 1_000).unwrap_or(0);
    Uuid::from_u128((milliseconds & 0xffff_ffff_ffff) << 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    /// How SQLite goes about a filter.
    async fn plan(store: &Store, filter: &DecisionFilter) -> String {
        let steps: Vec<(i64, i64, i64, String)> = bound!(
            store.read(),
            fetch_all as (i64, i64, i64, String),
            sqlite: format!("EXPLAIN QUERY PLAN {}", filter.text(Engine::Sqlite)),
            postgres: String::new(),
            filter
        )
        .expect("SQLite explains");
        steps
            .into_iter()
            .map(|(_, _, _, step)| step)
            .collect::<Vec<String>>()
            .join("; ")
    }

    #[tokio::test]
    async fn every_filter_is_served_by_an_index_and_reads_no_record_in_vain() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("nac.db");
        let store = Store::open(&path.display().to_string(), None)
            .await
            .expect("a database");
        let all = DecisionFilter::default;
        let narrow = "USING COVERING INDEX decision_find (id>? AND id<?)";
        for (filter, index) in [
            (all(), narrow),
            (
                DecisionFilter {
                    outcome: Some(DecisionOutcome::Reject),
                    ..all()
                },
                narrow,
            ),
            (
                DecisionFilter {
                    client: text("sw1"),
                    method: text("PAP"),
                    ..all()
                },
                narrow,
            ),
            (
                DecisionFilter {
                    site: text("hq"),
                    segment: text("staff"),
                    ..all()
                },
                narrow,
            ),
            (
                DecisionFilter {
                    nas_address: text("10.0.0.1"),
                    policy_version: Some(3),
                    ..all()
                },
                narrow,
            ),
            (
                DecisionFilter {
                    session_id: Some(Uuid::nil()),
                    ..all()
                },
                narrow,
            ),
            (
                DecisionFilter {
                    device_id: Some(Uuid::nil()),
                    slower_than_us: Some(1),
                    ..all()
                },
                narrow,
            ),
            (
                DecisionFilter {
                    reason_code: text("EAP-"),
                    ..all()
                },
                narrow,
            ),
            (
                DecisionFilter {
                    reason_code: text("EAP-1203"),
                    ..all()
                },
                "USING INDEX decision_refused (reason_code=? AND id>? AND id<?)",
            ),
            (
                DecisionFilter {
                    mac: text("00:11:22:33:44:55"),
                    outcome: Some(DecisionOutcome::Accept),
                    ..all()
                },
                "USING INDEX decision_mac (mac=? AND id>? AND id<?)",
            ),
        ] {
            let plan = plan(&store, &filter).await;
            assert!(plan.contains(index), "{filter:?}: {plan}");
            assert!(!plan.contains("SCAN decision"), "{filter:?}: {plan}");
            // The page is found in its order; only its few rows may be sorted once more.
            assert!(
                plan.matches("TEMP B-TREE").count() <= 1,
                "{filter:?}: {plan}"
            );
        }
        for filter in [
            DecisionFilter {
                user: text("alice"),
                ..all()
            },
            DecisionFilter {
                search: text("ali"),
                ..all()
            },
        ] {
            let plan = plan(&store, &filter).await;
            for index in [
                "INDEX decision_user (user_key",
                "INDEX decision_identity (identity_key",
            ] {
                assert!(plan.contains(index), "{filter:?}: {plan}");
            }
            assert!(!plan.contains("SCAN decision"), "{filter:?}: {plan}");
        }
        store.close().await;
    }
}
