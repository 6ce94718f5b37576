//! RFC 5997: Status-Server.

mod section_3;
mod section_4;
