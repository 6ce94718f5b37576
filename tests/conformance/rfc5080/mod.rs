//! RFC 5080: common RADIUS implementation issues.

mod section_2_2_2;
