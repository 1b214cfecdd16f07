//! One scenario of a suite: a k6 script, a Locust file or a burst, with its load, its criteria and its baseline.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Step;
use super::command::Command;
use super::gate::Gate;
use super::values::{Amount, PerSecond, Share, Time};
use crate::probe::Probes;

/// A scenario, as a plan has it: one of `k6`, `locust`, `burst`, with what concerns it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called; also the name of its folder.
    pub name: String,
    /// For the report.
    #[serde(default)]
    pub description: Option<String>,
    /// A k6 script, relative to the plan.
    #[serde(default)]
    pub k6: Option<String>,
    /// A Locust file, relative to the plan.
    #[serde(default)]
    pub locust: Option<String>,
    /// URLs that are loaded without a script.
    #[serde(default)]
    pub burst: Option<Urls>,

    /// A load that is often wanted; what the plan says besides wins.
    #[serde(default)]
    pub preset: Option<Preset>,
    /// Users: VUs of a script, users of a Locust file, clients of a burst.
    #[serde(default)]
    pub users: Option<Amount>,
    /// How fast users of a Locust file come.
    #[serde(default)]
    pub spawn_rate: Option<PerSecond>,
    /// How long.
    #[serde(default)]
    pub duration: Option<Time>,
    /// How many iterations of a script, or requests of a burst.
    #[serde(default)]
    pub iterations: Option<Amount>,
    /// Stages of a script, `duration:target`.
    #[serde(default)]
    pub stages: Vec<String>,
    /// Requests a second of a burst, whatever the answers do.
    #[serde(default)]
    pub rate: Option<PerSecond>,
    /// Bursts at a rate: `2000/s:5s`.
    #[serde(default)]
    pub bursts: Option<String>,
    /// From the start of one burst to the start of the next.
    #[serde(default)]
    pub every: Option<Time>,
    /// Requests of a burst under way at most.
    #[serde(default)]
    pub max_concurrency: Option<Amount>,
    /// HTTP method of a burst.
    #[serde(default)]
    pub method: Option<String>,
    /// Headers of a burst.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body of a burst.
    #[serde(default)]
    pub data: Option<String>,
    /// Statuses of a burst that count as ok.
    #[serde(default)]
    pub expect: Vec<String>,
    /// Limit of one request of a burst.
    #[serde(default)]
    pub timeout: Option<Time>,
    /// The address a Locust file loads.
    #[serde(default)]
    pub host: Option<String>,
    /// Users of a Locust file that are meant; all by default.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Tasks of a Locust file with these tags only.
    #[serde(default)]
    pub only_tags: Vec<String>,
    /// CSV files of a Locust run, below the scenario's folder.
    #[serde(default)]
    pub csv: Option<String>,

    /// Variables: `__ENV` of a script, the environment of a Locust file.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Tags of all samples of a script.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Further words of the command line.
    #[serde(default)]
    pub args: Vec<String>,
    /// Cores that generate load.
    #[serde(default)]
    pub cores: Option<Amount>,
    /// The longest it may take, until it is ended.
    #[serde(default)]
    pub at_most: Option<Time>,

    /// The beginning that criteria leave out.
    #[serde(default)]
    pub warm_up: Option<Time>,
    /// The pause after it.
    #[serde(default)]
    pub cool_down: Option<Time>,
    /// Named parts of its time, for criteria `during NAME`.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// What must answer before it begins.
    #[serde(default)]
    pub ready: Vec<Gate>,
    /// What is done before it.
    #[serde(default)]
    pub setup: Vec<Command>,
    /// What is done after it, however it ended.
    #[serde(default)]
    pub teardown: Vec<Command>,
    /// What is watched besides the suite's probes.
    #[serde(default)]
    pub probes: Option<Probes>,
    /// What must hold.
    #[serde(default)]
    pub criteria: Vec<String>,
    /// Whether the script's own thresholds count for the verdict.
    #[serde(default)]
    pub thresholds: Option<bool>,
    /// What is expected, and compared with what was measured.
    #[serde(default)]
    pub baseline: Option<Baseline>,
}

/// URLs of a burst: one, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls(pub Vec<String>);

/// What kind of test a scenario is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A k6 script.
    K6,
    /// A Locust file.
    Locust,
    /// A burst.
    Burst,
}

