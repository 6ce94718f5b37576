//! The table of live sessions: born by an accept, kept by accounting, ended by a stop, a refusal or silence.
//!
//! A session is one station at one place. A re-authentication there continues or replaces it; either way it proves to
//! [`crate::enforce`] what the NAS was told last.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nac_policy::IdentityKind;
use nac_radius::{MacAddr, Packet, attribute};
use nac_store::{WriterHandle, now_us};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::session::{LiveSession, Reference, Station};
use super::two_places::{TwoPlaces, place};
use crate::identity::AccessContext;
use crate::listen::origin::Transport;
use crate::snapshot::segments::SegmentAnswer;

/// A session without any sign of life for this long is over: its NAS forgot to say so.
const SILENCE_US: i64 = 24 * 3600 * 1_000_000;

/// What an accept adds to the table.
#[derive(Debug)]
pub struct Admission {
    /// That of the session that goes on (see [`SessionTable::continued`]), or a new one.
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
    /// What carried it.
    pub transport: Transport,
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
    /// An Access-Request that may have been recorded earlier was refused, by this decision.
    RefusedPerhaps(Arc<LiveSession>, Uuid),
    /// Accounting told us more, for example the address.
    Updated(Arc<LiveSession>),
    /// Its station turned out to be at another place as well.
    InTwoPlaces(Arc<LiveSession>),
    /// The same place has another session now.
    Replaced {
        /// The session that is over.
        former: Arc<LiveSession>,
        /// The one that took its place.
        successor: Arc<LiveSession>,
    },
    /// The session is over.
    Stopped {
        /// Which.
        session: Arc<LiveSession>,
        /// Why, in words.
        cause: String,
        /// The NAS said so. Otherwise we only stopped believing in it.
        reported: bool,
    },
}

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
    /// For a NAS that echoes neither Class nor a known Acct-Session-Id, and for a station at two places.
    by_mac: HashMap<String, Vec<Uuid>>,
    two_places: TwoPlaces,
}

impl SessionTable {
    /// An empty table. Changes go to the receiver in the order in which they happen.
    pub fn new(writer: WriterHandle) -> (Self, mpsc::UnboundedReceiver<SessionChange>) {
        let (changes, receiver) = mpsc::unbounded_channel();
        let table = Self {
            table: Mutex::default(),
            changes,
            writer,
        };
        (table, receiver)
    }

    /// Takes sessions back that a former run left open.
    pub fn restore(&self, sessions: Vec<LiveSession>) {
        let mut table = self.lock();
        for session in sessions {
            table.insert(Arc::new(session));
        }
    }

    /// The live session at a place.
    pub fn of_station(&self, source: IpAddr, context: &AccessContext) -> Option<Arc<LiveSession>> {
        let table = self.lock();
        let id = table.by_station.get(&Station::new(source, context))?;
        table.by_id.get(id).cloned()
    }

    /// The session that the next accept at a place goes on with: the same identity, and the NAS says by Acct-Session-Id that it is the
    /// same, or is silent about it.
    pub fn continued(
        &self,
        live: Option<Arc<LiveSession>>,
        context: &AccessContext,
        packet: &Packet<'_>,
    ) -> Option<Arc<LiveSession>> {
        let live = live?;
        let then = &live.context;
        let named = packet.text(attribute::ACCT_SESSION_ID);
        let same_session = match (named.as_deref(), live.identifier("Acct-Session-Id")) {
            (Some(now), Some(then)) => now == then,
            (None, _) => true,
            (Some(_), None) => false,
        };
        (then.name == context.name && then.kind == context.kind && same_session).then_some(live)
    }

    /// An accept was sealed.
    pub fn admitted(&self, admission: Admission) {
        let now = now_us();
        let mut table = self.lock();
        let key = Station::new(admission.nas_source.ip(), &admission.context);
        let former = table
            .by_station
            .get(&key)
            .and_then(|id| table.by_id.get(id))
            .cloned();
        let continued = former.clone().filter(|former| former.id == admission.id);
        let continued = continued.as_ref();
        let mut session = LiveSession {
            framed_ip: continued.and_then(|former| former.framed_ip),
            started_us: continued.map_or(now, |former| former.started_us),
            identifiers: continued.map_or_else(Vec::new, |former| former.identifiers.clone()),
            id: admission.id,
            mac: admission.context.mac.map(|mac| mac.to_string()),
            context: admission.context,
            segment: admission.segment,
            answer: Some(admission.answer),
            decision_id: admission.decision_id,
            policy_version: admission.policy_version,
            nas_source: admission.nas_source,
            transport: Some(admission.transport),
            nas_address: admission.nas_address,
            user_name: admission.user_name,
            device_id: admission.device_id,
            admitted_us: now,
            updated_us: now,
            // Another session counts from zero.
            counted: continued.and_then(|former| former.counted),
        };
        // What accounting taught us is kept; a Disconnect may need it.
        session.learn(admission.identifiers);
        let session = Arc::new(session);
        if let Some(former) = &former {
            table.remove(former.id);
        }
        table.insert(session.clone());
        drop(table);
        self.store(continued.map(Arc::as_ref), &session);
        if let Some(former) = former.filter(|former| former.id != session.id) {
            self.writer
                .session(former.stored(Some("replaced by a new authentication")));
            let successor = session.clone();
            self.tell(SessionChange::Replaced { former, successor });
        }
        self.tell(SessionChange::Admitted(session));
    }

