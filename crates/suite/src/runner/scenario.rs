//! One scenario: its gates, its setup, its process with a record, its teardown.

use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::Duration;

use plan::suite::{Command, Gate, Readiness, Scenario, Time};
use rt::Nanos;

use super::live::Live;
use super::stop::Rules;
use super::{Host, Program, Say, Signal};
use crate::read::Loaded;
use crate::words::{self, Places};
use crate::{commands, gates, state};

/// Between two looks at a process.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two looks at what it has measured.
const LOOK: Duration = Duration::from_secs(1);
/// How long a scenario that was asked to stop may take: users finish what they do, `teardown()` runs.
const GRACE: Duration = Duration::from_secs(60);

/// How a scenario came to its end.
#[derive(Debug)]
pub(super) enum End {
    /// Its process ended by itself.
    Exited(ExitStatus),
    /// A stop rule, or its longest time: it was asked to end.
    Cut(String, Option<ExitStatus>),
    /// A signal asked the suite to stop.
    Stopped(Signal),
    /// It did not run: a gate, its setup, or no process could be had.
    Broken(String),
}

/// What a scenario runs in.
pub(super) struct Setting<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) scenario: &'a Scenario,
    /// Its folder, new.
    pub(super) folder: &'a Path,
    pub(super) time_scale: f64,
    /// `[2/4] cab`
    pub(super) label: String,
}

impl Setting<'_> {
    pub(super) fn record(&self) -> PathBuf {
        self.folder.join("record")
    }
}

/// Waits for every gate.
///
/// # Errors
/// The first that did not open in time: what was waited for and what it last said; or a signal.
pub(super) fn open(host: &mut dyn Host, gates: &[Gate]) -> Result<(), Halt> {
    for gate in gates {
        let Some(readiness) = gate.readiness() else { continue };
        let (deadline, every) = gates::patience(gate);
        let began = rt::now();
        let end = began + deadline;
        loop {
            let left = end.since(rt::now());
            let seen = match readiness {
                Readiness::Rollout { name, cluster } => host.rollout(name, cluster),
                _ => gates::look(&readiness, left),
            };
            let Err(why) = seen else { break };
            if rt::now() + every >= end {
                let deadline = Time(deadline);
                return Err(Halt::Broken(format!(
                    "{readiness} is not ready after {deadline}: {why}{}",
                    crate::causes::of(&why).map(|hint| format!(" ({hint})")).unwrap_or_default()
                )));
            }
            host.say(Say::Live(&format!("waiting for {readiness}: {why}")));
            if let Some(signal) = host.wait(every) {
                return Err(Halt::Stopped(signal));
            }
        }
        let waited = Time(round(rt::now().since(began)));
        host.say(Say::Line(&format!("      ready  {readiness}, after {waited}")));
    }
    Ok(())
}

/// Why something did not come to its end.
#[derive(Debug)]
pub(super) enum Halt {
    Broken(String),
    Stopped(Signal),
}

/// Runs commands one after the other; their output goes below `logs`.
///
/// # Errors
/// The first that failed and may not.
pub(super) fn all(
    host: &mut dyn Host,
    list: &[Command],
    what: &str,
    folder: &Path,
    logs: &Path,
) -> Result<(), Halt> {
    for (at, command) in list.iter().enumerate() {
        let title = first_line(command.title());
        host.say(Say::Live(&format!("{what}: {title}")));
        let began = rt::now();
        let log = logs.join(format!("{what}-{}.log", at + 1));
        let end = commands::run(host, command, folder, &log);
        let took = Time(round(rt::now().since(began)));
        let Some(why) = end.failure() else {
            host.say(Say::Line(&format!("{what:>11}  {title}, {took}")));
            continue;
        };
        if let commands::End::Stopped(signal) = end {
            return Err(Halt::Stopped(signal));
        }
        let mut text = format!("{what} `{title}` failed: {why}");
        for line in commands::tail(&log) {
            text.push_str(&format!("\n        {line}"));
        }
        if !command.may_fail {
            return Err(Halt::Broken(text));
        }
        host.say(Say::Warning(&text));
    }
    Ok(())
}

fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let short: String = line.chars().take(70).collect();
    if short.len() < line.len() { format!("{short}…") } else { short }
}

/// To tenths of a second.
pub(super) fn round(time: Duration) -> Duration {
    Duration::from_millis((time.as_millis() as u64).div_ceil(100) * 100)
}

/// Runs a scenario's process to its end.
pub(super) fn run(host: &mut dyn Host, setting: &Setting<'_>, mut rules: Rules) -> End {
    let suite = &setting.loaded.suite;
    let probes = suite.probes_of(setting.scenario);
    let file = (!probes.is_empty()).then(|| setting.folder.join("probes.json"));
    if let Some(file) = &file {
        let text = serde_json::to_string_pretty(&probes).unwrap_or_default();
        if let Err(error) = state::write_whole(file, text.as_bytes()) {
            return End::Broken(format!("{}: {error}", file.display()));
        }
    }
    let record = setting.record();
    let places = Places { plan: &setting.loaded.folder, record: &record, probes: file.as_deref() };
    let Some(words) = words::of(suite, setting.scenario, places, setting.time_scale) else {
        return End::Broken("the plan names nothing to run".to_owned());
    };
    let log = setting.folder.join("output.log");
    let program = Program::Own(words.words);
    let child = commands::spawn(host, program, words.env, setting.folder, &log);
    match child {
        Ok(child) => watch(host, setting, child, &record, &mut rules),
        Err(error) => End::Broken(format!("its process can't be started: {error}")),
    }
}

fn watch(
    host: &mut dyn Host,
    setting: &Setting<'_>,
    mut child: Child,
    record: &Path,
    rules: &mut Rules,
) -> End {
    let mut live = Live::new(record);
    let began = rt::now();
    let mut next_look = began + LOOK;
    let at_most = setting.scenario.at_most.map(|time| time.0);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return End::Exited(status),
            Ok(None) => {}
            Err(error) => return End::Broken(format!("its process can't be asked: {error}")),
        }
        if let Some(signal) = host.wait(PAUSE) {
            host.say(Say::Warning("stopping: the scenario ends, the report follows"));
            end(host, &mut child);
            return End::Stopped(signal);
        }
        let now = rt::now();
        if now < next_look {
            continue;
        }
        next_look = now + LOOK;
        let elapsed = now.since(began);
        live.look(|followed| rules.take(followed));
        let line = live.line(elapsed.as_secs_f64());
        host.say(Say::Live(&format!("{}  {}  {line}", setting.label, clock(elapsed))));
        if let Some(limit) = at_most.filter(|limit| elapsed >= *limit) {
            let why = format!("it took longer than {}", Time(limit));
            return End::Cut(why, end(host, &mut child));
        }
        if let Some(why) = rules.broken() {
            return End::Cut(why, end(host, &mut child));
        }
    }
}

/// `02:05`
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// Asks a scenario to end as Ctrl-C would; a second signal, or too long a time, and it is killed.
fn end(host: &mut dyn Host, child: &mut Child) -> Option<ExitStatus> {
    host.signal(child.id(), Signal::Interrupt);
    let limit: Nanos = rt::now() + GRACE;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        let is_twice = host.wait(PAUSE).is_some();
        if is_twice || rt::now() >= limit {
            host.signal(child.id(), Signal::Kill);
            return child.wait().ok();
        }
    }
}
