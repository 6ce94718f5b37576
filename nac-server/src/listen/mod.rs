//! The sockets: RADIUS over UDP, HTTPS, and plain HTTP for metrics on loopback.

pub mod descriptors;
pub mod http;
pub mod udp;
