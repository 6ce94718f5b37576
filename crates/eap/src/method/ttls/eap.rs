//! EAP inside EAP-TTLS: packets in EAP-Message attributes (RFC 5281 section 11.2.1).

use crate::method::Context;
use crate::method::avp;
use crate::method::inner::{InnerPackets, InnerStep};
use crate::reason;

/// Takes attributes with the response to the outstanding request.
pub(super) fn receive(
    packets: &mut InnerPackets,
    data: &[u8],
    context: &mut Context<'_>,
) -> InnerStep {
    if data.is_empty() {
        return InnerStep::Broken(reason::UNEXPECTED_DATA.with("an empty message"));
    }
    let avps = match avp::parse(data) {
        Ok(avps) => avps,
        Err(fault) => return InnerStep::Broken(reason::AVP_MALFORMED.with(fault)),
    };
    let unknown = |avp: &&avp::Avp<'_>| avp.mandatory && !avp.is_eap_message();
    if let Some(avp::Avp { vendor, code, .. }) = avps.iter().find(unknown) {
        let fault = format!("the mandatory attribute {code} of vendor {vendor} is out of place");
        return InnerStep::Broken(reason::AVP_MALFORMED.with(fault));
    }
    match avp::eap_message(&avps) {
        Some(packet) => packets.receive(&packet, context),
        None => InnerStep::Broken(reason::INNER_EAP_MALFORMED.with("there is none")),
    }
}

/// The attribute that carries a request.
pub(super) fn attribute(packet: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    avp::push(&mut message, 0, avp::EAP_MESSAGE, packet);
    message
}
