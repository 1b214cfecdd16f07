//! Runs made to order, second by second, through the same snapshots that real ones make.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Aggregator, AggregatorConfig, Contains, Event, MetricKind, Registry, Shard, ShardConfig,
    Snapshot, Table, Timeline, builtin,
};
use report::{Baseline, Ending, Front, Phase, RunData, SelfCheckFigures, Verdict};

pub(crate) const START: u64 = 1_795_215_303_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// A run being made.
pub(crate) struct Sample {
    registry: Arc<Registry>,
    load: Shard,
    seen: Shard,
    second: u64,
    /// Nanoseconds that the run lasted beyond its whole seconds.
    stub: u64,
    snapshots: Vec<Snapshot>,
    observed: Vec<Snapshot>,
    pub(crate) events: Vec<Event>,
    pub(crate) tables: Vec<Table>,
    pub(crate) phases: Vec<Phase>,
    pub(crate) self_check: Option<SelfCheckFigures>,
    pub(crate) ending: Ending,
    pub(crate) thresholds: Vec<(String, Vec<plan::threshold::ThresholdDef>)>,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let registry = Arc::new(Registry::with_builtins());
        let load = Shard::new(0, Arc::clone(&registry), ShardConfig::STANDARD);
        let seen = Shard::new(9, Arc::new(Registry::with_builtins()), ShardConfig::STANDARD);
        Self {
            registry,
            load,
            seen,
            second: 0,
            stub: 0,
            snapshots: Vec::new(),
            observed: Vec::new(),
            events: Vec::new(),
            tables: Vec::new(),
            phases: Vec::new(),
            self_check: Some(self_check(Verdict::Valid)),
            ending: Ending::Finished,
            thresholds: Vec::new(),
        }
    }

    fn now(&self) -> u64 {
        START + self.second * SECOND + SECOND / 2
    }

    /// Requests of this second: each takes a little longer than the one before, the last `ms`.
    pub(crate) fn requests(&mut self, name: &str, n: u64, ms: f64) -> &mut Self {
        self.answers(name, n, ms, "200")
    }

    /// Failed requests of this second.
    pub(crate) fn failures(&mut self, name: &str, n: u64, ms: f64) -> &mut Self {
        self.answers(name, n, ms, "503")
    }

    pub(crate) fn answers(&mut self, name: &str, n: u64, ms: f64, status: &str) -> &mut Self {
        let at = self.now();
        let is_failed = !status.starts_with('2');
        let expected = if is_failed { "false" } else { "true" };
        let (method, name) = name.split_once(' ').unwrap_or(("GET", name));
        let tags = self.load.tag_set(&[
            ("method", method),
            ("name", name),
            ("status", status),
            ("expected_response", expected),
        ]);
        for i in 1..=n {
            self.load.add(builtin::HTTP_REQS, tags, 1.0, at);
            let part = 0.5 + 0.5 * i as f64 / n as f64;
            self.load.add(builtin::HTTP_REQ_DURATION, tags, ms * part, at);
            self.load.add(builtin::HTTP_REQ_FAILED, tags, f64::from(u8::from(is_failed)), at);
        }
        self
    }

    pub(crate) fn vus(&mut self, vus: f64) -> &mut Self {
        let tags = self.load.tag_set(&[]);
        self.load.add(builtin::VUS, tags, vus, self.now());
        self
    }

    /// A sample of a built-in metric of the run.
    pub(crate) fn own(&mut self, metric: metrics::MetricId, value: f64) -> &mut Self {
        let tags = self.load.tag_set(&[]);
        self.load.add(metric, tags, value, self.now());
        self
    }

    pub(crate) fn check(&mut self, name: &str, ok: bool) -> &mut Self {
        let tags = self.load.tag_set(&[("check", name)]);
        self.load.add(builtin::CHECKS, tags, f64::from(u8::from(ok)), self.now());
        self
    }

    /// A sample of a script's trend.
    pub(crate) fn trend(&mut self, name: &str, ms: f64) -> &mut Self {
        let metric = self.registry.declare(name, MetricKind::Trend, Contains::Time).unwrap();
        let tags = self.load.tag_set(&[]);
        self.load.add(metric, tags, ms, self.now());
        self
    }

    /// What a probe saw in this second.
    pub(crate) fn gauge(&mut self, name: &str, tags: &[(&str, &str)], value: f64) -> &mut Self {
        let registry = Arc::clone(self.seen.registry());
        let metric = registry.declare(name, MetricKind::Gauge, Contains::Default).unwrap();
        let tags = self.seen.tag_set(tags);
        self.seen.add(metric, tags, value, self.now());
        self
    }

    pub(crate) fn event(&mut self, source: &str, kind: &str, subject: &str) -> &mut Self {
        let text = format!("{subject}: {kind}");
        self.events.push(Event::new(self.now(), source, kind, subject, &text));
        self
    }

    /// The second is over.
    pub(crate) fn tick(&mut self) -> &mut Self {
        self.second += 1;
        let now = START + self.second * SECOND;
        self.snapshots.push(self.load.flush(now));
        self.observed.push(self.seen.flush(now));
        self
    }

    /// The run ends this long after its last whole second; what was added since belongs to that time.
    pub(crate) fn stop(&mut self, after: Duration) -> &mut Self {
        self.stub = after.as_nanos() as u64;
        let now = START + self.second * SECOND + self.stub;
        self.snapshots.push(self.load.flush(now));
        self
    }

    pub(crate) fn phase(&mut self, name: &str, from_s: f64, to_s: f64) -> &mut Self {
        self.phases.push(Phase { name: name.to_owned(), from_s, to_s });
        self
    }

    pub(crate) fn finish(&self) -> RunData {
        let config = AggregatorConfig {
            thresholds: self.thresholds.clone(),
            full: true,
            request_rows: true,
        };
        let mut aggregator = Aggregator::new(config).unwrap();
        let mut builder = Timeline::builder(START);
        for snapshot in &self.snapshots {
            aggregator.ingest(snapshot).unwrap();
            builder.load(snapshot);
        }
        self.observed.iter().for_each(|snapshot| builder.observe(snapshot));
        let elapsed = Duration::from_nanos(self.second * SECOND + self.stub);
        aggregator.evaluate(elapsed, true);
        RunData {
            name: "sample".to_owned(),
            front: Front::K6,
            script: "sample.js".to_owned(),
            purpose: String::new(),
            criteria: Vec::new(),
            command_line: vec!["squall".to_owned(), "run".to_owned(), "sample.js".to_owned()],
            squall_version: "0.1.0".to_owned(),
            started_unix_ns: START,
            elapsed_s: elapsed.as_secs_f64(),
            ending: self.ending.clone(),
            totals: aggregator.totals(elapsed),
            timeline: builder.finish(Some(elapsed.as_secs_f64())),
            events: self.events.clone(),
            tables: self.tables.clone(),
            self_check: self.self_check.clone(),
            phases: self.phases.clone(),
            plan: vec![("users".to_owned(), "100".to_owned())],
            baseline: Baseline::default(),
            warnings: Vec::new(),
            directory: None,
        }
    }
}

pub(crate) fn self_check(verdict: Verdict) -> SelfCheckFigures {
    SelfCheckFigures {
        lateness_p50_ms: 0.01,
        lateness_p99_ms: 0.1,
        lateness_max_ms: 1.0,
        lateness_known: true,
        busiest_core: if verdict == Verdict::Invalid { 0.99 } else { 0.4 },
        throttled_ms: 0.0,
        steal: 0.0,
        longest_stretch_ms: 0.2,
        dropped_samples: 0,
        verdict,
        reasons: match verdict {
            Verdict::Valid => Vec::new(),
            _ => vec!["a core was busy for 99% of the time".to_owned()],
        },
    }
}

/// Steady load: so many seconds of so many requests a second that take up to so long.
pub(crate) fn steady(seconds: u64, per_s: u64, ms: f64) -> Sample {
    let mut sample = Sample::new();
    for _ in 0..seconds {
        sample.requests("GET /", per_s, ms).vus(100.0).tick();
    }
    sample
}

/// Fields of an event by name.
pub(crate) fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
