//! The generator, what users waited beyond the requests themselves, where throughput stopped, and the symptoms.

use metrics::Sink;
use plan::criterion::Quantity;

use super::facts::Facts;
use super::{Analysis, Confidence, Evidence, Finding, Severity};
use crate::judge::moment;
use crate::quantity::{self, per_second, percent};
use crate::trust::Verdict;

/// A CPU that is this busy is not what a slow answer waits for.
const LOW_CPU: f64 = 0.5;
/// A CPU that is this busy has nothing left for a burst.
const HIGH_CPU: f64 = 0.8;
/// Connections to their maximum from which none may be left for a moment.
const FULL_POOL: f64 = 0.9;
/// More errors than this are no accident.
const MANY_ERRORS: f64 = 0.01;
/// Outliers: the slowest in a thousand take this long though the slowest in a hundred are fine.
const OUTLIER_MS: f64 = 1_000.0;
/// Shortest window whose throughput is compared.
const WINDOW_S: f64 = 10.0;

fn ms(value: f64) -> String {
    quantity::text(Quantity::Milliseconds, value)
}

pub(super) fn generator(facts: &Facts<'_>, analysis: &mut Analysis) {
    let Some(check) = &facts.run.self_check else {
        if let Some(level) = facts.level(&["generator_cpu_cores"]) {
            analysis.unknown.push(format!(
                "whether the generator kept up: it used at most {} cores and was not checked otherwise",
                quantity::plain(level.peak)
            ));
        } else {
            analysis.unknown.push("whether the generator kept up: it was not checked".to_owned());
        }
        return;
    };
    let figures = |finding: Finding| {
        let finding = finding
            .evidence(Evidence::new("busiest core", percent(check.busiest_core)).limit("85%"))
            .evidence(Evidence::new("throttled by its quota", ms(check.throttled_ms)));
        if check.lateness_known {
            return finding.evidence(Evidence::new("lateness p99", ms(check.lateness_p99_ms)));
        }
        finding
    };
    let advice = "Give the load generator more cores, or spread the load over several of them";
    match check.verdict {
        Verdict::Valid => {
            let lateness = if check.lateness_known {
                format!(", started at most {} late in 99 of 100 cases", ms(check.lateness_p99_ms))
            } else {
                String::new()
            };
            let why = format!("busiest core {}{lateness}", percent(check.busiest_core));
            analysis.exonerate("load generator", why);
        }
        Verdict::Degraded => {
            let finding = Finding::new(
                "generator-degraded",
                Severity::Warning,
                Confidence::High,
                format!("The load generator barely kept up: {}", check.reasons.join("; ")),
            );
            analysis.find(figures(finding).advice(advice));
        }
        Verdict::Invalid => {
            let finding = Finding::new(
                "generator-limit",
                Severity::Critical,
                Confidence::High,
                format!("The load generator was the limit: {}", check.reasons.join("; ")),
            );
            analysis.find(
                figures(finding)
                    .cause("Latency and throughput say more about it than about the system")
                    .advice(advice),
            );
        }
    }
}

/// Where arrivals are scheduled, users wait from then on, not from when a request got out.
pub(super) fn intended(facts: &Facts<'_>, analysis: &mut Analysis) {
    let total = |name: &str| facts.run.totals.metrics.iter().find(|metric| metric.name == name);
    let Some(Sink::Trend(response)) = total("squall_response_time").map(|metric| &metric.sink)
    else {
        return;
    };
    if response.count() == 0 || facts.whole.latency.count() == 0 {
        return;
    }
    let (waited, took) = (response.percentile(95.0), facts.whole.latency.percentile(95.0));
    let requests_each = facts.whole.latency.count() as f64 / response.count() as f64;
    // An iteration of several requests takes longer than one of them, and that is no waiting.
    if requests_each > 1.2 || waited < took * 1.1 + 1.0 {
        return;
    }
    analysis.find(
        Finding::new(
            "waited-longer",
            Severity::Warning,
            Confidence::High,
            format!("Users waited {} (p95) where requests took {}", ms(waited), ms(took)),
        )
        .cause("Arrivals queued before they could start: the service time alone looks too good")
        .evidence(Evidence::new("p95 from the intended start", ms(waited)))
        .evidence(Evidence::new("p95 of the requests", ms(took))),
    );
}

/// A window of the run, for comparing throughput.
struct Slice {
    from_s: f64,
    offered: f64,
    achieved: f64,
    p95: f64,
    vus: f64,
}

