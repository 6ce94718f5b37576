//! Who is it, on which device, and what do we know about both: the facts that the policy sees.

mod certificate;
pub mod chargeable;
mod context;
pub(crate) mod guesses;
pub mod password;
pub mod realm;
pub mod supplicants;

pub use certificate::from_chain;
pub use context::{AccessContext, Assessment, Doubts, assess, find_device, subject};
