//! What is asked twice in a conversation (RFC 5080 section 2.2.2).
//!
//! A NAS whose answer was lost sends the same octets again, which [`crate::authenticate::duplicate`] knows, or the same message under
//! another Identifier, Authenticator or port: after a fail-over, or because it gives every try a new one. The State of that message is
//! spent by then, and the method has moved on. So what was said last is remembered together with what it got.
//!
//! *Invariant*: it is the whole message with its State that is compared, but for what belongs to the packet alone; a State by itself is
//! worth nothing. A verdict that is told again is no new decision, and changes no session.

use std::sync::Arc;
use std::time::Instant;

use nac_radius::{Packet, PacketBuilder, attribute};

use crate::authenticate::answers::{Answered, Claim, Seen};
use crate::authenticate::content::Content;
use crate::authenticate::request::Request;
use crate::authenticate::{Authenticator, Progress};

/// Claims what a request with a State says; or, where that was said before, gives what it gets for it.
pub(in crate::authenticate) fn claim(
    authenticator: &Arc<Authenticator>,
    request: &mut Request,
    packet: &Packet<'_>,
    now: Instant,
) -> Result<Claim<Content>, Progress> {
    if packet.attribute(attribute::STATE).is_none() {
        // It begins a conversation, which anybody may do as often as they like.
        return Ok(Claim::none());
    }
    let content = Content::of_request(&request.client, &request.origin, packet);
    let known = &authenticator.last_answers;
    match known.claim(content, packet.authenticator(), |_| true, now) {
        Seen::New(claim) => {
            request.content = Some(content);
            Ok(claim)
        }
        Seen::InFlight => Err(Progress::Silence),
        Seen::Answered(answered) => Err(match again(request, packet, &answered) {
            Some(reply) => Progress::Reply(reply),
            // The secret was changed since.
            None => Progress::Silence,
        }),
    }
}

fn again(request: &Request, packet: &Packet<'_>, answered: &Answered) -> Option<Vec<u8>> {
    let former = Packet::parse_as(request.origin.version(), &answered.reply).ok()?;
    let secret = request.secret();
    let reply = PacketBuilder::repeat(&former, &answered.authenticator, packet, secret)?;
    Some(reply.seal(secret))
}
