//! Bodies that are made while they are sent: any length in constant memory, chunk by chunk, or
//! drop by drop at known times.

use std::sync::OnceLock;

/// The size of the block that fills are cut from, bytes.
pub(crate) const BLOCK: usize = 64 * 1024;

/// A body that is produced piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// `len` bytes of a fixed pattern.
    Fill { len: u64, content: Content },
    /// Bytes that are there already.
    Whole(Vec<u8>),
    /// `n` JSON lines, one chunk each.
    Lines { n: u64 },
    /// `n` bytes `*`, evenly spread over `over_ns`.
    Drip { n: u64, over_ns: u64 },
}

/// What a fill consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Lower-case letters and line ends.
    Text,
    /// Every byte value, in a fixed pseudo-random order.
    Bytes,
}

impl Stream {
    /// The length of the body, bytes; `None` when it is sent in chunks.
    pub(crate) fn len(&self) -> Option<u64> {
        match self {
            Stream::Fill { len, .. } => Some(*len),
            Stream::Whole(bytes) => Some(bytes.len() as u64),
            Stream::Drip { n, .. } => Some(*n),
            Stream::Lines { .. } => None,
        }
    }

    pub(crate) fn pieces(self) -> Pieces {
        Pieces { stream: self, sent: 0 }
    }
}

/// Walks over a stream's pieces.
pub(crate) struct Pieces {
    stream: Stream,
    sent: u64,
}

impl Pieces {
    /// Appends the next piece of at most `limit` bytes to `out` (a line is never cut) and says how
    /// long after the start of the body it is due, in nanoseconds; `None` at the end.
    pub(crate) fn next(&mut self, limit: usize, out: &mut Vec<u8>) -> Option<u64> {
        match &self.stream {
            &Stream::Fill { len, content } => {
                let left = len - self.sent;
                let offset = (self.sent % BLOCK as u64) as usize;
                let n = left.min(limit as u64).min((BLOCK - offset) as u64) as usize;
                if n == 0 {
                    return None;
                }
                out.extend_from_slice(&block(content)[offset..offset + n]);
                self.sent += n as u64;
                Some(0)
            }
            Stream::Whole(bytes) => {
                let rest = &bytes[self.sent as usize..];
                let n = rest.len().min(limit);
                out.extend_from_slice(&rest[..n]);
                self.sent += n as u64;
                (n > 0).then_some(0)
            }
            &Stream::Lines { n } => {
                if self.sent == n {
                    return None;
                }
                out.extend_from_slice(format!("{{\"id\":{}}}\n", self.sent).as_bytes());
                self.sent += 1;
                Some(0)
            }
            &Stream::Drip { n, over_ns } => {
                if self.sent == n {
                    return None;
                }
                let gap = over_ns / n.max(1);
                let mut count = 1;
                // Drops closer together than a timer can be kept apart go out as one.
                if gap < 50_000 {
                    count = (50_000 / gap.max(1)).min(n - self.sent).min(limit as u64);
                }
                out.resize(out.len() + count as usize, b'*');
                let due = self.sent.saturating_mul(gap);
                self.sent += count;
                Some(due)
            }
        }
    }
}

fn block(content: Content) -> &'static [u8] {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    match content {
        Content::Text => TEXT.get_or_init(|| {
            (0..BLOCK).map(|i| if i % 64 == 63 { b'\n' } else { b'a' + (i % 26) as u8 }).collect()
        }),
        Content::Bytes => BYTES.get_or_init(|| {
            // xorshift64 (Marsaglia 2003): fixed seed, so that every run sends the same bytes.
            let mut x = 0x9e37_79b9_7f4a_7c15_u64;
            std::iter::repeat_with(|| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                x as u8
            })
            .take(BLOCK)
            .collect()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(stream: Stream, limit: usize) -> (Vec<u8>, Vec<u64>) {
        let mut pieces = stream.pieces();
        let (mut out, mut dues) = (Vec::new(), Vec::new());
        loop {
            let before = out.len();
            match pieces.next(limit, &mut out) {
                Some(due) => dues.push(due),
                None => return (out, dues),
            }
            assert!(out.len() - before <= limit, "piece too long");
            assert!(out.len() > before, "empty piece");
        }
    }

    #[test]
    fn fills_have_their_length_and_do_not_depend_on_the_pieces() {
        for content in [Content::Text, Content::Bytes] {
            for len in [0, 1, 1000, BLOCK as u64, 3 * BLOCK as u64 + 17] {
                let whole = collect(Stream::Fill { len, content }, BLOCK).0;
                assert_eq!(whole.len() as u64, len);
                assert_eq!(collect(Stream::Fill { len, content }, 999).0, whole);
            }
        }
        let bytes = collect(Stream::Fill { len: 4096, content: Content::Bytes }, BLOCK).0;
        assert!((0..=255_u8).all(|b| bytes.contains(&b)));
    }

    #[test]
    fn drops_are_evenly_spread() {
        let (out, dues) = collect(Stream::Drip { n: 4, over_ns: 4_000_000 }, BLOCK);
        assert_eq!(out, b"****");
        assert_eq!(dues, [0, 1_000_000, 2_000_000, 3_000_000]);
        assert_eq!(collect(Stream::Drip { n: 100_000, over_ns: 0 }, BLOCK).0.len(), 100_000);
        assert_eq!(collect(Stream::Drip { n: 0, over_ns: 1 }, BLOCK).0.len(), 0);
    }

    #[test]
    fn lines_are_json_objects() {
        let (out, _) = collect(Stream::Lines { n: 3 }, BLOCK);
        assert_eq!(out, b"{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n");
    }
}
