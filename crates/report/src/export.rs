//! The run as JSON in k6's three shapes: the argument of `handleSummary`, the file of
//! `--summary-export`, and the newer machine-readable summary that can replace both.

use crate::name;
use crate::number::TimeUnit;
use crate::summary::{SummaryMode, is_in_blocks, is_listed, is_listed_part, merged_checks};
use crate::values::{Form, TrendStat, share};
use md5::{Digest, Md5};
use metrics::{CheckTotal, Contains, GroupTotal, MetricTotal, Sink, ThresholdResult, Totals};
use plan::threshold::Aggregation;
use serde_json::{Map, Value, json};

/// What the data of `handleSummary` says besides the numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryDataOptions {
    /// `summaryTrendStats`: trends have exactly these values.
    pub trend_stats: Vec<TrendStat>,
    /// `summaryTimeUnit`.
    pub time_unit: Option<TimeUnit>,
    /// Whether colours are off.
    pub no_color: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_tty: bool,
    /// Whether standard error is one.
    pub stderr_is_tty: bool,
    /// What `setup()` returned, if it returned something.
    pub setup_data: Option<Value>,
}

/// What the machine-readable summary says besides the numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineSummaryOptions {
    /// Compact leaves out the phases of HTTP requests, as in the text.
    pub mode: SummaryMode,
    /// `summaryTrendStats`: of these, what the shape has a place for appears; the others are null.
    pub trend_stats: Vec<TrendStat>,
    /// The script's text.
    pub script: String,
    /// Now, in RFC 3339.
    pub generated_at: String,
    /// The version of k6 that is answered for.
    pub k6_version: String,
}

/// The argument of `handleSummary`: root group, options, state, setup data, metrics.
pub fn handle_summary_data(totals: &Totals, options: &SummaryDataOptions) -> Value {
    let form = form(totals, &options.trend_stats);
    let mut all = Map::new();
    for_each_listed(totals, |name, metric, sink, thresholds| {
        let mut entry = json!({
            "type": metric.kind.as_str(),
            "contains": metric.contains.as_str(),
            "values": values(sink, &form, "rate"),
        });
        if !thresholds.is_empty() {
            let results = thresholds.iter().map(|t| (t.source.clone(), json!({ "ok": t.ok })));
            entry["thresholds"] = results.collect::<Map<_, _>>().into();
        }
        all.insert(name.to_owned(), entry);
    });
    let stats: Vec<&str> = options.trend_stats.iter().map(TrendStat::as_str).collect();
    let mut data = json!({
        "root_group": group_lists(&totals.root_group),
        "options": {
            "summaryTrendStats": stats,
            "summaryTimeUnit": options.time_unit.map_or("", TimeUnit::as_str),
            "noColor": options.no_color,
        },
        "state": {
            "isStdOutTTY": options.stdout_is_tty,
            "isStdErrTTY": options.stderr_is_tty,
            "testRunDurationMs": number(totals.elapsed.as_nanos() as f64 / 1e6),
        },
        "metrics": all,
    });
    if let Some(setup_data) = &options.setup_data {
        data["setup_data"] = setup_data.clone();
    }
    data
}

/// The file of `--summary-export`: values flat, groups and checks by name, and thresholds with
/// **true for crossed**, as k6 has kept it from its beginnings.
pub fn summary_export(totals: &Totals, options: &SummaryDataOptions) -> Value {
    let form = form(totals, &options.trend_stats);
    let mut all = Map::new();
    for_each_listed(totals, |name, _, sink, thresholds| {
        let mut entry = values(sink, &form, "value");
        if !thresholds.is_empty() {
            let crossed = thresholds.iter().map(|t| (t.source.clone(), (!t.ok).into()));
            entry.insert("thresholds".into(), crossed.collect::<Map<_, _>>().into());
        }
        all.insert(name.to_owned(), entry.into());
    });
    let mut export = json!({ "root_group": group_maps(&totals.root_group), "metrics": all });
    if let Some(setup_data) = &options.setup_data {
        export["setup_data"] = setup_data.clone();
    }
    export
}

/// The summary of `--new-machine-readable-summary`, for `handleSummary` and the export alike.
pub fn machine_summary(totals: &Totals, options: &MachineSummaryOptions) -> Value {
    let form = form(totals, &options.trend_stats);
    let mut all = Vec::new();
    for_each_listed(totals, |name, metric, sink, _| {
        if is_in_blocks(name, options.mode) {
            all.push(json!({
                "name": name,
                "type": metric.kind.as_str(),
                "contains": metric.contains.as_str(),
                "values": machine_values(sink, &form),
            }));
        }
    });
    json!({
        "version": "1.0.0",
        "config": {
            "duration": totals.elapsed.as_secs_f64(),
            "execution": "local",
            "script": options.script,
        },
        "metadata": { "generated_at": options.generated_at, "k6_version": options.k6_version },
        "results": { "checks": machine_checks(totals), "metrics": all },
    })
}

/// JSON as k6 writes it to an export file: indented by four, no end of line.
pub fn export_text(value: &Value) -> String {
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
    match serde::Serialize::serialize(value, &mut serializer) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        // A value always serialises into memory; should it not, its plain form is as good.
        Err(_) => value.to_string(),
    }
}

fn form<'a>(totals: &Totals, trend_stats: &'a [TrendStat]) -> Form<'a> {
    Form { trend_stats, time_unit: None, elapsed: totals.elapsed }
}

