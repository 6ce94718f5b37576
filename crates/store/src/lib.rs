//! The store: all the SQL, on SQLite or PostgreSQL, and nothing but domain types outside.
//!
//! It exists so that no other room knows a table. One file per resource holds its types and every statement on it, and a
//! statement is written once for both engines (the macro in `sql.rs`). Whoever changes something here tells
//! everybody who reads it: see [`Event`], [`Store::subscribe`] and [`Store::watch`]. What arrives at a high rate
//! (accounting, decisions, sessions) goes through the [`Writer`], which commits in groups.
//!
//! Methods are named resource first. `*_fetch` fails with [`StoreError::NotFound`]; `*_by_…`, `*_find` and `*_current`
//! give an `Option`. Times are microseconds since the Unix epoch, ids are UUIDv7.
//!
//! # Invariants
//!
//! * A mutating method commits its change rows in its own transaction; nobody is told of what was not committed.
//! * Secrets are sealed before they reach a statement, never appear in `Debug`, and never serialise.
//! * SQLite has exactly one writing connection, and every write transaction takes the write lock when it begins.
//! * An accounting record or decision that was acknowledged survives the death of the process. On SQLite it survives a
//!   loss of power too when the database was opened with `?synchronous=full`; otherwise the last moments may be lost
//!   then, but the database stays whole. On PostgreSQL, its own settings decide.
//! * A database that a newer program has migrated is refused, never guessed at.

mod accounting;
mod activity;
mod administrator;
mod administrator_session;
mod api_token;
mod audit;
mod backup;
mod break_glass;
mod certificate;
mod client;
mod decision;
mod device;
mod device_psk;
mod eap_session;
mod enforcement;
mod enroll;
mod error;
mod event;
mod exception;
mod guest;
mod mac;
mod mail;
mod message_authenticator;
mod node;
mod offer;
mod open;
mod overview;
mod page;
mod policy;
mod portal_setting;
mod privacy;
mod quarantine;
mod recheck;
mod retention;
mod seal;
mod segment;
mod session;
mod spool;
mod sql;
mod statistics;
mod supplicant;
mod support_code;
mod transaction;
mod user;
mod voucher;
mod writer;

pub use accounting::{Accounting, AccountingFilter};
pub use activity::{
    ClientActivity, ClientConcern, MessageAuthenticatorUse, UNKNOWN_NAS_MAX, UnknownNas,
};
pub use administrator::{
    Administrator, Invitation, NewCredential, NewPasskey, Passkey, PasswordCredential, Role,
};
pub use administrator_session::{
    ADMINISTRATOR_ABSOLUTE_US, ADMINISTRATOR_IDLE_US, AdministratorSession,
};
pub use api_token::ApiToken;
pub use audit::{Actor, ActorKind, AuditFault, AuditFilter, AuditRecord, AuditVerification};
pub use break_glass::{BREAK_GLASS_MAX_US, BreakGlass};
pub use certificate::{Certificate, CertificateKind, RevokedCertificate};
pub use client::{Client, ClientChange, NewClient};
pub use decision::{
    CertificateDetails, CertificateLink, DecisionFilter, DecisionOutcome, DecisionRecord,
    EapDetails, MachineDetails, RecordedDecision, RecordedSession, Timings,
};
pub use device::{
    Device, DeviceFilter, DeviceIdentifier, DeviceRecord, DeviceRefusal, DeviceSort, DeviceState,
    DeviceStatus, IdentifierKind,
};
pub use device_psk::{DevicePsk, PSK_LEN, PskState};
pub use eap_session::{EAP_SESSION_EPOCH_US, EAP_SESSIONS_MAX, EapSession, ResumableLogin};
pub use enforcement::{Attempt, Enforcement, EnforcementFilter, EnforcementState, SessionAction};
pub use enroll::EnrollSecret;
pub use error::{SealedError, StoreError, UnknownWord};
pub use event::{EVERYTHING, Event, EventKind, next_events, reload_everything};
pub use exception::{Exception, ExceptionFilter, ExceptionSort, ExceptionState, NewException};
pub use guest::{
    ACTIVATION_LABEL, GUEST_LABEL, Guest, GuestAcceptance, GuestDevice, GuestFilter, GuestMethod,
    GuestOutcome, GuestRefusal, GuestSort, GuestStatus, NewGuest,
};
pub use mac::mac_normalise;
pub use mail::{Mail, MailBudget, MailRefusal, MailState, NewMail};
pub use message_authenticator::{MessageAuthenticatorRule, MessageAuthenticatorTerms};
pub use node::{CheckOutcome, CheckResult, NodeStatus, NodeVerdict, OsqueryNode};
pub use offer::{OFFERS_MAX, Offer, OfferedInnerMethod, OfferedMethod};
pub use open::Store;
pub use overview::{ExpiringCertificate, Overview, ReasonCount, TrafficBucket};
pub use policy::PolicyVersion;
pub use portal_setting::{
    AskedField, Brand, Colour, ColourForm, DARK_PAPER, DeviceRegistration, GuestField,
    GuestSettings, HelpContact, LANGUAGES, LEAST_CONTRAST, LIGHT_PAPER, LOGO_MAX, PortalMethod,
    PortalSettings, PortalSite, Retention, SettingFault, Terms, logo_type,
};
pub use privacy::{PersonalAccount, PersonalData};
pub use quarantine::{
    NewQuarantine, Quarantine, QuarantineFilter, QuarantineKind, QuarantineNote, Release,
};
pub use recheck::{CheckReport, NewCheckReport, Recheck, RecheckOutcome};
pub use retention::{RetentionKind, RetentionRun};
pub use seal::{SealingKey, SecretBytes};
pub use segment::Segment;
pub use session::{EVERY_SESSION, SegmentCount, Session, SessionFilter, SessionSort};
pub use sql::database_errors;
pub use statistics::{Statistics, StoredGauges};
pub use supplicant::{MabAllowed, Supplicant};
pub use support_code::support_code;
pub use user::{User, UserFilter, UserRecord, UserSort, user_key};
pub use voucher::{
    NewVoucherBatch, Redeemer, Redemption, StartRule, Voucher, VoucherBatch, VoucherBatchFilter,
    VoucherCode, VoucherFilter, VoucherRefusal, VoucherState,
};
pub use writer::{Writer, WriterCounters, WriterError, WriterHandle, WriterSettings};

/// The time now, in microseconds since the Unix epoch: the store's only clock.
pub fn now_us() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
}
