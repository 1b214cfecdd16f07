//! The tables of Locust's console, to the character.

use crate::missed::WITH_MISSED;
use crate::number::percentile_name;
use crate::statistics::{Statistics, View};

/// Widths of the two columns that Locust lets its users choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Of the request type.
    pub type_width: i64,
    /// Of the name; Locust takes it from the terminal.
    pub name_width: i64,
}

impl Default for Layout {
    fn default() -> Self {
        Self { type_width: 8, name_width: 80 }
    }
}

impl Layout {
    /// The name's column in the table of requests gives up what other columns save.
    fn request_name(self) -> i64 {
        self.name_width - self.type_width + 4
    }
}

/// Which rates the table of requests shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rates {
    /// Of the last seconds.
    Current,
    /// Of the whole test.
    Total,
}

/// Python pads to the left for a negative width as for a positive one.
fn width(n: i64) -> usize {
    usize::try_from(n.unsigned_abs()).unwrap_or(0)
}

fn dashes(n: i64) -> String {
    "-".repeat(usize::try_from(n).unwrap_or(0))
}

/// The table of requests with an empty line below it.
pub fn requests(statistics: &Statistics, layout: Layout, rates: Rates) -> String {
    let (kind, name) = (width(layout.type_width), width(layout.request_name()));
    let separator = format!(
        "{}|{}|-------|-------------|-------|-------|-------|-------|--------|-----------\n",
        dashes(layout.type_width),
        dashes(layout.request_name()),
    );
    let mut text = format!(
        "{:<kind$} {:<name$} {:>7} {:>12} |{:>7} {:>7} {:>7}{:>7} | {:>7} {:>11}\n",
        "Type", "Name", "# reqs", "# fails", "Avg", "Min", "Max", "Med", "req/s", "failures/s",
    );
    text.push_str(&separator);
    for view in statistics.sorted() {
        text.push_str(&request(view, layout, rates));
    }
    text.push_str(&separator);
    text.push_str(&request(statistics.total(), layout, rates));
    text.push('\n');
    text
}

fn request(view: View<'_>, layout: Layout, rates: Rates) -> String {
    let (kind, name) = (width(layout.type_width), width(layout.request_name()));
    let (rps, fails) = match rates {
        Rates::Current => (view.current_rps(), view.current_fail_per_sec()),
        Rates::Total => (view.total_rps(), view.total_fail_per_sec()),
    };
    let entry = view.entry;
    let method = if entry.method.is_empty() { String::new() } else { format!("{} ", entry.method) };
    let failures = format!("{}({:.2}%)", entry.failures, view.fail_ratio() * 100.0);
    format!(
        "{method:<kind$} {:<name$} {:>7} {failures:>12} |{:>7} {:>7} {:>7}{:>7} | {rps:>7.2} {fails:>11.2}\n",
        entry.name,
        entry.requests,
        view.avg_response_time() as i64,
        view.min_response_time().unwrap_or(0.0) as i64,
        view.max_response_time().unwrap_or(0.0) as i64,
        view.median_response_time().as_f64() as i64,
    )
}

/// The table of percentiles with an empty line below it.
pub fn percentiles(statistics: &Statistics, layout: Layout, parts: &[f64]) -> String {
    let (kind, name) = (width(layout.type_width), width(layout.name_width));
    let names: Vec<String> = parts.iter().map(|part| percentile_name(*part)).collect();
    let row = |method: &str, named: &str, cells: &[String]| {
        let mut line = format!("{method:<kind$} {named:<name$}");
        for (at, cell) in cells.iter().enumerate() {
            let cell = if at == 0 { format!(" {cell:>8}") } else { format!(" {cell:>6}") };
            line.push_str(&cell);
        }
        line.push('\n');
        line
    };
    let entry_row = |view: View<'_>| {
        let mut cells: Vec<String> =
            view.percentiles(parts).iter().map(|time| time.to_string()).collect();
        cells.push(view.entry.requests.to_string());
        row(&view.entry.method, &view.entry.name, &cells)
    };
    let mut bars = "------|".repeat(parts.len());
    bars.pop();
    let separator =
        format!("{}|{}|--------|{bars}\n", dashes(layout.type_width), dashes(layout.name_width));
    let mut text = String::from("Response time percentiles (approximated)\n");
    let heads: Vec<String> = names.into_iter().chain(["# reqs".to_owned()]).collect();
    text.push_str(&row("Type", "Name", &heads));
    text.push_str(&separator);
    for view in statistics.sorted().into_iter().filter(|view| view.entry.trend().count() > 0) {
        text.push_str(&entry_row(view));
    }
    text.push_str(&separator);
    if statistics.total().entry.trend().count() > 0 {
        text.push_str(&entry_row(statistics.total()));
    }
    if let Some(all) = statistics.with_missed() {
        let times = all.percentiles(parts).into_iter().map(|time| statistics.shown(time));
        let mut cells: Vec<String> = times.map(|time| time.to_string()).collect();
        cells.push((all.requests + all.slots).to_string());
        text.push_str(&row("", WITH_MISSED, &cells));
    }
    text.push('\n');
    text
}

/// The list of errors; nothing where there were none.
pub fn errors(statistics: &Statistics, layout: Layout) -> String {
    if statistics.errors().is_empty() {
        return String::new();
    }
    let separator = format!("------------------|{}\n", dashes(80 + layout.name_width - 19));
    let mut text = String::from("Error report\n");
    text.push_str(&format!("{:<18} {:<100}\n", "# occurrences", "Error"));
    text.push_str(&separator);
    for error in statistics.errors() {
        text.push_str(&format!("{:<18} {:<100}\n", error.occurrences, error.to_name()));
    }
    text.push_str(&separator);
    text.push('\n');
    text
}
