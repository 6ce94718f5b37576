//! The keys of TEAP (RFC 9930 section 6): what happened in the tunnel, one method after the other, bound to the tunnel.

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::tlv::{self, BINDING_LEN, BindingTlv};
use crate::keys::CompoundKeys;
use crate::reason::Reason;
use crate::settings::{InnerMethod, Method};
use crate::tls::Tls;

/// Subtypes of the Crypto-Binding TLV.
pub(crate) const REQUEST: u8 = 0;
pub(crate) const RESPONSE: u8 = 1;

/// Flags of the Crypto-Binding TLV: which MACs are there.
const EMSK_MAC: u8 = 1;
const MSK_MAC: u8 = 2;

/// The TLVs that were exchanged outside the tunnel, which the MACs cover.
#[derive(Default)]
pub(crate) struct OuterTlvs {
    pub(crate) server: Vec<u8>,
    pub(crate) peer: Vec<u8>,
}

/// What an inner method exports.
#[derive(Default)]
pub(crate) struct InnerKeys {
    pub(crate) msk: Option<Zeroizing<[u8; 32]>>,
    pub(crate) emsk: Option<Zeroizing<[u8; 64]>>,
}

impl InnerKeys {
    /// As TEAP takes them: EAP-MSCHAPv2's MSK with its halves exchanged (RFC 9930 section 3.6.3).
    pub(crate) fn of(
        method: InnerMethod,
        msk: Option<Zeroizing<[u8; 32]>>,
        emsk: Option<Zeroizing<[u8; 64]>>,
    ) -> Self {
        let mut keys = Self { msk, emsk };
        if let (InnerMethod::EapMschapv2, Some(msk)) = (method, &mut keys.msk) {
            msk.rotate_left(16);
        }
        keys
    }
}

/// The chain of intermediate compound keys, one derived from MSKs and one from EMSKs.
pub(crate) struct Chain {
    prf: hmac::Algorithm,
    by_msk: Zeroizing<[u8; 40]>,
    by_emsk: Zeroizing<[u8; 40]>,
    /// Compound MAC keys of the newest method.
    cmk_msk: Zeroizing<[u8; 20]>,
    cmk_emsk: Option<Zeroizing<[u8; 20]>>,
    /// Whether the peer's last binding used the EMSK.
    emsk_counts: bool,
}

impl Chain {
    /// Begins with the session key seed.
    pub(crate) fn new(tls: &Tls) -> Result<Self, Reason> {
        let seed = tls.export(b"EXPORTER: teap session key seed", None)?;
        Ok(Self::from_seed(
            seed,
            tls.cipher_suite().ends_with("SHA384"),
        ))
    }

    fn from_seed(seed: Zeroizing<[u8; 40]>, sha384: bool) -> Self {
        let mut chain = Self {
            prf: if sha384 {
                hmac::HMAC_SHA384
            } else {
                hmac::HMAC_SHA256
            },
            by_msk: seed.clone(),
            by_emsk: seed,
            cmk_msk: Zeroizing::new([0; 20]),
            cmk_emsk: None,
            emsk_counts: false,
        };
        chain.advance(&InnerKeys::default());
        chain
    }

    /// Takes the keys of the next inner method. Without any the chain stays where it is, and only the key of the MAC
    /// comes from an IMSK of zeros: so it is when nothing ran inside, and after a password (RFC 9930 section 6.4).
    pub(crate) fn advance(&mut self, keys: &InnerKeys) {
        let imsk = keys.msk.clone().unwrap_or_default();
        let (s_imck, cmk) = self.compound(&self.by_msk, &imsk);
        self.cmk_msk = cmk;
        if keys.msk.is_some() {
            self.by_msk = s_imck;
        }
        self.cmk_emsk = None;
        if let Some(emsk) = &keys.emsk {
            let imsk = prf(self.prf, &emsk[..], b"TEAPbindkey@ietf.org", &[0, 0, 64]);
            let (s_imck, cmk) = self.compound(&self.by_emsk, &imsk);
            self.by_emsk = s_imck;
            self.cmk_emsk = Some(cmk);
        }
        self.emsk_counts = false;
    }

    /// IMCK, as S-IMCK and CMK (RFC 9930 section 6.2).
    fn compound(
        &self,
        before: &[u8; 40],
        imsk: &[u8; 32],
    ) -> (Zeroizing<[u8; 40]>, Zeroizing<[u8; 20]>) {
        let imck: Zeroizing<[u8; 60]> = prf(self.prf, before, b"Inner Methods Compound Keys", imsk);
        let (mut s_imck, mut cmk) = (Zeroizing::new([0; 40]), Zeroizing::new([0; 20]));
        let (first, last) = imck.split_at(40);
        s_imck.copy_from_slice(first);
        cmk.copy_from_slice(last);
        (s_imck, cmk)
    }

