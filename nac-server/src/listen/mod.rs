//! The sockets: RADIUS over UDP and over TLS, HTTPS, and plain HTTP for metrics on loopback.

pub mod descriptors;
pub mod http;
pub mod origin;
pub mod radsec;
pub mod udp;
