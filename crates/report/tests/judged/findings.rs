//! Each rule on a run with the fault it is for, and on one without it.

use metrics::{Table, builtin};
use plan::criterion::parse;
use report::RunData;
use report::bottleneck::{Analysis, Confidence, Severity, analyse};
use serde_json::json;

use crate::sample::{Sample, fields, self_check, steady};

fn analysed(run: &RunData) -> Analysis {
    analyse(run, &[])
}

#[track_caller]
fn check(sample: &Sample, id: &str, severity: Severity, claim: &str) -> Analysis {
    let analysis = analysed(&sample.finish());
    let found = analysis.findings.iter().find(|finding| finding.id == id);
    let found = found.unwrap_or_else(|| panic!("{id} was not found: {analysis:#?}"));
    assert_eq!((found.severity, found.claim.as_str()), (severity, claim));
    assert!(!found.evidence.is_empty(), "every finding has its numbers");
    analysis
}

#[track_caller]
fn has_not(sample: &Sample, id: &str) {
    let analysis = analysed(&sample.finish());
    assert!(analysis.findings.iter().all(|finding| finding.id != id), "{id}: {analysis:#?}");
}

fn exonerated(analysis: &Analysis) -> Vec<&str> {
    analysis.exonerated.iter().map(|one| one.resource.as_str()).collect()
}

/// A minute of requests that take so long, with pods that use so much.
fn with_pods(ms: f64, cpu: f64, memory: f64) -> Sample {
    let mut sample = Sample::new();
    for _ in 0..60 {
        sample.requests("GET /", 50, ms).vus(20.0);
        sample.gauge("k8s_pod_cpu_limit_ratio", &[("pod", "api-1")], cpu);
        sample.gauge("k8s_pod_memory_limit_ratio", &[("pod", "api-1")], memory).tick();
    }
    sample
}

#[test]
fn slow_answers_without_cpu_point_to_the_database() {
    let claim = "p99 is 800ms while CPU is only at 30% of its limit";
    let mut sample = with_pods(800.0, 0.3, 0.4);
    let analysis = check(&sample, "slow-without-cpu", Severity::Critical, claim);
    assert_eq!(analysis.findings[0].confidence, Confidence::Medium, "nobody watched it");
    assert!(analysis.unknown.iter().any(|text| text.starts_with("the database")));
    assert_eq!(
        exonerated(&analysis),
        ["load generator", "CPU of the application", "memory of the application", "stability"]
    );

    for _ in 0..5 {
        sample.requests("GET /", 50, 800.0).vus(20.0);
        sample.gauge("pg_query_mean_ms", &[("probe", "db")], 350.0);
        sample.gauge("pg_locks_waiting", &[("probe", "db")], 0.0).tick();
    }
    let analysis = analysed(&sample.finish());
    let found = analysis.findings.iter().find(|f| f.id == "slow-without-cpu").unwrap();
    assert_eq!(found.confidence, Confidence::High);
    assert!(found.cause.contains("slow queries"));
    has_not(&with_pods(100.0, 0.3, 0.4), "slow-without-cpu");
    // A criterion says how slow is too slow.
    let strict = [parse("p(99) < 50ms").unwrap()];
    let analysis = analyse(&with_pods(100.0, 0.3, 0.4).finish(), &strict);
    assert!(analysis.findings.iter().any(|f| f.id == "slow-without-cpu"));
}

#[test]
fn slow_answers_with_a_busy_cpu_are_under_provisioned() {
    let claim = "p99 is 800ms while CPU is at 97% of its limit";
    let analysis =
        check(&with_pods(800.0, 0.97, 0.4), "under-provisioned", Severity::Critical, claim);
    assert_eq!(
        analysis.recommendations[0],
        "Raise the autoscaler's maxReplicas, or give each pod more CPU"
    );
    check(
        &with_pods(100.0, 0.9, 0.4),
        "cpu-high",
        Severity::Warning,
        "CPU came to 90% of its limit",
    );
}

#[test]
fn memory_that_is_high_or_grows_is_told() {
    let claim = "Memory came to 85% of its limit";
    check(&with_pods(100.0, 0.3, 0.85), "memory-high", Severity::Critical, claim);
    let mut sample = Sample::new();
    for second in 0..120 {
        sample.requests("GET /", 10, 20.0).vus(5.0);
        let bytes = 100e6 + 1e6 * f64::from(second);
        sample.gauge("docker_memory_bytes", &[("container", "api")], bytes).tick();
    }
    let analysis = analysed(&sample.finish());
    let found = analysis.findings.iter().find(|f| f.id == "memory-grows").unwrap();
    assert!(found.claim.starts_with("Memory grew by 59"), "{}", found.claim);
}

