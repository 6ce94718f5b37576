//! See `nac_fuzz::eap_conversation`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::eap_conversation(data));