/// What a scenario runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script<'a> {
    /// A k6 script at this path.
    K6(&'a str),
    /// A Locust file at this path.
    Locust(&'a str),
    /// These URLs.
    Burst(&'a [String]),
}

/// See [`Scenario::preset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Whether it works at all.
    Smoke,
    /// A baseline: latency without pressure.
    Light,
    /// Enough to make an autoscaler act.
    Medium,
    /// A stress test.
    Heavy,
}

/// What a preset stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PresetLoad {
    /// Its name.
    pub preset: Preset,
    /// Users.
    pub users: u32,
    /// Users a second.
    pub spawn_rate: f64,
    /// How long.
    pub duration: Duration,
}

/// The presets there are.
pub const PRESETS: [PresetLoad; 4] = [
    preset(Preset::Smoke, 10, 10.0, 60),
    preset(Preset::Light, 10, 2.0, 120),
    preset(Preset::Medium, 100, 10.0, 300),
    preset(Preset::Heavy, 500, 50.0, 600),
];

const fn preset(preset: Preset, users: u32, spawn_rate: f64, seconds: u64) -> PresetLoad {
    PresetLoad { preset, users, spawn_rate, duration: Duration::from_secs(seconds) }
}

/// The load of a scenario, with what its preset gives filled in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// Users.
    pub users: Option<u32>,
    /// Users a second.
    pub spawn_rate: Option<f64>,
    /// How long.
    pub duration: Option<Duration>,
}

/// A named part of a scenario's time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// What criteria call it.
    pub name: String,
    /// Its start, from the scenario's.
    #[serde(default)]
    pub from: Option<Time>,
    /// Its end, from the scenario's start; the scenario's end by default.
    #[serde(default)]
    pub to: Option<Time>,
    /// Instead: the number of a stage, from 1, of a script that ramps.
    #[serde(default)]
    pub stage: Option<Amount>,
    /// Instead, or with `stage`: the k6 scenario meant, where the script has several.
    #[serde(default)]
    pub scenario: Option<String>,
}

/// How a phase is marked in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks<'a> {
    /// By its times.
    Times {
        /// From the scenario's start.
        from: Duration,
        /// From the scenario's start; `None` for its end.
        to: Option<Duration>,
    },
    /// By a stage of a k6 scenario, or by all of it.
    Stage {
        /// From 1; `None` for all of the k6 scenario's time.
        stage: Option<u32>,
        /// `None` where the script has only one that ramps.
        scenario: Option<&'a str>,
    },
}

/// What is expected of a scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Baseline {
    /// Users.
    pub users: Option<Amount>,
    /// Requests a second.
    pub rps: Option<PerSecond>,
    /// The median of response times.
    pub p50: Option<Time>,
    /// Their 95th percentile.
    pub p95: Option<Time>,
    /// Their 99th percentile.
    pub p99: Option<Time>,
    /// The share of requests that succeed.
    pub success: Option<Share>,
    /// How much worse is still as expected; a fifth by default.
    pub tolerance: Option<Share>,
}

impl Scenario {
    /// What it runs; `None` where the plan names nothing.
    pub fn script(&self) -> Option<Script<'_>> {
        if let Some(path) = &self.k6 {
            return Some(Script::K6(path));
        }
        if let Some(path) = &self.locust {
            return Some(Script::Locust(path));
        }
        self.burst.as_ref().map(|urls| Script::Burst(&urls.0))
    }

    /// What kind of test it is.
    pub fn kind(&self) -> Option<Kind> {
        self.script().map(|script| match script {
            Script::K6(_) => Kind::K6,
            Script::Locust(_) => Kind::Locust,
            Script::Burst(_) => Kind::Burst,
        })
    }

    /// Its load.
    pub fn load(&self) -> Load {
        let preset = self.preset.and_then(|preset| PRESETS.iter().find(|p| p.preset == preset));
        // A burst has no end but its number of requests, where that is given.
        let has_other_end = self.iterations.is_some() || !self.stages.is_empty();
        Load {
            users: self.users.map(|users| users.0).or_else(|| preset.map(|preset| preset.users)),
            spawn_rate: self.spawn_rate.map(|rate| rate.0).or_else(|| preset.map(|p| p.spawn_rate)),
            duration: self
                .duration
                .map(|time| time.0)
                .or_else(|| preset.filter(|_| !has_other_end).map(|preset| preset.duration)),
        }
    }
}