#[test]
fn many_errors_with_full_connections_are_exhaustion() {
    let mut sample = Sample::new();
    for _ in 0..30 {
        sample.requests("GET /", 95, 50.0).failures("GET /", 5, 10.0);
        sample.gauge("pg_connections_total", &[], 98.0).gauge("pg_connections_max", &[], 100.0);
        sample.gauge("log_matches", &[("log", "api"), ("pattern", "pool_timeout")], 7.0).tick();
    }
    let claim = "5% of the requests failed (150 of 3,000)";
    let analysis = check(&sample, "many-errors", Severity::Critical, claim);
    let found = &analysis.findings[0];
    assert_eq!((found.id.as_str(), found.confidence), ("many-errors", Confidence::High));
    assert!(found.cause.contains("connections"), "{}", found.cause);
    check(
        &sample,
        "pg-connections",
        Severity::Warning,
        "The database's connections came to 98 of 100",
    );
    check(&sample, "errors-unavailable", Severity::Warning, "The service was not available");
    check(&sample, "log-matches", Severity::Info, "The log api had pool_timeout 7 times");
}

#[test]
fn a_fine_p99_with_a_bad_tail_has_outliers() {
    let mut sample = Sample::new();
    for second in 0..50 {
        sample.requests("GET /", 1_000, 250.0);
        if second % 5 == 0 {
            sample.requests("GET /report", 20, 4_000.0);
        }
        sample.tick();
    }
    let analysis = analysed(&sample.finish());
    let found = analysis.findings.iter().find(|f| f.id == "outliers").unwrap();
    assert!(found.claim.starts_with("p99 is fine at 24"), "{}", found.claim);
    has_not(&steady(20, 100, 250.0), "outliers");
}

#[test]
fn kills_and_restarts_are_critical() {
    let mut sample = steady(10, 10, 20.0);
    sample.event("kubernetes", "oom-killed", "api-1").tick();
    check(&sample, "oom-killed", Severity::Critical, "1 container was killed for want of memory");
    sample.event("docker", "container-restarted", "db").event(
        "docker",
        "container-restarted",
        "db",
    );
    sample.tick();
    check(&sample, "restarts", Severity::Critical, "2 restarts during the run");
}

#[test]
fn the_generator_comes_first() {
    let mut sample = with_pods(800.0, 0.97, 0.4);
    sample.self_check = Some(self_check(report::Verdict::Invalid));
    let analysis = check(
        &sample,
        "generator-limit",
        Severity::Critical,
        "The load generator was the limit: a core was busy for 99% of the time",
    );
    assert!(!exonerated(&analysis).contains(&"load generator"));
    sample.self_check = None;
    let analysis = analysed(&sample.finish());
    assert!(analysis.unknown[0].starts_with("whether the generator kept up"));
}

#[test]
fn more_users_without_more_answers_is_saturation() {
    let mut sample = Sample::new();
    for second in 0..120u64 {
        let users = 10 + second;
        let answered = users.min(60);
        sample.requests("GET /", answered * 5, 20.0 * (users as f64 / answered as f64).powi(2));
        sample.vus(users as f64).tick();
    }
    let analysis = analysed(&sample.finish());
    let found = analysis.findings.iter().find(|f| f.id == "saturated").unwrap();
    assert!(
        found.claim.starts_with("More users brought no more answers beyond about "),
        "{}",
        found.claim
    );
    has_not(&steady(60, 50, 20.0), "saturated");
}

#[test]
fn dropped_arrivals_are_saturation_of_an_open_loop() {
    let mut sample = Sample::new();
    for second in 0..120 {
        let dropped = if second >= 60 { 40.0 } else { 0.0 };
        sample.requests("GET /", 100, 20.0).own(builtin::ITERATIONS, 100.0);
        sample.own(builtin::ARRIVAL_LATENESS, 0.1).own(builtin::DROPPED_ITERATIONS, dropped).tick();
    }
    let claim = "The system stopped following the offered load at about 100/s";
    check(&sample, "saturated", Severity::Critical, claim);
}

