//! Writing a run's directory while it goes on.

use crate::directory::{claim, rfc3339};
use crate::error::RecordError;
use crate::frame::{self, Kind};
use crate::meta::{End, LogLine, Meta};
use crate::{META_FILE, RUN_FILE};
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
    log_lines_dropped: u64,
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
            log_lines_dropped: 0,
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
            self.log_lines_dropped += 1;
        }
    }

    /// How many log lines found no place.
    pub fn log_lines_dropped(&self) -> u64 {
        self.log_lines_dropped
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
            description.insert("log_lines_dropped".into(), json!(self.log_lines_dropped));
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
        let payload = serde_json::to_vec(value).map_err(|e| RecordError::Content {
            what,
            path: self.path.clone(),
            reason: e.to_string(),
        })?;
        self.append(kind, what, &payload)
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
