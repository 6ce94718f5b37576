//! Guests: visitors' permissions to be here, from the request to the end.
//!
//! A guest gets on by a device with the label [`GUEST_LABEL`], which the policy permits by name. While an address is not
//! verified or a sponsor has not answered, the device may carry [`ACTIVATION_LABEL`] for some minutes. The labels go when
//! the permission ends, and the device stays as history, so that a quarantine or a block outlives a new registration.

mod acceptance;
mod device;
mod flow;

use serde::Serialize;
use uuid::Uuid;

pub use acceptance::GuestAcceptance;
pub use device::GuestDevice;
pub use flow::NewGuest;

use crate::{
    Store, StoreError, mac_normalise, page,
    sql::{Small, sql, words},
    user::escape_like,
};
pub(crate) use acceptance::acceptance_write;
pub(crate) use device::{admit, devices_close};
pub(crate) use flow::{
    begin, duration, forget_guest, guest_close, guest_lock, guest_write, micros, new_guest,
};

/// The label of a guest's device.
pub const GUEST_LABEL: &str = "guest";
/// The label of a device whose guest is not admitted yet, for some minutes.
pub const ACTIVATION_LABEL: &str = "guest-activation";

words! {
    /// How a guest comes in.
    pub enum GuestMethod {
        /// By accepting the terms.
        Click = "click",
        /// By filling in a form.
        Form = "form",
        /// By an address that answers.
        Email = "email",
        /// By the word of an employee.
        Sponsor = "sponsor",
        /// By a code.
        Voucher = "voucher",
        /// By an operator.
        Operator = "operator",
    }
}

words! {
    /// How far a guest has come.
    pub enum GuestStatus {
        /// The address has not answered yet.
        Unverified = "unverified",
        /// The sponsor has not decided yet.
        Awaiting = "awaiting",
        /// Announced, and not here yet.
        Invited = "invited",
        /// Here.
        Active = "active",
        /// The sponsor said no.
        Denied = "denied",
        /// The time is over.
        Expired = "expired",
        /// Sent away.
        Revoked = "revoked",
    }
}

/// A visitor's permission to be here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Guest {
    /// Our id.
    pub id: Uuid,
    /// How they come in.
    pub method: GuestMethod,
    /// How far they have come.
    pub status: GuestStatus,
    /// Their name; empty when nobody asked.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their telephone number.
    pub phone: String,
    /// Where they come from.
    pub company: String,
    /// Whom they visit.
    pub host: String,
    /// Why they are here, in their own words.
    pub reason: String,
    /// What operators noted; guests never see it.
    pub note: String,
    /// The address of the sponsor who was asked.
    pub sponsor: String,
    /// The language of their pages and mail.
    pub language: String,
    /// The site where they came in.
    pub site: String,
    /// The address of their first device.
    pub mac: Option<String>,
    /// The voucher that they came in with.
    pub voucher_id: Option<Uuid>,
    /// How long they may stay once it begins, in seconds.
    #[sqlx(try_from = "Small")]
    pub duration_s: u32,
    /// How many devices they may use at once.
    #[sqlx(try_from = "Small")]
    pub devices_max: u32,
    /// The version of the terms that they accepted.
    pub terms_version: Option<String>,
    /// The hexadecimal SHA-256 of the token in the link that confirms or decides.
    #[serde(skip)]
    pub link_sha256: Option<String>,
    /// When that link ends, in microseconds since the Unix epoch.
    pub link_expires_us: Option<i64>,
    /// Until when their device has the activation label, in microseconds since the Unix epoch.
    pub activation_until_us: Option<i64>,
    /// How often they have extended their stay by themselves.
    #[sqlx(try_from = "Small")]
    pub extended: u32,
    /// When they asked, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// `portal`, or the operator.
    pub created_by: String,
    /// When this was last changed, in microseconds since the Unix epoch.
    pub updated_us: i64,
    /// When their stay began, in microseconds since the Unix epoch.
    pub starts_us: Option<i64>,
    /// When it ends, or the invitation does, in microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
    /// When their address answered, in microseconds since the Unix epoch.
    pub verified_us: Option<i64>,
    /// When a sponsor or operator decided, in microseconds since the Unix epoch.
    pub decided_us: Option<i64>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Why, where the answer was no.
    pub decision_reason: Option<String>,
    /// When it ended, in microseconds since the Unix epoch.
    pub ended_us: Option<i64>,
    /// Who ended it.
    pub ended_by: Option<String>,
}

impl Guest {
    /// Whether they may be here at this moment.
    pub fn is_active(&self, at_us: i64) -> bool {
        self.status == GuestStatus::Active && self.expires_us.is_some_and(|expires| expires > at_us)
    }

    /// Whether somebody still has to confirm or decide.
    pub fn is_pending(&self) -> bool {
        matches!(self.status, GuestStatus::Unverified | GuestStatus::Awaiting)
    }
}

/// Why a guest was not let in, or not for longer. Each is an answer, not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestRefusal {
    /// The device is registered as something else.
    #[error("this device is registered already, and not as a guest's")]
    DeviceKnown,
    /// The device is blocked.
    #[error("this device is blocked")]
    DeviceBlocked,
    /// No further device.
    #[error("{max} devices are in use already, and no more may be")]
    DeviceLimit {
        /// How many may be in use.
        max: u32,
    },
    /// Somebody was quicker.
    #[error("this is {status} already")]
    Decided {
        /// What it is by now.
        status: GuestStatus,
        /// Who decided; empty when nobody had to.
        by: String,
        /// When, in microseconds since the Unix epoch.
        at_us: i64,
    },
    /// Not again.
    #[error("the stay cannot be extended any further")]
    NoExtension,
}

