//! `squall suite`: plan files run, checked, shown.

mod host;

use std::path::{Path, PathBuf};

use record::RunName;
use suite::{Ended, Given, Mistake, Outcome, Request, State};

use crate::environment;
use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::flags::{Flag, Kind};
use crate::log::Level;
use crate::session::Session;
use host::Program;

/// `suite`'s own flags.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new("only", Kind::Array, "name", "run this scenario only; repeatable"),
    Flag::new("list", Kind::Bool, "", "show the scenarios and run none"),
    Flag::new("dry-run", Kind::Bool, "", "show what would be done and do nothing"),
    Flag::new("resume", Kind::Text, "dir", "go on with the suite in this folder that was cut off"),
    Flag::new("strict", Kind::Bool, "", "end with code 99 where the verdict is MARGINAL"),
    Flag::new("time-scale", Kind::Float, "factor", "multiply every time; rates and users stay"),
    Flag::new(
        "out-dir",
        Kind::Text,
        "dir",
        "where records and reports go (default: the user's data folder)",
    ),
    Flag::new(
        "allow-unreachable",
        Kind::Bool,
        "",
        "run also when a source of a probe can't be reached at the start",
    ),
];

/// Finds the word behind `suite`.
pub(crate) fn run(session: &Session) -> CommandResult {
    let (word, rest) = match session.flags.args.split_first() {
        Some((word, rest)) => (word.as_str(), rest),
        None => ("", &[][..]),
    };
    match word {
        "run" => run_plan(session, rest),
        "check" => check(session, rest),
        "schema" => {
            session.terminal.out_raw(suite::SCHEMA.as_bytes());
            Ok(ExitStatus::Success)
        }
        "" => Err(Failure::usage("suite needs a word: run, check or schema")
            .hint("squall suite run plan.yaml")),
        other => Err(Failure::usage(format!("there is no `suite {other}`"))
            .hint("there are `suite run`, `suite check` and `suite schema`")),
    }
}

/// The one file that is named.
fn plan_file(rest: &[String]) -> Result<PathBuf, Failure> {
    match rest {
        [file] => Ok(PathBuf::from(file)),
        [] => Err(Failure::usage("name a plan file").hint("squall suite run plan.yaml")),
        more => Err(Failure::usage(format!("one plan file at a time, not {}", more.len()))),
    }
}

fn given(var: &dyn Fn(&str) -> Option<String>) -> Given<'_> {
    Given { var, target: None, folder: None, forwards: &[] }
}

/// The mistakes of a plan, one a line, on standard error; nothing else says so clearly.
fn tell(session: &Session, mistakes: &[Mistake]) -> ExitStatus {
    let lines: Vec<String> = mistakes.iter().map(|mistake| format!("{mistake}\n")).collect();
    session.terminal.err(&lines.concat());
    ExitStatus::InvalidConfig
}

fn check(session: &Session, rest: &[String]) -> CommandResult {
    let file = plan_file(rest)?;
    let var = environment::var;
    match suite::read(&file, given(&var)) {
        Ok(loaded) => {
            let n = loaded.suite.scenarios.len();
            let criteria: usize = loaded.suite.scenarios.iter().map(|s| s.criteria.len()).sum();
            let criteria = criteria + loaded.suite.criteria.len();
            session.terminal.out(&format!(
                "{}: {} with {n} scenario{} and {criteria} criteria can be run\n",
                file.display(),
                loaded.suite.suite,
                if n == 1 { "" } else { "s" }
            ));
            Ok(ExitStatus::Success)
        }
        Err(mistakes) => Ok(tell(session, &mistakes)),
    }
}

fn run_plan(session: &Session, rest: &[String]) -> CommandResult {
    let flags = &session.flags;
    let resumed = match flags.text("resume") {
        Some(folder) => {
            let folder = PathBuf::from(folder);
            let state = State::load(&folder).map_err(Failure::usage)?;
            Some((folder, state))
        }
        None => None,
    };
    let file = match (&resumed, rest) {
        (Some((_, state)), []) => state.plan.clone(),
        _ => plan_file(rest)?,
    };
    let time_scale = time_scale(session, resumed.as_ref().map(|(_, state)| state))?;
    let only: Vec<String> = flags.all("only").map(str::to_owned).collect();
    if flags.is_on("list") || flags.is_on("dry-run") {
        return show(session, &file, &only, time_scale);
    }
    if let Some((folder, state)) = &resumed {
        same_plan(&file, folder, state)?;
    }
    let folder = match &resumed {
        Some((folder, _)) => folder.clone(),
        None => folder(session, &file)?,
    };
    let request = Request {
        file: &file,
        folder: &folder,
        only: &only,
        resumed: resumed.map(|(_, state)| state),
        time_scale,
        allow_unreachable: flags.is_on("allow-unreachable"),
    };
    let mut program = Program::start(session)?;
    let ended = suite::run(&mut program, &request);
    program.finish();
    match ended {
        Ended::Mistakes(mistakes) => Ok(tell(session, &mistakes)),
        Ended::Failed(text) => Err(Failure::new(ExitStatus::Failure, text)),
        Ended::Judged(outcome) => Ok(finish(session, &outcome, &folder)),
    }
}

