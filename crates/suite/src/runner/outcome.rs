//! What a suite came to: a verdict for each scenario and one for all, and that in words.

use std::fmt::Write as _;
use std::path::PathBuf;

use plan::criterion::{self, Criterion};
use plan::suite::{Scenario, Suite};
use report::RunData;
use report::judge::{Judgement, Verdict};

use super::{Request, Signal};
use crate::state::{ItemState, State};
use crate::{facts, scale};

/// The exit code of a suite that a signal stopped: the one of every other command.
const STOPPED: u8 = 105;

/// A scenario that was judged, or left out.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How it stands.
    pub state: ItemState,
    /// Why, where that needs a sentence.
    pub reason: Option<String>,
    /// What it was held against.
    pub criteria: Vec<Criterion>,
    /// What was measured; `None` where there is no record.
    pub data: Option<RunData>,
    /// What that means.
    pub judgement: Option<Judgement>,
    /// In a word; `None` for one that was left out, or has no criteria.
    pub verdict: Option<Verdict>,
}

/// A suite that is over.
#[derive(Debug)]
pub struct Outcome {
    /// The plan.
    pub suite: Suite,
    /// How far it came.
    pub state: State,
    /// Its scenarios, in order.
    pub scenarios: Vec<Judged>,
    /// All scenarios together, held against the suite's own criteria.
    pub whole: Option<Judged>,
    /// Why it ended early.
    pub stopped: Option<String>,
    /// The signal that stopped it.
    pub signal: Option<Signal>,
    /// All of it in a word; `None` where nothing was judged.
    pub verdict: Option<Verdict>,
}

impl Judged {
    pub(crate) fn left_out(scenario: &Scenario) -> Judged {
        Judged {
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            state: ItemState::Skipped,
            reason: None,
            criteria: Vec::new(),
            data: None,
            judgement: None,
            verdict: None,
        }
    }

    /// Whether it failed.
    pub fn is_failed(&self) -> bool {
        self.verdict == Some(Verdict::Fail)
    }

    /// What is told about it as soon as it is over.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for row in self.judgement.iter().flat_map(|judgement| &judgement.rows) {
            let mut line =
                format!("{:>11}  {}: {}", row.verdict.as_str(), row.criterion, row.measured);
            if !row.note.is_empty() {
                let _ = write!(line, " ({})", row.note);
            }
            lines.push(line);
        }
        match (&self.judgement, self.verdict) {
            (Some(judgement), _) if !judgement.rows.is_empty() || judgement.verdict.is_some() => {
                lines.push(format!("{:>11}  {}", "=>", judgement.headline()))
            }
            (None, Some(verdict)) => {
                let why = self.reason.as_deref().unwrap_or("it has no record");
                lines.push(format!("{:>11}  {}: {why}", "=>", verdict.as_str()));
            }
            _ => {}
        }
        lines
    }
}

impl Outcome {
    pub(crate) fn new(
        suite: Suite,
        state: State,
        scenarios: Vec<Judged>,
        stopped: Option<String>,
        signal: Option<Signal>,
        request: &Request<'_>,
    ) -> (Outcome, Option<String>) {
        let mut outcome =
            Outcome { suite, state, scenarios, whole: None, stopped, signal, verdict: None };
        let trouble = match outcome.judge_whole(request) {
            Ok(whole) => {
                outcome.whole = whole;
                None
            }
            Err(why) => Some(why),
        };
        outcome.verdict = outcome.conclude();
        (outcome, trouble)
    }

    /// All scenarios as one run.
    fn judge_whole(&self, request: &Request<'_>) -> Result<Option<Judged>, String> {
        let mut runs: Vec<(PathBuf, &RunData)> = Vec::new();
        for judged in &self.scenarios {
            let item = self.state.items.iter().find(|item| item.name == judged.name);
            let folder = item.and_then(|item| item.folder.as_ref());
            if let (Some(folder), Some(data)) = (folder, &judged.data) {
                let record = request.folder.join(folder).join("record");
                // What failed before it began has none.
                if record.exists() {
                    runs.push((record, data));
                }
            }
        }
        let Some(data) = facts::pooled(&self.suite.suite, &runs)? else { return Ok(None) };
        let parsed = self.suite.criteria.iter().filter_map(|text| criterion::parse(text).ok());
        let criteria: Vec<Criterion> =
            parsed.map(|criterion| scale::criterion(criterion, request.time_scale)).collect();
        let judgement = report::judge(&criteria, &data);
        Ok(Some(Judged {
            name: "all scenarios".to_owned(),
            description: None,
            state: ItemState::Done,
            reason: None,
            criteria,
            verdict: judgement.verdict,
            judgement: Some(judgement),
            data: Some(data),
        }))
    }

