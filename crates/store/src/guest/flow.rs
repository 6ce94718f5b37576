//! The way of a guest: asked, confirmed, let in, extended, ended.

use uuid::Uuid;

use super::{
    ACTIVATION_LABEL, GUEST_LABEL, Guest, GuestMethod, GuestOutcome, GuestRefusal, GuestStatus,
    acceptance_write, admit, device, devices_close, email_key,
};
use crate::{
    EventKind, Store, StoreError, mac_normalise, now_us,
    sql::{plain, plain_option, sql},
    transaction::Tx,
};

/// Longer texts are no names, in characters.
const TEXT_MAX: usize = 300;
/// Nobody stays longer than this, in seconds: 366 days.
const DURATION_MAX_S: u32 = 366 * 86_400;
/// Due guests that one look ends; the rest waits for the next.
const DUE_MAX: i64 = 200;

/// A guest to let in, or to ask for.
#[derive(Clone, Debug)]
pub struct NewGuest {
    /// How they come in. Vouchers have their own way: [`Store::voucher_redeem`].
    pub method: GuestMethod,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their telephone number.
    pub phone: String,
    /// Where they come from.
    pub company: String,
    /// Whom they visit.
    pub host: String,
    /// Why they are here.
    pub reason: String,
    /// What operators note.
    pub note: String,
    /// The address of the sponsor to ask.
    pub sponsor: String,
    /// The language of their pages and mail.
    pub language: String,
    /// The site where they come in.
    pub site: String,
    /// Their device; an operator may announce a guest without one.
    pub mac: Option<String>,
    /// How long they may stay, in seconds.
    pub duration_s: u32,
    /// How many devices they may use at once.
    pub devices_max: u32,
    /// The version of the terms that they accepted.
    pub terms_version: Option<String>,
    /// The hexadecimal SHA-256 of the token in their link, for those who have to confirm or to wait.
    pub link_sha256: Option<String>,
    /// When that link ends, or the invitation does, in microseconds since the Unix epoch.
    pub link_expires_us: Option<i64>,
    /// How long their device is on until then, in seconds.
    pub activation_s: u32,
    /// The address that they come from, for the record of the terms.
    pub source: String,
    /// `portal`, or the operator.
    pub created_by: String,
}

impl Default for NewGuest {
    fn default() -> Self {
        Self {
            method: GuestMethod::Form,
            name: String::new(),
            email: String::new(),
            phone: String::new(),
            company: String::new(),
            host: String::new(),
            reason: String::new(),
            note: String::new(),
            sponsor: String::new(),
            language: "en".to_owned(),
            site: String::new(),
            mac: None,
            duration_s: 8 * 3_600,
            devices_max: 1,
            terms_version: None,
            link_sha256: None,
            link_expires_us: None,
            activation_s: 0,
            source: String::new(),
            created_by: "portal".to_owned(),
        }
    }
}

impl Store {
    /// Lets a guest in, or notes that they ask: who came by a link's method waits for it, the others are here at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for texts, times or addresses that cannot be ones.
    pub async fn guest_register(&self, new: NewGuest) -> Result<GuestOutcome, StoreError> {
        let at_us = now_us();
        let guest = new_guest(&new, at_us)?;
        let mut tx = self.write().await?;
        guest_write(&mut tx, &guest).await?;
        if let Some(mac) = &guest.mac {
            let (label, until_us) = match guest.status {
                GuestStatus::Active => (Some(GUEST_LABEL), guest.expires_us),
                _ if guest.activation_until_us.is_some() => {
                    (Some(ACTIVATION_LABEL), guest.activation_until_us)
                }
                _ => (None, guest.link_expires_us),
            };
            if let Err(refusal) = admit(&mut tx, &guest, mac, label, until_us).await? {
                return Ok(Err(refusal));
            }
        }
        if let Some(version) = &guest.terms_version {
            let (language, source) = (guest.language.as_str(), new.source.as_str());
            let mac = guest.mac.as_deref();
            acceptance_write(&mut tx, guest.id, version, language, mac, source).await?;
        }
        conclude(tx, "guest.register", None, guest).await
    }

