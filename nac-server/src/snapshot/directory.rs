//! Users and devices in memory: tables too big to clone for every change, updated in place.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwap;
use nac_eap::mschapv2;
use nac_store::{
    Device, DevicePsk, IdentifierKind, Quarantine, QuarantineKind, SecretBytes, Store, StoreError,
    User, now_us,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::identity::realm::LocalRealms;
use crate::reason::Refusal;

/// A user as authentication sees one.
#[derive(Debug)]
pub struct UserEntry {
    /// Our id.
    pub id: Uuid,
    /// The name as it was registered.
    pub name: String,
    /// Switched off by an administrator.
    pub enabled: bool,
    /// argon2id in PHC text, for PAP.
    pub password: Option<String>,
    /// The password itself for challenge-response methods, where it was registered for them.
    pub challenge: Option<ChallengeSecrets>,
    /// The secret of the user's authenticator app: with one, a password alone is not enough.
    pub totp: Option<SecretBytes>,
    /// The last time step of which a code was used, as far as the database knew when this was read.
    pub totp_last_step: i64,
    /// Until when the password is good, in microseconds since the Unix epoch.
    pub password_expires_us: Option<i64>,
    /// Sorted.
    pub groups: Vec<String>,
}

impl UserEntry {
    /// Whether the password's time is over.
    pub fn password_is_expired(&self) -> bool {
        self.password_expires_us
            .is_some_and(|expires| expires <= now_us())
    }
}

/// What CHAP and MS-CHAPv2 need, and argon2id cannot give.
pub struct ChallengeSecrets {
    /// For CHAP.
    pub cleartext: Zeroizing<Vec<u8>>,
    /// For MS-CHAPv2.
    pub nt_hash: Zeroizing<[u8; 16]>,
}

impl std::fmt::Debug for ChallengeSecrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ChallengeSecrets(<hidden>)")
    }
}

/// The in-memory tables.
#[derive(Debug, Default)]
pub struct Directory {
    users: RwLock<HashMap<String, Arc<UserEntry>>>,
    devices: RwLock<Devices>,
    quarantines: RwLock<Quarantines>,
    realms: ArcSwap<LocalRealms>,
}

#[derive(Debug, Default)]
struct Quarantines {
    /// Those that keep somebody apart.
    open: Vec<Quarantine>,
    /// Until when an exception takes one of them out of account.
    excused: HashMap<Uuid, i64>,
    /// Those that follow a device's checks, by its id or address: their reason.
    following: HashMap<(Option<Uuid>, Option<String>), String>,
}

#[derive(Debug, Default)]
struct Devices {
    by_id: HashMap<Uuid, Arc<Device>>,
    by_identifier: HashMap<(IdentifierKind, String), Uuid>,
    /// When whose time is over.
    expiring: BTreeSet<(i64, Uuid)>,
    /// Wi-Fi keys by device, the newest first.
    psks: HashMap<Uuid, Vec<DevicePsk>>,
}

/// What is known of a device's own key for a network.
#[derive(Debug)]
pub enum OwnKey {
    /// It never had one.
    None,
    /// All that it had are over.
    Over,
    /// These are right, the newest first.
    Valid(Vec<SecretBytes>),
}

impl Directory {
    /// A user by name; letter case does not matter. Who is registered with the whole name is that user; otherwise a realm or Windows
    /// domain of ours is taken off.
    ///
    /// # Errors
    /// A name that cannot be one, or one in somebody else's realm. A name that nobody has is no error.
    pub fn account(&self, name: &str) -> Result<Option<Arc<UserEntry>>, Refusal> {
        let users = read(&self.users);
        let find = |name: &str| users.get(&name.to_lowercase()).cloned();
        match find(name) {
            Some(user) => Ok(Some(user)),
            None => Ok(find(self.realms.load().account(name)?)),
        }
    }

    /// The same, where it does not matter why there is no such user.
    pub fn user(&self, name: &str) -> Option<Arc<UserEntry>> {
        self.account(name).ok().flatten()
    }

