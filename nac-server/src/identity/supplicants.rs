//! Which MACs have a supplicant: those that were let in by EAP. Who comes with such a MAC and without EAP is another device that copied
//! it, or the same one on which nobody has logged in yet: the policy says what that means.
//!
//! *Invariants:* nothing here waits for the database; what is new is written down within a second. Only who was let in is remembered, so
//! that a forged address needs a good credential, and memory is bounded all the same.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nac_policy::IdentityKind;
use nac_radius::MacAddr;
use nac_store::{Store, StoreError, Supplicant, now_us};
use tokio_util::sync::CancellationToken;

use super::AccessContext;

/// MACs that are remembered; the older half of more gives way.
const LIMIT: usize = 131_072;
/// How often what is new is written down.
const FLUSH: Duration = Duration::from_secs(1);
/// How often what other servers wrote down is read, in flushes.
const CATCH_UP: u32 = 15;
/// How often everything is read anew, so that what retention deleted is forgotten here too, in flushes.
const RELOAD: u32 = 3_600;
/// A MAC that goes on with the same method is written down again after this long.
const REFRESH_US: i64 = 3_600 * 1_000_000;
/// What another server's clock may be behind, and a commit late.
const OVERLAP_US: i64 = 60 * 1_000_000;
/// One line in the log for a MAC within this long.
const WARN_US: i64 = 3_600 * 1_000_000;

/// The MACs that were let in by EAP.
#[derive(Debug, Default)]
pub struct Supplicants {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    known: HashMap<MacAddr, Known>,
    /// Not written down yet.
    fresh: HashMap<MacAddr, &'static str>,
    /// The newest row that was read.
    read_us: i64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    method: &'static str,
    seen_us: i64,
    written_us: i64,
    warned_us: i64,
}

impl Supplicants {
    /// Whether EAP is missing here: it is the MAC alone that lets in, and it was let in by EAP before.
    pub fn is_missing(&self, context: &AccessContext) -> bool {
        context.kind == IdentityKind::Mac
            && context
                .mac
                .is_some_and(|mac| self.lock().known.contains_key(&mac))
    }

    /// A station was let in by this EAP method.
    pub(crate) fn seen(&self, mac: MacAddr, method: &'static str) {
        self.note(mac, method, now_us());
    }

    fn note(&self, mac: MacAddr, method: &'static str, now: i64) {
        let mut table = self.lock();
        let table = &mut *table;
        let before = table.known.get(&mac).copied();
        let written = before
            .filter(|known| known.method == method && now - known.written_us < REFRESH_US)
            .map(|known| known.written_us);
        table.make_room();
        if written.is_none() {
            table.fresh.insert(mac, method);
        }
        table.known.insert(
            mac,
            Known {
                method,
                seen_us: now,
                written_us: written.unwrap_or(now),
                warned_us: before.map_or(i64::MIN, |known| known.warned_us),
            },
        );
    }

    /// Says in the log that EAP is missing, once an hour for each MAC and as often as the NAS may be spoken of.
    pub(crate) fn warn(&self, context: &AccessContext, may_speak: impl FnOnce() -> Option<u64>) {
        let Some(mac) = context.mac else { return };
        let now = now_us();
        let mut table = self.lock();
        let Some(known) = table.known.get_mut(&mac) else {
            return;
        };
        if now.saturating_sub(known.warned_us) < WARN_US {
            return;
        }
        let Some(held_back) = may_speak() else { return };
        known.warned_us = now;
        let (method, minutes) = (known.method, (now - known.seen_us) / 60_000_000);
        drop(table);
        tracing::warn!(%mac, client = %context.nas.client, port = %context.nas.port, method, minutes_ago = minutes, held_back,
            "a device that was let in by 802.1X came by its MAC address alone: if it may, nac device allow-mab MAC");
    }

    /// Somebody said that this MAC may come without EAP.
    pub(crate) fn forget(&self, mac: &str) {
        if let Ok(mac) = mac.parse() {
            let mut table = self.lock();
            table.known.remove(&mac);
            table.fresh.remove(&mac);
        }
    }

