//! Writing a run's directory while it goes on.

use crate::directory::{claim, rfc3339};
use crate::error::RecordError;
use crate::frame::{self, Kind};
use crate::meta::{End, LogLine, Meta};
use crate::{META_FILE, RUN_FILE};
use metrics::{Event, Table};
use serde::Serialize;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Longest line of the log that is kept; the rest of a line is cut off.
const MAX_LOG_LINE: usize = 64 << 10;
/// All log lines of a run together. What comes after is counted, not kept: a script that logs in
/// every iteration must not fill the disk.
const MAX_LOG_BYTES: usize = 64 << 20;
/// Events of a run: what a cluster tells in hours, but no flood of them.
const MAX_EVENTS: u64 = 100_000;
/// Bytes of all events, and of all tables, of a run together.
const MAX_EVENT_BYTES: usize = 64 << 20;
const MAX_TABLE_BYTES: usize = 128 << 20;
/// Bytes of all that probes measured: 50 series a second for weeks.
const MAX_OBSERVED_BYTES: usize = 1 << 30;

/// How much of a run found no place in its record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Lines of the log.
    pub log_lines: u64,
    /// Snapshots of probes.
    pub observed: u64,
    /// Events.
    pub events: u64,
    /// Tables.
    pub tables: u64,
}

/// Appends to the record of a run.
///
/// What it is given waits in memory until [`Writer::flush`], which hands it to the operating
/// system in one write: called once a second, a `kill -9` costs at most the last second. Only
/// [`Writer::finish`] waits for the disk.
#[derive(Debug)]
pub struct Writer {
    file: File,
    directory: PathBuf,
    path: PathBuf,
    /// The head of `meta.json`, completed at the end.
    description: Value,
    pending: Vec<u8>,
    /// Length of the file up to which all is well.
    written: u64,
    broken: bool,
    log_bytes: usize,
    observed_bytes: usize,
    events: u64,
    event_bytes: usize,
    table_bytes: usize,
    dropped: Dropped,
}

impl Writer {
    /// Starts a record in `directory`, which is made if need be, and writes `meta` at once, so
    /// that even a run killed in its first second says what it was.
    ///
    /// # Errors
    /// [`RecordError::Occupied`] if the directory holds a run; the operating system's otherwise.
    pub fn create(directory: &Path, meta: &Meta) -> Result<Writer, RecordError> {
        claim(directory)?;
        let path = directory.join(RUN_FILE);
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        let file = options.open(&path).map_err(RecordError::io("create", &path))?;
        let mut writer = Writer {
            file,
            directory: directory.to_owned(),
            path,
            description: describe(meta),
            pending: frame::header().to_vec(),
            written: 0,
            broken: false,
            log_bytes: 0,
            observed_bytes: 0,
            events: 0,
            event_bytes: 0,
            table_bytes: 0,
            dropped: Dropped::default(),
        };
        writer.append_json(Kind::Meta, "the description of the run", meta)?;
        writer.flush()?;
        writer.write_description()?;
        Ok(writer)
    }

    /// The directory of the run.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Notes when the run's clock started: elapsed time counts from here if the run is killed.
    pub fn started(&mut self, unix_ns: u64) {
        // Eight bytes are below every limit.
        let _ = frame::append(&mut self.pending, Kind::Started, &unix_ns.to_le_bytes());
    }

    /// Adds an encoded `metrics::Snapshot`, as it is.
    ///
    /// # Errors
    /// [`RecordError::TooLarge`]; nothing is added then.
    pub fn snapshot(&mut self, encoded: &[u8]) -> Result<(), RecordError> {
        self.append(Kind::Snapshot, "a snapshot", encoded)
    }

    /// Adds a line of the log. Long lines are cut, and beyond a bound for the whole run lines are
    /// dropped and counted; [`Writer::log_lines_dropped`] tells.
    pub fn log(&mut self, unix_ns: u64, text: &str) {
        let mut cut = text.len().min(MAX_LOG_LINE);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        let line = LogLine { unix_ns, text: text[..cut].to_owned() };
        self.log_bytes = self.log_bytes.saturating_add(cut + frame::FRAME_HEAD_LEN);
        if self.log_bytes > MAX_LOG_BYTES
            || self.append_json(Kind::Log, "a log line", &line).is_err()
        {
            self.dropped.log_lines += 1;
        }
    }

    /// How many log lines found no place.
    pub fn log_lines_dropped(&self) -> u64 {
        self.dropped.log_lines
    }

    /// Adds an encoded `metrics::Snapshot` of what a probe saw. It is no part of the run's totals.
    ///
    /// # Errors
    /// [`RecordError::TooLarge`]; nothing is added then. What is beyond the bound for the whole
    /// run is no error but counted: see [`Writer::dropped`].
    pub fn observed(&mut self, encoded: &[u8]) -> Result<(), RecordError> {
        self.observed_bytes = self.observed_bytes.saturating_add(encoded.len());
        if self.observed_bytes > MAX_OBSERVED_BYTES {
            self.dropped.observed += 1;
            return Ok(());
        }
        self.append(Kind::Observed, "what a probe saw", encoded)
    }

