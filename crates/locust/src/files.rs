//! The four CSV files of `--csv`, kept up to date while the test runs and written once more at its end.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::csv::{self, Form, History};
use crate::message::ExceptionRow;
use crate::statistics::Statistics;

/// A file that can't be made or written.
#[derive(Debug, thiserror::Error)]
#[error("can't write {}: {error}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

struct Kept {
    path: PathBuf,
    file: File,
}

impl Kept {
    fn create(prefix: &str, suffix: &str) -> Result<Self, FileError> {
        let path = PathBuf::from(format!("{prefix}{suffix}"));
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(FileError { path, error }),
        }
    }

    fn failed(&self, error: io::Error) -> FileError {
        FileError { path: self.path.clone(), error }
    }

    /// Writes from `start` on and cuts off what was behind.
    fn replace(&mut self, start: u64, text: &str) -> Result<(), FileError> {
        let written = self
            .file
            .seek(SeekFrom::Start(start))
            .and_then(|_| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.set_len(start + text.len() as u64));
        written.map_err(|error| self.failed(error))
    }
}

/// The files of one test.
pub struct CsvFiles {
    requests: Kept,
    history: Kept,
    failures: Kept,
    exceptions: Kept,
    kind: History,
    /// Where the last moment's lines of the history begin, and which second they are of.
    last_moment: (u64, u64),
    history_end: u64,
}

impl std::fmt::Debug for CsvFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvFiles").field("requests", &self.requests.path).finish_non_exhaustive()
    }
}

/// What the files show at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The numbers.
    pub statistics: &'a Statistics,
    /// What tasks raised.
    pub exceptions: &'a [ExceptionRow],
    /// Users that run.
    pub user_count: u64,
    /// Unix seconds.
    pub now_s: f64,
}

impl CsvFiles {
    /// Makes the files, and the folders above them.
    ///
    /// # Errors
    /// A folder or file can't be made.
    pub fn create(prefix: &str, form: Form<'_>, kind: History) -> Result<Self, FileError> {
        if let Some(folder) = Path::new(prefix).parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(folder)
                .map_err(|error| FileError { path: folder.to_owned(), error })?;
        }
        let mut files = Self {
            requests: Kept::create(prefix, "_stats.csv")?,
            history: Kept::create(prefix, "_stats_history.csv")?,
            failures: Kept::create(prefix, "_failures.csv")?,
            exceptions: Kept::create(prefix, "_exceptions.csv")?,
            kind,
            last_moment: (0, 0),
            history_end: 0,
        };
        let head = csv::history_head(form);
        files.history.replace(0, &head)?;
        files.history_end = head.len() as u64;
        Ok(files)
    }

    /// Where the history is.
    pub fn history_path(&self) -> &Path {
        &self.history.path
    }

    /// Brings all files up to date. A second's lines of the history are written once: those of the same second before
    /// are replaced.
    ///
    /// # Errors
    /// A file can't be written; the others may have been.
    pub fn update(&mut self, form: Form<'_>, shown: Shown<'_>) -> Result<(), FileError> {
        let Shown { statistics, exceptions, user_count, now_s } = shown;
        self.requests.replace(0, &csv::requests(statistics, form))?;
        self.failures.replace(0, &csv::failures(statistics))?;
        self.exceptions.replace(0, &csv::exceptions(exceptions))?;
        let rows = csv::history_rows(statistics, form, self.kind, now_s, user_count);
        let second = now_s.max(0.0) as u64;
        let start = match self.last_moment {
            (start, last) if last == second && start > 0 => start,
            _ => self.history_end,
        };
        self.history.replace(start, &rows)?;
        self.last_moment = (start, second);
        self.history_end = start + rows.len() as u64;
        Ok(())
    }
}