/// Calls `each` with every metric and submetric that k6 would list, in the order of the summary.
fn for_each_listed(
    totals: &Totals,
    mut each: impl FnMut(&str, &MetricTotal, &Sink, &[ThresholdResult]),
) {
    let mut metrics: Vec<&MetricTotal> =
        totals.metrics.iter().filter(|metric| is_listed(metric)).collect();
    metrics.sort_by(|a, b| name::compare(&a.name, &b.name));
    for metric in metrics {
        each(&metric.name, metric, &metric.sink, &metric.thresholds);
        for part in metric.submetrics.iter().filter(|part| is_listed_part(part)) {
            each(&part.name, metric, &part.sink, &part.thresholds);
        }
    }
}

/// A metric's values; `rate_key` is what the share of a rate is called.
fn values(sink: &Sink, form: &Form<'_>, rate_key: &str) -> Map<String, Value> {
    let mut values = Map::new();
    let mut put = |key: &str, value: f64| values.insert(key.to_owned(), number(value));
    match sink {
        Sink::Counter { sum } => {
            put("count", *sum);
            // Without any time there is no rate, not a rate of zero.
            if let Some(rate) = sink.value(Aggregation::Rate, form.elapsed) {
                put("rate", rate);
            }
        }
        Sink::Gauge { last, min, max, .. } => {
            put("value", *last);
            put("min", *min);
            put("max", *max);
        }
        Sink::Rate { trues, total } => {
            put(rate_key, share(*trues, *total));
            put("passes", *trues as f64);
            put("fails", (total - trues) as f64);
        }
        Sink::Trend(_) => {
            for stat in form.trend_stats {
                put(stat.as_str(), form.value(sink, stat.aggregation()));
            }
        }
    }
    values
}

fn machine_values(sink: &Sink, form: &Form<'_>) -> Value {
    match sink {
        Sink::Counter { sum } => json!({ "count": number(*sum) }),
        Sink::Gauge { last, min, max, .. } => {
            json!({ "value": number(*last), "min": number(*min), "max": number(*max) })
        }
        Sink::Rate { trues, total } => machine_rate(*trues, *total),
        Sink::Trend(_) => {
            let places = [
                ("avg", Aggregation::Avg),
                ("max", Aggregation::Max),
                ("med", Aggregation::Med),
                ("min", Aggregation::Min),
                ("p90", Aggregation::Percentile(90.0)),
                ("p95", Aggregation::Percentile(95.0)),
            ];
            let value = |aggregation| {
                let wanted = form.trend_stats.iter().any(|stat| stat.aggregation() == aggregation);
                if wanted { number(form.value(sink, aggregation)) } else { Value::Null }
            };
            places.map(|(key, place)| (key.to_owned(), value(place))).into_iter().collect()
        }
    }
}

fn machine_rate(trues: u64, total: u64) -> Value {
    json!({ "matches": trues, "rate": number(share(trues, total)), "total": total })
}

fn machine_checks(totals: &Totals) -> Value {
    let checks = merged_checks(&totals.root_group);
    if checks.is_empty() {
        return json!({ "metrics": [], "results": [] });
    }
    let passes: u64 = checks.iter().map(|check| check.passes).sum();
    let fails: u64 = checks.iter().map(|check| check.fails).sum();
    let total = passes + fails;
    let metric = |name: &str, kind: &str, values: Value| {
        json!({
            "name": name,
            "type": kind,
            "contains": Contains::Default.as_str(),
            "values": values,
        })
    };
    let results = checks
        .iter()
        .map(|check| json!({ "name": check.name, "passes": check.passes, "fails": check.fails }));
    json!({
        "metrics": [
            metric("checks_total", "counter", json!({ "count": total })),
            metric("checks_failed", "rate", machine_rate(fails, total)),
            metric("checks_succeeded", "rate", machine_rate(passes, total)),
        ],
        "results": results.collect::<Vec<_>>(),
    })
}

fn group_lists(group: &GroupTotal) -> Value {
    json!({
        "name": group.name,
        "path": group.path,
        "id": path_id(&group.path),
        "groups": group.groups.iter().map(group_lists).collect::<Vec<_>>(),
        "checks": group.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

fn group_maps(group: &GroupTotal) -> Value {
    let groups = group.groups.iter().map(|g| (g.name.clone(), group_maps(g)));
    let checks = group.checks.iter().map(|c| (c.name.clone(), check(c)));
    json!({
        "name": group.name,
        "path": group.path,
        "id": path_id(&group.path),
        "groups": groups.collect::<Map<_, _>>(),
        "checks": checks.collect::<Map<_, _>>(),
    })
}

fn check(check: &CheckTotal) -> Value {
    json!({
        "name": check.name,
        "path": check.path,
        "id": path_id(&check.path),
        "passes": check.passes,
        "fails": check.fails,
    })
}

/// k6's id of a group or check: the MD5 of its path in hexadecimal.
pub fn path_id(path: &str) -> String {
    Md5::digest(path.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whole numbers without a decimal point, as Go and JavaScript write them; what JSON has no number
/// for is null.
fn number(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() < 1e15 { json!(x as i64) } else { json!(x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_md5_of_the_path() {
        assert_eq!(path_id(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(path_id("::home::nested"), "dd7d68fc0d46f7add7742ecd07800383");
    }

    #[test]
    fn whole_numbers_have_no_point_and_nonsense_is_null() {
        for (x, text) in [
            (3.0, "3"),
            (-2.0, "-2"),
            (0.25, "0.25"),
            (-0.0, "0"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
        ] {
            assert_eq!(number(x).to_string(), text);
        }
        assert_eq!(
            export_text(&json!({"a": {"b": 1}})),
            "{\n    \"a\": {\n        \"b\": 1\n    }\n}"
        );
    }
}
