//! Merges the snapshots of any number of shards into one result.
//!
//! A series is routed once, when it is first mentioned: to its metric's total, to the submetrics it matches, to its
//! check, scenario, group and request row. After that its changes go to those sinks by index, so memory depends on
//! the number of sinks (bounded) plus four bytes a series, and never on time.

mod agent;
mod result;
mod route;
mod sinks;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agent::{Agent, Receipt};
use plan::threshold::{Selector, ThresholdDef, ThresholdError};
use route::Routes;
use rustc_hash::FxHashMap;
use sinks::{SinkId, Sinks};
use tree::{FirstSeen, Tree};

use crate::builtin;
use crate::registry::{Contains, MetricInfo, MetricKind};
use crate::sink::Sink;
use crate::snapshot::{Snapshot, SnapshotMetric};
use crate::threshold::{Guard, Moment, ThresholdVerdict, judge};

/// What an aggregator should gather.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AggregatorConfig {
    /// Thresholds by metric or submetric (`http_reqs{a:b}`), in the order they are to be printed.
    pub thresholds: Vec<(String, Vec<ThresholdDef>)>,
    /// Also gather metrics per scenario and group, for the full summary.
    pub full: bool,
    /// Also gather a row per `name` tag of HTTP requests.
    pub request_rows: bool,
}

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingest {
    /// It is part of the result now.
    Applied,
    /// It was before.
    Duplicate,
}

/// Why a snapshot can't be merged; nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// Two agents disagree about a metric.
    #[error("agent {agent} sends metric '{metric}' as {sent}, others as {known}")]
    Kind {
        /// Who sends it.
        agent: u32,
        /// The metric.
        metric: String,
        /// What it says.
        sent: MetricKind,
        /// What is known.
        known: MetricKind,
    },
    /// A series' change is of another kind than its metric.
    #[error("agent {agent} sends a change of the wrong kind for its series {series}")]
    Delta {
        /// Who sends it.
        agent: u32,
        /// The agent's series.
        series: u32,
    },
    /// A number beyond what an agent can have reached.
    #[error("agent {agent} sends {what} {value}, which is out of range")]
    Range {
        /// Who sends it.
        agent: u32,
        /// What the number is.
        what: &'static str,
        /// The number.
        value: u64,
    },
    /// There are more agents than an aggregator takes.
    #[error("agent {0} is one too many")]
    TooManyAgents(u32),
}

/// Snapshots of an agent that are missing although later ones came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The agent.
    pub agent: u32,
    /// Number of the first missing snapshot.
    pub first: u64,
    /// Number of the last missing snapshot of this gap.
    pub last: u64,
}

/// Most agents: cores of all machines of a run.
const MAX_AGENTS: usize = 100_000;

/// A metric and its parts.
#[derive(Debug)]
struct Metric {
    name: String,
    kind: MetricKind,
    contains: Contains,
    is_user_defined: bool,
    total: SinkId,
    guards: Vec<Guard>,
    submetrics: Vec<Submetric>,
}

#[derive(Debug)]
struct Submetric {
    name: String,
    suffix: String,
    tags: Vec<(String, String)>,
    sink: SinkId,
    guards: Vec<Guard>,
}

/// Thresholds of a metric that is not known yet.
#[derive(Debug)]
struct Pending {
    name: String,
    selector: Selector,
    guards: Vec<Guard>,
}

#[derive(Debug)]
struct Row {
    name: String,
    seen: FirstSeen,
    count: SinkId,
    failed: SinkId,
    duration: SinkId,
}

#[derive(Debug, Default)]
struct Scenario {
    tree: Tree,
    sinks: BTreeMap<usize, SinkId>,
}

/// Merges snapshots; see the [module](self).
#[derive(Debug)]
pub struct Aggregator {
    is_full: bool,
    has_rows: bool,
    metrics: Vec<Metric>,
    by_name: FxHashMap<String, usize>,
    pending: Vec<Pending>,
    sinks: Sinks,
    routes: Routes,
    agents: BTreeMap<u32, Agent>,
    tree: Tree,
    scenarios: BTreeMap<String, Scenario>,
    rows: Vec<Row>,
    row_by_name: FxHashMap<String, usize>,
    left_out: u64,
    is_aborting: bool,
}

