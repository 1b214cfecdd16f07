//! The report's forms: complete, safe, small, and the same again and again.

use std::time::Duration;

use metrics::{Event, Table};
use plan::criterion::{Criterion, parse};
use report::document::{Decision, Document, Judged};
use report::{
    BUILT_IN, Baseline, RunData, html, judge, junit_suites, render_template, report_markdown,
};
use serde_json::json;

use crate::sample::{START, Sample, fields};

const CRITERIA: [&str; 4] = [
    "p(99) < 500ms marginal <= 700ms",
    "error_rate < 1%",
    "k8s_hpa_replicas_current from 2 to 10",
    "pg_connections_total in 40..60 during sustained",
];

fn criteria(texts: &[&str]) -> Vec<Criterion> {
    texts.iter().map(|text| parse(text).unwrap()).collect()
}

/// A run with something of everything.
fn rich(seconds: u64) -> RunData {
    let mut sample = Sample::new();
    for second in 0..seconds {
        let part = second as f64 / seconds as f64;
        let users = (part * 3.0).min(1.0) * 100.0;
        let ms = 80.0 + 300.0 * part + 20.0 * (second as f64 / 7.0).sin();
        sample.requests("GET /api/portfolio", 20, ms).requests("POST /api/trades", 5, ms * 2.0);
        if second % 11 == 0 {
            sample.failures("POST /api/trades", 1, 15.0);
        }
        sample.vus(users).check("status <200>", second % 9 != 0).trend("portfolio_latency", ms);
        let replicas = if part < 0.3 {
            2.0
        } else if part < 0.6 {
            6.0
        } else {
            10.0
        };
        let hpa = [("hpa", "api"), ("namespace", "staging")];
        sample.gauge("k8s_hpa_replicas_current", &hpa, replicas).gauge(
            "k8s_hpa_replicas_max",
            &hpa,
            10.0,
        );
        sample.gauge("pg_connections_total", &[("probe", "db")], 20.0 + 30.0 * part);
        sample.gauge("pg_connections_max", &[("probe", "db")], 100.0);
        sample.gauge("pg_query_mean_ms", &[("probe", "db")], 3.0 + 20.0 * part);
        sample.gauge("redis_hit_ratio", &[("probe", "cache")], 0.97);
        for pod in ["api-1", "api-2"] {
            sample.gauge("k8s_pod_cpu_limit_ratio", &[("pod", pod)], 0.2 + 0.4 * part);
            sample.gauge("k8s_pod_memory_bytes", &[("pod", pod)], 2e8 + 1e8 * part);
        }
        if second == seconds / 2 {
            sample.event("kubernetes", "hpa-scaled", "api");
        }
        sample.tick();
    }
    let (a, b) = (seconds as f64 / 3.0, seconds as f64);
    sample.phase("ramp-up", 0.0, a).phase("sustained", a, b);
    sample.tables.push(Table {
        rows: vec![vec![json!("SELECT '<b>'"), json!(12), json!(34.5)]],
        ..Table::new("postgres", "db statements", &["query", "calls", "total_ms"])
    });
    let mut run = sample.finish();
    run.name = "target capacity".to_owned();
    run.baseline = Baseline {
        rps: Some(25.0),
        p99_ms: Some(450.0),
        success: Some(1.0),
        ..Baseline::default()
    };
    run
}

fn document(runs: &[RunData], texts: &[&str]) -> Document {
    let criteria = criteria(texts);
    let judgements: Vec<_> = runs.iter().map(|run| judge(&criteria, run)).collect();
    let judged: Vec<Judged<'_>> = runs
        .iter()
        .zip(&judgements)
        .map(|(run, judgement)| Judged { run, criteria: &criteria, judgement })
        .collect();
    report::document::document("Capacity <test>", &judged)
}

/// Leaves a page where people can look at it.
fn keep(name: &str, text: &str) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn markdown_has_every_section_that_people_ask_for() {
    let text = report_markdown(&document(&[rich(60)], &CRITERIA));
    keep("rich.md", &text);
    keep("rich.html", &html(&document(&[rich(600)], &CRITERIA)));
    for section in [
        "# Capacity <test>",
        "## 1. Executive summary",
        "## 2. Test scenarios",
        "## 3. Results",
        "## 4. Success criteria",
        "## 5. Baselines against measured",
        "## 6. Bottleneck analysis",
        "## 7. Optimization recommendations",
        "## 8. Approval decision",
        "| GET /api/portfolio | 1,200 |",
        "| requests a second | 25/s |",
        "p(99) < 500ms marginal <= 700ms",
        "k8s\\_pod\\_cpu\\_limit\\_ratio",
    ] {
        assert!(text.contains(section), "{section} is missing in\n{text}");
    }
    assert!(!text.contains("NaN") && !text.contains("inf"));
}

