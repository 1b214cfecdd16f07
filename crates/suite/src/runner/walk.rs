//! From the plan to the outcome.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plan::suite::{Scenario, StopWhen, Suite, Time};

use super::forward::{self, Standing};
use super::scenario::{self, End, Halt, Setting};
use super::stop::Rules;
use super::target::{self, Running};
use super::{Ended, Host, Judged, Outcome, Request, Say, Signal};
use crate::facts;
use crate::read::{Given, Loaded, read};
use crate::state::{ItemState, State, write_whole};
use crate::{commands, sources};

/// What a suite has while it runs.
struct Walk<'a> {
    request: &'a Request<'a>,
    loaded: Loaded,
    state: State,
    target: Option<Running>,
    forwards: Vec<(String, Standing)>,
    judged: Vec<Judged>,
    stopped: Option<String>,
    signal: Option<Signal>,
}

/// Runs a suite to its end.
pub fn run(host: &mut dyn Host, request: &Request<'_>) -> Ended {
    let loaded = match load(host, request, None, &[]) {
        Ok(loaded) => loaded,
        Err(ended) => return ended,
    };
    if let Err(text) = names_exist(&loaded.suite, request.only) {
        return Ended::Failed(text);
    }
    let state = match begin(&loaded, request) {
        Ok(state) => state,
        Err(text) => return Ended::Failed(text),
    };
    let mut walk = Walk {
        request,
        loaded,
        state,
        target: None,
        forwards: Vec::new(),
        judged: Vec::new(),
        stopped: None,
        signal: None,
    };
    if let Err(ended) = walk.prepare(host) {
        walk.clean_up(host);
        return ended;
    }
    walk.scenarios(host);
    walk.clean_up(host);
    walk.outcome(host)
}

fn load(
    host: &dyn Host,
    request: &Request<'_>,
    target: Option<&crate::read::Target>,
    forwards: &[(String, String)],
) -> Result<Loaded, Ended> {
    let var = |name: &str| host.var(name);
    let given = Given { var: &var, target, folder: Some(request.folder), forwards };
    read(request.file, given).map_err(Ended::Mistakes)
}

/// `--only` must name scenarios that there are.
fn names_exist(suite: &Suite, only: &[String]) -> Result<(), String> {
    let known: Vec<&str> = suite.scenarios.iter().map(|s| s.name.as_str()).collect();
    match only.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(match crate::near::nearest(name, &known) {
            Some(near) => format!("there is no scenario `{name}`: did you mean `{near}`?"),
            None => format!("there is no scenario `{name}`: there are {}", known.join(", ")),
        }),
        None => Ok(()),
    }
}

/// The suite's folder and its state in it.
fn begin(loaded: &Loaded, request: &Request<'_>) -> Result<State, String> {
    let folder = request.folder;
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(told)?;
    let state = match &request.resumed {
        Some(state) => state.clone(),
        None => {
            let plan = loaded.folder.join(request.file.file_name().unwrap_or_default());
            let now = rt::unix_nanos();
            let name = &loaded.suite.suite;
            let mut state = State::new(name, &plan, &loaded.text, request.time_scale, now);
            for scenario in &loaded.suite.scenarios {
                state.item_mut(&scenario.name);
            }
            write_whole(&folder.join("plan.yaml"), loaded.text.as_bytes()).map_err(told)?;
            state
        }
    };
    state.save(folder).map_err(told)?;
    Ok(state)
}

