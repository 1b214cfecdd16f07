//! The table Squall prints below k6's summary: requests by their `name` tag.

use crate::short;
use metrics::{RequestRow, Totals};

/// Columns the table keeps within.
const MAX_WIDTH: usize = 100;
/// A name is never shortened below this, even if the line gets too long.
const MIN_NAME: usize = 12;
const INDENT: &str = "    ";
const HEADS: [&str; 8] = ["name", "count", "rate/s", "failures", "p50", "p95", "p99", "max"];

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFigures {
    /// The `name` tag: the URL unless the script named the request.
    pub name: String,
    /// Requests made.
    pub count: u64,
    /// Those counted by `http_req_failed`.
    pub failed: u64,
    /// Median, 95th and 99th percentile and maximum of `http_req_duration`, in milliseconds.
    pub p50: f64,
    /// See `p50`.
    pub p95: f64,
    /// See `p50`.
    pub p99: f64,
    /// See `p50`.
    pub max: f64,
}

impl From<&RequestRow> for RequestFigures {
    fn from(row: &RequestRow) -> Self {
        let [p50, p95, p99] = {
            let values = row.trend.percentiles(&[50.0, 95.0, 99.0]);
            [0, 1, 2].map(|i: usize| values.get(i).copied().unwrap_or(0.0))
        };
        let (name, max) = (row.name.clone(), row.trend.max());
        RequestFigures { name, count: row.count, failed: row.failed, p50, p95, p99, max }
    }
}

/// The table of a run, `top` names long; empty without requests.
pub fn requests(totals: &Totals, top: usize) -> String {
    let rows: Vec<RequestFigures> = totals.requests.iter().map(RequestFigures::from).collect();
    request_table(&rows, totals.elapsed.as_secs_f64(), top)
}

/// The `top` most frequent names and a line that says how many are left out; empty without
/// requests. `elapsed_s` is what rates are over, in seconds.
pub fn request_table(rows: &[RequestFigures], elapsed_s: f64, top: usize) -> String {
    let mut rows: Vec<&RequestFigures> = rows.iter().filter(|row| row.count > 0).collect();
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    let shown = &rows[..top.min(rows.len())];
    let mut table: Vec<[String; 8]> = vec![HEADS.map(str::to_owned)];
    table.extend(shown.iter().map(|row| cells(row, elapsed_s)));
    let mut widths = [0; 8];
    for line in &table {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let others: usize = INDENT.len() + widths[1..].iter().map(|width| width + 2).sum::<usize>();
    widths[0] = widths[0].min(MAX_WIDTH.saturating_sub(others).max(MIN_NAME));
    let mut text = String::from("  █ REQUESTS BY NAME \n\n");
    for line in &table {
        text.push_str(INDENT);
        text.push_str(&format!("{:<1$}", short::shorten(&line[0], widths[0]), widths[0]));
        for (cell, width) in line.iter().zip(widths).skip(1) {
            text.push_str(&format!("  {cell:>width$}"));
        }
        text.push('\n');
    }
    let rest = &rows[shown.len()..];
    if !rest.is_empty() {
        let count: u64 = rest.iter().map(|row| row.count).sum();
        let failed: u64 = rest.iter().map(|row| row.failed).sum();
        text.push_str(&format!(
            "{INDENT}… and {} more ({count} requests, {failed} failed)\n",
            rest.len()
        ));
    }
    text
}

fn cells(row: &RequestFigures, elapsed_s: f64) -> [String; 8] {
    let rate = if elapsed_s > 0.0 { row.count as f64 / elapsed_s } else { 0.0 };
    let failures = if row.failed == 0 {
        "0".to_owned()
    } else {
        format!("{} {}", row.failed, crate::number::rate(row.failed as f64 / row.count as f64))
    };
    [
        short::printable(&row.name),
        row.count.to_string(),
        short::rate(rate),
        failures,
        short::time(row.p50),
        short::time(row.p95),
        short::time(row.p99),
        short::time(row.max),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, count: u64, failed: u64) -> RequestFigures {
        let (p50, p95, p99, max) = (1.25, 12.5, 130.0, 2500.0);
        RequestFigures { name: name.to_owned(), count, failed, p50, p95, p99, max }
    }

    #[test]
    fn frequent_requests_come_first_and_columns_line_up() {
        let rows = [
            row("http://127.0.0.1:8000/v1/healthcheck", 12, 0),
            row("login", 1500, 3),
            row("never sent", 0, 0),
            row("also twelve", 12, 12),
        ];
        assert_eq!(
            request_table(&rows, 10.0, 20),
            "  █ REQUESTS BY NAME \n
    name                                  count  rate/s    failures     p50     p95    p99    max
    login                                  1500   150.0     3 0.20%  1.25ms  12.5ms  130ms  2.50s
    also twelve                              12     1.2  12 100.00%  1.25ms  12.5ms  130ms  2.50s
    http://127.0.0.1:8000/v1/healthcheck     12     1.2           0  1.25ms  12.5ms  130ms  2.50s
"
        );
    }

    #[test]
    fn the_table_keeps_to_a_hundred_columns() {
        let long = format!("https://shop.example/{}/basket?id=1", "very/long/path".repeat(20));
        let rows = [row(&long, 999_999_999, 999_999_998), row("übung\u{1b}[0m", 5, 0)];
        let table = request_table(&rows, 3600.0, 20);
        for line in table.lines() {
            assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        }
        assert!(table.contains('…') && table.contains("id=1"), "{table}");
        assert!(!table.contains('\x1b'));
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let rows: Vec<_> = (0..25).map(|n| row(&format!("r{n}"), 100 - n, 1)).collect();
        let table = request_table(&rows, 1.0, 20);
        assert_eq!(table.lines().count(), 2 + 1 + 20 + 1);
        assert!(table.ends_with("    … and 5 more (390 requests, 5 failed)\n"), "{table}");
    }

    #[test]
    fn without_requests_there_is_no_table() {
        assert_eq!(request_table(&[], 1.0, 20), "");
        assert_eq!(request_table(&[row("a", 0, 0)], 1.0, 20), "");
        assert!(request_table(&[row("a", 1, 0)], 0.0, 20).contains("0.0"));
    }
}
