//! The contents of Locust's CSV files, quoted as Python's `csv` quotes: a test's files are read by other programs.

use crate::message::ExceptionRow;
use crate::number::{percentile_name, repr_float};
use crate::options::CsvNames;
use crate::statistics::{Statistics, Value, View};
use crate::time::utc;

/// What every file is made from.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// The percentiles of requests, 0 to 1.
    pub percentiles: &'a [f64],
    /// The columns' names.
    pub names: CsvNames,
    /// Seconds that percentiles of "now" are of.
    pub window_s: u64,
}

/// The columns that Locust had under other names before 1.0, and the statistics files still had much later.
const OLD_NAMES: [&str; 6] = [
    "# requests",
    "# failures",
    "Median response time",
    "Average response time",
    "Min response time",
    "Max response time",
];

/// A row with the line end of Python's writer.
fn row<I: IntoIterator<Item = String>>(cells: I) -> String {
    let quote = |cell: String| {
        if cell.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    };
    let cells: Vec<String> = cells.into_iter().map(quote).collect();
    format!("{}\r\n", cells.join(","))
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn number(value: Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Float(x) => repr_float(x),
    }
}

/// Locust writes the integer 0 where there is no extreme.
fn extreme(value: Option<f64>) -> String {
    value.filter(|value| *value != 0.0).map_or_else(|| "0".to_owned(), repr_float)
}

fn old_cells(view: View<'_>) -> Vec<String> {
    vec![
        view.entry.requests.to_string(),
        view.entry.failures.to_string(),
        number(view.median_response_time()),
        repr_float(view.avg_response_time()),
        extreme(view.min_response_time()),
        extreme(view.max_response_time()),
    ]
}

fn not_available(form: Form<'_>) -> Vec<String> {
    vec!["N/A".to_owned(); form.percentiles.len()]
}

fn whole_percentiles(view: View<'_>, form: Form<'_>) -> Vec<String> {
    if view.entry.requests == 0 {
        return not_available(form);
    }
    view.percentiles(form.percentiles).iter().map(ToString::to_string).collect()
}

/// `PREFIX_stats.csv`.
pub fn requests(statistics: &Statistics, form: Form<'_>) -> String {
    let mut heads = texts(&[
        "Type",
        "Name",
        "Request Count",
        "Failure Count",
        "Median Response Time",
        "Average Response Time",
        "Min Response Time",
        "Max Response Time",
        "Average Content Size",
        "Requests/s",
        "Failures/s",
    ]);
    heads.extend(form.percentiles.iter().map(|part| percentile_name(*part)));
    if form.names == CsvNames::Both {
        heads.extend(texts(&OLD_NAMES));
    }
    let mut text = row(heads);
    for view in statistics.sorted().into_iter().chain([statistics.total()]) {
        let mut cells = vec![
            view.entry.method.clone(),
            view.entry.name.clone(),
            view.entry.requests.to_string(),
            view.entry.failures.to_string(),
            number(view.median_response_time()),
            repr_float(view.avg_response_time()),
            extreme(view.min_response_time()),
            extreme(view.max_response_time()),
            number(view.avg_content_length()),
            repr_float(view.total_rps()),
            repr_float(view.total_fail_per_sec()),
        ];
        cells.extend(whole_percentiles(view, form));
        if form.names == CsvNames::Both {
            cells.extend(old_cells(view));
        }
        text.push_str(&row(cells));
    }
    text
}

/// The first line of `PREFIX_stats_history.csv`.
pub fn history_head(form: Form<'_>) -> String {
    let mut heads = texts(&["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s"]);
    heads.extend(form.percentiles.iter().map(|part| percentile_name(*part)));
    heads.extend(texts(&[
        "Total Request Count",
        "Total Failure Count",
        "Total Median Response Time",
        "Total Average Response Time",
        "Total Min Response Time",
        "Total Max Response Time",
        "Total Average Content Size",
    ]));
    if form.names == CsvNames::Both {
        heads.extend(texts(&["Time"]));
        heads.extend(texts(&OLD_NAMES));
    }
    row(heads)
}

/// Which entries the history has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// The total, with percentiles of the whole test.
    Total,
    /// Every entry, with percentiles of the last seconds.
    Full,
}

/// The lines of one moment in `PREFIX_stats_history.csv`.
pub fn history_rows(
    statistics: &Statistics,
    form: Form<'_>,
    history: History,
    now_s: f64,
    user_count: u64,
) -> String {
    let mut views = if history == History::Full { statistics.sorted() } else { Vec::new() };
    views.push(statistics.total());
    let stamp = (now_s.max(0.0) as u64).to_string();
    let mut text = String::new();
    for view in views {
        let percentiles = match history {
            _ if view.entry.requests == 0 => not_available(form),
            History::Total => whole_percentiles(view, form),
            History::Full => view
                .current_percentiles(form.percentiles, now_s, form.window_s)
                .unwrap_or_else(|| vec![0; form.percentiles.len()])
                .iter()
                .map(ToString::to_string)
                .collect(),
        };
        let mut cells = vec![
            stamp.clone(),
            user_count.to_string(),
            view.entry.method.clone(),
            view.entry.name.clone(),
            format!("{:.6}", view.current_rps()),
            format!("{:.6}", view.current_fail_per_sec()),
        ];
        cells.extend(percentiles);
        let old = old_cells(view);
        cells.extend(old.iter().cloned());
        cells.push(number(view.avg_content_length()));
        if form.names == CsvNames::Both {
            cells.push(stamp.clone());
            cells.extend(old);
        }
        text.push_str(&row(cells));
    }
    text
}

/// `PREFIX_failures.csv`.
pub fn failures(statistics: &Statistics) -> String {
    let mut text =
        row(texts(&["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"]));
    for error in statistics.errors_by_key() {
        text.push_str(&row([
            error.method.clone(),
            error.name.clone(),
            error.error.clone(),
            error.occurrences.to_string(),
            utc(error.first_s),
            utc(error.last_s),
        ]));
    }
    text
}

/// `PREFIX_exceptions.csv`.
pub fn exceptions(rows: &[ExceptionRow]) -> String {
    let mut text = row(texts(&["Count", "Message", "Traceback", "Nodes"]));
    for exception in rows {
        text.push_str(&row([
            exception.count.to_string(),
            exception.msg.clone(),
            exception.traceback.clone(),
            exception.nodes.join(", "),
        ]));
    }
    text
}
