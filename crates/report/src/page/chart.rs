//! Charts as inline SVG. All charts of a run have the same width and time axis, so that they can be read across.
//!
//! A plot is stretched to whatever width there is (`preserveAspectRatio="none"`), so its words stand beside it as
//! HTML. Each path carries its values for the small script that shows them under the pointer; without the script the
//! charts are complete.

use std::fmt::Write as _;

use plan::criterion::Quantity;

use super::sections::escape;
use crate::bottleneck::Severity;
use crate::charts::{Chart, Form, Line};
use crate::document::{EventReport, RunReport};
use crate::judge::moment;
use crate::quantity;

/// Units of a plot; whole numbers within it are a thousandth of its size apart.
const WIDTH: f64 = 2_000.0;
const HEIGHT: f64 = 1_000.0;
/// Colours there are for lines.
const COLOURS: usize = 8;
/// Time ticks at most.
const TICKS: f64 = 10.0;
/// Marks of events at most: of those that matter less, the rest is in the table.
const MAX_MARKS: usize = 60;
/// The shortest phase that has a name, as a share of the axis.
const NAMED_PHASE: f64 = 0.045;

/// The range of a vertical axis and its ticks.
#[derive(Debug, Clone, PartialEq)]
struct Scale {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn of(chart: &Chart) -> Self {
        let values = || chart.lines.iter().flat_map(|line| line.points.iter().map(|(_, v)| *v));
        let finite = || values().filter(|value| value.is_finite());
        let (least, most) =
            finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let most = if most.is_finite() { most } else { 1.0 };
        let is_whole = chart.unit == Quantity::Count;
        // A hit rate of 99 % would be a line along the top.
        if chart.unit == Quantity::Ratio && least > 0.8 && most <= 1.0 {
            let low = (((least - 0.01) * 20.0).floor() / 20.0).max(0.0);
            return Self { low, high: 1.0, ticks: vec![low, f64::midpoint(low, 1.0), 1.0] };
        }
        let low = if least.is_finite() && least < 0.0 { -nice(-least, 2.0, is_whole) } else { 0.0 };
        let step = step_of(most.max(0.0), chart.unit, is_whole);
        let n = (most.max(0.0) / step).ceil().max(1.0);
        let mut ticks: Vec<f64> = (0..=n as usize).map(|i| i as f64 * step).collect();
        if low < 0.0 {
            ticks.insert(0, low);
        }
        Self { low, high: n * step, ticks }
    }

    /// From the top.
    fn y(&self, value: f64) -> i64 {
        let part = (value - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE);
        ((1.0 - part.clamp(0.0, 1.0)) * HEIGHT).round() as i64
    }
}

/// The distance of ticks, so that there are two to four of them in round numbers of the unit.
fn step_of(most: f64, unit: Quantity, is_whole: bool) -> f64 {
    if unit == Quantity::Bytes {
        let power = 1024f64.powf((most.max(1.0).ln() / 1024f64.ln()).floor());
        return nice(most / power, 3.0, false) * power;
    }
    nice(most, 3.0, is_whole)
}

/// A round number such that about `n` of them reach `most`.
fn nice(most: f64, n: f64, is_whole: bool) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let rough = most / n;
    let power = 10f64.powf(rough.log10().floor());
    let digit = rough / power;
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|d| digit <= *d + 1e-9).unwrap_or(10.0);
    let step = round * power;
    if is_whole { step.ceil().max(1.0) } else { step }
}

/// Round moments along the axis.
fn time_ticks(end_s: f64) -> Vec<f64> {
    const STEPS: [f64; 17] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0,
        7_200.0, 14_400.0, 43_200.0, 86_400.0,
    ];
    let step = STEPS.into_iter().find(|step| end_s / step <= TICKS).unwrap_or(end_s / TICKS);
    let n = (end_s / step).floor() as usize;
    (0..=n).map(|i| i as f64 * step).collect()
}

