//! EAP conversations in which a method runs, found by the State attribute. What comes before is in [`super::openings`].
//!
//! State is 16 octets: 8 that name the conversation and 8 that are new with every challenge, so that only the newest challenge
//! can be answered and a replayed response finds nothing (RFC 5080 section 2.1.2); but the very message that was taken last gets the
//! same answer again (`eap/repetition`).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use nac_eap::Conversation;
use nac_radius::MacAddr;
use uuid::Uuid;

use super::content::Content;
use super::request::Request;
use super::second_factor::Appended;
use crate::identity::password::SlowCheck;

/// A conversation's whole life, from the first message of a method to the verdict.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);
/// A refusal that the supplicant has not acknowledged for so long is taken down: it may never be.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(5);
/// Conversations at once. The oldest gives way, and first of all the oldest whose supplicant has not answered since its first message of a
/// method: that costs its sender nothing, and must not push out who is in the middle of a handshake.
const LIMIT: usize = 16_384;
/// Conversations of one station behind one client at once; the oldest gives way. One is usual, for a station that begins anew has left the
/// one before; but some NASes give several stations one address.
const STATION_LIMIT: usize = 64;
/// Octets of unfinished messages in all conversations together. Handshakes hold kilobytes and few at a time are within one; who
/// never finishes what they announced goes, the oldest first.
const UNFINISHED_LIMIT: usize = 64 << 20;

/// Names a conversation.
pub(crate) type ConversationId = [u8; 8];
/// The State attribute's value.
pub(crate) type State = [u8; 16];

/// One supplicant's conversation and what surrounds it.
pub(crate) struct Active {
    /// The protocol.
    pub(crate) conversation: Conversation,
    /// The name of the offer of methods, once the supplicant has said its name.
    pub(crate) offer: Option<Arc<str>>,
    /// The State of the newest challenge, until it is answered.
    pub(crate) expected: Option<State>,
    /// The State that was answered last.
    answered: State,
    /// Packets that had to be ignored so far (RFC 3579 section 2.2 allows five).
    pub(crate) invalid: u8,
    /// A password check that found no room; the next retransmission takes it up.
    pub(crate) parked: Option<SlowCheck>,
    /// The password that is being checked, but for itself.
    pub(crate) asked: Option<Asked>,
    /// The user whose credential was looked at last.
    pub(crate) guessed: Option<String>,
    /// Microseconds spent in credential checks so far.
    pub(crate) credential_us: u64,
    /// The request that the newest challenge answers, for the record of who never answers that.
    pub(crate) unanswered: Option<Request>,
    /// It is certain that the login is refused, and its end is awaited.
    pub(crate) refused: bool,
    /// What was taken down of it before its end: the code, and the decision's id.
    pub(crate) told: Option<(&'static str, Uuid)>,
    /// The message that was taken last; its answer is kept (`Authenticator::last_answers`).
    pub(crate) content: Option<Content>,
}

/// A conversation whose supplicant may have left it.
pub(crate) struct Left<T = Mutex<Active>> {
    pub(crate) active: Arc<T>,
    /// Nobody can go on with it any more.
    pub(crate) gone: bool,
}

/// A password that the conversation asks about.
pub(crate) struct Asked {
    /// Whose.
    pub(crate) user: String,
    /// What came behind it.
    pub(crate) appended: Appended,
    /// The method can ask for a code next.
    pub(crate) can_ask_for_code: bool,
}

/// The table.
#[derive(Default)]
pub(crate) struct Conversations {
    table: Mutex<Table<Mutex<Active>>>,
}

impl std::fmt::Debug for Conversations {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Conversations({})", self.len())
    }
}

impl Conversations {
    /// Takes one of a supplicant behind `client`. Expired ones are dropped, and at a limit the one that is missed least. Gives those, and
    /// the others of the same station, which has begun anew.
    pub(crate) fn insert(
        &self,
        id: ConversationId,
        client: &str,
        station: Option<MacAddr>,
        active: Arc<Mutex<Active>>,
        now: Instant,
    ) -> Vec<Left> {
        let mut table = self.lock();
        table.insert(id, client, station, active, now);
        std::mem::take(&mut table.left)
    }

