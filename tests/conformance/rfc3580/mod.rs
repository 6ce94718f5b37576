//! RFC 3580: IEEE 802.1X usage of RADIUS.

mod section_3_31;
