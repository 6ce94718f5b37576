//! The TLVs of PEAP's extensions messages ([MS-PEAP] section 2.2.8.1).

use crate::method::tlv::{CRYPTO_BINDING, RESULT, read, status, wrong_binding};

/// The Crypto-Binding TLV with its header.
pub(crate) const BINDING_LEN: usize = 60;
/// Reserved octet, two versions, subtype, nonce and MAC.
const BINDING_VALUE_LEN: usize = 56;

/// What an extensions message says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Extensions<'a> {
    /// Whether the result is success.
    pub(crate) success: bool,
    pub(crate) binding: Option<BindingTlv<'a>>,
}

/// A Crypto-Binding TLV.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BindingTlv<'a> {
    /// The TLV with its header, as the MAC covers it.
    pub(crate) whole: &'a [u8; BINDING_LEN],
    pub(crate) subtype: u8,
    pub(crate) nonce: &'a [u8; 32],
    pub(crate) mac: &'a [u8; 20],
}

/// The Result TLV: mandatory, two octets ([MS-PEAP] section 2.2.8.1.2).
pub(crate) fn result(success: bool) -> [u8; 6] {
    let [high, low] = status(success);
    [0x80, RESULT as u8, 0, 2, high, low]
}

/// A Crypto-Binding TLV whose MAC is still zero ([MS-PEAP] section 2.2.8.1.1). Version 0 was sent and received.
pub(crate) fn binding(subtype: u8, nonce: &[u8; 32]) -> [u8; BINDING_LEN] {
    let mut tlv = [0; BINDING_LEN];
    let header = [
        0,
        CRYPTO_BINDING as u8,
        0,
        BINDING_VALUE_LEN as u8,
        0,
        0,
        0,
        subtype,
    ];
    for (to, from) in tlv.iter_mut().zip(header.iter().chain(nonce)) {
        *to = *from;
    }
    tlv
}

/// Reads the TLVs of an extensions message. The error is a clause for a sentence.
pub(crate) fn parse(tlvs: &[u8]) -> Result<Extensions<'_>, String> {
    let (mut success, mut binding) = (None, None);
    for tlv in read(tlvs) {
        let tlv = tlv?;
        match (tlv.kind, tlv.value) {
            (RESULT, _) if success.is_some() => return Err("there are two results".to_owned()),
            (RESULT, [0, 1]) => success = Some(true),
            (RESULT, [0, 2]) => success = Some(false),
            (RESULT, _) => return Err("the result is neither success nor failure".to_owned()),
            (CRYPTO_BINDING, _) if binding.is_some() => {
                return Err("there are two crypto-bindings".to_owned());
            }
            (CRYPTO_BINDING, value) => binding = Some(read_binding(tlv.from_here, value)?),
            (other, _) if tlv.mandatory => {
                return Err(format!("the mandatory TLV {other} is unknown"));
            }
            _ => {}
        }
    }
    let success = success.ok_or("there is no result")?;
    Ok(Extensions { success, binding })
}

fn read_binding<'a>(tlv: &'a [u8], value: &'a [u8]) -> Result<BindingTlv<'a>, String> {
    let short = || wrong_binding(value, BINDING_VALUE_LEN);
    if value.len() != BINDING_VALUE_LEN {
        return Err(short());
    }
    let (&[_reserved, _version, _received, subtype], rest) =
        value.split_first_chunk().ok_or_else(short)?;
    let (nonce, mac) = rest.split_first_chunk().ok_or_else(short)?;
    Ok(BindingTlv {
        whole: tlv.first_chunk().ok_or_else(short)?,
        subtype,
        nonce,
        mac: mac.first_chunk().ok_or_else(short)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_bindings_are_read() {
        let read = |tlvs: &[u8]| parse(tlvs).map(|found| (found.success, found.binding.is_some()));
        assert_eq!(read(&result(true)), Ok((true, false)));
        assert_eq!(read(&result(false)), Ok((false, false)));
        // An optional TLV that we do not know may stand beside it.
        assert_eq!(
            read(&[0, 9, 0, 1, 7, 0x80, 3, 0, 2, 0, 1]),
            Ok((true, false))
        );
        for both in [
            [&result(true)[..], &binding(1, &[7; 32])].concat(),
            [&binding(1, &[7; 32])[..], &result(true)].concat(),
        ] {
            let found = parse(&both).unwrap();
            let binding = found.binding.unwrap();
            assert!(found.success);
            assert_eq!((binding.subtype, binding.nonce), (1, &[7; 32]));
            assert_eq!(binding.mac, &[0; 20]);
            assert_eq!(binding.whole[..4], [0, 12, 0, 56]);
        }
    }

    #[test]
    fn malformed_tlvs_are_refused() {
        let two = [
            &result(true)[..],
            &binding(1, &[7; 32]),
            &binding(1, &[7; 32]),
        ]
        .concat();
        let mut long = [&result(true)[..], &binding(1, &[7; 32]), &[0]].concat();
        long[9] = 57;
        for bad in [
            &[][..],
            &[0x80],
            &[0x80, 3, 0],
            &[0x80, 3, 0, 2],
            &[0x80, 3, 0, 2, 0],
            &[0x80, 3, 0, 1, 1],
            &[0x80, 3, 0, 2, 0, 0],
            &[0x80, 3, 0, 2, 0, 3],
            &[0x80, 3, 0xff, 0xff, 0, 1],
            &[0x80, 3, 0, 2, 0, 1, 0x80, 3, 0, 2, 0, 1],
            &[0x80, 12, 0, 0, 0x80, 3, 0, 2, 0, 1],
            &[0x80, 13, 0, 0, 0x80, 3, 0, 2, 0, 1],
            &[0, 9, 0, 1, 7],
            &binding(1, &[7; 32]),
            &two,
            &two[..66 - 1],
            &long,
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
