//! RFC 3579: RADIUS support for EAP.

mod section_2_1;
mod section_2_6;
mod section_3_1;
mod section_3_2;
mod section_3_3;
