//! All about one run: its criteria, its course, results, bottlenecks, how it was made.

use std::fmt::Write as _;

use super::parts::{after_colon, badge, cells, ms, rate, table, tiles};
use crate::bottleneck::{Evidence, Finding, Severity};
use crate::document::{Document, RunReport};
use crate::judge::{Row, moment};
use crate::page::chart::{event_id, slug, timeline};
use crate::page::sections::{escape, value_text};
use crate::quantity::{bytes, count, per_second, percent};

/// Rows of a probe's table that are shown.
const MAX_ROWS: usize = 20;

pub(super) fn run_section(out: &mut String, document: &Document, run: &RunReport, n: usize) {
    let id = slug(&run.name);
    let _ = writeln!(out, "<article id=\"{id}\" class=\"run\">");
    if document.runs.len() > 1 {
        let _ = writeln!(
            out,
            "<header><p class=\"eyebrow\">Scenario {} of {}</p><h2>{} {}</h2><p>{}</p></header>",
            n + 1,
            document.runs.len(),
            escape(&run.name),
            badge(run.verdict),
            escape(after_colon(&run.headline)),
        );
        tiles(out, run);
    }
    for note in std::iter::once(&run.ending).filter(|text| !text.is_empty()) {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escape(note));
    }
    criteria(out, run, &id);
    let _ = writeln!(
        out,
        "<section id=\"{id}-course\"><h3>Course of the test</h3>\n{}</section>",
        timeline(run)
    );
    results(out, run, &id);
    baseline(out, run);
    bottlenecks(out, run, &id);
    details(out, run);
    out.push_str("</article>\n");
}

fn criteria(out: &mut String, run: &RunReport, id: &str) {
    let _ = writeln!(out, "<section id=\"{id}-criteria\"><h3>Success criteria</h3>");
    if run.criteria.is_empty() {
        out.push_str("<p class=\"muted\">None were given, so the run was not judged. <code>--criterion 'p(99) &lt; 500ms'</code> gives one.</p>\n");
    } else {
        let rows = run.criteria.iter().map(|row: &Row| {
            cells(&[
                ("", badge(Some(row.verdict))),
                ("criterion", format!("<code>{}</code>", escape(&row.criterion))),
                ("n strong", escape(&row.measured)),
                ("muted", escape(&row.note)),
            ])
        });
        table(out, "criteria", &["Verdict", "Criterion", ">Measured", "Where and when"], rows);
    }
    if !run.generator.is_empty() {
        let _ = writeln!(
            out,
            "<p class=\"muted small\">Can these numbers be trusted? The {}.</p>",
            escape(&run.generator)
        );
    }
    out.push_str("</section>\n");
}

fn results(out: &mut String, run: &RunReport, id: &str) {
    let _ = writeln!(out, "<section id=\"{id}-results\"><h3>Results</h3>");
    requests(out, run);
    if !run.phases.is_empty() {
        out.push_str("<h4>By phase</h4>\n");
        let rows = run.phases.iter().map(|phase| {
            let figures = &phase.figures;
            cells(&[
                ("name", escape(&phase.name)),
                ("n", format!("{}–{}", moment(phase.from_s), moment(phase.to_s))),
                ("n", figures.users.map_or_else(|| "–".to_owned(), count)),
                ("n", format!("{}/s", per_second(figures.throughput))),
                ("n", ms(figures.latency.p50)),
                ("n", ms(figures.latency.p95)),
                ("n", ms(figures.latency.p99)),
                ("n", rate(figures.error_rate)),
            ])
        });
        let heads = ["Phase", ">When", ">Users", ">Rate", ">p50", ">p95", ">p99", ">Errors"];
        table(out, "", &heads, rows);
    }
    if !run.errors.is_empty() {
        out.push_str("<h4>Failures</h4>\n");
        let rows = run.errors.iter().map(|error| {
            cells(&[
                ("name", format!("<code>{}</code>", escape(&error.kind))),
                ("n", count(error.count as f64)),
                ("n", moment(error.first_s)),
                ("n", moment(error.last_s)),
            ])
        });
        table(out, "", &["Kind", ">Count", ">First", ">Last"], rows);
    }
    if !run.checks.is_empty() {
        out.push_str("<h4>Checks</h4>\n");
        let rows = run.checks.iter().map(|check| {
            let class = if check.failed > 0 { "n bad" } else { "n" };
            cells(&[
                ("name", escape(&check.name)),
                ("n", count(check.passed as f64)),
                (class, count(check.failed as f64)),
            ])
        });
        table(out, "", &["Check", ">Passed", ">Failed"], rows);
    }
    resources(out, run);
    out.push_str("</section>\n");
}

