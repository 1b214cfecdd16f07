//! `squall run`: one test from script to exit code.
//!
//! The order of things is k6's (its reference, C.9): script, options, thresholds, scenarios, banner, outputs, signals,
//! the run itself, summary, the last progress lines, the last error line.

use std::sync::Arc;

use engine::coordinator::Uplink;
use engine::progress::Phase;
use engine::{End, RunConfig, RunOutcome};
use metrics::{AggregatorConfig, ShardConfig};
use record::OutputEnd;

use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::log::Level;
use crate::run::banner;
use crate::run::closing::Closing;
use crate::run::ending;
use crate::run::fail_on;
use crate::run::forwards::{RunForwards, access};
use crate::run::observer::Watch;
use crate::run::observing::{self, Observing, Takers};
use crate::run::preparation::Prepared;
use crate::run::ram::Ram;
use crate::run::recording::Recording;
use crate::run::reports;
use crate::run::rest;
use crate::run::source::Source;
use crate::run::stopping;
use crate::run::summary;
use crate::run::troubles::Troubles;
use crate::session::{Name, Session};

/// Runs the script the command line names.
pub(crate) fn run(session: &Session) -> CommandResult {
    let source = Source::read(session)?;
    run_source(session, source)
}

/// Runs a script.
pub(crate) fn run_source(session: &Session, source: Source) -> CommandResult {
    let forwards = RunForwards::open(&session.flags, &session.log)?;
    let session = &forwards.tell(session);
    // Every VU holds at least one connection. Where raising fails, the limit is named when it is met.
    let _ = crate::machine::raise_descriptor_limit();
    let closing = Closing::of_script(&session.flags)?;
    let prepared = Prepared::new(session, source)?;
    print_banner(session, &prepared, &forwards);
    let ran = execute(session, &prepared, &closing)?;
    Ok(finish(session, &prepared, ran, &closing))
}

fn print_banner(session: &Session, prepared: &Prepared, forwards: &RunForwards) {
    if session.quiet() {
        return;
    }
    let color = session.terminal.abilities.stdout_color();
    session.terminal.out(&banner::header(color));
    session.terminal.out(&prepared.banner(color, &forwards.lines()));
}

/// A run that is over.
struct Ran<'a> {
    outcome: RunOutcome,
    watch: Watch<'a>,
    deliveries: Vec<OutputEnd>,
}

fn execute<'a>(
    session: &'a Session,
    prepared: &Prepared,
    closing: &Closing,
) -> Result<Ran<'a>, Failure> {
    let probes = observing::wanted(session.flags.all("observe"), &access(&session.flags))?;
    let outputs = prepared.outputs.open()?;
    let (stop, stops) = engine::stop_pair();
    let control = stop.control();
    stopping::listen(stop, session.log.clone())
        .map_err(|error| Failure::usage(format!("can't listen to signals: {error}")))?;
    let recording = if session.flags.is_on("no-record") {
        None
    } else {
        let meta = closing.held_against().noted(prepared.meta());
        Recording::start(session.flags.text("record"), meta, &session.log)
    };
    let takers =
        Takers { recording: recording.as_ref(), outputs: Some(&outputs), log: &session.log };
    let observing = Observing::start(&probes, &takers)?;
    let mut watch = Watch {
        terminal: &session.terminal,
        log: &session.log,
        view: prepared.view(),
        quiet: session.quiet(),
        outputs,
        recording,
        observing,
        uplink: uplink(session)?,
        plain_due: Watch::first_due(),
        // k6 says nothing of the kind.
        ram: (session.name == Name::Squall).then(|| Ram::new(prepared.max_vus())),
        phase: Phase::Init,
        troubles: Troubles::default(),
    };
    let config = run_config(session, prepared, watch.outputs.need_samples());
    let server = rest::start(session, prepared, control)?;
    let outcome = engine::run(&prepared.test, config, stops, &mut watch)
        .map_err(|error| Failure::usage(error.to_string()))?;
    drop(server);
    if let Some(observing) = watch.observing.take() {
        observing.finish(Some(&mut watch.outputs));
    }
    let deliveries = watch.outputs.finish(&session.log);
    if let Some(Err(error)) = watch.uplink.take().map(Uplink::finish) {
        session.log.log(
            Level::Warning,
            "The coordinator was gone at the end",
            &[("error", error.to_string())],
        );
    }
    Ok(Ran { outcome, watch, deliveries })
}

