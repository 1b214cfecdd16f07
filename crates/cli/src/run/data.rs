//! A record as the judge and the report take it.

use std::path::Path;

use metrics::Timeline;
use record::Run;
use report::{Ending, Front, RunData, SelfCheckFigures};

use super::described;
use crate::exit::ExitStatus;

/// Lines of a run's log that a report shows.
const MAX_WARNINGS: usize = 50;

/// Reads everything about a run, however it ended.
///
/// # Errors
/// The record can't be read; a sentence.
pub(crate) fn load(directory: &Path) -> Result<RunData, String> {
    let run = Run::open(directory).map_err(|error| error.to_string())?;
    of(&run, directory)
}

/// As [`load`], of a record that is open.
///
/// # Errors
/// As for [`load`].
pub(crate) fn of(run: &Run, directory: &Path) -> Result<RunData, String> {
    let totals = run.rebuild().map_err(|error| error.to_string())?;
    let started = run.started_unix_ns.unwrap_or(run.meta.created_unix_ns);
    let mut builder = Timeline::builder(started);
    for snapshot in run.snapshots().map_err(|error| error.to_string())? {
        builder.load(&snapshot.map_err(|error| error.to_string())?);
    }
    for snapshot in run.observed_snapshots().map_err(|error| error.to_string())? {
        builder.observe(&snapshot.map_err(|error| error.to_string())?);
    }
    let elapsed_s = run.end.as_ref().map(|end| end.elapsed_ns as f64 / 1e9);
    let timeline = builder.finish(elapsed_s);
    let elapsed_s = elapsed_s.unwrap_or(timeline.end_s);
    let front = front(run);
    let mut phases = match front {
        Front::K6 => report::phases::of_options(&run.meta.options),
        Front::Locust => described::locust_phases(&run.meta.options, elapsed_s),
        Front::Burst => Vec::new(),
    };
    phases.extend(report::phases_of_events(&run.events, started, elapsed_s));
    let end = run.end.as_ref();
    let self_check: Option<SelfCheckFigures> =
        end.and_then(|end| serde_json::from_value(end.self_check.clone()).ok());
    let is_warning = |text: &str| ["level=warning", "level=error"].iter().any(|l| text.contains(l));
    let warnings = run.logs.iter().filter(|line| is_warning(&line.text)).take(MAX_WARNINGS);
    Ok(RunData {
        name: described::title(&run.meta.script_path, &run.meta.options),
        front,
        script: run.meta.script_path.clone(),
        purpose: String::new(),
        command_line: run.meta.command_line.clone(),
        criteria: run.meta.criteria.clone(),
        squall_version: run.meta.squall_version.clone(),
        started_unix_ns: started,
        elapsed_s,
        ending: ending(run, front),
        totals,
        timeline,
        warnings: warnings.map(|line| line.text.clone()).collect(),
        events: run.events.clone(),
        tables: run.tables.clone(),
        self_check,
        phases,
        plan: described::plan(&run.meta.options),
        baseline: serde_json::from_value(run.meta.baseline.clone()).unwrap_or_default(),
        directory: Some(directory.display().to_string()),
    })
}

/// What made the load: each front end leaves options of its own form.
fn front(run: &Run) -> Front {
    let options = &run.meta.options;
    if options["locust"].is_object() {
        Front::Locust
    } else if options["burst"].is_object() {
        Front::Burst
    } else {
        Front::K6
    }
}

fn ending(run: &Run, front: Front) -> Ending {
    let Some(end) = &run.end else { return Ending::CutOff };
    let is = |status: ExitStatus| end.exit_code == i32::from(status.code());
    if end.reason.starts_with("signal") || is(ExitStatus::Signal) || is(ExitStatus::Code(103)) {
        return Ending::Stopped(end.reason.clone());
    }
    let is_fine = is(ExitStatus::Success)
        || is(ExitStatus::ThresholdsCrossed)
        // Locust's code for requests that failed: the criteria judge those.
        || front == Front::Locust && is(ExitStatus::Failure);
    if is_fine {
        return Ending::Finished;
    }
    Ending::Failed(format!("{} (exit code {})", end.reason, end.exit_code))
}
