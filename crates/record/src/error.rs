//! What can go wrong with a run directory.

use std::io;
use std::path::{Path, PathBuf};

/// An error of reading or writing a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The operating system refused.
    #[error("could not {action} `{path}`: {source}")]
    Io {
        /// What was tried: `read`, `create`, …
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// The directory belongs to another run.
    #[error("`{0}` already holds a run; name another directory or remove it")]
    Occupied(PathBuf),
    /// The file is something else.
    #[error("`{0}` is not a record of a run")]
    NotARecord(PathBuf),
    /// A newer Squall wrote it.
    #[error("`{path}` has format version {found}; this version of squall reads up to {known}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it says it has.
        found: u16,
        /// The newest version known here.
        known: u16,
    },
    /// The file ends (or is damaged) before the description of the run.
    #[error("`{0}` breaks off before the description of the run")]
    NoMeta(PathBuf),
    /// A frame that is intact holds something unreadable.
    #[error("{what} in `{path}` cannot be read: {reason}")]
    Content {
        /// Which part.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Something given for writing is beyond a limit.
    #[error("{what} of {size} bytes is more than a record holds ({limit})")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The most that fits.
        limit: usize,
    },
    /// An earlier write failed and could not be undone.
    #[error("the record `{0}` is incomplete since an earlier write failed")]
    Broken(PathBuf),
}

impl RecordError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| RecordError::Io { action, path, source }
    }
}
