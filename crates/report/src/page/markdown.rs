//! `report.md`: the sections that a load testing report has, in the order people ask for them.

use std::fmt::Write as _;

use plan::criterion::Quantity;

use crate::bottleneck::{Evidence, Finding, Severity};
use crate::ci::{cell, criteria_table, line};
use crate::document::{Document, Figures, Latency, RequestReport, RunReport};
use crate::judge::{Verdict, moment};
use crate::quantity::{self, bytes, count, per_second, percent};

/// Series of probes that the page lists; `report.json` has all.
const MAX_RESOURCES: usize = 40;
/// Events that the page lists.
const MAX_EVENTS: usize = 40;
/// Rows of a table that the page lists.
const MAX_ROWS: usize = 10;

fn ms(value: f64) -> String {
    quantity::text(Quantity::Milliseconds, value)
}

fn rate(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), percent)
}

/// The report as a page of Markdown.
pub fn report_markdown(document: &Document) -> String {
    let mut out = format!("# {}\n\n", line(&document.title));
    let mark = document.verdict.map_or("", Verdict::mark);
    let word = document.verdict.map_or("NOT JUDGED", Verdict::as_str);
    let _ = writeln!(out, "**{mark} {word}** · {}\n", document.started_text);
    section(&mut out, 1, "Executive summary");
    let _ = writeln!(out, "{}\n", line(&document.headline));
    for sentence in &document.summary {
        let _ = writeln!(out, "- {}", line(sentence));
    }
    section(&mut out, 2, "Test scenarios");
    scenarios(&mut out, document);
    section(&mut out, 3, "Results");
    results(&mut out, document);
    section(&mut out, 4, "Success criteria");
    criteria(&mut out, document);
    section(&mut out, 5, "Baselines against measured");
    baselines(&mut out, document);
    section(&mut out, 6, "Bottleneck analysis");
    document.runs.iter().for_each(|run| analysis(&mut out, run, document.runs.len() > 1));
    section(&mut out, 7, "Optimization recommendations");
    if document.recommendations.is_empty() {
        out.push_str("None: no rule found anything to improve.\n");
    }
    for (n, text) in document.recommendations.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", n + 1, line(text));
    }
    section(&mut out, 8, "Approval decision");
    let _ = writeln!(out, "**{}**\n\n{}", document.decision_text, line(&document.headline));
    details(&mut out, document);
    out
}

fn section(out: &mut String, n: usize, title: &str) {
    let _ = writeln!(out, "\n## {n}. {title}\n");
}

/// A heading for one of several runs.
fn of_run(out: &mut String, run: &RunReport, is_one_of_many: bool) {
    if is_one_of_many {
        let _ = writeln!(out, "\n### {}\n", line(&run.name));
    }
}

fn scenarios(out: &mut String, document: &Document) {
    out.push_str(
        "| scenario | load | script | duration | users | verdict |\n|---|---|---|--:|--:|---|\n",
    );
    for run in &document.runs {
        let plan: Vec<String> =
            run.plan.iter().map(|(key, value)| format!("{key} {value}")).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            cell(&run.name),
            cell(&plan.join(", ")),
            cell(&run.script),
            quantity::seconds(run.elapsed_s),
            run.figures.users.map_or_else(|| "–".to_owned(), count),
            verdict(run.verdict),
        );
    }
    for run in document.runs.iter().filter(|run| !run.purpose.is_empty()) {
        let _ = writeln!(out, "\n**{}**: {}", line(&run.name), line(&run.purpose));
    }
}

fn verdict(verdict: Option<Verdict>) -> String {
    match verdict {
        Some(verdict) => format!("{} {}", verdict.mark(), verdict.as_str()),
        None => "–".to_owned(),
    }
}

fn results(out: &mut String, document: &Document) {
    out.push_str(
        "| scenario | requests | rate | p50 | p95 | p99 | max | errors |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let row = |name: &str, figures: &Figures| {
        let Latency { p50, p95, p99, max, .. } = figures.latency;
        format!(
            "| {} | {} | {}/s | {} | {} | {} | {} | {} |\n",
            cell(name),
            count(figures.requests as f64),
            per_second(figures.throughput),
            ms(p50),
            ms(p95),
            ms(p99),
            ms(max),
            rate(figures.error_rate),
        )
    };
    document.runs.iter().for_each(|run| out.push_str(&row(&run.name, &run.figures)));
    if document.runs.len() > 1 {
        let sums = &document.totals;
        let Latency { p50, p95, p99, max, .. } = sums.latency;
        let _ = writeln!(
            out,
            "| **all** | {} | | {} | {} | {} | {} | {} |",
            count(sums.requests as f64),
            ms(p50),
            ms(p95),
            ms(p99),
            ms(max),
            rate(sums.error_rate),
        );
    }
    for run in &document.runs {
        of_run(out, run, document.runs.len() > 1);
        requests(out, run);
        phases(out, run);
        errors(out, run);
        resources(out, run);
    }
}

