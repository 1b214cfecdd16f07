//! Every executor in simulated time, on one and on several cores, against what k6 does.

mod support;

use std::time::Duration;

use engine::End;
use support::{Fake, config, count, ms, percentile, simulate, simulate_stopping};

/// Cores to try everything on: the result must not depend on them.
const CORES: [usize; 3] = [1, 2, 3];

#[test]
fn constant_arrivals_start_when_due_and_first_at_zero() {
    for cores in CORES {
        let fake = Fake::taking(|_| ms(50));
        let options = r#"{"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 3, "timeUnit": "2s",
            "duration": "2s", "preAllocatedVUs": 2}}}"#;
        let (outcome, _) = simulate(&fake, options, cores);
        // The fourth is due at 3 · 666,666,666 ns, two before the end.
        assert_eq!(fake.starts_ms(), [0, 666, 1333, 1999], "{cores} cores");
        assert_eq!(outcome.end, End::Finished);
        assert_eq!(count(&outcome, "iterations"), 4.0);
        assert_eq!(count(&outcome, "dropped_iterations"), 0.0);
    }
}

#[test]
fn ramping_arrivals_follow_the_integral_of_the_rate() {
    for cores in CORES {
        let fake = Fake::taking(|_| ms(1));
        let options = r#"{"scenarios": {"a": {"executor": "ramping-arrival-rate", "startRate": 2,
            "stages": [{"target": 2, "duration": "2s"}, {"target": 6, "duration": "2s"}], "preAllocatedVUs": 5}}}"#;
        simulate(&fake, options, cores);
        // (-2 + sqrt(4 + 4 (n - 4))) / 2 seconds into the second stage.
        let expected = [500, 1000, 1500, 2000, 2414, 2732, 3000, 3236, 3449, 3645, 3828, 4000];
        let starts = fake.starts_ms();
        // The last one falls on the very end of the scenario; k6 itself runs it or not.
        assert!(starts.len() == 12 || starts.len() == 11, "{starts:?}");
        for (start, expected) in starts.iter().zip(expected) {
            assert!(start.abs_diff(expected) <= 1, "{starts:?}");
        }
    }
}

#[test]
fn an_arrival_is_dropped_only_when_no_core_has_an_idle_vu() {
    for cores in CORES {
        for vus in [1u64, 3] {
            // Ten a second, each busy for 250 ms: with 1 VU every third runs, with 3 VUs none is dropped.
            let fake = Fake::taking(|_| ms(250));
            let options = format!(
                r#"{{"scenarios": {{"a": {{"executor": "constant-arrival-rate", "rate": 10, "duration": "3s",
                "preAllocatedVUs": {vus}, "maxVUs": {vus}}}}}}}"#
            );
            let (outcome, watch) = simulate(&fake, &options, cores);
            let (ran, dropped) = if vus == 1 { (10.0, 20.0) } else { (30.0, 0.0) };
            assert_eq!(count(&outcome, "iterations"), ran, "{vus} VUs on {cores} cores");
            assert_eq!(
                count(&outcome, "dropped_iterations"),
                dropped,
                "{vus} VUs on {cores} cores"
            );
            assert_eq!(watch.warnings.len(), usize::from(vus == 1), "{:?}", watch.warnings);
        }
    }
}

#[test]
fn unplanned_vus_are_made_one_at_a_time_up_to_the_limit() {
    for cores in CORES {
        let fake = Fake::taking(|_| Duration::from_secs(10));
        let options = r#"{"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 10, "duration": "2s",
            "preAllocatedVUs": 1, "maxVUs": 4, "gracefulStop": "20s"}}}"#;
        let (outcome, watch) = simulate(&fake, options, cores);
        assert_eq!(count(&outcome, "iterations"), 4.0);
        assert_eq!(count(&outcome, "dropped_iterations"), 16.0);
        assert_eq!(
            watch.warnings,
            ["Insufficient VUs, reached 4 active VUs and cannot initialize more"]
        );
    }
}

