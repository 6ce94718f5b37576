//! Binding: how strongly a node's posture is tied to the identity on the wire. Pure.

use std::net::IpAddr;

use nac_policy::Verdict;
use nac_store::OsqueryNode;
use uuid::Uuid;

/// The levels of binding, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// Nothing ties them; posture says nothing.
    #[default]
    B0,
    /// The node itself claims to be this device. Such posture can only lower.
    B1,
    /// The server saw address, MAC and a fresh answer coincide.
    B2,
    /// Both channels carry the same id, vouched for by an authority or a one-time secret.
    B3,
    /// Both channels proved the same key.
    B4,
}

impl Binding {
    /// 0 to 4.
    pub const fn level(self) -> u8 {
        match self {
            Self::B0 => 0,
            Self::B1 => 1,
            Self::B2 => 2,
            Self::B3 => 3,
            Self::B4 => 4,
        }
    }

    /// Whether posture at this level may open doors, not only close them.
    pub const fn may_raise(self) -> bool {
        self.level() >= 2
    }
}

/// Whose posture is asked for: what RADIUS knows about the session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The device record that the server found. It may have been found by MAC, so alone it proves
    /// nothing.
    pub device_id: Option<Uuid>,
    /// SHA-256 of the public key of the EAP-TLS leaf, hex. Set only when the certificate was
    /// verified in this authentication or in the session it resumed.
    pub spki: Option<&'a str>,
    /// The device id in that certificate's SAN. Set only for verified certificates.
    pub asserted_id: Option<&'a str>,
    /// Who was authenticated; empty-handed claims are never held (see `Coincidences`).
    pub identity: Option<&'a str>,
    /// The MAC address from Calling-Station-Id, `aa:bb:cc:dd:ee:ff`.
    pub mac: Option<&'a str>,
    /// The address the session uses, from accounting or DHCP.
    pub framed_ip: Option<IpAddr>,
    /// When the session started, microseconds since the epoch.
    pub session_started_us: Option<i64>,
}

/// How long a coincidence (B2) counts after it was last seen, microseconds: a move to another VLAN changes the address, and
/// accounting and osquery never learn the new one at the same instant. Without this a session that B2 lets in would be thrown
/// out by its own move, for ever.
pub(crate) const HOLD_US: i64 = 120_000_000;
/// Coincidences kept per node; a laptop has a dock and a radio.
const HELD: usize = 8;

/// Who was lately seen at a node's own address.
#[derive(Debug, Default)]
pub(crate) struct Coincidences(Vec<Coincidence>);

#[derive(Debug)]
struct Coincidence {
    identity: String,
    mac: String,
    seen_us: i64,
}

impl Coincidences {
    /// Remembers a coincidence, and lets one of the last two minutes stand in for one that is missing now: for the same identity
    /// with the same MAC only, so that nobody else borrows it.
    pub(crate) fn hold(
        &mut self,
        subject: &Subject<'_>,
        (level, reason): (Binding, String),
        now_us: i64,
    ) -> (Binding, String) {
        let (Some(identity), Some(mac)) = (subject.identity, subject.mac) else {
            return (level, reason);
        };
        let same = |held: &Coincidence| held.identity == identity && held.mac == mac;
        match level {
            Binding::B2 => {
                self.0.retain(|held| !same(held));
                if self.0.len() >= HELD {
                    self.0.remove(0);
                }
                self.0.push(Coincidence {
                    identity: identity.to_owned(),
                    mac: mac.to_owned(),
                    seen_us: now_us,
                });
                (level, reason)
            }
            Binding::B1 => match self.0.iter().find(|held| same(held)) {
                Some(held) if now_us - held.seen_us <= HOLD_US => (
                    Binding::B2,
                    format!(
                        "osquery reported from the session's own address {} s ago",
                        (now_us - held.seen_us) / 1_000_000
                    ),
                ),
                _ => (level, reason),
            },
            _ => (level, reason),
        }
    }
}

/// What the server itself observed of a node, besides its record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed {
    /// The address its last request came from.
    pub source_ip: Option<IpAddr>,
    /// When the newest question that it answered was asked, microseconds since the epoch.
    pub answered_us: Option<i64>,
    /// Whether the certificate that it enrolled with is revoked, and so proves nothing any more.
    pub certificate_revoked: bool,
}

