//! What is heard from each client and from strangers: counted in memory, added to the store every few seconds.
//!
//! *Invariant*: a packet costs a few atomic additions and no SQL, and what strangers send is bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nac_radius::{Packet, attribute};
use nac_store::{Actor, ActorKind, ClientActivity, Store, UNKNOWN_NAS_MAX, UnknownNas, now_us};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::snapshot::World;

/// Between two additions to the store.
const INTERVAL: Duration = Duration::from_secs(5);
/// So many of them are a minute.
const PER_MINUTE: usize = 12;
/// The longest NAS-Identifier that is kept of a stranger.
const IDENTIFIER_LIMIT: usize = 64;

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A retransmission.
    Duplicate = 0,
    /// An Access-Request with a Message-Authenticator that verifies.
    Signed = 1,
    /// One without, which is looked at all the same.
    Unsigned = 2,
    /// A signature that does not verify.
    WrongSecret = 3,
    /// Ignored for want of a Message-Authenticator.
    MissingSignature = 4,
    /// Against the rules of RADIUS.
    Malformed = 5,
}

/// How a CoA or Disconnect request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// ACK.
    Acknowledged = 0,
    /// NAK.
    Refused = 1,
    /// No answer, or not even sent.
    Unanswered = 2,
}

/// The numbers of one client since they were last taken.
#[derive(Debug, Default)]
pub struct Activity {
    packets: AtomicU64,
    last_us: AtomicI64,
    source: Mutex<Option<(IpAddr, &'static str)>>,
    heard: [Tally; 6],
    ordered: [Tally; 3],
    result: Mutex<String>,
    /// It can send Message-Authenticator without EAP; what was learned stays learned.
    signed: AtomicBool,
    /// That is written down.
    noted: AtomicBool,
    totals: Arc<Totals>,
}

/// What was heard from all clients together since the start.
#[derive(Debug, Default)]
struct Totals([AtomicU64; 6]);

#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    last_us: AtomicI64,
}

impl Tally {
    fn add(&self, now: i64) {
        self.count.fetch_add(1, Relaxed);
        self.last_us.store(now, Relaxed);
    }

    fn take(&self) -> (i64, Option<i64>) {
        let count = self.count.swap(0, Relaxed);
        let last_us = (count > 0).then(|| self.last_us.load(Relaxed));
        (i64::try_from(count).unwrap_or(i64::MAX), last_us)
    }
}

impl Activity {
    /// A packet came, carried by this.
    pub fn packet(&self, source: IpAddr, transport: &'static str) {
        self.packets.fetch_add(1, Relaxed);
        self.last_us.store(now_us(), Relaxed);
        // Which of two packets at the same moment was the last does not matter.
        if let Ok(mut last) = self.source.try_lock() {
            *last = Some((source, transport));
        }
    }

    /// It turned out to be this.
    pub fn heard(&self, what: Heard) {
        if let Some(tally) = self.heard.get(what as usize) {
            tally.add(now_us());
        }
        if let Some(total) = self.totals.0.get(what as usize) {
            total.fetch_add(1, Relaxed);
        }
    }

    /// A request without EAP had a Message-Authenticator that verifies.
    pub fn signed(&self) {
        if !self.signed.load(Relaxed) {
            self.signed.store(true, Relaxed);
        }
    }

    /// Its rule is to learn. Where that is so although something was learned and noted, somebody wants it to be learned anew.
    pub fn learn_again(&self) {
        if self.noted.swap(false, Relaxed) {
            self.signed.store(false, Relaxed);
        }
    }

    /// Whether that ever happened while it was of interest.
    pub fn has_signed(&self) -> bool {
        self.signed.load(Relaxed)
    }

    /// A CoA or Disconnect request ended so.
    pub fn ordered(&self, how: Ordered, result: &str) {
        if let Some(tally) = self.ordered.get(how as usize) {
            tally.add(now_us());
        }
        *lock(&self.result) = result.to_owned();
    }

