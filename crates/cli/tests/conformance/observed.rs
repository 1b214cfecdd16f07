//! What a run left behind, as lines of text, so that recordings can be read and compared line by line.

use crate::case::Case;
use crate::lines::{Difference, line_differences};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

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
    fn path(home: &Path, case: &Case) -> PathBuf {
        home.join("recorded").join(format!("{}.json", case.name))
    }

    pub(crate) fn read(home: &Path, case: &Case) -> Self {
        let path = Self::path(home, case);
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("no recording {}: {error}", path.display()));
        let value: Value = serde_json::from_str(&text).unwrap();
        let lines = |key: &str| -> Vec<String> {
            let lines = value[key].as_array().into_iter().flatten();
            lines.map(|line| line.as_str().unwrap().to_owned()).collect()
        };
        Self {
            exit: value["exit"].as_str().unwrap().to_owned(),
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
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        let path = Self::path(home, case);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
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

/// Removes recordings of cases that are no more.
pub(crate) fn remove_stale(home: &Path, cases: &[Case]) {
    let names: HashSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    for entry in fs::read_dir(home.join("recorded")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().and_then(|stem| stem.to_str()).is_none_or(|stem| !names.contains(stem))
        {
            fs::remove_file(path).unwrap();
        }
    }
}
