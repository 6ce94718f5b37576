//! What stands outside the tunnel in TEAP's messages (RFC 9930 section 4.1): the TLVs behind the TLS data.

use super::tlv;
use crate::fragment::START_DATA;
use crate::settings::Settings;

const LENGTH_INCLUDED: u8 = 0x80;
const MORE_FRAGMENTS: u8 = 0x40;
const OUTER_TLVS: u8 = 0x10;

/// The server's TLVs: who it is.
pub(crate) fn server_tlvs(settings: &Settings) -> Vec<u8> {
    let mut tlvs = Vec::new();
    tlv::push_authority_id(&mut tlvs, settings.tls.authority_id());
    tlvs
}

/// The type data of the Start request.
pub(crate) fn start(settings: &Settings) -> Vec<u8> {
    let tlvs = server_tlvs(settings);
    let [start] = START_DATA;
    let mut type_data = vec![start | OUTER_TLVS];
    type_data.extend_from_slice(&(tlvs.len() as u32).to_be_bytes());
    type_data.extend_from_slice(&tlvs);
    type_data
}

/// Takes the outer TLVs out of type data. The error is a clause for a sentence.
pub(crate) fn split(type_data: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let Some((&flags, mut rest)) = type_data.split_first() else {
        return Ok((Vec::new(), Vec::new()));
    };
    if flags & OUTER_TLVS == 0 {
        return Ok((type_data.to_vec(), Vec::new()));
    }
    if flags & MORE_FRAGMENTS != 0 {
        return Err("outer TLVs came in a message that is not whole".to_owned());
    }
    let cut_off = || "the length of the outer TLVs is wrong".to_owned();
    // The message length counts the outer TLVs too, and is not needed for a message that is whole.
    if flags & LENGTH_INCLUDED != 0 {
        (_, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
    let length = u32::from_be_bytes(*length) as usize;
    let at = rest.len().checked_sub(length).ok_or_else(cut_off)?;
    let (data, tlvs) = rest.split_at_checked(at).ok_or_else(cut_off)?;
    let flags = flags & !(OUTER_TLVS | LENGTH_INCLUDED);
    Ok(([&[flags], data].concat(), tlvs.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_tlvs_are_taken_out() {
        let whole = |type_data: &[u8]| split(type_data).unwrap();
        assert_eq!(whole(&[]), (vec![], vec![]));
        assert_eq!(whole(&[1, 7, 8]), (vec![1, 7, 8], vec![]));
        assert_eq!(whole(&[0x11, 0, 0, 0, 1, 7, 8]), (vec![1, 7], vec![8]));
        assert_eq!(
            whole(&[0x91, 0, 0, 0, 2, 0, 0, 0, 1, 7, 8]),
            (vec![1, 7], vec![8])
        );
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bad in [
            &[0x11][..],
            &[0x11, 0, 0, 0],
            &[0x11, 0, 0, 0, 2, 7],
            &[0x11, 0xff, 0xff, 0xff, 0xff, 7],
            &[0x91, 0, 0, 0, 1],
            &[0x91, 0, 0, 0, 1, 0, 0, 0],
            &[0x51, 0, 0, 0, 1, 7],
        ] {
            assert!(split(bad).is_err(), "{bad:?}");
        }
    }
}
