//! PostgreSQL and Redis: what they say of themselves.

use metrics::Table;
use plan::criterion::Quantity;
use serde_json::Value;

use super::facts::Facts;
use super::{Analysis, Confidence, Evidence, Finding, Severity};
use crate::quantity::{self, bytes, count, percent};

/// Connections in use to the maximum.
const FULL: f64 = 0.9;
/// A cache that answers less than this reads much from disk.
const CACHE_HITS: f64 = 0.95;
/// Seconds a session may idle within a transaction.
const IDLE_S: f64 = 5.0;
/// One statement with this share of the database's time is worth a look.
const TOP_SHARE: f64 = 0.4;
/// Redis runs commands on one thread.
const REDIS_CPU: f64 = 0.9;
/// A cache that answers less than this hardly is one.
const REDIS_HITS: f64 = 0.8;
/// Calls of one statement for each request that hint at N+1 queries.
const MANY_CALLS: f64 = 5.0;

fn ms(value: f64) -> String {
    quantity::text(Quantity::Milliseconds, value)
}

fn warning(id: &str, claim: String) -> Finding {
    Finding::new(id, Severity::Warning, Confidence::High, claim)
}

pub(super) fn postgres(facts: &Facts<'_>, analysis: &mut Analysis) {
    let is_watched = facts.run.timeline.observed.iter().any(|s| s.metric.starts_with("pg_"));
    if !is_watched {
        return analysis
            .unknown
            .push("the database: nobody watched it (--observe postgres=…)".into());
    }
    connections(facts, analysis);
    waits(facts, analysis);
    if let Some(level) = facts.level(&["pg_cache_hit_ratio"]) {
        let share = percent(level.mean);
        if level.mean < CACHE_HITS {
            analysis.find(
                warning(
                    "pg-cache",
                    format!("Only {share} of the database's reads came from memory"),
                )
                .evidence(Evidence::new(level.label, share).limit(percent(CACHE_HITS)))
                .advice(
                    "Give PostgreSQL more shared_buffers, or read less (indexes, smaller results)",
                ),
            );
        } else {
            analysis.exonerate("database cache", format!("{share} of the reads came from memory"));
        }
    }
    for (name, id, claim, advice) in [
        (
            "pg_deadlocks",
            "pg-deadlocks",
            "deadlocks in the database",
            "Take locks in the same order everywhere, and keep transactions short",
        ),
        (
            "pg_temp_bytes",
            "pg-temp",
            "of temporary files were written by the database",
            "Raise work_mem, or sort and hash less: indexes, smaller results",
        ),
    ] {
        let grown = facts.growth(name).unwrap_or(0.0);
        let text = if name.ends_with("_bytes") { bytes(grown) } else { count(grown) };
        if grown > if name.ends_with("_bytes") { 16e6 } else { 0.0 } {
            let finding = warning(id, format!("{text} {claim}"));
            analysis.find(finding.evidence(Evidence::new(name, text)).advice(advice));
        }
    }
    statements(facts, analysis);
}

fn connections(facts: &Facts<'_>, analysis: &mut Analysis) {
    let Some(used) = facts.level(&["pg_connections_total"]) else { return };
    let Some(max) = facts.most("pg_connections_max").filter(|max| *max > 0.0) else { return };
    let share = used.peak / max;
    let figures = format!("{} of {}", count(used.peak), count(max));
    if share < FULL {
        return analysis
            .exonerate("database connections", format!("at most {figures} ({})", percent(share)));
    }
    analysis.find(
        warning("pg-connections", format!("The database's connections came to {figures}"))
            .evidence(Evidence::new("connections", figures).limit(percent(FULL)).at(used.peak_at_s))
            .advice("Put a pool before the database, or raise max_connections"),
    );
}

fn waits(facts: &Facts<'_>, analysis: &mut Analysis) {
    match facts.level(&["pg_locks_waiting"]) {
        Some(level) if level.peak >= 1.0 => {
            let mut finding = warning(
                "pg-locks",
                format!(
                    "{} sessions of the database waited for locks at one time",
                    count(level.peak)
                ),
            )
            .evidence(Evidence::new(level.label, count(level.peak)).at(level.peak_at_s))
            .advice("Keep transactions short, and touch hot rows last in them");
            for event in facts.run.events_of("blocked").take(3) {
                let at_s = facts.run.at_s(event);
                finding = finding
                    .evidence(Evidence::new(event.subject.clone(), event.text.clone()).at(at_s));
            }
            analysis.find(finding);
        }
        Some(_) => analysis.exonerate("database locks", "nobody waited for one"),
        None => {}
    }
    if let Some(level) = facts.level(&["pg_idle_in_transaction_max_s"])
        && level.peak > IDLE_S
    {
        let longest = quantity::seconds(level.peak);
        analysis.find(
            warning("pg-idle", format!("A session held its transaction open idly for {longest}"))
                .evidence(
                    Evidence::new(level.label, longest)
                        .limit(quantity::seconds(IDLE_S))
                        .at(level.peak_at_s),
                )
                .advice("Commit before waiting for anything else, and set idle_in_transaction_session_timeout"),
        );
    }
}