#[test]
fn a_queue_that_grows_at_a_steady_rate_has_no_end() {
    let run = |capacity: u64| {
        let mut sample = Sample::new();
        let mut under_way = 5;
        for _ in 0..120 {
            let ended = capacity.min(100);
            under_way += 100 - ended;
            sample.requests("GET /", ended, 10.0 + under_way as f64 * 2.0);
            (0..ended).for_each(|_| {
                sample.own(builtin::ITERATIONS, 1.0);
            });
            sample.own(builtin::ARRIVAL_LATENESS, 0.1).vus(under_way as f64).tick();
        }
        sample
    };
    let claim = "At 100/s the queue grew by 4 a second: at this rate it has no end";
    check(&run(96), "queue-grows", Severity::Critical, claim);
    has_not(&run(100), "queue-grows");
    // A rate that itself rises is no queue.
    let mut rising = Sample::new();
    for second in 0..120u64 {
        rising.requests("GET /", 50 + second, 20.0).own(builtin::ITERATIONS, (50 + second) as f64);
        rising.own(builtin::ARRIVAL_LATENESS, 0.1).vus((50 + second) as f64 / 2.0).tick();
    }
    has_not(&rising, "queue-grows");
}

#[test]
fn users_who_waited_longer_than_requests_took_are_told() {
    let mut sample = Sample::new();
    for _ in 0..20 {
        sample.requests("GET /", 50, 20.0);
        (0..50).for_each(|_| {
            sample.own(builtin::RESPONSE_TIME, 200.0);
        });
        sample.tick();
    }
    let analysis = analysed(&sample.finish());
    let found = analysis.findings.iter().find(|f| f.id == "waited-longer").unwrap();
    assert_eq!(found.claim, "Users waited 200ms (p95) where requests took 19.6ms");
}

#[test]
fn what_the_database_says_of_itself_is_told() {
    let mut sample = Sample::new();
    for second in 0..40 {
        sample.requests("GET /", 50, 100.0);
        sample.gauge("pg_cache_hit_ratio", &[], 0.8);
        sample.gauge("pg_locks_waiting", &[], if second == 20 { 4.0 } else { 0.0 });
        sample.gauge("pg_idle_in_transaction_max_s", &[], 12.0);
        sample.gauge("pg_deadlocks", &[], f64::from(second / 20));
        sample.gauge("pg_temp_bytes", &[], 1e6 * f64::from(second)).tick();
    }
    sample.tables.push(Table {
        rows: vec![
            vec![json!("SELECT * FROM trades WHERE tenant = $1"), json!(20_000), json!(9_000.0)],
            vec![json!("SELECT 1"), json!(10), json!(1_000.0)],
        ],
        ..Table::new("postgres", "db statements", &["query", "calls", "total_ms"])
    });
    for (id, claim) in [
        ("pg-cache", "Only 80% of the database's reads came from memory"),
        ("pg-locks", "4 sessions of the database waited for locks at one time"),
        ("pg-idle", "A session held its transaction open idly for 12.0s"),
        ("pg-deadlocks", "1 deadlocks in the database"),
        ("pg-temp", "37.2 MiB of temporary files were written by the database"),
        ("pg-top-statement", "One statement took 90% of the database's time"),
        ("pg-n-plus-one", "One statement ran 10 times for each request"),
    ] {
        check(&sample, id, Severity::Warning, claim);
    }
}

#[test]
fn what_redis_says_of_itself_is_told() {
    let mut sample = Sample::new();
    for second in 0..20 {
        sample.requests("GET /", 50, 100.0);
        sample.gauge("redis_hit_ratio", &[], 0.5).gauge("redis_cpu_cores", &[], 0.97);
        sample.gauge("redis_evicted_keys", &[], f64::from(second) * 10.0).tick();
    }
    check(
        &sample,
        "redis-hits",
        Severity::Warning,
        "Only 50% of the reads found their key in Redis",
    );
    check(&sample, "redis-cpu", Severity::Warning, "Redis used 97% of its one core");
    check(&sample, "redis-evictions", Severity::Warning, "Redis evicted 190 keys to make room");
}

