//! The supplicant's side of TEAPv1 after the handshake.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::inner::InnerPeer;
use super::{PeerSettings, PeerTls};
use crate::keys::CompoundKeys;
use crate::method::teap::keys::{Chain, InnerKeys, OuterTlvs};
use crate::method::teap::tlv::{self, MACHINE, Tlvs, USER};
use crate::packet::{self, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::settings::InnerMethod;
use crate::step::Random;
use crate::tls::Tls;

/// What a supplicant has besides its user: the machine, with a certificate.
#[derive(Clone, Debug)]
pub struct PeerMachine {
    /// The name that it says.
    pub identity: String,
    /// The certificate, beside the trust anchors for inside the tunnel.
    pub tls: Arc<PeerTls>,
    /// Whether nobody is logged in to the machine, so that there is no user.
    pub alone: bool,
}

pub(super) struct TeapPeer {
    method: InnerMethod,
    identity: String,
    password: Zeroizing<String>,
    machine: Option<PeerMachine>,
    settings: Arc<PeerSettings>,
    unix_time: Duration,
    outer: OuterTlvs,
    chain: Option<Chain>,
    /// The authentication in progress, and whose it is.
    inner: Option<(u16, InnerPeer)>,
    /// A password is out.
    password_sent: bool,
    /// Whether an authentication was bound.
    bound: bool,
    result: bool,
}

impl TeapPeer {
    /// `server_outer` are the TLVs of the server's first message.
    pub(super) fn new(
        method: InnerMethod,
        settings: &Arc<PeerSettings>,
        machine: Option<PeerMachine>,
        server_outer: &[u8],
        unix_time: Duration,
    ) -> Self {
        Self {
            method,
            identity: settings.identity.clone(),
            password: settings.password.clone().unwrap_or_default(),
            machine,
            settings: Arc::clone(settings),
            unix_time,
            outer: OuterTlvs {
                server: server_outer.to_vec(),
                peer: Vec::new(),
            },
            chain: None,
            inner: None,
            password_sent: false,
            bound: false,
            result: false,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.result
    }

    pub(super) fn compound_keys(&self) -> Option<CompoundKeys> {
        self.chain.as_ref().map(Chain::keys)
    }

    pub(super) fn receive(
        &mut self,
        tls: &mut Tls,
        data: &[u8],
        random: &mut Random,
    ) -> Result<(), Reason> {
        if data.is_empty() {
            return Ok(());
        }
        let tlvs = tlv::parse(data).map_err(|fault| reason::SERVER_METHOD.with(fault))?;
        let mut message = Vec::new();
        let result = self.answer(tls, &tlvs, &mut message, random);
        if !message.is_empty() {
            tls.write(&message);
        }
        result
    }

    fn answer(
        &mut self,
        tls: &Tls,
        tlvs: &Tlvs<'_>,
        message: &mut Vec<u8>,
        random: &mut Random,
    ) -> Result<(), Reason> {
        let broken = |fault: &str| reason::SERVER_METHOD.with(fault);
        if tlvs.intermediate == Some(false) || tlvs.result == Some(false) {
            if tlvs.intermediate.is_some() {
                tlv::push_intermediate(message, false);
            }
            tlv::push_result(message, false);
            return Err(reason::SERVER_REFUSED.reason());
        }
        match &tlvs.binding {
            Some(received) => {
                if let Err(reason) = self.bind(tls, received, message) {
                    tlv::push_error(message, tlv::TUNNEL_COMPROMISE);
                    tlv::push_result(message, false);
                    return Err(reason);
                }
            }
            None if tlvs.intermediate.is_some() => {
                return Err(broken("a result that is not bound to the tunnel"));
            }
            None => {}
        }
        if tlvs.intermediate.is_some() {
            tlv::push_intermediate(message, true);
        }
        if tlvs.result == Some(true) {
            // Without an authentication that was bound, a success counts only in a session that was resumed.
            let resumed = tls.is_resumed() && tlvs.binding.is_some();
            self.result = self.bound || resumed;
            tlv::push_result(message, self.result);
            return match self.result {
                true => Ok(()),
                false => Err(reason::SERVER_EARLY_SUCCESS.reason()),
            };
        }
        if tlvs.password_request {
            return self.send_password(message);
        }
        match tlvs.eap {
            Some(packet) => self.eap(packet, tlvs.identity_type, message, random),
            None => Err(broken("a message that asks for nothing")),
        }
    }

    /// Checks the server's binding and makes our own.
    fn bind(
        &mut self,
        tls: &Tls,
        received: &tlv::BindingTlv<'_>,
        message: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let chain = match &mut self.chain {
            Some(chain) => chain,
            None => self.chain.insert(Chain::new(tls)?),
        };
        if let Some((identity_type, inner)) = self.inner.take() {
            if !inner.is_complete() {
                return Err(reason::SERVER_EARLY_SUCCESS.reason());
            }
            let method = match identity_type {
                MACHINE => InnerMethod::EapTls,
                _ => self.method,
            };
            chain.advance(&InnerKeys::of(method, inner.msk()?, inner.emsk()?));
            self.bound = true;
        } else if std::mem::take(&mut self.password_sent) {
            chain.advance(&InnerKeys::default());
            self.bound = true;
        }
        if !chain.verify_request(received, &self.outer) {
            return Err(reason::SERVER_METHOD.with("its crypto-binding is wrong"));
        }
        message.extend_from_slice(&chain.response(received.nonce, &self.outer));
        Ok(())
    }

    fn send_password(&mut self, message: &mut Vec<u8>) -> Result<(), Reason> {
        if self.method != InnerMethod::Pap {
            tlv::push_password_nak(message);
            return Ok(());
        }
        // What was begun by EAP ends here.
        self.inner = None;
        self.password_sent = true;
        let (user, password) = (self.identity.as_bytes(), self.password.as_bytes());
        tlv::push_password(message, user, password);
        Ok(())
    }

    fn eap(
        &mut self,
        packet: &[u8],
        asked: Option<u16>,
        message: &mut Vec<u8>,
        random: &mut Random,
    ) -> Result<(), Reason> {
        let broken = |fault: &str| reason::SERVER_METHOD.with(fault);
        let request = Packet::parse(packet).map_err(|fault| broken(&fault))?;
        let (Code::Request, Some(body)) = (request.code, request.body) else {
            return Err(broken("an EAP packet in the tunnel that is no request"));
        };
        if body.eap_type == eap_type::IDENTITY {
            let identity_type = self.choose(asked)?;
            tlv::push_identity_type(message, identity_type);
        }
        let Some((whose, inner)) = &mut self.inner else {
            return Err(broken("it did not ask for an identity"));
        };
        // Who has only a password says so to each method.
        let (response, result) = match body.eap_type {
            eap_type::IDENTITY => inner.receive(body, random),
            _ if self.method == InnerMethod::Pap && *whose == USER => {
                (Some((eap_type::NAK, vec![0])), Ok(()))
            }
            _ => inner.receive(body, random),
        };
        if let Some((eap_type, data)) = response {
            let response = packet::response(request.identifier, eap_type, &data);
            tlv::push_eap(message, &response);
        }
        result
    }

    /// Who answers: whom the server asks for, or else the other one.
    fn choose(&mut self, asked: Option<u16>) -> Result<u16, Reason> {
        let machine = self.machine.as_ref();
        let (identity_type, inner) = match (asked, machine) {
            (Some(MACHINE), Some(machine)) => (MACHINE, self.of_machine(machine)),
            (_, Some(machine)) if machine.alone => (MACHINE, self.of_machine(machine)),
            _ => {
                // A password goes by a TLV of its own; this only says the name.
                let method = match self.method {
                    InnerMethod::Pap => InnerMethod::EapMschapv2,
                    method => method,
                };
                (
                    USER,
                    InnerPeer::new(method, &self.settings, self.unix_time)?,
                )
            }
        };
        self.inner = Some((identity_type, inner));
        Ok(identity_type)
    }

    fn of_machine(&self, machine: &PeerMachine) -> InnerPeer {
        InnerPeer::of_machine(
            machine.identity.clone(),
            Arc::clone(&machine.tls),
            self.settings.eap_mtu,
            self.unix_time,
        )
    }
}
