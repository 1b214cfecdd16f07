//! What is wrong with a plan, as people are told.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::yaml::{Fault, Place};

/// One mistake: a sentence and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The plan file.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong: lower case, no full stop.
    pub message: String,
}

impl Mistake {
    pub(crate) fn new(file: &Path, place: Place, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: place.line,
            column: place.column,
            message: message.into(),
        }
    }

    pub(crate) fn of(file: &Path, fault: Fault) -> Self {
        Self::new(file, fault.place, fault.message)
    }
}

impl fmt::Display for Mistake {
    /// `plan.yaml:12:7: unknown key …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

impl std::error::Error for Mistake {}
