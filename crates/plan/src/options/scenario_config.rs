//! A scenario as options hold it: nothing filled in, nothing checked.

use serde_json::{Map, Value};

use super::Pairs;
use crate::duration::Span;

/// The kinds of executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutorKind {
    /// `constant-vus`
    ConstantVus,
    /// `ramping-vus`
    RampingVus,
    /// `shared-iterations`
    SharedIterations,
    /// `per-vu-iterations`
    PerVuIterations,
    /// `constant-arrival-rate`
    ConstantArrivalRate,
    /// `ramping-arrival-rate`
    RampingArrivalRate,
    /// `externally-controlled`, of k6 1
    ExternallyControlled,
}

impl ExecutorKind {
    /// All kinds.
    pub const ALL: [ExecutorKind; 7] = [
        ExecutorKind::ConstantVus,
        ExecutorKind::RampingVus,
        ExecutorKind::SharedIterations,
        ExecutorKind::PerVuIterations,
        ExecutorKind::ConstantArrivalRate,
        ExecutorKind::RampingArrivalRate,
        ExecutorKind::ExternallyControlled,
    ];

    /// The value of `executor`.
    pub fn name(self) -> &'static str {
        match self {
            ExecutorKind::ConstantVus => "constant-vus",
            ExecutorKind::RampingVus => "ramping-vus",
            ExecutorKind::SharedIterations => "shared-iterations",
            ExecutorKind::PerVuIterations => "per-vu-iterations",
            ExecutorKind::ConstantArrivalRate => "constant-arrival-rate",
            ExecutorKind::RampingArrivalRate => "ramping-arrival-rate",
            ExecutorKind::ExternallyControlled => "externally-controlled",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<ExecutorKind> {
        ExecutorKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The keys this kind has besides the common ones, in the order k6 prints them.
    pub(super) fn own_keys(self) -> &'static [&'static str] {
        match self {
            ExecutorKind::ConstantVus => &["vus", "duration"],
            ExecutorKind::RampingVus => &["startVUs", "stages", "gracefulRampDown"],
            ExecutorKind::SharedIterations | ExecutorKind::PerVuIterations => {
                &["vus", "iterations", "maxDuration"]
            }
            ExecutorKind::ConstantArrivalRate => {
                &["rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs"]
            }
            ExecutorKind::RampingArrivalRate => {
                &["startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs"]
            }
            ExecutorKind::ExternallyControlled => &["vus", "duration", "maxVUs"],
        }
    }
}

/// A stage of a ramp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageConfig {
    /// How long it takes.
    pub duration: Option<Span>,
    /// Where it ends.
    pub target: Option<i64>,
}

impl StageConfig {
    pub(super) fn to_json(self) -> Value {
        let mut stage = Map::new();
        stage.insert("duration".to_owned(), span_json(self.duration));
        stage.insert("target".to_owned(), Value::from(self.target));
        Value::Object(stage)
    }
}

/// A scenario. Only the fields of its kind are ever set.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioConfig {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub executor: ExecutorKind,
    /// When it starts; 0 unless set.
    pub start_time: Option<Span>,
    /// How long iterations may go on; 30 s unless set.
    pub graceful_stop: Option<Span>,
    /// Environment, sorted by name.
    pub env: Option<Pairs>,
    /// The function to call; `default` unless set.
    pub exec: Option<String>,
    /// Tags, sorted by name.
    pub tags: Option<Pairs>,
    /// The `options` object: `{ "browser": {…} }`.
    pub options: Option<Value>,
    /// What `vus` and `start_vus` are unless set: 1, but 0 where a shortcut was derived without a default.
    pub assumed_vus: i64,
    /// Number of VUs.
    pub vus: Option<i64>,
    /// Number of iterations.
    pub iterations: Option<i64>,
    /// Length.
    pub duration: Option<Span>,
    /// Limit of iteration executors; 10 min unless set.
    pub max_duration: Option<Span>,
    /// VUs of a ramp at its start.
    pub start_vus: Option<i64>,
    /// The ramp.
    pub stages: Option<Vec<StageConfig>>,
    /// How long a VU that is ramped down may go on; 30 s unless set.
    pub graceful_ramp_down: Option<Span>,
    /// Arrivals per `time_unit`.
    pub rate: Option<i64>,
    /// Arrivals per `time_unit` at the start of a ramp; 0 unless set.
    pub start_rate: Option<i64>,
    /// What rates count by; 1 s unless set.
    pub time_unit: Option<Span>,
    /// VUs made before the test.
    pub pre_allocated_vus: Option<i64>,
    /// VUs at most; `pre_allocated_vus` (or `vus`, where there are none) unless set.
    pub max_vus: Option<i64>,
}

