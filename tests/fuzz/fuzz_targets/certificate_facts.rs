//! See `nac_fuzz::certificate_facts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::certificate_facts(data));
