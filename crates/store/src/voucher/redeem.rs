//! Using a code: finding it, judging it, letting the device in.

use uuid::Uuid;

use super::VoucherCode;
use crate::{
    EventKind, Guest, GuestMethod, GuestRefusal, GuestStatus, NewGuest, Store, StoreError,
    guest::{GUEST_LABEL, admit, begin, guest_lock, guest_write, micros, new_guest},
    now_us,
    sql::{Small, sql},
    transaction::Tx,
};

/// Who uses a code.
#[derive(Clone, Debug, Default)]
pub struct Redeemer {
    /// Their device.
    pub mac: String,
    /// The site where they are.
    pub site: String,
    /// The language of their pages.
    pub language: String,
    /// The version of the terms that they accepted.
    pub terms_version: Option<String>,
    /// The address that they come from.
    pub source: String,
}

/// Why a code does not let somebody in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoucherRefusal {
    /// There is no such code.
    #[error("there is no such code")]
    Unknown,
    /// It was not used in time, or withdrawn.
    #[error("this code is no longer valid")]
    Expired,
    /// Its time is over, or as many devices as it is for are using it.
    #[error("this code is used up")]
    UsedUp,
    /// It counts elsewhere.
    #[error("this code does not count at this site")]
    OtherSite,
    /// Its time has not come.
    #[error("this code is not valid yet")]
    NotYet {
        /// When it will be, in microseconds since the Unix epoch.
        from_us: i64,
    },
    /// The device may not be a guest's.
    #[error(transparent)]
    Device(GuestRefusal),
}

/// The guest who is here with the code, or why not.
pub type Redemption = Result<Guest, VoucherRefusal>;

#[derive(sqlx::FromRow)]
struct FoundRow {
    id: Uuid,
    guest_id: Option<Uuid>,
    first_used_us: Option<i64>,
    ends_us: Option<i64>,
    voucher_revoked_us: Option<i64>,
    batch_id: Uuid,
    batch_revoked_us: Option<i64>,
    note: String,
    site: String,
    #[sqlx(try_from = "Small")]
    duration_s: u32,
    starts_us: Option<i64>,
    #[sqlx(try_from = "Small")]
    devices: u32,
    expires_us: Option<i64>,
}

