//! See `nac_fuzz::osquery_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::osquery_json(data));