    /// A reject was sealed for an authenticated station: whatever it had is over. A MAC address alone proves nothing, and is often tried
    /// before or beside 802.1X, so it ends no session that has more.
    pub fn refused(&self, source: IpAddr, context: &AccessContext, decision: Uuid) {
        let speaks_for = |session: &Arc<LiveSession>| {
            context.kind != IdentityKind::Mac || session.context.kind == IdentityKind::Mac
        };
        if let Some(session) = self.of_station(source, context).filter(speaks_for) {
            self.end_refused(session.id, decision);
        }
    }

    /// A reject was sealed before anybody was known. Anybody can claim a station's address and fail, so only the very session that the
    /// request belongs to is over; and anybody can have recorded a request, so where that is not ruled out, it is only over if
    /// enforcement made the NAS ask.
    pub fn refused_unknown(
        &self,
        source: IpAddr,
        context: &AccessContext,
        packet: &Packet<'_>,
        decision: Uuid,
        is_certain: bool,
    ) {
        let meant = self
            .of_station(source, context)
            .filter(|session| session.is_meant_by(packet, context));
        match meant {
            Some(session) if is_certain => self.end_refused(session.id, decision),
            Some(session) => self.tell(SessionChange::RefusedPerhaps(session, decision)),
            None => {}
        }
    }

    fn store(&self, former: Option<&LiveSession>, session: &LiveSession) {
        if former.is_some_and(|former| session.is_found_like(former)) {
            self.writer.session_heard(session.stored(None));
        } else {
            self.writer.session(session.stored(None));
        }
    }

    /// A session is over, for its NAS asked as it was told and was refused.
    pub(crate) fn end_refused(&self, id: Uuid, decision: Uuid) {
        let Some(session) = self.lock().remove(id) else {
            return;
        };
        self.writer
            .session(session.stored(Some("refused on re-authentication")));
        self.tell(SessionChange::Refused(session, decision));
    }

    /// The session that accounting means: by our Class, by Acct-Session-Id, or by the only session of the station at this NAS. A Class
    /// that is not in the table belongs to a session that is over, whatever else the packet says.
    pub fn find(&self, reference: &Reference) -> Option<Arc<LiveSession>> {
        let table = self.lock();
        let source = reference.source.ip();
        let found = match reference.class {
            Some(class) => table.by_id.get(&class),
            None => {
                let named = reference.acct_session_id.as_ref().and_then(|named| {
                    let id = table.by_accounting.get(&(source, named.clone()))?;
                    table.by_id.get(id)
                });
                named.or_else(|| {
                    let mac = reference.mac?.to_string();
                    let mut here = table
                        .of_mac(&mac)
                        .filter(|session| session.nas_source.ip() == source);
                    let only = here.next()?;
                    here.next().is_none().then_some(only)
                })
            }
        };
        found.filter(|session| reference.fits(session)).cloned()
    }

    /// Accounting added to what we know of a session.
    pub fn heard(
        &self,
        reference: &Reference,
        framed_ip: Option<IpAddr>,
        identifiers: Vec<(String, String)>,
    ) {
        let Some(found) = self.find(reference) else {
            return;
        };
        let mut table = self.lock();
        let Some(former) = table.remove(found.id) else {
            return;
        };
        let mut session = LiveSession::clone(&former);
        session.updated_us = now_us();
        session.framed_ip = framed_ip.or(session.framed_ip);
        // A station that roamed without authenticating again (802.11r) is behind another access point of the same client. One
        // NAS that sends accounting from a second address of its own is still the same NAS.
        if reference.nas_address != session.nas_address
            && reference.source.ip() != session.nas_source.ip()
        {
            session.nas_source = reference.source;
            session.nas_address = reference.nas_address;
        }
        session.learn(identifiers);
        if reference.sign.octets.is_some() {
            session.counted = Some(reference.sign);
        }
        let session = Arc::new(session);
        let elsewhere = table.also_elsewhere(reference, &former, &session);
        table.insert(session.clone());
        drop(table);
        self.store(Some(&former), &session);
        self.tell(SessionChange::Updated(session));
        for session in elsewhere {
            self.tell(SessionChange::InTwoPlaces(session));
        }
    }

