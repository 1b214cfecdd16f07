//! HTTP/1.1 without I/O: requests to bytes, bytes to a response.
//!
//! [`Decoder`] takes the stream in whatever pieces it comes and gives the same answer for each way
//! of cutting it. It trusts nothing: every count and every length has a limit ([`Limits`]).

mod body;
mod decoder;
mod encode;
mod head;
mod seen;

pub use decoder::Decoder;
pub use encode::{KeepAlive, Recipient, encode_head};

use crate::error::{NetError, code};

/// What a response may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Headers in a response.
    pub max_headers: usize,
    /// Bytes of a response's head.
    pub max_head_bytes: usize,
    /// Bytes of body that are kept. A body that is discarded has no limit.
    pub max_body_bytes: u64,
}

impl Limits {
    /// 1,024 headers in 256 KiB, 256 MiB of body.
    pub const STANDARD: Limits =
        Limits { max_headers: 1_024, max_head_bytes: 256 << 10, max_body_bytes: 256 << 20 };

    /// What a body says that is larger.
    #[cold]
    pub(crate) fn body_too_large(&self) -> NetError {
        let limit = self.max_body_bytes;
        NetError::body(
            code::GENERIC,
            format!(
                "response body exceeds the limit of {limit} bytes for bodies that are kept \
                 (discard it, or raise the limit: --max-body)"
            ),
        )
    }
}

/// Interim (1xx) responses before the real one; Go's client allows as many.
const MAX_INTERIM: u8 = 5;
/// A chunk's size line with its extensions; Go's limit.
const MAX_CHUNK_LINE: usize = 4_096;
/// All trailers together.
const MAX_TRAILER_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests;
