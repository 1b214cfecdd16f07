//! `squall burst --asgi`: the same load on an ASGI application within its own Python process, without a network.

use std::time::Duration;

use burst::{Load, Target};
use locust::child::Start;
use locust::inside::{Figures, Inside, Progress, Told};
use plan::scenario::{Executor, Scenario};
use report::{BurstFigures, LatencyFigures};
use serde_json::{Value, json};

use super::{Ticker, load, target};
use crate::commands::locust::unpack;
use crate::environment;
use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::log::Level;
use crate::session::Session;
use crate::signals;

/// Where a path without a host leads to: nobody is asked.
const HOST: &str = "http://127.0.0.1";

/// Loads an application.
pub(super) fn run(session: &Session, application: &str) -> CommandResult {
    let flags = &session.flags;
    for other in ["cores", "no-connection-reuse", "insecure-skip-tls-verify"] {
        if flags.is_set(other) {
            let text = format!("--{other} means nothing with --asgi, which has no network");
            return Err(Failure::usage(text));
        }
    }
    // Its own process is all there is to see, and what it measured comes at its end.
    for other in ["observe", "record", "criterion", "baseline", "report", "template", "k8s-forward"]
    {
        if flags.is_set(other) {
            return Err(Failure::usage(format!("--{other} is not available with --asgi")));
        }
    }
    let load = load(flags)?;
    let scenario = load.scenario().map_err(|error| Failure::usage(error.to_string()))?;
    let plan = plan(application, &load, &scenario, &target(flags, &addresses(&flags.args))?);
    let (python_path, has_safe_path) = environment::python_paths();
    let start = Start {
        python: python(flags.text("python"))?,
        package: unpack()?,
        python_path,
        has_safe_path,
        arguments: Vec::new(),
        variables: Vec::new(),
    };
    let mut inside = Inside::start(&start, &plan).map_err(|error| {
        Failure::new(
            ExitStatus::Failure,
            format!("can't start {}: {error}", start.python.display()),
        )
    })?;
    let pid = inside.pid();
    let mut is_first = true;
    signals::watch(move |_| {
        // The first ends it in order, the second at once.
        let first = std::mem::replace(&mut is_first, false);
        signals::send(pid, if first { libc::SIGTERM } else { libc::SIGKILL });
    })
    .map_err(|error| Failure::usage(format!("can't listen to signals: {error}")))?;
    let mut ticker = Ticker::new(session);
    let mut figures = None;
    while let Some(told) = inside.hear() {
        match told {
            Told::Progress(now) => {
                let line = line_of(&mut ticker.last, now);
                ticker.draw(&line);
            }
            Told::Result(found) => figures = Some(found),
            Told::Refused(text, hint) => return Err(refused(&text, hint)),
        }
    }
    session.terminal.clear();
    let ended = inside.wait();
    let Some(figures) = figures else {
        let how = ended.unwrap_or_else(|| "without a word".to_owned());
        let text = format!("the Python process ended before the load did ({how})");
        return Err(Failure::new(ExitStatus::Failure, text));
    };
    Ok(show(session, &figures, scenario.executor.is_open_loop()))
}

