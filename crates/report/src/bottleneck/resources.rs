//! CPU, memory, kills and restarts of the system under test.

use super::facts::{Facts, Level};
use super::statistics;
use super::{Analysis, Confidence, Evidence, Finding, Severity};
use crate::judge::moment;
use crate::quantity::{bytes, count, percent};

/// From here on a resource has nothing left for a burst.
const HIGH: f64 = 0.8;
/// From here on time taken away by a CPU quota is felt.
const THROTTLED: f64 = 0.1;
/// Mann and Kendall's statistic from which a rise is hardly chance.
const SURE: f64 = 3.0;

pub(super) fn look(facts: &Facts<'_>, analysis: &mut Analysis) {
    cpu(facts, analysis);
    throttling(facts, analysis);
    memory(facts, analysis);
    kills(facts, analysis);
}

fn cpu(facts: &Facts<'_>, analysis: &mut Analysis) {
    let names = ["k8s_pod_cpu_limit_ratio", "docker_cpu_limit_ratio"];
    let Some(level) = facts.level(&names) else {
        if let Some(level) = facts.level(&["k8s_pod_cpu_request_ratio"]) {
            analysis.unknown.push(format!(
                "how near the pods were to their CPU limit: they have none (at most {} of what they request)",
                percent(level.peak)
            ));
        }
        return;
    };
    if level.peak <= HIGH {
        let why = format!("at most {} of its limit ({})", percent(level.peak), level.label);
        return analysis.exonerate("CPU of the application", why);
    }
    // What a slow answer makes of it is told with the symptoms.
    if !facts.is_slow() {
        let finding = Finding::new(
            "cpu-high",
            Severity::Warning,
            Confidence::High,
            format!("CPU came to {} of its limit", percent(level.peak)),
        );
        analysis.find(
            finding
                .evidence(at_level(facts, &level, &names))
                .advice("Raise the autoscaler's maxReplicas, or give each pod more CPU"),
        );
    }
}

/// The peak, and whether it moves with latency.
fn at_level(facts: &Facts<'_>, level: &Level, names: &[&'static str]) -> Evidence {
    let mut all = names.iter().flat_map(|name| facts.series(name));
    let series = all.rfind(|series| series.label() == level.label);
    let moves = series.and_then(|series| facts.moves_with_latency(series));
    let what = match moves {
        Some(rho) if rho >= 0.5 => format!("{} (moves with p95, ρ = {rho:.2})", level.label),
        _ => level.label.clone(),
    };
    Evidence::new(what, percent(level.peak)).limit(percent(HIGH)).at(level.peak_at_s)
}

fn throttling(facts: &Facts<'_>, analysis: &mut Analysis) {
    let Some(level) = facts.level(&["docker_throttled_ratio"]) else { return };
    if level.mean < THROTTLED {
        return analysis
            .exonerate("CPU throttling", format!("{} of the time", percent(level.mean)));
    }
    analysis.find(
        Finding::new(
            "cpu-throttled",
            Severity::Warning,
            Confidence::High,
            format!("A CPU quota stopped {} {} of the time", level.label, percent(level.mean)),
        )
        .evidence(
            Evidence::new("throttled, at most", percent(level.peak))
                .limit(percent(THROTTLED))
                .at(level.peak_at_s),
        )
        .advice("Raise the CPU limit of the container, or take it away"),
    );
}

fn memory(facts: &Facts<'_>, analysis: &mut Analysis) {
    let ratios = ["k8s_pod_memory_limit_ratio", "docker_memory_limit_ratio"];
    let growing = leak(facts);
    let level = facts.level(&ratios);
    if let Some(level) = &level
        && level.peak > HIGH
    {
        let mut finding = Finding::new(
            "memory-high",
            Severity::Critical,
            Confidence::High,
            format!("Memory came to {} of its limit", percent(level.peak)),
        )
        .cause("A memory leak, or large objects")
        .evidence(
            Evidence::new(level.label.clone(), percent(level.peak))
                .limit(percent(HIGH))
                .at(level.peak_at_s),
        )
        .advice("Profile the application's memory, and keep fewer or smaller objects");
        if let Some((evidence, _)) = growing {
            finding = finding.evidence(evidence);
        }
        return analysis.find(finding);
    }
    if let Some((evidence, claim)) = growing {
        return analysis.find(
            Finding::new("memory-grows", Severity::Warning, Confidence::Medium, claim)
                .cause("Perhaps a memory leak; a longer run tells")
                .evidence(evidence)
                .advice("Profile the application's memory, and keep fewer or smaller objects"),
        );
    }
    if let Some(level) = level {
        let why = format!("at most {} of its limit ({})", percent(level.peak), level.label);
        analysis.exonerate("memory of the application", why);
    }
}