    /// A Crypto-Binding TLV with every MAC that can be made.
    pub(crate) fn request(&self, nonce: &[u8; 32], outer: &OuterTlvs) -> [u8; BINDING_LEN] {
        self.binding(REQUEST, nonce, outer)
    }

    /// The answer to one.
    pub(crate) fn response(&self, nonce: &[u8; 32], outer: &OuterTlvs) -> [u8; BINDING_LEN] {
        self.binding(RESPONSE, &answering(nonce), outer)
    }

    fn binding(&self, subtype: u8, nonce: &[u8; 32], outer: &OuterTlvs) -> [u8; BINDING_LEN] {
        let flags = MSK_MAC | if self.cmk_emsk.is_some() { EMSK_MAC } else { 0 };
        let mut tlv = tlv::binding(flags, subtype, nonce);
        let msk = self.mac(&self.cmk_msk, &tlv, outer);
        let emsk = match &self.cmk_emsk {
            Some(cmk) => self.mac(cmk, &tlv, outer),
            None => [0; 20],
        };
        tlv::set_macs(&mut tlv, &emsk, &msk);
        tlv
    }

    /// Checks a request, as the peer.
    pub(crate) fn verify_request(&mut self, received: &BindingTlv<'_>, outer: &OuterTlvs) -> bool {
        let even = received.nonce.last().is_some_and(|octet| octet & 1 == 0);
        even && self.verify(received, REQUEST, outer)
    }

    /// Checks the response to a request with this nonce, as the server.
    pub(crate) fn verify_response(
        &mut self,
        received: &BindingTlv<'_>,
        nonce: &[u8; 32],
        outer: &OuterTlvs,
    ) -> bool {
        *received.nonce == answering(nonce) && self.verify(received, RESPONSE, outer)
    }

    /// Every MAC that is there has to be right; one that cannot be checked is wrong. In constant time.
    fn verify(&mut self, received: &BindingTlv<'_>, subtype: u8, outer: &OuterTlvs) -> bool {
        let BindingTlv {
            version,
            received_version,
            flags,
            ..
        } = received;
        let known = (*version, *received_version) == (1, 1)
            && received.subtype == subtype
            && (EMSK_MAC..=EMSK_MAC | MSK_MAC).contains(flags);
        let zeroed = tlv::without_macs(received.whole);
        let msk = flags & MSK_MAC == 0
            || bool::from(
                self.mac(&self.cmk_msk, &zeroed, outer)
                    .ct_eq(received.msk_mac),
            );
        let emsk = match &self.cmk_emsk {
            _ if flags & EMSK_MAC == 0 => true,
            Some(cmk) => self
                .mac(cmk, &zeroed, outer)
                .ct_eq(received.emsk_mac)
                .into(),
            None => false,
        };
        let verified = known && msk && emsk;
        self.emsk_counts = verified && flags & EMSK_MAC != 0;
        verified
    }

    /// Compound-MAC (RFC 9930 section 6.3).
    fn mac(&self, cmk: &[u8; 20], tlv: &[u8; BINDING_LEN], outer: &OuterTlvs) -> [u8; 20] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(self.prf, cmk));
        context.update(tlv);
        context.update(&[Method::Teap.type_number()]);
        context.update(&outer.server);
        context.update(&outer.peer);
        let mut mac = [0; 20];
        for (to, from) in mac.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        mac
    }

    /// MSK and EMSK (RFC 9930 section 6.4), from the chain that the peer's last binding used.
    pub(crate) fn keys(&self) -> CompoundKeys {
        let s_imck = match self.emsk_counts {
            true => &self.by_emsk,
            false => &self.by_msk,
        };
        CompoundKeys {
            msk: prf(
                self.prf,
                &s_imck[..],
                b"Session Key Generating Function",
                &[],
            ),
            emsk: prf(
                self.prf,
                &s_imck[..],
                b"Extended Session Key Generating Function",
                &[],
            ),
        }
    }
}

/// The nonce of the answer: the last bit is set (RFC 9930 section 4.2.13).
fn answering(nonce: &[u8; 32]) -> [u8; 32] {
    let mut nonce = *nonce;
    if let Some(last) = nonce.last_mut() {
        *last |= 1;
    }
    nonce
}

/// TLS-PRF with the hash of the cipher suite (RFC 5246 section 5).
fn prf<const N: usize>(
    hash: hmac::Algorithm,
    secret: &[u8],
    label: &[u8],
    seed: &[u8],
) -> Zeroizing<[u8; N]> {
    let key = hmac::Key::new(hash, secret);
    let seed = [label, seed].concat();
    let mut material = Zeroizing::new([0; N]);
    let mut a = hmac::sign(&key, &seed);
    for out in material.chunks_mut(hash.digest_algorithm().output_len()) {
        let mut context = hmac::Context::with_key(&key);
        context.update(a.as_ref());
        context.update(&seed);
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        a = hmac::sign(&key, a.as_ref());
    }
    material
}

#[cfg(test)]
mod tests;
