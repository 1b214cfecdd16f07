//! Reading a run's directory, however its writing ended.

use crate::RUN_FILE;
use crate::error::RecordError;
use crate::frame::{self, FRAME_HEAD_LEN, HEADER_LEN, Kind, Next};
use crate::meta::{End, LogLine, Meta};
use metrics::{Event, Table};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Log lines a reader keeps in memory; the rest is counted.
const MAX_LOG_LINES: usize = 100_000;
/// What a line weighs beside its text, for the bound on memory.
const MAX_LOG_BYTES: usize = 64 << 20;
/// Events and tables a reader keeps in memory, and the bytes of their JSON; the rest is counted.
const MAX_EVENTS: usize = 100_000;
const MAX_TABLES: usize = 1_000;
const MAX_EVENT_BYTES: usize = 64 << 20;
const MAX_TABLE_BYTES: usize = 128 << 20;

/// How reading a record's file went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Whole frames found.
    pub frames: u64,
    /// Frames of kinds that are not known here, among them.
    pub unknown_frames: u64,
    /// Bytes up to the end of the last whole frame.
    pub good_bytes: u64,
    /// Bytes behind it that were left alone.
    pub ignored_bytes: u64,
    /// Why reading stopped before the file's end.
    pub tear: Option<Tear>,
}

/// How a file can end other than after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tear {
    /// In the midst of one, as after a `kill -9` or a full disk.
    Truncated,
    /// With bytes that are no frame.
    Corrupt,
}

impl std::fmt::Display for Recovery {
    /// One line for people: what was recovered, and what was not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = match self.tear {
            None => return write!(f, "read {} frames", self.frames),
            Some(Tear::Truncated) => "breaks off in the midst of a frame",
            Some(Tear::Corrupt) => "is damaged",
        };
        write!(
            f,
            "the record {how} after {} bytes: recovered {} frames, ignored {} bytes",
            self.good_bytes, self.frames, self.ignored_bytes
        )
    }
}

/// A run read from its record. Snapshots stay in the file until they are asked for.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    /// What was run.
    pub meta: Meta,
    /// Its log, in the order of writing.
    pub logs: Vec<LogLine>,
    /// Log lines beyond what a reader keeps.
    pub logs_left_out: u64,
    /// How it ended; `None` if it was killed (or still runs).
    pub end: Option<End>,
    /// When its clock started, unix time in nanoseconds, if it got that far.
    pub started_unix_ns: Option<u64>,
    /// How reading went.
    pub recovery: Recovery,
    /// What happened, in the order of writing: by probe, so times may go back a little.
    pub events: Vec<Event>,
    /// Events, and tables, beyond what a reader keeps, or unreadable.
    pub observations_left_out: u64,
    /// What probes knew at the end, or when they last told: one for each source and name.
    pub tables: Vec<Table>,
    /// Places of the snapshots' payloads in the file.
    places: Vec<Place>,
    /// And of those of probes.
    observed: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    len: usize,
}

impl Run {
    /// Reads the record in `path`, a run's directory or the file in it. Every frame is proved;
    /// at the first that fails, reading stops and [`Run::recovery`] says so.
    ///
    /// # Errors
    /// If there is no record, a newer Squall wrote it, or nothing of it is left.
    pub fn open(path: &Path) -> Result<Run, RecordError> {
        let path = if path.is_dir() { path.join(RUN_FILE) } else { path.to_owned() };
        let file = File::open(&path).map_err(RecordError::io("read", &path))?;
        let size = file.metadata().map_err(RecordError::io("read", &path))?.len();
        Scan::new(&path).run(BufReader::with_capacity(256 << 10, file), size)
    }

    /// The encoded snapshots in the order of writing, read from the file one at a time.
    ///
    /// # Errors
    /// If the file cannot be opened again.
    pub fn encoded_snapshots(&self) -> Result<EncodedSnapshots<'_>, RecordError> {
        self.at(&self.places)
    }

    /// The encoded snapshots of probes in the order of writing, read one at a time. They are
    /// signed by an agent of their own and no part of the run's totals.
    ///
    /// # Errors
    /// If the file cannot be opened again.
    pub fn encoded_observed(&self) -> Result<EncodedSnapshots<'_>, RecordError> {
        self.at(&self.observed)
    }

    fn at<'a>(&'a self, places: &'a [Place]) -> Result<EncodedSnapshots<'a>, RecordError> {
        let file = File::open(&self.path).map_err(RecordError::io("read", &self.path))?;
        Ok(EncodedSnapshots { run: self, file, places: places.iter() })
    }

    /// How many snapshots there are.
    pub fn snapshot_count(&self) -> usize {
        self.places.len()
    }

    /// How many snapshots of probes there are.
    pub fn observed_count(&self) -> usize {
        self.observed.len()
    }

    pub(crate) fn content(
        &self,
        what: &'static str,
        reason: impl std::fmt::Display,
    ) -> RecordError {
        RecordError::Content { what, path: self.path.clone(), reason: reason.to_string() }
    }
}

/// See [`Run::encoded_snapshots`].
#[derive(Debug)]
pub struct EncodedSnapshots<'a> {
    run: &'a Run,
    file: File,
    places: std::slice::Iter<'a, Place>,
}

impl Iterator for EncodedSnapshots<'_> {
    type Item = Result<Vec<u8>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let place = *self.places.next()?;
        let mut bytes = vec![0; place.len];
        let read = self
            .file
            .seek(SeekFrom::Start(place.at))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(RecordError::io("read", &self.run.path));
        Some(read.map(|()| bytes))
    }
}