#[test]
fn html_stands_alone_and_foreign_text_is_no_markup() {
    let mut run = rich(60);
    run.name = "<script>alert(1)</script>".to_owned();
    run.events.push(Event {
        fields: fields(&[("x", "y")]),
        ..Event::new(START + 5_000_000_000, "logs", "log-match", "\"><img src=x>", "<i>'&")
    });
    let page = html(&document(&[run], &CRITERIA));
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        let foreign = page.matches(outside).count()
            - page.matches("&lt;img src=x&gt;").count() * usize::from(outside == "src=");
        assert_eq!(foreign, 0, "{outside}");
    }
    for markup in ["<script>alert", "<img", "<i>'", "SELECT '<b>"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert_eq!(page.matches("<script>").count(), 1);
    for chart in [
        "requests",
        "latency",
        "errors",
        "users",
        "replicas",
        "cpu",
        "memory",
        "connections",
        "query-latency",
        "redis-hits",
        "script",
    ] {
        assert!(page.contains(&format!("class=\"chart {chart} ")), "{chart} has no chart");
    }
    assert!(!page.contains("NaN") && !page.contains(">inf"));
    assert_eq!(
        page,
        html(&document(
            &[{
                let mut run = rich(60);
                run.name = "<script>alert(1)</script>".to_owned();
                run.events.push(Event {
                    fields: fields(&[("x", "y")]),
                    ..Event::new(
                        START + 5_000_000_000,
                        "logs",
                        "log-match",
                        "\"><img src=x>",
                        "<i>'&",
                    )
                });
                run
            }],
            &CRITERIA
        )),
        "the same run makes the same bytes"
    );
}

#[test]
fn half_an_hour_of_fifty_series_is_below_two_megabytes() {
    let mut sample = Sample::new();
    for second in 0..1_800u64 {
        let wave = (second as f64 / 90.0).sin();
        sample.requests("GET /", 5, 50.0 + 10.0 * wave).vus(50.0);
        for n in 0..25 {
            let pod = format!("api-{n:02}");
            let noise = ((second * 7919 + n * 104_729) % 97) as f64 / 97.0;
            sample.gauge(
                "k8s_pod_cpu_limit_ratio",
                &[("pod", &pod)],
                0.5 + 0.3 * wave + 0.1 * noise,
            );
            sample.gauge("k8s_pod_memory_bytes", &[("pod", &pod)], 2e8 * (1.0 + noise));
        }
        sample.tick();
    }
    let document = document(&[sample.finish()], &["p(95) < 100ms"]);
    let (page, json) = (html(&document), document.to_json());
    keep("long.html", &page);
    assert!(page.len() < 2_000_000, "{}", page.len());
    assert!(json.len() < 4_000_000, "{}", json.len());
    let chart = document.runs[0].charts.iter().find(|chart| chart.id == "cpu").unwrap();
    assert_eq!((chart.lines.len(), chart.left_out), (8, 17), "what is not drawn is counted");
}

#[test]
fn json_is_versioned_and_reads_back() {
    let document = document(&[rich(30)], &CRITERIA);
    let text = document.to_json();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["format"], 1);
    assert_eq!(value["verdict"], "FAIL");
    assert_eq!(value["decision"], "requires_optimization");
    assert_eq!(value["runs"][0]["criteria"][0]["verdict"], "MARGINAL");
    assert_eq!(value["runs"][0]["figures"]["requests"], 753);
    let again: Document = serde_json::from_str(&text).unwrap();
    assert_eq!(again.headline, document.headline);
    assert_eq!(again.runs[0].requests.len(), document.runs[0].requests.len());
    assert_eq!(again.runs[0].charts.len(), document.runs[0].charts.len());
}

