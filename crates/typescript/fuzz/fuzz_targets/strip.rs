//! Any text is stripped or refused; what is stripped keeps its lines.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(out) = typescript::strip(text) {
        assert_eq!(out.lines().count(), text.lines().count());
    }
});
