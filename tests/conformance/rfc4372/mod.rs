//! RFC 4372: Chargeable-User-Identity.

mod section_2_1;