    /// Adds an event, its texts cut to their bounds.
    ///
    /// # Errors
    /// If it has no JSON. Events beyond the bound for the whole run are counted instead.
    pub fn event(&mut self, event: &Event) -> Result<(), RecordError> {
        let payload = self.json("an event", &event.clone().bounded())?;
        self.events += 1;
        self.event_bytes = self.event_bytes.saturating_add(payload.len());
        if self.events > MAX_EVENTS || self.event_bytes > MAX_EVENT_BYTES {
            self.dropped.events += 1;
            return Ok(());
        }
        self.append(Kind::Event, "an event", &payload)
    }

    /// Adds a table, cut to its bounds; it replaces one of the same source and name.
    ///
    /// # Errors
    /// If it has no JSON. Tables beyond the bound for the whole run are counted instead.
    pub fn table(&mut self, table: &Table) -> Result<(), RecordError> {
        let payload = self.json("a table", &table.clone().bounded())?;
        self.table_bytes = self.table_bytes.saturating_add(payload.len());
        if self.table_bytes > MAX_TABLE_BYTES {
            self.dropped.tables += 1;
            return Ok(());
        }
        self.append(Kind::Table, "a table", &payload)
    }

    /// What found no place.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Hands everything added so far to the operating system, in one write.
    ///
    /// A write that fails halfway (a full disk) is taken back, so that the record stays whole up
    /// to the last good flush, and what was pending is dropped, so that memory stays bounded.
    ///
    /// # Errors
    /// The operating system's, and [`RecordError::Broken`] once taking back has failed as well.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        if self.broken {
            self.pending.clear();
            return Err(RecordError::Broken(self.path.clone()));
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let outcome = self.file.write_all(&self.pending);
        match outcome {
            Ok(()) => self.written += self.pending.len() as u64,
            Err(_) => self.broken = self.file.set_len(self.written).is_err(),
        }
        self.pending.clear();
        outcome.map_err(RecordError::io("write", &self.path))
    }

    /// Adds how the run ended, waits until the disk has everything, and returns the directory.
    ///
    /// # Errors
    /// The operating system's.
    pub fn finish(mut self, end: &End) -> Result<PathBuf, RecordError> {
        self.append_json(Kind::End, "the end of the run", end)?;
        self.flush()?;
        self.file.sync_all().map_err(RecordError::io("write", &self.path))?;
        if let Value::Object(description) = &mut self.description {
            description["state"] = json!("ended");
            description.insert("ended".into(), json!(rfc3339(end.ended_unix_ns)));
            description.insert("elapsed_s".into(), json!(end.elapsed_ns as f64 / 1e9));
            description.insert("reason".into(), json!(end.reason));
            description.insert("exit_code".into(), json!(end.exit_code));
            let Dropped { log_lines, observed, events, tables } = self.dropped;
            description.insert("log_lines_dropped".into(), json!(log_lines));
            if observed + events + tables > 0 {
                let dropped = json!({ "observed": observed, "events": events, "tables": tables });
                description.insert("observations_dropped".into(), dropped);
            }
        }
        self.write_description()?;
        Ok(self.directory)
    }

    fn append(
        &mut self,
        kind: Kind,
        what: &'static str,
        payload: &[u8],
    ) -> Result<(), RecordError> {
        if frame::append(&mut self.pending, kind, payload) {
            return Ok(());
        }
        Err(RecordError::TooLarge { what, size: payload.len(), limit: frame::MAX_PAYLOAD })
    }

    fn append_json<T: Serialize>(
        &mut self,
        kind: Kind,
        what: &'static str,
        value: &T,
    ) -> Result<(), RecordError> {
        let payload = self.json(what, value)?;
        self.append(kind, what, &payload)
    }

    fn json<T: Serialize>(&self, what: &'static str, value: &T) -> Result<Vec<u8>, RecordError> {
        serde_json::to_vec(value).map_err(|e| RecordError::Content {
            what,
            path: self.path.clone(),
            reason: e.to_string(),
        })
    }

    /// Replaces `meta.json` in one step: whoever reads it meanwhile sees the old or the new one.
    fn write_description(&self) -> Result<(), RecordError> {
        let path = self.directory.join(META_FILE);
        let fresh = self.directory.join("meta.json.new");
        let text = format!("{:#}\n", self.description);
        fs::write(&fresh, text).map_err(RecordError::io("write", &fresh))?;
        fs::rename(&fresh, &path).map_err(RecordError::io("write", &path))
    }
}

/// `meta.json`: the parts of the record that people look for, without the script's text.
fn describe(meta: &Meta) -> Value {
    json!({
        "format": frame::VERSION,
        "squall_version": meta.squall_version,
        "script": meta.script_path,
        "command_line": meta.command_line,
        "created": rfc3339(meta.created_unix_ns),
        "state": "running",
        "options": meta.options,
    })
}
