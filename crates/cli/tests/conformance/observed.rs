//! What a run left behind, as lines of text, so that recordings can be read and compared line by line.

use crate::case::Case;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt;
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

/// One line that only one of two runs has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) aspect: &'static str,
    /// True when the other run has it and the recording doesn't.
    pub(crate) is_added: bool,
    pub(crate) line: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_added { '+' } else { '-' };
        write!(f, "{} {sign} {}", self.aspect, self.line)
    }
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

/// The shortest edit script, by the longest common subsequence.
fn line_differences(aspect: &'static str, old: &[String], new: &[String]) -> Vec<Difference> {
    let mut longest = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (i, before) in old.iter().enumerate().rev() {
        for (j, after) in new.iter().enumerate().rev() {
            longest[i][j] = if before == after {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            out.push(Difference { aspect, is_added: false, line: old[i].clone() });
            i += 1;
        } else {
            out.push(Difference { aspect, is_added: true, line: new[j].clone() });
            j += 1;
        }
    }
    out
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

#[test]
fn differing_lines_come_out_and_equal_ones_do_not() {
    let lines = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    let got = line_differences("log", &lines("a b c d"), &lines("a x c d e"));
    let got: Vec<String> = got.iter().map(ToString::to_string).collect();
    assert_eq!(got, ["log - b", "log + x", "log + e"]);
    assert!(line_differences("log", &lines("a b"), &lines("a b")).is_empty());
}
