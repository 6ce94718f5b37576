//! Accounting and live sessions: who is on the network now, by what the NASes report.

mod port;
mod session;
mod sessions;
mod two_places;

pub use port::AccountingPort;
pub(crate) use port::is_genuine;
pub use session::{LiveSession, Reference};
pub use sessions::{Admission, SessionChange, SessionTable};
