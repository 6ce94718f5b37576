//! EAP inside EAP-TTLS: whole packets in EAP-Message attributes, begun by the peer with its identity (RFC 5281
//! section 11.2.1).

use crate::method::Context;
use crate::method::avp;
use crate::method::inner::{InnerEap, InnerStep};
use crate::packet::{self, Body, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::settings::Settings;
use crate::step::Answer;

/// The inner conversation, with the identifiers that its packets need.
pub(super) struct TunnelledEap {
    inner: InnerEap,
    /// Of the outstanding request.
    identifier: u8,
}

impl TunnelledEap {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            inner: InnerEap::new(settings.inner_eap()),
            identifier: 0,
        }
    }

    /// The peer's identity, which nobody has asked for.
    pub(super) fn begin(&mut self, packet: &[u8], context: &mut Context<'_>) -> InnerStep {
        match response(packet) {
            Ok((identifier, body)) => {
                self.identifier = identifier;
                self.step(body, context)
            }
            Err(reason) => InnerStep::Broken(reason),
        }
    }

    /// Attributes with the response to the outstanding request.
    pub(super) fn receive(&mut self, data: &[u8], context: &mut Context<'_>) -> InnerStep {
        if data.is_empty() {
            return InnerStep::Broken(reason::UNEXPECTED_DATA.with("an empty message"));
        }
        let avps = match avp::parse(data) {
            Ok(avps) => avps,
            Err(fault) => return InnerStep::Broken(reason::AVP_MALFORMED.with(fault)),
        };
        let unknown = |avp: &&avp::Avp<'_>| avp.mandatory && !avp.is_eap_message();
        if let Some(avp::Avp { vendor, code, .. }) = avps.iter().find(unknown) {
            let fault =
                format!("the mandatory attribute {code} of vendor {vendor} is out of place");
            return InnerStep::Broken(reason::AVP_MALFORMED.with(fault));
        }
        let Some(packet) = avp::eap_message(&avps) else {
            return InnerStep::Broken(reason::INNER_EAP_MALFORMED.with("there is none"));
        };
        match response(&packet) {
            Ok((identifier, body)) if identifier == self.identifier => self.step(body, context),
            Ok((identifier, _)) => {
                let fault = format!("identifier {identifier} instead of {}", self.identifier);
                InnerStep::Broken(reason::INNER_EAP_MALFORMED.with(fault))
            }
            Err(reason) => InnerStep::Broken(reason),
        }
    }

    /// Takes the world's answer.
    pub(super) fn answered(&mut self, answer: Answer, context: &mut Context<'_>) -> InnerStep {
        self.inner.answered(answer, context)
    }

    /// The attribute that carries a request.
    pub(super) fn request(&mut self, eap_type: u8, data: &[u8]) -> Vec<u8> {
        self.identifier = self.identifier.wrapping_add(1);
        let packet = packet::request(self.identifier, eap_type, data);
        let mut message = Vec::new();
        avp::push(&mut message, 0, avp::EAP_MESSAGE, &packet);
        message
    }

    fn step(&mut self, body: Body<'_>, context: &mut Context<'_>) -> InnerStep {
        // RFC 3748 section 5.1: what follows a NUL is not part of the identity.
        let data = match body.eap_type {
            eap_type::IDENTITY => body.data.split(|octet| *octet == 0).next(),
            _ => Some(body.data),
        };
        let data = data.unwrap_or_default();
        self.inner.receive(Body { data, ..body }, context)
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
