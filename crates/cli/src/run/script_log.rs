//! What the script and the engine say, on its way from the cores to the log.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k6::log::{LogRecord, LogSink};

use crate::log::{Level, Line, Logger, Origin};

/// The sink given to the front end. Never waits: the logger counts what finds no room.
#[derive(Clone)]
pub(crate) struct ScriptLog {
    log: Logger,
    running: Arc<AtomicBool>,
}

impl ScriptLog {
    /// A sink in front of the log.
    pub(crate) fn new(log: Logger) -> Self {
        Self { log, running: Arc::default() }
    }

    /// From now on console lines are those of VUs: `--console-output` takes them (k6 leaves init code's in the log).
    pub(crate) fn start_running(&self) {
        self.running.store(true, Ordering::Relaxed);
    }
}

fn level(level: k6::log::Level) -> Level {
    match level {
        k6::log::Level::Debug => Level::Debug,
        k6::log::Level::Info => Level::Info,
        k6::log::Level::Warning => Level::Warning,
        k6::log::Level::Error => Level::Error,
    }
}

impl LogSink for ScriptLog {
    fn log(&self, record: LogRecord) {
        let is_console =
            record.fields.iter().any(|(name, value)| *name == "source" && value == "console");
        let running = self.running.load(Ordering::Relaxed);
        self.log.offer(Line {
            unix_ns: record.unix_ns,
            level: level(record.level),
            message: record.message,
            fields: record.fields.into_iter().map(|(k, v)| (Cow::Borrowed(k), v)).collect(),
            origin: if is_console && running { Origin::Console } else { Origin::Program },
        });
    }

    fn is_enabled(&self, of: k6::log::Level) -> bool {
        self.log.shows(level(of))
    }
}
