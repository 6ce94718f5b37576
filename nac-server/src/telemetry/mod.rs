//! What the server says about itself: logs and metrics.

pub mod activity;
pub mod gauges;
pub mod log;
pub mod metrics;
mod process;
pub mod rate;
