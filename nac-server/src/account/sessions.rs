//! The table of live sessions: born by an accept, kept by accounting, ended by a stop, a refusal or silence.
//!
//! A session is one station on one NAS. A re-authentication of the same station continues or replaces it; either way it proves to
//! [`crate::enforce`] what the NAS was told last.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nac_radius::{Packet, attribute};
use nac_store::{Session, WriterHandle, now_us};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::identity::AccessContext;
use crate::snapshot::segments::SegmentAnswer;

/// A session without any sign of life for this long is over: its NAS forgot to say so.
const SILENCE_US: i64 = 24 * 3600 * 1_000_000;

/// More identifiers than any NAS sends; accounting must not make a session grow for ever.
const MAX_IDENTIFIERS: usize = 32;

/// One station on one NAS, now.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// Our id; the NAS carries it in Class.
    pub id: Uuid,
    /// Who and how, for looking at it again.
    pub context: Arc<AccessContext>,
    /// Where the NAS was last told to put it.
    pub segment: String,
    /// The attributes that told it so; unknown when the segment was gone at a restart.
    pub answer: Option<Arc<SegmentAnswer>>,
    /// The decision that said so.
    pub decision_id: Uuid,
    /// The policy then in force.
    pub policy_version: i64,
    /// Where the NAS's packets come from, which is where a CoA goes.
    pub nas_source: SocketAddr,
    /// The NAS's own address.
    pub nas_address: IpAddr,
    /// The identifiers that this NAS itself sent.
    pub identifiers: Vec<(String, String)>,
    /// User-Name as sent.
    pub user_name: String,
    /// The station's address as text.
    pub mac: Option<String>,
    /// The inventory's device, when known.
    pub device_id: Option<Uuid>,
    /// From accounting.
    pub framed_ip: Option<IpAddr>,
    /// When it began.
    pub started_us: i64,
    /// The last sign of life.
    pub updated_us: i64,
}

/// What an accept adds to the table.
#[derive(Debug)]
pub struct Admission {
    /// From [`SessionTable::id_for`].
    pub id: Uuid,
    /// Who and how.
    pub context: Arc<AccessContext>,
    /// The segment that was answered.
    pub segment: String,
    /// With these attributes.
    pub answer: Arc<SegmentAnswer>,
    /// The decision.
    pub decision_id: Uuid,
    /// The policy in force.
    pub policy_version: i64,
    /// Where the request came from.
    pub nas_source: SocketAddr,
    /// The NAS's own address.
    pub nas_address: IpAddr,
    /// What identifies the session at its NAS.
    pub identifiers: Vec<(String, String)>,
    /// User-Name as sent.
    pub user_name: String,
    /// The inventory's device.
    pub device_id: Option<Uuid>,
}

/// What happened to a session; enforcement takes it as proof, posture as a sign that the device is here.
#[derive(Clone, Debug)]
pub enum SessionChange {
    /// An Access-Request was answered with this segment.
    Admitted(Arc<LiveSession>),
    /// An Access-Request was refused, by this decision.
    Refused(Arc<LiveSession>, Uuid),
    /// Accounting told us more, for example the address.
    Updated(Arc<LiveSession>),
    /// The same station on the same NAS authenticated again as another session.
    Replaced {
        /// The session that is over.
        former: Arc<LiveSession>,
        /// The one that took its place.
        successor: Arc<LiveSession>,
    },
    /// Accounting stopped, or the NAS restarted.
    Stopped(Arc<LiveSession>, String),
}

/// A station on a NAS: its MAC, or its user name where the NAS names no MAC.
type Station = (IpAddr, String);

/// All live sessions.
pub struct SessionTable {
    table: Mutex<Table>,
    changes: mpsc::UnboundedSender<SessionChange>,
    writer: WriterHandle,
}

#[derive(Debug, Default)]
struct Table {
    by_id: HashMap<Uuid, Arc<LiveSession>>,
    by_station: HashMap<Station, Uuid>,
    by_accounting: HashMap<(IpAddr, String), Uuid>,
}

impl SessionTable {
    /// An empty table. Changes go to the receiver in the order in which they happen.
    pub fn new(writer: WriterHandle) -> (Self, mpsc::UnboundedReceiver<SessionChange>) {
        let (changes, receiver) = mpsc::unbounded_channel();
        (
            Self {
                table: Mutex::default(),
                changes,
                writer,
            },
            receiver,
        )
    }

    /// Takes sessions back that a former run left open.
    pub fn restore(&self, sessions: Vec<LiveSession>) {
        let mut table = self.lock();
        for session in sessions {
            table.insert(Arc::new(session));
        }
    }

    /// The live session of a station behind a NAS's source address.
    pub fn of_station(&self, nas: IpAddr, context: &AccessContext) -> Option<Arc<LiveSession>> {
        let table = self.lock();
        let id = table.by_station.get(&station(nas, context))?;
        table.by_id.get(id).cloned()
    }

