//! Wi-Fi keys that one device has for itself: created, rotated with an overlap in which both are right, revoked.
//!
//! The passphrase has to be told to access points, so it is sealed and not hashed. It is forgotten once the key is over; the
//! row stays, so that a device whose keys are all over is known to have had one.

use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    EventKind, SecretBytes, Store, StoreError,
    error::SealedError,
    now_us,
    seal::Cell,
    sql::{plain, sql, words},
    transaction::Tx,
};

/// No 0 and o, no 1, i and l: what somebody reads from paper and types on a television. 31 letters, so 16 of them are
/// 79 bits.
const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
/// How many letters a new passphrase has.
pub const PSK_LEN: usize = 16;
/// How many keys of one device and network are remembered after their end.
const HISTORY: i64 = 10;

words! {
    /// What a key is at a moment.
    pub enum PskState {
        /// The device's key.
        Current = "current",
        /// The one before it, which is right until the overlap ends.
        Overlap = "overlap",
        /// Its time is over.
        Over = "over",
        /// Somebody ended it.
        Revoked = "revoked",
    }
}

/// A Wi-Fi key of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DevicePsk {
    /// Our id.
    pub id: Uuid,
    /// Whose it is.
    pub device_id: Uuid,
    /// For which network.
    pub ssid: String,
    /// The passphrase, until it is over.
    #[serde(skip)]
    pub passphrase: Option<SecretBytes>,
    /// When it was made, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// Who made it.
    pub created_by: String,
    /// Until when it is right, in microseconds since the Unix epoch; for the current one nobody has said yet.
    pub ends_us: Option<i64>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// Whether it was ended at once, and not by its successor.
    pub revoked: bool,
}

impl DevicePsk {
    /// What it is at this moment.
    pub fn state(&self, at_us: i64) -> PskState {
        match self.ends_us {
            None => PskState::Current,
            Some(_) if self.revoked => PskState::Revoked,
            Some(ends) if ends > at_us => PskState::Overlap,
            Some(_) => PskState::Over,
        }
    }

    /// The passphrase, while it is right.
    pub fn valid(&self, at_us: i64) -> Option<&SecretBytes> {
        match self.state(at_us) {
            PskState::Current | PskState::Overlap => self.passphrase.as_ref(),
            PskState::Over | PskState::Revoked => None,
        }
    }

    /// What a phone's camera joins the network with: `WIFI:T:WPA;S:…;P:…;H:false;;`.
    pub fn wifi(&self) -> Option<Zeroizing<String>> {
        let passphrase = self.passphrase.as_ref()?;
        let mut text = Zeroizing::new(String::from("WIFI:T:WPA;S:"));
        escape(&self.ssid, &mut text);
        text.push_str(";P:");
        escape(&String::from_utf8_lossy(passphrase.expose()), &mut text);
        text.push_str(";H:false;;");
        Some(text)
    }

    /// A new random passphrase.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] when the system has no randomness to give.
    pub fn passphrase() -> Result<SecretBytes, StoreError> {
        let mut letters = Vec::with_capacity(PSK_LEN);
        while letters.len() < PSK_LEN {
            let mut octet = [0_u8];
            aws_lc_rs::rand::fill(&mut octet).map_err(|_| SealedError::NoRandomness)?;
            // 248 is a multiple of 31, so that no letter comes more often than another.
            let letter = (octet[0] < 248).then(|| ALPHABET.get(usize::from(octet[0]) % 31));
            letters.extend(letter.flatten());
        }
        Ok(SecretBytes::new(letters))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    device_id: Uuid,
    ssid: String,
    passphrase: Option<Vec<u8>>,
    created_us: i64,
    created_by: String,
    ends_us: Option<i64>,
    ended_by: Option<String>,
    revoked: bool,
}

impl Store {
    /// Gives a device a key of its own for a network.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when it has one; [`StoreError::Invalid`] for a name that no network has or a passphrase that
    /// WPA cannot use; [`StoreError::NotFound`] for an unknown device; [`StoreError::Sealed`] without a sealing key.
    pub async fn device_psk_create(
        &self,
        device_id: Uuid,
        ssid: &str,
        passphrase: SecretBytes,
        by: &str,
    ) -> Result<DevicePsk, StoreError> {
        let psk = new_psk(device_id, ssid, passphrase, by)?;
        let mut tx = self.write().await?;
        known(&mut tx, device_id).await?;
        self.psk_insert(&mut tx, &psk).await?;
        told(&mut tx, "device.psk.create", device_id, None, Some(&psk))?;
        tx.commit().await?;
        Ok(psk)
    }

