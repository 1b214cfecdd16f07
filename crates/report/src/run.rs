//! A run as it is judged and reported: what was measured, what was seen, and what is known about it.

use std::collections::BTreeMap;

use metrics::{Event, Table, Timeline, Totals};
use serde::{Deserialize, Serialize};

use crate::SelfCheckFigures;

/// What made the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Front {
    /// A k6 script.
    K6,
    /// A Locust file.
    Locust,
    /// `squall burst`.
    Burst,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// By itself.
    Finished,
    /// By itself, and without success for a reason that is no threshold.
    Failed(String),
    /// Before its end: by a signal, a user or a stop rule.
    Stopped(String),
    /// Nobody knows: it was killed, or still runs.
    CutOff,
}

impl Ending {
    /// One line about it; `None` where all is well.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Finished => None,
            Self::Failed(why) => Some(format!("the run failed: {why}")),
            Self::Stopped(why) => Some(format!("the run was stopped: {why}")),
            Self::CutOff => Some(
                "the run was killed, or still runs: this is everything up to the last second it wrote"
                    .to_owned(),
            ),
        }
    }
}

/// A named part of a run's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name; several parts may share one.
    pub name: String,
    /// Seconds after the run's start.
    pub from_s: f64,
    /// Seconds after the run's start.
    pub to_s: f64,
}

/// What a run is expected to measure, from an earlier one or from a document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Baseline {
    /// Users at the same time.
    pub users: Option<f64>,
    /// Requests a second.
    pub rps: Option<f64>,
    /// Median latency, milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile, milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile, milliseconds.
    pub p99_ms: Option<f64>,
    /// Successful requests to all, 0 to 1.
    pub success: Option<f64>,
}

impl Baseline {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// Everything about one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunData {
    /// What to call it: a scenario of a suite, or the script.
    pub name: String,
    /// What made the load.
    pub front: Front,
    /// The script, as the user named it; the URL of a burst.
    pub script: String,
    /// What it tests, in words; empty if nobody said.
    pub purpose: String,
    /// The words of the command line.
    pub command_line: Vec<String>,
    /// What it was to be held against when it was made, each as its text.
    pub criteria: Vec<String>,
    /// The version of Squall that ran it.
    pub squall_version: String,
    /// The start, unix nanoseconds.
    pub started_unix_ns: u64,
    /// The time all rates of the whole run are over, seconds.
    pub elapsed_s: f64,
    /// How it ended.
    pub ending: Ending,
    /// The run's totals; thresholds and checks are in them.
    pub totals: Totals,
    /// The run along its time.
    pub timeline: Timeline,
    /// What happened.
    pub events: Vec<Event>,
    /// What probes knew at the end.
    pub tables: Vec<Table>,
    /// What the self-check found; `None` where there was none.
    pub self_check: Option<SelfCheckFigures>,
    /// Parts of its time.
    pub phases: Vec<Phase>,
    /// What load was asked for: words and values, in order (`users`, `100`).
    pub plan: Vec<(String, String)>,
    /// What it is expected to measure.
    pub baseline: Baseline,
    /// Lines of the run's log that a report shows.
    pub warnings: Vec<String>,
    /// Where its record lies, if anywhere.
    pub directory: Option<String>,
}

impl RunData {
    /// The end of its time, seconds.
    pub fn end_s(&self) -> f64 {
        self.elapsed_s.max(self.timeline.end_s)
    }

    /// The parts of its time that have a name; capitals do not matter.
    pub fn phases_named(&self, name: &str) -> Vec<&Phase> {
        self.phases.iter().filter(|phase| phase.name.eq_ignore_ascii_case(name)).collect()
    }

    /// Names of its phases, each once.
    pub fn phase_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for phase in &self.phases {
            if !names.contains(&phase.name.as_str()) {
                names.push(&phase.name);
            }
        }
        names
    }

    /// The events of a kind.
    pub fn events_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.kind == kind)
    }

    /// When an event was, seconds after the run's start.
    pub fn at_s(&self, event: &Event) -> f64 {
        self.timeline.at_s(event.unix_ns)
    }
}

/// The phases that a run's events tell: each lasts until its field `until_ns`, or to the next, or to the run's end.
pub fn phases_of_events(events: &[Event], started_unix_ns: u64, end_s: f64) -> Vec<Phase> {
    let at_s = |unix_ns: u64| {
        if unix_ns >= started_unix_ns {
            (unix_ns - started_unix_ns) as f64 / 1e9
        } else {
            -((started_unix_ns - unix_ns) as f64 / 1e9)
        }
    };
    let mut told: Vec<&Event> = events.iter().filter(|event| event.kind == "phase").collect();
    told.sort_by_key(|event| event.unix_ns);
    let until = |event: &Event| event.fields.get("until_ns").and_then(|ns| ns.parse().ok());
    let next = told.iter().skip(1).map(|event| event.unix_ns);
    let next: Vec<Option<u64>> = next.map(Some).chain([None]).collect();
    told.iter()
        .zip(next)
        .map(|(event, next)| Phase {
            name: event.subject.clone(),
            from_s: at_s(event.unix_ns).max(0.0),
            to_s: until(event).or(next).map_or(end_s, at_s).min(end_s),
        })
        .filter(|phase| phase.to_s > phase.from_s && !phase.name.is_empty())
        .collect()
}

/// Tags as one text, for lists.
pub(crate) fn tags_text(tags: &[(String, String)]) -> String {
    let shown: BTreeMap<&str, &str> = tags
        .iter()
        .filter(|(key, _)| key != "probe")
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    shown.into_values().collect::<Vec<_>>().join(" ")
}