impl Walk<'_> {
    fn suite(&self) -> &Suite {
        &self.loaded.suite
    }

    fn save(&self, host: &mut dyn Host) {
        if let Err(error) = self.state.save(self.request.folder) {
            let text = format!(
                "the state of the suite can't be written: {error}{}; it can't be resumed",
                disk_hint(&error)
            );
            host.say(Say::Warning(&text));
        }
    }

    /// Reads the plan with what has become known.
    fn read_again(&mut self, host: &dyn Host) -> Result<(), Ended> {
        let target = self.target.as_ref().map(|running| &running.target);
        let standing = self.forwards.iter();
        let forwards: Vec<(String, String)> =
            standing.map(|(name, standing)| (name.clone(), standing.address.clone())).collect();
        self.loaded = load(host, self.request, target, &forwards)?;
        Ok(())
    }

    /// Target, forwards, gates, setup, sources of probes.
    fn prepare(&mut self, host: &mut dyn Host) -> Result<(), Ended> {
        let folder = self.request.folder;
        if let Some(settings) = self.suite().target.clone() {
            let time_scale = self.request.time_scale;
            let running =
                target::start(host, &settings, folder, time_scale).map_err(Ended::Failed)?;
            host.say(Say::Line(&format!("     target  {}", running.target.url)));
            self.target = Some(running);
            // Now that it is known where it listens.
            self.read_again(host)?;
        }
        for (at, forward) in self.suite().forwards.clone().iter().enumerate() {
            let log = folder.join("logs").join(format!("forward-{}.log", at + 1));
            let standing = forward::start(host, forward, folder, &log).map_err(Ended::Failed)?;
            host.say(Say::Line(&format!("    forward  {} at {}", forward.to, standing.address)));
            self.forwards.push((forward.name().to_owned(), standing));
            self.read_again(host)?;
        }
        let suite = self.suite().clone();
        let halted = scenario::open(host, &suite.ready).and_then(|()| {
            scenario::all(host, &suite.setup, "setup", &self.loaded.folder, &folder.join("logs"))
        });
        match halted {
            Ok(()) => {}
            Err(Halt::Broken(why)) => self.stopped = Some(why),
            Err(Halt::Stopped(signal)) => self.signal = Some(signal),
        }
        if self.stopped.is_none() && self.signal.is_none() && !self.request.allow_unreachable {
            let faults = sources::unreachable(&self.loaded);
            if !faults.is_empty() {
                return Err(Ended::Mistakes(faults));
            }
        }
        Ok(())
    }

    fn scenarios(&mut self, host: &mut dyn Host) {
        let suite = self.suite().clone();
        let only = self.request.only;
        let chosen: Vec<&Scenario> = suite
            .scenarios
            .iter()
            .filter(|scenario| only.is_empty() || only.contains(&scenario.name))
            .collect();
        let mut pause = None;
        for (at, scenario) in chosen.iter().enumerate() {
            let label = format!("[{}/{}] {}", at + 1, chosen.len(), scenario.name);
            let is_done = self.state.item_mut(&scenario.name).state == ItemState::Done;
            if is_done {
                host.say(Say::Line(&format!("{label}: done before")));
                self.judge(host, scenario);
                continue;
            }
            if self.stopped.is_some() || self.signal.is_some() {
                self.skip(scenario);
                continue;
            }
            if let Some(pause) = pause.take() {
                self.cool_down(host, pause);
            }
            if self.signal.is_none() {
                self.one(host, scenario, &label);
            }
            self.save(host);
            self.judge(host, scenario);
            self.after(&suite);
            pause = scenario.cool_down.or(suite.cool_down);
        }
    }

    fn skip(&mut self, scenario: &Scenario) {
        let item = self.state.item_mut(&scenario.name);
        if item.state == ItemState::Waiting {
            item.state = ItemState::Skipped;
        }
        self.judged.push(Judged::left_out(scenario));
    }

    fn cool_down(&mut self, host: &mut dyn Host, pause: Time) {
        let pause = pause.scaled(self.request.time_scale);
        host.say(Say::Live(&format!("cooling down for {pause}")));
        self.signal = host.wait(pause.0).or(self.signal);
    }

    /// Whether the suite goes on after the last scenario.
    fn after(&mut self, suite: &Suite) {
        let Some(last) = self.judged.last() else { return };
        let stops_on_fail = suite.stop.iter().any(|rule| rule.when == StopWhen::Fail);
        if stops_on_fail && last.is_failed() && self.stopped.is_none() {
            self.stopped = Some(format!("the scenario `{}` failed", last.name));
        }
    }

    fn one(&mut self, host: &mut dyn Host, scenario: &Scenario, label: &str) {
        let folder = self.new_folder(scenario);
        let now = rt::unix_nanos();
        let item = self.state.item_mut(&scenario.name);
        item.state = ItemState::Running;
        item.started_unix_ns = Some(now);
        item.ended_unix_ns = None;
        item.exit_code = None;
        item.reason = None;
        self.save(host);
        host.say(Say::Line(&format!("{label}{}", shape(scenario, self.request.time_scale))));
        let end = self.walk_one(host, scenario, &folder, label);
        if let Some(why) = self.target.as_mut().and_then(Running::end) {
            self.stopped = Some(format!("the bundled target has ended: {why}"));
        }
        let item = self.state.item_mut(&scenario.name);
        item.ended_unix_ns = Some(rt::unix_nanos());
        match end {
            End::Exited(status) => {
                item.state = ItemState::Done;
                item.exit_code = status.code();
                item.reason = reason(scenario, status, &folder);
            }
            End::Cut(why, status) => {
                item.state = ItemState::Done;
                item.exit_code = status.and_then(|status| status.code());
                item.reason = Some(why.clone());
                self.stopped = Some(format!("stop rule in `{}`: {why}", scenario.name));
            }
            End::Stopped(signal) => {
                item.state = ItemState::Broken;
                item.reason = Some(format!("stopped by {}", signal.name()));
                self.signal = Some(signal);
            }
            End::Broken(why) => {
                item.state = ItemState::Broken;
                item.reason = Some(why);
            }
        }
    }

    fn walk_one(
        &mut self,
        host: &mut dyn Host,
        scenario: &Scenario,
        folder: &Path,
        label: &str,
    ) -> End {
        let logs = folder.join("logs");
        let plan_folder = self.loaded.folder.clone();
        let ready = scenario::open(host, &scenario.ready)
            .and_then(|()| scenario::all(host, &scenario.setup, "setup", &plan_folder, &logs));
        let end = match ready {
            Err(Halt::Broken(why)) => End::Broken(why),
            Err(Halt::Stopped(signal)) => End::Stopped(signal),
            Ok(()) => {
                let setting = Setting {
                    loaded: &self.loaded,
                    scenario,
                    folder,
                    time_scale: self.request.time_scale,
                    label: label.to_owned(),
                };
                let rules = Rules::new(&self.loaded.suite.stop, self.request.time_scale);
                scenario::run(host, &setting, rules)
            }
        };
        match scenario::all(host, &scenario.teardown, "teardown", &plan_folder, &logs) {
            Ok(()) => {}
            Err(Halt::Broken(why)) => host.say(Say::Warning(&why)),
            Err(Halt::Stopped(signal)) => self.signal = Some(signal),
        }
        end
    }

    /// The folder of a scenario's next attempt, made.
    fn new_folder(&mut self, scenario: &Scenario) -> PathBuf {
        let at = self.loaded.suite.scenarios.iter().position(|s| s.name == scenario.name);
        let number = at.unwrap_or_default() + 1;
        let item = self.state.item_mut(&scenario.name);
        item.attempts += 1;
        let mut name = format!("{number:02}-{}", commands::file_name(&scenario.name).display());
        if item.attempts > 1 {
            name.push_str(&format!("-{}", item.attempts));
        }
        item.folder = Some(PathBuf::from(&name));
        let folder = self.request.folder.join(name);
        // What fails here fails again, with its words, when the first file is made in it.
        let _ = std::fs::create_dir_all(&folder);
        std::path::absolute(&folder).unwrap_or(folder)
    }

    fn judge(&mut self, host: &mut dyn Host, scenario: &Scenario) {
        let item = self.state.item_mut(&scenario.name).clone();
        let folder = item.folder.as_ref().map(|name| self.request.folder.join(name));
        let record = folder.map(|folder| folder.join("record")).filter(|record| record.exists());
        let data = match (&record, item.state) {
            (None, _) => None,
            (Some(record), _) => match host.data(record) {
                Ok(data) => Some(data),
                Err(why) => {
                    let text = format!("the record of `{}` can't be read: {why}", scenario.name);
                    host.say(Say::Warning(&text));
                    None
                }
            },
        };
        let options = record.as_deref().and_then(options_of).unwrap_or_default();
        let judged = facts::judge(scenario, &item, data, &options, self.request.time_scale);
        for line in judged.lines() {
            host.say(Say::Line(&line));
        }
        self.judged.push(judged);
    }

    fn clean_up(&mut self, host: &mut dyn Host) {
        let suite = self.suite().clone();
        let logs = self.request.folder.join("logs");
        match scenario::all(host, &suite.teardown, "teardown", &self.loaded.folder, &logs) {
            Ok(()) => {}
            Err(Halt::Broken(why)) => host.say(Say::Warning(&why)),
            Err(Halt::Stopped(signal)) => self.signal = Some(signal),
        }
        for (_, standing) in self.forwards.drain(..) {
            standing.stop(host);
        }
        if let Some(target) = self.target.take() {
            target.stop(host);
        }
    }

    fn outcome(mut self, host: &mut dyn Host) -> Ended {
        if self.signal.is_none() {
            self.state.ended_unix_ns = Some(rt::unix_nanos());
        }
        self.save(host);
        let (outcome, trouble) = Outcome::new(
            self.loaded.suite,
            self.state,
            self.judged,
            self.stopped,
            self.signal,
            self.request,
        );
        if let Some(why) = trouble {
            let text = format!("the scenarios can't be added up: {why}");
            host.say(Say::Warning(&text));
        }
        Ended::Judged(Box::new(outcome))
    }
}

