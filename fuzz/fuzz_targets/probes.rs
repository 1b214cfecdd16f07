//! See `squall_fuzz::probes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall_fuzz::probes(bytes));
