//! The supplicant's side of PEAPv0 after the handshake.

use super::inner::InnerPeer;
use crate::keys::CompoundKeys;
use crate::method::peap::binding::{Binding, InnerKey, REQUEST, RESPONSE};
use crate::method::peap::tlv;
use crate::packet::{self, Body, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::settings::CryptoBinding;
use crate::step::Random;
use crate::tls::Tls;

pub(super) struct PeapPeer {
    inner: InnerPeer,
    crypto_binding: CryptoBinding,
    /// The Result TLV said success, with good reason.
    result: bool,
    compound_keys: Option<CompoundKeys>,
}

impl PeapPeer {
    pub(super) fn new(inner: InnerPeer, crypto_binding: CryptoBinding) -> Self {
        Self {
            inner,
            crypto_binding,
            result: false,
            compound_keys: None,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.result
    }

    pub(super) fn compound_keys(&self) -> Option<CompoundKeys> {
        self.compound_keys.clone()
    }

    pub(super) fn receive(
        &mut self,
        tls: &mut Tls,
        data: &[u8],
        random: &mut Random,
    ) -> Result<(), Reason> {
        if let Ok(Packet {
            code: Code::Request,
            identifier,
            body: Some(body),
        }) = Packet::parse(data)
            && body.eap_type == eap_type::TLV
        {
            return self.extensions(tls, identifier, body.data);
        }
        let Some((&eap_type, data)) = data.split_first() else {
            return Ok(());
        };
        let (response, result) = self.inner.receive(Body { eap_type, data }, random);
        if let Some((eap_type, data)) = response {
            tls.write(&[&[eap_type], &data[..]].concat());
        }
        result
    }

    fn extensions(&mut self, tls: &mut Tls, identifier: u8, tlvs: &[u8]) -> Result<(), Reason> {
        let extensions = tlv::parse(tlvs).map_err(|fault| reason::SERVER_METHOD.with(fault))?;
        // Without the inner method a success counts only in a session that was resumed.
        let earned = self.inner.is_complete() || tls.is_resumed();
        let bound = match &extensions.binding {
            Some(received) if earned => self.bind(tls, received),
            _ if self.crypto_binding == CryptoBinding::Required && extensions.success => {
                Err(reason::SERVER_METHOD.with("it does not bind the tunnel"))
            }
            _ => Ok(None),
        };
        self.result = extensions.success && earned && bound.is_ok();
        let mut message = tlv::result(self.result).to_vec();
        if let (true, Ok(Some(binding))) = (self.result, &bound) {
            message.extend_from_slice(binding);
        }
        tls.write(&packet::response(identifier, eap_type::TLV, &message));
        bound?;
        match (extensions.success, earned) {
            (true, false) => Err(reason::SERVER_EARLY_SUCCESS.reason()),
            (false, _) => Err(reason::SERVER_REFUSED.reason()),
            (true, true) => Ok(()),
        }
    }

    /// Checks the server's binding and makes our own.
    fn bind(
        &mut self,
        tls: &Tls,
        received: &tlv::BindingTlv<'_>,
    ) -> Result<Option<[u8; tlv::BINDING_LEN]>, Reason> {
        if self.crypto_binding == CryptoBinding::Off {
            return Ok(None);
        }
        let key = match self.inner.is_complete() {
            true => InnerKey::of(self.inner.msk()?.as_deref()),
            false => InnerKey::Resumed,
        };
        let binding = Binding::derive(tls, &key)?;
        if !binding.verify(received, REQUEST) {
            return Err(reason::SERVER_METHOD.with("its crypto-binding is wrong"));
        }
        self.compound_keys = Some(binding.keys());
        Ok(Some(binding.tlv(RESPONSE, received.nonce)))
    }
}