fn slices(facts: &Facts<'_>) -> Vec<Slice> {
    let timeline = &facts.run.timeline;
    let length = WINDOW_S.max(timeline.step_s).min((facts.run.end_s() / 12.0).max(timeline.step_s));
    let n = (facts.run.end_s() / length).floor() as usize;
    (0..n)
        .map(|i| {
            let (from_s, to_s) = (i as f64 * length, (i + 1) as f64 * length);
            let window = timeline.window(from_s, to_s);
            let counts = timeline.counts_in(from_s, to_s);
            Slice {
                from_s,
                offered: (counts.iterations + counts.dropped) / length,
                achieved: window.goodput().unwrap_or(0.0),
                p95: window.latency.percentile(95.0),
                vus: counts.vus.unwrap_or(0.0),
            }
        })
        .collect()
}

/// Where more load brought no more answers.
pub(super) fn saturation(facts: &Facts<'_>, analysis: &mut Analysis) {
    let slices = slices(facts);
    let is_open = facts.run.timeline.metric("squall_arrival_lateness").is_some();
    if is_open {
        let dropped: f64 = facts.run.timeline.counts.iter().map(|counts| counts.dropped).sum();
        let lost = |i: &usize| {
            let part = slices.get(*i..*i + 3).unwrap_or_default();
            let counts = |s: &Slice| {
                let length = WINDOW_S.min(facts.run.end_s() / 12.0).max(facts.run.timeline.step_s);
                facts.run.timeline.counts_in(s.from_s, s.from_s + length).dropped / length
            };
            part.len() == 3 && part.iter().all(|s| s.offered > 0.0 && counts(s) > 0.05 * s.offered)
        };
        if let Some(at) = (0..slices.len()).find(lost) {
            let slice = &slices[at];
            analysis.find(
                Finding::new(
                    "saturated",
                    Severity::Critical,
                    Confidence::High,
                    format!(
                        "The system stopped following the offered load at about {}/s",
                        per_second(slice.achieved)
                    ),
                )
                .evidence(
                    Evidence::new("offered", format!("{}/s", per_second(slice.offered)))
                        .at(slice.from_s),
                )
                .evidence(Evidence::new(
                    "answered well",
                    format!("{}/s", per_second(slice.achieved)),
                ))
                .evidence(Evidence::new("arrivals dropped in all", quantity::count(dropped)))
                .advice("Find the limiting resource below, or lower the promised rate"),
            );
        }
        return;
    }
    // A closed loop: more users, the same throughput, longer waits.
    for (i, later) in slices.iter().enumerate() {
        let knee = slices[..i].iter().find(|s| {
            s.achieved > 0.0
                && later.vus >= 1.3 * s.vus
                && s.vus > 0.0
                && later.achieved <= 1.05 * s.achieved
                && later.p95 >= 1.3 * s.p95
        });
        let Some(knee) = knee else { continue };
        analysis.find(
            Finding::new(
                "saturated",
                Severity::Warning,
                Confidence::Medium,
                format!(
                    "More users brought no more answers beyond about {}/s",
                    per_second(knee.achieved)
                ),
            )
            .evidence(
                Evidence::new(
                    "users",
                    format!("{} to {}", quantity::count(knee.vus), quantity::count(later.vus)),
                )
                .at(knee.from_s),
            )
            .evidence(Evidence::new(
                "successful requests",
                format!("{}/s to {}/s", per_second(knee.achieved), per_second(later.achieved)),
            ))
            .evidence(Evidence::new("p95", format!("{} to {}", ms(knee.p95), ms(later.p95))))
            .advice("Find the limiting resource below, or lower the promised number of users"),
        );
        return;
    }
}

/// The table of symptoms: what slow answers together with the state of the resources point to.
pub(super) fn symptoms(facts: &Facts<'_>, analysis: &mut Analysis) {
    let cpu = facts.level(&["k8s_pod_cpu_limit_ratio", "docker_cpu_limit_ratio"]);
    if facts.is_slow() {
        let slow = Evidence::new("p99", ms(facts.p99)).limit(ms(facts.limit_ms));
        match &cpu {
            Some(cpu) if cpu.mean < LOW_CPU => {
                analysis.find(waiting(facts, slow, percent(cpu.mean), &cpu.label));
            }
            Some(cpu) if cpu.mean > HIGH_CPU || cpu.peak > 0.95 => analysis.find(
                Finding::new(
                    "under-provisioned",
                    Severity::Critical,
                    Confidence::High,
                    format!(
                        "p99 is {} while CPU is at {} of its limit",
                        ms(facts.p99),
                        percent(cpu.mean.max(cpu.peak))
                    ),
                )
                .cause("The application has too little CPU for this load")
                .evidence(slow)
                .evidence(
                    Evidence::new(cpu.label.clone(), percent(cpu.peak))
                        .limit("80%")
                        .at(cpu.peak_at_s),
                )
                .advice("Raise the autoscaler's maxReplicas, or give each pod more CPU"),
            ),
            Some(_) => {}
            None => analysis.unknown.push(
                "why p99 is above its limit: nobody watched CPU (--observe k8s=…, docker=…)"
                    .to_owned(),
            ),
        }
    } else if facts.p999 > OUTLIER_MS && facts.p999 > 3.0 * facts.p99 {
        analysis.find(
            Finding::new(
                "outliers",
                Severity::Warning,
                Confidence::Medium,
                format!("p99 is fine at {}, but p99.9 is {}", ms(facts.p99), ms(facts.p999)),
            )
            .cause("A few requests do much more work: N+1 queries, large results, cold caches")
            .evidence(Evidence::new("p99.9", ms(facts.p999)).limit(ms(OUTLIER_MS)))
            .evidence(Evidence::new("slowest", ms(facts.whole.latency.max())))
            .advice("Add caching or pagination to the requests with the longest tails"),
        );
    }
    if facts.error_rate() > MANY_ERRORS {
        exhaustion(facts, analysis);
    }
}

