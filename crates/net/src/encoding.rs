//! Content encodings: gzip, deflate, brotli and zstandard, both ways. What comes out of a decoder
//! is limited: a few kilobytes of input can stand for gigabytes.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read, Write};

use crate::error::{NetError, code};

/// A content encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, as HTTP means by "deflate".
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// The encoding of this name in a `Content-Encoding` header or k6's `compression` parameter.
    pub fn parse(name: &str) -> Option<Encoding> {
        let name = name.trim();
        [
            ("gzip", Encoding::Gzip),
            ("deflate", Encoding::Deflate),
            ("br", Encoding::Brotli),
            ("zstd", Encoding::Zstd),
        ]
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))
        .map(|(_, encoding)| encoding)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
            Encoding::Brotli => "br",
            Encoding::Zstd => "zstd",
        }
    }
}

/// Why a body could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It does not begin as the encoding does, or its check sum is wrong: Go's text.
    Corrupt(&'static str),
    /// It ends before the encoding's header does.
    NoHeader,
    /// It ends too early.
    Cut,
    /// Anything else the library says.
    Other(String),
    /// It is longer than this many bytes.
    TooLarge(u64),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Corrupt(text) => f.write_str(text),
            DecodeError::NoHeader | DecodeError::Cut => f.write_str("unexpected EOF"),
            DecodeError::Other(text) => f.write_str(text),
            DecodeError::TooLarge(limit) => write!(f, "more than the limit of {limit} bytes"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl From<DecodeError> for NetError {
    fn from(error: DecodeError) -> NetError {
        let wrapped = format!("error decompressing response body ({error})");
        match error {
            DecodeError::Cut => NetError::body(code::GENERIC, "unexpected EOF"),
            // k6's tag says it twice, its log once.
            DecodeError::Corrupt(_) => NetError::body(
                code::DECOMPRESSION,
                format!("error decompressing response body ({wrapped})"),
            )
            .with_detail(wrapped),
            _ => NetError::body(code::DECOMPRESSION, wrapped),
        }
    }
}

/// Undoes the encodings a `Content-Encoding` header names, the last first. A header that names
/// something unknown leaves the body as it is, as k6 does.
///
/// # Errors
/// When the body is not what the header says, or longer than `limit` bytes at any step.
pub fn decode_body<'a>(
    header: &str,
    body: &'a [u8],
    limit: u64,
) -> Result<Cow<'a, [u8]>, DecodeError> {
    let encodings: Option<Vec<Encoding>> = header.split(',').map(Encoding::parse).collect();
    let Some(encodings) = encodings else { return Ok(Cow::Borrowed(body)) };
    let mut decoded = Cow::Borrowed(body);
    for encoding in encodings.into_iter().take(MAX_ENCODINGS).rev() {
        decoded = Cow::Owned(decode(encoding, &decoded, limit)?);
    }
    Ok(decoded)
}

/// Encodings on top of each other.
const MAX_ENCODINGS: usize = 8;

/// Undoes one encoding.
///
/// # Errors
/// As [`decode_body`].
pub fn decode(encoding: Encoding, body: &[u8], limit: u64) -> Result<Vec<u8>, DecodeError> {
    check_header(encoding, body)?;
    decode_limited(encoding, body, limit).map_err(|error| match error {
        Failed::TooLarge => DecodeError::TooLarge(limit),
        Failed::Io(error) => explain(encoding, &error),
    })
}

const BUFFER_BYTES: usize = 16 << 10;
/// What a body may be without being measured first. A few kilobytes can stand for gigabytes: beyond this the rest is
/// read through a small buffer to learn the length, so that one too long never is in memory, and one that fits takes
/// no more than its length.
const UNMEASURED_BYTES: u64 = 8 << 20;

enum Failed {
    TooLarge,
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Io(error)
    }
}