    /// The numbers since the last call; nothing when nothing happened and nothing has to fade.
    fn take(&self, client_id: Uuid, rate: &mut Rate) -> Option<ClientActivity> {
        let packets = self.packets.swap(0, Relaxed);
        let faded = rate.sum();
        rate.push(packets);
        let [duplicates, signed, unsigned, wrong, missing, malformed] =
            self.heard.each_ref().map(Tally::take);
        let [acknowledged, refused, unanswered] = self.ordered.each_ref().map(Tally::take);
        if packets == 0
            && faded == rate.sum()
            && acknowledged.1.max(refused.1).max(unanswered.1).is_none()
        {
            return None;
        }
        let source = lock(&self.source).take();
        Some(ClientActivity {
            client_id,
            last_packet_us: (packets > 0).then(|| self.last_us.load(Relaxed)),
            last_source: source
                .map_or_else(String::new, |(source, _)| source.to_canonical().to_string()),
            last_transport: source.map_or_else(String::new, |(_, transport)| transport.to_owned()),
            requests: i64::try_from(packets).unwrap_or(i64::MAX),
            requests_per_minute: i64::try_from(rate.sum()).unwrap_or(i64::MAX),
            duplicates: duplicates.0,
            signed: signed.0,
            signed_us: signed.1,
            unsigned: unsigned.0,
            unsigned_us: unsigned.1,
            wrong_secret: wrong.0,
            wrong_secret_us: wrong.1,
            missing_signature: missing.0,
            missing_signature_us: missing.1,
            malformed: malformed.0,
            malformed_us: malformed.1,
            coa_acknowledged: acknowledged.0,
            coa_refused: refused.0,
            coa_unanswered: unanswered.0,
            coa_us: acknowledged.1.max(refused.1).max(unanswered.1),
            coa_result: std::mem::take(&mut *lock(&self.result)),
            updated_us: 0,
        })
    }
}

/// The packets of the last minute.
#[derive(Debug, Default)]
struct Rate {
    counts: [u64; PER_MINUTE],
    next: usize,
}

impl Rate {
    fn push(&mut self, count: u64) {
        if let Some(place) = self.counts.get_mut(self.next) {
            *place = count;
        }
        self.next = (self.next + 1) % PER_MINUTE;
    }

