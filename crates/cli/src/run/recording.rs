//! Keeping the run: snapshots and log lines go to a directory once a second, in `record`'s format.
//!
//! All of it happens on a thread of its own: making a directory takes longer than everything else before the first
//! request, and a slow disk must not hold up the run's director.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use metrics::{Event, Snapshot, Table};
use record::{End, Meta, RecordError, RunName, Writer};

use crate::environment;
use crate::log::{Copied, Logger};

/// Log lines that may wait for the next write.
const LINES: usize = 4_096;
/// Snapshots that may wait for the disk: minutes of them.
const SNAPSHOTS: usize = 256;

/// What the recording thread is told.
enum Entry {
    Started(u64),
    Snapshot(Vec<u8>),
    Observed(Vec<u8>),
    Event(Box<Event>),
    Table(Box<Table>),
    End(Box<End>),
}

/// Where probes put what they see: straight into the record's queue, from their own thread.
pub(crate) struct Sink(SyncSender<Entry>);

impl Sink {
    /// Adds what a probe saw; whether there was room. What is no longer urgent waits for room.
    pub(crate) fn observed(&self, snapshot: &Snapshot, is_urgent: bool) -> bool {
        let entry = Entry::Observed(snapshot.encode());
        if is_urgent {
            return self.put(entry);
        }
        let _ = self.0.send(entry);
        true
    }

    /// Adds an event; whether there was room.
    pub(crate) fn event(&self, event: Event) -> bool {
        self.put(Entry::Event(Box::new(event)))
    }

    /// Adds a table; whether there was room.
    pub(crate) fn table(&self, table: Table) -> bool {
        self.put(Entry::Table(Box::new(table)))
    }

    fn put(&self, entry: Entry) -> bool {
        // A thread that is gone has told why.
        !matches!(self.0.try_send(entry), Err(TrySendError::Full(_)))
    }
}

/// The record of a run in progress. Trouble with it is told once and never ends the run.
pub(crate) struct Recording {
    entries: SyncSender<Entry>,
    thread: JoinHandle<Option<PathBuf>>,
    lines: SyncSender<Copied>,
    lost: u64,
    log: Logger,
}

impl Recording {
    /// Starts a record in `directory`, or in a new one of the user's data folder.
    pub(crate) fn start(directory: Option<&str>, meta: Meta, log: &Logger) -> Option<Self> {
        let (copy, lines) = sync_channel(LINES);
        log.copy_to(copy.clone());
        let (entries, received) = sync_channel(SNAPSHOTS);
        let directory = directory.map(PathBuf::from);
        let own_log = log.clone();
        let body = move || {
            let written = keep(directory, &meta, &received, &lines);
            written.map_err(|error| own_log.warn(&trouble(&error))).ok()
        };
        match rt::thread::start("squall-record", body) {
            Ok(thread) => Some(Self { entries, thread, lines: copy, lost: 0, log: log.clone() }),
            Err(error) => {
                log.warn(&format!("the run is not recorded: {error}"));
                None
            }
        }
    }

    /// Notes when the run's clock started.
    pub(crate) fn started(&mut self, unix_ns: u64) {
        self.send(Entry::Started(unix_ns));
    }

    /// Adds a snapshot and the lines since the last one.
    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) {
        self.send(Entry::Snapshot(snapshot.encode()));
    }

    /// A way in for what probes see.
    pub(crate) fn sink(&self) -> Sink {
        Sink(self.entries.clone())
    }

    /// Adds a line that another process has logged. One that finds no room is dropped, as one of ours is.
    pub(crate) fn line(&self, text: &str) {
        let _ = self.lines.try_send((rt::unix_nanos(), text.to_owned()));
    }

    fn send(&mut self, entry: Entry) {
        // An error is a full queue, or a thread that has told why it gave up.
        if self.entries.try_send(entry).is_err() && !self.thread.is_finished() {
            self.lost += 1;
        }
    }

    /// Ends the record; the directory, if all went well.
    pub(crate) fn finish(self, end: &End) -> Option<PathBuf> {
        if self.lost > 0 {
            self.log.warn(&format!(
                "the record lacks {} seconds of one core each: the disk was too slow",
                self.lost
            ));
        }
        let _ = self.entries.send(Entry::End(Box::new(end.clone())));
        drop(self.entries);
        self.thread.join().ok().flatten()
    }
}

/// Why a run is not recorded, or not to its end, and what helps.
fn trouble(error: &RecordError) -> String {
    let RecordError::Io { action, path, source } = error else {
        return format!("the run is not recorded: {error}");
    };
    let remedy = match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space (`squall runs` lists old runs), or keep runs elsewhere with --record DIR"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; keep runs elsewhere with --record DIR, or do without with --no-record"
        }
        _ => "",
    };
    match *action {
        "write" => format!(
            "the record ends before the run does: {error}; {} is readable up to here{remedy}",
            path.parent().unwrap_or(path).display()
        ),
        _ => format!("the run is not recorded: {error}{remedy}"),
    }
}

/// The recording thread: writes until the end of the run.
fn keep(
    directory: Option<PathBuf>,
    meta: &Meta,
    entries: &Receiver<Entry>,
    lines: &Receiver<Copied>,
) -> Result<PathBuf, RecordError> {
    let directory = match directory {
        Some(directory) => directory,
        None => free_directory(meta)?,
    };
    let mut writer = Writer::create(&directory, meta)?;
    for entry in entries {
        for (unix_ns, text) in lines.try_iter() {
            writer.log(unix_ns, &text);
        }
        match entry {
            Entry::Started(unix_ns) => writer.started(unix_ns),
            Entry::Snapshot(encoded) => writer.snapshot(&encoded)?,
            Entry::Observed(encoded) => writer.observed(&encoded)?,
            Entry::Event(event) => writer.event(&event)?,
            Entry::Table(table) => writer.table(&table)?,
            Entry::End(end) => return writer.finish(&end),
        }
        writer.flush()?;
    }
    Ok(directory)
}

/// Where runs are kept unless the user says otherwise.
pub(crate) fn runs_folder() -> Option<PathBuf> {
    environment::data_folder().map(|folder| folder.join("runs"))
}

fn free_directory(meta: &Meta) -> Result<PathBuf, RecordError> {
    let folder = runs_folder().unwrap_or_else(|| Path::new("squall-runs").to_owned());
    let name = RunName {
        started_unix_ns: meta.created_unix_ns,
        utc_offset_s: utc_offset_s(meta.created_unix_ns),
        script: &meta.script_path,
    };
    record::create_unique(&folder, name)
}

/// Seconds that the user's clock is ahead of UTC at a moment.
pub(crate) fn utc_offset_s(unix_ns: u64) -> i32 {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(unix_ns));
    let moment = moment.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::TimeZone::system().to_offset(moment).seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_closed_folder_are_told_with_what_helps() {
        let told = |action, kind: ErrorKind| {
            let source = std::io::Error::from(kind);
            trouble(&RecordError::Io { action, path: "/runs/a/run.sqr".into(), source })
        };
        let full = told("write", ErrorKind::StorageFull);
        assert!(full.starts_with("the record ends before the run does: could not write"), "{full}");
        assert!(full.contains("/runs/a is readable up to here; free some space"), "{full}");
        let closed = told("create", ErrorKind::PermissionDenied);
        assert!(closed.starts_with("the run is not recorded: could not create"), "{closed}");
        assert!(closed.ends_with("or do without with --no-record"), "{closed}");
        assert!(!told("create", ErrorKind::NotFound).contains("; "));
    }
}
