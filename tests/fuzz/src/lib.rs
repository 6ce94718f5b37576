//! The fuzz targets: one function for each reader of what strangers, hosts and administrators send.
//!
//! A fuzzer makes millions of inputs out of a few good ones and keeps those that reach new code. Each function here
//! takes one input, drives the reader through the same public API that the server uses, and panics where a promise is
//! broken. `fuzz_targets/NAME.rs` hands a function to libFuzzer; `tests/corpus.rs` runs the kept inputs in every
//! `tests/run test`, without libFuzzer; `tests/growth.rs` holds their time to the length of the input.
//!
//! # Invariants
//!
//! * A target never panics by itself on any input: a panic is a finding.
//! * A target's work does not depend on the clock or on earlier inputs, as far as TLS permits (rustls draws its own
//!   randomness), so that a finding can be repeated from its file.
//! * No target opens a socket.

mod attributes;
mod certificates;
mod conversation;
mod ground;
mod osquery;
mod policy;
mod tunnel;

pub use attributes::{dictionary_text, radius_packet, vendor_attributes};
pub use certificates::certificate_facts;
pub use conversation::{eap_conversation, eap_packet};
pub use osquery::osquery_json;
pub use policy::policy_text;
pub use tunnel::{mschapv2_messages, peap_tlvs, teap_tlvs, ttls_avps};

/// A target: the name of its function, of its corpus and of its program, and the function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 12] = [
    ("certificate_facts", certificate_facts),
    ("dictionary_text", dictionary_text),
    ("eap_conversation", eap_conversation),
    ("eap_packet", eap_packet),
    ("mschapv2_messages", mschapv2_messages),
    ("osquery_json", osquery_json),
    ("peap_tlvs", peap_tlvs),
    ("policy_text", policy_text),
    ("radius_packet", radius_packet),
    ("teap_tlvs", teap_tlvs),
    ("ttls_avps", ttls_avps),
    ("vendor_attributes", vendor_attributes),
];
