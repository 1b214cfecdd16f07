//! A run held against criteria: a verdict for each and one for all.
//!
//! PASS: every bound holds. MARGINAL: some only hold as marginal. FAIL: some do not hold, or there is nothing to hold
//! them against (a criterion without data never passes). INCONCLUSIVE: the generator was the limit, or the run was
//! cut off, so that its own numbers say nothing about the system under test; but a criterion that failed on what the
//! system itself tells (restarts, kills, series of probes) fails the run even then.
//!
//! What a row compares is made of values, never of other percentiles; over several windows, series or phases the worst
//! counts.

mod load;
mod measure;
mod observed;
mod recovery;

use metrics::{MetricTotal, Sink, ThresholdResult};
use plan::criterion::{Bound, Criterion, Quantity, Subject};
use serde::{Deserialize, Serialize};

use crate::quantity;
use crate::run::{Ending, RunData};
use crate::trust;

pub(crate) use measure::moment;

/// What a run or a criterion comes to, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// All is well.
    Pass,
    /// Within what is still bearable.
    Marginal,
    /// The numbers do not tell.
    Inconclusive,
    /// Not good enough.
    Fail,
}

impl Verdict {
    /// In capitals, as reports and logs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Marginal => "MARGINAL",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
        }
    }

    /// The mark before it.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Pass => "✅",
            Self::Marginal => "⚠️",
            Self::Inconclusive => "❔",
            Self::Fail => "❌",
        }
    }

    /// The exit code of a command that judged: 0 for PASS and MARGINAL (99 for MARGINAL where `strict`), 99 for FAIL,
    /// 111 for INCONCLUSIVE.
    pub fn exit_code(self, strict: bool) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Marginal if strict => 99,
            Self::Marginal => 0,
            Self::Fail => 99,
            Self::Inconclusive => 111,
        }
    }
}

/// A criterion, what was measured, and what that means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The criterion, as the user wrote it.
    pub criterion: String,
    /// What was measured, as text with its unit.
    pub measured: String,
    /// The number behind it, in the criterion's own unit; none without data.
    pub value: Option<f64>,
    /// What that means.
    pub verdict: Verdict,
    /// Where and when, or why there is nothing; empty where there is nothing to add.
    pub note: String,
    /// Whether the generator has no part in what was measured.
    pub server_side: bool,
    /// Whether there was anything to measure.
    pub has_data: bool,
    /// Whether it is a threshold of the script.
    #[serde(default)]
    pub is_threshold: bool,
}

/// What became of all criteria.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// All of it in a word; `None` where nothing was asked.
    pub verdict: Option<Verdict>,
    /// Each criterion, in the order given, then thresholds.
    pub rows: Vec<Row>,
    /// Why it is not simply what the rows come to.
    pub reasons: Vec<String>,
}

impl Judgement {
    /// Rows with a verdict.
    pub fn rows_with(&self, verdict: Verdict) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.verdict == verdict)
    }

    /// One line: `FAIL: 1 of 4 criteria does not hold`.
    pub fn headline(&self) -> String {
        let Some(verdict) = self.verdict else { return "not judged: no criteria".to_owned() };
        let n = |verdict| self.rows_with(verdict).count();
        let all = self.rows.len();
        let (failed, marginal) = (n(Verdict::Fail), n(Verdict::Marginal));
        let noun = if all == 1 { "criterion" } else { "criteria" };
        let told = match verdict {
            Verdict::Pass if all == 1 => "the criterion is met".to_owned(),
            Verdict::Pass => format!("all {all} criteria are met"),
            Verdict::Marginal => format!("{marginal} of {all} {noun} only just met"),
            Verdict::Fail if failed == 0 => "the run itself failed".to_owned(),
            Verdict::Fail => format!("{failed} of {all} {noun} not met"),
            Verdict::Inconclusive => "the numbers do not tell".to_owned(),
        };
        let reasons = self.reasons.join("; ");
        if reasons.is_empty() {
            format!("{}: {told}", verdict.as_str())
        } else {
            format!("{}: {told}; {reasons}", verdict.as_str())
        }
    }
}

/// Holds a run against criteria. Its k6 thresholds count as criteria.
pub fn judge(criteria: &[Criterion], run: &RunData) -> Judgement {
    let mut rows: Vec<Row> = criteria.iter().map(|criterion| row(criterion, run)).collect();
    rows.extend(threshold_rows(run));
    let mut reasons = Vec::new();
    let verdict = conclude(&rows, run, &mut reasons);
    Judgement { verdict, rows, reasons }
}