impl Aggregator {
    /// An aggregator that knows the built-in metrics, k6's submetric `http_req_duration{expected_response:true}` and
    /// the given thresholds. Thresholds on metrics of scripts wait until the metric is
    /// [declared](Self::declare) or a snapshot explains it.
    ///
    /// # Errors
    /// A malformed threshold, or one a built-in metric can't have.
    /// [`validate`](crate::threshold::validate) also finds those that name no metric.
    pub fn new(config: AggregatorConfig) -> Result<Self, ThresholdError> {
        let AggregatorConfig { thresholds, full, request_rows } = config;
        let mut aggregator = Self {
            is_full: full,
            has_rows: request_rows,
            metrics: Vec::new(),
            by_name: FxHashMap::default(),
            pending: Vec::new(),
            sinks: Sinks::default(),
            routes: Routes::default(),
            agents: BTreeMap::new(),
            tree: Tree::default(),
            scenarios: BTreeMap::new(),
            rows: Vec::new(),
            row_by_name: FxHashMap::default(),
            left_out: 0,
            is_aborting: false,
        };
        for (name, kind, contains) in builtin::ALL {
            aggregator.add_metric(SnapshotMetric { name, kind: *kind, contains: *contains });
        }
        for (name, defs) in thresholds {
            let selector = Selector::parse(&name)?;
            let guards = defs.iter().map(Guard::parse).collect::<Result<Vec<_>, _>>()?;
            if let Some(idx) = aggregator.by_name.get(&selector.metric) {
                let kind = aggregator.metrics[*idx].kind;
                guards.iter().try_for_each(|guard| guard.check_supported(&name, kind))?;
            }
            aggregator.pending.push(Pending { name, selector, guards });
        }
        let auto = Selector::parse("http_req_duration{expected_response:true}")?;
        let name = "http_req_duration{expected_response:true}".to_owned();
        aggregator.pending.push(Pending { name, selector: auto, guards: Vec::new() });
        aggregator.attach_pending();
        Ok(aggregator)
    }

    /// Makes a metric known before it has samples, so that thresholds on it are evaluated and reports can list it.
    ///
    /// # Errors
    /// When it is known with another kind.
    pub fn declare(&mut self, metric: &MetricInfo) -> Result<(), IngestError> {
        let metric =
            SnapshotMetric { name: &metric.name, kind: metric.kind, contains: metric.contains };
        self.check_metric(0, &metric)?;
        self.learn(metric);
        Ok(())
    }

    /// Merges a snapshot, once: its agent and number tell whether it came before. Snapshots may come in any order.
    ///
    /// # Errors
    /// When it contradicts what is known; nothing is changed then.
    pub fn ingest(&mut self, snapshot: &Snapshot) -> Result<Ingest, IngestError> {
        if !self.agents.contains_key(&snapshot.agent()) && self.agents.len() >= MAX_AGENTS {
            return Err(IngestError::TooManyAgents(snapshot.agent()));
        }
        self.check(snapshot)?;
        let agent = self.agents.entry(snapshot.agent()).or_default();
        if agent.receive(snapshot.seq()) == Receipt::Known {
            return Ok(Ingest::Duplicate);
        }
        agent.keep_tally(snapshot.seq(), snapshot.tally());
        for metric in snapshot.metrics() {
            self.learn(metric);
        }
        for series in snapshot.series() {
            self.define_series(snapshot.agent(), &series);
        }
        let Some(agent) = self.agents.get_mut(&snapshot.agent()) else {
            return Ok(Ingest::Applied);
        };
        for (series, delta) in snapshot.deltas() {
            match agent.route(series) {
                Some(route) => {
                    self.routes.get(route).iter().for_each(|sink| self.sinks.apply(*sink, &delta))
                }
                None => agent.keep_orphan(series, &delta),
            }
        }
        Ok(Ingest::Applied)
    }

