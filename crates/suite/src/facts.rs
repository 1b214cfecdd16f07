//! From a scenario's record to its verdict: what the plan adds to what was measured, and all scenarios as one run.

use std::path::PathBuf;
use std::time::Duration;

use metrics::{Aggregator, AggregatorConfig, Timeline};
use plan::criterion::{self, Bound, Criterion, Quantity, Scope, Selection, Statistic, Subject};
use plan::options::{Derivation, Options};
use plan::scenario::{Executor, Stage};
use plan::suite::{Baseline, Marks, Scenario};
use plan::threshold::Operator;
use report::judge::{Judgement, Row, Verdict};
use report::{Ending, Phase, RunData, SelfCheckFigures, quantity};

use crate::runner::Judged;
use crate::scale;
use crate::state::{Item, ItemState};

/// The phase behind the warm-up.
const AFTER_WARM_UP: &str = "after the warm-up";

/// Judges a scenario by its criteria and its baseline.
pub(crate) fn judge(
    scenario: &Scenario,
    item: &Item,
    data: Option<RunData>,
    options: &serde_json::Value,
    time_scale: f64,
) -> Judged {
    let mut judged = Judged::left_out(scenario);
    judged.state = item.state;
    judged.reason.clone_from(&item.reason);
    let Some(mut data) = data else {
        if !matches!(item.state, ItemState::Skipped | ItemState::Waiting) {
            without_record(&mut judged, scenario, item);
        }
        return judged;
    };
    dress(scenario, item, &mut data, options, time_scale);
    let criteria = criteria(scenario, time_scale);
    let mut judgement = report::judge(&criteria, &data);
    if let (ItemState::Broken, Some(why)) = (item.state, &item.reason) {
        judgement.reasons.push(why.clone());
    }
    judged.verdict = judgement.verdict;
    judged.judgement = Some(judgement);
    judged.criteria = criteria;
    judged.data = Some(data);
    judged
}

/// A scenario that ran and left no record: it failed, and the report says why.
fn without_record(judged: &mut Judged, scenario: &Scenario, item: &Item) {
    let why = item.reason.clone().unwrap_or_else(|| "it left no record".to_owned());
    judged.verdict = Some(Verdict::Fail);
    judged.judgement = Some(Judgement {
        verdict: Some(Verdict::Fail),
        rows: Vec::new(),
        reasons: vec![why.clone()],
    });
    let timeline = Timeline::builder(item.started_unix_ns.unwrap_or_default()).finish(None);
    judged.data = bare(timeline, Ending::Failed(why));
    if let Some(data) = &mut judged.data {
        data.name.clone_from(&scenario.name);
        data.purpose = scenario.description.clone().unwrap_or_default();
    }
}

/// A run of which nothing is known but its timeline.
pub(crate) fn bare(timeline: Timeline, ending: Ending) -> Option<RunData> {
    let elapsed = Duration::try_from_secs_f64(timeline.end_s.max(0.0)).ok()?;
    let totals = Aggregator::new(AggregatorConfig::default()).ok()?.totals(elapsed);
    Some(RunData {
        name: String::new(),
        front: report::Front::K6,
        script: String::new(),
        purpose: String::new(),
        command_line: Vec::new(),
        criteria: Vec::new(),
        squall_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_unix_ns: timeline.start_unix_ns,
        elapsed_s: timeline.end_s,
        ending,
        totals,
        timeline,
        events: Vec::new(),
        tables: Vec::new(),
        self_check: None,
        phases: Vec::new(),
        plan: Vec::new(),
        baseline: report::Baseline::default(),
        warnings: Vec::new(),
        directory: None,
    })
}

