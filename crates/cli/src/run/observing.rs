//! `--observe`: watching the system under test beside a run, and this program itself always.
//!
//! What probes see goes straight from their thread into the record's queue; what outputs are to get waits in a bounded
//! queue until the director's thread, which owns them, fetches it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use kubernetes::{Access, Forwards};
use metrics::{SampleBatch, Snapshot};
use observe::{Config, Delivered, Observer};
use plan::probe::flag::{self, Wanted};
use plan::probe::{Probes, redact};

use super::cluster;
use super::output::Outputs;
use super::recording::Recording;
use crate::environment;
use crate::exit::Failure;
use crate::flags::{Flag, Kind};
use crate::log::Logger;

/// The flag, of `run`, `burst` and `locust` alike.
pub(crate) const OBSERVE: Flag = Flag::new(
    "observe",
    Kind::Array,
    "kind=spec|file",
    "watch the system under test: prometheus=URL, postgres=URL, redis=URL, docker=NAME,…, docker=compose:PROJECT, k8s=NAMESPACE[/HPA], logs=FILE:PATTERN, or a file with probes; repeatable",
);

/// Deliveries that may wait for the director: it fetches them ten times a second.
const QUEUE: usize = 4_096;
/// How long the end of a run waits for what probes ask at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `--observe` asks for, and the cluster that its probes mean unless they say otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    probes: Probes,
    access: Access,
}

/// Reads what `--observe` asks for.
///
/// # Errors
/// A value that names nothing, or a file that can't be read.
pub(crate) fn wanted<'a>(
    values: impl Iterator<Item = &'a str>,
    access: &Access,
) -> Result<Observed, Failure> {
    let failed = |value: &str, error: &dyn std::fmt::Display| {
        Failure::usage(format!("--observe {}: {error}", redact::text(value)))
    };
    let mut all = Probes::default();
    for value in values {
        match flag::parse(value).map_err(|error| failed(value, &error))? {
            Wanted::Probes(probes) => all.add(*probes),
            Wanted::File(path) => {
                all.add(read_file(path.as_ref()).map_err(|error| failed(value, &error))?);
            }
        }
    }
    all.complete().map_err(|error| Failure::usage(format!("--observe: {error}")))?;
    cluster::complete(&mut all, access);
    // What is wrong is told before anything is started.
    make(&cluster::without_forwards(&all))?;
    Ok(Observed { probes: all, access: access.clone() })
}

/// Makes the probes; nothing is asked yet.
fn make(plan: &Probes) -> Result<Vec<Box<dyn observe::Probe>>, Failure> {
    let mut probes = observe::build(plan, &environment::option_var)
        .map_err(|error| Failure::usage(format!("--observe: {error}")))?;
    probes.extend(cluster::probes(plan)?);
    Ok(probes)
}

/// The probes of a file: all of it, or what stands under `probes`. JSON is YAML too.
fn read_file(path: &Path) -> Result<Probes, suite::Mistake> {
    let var = environment::option_var;
    suite::read_probes(path, suite::Given { var: &var, target: None, folder: None, forwards: &[] })
}

/// The probes of a run in progress.
pub(crate) struct Observing {
    observer: Observer,
    /// For outputs, if they get any of it.
    waiting: Option<Receiver<ForOutputs>>,
    log: Logger,
    /// What leads to servers in a cluster; closed after the last look.
    forwards: Option<Forwards>,
}

enum ForOutputs {
    Snapshot(Box<Snapshot>),
    Samples(Box<SampleBatch>),
}

/// Who gets what probes see, besides the record.
pub(crate) struct Takers<'a> {
    /// The record.
    pub(crate) recording: Option<&'a Recording>,
    /// The outputs, if there are any.
    pub(crate) outputs: Option<&'a Outputs>,
    /// Where trouble is told.
    pub(crate) log: &'a Logger,
}