    /// The guest's address has answered: lets them in, or lets them wait for the sponsor whom they named.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn guest_verify(&self, id: Uuid) -> Result<GuestOutcome, StoreError> {
        let mut tx = self.write().await?;
        let before = guest_lock(&mut tx, id).await?;
        if before.status != GuestStatus::Unverified || link_is_over(&before) {
            return Ok(Err(decided(&before)));
        }
        let at_us = now_us();
        let mut guest = if before.sponsor.is_empty() {
            begin(&before, at_us)
        } else {
            Guest {
                status: GuestStatus::Awaiting,
                updated_us: at_us.max(before.updated_us + 1),
                ..before.clone()
            }
        };
        guest.verified_us = Some(at_us);
        if guest.status == GuestStatus::Active {
            device::devices_relabel(&mut tx, &guest, GUEST_LABEL, guest.expires_us).await?;
        }
        guest_write(&mut tx, &guest).await?;
        conclude(tx, "guest.verify", Some(before), guest).await
    }

    /// A sponsor or an operator says yes, for as long as was asked or for less.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id, [`StoreError::Invalid`] for a time that is none.
    pub async fn guest_approve(
        &self,
        id: Uuid,
        by: &str,
        duration_s: Option<u32>,
    ) -> Result<GuestOutcome, StoreError> {
        let mut tx = self.write().await?;
        let mut before = guest_lock(&mut tx, id).await?;
        if !before.is_pending() || link_is_over(&before) {
            return Ok(Err(decided(&before)));
        }
        let shown = before.clone();
        before.duration_s = duration(duration_s.unwrap_or(before.duration_s))?;
        let at_us = now_us();
        let mut guest = begin(&before, at_us);
        guest.decided_us = Some(at_us);
        guest.decided_by = Some(plain(by));
        device::devices_relabel(&mut tx, &guest, GUEST_LABEL, guest.expires_us).await?;
        guest_write(&mut tx, &guest).await?;
        conclude(tx, "guest.approve", Some(shown), guest).await
    }

    /// A sponsor or an operator says no.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn guest_deny(
        &self,
        id: Uuid,
        by: &str,
        reason: &str,
    ) -> Result<GuestOutcome, StoreError> {
        let reason = text("the reason", reason)?;
        let mut tx = self.write().await?;
        let before = guest_lock(&mut tx, id).await?;
        if !before.is_pending() || link_is_over(&before) {
            return Ok(Err(decided(&before)));
        }
        let mut guest = before.clone();
        guest.decided_us = Some(now_us());
        guest.decided_by = Some(plain(by));
        guest.decision_reason = Some(reason);
        guest_close(&mut tx, &mut guest, GuestStatus::Denied, by).await?;
        conclude(tx, "guest.deny", Some(before), guest).await
    }

    /// Lets a guest stay longer by so many seconds, or again when their time was over.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id, [`StoreError::Invalid`] for a time that is none.
    pub async fn guest_extend(&self, id: Uuid, seconds: u32) -> Result<GuestOutcome, StoreError> {
        self.extend(id, seconds, None).await
    }

    /// The same by the guest, at most so many times and while they are here.
    ///
    /// # Errors
    ///
    /// As [`Store::guest_extend`].
    pub async fn guest_extend_self(
        &self,
        id: Uuid,
        seconds: u32,
        most: u32,
    ) -> Result<GuestOutcome, StoreError> {
        self.extend(id, seconds, Some(most)).await
    }

    async fn extend(
        &self,
        id: Uuid,
        seconds: u32,
        by_themselves: Option<u32>,
    ) -> Result<GuestOutcome, StoreError> {
        let seconds = duration(seconds)?;
        let mut tx = self.write().await?;
        let before = guest_lock(&mut tx, id).await?;
        let at_us = now_us();
        let allowed = match by_themselves {
            Some(most) if before.is_active(at_us) && before.extended >= most => {
                return Ok(Err(GuestRefusal::NoExtension));
            }
            Some(_) => before.is_active(at_us),
            None => matches!(before.status, GuestStatus::Active | GuestStatus::Expired),
        };
        if !allowed || before.starts_us.is_none() {
            return Ok(Err(decided(&before)));
        }
        let mut guest = before.clone();
        let from_us = guest.expires_us.unwrap_or(at_us).max(at_us);
        guest.expires_us = Some(from_us.saturating_add(micros(seconds)));
        guest.extended += u32::from(by_themselves.is_some());
        guest.status = GuestStatus::Active;
        (guest.ended_us, guest.ended_by) = (None, None);
        guest.updated_us = at_us.max(guest.updated_us + 1);
        device::devices_relabel(&mut tx, &guest, GUEST_LABEL, guest.expires_us).await?;
        guest_write(&mut tx, &guest).await?;
        voucher_follows(&mut tx, &guest).await?;
        conclude(tx, "guest.extend", Some(before), guest).await
    }

    /// Sends a guest away; `block` also refuses their devices from now on, for who would only register again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn guest_revoke(
        &self,
        id: Uuid,
        by: &str,
        block: bool,
    ) -> Result<GuestOutcome, StoreError> {
        let mut tx = self.write().await?;
        let before = guest_lock(&mut tx, id).await?;
        if !(before.is_pending()
            || matches!(before.status, GuestStatus::Active | GuestStatus::Invited))
        {
            return Ok(Err(decided(&before)));
        }
        let mut guest = before.clone();
        if block {
            device::devices_block(&mut tx, guest.id).await?;
        }
        guest_close(&mut tx, &mut guest, GuestStatus::Revoked, by).await?;
        conclude(tx, "guest.revoke", Some(before), guest).await
    }

    /// The guest logs out of one device. Who came by a voucher may come back with it; for the others it was the last word once no
    /// device is left.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn guest_leave(&self, id: Uuid, mac: &str) -> Result<Guest, StoreError> {
        let mac = mac_normalise(mac).unwrap_or_default();
        let mut tx = self.write().await?;
        let before = guest_lock(&mut tx, id).await?;
        let mut guest = before.clone();
        devices_close(&mut tx, id, Some(&mac), true).await?;
        let (left,): (i64,) = sql!(
            tx.on(),
            fetch_one as (i64,),
            "SELECT COUNT(*) FROM guest_device WHERE guest_id = $1 AND left_us IS NULL",
            id
        )?;
        let open = guest.is_pending() || guest.status == GuestStatus::Active;
        if left == 0 && open && guest.voucher_id.is_none() {
            guest_close(&mut tx, &mut guest, GuestStatus::Expired, "guest").await?;
        }
        tx.audit(
            "guest.leave",
            format!("guest:{id}"),
            Some(&before),
            Some(&guest),
        )?;
        tx.changed(EventKind::Guest, id.to_string());
        tx.commit().await?;
        Ok(guest)
    }

    /// A new link for somebody who still waits; the old one ends.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn guest_link_renew(
        &self,
        id: Uuid,
        token_sha256: &str,
        expires_us: i64,
    ) -> Result<GuestOutcome, StoreError> {
        let mut tx = self.write().await?;
        let mut guest = guest_lock(&mut tx, id).await?;
        if !guest.is_pending() {
            return Ok(Err(decided(&guest)));
        }
        guest.link_sha256 = Some(token_sha256.to_owned());
        guest.link_expires_us = Some(expires_us);
        guest_write(&mut tx, &guest).await?;
        tx.changed(EventKind::Guest, id.to_string());
        tx.commit().await?;
        Ok(Ok(guest))
    }

    /// Ends what is over by its time: stays, invitations, requests that nobody answered, activations. Gives those guests.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_expire(&self) -> Result<Vec<Guest>, StoreError> {
        let at_us = now_us();
        let due: Vec<(Uuid,)> = sql!(
            self.read(),
            fetch_all as (Uuid,),
            "SELECT id FROM guest WHERE status IN ('active', 'invited') AND expires_us <= $1 \
             UNION SELECT id FROM guest WHERE status IN ('unverified', 'awaiting') AND link_expires_us <= $1 \
             UNION SELECT id FROM guest WHERE activation_until_us IS NOT NULL AND activation_until_us <= $1 LIMIT $2",
            at_us,
            DUE_MAX
        )?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let mut ended = Vec::with_capacity(due.len());
        for (id,) in due {
            let mut guest = guest_lock(&mut tx, id).await?;
            let over = if guest.is_pending() {
                guest.link_expires_us.is_some_and(|end| end <= at_us)
            } else {
                guest.expires_us.is_some_and(|end| end <= at_us)
            };
            if over {
                guest_close(&mut tx, &mut guest, GuestStatus::Expired, "expiry").await?;
            } else if guest.activation_until_us.is_some_and(|end| end <= at_us) {
                guest.activation_until_us = None;
                devices_close(&mut tx, id, None, false).await?;
                guest_write(&mut tx, &guest).await?;
            }
            tx.changed(EventKind::Guest, id.to_string());
            ended.push(guest);
        }
        tx.commit().await?;
        Ok(ended)
    }

    /// Forgets guests who ended before a moment, with their devices and mail; blocked devices stay. Gives their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let gone: Vec<(Uuid,)> = sql!(
            tx.on(),
            fetch_all as (Uuid,),
            "SELECT id FROM guest WHERE ended_us < $1 LIMIT 1000",
            before_us
        )?;
        for (id,) in &gone {
            forget_guest(&mut tx, *id).await?;
        }
        if !gone.is_empty() {
            tx.changed(EventKind::Guest, crate::EVERYTHING);
        }
        tx.commit().await?;
        Ok(gone.len() as u64)
    }
}

