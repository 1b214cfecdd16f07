//! The log: lines of ours, of the engine and of the script, in k6's three formats.
//!
//! Lines come from cores that must not wait, so they pass through one bounded queue to one writer thread;
//! lines that find it full are counted and told at the end. Start reading at [`Logger`].

mod destination;
pub(crate) mod format;
mod redaction;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

pub(crate) use destination::{ConsoleFile, Destination};
pub(crate) use format::{Format, Level};

/// Lines that may wait for the writer. At 200 bytes a line this is some 3 MB at most.
const QUEUE_LINES: usize = 16_384;

/// After this long without a line, buffered lines reach their file.
const QUIET: Duration = Duration::from_secs(1);

/// How long the end of the process may wait for a reader of the log.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);

/// What made a line; decides whether `--console-output` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Squall, or the script's init code.
    Program,
    /// `console.*` of a running VU.
    Console,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Wall time, unix nanoseconds.
    pub(crate) unix_ns: u64,
    /// How bad it is.
    pub(crate) level: Level,
    /// What it says.
    pub(crate) message: String,
    /// Named values, in any order.
    pub(crate) fields: Vec<(Cow<'static, str>, String)>,
    /// What stands behind the line.
    pub(crate) origin: Origin,
}

/// A line as text, for the record: unix nanoseconds and the line without its end.
pub(crate) type Copied = (u64, String);

enum Job {
    Line(Line),
    Redact(String),
    Copy(SyncSender<Copied>),
    Flush(SyncSender<()>),
}

/// Where lines are sent. Cheap to clone; any thread may use it.
#[derive(Clone)]
pub(crate) struct Logger {
    queue: SyncSender<Job>,
    dropped: Arc<AtomicU64>,
    least: Level,
}

impl Logger {
    /// Starts the writer thread.
    pub(crate) fn start(
        destination: Destination,
        console: Option<ConsoleFile>,
        least: Level,
    ) -> Self {
        let (queue, jobs) = sync_channel(QUEUE_LINES);
        let writer = Writer { jobs, destination, console, copy: None, secrets: Vec::new() };
        // Without a writer every line would block for ever; a process that can't start one thread can't run a test.
        rt::thread::start("squall-log", move || writer.run())
            .expect("the system lets a process start its first thread");
        Self { queue, dropped: Arc::default(), least }
    }

    /// Whether lines of this level are shown at all.
    pub(crate) fn shows(&self, level: Level) -> bool {
        level <= self.least
    }

    /// Queues a line, waiting for room: for lines of ours, off the cores.
    pub(crate) fn log(&self, level: Level, message: &str, fields: &[(&'static str, String)]) {
        if !self.shows(level) {
            return;
        }
        let fields = fields.iter().map(|(k, v)| (Cow::Borrowed(*k), v.clone())).collect();
        let line = Line {
            unix_ns: rt::unix_nanos(),
            level,
            message: message.to_owned(),
            fields,
            origin: Origin::Program,
        };
        let _ = self.queue.send(Job::Line(line));
    }

    /// Queues a line without waiting: for lines that come from cores. A line that finds no room is counted.
    pub(crate) fn offer(&self, line: Line) {
        if !self.shows(line.level) {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Job::Line(line)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// From now on every line is also sent there as text. A copy that finds no room is dropped.
    pub(crate) fn copy_to(&self, queue: SyncSender<Copied>) {
        let _ = self.queue.send(Job::Copy(queue));
    }

    /// No line that is queued from now on shows this text.
    pub(crate) fn redact(&self, secret: &str) {
        if !secret.is_empty() {
            let _ = self.queue.send(Job::Redact(secret.to_owned()));
        }
    }

    /// A warning.
    pub(crate) fn warn(&self, message: &str) {
        self.log(Level::Warning, message, &[]);
    }

    /// Waits until everything queued so far is written. Where nobody reads what is written, gives up after some time.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.queue.try_send(Job::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_PATIENCE);
        }
    }

    /// How many lines were lost because the queue was full; resets the count.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

struct Writer {
    jobs: Receiver<Job>,
    destination: Destination,
    console: Option<ConsoleFile>,
    copy: Option<SyncSender<Copied>>,
    secrets: Vec<String>,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.jobs.recv_timeout(QUIET) {
                Ok(Job::Line(line)) => self.write(&redaction::of_line(line, &self.secrets)),
                Ok(Job::Redact(secret)) => self.secrets.push(secret),
                Ok(Job::Copy(queue)) => self.copy = Some(queue),
                Ok(Job::Flush(done)) => {
                    self.flush();
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.flush();
    }

    fn flush(&mut self) {
        self.destination.flush();
        if let Some(console) = &mut self.console {
            console.flush();
        }
    }

    fn write(&mut self, line: &Line) {
        if let Some(copy) = &self.copy {
            let mut text = String::new();
            Format::Text.render(line, &mut text);
            text.truncate(text.trim_end_matches('\n').len());
            let _ = copy.try_send((line.unix_ns, text));
        }
        match &mut self.console {
            Some(console) if line.origin == Origin::Console => console.write(line),
            _ => self.destination.write(line),
        }
    }
}