/// What the plan knows about a run besides its record.
fn dress(
    scenario: &Scenario,
    item: &Item,
    data: &mut RunData,
    options: &serde_json::Value,
    time_scale: f64,
) {
    data.name.clone_from(&scenario.name);
    data.purpose = scenario.description.clone().unwrap_or_default();
    if scenario.thresholds == Some(false) {
        for metric in &mut data.totals.metrics {
            metric.thresholds.clear();
            metric.submetrics.iter_mut().for_each(|part| part.thresholds.clear());
        }
    }
    // A stop rule is the suite's business; the run itself only heard a signal.
    if let (ItemState::Done, Some(why), Ending::Stopped(_)) =
        (item.state, &item.reason, &data.ending)
    {
        data.ending = Ending::Failed(why.clone());
    }
    let end_s = data.end_s();
    for (name, from, to) in scale::phases(scenario, time_scale) {
        let to_s = to.map_or(end_s, |to| to.as_secs_f64()).min(end_s);
        data.phases.push(Phase { name, from_s: from.as_secs_f64(), to_s });
    }
    data.phases.extend(staged(scenario, options));
    if let Some(warm_up) = scenario.warm_up {
        let from_s = warm_up.scaled(time_scale).0.as_secs_f64().min(end_s);
        data.phases.push(Phase { name: AFTER_WARM_UP.to_owned(), from_s, to_s: end_s });
    }
    data.plan.extend(asked_for(scenario, time_scale));
    if let Some(baseline) = &scenario.baseline {
        data.baseline = expected(baseline);
    }
}

/// The criteria of a scenario under a time scale, its baseline's among them. Those about all of its time leave out the
/// warm-up.
pub(crate) fn criteria(scenario: &Scenario, time_scale: f64) -> Vec<Criterion> {
    let parsed = scenario.criteria.iter().filter_map(|text| criterion::parse(text).ok());
    let mut criteria: Vec<Criterion> =
        parsed.map(|criterion| scale::criterion(criterion, time_scale)).collect();
    if let Some(baseline) = &scenario.baseline {
        criteria.extend(baseline_criteria(&expected(baseline), baseline.tolerance()));
    }
    if scenario.warm_up.is_some() {
        for criterion in &mut criteria {
            let is_of_load = matches!(
                criterion.subject,
                Subject::Latency { .. }
                    | Subject::ErrorRate(_)
                    | Subject::SuccessRate(_)
                    | Subject::Throughput(_)
                    | Subject::Requests(_)
                    | Subject::Failures(_)
                    | Subject::Series { .. }
            );
            if is_of_load && criterion.scope.phase.is_none() {
                criterion.scope.phase = Some(AFTER_WARM_UP.to_owned());
            }
        }
    }
    criteria
}

/// A baseline as criteria: worse than by its tolerance (a share of it) is MARGINAL, never a failure by itself.
pub fn baseline_criteria(baseline: &report::Baseline, tolerance: f64) -> Vec<Criterion> {
    let mut criteria = Vec::new();
    let mut add = |what: &str, expected, subject, unit, operator, limit, worst| {
        let percent = (tolerance * 100.0).round();
        let shown = quantity::text(unit, expected);
        criteria.push(Criterion {
            text: format!("baseline {what} {shown}, {percent} % worse at most"),
            subject,
            quantity: unit,
            bound: Bound::Is { operator, limit },
            marginal: Some(Bound::Is { operator, limit: worst }),
            scope: Scope::WHOLE,
        });
    };
    let most = Operator::LessOrEqual;
    let least = Operator::GreaterOrEqual;
    if let Some(rps) = baseline.rps {
        let subject = Subject::Throughput(Selection::ALL);
        add("rps", rps, subject, Quantity::PerSecond, least, rps * (1.0 - tolerance), 0.0);
    }
    for (what, statistic, ms) in [
        ("p50", Statistic::Median, baseline.p50_ms),
        ("p95", Statistic::Percentile(95.0), baseline.p95_ms),
        ("p99", Statistic::Percentile(99.0), baseline.p99_ms),
    ] {
        let Some(ms) = ms else { continue };
        let subject = Subject::Latency { statistic, requests: Selection::ALL };
        let limit = ms * (1.0 + tolerance);
        add(what, ms, subject, Quantity::Milliseconds, most, limit, f64::INFINITY);
    }
    if let Some(success) = baseline.success {
        // So many failures more, in the share of failures.
        let failures = (1.0 - success) * (1.0 + tolerance);
        let subject = Subject::SuccessRate(Selection::ALL);
        add("success", success, subject, Quantity::Ratio, least, 1.0 - failures, 0.0);
    }
    criteria
}

/// What a later run is expected to measure if this one is the measure.
pub fn as_baseline(run: &RunData) -> report::Baseline {
    let all = run.timeline.window(0.0, run.end_s());
    let ms = |p: f64| (all.latency.count() > 0).then(|| all.latency.percentile(p));
    let rps = all.requests as f64 / run.elapsed_s.max(f64::MIN_POSITIVE);
    report::Baseline {
        users: None,
        rps: (rps > 0.0 && rps.is_finite()).then_some(rps),
        p50_ms: ms(50.0),
        p95_ms: ms(95.0),
        p99_ms: ms(99.0),
        success: all.error_rate().map(|errors| 1.0 - errors),
    }
}

