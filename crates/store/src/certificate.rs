//! The certification authority, and the certificates it issued.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, SecretBytes, Store, StoreError, now_us,
    seal::Cell,
    sql::{sql, words},
};

words! {
    /// Whom a certificate is for.
    pub enum CertificateKind {
        /// A server of ours.
        Server = "server",
        /// A user.
        User = "user",
        /// A device.
        Device = "device",
        /// A NAS or a RADIUS proxy, for RadSec.
        Nas = "nas",
    }
}

/// A certificate that our authority issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Certificate {
    /// The serial number in lower-case hexadecimal; unique.
    pub serial: String,
    /// Whom it is for.
    pub kind: CertificateKind,
    /// The name of the user, device, server or NAS.
    pub name: String,
    /// The device, for a device's certificate.
    pub device_id: Option<Uuid>,
    /// The subject's distinguished name.
    pub subject: String,
    /// The SHA-256 of its public key, in hexadecimal.
    pub spki_sha256: String,
    /// The SHA-256 of the certificate.
    pub fingerprint_sha256: String,
    /// The certificate itself.
    pub certificate_pem: String,
    /// Its first moment, in microseconds since the Unix epoch.
    pub not_before_us: i64,
    /// Its last moment, in microseconds since the Unix epoch.
    pub not_after_us: i64,
    /// When it was issued, in microseconds since the Unix epoch.
    pub issued_us: i64,
    /// When it was revoked, in microseconds since the Unix epoch.
    pub revoked_us: Option<i64>,
    /// Why it was revoked.
    pub revoked_reason: Option<String>,
    /// Who revoked it.
    pub revoked_by: Option<String>,
}

/// A revoked certificate, as much of it as the hot path has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct RevokedCertificate {
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// The SHA-256 of its public key, in hexadecimal.
    pub spki_sha256: String,
    /// When it was revoked, in microseconds since the Unix epoch.
    pub revoked_us: i64,
    /// Why it was revoked.
    pub revoked_reason: String,
}

impl Store {
    /// Sets the certification authority: its certificate and, sealed, its key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without a sealing key.
    pub async fn authority_put(
        &self,
        certificate_pem: &str,
        key_pem: SecretBytes,
    ) -> Result<(), StoreError> {
        let key = self.seal(KEY_CELL, &key_pem)?;
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "INSERT INTO authority (id, certificate_pem, key_pem, created_us) VALUES (1, $1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET certificate_pem = excluded.certificate_pem, key_pem = excluded.key_pem, \
             created_us = excluded.created_us",
            certificate_pem,
            key.as_slice(),
            now_us()
        )?;
        tx.changed(EventKind::Authority, "1");
        tx.audit(
            "authority.put",
            "authority:1",
            None::<&()>,
            Some(&serde_json::json!({ "certificate_pem": certificate_pem })),
        )?;
        tx.commit().await
    }

    /// The certification authority's certificate and key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without the right sealing key.
    pub async fn authority_fetch(&self) -> Result<Option<(String, SecretBytes)>, StoreError> {
        let row: Option<(String, Vec<u8>)> = sql!(
            self.read(),
            fetch_optional as (String, Vec<u8>),
            "SELECT certificate_pem, key_pem FROM authority WHERE id = 1"
        )?;
        row.map(|(certificate, sealed)| Ok((certificate, self.unseal(KEY_CELL, &sealed)?)))
            .transpose()
    }

    /// Notes a certificate that was issued.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when its serial number is taken.
    pub async fn certificate_add(&self, certificate: &Certificate) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "INSERT INTO certificate (serial, kind, name, device_id, subject, spki_sha256, fingerprint_sha256, \
             certificate_pem, not_before_us, not_after_us, issued_us, revoked_us, revoked_reason, revoked_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            certificate.serial.as_str(),
            certificate.kind.as_str(),
            certificate.name.as_str(),
            certificate.device_id,
            certificate.subject.as_str(),
            certificate.spki_sha256.as_str(),
            certificate.fingerprint_sha256.as_str(),
            certificate.certificate_pem.as_str(),
            certificate.not_before_us,
            certificate.not_after_us,
            certificate.issued_us,
            certificate.revoked_us,
            certificate.revoked_reason.as_deref(),
            certificate.revoked_by.as_deref()
        )
        .map_err(|error| {
            error.or_conflict(|| format!("there is already a certificate with the serial number {}", certificate.serial))
        })?;
        tx.changed(EventKind::Certificate, &certificate.serial);
        tx.audit(
            "certificate.issue",
            format!("certificate:{}", certificate.serial),
            None::<&()>,
            Some(&Noted::from(certificate)),
        )?;
        tx.commit().await
    }

    /// The certificate with this serial number.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn certificate_fetch(&self, serial: &str) -> Result<Certificate, StoreError> {
        let row: Option<Certificate> = sql!(
            self.read(),
            fetch_optional as Certificate,
            "SELECT * FROM certificate WHERE serial = $1",
            serial
        )?;
        row.ok_or_else(|| StoreError::not_found("certificate", serial))
    }

    /// The last 100,000 certificates, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn certificate_list(&self) -> Result<Vec<Certificate>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Certificate,
            "SELECT * FROM certificate ORDER BY issued_us DESC, serial LIMIT 100000"
        )
    }

    /// Revokes a certificate. One that is revoked already keeps its first reason.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this serial number.
    pub async fn certificate_revoke(
        &self,
        serial: &str,
        reason: &str,
        by: &str,
    ) -> Result<Certificate, StoreError> {
        let mut tx = self.write().await?;
        let row: Option<Certificate> = sql!(
            tx.on(),
            fetch_optional as Certificate,
            "UPDATE certificate SET revoked_us = COALESCE(revoked_us, $2), \
             revoked_reason = COALESCE(revoked_reason, $3), revoked_by = COALESCE(revoked_by, $4) \
             WHERE serial = $1 RETURNING *",
            serial,
            now_us(),
            reason,
            by
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("certificate", serial))?;
        tx.changed(EventKind::Certificate, serial);
        tx.audit(
            "certificate.revoke",
            format!("certificate:{serial}"),
            None::<&()>,
            Some(&Noted::from(&row)),
        )?;
        tx.commit().await?;
        Ok(row)
    }

    /// Every revoked certificate, for the hot path's snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn certificate_revoked_list(&self) -> Result<Vec<RevokedCertificate>, StoreError> {
        sql!(
            self.read(),
            fetch_all as RevokedCertificate,
            "SELECT serial, spki_sha256, revoked_us, COALESCE(revoked_reason, '') AS revoked_reason \
             FROM certificate WHERE revoked_us IS NOT NULL ORDER BY serial"
        )
    }
}

/// What the audit log keeps of a certificate; the whole of it is in its own table.
#[derive(Serialize)]
struct Noted<'a> {
    kind: CertificateKind,
    name: &'a str,
    subject: &'a str,
    fingerprint_sha256: &'a str,
    not_after_us: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_reason: Option<&'a str>,
}

impl<'a> From<&'a Certificate> for Noted<'a> {
    fn from(certificate: &'a Certificate) -> Self {
        Self {
            kind: certificate.kind,
            name: &certificate.name,
            subject: &certificate.subject,
            fingerprint_sha256: &certificate.fingerprint_sha256,
            not_after_us: certificate.not_after_us,
            revoked_reason: certificate.revoked_reason.as_deref(),
        }
    }
}

const KEY_CELL: Cell<'static> = Cell {
    table: "authority",
    column: "key_pem",
    row: &1,
};
