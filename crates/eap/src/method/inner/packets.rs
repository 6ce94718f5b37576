//! EAP inside a tunnel as whole packets, with identifiers: in EAP-TTLS (RFC 5281 section 11.2.1) and TEAP (RFC 9930).

use super::{InnerEap, InnerStep};
use crate::method::Context;
use crate::packet::{self, Body, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::settings::InnerMethod;
use crate::step::Answer;

/// The inner conversation, with the identifiers that its packets need.
pub(crate) struct InnerPackets {
    inner: InnerEap,
    /// Of the outstanding request.
    identifier: u8,
}

impl InnerPackets {
    /// `offered` are EAP methods, the preferred one first.
    pub(crate) fn new(offered: Vec<InnerMethod>) -> Self {
        Self {
            inner: InnerEap::new(offered),
            identifier: 0,
        }
    }

    /// The request for the identity.
    pub(crate) fn identity_request(&mut self) -> Vec<u8> {
        self.request(eap_type::IDENTITY, &[])
    }

    /// The peer's identity, which nobody has asked for.
    pub(crate) fn begin(&mut self, packet: &[u8], context: &mut Context<'_>) -> InnerStep {
        match response(packet) {
            Ok((identifier, body)) => {
                self.identifier = identifier;
                self.step(body, context)
            }
            Err(reason) => InnerStep::Broken(reason),
        }
    }

    /// The response to the outstanding request.
    pub(crate) fn receive(&mut self, packet: &[u8], context: &mut Context<'_>) -> InnerStep {
        match response(packet) {
            Ok((identifier, body)) if identifier == self.identifier => self.step(body, context),
            Ok((identifier, _)) => {
                let fault = format!("identifier {identifier} instead of {}", self.identifier);
                InnerStep::Broken(reason::INNER_EAP_MALFORMED.with(fault))
            }
            Err(reason) => InnerStep::Broken(reason),
        }
    }

    /// Takes the world's answer.
    pub(crate) fn answered(&mut self, answer: Answer, context: &mut Context<'_>) -> InnerStep {
        self.inner.answered(answer, context)
    }

    /// The packet of a request.
    pub(crate) fn request(&mut self, eap_type: u8, data: &[u8]) -> Vec<u8> {
        self.identifier = self.identifier.wrapping_add(1);
        packet::request(self.identifier, eap_type, data)
    }

    fn step(&mut self, body: Body<'_>, context: &mut Context<'_>) -> InnerStep {
        self.inner.receive(without_nul(body), context)
    }
}

/// The identity in a packet, if it is a response with one.
pub(crate) fn identity_of(packet: &[u8]) -> Option<&[u8]> {
    let (_, body) = response(packet).ok()?;
    (body.eap_type == eap_type::IDENTITY).then(|| without_nul(body).data)
}

/// RFC 3748 section 5.1: what follows a NUL is not part of the identity.
fn without_nul(body: Body<'_>) -> Body<'_> {
    let data = match body.eap_type {
        eap_type::IDENTITY => body.data.split(|octet| *octet == 0).next(),
        _ => Some(body.data),
    };
    Body {
        data: data.unwrap_or_default(),
        ..body
    }
}

/// The identifier and the body of a response.
fn response(packet: &[u8]) -> Result<(u8, Body<'_>), Reason> {
    let malformed = |fault: String| reason::INNER_EAP_MALFORMED.with(fault);
    let packet = Packet::parse(packet).map_err(malformed)?;
    match (packet.code, packet.body) {
        (Code::Response, Some(body)) => Ok((packet.identifier, body)),
        _ => Err(malformed("it is not a response".to_owned())),
    }
}
