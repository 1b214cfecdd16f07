#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| k6::fuzzing::proto_message(bytes));