/// The way to the coordinator of several processes, if the command line names one.
fn uplink(session: &Session) -> Result<Option<Uplink>, Failure> {
    let Some(path) = session.flags.text("coordinator") else { return Ok(None) };
    Uplink::connect(path.as_ref())
        .map(Some)
        .map_err(|error| Failure::usage(format!("can't reach the coordinator at {path}: {error}")))
}

fn run_config(session: &Session, prepared: &Prepared, raw_samples: bool) -> RunConfig {
    let options = &prepared.options;
    let available = rt::thread::available_cores();
    let cores =
        session.flags.int("cores").and_then(|n| usize::try_from(n).ok()).unwrap_or(available);
    RunConfig {
        scenarios: prepared.scenarios.clone(),
        striping: prepared.striping.clone(),
        cores,
        // Spinning cores would fight with the director and the log for their CPU.
        spin: cores < available,
        agent: session.flags.int("agent").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        registry: Arc::clone(&prepared.registry),
        shard: ShardConfig::STANDARD,
        aggregate: AggregatorConfig {
            thresholds: prepared.thresholds.clone(),
            full: prepared.is_full(),
            request_rows: true,
        },
        run_tags: prepared.run_tags.clone(),
        tag_scenario: prepared.has_system_tag("scenario"),
        raw_samples,
        min_iteration: options.min_iteration_duration.map(plan::duration::Span::as_duration),
        setup: options.no_setup != Some(true),
        teardown: options.no_teardown != Some(true),
        setup_timeout: options.setup_timeout_or_default(),
        teardown_timeout: options.teardown_timeout_or_default(),
        idle_order: engine::IdleOrder::LongestFirst,
        paused: options.paused == Some(true),
        linger: options.outer.linger == Some(true),
    }
}

fn finish(session: &Session, prepared: &Prepared, ran: Ran<'_>, closing: &Closing) -> ExitStatus {
    let Ran { outcome, watch, deliveries } = ran;
    session.log.flush();
    session.terminal.clear();
    let ended_by_itself =
        matches!(outcome.end, End::Finished | End::Thresholds { aborted: false, .. });
    if ended_by_itself && outcome.progress.iterations_completed == 0 {
        session
            .log
            .warn("No script iterations fully finished, consider making the test duration longer");
    }
    let failure = ending::failure(&outcome.end, outcome.marked_failed)
        .or_else(|| fail_on::judge(&prepared.fail_on, &outcome.totals, outcome.exceptions));
    let status = failure.as_ref().map_or(ExitStatus::Success, |failure| failure.status);
    summary::print(session, prepared, &outcome);
    if !session.quiet() {
        session.terminal.out(&watch.last_frame(&outcome));
    }
    tell_losses(session, prepared, &outcome);
    if session.name == Name::Squall {
        for hint in watch.troubles.hints() {
            session.log.warn(&hint);
        }
    }
    if let Some(failure) = &failure {
        session.log.log(Level::Error, &failure.message, &failure.fields);
    }
    session.log.flush();
    let end = prepared.end_of_record(&outcome, status, &deliveries);
    let directory = watch.recording.and_then(|recording| recording.finish(&end));
    let account = closing.account(session, directory.as_deref());
    let judgement = account.as_ref().map(|account| &account.judgement);
    let wanted = (closing.reports(), judgement);
    reports::write_run(session, prepared, &outcome, failure.as_ref(), wanted);
    let status = closing.conclude(session, account.as_ref(), status);
    if let (Some(directory), Name::Squall) = (directory, session.name) {
        let line = format!("record: {}\n", directory.display());
        if session.quiet() { session.terminal.err(&line) } else { session.terminal.out(&line) }
    }
    status
}

/// What was lost or limited, and what helps against it.
fn tell_losses(session: &Session, prepared: &Prepared, outcome: &RunOutcome) {
    for hint in prepared.log.shortages() {
        session.log.warn(&hint);
    }
    for note in report::notes(&outcome.totals) {
        session.log.warn(&note);
    }
    // k6 lets a threshold without data pass or fail without a word.
    if session.name == Name::Squall {
        for note in report::untested_thresholds(&outcome.totals) {
            session.log.warn(&note);
        }
    }
    let dropped = session.log.take_dropped();
    if dropped > 0 {
        session.log.warn(&format!(
            "{dropped} log lines were dropped because they came faster than they could be written"
        ));
    }
}