/// The consolidated options of a run, from its record.
fn options_of(record: &Path) -> Option<serde_json::Value> {
    record::Run::open(record).ok().map(|run| run.meta.options)
}

fn disk_hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull => ": the disk is full, --out-dir names another place",
        _ => "",
    }
}

/// `: heavy, 500 users, 10m0s`
fn shape(scenario: &Scenario, time_scale: f64) -> String {
    let load = scenario.load();
    let mut parts = Vec::new();
    if let Some(users) = load.users {
        parts.push(format!("{users} users"));
    }
    if let Some(rate) = scenario.rate {
        parts.push(format!("{}/s", rate.0));
    }
    if let Some(bursts) = &scenario.bursts {
        parts.push(format!("bursts of {bursts}"));
    }
    if let Some(duration) = load.duration {
        parts.push(Time(scaled(duration, time_scale)).to_string());
    }
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

fn scaled(duration: Duration, time_scale: f64) -> Duration {
    Time(duration).scaled(time_scale).0
}

/// Why a process that ended by itself did not end well: its own last words. Crossed thresholds are the judge's.
fn reason(scenario: &Scenario, status: std::process::ExitStatus, folder: &Path) -> Option<String> {
    use plan::suite::Kind;
    let crossed = scenario.kind() == Some(Kind::K6) && status.code() == Some(99);
    if status.success() || crossed {
        return None;
    }
    let log = folder.join("output.log");
    let mut text = commands::ended(status);
    let lines = commands::tail(&log);
    if let Some(hint) = lines.iter().rev().find_map(|line| crate::causes::of(line)) {
        text.push_str(&format!(" ({hint})"));
    }
    if let Some(last) = lines.last() {
        text.push_str(&format!(": {last}"));
    }
    Some(text)
}