    /// The realms and Windows domains that are ours.
    pub fn realms(&self) -> arc_swap::Guard<Arc<LocalRealms>> {
        self.realms.load()
    }

    /// Takes new realms and Windows domains for ours.
    pub fn replace_realms(&self, realms: LocalRealms) {
        self.realms.store(Arc::new(realms));
    }

    /// The name that an account is registered under, whatever spelling opened it: policies compare names exactly. A name that nobody
    /// has stays as it is.
    pub fn registered_name(&self, name: &str) -> String {
        self.user(name)
            .map_or_else(|| name.to_owned(), |user| user.name.clone())
    }

    /// A device by id.
    pub fn device(&self, id: Uuid) -> Option<Arc<Device>> {
        read(&self.devices).by_id.get(&id).cloned()
    }

    /// A device by something it is known by.
    pub fn device_by(&self, kind: IdentifierKind, value: &str) -> Option<Arc<Device>> {
        let devices = read(&self.devices);
        let id = devices.by_identifier.get(&(kind, value.to_owned()))?;
        devices.by_id.get(id).cloned()
    }

    /// A device's own key for a network.
    pub fn psk(&self, device: Uuid, ssid: &str) -> OwnKey {
        let devices = read(&self.devices);
        let Some(psks) = devices.psks.get(&device) else {
            return OwnKey::None;
        };
        let now = now_us();
        let mut psks = psks.iter().filter(|psk| psk.ssid == ssid).peekable();
        if psks.peek().is_none() {
            return OwnKey::None;
        }
        let valid: Vec<SecretBytes> = psks.filter_map(|psk| psk.valid(now)).cloned().collect();
        match valid.is_empty() {
            true => OwnKey::Over,
            false => OwnKey::Valid(valid),
        }
    }

    /// Whether an open quarantine names this device or this MAC. One that only follows the device's checks causes nothing.
    pub fn is_quarantined(&self, device: Option<Uuid>, mac: Option<&str>) -> bool {
        let now = now_us();
        let quarantines = read(&self.quarantines);
        quarantines.open.iter().any(|quarantine| {
            let excused = quarantines.excused.get(&quarantine.id);
            quarantine.expires_us.is_none_or(|expires| expires > now)
                && excused.is_none_or(|until| *until <= now)
                && ((device.is_some() && quarantine.device_id == device)
                    || (mac.is_some() && quarantine.mac.as_deref() == mac))
        })
    }

    /// The reason of the open quarantine that follows this device's checks.
    pub fn followed(&self, device: Option<Uuid>, mac: Option<&str>) -> Option<String> {
        let quarantines = read(&self.quarantines);
        let by_device = quarantines.following.get(&(device, None));
        let by_mac = || quarantines.following.get(&(None, mac.map(str::to_owned)));
        by_device.or_else(by_mac).cloned()
    }

    /// The next moment at which a device's time is over, after this one.
    pub fn next_expiry_us(&self, after_us: i64) -> Option<i64> {
        let devices = read(&self.devices);
        let later = devices.expiring.range((after_us, Uuid::max())..);
        later.map(|(expires, _)| *expires).next()
    }

    /// The devices whose time was over after one moment and not after the other.
    pub fn expired_between(&self, after_us: i64, until_us: i64) -> Vec<Uuid> {
        let devices = read(&self.devices);
        let due = devices
            .expiring
            .range((after_us, Uuid::max())..=(until_us.max(after_us), Uuid::max()));
        due.map(|(_, id)| *id).collect()
    }

    /// How many users and devices are known.
    pub fn sizes(&self) -> (usize, usize) {
        (read(&self.users).len(), read(&self.devices).by_id.len())
    }