    fn conclude(&self) -> Option<Verdict> {
        let judged = self.scenarios.iter().chain(&self.whole).filter_map(|judged| judged.verdict);
        let worst = judged.max();
        if self.stopped.is_some() {
            return Some(Verdict::Fail);
        }
        let is_cut = self.scenarios.iter().any(|judged| judged.state != ItemState::Done);
        if self.signal.is_some() || is_cut {
            return Some(worst.unwrap_or(Verdict::Pass).max(Verdict::Inconclusive));
        }
        worst
    }

    /// The exit code of the command.
    pub fn exit_code(&self, strict: bool) -> u8 {
        match (self.signal, self.verdict) {
            (Some(_), _) => STOPPED,
            (None, Some(verdict)) => verdict.exit_code(strict),
            (None, None) => 0,
        }
    }

    /// The table of scenarios and the verdict.
    pub fn summary(&self) -> String {
        let mut text = String::from("\n");
        let width = self.scenarios.iter().map(|judged| judged.name.chars().count()).max();
        let width = width.unwrap_or_default().max("all scenarios".len());
        let head = ["requests", "failed", "req/s", "p50", "p95", "p99", "verdict"];
        let _ = write!(text, "{:<width$}", "scenario");
        for (word, columns) in head.iter().zip(COLUMNS) {
            let _ = write!(text, "  {word:>columns$}");
        }
        text.push('\n');
        let whole = self.whole.iter().filter(|_| self.scenarios.len() > 1);
        for judged in self.scenarios.iter().chain(whole) {
            let _ = writeln!(text, "{}", line(judged, width));
        }
        let reasons = self
            .stopped
            .iter()
            .cloned()
            .chain(self.signal.map(|signal| format!("stopped by {}", signal.name())));
        for reason in reasons {
            let _ = writeln!(text, "\nthe suite ended early: {reason}");
        }
        if let Some(whole) = self.whole.iter().find(|whole| !whole.criteria.is_empty()) {
            text.push('\n');
            for line in whole.lines() {
                let _ = writeln!(text, "{line}");
            }
        }
        let verdict = self.verdict.map_or("not judged: no criteria", Verdict::as_str);
        let _ = writeln!(text, "\nverdict: {verdict}");
        text
    }
}

/// Widths of the table's columns behind the name.
const COLUMNS: [usize; 7] = [9, 7, 9, 9, 9, 9, 12];

fn line(judged: &Judged, width: usize) -> String {
    let mut line = format!("{:<width$}", judged.name);
    let cells = match &judged.data {
        Some(data) => {
            let all = data.timeline.window(0.0, data.end_s());
            let rate = all.requests as f64 / data.elapsed_s.max(1e-9);
            let times = all.latency.percentiles(&[50.0, 95.0, 99.0]);
            let time = |at: usize| match all.latency.count() {
                0 => "-".to_owned(),
                _ => report::quantity::text(
                    criterion::Quantity::Milliseconds,
                    times.get(at).copied().unwrap_or_default(),
                ),
            };
            let (requests, failures) = (all.requests.to_string(), all.failures.to_string());
            [requests, failures, format!("{rate:.1}"), time(0), time(1), time(2)]
        }
        None => std::array::from_fn(|_| "-".to_owned()),
    };
    let verdict = match (judged.verdict, judged.state) {
        (Some(verdict), _) => verdict.as_str(),
        (None, ItemState::Skipped | ItemState::Waiting) => "left out",
        (None, _) => "not judged",
    };
    for (cell, columns) in cells.iter().map(String::as_str).chain([verdict]).zip(COLUMNS) {
        let _ = write!(line, "  {cell:>columns$}");
    }
    line
}