#[test]
fn several_runs_are_added_up_exactly() {
    let (mut a, mut b) = (rich(20), rich(40));
    (a.name, b.name) = ("first".to_owned(), "second".to_owned());
    let document = document(&[a, b], &["error_rate < 1%"]);
    assert_eq!(
        document.totals.requests,
        document.runs.iter().map(|r| r.figures.requests).sum::<u64>()
    );
    assert_eq!(document.totals.latency.count, document.totals.requests);
    assert_eq!(document.decision, Decision::Approved);
    assert_eq!(document.headline, "PASS: of 2 scenarios 2 PASS");
    let text = report_markdown(&document);
    assert!(text.contains("### first") && text.contains("| **all** |"));
    let xml = junit_suites(&document);
    assert!(xml.contains("<testsuite name=\"first.criteria\" tests=\"1\" failures=\"0\""), "{xml}");
    let page = html(&document);
    keep("several.html", &page);
    assert!(page.contains("id=\"run-first\"") && page.contains("Scenario 2 of 2"));
}

#[test]
fn junit_tells_criteria_and_checks() {
    let xml = junit_suites(&document(&[rich(30)], &CRITERIA));
    assert!(
        xml.contains("<testsuite name=\"criteria\" tests=\"4\" failures=\"1\" errors=\"0\""),
        "{xml}"
    );
    assert!(xml.contains("classname=\"checks\" name=\"status &lt;200&gt;\""), "{xml}");
    assert!(xml.contains("measured 30 to 49"), "{xml}");
}

#[test]
fn built_in_templates_fill_with_any_report() {
    let documents = [
        document(&[rich(20), rich(30)], &CRITERIA),
        document(&[Sample::new().tick().finish()], &[]),
    ];
    for (name, about, template) in BUILT_IN {
        for document in &documents {
            let text = render_template(name, template, document)
                .unwrap_or_else(|e| panic!("{about}: {e}"));
            assert!(
                text.starts_with("# ") && !text.contains("none") && !text.contains("\n\n\n\n"),
                "{text}"
            );
            assert!(text.contains(&document.decision_text));
        }
    }
}

#[test]
fn a_users_template_sees_the_whole_report_and_mistakes_have_a_line() {
    let document = document(&[rich(20)], &CRITERIA);
    let text = render_template(
        "mine",
        "{{ runs[0].figures.latency.p99|ms }} {{ runs[0].criteria|length }}",
        &document,
    );
    assert_eq!(text.unwrap(), "649ms 4");
    for (template, message) in [
        ("a\n{{ nowhere }}", "mine:2: undefined value"),
        ("{% if %}", "mine:1: syntax error"),
        ("\n\n{{ title|shout }}", "mine:3: unknown filter"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "it takes too long",
        ),
    ] {
        let error = render_template("mine", template, &document).unwrap_err().to_string();
        assert!(error.contains(message), "{template}: {error}");
    }
    let page = render_template("mine.html", "<p>{{ title }}</p>", &document).unwrap();
    assert_eq!(page, "<p>Capacity &lt;test&gt;</p>");
}

#[test]
fn a_run_without_anything_still_has_a_report() {
    let document = document(&[Sample::new().tick().finish()], &[]);
    assert_eq!(document.decision, Decision::NotJudged);
    assert!(report_markdown(&document).contains("no requests were made"));
    assert!(html(&document).contains("NOT JUDGED"));
    let unjudged = document.to_json();
    assert!(unjudged.contains("\"verdict\": null"));
}

#[test]
fn the_last_moment_of_a_run_is_no_point_of_its_own() {
    let mut sample = Sample::new();
    for _ in 0..5 {
        sample.requests("GET /", 100, 10.0).tick();
    }
    sample.requests("GET /", 1, 900.0).stop(Duration::from_millis(100));
    let document = document(&[sample.finish()], &[]);
    let chart = document.runs[0].charts.iter().find(|chart| chart.id == "latency").unwrap();
    let medians: Vec<f64> = chart.lines[0].points.iter().map(|(_, ms)| *ms).collect();
    assert_eq!(medians.len(), 5, "{medians:?}");
    assert!(medians.iter().all(|ms| *ms < 10.0), "{medians:?}");
    // What took long is not lost: it is the slowest of the last second.
    let slowest = &chart.lines[2].points;
    assert_eq!(slowest.len(), 5, "{slowest:?}");
}
