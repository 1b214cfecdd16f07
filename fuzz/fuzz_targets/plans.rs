//! See `squall_fuzz::plans`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall_fuzz::plans(bytes));
