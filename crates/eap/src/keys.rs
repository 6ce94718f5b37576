//! MSK, EMSK and Session-Id from the TLS session (RFC 5216 section 2.3, RFC 5281 section 8,
//! RFC 9190 section 2.3, RFC 9427 section 2.1, RFC 8940).

use zeroize::Zeroizing;

use crate::reason::{self, Reason};
use crate::settings::Method;
use crate::tls::{Tls, Version};

/// What a method yields for the link layer.
pub(crate) struct Keys {
    pub(crate) msk: Zeroizing<[u8; 64]>,
    pub(crate) emsk: Zeroizing<[u8; 64]>,
    pub(crate) session_id: Vec<u8>,
}

/// Derives the keys of a finished TLS session.
pub(crate) fn derive(method: Method, tls: &Tls) -> Result<Keys, Reason> {
    let type_number = method.type_number();
    let context = [type_number];
    let (material, session_id): (Zeroizing<[u8; 128]>, Vec<u8>) = match tls.version() {
        Version::Tls13 => {
            let id: Zeroizing<[u8; 64]> =
                tls.export(b"EXPORTER_EAP_TLS_Method-Id", Some(&context))?;
            let material = tls.export(b"EXPORTER_EAP_TLS_Key_Material", Some(&context))?;
            (material, [&context[..], &id[..]].concat())
        }
        Version::Tls12 => {
            let label: &[u8] = match method {
                // TEAP has its own keys, and needs only the Session-Id from here.
                Method::Tls | Method::Peap | Method::Teap => b"client EAP encryption",
                Method::Ttls => b"ttls keying material",
            };
            let (client, server) = tls
                .hello_randoms()
                .ok_or_else(|| reason::INTERNAL.with("the randoms of the hellos were not seen"))?;
            (
                tls.export(label, None)?,
                [&context[..], &client, &server].concat(),
            )
        }
    };
    let (msk, emsk) = material.split_at(64);
    let mut keys = Keys {
        msk: Zeroizing::new([0; 64]),
        emsk: Zeroizing::new([0; 64]),
        session_id,
    };
    keys.msk.copy_from_slice(msk);
    keys.emsk.copy_from_slice(emsk);
    Ok(keys)
}

/// MSK and EMSK that bind a tunnel to what ran inside it.
#[derive(Clone)]
pub(crate) struct CompoundKeys {
    pub(crate) msk: Zeroizing<[u8; 64]>,
    pub(crate) emsk: Zeroizing<[u8; 64]>,
}

/// The implicit challenge of EAP-TTLS and its identifier (RFC 5281 section 11.1): 16 octets for CHAP and MS-CHAPv2.
pub(crate) fn ttls_challenge(tls: &Tls) -> Result<([u8; 16], u8), Reason> {
    let material: Zeroizing<[u8; 17]> = tls.export(b"ttls challenge", None)?;
    let [challenge @ .., identifier] = *material;
    Ok((challenge, identifier))
}

/// The same for MS-CHAP, 8 octets. On TLS 1.3 it is no prefix of the longer one.
pub(crate) fn ttls_short_challenge(tls: &Tls) -> Result<([u8; 8], u8), Reason> {
    let material: Zeroizing<[u8; 9]> = tls.export(b"ttls challenge", None)?;
    let [challenge @ .., identifier] = *material;
    Ok((challenge, identifier))
}
