//! Conformance: the path is the specification, so `rfc3579/section_3_2.rs` holds the demands of RFC 3579
//! section 3.2. Every case speaks to the server over UDP only.
//!
//! `NAC_TEST_SUBJECT=freeradius` runs the same cases against FreeRADIUS.

mod deprecating_radius;
mod rfc2865;
mod rfc2866;
mod rfc3579;
mod rfc3580;
mod rfc4372;
mod rfc5080;
mod rfc5997;