fn requests(out: &mut String, run: &RunReport) {
    if run.requests.is_empty() {
        out.push_str("<p class=\"muted\">No requests were made.</p>\n");
        return;
    }
    let most = run.requests.iter().map(|row| row.latency.p99).fold(0.0, f64::max);
    let place = |value: f64| if most > 0.0 { value / most * 100.0 } else { 0.0 };
    let rows = run.requests.iter().map(|row| {
        let latency = &row.latency;
        let spread = format!(
            "<span class=\"spread\" title=\"p50 {}, p95 {}, p99 {}\"><i style=\"width:{:.1}%\"></i><i style=\"width:{:.1}%\">\
             </i><i style=\"width:{:.1}%\"></i></span>",
            ms(latency.p50),
            ms(latency.p95),
            ms(latency.p99),
            place(latency.p99),
            place(latency.p95),
            place(latency.p50),
        );
        let class = if row.failures > 0 { "n bad" } else { "n" };
        cells(&[
            ("name", escape(&row.label)),
            ("n", count(row.requests as f64)),
            ("n", format!("{}/s", per_second(row.throughput))),
            ("n", ms(latency.p50)),
            ("n", ms(latency.p95)),
            ("n", ms(latency.p99)),
            ("n", ms(latency.max)),
            ("wide", spread),
            (class, rate(row.error_rate)),
        ])
    });
    let heads = ["Request", ">Count", ">Rate", ">p50", ">p95", ">p99", ">Max", "Spread", ">Errors"];
    table(out, "requests", &heads, rows);
    if run.requests_left_out > 0 {
        let _ = writeln!(
            out,
            "<p class=\"muted small\">{} more names are in report.json.</p>",
            run.requests_left_out
        );
    }
}

fn resources(out: &mut String, run: &RunReport) {
    if run.resources.is_empty() {
        out.push_str("<p class=\"muted\">Resources of the system were not observed: <code>--observe</code> adds probes.</p>\n");
        return;
    }
    let _ = writeln!(
        out,
        "<details{}><summary><h4>Resource utilisation</h4><span class=\"muted\">{} series</span></summary>",
        if run.resources.len() <= 60 { " open" } else { "" },
        run.resources.len() + run.resources_left_out
    );
    let rows = run.resources.iter().map(|row| {
        let [min, avg, max, last] = &row.text;
        cells(&[
            ("name", format!("<code>{}</code>", escape(&row.metric))),
            ("muted", escape(&row.of)),
            ("n", escape(min)),
            ("n", escape(avg)),
            ("n", escape(max)),
            ("n", escape(last)),
        ])
    });
    table(out, "", &["Series", "Of", ">Min", ">Mean", ">Max", ">Last"], rows);
    out.push_str("</details>\n");
}

fn baseline(out: &mut String, run: &RunReport) {
    if run.baseline.is_empty() {
        return;
    }
    out.push_str("<section><h3>Baseline against measured</h3>\n");
    let rows = run.baseline.iter().map(|row| {
        let deviation = row.deviation.map_or_else(
            || "–".to_owned(),
            |share| format!("{}{}", if share > 0.0 { "+" } else { "" }, percent(share)),
        );
        let (class, word) = if row.is_worse { ("n bad", "worse") } else { ("n", "as expected") };
        cells(&[
            ("name", escape(&row.what)),
            ("n", escape(&row.expected)),
            ("n strong", escape(&row.measured)),
            (class, deviation),
            (if row.is_worse { "bad" } else { "muted" }, word.to_owned()),
        ])
    });
    table(out, "", &["Figure", ">Expected", ">Measured", ">Deviation", ""], rows);
    out.push_str("</section>\n");
}

fn bottlenecks(out: &mut String, run: &RunReport, id: &str) {
    let analysis = &run.analysis;
    let _ = writeln!(out, "<section id=\"{id}-bottlenecks\"><h3>Bottleneck analysis</h3>");
    if analysis.findings.is_empty() {
        out.push_str("<p>No rule found a bottleneck.</p>\n");
    }
    out.push_str("<div class=\"findings\">\n");
    analysis.findings.iter().for_each(|finding| finding_card(out, finding));
    out.push_str("</div>\n");
    for scaling in &analysis.scaling {
        let _ = writeln!(out, "<p class=\"note\">Autoscaling: {}.</p>", escape(&scaling.text));
    }
    let lists = [
        (
            "Not the cause",
            analysis
                .exonerated
                .iter()
                .map(|one| format!("<b>{}</b>: {}", escape(&one.resource), escape(&one.why)))
                .collect::<Vec<_>>(),
        ),
        ("Not known", analysis.unknown.iter().map(|text| escape(text)).collect()),
    ];
    out.push_str("<div class=\"pair\">");
    for (title, items) in lists.iter().filter(|(_, items)| !items.is_empty()) {
        let _ = write!(out, "<div><h4>{title}</h4><ul>");
        for item in items {
            let _ = write!(out, "<li>{item}</li>");
        }
        out.push_str("</ul></div>");
    }
    out.push_str("</div></section>\n");
}