/// Removes a guest who has ended, with their mail and the devices that are only theirs; blocked devices stay.
pub(crate) async fn forget_guest(tx: &mut Tx<'_>, id: Uuid) -> Result<(), StoreError> {
    let devices: Vec<(Uuid,)> = sql!(
        tx.on(),
        fetch_all as (Uuid,),
        "DELETE FROM device WHERE status = 'active' AND owner IS NULL AND labels = '[]' \
         AND id IN (SELECT device_id FROM guest_device WHERE guest_id = $1) RETURNING id",
        id
    )?;
    for (device,) in devices {
        tx.changed(EventKind::Device, device.to_string());
    }
    sql!(tx.on(), execute, "DELETE FROM mail WHERE guest_id = $1", id)?;
    sql!(tx.on(), execute, "DELETE FROM guest WHERE id = $1", id)?;
    Ok(())
}

/// Ends a stay or a request: the devices lose their labels, links lead nowhere.
pub(crate) async fn guest_close(
    tx: &mut Tx<'_>,
    guest: &mut Guest,
    status: GuestStatus,
    by: &str,
) -> Result<(), StoreError> {
    let at_us = now_us();
    devices_close(tx, guest.id, None, false).await?;
    guest.status = status;
    guest.ended_us = Some(at_us);
    guest.ended_by = Some(plain(by));
    guest.activation_until_us = None;
    guest.updated_us = at_us.max(guest.updated_us + 1);
    if status == GuestStatus::Revoked {
        sql!(
            tx.on(),
            execute,
            "UPDATE voucher SET revoked_us = $2, revoked_by = $3 WHERE guest_id = $1 AND revoked_us IS NULL",
            guest.id,
            at_us,
            plain(by)
        )?;
    }
    guest_write(tx, guest).await
}