fn requests(out: &mut String, run: &RunReport) {
    if run.requests.is_empty() {
        return;
    }
    out.push_str(
        "\n| request | count | rate | p50 | p95 | p99 | max | failed |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for RequestReport { label, requests, failures, error_rate, throughput, latency } in
        &run.requests
    {
        let _ = writeln!(
            out,
            "| {} | {} | {}/s | {} | {} | {} | {} | {} |",
            cell(label),
            count(*requests as f64),
            per_second(*throughput),
            ms(latency.p50),
            ms(latency.p95),
            ms(latency.p99),
            ms(latency.max),
            if *failures == 0 {
                "0".to_owned()
            } else {
                format!("{failures} ({})", rate(*error_rate))
            },
        );
    }
    if run.requests_left_out > 0 {
        let _ = writeln!(out, "\n… and {} more names", run.requests_left_out);
    }
}

fn phases(out: &mut String, run: &RunReport) {
    if run.phases.is_empty() {
        return;
    }
    out.push_str("\n| phase | from | to | users | rate | p50 | p95 | p99 | errors |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for phase in &run.phases {
        let figures = &phase.figures;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {}/s | {} | {} | {} | {} |",
            cell(&phase.name),
            moment(phase.from_s),
            moment(phase.to_s),
            figures.users.map_or_else(|| "–".to_owned(), count),
            per_second(figures.throughput),
            ms(figures.latency.p50),
            ms(figures.latency.p95),
            ms(figures.latency.p99),
            rate(figures.error_rate),
        );
    }
}

fn errors(out: &mut String, run: &RunReport) {
    if run.errors.is_empty() {
        return;
    }
    out.push_str("\n| failure | count | first | last |\n|---|--:|--:|--:|\n");
    for error in &run.errors {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            cell(&error.kind),
            count(error.count as f64),
            moment(error.first_s),
            moment(error.last_s),
        );
    }
}

fn resources(out: &mut String, run: &RunReport) {
    if run.resources.is_empty() {
        out.push_str("\nResource utilisation: nothing was observed (see `--observe`).\n");
        return;
    }
    out.push_str("\n| resource | of | min | mean | max | last |\n|---|---|--:|--:|--:|--:|\n");
    for row in run.resources.iter().take(MAX_RESOURCES) {
        let [min, avg, max, last] = &row.text;
        let _ = writeln!(
            out,
            "| {} | {} | {min} | {avg} | {max} | {last} |",
            cell(&row.metric),
            cell(&row.of)
        );
    }
    let more = run.resources.len().saturating_sub(MAX_RESOURCES) + run.resources_left_out;
    if more > 0 {
        let _ = writeln!(out, "\n… and {more} more series");
    }
}

fn criteria(out: &mut String, document: &Document) {
    if document.runs.iter().all(|run| run.criteria.is_empty()) {
        out.push_str("None were given: the run was not judged.\n");
        return;
    }
    for run in document.runs.iter().filter(|run| !run.criteria.is_empty()) {
        of_run(out, run, document.runs.len() > 1);
        criteria_table(out, run.criteria.iter());
        if !run.generator.is_empty() {
            let _ = writeln!(out, "\n{}", line(&run.generator));
        }
    }
}

fn baselines(out: &mut String, document: &Document) {
    if document.runs.iter().all(|run| run.baseline.is_empty()) {
        out.push_str("No baseline was given.\n");
        return;
    }
    out.push_str("| scenario | | expected | measured | deviation | |\n|---|---|--:|--:|--:|---|\n");
    for run in &document.runs {
        for row in &run.baseline {
            let deviation = row.deviation.map_or_else(
                || "–".to_owned(),
                |share| format!("{}{}", if share > 0.0 { "+" } else { "" }, percent(share)),
            );
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {deviation} | {} |",
                cell(&run.name),
                cell(&row.what),
                row.expected,
                row.measured,
                if row.is_worse { "⚠️ worse than expected" } else { "✅" },
            );
        }
    }
}

