//! Autoscalers: how soon they saw the load, how soon new pods were ready, and whether they swung.

use metrics::timeline::{ObservedSeries, Point};
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::{Analysis, Confidence, Evidence, Finding, Severity};
use crate::judge::moment;
use crate::quantity::{self, count, percent};
use crate::scaling::{Climb, LoadSpan};

/// Turns from up to down and back within ten minutes from which it swings.
const FLAPPING: f64 = 3.0;
/// Share of the run at the most replicas from which these are too few.
const AT_MOST: f64 = 0.2;
/// The sync period of the Kubernetes controller, seconds.
const SYNC_S: f64 = 15.0;

/// What an autoscaler did. Times are seconds after the run's start, or lengths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The autoscaler.
    pub name: String,
    /// Replicas at the start.
    pub from: f64,
    /// The most there were.
    pub most: f64,
    /// Replicas at the end.
    pub last: f64,
    /// The most it may have.
    pub max: Option<f64>,
    /// When its metric first passed its target.
    pub triggered_s: Option<f64>,
    /// From then (or the start of the load) until it first wanted more.
    pub detect_s: Option<f64>,
    /// From first wanting more until so many were ready.
    pub ready_s: Option<f64>,
    /// From the first change until the most were there.
    pub full_s: Option<f64>,
    /// Of that, the time its own rules took: from its first step to its last. Kubernetes adds 4 pods or doubles them in 15
    /// seconds at most, unless told otherwise. Known from events only.
    #[serde(default)]
    pub stair_s: Option<f64>,
    /// How often it turned from up to down or back.
    pub turns: u32,
    /// Time at its most replicas, to the whole run.
    pub at_max: f64,
    /// All of it in a sentence.
    pub text: String,
}

pub(super) fn look(facts: &Facts<'_>, analysis: &mut Analysis) {
    for current in facts.series("k8s_hpa_replicas_current") {
        if let Some(scaling) = of_one(facts, current) {
            judge(facts, &scaling, analysis);
            analysis.scaling.push(scaling);
        }
    }
}

fn of_one(facts: &Facts<'_>, current: &ObservedSeries) -> Option<Scaling> {
    let points = current.points_in(0.0, facts.run.end_s());
    let (first, last) = (points.first()?, points.last()?);
    let same = |name: &'static str| {
        let is_same = move |series: &&ObservedSeries| {
            series.tag("hpa") == current.tag("hpa")
                && series.tag("namespace") == current.tag("namespace")
        };
        facts.series(name).into_iter().find(is_same)
    };
    let desired = same("k8s_hpa_replicas_desired").unwrap_or(current);
    let most = points.iter().map(|p| p.max).fold(first.value, f64::max);
    let max = same("k8s_hpa_replicas_max").and_then(|s| s.points.last()).map(|p| p.value);
    let wanted = desired.points.iter().find(|p| p.at_s >= 0.0 && p.value > first.value);
    let triggered_s = triggered(facts, current);
    let load_s = facts.course.first().map(|(at, ..)| *at);
    let since = triggered_s.or(load_s);
    let detect_s = wanted.zip(since).map(|(wanted, since)| (wanted.at_s - since).max(0.0));
    let ready_s = wanted.and_then(|wanted| ready(facts, current, wanted));
    let full = points.iter().find(|p| p.max >= most).filter(|_| most > first.value);
    let full_s = full.zip(wanted).map(|(full, wanted)| (full.at_s - wanted.at_s).max(0.0));
    let at_max = max.map_or(0.0, |max| {
        let at = points.iter().filter(|p| p.value >= max).count();
        at as f64 / points.len() as f64
    });
    let climb = since.and_then(|since_s| climb(facts, current, since_s));
    let mut scaling = Scaling {
        name: current.tag("hpa").unwrap_or("autoscaler").to_owned(),
        from: first.value,
        most,
        last: last.value,
        max,
        triggered_s,
        detect_s: climb.as_ref().map(|climb| climb.detect_s.max(0.0)).or(detect_s),
        ready_s: climb.as_ref().and_then(|climb| climb.pods_s).or(ready_s),
        full_s,
        stair_s: climb.map(|climb| climb.stair_s),
        turns: turns(&desired.points),
        at_max,
        text: String::new(),
    };
    scaling.text = sentence(&scaling);
    Some(scaling)
}

/// The first climb as events tell it, which is more exact than samples.
fn climb(facts: &Facts<'_>, current: &ObservedSeries, since_s: f64) -> Option<Climb> {
    let start = facts.run.timeline.start_unix_ns;
    let began_unix_ns = start.saturating_add((since_s.max(0.0) * 1e9) as u64);
    let load = LoadSpan { began_unix_ns, ended_unix_ns: None };
    let is_same = |one: &crate::scaling::Scaling| {
        Some(one.hpa.as_str()) == current.tag("hpa")
            && current.tag("namespace").is_none_or(|namespace| namespace == one.namespace)
    };
    let all = crate::scaling::scaling(&facts.run.events, load);
    all.into_iter().find(is_same).and_then(|one| one.climbs.into_iter().next())
}