    /// Reads everything; what is not written down yet stays.
    pub(crate) async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let rows = store
            .supplicant_list(i64::MIN, u32::try_from(LIMIT).unwrap_or(u32::MAX))
            .await?;
        let mut table = self.lock();
        let fresh: Vec<MacAddr> = table.fresh.keys().copied().collect();
        let former = std::mem::take(&mut table.known);
        for mac in fresh {
            if let Some(known) = former.get(&mac) {
                table.known.insert(mac, *known);
            }
        }
        table.learn(&rows, &former);
        Ok(())
    }

    /// Reads what was written down since the last time.
    async fn catch_up(&self, store: &Store) -> Result<(), StoreError> {
        let since = self.lock().read_us.saturating_sub(OVERLAP_US);
        let limit = u32::try_from(LIMIT).unwrap_or(u32::MAX);
        let rows = store.supplicant_list(since, limit).await?;
        self.lock().learn(&rows, &HashMap::new());
        Ok(())
    }

    /// Writes down what is new. What the database does not take waits.
    async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let fresh = std::mem::take(&mut self.lock().fresh);
        if fresh.is_empty() {
            return Ok(());
        }
        let rows: Vec<(String, &str)> = fresh
            .iter()
            .map(|(mac, method)| (mac.to_string(), *method))
            .collect();
        let written = store.supplicant_put(&rows).await;
        if written.is_err() {
            let mut table = self.lock();
            for (mac, method) in fresh {
                if table.known.contains_key(&mac) {
                    table.fresh.entry(mac).or_insert(method);
                }
            }
        }
        written
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn learn(&mut self, rows: &[Supplicant], former: &HashMap<MacAddr, Known>) {
        for row in rows {
            let Ok(mac) = row.mac.parse() else { continue };
            self.read_us = self.read_us.max(row.seen_us);
            let before = self.known.get(&mac).or_else(|| former.get(&mac));
            let warned_us = before.map_or(i64::MIN, |known| known.warned_us);
            if self
                .known
                .get(&mac)
                .is_some_and(|known| known.seen_us >= row.seen_us)
            {
                continue;
            }
            self.make_room();
            self.known.insert(
                mac,
                Known {
                    method: name(&row.method),
                    seen_us: row.seen_us,
                    written_us: row.seen_us,
                    warned_us,
                },
            );
        }
    }

    fn make_room(&mut self) {
        if self.known.len() < LIMIT {
            return;
        }
        let mut moments: Vec<i64> = self.known.values().map(|known| known.seen_us).collect();
        let middle = moments.len() / 2;
        let (_, median, _) = moments.select_nth_unstable(middle);
        let median = *median;
        self.known.retain(|_, known| known.seen_us > median);
        let known = &self.known;
        self.fresh.retain(|mac, _| known.contains_key(mac));
    }
}

/// A method's name as static text; that of another release is only known to be EAP.
fn name(method: &str) -> &'static str {
    let names = nac_eap::method_names().iter();
    names
        .copied()
        .find(|known| *known == method)
        .unwrap_or("EAP")
}

/// Keeps memory and database together until cancelled. A database that is away is tried again.
pub(crate) async fn run(
    world: std::sync::Arc<crate::snapshot::World>,
    store: Store,
    cancel: CancellationToken,
) {
    let mut ticks = tokio::time::interval(FLUSH);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut tick = 0_u32;
    loop {
        let over = tokio::select! {
            () = cancel.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let supplicants = &world.supplicants;
        let mut done = supplicants.flush(&store).await;
        if over {
            if let Err(error) = done {
                tracing::warn!(%error, "who came by 802.1X last is not written down");
            }
            return;
        }
        tick = (tick + 1) % RELOAD;
        if done.is_ok() && tick == 0 {
            done = supplicants.reload(&store).await;
        } else if done.is_ok() && tick.is_multiple_of(CATCH_UP) {
            done = supplicants.catch_up(&store).await;
        }
        if let Err(error) = done {
            tracing::debug!(%error, "who came by 802.1X is not exchanged with the database yet");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000_000;

    fn mac(number: u32) -> MacAddr {
        let [_, a, b, c] = number.to_be_bytes();
        MacAddr::new([2, 0, 0, a, b, c])
    }

    fn fresh(supplicants: &Supplicants) -> usize {
        std::mem::take(&mut supplicants.lock().fresh).len()
    }

    #[test]
    fn a_device_that_goes_on_is_written_down_once_an_hour() {
        let supplicants = Supplicants::default();
        supplicants.note(mac(1), "PEAP-MSCHAPv2", NOW);
        assert_eq!(fresh(&supplicants), 1);
        supplicants.note(mac(1), "PEAP-MSCHAPv2", NOW + REFRESH_US - 1);
        assert_eq!(fresh(&supplicants), 0);
        supplicants.note(mac(1), "EAP-TLS", NOW + REFRESH_US - 1);
        assert_eq!(fresh(&supplicants), 1, "another method is news");
        supplicants.note(mac(1), "EAP-TLS", NOW + 2 * REFRESH_US);
        assert_eq!(fresh(&supplicants), 1);
    }

    #[test]
    fn made_up_addresses_are_not_remembered_for_ever() {
        let supplicants = Supplicants::default();
        for number in 0..=u32::try_from(LIMIT).expect("a number") {
            supplicants.note(mac(number), "EAP-TLS", NOW + i64::from(number));
        }
        let table = supplicants.lock();
        assert!(table.known.len() <= LIMIT && table.fresh.len() <= LIMIT);
        assert!(!table.known.contains_key(&mac(0)), "the oldest goes first");
        let newest = u32::try_from(LIMIT).expect("a number");
        assert!(table.known.contains_key(&mac(newest)));
    }

    #[test]
    fn what_another_server_wrote_down_is_learned_and_what_is_newer_here_stays() {
        let supplicants = Supplicants::default();
        let row = |number: u32, method: &str, seen_us: i64| Supplicant {
            mac: mac(number).to_string(),
            method: method.to_owned(),
            seen_us,
        };
        supplicants.note(mac(1), "EAP-TLS", NOW);
        let rows = [
            row(1, "PEAP-MSCHAPv2", NOW - 1),
            row(2, "EAP-OF-TOMORROW", NOW),
        ];
        supplicants.lock().learn(&rows, &HashMap::new());
        let table = supplicants.lock();
        assert_eq!(table.known[&mac(1)].method, "EAP-TLS");
        assert_eq!(table.known[&mac(2)].method, "EAP");
        assert_eq!(table.read_us, NOW);
    }
}
