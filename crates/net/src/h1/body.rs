//! Framing of a response's body: by length, by chunks, by the end of the connection.

use super::{MAX_CHUNK_LINE, MAX_TRAILER_BYTES};
use crate::error::{NetError, code};

/// How the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After this many more bytes.
    Length(u64),
    /// With the last chunk.
    Chunked(Chunked),
    /// With the connection.
    UntilClose,
}

/// Where in a chunked body we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In the digits of a size: value so far, number of digits.
    Size { value: u64, digits: u8 },
    /// Between the digits and the end of their line.
    SizeRest { value: u64, seen: usize },
    /// In a chunk with this many bytes to come.
    Data { left: u64 },
    /// After a chunk, before the end of its line.
    DataEnd { carriage_return: bool },
    /// In the trailers: bytes seen in all and in this line.
    Trailer { total: usize, line: usize },
    /// Past the end.
    Done,
}

pub(super) const CHUNKED: Chunked = Chunked::Size { value: 0, digits: 0 };

impl Chunked {
    /// Takes bytes from the front of `input`: how many were taken, and which of them are body.
    /// Takes everything or stops at the end of a run of body bytes or of the message.
    pub(super) fn step<'a>(&mut self, input: &'a [u8]) -> Result<(usize, &'a [u8]), NetError> {
        let mut at = 0;
        while at < input.len() {
            if let Chunked::Data { left } = self {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len() - at);
                *left -= n as u64;
                if *left == 0 {
                    *self = Chunked::DataEnd { carriage_return: false };
                }
                return Ok((at + n, &input[at..at + n]));
            }
            if *self == Chunked::Done {
                break;
            }
            *self = self.byte(input[at])?;
            at += 1;
        }
        Ok((at, &[]))
    }

    /// What follows on one byte outside of data.
    fn byte(self, b: u8) -> Result<Chunked, NetError> {
        let invalid = || NetError::body(code::GENERIC, "invalid byte in chunk length");
        Ok(match self {
            Chunked::Size { value, digits } => match char::from(b).to_digit(16) {
                Some(_) if digits >= 16 => {
                    return Err(NetError::body(code::GENERIC, "http chunk length too large"));
                }
                Some(digit) => {
                    Chunked::Size { value: value << 4 | u64::from(digit), digits: digits + 1 }
                }
                None if digits == 0 => return Err(invalid()),
                None => match b {
                    b'\n' => after_size(value)?,
                    b';' | b' ' | b'\t' | b'\r' => Chunked::SizeRest { value, seen: 1 },
                    _ => return Err(invalid()),
                },
            },
            Chunked::SizeRest { value, seen } => match b {
                b'\n' => after_size(value)?,
                _ if seen >= MAX_CHUNK_LINE => {
                    return Err(NetError::body(code::GENERIC, "header line too long"));
                }
                _ => Chunked::SizeRest { value, seen: seen + 1 },
            },
            Chunked::DataEnd { carriage_return } => match b {
                b'\r' if !carriage_return => Chunked::DataEnd { carriage_return: true },
                b'\n' => CHUNKED,
                _ => return Err(NetError::body(code::GENERIC, "malformed chunked encoding")),
            },
            Chunked::Trailer { total, .. } if total >= MAX_TRAILER_BYTES => {
                return Err(NetError::body(
                    code::GENERIC,
                    "http: suspiciously long trailer after chunked body",
                ));
            }
            Chunked::Trailer { total, line } => match b {
                b'\n' if line == 0 => Chunked::Done,
                b'\n' => Chunked::Trailer { total: total + 1, line: 0 },
                b'\r' => Chunked::Trailer { total: total + 1, line },
                _ => Chunked::Trailer { total: total + 1, line: line + 1 },
            },
            Chunked::Data { .. } | Chunked::Done => self,
        })
    }
}

fn after_size(value: u64) -> Result<Chunked, NetError> {
    match value {
        0 => Ok(Chunked::Trailer { total: 0, line: 0 }),
        left if left > i64::MAX as u64 => {
            Err(NetError::body(code::GENERIC, "http chunk length too large"))
        }
        left => Ok(Chunked::Data { left }),
    }
}
