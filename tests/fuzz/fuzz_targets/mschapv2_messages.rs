//! See `nac_fuzz::mschapv2_messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::mschapv2_messages(data));