    /// Gives a device a new key for a network. The present one stays right for `overlap_us` more, so that the new one can be
    /// typed in meanwhile; one before it ends now.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the device has no key for this network; otherwise as [`Store::device_psk_create`].
    pub async fn device_psk_rotate(
        &self,
        device_id: Uuid,
        ssid: &str,
        passphrase: SecretBytes,
        overlap_us: i64,
        by: &str,
    ) -> Result<DevicePsk, StoreError> {
        let psk = new_psk(device_id, ssid, passphrase, by)?;
        let at_us = now_us();
        let mut tx = self.write().await?;
        // A former overlap ends, so that at most two keys are ever right.
        sql!(
            tx.on(),
            execute,
            "UPDATE device_psk SET ends_us = $3, passphrase = NULL WHERE device_id = $1 AND ssid = $2 AND ends_us > $3",
            device_id,
            psk.ssid.as_str(),
            at_us
        )?;
        let former: Option<Row> = sql!(
            tx.on(),
            fetch_optional as Row,
            "UPDATE device_psk SET ends_us = $3, ended_by = $4 WHERE device_id = $1 AND ssid = $2 AND ends_us IS NULL \
             RETURNING *",
            device_id,
            psk.ssid.as_str(),
            at_us.saturating_add(overlap_us.max(0)),
            plain(by)
        )?;
        let Some(former) = former else {
            return Err(StoreError::not_found("key of this device for", &psk.ssid));
        };
        self.psk_insert(&mut tx, &psk).await?;
        sql!(
            tx.on(),
            execute,
            "DELETE FROM device_psk WHERE device_id = $1 AND ssid = $2 AND ends_us <= $3 AND id NOT IN \
             (SELECT id FROM device_psk WHERE device_id = $1 AND ssid = $2 ORDER BY id DESC LIMIT $4)",
            device_id,
            psk.ssid.as_str(),
            at_us,
            HISTORY
        )?;
        let former = self.psk(former)?;
        told(
            &mut tx,
            "device.psk.rotate",
            device_id,
            Some(&former),
            Some(&psk),
        )?;
        tx.commit().await?;
        Ok(psk)
    }

    /// Ends the keys of a device now: those for one network, or all. Gives how many were right until now.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when no key was right any more.
    pub async fn device_psk_revoke(
        &self,
        device_id: Uuid,
        ssid: Option<&str>,
        by: &str,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let ended: Vec<Row> = sql!(
            tx.on(),
            fetch_all as Row,
            "UPDATE device_psk SET ends_us = $3, ended_by = $4, revoked = $5, passphrase = NULL WHERE device_id = $1 \
             AND ($2 IS NULL OR ssid = $2) AND (ends_us IS NULL OR ends_us > $3) RETURNING *",
            device_id,
            ssid,
            now_us(),
            plain(by),
            true
        )?;
        if ended.is_empty() {
            return Err(StoreError::not_found("valid key of the device", device_id));
        }
        let count = ended.len() as u64;
        for row in ended {
            let psk = self.psk(row)?;
            told(&mut tx, "device.psk.revoke", device_id, None, Some(&psk))?;
        }
        tx.commit().await?;
        Ok(count)
    }

