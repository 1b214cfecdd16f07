//! What `pg_stat_statements` counted during the run: differences to its state when the run began.

use std::collections::{BTreeMap, HashMap};

use plan::probe::redact;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Server;

/// Statements of the table.
const SHOWN: usize = 20;

/// Columns of the table.
pub(super) const COLUMNS: &[&str] = &[
    "query",
    "calls",
    "total_ms",
    "mean_ms",
    "max_ms",
    "share",
    "rows",
    "hit_ratio",
    "temp_blocks",
    "queryid",
];

/// All statements together.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct Totals {
    calls: u64,
    ms: f64,
}

impl Totals {
    /// Calls and milliseconds since an earlier state; `None` where nothing was called, or counting began anew.
    pub(super) fn since(self, earlier: Self) -> Option<(u64, f64)> {
        let calls = self.calls.checked_sub(earlier.calls).filter(|calls| *calls > 0)?;
        let ms = self.ms - earlier.ms;
        (ms >= 0.0).then_some((calls, ms))
    }
}

/// A statement as the server counts it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Row {
    id: String,
    calls: u64,
    ms: f64,
    #[serde(default)]
    max_ms: Option<f64>,
    rows: u64,
    hit: u64,
    read: u64,
    temp: u64,
}

impl Row {
    fn since(&self, earlier: Option<&Row>) -> Option<Row> {
        let mut delta = self.clone();
        // A statement that was called less often than before was forgotten meanwhile.
        if let Some(earlier) = earlier.filter(|earlier| earlier.calls <= self.calls) {
            delta.calls -= earlier.calls;
            delta.ms = (delta.ms - earlier.ms).max(0.0);
            delta.rows = delta.rows.saturating_sub(earlier.rows);
            delta.hit = delta.hit.saturating_sub(earlier.hit);
            delta.read = delta.read.saturating_sub(earlier.read);
            delta.temp = delta.temp.saturating_sub(earlier.temp);
        }
        (delta.calls > 0).then_some(delta)
    }
}

/// The statements over the run.
#[derive(Debug, Default)]
pub(super) struct Statements {
    /// Numbers of our own.
    pub(super) own: Vec<String>,
    /// Why they can't be read although the extension is there.
    pub(super) refusal: Option<String>,
    first: Option<HashMap<String, Row>>,
    top: Vec<Row>,
    total_ms: f64,
    texts: BTreeMap<String, String>,
}

impl Statements {
    pub(super) fn is_wanted(&self, server: &Server) -> bool {
        server.statements.is_some() && self.refusal.is_none()
    }

    /// Takes the state now; the statements whose text is needed and not known.
    pub(super) fn take(&mut self, list: Vec<Row>) -> Vec<String> {
        let Some(first) = &self.first else {
            self.first = Some(list.into_iter().map(|row| (row.id.clone(), row)).collect());
            return Vec::new();
        };
        let mut deltas: Vec<Row> =
            list.iter().filter_map(|row| row.since(first.get(&row.id))).collect();
        self.total_ms = deltas.iter().map(|row| row.ms).sum();
        deltas.sort_by(|a, b| b.ms.total_cmp(&a.ms).then_with(|| a.id.cmp(&b.id)));
        deltas.truncate(SHOWN);
        self.top = deltas;
        let unknown = self.top.iter().filter(|row| !self.texts.contains_key(&row.id));
        unknown.map(|row| row.id.clone()).collect()
    }

    /// Learns texts. Literals of statements that the server does not take out itself are taken out here.
    pub(super) fn learn(&mut self, texts: BTreeMap<String, String>) {
        self.texts.retain(|id, _| self.top.iter().any(|row| row.id == *id));
        self.texts.extend(texts.into_iter().map(|(id, text)| (id, redact::sql(&text))));
    }

    pub(super) fn table(&self) -> Vec<Vec<Value>> {
        let row = |row: &Row| {
            let blocks = row.hit.saturating_add(row.read);
            let hit_ratio = (blocks > 0).then(|| row.hit as f64 / blocks as f64);
            let share = (self.total_ms > 0.0).then(|| row.ms / self.total_ms);
            vec![
                json!(self.texts.get(&row.id)),
                json!(row.calls),
                json!(row.ms),
                json!(row.ms / row.calls as f64),
                json!(row.max_ms),
                json!(share),
                json!(row.rows),
                json!(hit_ratio),
                json!(row.temp),
                json!(row.id),
            ]
        };
        self.top.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, calls: u64, ms: f64) -> Row {
        Row { id: id.into(), calls, ms, max_ms: None, rows: calls, hit: 0, read: 0, temp: 0 }
    }

    #[test]
    fn only_what_the_run_added_is_shown() {
        let mut statements = Statements::default();
        assert!(
            statements
                .take(vec![row("1", 100, 900.0), row("2", 5, 5.0), row("3", 9, 9.0)])
                .is_empty()
        );
        assert!(statements.table().is_empty());
        let unknown = statements.take(vec![
            row("1", 110, 930.0),
            row("2", 5, 5.0),
            row("4", 3, 60.0),
            // Forgotten and met again.
            row("3", 2, 10.0),
        ]);
        assert_eq!(unknown, ["4", "1", "3"]);
        statements.learn([("4".to_owned(), "ALTER USER x PASSWORD 'geheim'".to_owned())].into());
        let table = statements.table();
        assert_eq!(table.len(), 3);
        assert_eq!(
            table[0][..6],
            [
                json!("ALTER USER x PASSWORD ?"),
                json!(3),
                json!(60.0),
                json!(20.0),
                json!(null),
                json!(0.6)
            ]
        );
        assert_eq!(table[1][1..4], [json!(10), json!(30.0), json!(3.0)]);
        assert_eq!(table[2][1..3], [json!(2), json!(10.0)]);
    }

    #[test]
    fn counting_anew_gives_no_rate() {
        let totals = |calls, ms| Totals { calls, ms };
        assert_eq!(totals(12, 30.0).since(totals(10, 10.0)), Some((2, 20.0)));
        assert_eq!(totals(10, 10.0).since(totals(10, 10.0)), None);
        assert_eq!(totals(3, 1.0).since(totals(10, 10.0)), None);
    }
}