fn analysis(out: &mut String, run: &RunReport, is_one_of_many: bool) {
    of_run(out, run, is_one_of_many);
    let analysis = &run.analysis;
    if analysis.findings.is_empty() {
        out.push_str("No rule found a bottleneck.\n");
    }
    for finding in &analysis.findings {
        finding_lines(out, finding);
    }
    for scaling in &analysis.scaling {
        let _ = writeln!(out, "\nAutoscaling: {}.", line(&scaling.text));
    }
    if !analysis.exonerated.is_empty() {
        out.push_str("\nNot the cause:\n\n");
        for one in &analysis.exonerated {
            let _ = writeln!(out, "- {}: {}", line(&one.resource), line(&one.why));
        }
    }
    if !analysis.unknown.is_empty() {
        out.push_str("\nNot known:\n\n");
        analysis.unknown.iter().for_each(|text| {
            let _ = writeln!(out, "- {}", line(text));
        });
    }
}

fn finding_lines(out: &mut String, finding: &Finding) {
    let mark = match finding.severity {
        Severity::Critical => "🔴",
        Severity::Warning => "🟠",
        Severity::Info => "🔵",
    };
    let _ = write!(out, "\n{mark} **{}**", line(&finding.claim));
    if !finding.cause.is_empty() {
        let _ = write!(out, " {}.", line(&finding.cause).trim_end_matches('.'));
    }
    out.push_str("\n\n");
    for Evidence { what, value, limit, at_s } in &finding.evidence {
        let limit = if limit.is_empty() { String::new() } else { format!(" (limit {limit})") };
        let at = at_s.map_or_else(String::new, |at_s| format!(", at {}", moment(at_s)));
        let _ = writeln!(out, "- {}: {}{limit}{at}", line(what), line(value));
    }
    for advice in &finding.advice {
        let _ = writeln!(out, "- → {}", line(advice));
    }
}

/// What stands at the end: how the runs were made, and what else is known.
fn details(out: &mut String, document: &Document) {
    out.push_str("\n## Details\n");
    for run in &document.runs {
        let _ = writeln!(out, "\n### {}\n", line(&run.name));
        let _ = writeln!(out, "- command: `{}`", line(&run.command).replace('`', "'"));
        let _ = writeln!(out, "- started: {}", run.started);
        let figures = &run.figures;
        let _ = writeln!(
            out,
            "- transferred: {} sent, {} received",
            bytes(figures.bytes_sent as f64),
            bytes(figures.bytes_received as f64)
        );
        if !run.ending.is_empty() {
            let _ = writeln!(out, "- end: {}", line(&run.ending));
        }
        if !run.generator.is_empty() {
            let _ = writeln!(out, "- {}", line(&run.generator));
        }
        for note in &run.notes {
            let _ = writeln!(out, "- note: {}", line(note));
        }
        if let Some(directory) = &run.directory {
            let _ = writeln!(out, "- record: `{}`", line(directory));
        }
        checks(out, run);
        events(out, run);
        tables(out, run);
    }
    let _ = writeln!(out, "\n---\nMade by Squall {}.", document.squall_version);
}

fn checks(out: &mut String, run: &RunReport) {
    if run.checks.is_empty() {
        return;
    }
    out.push_str("\n| check | passed | failed |\n|---|--:|--:|\n");
    for check in &run.checks {
        let _ = writeln!(out, "| {} | {} | {} |", cell(&check.name), check.passed, check.failed);
    }
}

fn events(out: &mut String, run: &RunReport) {
    if run.events.is_empty() {
        return;
    }
    out.push_str("\n| at | source | event | subject | |\n|--:|---|---|---|---|\n");
    for event in run.events.iter().take(MAX_EVENTS) {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            event.at,
            cell(&event.source),
            cell(&event.kind),
            cell(&event.subject),
            cell(&event.text)
        );
    }
    let more = run.events.len().saturating_sub(MAX_EVENTS) + run.events_left_out;
    if more > 0 {
        let _ = writeln!(out, "\n… and {more} more events");
    }
}

fn tables(out: &mut String, run: &RunReport) {
    for table in run.tables.iter().filter(|table| !table.rows.is_empty()) {
        let _ = writeln!(out, "\n**{}** ({})\n", line(&table.name), line(&table.source));
        let heads: Vec<String> = table.columns.iter().map(|column| cell(column)).collect();
        let _ =
            writeln!(out, "| {} |\n|{}|", heads.join(" | "), vec!["---"; heads.len()].join("|"));
        for row in table.rows.iter().take(MAX_ROWS) {
            let cells: Vec<String> =
                row.iter().map(|value| cell(&crate::page::sections::value_text(value))).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        if table.rows.len() > MAX_ROWS {
            let _ = writeln!(out, "\n… and {} more rows", table.rows.len() - MAX_ROWS);
        }
    }
}
