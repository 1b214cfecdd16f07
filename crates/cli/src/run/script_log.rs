//! What the script and the engine say, on its way from the cores to the log.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k6::{LogRecord, LogSink};

use crate::log::{Level, Line, Logger, Origin};
use crate::machine::remedies;

/// The sink given to the front end. Never waits: the logger counts what finds no room. `--console-output` takes what
/// VUs print; what init code prints stays in the log, as in k6.
#[derive(Clone)]
pub(crate) struct ScriptLog {
    log: Logger,
    shortages: Arc<Shortages>,
}

/// What of the machine ran out, as seen in the errors of requests.
#[derive(Default)]
struct Shortages {
    descriptors: AtomicBool,
    ports: AtomicBool,
}

impl Shortages {
    fn look_at(&self, text: &str) {
        let text = text.to_ascii_lowercase();
        if text.contains("too many open files") {
            self.descriptors.store(true, Ordering::Relaxed);
        } else if text.contains("assign requested address") {
            self.ports.store(true, Ordering::Relaxed);
        }
    }
}

impl ScriptLog {
    /// A sink in front of the log.
    pub(crate) fn new(log: Logger) -> Self {
        Self { log, shortages: Arc::default() }
    }

    /// What ran out, each with its remedy.
    pub(crate) fn shortages(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.shortages.descriptors.load(Ordering::Relaxed) {
            notes.push(format!(
                "requests failed because the process ran out of file descriptors: {}",
                remedies::descriptors()
            ));
        }
        if self.shortages.ports.load(Ordering::Relaxed) {
            notes.push(format!(
                "requests failed because the machine ran out of ports for new connections: {}",
                remedies::PORTS
            ));
        }
        notes
    }
}

fn level(level: k6::Level) -> Level {
    match level {
        k6::Level::Debug => Level::Debug,
        k6::Level::Info => Level::Info,
        k6::Level::Warning => Level::Warning,
        k6::Level::Error => Level::Error,
    }
}

impl LogSink for ScriptLog {
    fn log(&self, record: LogRecord) {
        if matches!(record.level, k6::Level::Warning | k6::Level::Error) {
            self.shortages.look_at(&record.message);
            record.fields.iter().for_each(|(_, value)| self.shortages.look_at(value));
        }
        let is_console =
            record.fields.iter().any(|(name, value)| *name == "source" && value == "console");
        self.log.offer(Line {
            unix_ns: record.unix_ns,
            level: level(record.level),
            message: record.message,
            fields: record.fields.into_iter().map(|(k, v)| (Cow::Borrowed(k), v)).collect(),
            origin: if is_console && !record.in_init { Origin::Console } else { Origin::Program },
        });
    }

    fn is_enabled(&self, of: k6::Level) -> bool {
        self.log.shows(level(of))
    }
}
