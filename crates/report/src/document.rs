//! A report as data: what all its forms are made of, and what `report.json` holds.
//!
//! `report.json` is this [`Document`] as JSON. Its field `format` is [`FORMAT`]; fields may be added without a new
//! number, so readers should ignore those they do not know. Times are seconds after a run's start, latencies
//! milliseconds, shares 0 to 1.

mod build;

pub use build::{Judged, document};

use metrics::Table;
use serde::{Deserialize, Serialize};

use crate::SelfCheckFigures;
use crate::bottleneck::Analysis;
use crate::charts::Chart;
use crate::judge::{Row, Verdict};
use crate::run::Front;

/// The version of `report.json`; it grows when an old reader would misunderstand a new file.
pub const FORMAT: u32 = 1;

/// What to do with what was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// All criteria are met, or only just.
    Approved,
    /// Some are not.
    RequiresOptimization,
    /// The numbers do not tell.
    Inconclusive,
    /// Nobody asked.
    NotJudged,
}

impl Decision {
    /// The decision that follows from a verdict.
    pub fn of(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(Verdict::Pass | Verdict::Marginal) => Self::Approved,
            Some(Verdict::Fail) => Self::RequiresOptimization,
            Some(Verdict::Inconclusive) => Self::Inconclusive,
            None => Self::NotJudged,
        }
    }

    /// As reports have it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Approved => "✅ APPROVED",
            Self::RequiresOptimization => "⏳ REQUIRES OPTIMIZATION",
            Self::Inconclusive => "❔ INCONCLUSIVE",
            Self::NotJudged => "NOT JUDGED",
        }
    }
}

/// A report of one run or of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// [`FORMAT`].
    pub format: u32,
    /// What it is about.
    pub title: String,
    /// The version of Squall that made the load.
    pub squall_version: String,
    /// When the first run started, RFC 3339.
    pub started: String,
    /// The same for people.
    pub started_text: String,
    /// All runs together in a word.
    pub verdict: Option<Verdict>,
    /// What follows from it.
    pub decision: Decision,
    /// [`Decision::text`].
    pub decision_text: String,
    /// One line about the verdict.
    pub headline: String,
    /// The executive summary, a sentence each.
    pub summary: Vec<String>,
    /// All runs together.
    pub totals: Sums,
    /// Each run, in the order of running.
    pub runs: Vec<RunReport>,
    /// What may help, over all runs, each once, with the runs it comes from.
    pub recommendations: Vec<String>,
}

/// Runs added up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// How many runs.
    pub runs: usize,
    /// Their time, seconds.
    pub elapsed_s: f64,
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Failures to requests.
    pub error_rate: Option<f64>,
    /// Of all requests of all runs together, milliseconds.
    pub latency: Latency,
    /// Verdicts by their words.
    pub verdicts: Vec<(String, usize)>,
}

/// Numbers of a distribution of times, milliseconds; all 0 without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Smallest.
    pub min: f64,
    /// Mean.
    pub avg: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Largest.
    pub max: f64,
}

/// The headline numbers of a run, or of a part of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Failures to requests.
    pub error_rate: Option<f64>,
    /// Requests a second.
    pub throughput: f64,
    /// The most requests in a second (or a step, where those are longer).
    pub peak_throughput: f64,
    /// How long requests took.
    pub latency: Latency,
    /// Most users at the same time.
    pub users: Option<f64>,
    /// Iterations that ended.
    pub iterations: u64,
    /// Iterations or arrivals that could not be started.
    pub dropped: u64,
    /// Checks that were true.
    pub checks_passed: u64,
    /// Checks that were not.
    pub checks_failed: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
}

/// Requests of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestReport {
    /// Method and name.
    pub label: String,
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Failures to requests.
    pub error_rate: Option<f64>,
    /// Requests a second.
    pub throughput: f64,
    /// How long they took.
    pub latency: Latency,
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// What went wrong.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// When first.
    pub first_s: f64,
    /// When last.
    pub last_s: f64,
}