fn finding_card(out: &mut String, finding: &Finding) {
    let (class, word) = match finding.severity {
        Severity::Critical => ("critical", "critical"),
        Severity::Warning => ("warning", "warning"),
        Severity::Info => ("info", "worth knowing"),
    };
    let confidence = format!("{:?} confidence", finding.confidence).to_lowercase();
    let _ = write!(
        out,
        "<div class=\"finding {class}\"><p class=\"eyebrow\"><b>{word}</b> · {confidence}</p><h4>{}</h4>",
        escape(&finding.claim)
    );
    if !finding.cause.is_empty() {
        let _ = write!(out, "<p>{}.</p>", escape(finding.cause.trim_end_matches('.')));
    }
    if !finding.evidence.is_empty() {
        out.push_str("<ul class=\"evidence\">");
        for Evidence { what, value, limit, at_s } in &finding.evidence {
            let limit = if limit.is_empty() {
                String::new()
            } else {
                format!(" <i>limit {}</i>", escape(limit))
            };
            let at = at_s.map_or_else(String::new, |at_s| format!(" <i>at {}</i>", moment(at_s)));
            let _ = write!(
                out,
                "<li><span>{}</span> <b>{}</b>{limit}{at}</li>",
                escape(what),
                escape(value)
            );
        }
        out.push_str("</ul>");
    }
    for advice in &finding.advice {
        let _ = write!(out, "<p class=\"advice\">{}</p>", escape(advice));
    }
    out.push_str("</div>\n");
}

fn details(out: &mut String, run: &RunReport) {
    if !run.events.is_empty() {
        let _ = writeln!(
            out,
            "<details class=\"section\"{}><summary><h3>Events</h3><span class=\"muted\">{}</span></summary>",
            if run.events.len() <= 25 { " open" } else { "" },
            run.events.len() + run.events_left_out
        );
        let heads = ["", ">At", "Source", "Event", "Subject", ""];
        let rows = run.events.iter().enumerate().map(|(n, event)| {
            let severity = format!("{:?}", event.severity).to_lowercase();
            cells(&[
                (
                    "mark",
                    format!(
                        "<span id=\"{}\" class=\"pin {severity}\">{}</span>",
                        event_id(run, n),
                        n + 1
                    ),
                ),
                ("n", event.at.clone()),
                ("", escape(&event.source)),
                ("", escape(&event.kind)),
                ("name", escape(&event.subject)),
                ("muted", escape(&event.text)),
            ])
        });
        table(out, "events", &heads, rows);
        out.push_str("</details>\n");
    }
    for of in run.tables.iter().filter(|table| !table.rows.is_empty()) {
        let _ = writeln!(
            out,
            "<details class=\"section\"><summary><h3>{}</h3><span class=\"muted\">{} rows from {}</span></summary>",
            escape(&of.name),
            of.rows.len(),
            escape(&of.source)
        );
        let is_number = |column: usize| {
            of.rows.iter().all(|row| row.get(column).is_none_or(|v| v.is_number() || v.is_null()))
        };
        let heads: Vec<String> = of
            .columns
            .iter()
            .enumerate()
            .map(|(i, name)| if is_number(i) { format!(">{name}") } else { name.clone() })
            .collect();
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let rows = of.rows.iter().take(MAX_ROWS).map(|row| {
            let columns: Vec<(&str, String)> = row
                .iter()
                .enumerate()
                .map(|(i, v)| (if is_number(i) { "n" } else { "text" }, escape(&value_text(v))))
                .collect();
            cells(&columns)
        });
        table(out, "probe", &heads, rows);
        out.push_str("</details>\n");
    }
    made(out, run);
}

fn made(out: &mut String, run: &RunReport) {
    out.push_str("<details class=\"section\"><summary><h3>How it was made</h3></summary>\n<dl class=\"facts\">\n");
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{value}</dd>");
    };
    fact("Command", format!("<code>{}</code>", escape(&run.command)));
    fact("Started", escape(&run.started));
    for (key, value) in &run.plan {
        fact(&escape(key), escape(value));
    }
    let figures = &run.figures;
    if figures.iterations > 0 {
        fact("Iterations", count(figures.iterations as f64));
    }
    let transferred = figures.bytes_sent + figures.bytes_received;
    if transferred > 0 {
        fact(
            "Transferred",
            format!(
                "{} sent, {} received",
                bytes(figures.bytes_sent as f64),
                bytes(figures.bytes_received as f64)
            ),
        );
    }
    if let Some(directory) = &run.directory {
        fact("Record", format!("<code>{}</code>", escape(directory)));
    }
    for note in &run.notes {
        fact("Note", escape(note));
    }
    out.push_str("</dl></details>\n");
}
