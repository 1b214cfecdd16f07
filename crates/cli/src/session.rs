//! What every command shares: how it was called, its flags, the terminal and the log.

use std::path::Path;

use crate::environment;
use crate::exit::Failure;
use crate::flags::Parsed;
use crate::log::{ConsoleFile, Destination, Level, Logger};
use crate::terminal::{Abilities, Terminal};

/// The version of k6 whose behaviour Squall answers for.
pub(crate) const K6_VERSION: &str = "2.2.0";

/// The name the program was called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// `squall`, or anything else.
    Squall,
    /// A link named `k6`: print nothing k6 would not print.
    K6,
    /// A link named `locust`: behave as Locust does.
    Locust,
}

impl Name {
    /// From the first word of the command line.
    pub(crate) fn of(program: &str) -> Self {
        match Path::new(program).file_stem().and_then(|stem| stem.to_str()) {
            Some("k6") => Self::K6,
            Some("locust") => Self::Locust,
            _ => Self::Squall,
        }
    }

    /// As it appears in texts.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Squall => "squall",
            Self::K6 => "k6",
            Self::Locust => "locust",
        }
    }
}

/// One call of the program.
pub(crate) struct Session {
    /// The name it was called by.
    pub(crate) name: Name,
    /// Flags and arguments after the command.
    pub(crate) flags: Parsed,
    /// The two streams.
    pub(crate) terminal: Terminal,
    /// The log.
    pub(crate) log: Logger,
}

impl Session {
    /// Opens the log as flags and environment want it.
    ///
    /// # Errors
    /// The log's destination is unknown or can't be opened.
    pub(crate) fn open(name: Name, flags: Parsed) -> Result<Self, Failure> {
        let terminal = Terminal::new(abilities(&flags));
        let format = setting(&flags, "log-format", "K6_LOG_FORMAT");
        let output =
            setting(&flags, "log-output", "K6_LOG_OUTPUT").unwrap_or_else(|| "stderr".into());
        let destination =
            Destination::parse(&output, format.as_deref(), &terminal, rt::unix_nanos())?;
        let console = match setting(&flags, "console-output", "K6_CONSOLE_OUTPUT") {
            Some(path) => {
                let format = Destination::file_format(format.as_deref());
                Some(ConsoleFile::open(&path, format)?)
            }
            None => None,
        };
        let least = if flags.is_on("verbose") { Level::Debug } else { Level::Info };
        Ok(Self { name, flags, terminal, log: Logger::start(destination, console, least) })
    }

    /// The same session with other flags: a command that runs another one.
    pub(crate) fn with_flags(&self, flags: Parsed) -> Self {
        Self { name: self.name, flags, terminal: self.terminal.clone(), log: self.log.clone() }
    }

    /// Whether banner and progress are unwanted.
    pub(crate) fn quiet(&self) -> bool {
        self.flags.is_on("quiet")
    }
}

fn abilities(flags: &Parsed) -> Abilities {
    let no_color = flags.is_on("no-color")
        || environment::option_var("K6_NO_COLOR").is_some()
        || environment::var("NO_COLOR").is_some();
    let dumb = environment::var("TERM").as_deref() == Some("dumb");
    Abilities::detect(no_color, dumb)
}

/// A setting that a flag or an environment variable gives.
pub(crate) fn setting(flags: &Parsed, flag: &str, variable: &str) -> Option<String> {
    flags.text(flag).map(str::to_owned).or_else(|| environment::option_var(variable))
}

/// A log on standard error for mistakes found before a session could be opened.
pub(crate) fn plain_log(flags: &Parsed) -> Logger {
    let terminal = Terminal::new(abilities(flags));
    let destination = Destination::stderr(&terminal, rt::unix_nanos());
    Logger::start(destination, None, Level::Info)
}
