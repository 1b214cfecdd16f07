//! A run for machines that build and test: JUnit's XML, and a page of Markdown.
//!
//! Thresholds and checks are the test cases. JUnit has no standard of its own; what is written here is the part of
//! Ant's and Maven's form that GitLab, Jenkins and GitHub's actions read.

use std::fmt::Write as _;

use metrics::{CheckTotal, Contains, GroupTotal, MetricTotal, Sink, ThresholdResult, Totals};
use plan::threshold::Aggregation;

use crate::judge::{Judgement, Row, Verdict};
use crate::name;
use crate::number;
use crate::requests::RequestFigures;
use crate::short;
use crate::trust::{SelfCheckFigures, trust};
use crate::values::{Form, TrendStat, share};

/// Requests by name that the page lists.
const TOP_REQUESTS: usize = 20;

/// What a report says besides the numbers.
#[derive(Debug, Clone, Copy)]
pub struct CiContext<'a> {
    /// The script, as the user named it.
    pub script: &'a str,
    /// Why the run ended early or with an error, other than thresholds.
    pub failure: Option<&'a str>,
    /// The statistics of trends.
    pub trend_stats: &'a [TrendStat],
    /// What the self-check found.
    pub self_check: Option<&'a SelfCheckFigures>,
    /// What became of the run's criteria, if it had any.
    pub judgement: Option<&'a Judgement>,
}

impl CiContext<'_> {
    /// The rows of criteria; thresholds are told by themselves.
    fn criteria(&self) -> impl Iterator<Item = &Row> {
        self.judgement
            .into_iter()
            .flat_map(|judgement| judgement.rows.iter())
            .filter(|row| !row.is_threshold)
    }
}

/// A threshold with what it is on and what it was compared with.
struct Held<'a> {
    metric: &'a str,
    result: &'a ThresholdResult,
    value: String,
}

/// The run as JUnit's XML: a suite each for the run itself, its thresholds and its checks.
pub fn junit(totals: &Totals, context: &CiContext<'_>) -> String {
    let time = totals.elapsed.as_secs_f64();
    let thresholds = held(totals, context);
    let checks = checks(&totals.root_group);
    let mut run = Suite::new("run");
    run.case(
        "run",
        context.script,
        context.failure.map(|why| Failed { kind: "error", message: why.to_owned() }),
    );
    let mut all = vec![run];
    let mut criteria = Suite::new("criteria");
    context.criteria().for_each(|row| criteria.criterion("criteria", row));
    if criteria.tests > 0 {
        all.push(criteria);
    }
    if !thresholds.is_empty() {
        let mut suite = Suite::new("thresholds");
        for held in &thresholds {
            let source = held.result.source.trim();
            suite.case(
                &format!("thresholds.{}", held.metric),
                source,
                (!held.result.ok).then(|| Failed {
                    kind: "failure",
                    message: format!("{}: '{source}' was crossed: {}", held.metric, held.value),
                }),
            );
        }
        all.push(suite);
    }
    if !checks.is_empty() {
        let mut suite = Suite::new("checks");
        for (group, check) in &checks {
            let class =
                if group.is_empty() { "checks".to_owned() } else { format!("checks.{group}") };
            let total = check.passes + check.fails;
            suite.case(
                &class,
                &check.name,
                (check.fails > 0).then(|| Failed {
                    kind: "failure",
                    message: format!("{} of {total} failed", check.fails),
                }),
            );
        }
        all.push(suite);
    }
    let timed: Vec<(Suite, f64)> = all.into_iter().map(|suite| (suite, time)).collect();
    whole(context.script, &timed, time)
}

/// Suites, each with its time in seconds, as one file.
pub(crate) fn whole(name: &str, all: &[(Suite, f64)], time: f64) -> String {
    let sum = |count: fn(&Suite) -> usize| all.iter().map(|(suite, _)| count(suite)).sum::<usize>();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" \
         errors=\"{}\" time=\"{time:.3}\">\n",
        xml(name),
        sum(|suite| suite.tests),
        sum(|suite| suite.failures),
        sum(|suite| suite.errors),
    );
    for (suite, time) in all {
        suite.write(&mut out, *time);
    }
    out.push_str("</testsuites>\n");
    out
}

