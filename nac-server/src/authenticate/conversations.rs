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

use super::content::Content;
use super::second_factor::Appended;
use crate::identity::password::SlowCheck;

/// A conversation's whole life, from the first message of a method to the verdict.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);
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
    /// The message that was taken last; its answer is kept (`Authenticator::last_answers`).
    pub(crate) content: Option<Content>,
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
    /// Takes one of a supplicant behind `client`. Expired ones are dropped, and at a limit the one that is missed least.
    pub(crate) fn insert(
        &self,
        id: ConversationId,
        client: &str,
        station: Option<MacAddr>,
        active: Arc<Mutex<Active>>,
        now: Instant,
    ) {
        self.lock().insert(id, client, station, active, now);
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

    /// Takes note of how much of an unfinished message a conversation holds; when all of them hold too much, the oldest end.
    pub(crate) fn holds(&self, id: &ConversationId, octets: usize) {
        self.lock().holds(id, octets);
    }

    /// Ends one.
    pub(crate) fn remove(&self, id: &ConversationId) {
        self.lock().remove(id);
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
        let over = |(since, _): &&(Instant, ConversationId)| now.duration_since(*since) >= LIFETIME;
        while self.begun.front().filter(over).is_some() {
            self.drop_begun();
        }
        while self.continued.front().filter(over).is_some() {
            self.drop_continued();
        }
        while self.entries.len() >= LIMIT && (self.drop_begun() || self.drop_continued()) {}
        if let Some(station) = station {
            self.make_room_for(station, client);
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

    /// Ends the oldest of a station that has too many behind this client.
    fn make_room_for(&mut self, station: MacAddr, client: &str) {
        let entries = &self.entries;
        let same_client = |id: &&ConversationId| {
            entries
                .get(*id)
                .is_some_and(|entry| *entry.client == *client)
        };
        let known = self.stations.get(&station).map_or(&[][..], Vec::as_slice);
        let mut of_station = known.iter().filter(same_client);
        let oldest = of_station.next().copied();
        if let Some(oldest) = oldest
            && of_station.count() + 1 >= STATION_LIMIT
        {
            self.remove(&oldest);
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
                Some(entry) if entry.unfinished > 0 => self.remove(&oldest),
                Some(entry) => entry.queued = false,
                None => {}
            }
            self.unfinished.pop_front();
        }
    }

    fn remove(&mut self, id: &ConversationId) {
        let Some(entry) = self.entries.remove(id) else {
            return;
        };
        self.unfinished_octets -= entry.unfinished;
        if let Some(station) = entry.station
            && let Some(of_station) = self.stations.get_mut(&station)
        {
            of_station.retain(|other| other != id);
            if of_station.is_empty() {
                self.stations.remove(&station);
            }
        }
    }

    /// Takes the oldest out of those that were only begun. One that was continued since stays: it is in the other queue.
    fn drop_begun(&mut self) -> bool {
        let Some((_, id)) = self.begun.pop_front() else {
            return false;
        };
        if self.entries.get(&id).is_some_and(|entry| !entry.continued) {
            self.remove(&id);
        }
        true
    }

    fn drop_continued(&mut self) -> bool {
        let Some((_, id)) = self.continued.pop_front() else {
            return false;
        };
        self.remove(&id);
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
        all.iter().for_each(|id| table.remove(id));
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
            table.remove(&id(number));
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
}
