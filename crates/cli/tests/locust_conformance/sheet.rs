//! CSV files: their header lines as they are, their rows by what they count and by the form of their numbers.

use crate::case::Case;
use crate::normal::{Names, log_lines};
use std::collections::BTreeMap;

/// The lines that are compared of a CSV file; all of it when it is none of Locust's four.
pub(crate) fn lines(name: &str, text: &str, case: &Case, names: &Names) -> Vec<String> {
    let rows = parse(text);
    let Some((header, rows)) = rows.split_first() else { return vec![format!("{name}: empty")] };
    let first_line = text.lines().next().unwrap_or_default();
    let ends = if text.contains("\r\n") { "CRLF" } else { "LF" };
    let mut out = vec![format!("{name} ({ends}): {first_line}")];
    let kind = header.first().map_or("", String::as_str);
    let mut shown: Vec<String> = match kind {
        "Type" => rows.iter().map(|fields| Row { header, fields }.of_stats(case)).collect(),
        "Timestamp" => history(rows, header, case),
        "Method" => rows.iter().map(|fields| Row { header, fields }.of_failures(case)).collect(),
        "Count" => {
            rows.iter().flat_map(|fields| Row { header, fields }.of_exceptions(names)).collect()
        }
        _ => rows.iter().map(|fields| names.clean(&fields.join(","))).collect(),
    };
    if kind == "Method" {
        // Their order is that of a digest.
        shown.sort();
    }
    out.extend(shown.into_iter().map(|line| format!("{name}: {}", names.clean(&line))));
    out
}

struct Row<'a> {
    header: &'a [String],
    fields: &'a [String],
}

impl Row<'_> {
    fn get(&self, column: &str) -> &str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.fields.get(at)).map_or("(no such column)", String::as_str)
    }

    fn entry(&self) -> String {
        format!("{} {}", self.get("Type"), self.get("Name")).trim().to_owned()
    }

    /// A count, within its range if there is one.
    fn count(&self, column: &str, case: &Case) -> String {
        let text = self.get(column);
        text.parse().map_or_else(|_| text.to_owned(), |n| case.count(&self.entry(), n))
    }

    fn of_stats(&self, case: &Case) -> String {
        let forms: Vec<String> = self
            .header
            .iter()
            .filter(|name| {
                name.ends_with('%') || name.contains("Response Time") || name.contains("/s")
            })
            .filter(|name| *name != "Median Response Time")
            .map(|name| form(self.get(name)).to_owned())
            .collect();
        format!(
            "{}: {} requests, {} failed, {} bytes, {}",
            self.entry(),
            self.count("Request Count", case),
            self.count("Failure Count", case),
            self.get("Average Content Size"),
            forms.join(" ")
        )
    }

    fn of_failures(&self, case: &Case) -> String {
        let (first, last) = (form(self.get("First Seen")), form(self.get("Last Seen")));
        let entry = format!("{} {}", self.get("Method"), self.get("Name"));
        let n = self.get("Occurrences");
        let n = n.parse().map_or_else(|_| n.to_owned(), |n| case.count(&entry, n));
        format!("{entry}: {n} times {}, first {first}, last {last}", self.get("Error"))
    }

    fn of_exceptions(&self, names: &Names) -> Vec<String> {
        let (count, message) = (self.get("Count"), self.get("Message"));
        let mut out = vec![format!("{count} times {message:?} on {}", self.get("Nodes"))];
        out.extend(log_lines(self.get("Traceback"), names));
        out
    }
}

/// The last row of each entry: earlier ones depend on when they were written.
fn history(rows: &[Vec<String>], header: &[String], case: &Case) -> Vec<String> {
    let mut last = BTreeMap::new();
    for fields in rows {
        let row = Row { header, fields };
        let form = format!(
            "{} {} {} digits",
            form(row.get("Timestamp")),
            form(row.get("User Count")),
            // Written with `%f`.
            row.get("Requests/s").split_once('.').map_or(0, |(_, digits)| digits.len())
        );
        let line = format!(
            "{}: {} requests, {} failed, {} bytes, {form}",
            row.entry(),
            row.count("Total Request Count", case),
            row.count("Total Failure Count", case),
            row.get("Total Average Content Size"),
        );
        last.insert(row.entry(), line);
    }
    last.into_values().collect()
}

/// The form of a number or time: `int`, `float`, `time`, else the text itself.
fn form(text: &str) -> &str {
    let is_time =
        text.len() == 20 && text.starts_with("20") && text.ends_with('Z') && text.contains('T');
    match text.split_once('.') {
        _ if is_time => "time",
        None if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => "int",
        Some(_) if text.parse::<f64>().is_ok() => "float",
        _ => text,
    }
}

/// Rows of fields (RFC 4180).
fn parse(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let row = rows.last_mut().expect("there always is a row");
        let field = row.last_mut().expect("a row always has a field");
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(String::new()),
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => rows.push(vec![String::new()]),
            other => field.push(other),
        }
    }
    rows.retain(|row| row.len() > 1 || row.iter().any(|field| !field.is_empty()));
    rows
}

#[test]
fn quoted_fields_may_hold_what_separates_them() {
    let rows = parse("a,b\r\n\"x,\"\"y\"\"\r\nz\",2\r\n");
    assert_eq!(rows, [vec!["a", "b"], vec!["x,\"y\"\r\nz", "2"]]);
    for (text, want) in
        [("12", "int"), ("1.5", "float"), ("0.000000", "float"), ("N/A", "N/A"), ("", "")]
    {
        assert_eq!(form(text), want);
    }
    assert_eq!(form("2026-11-20T19:59:51Z"), "time");
}
