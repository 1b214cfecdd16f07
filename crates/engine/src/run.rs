//! Running a test: what goes in, who watches, what comes out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{AggregatorConfig, Registry, SampleBatch, Shard, ShardConfig, Snapshot, Totals};
use plan::scenario::Scenario;
use plan::segment::Striping;
use rt::{Core, CoreConfig, Nanos};

use crate::core::{CoreSetup, core_main};
use crate::director::{Wiring, direct};
use crate::message::Report;
use crate::progress::Progress;
use crate::script::{Script, ScriptError};
use crate::selfcheck::SelfCheck;
use crate::status::RunStatus;
use crate::stop::{StopHandle, StopRequests};

/// What to run and how.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// The scenarios, checked (and scaled in time, if asked for).
    pub scenarios: Vec<Scenario>,
    /// This instance's share of the test.
    pub striping: Striping,
    /// Cores to use, at least 1.
    pub cores: usize,
    /// Spin before precise starts. Only where the cores have their CPUs to themselves.
    pub spin: bool,
    /// Number of this instance in a distributed run.
    pub agent: u32,
    /// The test's metrics, those of the script included.
    pub registry: Arc<Registry>,
    /// Memory limits of a core's measurements.
    pub shard: ShardConfig,
    /// Thresholds and what else to work out while merging.
    pub aggregate: AggregatorConfig,
    /// Tags of every sample.
    pub run_tags: Vec<(String, String)>,
    /// Whether samples carry the `scenario` tag (a system tag of k6).
    pub tag_scenario: bool,
    /// Hand every single sample to the observer.
    pub raw_samples: bool,
    /// Iterations shorter than this idle until it is over.
    pub min_iteration: Option<Duration>,
    /// Whether to run `setup()`.
    pub setup: bool,
    /// Whether to run `teardown()`.
    pub teardown: bool,
    /// Limit of `setup()`.
    pub setup_timeout: Duration,
    /// Limit of `teardown()`.
    pub teardown_timeout: Duration,
    /// Which idle VU an arrival gets.
    pub idle_order: IdleOrder,
}

/// Which of several idle VUs serves the next arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleOrder {
    /// The one that has been idle longest, as k6 does: all VUs take part.
    LongestFirst,
    /// The one that was busy last: no more VUs (and connections) take part than are needed.
    LatestFirst,
}

