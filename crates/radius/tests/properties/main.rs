//! Properties of the codec that hold for every input, and agreement with another codec.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod oracle;
mod wire;