impl Observing {
    /// Starts watching. Without anybody who keeps what is seen there is nothing to do.
    ///
    /// # Errors
    /// A probe that can't be made: a URL or pattern that can't be read, a variable that is not set.
    pub(crate) fn start(wanted: &Observed, takers: &Takers<'_>) -> Result<Option<Self>, Failure> {
        let (plan, log) = (&wanted.probes, takers.log);
        hide_secrets(plan, log);
        // Unasked, nothing is added to what outputs send: it is what k6 sends.
        let outputs = takers.outputs.filter(|outputs| !plan.is_empty() && !outputs.is_empty());
        if takers.recording.is_none() && outputs.is_none() {
            if !plan.is_empty() {
                log.warn(
                    "what --observe watches goes nowhere: there is neither a record nor an output",
                );
            }
            return Ok(None);
        }
        let (reached, forwards) = cluster::reach(plan, &wanted.access, log)?;
        let probes = make(&reached)?;
        let samples = outputs.is_some_and(Outputs::need_samples);
        let (sender, waiting) = sync_channel(QUEUE);
        let mut delivery = Delivery {
            record: takers.recording.map(Recording::sink),
            outputs: outputs.is_some().then_some(sender),
            told: HashSet::new(),
            log: log.clone(),
        };
        let config = Config { interval: plan.interval.0, samples };
        let observer = Observer::start(probes, config, move |delivered| delivery.take(delivered));
        match observer {
            Ok(observer) => {
                let waiting = outputs.is_some().then_some(waiting);
                Ok(Some(Self { observer, waiting, log: log.clone(), forwards }))
            }
            Err(error) => {
                log.warn(&format!("nothing is observed: {error}"));
                Ok(None)
            }
        }
    }

    /// Gives outputs what has come since the last time.
    pub(crate) fn fetch(&self, outputs: &mut Outputs) {
        for item in self.waiting.iter().flat_map(Receiver::try_iter) {
            match item {
                ForOutputs::Snapshot(snapshot) => outputs.snapshot(&snapshot),
                ForOutputs::Samples(batch) => outputs.samples(&batch),
            }
        }
    }

    /// The run is over: every probe finishes, and outputs get the last of it.
    pub(crate) fn finish(self, outputs: Option<&mut Outputs>) {
        let Self { observer, waiting, log, forwards } = self;
        let ended = observer.stop(PATIENCE);
        drop(forwards);
        if let Some(outputs) = outputs {
            for item in waiting.iter().flat_map(Receiver::try_iter) {
                match item {
                    ForOutputs::Snapshot(snapshot) => outputs.snapshot(&snapshot),
                    ForOutputs::Samples(batch) => outputs.samples(&batch),
                }
            }
        }
        if ended.is_stuck {
            log.warn("a probe did not end in time; what it had still to tell is lost");
        }
        if ended.lost > 0 {
            log.warn(&format!(
                "{} observations were dropped because they came faster than they could be kept",
                ended.lost
            ));
        }
    }
}

/// Where the observer's thread puts what it sees.
struct Delivery {
    record: Option<super::recording::Sink>,
    outputs: Option<SyncSender<ForOutputs>>,
    /// Probes and parts whose failure was told.
    told: HashSet<String>,
    log: Logger,
}

impl Delivery {
    fn take(&mut self, delivered: Delivered) -> bool {
        match delivered {
            Delivered::Snapshot { snapshot, is_live } => {
                let kept =
                    self.record.as_ref().is_none_or(|record| record.observed(&snapshot, is_live));
                // Outputs send what is; what was is in the record.
                let sent = !is_live || self.send(ForOutputs::Snapshot(snapshot));
                kept && sent
            }
            Delivered::Samples(batch) => self.send(ForOutputs::Samples(batch)),
            Delivered::Event(event) => {
                let is_failure = event.kind == "probe-failed";
                let part = event.fields.get("part").map_or("", String::as_str);
                if is_failure && self.told.insert(format!("{}/{part}", event.subject)) {
                    self.log.warn(&event.text);
                }
                self.record.as_ref().is_none_or(|record| record.event(event))
            }
            Delivered::Table(table) => {
                self.record.as_ref().is_none_or(|record| record.table(table))
            }
        }
    }

    fn send(&self, item: ForOutputs) -> bool {
        self.outputs.as_ref().is_none_or(|outputs| outputs.try_send(item).is_ok())
    }
}

/// Whatever a server answers, no secret of the plan is shown in the log.
fn hide_secrets(plan: &Probes, log: &Logger) {
    let variables = plan
        .prometheus
        .iter()
        .flat_map(|probe| [&probe.password_env, &probe.token_env])
        .chain(plan.postgres.iter().map(|probe| &probe.password_env))
        .chain(plan.redis.iter().map(|probe| &probe.password_env));
    for variable in variables.flatten() {
        if let Some(secret) = environment::option_var(variable) {
            log.redact(&secret);
        }
    }
}
