//! What a run left behind, as lines of text, so that recordings can be read and compared line by line.

use crate::case::Case;
use crate::comparing::{read_recording, recorded_lines, write_recording};
use crate::lines::{Difference, line_differences};
use serde_json::json;
use std::path::Path;

/// What is compared of one run, all normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The exit code.
    pub(crate) exit: String,
    /// What the target received.
    pub(crate) requests: Vec<String>,
    /// Lines of standard error without their time.
    pub(crate) log: Vec<String>,
    pub(crate) stdout: Vec<String>,
    /// Metrics, thresholds, groups and checks of `--summary-export`.
    pub(crate) summary: Vec<String>,
    /// Points of `--out json`, counted by metric and tags, and the metrics' definitions.
    pub(crate) samples: Vec<String>,
    /// Files the run wrote, each line after its file's name.
    pub(crate) files: Vec<String>,
}

impl Observed {
    pub(crate) fn read(home: &Path, case: &Case) -> Self {
        let recorded = read_recording(home, &case.name);
        let lines = |aspect: &str| recorded_lines(&recorded, aspect);
        Self {
            exit: recorded["exit"].as_str().unwrap().to_owned(),
            requests: lines("requests"),
            log: lines("log"),
            stdout: lines("stdout"),
            summary: lines("summary"),
            samples: lines("samples"),
            files: lines("files"),
        }
    }

    pub(crate) fn write(&self, home: &Path, case: &Case) {
        let mut value = json!({ "exit": self.exit });
        for (aspect, lines) in self.aspects() {
            if !lines.is_empty() {
                value[aspect] = json!(lines);
            }
        }
        write_recording(home, &case.name, &value);
    }

    fn aspects(&self) -> [(&'static str, &[String]); 6] {
        [
            ("requests", &self.requests),
            ("log", &self.log),
            ("stdout", &self.stdout),
            ("summary", &self.summary),
            ("samples", &self.samples),
            ("files", &self.files),
        ]
    }

    /// What `other` has less and more than `self`, the recording.
    pub(crate) fn compare(&self, other: &Self) -> Vec<Difference> {
        let mut out = Vec::new();
        if self.exit != other.exit {
            out.extend(line_differences(
                "exit",
                std::slice::from_ref(&self.exit),
                std::slice::from_ref(&other.exit),
            ));
        }
        for ((aspect, ours), (_, theirs)) in self.aspects().into_iter().zip(other.aspects()) {
            out.extend(line_differences(aspect, ours, theirs));
        }
        out
    }
}