/// When the metric it follows first passed its target.
fn triggered(facts: &Facts<'_>, current: &ObservedSeries) -> Option<f64> {
    let hpa = current.tag("hpa");
    let of = |name: &'static str| {
        facts.series(name).into_iter().filter(move |s| s.tag("hpa") == hpa).collect::<Vec<_>>()
    };
    let targets = of("k8s_hpa_metric_target");
    of("k8s_hpa_metric_value")
        .into_iter()
        .filter_map(|value| {
            let target = targets.iter().find(|t| t.tag("metric") == value.tag("metric"))?;
            let limit = target.points.last()?.value;
            // The controller does nothing within a tenth of its target.
            value.points.iter().find(|p| p.at_s >= 0.0 && p.value > 1.1 * limit).map(|p| p.at_s)
        })
        .min_by(f64::total_cmp)
}

/// From wanting more until as many pods were ready: by the deployment, else by pods that became ready.
fn ready(facts: &Facts<'_>, current: &ObservedSeries, wanted: &Point) -> Option<f64> {
    let namespace = current.tag("namespace");
    let series = facts
        .series("k8s_deployment_ready")
        .into_iter()
        .filter(|s| namespace.is_none() || s.tag("namespace") == namespace)
        .collect::<Vec<_>>();
    let by_name = series.iter().find(|s| s.tag("deployment") == current.tag("hpa"));
    let deployment = by_name.or_else(|| series.first());
    let ready = deployment
        .and_then(|s| s.points.iter().find(|p| p.at_s >= wanted.at_s && p.value >= wanted.value));
    if let Some(ready) = ready {
        return Some(ready.at_s - wanted.at_s);
    }
    let events = facts.run.events_of("pod-ready").map(|event| facts.run.at_s(event));
    events.filter(|at_s| *at_s >= wanted.at_s).min_by(f64::total_cmp).map(|at_s| at_s - wanted.at_s)
}

fn turns(points: &[Point]) -> u32 {
    let mut turns = 0;
    let mut was_up = None;
    for pair in points.windows(2) {
        let [a, b] = pair else { continue };
        if a.value == b.value {
            continue;
        }
        let is_up = b.value > a.value;
        if was_up.is_some_and(|was| was != is_up) {
            turns += 1;
        }
        was_up = Some(is_up);
    }
    turns
}

fn sentence(s: &Scaling) -> String {
    if s.most <= s.from {
        return format!("{} stayed at {} replicas", s.name, count(s.from));
    }
    let mut text = format!("{} went from {} to {}", s.name, count(s.from), count(s.most));
    if let Some(full) = s.full_s {
        text.push_str(&format!(" within {}", quantity::seconds(full)));
    }
    if let Some(stair) = s.stair_s.filter(|stair| *stair >= 1.0) {
        text.push_str(&format!(
            ", of which {} are the steps of its own rules",
            quantity::seconds(stair)
        ));
    }
    if let Some(detect) = s.detect_s {
        let since =
            if s.triggered_s.is_some() { "its target was passed" } else { "the load began" };
        text.push_str(&format!("; it wanted more {} after {since}", quantity::seconds(detect)));
        if detect <= SYNC_S * 2.0 {
            text.push_str(", which is within two of Kubernetes' sync periods");
        }
    }
    if let Some(ready) = s.ready_s {
        text.push_str(&format!("; the new pods were ready {} later", quantity::seconds(ready)));
    }
    match s.turns {
        0 => {}
        1 => text.push_str("; it turned once"),
        n => text.push_str(&format!("; it turned {n} times")),
    }
    text
}

fn judge(facts: &Facts<'_>, s: &Scaling, analysis: &mut Analysis) {
    let per_ten_minutes = f64::from(s.turns) * 600.0 / facts.run.elapsed_s.max(600.0);
    if per_ten_minutes >= FLAPPING {
        analysis.find(
            Finding::new(
                "autoscaler-flaps",
                Severity::Warning,
                Confidence::High,
                format!("The autoscaler {} turned {} times", s.name, s.turns),
            )
            .evidence(Evidence::new("turns in ten minutes", quantity::plain(per_ten_minutes)))
            .advice(
                "Lengthen the autoscaler's stabilizationWindowSeconds, or its target's distance",
            ),
        );
    }
    if s.at_max > AT_MOST && s.max.is_some_and(|max| s.most >= max) && s.most > s.from {
        let max = s.max.unwrap_or(s.most);
        let cpu = facts.level(&["k8s_pod_cpu_limit_ratio", "k8s_pod_cpu_request_ratio"]);
        let is_busy = cpu.as_ref().is_some_and(|level| level.mean > 0.7) || facts.is_slow();
        let severity = if is_busy { Severity::Critical } else { Severity::Info };
        let mut finding = Finding::new(
            "autoscaler-at-max",
            severity,
            Confidence::High,
            format!(
                "The autoscaler {} was at its {} replicas for {} of the run",
                s.name,
                count(max),
                percent(s.at_max)
            ),
        )
        .evidence(Evidence::new("replicas", count(s.most)).limit(count(max)));
        if is_busy {
            finding =
                finding.advice("Raise the autoscaler's maxReplicas, or give each pod more CPU");
        }
        analysis.find(finding);
    }
    if s.most <= s.from
        && let Some(at_s) = s.triggered_s
    {
        analysis.find(
            Finding::new(
                "autoscaler-asleep",
                Severity::Warning,
                Confidence::High,
                format!("The autoscaler {} did not scale though its target was passed", s.name),
            )
            .evidence(Evidence::new("target passed", moment(at_s)).at(at_s))
            .advice("Check metrics-server, the CPU requests of the pods, and the autoscaler's conditions"),
        );
    }
}
