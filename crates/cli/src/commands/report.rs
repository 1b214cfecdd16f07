//! `squall report DIR`: a recorded run's summary again, also of a run that was killed, and the whole report of it.

use std::path::{Path, PathBuf};

use report::CiContext;

use super::{burst, locust};
use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::run::data;
use crate::run::output;
use crate::run::pages::{self, Account, Template};
use crate::run::recording::runs_folder;
use crate::run::reports::{self, Form, Report};
use crate::run::runtime::{SummaryMode, parse_summary_mode};
use crate::run::summary::{self, Look};
use crate::session::Session;

/// Prints the summary, and writes what was asked for.
pub(crate) fn run(session: &Session) -> CommandResult {
    let mut reports = Report::wanted(&session.flags)?;
    let template = Template::read(&session.flags)?;
    let given = pages::criteria(&session.flags)?;
    let directory = directory(&session.flags.args)?;
    let run = record::Run::open(&directory).map_err(|error| Failure::usage(error.to_string()))?;
    if run.recovery.tear.is_some() {
        session.log.warn(&run.recovery.to_string());
    }
    let is_judged = !given.is_empty();
    let data = data::of(&run, &directory).map_err(Failure::usage)?;
    let account = Account::of(data, &directory, given);
    if session.flags.is_on("write") && !reports.contains(&Report::All) {
        reports.push(Report::All);
    }
    // Where a template has no file of its own, what it makes is the command's output.
    let is_filled =
        |report: &Report| matches!(report, Report::Page(Form::Markdown, _) | Report::All);
    let has_page = reports.iter().any(is_filled);
    match &template {
        Some(template) if !has_page => {
            session.terminal.out(&pages::filled(template, &account.document())?);
        }
        _ => print(session, &run, &account, &reports)?,
    }
    if pages::is_wanted(&reports) {
        let template = template.as_ref();
        pages::write(session, &account.document(), &reports, account.folder(), template)?;
    }
    if is_judged {
        return Ok(account.status(session.flags.is_on("strict")));
    }
    Ok(ExitStatus::Success)
}

/// What the run itself printed at its end.
fn print(
    session: &Session,
    run: &record::Run,
    account: &Account,
    reports: &[Report],
) -> Result<(), Failure> {
    if let Some(tables) = locust::tables(run)? {
        if !session.quiet() {
            session.terminal.out(&format!("{}\n", heading(run)));
        }
        session.terminal.out(&tables);
        return finish(session, account, reports);
    }
    if let Some(figures) = burst::report(run, account.totals())? {
        if !session.quiet() {
            session.terminal.out(&format!("{}\n", heading(run)));
        }
        session.terminal.out(&figures);
        return finish(session, account, reports);
    }
    let totals = account.totals();
    let look = look(session, &run.meta.summary)?;
    if !session.quiet() {
        session.terminal.out(&heading(run));
    }
    session.terminal.out(&summary::text(totals, &look));
    let check =
        run.end.as_ref().and_then(|end| serde_json::from_value(end.self_check.clone()).ok());
    if run.meta.summary.request_rows {
        session.terminal.out(&summary::additions(totals, check.as_ref()));
    }
    if account.has_criteria() {
        session.terminal.out(&account.text());
    }
    let failure = failure(run);
    let context = CiContext {
        script: &run.meta.script_path,
        failure: failure.as_deref(),
        trend_stats: &look.trend_stats(),
        self_check: check.as_ref(),
        judgement: Some(&account.judgement),
    };
    reports::write(session, totals, &context, reports);
    if let Some(end) = &run.end {
        output::tell_losses(&end.outputs, &session.log);
    }
    if let Some(path) = session.flags.text("summary-export") {
        summary::export(session, totals, &look, path).map_err(Failure::usage)?;
    }
    Ok(())
}

/// The end of what is printed of a run that is no script of k6: its reports are made of the whole report.
fn finish(session: &Session, account: &Account, reports: &[Report]) -> Result<(), Failure> {
    if account.has_criteria() {
        session.terminal.out(&account.text());
    }
    reports::write_document(session, &account.document(), reports);
    Ok(())
}

/// The run asked for; without one the newest.
fn directory(args: &[String]) -> Result<PathBuf, Failure> {
    match args {
        [path] => Ok(Path::new(path).to_owned()),
        [] => {
            let folder = runs_folder()
                .ok_or_else(|| Failure::usage("there is no data folder to look for runs in"))?;
            record::latest(&folder).map_err(|error| Failure::usage(error.to_string()))?.ok_or_else(
                || {
                    Failure::usage(format!("no recorded run in {}", folder.display()))
                        .hint("name a run's folder: squall report DIR")
                },
            )
        }
        more => Err(Failure::usage(format!(
            "accepts 1 arg(s), received {}: the folder of a run",
            more.len()
        ))),
    }
}

fn look(session: &Session, recorded: &record::SummarySettings) -> Result<Look, Failure> {
    let flags = &session.flags;
    let mode = flags.text("summary-mode").unwrap_or(match recorded.mode.as_str() {
        "" | "disabled" | "legacy" => "compact",
        mode => mode,
    });
    let mode = match parse_summary_mode(mode, &mut Vec::new())? {
        mode @ (SummaryMode::Compact | SummaryMode::Full) => mode,
        other => return Err(Failure::usage(format!("a report can't be '{}'", other.name()))),
    };
    let trend_stats =
        flags.list("summary-trend-stats").unwrap_or_else(|| recorded.trend_stats.clone());
    plan::options::check_trend_stats(&trend_stats)?;
    let time_unit = flags.text("summary-time-unit").unwrap_or(&recorded.time_unit).to_owned();
    plan::options::check_time_unit(&time_unit)?;
    Ok(Look { mode, trend_stats, time_unit, color: session.terminal.abilities.stdout_color() })
}

/// Why the run was no success, but for its thresholds.
fn failure(run: &record::Run) -> Option<String> {
    let Some(end) = &run.end else { return Some(UNENDED.to_owned()) };
    let is_fine = [ExitStatus::Success, ExitStatus::ThresholdsCrossed]
        .iter()
        .any(|status| i32::from(status.code()) == end.exit_code);
    (!is_fine).then(|| format!("{} (exit code {})", end.reason, end.exit_code))
}

const UNENDED: &str = "it was killed, or still runs: everything up to the last second it wrote";

fn heading(run: &record::Run) -> String {
    let started = run.started_unix_ns.unwrap_or(run.meta.created_unix_ns);
    let started = crate::log::format::local_time(started);
    let ended = match &run.end {
        Some(end) => format!("{} (exit code {})", end.reason, end.exit_code),
        None => UNENDED.to_owned(),
    };
    format!(
        "\n        script: {}\n       started: {started}\n         ended: {ended}\n",
        run.meta.script_path
    )
}
