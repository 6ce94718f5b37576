//! Properties of the codec that hold for every input, and agreement with another codec.

mod oracle;
mod wire;
