//! What comes before a method runs: a conversation that nobody keeps, and the offer that its name chooses.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use nac_eap::{Conversation, Opening, Step};
use nac_radius::{Packet, attribute};

use super::{INVALID_EAP_PACKET, INVALID_LIMIT, advance, challenge};
use crate::authenticate::conversations::{Active, random};
use crate::authenticate::openings::Opened;
use crate::authenticate::request::Request;
use crate::authenticate::silence::take_down;
use crate::authenticate::{Authenticator, Progress, offer};
use crate::reason::Refusal;

/// The largest EAP packet to send when the NAS names no Framed-MTU: survives VPNs and cloud paths.
const DEFAULT_MTU: usize = 1_020;
/// Bounds for what a NAS may ask for.
const MTU_RANGE: std::ops::RangeInclusive<usize> = 100..=1_400;
/// EAP codes and types (RFC 3748 sections 4 and 5).
const RESPONSE: u8 = 2;
const IDENTITY: u8 = 1;

pub(super) fn begin(
    authenticator: &Authenticator,
    request: &Request,
    packet: &Packet<'_>,
    message: &[u8],
) -> Result<Conversation, Refusal> {
    if !message.is_empty() && identity(message).is_none() {
        return Err(Refusal::no_state());
    }
    let mut conversation = Conversation::new(
        settings(authenticator)?,
        Instant::now(),
        unix_time(),
        eap_mtu(packet),
        Box::new(fill_random),
    );
    prefer(authenticator, request, &mut conversation);
    Ok(conversation)
}

/// Goes on with what the NAS kept for us, under the offer that the name chose.
pub(super) fn reopen(
    authenticator: &Authenticator,
    request: &mut Request,
    opening: &Opening,
) -> Result<Conversation, Refusal> {
    let user_name = request.user_name.clone();
    let settings = match opening.identity(&user_name) {
        Some(identity) => offer::eap_settings(authenticator, request, identity),
        None => authenticator.eap.load_full(),
    };
    let mut conversation = Conversation::resume_opening(
        settings.ok_or_else(Refusal::no_credentials)?,
        authenticator.openings.epoch(),
        unix_time(),
        eap_mtu(&request.packet()),
        Box::new(fill_random),
        opening,
        &user_name,
    )
    .ok_or_else(Refusal::unknown_conversation)?;
    prefer(authenticator, request, &mut conversation);
    Ok(conversation)
}

fn settings(authenticator: &Authenticator) -> Result<Arc<nac_eap::Settings>, Refusal> {
    authenticator
        .eap
        .load_full()
        .ok_or_else(Refusal::no_credentials)
}

fn prefer(authenticator: &Authenticator, request: &Request, conversation: &mut Conversation) {
    if let Some(method) = authenticator.habits.of(request.mac) {
        conversation.prefer(method);
    }
}

/// A message before a method runs. Nothing is kept of it but what the NAS returns with the next one; only the first message of a method
/// brings the conversation into the table.
pub(super) fn open(
    authenticator: &Arc<Authenticator>,
    mut request: Request,
    message: &[u8],
    mut conversation: Conversation,
    opened: Option<&Opened>,
) -> Progress {
    let now = Instant::now();
    let invalid = opened.map_or(0, |opened| opened.invalid);
    let step = if message.is_empty() {
        Step::Request(conversation.start())
    } else {
        choose_offer(authenticator, &mut request, message, &mut conversation);
        conversation.receive(now, message)
    };
    let openings = &authenticator.openings;
    let client = &request.client.name;
    if let Some(opening) = conversation.opening(openings.epoch()) {
        let ignored = invalid.saturating_add(1);
        match &step {
            Step::Request(eap) => {
                let state = openings.seal(client, &opening, invalid);
                return challenge(&request, &request.packet(), &state, eap, None);
            }
            Step::Ignore(_) if ignored < INVALID_LIMIT => {
                let state = openings.seal(client, &opening, ignored);
                let last = conversation.last_request().unwrap_or_default();
                let cause = Some(INVALID_EAP_PACKET);
                return challenge(&request, &request.packet(), &state, last, cause);
            }
            _ => {}
        }
    }
    let unfinished = conversation.unfinished();
    let (id, active) = (
        random(),
        Arc::new(Mutex::new(Active::new(
            conversation,
            invalid,
            request.offer.clone(),
        ))),
    );
    if matches!(step, Step::Failure { .. } | Step::Ignore(_)) {
        // It is refused now.
        if let Some(opened) = opened {
            openings.ended(opened);
        }
    } else {
        let table = &authenticator.conversations;
        let mut left = table.insert(id, client, request.mac, active.clone(), now);
        left.extend(table.holds(&id, unfinished));
        take_down(authenticator, left, now);
    }
    advance(authenticator, request, id, active, step)
}

/// Offers what is on offer to who says this name, if it is one and nothing was offered yet.
pub(super) fn choose_offer(
    authenticator: &Authenticator,
    request: &mut Request,
    message: &[u8],
    conversation: &mut Conversation,
) {
    if request.offer.is_none()
        && let Some(identity) = identity(message)
        && let Some(settings) = offer::eap_settings(authenticator, request, &identity)
    {
        conversation.offer(settings);
    }
}

/// What the supplicant goes by, when this is the answer to a request for its identity (RFC 3748 section 5.1: up to a NUL).
fn identity(message: &[u8]) -> Option<Cow<'_, str>> {
    let is_identity = message.first() == Some(&RESPONSE) && message.get(4) == Some(&IDENTITY);
    let octets = message.get(5..).filter(|_| is_identity)?;
    let octets = octets.split(|octet| *octet == 0).next()?;
    Some(String::from_utf8_lossy(octets))
}

/// RFC 3579 section 2.4 and RFC 3580 section 3.10: EAP must fit Framed-MTU less the 802.11 header's four octets.
fn eap_mtu(packet: &Packet<'_>) -> usize {
    packet
        .integer(attribute::FRAMED_MTU)
        .and_then(|mtu| usize::try_from(mtu).ok())
        .map_or(DEFAULT_MTU, |mtu| {
            mtu.saturating_sub(4)
                .clamp(*MTU_RANGE.start(), *MTU_RANGE.end())
        })
}

fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn fill_random(bytes: &mut [u8]) {
    SystemRandom::new()
        .fill(bytes)
        .expect("the operating system gives randomness");
}