    /// Evaluates all thresholds; their results are kept for [`totals`](Self::totals). k6 does it every 2 s of a run,
    /// skipping metrics without samples, and once at the end with them.
    pub fn evaluate(&mut self, elapsed: Duration, at_end: bool) -> ThresholdVerdict {
        let moment = if at_end { Moment::AtEnd } else { Moment::During };
        let mut crossed = BTreeSet::new();
        for metric in &mut self.metrics {
            let whole = (&metric.name, metric.total, &mut metric.guards);
            let parts =
                metric.submetrics.iter_mut().map(|part| (&part.name, part.sink, &mut part.guards));
            for (name, sink, guards) in
                std::iter::once(whole).chain(parts).filter(|(.., guards)| !guards.is_empty())
            {
                self.sinks.settle(sink);
                let judgement = judge(
                    guards,
                    self.sinks.get(sink),
                    self.sinks.has_samples(sink),
                    elapsed,
                    moment,
                );
                if judgement.is_crossed {
                    crossed.insert(name.clone());
                }
                self.is_aborting |= judgement.wants_abort;
            }
        }
        ThresholdVerdict { crossed: crossed.into_iter().collect(), abort: self.is_aborting }
    }

    /// The state of a metric so far, for what is shown while the test runs.
    pub fn sink(&self, metric: &str) -> Option<&Sink> {
        self.by_name.get(metric).map(|idx| self.sinks.get(self.metrics[*idx].total))
    }

    /// Snapshots that are missing, by agent.
    pub fn gaps(&self) -> Vec<Gap> {
        self.agents.iter().flat_map(|(agent, state)| state.gaps(*agent)).collect()
    }

    /// The agents that sent something.
    pub fn agents(&self) -> impl Iterator<Item = u32> + '_ {
        self.agents.keys().copied()
    }

    fn check(&self, snapshot: &Snapshot) -> Result<(), IngestError> {
        let id = snapshot.agent();
        let empty = Agent::default();
        let agent = self.agents.get(&id).unwrap_or(&empty);
        agent.check_seq(id, snapshot.seq())?;
        snapshot.metrics().try_for_each(|metric| self.check_metric(id, &metric))?;
        let mut defined = FxHashMap::default();
        for series in snapshot.series() {
            agent::check_series(id, series.id)?;
            defined.insert(series.id, series.metric.kind);
        }
        for (series, delta) in snapshot.deltas() {
            agent::check_series(id, series)?;
            let known =
                agent.route(series).map(|route| self.sinks.get(self.routes.get(route)[0]).kind());
            let known = known
                .or_else(|| defined.get(&series).copied())
                .or_else(|| agent.orphan_kind(series));
            if known.is_some_and(|kind| kind != delta.kind()) {
                return Err(IngestError::Delta { agent: id, series });
            }
        }
        Ok(())
    }

    fn check_metric(&self, agent: u32, sent: &SnapshotMetric<'_>) -> Result<(), IngestError> {
        let Some(known) = self.by_name.get(sent.name).map(|idx| self.metrics[*idx].kind) else {
            return Ok(());
        };
        if known == sent.kind {
            return Ok(());
        }
        Err(IngestError::Kind { agent, metric: sent.name.to_owned(), sent: sent.kind, known })
    }

    fn learn(&mut self, metric: SnapshotMetric<'_>) {
        if !self.by_name.contains_key(metric.name) {
            self.add_metric(metric);
            self.attach_pending();
        }
    }

    fn add_metric(&mut self, metric: SnapshotMetric<'_>) {
        let name = metric.name.to_owned();
        self.by_name.insert(name.clone(), self.metrics.len());
        self.metrics.push(Metric {
            is_user_defined: !builtin::is_builtin(&name),
            name,
            kind: metric.kind,
            contains: metric.contains,
            total: self.sinks.open(metric.kind),
            guards: Vec::new(),
            submetrics: Vec::new(),
        });
    }

    /// Gives the thresholds whose metric is known to it.
    fn attach_pending(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        for mut waiting in pending {
            let Some(idx) = self.by_name.get(&waiting.selector.metric) else {
                self.pending.push(waiting);
                continue;
            };
            let metric = &mut self.metrics[*idx];
            // What the metric can't give has no value: such a threshold would pass silently, so `validate` and `new`
            // refuse it before.
            let Some(suffix) = waiting.selector.suffix.take() else {
                metric.guards.append(&mut waiting.guards);
                continue;
            };
            match metric.submetrics.iter_mut().find(|known| known.name == waiting.name) {
                Some(known) => known.guards.append(&mut waiting.guards),
                None => metric.submetrics.push(Submetric {
                    name: waiting.name,
                    suffix,
                    tags: waiting.selector.tags,
                    sink: self.sinks.open(metric.kind),
                    guards: waiting.guards,
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests;