    /// The keys of a device, the newest first, ended ones included.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without the right key, or when the database fails.
    pub async fn device_psk_list(&self, device_id: Uuid) -> Result<Vec<DevicePsk>, StoreError> {
        let rows: Vec<Row> = sql!(
            self.read(),
            fetch_all as Row,
            "SELECT * FROM device_psk WHERE device_id = $1 ORDER BY id DESC",
            device_id
        )?;
        rows.into_iter().map(|row| self.psk(row)).collect()
    }

    /// The next keys by id, for loading all of them in pieces: start with `None`, go on with the last id of each piece, stop at an
    /// empty one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without the right key, or when the database fails.
    pub async fn device_psk_list_all(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<DevicePsk>, StoreError> {
        let rows: Vec<Row> = sql!(
            self.read(),
            fetch_all as Row,
            "SELECT * FROM device_psk WHERE id > $1 ORDER BY id LIMIT $2",
            after.unwrap_or(Uuid::nil()),
            i64::from(limit)
        )?;
        rows.into_iter().map(|row| self.psk(row)).collect()
    }

    /// Forgets the passphrases whose time is over. Gives their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn device_psk_forget(&self) -> Result<u64, StoreError> {
        let at_us = now_us();
        let due: Option<(Uuid,)> = sql!(
            self.read(),
            fetch_optional as (Uuid,),
            "SELECT id FROM device_psk WHERE passphrase IS NOT NULL AND ends_us <= $1 LIMIT 1",
            at_us
        )?;
        if due.is_none() {
            return Ok(0);
        }
        let mut tx = self.write().await?;
        let forgotten: Vec<(Uuid,)> = sql!(
            tx.on(),
            fetch_all as (Uuid,),
            "UPDATE device_psk SET passphrase = NULL WHERE passphrase IS NOT NULL AND ends_us <= $1 RETURNING device_id",
            at_us
        )?;
        for (device_id,) in &forgotten {
            tx.changed(EventKind::Device, device_id.to_string());
        }
        tx.commit().await?;
        Ok(forgotten.len() as u64)
    }

    async fn psk_insert(&self, tx: &mut Tx<'_>, psk: &DevicePsk) -> Result<(), StoreError> {
        let sealed = psk
            .passphrase
            .as_ref()
            .map(|passphrase| self.seal(cell(&psk.id), passphrase))
            .transpose()?;
        sql!(
            tx.on(),
            execute,
            "INSERT INTO device_psk (id, device_id, ssid, passphrase, created_us, created_by, ends_us, ended_by, revoked) \
             VALUES ($1, $2, $3, $4, $5, $6, NULL, NULL, $7)",
            psk.id,
            psk.device_id,
            psk.ssid.as_str(),
            sealed.as_deref(),
            psk.created_us,
            psk.created_by.as_str(),
            false
        )
        .map_err(|error| {
            error.or_conflict(|| {
                format!(
                    "the device has a key for {} already: rotate or revoke it",
                    psk.ssid
                )
            })
        })?;
        Ok(())
    }