#[test]
fn a_stall_shows_in_the_response_time_whether_or_not_vus_run_out() {
    // 1,000/s for 10 s; the target stands still from 3 s to 4 s, then answers everything.
    let (stall_from, stall_to) = (3_000u64, 4_000u64);
    for vus in [50, 1_200] {
        for cores in CORES {
            let fake = Fake::taking(move |_| {
                let now = rt::now().0 / 1_000_000 - 1_000;
                if (stall_from..stall_to).contains(&now) {
                    ms(stall_to - now)
                } else {
                    Duration::ZERO
                }
            });
            let options = format!(
                r#"{{"scenarios": {{"a": {{"executor": "constant-arrival-rate", "rate": 1000, "duration": "10s",
                "preAllocatedVUs": {vus}, "maxVUs": {vus}}}}}}}"#
            );
            let (outcome, _) = simulate(&fake, &options, cores);
            let (p95, p99) = (
                percentile(&outcome, "squall_response_time", 95.0),
                percentile(&outcome, "squall_response_time", 99.0),
            );
            assert!((p95 - 500.0).abs() < 15.0, "p95 {p95} with {vus} VUs on {cores} cores");
            assert!((p99 - 900.0).abs() < 27.0, "p99 {p99} with {vus} VUs on {cores} cores");
            let ran = count(&outcome, "iterations") + count(&outcome, "dropped_iterations");
            assert_eq!(ran, 10_000.0);
        }
    }
}

#[test]
fn hours_of_arrivals_are_exact() {
    let fake = Fake::taking(|_| ms(3));
    let options = r#"{"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 20, "duration": "3h",
        "preAllocatedVUs": 3}}}"#;
    let (outcome, _) = simulate(&fake, options, 2);
    assert_eq!(count(&outcome, "iterations"), 20.0 * 3.0 * 3600.0);
    assert_eq!(fake.starts_ms().last(), Some(&(3 * 3_600_000 - 50)));
}

#[test]
fn constant_vus_loop_until_the_end_and_may_finish_gracefully() {
    for cores in CORES {
        let fake = Fake::taking(|_| ms(400));
        let options =
            r#"{"scenarios": {"a": {"executor": "constant-vus", "vus": 3, "duration": "1s"}}}"#;
        let (outcome, watch) = simulate(&fake, options, cores);
        assert_eq!(count(&outcome, "iterations"), 9.0);
        assert_eq!(outcome.progress.iterations_interrupted, 0);
        assert_eq!(watch.most_active, 3);
        assert_eq!(outcome.elapsed.as_millis(), 1200);
    }
}

#[test]
fn graceful_stop_ends_what_takes_too_long() {
    for cores in CORES {
        let fake = Fake::taking(|_| Duration::from_secs(100));
        let options = r#"{"scenarios": {"a": {"executor": "constant-vus", "vus": 2, "duration": "1s",
            "gracefulStop": "500ms"}}}"#;
        let (outcome, _) = simulate(&fake, options, cores);
        assert_eq!(count(&outcome, "iterations"), 0.0);
        assert_eq!(outcome.progress.iterations_interrupted, 2);
        assert_eq!(outcome.elapsed.as_millis(), 1500);
    }
}

#[test]
fn shared_iterations_are_counted_once_over_all_cores() {
    for cores in CORES {
        let fake = Fake::taking(|_| ms(10));
        let (outcome, _) = simulate(&fake, r#"{"vus": 7, "iterations": 100}"#, cores);
        assert_eq!(count(&outcome, "iterations"), 100.0);
        let mut numbers: Vec<u64> = fake.ran.lock().unwrap().iter().map(|r| r.in_test).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        assert_eq!(outcome.end, End::Finished);
    }
}

#[test]
fn shared_iterations_that_time_cuts_off_are_dropped() {
    for cores in CORES {
        let fake = Fake::taking(|_| ms(400));
        let options = r#"{"scenarios": {"a": {"executor": "shared-iterations", "vus": 2, "iterations": 10,
            "maxDuration": "1s"}}}"#;
        let (outcome, _) = simulate(&fake, options, cores);
        assert_eq!(count(&outcome, "iterations"), 6.0);
        assert_eq!(count(&outcome, "dropped_iterations"), 4.0);
    }
}

