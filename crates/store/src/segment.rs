//! Segments: the named outcomes of a decision.

use serde::{Deserialize, Serialize};

use crate::{
    EventKind, Store, StoreError, now_us,
    sql::{Json, json, sql},
};

/// Where somebody is put: VLAN, role, ACL, redirect, session time.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, utoipa::ToSchema,
)]
#[serde(default)]
pub struct Segment {
    /// The name that policies use; unique.
    pub name: String,
    /// A VLAN id or name.
    pub vlan: Option<String>,
    /// A role, group policy or filter that the NAS knows.
    pub role: Option<String>,
    /// ACL lines, in order.
    #[sqlx(try_from = "Json<Vec<String>>")]
    pub acl: Vec<String>,
    /// The URL that browsers are redirected to.
    pub redirect: Option<String>,
    /// The ACL on the NAS that says what is redirected.
    pub redirect_acl: Option<String>,
    /// Session-Timeout in seconds (RFC 2865 section 5.27).
    #[sqlx(try_from = "OptionalSeconds")]
    pub session_timeout_s: Option<u32>,
    /// What it is for.
    pub description: String,
    /// Whether it always exists: `quarantine`, `registration` and `guest` do.
    pub protected: bool,
    /// When it was last changed, in microseconds since the Unix epoch.
    pub updated_us: i64,
}

impl Store {
    /// Adds a segment or replaces the one of this name. `protected` and `updated_us` are the store's own and are ignored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for an empty name.
    pub async fn segment_put(&self, segment: Segment) -> Result<Segment, StoreError> {
        if segment.name.trim().is_empty() {
            return Err(StoreError::Invalid {
                what: "a segment needs a name".to_owned(),
            });
        }
        let acl = json(&segment.acl)?;
        let mut tx = self.write().await?;
        let before: Option<Segment> = sql!(
            tx.on(),
            fetch_optional as Segment,
            "SELECT * FROM segment WHERE name = $1",
            segment.name.as_str()
        )?;
        let stored: Segment = sql!(
            tx.on(),
            fetch_one as Segment,
            "INSERT INTO segment (name, vlan, role, acl, redirect, redirect_acl, session_timeout_s, description, \
             protected, updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (name) DO UPDATE SET vlan = excluded.vlan, role = excluded.role, acl = excluded.acl, \
             redirect = excluded.redirect, redirect_acl = excluded.redirect_acl, \
             session_timeout_s = excluded.session_timeout_s, description = excluded.description, \
             updated_us = excluded.updated_us RETURNING *",
            segment.name.as_str(),
            segment.vlan.as_deref(),
            segment.role.as_deref(),
            acl.as_str(),
            segment.redirect.as_deref(),
            segment.redirect_acl.as_deref(),
            segment.session_timeout_s.map(i64::from),
            segment.description.as_str(),
            false,
            now_us()
        )?;
        tx.changed(EventKind::Segment, &stored.name);
        tx.audit(
            "segment.put",
            format!("segment:{}", stored.name),
            before.as_ref(),
            Some(&stored),
        )?;
        tx.commit().await?;
        Ok(stored)
    }

    /// All segments, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn segment_list(&self) -> Result<Vec<Segment>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Segment,
            "SELECT * FROM segment ORDER BY name"
        )
    }

    /// The segment of this name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn segment_fetch(&self, name: &str) -> Result<Segment, StoreError> {
        let row: Option<Segment> = sql!(
            self.read(),
            fetch_optional as Segment,
            "SELECT * FROM segment WHERE name = $1",
            name
        )?;
        row.ok_or_else(|| StoreError::not_found("segment", name))
    }

    /// Removes a segment. Whether a policy still names it is the caller's question.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] for one that always exists.
    pub async fn segment_remove(&self, name: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row: Option<Segment> = sql!(
            tx.on(),
            fetch_optional as Segment,
            "SELECT * FROM segment WHERE name = $1",
            name
        )?;
        let before = row.ok_or_else(|| StoreError::not_found("segment", name))?;
        if before.protected {
            return Err(StoreError::Conflict {
                what: format!("the segment {name} always exists"),
            });
        }
        sql!(
            tx.on(),
            execute,
            "DELETE FROM segment WHERE name = $1",
            name
        )?;
        tx.changed(EventKind::Segment, name);
        tx.audit(
            "segment.remove",
            format!("segment:{name}"),
            Some(&before),
            None::<&()>,
        )?;
        tx.commit().await
    }
}

/// A nullable BIGINT that holds seconds.
struct OptionalSeconds(Option<i64>);

impl<DB: sqlx::Database> sqlx::Type<DB> for OptionalSeconds
where
    Option<i64>: sqlx::Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <Option<i64> as sqlx::Type<DB>>::type_info()
    }

    fn compatible(ty: &DB::TypeInfo) -> bool {
        <Option<i64> as sqlx::Type<DB>>::compatible(ty)
    }
}

impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for OptionalSeconds
where
    Option<i64>: sqlx::Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        Ok(Self(<Option<i64> as sqlx::Decode<'r, DB>>::decode(value)?))
    }
}

impl From<OptionalSeconds> for Option<u32> {
    fn from(seconds: OptionalSeconds) -> Self {
        seconds.0.and_then(|seconds| u32::try_from(seconds).ok())
    }
}
