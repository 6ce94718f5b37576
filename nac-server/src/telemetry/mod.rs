//! What the server says about itself: logs and metrics.

pub mod log;
pub mod metrics;
pub mod rate;
