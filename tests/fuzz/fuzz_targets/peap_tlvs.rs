//! See `nac_fuzz::peap_tlvs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::peap_tlvs(data));
