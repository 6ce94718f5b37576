//! EAP-TLS framing: flags, lengths, fragments and their acknowledgements (RFC 5216 sections 2.1.5
//! and 3.1, RFC 5281 section 9.2). It is the same for server and peer.

/// The most that one flight may hold, in octets.
pub(crate) const FLIGHT_LIMIT: usize = 64 * 1024;

/// Code, identifier, length, type and flags.
const OVERHEAD: usize = 6;
/// The message length field.
const LENGTH_FIELD: usize = 4;
/// A link that carries less than this carries no EAP (RFC 3748 section 3.1 asks for 1020).
const SMALLEST_MTU: usize = 64;
/// No EAP packet is longer than its length field can say.
const LARGEST_MTU: usize = u16::MAX as usize;

const LENGTH_INCLUDED: u8 = 0x80;
const MORE_FRAGMENTS: u8 = 0x40;
const START: u8 = 0x20;
const VERSION: u8 = 0x07;

/// The type data of a Start request: no length field, which some clients refuse there.
pub(crate) const START_DATA: [u8; 1] = [START];

/// Reassembles what comes in, and cuts up what goes out.
pub(crate) struct Framing {
    fragment_size: usize,
    incoming: Option<Incoming>,
    outgoing: Vec<u8>,
    sent: usize,
}

struct Incoming {
    declared: Option<usize>,
    data: Vec<u8>,
}

/// What a packet meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// A whole message, which may be empty.
    Message(Vec<u8>),
    /// A fragment; the other side waits for [`ACKNOWLEDGEMENT`].
    Fragment,
    /// The other side waits for our next fragment.
    Acknowledged,
    /// The Start flag, which only a server may set. With it comes the version that it offers.
    Start(u8),
}

/// The type data that acknowledges a fragment.
pub(crate) const ACKNOWLEDGEMENT: [u8; 1] = [0];

impl Framing {
    /// `eap_mtu` is the largest EAP packet to send.
    pub(crate) fn new(eap_mtu: usize) -> Self {
        Self {
            fragment_size: eap_mtu
                .clamp(SMALLEST_MTU, LARGEST_MTU)
                .saturating_sub(OVERHEAD),
            incoming: None,
            outgoing: Vec::new(),
            sent: 0,
        }
    }

