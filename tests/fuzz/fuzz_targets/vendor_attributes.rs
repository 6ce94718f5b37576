//! See `nac_fuzz::vendor_attributes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nac_fuzz::vendor_attributes(data));
