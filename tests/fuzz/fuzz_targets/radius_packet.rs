//! See `nac_fuzz::radius_packet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::radius_packet(data));