    /// The id for a station's next accept: the same session goes on when the NAS says it is the same, by Acct-Session-Id or silence
    /// about it; otherwise a new one begins.
    pub fn id_for(&self, live: Option<&LiveSession>, packet: &Packet<'_>) -> Uuid {
        let Some(live) = live else {
            return Uuid::now_v7();
        };
        let named = packet.text(attribute::ACCT_SESSION_ID);
        let same = match (named.as_deref(), live.identifier("Acct-Session-Id")) {
            (Some(now), Some(then)) => now == then,
            (None, _) => true,
            (Some(_), None) => false,
        };
        if same { live.id } else { Uuid::now_v7() }
    }

    /// An accept was sealed.
    pub fn admitted(&self, admission: Admission) {
        let now = now_us();
        let key = station(admission.nas_source.ip(), &admission.context);
        let mut table = self.lock();
        let former = table
            .by_station
            .get(&key)
            .and_then(|id| table.by_id.get(id))
            .cloned();
        let continued = former.as_ref().filter(|former| former.id == admission.id);
        let session = Arc::new(LiveSession {
            framed_ip: continued.and_then(|former| former.framed_ip),
            started_us: continued.map_or(now, |former| former.started_us),
            id: admission.id,
            mac: admission.context.mac.map(|mac| mac.to_string()),
            context: admission.context,
            segment: admission.segment,
            answer: Some(admission.answer),
            decision_id: admission.decision_id,
            policy_version: admission.policy_version,
            nas_source: admission.nas_source,
            nas_address: admission.nas_address,
            identifiers: admission.identifiers,
            user_name: admission.user_name,
            device_id: admission.device_id,
            updated_us: now,
        });
        if let Some(former) = &former {
            table.remove(former);
        }
        table.insert(session.clone());
        drop(table);
        if let Some(former) = former.filter(|former| former.id != session.id) {
            let cause = "replaced by a new authentication";
            self.writer.session(former.stored(Some(cause)));
            let successor = session.clone();
            self.tell(SessionChange::Replaced { former, successor });
        }
        self.writer.session(session.stored(None));
        self.tell(SessionChange::Admitted(session));
    }

    /// A reject was sealed for an authenticated station: whatever it had is over.
    pub fn refused(&self, nas: IpAddr, context: &AccessContext, decision: Uuid) {
        if let Some(session) = self.of_station(nas, context) {
            self.end_refused(session, decision);
        }
    }

    /// A reject was sealed before anybody was known. Anybody can claim a station's address and fail, so only the very session
    /// that the request belongs to is over.
    pub fn refused_unknown(
        &self,
        nas: IpAddr,
        context: &AccessContext,
        packet: &Packet<'_>,
        decision: Uuid,
    ) {
        let meant = self
            .of_station(nas, context)
            .filter(|session| session.is_meant_by(packet, context));
        if let Some(session) = meant {
            self.end_refused(session, decision);
        }
    }

    fn end_refused(&self, session: Arc<LiveSession>, decision: Uuid) {
        self.lock().remove(&session);
        self.writer
            .session(session.stored(Some("refused on re-authentication")));
        self.tell(SessionChange::Refused(session, decision));
    }

    /// Accounting named a session: by our Class, by Acct-Session-Id, or by the station.
    pub fn find(&self, nas: IpAddr, packet: &Packet<'_>) -> Option<Arc<LiveSession>> {
        let table = self.lock();
        let by_class = packet
            .attributes()
            .filter(|attribute| attribute.number == attribute::CLASS)
            .filter_map(|class| Uuid::from_slice(class.value).ok())
            .find_map(|id| table.by_id.get(&id));
        by_class
            .or_else(|| {
                let named = packet.text(attribute::ACCT_SESSION_ID)?.into_owned();
                table.by_id.get(table.by_accounting.get(&(nas, named))?)
            })
            .or_else(|| {
                let mac: nac_radius::MacAddr =
                    packet.text(attribute::CALLING_STATION_ID)?.parse().ok()?;
                table
                    .by_id
                    .get(table.by_station.get(&(nas, mac.to_string()))?)
            })
            .cloned()
    }

    /// Accounting added to what we know of a session.
    pub fn heard(&self, id: Uuid, framed_ip: Option<IpAddr>, identifiers: Vec<(String, String)>) {
        let mut table = self.lock();
        let Some(former) = table.by_id.get(&id).cloned() else {
            return;
        };
        let mut session = LiveSession::clone(&former);
        session.updated_us = now_us();
        session.framed_ip = framed_ip.or(session.framed_ip);
        session.learn(identifiers);
        let session = Arc::new(session);
        table.remove(&former);
        table.insert(session.clone());
        drop(table);
        self.writer.session(session.stored(None));
        self.tell(SessionChange::Updated(session));
    }

    /// Accounting stopped.
    pub fn stopped(&self, id: Uuid, cause: &str) {
        let Some(session) = self.lock().by_id.get(&id).cloned() else {
            return;
        };
        self.lock().remove(&session);
        self.writer.session(session.stored(Some(cause)));
        self.tell(SessionChange::Stopped(session, cause.to_owned()));
    }