/// The row for a change, held until the transaction ends.
pub(crate) async fn guest_lock(tx: &mut Tx<'_>, id: Uuid) -> Result<Guest, StoreError> {
    let row: Option<Guest> = sql!(
        tx.on(),
        fetch_optional as Guest,
        sqlite: "SELECT * FROM guest WHERE id = $1",
        postgres: "SELECT * FROM guest WHERE id = $1 FOR UPDATE",
        id
    )?;
    row.ok_or_else(|| StoreError::not_found("guest", id))
}

async fn conclude(
    mut tx: Tx<'_>,
    action: &'static str,
    before: Option<Guest>,
    guest: Guest,
) -> Result<GuestOutcome, StoreError> {
    tx.audit(
        action,
        format!("guest:{}", guest.id),
        before.as_ref(),
        Some(&guest),
    )?;
    tx.changed(EventKind::Guest, guest.id.to_string());
    tx.commit().await?;
    Ok(Ok(guest))
}

pub(crate) fn new_guest(new: &NewGuest, at_us: i64) -> Result<Guest, StoreError> {
    let status = match (new.method, &new.mac) {
        (GuestMethod::Email, _) => GuestStatus::Unverified,
        (GuestMethod::Sponsor, _) => GuestStatus::Awaiting,
        (_, Some(_)) => GuestStatus::Active,
        (GuestMethod::Operator, None) => GuestStatus::Invited,
        (GuestMethod::Click | GuestMethod::Form | GuestMethod::Voucher, None) => {
            return Err(StoreError::Invalid {
                what: "a guest needs a device to come in with".to_owned(),
            });
        }
    };
    let mac = match new.mac.as_deref().map(|mac| (mac, mac_normalise(mac))) {
        None => None,
        Some((_, Some(mac))) => Some(mac),
        Some((mac, None)) => {
            let mac: String = mac.chars().take(64).collect();
            return Err(StoreError::Invalid {
                what: format!("`{mac}` is not a MAC address"),
            });
        }
    };
    let duration_s = duration(new.duration_s)?;
    let active = status == GuestStatus::Active;
    let pending = matches!(status, GuestStatus::Unverified | GuestStatus::Awaiting);
    Ok(Guest {
        id: Uuid::now_v7(),
        method: new.method,
        status,
        name: text("the name", &new.name)?,
        email: text("the e-mail address", &new.email)?,
        phone: text("the telephone number", &new.phone)?,
        company: text("the company", &new.company)?,
        host: text("the person to visit", &new.host)?,
        reason: text("the reason", &new.reason)?,
        note: text("the note", &new.note)?,
        sponsor: text("the sponsor", &new.sponsor)?,
        language: text("the language", &new.language)?,
        site: text("the site", &new.site)?,
        mac,
        voucher_id: None,
        duration_s,
        devices_max: new.devices_max.clamp(1, 100),
        terms_version: new.terms_version.as_deref().map(plain),
        link_sha256: new.link_sha256.clone().filter(|_| pending),
        link_expires_us: new.link_expires_us.filter(|_| pending),
        activation_until_us: (pending && new.activation_s > 0 && new.mac.is_some())
            .then(|| at_us + micros(new.activation_s)),
        extended: 0,
        created_us: at_us,
        created_by: plain(&new.created_by),
        updated_us: at_us,
        starts_us: active.then_some(at_us),
        expires_us: match status {
            GuestStatus::Active => Some(at_us + micros(duration_s)),
            GuestStatus::Invited => new.link_expires_us,
            _ => None,
        },
        verified_us: None,
        decided_us: None,
        decided_by: None,
        decision_reason: None,
        ended_us: None,
        ended_by: None,
    })
}

