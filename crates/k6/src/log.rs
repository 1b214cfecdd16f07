//! What a test says: console output, warnings and exceptions, on their way to the user.
//!
//! The front end only makes records; formatting, colours, files and back-pressure are the sink's business.

/// How severe a record is; the names are k6's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `console.debug`; hidden unless asked for.
    Debug,
    /// `console.log`, `console.info`.
    Info,
    /// `console.warn` and warnings of ours.
    Warning,
    /// `console.error`, exceptions.
    Error,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Severity.
    pub level: Level,
    /// The text; may have several lines.
    pub message: String,
    /// Further fields in no particular order (k6 sorts them by name when it prints).
    pub fields: Vec<(&'static str, String)>,
    /// When, unix time in nanoseconds.
    pub unix_ns: u64,
    /// Whether init code said it.
    pub in_init: bool,
}

/// Where records go. Called on cores: must neither block nor grow without bound (drop and count instead).
pub trait LogSink: Send + Sync + 'static {
    /// Takes a record.
    fn log(&self, record: LogRecord);

    /// Whether records of this level are wanted at all; lets `console.debug` skip rendering.
    fn is_enabled(&self, _level: Level) -> bool {
        true
    }
}