/// The binding between a subject and a node, and why, in one sentence.
pub fn binding(subject: &Subject<'_>, node: &OsqueryNode, seen: Observed) -> (Binding, String) {
    let same = |ours: Option<&str>, theirs: Option<&str>| match (ours, theirs) {
        (Some(ours), Some(theirs)) => !ours.is_empty() && ours.eq_ignore_ascii_case(theirs),
        _ => false,
    };
    let certified = !seen.certificate_revoked;
    if certified && same(subject.spki, node.client_spki.as_deref()) {
        let reason = "802.1X and osquery proved possession of the same key";
        return (Binding::B4, reason.to_owned());
    }
    if certified && same(subject.asserted_id, node.client_asserted_id.as_deref()) {
        let reason = "the certificates of 802.1X and osquery assert the same device id";
        return (Binding::B3, reason.to_owned());
    }
    if node.enroll_device_bound && certificate_names_device(subject, node) {
        let reason = "osquery enrolled with the secret issued for this device, \
                      and 802.1X proved the device by certificate";
        return (Binding::B3, reason.to_owned());
    }
    let mac = subject
        .mac
        .filter(|mac| node.macs.iter().any(|own| own.eq_ignore_ascii_case(mac)));
    let Some(mac) = mac else {
        if subject.device_id.is_some() && subject.device_id == node.device_id {
            let reason = "osquery only claims to run on this device: \
                          it does not report the MAC address of the session";
            return (Binding::B1, reason.to_owned());
        }
        return (
            Binding::B0,
            "nothing ties an osquery node to this session".to_owned(),
        );
    };
    let missing = match (
        subject.framed_ip,
        seen.source_ip,
        subject.session_started_us,
    ) {
        (None, ..) => "the address of the session is not known yet".to_owned(),
        (_, None, _) => "the address osquery reports from is not known".to_owned(),
        (Some(framed), Some(source), _) if framed.to_canonical() != source.to_canonical() => {
            format!("osquery reports from {source}, but the session has {framed}")
        }
        (_, _, None) => "the start of the session is not known".to_owned(),
        (_, _, Some(started)) if seen.answered_us.is_none_or(|asked| asked <= started) => {
            "osquery has not answered a question asked since the session started".to_owned()
        }
        (Some(framed), ..) => {
            let reason = format!(
                "osquery reports MAC {mac} from {framed}, the address of the session, \
                 and answered a question asked since the session started"
            );
            return (Binding::B2, reason);
        }
    };
    (
        Binding::B1,
        format!("osquery reports MAC {mac}, but {missing}"),
    )
}

/// Below B2 posture may only lower: what would open a door becomes unknown.
pub fn effective(verdict: Verdict, binding: Binding) -> Verdict {
    match (verdict, binding) {
        (_, Binding::B0) => Verdict::Unknown,
        (Verdict::Compliant, below) if !below.may_raise() => Verdict::Unknown,
        (verdict, _) => verdict,
    }
}

