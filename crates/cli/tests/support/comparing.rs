//! Cases of a program's recorded behaviour: which to run, how often to try, how differences are told, where recordings lie.

use crate::lines::Difference;
use serde_json::Value;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn is_on(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0" && value != "false")
}

fn words() -> Vec<String> {
    let only = std::env::var("SQUALL_ONLY").unwrap_or_default();
    only.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether `SQUALL_ONLY` leaves no case out.
pub(crate) fn is_whole() -> bool {
    words().is_empty()
}

/// The cases that `SQUALL_ONLY` wants, of at least `least`: fewer and they were not found.
pub(crate) fn wanted<C>(all: Vec<C>, least: usize, name: impl Fn(&C) -> &str) -> Vec<C> {
    assert!(all.len() >= least, "only {} cases", all.len());
    let words = words();
    let is_wanted =
        |case: &C| words.is_empty() || words.iter().any(|word| name(case).contains(word));
    all.into_iter().filter(is_wanted).collect()
}

/// Runs a case until it gives what is wanted, at most `tries` times: a busy machine disturbs some, a real difference
/// stays.
pub(crate) fn differences(
    tries: u32,
    mut run_and_compare: impl FnMut() -> Vec<Difference>,
) -> Vec<Difference> {
    let mut last = Vec::new();
    for _ in 0..tries {
        last = run_and_compare();
        if last.is_empty() {
            break;
        }
    }
    last
}

/// How many cases differ, and a text about them.
pub(crate) fn report<'a>(
    names: impl Iterator<Item = &'a str>,
    results: Vec<Vec<Difference>>,
    expected: &str,
    got: &str,
) -> (usize, String) {
    let (mut n, mut out) = (0, String::new());
    for (name, differences) in names.zip(results).filter(|(_, d)| !d.is_empty()) {
        n += 1;
        writeln!(out, "\n{name}: - {expected}, + {got}").unwrap();
        for difference in differences {
            writeln!(out, "  {difference}").unwrap();
        }
    }
    (n, out)
}

fn recording(home: &Path, name: &str) -> PathBuf {
    home.join("recorded").join(format!("{name}.json"))
}

/// What was recorded of a case: lines by aspect.
pub(crate) fn read_recording(home: &Path, name: &str) -> Value {
    let path = recording(home, name);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("no recording {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The lines of one aspect of a recording.
pub(crate) fn recorded_lines(recorded: &Value, aspect: &str) -> Vec<String> {
    let lines = recorded[aspect].as_array().into_iter().flatten();
    lines.map(|line| line.as_str().unwrap().to_owned()).collect()
}

pub(crate) fn write_recording(home: &Path, name: &str, value: &Value) {
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    let path = recording(home, name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Removes recordings of cases that are no more.
pub(crate) fn remove_stale<'a>(home: &Path, names: impl Iterator<Item = &'a str>) {
    let names: HashSet<&str> = names.collect();
    for entry in fs::read_dir(home.join("recorded")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().and_then(|stem| stem.to_str()).is_none_or(|stem| !names.contains(stem))
        {
            fs::remove_file(path).unwrap();
        }
    }
}