/// Who watches a run. Everything is called on the thread that called [`run`], off the path of requests.
pub trait Observer {
    /// About ten times a second, and once at the end.
    fn progress(&mut self, progress: &Progress);
    /// Each snapshot of each core, about once a second.
    fn snapshot(&mut self, snapshot: &Snapshot);
    /// Every sample, if the run was asked for them.
    fn samples(&mut self, batch: &SampleBatch);
    /// Something the user should know; `fields` are a log line's.
    fn warning(&mut self, text: &str, fields: &[(&'static str, String)]);
}

/// An observer that looks away.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn progress(&mut self, _: &Progress) {}
    fn snapshot(&mut self, _: &Snapshot) {}
    fn samples(&mut self, _: &SampleBatch) {}
    fn warning(&mut self, _: &str, _: &[(&'static str, String)]) {}
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Everything ran as planned.
    Finished,
    /// Thresholds were crossed.
    Thresholds {
        /// Their metrics, sorted.
        crossed: Vec<String>,
        /// The run was ended early by one with `abortOnFail`.
        aborted: bool,
    },
    /// The script called `exec.test.abort()`; k6's text.
    Aborted(String),
    /// A signal, by k6's name of it.
    Signal(String),
    /// The REST API.
    Api,
    /// `setup()` failed or took too long.
    Setup(ScriptError),
    /// `teardown()` failed or took too long.
    Teardown(ScriptError),
    /// A VU's init code failed.
    VuInit(ScriptError),
    /// A defect of the engine.
    Internal(String),
}

/// What a run gave.
#[derive(Debug)]
pub struct RunOutcome {
    /// All that was measured.
    pub totals: Totals,
    /// How long the run's clock ran: setup, scenarios and teardown.
    pub elapsed: Duration,
    /// Why it ended.
    pub end: End,
    /// `exec.test.fail()` was called.
    pub marked_failed: bool,
    /// Whether the numbers can be trusted.
    pub self_check: SelfCheck,
    /// The last look at it.
    pub progress: Progress,
}

/// Why a run could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refused something.
    #[error("the system refused a thread or a polling descriptor: {0}")]
    System(#[from] std::io::Error),
    /// A threshold is malformed or on a metric that can't have it.
    #[error("{0}")]
    Threshold(#[from] plan::threshold::ThresholdError),
    /// The script's metrics contradict each other.
    #[error("{0}")]
    Metric(#[from] metrics::IngestError),
}

/// Agents of one instance: its cores and, last, its director. Each has a number of its own.
const AGENTS_PER_INSTANCE: u32 = 1024;

fn agent(config: &RunConfig, part: usize) -> u32 {
    config.agent * AGENTS_PER_INSTANCE + part as u32
}

fn shard(config: &RunConfig, part: usize) -> Shard {
    Shard::new(agent(config, part), config.registry.clone(), config.shard)
}

/// A handle that stops a run, and what [`run`] takes to obey it.
#[must_use]
pub fn stop_pair() -> (StopHandle, Stops) {
    let (handle, requests) = StopHandle::new();
    (handle, Stops(requests))
}

/// The run's end of a [`StopHandle`].
pub struct Stops(StopRequests);

impl fmt::Debug for Stops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stops")
    }
}

/// Runs a test to its end on threads of its own; the caller's thread directs.
///
/// # Errors
/// When the system refuses threads or descriptors. Everything later is told by [`RunOutcome::end`].
pub fn run<S: Script>(
    script: &Arc<S>,
    mut config: RunConfig,
    stops: Stops,
    observer: &mut dyn Observer,
) -> Result<RunOutcome, StartError> {
    config.cores = config.cores.clamp(1, AGENTS_PER_INSTANCE as usize - 1);
    let coordinator = crate::coordinator::of_run(&config)?;
    let status: Arc<RunStatus> = Arc::default();
    let (setups, commands, reports, to_director) = parts(script, &config, &status);
    let mut director = Core::new(CoreConfig { spin: false })?;
    let mut threads = Vec::new();
    for setup in setups {
        let (idx, to_director, spin) = (setup.idx, to_director.clone(), config.spin);
        let body = move || {
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut core = Core::new(CoreConfig { spin })?;
                core.block_on(core_main(setup));
                Ok::<(), std::io::Error>(())
            }));
            let why = match ran {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => panic_text(panic.as_ref()),
            };
            to_director.send((idx, Report::Died { core: idx, why }));
        };
        threads.push(rt::thread::start(&format!("squall-core-{idx}"), body)?);
    }
    drop(to_director);
    let wiring = Wiring { shard: shard(&config, config.cores), status, cores: commands, reports };
    let outcome = director.block_on(direct(config, coordinator, wiring, stops.0, observer));
    for thread in threads {
        if thread.is_finished() {
            drop(thread.join());
        }
    }
    Ok(outcome)
}

/// Runs a test in simulated time, all cores on this thread. For tests of executors and front ends.
///
/// # Errors
/// For thresholds that make no sense.
pub fn run_simulated<S: Script>(
    script: &Arc<S>,
    config: RunConfig,
    stops: Stops,
    observer: &mut dyn Observer,
) -> Result<RunOutcome, StartError> {
    let status: Arc<RunStatus> = Arc::default();
    let (setups, commands, reports, to_director) = parts(script, &config, &status);
    drop(to_director);
    let coordinator = crate::coordinator::of_run(&config)?;
    let wiring = Wiring { shard: shard(&config, config.cores), status, cores: commands, reports };
    let mut core = Core::simulated(Nanos(1_000_000_000));
    Ok(core.block_on(async move {
        for setup in setups {
            rt::spawn(core_main(setup));
        }
        direct(config, coordinator, wiring, stops.0, observer).await
    }))
}

type Parts<S> = (
    Vec<CoreSetup<S>>,
    Vec<rt::channel::Sender<crate::message::Command>>,
    rt::channel::Receiver<(usize, Report)>,
    rt::channel::Sender<(usize, Report)>,
);

fn parts<S: Script>(script: &Arc<S>, config: &RunConfig, status: &Arc<RunStatus>) -> Parts<S> {
    let (to_director, reports) = rt::channel::unbounded();
    let (peers, inboxes): (Vec<_>, Vec<_>) =
        (0..config.cores).map(|_| rt::channel::unbounded()).unzip();
    let run_tags = Arc::new(config.run_tags.clone());
    let setups = inboxes.into_iter().enumerate().map(|(idx, commands)| CoreSetup {
        script: script.clone(),
        idx,
        commands,
        peers: peers.clone(),
        reports: to_director.clone(),
        shard: shard(config, idx),
        status: status.clone(),
        min_iteration: config.min_iteration,
        run_tags: run_tags.clone(),
        tag_scenario: config.tag_scenario,
        raw_samples: config.raw_samples,
        idle_order: config.idle_order,
    });
    (setups.collect(), peers, reports, to_director)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