#[test]
fn a_jump_of_latency_is_told_with_what_happened_then() {
    let mut sample = Sample::new();
    for second in 0..120 {
        let ms = if second < 80 { 20.0 } else { 60.0 } + f64::from(second % 3);
        sample.requests("GET /", 50, ms).vus(20.0);
        if second == 77 {
            sample.event("kubernetes", "pod-restarted", "cache-0");
        }
        sample.tick();
    }
    let analysis = analysed(&sample.finish());
    let found = analysis.findings.iter().find(|f| f.id == "latency-jumps").unwrap();
    assert!(found.claim.contains("at 1:20"), "{}", found.claim);
    assert!(found.cause.contains("cache-0"), "{}", found.cause);
    has_not(&steady(120, 50, 20.0), "latency-jumps");
}

#[test]
fn latency_that_creeps_up_is_not_called_a_jump() {
    let mut sample = Sample::new();
    for second in 0..200 {
        sample.requests("GET /", 50, 20.0 + f64::from(second) * 0.5).vus(20.0).tick();
    }
    let analysis = analysed(&sample.finish());
    assert!(analysis.findings.iter().any(|f| f.id == "latency-creeps"), "{analysis:#?}");
}

#[test]
fn an_autoscaler_is_timed_and_judged() {
    let mut sample = Sample::new();
    let hpa = [("hpa", "api"), ("namespace", "calories")];
    for second in 0..120u32 {
        sample.requests("GET /", 50, 700.0).vus(50.0);
        let desired = if second < 30 {
            2.0
        } else if second < 50 {
            6.0
        } else {
            10.0
        };
        let ready = if second < 38 {
            2.0
        } else if second < 58 {
            6.0
        } else {
            10.0
        };
        sample.gauge("k8s_hpa_replicas_desired", &hpa, desired);
        sample.gauge("k8s_hpa_replicas_current", &hpa, ready);
        sample.gauge("k8s_hpa_replicas_max", &hpa, 10.0);
        sample.gauge(
            "k8s_deployment_ready",
            &[("deployment", "api"), ("namespace", "calories")],
            ready,
        );
        let metric = [("hpa", "api"), ("namespace", "calories"), ("metric", "cpu")];
        sample.gauge("k8s_hpa_metric_target", &metric, 70.0);
        sample.gauge("k8s_hpa_metric_value", &metric, if second < 15 { 20.0 } else { 140.0 });
        sample.gauge("k8s_pod_cpu_limit_ratio", &[("pod", "api-1")], 0.95).tick();
    }
    let analysis = analysed(&sample.finish());
    let scaling = &analysis.scaling[0];
    assert_eq!((scaling.from, scaling.most, scaling.max), (2.0, 10.0, Some(10.0)));
    assert_eq!(
        (scaling.detect_s, scaling.ready_s, scaling.full_s),
        (Some(15.0), Some(8.0), Some(28.0))
    );
    assert_eq!(scaling.turns, 0);
    assert!(
        scaling.text.starts_with(
            "api went from 2 to 10 within 28.0s; it wanted more 15.0s after its target was passed"
        ),
        "{}",
        scaling.text
    );
    assert!(
        analysis
            .findings
            .iter()
            .any(|f| f.id == "autoscaler-at-max" && f.severity == Severity::Critical)
    );

    let mut sample = Sample::new();
    for second in 0..600u32 {
        sample.requests("GET /", 5, 20.0);
        let desired = if (second / 100).is_multiple_of(2) { 2.0 } else { 4.0 };
        sample.gauge("k8s_hpa_replicas_current", &hpa, desired).tick();
    }
    check(&sample, "autoscaler-flaps", Severity::Warning, "The autoscaler api turned 4 times");
}

#[test]
fn a_name_that_takes_most_of_the_time_is_where_to_start() {
    let mut sample = Sample::new();
    for _ in 0..20 {
        sample.requests("GET /portfolio", 50, 20.0).requests("GET /trades", 50, 25.0);
        sample.requests("GET /signals", 10, 900.0).tick();
    }
    let analysis = analysed(&sample.finish());
    let found = analysis.findings.iter().find(|f| f.id == "dominant-request").unwrap();
    assert!(found.claim.starts_with("GET /signals takes 80.4%"), "{}", found.claim);
}

#[test]
fn a_blind_probe_is_told() {
    let mut sample = steady(10, 10, 20.0);
    sample.event("postgres", "probe-failed", "db");
    sample.events[0].fields = fields(&[("probe", "db")]);
    sample.tick();
    let claim = "The probe db saw nothing until the end, from 0:11";
    check(&sample, "probe-failed", Severity::Info, claim);
}