    /// Whether a station is at two places at once, by what was heard in the last ten minutes.
    pub fn is_in_two_places(&self, mac: Option<MacAddr>) -> bool {
        mac.is_some_and(|mac| self.lock().two_places.contains(mac, now_us()))
    }

    /// How many stations are at two places at once.
    pub fn in_two_places(&self) -> usize {
        self.lock().two_places.len(now_us())
    }

    /// Accounting stopped. A stop that belongs to an earlier presence of the station changes nothing.
    pub fn stopped(&self, reference: &Reference, cause: &str) {
        if let Some(session) = self.find(reference)
            && !reference.is_past(&session)
        {
            self.end(session.id, cause, true);
        }
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
            self.end(session.id, "the NAS restarted", true);
        }
    }

    /// Ends what has not been heard of for a day, and stations at two places of which one has been silent for ten minutes.
    pub fn expire(&self) {
        let now = now_us();
        let limit = now - SILENCE_US;
        let one_place = self.lock().two_places.expire(now);
        for mac in one_place {
            tracing::info!(%mac, "a MAC address is no more seen in two places");
        }
        for session in self.all() {
            if session.updated_us < limit {
                self.end(session.id, "no sign of life for 24 hours", false);
            }
        }
    }

    /// A NAS says that it does not know a session. Alone that proves nothing, for our identifiers may be wrong; the session is
    /// over when the station has also been let in elsewhere since its last sign of life here. Says whether it is.
    pub fn unknown_to_nas(&self, id: Uuid) -> bool {
        let Some(session) = self.by_id(id) else {
            return true;
        };
        let moved = session.mac.is_some()
            && self.all().into_iter().any(|other| {
                other.id != id && other.mac == session.mac && other.admitted_us > session.updated_us
            });
        if moved {
            let cause = "its NAS does not know it, and the station is elsewhere";
            self.end(id, cause, true);
        }
        moved
    }

    fn end(&self, id: Uuid, cause: &str, reported: bool) {
        let Some(session) = self.lock().remove(id) else {
            return;
        };
        self.writer.session(session.stored(Some(cause)));
        self.tell(SessionChange::Stopped {
            session,
            cause: cause.to_owned(),
            reported,
        });
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

impl Table {
    fn insert(&mut self, session: Arc<LiveSession>) {
        let (id, source) = (session.id, session.nas_source.ip());
        self.by_station
            .insert(Station::new(source, &session.context), id);
        if let Some(named) = session.identifier("Acct-Session-Id") {
            self.by_accounting.insert((source, named.to_owned()), id);
        }
        if let Some(mac) = &session.mac {
            let ids = self.by_mac.entry(mac.clone()).or_default();
            ids.push(id);
        }
        self.by_id.insert(id, session);
    }

    /// The sessions of a station.
    fn of_mac(&self, mac: &str) -> impl Iterator<Item = &Arc<LiveSession>> {
        let ids = self.by_mac.get(mac).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id))
    }

    /// The station's other sessions, when accounting for this one shows for the first time that it is at two places.
    fn also_elsewhere(
        &mut self,
        reference: &Reference,
        former: &LiveSession,
        session: &LiveSession,
    ) -> Vec<Arc<LiveSession>> {
        let (Some(mac), Some(text)) = (session.context.mac, session.mac.as_deref()) else {
            return Vec::new();
        };
        if reference.is_past(former) {
            return Vec::new();
        }
        let beside = self
            .of_mac(text)
            .find(|other| reference.sign.is_beside(former.counted, session, other))
            .cloned();
        let Some(beside) = beside else {
            return Vec::new();
        };
        if !self.two_places.note(mac, now_us()) {
            return Vec::new();
        }
        let ((nas, port), (other_nas, other_port)) = (place(session), place(&beside));
        tracing::warn!(%mac, %nas, port, %other_nas, other_port,
            "a MAC address is in two places at once: it was let in at one and is still heard at the other");
        self.of_mac(text)
            .filter(|other| other.id != session.id)
            .cloned()
            .collect()
    }

    /// Takes a session out, with every way to it that still leads there.
    fn remove(&mut self, id: Uuid) -> Option<Arc<LiveSession>> {
        let session = self.by_id.remove(&id)?;
        let source = session.nas_source.ip();
        let key = Station::new(source, &session.context);
        if self.by_station.get(&key) == Some(&id) {
            self.by_station.remove(&key);
        }
        if let Some(named) = session.identifier("Acct-Session-Id") {
            let key = (source, named.to_owned());
            if self.by_accounting.get(&key) == Some(&id) {
                self.by_accounting.remove(&key);
            }
        }
        if let Some(mac) = &session.mac
            && let Some(ids) = self.by_mac.get_mut(mac)
        {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_mac.remove(mac);
            }
        }
        Some(session)
    }
}
