//! `nac`, the network access control server.

fn main() {}