#[test]
fn each_vu_runs_its_own_iterations() {
    for cores in CORES {
        let fake = Fake::taking(|_| ms(100));
        let options =
            r#"{"scenarios": {"a": {"executor": "per-vu-iterations", "vus": 3, "iterations": 4}}}"#;
        let (outcome, _) = simulate(&fake, options, cores);
        assert_eq!(count(&outcome, "iterations"), 12.0);
        let ran = fake.ran.lock().unwrap();
        for vu in 1..=3 {
            assert_eq!(ran.iter().filter(|r| r.vu == vu).count(), 4);
        }
        assert_eq!(outcome.elapsed.as_millis(), 400);
    }
}

#[test]
fn per_vu_iterations_that_time_cuts_off_are_dropped() {
    let fake = Fake::taking(|_| ms(400));
    let options = r#"{"scenarios": {"a": {"executor": "per-vu-iterations", "vus": 2, "iterations": 10,
        "maxDuration": "1s"}}}"#;
    let (outcome, _) = simulate(&fake, options, 2);
    assert_eq!(count(&outcome, "iterations"), 6.0);
    assert_eq!(count(&outcome, "dropped_iterations"), 14.0);
}

#[test]
fn ramping_vus_start_when_the_line_reaches_them() {
    for cores in CORES {
        let fake = Fake::taking(|_| Duration::from_secs(60));
        let options = r#"{"scenarios": {"a": {"executor": "ramping-vus", "startVUs": 0, "gracefulStop": "0s",
            "gracefulRampDown": "0s", "stages": [{"target": 4, "duration": "2s"}, {"target": 4, "duration": "1s"}]}}}"#;
        let (outcome, watch) = simulate(&fake, options, cores);
        assert_eq!(fake.starts_ms(), [500, 1000, 1500, 2000]);
        assert_eq!(outcome.progress.iterations_interrupted, 4);
        assert_eq!(outcome.elapsed.as_millis(), 3000);
        assert_eq!(watch.most_active, 4);
    }
}

#[test]
fn a_ramp_is_over_when_its_last_iteration_is() {
    for cores in CORES {
        let fake = Fake::taking(|_| ms(50));
        let options = r#"{"scenarios": {"a": {"executor": "ramping-vus", "startVUs": 1, "gracefulStop": "6s",
            "gracefulRampDown": "6s", "stages": [{"target": 4, "duration": "1s"}, {"target": 0, "duration": "1s"}]}}}"#;
        let (outcome, _) = simulate(&fake, options, cores);
        assert!((2000..2060).contains(&outcome.elapsed.as_millis()), "{:?}", outcome.elapsed);
    }
}

#[test]
fn a_vu_that_is_wanted_again_goes_on_with_its_iteration() {
    let fake = Fake::taking(|_| ms(2500));
    let options = r#"{"scenarios": {"a": {"executor": "ramping-vus", "startVUs": 2, "gracefulRampDown": "30s",
        "stages": [{"target": 2, "duration": "1s"}, {"target": 1, "duration": "0s"}, {"target": 1, "duration": "1s"},
        {"target": 2, "duration": "0s"}, {"target": 2, "duration": "2s"}]}}}"#;
    let (outcome, _) = simulate(&fake, options, 2);
    assert_eq!(outcome.progress.iterations_interrupted, 0);
    assert_eq!(fake.starts_ms(), [0, 0, 2500, 2500]);
}

#[test]
fn scenarios_run_side_by_side_with_their_start_times() {
    for cores in CORES {
        let fake = Fake::taking(|_| ms(100));
        let options = r#"{"scenarios": {
            "a": {"executor": "constant-vus", "vus": 2, "duration": "1s"},
            "b": {"executor": "per-vu-iterations", "vus": 2, "iterations": 3, "startTime": "500ms"},
            "c": {"executor": "constant-arrival-rate", "rate": 10, "duration": "1s", "preAllocatedVUs": 2, "startTime": "2s"}
        }}"#;
        let (outcome, _) = simulate(&fake, options, cores);
        let by = fake.by_scenario();
        assert_eq!((by["a"], by["b"], by["c"]), (20, 6, 10));
        // k6: VU numbers of scenarios that overlap differ, those of later ones are reused.
        let ran = fake.ran.lock().unwrap();
        assert!(ran.iter().filter(|r| r.scenario == "b").all(|r| r.vu > 2));
        // As in k6, "a" keeps its VUs reserved while it might stop gracefully.
        assert_eq!(outcome.progress.vus_initialized, 6);
        assert_eq!(outcome.elapsed.as_millis() / 100, 30);
    }
}