/// A device id found by MAC must not profit from the secret of that device, so the certificate
/// itself has to lead to the device.
fn certificate_names_device(subject: &Subject<'_>, node: &OsqueryNode) -> bool {
    let Some(device) = node.device_id else {
        return false;
    };
    let asserted = subject
        .asserted_id
        .and_then(|id| Uuid::try_parse(id).ok())
        .is_some_and(|id| id == device);
    asserted || (subject.spki.is_some() && subject.device_id == Some(device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node;

    const DEVICE: Uuid = Uuid::from_u128(7);

    fn full() -> OsqueryNode {
        OsqueryNode {
            device_id: Some(DEVICE),
            client_spki: Some("ab12".to_owned()),
            client_asserted_id: Some(DEVICE.to_string()),
            macs: vec!["00:16:3e:00:00:01".to_owned()],
            ..node()
        }
    }

    fn at(address: &str, answered_us: Option<i64>) -> Observed {
        Observed {
            source_ip: address.parse().ok(),
            answered_us,
            ..Observed::default()
        }
    }

    #[test]
    fn the_levels_as_a_table() {
        let device = DEVICE.to_string();
        let session = Subject {
            mac: Some("00:16:3E:00:00:01"),
            framed_ip: "192.0.2.7".parse().ok(),
            session_started_us: Some(100),
            ..Subject::default()
        };
        let here = at("192.0.2.7", Some(101));
        let bound = OsqueryNode {
            enroll_device_bound: true,
            client_asserted_id: None,
            ..full()
        };
        let by_device = Subject {
            device_id: Some(DEVICE),
            ..Subject::default()
        };
        type Row<'a> = (&'a str, Subject<'a>, OsqueryNode, Observed, Binding);
        let table: Vec<Row<'_>> = vec![
            (
                "the same key on both channels",
                Subject {
                    spki: Some("AB12"),
                    ..session
                },
                full(),
                Observed::default(),
                Binding::B4,
            ),
            (
                "the same asserted id",
                Subject {
                    spki: Some("ff"),
                    asserted_id: Some(&device),
                    ..session
                },
                full(),
                Observed::default(),
                Binding::B3,
            ),
            (
                "the same key and id in a revoked certificate",
                Subject {
                    spki: Some("AB12"),
                    asserted_id: Some(&device),
                    ..by_device
                },
                full(),
                Observed {
                    certificate_revoked: true,
                    ..here
                },
                Binding::B1,
            ),
            (
                "a secret issued for the device that the certificate names",
                Subject {
                    asserted_id: Some(&device),
                    ..Subject::default()
                },
                bound.clone(),
                Observed::default(),
                Binding::B3,
            ),
            (
                "a secret issued for a device that was found by its certificate's key",
                Subject {
                    spki: Some("ff"),
                    ..by_device
                },
                bound.clone(),
                Observed::default(),
                Binding::B3,
            ),
            (
                "a secret issued for a device that was only found by MAC",
                Subject {
                    device_id: Some(DEVICE),
                    mac: session.mac,
                    ..Subject::default()
                },
                bound,
                Observed::default(),
                Binding::B1,
            ),
            (
                "address, MAC and fresh answer",
                session,
                full(),
                here,
                Binding::B2,
            ),
            (
                "an IPv4-mapped address is the same address",
                session,
                full(),
                at("::ffff:192.0.2.7", Some(101)),
                Binding::B2,
            ),
            (
                "another address",
                session,
                full(),
                at("192.0.2.8", Some(101)),
                Binding::B1,
            ),
            (
                "an answer from before",
                session,
                full(),
                at("192.0.2.7", Some(100)),
                Binding::B1,
            ),
            (
                "no answer",
                session,
                full(),
                at("192.0.2.7", None),
                Binding::B1,
            ),
            (
                "the session's address is unknown",
                Subject {
                    framed_ip: None,
                    ..session
                },
                full(),
                here,
                Binding::B1,
            ),
            (
                "the session's start is unknown",
                Subject {
                    session_started_us: None,
                    ..session
                },
                full(),
                here,
                Binding::B1,
            ),
            (
                "the device record alone",
                by_device,
                full(),
                here,
                Binding::B1,
            ),
            (
                "another MAC",
                Subject {
                    mac: Some("00:16:3e:00:00:02"),
                    ..session
                },
                full(),
                here,
                Binding::B0,
            ),
            ("nothing", Subject::default(), full(), here, Binding::B0),
            (
                "empty ids match nothing",
                Subject {
                    spki: Some(""),
                    ..Subject::default()
                },
                OsqueryNode {
                    client_spki: Some(String::new()),
                    ..full()
                },
                here,
                Binding::B0,
            ),
        ];
        for (story, subject, node, seen, expected) in table {
            let (level, reason) = binding(&subject, &node, seen);
            assert_eq!(level, expected, "{story}: {reason}");
            assert!(reason.len() > 20, "{story} has a reason");
        }
    }

    #[test]
    fn below_b2_posture_only_lowers() {
        use Verdict::{Compliant, Failing, Stale, Unknown};
        for (verdict, level, expected) in [
            (Compliant, Binding::B4, Compliant),
            (Compliant, Binding::B2, Compliant),
            (Compliant, Binding::B1, Unknown),
            (Compliant, Binding::B0, Unknown),
            (Failing, Binding::B1, Failing),
            (Failing, Binding::B0, Unknown),
            (Stale, Binding::B1, Stale),
            (Unknown, Binding::B4, Unknown),
        ] {
            assert_eq!(
                effective(verdict, level),
                expected,
                "{verdict:?} at {level:?}"
            );
        }
    }

    #[test]
    fn a_coincidence_survives_a_change_of_address_for_the_same_identity_only() {
        let alice = Subject {
            identity: Some("alice"),
            mac: Some("00:16:3e:00:00:01"),
            ..Subject::default()
        };
        let mallory = Subject {
            identity: Some("mallory"),
            ..alice
        };
        let level = |held: &mut Coincidences, subject, level, at_s: i64| {
            held.hold(subject, (level, String::new()), at_s * 1_000_000)
                .0
        };
        let mut held = Coincidences::default();
        assert_eq!(level(&mut held, &alice, Binding::B1, 0), Binding::B1);
        assert_eq!(level(&mut held, &alice, Binding::B2, 10), Binding::B2);
        assert_eq!(level(&mut held, &alice, Binding::B1, 120), Binding::B2);
        assert_eq!(level(&mut held, &mallory, Binding::B1, 120), Binding::B1);
        assert_eq!(level(&mut held, &alice, Binding::B1, 131), Binding::B1);
        assert_eq!(level(&mut held, &alice, Binding::B0, 20), Binding::B0);
    }
}
