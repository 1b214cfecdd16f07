//! `report.html`: one file that needs nothing else, for screens, phones and paper, in light and in dark.

mod parts;
mod run;

use std::fmt::Write as _;

use self::parts::{
    after_colon, badge, cells, code, ms, rate, table, tile, tiles, verdict_class, verdict_word,
};
use self::run::run_section;
use super::chart::slug;
use super::sections::escape;
use crate::document::{Decision, Document, Figures};
use crate::quantity::{self, count, per_second};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The report as one HTML file.
pub fn html(document: &Document) -> String {
    let mut out = String::with_capacity(512 << 10);
    let title = escape(&document.title);
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"Squall {}\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escape(&document.squall_version)
    );
    header(&mut out, document);
    out.push_str("<main>\n");
    summary(&mut out, document);
    scenarios(&mut out, document);
    for (n, run) in document.runs.iter().enumerate() {
        run_section(&mut out, document, run, n);
    }
    recommendations(&mut out, document);
    decision(&mut out, document);
    out.push_str("</main>\n");
    let _ = writeln!(
        out,
        "<footer>Made by Squall {} · {}</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>",
        escape(&document.squall_version),
        escape(&document.started_text)
    );
    out
}

fn header(out: &mut String, document: &Document) {
    let _ = write!(
        out,
        "<header class=\"page\"><div class=\"brand\"><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M3 \
         8h10a3 3 0 1 0-3-3M3 12h15a3 3 0 1 1-3 3M3 16h7a2.5 2.5 0 1 1-2.5 2.5\"/></svg>Squall</div><nav>"
    );
    let mut link = |id: &str, text: &str| {
        let _ = write!(out, "<a href=\"#{id}\">{}</a>", escape(text));
    };
    link("summary", "Summary");
    if let [run] = &document.runs[..] {
        let id = slug(&run.name);
        link(&format!("{id}-criteria"), "Criteria");
        link(&format!("{id}-course"), "Course");
        link(&format!("{id}-results"), "Results");
        link(&format!("{id}-bottlenecks"), "Bottlenecks");
    } else {
        link("scenarios", "Scenarios");
        document.runs.iter().for_each(|run| link(&slug(&run.name), &run.name));
    }
    link("recommendations", "Recommendations");
    link("decision", "Decision");
    out.push_str("</nav></header>\n");
}

fn summary(out: &mut String, document: &Document) {
    let class = verdict_class(document.verdict);
    let _ = write!(
        out,
        "<section id=\"summary\" class=\"hero {class}\"><p class=\"eyebrow\">Load test report · {}</p><h1>{}</h1>\n\
         <div class=\"verdict\"><b>{}</b><span>{}</span></div>\n",
        escape(&document.started_text),
        escape(&document.title),
        verdict_word(document.verdict),
        escape(after_colon(&document.headline)),
    );
    match &document.runs[..] {
        [run] => tiles(out, run),
        _ => sum_tiles(out, document),
    }
    out.push_str("<h2>Executive summary</h2>\n<ul class=\"summary\">\n");
    for sentence in &document.summary {
        let _ = writeln!(out, "<li>{}</li>", code(sentence));
    }
    out.push_str("</ul></section>\n");
}

fn sum_tiles(out: &mut String, document: &Document) {
    let sums = &document.totals;
    out.push_str("<dl class=\"tiles\">");
    let verdicts: Vec<String> =
        sums.verdicts.iter().map(|(word, n)| format!("{n} {}", word.to_lowercase())).collect();
    tile(out, "Scenarios", &count(sums.runs as f64), &verdicts.join(", "));
    tile(
        out,
        "Requests",
        &count(sums.requests as f64),
        &format!("in {}", quantity::seconds(sums.elapsed_s)),
    );
    tile(out, "Median", &ms(sums.latency.p50), "of all requests");
    tile(out, "p95", &ms(sums.latency.p95), "of all requests");
    tile(out, "p99", &ms(sums.latency.p99), &format!("slowest {}", ms(sums.latency.max)));
    tile(out, "Errors", &rate(sums.error_rate), &format!("{} failed", count(sums.failures as f64)));
    out.push_str("</dl>\n");
}

fn scenarios(out: &mut String, document: &Document) {
    let heads = [
        "Scenario",
        "Load",
        ">Duration",
        ">Users",
        ">Requests",
        ">Rate",
        ">p50",
        ">p95",
        ">p99",
        ">Errors",
        "Verdict",
    ];
    out.push_str("<section id=\"scenarios\"><h2>Test scenarios</h2>\n");
    let rows = document.runs.iter().map(|run| {
        let figures: &Figures = &run.figures;
        let plan: Vec<String> = run
            .plan
            .iter()
            .map(|(key, value)| format!("{} <b>{}</b>", escape(key), escape(value)))
            .collect();
        let purpose = if run.purpose.is_empty() {
            String::new()
        } else {
            format!("<p class=\"muted\">{}</p>", escape(&run.purpose))
        };
        let name = escape(&run.name);
        cells(&[
            ("name", format!("<a href=\"#{}\">{name}</a>{purpose}", slug(&run.name))),
            ("plan", plan.join("<br>")),
            ("n", quantity::seconds(run.elapsed_s)),
            ("n", figures.users.map_or_else(|| "–".to_owned(), count)),
            ("n", count(figures.requests as f64)),
            ("n", format!("{}/s", per_second(figures.throughput))),
            ("n", ms(figures.latency.p50)),
            ("n", ms(figures.latency.p95)),
            ("n", ms(figures.latency.p99)),
            ("n", rate(figures.error_rate)),
            ("", badge(run.verdict)),
        ])
    });
    table(out, "scenarios", &heads, rows);
    out.push_str("</section>\n");
}

fn recommendations(out: &mut String, document: &Document) {
    out.push_str("<section id=\"recommendations\"><h2>Optimization recommendations</h2>\n");
    if document.recommendations.is_empty() {
        out.push_str("<p>None: no rule found anything to improve.</p>\n");
    } else {
        out.push_str("<ol class=\"recommendations\">\n");
        for text in &document.recommendations {
            let _ = writeln!(out, "<li>{}</li>", escape(text));
        }
        out.push_str("</ol>\n");
    }
    out.push_str("</section>\n");
}

fn decision(out: &mut String, document: &Document) {
    let text = match document.decision {
        Decision::Approved => "Approved",
        Decision::RequiresOptimization => "Requires optimization",
        Decision::Inconclusive => "Inconclusive",
        Decision::NotJudged => "Not judged",
    };
    let mark = match document.decision {
        Decision::Approved => "✅",
        Decision::RequiresOptimization => "⏳",
        Decision::Inconclusive => "❔",
        Decision::NotJudged => "–",
    };
    let _ = writeln!(
        out,
        "<section id=\"decision\" class=\"decision {}\"><h2>Approval decision</h2>\n<p class=\"stamp\"><span>{mark}</span> {}</p><p>{}</p>\n</section>",
        verdict_class(document.verdict),
        text.to_uppercase(),
        code(after_colon(&document.headline)),
    );
}