fn expected(baseline: &Baseline) -> report::Baseline {
    let ms = |time: Option<plan::suite::Time>| time.map(|time| time.0.as_secs_f64() * 1e3);
    report::Baseline {
        users: baseline.users.map(|users| f64::from(users.0)),
        rps: baseline.rps.map(|rps| rps.0),
        p50_ms: ms(baseline.p50),
        p95_ms: ms(baseline.p95),
        p99_ms: ms(baseline.p99),
        success: baseline.success.map(|success| success.0),
    }
}

/// What of the load only the plan knows, in words; the rest is in the record.
fn asked_for(scenario: &Scenario, time_scale: f64) -> Vec<(String, String)> {
    let preset = scenario.preset.map(|preset| format!("{preset:?}").to_lowercase());
    let preset = preset.map(|preset| ("preset".to_owned(), preset));
    let scale = (time_scale != 1.0).then(|| ("time scale".to_owned(), time_scale.to_string()));
    preset.into_iter().chain(scale).collect()
}

/// Phases that the plan marks by a stage of the script, from the consolidated options of the run.
fn staged(scenario: &Scenario, options: &serde_json::Value) -> Vec<Phase> {
    let Ok((options, _)) = Options::from_script_json(&options.to_string()) else {
        return Vec::new();
    };
    let is_exported = |_: &str| true;
    let derived =
        options.derive_scenarios(Derivation { default_vus: 1, is_exported: &is_exported });
    let Ok((k6_scenarios, _)) = derived else { return Vec::new() };
    let mut phases = Vec::new();
    for phase in &scenario.phases {
        let Marks::Stage { stage, scenario: wanted } = phase.marks() else { continue };
        for k6_scenario in &k6_scenarios {
            if wanted.is_some_and(|name| name != k6_scenario.name) {
                continue;
            }
            let start = k6_scenario.start_time;
            let span = match stage {
                None => Some((start, start + k6_scenario.executor.regular_duration())),
                Some(number) => stages(&k6_scenario.executor)
                    .and_then(|stages| span_of(stages, number as usize))
                    .map(|(from, to)| (start + from, start + to)),
            };
            let name = phase.name.clone();
            phases.extend(span.map(|(from, to)| Phase {
                name,
                from_s: from.as_secs_f64(),
                to_s: to.as_secs_f64(),
            }));
        }
    }
    phases
}

fn stages(executor: &Executor) -> Option<&[Stage]> {
    match executor {
        Executor::RampingVus(ramp) => Some(&ramp.stages),
        Executor::RampingArrivalRate(ramp) => Some(&ramp.stages),
        _ => None,
    }
}

fn span_of(stages: &[Stage], number: usize) -> Option<(Duration, Duration)> {
    let index = number.checked_sub(1)?;
    let from: Duration = stages.get(..index)?.iter().map(|stage| stage.duration).sum();
    Some((from, from + stages.get(index)?.duration))
}

/// The first row that has data and does not hold: what was measured.
pub(crate) fn missed(judgement: &Judgement) -> Option<String> {
    let is_missed = |row: &&Row| row.verdict == Verdict::Fail && row.has_data;
    judgement.rows.iter().find(is_missed).map(|row| row.measured.clone())
}