/// Slow without CPU: it waits for something, most often for its database.
fn waiting(facts: &Facts<'_>, slow: Evidence, cpu: String, label: &str) -> Finding {
    let query = facts.level(&["pg_query_mean_ms"]);
    let locks = facts.most("pg_locks_waiting").unwrap_or(0.0);
    let base = Finding::new(
        "slow-without-cpu",
        Severity::Critical,
        Confidence::Medium,
        format!("p99 is {} while CPU is only at {cpu} of its limit", ms(facts.p99)),
    )
    .evidence(slow)
    .evidence(Evidence::new(label, cpu).limit("50%"));
    match query {
        Some(query) if query.peak >= 0.1 * facts.p50.max(1.0) || locks > 0.0 => {
            let mut finding = base
                .cause("The application waits for slow queries of its database")
                .evidence(Evidence::new("mean query time, at most", ms(query.peak)).at(query.peak_at_s))
                .advice("Add indexes for, or rewrite, the statements that take most of the time");
            finding.confidence = Confidence::High;
            if locks > 0.0 {
                finding = finding.evidence(Evidence::new("sessions waiting for locks", quantity::count(locks)));
            }
            finding
        }
        Some(query) => Finding { confidence: Confidence::Low, ..base }
            .cause("It waits for something else than its database: a pool, a lock, another service")
            .evidence(Evidence::new("mean query time, at most", ms(query.peak)))
            .advice("Profile what a request waits for: connection pools, locks, calls to other services"),
        None => base
            .cause("The application waits, most likely for slow queries of its database")
            .advice("Add indexes for, or rewrite, slow queries; watch the database (--observe postgres=…) to be sure"),
    }
}

fn exhaustion(facts: &Facts<'_>, analysis: &mut Analysis) {
    let rate = facts.error_rate();
    let (used, max) = (facts.most("pg_connections_total"), facts.most("pg_connections_max"));
    let filled = used.zip(max).filter(|(_, max)| *max > 0.0).map(|(used, max)| used / max);
    let pool = facts
        .series("log_matches")
        .into_iter()
        .filter(|series| series.tag("pattern").is_some_and(|p| p.to_lowercase().contains("pool")))
        .find_map(|series| facts.level_of(series).filter(|level| level.peak > 0.0));
    let is_full = filled.is_some_and(|filled| filled >= FULL_POOL);
    let base = Finding::new(
        "many-errors",
        Severity::Critical,
        Confidence::Medium,
        format!(
            "{} of the requests failed ({} of {})",
            percent(rate),
            quantity::count(facts.whole.failures as f64),
            quantity::count(facts.whole.requests as f64)
        ),
    )
    .evidence(Evidence::new("error rate", percent(rate)).limit(percent(MANY_ERRORS)));
    if !is_full && pool.is_none() {
        let base = base.advice("Look at the kinds of errors and at the system's logs of that time");
        let known = match filled {
            Some(filled) => base.evidence(
                Evidence::new("database connections in use", percent(filled)).limit("90%"),
            ),
            None => {
                base.cause("Often the database's connections are exhausted; nobody watched them")
            }
        };
        return analysis.find(known);
    }
    let mut finding = base
        .cause("The database's connections, or the application's pool of them, are exhausted")
        .advice("Make the connection pool larger, or keep connections for a shorter time");
    finding.confidence = Confidence::High;
    if let Some(filled) = filled {
        finding = finding.evidence(
            Evidence::new("database connections in use", percent(filled)).limit(percent(FULL_POOL)),
        );
    }
    if let Some(pool) = pool {
        let text = format!("{} times, by {}", quantity::count(pool.peak), moment(pool.peak_at_s));
        finding = finding.evidence(Evidence::new(pool.label, text));
    }
    analysis.find(finding);
}
