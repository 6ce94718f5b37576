//! RFC 2866: RADIUS accounting.

mod section_3;
mod section_4;