fn refused(text: &str, hint: Option<String>) -> Failure {
    let failure = Failure::new(ExitStatus::Failure, text.trim_end());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn python(chosen: Option<&str>) -> Result<std::path::PathBuf, Failure> {
    environment::python_search(chosen.map(str::to_owned)).find().map_err(|error| {
        let text = match chosen {
            Some(_) => error.text,
            None => "--asgi runs the application in Python, and there is no `python3` on the PATH"
                .to_owned(),
        };
        Failure::new(ExitStatus::Failure, text).hint(
            "activate the environment that has the application (Python 3.11 or later), or choose one with --python PATH",
        )
    })
}

/// The paths to ask for; the root unless told otherwise.
fn addresses(given: &[String]) -> Vec<String> {
    if given.is_empty() {
        return vec![format!("{HOST}/")];
    }
    let absolute = |text: &String| {
        if text.starts_with('/') { format!("{HOST}{text}") } else { text.clone() }
    };
    given.iter().map(absolute).collect()
}

/// What the process is to do.
fn plan(application: &str, load: &Load, scenario: &Scenario, target: &Target) -> Value {
    let text = |bytes: &[u8]| -> String { bytes.iter().map(|byte| char::from(*byte)).collect() };
    let headers: Vec<(String, String)> =
        target.headers.iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
    let mut plan = json!({
        "application": application,
        "urls": target.urls.iter().map(|url| url.as_str()).collect::<Vec<_>>(),
        "method": target.method.as_str(),
        "headers": headers,
        "body": target.body.as_deref().map(text),
        "expected": target.expected,
        "timeout_s": target.timeout.as_secs_f64(),
        "duration_s": scenario.executor.regular_duration().as_secs_f64(),
        "requests": load.requests,
        "stages": null,
    });
    let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let mut open = |stages: Vec<(u64, u64)>, unit: Duration, most: u64| {
        plan["stages"] = json!(stages);
        plan["time_unit_ns"] = json!(ns(unit));
        plan["max_concurrency"] = json!(most);
        plan["requests"] = Value::Null;
    };
    match &scenario.executor {
        Executor::ConstantVus(clients) => plan["concurrency"] = json!(clients.vus),
        Executor::SharedIterations(clients) => plan["concurrency"] = json!(clients.vus),
        Executor::ConstantArrivalRate(rate) => {
            open(vec![(0, rate.rate), (ns(rate.duration), rate.rate)], rate.time_unit, rate.max_vus)
        }
        Executor::RampingArrivalRate(ramp) => open(
            ramp.stages.iter().map(|stage| (ns(stage.duration), stage.target)).collect(),
            ramp.time_unit,
            ramp.max_vus,
        ),
        // `Load` makes none of the others.
        _ => {}
    }
    plan
}

fn line_of(last: &mut (Duration, u64), now: Progress) -> String {
    let elapsed = Duration::try_from_secs_f64(now.elapsed_s).unwrap_or_default();
    super::live_line(last, elapsed, now.answered, now.under_way, now.dropped)
}

/// Prints what came of it, and says how the program ends.
fn show(session: &Session, figures: &Figures, is_open: bool) -> ExitStatus {
    let err: u64 = figures.errors.iter().map(|(_, n)| n).sum();
    let mut kinds = figures.errors.clone();
    if figures.unanswered > 0 {
        kinds.push(("unanswered at the end".to_owned(), figures.unanswered));
    }
    let shown = BurstFigures {
        issued: figures.issued,
        ok: (figures.issued - figures.unanswered.min(figures.issued)).saturating_sub(err),
        err: err + figures.unanswered,
        err_by_kind: kinds,
        dropped: figures.dropped,
        elapsed: Duration::try_from_secs_f64(figures.elapsed_s).unwrap_or_default(),
        bytes_sent: figures.sent,
        bytes_received: figures.received,
        latency: LatencyFigures::from(&figures.latency),
        response: is_open.then(|| LatencyFigures::from(&figures.response)),
        lateness: is_open.then(|| LatencyFigures::from(&figures.lateness)),
    };
    let cpu = figures.cpu_s / figures.elapsed_s.max(1e-3);
    if session.flags.is_on("json") {
        let mut json = report::burst_json(&shown);
        json["self_check"] = Value::Null;
        json["process"] = json!({"cpu": cpu, "event_loop": figures.event_loop});
        session.terminal.out_raw(format!("{json:#}\n").as_bytes());
    } else {
        session.terminal.out(&report::burst_text(&shown));
        session.terminal.out(&format!(
            "In the application's own process: it and the load took {:.0} % of one CPU ({})\n",
            cpu * 100.0,
            figures.event_loop
        ));
    }
    if figures.is_stopped {
        return ExitStatus::Signal;
    }
    if shown.issued > 0 && shown.ok == 0 {
        session.log.log(Level::Error, "no request was answered as expected", &[]);
        return ExitStatus::Failure;
    }
    ExitStatus::Success
}
