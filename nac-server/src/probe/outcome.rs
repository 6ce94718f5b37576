//! What the server said, checked and in words.

use std::time::Duration;

use nac_eap::Reason;
use nac_radius::vendor::{MICROSOFT, microsoft};
use nac_radius::{Described, Dictionary, Packet, Secret, attribute};
use zeroize::Zeroizing;

use super::{ProbeFault, Reply, SegmentSummary};

/// The end of one authentication.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The method, as decisions and policies write it: `PAP`, `PEAP-MSCHAPv2`.
    pub method: &'static str,
    /// Yes or no, with what belongs to it.
    pub verdict: Verdict,
    /// Every attribute of the last reply, by dictionary name; secrets are masked.
    pub attributes: Vec<Described>,
    /// How many requests were answered.
    pub round_trips: u32,
    /// How many requests had to be sent again.
    pub retransmissions: u32,
    /// From the first request to the last reply.
    pub elapsed: Duration,
}

/// Yes or no.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Access-Accept.
    Accept(Accepted),
    /// Access-Reject.
    Reject(Rejected),
}

/// What belongs to an Access-Accept.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Where the endpoint is put.
    pub segment: SegmentSummary,
    /// The User-Name to use in accounting, if the server sent one (RFC 2865 section 5.1).
    pub user_name: Option<String>,
    /// The Class attributes, to be sent back in accounting (RFC 2865 section 5.25).
    pub class: Vec<Vec<u8>>,
    /// Whether the keys for the link are right.
    pub keys: KeyCheck,
    /// Facts about EAP, if it was used.
    pub eap: Option<EapFacts>,
}

/// Whether the keys in the Access-Accept are those of the supplicant. Wrong ones are a
/// [`ProbeFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCheck {
    /// MS-MPPE-Recv-Key and MS-MPPE-Send-Key are right.
    Verified,
    /// The method defines keys that the server may leave out, and did.
    Absent,
    /// The method defines no keys.
    NotDefined,
}

/// Facts about an EAP login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EapFacts {
    /// `1.2` or `1.3`.
    pub tls_version: &'static str,
    /// Whether the TLS session was resumed.
    pub resumed: bool,
    /// Whether an EAP-Key-Name came and is right; it must, when the station asks for it.
    pub key_name_verified: bool,
}

/// What belongs to an Access-Reject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What the supplicant knows about the reason: the server's alert, its error message.
    pub reason: Option<Reason>,
    /// The Reply-Messages.
    pub reply_messages: Vec<String>,
    /// MS-CHAP-Error without its identifier: `E=691 R=0 …` (RFC 2548 section 2.1.5).
    pub ms_chap_error: Option<String>,
}

impl Outcome {
    pub(super) fn new(
        method: &'static str,
        verdict: Verdict,
        reply: &Packet<'_>,
        round_trips: u32,
        retransmissions: u32,
        elapsed: Duration,
    ) -> Self {
        let attributes = Dictionary::embedded().describe(reply);
        Self {
            method,
            verdict,
            attributes,
            round_trips,
            retransmissions,
            elapsed,
        }
    }

    /// What belongs to the Access-Accept, if it is one.
    #[must_use]
    pub const fn accepted(&self) -> Option<&Accepted> {
        match &self.verdict {
            Verdict::Accept(accepted) => Some(accepted),
            Verdict::Reject(_) => None,
        }
    }

    /// What belongs to the Access-Reject, if it is one.
    #[must_use]
    pub const fn rejected(&self) -> Option<&Rejected> {
        match &self.verdict {
            Verdict::Accept(_) => None,
            Verdict::Reject(rejected) => Some(rejected),
        }
    }

    /// Whether the server said yes.
    #[must_use]
    pub const fn is_accept(&self) -> bool {
        self.accepted().is_some()
    }

    /// The VLAN of an Access-Accept.
    #[must_use]
    pub fn vlan(&self) -> Option<&str> {
        self.accepted()?.segment.vlan.as_deref()
    }

    /// Whether a TLS session was resumed.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.accepted()
            .and_then(|accepted| accepted.eap.as_ref())
            .is_some_and(|eap| eap.resumed)
    }
}

impl Accepted {
    pub(super) fn new(reply: &Packet<'_>, keys: KeyCheck, eap: Option<EapFacts>) -> Self {
        let classes = reply
            .attributes()
            .filter(|found| found.number == attribute::CLASS);
        Self {
            segment: SegmentSummary::read(reply),
            user_name: reply
                .text(attribute::USER_NAME)
                .map(|name| name.into_owned()),
            class: classes.map(|found| found.value.to_vec()).collect(),
            keys,
            eap,
        }
    }
}

impl KeyCheck {
    /// Compares both MS-MPPE keys of an Access-Accept with what they have to be.
    pub(super) fn of(
        packet: &Packet<'_>,
        receive: &[u8],
        send: &[u8],
        reply: &Reply,
        secret: &Secret,
    ) -> Result<Self, ProbeFault> {
        let expected = [
            (microsoft::MPPE_RECV_KEY, receive, "MS-MPPE-Recv-Key"),
            (microsoft::MPPE_SEND_KEY, send, "MS-MPPE-Send-Key"),
        ];
        let present = |number| packet.vendor(MICROSOFT, number).is_some();
        if !expected.iter().any(|(number, ..)| present(*number)) {
            return Ok(Self::Absent);
        }
        for (number, key, name) in expected {
            if !present(number) {
                return Err(ProbeFault::KeyMissing(name));
            }
            // What cannot be decrypted is as wrong as any other key.
            let found = packet.mppe_key(number, reply.request_authenticator(), secret);
            if Zeroizing::new(found.unwrap_or_default()).as_slice() != key {
                return Err(ProbeFault::KeyMismatch(name));
            }
        }
        Ok(Self::Verified)
    }
}

impl Rejected {
    pub(super) fn new(reply: &Packet<'_>, reason: Option<Reason>) -> Self {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let messages = reply
            .attributes()
            .filter(|found| found.number == attribute::REPLY_MESSAGE);
        let error = reply.vendor(MICROSOFT, microsoft::CHAP_ERROR);
        Self {
            reason,
            reply_messages: messages.map(|found| text(found.value)).collect(),
            ms_chap_error: error.and_then(|value| value.get(1..)).map(text),
        }
    }
}
