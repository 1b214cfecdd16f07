//! Pieces that the page is made of: tables, tiles, badges.

use std::fmt::Write as _;

use plan::criterion::Quantity;

use crate::document::RunReport;
use crate::judge::Verdict;
use crate::page::sections::escape;
use crate::quantity::{self, count, per_second, percent};

pub(super) fn ms(value: f64) -> String {
    quantity::text(Quantity::Milliseconds, value)
}

pub(super) fn rate(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), percent)
}

pub(super) fn verdict_class(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Pass) => "pass",
        Some(Verdict::Marginal) => "marginal",
        Some(Verdict::Inconclusive) => "inconclusive",
        Some(Verdict::Fail) => "fail",
        None => "none",
    }
}

pub(super) fn verdict_word(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("NOT JUDGED", Verdict::as_str)
}

pub(super) fn badge(verdict: Option<Verdict>) -> String {
    format!("<span class=\"badge {}\">{}</span>", verdict_class(verdict), verdict_word(verdict))
}

/// `FAIL: 1 of 3 …` without the word that stands beside it.
pub(super) fn after_colon(headline: &str) -> &str {
    headline.split_once(": ").map_or(headline, |(_, rest)| rest)
}

/// Text with what stands between back-ticks as code.
pub(super) fn code(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            let _ = write!(out, "<code>{}</code>", escape(part));
        } else {
            out.push_str(&escape(part));
        }
    }
    out
}

pub(super) fn tile(out: &mut String, name: &str, value: &str, note: &str) {
    // Numbers are large, their units are not.
    let at = value
        .char_indices()
        .find(|(_, c)| !c.is_ascii_digit() && !".,-–".contains(*c))
        .map_or(value.len(), |(at, _)| at);
    let (number, unit) = value.split_at(at);
    let _ = write!(
        out,
        "<div class=\"tile\"><dt>{}</dt><dd><b>{}</b><small>{}</small></dd><p>{}</p></div>",
        escape(name),
        escape(number),
        escape(unit.trim()),
        escape(note)
    );
}

pub(super) fn tiles(out: &mut String, run: &RunReport) {
    let figures = &run.figures;
    let latency = &figures.latency;
    out.push_str("<dl class=\"tiles\">");
    tile(
        out,
        "Requests",
        &count(figures.requests as f64),
        &format!("in {}", quantity::seconds(run.elapsed_s)),
    );
    let peak = format!("at most {}/s", per_second(figures.peak_throughput));
    tile(out, "Throughput", &format!("{}/s", per_second(figures.throughput)), &peak);
    tile(out, "Median", &ms(latency.p50), &format!("mean {}", ms(latency.avg)));
    tile(out, "p95", &ms(latency.p95), &format!("p90 {}", ms(latency.p90)));
    tile(out, "p99", &ms(latency.p99), &format!("slowest {}", ms(latency.max)));
    let failed = format!("{} failed", count(figures.failures as f64));
    tile(out, "Errors", &rate(figures.error_rate), &failed);
    if let Some(users) = figures.users {
        let note = if figures.dropped > 0 {
            format!("{} not started", count(figures.dropped as f64))
        } else {
            "at most".to_owned()
        };
        tile(out, "Users", &count(users), &note);
    }
    out.push_str("</dl>\n");
}

/// A table that scrolls by itself where it is too wide.
pub(super) fn table(
    out: &mut String,
    class: &str,
    heads: &[&str],
    rows: impl Iterator<Item = String>,
) {
    let _ = write!(out, "<div class=\"scroll\"><table class=\"{class}\"><thead><tr>");
    for head in heads {
        let (class, head) = match head.strip_prefix('>') {
            Some(head) => (" class=\"n\"", head),
            None => ("", *head),
        };
        let _ = write!(out, "<th{class}>{}</th>", escape(head));
    }
    out.push_str("</tr></thead><tbody>\n");
    rows.for_each(|row| {
        let _ = writeln!(out, "<tr>{row}</tr>");
    });
    out.push_str("</tbody></table></div>\n");
}

pub(super) fn cells(cells: &[(&str, String)]) -> String {
    cells.iter().fold(String::new(), |mut row, (class, text)| {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let _ = write!(row, "<td{class}>{text}</td>");
        row
    })
}