    /// Takes note that a login is refused and only its end is awaited.
    pub(crate) fn refused(&self, id: &ConversationId, now: Instant) {
        self.lock().refused.push_back((now, *id));
    }

    /// Drops those whose time is over, and gives them, and those whose refusal nobody acknowledges.
    pub(crate) fn expire(&self, now: Instant) -> Vec<Left> {
        let mut table = self.lock();
        table.expire(now);
        table.give_up_acknowledgements(now);
        std::mem::take(&mut table.left)
    }

    /// The conversation that a State attribute belongs to, if it still lives and began behind the same client: a State from
    /// elsewhere is worth nothing (RFC 5080 section 2.1.2). It counts as continued from now on.
    pub(crate) fn find(
        &self,
        client: &str,
        state: &[u8],
        now: Instant,
    ) -> Option<(ConversationId, Arc<Mutex<Active>>)> {
        let id: ConversationId = state.get(..8)?.try_into().ok()?;
        let active = self.lock().carry_on(&id, client, now)?;
        Some((id, active))
    }

    /// Takes note of how much of an unfinished message a conversation holds; when all of them hold too much, the oldest end, and are given.
    pub(crate) fn holds(&self, id: &ConversationId, octets: usize) -> Vec<Left> {
        let mut table = self.lock();
        table.holds(id, octets);
        std::mem::take(&mut table.left)
    }

    /// Ends one.
    pub(crate) fn remove(&self, id: &ConversationId) {
        let _ = self.lock().remove(id);
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table<Mutex<Active>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    /// A conversation that belongs to no State yet, after `invalid` packets that had to be ignored.
    pub(crate) fn new(conversation: Conversation, invalid: u8, offer: Option<Arc<str>>) -> Self {
        Self {
            conversation,
            offer,
            expected: None,
            answered: [0; 16],
            invalid,
            parked: None,
            asked: None,
            guessed: None,
            credential_us: 0,
            unanswered: None,
            refused: false,
            told: None,
            content: None,
        }
    }

    /// Takes the answer to the newest challenge; a State answers once.
    pub(crate) fn take_state(&mut self, state: &[u8]) -> bool {
        match self.expected {
            Some(expected) if expected.as_slice() == state => {
                self.answered = expected;
                self.expected = None;
                true
            }
            _ => false,
        }
    }

    /// Sets a check aside for which there was no room: the same State may come once more.
    pub(crate) fn park(&mut self, check: Option<SlowCheck>) {
        self.parked = check;
        self.expected = Some(self.answered);
    }

    /// A fresh State for the next challenge.
    pub(crate) fn next_state(&mut self, id: &ConversationId) -> State {
        let fresh: [u8; 8] = random();
        let mut state = [0; 16];
        state[..8].copy_from_slice(id);
        state[8..].copy_from_slice(&fresh);
        self.expected = Some(state);
        state
    }
}

/// Who is under way, and who goes when there is no room.
struct Table<T> {
    entries: HashMap<ConversationId, Entry<T>>,
    /// Those of each station, the oldest first.
    stations: HashMap<MacAddr, Vec<ConversationId>>,
    /// Those that were only begun, by birth: the lifetime is constant, so that is the order of expiry.
    begun: VecDeque<(Instant, ConversationId)>,
    /// Those that were continued, by when that happened first.
    continued: VecDeque<(Instant, ConversationId)>,
    /// Those that hold an unfinished message, by when it began. Some no longer do.
    unfinished: VecDeque<ConversationId>,
    /// What they hold together.
    unfinished_octets: usize,
    /// Those whose refusal waits to be acknowledged, by when it was sent. Some are over.
    refused: VecDeque<(Instant, ConversationId)>,
    /// Those that were left since somebody asked.
    left: Vec<Left<T>>,
}

struct Entry<T> {
    client: Box<str>,
    station: Option<MacAddr>,
    active: Arc<T>,
    continued: bool,
    unfinished: usize,
    /// It is in the queue of those that hold an unfinished message.
    queued: bool,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            stations: HashMap::new(),
            begun: VecDeque::new(),
            continued: VecDeque::new(),
            unfinished: VecDeque::new(),
            unfinished_octets: 0,
            refused: VecDeque::new(),
            left: Vec::new(),
        }
    }
}

