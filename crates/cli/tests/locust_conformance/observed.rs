//! What a run left behind, as lines of text, so that recordings can be read and compared line by line.

use crate::case::Case;
use crate::lines::{Difference, line_differences};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

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
        Self { lines: ASPECTS.map(lines) }
    }

    pub(crate) fn write(&self, home: &Path, case: &Case) {
        let mut value = json!({});
        for (aspect, lines) in ASPECTS.iter().zip(&self.lines) {
            if !lines.is_empty() {
                value[aspect] = json!(lines);
            }
        }
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        let path = Self::path(home, case);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What `other` has less and more than `self`, the recording.
    pub(crate) fn compare(&self, other: &Self) -> Vec<Difference> {
        let pairs = ASPECTS.into_iter().zip(self.lines.iter().zip(&other.lines));
        pairs.flat_map(|(aspect, (old, new))| line_differences(aspect, old, new)).collect()
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
