//! RFC 2865: Remote Authentication Dial In User Service.

mod section_2_2;
mod section_3;
mod section_4_1;
mod section_5_2;
mod section_5_24;
mod section_5_33;