impl<T> Table<T> {
    fn insert(
        &mut self,
        id: ConversationId,
        client: &str,
        station: Option<MacAddr>,
        active: Arc<T>,
        now: Instant,
    ) {
        self.expire(now);
        while self.entries.len() >= LIMIT && (self.drop_begun() || self.drop_continued()) {}
        if let Some(station) = station {
            self.leave_others(station, client);
            self.stations.entry(station).or_default().push(id);
        }
        let entry = Entry {
            client: client.into(),
            station,
            active,
            continued: false,
            unfinished: 0,
            queued: false,
        };
        self.entries.insert(id, entry);
        self.begun.push_back((now, id));
    }

    fn expire(&mut self, now: Instant) {
        let over = |(since, _): &&(Instant, ConversationId)| now.duration_since(*since) >= LIFETIME;
        while self.begun.front().filter(over).is_some() {
            self.drop_begun();
        }
        while self.continued.front().filter(over).is_some() {
            self.drop_continued();
        }
    }

    /// Nobody needs to acknowledge a refusal; the conversation stays for those who do.
    fn give_up_acknowledgements(&mut self, now: Instant) {
        while let Some((since, id)) = self.refused.front()
            && now.duration_since(*since) >= ACKNOWLEDGEMENT
        {
            if let Some(entry) = self.entries.get(id) {
                self.left.push(Left {
                    active: entry.active.clone(),
                    gone: false,
                });
            }
            self.refused.pop_front();
        }
    }

    /// A station that begins anew has left what it began before, unless several share one address behind this client; so only the oldest
    /// ends, when there are too many.
    fn leave_others(&mut self, station: MacAddr, client: &str) {
        let entries = &self.entries;
        let same_client = |id: &&ConversationId| {
            entries
                .get(*id)
                .is_some_and(|entry| *entry.client == *client)
        };
        let known = self.stations.get(&station).map_or(&[][..], Vec::as_slice);
        let of_station: Vec<ConversationId> = known.iter().filter(same_client).copied().collect();
        for id in &of_station {
            if let Some(entry) = self.entries.get(id) {
                self.left.push(Left {
                    active: entry.active.clone(),
                    gone: false,
                });
            }
        }
        if let Some(oldest) = of_station.first()
            && of_station.len() >= STATION_LIMIT
        {
            self.drop(oldest);
        }
    }

    fn carry_on(&mut self, id: &ConversationId, client: &str, now: Instant) -> Option<Arc<T>> {
        let entry = self.entries.get_mut(id)?;
        if *entry.client != *client {
            return None;
        }
        if !std::mem::replace(&mut entry.continued, true) {
            self.continued.push_back((now, *id));
        }
        Some(entry.active.clone())
    }

