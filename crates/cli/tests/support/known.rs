//! Differences from the original program that are wanted or accepted, each with its reason: a JSON list of
//! `{"cases": ["name*"], "aspect": "log", "k6": "line", "squall": "line", "why": "…"}`, where `k6` stands for whatever the
//! original is called. `*` stands for any text. If one of the two is missing the other has a line more. An entry that no
//! case needs is an error, so that the list never claims more than is true.

use crate::lines::Difference;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
struct Entry {
    cases: Vec<String>,
    aspect: String,
    original: Option<String>,
    squall: Option<String>,
    why: String,
    is_used: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct KnownDifferences(Vec<Entry>);

impl KnownDifferences {
    /// `original` is the original's key in the entries.
    pub(crate) fn read(path: &Path, original: &str) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let entries = value.as_array().expect("a list of differences").iter().map(|entry| {
            let text = |key: &str| entry[key].as_str().map(str::to_owned);
            let made = Entry {
                cases: entry["cases"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|c| c.as_str().unwrap().into())
                    .collect(),
                aspect: text("aspect").expect("an aspect"),
                original: text(original),
                squall: text("squall"),
                why: text("why").expect("a reason"),
                is_used: AtomicBool::new(false),
            };
            assert!(
                made.original.is_some() || made.squall.is_some(),
                "a difference without lines: {}",
                made.why
            );
            made
        });
        Self(entries.collect())
    }

    /// The differences of a case that no entry covers.
    pub(crate) fn unknown(&self, case: &str, mut differences: Vec<Difference>) -> Vec<Difference> {
        for entry in &self.0 {
            if entry.cases.iter().any(|pattern| is_like(pattern, case)) {
                while entry.take(&mut differences) {
                    entry.is_used.store(true, Ordering::Relaxed);
                }
            }
        }
        differences
    }

    /// The reasons of entries that covered nothing.
    pub(crate) fn unused(&self) -> Vec<String> {
        let unused = self.0.iter().filter(|entry| !entry.is_used.load(Ordering::Relaxed));
        unused
            .map(|entry| format!("{} ({}): {}", entry.cases.join(", "), entry.aspect, entry.why))
            .collect()
    }
}

impl Entry {
    /// Removes one occurrence; false when there is none.
    fn take(&self, differences: &mut Vec<Difference>) -> bool {
        let find = |pattern: &Option<String>, is_added: bool| -> Option<Option<usize>> {
            let Some(pattern) = pattern else { return Some(None) };
            let fits = |d: &Difference| {
                d.aspect == self.aspect && d.is_added == is_added && is_like(pattern, &d.line)
            };
            differences.iter().position(fits).map(Some)
        };
        let (Some(removed), Some(added)) = (find(&self.original, false), find(&self.squall, true))
        else {
            return false;
        };
        let mut indices: Vec<usize> = removed.into_iter().chain(added).collect();
        indices.sort_unstable();
        for index in indices.into_iter().rev() {
            differences.remove(index);
        }
        true
    }
}

/// Whether `text` is `pattern`, in which `*` stands for any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn stars_stand_for_any_text() {
    for (pattern, text, is) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*b*c", "a1b2c", true),
        ("a*b*c", "a1c2b", false),
        ("*", "", true),
        ("a*a", "a", false),
    ] {
        assert_eq!(is_like(pattern, text), is, "{pattern} {text}");
    }
}