/// The charts of a run with their common axis, phases and events.
pub(super) fn timeline(run: &RunReport) -> String {
    if run.charts.is_empty() || run.end_s <= 0.0 {
        return "<p class=\"muted\">Nothing was measured along time.</p>\n".to_owned();
    }
    let ticks = time_ticks(run.end_s);
    let marks = marks(&run.events);
    let mut out = format!("<div class=\"timeline\" data-end=\"{}\">\n", run.end_s);
    axis(&mut out, run.end_s, &ticks, "top");
    phases(&mut out, run);
    events(&mut out, run, &marks);
    for chart in &run.charts {
        figure(&mut out, chart, run, &ticks, &marks);
    }
    axis(&mut out, run.end_s, &ticks, "bottom");
    out.push_str("<div class=\"cursor\" hidden><span></span></div>\n</div>\n");
    out
}

/// The events that are marked: those that matter most.
fn marks(events: &[EventReport]) -> Vec<(usize, &EventReport)> {
    let mut marks: Vec<(usize, &EventReport)> = events.iter().enumerate().collect();
    marks.sort_by(|a, b| b.1.severity.cmp(&a.1.severity).then(a.0.cmp(&b.0)));
    marks.truncate(MAX_MARKS);
    marks.sort_by_key(|(n, _)| *n);
    marks
}

fn percent_of(at_s: f64, end_s: f64) -> f64 {
    (at_s / end_s).clamp(0.0, 1.0) * 100.0
}

fn axis(out: &mut String, end_s: f64, ticks: &[f64], place: &str) {
    let _ = write!(out, "<div class=\"lane axis {place}\" aria-hidden=\"true\">");
    for (i, at_s) in ticks.iter().enumerate() {
        let class = if i % 2 == 1 { " class=\"odd\"" } else { "" };
        let _ = write!(
            out,
            "<span{class} style=\"left:{:.2}%\">{}</span>",
            percent_of(*at_s, end_s),
            moment(*at_s)
        );
    }
    out.push_str("</div>\n");
}

fn phases(out: &mut String, run: &RunReport) {
    if run.phases.is_empty() {
        return;
    }
    // Phases may lie over each other (`sustained` and `peak`): each row has those that do not.
    let mut rows: Vec<Vec<&crate::document::PhaseReport>> = Vec::new();
    for phase in &run.phases {
        let fits = |row: &Vec<&crate::document::PhaseReport>| {
            row.iter().all(|p| p.to_s <= phase.from_s + 1e-9 || phase.to_s <= p.from_s + 1e-9)
        };
        match rows.iter().position(fits) {
            Some(row) => rows[row].push(phase),
            None if rows.len() < 4 => rows.push(vec![phase]),
            None => {}
        }
    }
    for row in rows {
        out.push_str("<div class=\"lane phases\">");
        for phase in row {
            let left = percent_of(phase.from_s, run.end_s);
            let width = percent_of(phase.to_s, run.end_s) - left;
            let name = escape(&phase.name);
            let shown = if width / 100.0 >= NAMED_PHASE { name.as_str() } else { "" };
            let _ = write!(
                out,
                "<span style=\"left:{left:.2}%;width:{width:.2}%\" title=\"{name}, {} to {}\">{shown}</span>",
                moment(phase.from_s),
                moment(phase.to_s)
            );
        }
        out.push_str("</div>\n");
    }
}

fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn events(out: &mut String, run: &RunReport, marks: &[(usize, &EventReport)]) {
    if marks.is_empty() {
        return;
    }
    out.push_str("<div class=\"lane events\">");
    for (n, event) in marks {
        let _ = write!(
            out,
            "<a class=\"{}\" href=\"#{}\" style=\"left:{:.2}%\" title=\"{} {}: {}\"><span>{}</span></a>",
            severity_class(event.severity),
            event_id(run, *n),
            percent_of(event.at_s, run.end_s),
            event.at,
            escape(&event.subject),
            escape(&event.text),
            n + 1,
        );
    }
    out.push_str("</div>\n");
}

/// The anchor of an event's row.
pub(super) fn event_id(run: &RunReport, n: usize) -> String {
    format!("{}-event-{}", slug(&run.name), n + 1)
}

/// A name as an anchor.
pub(super) fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = name.chars().map(plain).collect();
    format!("run-{}", slug.trim_matches('-'))
}