/// The stay begins.
pub(crate) fn begin(guest: &Guest, at_us: i64) -> Guest {
    Guest {
        status: GuestStatus::Active,
        starts_us: Some(at_us),
        expires_us: Some(at_us.saturating_add(micros(guest.duration_s))),
        activation_until_us: None,
        updated_us: at_us.max(guest.updated_us + 1),
        ..guest.clone()
    }
}

fn decided(guest: &Guest) -> GuestRefusal {
    let by = guest.decided_by.as_ref().or(guest.ended_by.as_ref());
    let at_us = guest.decided_us.or(guest.verified_us).or(guest.ended_us);
    GuestRefusal::Decided {
        status: if guest.is_pending() {
            GuestStatus::Expired
        } else {
            guest.status
        },
        by: by.cloned().unwrap_or_default(),
        at_us: at_us.or(guest.link_expires_us).unwrap_or(guest.updated_us),
    }
}

/// A request that nobody answered in time, before the clock's hand reached it.
fn link_is_over(guest: &Guest) -> bool {
    guest.link_expires_us.is_some_and(|end| end <= now_us())
}

/// A voucher lasts as long as the stay that it opened.
async fn voucher_follows(tx: &mut Tx<'_>, guest: &Guest) -> Result<(), StoreError> {
    if guest.voucher_id.is_some() {
        sql!(
            tx.on(),
            execute,
            "UPDATE voucher SET ends_us = $2 WHERE guest_id = $1",
            guest.id,
            guest.expires_us
        )?;
    }
    Ok(())
}

