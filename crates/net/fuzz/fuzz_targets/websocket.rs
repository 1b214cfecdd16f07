//! Any bytes of a server, cut anywhere: no panic, bounded messages, and the same as uncut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::ws::{Decoder, Incoming};

const MAX: u64 = 64 << 10;

/// What came, with the error as its text at the end.
fn decode(bytes: &[u8], piece: usize, deflates: bool) -> Vec<Result<Incoming, String>> {
    let mut decoder = Decoder::new(deflates, MAX);
    let (mut inbox, mut out) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(piece.max(1)) {
        inbox.extend_from_slice(piece);
        loop {
            match decoder.decode(&inbox) {
                Ok((used, incoming)) => {
                    inbox.drain(..used);
                    match incoming {
                        Some(incoming) => out.push(Ok(incoming)),
                        None => break,
                    }
                }
                Err(error) => {
                    out.push(Err(error.to_string()));
                    return out;
                }
            }
        }
        // What waits for more is the beginning of a head, or of a control frame.
        assert!(inbox.len() < 14 + 125, "{}", inbox.len());
    }
    out
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (piece, deflates, bytes) = input;
    let whole = decode(bytes, bytes.len(), deflates);
    assert_eq!(decode(bytes, usize::from(piece), deflates), whole);
    for incoming in &whole {
        match incoming {
            Ok(Incoming::Message(_, message)) => assert!(message.len() as u64 <= MAX),
            Ok(Incoming::Ping(payload) | Incoming::Pong(payload)) => assert!(payload.len() <= 125),
            Err(_) => {}
        }
    }
});
