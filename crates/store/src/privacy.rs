//! What is stored about one person, for themselves: everything at once, and its end.
//!
//! A session says who somebody is only as surely as they were authenticated. A MAC address can be imitated by anybody near, so
//! it opens nothing but what belongs to the present session itself; a name, mail or history of the device is shown to who
//! proved an identity ([`Session::is_proven`]), or gave the data in this very session.

use serde::Serialize;

use crate::{
    Accounting, AccountingFilter, DecisionFilter, DecisionRecord, Device, DeviceFilter, Guest,
    GuestAcceptance, ResumableLogin, Session, Store, StoreError, Supplicant, guest::forget_guest,
    now_us, sql::sql,
};

/// How the methods begin that prove who somebody is, as sessions name them: those of EAP.
const PROVING: [&str; 4] = ["EAP-", "PEAP-", "TTLS-", "TEAP-"];
/// The most of each kind.
const ROWS: u32 = 10_000;

/// Everything that is stored about one person, as far as they may see it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PersonalData {
    /// Whether the whole history is here; otherwise only what belongs to the present session.
    pub complete: bool,
    /// The account, without its password.
    pub user: Option<PersonalAccount>,
    /// What they said of themselves as a guest.
    pub guest: Option<Guest>,
    /// Which terms they accepted.
    pub acceptances: Vec<GuestAcceptance>,
    /// Their devices.
    pub devices: Vec<Device>,
    /// Where they were on, or are.
    pub sessions: Vec<Session>,
    /// When they asked to get on, and the answers.
    pub decisions: Vec<DecisionRecord>,
    /// When they were on, and how much they transferred.
    pub accounting: Vec<Accounting>,
    /// Which MAC addresses they logged in with by 802.1X, how and when last.
    pub supplicants: Vec<Supplicant>,
    /// Which logins their devices may go on with, without keys.
    pub resumable_logins: Vec<ResumableLogin>,
}

/// An account, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonalAccount {
    /// The name.
    pub name: String,
    /// Groups, sorted.
    pub groups: Vec<String>,
    /// When it was added, in microseconds since the Unix epoch.
    pub created_us: i64,
}

impl Session {
    /// Whether the identity was proven, and not merely claimed by a MAC address.
    pub fn is_proven(&self) -> bool {
        PROVING.iter().any(|prefix| self.method.starts_with(prefix))
    }
}

impl Store {
    /// What is stored about the person behind a session.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn personal_data(&self, session: &Session) -> Result<PersonalData, StoreError> {
        if session.is_proven() {
            return self.personal_data_of_user(&session.identity).await;
        }
        let decisions = match &session.mac {
            None => Vec::new(),
            Some(mac) => {
                let filter = DecisionFilter {
                    mac: Some(mac.clone()),
                    since_us: Some(session.started_us),
                    limit: ROWS,
                    ..DecisionFilter::default()
                };
                self.decision_list(&filter).await?
            }
        };
        let accounting = match &session.acct_session_id {
            None => Vec::new(),
            Some(named) => {
                let filter = AccountingFilter {
                    acct_session_id: Some(named.clone()),
                    client: Some(session.client.clone()),
                    mac: session.mac.clone(),
                    limit: ROWS,
                    ..AccountingFilter::default()
                };
                self.accounting_list(&filter).await?
            }
        };
        let guest = self.guest_of_session(session).await?;
        let acceptances = match &guest {
            None => Vec::new(),
            Some(guest) => self.guest_acceptances(guest.id).await?,
        };
        Ok(PersonalData {
            complete: false,
            guest,
            acceptances,
            sessions: vec![session.clone()],
            decisions: decisions
                .into_iter()
                .filter(|decision| decision.session_id == Some(session.id))
                .collect(),
            accounting,
            ..PersonalData::default()
        })
    }

    /// What is stored about a user who proved to be one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn personal_data_of_user(&self, name: &str) -> Result<PersonalData, StoreError> {
        let user = match self.user_fetch(name).await {
            Ok(user) => Some(PersonalAccount {
                name: user.name,
                groups: user.groups,
                created_us: user.created_us,
            }),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        let devices = DeviceFilter {
            owner: Some(name.to_owned()),
            ..DeviceFilter::default()
        };
        let decisions = DecisionFilter {
            user: Some(name.to_owned()),
            limit: ROWS,
            ..DecisionFilter::default()
        };
        let accounting = AccountingFilter {
            user_name: Some(name.to_owned()),
            limit: ROWS,
            ..AccountingFilter::default()
        };
        let sessions = sql!(
            self.read(),
            fetch_all as Session,
            "SELECT * FROM session WHERE identity = $1 ORDER BY id DESC LIMIT $2",
            name,
            i64::from(ROWS)
        )?;
        Ok(PersonalData {
            complete: true,
            user,
            devices: self.device_list(&devices).await?,
            sessions,
            decisions: self.decision_list(&decisions).await?,
            accounting: self.accounting_list(&accounting).await?,
            supplicants: self.supplicants_of_person(name).await?,
            resumable_logins: self.eap_session_of_person(name, now_us()).await?,
            ..PersonalData::default()
        })
    }

    /// The guest who registered this session's device while it was on: so it is them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_of_session(&self, session: &Session) -> Result<Option<Guest>, StoreError> {
        let Some(mac) = &session.mac else {
            return Ok(None);
        };
        let guest = self.guest_by_mac(mac).await?;
        Ok(guest.filter(|guest| {
            guest.created_us >= session.started_us && guest.mac.as_ref() == Some(mac)
        }))
    }

    /// Ends a guest's stay and forgets them, their mail and the devices that are only theirs. Which terms were accepted stays, without a
    /// name, and so do the records of connections, until their time is over. Which MAC was let in by 802.1X is among those: a guest is known
    /// by a MAC, which may be somebody else's.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no such guest.
    pub async fn guest_erase(&self, id: uuid::Uuid, by: &str) -> Result<(), StoreError> {
        // Whether it had ended already makes no difference.
        let _ = self.guest_revoke(id, by, false).await?;
        let mut tx = self.write().await?;
        forget_guest(&mut tx, id).await?;
        tx.audit(
            "guest.erase",
            format!("guest:{id}"),
            None::<&()>,
            None::<&()>,
        )?;
        tx.changed(crate::EventKind::Guest, id.to_string());
        tx.commit().await
    }
}
