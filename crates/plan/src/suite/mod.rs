//! A suite: several tests one after the other, what is watched meanwhile, and what must hold. Plain data, as a plan file
//! has it; `squall-suite` reads the file, `report` judges by the criteria.
//!
//! Everything that can be told wrong without looking at files or the network is found by [`Suite::check`], each thing with
//! the [`Path`] of the value that is to blame, so that whoever read the file can name its line.
//!
//! Start reading at [`Suite`], then [`Scenario`].

mod check;
mod command;
mod gate;
mod path;
mod scenario;
mod values;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::probe::{Probes, Query};

pub use check::Complaint;
pub use command::Command;
pub use gate::{Cluster, Gate, Readiness};
pub use path::{Path, Step};
pub use scenario::{
    Baseline, Kind, Load, Marks, PRESETS, Phase, Preset, PresetLoad, Scenario, Script, Urls,
};
pub use values::{Amount, PerSecond, Share, Time};

/// A plan file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What the suite is called.
    pub suite: String,
    /// What it is for, for the report.
    #[serde(default)]
    pub description: Option<String>,
    /// Sentences for the report.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Who decides on the approval; the report has a line for each.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// Names for `${name}` in every text of the plan.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// The bundled target, started on free ports before everything else; `${target.url}`, `${target.host}`,
    /// `${target.grpc}` and `${target.kubeconfig}` say where it is.
    #[serde(default)]
    pub target: Option<DemoTarget>,
    /// Ports of a cluster's services to forward for as long as the suite runs: `[LOCAL:]svc/NAME:PORT`; `${forward.NAME}` is
    /// the local address.
    #[serde(default)]
    pub forwards: Vec<Forward>,
    /// What is watched during every scenario.
    #[serde(default)]
    pub probes: Option<Probes>,
    /// What must answer before anything is done.
    #[serde(default)]
    pub ready: Vec<Gate>,
    /// What is done before the first scenario.
    #[serde(default)]
    pub setup: Vec<Command>,
    /// What is done after the last one, however the suite ended.
    #[serde(default)]
    pub teardown: Vec<Command>,
    /// Variables of every scenario, as `__ENV` of scripts and in the environment of locustfiles.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Tags of every scenario's samples.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The pause between two scenarios, unless the first of them has its own.
    #[serde(default)]
    pub cool_down: Option<Time>,
    /// What runs, in this order.
    pub scenarios: Vec<Scenario>,
    /// What must hold of the sums over all scenarios.
    #[serde(default)]
    pub criteria: Vec<String>,
    /// What ends the suite early.
    #[serde(default)]
    pub stop: Vec<StopRule>,
    /// How the report is written.
    #[serde(default)]
    pub report: ReportSettings,
}

/// The bundled target's settings: those of `squall demo-target`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoTarget {
    /// How long every answer takes: a duration, `mix` or `off`.
    pub delay: Option<String>,
    /// How long a sum takes from gRPC to the totalizer.
    pub pipeline_delay: Option<Time>,
    /// `AT:LENGTH`: stop answering once.
    pub stall: Option<String>,
    /// The share of requests that fail.
    pub fail: Option<Share>,
    /// What they answer.
    pub fail_status: Option<Amount>,
    /// Whether gRPC is served too.
    pub grpc: bool,
    /// Whether there is a simulated cluster too, in which an autoscaler acts.
    pub cluster: bool,
}

/// A port of a service in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// `[LOCAL:]svc/NAME:PORT`, `[LOCAL:]pod/NAME:PORT` or `[LOCAL:]deploy/NAME:PORT`.
    pub to: String,
    /// The namespace, if not the context's.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The context of the kubeconfig, if not the current one.
    #[serde(default)]
    pub context: Option<String>,
    /// The kubeconfig, if not the user's.
    #[serde(default)]
    pub kubeconfig: Option<String>,
}

impl Forward {
    /// The name of the service or pod; `${forward.NAME}` is the local address.
    pub fn name(&self) -> &str {
        name_of_forward(&self.to)
    }
}

/// `api` of `8010:svc/api:80`.
pub fn name_of_forward(to: &str) -> &str {
    let (_, rest) = to.split_once('/').unwrap_or(("", to));
    rest.rsplit_once(':').map_or(rest, |(name, _)| name)
}

/// Something that ends the suite early.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopRule {
    /// `fail`: a scenario's verdict is FAIL. Else a criterion that must not be missed, looked at once a second while a
    /// scenario runs: `error_rate < 20%`.
    pub when: StopWhen,
    /// How long it must have been missed without a break.
    #[serde(default, rename = "for")]
    pub lasting: Option<Time>,
}

/// See [`StopRule::when`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopWhen {
    /// A scenario failed.
    Fail,
    /// This does not hold.
    Missed(String),
}

impl<'de> Deserialize<'de> for StopWhen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.as_str() {
            "fail" | "FAIL" => Self::Fail,
            _ => Self::Missed(text),
        })
    }
}

/// How the report is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// Its headline, if not the suite's name.
    pub title: Option<String>,
    /// The user's own template, beside the plan.
    pub template: Option<String>,
    /// Where the report in Markdown also goes, as `docs/load-testing-report.md`; relative to the plan.
    pub file: Option<String>,
}

impl Suite {
    /// Everything that is wrong with it, in the order of the plan; nothing where it can be run.
    pub fn check(&self) -> Vec<Complaint> {
        check::suite(self)
    }

    /// What is watched during a scenario: the suite's probes and its own, each with a name, and the queries its criteria
    /// ask a Prometheus. A plan that was checked has no error here.
    pub fn probes_of(&self, scenario: &Scenario) -> Probes {
        let mut probes = self.probes.clone().unwrap_or_default();
        if let Some(own) = &scenario.probes {
            probes.add(own.clone());
        }
        // Whatever is wrong with them was complained about where they stand.
        let _ = probes.complete();
        let criteria =
            scenario.criteria.iter().filter_map(|text| crate::criterion::parse(text).ok());
        for (name, query) in criteria.filter_map(|criterion| {
            criterion.promql().map(|(name, query)| (name, query.to_owned()))
        }) {
            if let Some(prometheus) = probes.prometheus.first_mut() {
                prometheus.queries.insert(name, Query { promql: query, at_end: false });
            }
        }
        probes
    }
}
