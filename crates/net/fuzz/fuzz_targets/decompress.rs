//! Any bytes decode within the limit or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::encoding::decode_body;

fuzz_target!(|input: (u8, &[u8])| {
    let header = ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, deflate"][usize::from(input.0) % 6];
    if let Ok(body) = decode_body(header, input.1, 1 << 20) {
        assert!(body.len() <= 1 << 20);
    }
});
