//! `textSummary` of k6's summary library: the summary k6 printed before 1.0.
//!
//! Its input is not [`metrics::Totals`] but the data that `handleSummary` was given, because the
//! script may have changed it in between.

use crate::columns::{Cells, Line, Widths, spaces};
use crate::name;
use crate::number::{self, TimeUnit};
use crate::paint::{Ink, Paint};
use serde_json::{Map, Value};

/// Nested groups beyond this are refused rather than followed: the data comes from a script.
const MAX_GROUP_DEPTH: usize = 100;

/// What `textSummary(data, { indent, enableColors })` returns.
///
/// `data` is the argument of `handleSummary` as JSON; `summaryTrendStats` and `summaryTimeUnit`
/// are taken from its `options`, so a caller that got its own puts them there first.
///
/// # Errors
/// Names the part of `data` that has another shape than k6 gives it.
pub fn text_summary(data: &Value, indent: &str, colours: bool) -> Result<String, String> {
    let paint = Paint::legacy(colours);
    let mut lines = Vec::new();
    if let Some(root) = data.get("root_group") {
        group(root, &format!("{indent}    "), 0, paint, &mut lines)?;
    }
    let metrics = data
        .get("metrics")
        .and_then(Value::as_object)
        .ok_or("the summary data has no object `metrics`")?;
    let settings = Settings::read(data.get("options"));
    let mut names: Vec<&String> = metrics.keys().collect();
    names.sort_by(|a, b| name::compare(a, b));
    let mut rows = Vec::with_capacity(names.len());
    for name in names {
        rows.push((line(name, &metrics[name], &settings)?, mark(&metrics[name], paint)));
    }
    let widths = Widths::of(rows.iter().map(|(line, _)| line));
    for (line, mark) in &rows {
        let nested = spaces(if line.nested { 2 } else { 0 });
        lines.push(format!("{indent}  {nested}{mark} {}", line.render(&widths, &paint)));
    }
    Ok(lines.join("\n"))
}

struct Settings {
    trend_stats: Vec<String>,
    time_unit: Option<TimeUnit>,
}

impl Settings {
    fn read(options: Option<&Value>) -> Self {
        let text = |key: &str| options.and_then(|o| o.get(key));
        let stats = text("summaryTrendStats").and_then(Value::as_array);
        let trend_stats = match stats {
            Some(stats) => stats.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => crate::DEFAULT_TREND_STATS.map(str::to_owned).to_vec(),
        };
        let time_unit = text("summaryTimeUnit").and_then(Value::as_str).and_then(TimeUnit::parse);
        Settings { trend_stats, time_unit }
    }
}

/// The checks of a group and of the groups within it.
fn group(
    value: &Value,
    indent: &str,
    depth: usize,
    paint: Paint,
    lines: &mut Vec<String>,
) -> Result<(), String> {
    let object = value.as_object().ok_or("a group of the summary data is not an object")?;
    if depth > MAX_GROUP_DEPTH {
        return Err(format!("groups of the summary data are nested deeper than {MAX_GROUP_DEPTH}"));
    }
    let mut indent = indent.to_owned();
    let name = text(object, "name");
    if !name.is_empty() {
        lines.push(format!("{indent}█ {name}"));
        lines.push(String::new());
        indent.push_str("  ");
    }
    let checks = members(object, "checks");
    for check in &checks {
        check_lines(check, &indent, paint, lines)?;
    }
    if !checks.is_empty() {
        lines.push(String::new());
    }
    for inner in members(object, "groups") {
        group(inner, &indent, depth + 1, paint, lines)?;
    }
    Ok(())
}

fn check_lines(
    check: &Value,
    indent: &str,
    paint: Paint,
    lines: &mut Vec<String>,
) -> Result<(), String> {
    let check = check.as_object().ok_or("a check of the summary data is not an object")?;
    let name = text(check, "name");
    let (passes, fails) = (figure(check, "passes"), figure(check, "fails"));
    if fails == 0.0 {
        lines.push(paint.on(Ink::Pass, &format!("{indent}✓ {name}")));
        return Ok(());
    }
    let percent = number::js_number((100.0 * passes / (passes + fails)).floor());
    let (passes, fails) = (number::js_number(passes), number::js_number(fails));
    // One piece of coloured text over two lines, as the library has it.
    lines.push(paint.on(
        Ink::Fail,
        &format!("{indent}✗ {name}\n{indent} ↳  {percent}% — ✓ {passes} / ✗ {fails}"),
    ));
    Ok(())
}

/// The sign in front of a metric: blank without thresholds, else whether all of them hold.
fn mark(metric: &Value, paint: Paint) -> String {
    let Some(thresholds) = metric.get("thresholds").and_then(Value::as_object) else {
        return " ".to_owned();
    };
    if thresholds.values().all(|t| t.get("ok") == Some(&Value::Bool(true))) {
        paint.on(Ink::Pass, "✓")
    } else {
        paint.on(Ink::Fail, "✗")
    }
}

fn line(name: &str, metric: &Value, settings: &Settings) -> Result<Line, String> {
    let values = metric
        .get("values")
        .and_then(Value::as_object)
        .ok_or_else(|| format!("metric `{name}` of the summary data has no object `values`"))?;
    let contains = metric.get("contains").and_then(Value::as_str).unwrap_or("default");
    let human = |x: f64| match contains {
        "time" => number::time(x, settings.time_unit),
        "data" => number::data(x),
        _ => number::plain(x),
    };
    let single = |value: String, extras: Vec<String>| Cells::Single { value, extras };
    let cells = match metric.get("type").and_then(Value::as_str) {
        Some("counter") => {
            let rate = format!("{}/s", human(figure(values, "rate")));
            single(human(figure(values, "count")), vec![rate])
        }
        Some("gauge") => {
            let extra = |key: &str| format!("{key}={}", human(figure(values, key)));
            single(human(figure(values, "value")), vec![extra("min"), extra("max")])
        }
        Some("rate") => {
            let count = |key: &str| number::js_number(figure(values, key));
            let extras = vec![format!("✓ {}", count("passes")), format!("✗ {}", count("fails"))];
            single(number::rate(figure(values, "rate")), extras)
        }
        Some("trend") => {
            let stat = |stat: &String| {
                let x = figure(values, stat);
                let text = if stat == "count" { number::js_number(x) } else { human(x) };
                (stat.clone(), text)
            };
            Cells::Trend(settings.trend_stats.iter().map(stat).collect())
        }
        other => {
            let other = other.unwrap_or("none");
            return Err(format!("metric `{name}` of the summary data has the type `{other}`"));
        }
    };
    let (parent, suffix) = name::split(name);
    let shown = suffix.map_or_else(|| parent.to_owned(), |suffix| format!("{{ {suffix} }}"));
    Ok(Line { name: shown, nested: suffix.is_some(), cells })
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A number of the data; one that is not there is NaN, which prints as such and hides nothing.
fn figure(object: &Map<String, Value>, key: &str) -> f64 {
    object.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

/// k6 gives lists; `--summary-export` keyed objects, which some scripts build as well.
fn members<'a>(object: &'a Map<String, Value>, key: &str) -> Vec<&'a Value> {
    match object.get(key) {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(map)) => map.values().collect(),
        _ => Vec::new(),
    }
}