/// All scenarios as one run: their sums, and their values together.
///
/// # Errors
/// A record that can't be read; a sentence.
pub(crate) fn pooled(name: &str, runs: &[(PathBuf, &RunData)]) -> Result<Option<RunData>, String> {
    let Some((_, first)) = runs.iter().min_by_key(|(_, data)| data.started_unix_ns) else {
        return Ok(None);
    };
    let mut builder = Timeline::builder(first.started_unix_ns);
    let config = AggregatorConfig { thresholds: Vec::new(), full: true, request_rows: true };
    let mut aggregator = Aggregator::new(config).map_err(|error| error.to_string())?;
    for (number, (path, _)) in runs.iter().enumerate() {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let run = record::Run::open(path).map_err(|error| told(&error))?;
        for snapshot in run.snapshots().map_err(|error| told(&error))? {
            let snapshot = snapshot.map_err(|error| told(&error))?;
            // Cores of different runs have the same numbers.
            let agent = u32::try_from(number + 1).unwrap_or(u32::MAX) << 16 | snapshot.agent();
            let snapshot = snapshot.signed(agent);
            builder.load(&snapshot);
            aggregator.ingest(&snapshot).map_err(|error| told(&error))?;
        }
    }
    let elapsed_s: f64 = runs.iter().map(|(_, data)| data.elapsed_s).sum();
    let elapsed = Duration::try_from_secs_f64(elapsed_s).unwrap_or_default();
    let all = || runs.iter().map(|(_, data)| *data);
    let mut data = (*first).clone();
    data.name = name.to_owned();
    data.totals = aggregator.totals(elapsed);
    data.timeline = builder.finish(None);
    data.elapsed_s = elapsed_s;
    data.events = all().flat_map(|data| data.events.iter().cloned()).collect();
    data.tables = Vec::new();
    data.phases = Vec::new();
    data.baseline = report::Baseline::default();
    data.self_check = worst(all().filter_map(|data| data.self_check.as_ref())).cloned();
    data.ending = all()
        .map(|data| &data.ending)
        .find(|ending| **ending != Ending::Finished)
        .cloned()
        .unwrap_or(Ending::Finished);
    Ok(Some(data))
}

/// The self-check that says the worst.
fn worst<'a>(checks: impl Iterator<Item = &'a SelfCheckFigures>) -> Option<&'a SelfCheckFigures> {
    let weight = |check: &SelfCheckFigures| match check.verdict {
        report::Verdict::Invalid => 2,
        report::Verdict::Degraded => 1,
        report::Verdict::Valid => 0,
    };
    checks.max_by_key(|check| weight(check))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(fields: &str) -> Scenario {
        serde_json::from_str(&format!(r#"{{"name": "a", "k6": "s.js", {fields}}}"#)).unwrap()
    }

    #[test]
    fn a_baseline_is_as_expected_within_its_tolerance() {
        let scenario = scenario(
            r#""baseline": {"rps": 100, "p50": "150ms", "success": "98%", "tolerance": "10%"}"#,
        );
        let criteria = criteria(&scenario, 1.0);
        let verdicts = |at: usize, values: [f64; 2]| {
            values.map(|value| {
                let criterion = &criteria[at];
                (criterion.bound.holds(value), criterion.marginal.unwrap().holds(value))
            })
        };
        assert_eq!(criteria[0].text, "baseline rps 100/s, 10 % worse at most");
        assert_eq!(verdicts(0, [90.5, 89.5]), [(true, true), (false, true)]);
        assert_eq!(verdicts(1, [164.9, 165.1]), [(true, true), (false, true)]);
        assert_eq!(verdicts(2, [0.9781, 0.97]), [(true, true), (false, true)]);
    }

    #[test]
    fn the_warm_up_is_left_out_of_what_the_load_measured() {
        let scenario = scenario(
            r#""warm_up": "10s", "criteria": ["p(95) < 1s", "dropped == 0", "p(99) < 2s during peak"]"#,
        );
        let phases: Vec<Option<String>> =
            criteria(&scenario, 1.0).into_iter().map(|c| c.scope.phase).collect();
        assert_eq!(phases, [Some(AFTER_WARM_UP.to_owned()), None, Some("peak".to_owned())]);
    }

    #[test]
    fn stages_of_a_script_are_phases_by_their_number() {
        let scenario = scenario(
            r#""phases": [{"name": "top", "stage": 2, "scenario": "spike"}, {"name": "all", "scenario": "spike"}]"#,
        );
        let options = serde_json::json!({"scenarios": {
            "spike": {"executor": "ramping-arrival-rate", "startRate": 1, "startTime": "6s",
                      "preAllocatedVUs": 1, "stages": [
                {"duration": "1s", "target": 10}, {"duration": "2s", "target": 500}]},
            "base": {"executor": "constant-vus", "vus": 1, "duration": "5s"}}});
        let spans: Vec<(String, f64, f64)> =
            staged(&scenario, &options).into_iter().map(|p| (p.name, p.from_s, p.to_s)).collect();
        assert_eq!(spans, [("top".to_owned(), 7.0, 9.0), ("all".to_owned(), 6.0, 9.0)]);
    }
}
