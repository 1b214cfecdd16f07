//! Keeping the run: snapshots and log lines go to a directory once a second, in `record`'s format.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use metrics::Snapshot;
use record::{End, Meta, RecordError, RunName, Writer};

use crate::environment;
use crate::log::{Copied, Logger};

/// Log lines that may wait for the next write.
const LINES: usize = 4_096;

/// The record of a run in progress. Trouble with it is told once and never ends the run.
pub(crate) struct Recording {
    writer: Option<Writer>,
    lines: Receiver<Copied>,
    log: Logger,
}

impl Recording {
    /// Starts a record in `directory`, or in a new one of the user's data folder.
    pub(crate) fn start(directory: Option<&str>, meta: &Meta, log: &Logger) -> Option<Self> {
        let created = match directory {
            Some(directory) => Ok(PathBuf::from(directory)),
            None => free_directory(meta),
        };
        match created.and_then(|directory| Writer::create(&directory, meta)) {
            Ok(writer) => {
                let (copy, lines) = sync_channel(LINES);
                log.copy_to(copy);
                Some(Self { writer: Some(writer), lines, log: log.clone() })
            }
            Err(error) => {
                log.warn(&format!("the run is not recorded: {error}"));
                None
            }
        }
    }

    /// Notes when the run's clock started.
    pub(crate) fn started(&mut self, unix_ns: u64) {
        if let Some(writer) = &mut self.writer {
            writer.started(unix_ns);
        }
    }

    /// Adds a snapshot and the lines since the last one, and hands them to the system.
    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) {
        let Some(writer) = &mut self.writer else { return };
        for (unix_ns, text) in self.lines.try_iter() {
            writer.log(unix_ns, &text);
        }
        let written = writer.snapshot(&snapshot.encode()).and_then(|()| writer.flush());
        if let Err(error) = written {
            self.log.warn(&format!("the run is recorded only up to here: {error}"));
            self.writer = None;
        }
    }

    /// Ends the record; the directory, if all went well.
    pub(crate) fn finish(mut self, end: &End) -> Option<PathBuf> {
        let mut writer = self.writer.take()?;
        for (unix_ns, text) in self.lines.try_iter() {
            writer.log(unix_ns, &text);
        }
        match writer.finish(end) {
            Ok(directory) => Some(directory),
            Err(error) => {
                self.log.warn(&format!("the record of the run has no end: {error}"));
                None
            }
        }
    }
}

/// Where runs are kept unless the user says otherwise.
pub(crate) fn runs_folder() -> Option<PathBuf> {
    environment::data_folder().map(|folder| folder.join("runs"))
}

fn free_directory(meta: &Meta) -> Result<PathBuf, RecordError> {
    let folder = runs_folder().unwrap_or_else(|| Path::new("squall-runs").to_owned());
    let offset = jiff::tz::TimeZone::system().to_offset(
        jiff::Timestamp::from_nanosecond(i128::from(meta.created_unix_ns))
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH),
    );
    let name = RunName {
        started_unix_ns: meta.created_unix_ns,
        utc_offset_s: offset.seconds(),
        script: &meta.script_path,
    };
    record::create_unique(&folder, name)
}
