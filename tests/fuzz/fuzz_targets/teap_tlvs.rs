//! See `nac_fuzz::teap_tlvs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::teap_tlvs(data));