fn time_scale(session: &Session, resumed: Option<&State>) -> Result<f64, Failure> {
    let given = session.flags.float("time-scale");
    match (given, resumed) {
        (Some(factor), _) if !(factor > 0.0 && factor.is_finite()) => {
            Err(Failure::usage(format!("--time-scale must be above 0, not {factor}")))
        }
        (Some(factor), Some(state)) if factor != state.time_scale => Err(Failure::usage(format!(
            "the suite was begun with --time-scale {}, it can't go on with {factor}",
            state.time_scale
        ))),
        (given, state) => Ok(given.or_else(|| state.map(|state| state.time_scale)).unwrap_or(1.0)),
    }
}

/// A suite goes on with the plan it was begun with.
fn same_plan(file: &Path, folder: &Path, state: &State) -> Result<(), Failure> {
    match std::fs::read_to_string(file) {
        Ok(text) if text == state.plan_text => Ok(()),
        _ => Err(Failure::usage(format!(
            "{} is not the plan that the suite in {} was begun with",
            file.display(),
            folder.display()
        ))
        .hint("the plan it was begun with lies there as plan.yaml; run the new one anew")),
    }
}

/// The suite's folder: the one named, or a new one of the user's data folder.
fn folder(session: &Session, file: &Path) -> Result<PathBuf, Failure> {
    if let Some(folder) = session.flags.text("out-dir") {
        let folder = PathBuf::from(folder);
        if State::load(&folder).is_ok() {
            let text = format!("{} already holds a suite", folder.display());
            return Err(Failure::usage(text).hint("--resume goes on with it; else name another"));
        }
        return Ok(folder);
    }
    let base = environment::data_folder().unwrap_or_else(|| PathBuf::from("squall-runs"));
    let now = rt::unix_nanos();
    let name = RunName {
        started_unix_ns: now,
        utc_offset_s: crate::run::recording::utc_offset_s(now),
        script: &suite_stem(file),
    };
    record::create_unique(&base.join("suites"), name)
        .map_err(|error| Failure::usage(error.to_string()).hint("--out-dir names another folder"))
}

/// `eucora` of `eucora/plan.yaml`, `nightly` of `nightly.yaml`.
fn suite_stem(file: &Path) -> String {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let own = stem(file).unwrap_or_default();
    if own != "plan" && own != "suite" {
        return own;
    }
    let folder = std::path::absolute(file).ok().and_then(|path| stem(path.parent()?));
    folder.unwrap_or(own)
}

fn show(session: &Session, file: &Path, only: &[String], time_scale: f64) -> CommandResult {
    let var = environment::var;
    let loaded = match suite::read(file, given(&var)) {
        Ok(loaded) => loaded,
        Err(mistakes) => return Ok(tell(session, &mistakes)),
    };
    if session.flags.is_on("list") {
        for scenario in &loaded.suite.scenarios {
            let about = scenario.description.as_deref().unwrap_or_default();
            let line = format!("{:<24} {about}", scenario.name);
            session.terminal.out(&format!("{}\n", line.trim_end()));
        }
        return Ok(ExitStatus::Success);
    }
    let text = suite::dry(&loaded, only, time_scale).map_err(Failure::usage)?;
    session.terminal.out(&text);
    Ok(ExitStatus::Success)
}

/// The last words of a suite, and its exit code.
fn finish(session: &Session, outcome: &Outcome, folder: &Path) -> ExitStatus {
    session.terminal.clear();
    session.terminal.out(&outcome.summary());
    if let Err(failure) = host::write_reports(session, outcome, folder) {
        session.log.log(Level::Error, &failure.message, &failure.fields);
    }
    session.terminal.out(&format!("suite: {}\n", folder.display()));
    let strict = session.flags.is_on("strict");
    ExitStatus::Code(outcome.exit_code(strict))
}