/// A statement of a table that a probe made.
struct Statement {
    text: String,
    total_ms: f64,
    calls: f64,
}

fn read(table: &Table) -> Vec<Statement> {
    let column =
        |names: &[&str]| table.columns.iter().position(|column| names.contains(&column.as_str()));
    let text = column(&["query", "statement"]);
    let total = column(&["total_ms", "total_exec_time_ms", "total_time_ms"]);
    let calls = column(&["calls"]);
    let (Some(text), Some(total)) = (text, total) else { return Vec::new() };
    let number = |row: &[Value], at: usize| row.get(at).and_then(Value::as_f64).unwrap_or(0.0);
    table
        .rows
        .iter()
        .map(|row| Statement {
            text: row.get(text).and_then(Value::as_str).unwrap_or_default().to_owned(),
            total_ms: number(row, total),
            calls: calls.map_or(0.0, |at| number(row, at)),
        })
        .collect()
}

fn statements(facts: &Facts<'_>, analysis: &mut Analysis) {
    let tables = facts.run.tables.iter().filter(|table| table.source == "postgres");
    let mut all: Vec<Statement> = tables.flat_map(read).collect();
    all.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
    let whole: f64 = all.iter().map(|statement| statement.total_ms).sum();
    let Some(top) = all.first().filter(|_| whole > 0.0) else { return };
    let share = top.total_ms / whole;
    let shown = |statement: &Statement| crate::short::shorten(&statement.text, 120);
    // What takes no time at all is no bottleneck however large its share.
    let cores = whole / 1e3 / facts.run.elapsed_s.max(1.0);
    if share >= TOP_SHARE && cores >= 0.1 {
        analysis.find(
            warning(
                "pg-top-statement",
                format!("One statement took {} of the database's time", percent(share)),
            )
            .evidence(Evidence::new(shown(top), ms(top.total_ms)))
            .evidence(Evidence::new("its calls", count(top.calls)))
            .advice("Add indexes for, or rewrite, the statements that take most of the time"),
        );
    }
    let requests = facts.whole.requests as f64;
    let many = all.iter().find(|s| requests > 0.0 && s.calls / requests >= MANY_CALLS);
    if let Some(many) = many {
        let each = quantity::plain(many.calls / requests);
        let mut finding =
            warning("pg-n-plus-one", format!("One statement ran {each} times for each request"))
                .cause("Likely N+1 queries: one for a list, then one for each of its items")
                .evidence(Evidence::new(shown(many), format!("{} calls", count(many.calls))))
                .advice("Fetch the items of a list with one statement (a join, or IN)");
        finding.confidence = Confidence::Medium;
        analysis.find(finding);
    }
}

pub(super) fn redis(facts: &Facts<'_>, analysis: &mut Analysis) {
    let is_watched = facts.run.timeline.observed.iter().any(|s| s.metric.starts_with("redis_"));
    if !is_watched {
        return;
    }
    let before = analysis.findings.len();
    if let Some(level) = facts.level(&["redis_cpu_cores"])
        && level.peak >= REDIS_CPU
    {
        analysis.find(
            warning("redis-cpu", format!("Redis used {} of its one core", percent(level.peak)))
                .evidence(
                    Evidence::new(level.label, quantity::plain(level.peak))
                        .limit(quantity::plain(REDIS_CPU))
                        .at(level.peak_at_s),
                )
                .advice("Avoid slow commands (KEYS, large ranges), pipeline, or spread keys over a cluster"),
        );
    }
    if let Some(level) = facts.level(&["redis_hit_ratio"])
        && level.mean < REDIS_HITS
    {
        let share = percent(level.mean);
        analysis.find(
            warning("redis-hits", format!("Only {share} of the reads found their key in Redis"))
                .evidence(Evidence::new(level.label, share).limit(percent(REDIS_HITS)))
                .advice("Cache for longer, or warm the cache before the load"),
        );
    }
    if let Some(evicted) = facts.most("redis_evicted_keys")
        && evicted > 0.0
    {
        analysis.find(
            warning(
                "redis-evictions",
                format!("Redis evicted {} keys to make room", count(evicted)),
            )
            .evidence(Evidence::new("redis_evicted_keys", count(evicted)))
            .advice("Give Redis more memory, or cache less"),
        );
    }
    if let Some(level) = facts.level(&["redis_blocked_clients"])
        && level.mean >= 1.0
    {
        let clients = count(level.peak);
        let mut finding =
            warning("redis-blocked", format!("Up to {clients} clients were blocked in Redis"))
                .evidence(Evidence::new(level.label, clients).at(level.peak_at_s))
                .advice("Check whether the blocking commands are meant (queues are)");
        finding.severity = Severity::Info;
        analysis.find(finding);
    }
    if analysis.findings.len() == before {
        let hits = facts.level(&["redis_hit_ratio"]);
        let hits = hits.map_or_else(String::new, |level| format!(", {} hits", percent(level.mean)));
        let cpu = facts.level(&["redis_cpu_cores"]);
        let cpu = cpu.map_or_else(
            || "no evictions".to_owned(),
            |level| format!("at most {} of a core", percent(level.peak)),
        );
        analysis.exonerate("Redis", format!("{cpu}{hits}"));
    }
}