    fn holds(&mut self, id: &ConversationId, octets: usize) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut entry.unfinished, octets);
        self.unfinished_octets = self.unfinished_octets - before + octets;
        if octets > 0 && !std::mem::replace(&mut entry.queued, true) {
            self.unfinished.push_back(*id);
        }
        while let Some(oldest) = self.unfinished.front().copied() {
            let over = self.unfinished_octets > UNFINISHED_LIMIT;
            match self.entries.get_mut(&oldest) {
                Some(entry) if entry.unfinished > 0 && !over => break,
                Some(entry) if entry.unfinished > 0 => self.drop(&oldest),
                Some(entry) => entry.queued = false,
                None => {}
            }
            self.unfinished.pop_front();
        }
    }

    /// Ends one that has no verdict.
    fn drop(&mut self, id: &ConversationId) {
        if let Some(active) = self.remove(id) {
            self.left.push(Left { active, gone: true });
        }
    }

    fn remove(&mut self, id: &ConversationId) -> Option<Arc<T>> {
        let entry = self.entries.remove(id)?;
        self.unfinished_octets -= entry.unfinished;
        if let Some(station) = entry.station
            && let Some(of_station) = self.stations.get_mut(&station)
        {
            of_station.retain(|other| other != id);
            if of_station.is_empty() {
                self.stations.remove(&station);
            }
        }
        Some(entry.active)
    }

    /// Takes the oldest out of those that were only begun. One that was continued since stays: it is in the other queue.
    fn drop_begun(&mut self) -> bool {
        let Some((_, id)) = self.begun.pop_front() else {
            return false;
        };
        if self.entries.get(&id).is_some_and(|entry| !entry.continued) {
            self.drop(&id);
        }
        true
    }

    fn drop_continued(&mut self) -> bool {
        let Some((_, id)) = self.continued.pop_front() else {
            return false;
        };
        self.drop(&id);
        true
    }
}