    pub(super) async fn reload_users(&self, store: &Store) -> Result<(), StoreError> {
        let mut users = HashMap::new();
        let mut after = None;
        loop {
            let page = store.user_list_all(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            users.extend(
                page.into_iter()
                    .map(|user| (user.name.to_lowercase(), entry(user))),
            );
        }
        *write(&self.users) = users;
        Ok(())
    }

    pub(crate) async fn reload_user(&self, store: &Store, name: &str) -> Result<(), StoreError> {
        let user = found(store.user_fetch(name).await)?;
        let mut users = write(&self.users);
        match user {
            Some(user) => users.insert(name.to_lowercase(), entry(user)),
            None => users.remove(&name.to_lowercase()),
        };
        Ok(())
    }

    pub(super) async fn reload_devices(&self, store: &Store) -> Result<(), StoreError> {
        let mut devices = Devices::default();
        let mut after = None;
        loop {
            let page = store.device_list_all(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            page.into_iter().for_each(|device| devices.insert(device));
        }
        let mut after = None;
        loop {
            let page = store.device_psk_list_all(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for psk in page {
                devices
                    .psks
                    .entry(psk.device_id)
                    .or_default()
                    .insert(0, psk);
            }
        }
        *write(&self.devices) = devices;
        Ok(())
    }

    pub(super) async fn reload_device(&self, store: &Store, id: Uuid) -> Result<(), StoreError> {
        let device = found(store.device_fetch(id).await)?;
        let psks = store.device_psk_list(id).await?;
        let mut devices = write(&self.devices);
        devices.remove(id);
        if let Some(device) = device {
            devices.insert(device);
            if !psks.is_empty() {
                devices.psks.insert(id, psks);
            }
        }
        Ok(())
    }

    pub(super) async fn reload_quarantines(&self, store: &Store) -> Result<(), StoreError> {
        let mut quarantines = Quarantines::default();
        for quarantine in store.quarantine_list_open().await? {
            if quarantine.kind != QuarantineKind::Posture {
                quarantines.open.push(quarantine);
                continue;
            }
            let subject = match quarantine.device_id {
                Some(device) => (Some(device), None),
                None => (None, quarantine.mac),
            };
            quarantines.following.insert(subject, quarantine.reason);
        }
        for exception in store.exception_list_active().await? {
            if let Some(quarantine) = exception.quarantine_id {
                quarantines.excused.insert(quarantine, exception.expires_us);
            }
        }
        *write(&self.quarantines) = quarantines;
        Ok(())
    }
}

/// Rows read at once while a whole table is loaded.
const PAGE: u32 = 5_000;

impl Devices {
    fn insert(&mut self, device: Device) {
        for mac in &device.macs {
            self.by_identifier
                .insert((IdentifierKind::Mac, mac.clone()), device.id);
        }
        for identifier in &device.identifiers {
            self.by_identifier
                .insert((identifier.kind, identifier.value.clone()), device.id);
        }
        if let Some(expires) = device.expires_us {
            self.expiring.insert((expires, device.id));
        }
        self.by_id.insert(device.id, Arc::new(device));
    }

    fn remove(&mut self, id: Uuid) {
        self.psks.remove(&id);
        let Some(device) = self.by_id.remove(&id) else {
            return;
        };
        if let Some(expires) = device.expires_us {
            self.expiring.remove(&(expires, id));
        }
        let macs = device
            .macs
            .iter()
            .map(|mac| (IdentifierKind::Mac, mac.clone()));
        let others = device
            .identifiers
            .iter()
            .map(|known| (known.kind, known.value.clone()));
        for identifier in macs.chain(others) {
            if self.by_identifier.get(&identifier) == Some(&id) {
                self.by_identifier.remove(&identifier);
            }
        }
    }
}

fn entry(user: User) -> Arc<UserEntry> {
    let challenge = user.cleartext.as_ref().map(|secret| {
        let cleartext = Zeroizing::new(secret.expose().to_vec());
        let nt_hash = Zeroizing::new(mschapv2::nt_hash(&String::from_utf8_lossy(&cleartext)));
        ChallengeSecrets { cleartext, nt_hash }
    });
    let mut groups = user.groups;
    groups.sort();
    Arc::new(UserEntry {
        id: user.id,
        name: user.name,
        enabled: user.enabled,
        password: user.password,
        challenge,
        totp: user.totp,
        password_expires_us: user.password_expires_us,
        totp_last_step: user.totp_last_step,
        groups,
    })
}

fn found<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

// A panic while a lock was held leaves a table that is at worst one row behind; refusing to read it would end all service.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