/// A guest, or why not.
pub type GuestOutcome = Result<Guest, GuestRefusal>;

words! {
    /// How guests are sorted.
    #[derive(Default)]
    pub enum GuestSort {
        /// By the time at which they asked or were announced, the newest first.
        #[default]
        Asked = "asked",
        /// By the end of their access, the next one first; those without one last.
        Ends = "ends",
    }
}

/// Which guests to list.
#[derive(Clone, Debug, Default)]
pub struct GuestFilter {
    /// Part of the name, e-mail address, company, sponsor or MAC address, in any case.
    pub search: Option<String>,
    /// This status.
    pub status: Option<GuestStatus>,
    /// This method.
    pub method: Option<GuestMethod>,
    /// This site, exactly.
    pub site: Option<String>,
    /// The order.
    pub sort: GuestSort,
    /// The order is turned round.
    pub reverse: bool,
    /// Continue behind this guest, whom the last page ended with.
    pub before: Option<Uuid>,
    /// At most so many; 0 means 100, and 10,000 is the most.
    pub limit: u32,
}

impl Store {
    /// Guests, newest first or as the filter says.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_list(&self, filter: &GuestFilter) -> Result<Vec<Guest>, StoreError> {
        let limit = page::rows(filter.limit);
        let search = filter
            .search
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| format!("%{}%", escape_like(&text.to_lowercase())));
        let mac = filter.search.as_deref().and_then(mac_normalise);
        let (place, order) = match filter.sort {
            GuestSort::Asked => page::by_id(!filter.reverse),
            GuestSort::Ends => page::by_end("guest", filter.reverse),
        };
        let text = format!(
            "SELECT * FROM guest WHERE ($1 IS NULL OR {place}) \
             AND ($2 IS NULL OR LOWER(name) LIKE $2 ESCAPE '\\' OR email_key LIKE $2 ESCAPE '\\' \
             OR LOWER(company) LIKE $2 ESCAPE '\\' OR LOWER(sponsor) LIKE $2 ESCAPE '\\' OR mac LIKE $2 ESCAPE '\\' \
             OR EXISTS (SELECT 1 FROM guest_device AS d WHERE d.guest_id = guest.id AND d.mac = $3)) \
             AND ($4 IS NULL OR status = $4) AND ($5 IS NULL OR method = $5) AND ($6 IS NULL OR site = $6) \
             ORDER BY {order} LIMIT $7"
        );
        sql!(
            self.read(),
            fetch_all as Guest,
            sqlx::AssertSqlSafe(text.clone()),
            filter.before,
            search.as_deref(),
            mac.as_deref(),
            filter.status.map(GuestStatus::as_str),
            filter.method.map(GuestMethod::as_str),
            filter.site.as_deref(),
            limit
        )
    }

    /// How many guests there are of each status.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_counts(&self) -> Result<Vec<(GuestStatus, i64)>, StoreError> {
        sql!(
            self.read(),
            fetch_all as (GuestStatus, i64),
            "SELECT status, COUNT(*) FROM guest GROUP BY status ORDER BY status"
        )
    }

    /// The guest with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn guest_fetch(&self, id: Uuid) -> Result<Guest, StoreError> {
        let row: Option<Guest> = sql!(
            self.read(),
            fetch_optional as Guest,
            "SELECT * FROM guest WHERE id = $1",
            id
        )?;
        row.ok_or_else(|| StoreError::not_found("guest", id))
    }

    /// The guest whose device has this MAC address now, whatever their status.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_by_mac(&self, mac: &str) -> Result<Option<Guest>, StoreError> {
        let Some(mac) = mac_normalise(mac) else {
            return Ok(None);
        };
        sql!(
            self.read(),
            fetch_optional as Guest,
            "SELECT guest.* FROM guest JOIN guest_device ON guest_device.guest_id = guest.id \
             WHERE guest_device.mac = $1 AND guest_device.left_us IS NULL",
            mac.as_str()
        )
    }

    /// The guest whose link carries the token with this SHA-256, whatever their status. A link that has ended belongs to
    /// nobody.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_by_link(&self, token_sha256: &str) -> Result<Option<Guest>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as Guest,
            "SELECT * FROM guest WHERE link_sha256 = $1",
            token_sha256
        )
    }

    /// How many devices guests with this e-mail address use now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_devices_of_email(
        &self,
        email: &str,
    ) -> Result<Vec<GuestDevice>, StoreError> {
        sql!(
            self.read(),
            fetch_all as GuestDevice,
            "SELECT d.* FROM guest_device AS d JOIN guest AS g ON g.id = d.guest_id \
             WHERE g.email_key = $1 AND g.status = 'active' AND d.left_us IS NULL ORDER BY d.added_us LIMIT 100",
            email_key(email)
        )
    }
}

/// How an e-mail address is compared.
pub(crate) fn email_key(email: &str) -> String {
    crate::sql::plain(&email.trim().to_lowercase())
}
