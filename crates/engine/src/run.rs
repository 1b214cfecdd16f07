//! Running a test: threads for its cores, the caller's thread for its director.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use metrics::Shard;
use rt::{Core, CoreConfig, Nanos};

use crate::config::RunConfig;
use crate::coordinator::Coordinator;
use crate::core::{CoreSetup, core_main};
use crate::director::{Wiring, direct};
use crate::message::Report;
use crate::outcome::{Observer, RunOutcome, StartError};
use crate::script::{Script, SharedShard};
use crate::status::RunStatus;
use crate::stop::{StopHandle, StopRequests};

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
    let coordinator = Coordinator::new(config.aggregate.clone(), &config.registry)?;
    let status: Arc<RunStatus> = Arc::default();
    let (setups, commands, reports, to_director) = parts(script, &config, &status);
    let mut director = Core::new(CoreConfig { spin: false })?;
    let mut threads = Vec::new();
    for setup in setups {
        let (idx, to_director, spin) = (setup.idx, to_director.clone(), config.spin);
        let shard = shard(&config, idx);
        let body = move || {
            // Outside of what may panic: what was measured before is kept.
            let shard: SharedShard = Rc::new(RefCell::new(shard));
            let measured = shard.clone();
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut core = Core::new(CoreConfig { spin })?;
                core.block_on(core_main(setup, shard));
                Ok::<(), std::io::Error>(())
            }));
            let why = match ran {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => panic_text(panic.as_ref()),
            };
            if let Ok(mut shard) = measured.try_borrow_mut() {
                let snapshot = shard.flush(rt::unix_nanos());
                to_director.send((idx, Report::Snapshot(Box::new(snapshot))));
            }
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
    let coordinator = Coordinator::new(config.aggregate.clone(), &config.registry)?;
    let wiring = Wiring { shard: shard(&config, config.cores), status, cores: commands, reports };
    let shards: Vec<Shard> = (0..config.cores).map(|idx| shard(&config, idx)).collect();
    let mut core = Core::simulated(Nanos(1_000_000_000));
    Ok(core.block_on(async move {
        for (setup, shard) in setups.into_iter().zip(shards) {
            let shard = Rc::new(RefCell::new(shard));
            rt::spawn(core_main(setup, shard));
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
