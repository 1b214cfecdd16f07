//! What a record says about its run besides numbers. All of it is JSON in the file.
//!
//! Fields may be added; a reader fills in what an older writer did not have, which is why every
//! field but the first few has a default.

use plan::duration::Span;
use plan::threshold::ThresholdDef;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What was run, written before it starts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The version of Squall that ran it.
    pub squall_version: String,
    /// When the command was given, unix time in nanoseconds. The run's clock may start later: see
    /// [`crate::Writer::started`].
    pub created_unix_ns: u64,
    /// The words of the command line.
    #[serde(default)]
    pub command_line: Vec<String>,
    /// The script's path as given.
    #[serde(default)]
    pub script_path: String,
    /// Its text.
    #[serde(default)]
    pub script_source: String,
    /// The consolidated options.
    #[serde(default)]
    pub options: Value,
    /// How the summary is printed.
    #[serde(default)]
    pub summary: SummarySettings,
    /// The thresholds in effect, by metric.
    #[serde(default)]
    pub thresholds: Vec<ThresholdGroup>,
    /// The criteria it is held against, each as its text.
    #[serde(default)]
    pub criteria: Vec<String>,
    /// What it is compared with, in `report`'s form.
    #[serde(default)]
    pub baseline: Value,
}

/// What the summary's text depends on besides the numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SummarySettings {
    /// `compact`, `full` or `disabled`; empty means `compact`.
    pub mode: String,
    /// `summaryTrendStats`; empty means k6's default.
    pub trend_stats: Vec<String>,
    /// `summaryTimeUnit`: `s`, `ms`, `us` or empty.
    pub time_unit: String,
    /// Whether our table by request name follows.
    pub request_rows: bool,
}

/// The thresholds of one metric or submetric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThresholdGroup {
    /// `http_reqs` or `http_reqs{scenario:a}`.
    pub selector: String,
    /// In the order given.
    pub thresholds: Vec<RecordedThreshold>,
}

/// A threshold as the record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedThreshold {
    /// `p(95)<500`.
    pub source: String,
    /// Whether crossing it stops the run.
    #[serde(default)]
    pub abort_on_fail: bool,
    /// It stops the run only after this much of its time, in nanoseconds.
    #[serde(default)]
    pub delay_abort_eval_ns: Option<i64>,
}

/// A line of the run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, unix time in nanoseconds.
    pub unix_ns: u64,
    /// The line, without its end.
    pub text: String,
}

/// How the run ended, written last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The exit code of the process.
    pub exit_code: i32,
    /// Why it ended, in a word or a sentence: `finished`, `thresholds`, …
    pub reason: String,
    /// The time all rates are divided by, in nanoseconds.
    pub elapsed_ns: u64,
    /// When it ended, unix time in nanoseconds.
    pub ended_unix_ns: u64,
    /// What the self-check found, as the command line has it.
    #[serde(default)]
    pub self_check: Value,
    /// What `setup()` returned; `null` if nothing.
    #[serde(default)]
    pub setup_data: Value,
    /// What became of what the outputs were given.
    #[serde(default)]
    pub outputs: Vec<OutputEnd>,
}

/// What became of what one output was given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputEnd {
    /// The output, as the banner showed it.
    pub output: String,
    /// Samples, or points of sums, that were written or accepted.
    pub delivered: u64,
    /// Those that came faster than they could be written.
    pub overflowed: u64,
    /// Those that the receiver refused or did not take in time.
    pub undelivered: u64,
}

impl From<&metrics::Delivery> for OutputEnd {
    fn from(end: &metrics::Delivery) -> Self {
        Self {
            output: end.output.clone(),
            delivered: end.delivered,
            overflowed: end.overflowed,
            undelivered: end.undelivered,
        }
    }
}

impl Meta {
    /// The thresholds as the aggregator takes them.
    pub fn threshold_defs(&self) -> Vec<(String, Vec<ThresholdDef>)> {
        let define = |t: &RecordedThreshold| ThresholdDef {
            source: t.source.clone(),
            abort_on_fail: t.abort_on_fail,
            delay_abort_eval: t.delay_abort_eval_ns.map(Span),
        };
        let group =
            |g: &ThresholdGroup| (g.selector.clone(), g.thresholds.iter().map(define).collect());
        self.thresholds.iter().map(group).collect()
    }
}

impl ThresholdGroup {
    /// The record's form of what the aggregator takes.
    pub fn record(defs: &[(String, Vec<ThresholdDef>)]) -> Vec<ThresholdGroup> {
        let record = |def: &ThresholdDef| RecordedThreshold {
            source: def.source.clone(),
            abort_on_fail: def.abort_on_fail,
            delay_abort_eval_ns: def.delay_abort_eval.map(Span::nanos),
        };
        let group = |(selector, defs): &(String, Vec<ThresholdDef>)| ThresholdGroup {
            selector: selector.clone(),
            thresholds: defs.iter().map(record).collect(),
        };
        defs.iter().map(group).collect()
    }
}
