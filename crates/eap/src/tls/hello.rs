//! Reads the random out of a ClientHello or ServerHello that passes by.
//!
//! The Session-Id of RFC 5216 section 2.3 needs both randoms on TLS 1.2, and rustls does not tell
//! them. The hellos are the first handshake message each way and always in the clear.

/// Record header, of which the payload follows.
const RECORD_HEADER: usize = 5;
/// Message type, length (3), version (2).
const BEFORE_RANDOM: usize = 6;
/// A hello split into more records than fit here is no honest one.
const LIMIT: usize = 1024;

#[derive(Default)]
pub(super) struct HelloRandom {
    seen: Vec<u8>,
    value: Option<[u8; 32]>,
}

impl HelloRandom {
    pub(super) fn observe(&mut self, bytes: &[u8]) {
        let room = LIMIT.saturating_sub(self.seen.len());
        if self.value.is_some() || room == 0 {
            return;
        }
        self.seen
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.value = random(&self.seen);
        if self.value.is_some() {
            self.seen = Vec::new();
        }
    }

    pub(super) fn value(&self) -> Option<[u8; 32]> {
        self.value
    }
}

fn random(mut records: &[u8]) -> Option<[u8; 32]> {
    let mut hello = Vec::with_capacity(BEFORE_RANDOM + 32);
    while hello.len() < BEFORE_RANDOM + 32 {
        let (&[22, _, _, high, low], rest) = records.split_first_chunk::<RECORD_HEADER>()? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (payload, rest) = rest.split_at(length.min(rest.len()));
        hello.extend_from_slice(payload);
        records = rest;
    }
    if !matches!(hello.first(), Some(1 | 2)) {
        return None;
    }
    hello.get(BEFORE_RANDOM..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_random_is_found_however_the_hello_is_split() {
        let mut hello = vec![1, 0, 0, 80, 3, 3];
        hello.extend(0..32);
        hello.extend([0; 44]);
        for record_size in 1..hello.len() {
            let mut wire = Vec::new();
            for payload in hello.chunks(record_size) {
                wire.extend([22, 3, 1, 0, payload.len() as u8]);
                wire.extend(payload);
            }
            for read_size in [1, 7, wire.len()] {
                let mut observed = HelloRandom::default();
                wire.chunks(read_size)
                    .for_each(|bytes| observed.observe(bytes));
                let expected: Vec<u8> = (0..32).collect();
                assert_eq!(observed.value().unwrap().as_slice(), expected);
            }
        }
    }

    #[test]
    fn an_alert_has_no_random() {
        let mut observed = HelloRandom::default();
        observed.observe(&[21, 3, 3, 0, 2, 2, 48]);
        observed.observe(&[0; 5000]);
        assert_eq!(observed.value(), None);
        assert!(observed.seen.len() <= LIMIT);
    }
}