impl Phase {
    /// How it is marked.
    pub fn marks(&self) -> Marks<'_> {
        if self.stage.is_some() || self.scenario.is_some() {
            let stage = self.stage.map(|stage| stage.0);
            return Marks::Stage { stage, scenario: self.scenario.as_deref() };
        }
        let from = self.from.unwrap_or_default().0;
        Marks::Times { from, to: self.to.map(|to| to.0) }
    }
}

impl Baseline {
    /// See [`tolerance`](Self::tolerance).
    pub const DEFAULT_TOLERANCE: f64 = 0.2;

    /// How much worse is still as expected.
    pub fn tolerance(&self) -> f64 {
        self.tolerance.map_or(Self::DEFAULT_TOLERANCE, |share| share.0)
    }
}

impl Kind {
    /// The key that makes a scenario one of this kind.
    pub fn key(self) -> &'static str {
        match self {
            Self::K6 => "k6",
            Self::Locust => "locust",
            Self::Burst => "burst",
        }
    }
}

impl Scenario {
    /// The keys of [`script`](Self::script) that are given.
    pub(super) fn subjects(&self) -> Vec<Kind> {
        let given = [
            (Kind::K6, self.k6.is_some()),
            (Kind::Locust, self.locust.is_some()),
            (Kind::Burst, self.burst.is_some()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(kind, _)| kind).collect()
    }

    /// Keys that are given and do not concern its kind, each with the kinds it does.
    pub(super) fn strays(&self, kind: Kind) -> Vec<(Step, &'static [Kind])> {
        use Kind::{Burst, K6, Locust};
        let given: [(&str, bool, &'static [Kind]); 17] = [
            ("spawn_rate", self.spawn_rate.is_some(), &[Locust]),
            ("iterations", self.iterations.is_some(), &[K6, Burst]),
            ("stages", !self.stages.is_empty(), &[K6]),
            ("rate", self.rate.is_some(), &[Burst]),
            ("bursts", self.bursts.is_some(), &[Burst]),
            ("every", self.every.is_some(), &[Burst]),
            ("max_concurrency", self.max_concurrency.is_some(), &[Burst]),
            ("method", self.method.is_some(), &[Burst]),
            ("headers", !self.headers.is_empty(), &[Burst]),
            ("data", self.data.is_some(), &[Burst]),
            ("expect", !self.expect.is_empty(), &[Burst]),
            ("timeout", self.timeout.is_some(), &[Burst]),
            ("host", self.host.is_some(), &[Locust]),
            ("classes", !self.classes.is_empty(), &[Locust]),
            ("only_tags", !self.only_tags.is_empty(), &[Locust]),
            ("csv", self.csv.is_some(), &[Locust]),
            ("tags", !self.tags.is_empty(), &[K6]),
        ];
        given
            .into_iter()
            .filter(|(_, is_given, kinds)| *is_given && !kinds.contains(&kind))
            .map(|(key, _, kinds)| (Step::Key(key.to_owned()), kinds))
            .collect()
    }
}

impl<'de> Deserialize<'de> for Urls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Urls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL or a list of URLs")
            }

            fn visit_str<E: Error>(self, url: &str) -> Result<Urls, E> {
                Ok(Urls(vec![url.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Urls, A::Error> {
                let mut urls = Vec::new();
                while let Some(url) = list.next_element()? {
                    urls.push(url);
                }
                Ok(Urls(urls))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(json: &str) -> Scenario {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_preset_gives_way_to_what_the_plan_says() {
        let heavy =
            scenario(r#"{"name": "a", "locust": "l.py", "preset": "heavy", "users": 7}"#).load();
        assert_eq!(heavy.users, Some(7));
        assert_eq!(
            (heavy.spawn_rate, heavy.duration),
            (Some(50.0), Some(Duration::from_secs(600)))
        );
        let counted =
            scenario(r#"{"name": "a", "k6": "s.js", "preset": "smoke", "iterations": 5}"#).load();
        assert_eq!((counted.users, counted.duration), (Some(10), None));
    }

    #[test]
    fn what_a_scenario_runs_is_known_by_its_key() {
        let burst = scenario(r#"{"name": "a", "burst": ["http://a/", "http://b/"]}"#);
        assert_eq!(burst.kind(), Some(Kind::Burst));
        assert!(matches!(burst.script(), Some(Script::Burst([_, _]))));
        let strays = scenario(r#"{"name": "a", "k6": "s.js", "spawn_rate": 5}"#).strays(Kind::K6);
        assert_eq!(strays, [(Step::Key("spawn_rate".to_owned()), &[Kind::Locust][..])]);
    }
}
