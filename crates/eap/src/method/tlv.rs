//! The TLVs that PEAP's extensions ([MS-PEAP] section 2.2.8.1) and TEAP (RFC 9930 section 4.2) are written in: two octets of type, of which
//! the first bit says that it must be understood, two of length, and the value. What they mean, each method says itself.

/// The first bit of the type: who does not know it must refuse it.
pub(crate) const MANDATORY: u16 = 0x8000;
/// The header of a TLV.
pub(crate) const HEADER_LEN: usize = 4;

/// Types that both methods have.
pub(crate) const RESULT: u16 = 3;
pub(crate) const CRYPTO_BINDING: u16 = 12;

/// The type without its two flags.
const TYPE_MASK: u16 = 0x3fff;

/// One TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tlv<'a> {
    /// The type without its flags.
    pub(crate) kind: u16,
    pub(crate) mandatory: bool,
    pub(crate) value: &'a [u8],
    /// With its header and what follows it, for MACs that cover it.
    pub(crate) from_here: &'a [u8],
}

/// Reads one TLV after the other. An error is a clause for a sentence, and the last thing that comes.
pub(crate) fn read(bytes: &[u8]) -> impl Iterator<Item = Result<Tlv<'_>, String>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let from_here = std::mem::take(&mut rest);
        if from_here.is_empty() {
            return None;
        }
        let read = first(from_here);
        Some(read.map(|(tlv, after)| {
            rest = after;
            tlv
        }))
    })
}

fn first(from_here: &[u8]) -> Result<(Tlv<'_>, &[u8]), String> {
    let (&[t0, t1, l0, l1], rest) = from_here
        .split_first_chunk()
        .ok_or("the header of a TLV is cut off")?;
    let (kind, length) = (u16::from_be_bytes([t0, t1]), u16::from_be_bytes([l0, l1]));
    let (value, rest) = rest
        .split_at_checked(usize::from(length))
        .ok_or("a TLV is cut off")?;
    let tlv = Tlv {
        kind: kind & TYPE_MASK,
        mandatory: kind & MANDATORY != 0,
        value,
        from_here,
    };
    Ok((tlv, rest))
}

/// Appends a TLV; `kind` with its flags. What this crate packs is far below 64 KiB.
pub(crate) fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&(value.len() as u16).to_be_bytes());
    message.extend_from_slice(value);
}

/// The value of a result.
pub(crate) const fn status(success: bool) -> [u8; 2] {
    [0, if success { 1 } else { 2 }]
}

/// The error for a crypto-binding of another length than the method's.
pub(crate) fn wrong_binding(value: &[u8], expected: usize) -> String {
    format!(
        "the crypto-binding has {} octets instead of {expected}",
        value.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_until_it_is_cut_off() {
        let mut message = Vec::new();
        push(&mut message, MANDATORY | RESULT, &status(true));
        push(&mut message, CRYPTO_BINDING, &[]);
        let tlvs: Vec<_> = read(&message).collect::<Result<_, _>>().unwrap();
        let all = |tlv: &Tlv<'_>| (tlv.kind, tlv.mandatory, tlv.value.to_vec());
        assert_eq!(all(&tlvs[0]), (RESULT, true, vec![0, 1]));
        assert_eq!(all(&tlvs[1]), (CRYPTO_BINDING, false, vec![]));
        assert_eq!(tlvs[1].from_here, [0, 12, 0, 0]);
        for end in [1, 5, 7, 9] {
            let mut read = read(&message[..end]).skip_while(Result::is_ok);
            assert!(read.next().is_some(), "cut at {end}");
            assert!(read.next().is_none(), "nothing comes after an error");
        }
    }
}
