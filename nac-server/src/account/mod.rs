//! Accounting and live sessions: who is on the network now, by what the NASes report.

mod port;
mod sessions;

pub use port::AccountingPort;
pub use sessions::{Admission, LiveSession, SessionChange, SessionTable};