fn figure(
    out: &mut String,
    chart: &Chart,
    run: &RunReport,
    ticks: &[f64],
    marks: &[(usize, &EventReport)],
) {
    let scale = Scale::of(chart);
    let _ = writeln!(
        out,
        "<figure class=\"chart {} {}\" data-unit=\"{}\">",
        escape(&chart.id),
        match chart.form {
            Form::Bands => "bands",
            Form::Steps => "steps",
            Form::Lines => "",
        },
        unit_word(chart.unit)
    );
    legend(out, chart);
    out.push_str("<div class=\"plot\"><div class=\"scale\" aria-hidden=\"true\">");
    for value in &scale.ticks {
        let _ = write!(
            out,
            "<span style=\"top:{:.1}%\">{}</span>",
            scale.y(*value) as f64 / HEIGHT * 100.0,
            escape(&quantity::text(chart.unit, *value))
        );
    }
    let _ = write!(
        out,
        "</div><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        escape(&format!("{} over time", chart.title))
    );
    let x = |at_s: f64| (percent_of(at_s, run.end_s) / 100.0 * WIDTH).round() as i64;
    grid(out, &scale, ticks, &x);
    for (_, event) in marks {
        let class = severity_class(event.severity);
        let at = x(event.at_s);
        let _ = write!(out, "<path class=\"mark {class}\" d=\"M{at} 0V{HEIGHT}\"/>");
    }
    if chart.form == Form::Bands {
        bands(out, chart, &scale, &x);
    } else if let [only] = &chart.lines[..] {
        let _ =
            write!(out, "<path class=\"area c1\" d=\"{}\"/>", area(only, chart.form, &scale, &x));
    }
    for (i, line) in chart.lines.iter().enumerate() {
        lines(out, line, i, chart.form, &scale, &x);
    }
    out.push_str("</svg></div></figure>\n");
}

fn unit_word(unit: Quantity) -> &'static str {
    match unit {
        Quantity::Milliseconds => "ms",
        Quantity::Seconds => "s",
        Quantity::Ratio => "ratio",
        Quantity::PerSecond => "rate",
        Quantity::Count => "count",
        Quantity::Bytes => "bytes",
        Quantity::Number => "number",
    }
}

fn grid(out: &mut String, scale: &Scale, ticks: &[f64], x: &impl Fn(f64) -> i64) {
    out.push_str("<path class=\"grid\" d=\"");
    for value in &scale.ticks {
        let _ = write!(out, "M0 {}H{WIDTH}", scale.y(*value));
    }
    for at_s in ticks {
        let _ = write!(out, "M{} 0V{HEIGHT}", x(*at_s));
    }
    out.push_str("\"/>");
}

fn legend(out: &mut String, chart: &Chart) {
    let _ = write!(out, "<figcaption><b>{}</b><ul>", escape(&chart.title));
    for (i, line) in chart.lines.iter().enumerate() {
        let most = line.points.iter().map(|(_, v)| *v).fold(f64::NEG_INFINITY, f64::max);
        let most = if most.is_finite() { quantity::text(chart.unit, most) } else { String::new() };
        let is_limit = if line.is_limit { " limit" } else { "" };
        let word = if line.is_limit { "" } else { "max " };
        let _ = write!(
            out,
            "<li class=\"c{}{is_limit}\"><i></i>{} <output data-rest=\"{word}{most}\">{word}{most}</output></li>",
            colour(i),
            escape(&crate::short::shorten(&line.name, 48)),
        );
    }
    if chart.left_out > 0 {
        let _ = write!(out, "<li class=\"muted\">{} more not drawn</li>", chart.left_out);
    }
    out.push_str("</ul></figcaption>\n");
}

fn colour(i: usize) -> usize {
    i % COLOURS + 1
}

/// The places of a line's points.
fn places(line: &Line, scale: &Scale, x: &impl Fn(f64) -> i64) -> Vec<(i64, i64)> {
    line.points.iter().map(|(at_s, value)| (x(*at_s), scale.y(*value))).collect()
}

fn path(places: &[(i64, i64)], form: Form) -> String {
    let mut d = String::with_capacity(places.len() * 9);
    let mut last: Option<i64> = None;
    for (x, y) in places {
        match (last, form) {
            (None, _) => {
                let _ = write!(d, "M{x} {y}");
            }
            (Some(_), Form::Steps) => {
                let _ = write!(d, "H{x}V{y}");
            }
            (Some(_), _) => {
                let _ = write!(d, "L{x} {y}");
            }
        }
        last = Some(*y);
    }
    d
}