pub(crate) fn duration(seconds: u32) -> Result<u32, StoreError> {
    if (1..=DURATION_MAX_S).contains(&seconds) {
        return Ok(seconds);
    }
    Err(StoreError::Invalid {
        what: "a stay lasts between one second and 366 days".to_owned(),
    })
}

pub(crate) fn micros(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000_000
}

fn text(what: &str, text: &str) -> Result<String, StoreError> {
    let text = text.trim();
    if text.chars().count() > TEXT_MAX {
        return Err(StoreError::Invalid {
            what: format!("{what} has more than {TEXT_MAX} characters"),
        });
    }
    Ok(plain(text))
}

/// Adds a guest, or replaces what may change of one.
pub(crate) async fn guest_write(tx: &mut Tx<'_>, guest: &Guest) -> Result<(), StoreError> {
    sql!(
        tx.on(),
        execute,
        "INSERT INTO guest (id, method, status, name, email, email_key, phone, company, host, reason, note, sponsor, \
         language, site, mac, voucher_id, duration_s, devices_max, terms_version, link_sha256, link_expires_us, \
         activation_until_us, extended, created_us, created_by, updated_us, starts_us, expires_us, verified_us, \
         decided_us, decided_by, decision_reason, ended_us, ended_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
         $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, \
         $33, $34) ON CONFLICT (id) DO UPDATE SET status = excluded.status, note = excluded.note, mac = excluded.mac, \
         voucher_id = excluded.voucher_id, duration_s = excluded.duration_s, devices_max = excluded.devices_max, \
         terms_version = excluded.terms_version, link_sha256 = excluded.link_sha256, \
         link_expires_us = excluded.link_expires_us, activation_until_us = excluded.activation_until_us, \
         extended = excluded.extended, updated_us = excluded.updated_us, starts_us = excluded.starts_us, \
         expires_us = excluded.expires_us, verified_us = excluded.verified_us, decided_us = excluded.decided_us, \
         decided_by = excluded.decided_by, decision_reason = excluded.decision_reason, ended_us = excluded.ended_us, \
         ended_by = excluded.ended_by",
        guest.id,
        guest.method.as_str(),
        guest.status.as_str(),
        guest.name.as_str(),
        guest.email.as_str(),
        email_key(&guest.email),
        guest.phone.as_str(),
        guest.company.as_str(),
        guest.host.as_str(),
        guest.reason.as_str(),
        guest.note.as_str(),
        guest.sponsor.as_str(),
        guest.language.as_str(),
        guest.site.as_str(),
        plain_option(guest.mac.as_deref()),
        guest.voucher_id,
        i64::from(guest.duration_s),
        i64::from(guest.devices_max),
        guest.terms_version.as_deref(),
        guest.link_sha256.as_deref(),
        guest.link_expires_us,
        guest.activation_until_us,
        i64::from(guest.extended),
        guest.created_us,
        guest.created_by.as_str(),
        guest.updated_us,
        guest.starts_us,
        guest.expires_us,
        guest.verified_us,
        guest.decided_us,
        guest.decided_by.as_deref(),
        guest.decision_reason.as_deref(),
        guest.ended_us,
        guest.ended_by.as_deref()
    )?;
    Ok(())
}