/// The fastest steady growth of memory while the load is at its height.
fn leak(facts: &Facts<'_>) -> Option<(Evidence, String)> {
    let (from_s, to_s) = facts.height;
    if to_s - from_s < 30.0 {
        return None;
    }
    let names = ["k8s_pod_memory_bytes", "docker_memory_bytes", "redis_memory_bytes"];
    let all = names.iter().flat_map(|name| facts.series(name));
    let mut worst: Option<(f64, Evidence, String)> = None;
    for series in all {
        let points: Vec<(f64, f64)> =
            series.points_in(from_s, to_s).iter().map(|p| (p.at_s, p.value)).collect();
        let Some(trend) = statistics::trend(&points) else { continue };
        let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
        let share = trend.slope * (last.0 - first.0) / first.1.max(1.0);
        if trend.z < SURE
            || share < 0.1
            || worst.as_ref().is_some_and(|(known, ..)| *known >= share)
        {
            continue;
        }
        let per_minute = trend.slope * 60.0;
        let evidence = Evidence::new(
            series.label(),
            format!("{} to {}, {} a minute", bytes(first.1), bytes(last.1), bytes(per_minute)),
        )
        .at(first.0);
        let claim = format!(
            "Memory grew by {} while the load was steady ({})",
            percent(share),
            series.label()
        );
        worst = Some((share, evidence, claim));
    }
    worst.map(|(_, evidence, claim)| (evidence, claim))
}

fn kills(facts: &Facts<'_>, analysis: &mut Analysis) {
    let by_events = |kinds: &[&str]| {
        let of_kind = |event: &&metrics::Event| kinds.contains(&event.kind.as_str());
        facts.run.events.iter().filter(of_kind).collect::<Vec<_>>()
    };
    let grown = |names: [&'static str; 2]| -> f64 {
        names.into_iter().filter_map(|name| facts.growth(name)).sum()
    };
    let told = |finding: Finding, events: &[&metrics::Event]| {
        events.iter().take(5).fold(finding, |finding, event| {
            let at_s = facts.run.at_s(event);
            finding.evidence(Evidence::new(event.subject.clone(), moment(at_s)).at(at_s))
        })
    };
    let killed = by_events(&["oom-killed"]);
    let kills = grown(["k8s_oom_kills", "docker_oom_kills"]).max(killed.len() as f64);
    if kills > 0.0 {
        let claim = format!(
            "{} killed for want of memory",
            times(kills, "container was", "containers were")
        );
        let finding = Finding::new("oom-killed", Severity::Critical, Confidence::High, claim)
            .advice("Raise the memory limit, and profile what fills it");
        analysis.find(told(finding, &killed));
    }
    let restarted = by_events(&["pod-restarted", "container-restarted"]);
    let restarts = grown(["k8s_pod_restarts", "docker_restarts"]).max(restarted.len() as f64);
    if restarts > 0.0 {
        let claim = format!("{} during the run", times(restarts, "restart", "restarts"));
        let finding = Finding::new("restarts", Severity::Critical, Confidence::High, claim)
            .advice("Read the log of the container before its restart");
        analysis.find(told(finding, &restarted));
    }
    let evicted = by_events(&["evicted"]);
    if !evicted.is_empty() {
        let claim = times(evicted.len() as f64, "pod was evicted", "pods were evicted");
        let finding = Finding::new("evicted", Severity::Critical, Confidence::High, claim)
            .advice("Give the node more memory or disk, or the pods requests that fit it");
        analysis.find(told(finding, &evicted));
    }
    let is_watched = facts
        .run
        .timeline
        .observed
        .iter()
        .any(|s| s.metric.starts_with("k8s_pod") || s.metric.starts_with("docker_"));
    if is_watched && kills == 0.0 && restarts == 0.0 {
        analysis.exonerate("stability", "no restart, no kill for want of memory");
    }
}

fn times(n: f64, one: &str, many: &str) -> String {
    if n == 1.0 { format!("1 {one}") } else { format!("{} {many}", count(n)) }
}
