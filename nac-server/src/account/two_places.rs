//! One MAC at two places at once: somebody copied it.
//!
//! A station that moves leaves no Stop behind as often as not, so two live sessions prove nothing. What proves it is accounting from
//! the place of the older accept about the time after the younger one: a station that moved is silent where it was.
//!
//! *Invariants:* an accept is an arrival and never a sign from the older place. A switch behind whose port a telephone or a hub hides the
//! departure goes on with Interim-Updates, and so does an access point for some minutes; so where the NAS counts octets, they have to grow.

use std::collections::HashMap;
use std::net::IpAddr;

use nac_radius::MacAddr;

use super::session::{CLOCK_SLACK_US, LiveSession};

/// How long a MAC is in two places after the last sign of it.
const HOLD_US: i64 = 10 * 60 * 1_000_000;
/// More than anybody copies; accounting must not make the list grow for ever.
const MAX_MACS: usize = 10_000;

/// What one accounting record says of the station's own traffic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sign {
    /// When, by Acct-Delay-Time.
    pub(super) at_us: i64,
    /// Acct-Input-Octets (RFC 2866 section 5.3): what the station has sent in this session.
    pub(super) octets: Option<u64>,
}

impl Sign {
    /// Whether it shows the station of `older` alive there since `younger` was let in somewhere else; `before` is the last record of
    /// `older` that counted octets.
    pub(super) fn is_beside(
        self,
        before: Option<Self>,
        older: &LiveSession,
        younger: &LiveSession,
    ) -> bool {
        let since = younger.admitted_us + CLOCK_SLACK_US;
        // After a restart the newest accept of a session is not known, and so not which of the two is the younger.
        let in_order = younger.transport.is_some() && older.admitted_us < younger.admitted_us;
        let alive = match (before, self.octets) {
            (None, None) => older.context.nas.port_type == "ethernet",
            (Some(before), Some(now)) => {
                before.at_us > since && before.octets.is_some_and(|before| now > before)
            }
            _ => false,
        };
        in_order && apart(older, younger) && self.at_us > since && alive
    }
}

/// Whether two sessions are at places of which a station can be at one only: two NASes, or two ports of one on a wire.
fn apart(one: &LiveSession, other: &LiveSession) -> bool {
    let (nas, other_nas) = (&one.context.nas, &other.context.nas);
    let wired = |port_type: &str| port_type == "ethernet";
    one.nas_address != other.nas_address
        || (wired(&nas.port_type)
            && wired(&other_nas.port_type)
            && !nas.port.is_empty()
            && !other_nas.port.is_empty()
            && nas.port != other_nas.port)
}

/// A session's place in words for the log: the NAS and its port.
pub(super) fn place(session: &LiveSession) -> (IpAddr, &str) {
    (session.nas_address, &session.context.nas.port)
}

/// The MACs that are in two places, and until when that is believed, in microseconds since the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct TwoPlaces {
    until_us: HashMap<MacAddr, i64>,
}

impl TwoPlaces {
    /// A sign was seen. Says whether this is news.
    pub(super) fn note(&mut self, mac: MacAddr, now_us: i64) -> bool {
        let news = !self.contains(mac, now_us);
        if !self.until_us.contains_key(&mac) && self.until_us.len() >= MAX_MACS {
            let soonest = self.until_us.iter().min_by_key(|(_, until)| **until);
            if let Some(mac) = soonest.map(|(mac, _)| *mac) {
                self.until_us.remove(&mac);
            }
        }
        self.until_us.insert(mac, now_us + HOLD_US);
        news
    }

    /// Whether this MAC is in two places.
    pub(super) fn contains(&self, mac: MacAddr, now_us: i64) -> bool {
        self.until_us.get(&mac).is_some_and(|until| now_us < *until)
    }

    /// Takes out, and gives back, those of which nothing was seen for long enough.
    pub(super) fn expire(&mut self, now_us: i64) -> Vec<MacAddr> {
        let over = |until: &i64| *until <= now_us;
        let ended = self.until_us.iter().filter(|(_, until)| over(until));
        let ended = ended.map(|(mac, _)| *mac).collect();
        self.until_us.retain(|_, until| !over(until));
        ended
    }

    /// How many there are.
    pub(super) fn len(&self, now_us: i64) -> usize {
        let until = self.until_us.values();
        until.filter(|until| now_us < **until).count()
    }
}

#[cfg(test)]
mod tests;
