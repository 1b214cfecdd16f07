//! Whether a plan's criteria are ones, and whether anything in the plan can answer them.

use super::{Complaint, Complaints};
use crate::criterion::{self, Criterion, Subject};
use crate::probe::Probes;
use crate::suite::scenario::{Kind, Scenario};
use crate::suite::{Path, Suite};

pub(super) fn criterion(text: &str, path: Path, out: &mut Complaints) -> Option<Criterion> {
    match criterion::parse(text) {
        Ok(criterion) => Some(criterion),
        Err(error) => {
            let message = error.message;
            out.0.push(Complaint { path, column: Some(error.column), message });
            None
        }
    }
}

/// Whether a plan with these sections can answer the criterion at all.
pub(super) fn in_scenario(
    suite: &Suite,
    scenario: &Scenario,
    criterion: &Criterion,
    path: Path,
    out: &mut Complaints,
) {
    // Scenarios and stages of a script are phases too, and only the script knows them.
    let is_script = scenario.kind() == Some(Kind::K6);
    for name in criterion.phases().filter(|_| !is_script) {
        if !scenario.phases.iter().any(|phase| phase.name == name) {
            let names: Vec<_> = scenario.phases.iter().map(|phase| phase.name.as_str()).collect();
            let known = if names.is_empty() {
                "the scenario has no phases".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            };
            out.add(path.clone(), format!("there is no phase `{name}`: {known}"));
        }
    }
    let probes = suite.probes.iter().chain(&scenario.probes);
    let given: Vec<&str> = probes.flat_map(kinds).collect();
    let wanted: Option<(&str, &[&str])> = match &criterion.subject {
        Subject::PromQl { .. } => Some(("a Prometheus", &["prometheus"])),
        Subject::Restarts | Subject::OomKills => {
            Some(("a cluster or containers", &["kubernetes", "docker"]))
        }
        Subject::Evictions => Some(("a cluster", &["kubernetes"])),
        Subject::Series { name, .. } => series_source(name),
        _ => None,
    };
    if let Some((source, keys)) = wanted
        && !keys.iter().any(|key| given.contains(key))
    {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        let text = format!(
            "nothing can answer this: it needs {source}, and `probes` has no {}",
            keys.join(" or ")
        );
        out.add(path, text);
    }
}

/// The kinds of probes that are named.
fn kinds(probes: &Probes) -> Vec<&'static str> {
    let kinds = [
        ("prometheus", probes.prometheus.len()),
        ("kubernetes", probes.kubernetes.len()),
        ("docker", probes.docker.len()),
        ("postgres", probes.postgres.len()),
        ("redis", probes.redis.len()),
        ("logs", probes.logs.len()),
    ];
    kinds.into_iter().filter(|(_, n)| *n > 0).map(|(kind, _)| kind).collect()
}

/// Who observes a series, by the beginning of its name.
fn series_source(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    const SOURCES: &[(&str, &str, &[&str])] = &[
        ("prom_", "a Prometheus", &["prometheus"]),
        ("k8s_", "a cluster", &["kubernetes"]),
        ("docker_", "containers", &["docker"]),
        ("pg_", "a PostgreSQL", &["postgres"]),
        ("redis_", "a Redis", &["redis"]),
        ("log_matches", "logs with patterns", &["logs", "kubernetes", "docker"]),
    ];
    let source = SOURCES.iter().find(|(start, ..)| name.starts_with(start));
    source.map(|(_, source, keys)| (*source, *keys))
}

/// Over all scenarios only sums have a meaning.
pub(super) fn over_all(criterion: &Criterion, path: Path, out: &mut Complaints) {
    let is_sum = matches!(
        criterion.subject,
        Subject::Requests(_)
            | Subject::Failures(_)
            | Subject::ErrorRate(_)
            | Subject::SuccessRate(_)
            | Subject::Latency { .. }
            | Subject::Dropped
            | Subject::Checks { .. }
            | Subject::Restarts
            | Subject::OomKills
            | Subject::Evictions
    );
    let is_whole = criterion.scope.phase.is_none() && criterion.scope.every.is_none();
    if !is_sum || !is_whole {
        let text = "over all scenarios only sums and response times as a whole have a meaning: \
                    put it into a scenario";
        out.add(path, text);
    }
}

/// What can be known while a scenario runs.
pub(super) fn live(criterion: &Criterion, path: Path, out: &mut Complaints) {
    let is_live = matches!(
        criterion.subject,
        Subject::Latency { .. }
            | Subject::ErrorRate(_)
            | Subject::SuccessRate(_)
            | Subject::Throughput(_)
            | Subject::Requests(_)
            | Subject::Failures(_)
            | Subject::Dropped
            | Subject::Series { .. }
            | Subject::Restarts
            | Subject::OomKills
            | Subject::Evictions
    );
    if !is_live || criterion.scope.phase.is_some() {
        out.add(
            path,
            "a stop rule looks at one moment: it takes no phase, and nothing that needs the end",
        );
    }
}