#[test]
fn a_stop_interrupts_iterations_and_still_runs_teardown() {
    let fake = Fake::taking(|_| Duration::from_secs(30));
    let config = config(
        r#"{"scenarios": {"a": {"executor": "constant-vus", "vus": 3, "duration": "1m"},
        "late": {"executor": "constant-vus", "vus": 1, "duration": "1m", "startTime": "30s"}}}"#,
        2,
    );
    let stopper = |handle: engine::StopHandle| {
        handle.stop(engine::StopReason::Signal("interrupt".to_owned()));
    };
    let (outcome, _) = simulate_stopping(&fake, config, stopper);
    assert_eq!(outcome.end, End::Signal("interrupt".to_owned()));
    assert!(!fake.by_scenario().contains_key("late"));
    assert_eq!(count(&outcome, "iterations"), 0.0);
}

#[test]
fn an_abort_ends_the_test_and_runs_teardown() {
    for cores in CORES {
        let mut fake = Fake::with(|_| ms(100));
        fake.abort_at = Some(5);
        let fake = std::sync::Arc::new(fake);
        let (outcome, _) = simulate(&fake, r#"{"vus": 2, "duration": "10s"}"#, cores);
        assert_eq!(outcome.end, End::Aborted("test aborted".to_owned()));
        assert_eq!(fake.teardowns.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert!(outcome.elapsed < Duration::from_secs(1));
    }
}

#[test]
fn a_setup_that_takes_too_long_ends_the_run() {
    let mut fake = Fake::with(|_| ms(1));
    fake.setup_takes = Duration::from_secs(90);
    let fake = std::sync::Arc::new(fake);
    let (outcome, _) = simulate(&fake, r#"{"vus": 1, "iterations": 1}"#, 1);
    let End::Setup(error) = outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(error.exit_code, 100);
    assert_eq!(error.message, "setup() execution timed out after 60 seconds");
    assert_eq!(fake.teardowns.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert!(fake.ran.lock().unwrap().is_empty());
}

#[test]
fn short_iterations_are_padded() {
    let fake = Fake::taking(|_| ms(50));
    let (outcome, _) =
        simulate(&fake, r#"{"vus": 1, "iterations": 2, "minIterationDuration": "500ms"}"#, 1);
    assert_eq!(outcome.elapsed.as_millis(), 1000);
    assert_eq!(percentile(&outcome, "iteration_duration", 50.0), 50.0);
}

#[test]
fn a_vu_that_leaves_runs_nothing_more_of_its_scenario() {
    // Iterations of VU 2, of all VUs, and dropped ones.
    for (executor, of_vu_2, of_all, dropped) in [
        (r#""executor": "constant-vus", "vus": 3, "duration": "1s""#, 1, 21, 0.0),
        (r#""executor": "per-vu-iterations", "vus": 3, "iterations": 4"#, 1, 9, 0.0),
        (r#""executor": "shared-iterations", "vus": 3, "iterations": 12"#, 1, 12, 0.0),
        (
            r#""executor": "constant-arrival-rate", "rate": 10, "duration": "1s", "preAllocatedVUs": 3"#,
            1,
            10,
            0.0,
        ),
        (
            r#""executor": "ramping-vus", "startVUs": 3, "stages": [{"duration": "1s", "target": 3}]"#,
            1,
            21,
            0.0,
        ),
    ] {
        for cores in CORES {
            let mut fake = Fake::with(|_| ms(100));
            fake.leaver = Some(2);
            let fake = std::sync::Arc::new(fake);
            let options = format!(r#"{{"scenarios": {{"a": {{{executor}}}}}}}"#);
            let (outcome, _) = simulate(&fake, &options, cores);
            assert_eq!(outcome.end, End::Finished);
            let ran = fake.ran.lock().unwrap();
            let own = ran.iter().filter(|ran| ran.vu == 2).count();
            assert_eq!((own, ran.len()), (of_vu_2, of_all), "{executor} on {cores} cores");
            assert_eq!(count(&outcome, "dropped_iterations"), dropped, "{executor}");
        }
    }
}
