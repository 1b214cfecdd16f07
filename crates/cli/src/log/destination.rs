//! Where log lines go: a stream, a file, nowhere.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Format, Level, Line};
use crate::exit::{Failure, system_text};
use crate::terminal::Terminal;

/// Where lines go and in which format.
#[derive(Debug)]
pub(crate) struct Destination {
    sink: Sink,
    format: Format,
    buffer: String,
}

#[derive(Debug)]
enum Sink {
    Stderr(Terminal),
    Stdout(Terminal),
    None,
    File { file: BufWriter<File>, least: Level },
}

impl Destination {
    /// Reads `--log-output` and `--log-format`.
    ///
    /// # Errors
    /// k6's texts for an unknown output or a folder that does not exist.
    pub(crate) fn parse(
        output: &str,
        format: Option<&str>,
        terminal: &Terminal,
        since_unix_ns: u64,
    ) -> Result<Self, Failure> {
        let plain = match format {
            Some("json") => Format::Json,
            Some("raw") => Format::Raw,
            _ => Format::Text,
        };
        let on_screen = |tty: bool| match plain {
            Format::Text if tty && terminal.abilities.color => Format::Colored { since_unix_ns },
            other => other,
        };
        let (sink, format) = match output {
            "stderr" | "" => {
                (Sink::Stderr(terminal.clone()), on_screen(terminal.abilities.stderr_tty))
            }
            "stdout" => (Sink::Stdout(terminal.clone()), on_screen(terminal.abilities.stdout_tty)),
            "none" => (Sink::None, plain),
            other => match other.strip_prefix("file") {
                Some(spec) => (open_log_file(spec.strip_prefix('=').unwrap_or(spec))?, plain),
                None if other.starts_with("loki") => {
                    return Err(Failure::usage(
                        "log output 'loki' is not available in this version of squall",
                    )
                    .hint("use --log-output file=PATH and ship the file"));
                }
                None => return Err(Failure::usage(format!("unsupported log output '{other}'"))),
            },
        };
        Ok(Self { sink, format, buffer: String::new() })
    }

    /// Text on standard error.
    pub(crate) fn stderr(terminal: &Terminal, since_unix_ns: u64) -> Self {
        let abilities = terminal.abilities;
        let format = if abilities.stderr_tty && abilities.color {
            Format::Colored { since_unix_ns }
        } else {
            Format::Text
        };
        Self { sink: Sink::Stderr(terminal.clone()), format, buffer: String::new() }
    }

    /// The format without colours, for the console's own file.
    pub(crate) fn file_format(format: Option<&str>) -> Format {
        match format {
            Some("json") => Format::Json,
            Some("raw") => Format::Raw,
            _ => Format::Text,
        }
    }

    /// Writes one line. A full disk or a closed pipe loses the line, never the run.
    pub(crate) fn write(&mut self, line: &Line) {
        self.buffer.clear();
        self.format.render(line, &mut self.buffer);
        match &mut self.sink {
            Sink::Stderr(terminal) => terminal.err(&self.buffer),
            Sink::Stdout(terminal) => terminal.out(&self.buffer),
            Sink::None => {}
            Sink::File { file, least } => {
                if line.level <= *least {
                    let _ = file.write_all(self.buffer.as_bytes());
                }
            }
        }
    }

    /// Hands buffered lines to the system.
    pub(crate) fn flush(&mut self) {
        if let Sink::File { file, .. } = &mut self.sink {
            let _ = file.flush();
        }
    }
}

fn open_log_file(spec: &str) -> Result<Sink, Failure> {
    let mut parts = spec.split(',');
    let path = parts.next().unwrap_or_default();
    if path.is_empty() {
        return Err(Failure::usage("filepath must not be empty"));
    }
    let mut least = Level::Debug;
    for part in parts {
        match part.split_once('=') {
            Some(("level", name)) => {
                least = Level::parse(name)
                    .ok_or_else(|| Failure::usage(format!("unknown log level {name}")))?;
            }
            _ => return Err(Failure::usage(format!("unknown logfile config key {part}"))),
        }
    }
    let parent = Path::new(path).parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        let text = format!("provided directory '{}' does not exist", parent.display());
        return Err(Failure::usage(text));
    }
    let file = append(path, 0o600).map_err(|error| {
        Failure::usage(format!("failed to open logfile {path}: {}", system_text(&error)))
    })?;
    Ok(Sink::File { file: BufWriter::new(file), least })
}

fn append(path: &str, mode: u32) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(mode).open(path)
}

/// The file of `--console-output`: what VUs print, without the `source` field.
#[derive(Debug)]
pub(crate) struct ConsoleFile {
    file: BufWriter<File>,
    format: Format,
    buffer: String,
}

impl ConsoleFile {
    /// Opens the file for appending.
    ///
    /// # Errors
    /// The file can't be opened.
    pub(crate) fn open(path: &str, format: Format) -> Result<Self, Failure> {
        let file = append(path, 0o644)
            .map_err(|error| Failure::usage(format!("open {path}: {}", system_text(&error))))?;
        Ok(Self { file: BufWriter::new(file), format, buffer: String::new() })
    }

    /// Writes one line.
    pub(crate) fn write(&mut self, line: &Line) {
        let mut line = line.clone();
        line.fields.retain(|(name, _)| name != "source");
        self.buffer.clear();
        self.format.render(&line, &mut self.buffer);
        let _ = self.file.write_all(self.buffer.as_bytes());
    }

    /// Hands buffered lines to the system.
    pub(crate) fn flush(&mut self) {
        let _ = self.file.flush();
    }
}
