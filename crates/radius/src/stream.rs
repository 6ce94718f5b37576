//! Packets in a stream of octets (RFC 6613 section 2.6.4): where one ends and the next begins.

use crate::malformed::Malformed;
use crate::packet::{HEADER_LEN, MAX_PACKET_LEN};

/// How many octets the packet has that begins here; `None` while its Length field has not arrived yet.
///
/// A stream in which a length makes no sense has no next packet either: the connection is to be closed.
pub fn packet_length(stream: &[u8]) -> Result<Option<usize>, Malformed> {
    let [_, _, high, low, ..] = *stream else {
        return Ok(None);
    };
    let length = u16::from_be_bytes([high, low]);
    match usize::from(length) {
        ..HEADER_LEN => Err(Malformed::LengthTooSmall { length }),
        octets @ HEADER_LEN..=MAX_PACKET_LEN => Ok(Some(octets)),
        _ => Err(Malformed::LengthTooLarge { length }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_as_long_as_its_length_field_says() {
        assert_eq!(packet_length(&[]), Ok(None));
        assert_eq!(packet_length(&[1, 7, 0]), Ok(None));
        assert_eq!(packet_length(&[1, 7, 0, 20]), Ok(Some(20)));
        assert_eq!(packet_length(&[1, 7, 0x10, 0, 9, 9]), Ok(Some(4096)));
    }

    #[test]
    fn a_length_that_no_packet_has_ends_the_stream() {
        assert_eq!(
            packet_length(&[1, 7, 0, 19]),
            Err(Malformed::LengthTooSmall { length: 19 })
        );
        assert_eq!(
            packet_length(&[1, 7, 0x10, 1]),
            Err(Malformed::LengthTooLarge { length: 4097 })
        );
    }
}
