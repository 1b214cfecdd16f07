//! What a run left behind, as lines of text, so that recordings can be read and compared line by line.

use crate::case::Case;
use crate::comparing::{read_recording, recorded_lines, write_recording};
use crate::lines::{Difference, line_differences};
use serde_json::json;
use std::path::Path;

/// What is compared of a run, in the order it is recorded in.
pub(crate) const ASPECTS: [&str; 7] =
    ["exit", "requests", "stats", "errors", "log", "stdout", "files"];

/// What is compared of one run, all normalised, one list of lines for each of [`ASPECTS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    lines: [Vec<String>; ASPECTS.len()],
}

impl Observed {
    /// Sets the lines of one aspect.
    pub(crate) fn set(&mut self, aspect: &str, lines: Vec<String>) {
        let index = ASPECTS.iter().position(|name| *name == aspect).expect("one of ASPECTS");
        self.lines[index] = lines;
    }

    pub(crate) fn read(home: &Path, case: &Case) -> Self {
        let recorded = read_recording(home, &case.name);
        let lines = |aspect: &str| recorded_lines(&recorded, aspect);
        Self { lines: ASPECTS.map(lines) }
    }

    pub(crate) fn write(&self, home: &Path, case: &Case) {
        let mut value = json!({});
        for (aspect, lines) in ASPECTS.iter().zip(&self.lines) {
            if !lines.is_empty() {
                value[aspect] = json!(lines);
            }
        }
        write_recording(home, &case.name, &value);
    }

    /// What `other` has less and more than `self`, the recording.
    pub(crate) fn compare(&self, other: &Self) -> Vec<Difference> {
        let pairs = ASPECTS.into_iter().zip(self.lines.iter().zip(&other.lines));
        pairs.flat_map(|(aspect, (old, new))| line_differences(aspect, old, new)).collect()
    }
}
