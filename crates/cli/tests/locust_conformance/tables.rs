//! The tables on standard error: what they count, apart from the log around them.

use crate::case::Case;

/// Standard error taken apart.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The last table of requests, and the table of percentiles.
    pub(crate) stats: Vec<String>,
    /// The table of errors.
    pub(crate) errors: Vec<String>,
    /// All that is in no table.
    pub(crate) log: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Requests,
    Percentiles,
    Errors,
}

impl Table {
    /// The table that begins with this line of column names.
    fn of_header(line: &str) -> Option<Table> {
        let is_of_requests = line.starts_with("Type ") && line.contains("# reqs");
        match line {
            _ if is_of_requests && line.contains("# fails") => Some(Table::Requests),
            _ if is_of_requests && line.contains("50%") => Some(Table::Percentiles),
            _ if line.starts_with("# occurrences ") => Some(Table::Errors),
            _ => None,
        }
    }
}

/// Takes standard error apart. A table ends with an empty line.
pub(crate) fn take_apart(text: &str, case: &Case) -> Parts {
    let mut parts = Parts::default();
    let (mut requests, mut percentiles) = (Vec::new(), Vec::new());
    let mut table = None;
    for line in text.lines() {
        if let Some(found) = Table::of_header(line) {
            table = Some(found);
            let rows = match found {
                Table::Requests => &mut requests,
                Table::Percentiles => &mut percentiles,
                Table::Errors => &mut parts.errors,
            };
            rows.clear();
            rows.push(line.trim_end().to_owned());
            continue;
        }
        match table {
            _ if matches!(line, "Response time percentiles (approximated)" | "Error report") => {}
            Some(_) if line.trim().is_empty() => table = None,
            Some(_) if line.starts_with("--------") => {}
            Some(Table::Requests) => requests.push(request_row(line, case)),
            Some(Table::Percentiles) => percentiles.push(percentile_row(line, case)),
            Some(Table::Errors) => parts.errors.push(line.trim_end().to_owned()),
            None => {
                parts.log.push_str(line);
                parts.log.push('\n');
            }
        }
    }
    parts.stats = requests;
    parts.stats.append(&mut percentiles);
    parts
}

/// `GET      /hello      41     0(0.00%) |      9       6      56      9 |   15.34        0.00` as
/// `GET /hello: 41 requests, 0(0.00%) failed`.
fn request_row(line: &str, case: &Case) -> String {
    let Some((counts, _)) = line.rsplit_once('|').and_then(|(rest, _)| rest.rsplit_once('|'))
    else {
        return format!("not a row: {line}");
    };
    let counts = counts.trim_end();
    let split =
        |text: &'_ str| text.trim_end().rsplit_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    let Some((rest, failed)) = split(counts) else { return format!("not a row: {line}") };
    let Some((entry, n)) = split(&rest) else { return format!("not a row: {line}") };
    let entry = squeeze(&entry);
    let n = n.parse().map_or(n, |n| case.count(&entry, n));
    format!("{entry}: {n} requests, {failed} failed")
}

/// Without the percentiles themselves.
fn percentile_row(line: &str, case: &Case) -> String {
    /// Columns of percentiles, unless a locustfile asks for others; then its case compares the header only.
    const COLUMNS: usize = 11;
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some(at) = words.len().checked_sub(COLUMNS + 1) else { return "a row".to_owned() };
    let entry = words[..at].join(" ");
    let n = words.last().copied().unwrap_or_default();
    let n = n.parse().map_or_else(|_| n.to_owned(), |n| case.count(&entry, n));
    format!("percentiles of {entry}: {n} requests")
}

/// Method and name with one space between them.
fn squeeze(entry: &str) -> String {
    let entry = entry.trim();
    match entry.split_once(' ') {
        Some((method, name)) => format!("{method} {}", name.trim_start()),
        None => entry.to_owned(),
    }
}