/// A check of the script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Its name.
    pub name: String,
    /// How often it was true.
    pub passed: u64,
    /// How often it was not.
    pub failed: u64,
}

/// An expected number beside the measured one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineReport {
    /// Which number.
    pub what: String,
    /// What was expected, with its unit.
    pub expected: String,
    /// What was measured, with its unit.
    pub measured: String,
    /// How far the measured one is off, for better or worse: 0.1 is a tenth more.
    pub deviation: Option<f64>,
    /// Whether it is significantly worse: by more than a tenth.
    pub is_worse: bool,
}

/// What a probe saw of one thing, over the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceReport {
    /// The series' name.
    pub metric: String,
    /// Whose it is: its tags.
    pub of: String,
    /// Smallest.
    pub min: f64,
    /// Mean of its samples.
    pub avg: f64,
    /// Largest.
    pub max: f64,
    /// Last.
    pub last: f64,
    /// The four with their unit, for tables.
    pub text: [String; 4],
}

/// A named part of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// Its name.
    pub name: String,
    /// Its start.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// Its numbers.
    pub figures: Figures,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventReport {
    /// When.
    pub at_s: f64,
    /// The same for people: `1:05`.
    pub at: String,
    /// Who saw it.
    pub source: String,
    /// What it is, a word.
    pub kind: String,
    /// What it happened to.
    pub subject: String,
    /// One line for people.
    pub text: String,
    /// `info`, `warning` or `critical`.
    pub severity: crate::bottleneck::Severity,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// What it is called.
    pub name: String,
    /// What it tests; may be empty.
    pub purpose: String,
    /// What made the load.
    pub front: Front,
    /// The script, or the URL of a burst.
    pub script: String,
    /// The command line.
    pub command: String,
    /// When it started, RFC 3339.
    pub started: String,
    /// How long it took.
    pub elapsed_s: f64,
    /// The end of its time axis.
    pub end_s: f64,
    /// The length of a step, seconds.
    pub step_s: f64,
    /// What is to be said about its end; empty where all is well.
    pub ending: String,
    /// What load was asked for.
    pub plan: Vec<(String, String)>,
    /// What it comes to.
    pub verdict: Option<Verdict>,
    /// One line about it.
    pub headline: String,
    /// Each criterion and threshold.
    pub criteria: Vec<Row>,
    /// Its numbers.
    pub figures: Figures,
    /// Requests by name, the most frequent first.
    pub requests: Vec<RequestReport>,
    /// Names that are left out.
    pub requests_left_out: usize,
    /// Failures by kind, the most frequent first.
    pub errors: Vec<ErrorReport>,
    /// Checks of the script.
    pub checks: Vec<CheckReport>,
    /// Expected numbers beside the measured ones.
    pub baseline: Vec<BaselineReport>,
    /// What probes saw.
    pub resources: Vec<ResourceReport>,
    /// Series of probes that are left out.
    pub resources_left_out: usize,
    /// Named parts.
    pub phases: Vec<PhaseReport>,
    /// What held the system back.
    pub analysis: Analysis,
    /// What happened.
    pub events: Vec<EventReport>,
    /// Events that are left out.
    pub events_left_out: usize,
    /// What probes knew at the end.
    pub tables: Vec<Table>,
    /// What the self-check found.
    pub self_check: Option<SelfCheckFigures>,
    /// The same as a line; empty without one.
    pub generator: String,
    /// What a reader must know that no figure shows.
    pub notes: Vec<String>,
    /// Its course.
    pub charts: Vec<Chart>,
    /// Where its record lies.
    pub directory: Option<String>,
}

impl Document {
    /// `report.json`.
    pub fn to_json(&self) -> String {
        // Every part of it is data that has a form in JSON; numbers without one become null.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_else(|_| "{}".to_owned());
        text.push('\n');
        text
    }
}
