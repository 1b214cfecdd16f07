//! Any bytes, cut anywhere: no panic, bounded memory, and the same verdict as uncut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::http::{BodySink, Method, Response};
use net::h1::{Decoder, Limits};

const LIMITS: Limits = Limits { max_headers: 100, max_head_bytes: 8 << 10, max_body_bytes: 64 << 10 };

fn decode(bytes: &[u8], piece: usize) -> (bool, Response) {
    let mut decoder = Decoder::new(&Method::Get, BodySink::Keep, LIMITS);
    let mut response = Response::default();
    for piece in bytes.chunks(piece.max(1)) {
        match decoder.feed(piece, &mut response) {
            Err(_) => return (false, response),
            Ok(_) if decoder.is_done() => return (true, response),
            Ok(taken) => assert_eq!(taken, piece.len()),
        }
    }
    let whole = decoder.finish(&mut response).is_ok();
    (whole, response)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let (cut_ok, cut) = decode(bytes, usize::from(piece));
    let (ok, whole) = decode(bytes, bytes.len());
    assert_eq!(cut_ok, ok);
    if ok {
        assert_eq!((cut.status, cut.head(), cut.body()), (whole.status, whole.head(), whole.body()));
        assert!(whole.headers().count() <= LIMITS.max_headers);
    }
    assert!(whole.body().len() as u64 <= LIMITS.max_body_bytes);
});