impl ScenarioConfig {
    /// A scenario with nothing but its name and kind.
    pub fn new(name: impl Into<String>, executor: ExecutorKind) -> ScenarioConfig {
        ScenarioConfig {
            name: name.into(),
            executor,
            start_time: None,
            graceful_stop: None,
            env: None,
            exec: None,
            tags: None,
            options: None,
            assumed_vus: 1,
            vus: None,
            iterations: None,
            duration: None,
            max_duration: None,
            start_vus: None,
            stages: None,
            graceful_ramp_down: None,
            rate: None,
            start_rate: None,
            time_unit: None,
            pre_allocated_vus: None,
            max_vus: None,
        }
    }

    pub(super) fn time_scale(&mut self, factor: f64) {
        let scale = |span: &mut Option<Span>| *span = span.map(|span| span.scaled(factor));
        scale(&mut self.start_time);
        scale(&mut self.graceful_stop);
        scale(&mut self.duration);
        scale(&mut self.max_duration);
        scale(&mut self.graceful_ramp_down);
        for stage in self.stages.iter_mut().flatten() {
            scale(&mut stage.duration);
        }
    }

    /// As k6 prints it: all keys of its kind, `null` where unset.
    pub(super) fn to_json(&self) -> Value {
        let mut json = Map::new();
        let mut put = |key: &str, value: Value| json.insert(key.to_owned(), value);
        put("executor", Value::from(self.executor.name()));
        put("startTime", span_json(self.start_time));
        put("gracefulStop", span_json(self.graceful_stop));
        put("env", pairs_json(self.env.as_ref()));
        put("exec", Value::from(self.exec.clone()));
        put("tags", pairs_json(self.tags.as_ref()));
        if let Some(options) = &self.options {
            put("options", options.clone());
        }
        for key in self.executor.own_keys() {
            put(key, self.own_json(key));
        }
        Value::Object(json)
    }

    fn own_json(&self, key: &str) -> Value {
        match key {
            "vus" => Value::from(self.vus),
            "iterations" => Value::from(self.iterations),
            "duration" => span_json(self.duration),
            "maxDuration" => span_json(self.max_duration),
            "startVUs" => Value::from(self.start_vus),
            "stages" => stages_json(self.stages.as_deref()),
            "gracefulRampDown" => span_json(self.graceful_ramp_down),
            "rate" => Value::from(self.rate),
            "startRate" => Value::from(self.start_rate),
            "timeUnit" => span_json(self.time_unit),
            "preAllocatedVUs" => Value::from(self.pre_allocated_vus),
            // k6 1 fills this one in as soon as it reads it.
            "maxVUs" if self.executor == ExecutorKind::ExternallyControlled => {
                Value::from(self.max_vus.or(self.vus))
            }
            "maxVUs" => Value::from(self.max_vus),
            _ => Value::Null,
        }
    }
}

pub(super) fn span_json(span: Option<Span>) -> Value {
    span.map_or(Value::Null, |span| Value::from(span.to_string()))
}

pub(super) fn pairs_json(pairs: Option<&Pairs>) -> Value {
    pairs.map_or(Value::Null, |pairs| {
        Value::Object(
            pairs.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))).collect(),
        )
    })
}

pub(super) fn stages_json(stages: Option<&[StageConfig]>) -> Value {
    stages.map_or(Value::Null, |stages| {
        Value::Array(stages.iter().map(|stage| stage.to_json()).collect())
    })
}
