//! How a command ends: exit codes as a type, and failures that know their code, fields and hint.

use std::fmt;

/// The process's exit codes; k6's numbers (its reference, section E).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Everything went well.
    Success,
    /// A check that is the command's whole purpose failed (`doctor`).
    Failure,
    /// Thresholds were crossed.
    ThresholdsCrossed,
    /// Options, thresholds, environment or the config file are wrong.
    InvalidConfig,
    /// SIGINT or SIGTERM.
    Signal,
    /// The script threw outside an iteration, or can't be parsed.
    ScriptException,
    /// The script called `exec.test.abort()`.
    ScriptAborted,
    /// A bug of ours stopped the run.
    Panic,
    /// The script called `exec.test.fail()`.
    MarkedFailed,
    /// Something happened that `--fail-on` names; ours, k6 has no such code.
    FailOn,
    /// Flags, arguments, files, outputs: everything without a code of its own.
    Usage,
    /// A code that came with an error of the engine or the script (100, 101, …).
    Code(u8),
}

impl ExitStatus {
    /// The number the process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::ThresholdsCrossed => 99,
            Self::InvalidConfig => 104,
            Self::Signal => 105,
            Self::ScriptException => 107,
            Self::ScriptAborted => 108,
            Self::Panic => 109,
            Self::MarkedFailed => 110,
            Self::FailOn => 111,
            Self::Usage => 255,
            Self::Code(code) => code,
        }
    }
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// Why a command failed: one log line at level error, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The code to end with.
    pub(crate) status: ExitStatus,
    /// The line's message; empty where the reason was already told.
    pub(crate) message: String,
    /// Further fields of the line (`hint`, `error`, …).
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Failure {
    /// A failure with a message.
    pub(crate) fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fields: Vec::new() }
    }

    /// Wrong flags, arguments or files: code 255.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, message)
    }

    /// Wrong options: code 104.
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::InvalidConfig, message)
    }

    /// The same failure with a `hint` field.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.fields.push(("hint", hint.into()));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<crate::flags::UsageError> for Failure {
    fn from(error: crate::flags::UsageError) -> Self {
        Self::usage(error.0)
    }
}

/// What a command returns: a status it reached by itself, or a failure still to be told.
pub(crate) type CommandResult = Result<ExitStatus, Failure>;

/// A system error in the words Go and libc use: `no such file or directory`.
pub(crate) fn system_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
