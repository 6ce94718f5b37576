//! EAP-TLS framing: flags, lengths, fragments and their acknowledgements.

/// The most that one flight may hold, in octets.
pub(crate) const FLIGHT_LIMIT: usize = 64 * 1024;