impl Store {
    /// Lets a device in by a code. Every refusal takes the same way through the database.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for an address that is none, or when the database fails.
    pub async fn voucher_redeem(
        &self,
        code: &VoucherCode,
        who: &Redeemer,
    ) -> Result<Redemption, StoreError> {
        let hmac = self.voucher_hmac(code)?;
        let at_us = now_us();
        let mut tx = self.write().await?;
        let found: Option<FoundRow> = sql!(
            tx.on(),
            fetch_optional as FoundRow,
            sqlite: "SELECT v.id, v.guest_id, v.first_used_us, v.ends_us, v.revoked_us AS voucher_revoked_us, v.batch_id, \
             b.revoked_us AS batch_revoked_us, b.note, b.site, b.duration_s, b.starts_us, b.devices, b.expires_us \
             FROM voucher AS v JOIN voucher_batch AS b ON b.id = v.batch_id WHERE v.code_hmac = $1",
            postgres: "SELECT v.id, v.guest_id, v.first_used_us, v.ends_us, v.revoked_us AS voucher_revoked_us, v.batch_id, \
             b.revoked_us AS batch_revoked_us, b.note, b.site, b.duration_s, b.starts_us, b.devices, b.expires_us \
             FROM voucher AS v JOIN voucher_batch AS b ON b.id = v.batch_id WHERE v.code_hmac = $1 FOR UPDATE",
            hmac.as_str()
        )?;
        let voucher = match found.ok_or(VoucherRefusal::Unknown).and_then(|found| {
            judge(&found, &who.site, at_us)?;
            Ok(found)
        }) {
            Ok(voucher) => voucher,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let before = match voucher.guest_id {
            Some(guest) => Some(guest_lock(&mut tx, guest).await?),
            None => None,
        };
        let guest = match &before {
            Some(guest) if guest.status == GuestStatus::Active => guest.clone(),
            Some(guest) if guest.status == GuestStatus::Invited => arrive(guest, &voucher, at_us),
            Some(_) => return Ok(Err(VoucherRefusal::UsedUp)),
            None => stranger(&voucher, who, at_us)?,
        };
        guest_write(&mut tx, &guest).await?;
        let until_us = guest.expires_us;
        match admit(&mut tx, &guest, &who.mac, Some(GUEST_LABEL), until_us).await? {
            Ok(()) => {}
            Err(GuestRefusal::DeviceLimit { .. }) => return Ok(Err(VoucherRefusal::UsedUp)),
            Err(refusal) => return Ok(Err(VoucherRefusal::Device(refusal))),
        }
        note_use(&mut tx, &voucher, &guest, at_us).await?;
        if let Some(version) = &who.terms_version {
            let (language, source) = (who.language.as_str(), who.source.as_str());
            let mac = Some(who.mac.as_str());
            crate::guest::acceptance_write(&mut tx, guest.id, version, language, mac, source)
                .await?;
        }
        tx.audit(
            "voucher.redeem",
            format!("voucher:{}", voucher.id),
            before.as_ref(),
            Some(&guest),
        )?;
        tx.changed(EventKind::Guest, guest.id.to_string());
        tx.changed(EventKind::Voucher, voucher.batch_id.to_string());
        tx.commit().await?;
        Ok(Ok(guest))
    }
}

fn judge(voucher: &FoundRow, site: &str, at_us: i64) -> Result<(), VoucherRefusal> {
    let unused = voucher.first_used_us.is_none();
    if voucher.voucher_revoked_us.is_some() || voucher.batch_revoked_us.is_some() {
        return Err(VoucherRefusal::Expired);
    }
    if !voucher.site.is_empty() && voucher.site != site {
        return Err(VoucherRefusal::OtherSite);
    }
    if unused && voucher.expires_us.is_some_and(|end| end <= at_us) {
        return Err(VoucherRefusal::Expired);
    }
    if let Some(from_us) = voucher.starts_us.filter(|starts| *starts > at_us) {
        return Err(VoucherRefusal::NotYet { from_us });
    }
    if !unused && voucher.ends_us.is_none_or(|end| end <= at_us) {
        return Err(VoucherRefusal::UsedUp);
    }
    Ok(())
}

/// Who was announced comes.
fn arrive(guest: &Guest, voucher: &FoundRow, at_us: i64) -> Guest {
    let mut guest = begin(guest, at_us);
    guest.voucher_id = Some(voucher.id);
    guest.expires_us = Some(end_us(voucher, at_us));
    guest
}

/// Who only has the code.
fn stranger(voucher: &FoundRow, who: &Redeemer, at_us: i64) -> Result<Guest, StoreError> {
    let new = NewGuest {
        method: GuestMethod::Voucher,
        note: voucher.note.clone(),
        language: who.language.clone(),
        site: who.site.clone(),
        mac: Some(who.mac.clone()),
        duration_s: voucher.duration_s,
        devices_max: voucher.devices,
        terms_version: who.terms_version.clone(),
        ..NewGuest::default()
    };
    let mut guest = new_guest(&new, at_us)?;
    guest.voucher_id = Some(voucher.id);
    guest.expires_us = Some(end_us(voucher, at_us));
    Ok(guest)
}

fn end_us(voucher: &FoundRow, at_us: i64) -> i64 {
    voucher
        .starts_us
        .unwrap_or(at_us)
        .saturating_add(micros(voucher.duration_s))
}

async fn note_use(
    tx: &mut Tx<'_>,
    voucher: &FoundRow,
    guest: &Guest,
    at_us: i64,
) -> Result<(), StoreError> {
    sql!(
        tx.on(),
        execute,
        "UPDATE voucher SET guest_id = $2, first_used_us = COALESCE(first_used_us, $3), ends_us = $4 WHERE id = $1",
        voucher.id,
        guest.id,
        at_us,
        guest.expires_us
    )?;
    Ok(())
}