/// One pass over a record's file.
struct Scan<'a> {
    path: &'a Path,
    meta: Option<Meta>,
    logs: Vec<LogLine>,
    log_bytes: usize,
    logs_left_out: u64,
    end: Option<End>,
    started: Option<u64>,
    events: Vec<Event>,
    event_bytes: usize,
    tables: Vec<Table>,
    table_bytes: usize,
    observations_left_out: u64,
    places: Vec<Place>,
    observed: Vec<Place>,
    recovery: Recovery,
}

impl<'a> Scan<'a> {
    fn new(path: &'a Path) -> Self {
        let recovery = Recovery {
            frames: 0,
            unknown_frames: 0,
            good_bytes: HEADER_LEN as u64,
            ignored_bytes: 0,
            tear: None,
        };
        Scan {
            path,
            meta: None,
            logs: Vec::new(),
            log_bytes: 0,
            logs_left_out: 0,
            end: None,
            started: None,
            events: Vec::new(),
            event_bytes: 0,
            tables: Vec::new(),
            table_bytes: 0,
            observations_left_out: 0,
            places: Vec::new(),
            observed: Vec::new(),
            recovery,
        }
    }

    fn run(mut self, mut input: impl Read, size: u64) -> Result<Run, RecordError> {
        let not_a_record = || RecordError::NotARecord(self.path.to_owned());
        let mut header = [0; HEADER_LEN];
        if size < HEADER_LEN as u64 || input.read_exact(&mut header).is_err() {
            return Err(not_a_record());
        }
        let found = frame::version(header).ok_or_else(not_a_record)?;
        if found > frame::VERSION || found == 0 {
            let path = self.path.to_owned();
            return Err(RecordError::Version { path, found, known: frame::VERSION });
        }
        loop {
            let at = self.recovery.good_bytes;
            let next = frame::read(&mut input, size.saturating_sub(at))
                .map_err(RecordError::io("read", self.path))?;
            self.recovery.tear = match next {
                Next::Frame(kind, payload) => {
                    self.frame(kind, &payload, at + FRAME_HEAD_LEN as u64)?;
                    self.recovery.frames += 1;
                    self.recovery.good_bytes = at + (FRAME_HEAD_LEN + payload.len()) as u64;
                    continue;
                }
                Next::End => None,
                Next::Truncated => Some(Tear::Truncated),
                Next::Corrupt => Some(Tear::Corrupt),
            };
            self.recovery.ignored_bytes = size.saturating_sub(at);
            break;
        }
        Ok(Run {
            meta: self.meta.ok_or_else(|| RecordError::NoMeta(self.path.to_owned()))?,
            path: self.path.to_owned(),
            logs: self.logs,
            logs_left_out: self.logs_left_out,
            end: self.end,
            started_unix_ns: self.started,
            recovery: self.recovery,
            events: self.events,
            observations_left_out: self.observations_left_out,
            tables: self.tables,
            places: self.places,
            observed: self.observed,
        })
    }

    fn frame(&mut self, kind: Option<Kind>, payload: &[u8], at: u64) -> Result<(), RecordError> {
        match kind {
            Some(Kind::Snapshot) => self.places.push(Place { at, len: payload.len() }),
            Some(Kind::Log) => self.log(self.json("a log line", payload)?),
            Some(Kind::Meta) => {
                self.meta = Some(self.json("the description of the run", payload)?);
            }
            Some(Kind::End) => self.end = Some(self.json("the end of the run", payload)?),
            Some(Kind::Started) => {
                let bytes = <[u8; 8]>::try_from(payload)
                    .map_err(|e| self.content("the start of the run", e))?;
                self.started = Some(u64::from_le_bytes(bytes));
            }
            Some(Kind::Observed) => self.observed.push(Place { at, len: payload.len() }),
            Some(Kind::Event) => self.event(payload),
            Some(Kind::Table) => self.table(payload),
            None => self.recovery.unknown_frames += 1,
        }
        Ok(())
    }

    fn log(&mut self, line: LogLine) {
        self.log_bytes = self.log_bytes.saturating_add(line.text.len());
        if self.logs.len() < MAX_LOG_LINES && self.log_bytes <= MAX_LOG_BYTES {
            self.logs.push(line);
        } else {
            self.logs_left_out += 1;
        }
    }

    /// What is beside the numbers must not keep the run from being read: an event that a newer
    /// Squall wrote in another form is left out.
    fn event(&mut self, payload: &[u8]) {
        self.event_bytes = self.event_bytes.saturating_add(payload.len());
        let fits = self.events.len() < MAX_EVENTS && self.event_bytes <= MAX_EVENT_BYTES;
        match serde_json::from_slice(payload) {
            Ok(event) if fits => self.events.push(event),
            _ => self.observations_left_out += 1,
        }
    }

    fn table(&mut self, payload: &[u8]) {
        self.table_bytes = self.table_bytes.saturating_add(payload.len());
        let Ok(table) = serde_json::from_slice::<Table>(payload) else {
            self.observations_left_out += 1;
            return;
        };
        let is_same = |known: &Table| (&known.source, &known.name) == (&table.source, &table.name);
        let fits = self.tables.len() < MAX_TABLES && self.table_bytes <= MAX_TABLE_BYTES;
        match self.tables.iter().position(is_same) {
            Some(place) => self.tables[place] = table,
            None if fits => self.tables.push(table),
            None => self.observations_left_out += 1,
        }
    }

    fn json<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        payload: &[u8],
    ) -> Result<T, RecordError> {
        serde_json::from_slice(payload).map_err(|e| self.content(what, e))
    }

    fn content(&self, what: &'static str, reason: impl std::fmt::Display) -> RecordError {
        RecordError::Content { what, path: self.path.to_owned(), reason: reason.to_string() }
    }
}
