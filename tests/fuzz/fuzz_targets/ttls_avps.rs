//! See `nac_fuzz::ttls_avps`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::ttls_avps(data));