fn lines(
    out: &mut String,
    line: &Line,
    i: usize,
    form: Form,
    scale: &Scale,
    x: &impl Fn(f64) -> i64,
) {
    let mut places = places(line, scale, x);
    let class = if line.is_limit { "limit" } else { "line" };
    if line.is_limit
        && let Some((_, y)) = places.last().copied()
    {
        places.push((WIDTH as i64, y));
    }
    let _ = write!(out, "<path class=\"{class} c{}\" d=\"{}\"", colour(i), path(&places, form));
    if !line.is_limit {
        let xs = line.points.iter().map(|(at_s, _)| x(*at_s));
        let values: Vec<String> = line.points.iter().map(|(_, v)| digits(*v)).collect();
        let _ = write!(out, " data-x=\"{}\" data-v=\"{}\"", deltas(xs), values.join(","));
    }
    out.push_str("/>");
}

/// Places as the difference to the one before: mostly one digit each.
fn deltas(xs: impl Iterator<Item = i64>) -> String {
    let mut last = 0i64;
    let parts = xs.map(|x| {
        let delta = x - last;
        last = x;
        delta.to_string()
    });
    parts.collect::<Vec<_>>().join(",")
}

/// A value with four digits that matter.
fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let decimals = (3.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// What lies below a line.
fn area(line: &Line, form: Form, scale: &Scale, x: &impl Fn(f64) -> i64) -> String {
    let places = places(line, scale, x);
    let Some(first) = places.first() else { return String::new() };
    let floor = scale.y(scale.low.max(0.0));
    format!("{}V{floor}H{}Z", path(&places, form), first.0)
}

/// What lies between lines that are above each other, the highest first.
fn bands(out: &mut String, chart: &Chart, scale: &Scale, x: &impl Fn(f64) -> i64) {
    let all: Vec<Vec<(i64, i64)>> = chart.lines.iter().map(|line| places(line, scale, x)).collect();
    for (i, upper) in all.iter().enumerate() {
        if upper.is_empty() {
            continue;
        }
        let mut d = path(upper, Form::Lines);
        match i.checked_sub(1).map(|below| &all[below]) {
            Some(lower) => lower.iter().rev().for_each(|(x, y)| {
                let _ = write!(d, "L{x} {y}");
            }),
            None => {
                let floor = scale.y(0.0);
                let _ = write!(d, "V{floor}H{}", upper[0].0);
            }
        }
        let _ = write!(out, "<path class=\"band b{}\" d=\"{d}Z\"/>", i + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        for (most, unit, ticks) in [
            (487.0, Quantity::Milliseconds, vec![0.0, 200.0, 400.0, 600.0]),
            (10.0, Quantity::Count, vec![0.0, 5.0, 10.0]),
            (1.0, Quantity::Count, vec![0.0, 1.0]),
            (0.62, Quantity::Ratio, vec![0.0, 0.25, 0.5, 0.75]),
            (300e6, Quantity::Bytes, vec![0.0, 104_857_600.0, 209_715_200.0, 314_572_800.0]),
            (0.0, Quantity::PerSecond, vec![0.0, 1.0]),
        ] {
            let chart = Chart {
                id: String::new(),
                title: String::new(),
                unit,
                form: Form::Lines,
                lines: vec![Line {
                    name: String::new(),
                    is_limit: false,
                    points: vec![(0.0, most), (1.0, 0.0)],
                }],
                left_out: 0,
            };
            assert_eq!(Scale::of(&chart).ticks, ticks, "{most}");
        }
        assert_eq!(time_ticks(600.0).len(), 11);
        assert_eq!(time_ticks(1_800.0)[1], 300.0);
        assert_eq!(time_ticks(0.5), [0.0]);
    }

    #[test]
    fn values_keep_four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (12345.6, "12346"),
            (1.23456, "1.235"),
            (0.000_123_4, "0.0001234"),
            (50.0, "50"),
        ] {
            assert_eq!(digits(value), text);
        }
        assert_eq!(deltas([0, 4, 9].into_iter()), "0,4,5");
    }
}
