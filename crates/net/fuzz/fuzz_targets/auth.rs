//! Any challenge is answered or refused; an answer is a header that can be sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::auth::digest::{self, Asked};
use net::auth::ntlm::{self, Identity};
use net::http::Headers;

fuzz_target!(|input: (&str, &[u8])| {
    let asked = Asked { method: "GET", uri: "/", entity: input.1, user: "u", password: "p", cnonce: "c" };
    let answer = digest::authorization(input.0, &asked);
    assert_eq!(Headers::new().add("Authorization", answer.as_bytes()), Ok(()));
    let identity = Identity { user: "D\\u", password: "p", nonce: [7; 8], unix_ns: 1 };
    if let Some(message) = ntlm::authenticate(input.1, &identity) {
        assert!(message.len() >= 64 && message.starts_with(b"NTLMSSP\0\x03"));
    }
});