    fn sum(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The numbers of everybody. They outlive the client table, which is made anew when a client changes.
#[derive(Debug, Default)]
pub struct ActivityBook {
    clients: Mutex<HashMap<Uuid, Arc<Activity>>>,
    strangers: Mutex<HashMap<IpAddr, UnknownNas>>,
    totals: Arc<Totals>,
}

impl ActivityBook {
    /// The numbers of a client.
    pub fn of(&self, client_id: Uuid) -> Arc<Activity> {
        let mut clients = lock(&self.clients);
        let activity = clients.entry(client_id).or_insert_with(|| {
            Arc::new(Activity {
                totals: Arc::clone(&self.totals),
                ..Activity::default()
            })
        });
        Arc::clone(activity)
    }

    /// How often this was heard, from anybody, since the start.
    pub fn total(&self, what: Heard) -> u64 {
        self.totals
            .0
            .get(what as usize)
            .map_or(0, |total| total.load(Relaxed))
    }

    /// A packet from an address that is no client.
    pub fn stranger(&self, source: IpAddr, datagram: &[u8]) {
        let now = now_us();
        let source = source.to_canonical();
        let mut strangers = lock(&self.strangers);
        if strangers.len() >= UNKNOWN_NAS_MAX as usize && !strangers.contains_key(&source) {
            return;
        }
        let heard = strangers.entry(source).or_insert_with(|| UnknownNas {
            address: source.to_string(),
            packets: 0,
            nas_identifier: identifier(datagram),
            first_us: now,
            last_us: now,
        });
        heard.packets += 1;
        heard.last_us = now;
    }

    /// Those of which it was learned that they send Message-Authenticator, until that is noted.
    fn learned(&self) -> Vec<(Uuid, Arc<Activity>)> {
        let unnoted = |activity: &Activity| activity.has_signed() && !activity.noted.load(Relaxed);
        lock(&self.clients)
            .iter()
            .filter(|(_, activity)| unnoted(activity))
            .map(|(id, activity)| (*id, Arc::clone(activity)))
            .collect()
    }

    fn take(&self, rates: &mut HashMap<Uuid, Rate>) -> (Vec<ClientActivity>, Vec<UnknownNas>) {
        let mut clients = lock(&self.clients);
        // Those that no client table holds any more are gone.
        clients.retain(|_, activity| Arc::strong_count(activity) > 1);
        rates.retain(|id, _| clients.contains_key(id));
        let counted = clients
            .iter()
            .filter_map(|(id, activity)| activity.take(*id, rates.entry(*id).or_default()))
            .collect();
        drop(clients);
        let strangers = std::mem::take(&mut *lock(&self.strangers));
        (counted, strangers.into_values().collect())
    }
}

/// Adds what was counted to the store until cancelled, and once more then. What the database does not take is lost: these are
/// hints and not records.
pub async fn run(world: Arc<World>, store: Store, cancel: CancellationToken) {
    let store = store.acting(Actor {
        kind: ActorKind::System,
        name: "activity".to_owned(),
        source: String::new(),
    });
    let mut rates = HashMap::new();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let last = tokio::select! {
            () = cancel.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let (counted, strangers) = world.activity.take(&mut rates);
        if let Err(error) = store.client_activity_add(&counted).await {
            tracing::debug!(%error, "what was heard from clients is not noted");
        }
        if let Err(error) = store.unknown_nas_add(&strangers).await {
            tracing::debug!(%error, "what was heard from strangers is not noted");
        }
        note_learned(&world.activity, &store).await;
        if last {
            return;
        }
    }
}

/// Writes down who sends Message-Authenticator. What the database does not take now it is offered again.
async fn note_learned(book: &ActivityBook, store: &Store) {
    for (id, activity) in book.learned() {
        match store.client_learned(id).await {
            Ok(name) => {
                activity.noted.store(true, Relaxed);
                if let Some(client) = name {
                    tracing::info!(%client, "it sends Message-Authenticator, which is required of it from now on");
                }
            }
            Err(error) => {
                tracing::debug!(%error, "that a client sends Message-Authenticator is not noted yet");
            }
        }
    }
}

/// What a stranger calls itself.
fn identifier(datagram: &[u8]) -> String {
    Packet::parse(datagram)
        .ok()
        .and_then(|packet| {
            let named = packet.text(attribute::NAS_IDENTIFIER)?;
            Some(named.chars().take(IDENTIFIER_LIMIT).collect())
        })
        .unwrap_or_default()
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_once_and_the_rate_fades_within_a_minute() {
        let activity = Activity::default();
        let (id, mut rate) = (Uuid::now_v7(), Rate::default());
        assert_eq!(activity.take(id, &mut rate), None);
        for _ in 0..3 {
            activity.packet(IpAddr::from([192, 0, 2, 1]), "UDP");
        }
        activity.heard(Heard::Signed);
        activity.heard(Heard::WrongSecret);
        activity.ordered(Ordered::Refused, "refused: unsupported service (405)");
        let taken = activity.take(id, &mut rate).expect("something happened");
        assert_eq!((taken.requests, taken.requests_per_minute), (3, 3));
        assert_eq!(taken.last_source, "192.0.2.1");
        assert_eq!(taken.last_transport, "UDP");
        assert_eq!(
            (taken.signed, taken.wrong_secret, taken.unsigned),
            (1, 1, 0)
        );
        assert!(taken.signed_us.is_some() && taken.unsigned_us.is_none());
        assert_eq!(
            (taken.coa_refused, taken.coa_result.as_str()),
            (1, "refused: unsupported service (405)")
        );
        for _ in 0..PER_MINUTE - 1 {
            assert_eq!(
                activity.take(id, &mut rate),
                None,
                "nothing new, and still within the minute"
            );
        }
        let faded = activity.take(id, &mut rate).expect("the rate has faded");
        assert_eq!((faded.requests, faded.requests_per_minute), (0, 0));
        assert_eq!((faded.last_packet_us, faded.coa_us), (None, None));
        assert_eq!(activity.take(id, &mut rate), None);
    }

    #[test]
    fn forged_sources_fill_no_memory() {
        let book = ActivityBook::default();
        for number in 0..10_000_u32 {
            book.stranger(IpAddr::V4(number.into()), b"no packet");
        }
        let (_, strangers) = book.take(&mut HashMap::new());
        assert_eq!(strangers.len(), UNKNOWN_NAS_MAX as usize);
        assert!(book.take(&mut HashMap::new()).1.is_empty());
    }

    #[test]
    fn a_client_that_is_gone_is_forgotten() {
        let book = ActivityBook::default();
        let (gone, here) = (Uuid::now_v7(), Uuid::now_v7());
        drop(book.of(gone));
        let held = book.of(here);
        held.packet(IpAddr::from([192, 0, 2, 1]), "UDP");
        let (counted, _) = book.take(&mut HashMap::new());
        assert_eq!(counted.len(), 1);
        assert_eq!(lock(&book.clients).len(), 1);
    }
}