fn decode_limited(encoding: Encoding, body: &[u8], limit: u64) -> Result<Vec<u8>, Failed> {
    let mut reader = reader(encoding, body)?;
    let mut out = Vec::new();
    let unmeasured = limit.saturating_add(1).min(UNMEASURED_BYTES);
    let n = reader.by_ref().take(unmeasured).read_to_end(&mut out)? as u64;
    if n > limit {
        return Err(Failed::TooLarge);
    }
    if n < unmeasured {
        return Ok(out);
    }
    let left = (limit - n).saturating_add(1);
    let more = io::copy(&mut reader.by_ref().take(left), &mut io::sink())?;
    if more == left {
        return Err(Failed::TooLarge);
    }
    drop(reader);
    out.clear();
    out.reserve_exact((n + more) as usize);
    self::reader(encoding, body)?.take(limit).read_to_end(&mut out)?;
    Ok(out)
}

fn reader<'a>(encoding: Encoding, body: &'a [u8]) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match encoding {
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(body)),
        Encoding::Deflate => Box::new(flate2::read::ZlibDecoder::new(body)),
        Encoding::Brotli => Box::new(brotli::Decompressor::new(body, BUFFER_BYTES)),
        Encoding::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(body)?),
    })
}

/// Whether the body begins as the encoding does. The libraries have words of their own for this.
fn check_header(encoding: Encoding, body: &[u8]) -> Result<(), DecodeError> {
    const GZIP_HEADER_BYTES: usize = 10;
    match (encoding, body) {
        (_, []) => Err(DecodeError::NoHeader),
        (Encoding::Gzip, _) if body.len() < GZIP_HEADER_BYTES => Err(DecodeError::NoHeader),
        (Encoding::Gzip, [0x1f, 0x8b, 8, ..]) => Ok(()),
        (Encoding::Gzip, _) => Err(DecodeError::Corrupt("gzip: invalid header")),
        (Encoding::Deflate, [_]) => Err(DecodeError::NoHeader),
        // RFC 1950 section 2.2: method 8, and a check of the first two bytes.
        (Encoding::Deflate, [a, b, ..])
            if a & 15 == 8 && (u16::from(*a) << 8 | u16::from(*b)) % 31 == 0 =>
        {
            Ok(())
        }
        (Encoding::Deflate, _) => Err(DecodeError::Corrupt("zlib: invalid header")),
        (Encoding::Brotli, _) => Ok(()),
        // RFC 8878: a frame, or a frame to be skipped.
        (Encoding::Zstd, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) => {
            Ok(())
        }
        (Encoding::Zstd, [_, _, _, _, ..]) => {
            Err(DecodeError::Corrupt("invalid input: magic number mismatch"))
        }
        (Encoding::Zstd, _) => Err(DecodeError::Cut),
    }
}

#[cold]
fn explain(encoding: Encoding, error: &io::Error) -> DecodeError {
    let text = error.to_string();
    match encoding {
        _ if error.kind() == io::ErrorKind::UnexpectedEof => DecodeError::Cut,
        Encoding::Gzip if text.contains("checksum") => {
            DecodeError::Corrupt("gzip: invalid checksum")
        }
        Encoding::Gzip if text.contains("header") => DecodeError::Corrupt("gzip: invalid header"),
        Encoding::Gzip | Encoding::Deflate => DecodeError::Other(format!("flate: {text}")),
        Encoding::Brotli => DecodeError::Other(format!("brotli: {text}")),
        Encoding::Zstd => DecodeError::Other(format!("zstd: {text}")),
    }
}

/// Encodes with the levels k6's libraries use by default.
#[inline(never)]
pub fn encode(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    let encoded = match encoding {
        Encoding::Gzip => {
            let mut writer =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            writer.write_all(body).and_then(|()| writer.finish())
        }
        Encoding::Deflate => {
            let mut writer =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            writer.write_all(body).and_then(|()| writer.finish())
        }
        Encoding::Brotli => {
            let mut writer = brotli::CompressorWriter::new(
                Vec::new(),
                BUFFER_BYTES,
                BROTLI_LEVEL,
                BROTLI_WINDOW,
            );
            writer.write_all(body).map(|()| writer.into_inner())
        }
        Encoding::Zstd => zstd::stream::encode_all(body, 0),
    };
    encoded.expect("writing to memory does not fail")
}