fn conclude(rows: &[Row], run: &RunData, reasons: &mut Vec<String>) -> Option<Verdict> {
    if rows.is_empty() {
        return None;
    }
    let worst = rows.iter().map(|row| row.verdict).max().unwrap_or(Verdict::Pass);
    let fails_by_itself =
        rows.iter().any(|row| row.verdict == Verdict::Fail && row.server_side && row.has_data);
    let limits = run.self_check.as_ref().filter(|check| check.verdict == trust::Verdict::Invalid);
    if let Some(check) = limits {
        let why = check.reasons.first().map_or("it did not keep up", String::as_str);
        reasons.push(format!("the load generator was the limit: {why}"));
        if fails_by_itself {
            reasons.push("what failed, it cannot have caused".to_owned());
            return Some(Verdict::Fail);
        }
        return Some(Verdict::Inconclusive);
    }
    if let Some(check) = &run.self_check
        && check.verdict == trust::Verdict::Degraded
    {
        let why = check.reasons.first().map_or("it was late now and then", String::as_str);
        reasons.push(format!("look at tails with care, the load generator barely kept up: {why}"));
    }
    match &run.ending {
        Ending::Finished => {}
        Ending::Failed(_) => {
            reasons.extend(run.ending.note());
            return Some(Verdict::Fail);
        }
        Ending::Stopped(_) | Ending::CutOff => {
            reasons.extend(run.ending.note());
            return Some(worst.max(Verdict::Inconclusive));
        }
    }
    Some(worst)
}

fn row(criterion: &Criterion, run: &RunData) -> Row {
    let measured = measure::measure(criterion, run);
    let server_side = match &criterion.subject {
        Subject::Restarts | Subject::OomKills | Subject::Evictions | Subject::PromQl { .. } => true,
        Subject::Series { name, .. } => observed::is_of_the_system(name, run),
        _ => false,
    };
    let text = |value: f64| quantity::text(criterion.quantity, value);
    match measured {
        Ok(found) => {
            let verdict = found.verdict.unwrap_or_else(|| {
                verdict_of(&criterion.bound, criterion.marginal.as_ref(), found.value)
            });
            Row {
                criterion: criterion.text.clone(),
                measured: found.text.unwrap_or_else(|| text(found.value)),
                value: Some(found.value),
                verdict,
                note: found.note,
                server_side,
                has_data: true,
                is_threshold: false,
            }
        }
        Err(why) => Row {
            criterion: criterion.text.clone(),
            measured: "no data".to_owned(),
            value: None,
            verdict: Verdict::Fail,
            note: why,
            server_side,
            has_data: false,
            is_threshold: false,
        },
    }
}

/// What a number means for a bound and its marginal one.
pub(crate) fn verdict_of(bound: &Bound, marginal: Option<&Bound>, value: f64) -> Verdict {
    if bound.holds(value) {
        Verdict::Pass
    } else if marginal.is_some_and(|marginal| marginal.holds(value)) {
        Verdict::Marginal
    } else {
        Verdict::Fail
    }
}

/// k6's thresholds as rows.
fn threshold_rows(run: &RunData) -> Vec<Row> {
    let mut rows = Vec::new();
    for metric in &run.totals.metrics {
        let whole = (metric.name.as_str(), &metric.thresholds, metric.has_samples);
        let parts = metric
            .submetrics
            .iter()
            .map(|part| (part.name.as_str(), &part.thresholds, part.has_samples));
        for (name, thresholds, has_data) in std::iter::once(whole).chain(parts) {
            rows.extend(thresholds.iter().map(|t| threshold_row(metric, name, t, has_data)));
        }
    }
    rows
}

fn threshold_row(metric: &MetricTotal, name: &str, t: &ThresholdResult, has_data: bool) -> Row {
    let quantity = match (&metric.sink, metric.contains) {
        (Sink::Trend(_), metrics::Contains::Time) => Quantity::Milliseconds,
        (Sink::Rate { .. }, _) => Quantity::Ratio,
        (_, metrics::Contains::Data) => Quantity::Bytes,
        _ => Quantity::Number,
    };
    let value = t.value.filter(|_| has_data);
    Row {
        criterion: format!("{name}: {}", t.source.trim()),
        measured: value.map_or_else(|| "no data".to_owned(), |v| quantity::text(quantity, v)),
        value,
        verdict: if t.ok { Verdict::Pass } else { Verdict::Fail },
        note: if has_data {
            String::new()
        } else {
            "a threshold without data is judged as k6 judges it".to_owned()
        },
        server_side: false,
        has_data,
        is_threshold: true,
    }
}
