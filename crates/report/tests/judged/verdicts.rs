//! Each kind of criterion, and the seeds' bounds, on runs built to land in each verdict.

use metrics::builtin;
use plan::criterion::parse;
use plan::threshold::ThresholdDef;
use report::judge::{Judgement, Row, Verdict, judge};
use report::{Ending, RunData};

use crate::sample::{Sample, self_check, steady};

fn held(run: &RunData, criteria: &[&str]) -> Judgement {
    let criteria: Vec<_> =
        criteria.iter().map(|text| parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
    judge(&criteria, run)
}

#[track_caller]
fn check(run: &RunData, criterion: &str, verdict: Verdict, measured: &str) -> Row {
    let row = held(run, &[criterion]).rows.remove(0);
    assert_eq!((row.verdict, row.measured.as_str()), (verdict, measured), "{criterion}: {row:?}");
    row
}

#[test]
fn load_is_held_against_its_bounds() {
    let mut sample = Sample::new();
    for second in 0..20 {
        sample.requests("GET /a", 90, 100.0).requests("POST /b", 8, 400.0).vus(10.0);
        if second >= 10 {
            sample.failures("GET /a", 2, 20.0);
        } else {
            sample.requests("GET /a", 2, 20.0);
        }
        sample.check("status 200", second != 19).own(builtin::DROPPED_ITERATIONS, 0.0);
        sample.trend("portfolio_latency", 10.0 * second as f64).tick();
    }
    sample.phase("calm", 0.0, 10.0).phase("wild", 10.0, 20.0);
    let run = sample.finish();
    use Verdict::{Fail, Marginal, Pass};
    for (criterion, verdict, measured) in [
        ("requests == 2000", Pass, "2,000"),
        ("requests{name:\"POST /b\"} == 160", Pass, "160"),
        ("requests{method:post} == 160", Pass, "160"),
        ("failures == 0", Fail, "20"),
        ("failures == 0 marginal <= 20", Marginal, "20"),
        ("failures == 0 during calm", Pass, "0"),
        ("error_rate <= 1%", Pass, "1%"),
        ("error_rate < 1% marginal < 2%", Marginal, "1%"),
        ("error_rate < 1% during wild", Fail, "2%"),
        ("success_rate >= 98% during wild", Pass, "98%"),
        ("throughput >= 100/s", Pass, "100/s"),
        ("throughput > 100/s every 5s", Fail, "100/s"),
        ("throughput >= 101/s marginal >= 100/s", Marginal, "100/s"),
        ("max < 400ms", Fail, "400ms"),
        ("max <= 400ms", Pass, "400ms"),
        ("max{name:\"/a\"} <= 100ms", Pass, "100ms"),
        ("median{name:/b} < 500ms", Pass, "313ms"),
        ("min >= 10ms", Pass, "15.0ms"),
        ("dropped == 0", Pass, "0"),
        ("checks > 94%", Pass, "95%"),
        ("checks{name:\"status*\"} == 100%", Fail, "95%"),
        ("p(50)(portfolio_latency) < 100ms", Pass, "95.0ms"),
        ("max(portfolio_latency) < 100ms during calm", Pass, "90.0ms"),
    ] {
        check(&run, criterion, verdict, measured);
    }
    let row = check(&run, "error_rate < 1% every 5s", Fail, "2%");
    assert_eq!(
        row.note,
        "20 of 500 failed; held in 2 of 4 windows, worst 0:10 to 0:15"
            .replace("20 of 500", "10 of 500")
    );
}

#[test]
fn without_data_nothing_passes() {
    let run = steady(5, 10, 20.0).finish();
    for (criterion, why) in [
        ("p(95){name:/nowhere} < 1s", "no request is named so; there are GET /"),
        ("failures{name:/nowhere} == 0", "no request is named so"),
        ("failures == 0 during peak", "no phase is named peak: the run has no phases"),
        ("restarts == 0", "nobody watched kubernetes or docker"),
        ("oom_kills == 0", "nobody watched"),
        ("evictions == 0", "nobody watched"),
        ("max(k8s_pod_cpu_limit_ratio) < 70%", "nothing was observed"),
        ("promql \"up\" == 1", "no Prometheus answered the query"),
        ("checks > 99%", "no checks"),
        ("log_matches{pattern:x} == 0", "nothing was observed"),
        ("active_together a, b", "no request is named a, b"),
        ("recovery after spike <= 5s", "no phase is named spike"),
        ("goodput >= 80% of peak after spike", "no phase is named spike"),
    ] {
        let row = check(&run, criterion, Verdict::Fail, "no data");
        assert!(row.note.contains(why), "{criterion}: {}", row.note);
        assert!(!row.has_data);
    }
    let nothing = Sample::new().tick().finish();
    check(&nothing, "failures == 0", Verdict::Fail, "no data");
    check(&nothing, "error_rate < 1%", Verdict::Fail, "no data");
    assert_eq!(held(&run, &[]).verdict, None);
}

#[test]
fn series_of_probes_hold_in_every_sample_or_in_one_number() {
    let mut sample = Sample::new();
    for second in 0..20u32 {
        let connections = if second < 5 { 10.0 + 8.0 * f64::from(second) } else { 50.0 };
        let replicas = [2.0, 2.0, 6.0, 10.0][(second / 5) as usize];
        sample.requests("GET /", 10, 20.0);
        sample.gauge("pg_connections_total", &[("probe", "db")], connections);
        sample.gauge("k8s_hpa_replicas_current", &[("hpa", "api")], replicas);
        sample.gauge("k8s_pod_cpu_limit_ratio", &[("pod", "api-1")], 0.55);
        sample.gauge("k8s_pod_cpu_limit_ratio", &[("pod", "api-2")], 0.65);
        sample.gauge("k8s_pod_restarts", &[("pod", "api-1")], 3.0);
        sample.gauge("log_matches", &[("log", "api"), ("pattern", "pool_timeout")], 0.0);
        sample.tick();
    }
    sample.phase("sustained", 5.0, 20.0);
    let run = sample.finish();
    use Verdict::{Fail, Marginal, Pass};
    for (criterion, verdict, measured) in [
        ("pg_connections_total in 40..60 during sustained", Pass, "50"),
        ("pg_connections_total in 40..60", Fail, "10 to 50"),
        ("pg_connections_total in 40..60 marginal in 10..60", Marginal, "10 to 50"),
        ("max(pg_connections_total) <= 50", Pass, "50"),
        ("max(k8s_pod_cpu_limit_ratio) < 70%", Pass, "65%"),
        ("avg(k8s_pod_cpu_limit_ratio) < 60%", Fail, "65%"),
        ("avg(k8s_pod_cpu_limit_ratio{pod:*-1}) < 60%", Pass, "55%"),
        ("k8s_hpa_replicas_current reaches 10", Pass, "10"),
        ("k8s_hpa_replicas_current reaches 12 marginal reaches 10", Marginal, "10"),
        ("k8s_hpa_replicas_current from 2 to 10", Pass, "2 to 10"),
        ("k8s_hpa_replicas_current from 1 to 10", Fail, "2 to 10"),
        ("k8s_hpa_replicas_current from 2 to 12", Fail, "2 to 10"),
        ("restarts == 0", Pass, "0"),
        ("oom_kills == 0", Pass, "0"),
        ("log_matches{pattern:pool_timeout} == 0", Pass, "0"),
        ("last(k8s_hpa_replicas_current) == 10", Pass, "10"),
    ] {
        check(&run, criterion, verdict, measured);
    }
    let row = check(&run, "k8s_hpa_replicas_current reaches 10", Pass, "10");
    assert_eq!(row.note, "reached at 0:16");
    let row = held(&run, &["k8s_pod_cpu_limits < 70%"]).rows.remove(0);
    assert!(
        row.note.contains("there are k8s_hpa_replicas_current, k8s_pod_cpu_limit_ratio"),
        "{}",
        row.note
    );
    let row = held(&run, &["max(k8s_pod_cpu_limit_ratio{pod:db}) < 70%"]).rows.remove(0);
    assert!(row.note.contains("has no such tags"), "{}", row.note);
}

#[test]
fn restarts_and_kills_are_told_by_series_or_by_events() {
    let mut sample = Sample::new();
    for second in 0..10 {
        sample.requests("GET /", 10, 20.0);
        let restarts = if second < 5 { 4.0 } else { 6.0 };
        sample.gauge("k8s_pod_restarts", &[("pod", "api-1")], restarts);
        let kills = f64::from(u8::from(second >= 5));
        sample.gauge("k8s_oom_kills", &[("pod", "api-1"), ("container", "api")], kills);
        if second == 5 {
            sample.event("kubernetes", "oom-killed", "api-1");
        }
        sample.tick();
    }
    let run = sample.finish();
    let row = check(&run, "restarts == 0", Verdict::Fail, "2");
    assert_eq!(row.note, "api-1");
    let row = check(&run, "oom_kills == 0", Verdict::Fail, "1");
    // The series tells of the same; the event has the time.
    assert_eq!(row.note, "api-1 at 0:06");
    check(&run, "evictions == 0", Verdict::Pass, "0");
}

#[test]
fn names_are_active_together_or_not() {
    let mut sample = Sample::new();
    for second in 0..40 {
        sample.requests("POST publish intune", 5, 20.0);
        if second >= 20 {
            sample.requests("POST publish jamf", 1, 20.0);
        }
        if second < 10 {
            sample.requests("POST publish sccm", 1, 20.0);
        }
        sample.tick();
    }
    let run = sample.finish();
    let both = "active_together \"publish intune\", \"publish jamf\"";
    check(&run, both, Verdict::Pass, "2 of 2 together");
    check(&run, &format!("{both} every 10s"), Verdict::Fail, "1 of 2 together");
    let row = check(
        &run,
        "active_together \"publish jamf\", \"publish sccm\"",
        Verdict::Fail,
        "1 of 2 together",
    );
    assert_eq!(row.note, "without publish jamf");
}

/// Calm, a spike, and a latency that takes so many seconds to come down again.
fn spiky(recovery_s: u64, goodput_after: u64) -> RunData {
    let mut sample = Sample::new();
    for second in 0..120u64 {
        let (n, ms, failed) = match second {
            0..40 => (100, 20.0, 0),
            40..60 => (150, 900.0, 60),
            s if s < 60 + recovery_s => (goodput_after, 300.0, 10),
            _ => (goodput_after, 22.0, 0),
        };
        sample.requests("GET /", n, ms).failures("GET /", failed, 5.0).vus(50.0).tick();
    }
    sample.phase("spike", 40.0, 60.0);
    sample.finish()
}

#[test]
fn recovery_is_the_time_until_all_is_as_before() {
    use Verdict::{Fail, Pass};
    check(&spiky(0, 100), "recovery after spike <= 60s", Pass, "0s");
    check(&spiky(25, 100), "recovery after spike <= 60s", Pass, "25.0s");
    check(&spiky(25, 100), "recovery after spike <= 20s", Fail, "25.0s");
    check(
        &spiky(25, 100),
        "recovery after spike <= 20s marginal <= 30s",
        Verdict::Marginal,
        "25.0s",
    );
    let row = check(&spiky(90, 100), "recovery after spike <= 600s", Fail, "not within 1m0s");
    assert!(row.note.starts_with("p95 stayed above"), "{}", row.note);
}

#[test]
fn goodput_is_what_still_gets_through() {
    use Verdict::{Fail, Pass};
    check(&spiky(0, 145), "goodput >= 80% of peak after spike", Pass, "96.67%");
    check(&spiky(0, 60), "goodput >= 80% of peak after spike", Fail, "40%");
    let row = check(
        &spiky(0, 110),
        "goodput >= 80% of peak after spike marginal >= 70%",
        Verdict::Marginal,
        "73.3%",
    );
    assert_eq!(row.note, "110/s after it; the peak was 150/s at 0:40 to 0:50");
}

#[test]
fn the_generator_makes_runs_inconclusive_but_does_not_excuse_the_system() {
    let mut sample = steady(10, 10, 20.0);
    let good = ["p(95) < 100ms", "restarts == 0"];
    sample.event("kubernetes", "pod-ready", "api-1");
    assert_eq!(held(&sample.finish(), &good).verdict, Some(Verdict::Pass));

    sample.self_check = Some(self_check(report::Verdict::Degraded));
    let judgement = held(&sample.finish(), &good);
    assert_eq!(judgement.verdict, Some(Verdict::Pass));
    assert!(judgement.reasons[0].contains("barely kept up"), "{judgement:?}");

    sample.self_check = Some(self_check(report::Verdict::Invalid));
    let judgement = held(&sample.finish(), &good);
    assert_eq!(judgement.verdict, Some(Verdict::Inconclusive));
    assert_eq!(
        judgement.headline(),
        "INCONCLUSIVE: the numbers do not tell; the load generator was the limit: a core was busy for 99% of the time"
    );
    // What the generator may have caused itself does not fail the run.
    assert_eq!(held(&sample.finish(), &["p(95) < 1ms"]).verdict, Some(Verdict::Inconclusive));
    // Nobody watching is no failure of the system.
    assert_eq!(
        held(&sample.finish(), &["pg_connections_total < 5"]).verdict,
        Some(Verdict::Inconclusive)
    );

    let last = sample.events.len();
    sample.event("kubernetes", "oom-killed", "api-1");
    sample.events[last].unix_ns -= 3_000_000_000;
    let judgement = held(&sample.finish(), &["p(95) < 100ms", "oom_kills == 0"]);
    assert_eq!(judgement.verdict, Some(Verdict::Fail));
    assert!(judgement.headline().starts_with("FAIL: 1 of 2 criteria not met"), "{judgement:?}");
}

#[test]
fn a_run_that_did_not_come_to_its_end_does_not_pass() {
    let mut sample = steady(10, 10, 20.0);
    for (ending, verdict) in [
        (Ending::Finished, Verdict::Pass),
        (Ending::CutOff, Verdict::Inconclusive),
        (Ending::Stopped("signal interrupt".into()), Verdict::Inconclusive),
        (Ending::Failed("setup() failed".into()), Verdict::Fail),
    ] {
        sample.ending = ending;
        let judgement = held(&sample.finish(), &["p(95) < 100ms"]);
        assert_eq!(judgement.verdict, Some(verdict), "{:?}", sample.ending);
    }
    sample.ending = Ending::CutOff;
    assert_eq!(held(&sample.finish(), &["p(95) < 1ms"]).verdict, Some(Verdict::Fail));
}

#[test]
fn thresholds_of_the_script_are_criteria_too() {
    let mut sample = steady(5, 10, 20.0);
    let def = |source: &str| ThresholdDef { source: source.to_owned(), ..ThresholdDef::default() };
    sample.thresholds = vec![("http_req_duration".into(), vec![def("p(95)<500"), def("max<10")])];
    let judgement = held(&sample.finish(), &["error_rate < 1%"]);
    let rows: Vec<(&str, Verdict, &str)> = judgement
        .rows
        .iter()
        .map(|row| (row.criterion.as_str(), row.verdict, row.measured.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            ("error_rate < 1%", Verdict::Pass, "0%"),
            ("http_req_duration: p(95)<500", Verdict::Pass, "20.0ms"),
            ("http_req_duration: max<10", Verdict::Fail, "20.0ms"),
        ]
    );
    assert_eq!(judgement.verdict, Some(Verdict::Fail));
}

#[test]
fn exit_codes_follow_the_verdict() {
    for (verdict, code, strict) in [
        (Verdict::Pass, 0, 0),
        (Verdict::Marginal, 0, 99),
        (Verdict::Fail, 99, 99),
        (Verdict::Inconclusive, 111, 111),
    ] {
        assert_eq!((verdict.exit_code(false), verdict.exit_code(true)), (code, strict));
    }
}

/// The bounds of the seeds: latency, errors and CPU that land where they should.
#[test]
fn each_seeds_bounds_land_in_each_verdict() {
    // 003: PASS p99 < 500 ms, error < 1 %; MARGINAL 500–700 ms, 1–2 %; FAIL beyond. CPU < 70 %, memory < 80 %.
    let trading = [
        "p(99) < 500ms marginal <= 700ms",
        "error_rate < 1% marginal <= 2%",
        "max(k8s_pod_cpu_limit_ratio) < 70%",
        "max(k8s_pod_memory_limit_ratio) < 80%",
    ];
    let run = |ms: f64, failed: u64, cpu: f64| {
        let mut sample = Sample::new();
        for _ in 0..20 {
            sample.requests("GET /portfolio", 1000 - failed, ms).failures(
                "GET /portfolio",
                failed,
                ms,
            );
            sample.gauge("k8s_pod_cpu_limit_ratio", &[("pod", "api")], cpu);
            sample.gauge("k8s_pod_memory_limit_ratio", &[("pod", "api")], 0.4).tick();
        }
        sample.finish()
    };
    for (ms, failed, cpu, verdict) in [
        (450.0, 5, 0.6, Verdict::Pass),
        (600.0, 5, 0.6, Verdict::Marginal),
        (450.0, 15, 0.6, Verdict::Marginal),
        (900.0, 5, 0.6, Verdict::Fail),
        (450.0, 30, 0.6, Verdict::Fail),
        (450.0, 5, 0.75, Verdict::Fail),
    ] {
        let judgement = held(&run(ms, failed, cpu), &trading);
        assert_eq!(judgement.verdict, Some(verdict), "{ms} {failed} {cpu}: {judgement:?}");
    }

    // 001: 10,000 req/s sustained, p95 < 100 ms, 2 → 10 pods, errors < 1 %, no crashes, no kills.
    let predict = [
        "throughput >= 10000/s every 5s during sustained marginal >= 9000/s",
        "p(95) < 100ms marginal < 120ms",
        "k8s_hpa_replicas_current from 2 to 10 marginal from 2 to 8",
        "error_rate < 1%",
        "restarts == 0",
        "oom_kills == 0",
    ];
    let run = |per_s: u64, ms: f64, most: f64, is_killed: bool| {
        let mut sample = Sample::new();
        for second in 0..15u32 {
            sample.requests("POST /predict", per_s, ms);
            let replicas = if second < 3 { 2.0 } else { most };
            sample.gauge("k8s_hpa_replicas_current", &[("hpa", "inference")], replicas);
            if is_killed && second == 8 {
                sample.event("kubernetes", "oom-killed", "inference-1");
            }
            sample.tick();
        }
        sample.phase("sustained", 5.0, 15.0);
        sample.finish()
    };
    for (per_s, ms, most, is_killed, verdict) in [
        (10_000, 90.0, 10.0, false, Verdict::Pass),
        (9_500, 90.0, 10.0, false, Verdict::Marginal),
        (10_000, 110.0, 8.0, false, Verdict::Marginal),
        (8_000, 90.0, 10.0, false, Verdict::Fail),
        (10_000, 90.0, 6.0, false, Verdict::Fail),
        (10_000, 90.0, 10.0, true, Verdict::Fail),
    ] {
        let judgement = held(&run(per_s, ms, most, is_killed), &predict);
        assert_eq!(judgement.verdict, Some(verdict), "{per_s} {ms} {most}: {judgement:?}");
    }

    // 004, scenario 3: ≥ 750 requests, ≤ 5 failures, all planes at once, < 200 ms median to publish.
    let publish = [
        "requests >= 750 marginal >= 700",
        "failures <= 5 marginal <= 10",
        "active_together \"/publish/a\", \"/publish/b\"",
        "median{name:\"/publish/*\"} < 200ms marginal < 250ms",
    ];
    let run = |per_s: u64, failed: u64, ms: f64| {
        let mut sample = Sample::new();
        for second in 0..10 {
            sample.requests("POST /publish/a", per_s / 2, ms).requests(
                "POST /publish/b",
                per_s / 2,
                ms,
            );
            sample.failures("POST /publish/a", if second < failed { 1 } else { 0 }, ms).tick();
        }
        sample.finish()
    };
    for (per_s, failed, ms, verdict) in [
        (80, 5, 200.0, Verdict::Pass),
        (72, 5, 200.0, Verdict::Marginal),
        (80, 8, 300.0, Verdict::Marginal),
        (60, 0, 200.0, Verdict::Fail),
        (80, 0, 400.0, Verdict::Fail),
    ] {
        let judgement = held(&run(per_s, failed, ms), &publish);
        assert_eq!(judgement.verdict, Some(verdict), "{per_s} {failed} {ms}: {judgement:?}");
    }
}