/// Why a test case did not pass.
pub(crate) struct Failed {
    /// JUnit tells failures from errors.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

/// One suite being written.
pub(crate) struct Suite {
    name: String,
    tests: usize,
    failures: usize,
    errors: usize,
    cases: String,
}

impl Suite {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), tests: 0, failures: 0, errors: 0, cases: String::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tests == 0
    }

    /// A criterion: what is inconclusive is an error, what is marginal passes.
    pub(crate) fn criterion(&mut self, class: &str, row: &Row) {
        let kind = match row.verdict {
            Verdict::Pass | Verdict::Marginal => None,
            Verdict::Inconclusive => Some("error"),
            Verdict::Fail => Some("failure"),
        };
        let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
        let told = |kind| Failed { kind, message: format!("measured {}{note}", row.measured) };
        self.case(class, &row.criterion, kind.map(told));
    }

    pub(crate) fn case(&mut self, class: &str, name: &str, failed: Option<Failed>) {
        self.tests += 1;
        let (class, name) = (xml(class), xml(name));
        let _ =
            write!(self.cases, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\"");
        match failed {
            None => self.cases.push_str("/>\n"),
            Some(Failed { kind, message }) => {
                if kind == "error" {
                    self.errors += 1
                } else {
                    self.failures += 1
                }
                let message = xml(&message);
                let _ = writeln!(
                    self.cases,
                    ">\n      <{kind} message=\"{message}\" type=\"{}\">{message}</{kind}>\n    </testcase>",
                    xml(&self.name)
                );
            }
        }
    }

    fn write(&self, out: &mut String, time: f64) {
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" time=\"{time:.3}\">\n{}  \
             </testsuite>",
            xml(&self.name),
            self.tests,
            self.failures,
            self.errors,
            self.cases
        );
    }
}

/// The run as a page of Markdown, for a job's summary or a comment.
pub fn markdown(totals: &Totals, context: &CiContext<'_>) -> String {
    let thresholds = held(totals, context);
    let checks = checks(&totals.root_group);
    let crossed = thresholds.iter().filter(|held| !held.result.ok).count();
    let verdict = match (context.failure, crossed) {
        (Some(why), _) => format!("❌ {}", line(why)),
        (None, 0) if thresholds.is_empty() => "✅ done, without thresholds".to_owned(),
        (None, 0) => format!("✅ all {} thresholds held", thresholds.len()),
        (None, n) => format!("❌ {n} of {} thresholds crossed", thresholds.len()),
    };
    let mut out =
        format!("## Load test `{}`\n\n{verdict}\n", line(context.script).replace('`', "'"));
    if let Some(judgement) = context.judgement
        && context.criteria().next().is_some()
    {
        let _ = writeln!(out, "\n{}", line(&judgement.headline()));
        out.push_str("\n### Criteria\n\n");
        criteria_table(&mut out, context.criteria());
    }
    if !thresholds.is_empty() {
        out.push_str("\n### Thresholds\n\n| | metric | threshold | value |\n|---|---|---|---|\n");
        for held in &thresholds {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                mark(held.result.ok),
                cell(held.metric),
                cell(held.result.source.trim()),
                cell(&held.value)
            );
        }
    }
    if !checks.is_empty() {
        out.push_str(
            "\n### Checks\n\n| | group | check | passed | failed |\n|---|---|---|--:|--:|\n",
        );
        for (group, check) in &checks {
            let (passes, fails) = (check.passes, check.fails);
            let _ = writeln!(
                out,
                "| {} | {} | {} | {passes} | {fails} |",
                mark(fails == 0),
                cell(group),
                cell(&check.name)
            );
        }
    }
    metrics_table(&mut out, totals, context);
    requests_table(&mut out, totals);
    if let Some(check) = context.self_check {
        let _ = writeln!(out, "\n{}", line(&trust(check)));
    }
    out
}

fn metrics_table(out: &mut String, totals: &Totals, context: &CiContext<'_>) {
    let form = form(totals, context);
    out.push_str("\n### Metrics\n\n| metric | values |\n|---|---|\n");
    let mut metrics: Vec<&MetricTotal> = totals.metrics.iter().filter(|m| m.has_samples).collect();
    metrics.sort_by(|a, b| name::compare(&a.name, &b.name));
    for metric in metrics {
        let values = match &metric.sink {
            Sink::Counter { sum } => {
                format!(
                    "{} ({})",
                    form.human(*sum, metric.contains),
                    form.per_second(*sum, metric.contains)
                )
            }
            Sink::Gauge { last, min, max, .. } => {
                let [last, min, max] = [last, min, max].map(|v| form.human(*v, metric.contains));
                format!("{last} (min {min}, max {max})")
            }
            Sink::Rate { trues, total } => {
                format!("{} ({trues} of {total})", number::rate(share(*trues, *total)))
            }
            sink @ Sink::Trend(_) => {
                let stat = |stat: &TrendStat| {
                    let value = form.value(sink, stat.aggregation());
                    let text = match stat.aggregation() {
                        Aggregation::Count => number::js_number(value),
                        _ => form.human(value, metric.contains),
                    };
                    format!("{} {text}", stat.as_str())
                };
                context.trend_stats.iter().map(stat).collect::<Vec<_>>().join(", ")
            }
        };
        let _ = writeln!(out, "| {} | {} |", cell(&metric.name), cell(&values));
    }
}

