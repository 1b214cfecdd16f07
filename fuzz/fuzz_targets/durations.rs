//! See `squall_fuzz::durations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall_fuzz::durations(bytes));
