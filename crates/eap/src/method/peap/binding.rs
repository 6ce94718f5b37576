//! Crypto-binding: the compound keys of PEAP ([MS-PEAP] sections 3.1.5.5 and 3.1.5.7).

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::tlv::{self, BINDING_LEN, BindingTlv};
use crate::keys::{self, CompoundKeys};
use crate::reason::Reason;
use crate::settings::Method;
use crate::tls::Tls;

/// Subtypes of the Crypto-Binding TLV.
pub(crate) const REQUEST: u8 = 0;
pub(crate) const RESPONSE: u8 = 1;

/// Where the MAC begins in the TLV.
const MAC_AT: usize = BINDING_LEN - 20;

/// The keys that both sides derive from the tunnel and from what ran inside it.
pub(crate) struct Binding {
    /// Intermediate PEAP MAC Key.
    ipmk: Zeroizing<[u8; 40]>,
    /// Compound MAC Key.
    cmk: Zeroizing<[u8; 20]>,
}

/// What the inner method gives to the binding.
pub(crate) enum InnerKey {
    /// Nothing ran inside: the session was resumed.
    Resumed,
    /// The first 32 octets of the inner method's MSK; zeros where it has none.
    Isk(Zeroizing<[u8; 32]>),
}

impl InnerKey {
    /// From the MSK of an inner method.
    pub(crate) fn of(msk: Option<&[u8; 32]>) -> Self {
        Self::Isk(Zeroizing::new(msk.copied().unwrap_or_default()))
    }
}

impl Binding {
    pub(crate) fn derive(tls: &Tls, inner: &InnerKey) -> Result<Self, Reason> {
        let keys = keys::derive(Method::Peap, tls)?;
        let mut binding = Self {
            ipmk: Zeroizing::new([0; 40]),
            cmk: Zeroizing::new([0; 20]),
        };
        // The temporal key is the first 60 octets of what TLS yields.
        let material = match inner {
            InnerKey::Resumed => keys.msk,
            InnerKey::Isk(isk) => {
                let (key, _) = keys.msk.split_at(40);
                prf_plus(key, &[b"Inner Methods Compound Keys", &isk[..]])
            }
        };
        let (ipmk, rest) = material.split_at(40);
        binding.ipmk.copy_from_slice(ipmk);
        for (to, from) in binding.cmk.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(binding)
    }

    /// The TLV with its MAC.
    pub(crate) fn tlv(&self, subtype: u8, nonce: &[u8; 32]) -> [u8; BINDING_LEN] {
        let mut tlv = tlv::binding(subtype, nonce);
        let mac = self.context(&tlv).sign();
        for (to, from) in tlv.iter_mut().skip(MAC_AT).zip(mac.as_ref()) {
            *to = *from;
        }
        tlv
    }

    /// Whether a TLV was made with the same keys. In constant time.
    pub(crate) fn verify(&self, received: &BindingTlv<'_>, subtype: u8) -> bool {
        let mut zeroed = *received.whole;
        zeroed.iter_mut().skip(MAC_AT).for_each(|octet| *octet = 0);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*self.cmk);
        let message = [&zeroed[..], &[Method::Peap.type_number()]].concat();
        received.subtype == subtype && hmac::verify(&key, &message, received.mac).is_ok()
    }

    /// MSK and EMSK, the Compound Session Key.
    pub(crate) fn keys(&self) -> CompoundKeys {
        // The label ends with a NUL here, and only here.
        let material: Zeroizing<[u8; 128]> =
            prf_plus(&*self.ipmk, &[b"Session Key Generating Function\0"]);
        let (msk, emsk) = material.split_at(64);
        let mut keys = CompoundKeys {
            msk: Zeroizing::new([0; 64]),
            emsk: Zeroizing::new([0; 64]),
        };
        keys.msk.copy_from_slice(msk);
        keys.emsk.copy_from_slice(emsk);
        keys
    }

    fn context(&self, tlv: &[u8]) -> hmac::Context {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*self.cmk);
        let mut context = hmac::Context::with_key(&key);
        context.update(tlv);
        context.update(&[Method::Peap.type_number()]);
        context
    }
}

/// PRF+ with HMAC-SHA1: each block over the one before, the seed, a counter and two zeros.
fn prf_plus<const N: usize>(key: &[u8], seed: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut material = Zeroizing::new([0; N]);
    let mut block = Zeroizing::new(Vec::new());
    for (counter, out) in (1..).zip(material.chunks_mut(20)) {
        let mut context = hmac::Context::with_key(&key);
        context.update(&block);
        seed.iter().for_each(|part| context.update(part));
        context.update(&[counter, 0, 0]);
        *block = context.sign().as_ref().to_vec();
        for (to, from) in out.iter_mut().zip(block.iter()) {
            *to = *from;
        }
    }
    material
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed apart from this code, with Python's hmac and hashlib:
    /// ```text
    /// def prf(k, s, n):
    ///     o, t, c = b"", b"", 1
    ///     while len(o) < n:
    ///         t = hmac.new(k, t + s + bytes([c, 0, 0]), "sha1").digest(); o += t; c += 1
    ///     return o[:n]
    /// prf(bytes(range(40)), b"Inner Methods Compound Keys" + bytes(range(32)), 60)
    /// ```
    #[test]
    fn prf_plus_is_that_of_ms_peap() {
        let key: Vec<u8> = (0..40).collect();
        let isk: Vec<u8> = (0..32).collect();
        let material: Zeroizing<[u8; 60]> = prf_plus(&key, &[b"Inner Methods Compound Keys", &isk]);
        assert_eq!(hex::encode(*material), VECTOR);
    }

    const VECTOR: &str = "862314c17748192bd2b3751c146b9c849ee2f57f2448e8af709f8ee83913baf0cb9b04d80fc11e5111156e6fc08f086f5d73a4a6c679674d87edd1a3";

    #[test]
    fn a_binding_is_verified_and_every_octet_counts() {
        let binding = Binding {
            ipmk: Zeroizing::new([1; 40]),
            cmk: Zeroizing::new([2; 20]),
        };
        let message = [&tlv::result(true)[..], &binding.tlv(RESPONSE, &[3; 32])].concat();
        let verified = |message: &[u8]| {
            let found = tlv::parse(message).unwrap();
            binding.verify(&found.binding.unwrap(), RESPONSE)
        };
        assert!(verified(&message));
        for at in 10..message.len() {
            let mut other = message.clone();
            other[at] ^= 1;
            assert!(!verified(&other), "octet {at}");
        }
    }
}
