//! The file format: a header, then frames that each prove themselves.
//!
//! ```text
//! header   "SQUALL" version:u16
//! frame    length:u32 crc:u32 kind:u8 payload[length]
//! ```
//!
//! All integers little-endian; the CRC-32 covers length, kind and payload, so that a torn or
//! overwritten frame is told from a whole one wherever the damage lies. Frames are only ever
//! appended: reading stops at the first one that does not prove itself, and everything before it
//! is good. Kinds a reader does not know are skipped, so new kinds need no new version.
//!
//! | kind | payload | since |
//! |---|---|---|
//! | 1 meta | JSON of [`crate::Meta`]; first, once | 1 |
//! | 2 snapshot | a `metrics::Snapshot` of a core, encoded | 1 |
//! | 3 log | JSON of [`crate::LogLine`] | 1 |
//! | 4 end | JSON of [`crate::End`]; last, and missing after a kill | 1 |
//! | 5 started | `u64`: unix nanoseconds at which the run's clock started | 1 |
//! | 6 observed | a `metrics::Snapshot` of probes: gauges beside the run's own metrics, of one agent | 1, added |
//! | 7 event | JSON of [`crate::Event`] | 1, added |
//! | 8 table | JSON of [`crate::Table`]; replaces one of the same source and name | 1, added |
//!
//! Times in 6 to 8 are this machine's: the offset of the clock of whatever was observed is taken
//! out, and told by events of kind `clock`.

use std::io::{self, Read};

/// The file's first bytes.
pub const MAGIC: [u8; 6] = *b"SQUALL";
/// Grows when an old reader would misunderstand a new file.
pub const VERSION: u16 = 1;
/// Magic and version.
pub const HEADER_LEN: usize = 8;
/// Length, CRC and kind.
pub const FRAME_HEAD_LEN: usize = 9;
/// The longest payload: a snapshot of far more series than a run may have.
pub const MAX_PAYLOAD: usize = 256 << 20;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// JSON of [`crate::Meta`]; the first frame.
    Meta = 1,
    /// An encoded `metrics::Snapshot`.
    Snapshot = 2,
    /// JSON of [`crate::LogLine`].
    Log = 3,
    /// JSON of [`crate::End`]; the last frame of a run that ended by itself.
    End = 4,
    /// The unix time in nanoseconds (`u64`) at which the run's clock started.
    Started = 5,
    /// An encoded `metrics::Snapshot` of what a probe saw; no part of the run's own totals.
    Observed = 6,
    /// JSON of a `metrics::Event`.
    Event = 7,
    /// JSON of a `metrics::Table`; the last one of a source and name counts.
    Table = 8,
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        [
            Kind::Meta,
            Kind::Snapshot,
            Kind::Log,
            Kind::End,
            Kind::Started,
            Kind::Observed,
            Kind::Event,
            Kind::Table,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// The bytes a new file starts with.
pub fn header() -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..6].copy_from_slice(&MAGIC);
    header[6..].copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// The version in a header, or `None` when the bytes are no header.
pub fn version(header: [u8; HEADER_LEN]) -> Option<u16> {
    let [.., low, high] = header;
    header.starts_with(&MAGIC).then(|| u16::from_le_bytes([low, high]))
}

/// Appends a frame to `out`; `false` (and nothing appended) when the payload is over the limit.
#[must_use]
pub fn append(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) -> bool {
    if payload.len() > MAX_PAYLOAD {
        return false;
    }
    let length = (payload.len() as u32).to_le_bytes();
    out.reserve(FRAME_HEAD_LEN + payload.len());
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc(length, kind as u8, payload).to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(payload);
    true
}

fn crc(length: [u8; 4], kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// What is at a place of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A whole frame; `None` for a kind that is not known here.
    Frame(Option<Kind>, Vec<u8>),
    /// The end, just after a frame.
    End,
    /// The end, in the midst of a frame.
    Truncated,
    /// Bytes that are no frame.
    Corrupt,
}

/// Reads the frame at the reader's place, of which `left` bytes are known to follow. Memory is
/// only taken for what is there.
///
/// # Errors
/// Only those of reading; damage is an answer, not an error.
pub fn read(input: &mut impl Read, left: u64) -> io::Result<Next> {
    if left == 0 {
        return Ok(Next::End);
    }
    if left < FRAME_HEAD_LEN as u64 {
        return Ok(Next::Truncated);
    }
    let mut head = [0; FRAME_HEAD_LEN];
    input.read_exact(&mut head)?;
    let [l0, l1, l2, l3, c0, c1, c2, c3, kind] = head;
    let length = [l0, l1, l2, l3];
    let payload_len = u32::from_le_bytes(length) as usize;
    if payload_len > MAX_PAYLOAD {
        return Ok(Next::Corrupt);
    }
    if payload_len as u64 > left - FRAME_HEAD_LEN as u64 {
        return Ok(Next::Truncated);
    }
    let mut payload = vec![0; payload_len];
    input.read_exact(&mut payload)?;
    if crc(length, kind, &payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Ok(Next::Corrupt);
    }
    Ok(Next::Frame(Kind::read(kind), payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Frames = Vec<(Option<Kind>, Vec<u8>)>;

    fn read_all(bytes: &[u8]) -> (Frames, Next) {
        let mut frames = Vec::new();
        let mut at = bytes;
        loop {
            let left = at.len() as u64;
            match read(&mut at, left).unwrap() {
                Next::Frame(kind, payload) => frames.push((kind, payload)),
                end => return (frames, end),
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read_all(&bytes);
        }

        #[test]
        fn a_cut_keeps_every_frame_before_it(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for payload in &payloads {
                prop_assert!(append(&mut bytes, Kind::Snapshot, payload));
                ends.push(bytes.len());
            }
            let cut = cut.index(bytes.len() + 1);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let (frames, end) = read_all(&bytes[..cut]);
            prop_assert_eq!(frames.len(), whole);
            for (frame, payload) in frames.iter().zip(&payloads) {
                prop_assert_eq!(&frame.1, payload);
            }
            let clean = ends.contains(&cut);
            prop_assert_eq!(end, if clean { Next::End } else { Next::Truncated });
        }

        #[test]
        fn a_changed_byte_never_passes(
            payload in prop::collection::vec(any::<u8>(), 0..60),
            at in any::<prop::sample::Index>(),
            change in 1u8..,
        ) {
            let mut bytes = Vec::new();
            prop_assert!(append(&mut bytes, Kind::Log, &payload));
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            let (frames, end) = read_all(&bytes);
            prop_assert!(frames.is_empty(), "{frames:?}");
            prop_assert!(matches!(end, Next::Truncated | Next::Corrupt));
        }
    }

    #[test]
    fn unknown_kinds_are_whole_frames_of_no_kind() {
        let payload = b"from the future";
        let length = (payload.len() as u32).to_le_bytes();
        let mut bytes = length.to_vec();
        bytes.extend_from_slice(&crc(length, 200, payload).to_le_bytes());
        bytes.push(200);
        bytes.extend_from_slice(payload);
        assert_eq!(read_all(&bytes), (vec![(None, payload.to_vec())], Next::End));
    }

    #[test]
    fn a_length_beyond_the_limit_takes_no_memory() {
        let mut bytes = vec![0xff; 4];
        bytes.extend_from_slice(&[0; 100]);
        assert_eq!(read_all(&bytes), (Vec::new(), Next::Corrupt));
        assert_eq!(version(header()), Some(VERSION));
        assert_eq!(version(*b"squall\0\x01"), None);
    }
}
