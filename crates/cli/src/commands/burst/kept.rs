//! What is kept of a burst, and its figures out of it: the same after the run and out of its record.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use engine::RunOutcome;
use metrics::{Delta, Sink, Snapshot, Totals, TrendSink};
use plan::scenario::Scenario;
use plan::segment::Striping;
use record::{End, Meta, Run};
use report::{BurstFigures, LatencyFigures};
use serde_json::json;

use crate::environment;
use crate::exit::{ExitStatus, Failure};
use crate::flags::Parsed;
use crate::run::ending;
use crate::run::self_check;

/// Most kinds of failure that are told apart.
const MAX_KINDS: usize = 1_000;

/// The head of a burst's record.
pub(super) fn meta(flags: &Parsed, is_open: bool, scenario: &Scenario) -> Meta {
    Meta {
        squall_version: env!("CARGO_PKG_VERSION").to_owned(),
        created_unix_ns: rt::unix_nanos(),
        command_line: environment::shown_args(),
        script_path: "burst".to_owned(),
        options: json!({
            "burst": {
                "urls": flags.args.iter().map(|url| plan::probe::redact::text(url)).collect::<Vec<_>>(),
                "is_open": is_open,
                "load": scenario.describe(&Striping::whole()),
            },
        }),
        ..Meta::default()
    }
}

/// The end of a burst's record.
pub(super) fn end(outcome: &RunOutcome, status: ExitStatus) -> End {
    let check = self_check::figures(&outcome.self_check);
    End {
        exit_code: i32::from(status.code()),
        reason: ending::reason(&outcome.end),
        elapsed_ns: u64::try_from(outcome.elapsed.as_nanos()).unwrap_or(u64::MAX),
        ended_unix_ns: rt::unix_nanos(),
        self_check: serde_json::to_value(check).unwrap_or_default(),
        setup_data: serde_json::Value::Null,
        outputs: Vec::new(),
    }
}

/// Failed requests by kind, summed from snapshots.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// Kinds of series, by agent and its id of them.
    kinds: HashMap<(u32, u32), String>,
    counts: BTreeMap<String, u64>,
}

impl Errors {
    pub(super) fn take(&mut self, snapshot: &Snapshot) {
        for series in snapshot.series().filter(|series| series.metric.name == burst::ERRORS) {
            let kind = series.tags().find(|(key, _)| *key == "error").map_or("", |(_, kind)| kind);
            if self.kinds.len() < MAX_KINDS {
                self.kinds.insert((snapshot.agent(), series.id), kind.to_owned());
            }
        }
        if self.kinds.is_empty() {
            return;
        }
        for (id, delta) in snapshot.deltas() {
            if let (Some(kind), Delta::Counter { sum }) =
                (self.kinds.get(&(snapshot.agent(), id)), delta)
            {
                *self.counts.entry(kind.clone()).or_default() += sum as u64;
            }
        }
    }
}

/// The figures of a burst.
pub(super) fn figures(
    totals: &Totals,
    elapsed: Duration,
    errors: &Errors,
    is_open: bool,
) -> BurstFigures {
    let sink = |name: &str| totals.metrics.iter().find(|m| m.name == name).map(|m| &m.sink);
    let count = |name: &str| match sink(name) {
        Some(Sink::Counter { sum }) => *sum as u64,
        _ => 0,
    };
    let trend = |name: &str| match sink(name) {
        Some(Sink::Trend(trend)) => LatencyFigures::from(trend),
        _ => LatencyFigures::from(&TrendSink::default()),
    };
    let answered = count("http_reqs");
    let unanswered = errors.counts.get(burst::UNANSWERED).copied().unwrap_or(0);
    let failed: u64 = errors.counts.values().sum();
    BurstFigures {
        issued: answered + unanswered,
        ok: (answered + unanswered).saturating_sub(failed),
        err: failed,
        err_by_kind: errors.counts.iter().map(|(kind, n)| (kind.clone(), *n)).collect(),
        dropped: count("dropped_iterations"),
        elapsed,
        bytes_sent: count("data_sent"),
        bytes_received: count("data_received"),
        latency: trend("http_req_duration"),
        response: is_open.then(|| trend("squall_response_time")),
        lateness: is_open.then(|| trend("squall_arrival_lateness")),
    }
}

/// The figures of a recorded burst as text; `None` where another command made the record.
///
/// # Errors
/// The record can't be read.
pub(crate) fn report(run: &Run, totals: &Totals) -> Result<Option<String>, Failure> {
    let options = &run.meta.options["burst"];
    if !options.is_object() {
        return Ok(None);
    }
    let failed = |error: record::RecordError| Failure::usage(error.to_string());
    let mut errors = Errors::default();
    for snapshot in run.snapshots().map_err(failed)? {
        errors.take(&snapshot.map_err(failed)?);
    }
    let is_open = options["is_open"] == true;
    let mut text = report::burst_text(&figures(totals, totals.elapsed, &errors, is_open));
    let check =
        run.end.as_ref().and_then(|end| serde_json::from_value(end.self_check.clone()).ok());
    if let Some(check) = check {
        text.push_str(&format!("{}\n", report::trust(&check)));
    }
    Ok(Some(text))
}
