//! Reading a record while it is being written: each call gives what has come since the last one.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use metrics::Snapshot;

use crate::RUN_FILE;
use crate::error::RecordError;
use crate::frame::{self, FRAME_HEAD_LEN, HEADER_LEN, Kind, Next};

/// Snapshots read in one call at most; the rest comes with the next one.
const MAX_AT_ONCE: usize = 10_000;

/// A record that somebody else writes.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    /// Bytes read, all of them of whole frames.
    at: u64,
    started: Option<u64>,
    has_ended: bool,
}

impl Follow {
    /// Follows the record in a run's directory, which need not be there yet.
    pub fn new(directory: &Path) -> Follow {
        Follow {
            path: directory.join(RUN_FILE),
            at: HEADER_LEN as u64,
            started: None,
            has_ended: false,
        }
    }

    /// When the run's clock started, unix time in nanoseconds, as soon as that is known.
    pub fn started_unix_ns(&self) -> Option<u64> {
        self.started
    }

    /// Whether the run has noted its end.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The snapshots since the last call, of the load and of probes. A frame that is still being written comes with a
    /// later call.
    ///
    /// # Errors
    /// The operating system's, or a snapshot that can't be read. A record that is not there yet has none.
    pub fn snapshots(&mut self) -> Result<Vec<Followed>, RecordError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(RecordError::io("read", &self.path)(error)),
        };
        let path = self.path.clone();
        let io = || RecordError::io("read", &path);
        let size = file.metadata().map_err(io())?.len();
        let mut found = Vec::new();
        if size <= self.at {
            return Ok(found);
        }
        let mut input = BufReader::with_capacity(64 << 10, file);
        input.seek(SeekFrom::Start(self.at)).map_err(io())?;
        while found.len() < MAX_AT_ONCE {
            let next = frame::read(&mut input, size.saturating_sub(self.at));
            let Next::Frame(kind, payload) = next.map_err(io())? else { break };
            self.at += (FRAME_HEAD_LEN + payload.len()) as u64;
            match kind {
                Some(Kind::Started) => {
                    self.started = payload.try_into().ok().map(u64::from_le_bytes);
                }
                Some(Kind::End) => self.has_ended = true,
                Some(Kind::Snapshot) => found.push(Followed::Load(self.decode(&payload)?)),
                Some(Kind::Observed) => found.push(Followed::Observed(self.decode(&payload)?)),
                _ => {}
            }
        }
        Ok(found)
    }

    fn decode(&self, payload: &[u8]) -> Result<Snapshot, RecordError> {
        Snapshot::decode(payload).map_err(|error| RecordError::Content {
            what: "a snapshot",
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }
}

/// Something new in a record.
#[derive(Debug)]
pub enum Followed {
    /// What the load measured.
    Load(Snapshot),
    /// What a probe saw.
    Observed(Snapshot),
}