const BROTLI_LEVEL: u32 = 6;
const BROTLI_WINDOW: u32 = 22;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Encoding; 4] =
        [Encoding::Gzip, Encoding::Deflate, Encoding::Brotli, Encoding::Zstd];

    #[test]
    fn encodings_stack() {
        let text = b"squall ".repeat(1_000);
        let body = encode(Encoding::Brotli, &encode(Encoding::Gzip, &text));
        assert_eq!(&*decode_body("gzip, BR", &body, 1 << 20).unwrap(), &text[..]);
        assert_eq!(&*decode_body("foo", b"abcde", 1).unwrap(), b"abcde");
        assert_eq!(&*decode_body("identity, gzip", b"abcde", 1).unwrap(), b"abcde");
    }

    #[test]
    fn corrupt_bodies_have_k6s_error_code_and_gos_words() {
        let gzip = encode(Encoding::Gzip, b"hello world");
        let mut bad_sum = gzip.clone();
        let sum_at = bad_sum.len() - 8;
        bad_sum[sum_at] ^= 1;
        let zlib = encode(Encoding::Deflate, b"hello world");
        // (encoding, body, code, text in the tag, text in the log), measured with k6 2.2.
        let once = |text: &str| format!("error decompressing response body ({text})");
        let twice = |text: &str| once(&once(text));
        for (encoding, body, code, tag, log) in [
            ("gzip", &b"abcde"[..], 1701, once("unexpected EOF"), once("unexpected EOF")),
            ("gzip", &[7; 20], 1701, twice("gzip: invalid header"), once("gzip: invalid header")),
            (
                "gzip",
                &bad_sum,
                1701,
                twice("gzip: invalid checksum"),
                once("gzip: invalid checksum"),
            ),
            ("gzip", &gzip[..14], 1000, "unexpected EOF".into(), "unexpected EOF".into()),
            (
                "deflate",
                b"abcde",
                1701,
                twice("zlib: invalid header"),
                once("zlib: invalid header"),
            ),
            ("deflate", &zlib[..5], 1000, "unexpected EOF".into(), "unexpected EOF".into()),
            (
                "zstd",
                b"abcde",
                1701,
                twice("invalid input: magic number mismatch"),
                once("invalid input: magic number mismatch"),
            ),
        ] {
            let error = NetError::from(decode_body(encoding, body, 100).unwrap_err());
            assert_eq!((error.code, &*error.message, error.detail()), (code, &*tag, &*log));
        }
        for encoding in ALL {
            assert!(decode(encoding, b"abcde", 100).is_err(), "{encoding:?}");
            assert!(decode(encoding, b"", 100).is_err(), "{encoding:?}");
            let mut cut = encode(encoding, &[7; 10_000]);
            cut.truncate(cut.len() - 3);
            assert!(decode(encoding, &cut, 1 << 20).is_err(), "{encoding:?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        for encoding in ALL {
            let bomb = encode(encoding, &vec![0; 4 << 20]);
            assert!(bomb.len() < 64 << 10);
            let error = decode(encoding, &bomb, 1 << 20).unwrap_err();
            assert_eq!(error, DecodeError::TooLarge(1 << 20), "{encoding:?}");
            assert!(decode(encoding, &bomb, 4 << 20).is_ok(), "{encoding:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_encoded_decodes_to_itself(body in prop::collection::vec(any::<u8>(), 0..2_000)) {
            for encoding in ALL {
                let encoded = encode(encoding, &body);
                prop_assert_eq!(&decode(encoding, &encoded, 1 << 20).unwrap(), &body);
            }
        }

        #[test]
        fn any_bytes_decode_or_are_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            for encoding in ALL {
                let _ = decode(encoding, &body, 1 << 16);
            }
        }
    }
}