fn requests_table(out: &mut String, totals: &Totals) {
    let mut rows: Vec<RequestFigures> = totals.requests.iter().map(RequestFigures::from).collect();
    rows.retain(|row| row.count > 0);
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    out.push_str(
        "\n### Requests\n\n| name | count | failed | p50 | p95 | p99 | max |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows.iter().take(TOP_REQUESTS) {
        let [p50, p95, p99, max] = [row.p50, row.p95, row.p99, row.max].map(short::time);
        let (count, failed) = (row.count, row.failed);
        let name = cell(&row.name);
        let _ = writeln!(out, "| {name} | {count} | {failed} | {p50} | {p95} | {p99} | {max} |");
    }
    if rows.len() > TOP_REQUESTS {
        let _ = writeln!(out, "\n… and {} more names", rows.len() - TOP_REQUESTS);
    }
}

fn form<'a>(totals: &Totals, context: &CiContext<'a>) -> Form<'a> {
    Form { trend_stats: context.trend_stats, time_unit: None, elapsed: totals.elapsed }
}

/// All thresholds, in the order of the summary.
fn held<'a>(totals: &'a Totals, context: &CiContext<'_>) -> Vec<Held<'a>> {
    let form = form(totals, context);
    let mut metrics: Vec<&MetricTotal> = totals.metrics.iter().collect();
    metrics.sort_by(|a, b| name::compare(&a.name, &b.name));
    let mut all = Vec::new();
    for metric in metrics {
        let whole = std::iter::once((metric.name.as_str(), &metric.sink, &metric.thresholds));
        let mut parts: Vec<_> = metric.submetrics.iter().collect();
        parts.sort_by(|a, b| name::compare(&a.name, &b.name));
        let parts =
            parts.into_iter().map(|part| (part.name.as_str(), &part.sink, &part.thresholds));
        for (name, sink, results) in whole.chain(parts) {
            all.extend(results.iter().map(|result| Held {
                metric: name,
                result,
                value: format!(
                    "{}={}",
                    result.aggregation_text,
                    compared(&form, sink, metric.contains, result.aggregation)
                ),
            }));
        }
    }
    all
}

fn compared(form: &Form<'_>, sink: &Sink, contains: Contains, aggregation: Aggregation) -> String {
    match (sink, aggregation) {
        (Sink::Rate { trues, total }, _) => number::rate(share(*trues, *total)),
        (Sink::Counter { sum }, Aggregation::Rate) => form.per_second(*sum, contains),
        _ => form.human(form.value(sink, aggregation), contains),
    }
}

/// Every check with its group's name, first seen first.
fn checks(root: &GroupTotal) -> Vec<(String, &CheckTotal)> {
    let mut all = Vec::new();
    let mut groups = vec![root];
    while let Some(group) = groups.pop() {
        let name = group.path.trim_start_matches("::").replace("::", " / ");
        all.extend(group.checks.iter().map(|check| (name.clone(), check)));
        groups.extend(&group.groups);
    }
    all.sort_by_key(|(_, check)| check.order);
    all
}

fn mark(ok: bool) -> &'static str {
    if ok { "✅" } else { "❌" }
}

/// Text within one line of Markdown.
pub(crate) fn line(text: &str) -> String {
    text.split(['\n', '\r', '\t'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Text within a cell of a table; nothing in it is markup.
pub(crate) fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Criteria with what was measured, as a table.
pub(crate) fn criteria_table<'a>(out: &mut String, rows: impl Iterator<Item = &'a Row>) {
    out.push_str("| | criterion | measured | |\n|---|---|--:|---|\n");
    for row in rows {
        let _ = writeln!(
            out,
            "| {} {} | {} | {} | {} |",
            row.verdict.mark(),
            row.verdict.as_str(),
            cell(&row.criterion),
            cell(&row.measured),
            cell(&row.note)
        );
    }
}

/// Text of XML; what XML 1.0 can't hold becomes U+FFFD.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(xml("a<b>\"&\n\u{1}"), "a&lt;b&gt;&quot;&amp;&#10;\u{fffd}");
        assert_eq!(cell("a|b\n\n<c> `d`"), "a\\|b &lt;c&gt; \\`d\\`");
    }

    #[test]
    fn suites_count_their_cases() {
        let mut suite = Suite::new("checks");
        suite.case("checks", "a", None);
        suite.case(
            "checks",
            "b",
            Some(Failed { kind: "failure", message: "1 of 2 failed".into() }),
        );
        let mut out = String::new();
        suite.write(&mut out, 1.5);
        assert!(
            out.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"1.500\""),
            "{out}"
        );
        assert!(out.contains(
            "<failure message=\"1 of 2 failed\" type=\"checks\">1 of 2 failed</failure>"
        ));
    }
}