    /// Whether fragments of an outgoing message wait for the acknowledgement of the one before.
    pub(crate) fn has_more(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// How many octets of an unfinished message are held.
    pub(crate) fn unfinished(&self) -> usize {
        self.incoming
            .as_ref()
            .map_or(0, |incoming| incoming.data.len())
    }

    /// Takes the type data of one packet. The error is a clause for a sentence.
    pub(crate) fn receive(&mut self, type_data: &[u8]) -> Result<Inbound, String> {
        // Some peers acknowledge without even a flags octet.
        let (&flags, rest) = type_data.split_first().unwrap_or((&0, &[]));
        if flags & START != 0 {
            return Ok(Inbound::Start(flags & VERSION));
        }
        let more = flags & MORE_FRAGMENTS != 0;
        let (declared, data) = if flags & LENGTH_INCLUDED == 0 {
            (None, rest)
        } else {
            let (length, data) = rest
                .split_first_chunk()
                .ok_or("the message length field is cut off")?;
            (Some(u32::from_be_bytes(*length) as usize), data)
        };
        if declared.is_some_and(|declared| declared > FLIGHT_LIMIT) {
            return Err(format!(
                "a message of more than {FLIGHT_LIMIT} octets was announced"
            ));
        }
        if self.sent < self.outgoing.len() {
            if more || !data.is_empty() {
                return Err("data arrived where the acknowledgement of a fragment was due".into());
            }
            return Ok(Inbound::Acknowledged);
        }
        if more && data.is_empty() {
            return Err("a fragment is empty".into());
        }
        let mut incoming = self.incoming.take().unwrap_or_else(|| Incoming {
            declared,
            data: Vec::new(),
        });
        if declared.is_some() && declared != incoming.declared {
            return Err("the message length changed between fragments".into());
        }
        let length = incoming.data.len().saturating_add(data.len());
        let limit = incoming.declared.unwrap_or(FLIGHT_LIMIT);
        if length > limit {
            return Err(format!("{length} octets arrived of a message of {limit}"));
        }
        incoming.data.extend_from_slice(data);
        if more {
            self.incoming = Some(incoming);
            return Ok(Inbound::Fragment);
        }
        match incoming.declared {
            Some(declared) if declared != length => Err(format!(
                "the message ended after {length} of {declared} octets"
            )),
            _ => Ok(Inbound::Message(incoming.data)),
        }
    }

    /// Queues a message, which may be empty, and yields the type data of its first packet.
    pub(crate) fn send(&mut self, message: Vec<u8>) -> Vec<u8> {
        self.outgoing = message;
        self.sent = 0;
        self.next_fragment()
    }

    /// The type data of the next packet of the queued message.
    pub(crate) fn next_fragment(&mut self) -> Vec<u8> {
        let rest = self.outgoing.get(self.sent..).unwrap_or_default();
        let mut type_data =
            Vec::with_capacity(rest.len().min(self.fragment_size).saturating_add(1));
        let more = rest.len() > self.fragment_size;
        // RFC 9190 section 2.1.9: L only on the first of several fragments.
        let room = if more && self.sent == 0 {
            type_data.push(LENGTH_INCLUDED | MORE_FRAGMENTS);
            type_data.extend_from_slice(&(self.outgoing.len() as u32).to_be_bytes());
            self.fragment_size.saturating_sub(LENGTH_FIELD)
        } else if more {
            type_data.push(MORE_FRAGMENTS);
            self.fragment_size
        } else {
            type_data.push(0);
            rest.len()
        };
        type_data.extend_from_slice(rest.get(..room).unwrap_or(rest));
        self.sent = self.sent.saturating_add(room);
        if !more {
            self.outgoing = Vec::new();
            self.sent = 0;
        }
        type_data
    }
}

/// The version bits of type data, for methods that have a version.
pub(crate) fn version(type_data: &[u8]) -> u8 {
    type_data.first().map_or(0, |flags| flags & VERSION)
}

/// Type data with the version of its method in the flags.
pub(crate) fn with_version(version: u8, mut type_data: Vec<u8>) -> Vec<u8> {
    if let Some(flags) = type_data.first_mut() {
        *flags |= version & VERSION;
    }
    type_data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing() -> Framing {
        Framing::new(1000)
    }

    #[test]
    fn every_message_crosses_every_fragment_size() {
        for mtu in [64, 65, 100, 1020, 70_000] {
            for length in [0, 1, 53, 54, 57, 58, 59, 60, 200, 5000, FLIGHT_LIMIT] {
                let message: Vec<u8> = (0..length).map(|i| i as u8).collect();
                let (mut sender, mut receiver) = (Framing::new(mtu), Framing::new(mtu));
                let mut packet = sender.send(message.clone());
                assert_eq!(
                    packet[0] & LENGTH_INCLUDED != 0,
                    packet[0] & MORE_FRAGMENTS != 0
                );
                loop {
                    assert!(packet.len() + 5 <= mtu.min(LARGEST_MTU));
                    match receiver.receive(&packet).unwrap() {
                        Inbound::Fragment => {
                            let acknowledged = sender.receive(&ACKNOWLEDGEMENT).unwrap();
                            assert_eq!(acknowledged, Inbound::Acknowledged);
                            packet = sender.next_fragment();
                        }
                        Inbound::Message(received) => {
                            assert_eq!(received, message);
                            break;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn an_acknowledgement_comes_in_many_shapes() {
        for ack in [&[][..], &[0], &[0x80, 0, 0, 0, 0]] {
            assert_eq!(framing().receive(ack), Ok(Inbound::Message(Vec::new())));
        }
    }

    #[test]
    fn a_length_may_stand_on_a_whole_message_and_on_every_fragment() {
        let whole = framing().receive(&[0x80, 0, 0, 0, 2, 7, 8]);
        assert_eq!(whole, Ok(Inbound::Message(vec![7, 8])));
        let mut framing = framing();
        assert_eq!(
            framing.receive(&[0xc0, 0, 0, 0, 2, 7]),
            Ok(Inbound::Fragment)
        );
        assert_eq!(
            framing.receive(&[0x80, 0, 0, 0, 2, 8]),
            Ok(Inbound::Message(vec![7, 8]))
        );
    }

    #[test]
    fn fragments_without_a_length_are_tolerated() {
        let mut framing = framing();
        assert_eq!(framing.receive(&[0x40, 7]), Ok(Inbound::Fragment));
        assert_eq!(
            framing.receive(&[0x00, 8]),
            Ok(Inbound::Message(vec![7, 8]))
        );
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let refused = |packets: &[&[u8]]| {
            let mut framing = framing();
            let (last, first) = packets.split_last().unwrap();
            for packet in first {
                assert_eq!(
                    framing.receive(packet),
                    Ok(Inbound::Fragment),
                    "{packets:?}"
                );
            }
            assert!(framing.receive(last).is_err(), "{packets:?}");
        };
        refused(&[&[0x80, 0, 0, 0]]);
        refused(&[&[0xc0, 0, 0]]);
        refused(&[&[0x80, 0, 0, 0, 0, 1]]);
        refused(&[&[0x80, 0, 0, 0, 3, 1]]);
        refused(&[&[0xc0, 0, 0, 0, 1, 1, 1]]);
        refused(&[&[0xc0, 0, 0, 0, 2, 1], &[0x00, 1, 1]]);
        refused(&[&[0xc0, 0, 0, 0, 3, 1], &[0x00, 1]]);
        refused(&[&[0xc0, 0, 0, 0, 3, 1], &[0xc0, 0, 0, 0, 4, 1]]);
        refused(&[&[0x40, 1], &[0xc0, 0, 0, 0, 4, 1]]);
        refused(&[&[0xc0, 0, 1, 0, 1, 1]]);
        refused(&[&[0xc0, 0xff, 0xff, 0xff, 0xff, 1]]);
        refused(&[&[0x40]]);
    }

    #[test]
    fn fragments_without_a_length_end_at_64_kib() {
        let mut framing = framing();
        let mut fragment = vec![0x40];
        fragment.resize(4097, 0);
        for _ in 0..16 {
            assert_eq!(framing.receive(&fragment), Ok(Inbound::Fragment));
        }
        assert!(framing.receive(&fragment).is_err());
    }

    #[test]
    fn data_in_place_of_an_acknowledgement_is_refused() {
        let mut framing = framing();
        framing.send(vec![0; 3000]);
        assert!(framing.receive(&[0, 1]).is_err());
        assert!(framing.receive(&[0x40]).is_err());
        assert_eq!(framing.receive(&[0]), Ok(Inbound::Acknowledged));
    }
}