    /// A NAS restarted (Accounting-On or -Off): all its sessions are over. Several NASes may send through one proxy, so one
    /// that names its own address speaks for those sessions alone.
    pub fn nas_restarted(&self, source: IpAddr, named: Option<Ipv4Addr>) {
        let named = named.map(IpAddr::V4);
        let of_nas = |session: &Arc<LiveSession>| {
            session.nas_source.ip() == source
                && named.is_none_or(|named| session.nas_address == named)
        };
        for session in self.all().into_iter().filter(of_nas) {
            self.stopped(session.id, "the NAS restarted");
        }
    }

    /// Ends what has not been heard of for a day.
    pub fn expire(&self) {
        let limit = now_us() - SILENCE_US;
        for session in self
            .all()
            .into_iter()
            .filter(|session| session.updated_us < limit)
        {
            self.stopped(session.id, "no sign of life for 24 hours");
        }
    }

    /// Every live session.
    pub fn all(&self) -> Vec<Arc<LiveSession>> {
        self.lock().by_id.values().cloned().collect()
    }

    /// One live session.
    pub fn by_id(&self, id: Uuid) -> Option<Arc<LiveSession>> {
        self.lock().by_id.get(&id).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn tell(&self, change: SessionChange) {
        // Nobody listens only while the server shuts down.
        let _ = self.changes.send(change);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveSession {
    /// An identifier by attribute name, as the NAS sent it.
    pub fn identifier(&self, name: &str) -> Option<&str> {
        self.identifiers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Takes newer values over. Of an attribute that carries many things, only the same thing is replaced.
    fn learn(&mut self, identifiers: Vec<(String, String)>) {
        for newer in identifiers {
            let room = self.identifiers.len() < MAX_IDENTIFIERS;
            match self
                .identifiers
                .iter_mut()
                .find(|known| same_thing(known, &newer))
            {
                Some(known) => *known = newer,
                None if room => self.identifiers.push(newer),
                None => {}
            }
        }
    }

    /// Whether a request that failed before anybody was known came from this very session: the NAS says so by
    /// Acct-Session-Id, which no endpoint can choose, or by the one port of a switch.
    fn is_meant_by(&self, packet: &Packet<'_>, context: &AccessContext) -> bool {
        let named = packet.text(attribute::ACCT_SESSION_ID);
        match (named.as_deref(), self.identifier("Acct-Session-Id")) {
            (Some(now), Some(then)) => now == then,
            (None, None) => {
                let port = &self.context.nas.port;
                context.nas.port_type == "ethernet" && !port.is_empty() && context.nas.port == *port
            }
            _ => false,
        }
    }

    /// The row for the store.
    fn stored(&self, ended: Option<&str>) -> Session {
        Session {
            id: self.id,
            class: self.id.simple().to_string(),
            client: self.context.nas.client.clone(),
            nas_address: self.nas_address,
            nas_source: self.nas_source,
            mac: self.mac.clone(),
            user_name: self.user_name.clone(),
            identity: self.context.name.clone(),
            device_id: self.device_id,
            attributes: self.identifiers.clone(),
            acct_session_id: self.identifier("Acct-Session-Id").map(str::to_owned),
            framed_ip: self.framed_ip.map(|address| address.to_string()),
            method: self.context.method.to_owned(),
            segment: self.segment.clone(),
            decision_id: self.decision_id,
            policy_version: self.policy_version,
            started_us: self.started_us,
            updated_us: self.updated_us,
            stopped_us: ended.map(|_| now_us()),
            terminate_cause: ended.map(str::to_owned),
        }
    }
}

impl Table {
    fn insert(&mut self, session: Arc<LiveSession>) {
        let nas = session.nas_source.ip();
        self.by_station
            .insert(station(nas, &session.context), session.id);
        if let Some(named) = session.identifier("Acct-Session-Id") {
            self.by_accounting
                .insert((nas, named.to_owned()), session.id);
        }
        self.by_id.insert(session.id, session);
    }

    fn remove(&mut self, session: &LiveSession) {
        let nas = session.nas_source.ip();
        self.by_id.remove(&session.id);
        let key = station(nas, &session.context);
        if self.by_station.get(&key) == Some(&session.id) {
            self.by_station.remove(&key);
        }
        if let Some(named) = session.identifier("Acct-Session-Id") {
            self.by_accounting.remove(&(nas, named.to_owned()));
        }
    }
}

/// Cisco-AVPair is a bag of `name=value`.
fn same_thing(known: &(String, String), newer: &(String, String)) -> bool {
    let name = |value: &str| value.split('=').next().map(str::to_owned);
    known.0 == newer.0 && (known.0 != "Cisco-AVPair" || name(&known.1) == name(&newer.1))
}

fn station(nas: IpAddr, context: &AccessContext) -> Station {
    (
        nas,
        context
            .mac
            .map_or_else(|| context.name.clone(), |mac| mac.to_string()),
    )
}
