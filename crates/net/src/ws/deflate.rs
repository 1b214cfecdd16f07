//! Compression of messages (RFC 7692) without memory of earlier ones, the only way k6 knows.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::error::WsError;

/// What ends a compressed message and is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Room made at once for a decompressed message, bytes, at least and at most.
const ROOM: (usize, usize) = (256, 64 << 10);

/// Decompresses the messages of a connection, one after another.
#[derive(Debug)]
pub(super) struct Inflate(Box<Decompress>);

impl Inflate {
    pub(super) fn new() -> Inflate {
        Inflate(Box::new(Decompress::new(false)))
    }

    /// The message, which must not be longer than `max` bytes.
    pub(super) fn message(&mut self, packed: &[u8], max: u64) -> Result<Vec<u8>, WsError> {
        self.0.reset(false);
        let mut out = Vec::new();
        for part in [packed, &TAIL] {
            let mut rest = part;
            loop {
                out.reserve((rest.len() * 2).clamp(ROOM.0, ROOM.1));
                let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
                let status = self
                    .0
                    .decompress_vec(rest, &mut out, FlushDecompress::None)
                    .map_err(|_| WsError::Deflate("flate: corrupt input"))?;
                if out.len() as u64 > max {
                    return Err(WsError::TooBig);
                }
                let used = (self.0.total_in() - before_in) as usize;
                rest = &rest[used..];
                if status == Status::StreamEnd {
                    return Ok(out);
                }
                // Room is left over: everything that could come out has.
                if rest.is_empty() && out.len() < out.capacity() {
                    break;
                }
                if used == 0 && self.0.total_out() == before_out {
                    return Err(WsError::Deflate("flate: corrupt input"));
                }
            }
        }
        Ok(out)
    }
}

/// Compresses the messages of a connection.
#[derive(Debug)]
pub(super) struct Deflate(Box<Compress>);

impl Deflate {
    pub(super) fn new() -> Deflate {
        // Level 1, as k6's library has it.
        Deflate(Box::new(Compress::new(Compression::fast(), false)))
    }

    pub(super) fn message(&mut self, plain: &[u8]) -> Vec<u8> {
        self.0.reset();
        let mut out = Vec::new();
        let mut rest = plain;
        loop {
            out.reserve(rest.len() / 2 + 64);
            let before = self.0.total_in();
            // Compressing what is in memory has no way to fail.
            let _ = self.0.compress_vec(rest, &mut out, FlushCompress::Sync);
            rest = &rest[(self.0.total_in() - before) as usize..];
            if rest.is_empty() && out.len() < out.capacity() {
                break;
            }
        }
        if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        out
    }
}