    fn psk(&self, row: Row) -> Result<DevicePsk, StoreError> {
        let passphrase = row
            .passphrase
            .map(|sealed| self.unseal(cell(&row.id), &sealed))
            .transpose()?;
        Ok(DevicePsk {
            id: row.id,
            device_id: row.device_id,
            ssid: row.ssid,
            passphrase,
            created_us: row.created_us,
            created_by: row.created_by,
            ends_us: row.ends_us,
            ended_by: row.ended_by,
            revoked: row.revoked,
        })
    }
}

/// IEEE 802.11: a network's name has 1 to 32 octets, a passphrase 8 to 63 printable ASCII characters.
fn new_psk(
    device_id: Uuid,
    ssid: &str,
    passphrase: SecretBytes,
    by: &str,
) -> Result<DevicePsk, StoreError> {
    let invalid = |what: &str| StoreError::Invalid {
        what: what.to_owned(),
    };
    if !(1..=32).contains(&ssid.len()) || ssid.contains('\0') {
        return Err(invalid("the name of a Wi-Fi network has 1 to 32 octets"));
    }
    let letters = passphrase.expose();
    if !(8..=63).contains(&letters.len())
        || !letters.iter().all(|octet| (0x20..0x7f).contains(octet))
    {
        return Err(invalid(
            "a Wi-Fi passphrase has 8 to 63 printable ASCII characters",
        ));
    }
    Ok(DevicePsk {
        id: Uuid::now_v7(),
        device_id,
        ssid: ssid.to_owned(),
        passphrase: Some(passphrase),
        created_us: now_us(),
        created_by: plain(by),
        ends_us: None,
        ended_by: None,
        revoked: false,
    })
}

/// What has a meaning in the text of the QR code gets a backslash.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        if matches!(letter, '\\' | ';' | ',' | ':' | '"') {
            out.push('\\');
        }
        out.push(letter);
    }
}

async fn known(tx: &mut Tx<'_>, device_id: Uuid) -> Result<(), StoreError> {
    let row: Option<(Uuid,)> = sql!(
        tx.on(),
        fetch_optional as (Uuid,),
        "SELECT id FROM device WHERE id = $1",
        device_id
    )?;
    row.map(drop)
        .ok_or_else(|| StoreError::not_found("device", device_id))
}

/// A key is a part of its device: who listens to devices hears of it.
fn told(
    tx: &mut Tx<'_>,
    action: &'static str,
    device_id: Uuid,
    before: Option<&DevicePsk>,
    after: Option<&DevicePsk>,
) -> Result<(), StoreError> {
    tx.audit(action, format!("device:{device_id}"), before, after)?;
    tx.changed(EventKind::Device, device_id.to_string());
    Ok(())
}

fn cell(id: &Uuid) -> Cell<'_> {
    Cell {
        table: "device_psk",
        column: "passphrase",
        row: id,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{ALPHABET, DevicePsk, PSK_LEN, new_psk};
    use crate::SecretBytes;

    #[test]
    fn what_means_something_in_a_qr_code_is_escaped() {
        let secret = SecretBytes::new(*b"a;b\\c,d:e\"");
        let psk = new_psk(Uuid::nil(), "Caf\u{e9}; 5:30", secret, "admin").unwrap();
        assert_eq!(
            psk.wifi().unwrap().as_str(),
            "WIFI:T:WPA;S:Caf\u{e9}\\; 5\\:30;P:a\\;b\\\\c\\,d\\:e\\\";H:false;;"
        );
    }

    #[test]
    fn what_no_network_and_no_wpa_can_use_is_refused() {
        let check = |ssid: &str, passphrase: &str| {
            new_psk(Uuid::nil(), ssid, SecretBytes::new(passphrase), "admin").is_ok()
        };
        assert!(check("x", "12345678") && check(&"x".repeat(32), &"k".repeat(63)));
        for (ssid, passphrase) in [
            ("", "12345678"),
            (&*"x".repeat(33), "12345678"),
            ("x", "1234567"),
            ("x", &*"k".repeat(64)),
            ("x", "1234567\u{e9}"),
            ("x\0", "12345678"),
        ] {
            assert!(!check(ssid, passphrase), "{ssid:?} {passphrase:?}");
        }
    }

    #[test]
    fn a_passphrase_has_sixteen_letters_that_nobody_confuses() {
        let one = DevicePsk::passphrase().unwrap();
        assert_eq!(one.expose().len(), PSK_LEN);
        assert!(one.expose().iter().all(|letter| ALPHABET.contains(letter)));
        assert!(!ALPHABET.iter().any(|letter| b"0o1il".contains(letter)));
        assert_ne!(one, DevicePsk::passphrase().unwrap());
    }
}
