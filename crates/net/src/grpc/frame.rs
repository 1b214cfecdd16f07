//! The framing of messages: a flag, a length of four bytes, the message. Without I/O, and with a limit.

use std::collections::VecDeque;
use std::io::Read as _;

use bytes::{Buf as _, Bytes, BytesMut};

use super::status::{Code, Status};

/// Bytes before a message.
pub const PREFIX_BYTES: usize = 5;

/// How messages may be compressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// They may not.
    #[default]
    Identity,
    /// gzip.
    Gzip,
    /// One that we do not have, by name.
    Unknown(String),
}

impl Encoding {
    /// The value of `grpc-encoding`.
    pub fn parse(name: &str) -> Encoding {
        match name {
            "" | "identity" => Encoding::Identity,
            "gzip" => Encoding::Gzip,
            other => Encoding::Unknown(other.to_owned()),
        }
    }
}

/// Puts `message` behind a prefix. The first [`PREFIX_BYTES`] of it are room for that.
///
/// # Errors
/// A message longer than `limit`.
pub fn seal(mut message: Vec<u8>, limit: usize) -> Result<Bytes, Status> {
    let length = message.len().saturating_sub(PREFIX_BYTES);
    let fits = u32::try_from(length).ok().filter(|_| length <= limit);
    let Some(fits) = fits else {
        let text = format!("trying to send message larger than max ({length} vs. {limit})");
        return Err(Status::new(Code::RESOURCE_EXHAUSTED, text));
    };
    message[1..PREFIX_BYTES].copy_from_slice(&fits.to_be_bytes());
    Ok(message.into())
}

/// Takes messages out of a stream of bytes.
#[derive(Debug)]
pub struct Deframer {
    chunks: VecDeque<Bytes>,
    buffered: usize,
    limit: usize,
}

impl Deframer {
    /// With messages of `limit` bytes at most.
    pub fn new(limit: usize) -> Deframer {
        Deframer { chunks: VecDeque::new(), buffered: 0, limit }
    }

    /// Adds bytes.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.buffered += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    /// Whether bytes of an unfinished message are there.
    pub fn has_rest(&self) -> bool {
        self.buffered > 0
    }

    /// The next whole message, decompressed; `None` if more bytes are needed.
    ///
    /// # Errors
    /// A message over the limit, before its bytes are waited for; a compression that was not agreed on or is broken.
    pub fn next(&mut self, encoding: &Encoding) -> Result<Option<Bytes>, Status> {
        if self.buffered < PREFIX_BYTES {
            return Ok(None);
        }
        let mut prefix = [0; PREFIX_BYTES];
        self.peek(&mut prefix);
        let [flag, length @ ..] = prefix;
        let length = u32::from_be_bytes(length) as usize;
        if length > self.limit {
            let limit = self.limit;
            let text = format!("grpc: received message larger than max ({length} vs. {limit})");
            return Err(Status::new(Code::RESOURCE_EXHAUSTED, text));
        }
        if self.buffered < PREFIX_BYTES + length {
            return Ok(None);
        }
        drop(self.take(PREFIX_BYTES));
        let message = self.take(length);
        match (flag, encoding) {
            (0, _) => Ok(Some(message)),
            (1, Encoding::Gzip) => self.unzip(&message).map(Some),
            (1, Encoding::Identity) => {
                Err(Status::internal("grpc: compressed flag set with identity or empty encoding"))
            }
            (1, Encoding::Unknown(name)) => Err(Status::internal(format!(
                "grpc: Decompressor is not installed for grpc-encoding {name:?}"
            ))),
            (other, _) => {
                Err(Status::internal(format!("grpc: received unexpected payload format {other}")))
            }
        }
    }

