//! What is seen of a run besides numbers: things that happened at a moment, and tables that a probe knows at the end.
//!
//! Both are kept in the run's record as JSON, so fields may be added, and each has bounds: they hold text of the system
//! under test.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest text of an event or of a cell, bytes; the rest is cut off.
pub const MAX_TEXT_BYTES: usize = 4 << 10;
/// Most fields of an event; the rest is left out.
pub const MAX_FIELDS: usize = 32;
/// Most rows of a table; the rest is left out.
pub const MAX_ROWS: usize = 5_000;

/// Something that happened while the run went on, on the run's own time axis.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, unix nanoseconds by this machine's clock: the source's offset is taken out.
    pub unix_ns: u64,
    /// Who saw it: `kubernetes`, `docker`, `postgres`, `redis`, `prometheus`, `logs`, `generator`, `run`, `suite`.
    pub source: String,
    /// What it is, one word: `probe-failed`, `oom-killed`, `hpa-scaled`, `log-match`, …
    pub kind: String,
    /// What it happened to: a pod, a container, a probe, a phase.
    #[serde(default)]
    pub subject: String,
    /// One line for people.
    #[serde(default)]
    pub text: String,
    /// What programs may ask about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

impl Event {
    /// An event without fields.
    pub fn new(unix_ns: u64, source: &str, kind: &str, subject: &str, text: &str) -> Self {
        Self {
            unix_ns,
            source: source.to_owned(),
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            fields: BTreeMap::new(),
        }
    }

    /// The same event with another field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.fields.insert(name.to_owned(), value.to_string());
        self
    }

    /// The same event within the bounds above.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        cut(&mut self.subject);
        cut(&mut self.text);
        while self.fields.len() > MAX_FIELDS {
            self.fields.pop_last();
        }
        self.fields.values_mut().for_each(cut);
        self
    }
}

/// What a probe knows in a table: the statements that took most time, the slow log, the pods. Of two tables of the same
/// source and name the later one counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Who made it, as in [`Event::source`].
    pub source: String,
    /// Whose it is: the probe, and what is listed (`db statements`).
    pub name: String,
    /// Names of the columns, with their units (`total_ms`).
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table without rows.
    pub fn new(source: &str, name: &str, columns: &[&str]) -> Self {
        Self {
            source: source.to_owned(),
            name: name.to_owned(),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// The same table within the bounds above.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.rows.truncate(MAX_ROWS);
        for cell in self.rows.iter_mut().flatten() {
            if let Value::String(text) = cell {
                cut(text);
            }
        }
        self
    }
}

fn cut(text: &mut String) {
    if text.len() > MAX_TEXT_BYTES {
        let mut end = MAX_TEXT_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let event = Event::new(1, "logs", "log-match", "a", &"ü".repeat(MAX_TEXT_BYTES)).bounded();
        assert_eq!(event.text.len(), MAX_TEXT_BYTES + '…'.len_utf8());
        let mut event = event;
        for n in 0..100 {
            event = event.with(&format!("f{n:03}"), "x");
        }
        assert_eq!(event.bounded().fields.len(), MAX_FIELDS);
        let mut table = Table::new("postgres", "db statements", &["query"]);
        table.rows = vec![vec!["x".repeat(9_000).into()]; MAX_ROWS + 1];
        let table = table.bounded();
        assert_eq!(table.rows.len(), MAX_ROWS);
        assert!(table.rows[0][0].as_str().unwrap().len() < MAX_TEXT_BYTES + 4);
    }

    #[test]
    fn fields_that_an_older_writer_lacked_have_defaults() {
        let event: Event =
            serde_json::from_str(r#"{"unix_ns":1,"source":"run","kind":"phase"}"#).unwrap();
        assert_eq!(event, Event::new(1, "run", "phase", "", ""));
    }
}
