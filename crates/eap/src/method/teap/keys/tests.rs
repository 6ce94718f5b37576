//! Against vectors that were computed apart from this code, with Python's hmac:
//!
//! ```text
//! def p(h, s, seed, n):
//!     o, a = b"", seed
//!     while len(o) < n:
//!         a = hmac.new(s, a, h).digest(); o += hmac.new(s, a + seed, h).digest()
//!     return o[:n]
//! seed = bytes(range(40)); msk = bytes(range(100, 132)); emsk = bytes(range(64))
//! imck = p(h, seed, b"Inner Methods Compound Keys" + msk, 60); s_msk, cmk_msk = imck[:40], imck[40:]
//! imsk = p(h, emsk, b"TEAPbindkey@ietf.org" + b"\0\0\x40", 64)[:32]
//! imck = p(h, seed, b"Inner Methods Compound Keys" + imsk, 60); s_emsk, cmk_emsk = imck[:40], imck[40:]
//! zero = p(h, s_msk, b"Inner Methods Compound Keys" + bytes(32), 60)[40:]
//! tlv = bytes([0x80, 12, 0, 76, 0, 1, 1, 0x30]) + bytes([6] * 32) + bytes(40)
//! mac = lambda k: hmac.new(k, tlv + b"\x37" + b"server" + b"peer", h).digest()[:20]
//! keys = [p(h, s, label, 64)[:32] for s in (s_msk, s_emsk) for label in (b"Session Key Generating Function",
//!         b"Extended Session Key Generating Function")]
//! ```

use super::*;

struct Vector {
    sha384: bool,
    emsk_mac: &'static str,
    msk_mac: &'static str,
    /// MSK and EMSK by the MSK's chain, then by the EMSK's; the first halves.
    keys: [&'static str; 4],
    /// The CMK after a method without keys.
    zero: &'static str,
}

const VECTORS: [Vector; 2] = [
    Vector {
        sha384: false,
        emsk_mac: "d9acb2571108cd8cbb87cc264f0ba73fd940a60b",
        msk_mac: "27bed04b76c11412df9b4ed6adefa3e874c845bc",
        keys: [
            "54d278dd827c748366edd4d6c77c3b1d32d9f37914e1dd74729e0b546bd7e5c5",
            "72bce70d5568e5867dd2bf17a8b921e3c637899a7ec14e8761744b37e673137e",
            "d667e0e073a2d78898aef95e7e174f3ac0019245915624b80ba1da2a8bcda5db",
            "e4ae4eb18c8665acd58896af1a93ef99133e422fa2738663c7de8a5318088467",
        ],
        zero: "8c86cb139b92969020dac7f2f14c664272fcf201",
    },
    Vector {
        sha384: true,
        emsk_mac: "31db8af81e3e916993217f14818232eb87db7416",
        msk_mac: "64f707ca786a5157fb818e7766a60eea7c4b6941",
        keys: [
            "951cc5b0f9385d9bf27466677f66f392c2fd6057c57420e1f28bc8fba70202f7",
            "6ec9aab9250ca8619d47dbb3600f53bea39c181ad0076927eda41c7ec2ac2f67",
            "6d71ce60cec4b6b2da9601895f5de92feb597e1f9729965cbbb079fe709c2bfa",
            "82ba8003c06a0e76b633c87825a3b8a777f51cba9a4fdaa2a6edeb71476af0d1",
        ],
        zero: "dad24e8d1328cbc7f8aa4ef5d1182b2301312fa4",
    },
];

fn counting<const N: usize>(from: u8) -> Zeroizing<[u8; N]> {
    Zeroizing::new(std::array::from_fn(|at| from + at as u8))
}

fn outer() -> OuterTlvs {
    OuterTlvs {
        server: b"server".to_vec(),
        peer: b"peer".to_vec(),
    }
}

/// After one method with both keys.
fn chain(sha384: bool) -> Chain {
    let mut chain = Chain::from_seed(counting(0), sha384);
    chain.advance(&InnerKeys {
        msk: Some(counting(100)),
        emsk: Some(counting(0)),
    });
    chain
}

#[test]
fn macs_and_keys_are_those_of_rfc_9930() {
    for vector in VECTORS {
        let mut chain = chain(vector.sha384);
        let tlv = chain.request(&[6; 32], &outer());
        let found = tlv::parse(&tlv).unwrap().binding.unwrap();
        assert_eq!(hex::encode(found.emsk_mac), vector.emsk_mac);
        assert_eq!(hex::encode(found.msk_mac), vector.msk_mac);
        let first_halves = |chain: &Chain| {
            let keys = chain.keys();
            [hex::encode(&keys.msk[..32]), hex::encode(&keys.emsk[..32])]
        };
        assert_eq!(first_halves(&chain), vector.keys[..2]);
        chain.emsk_counts = true;
        assert_eq!(first_halves(&chain), vector.keys[2..]);
        chain.advance(&InnerKeys::default());
        assert_eq!(hex::encode(*chain.cmk_msk), vector.zero);
        assert!(chain.cmk_emsk.is_none());
        // A method without keys leaves those of the link as they were, by the MSK.
        assert_eq!(first_halves(&chain), vector.keys[..2]);
    }
}

#[test]
fn a_response_is_verified_and_every_octet_counts() {
    let mut server = chain(false);
    let response = chain(false).response(&[6; 32], &outer());
    let mut verified = |tlv: &[u8], outer: &OuterTlvs| {
        let tlvs = tlv::parse(tlv).unwrap();
        server.verify_response(&tlvs.binding.unwrap(), &[6; 32], outer)
    };
    assert!(verified(&response, &outer()));
    for at in (0..response.len()).filter(|at| ![0, 1, 2, 3].contains(at)) {
        let mut other = response;
        other[at] ^= 1;
        assert!(!verified(&other, &outer()), "octet {at}");
    }
    // What was said outside the tunnel is covered too.
    assert!(!verified(&response, &OuterTlvs::default()));
    // A request is no response, and no MAC at all is no binding.
    assert!(!verified(
        &chain(false).request(&[6; 32], &outer()),
        &outer()
    ));
    let mut none = response;
    none[7] = RESPONSE;
    assert!(!verified(&none, &outer()));
}

#[test]
fn the_mac_of_a_key_that_is_not_there_is_wrong() {
    let mut by_msk = Chain::from_seed(counting(0), false);
    by_msk.advance(&InnerKeys {
        msk: Some(counting(100)),
        emsk: None,
    });
    let response = chain(false).response(&[6; 32], &outer());
    let tlvs = tlv::parse(&response).unwrap();
    assert!(!by_msk.verify_response(&tlvs.binding.unwrap(), &[6; 32], &outer()));
    // The other way round it will do: who has no EMSK sends no MAC by it.
    let response = by_msk.response(&[6; 32], &outer());
    let tlvs = tlv::parse(&response).unwrap();
    let mut both = chain(false);
    assert!(both.verify_response(&tlvs.binding.unwrap(), &[6; 32], &outer()));
    assert_eq!(*both.keys().msk, *by_msk.keys().msk);
}