    fn unzip(&self, message: &[u8]) -> Result<Bytes, Status> {
        let mut out = Vec::new();
        let limit = self.limit as u64;
        let read = flate2::read::GzDecoder::new(message).take(limit + 1).read_to_end(&mut out);
        if let Err(error) = read {
            let text = format!("grpc: failed to decompress the message: {error}");
            return Err(Status::internal(text));
        }
        if out.len() as u64 > limit {
            let text =
                format!("grpc: received message after decompression larger than max {limit}");
            return Err(Status::new(Code::RESOURCE_EXHAUSTED, text));
        }
        Ok(out.into())
    }

    fn peek(&self, out: &mut [u8]) {
        let mut bytes = self.chunks.iter().flat_map(|chunk| chunk.iter());
        for slot in out {
            if let Some(byte) = bytes.next() {
                *slot = *byte;
            }
        }
    }

    /// The first `n` bytes, which are there; without a copy where they came together.
    fn take(&mut self, n: usize) -> Bytes {
        self.buffered -= n;
        if let Some(first) = self.chunks.front_mut()
            && first.len() >= n
        {
            let taken = first.split_to(n);
            if first.is_empty() {
                self.chunks.pop_front();
            }
            return taken;
        }
        let mut out = BytesMut::with_capacity(n);
        while out.len() < n {
            let Some(mut chunk) = self.chunks.pop_front() else { break };
            let wanted = (n - out.len()).min(chunk.len());
            out.extend_from_slice(&chunk[..wanted]);
            chunk.advance(wanted);
            if !chunk.is_empty() {
                self.chunks.push_front(chunk);
            }
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
        let mut out = vec![flag];
        out.extend_from_slice(&(message.len() as u32).to_be_bytes());
        out.extend_from_slice(message);
        out
    }

    #[test]
    fn messages_come_out_however_they_were_cut() {
        let mut bytes = framed(0, b"one");
        bytes.extend(framed(0, b""));
        bytes.extend(framed(0, &[7; 1000]));
        for size in [1, 2, 3, 7, 64, bytes.len()] {
            let mut deframer = Deframer::new(1000);
            let mut out = Vec::new();
            for chunk in bytes.chunks(size) {
                deframer.push(Bytes::copy_from_slice(chunk));
                while let Some(message) = deframer.next(&Encoding::Identity).unwrap() {
                    out.push(message.len());
                }
            }
            assert_eq!(out, [3, 0, 1000]);
            assert!(!deframer.has_rest());
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_at_its_prefix() {
        let mut deframer = Deframer::new(10);
        deframer.push(Bytes::from_static(&[0, 0, 0, 0, 11]));
        let status = deframer.next(&Encoding::Identity).unwrap_err();
        assert_eq!(status.code, Code::RESOURCE_EXHAUSTED);
        assert_eq!(status.message, "grpc: received message larger than max (11 vs. 10)");
    }

    #[test]
    fn compressed_messages_are_bounded_too() {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&[0; 100_000]).unwrap();
        let small = framed(1, &encoder.finish().unwrap());
        let get = |limit, encoding: &Encoding| {
            let mut deframer = Deframer::new(limit);
            deframer.push(small.clone().into());
            deframer.next(encoding)
        };
        assert_eq!(get(100_000, &Encoding::Gzip).unwrap().unwrap().len(), 100_000);
        assert_eq!(get(99_999, &Encoding::Gzip).unwrap_err().code, Code::RESOURCE_EXHAUSTED);
        assert_eq!(get(100_000, &Encoding::Identity).unwrap_err().code, Code::INTERNAL);
        let unknown = Encoding::parse("snappy");
        assert!(get(100_000, &unknown).unwrap_err().message.contains("\"snappy\""));
    }

    #[test]
    fn sealing_fills_the_prefix() {
        let sealed = seal(b"\0\0\0\0\0abc".to_vec(), 3).unwrap();
        assert_eq!(&sealed[..], b"\0\0\0\0\x03abc");
        let status = seal(vec![0; 9], 3).unwrap_err();
        assert_eq!(status.message, "trying to send message larger than max (4 vs. 3)");
    }
}