/// Random octets.
///
/// # Panics
/// When the operating system has no randomness, where nothing safe can go on.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the operating system gives randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ConversationId {
        (number as u64).to_be_bytes()
    }

    fn filled(now: Instant, count: usize) -> Table<()> {
        let mut table = Table::default();
        for number in 0..count {
            table.insert(id(number), "sw1", None, Arc::new(()), now);
        }
        table
    }

    #[test]
    fn a_state_is_worth_nothing_behind_another_client() {
        let now = Instant::now();
        let mut table = filled(now, 1);
        assert!(table.carry_on(&id(0), "sw2", now).is_none());
        assert!(table.carry_on(&id(0), "sw1", now).is_some());
    }

    #[test]
    fn a_flood_of_first_messages_pushes_out_no_handshake() {
        let now = Instant::now();
        let mut table = filled(now, 2);
        assert!(table.carry_on(&id(0), "sw1", now).is_some());
        for number in 2..3 * LIMIT {
            table.insert(id(number), "sw1", None, Arc::new(()), now);
        }
        assert_eq!(table.entries.len(), LIMIT);
        assert!(table.carry_on(&id(0), "sw1", now).is_some());
        assert!(table.carry_on(&id(1), "sw1", now).is_none());
    }

    #[test]
    fn a_flood_of_handshakes_is_bounded_too() {
        let now = Instant::now();
        let mut table = filled(now, 0);
        for number in 0..2 * LIMIT {
            table.insert(id(number), "sw1", None, Arc::new(()), now);
            table.carry_on(&id(number), "sw1", now);
        }
        assert_eq!(table.entries.len(), LIMIT);
        assert!(table.carry_on(&id(0), "sw1", now).is_none());
        assert!(table.carry_on(&id(2 * LIMIT - 1), "sw1", now).is_some());
    }

    #[test]
    fn a_station_has_few_conversations_behind_a_client_and_the_oldest_goes() {
        let now = Instant::now();
        let mut table = filled(now, 0);
        let (one, other) = (MacAddr::new([1; 6]), MacAddr::new([2; 6]));
        table.insert(id(1000), "sw2", Some(one), Arc::new(()), now);
        table.insert(id(1001), "sw1", Some(other), Arc::new(()), now);
        for number in 0..3 * STATION_LIMIT {
            table.insert(id(number), "sw1", Some(one), Arc::new(()), now);
        }
        assert_eq!(table.entries.len(), STATION_LIMIT + 2);
        assert_eq!(table.stations[&one].len(), STATION_LIMIT + 1);
        for (number, client, lives) in [
            (0, "sw1", false),
            (3 * STATION_LIMIT - 1, "sw1", true),
            (1000, "sw2", true),
            (1001, "sw1", true),
        ] {
            let found = table.carry_on(&id(number), client, now);
            assert_eq!(found.is_some(), lives, "{number}");
        }
        let all: Vec<ConversationId> = table.entries.keys().copied().collect();
        all.iter().for_each(|id| drop(table.remove(id)));
        assert!(table.stations.is_empty());
    }

    #[test]
    fn unfinished_messages_are_bounded_together_and_the_oldest_goes() {
        const EACH: usize = 64 << 10;
        let now = Instant::now();
        let mut table = filled(now, 3 * UNFINISHED_LIMIT / EACH);
        for number in 0..table.entries.len() {
            // It grows, it finishes, and another one begins.
            table.holds(&id(number), 1_000);
            table.holds(&id(number), 0);
            table.holds(&id(number), EACH);
        }
        assert!(table.unfinished_octets <= UNFINISHED_LIMIT);
        assert!(table.unfinished.len() <= UNFINISHED_LIMIT / EACH + 1);
        assert!(table.carry_on(&id(0), "sw1", now).is_none());
        let last = id(3 * UNFINISHED_LIMIT / EACH - 1);
        assert!(table.carry_on(&last, "sw1", now).is_some());
        for number in 0..3 * UNFINISHED_LIMIT / EACH {
            let _ = table.remove(&id(number));
        }
        assert_eq!(table.unfinished_octets, 0);
    }

    #[test]
    fn everything_is_over_after_its_lifetime() {
        let now = Instant::now();
        let mut table = filled(now, 10);
        table.carry_on(&id(3), "sw1", now);
        table.insert(id(10), "sw1", None, Arc::new(()), now + LIFETIME);
        assert_eq!(table.entries.len(), 1);
        assert_eq!((table.begun.len(), table.continued.len()), (1, 0));
    }

    /// How many were left, and how many of them are gone.
    fn left(table: &mut Table<()>) -> (usize, usize) {
        let left = std::mem::take(&mut table.left);
        (left.len(), left.iter().filter(|left| left.gone).count())
    }

    #[test]
    fn nobody_leaves_without_a_word_and_a_verdict_is_no_leaving() {
        let now = Instant::now();
        let mut table = filled(now, 4);
        table.carry_on(&id(3), "sw1", now);
        table.remove(&id(1));
        table.expire(now + LIFETIME / 2);
        assert_eq!(left(&mut table), (0, 0), "all is well");
        table.expire(now + LIFETIME);
        assert_eq!(left(&mut table), (3, 3), "their time is over");
        for number in 0..LIMIT + 5 {
            table.insert(id(number), "sw1", None, Arc::new(()), now);
        }
        assert_eq!(left(&mut table), (5, 5), "there was no room");
    }

    #[test]
    fn who_begins_anew_has_left_the_ones_before_behind_this_client() {
        let now = Instant::now();
        let mut table = filled(now, 0);
        let station = Some(MacAddr::new([1; 6]));
        table.insert(id(0), "sw1", station, Arc::new(()), now);
        table.insert(id(1), "sw2", station, Arc::new(()), now);
        assert_eq!(left(&mut table), (0, 0));
        table.insert(id(2), "sw1", station, Arc::new(()), now);
        assert_eq!(left(&mut table), (1, 0));
        assert!(table.carry_on(&id(0), "sw1", now).is_some(), "if it can");
    }

    #[test]
    fn a_refusal_waits_a_little_to_be_acknowledged() {
        let now = Instant::now();
        let mut table = filled(now, 2);
        table.refused.push_back((now, id(0)));
        table.refused.push_back((now, id(1)));
        table.remove(&id(1));
        table.give_up_acknowledgements(now + ACKNOWLEDGEMENT / 2);
        assert_eq!(left(&mut table), (0, 0));
        table.give_up_acknowledgements(now + ACKNOWLEDGEMENT);
        assert_eq!(left(&mut table), (1, 0));
        assert!(table.refused.is_empty());
    }
}
