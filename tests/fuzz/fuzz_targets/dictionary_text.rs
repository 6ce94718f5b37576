//! See `nac_fuzz::dictionary_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::dictionary_text(data));
