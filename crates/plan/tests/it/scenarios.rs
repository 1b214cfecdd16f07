//! The lines that describe scenarios, and what they need together, as `k6 run` and `k6 inspect` printed them.

use std::time::Duration;

use plan::options::{Derivation, Options};
use plan::scenario::{Executor, Requirements, Scenario, in_start_order};
use plan::segment::Striping;

fn scenarios(json: &str) -> (Vec<Scenario>, Striping) {
    let (options, _) = Options::from_script_json(json).unwrap();
    let derivation = Derivation { default_vus: 1, is_exported: &|_| true };
    let (scenarios, _) = options.derive_scenarios(derivation).unwrap();
    (scenarios, options.striping().unwrap())
}

const ALL_KINDS: &str = r#"
    "zz": {"executor": "constant-vus", "vus": 2, "duration": "1s", "gracefulStop": "0s"},
    "b": {"executor": "ramping-vus", "stages": [{"duration": "1s", "target": 3}], "exec": "foo", "gracefulRampDown": "5s"},
    "a": {"executor": "ramping-vus", "startVUs": 2, "stages": [{"duration": "1s", "target": 0}], "startTime": "1500ms",
        "exec": "default", "gracefulRampDown": "0s"},
    "c": {"executor": "ramping-arrival-rate", "timeUnit": "1m", "stages": [{"duration": "1s", "target": 3},
        {"duration": "0s", "target": 30}], "preAllocatedVUs": 2, "maxVUs": 4},
    "c2": {"executor": "ramping-arrival-rate", "startRate": 7, "timeUnit": "1s", "stages": [{"duration": "1s", "target": 3}],
        "preAllocatedVUs": 2},
    "d": {"executor": "constant-arrival-rate", "rate": 3, "timeUnit": "7s", "duration": "1s", "preAllocatedVUs": 2},
    "e": {"executor": "shared-iterations", "maxDuration": "1s"},
    "f": {"executor": "per-vu-iterations", "vus": 2, "iterations": 3, "startTime": "1s"}"#;

#[test]
fn scenarios_are_described_as_by_k6() {
    let (scenarios, whole) = scenarios(&format!("{{\"scenarios\": {{{ALL_KINDS}}}}}"));
    let lines: Vec<String> = in_start_order(&scenarios)
        .into_iter()
        .map(|scenario| format!("{}: {}", scenario.name, scenario.describe(&whole)))
        .collect();
    let expected = [
        "b: Up to 3 looping VUs for 1s over 1 stages (gracefulRampDown: 5s, exec: foo, gracefulStop: 30s)",
        "c: Up to 0.50 iterations/s for 1s over 2 stages (maxVUs: 2-4, gracefulStop: 30s)",
        "c2: Up to 7.00 iterations/s for 1s over 1 stages (maxVUs: 2, gracefulStop: 30s)",
        "d: 0.43 iterations/s for 1s (maxVUs: 2, gracefulStop: 30s)",
        "e: 1 iterations shared among 1 VUs (maxDuration: 1s, gracefulStop: 30s)",
        "zz: 2 looping VUs for 1s",
        "f: 3 iterations for each of 2 VUs (maxDuration: 10m0s, startTime: 1s, gracefulStop: 30s)",
        "a: Up to 2 looping VUs for 1s over 1 stages (gracefulRampDown: 0s, exec: default, startTime: 1.5s, gracefulStop: 30s)",
    ];
    assert_eq!(lines, expected);
    let needs = Requirements::of(&scenarios, &whole);
    assert_eq!((needs.max_possible_vus, needs.max_duration), (16, Duration::from_secs(631)));
}

#[test]
fn segments_are_described_by_their_share() {
    let segment = r#""executionSegment": "1/4:1/2", "executionSegmentSequence": "0,1/4,1/2,1""#;
    let more = r#"
        "d2": {"executor": "constant-arrival-rate", "rate": 10, "duration": "1s", "preAllocatedVUs": 8},
        "d3": {"executor": "constant-arrival-rate", "rate": 11, "timeUnit": "7s", "duration": "1s", "preAllocatedVUs": 8},
        "e1": {"executor": "shared-iterations", "vus": 8, "iterations": 13, "maxDuration": "1s"},
        "e2": {"executor": "shared-iterations", "vus": 5, "iterations": 23, "maxDuration": "1s"},
        "r": {"executor": "ramping-arrival-rate", "stages": [{"duration": "1s", "target": 3}, {"duration": "1s", "target": 10}],
            "preAllocatedVUs": 20, "maxVUs": 30},
        "v": {"executor": "ramping-vus", "startVUs": 13, "stages": [{"duration": "1s", "target": 3}]}"#;
    let (scenarios, own) =
        scenarios(&format!("{{{segment}, \"scenarios\": {{{ALL_KINDS}, {more}}}}}"));
    let line = |name: &str| {
        let scenario = scenarios.iter().find(|scenario| scenario.name == name).unwrap();
        let text = scenario.describe(&own);
        text.split(", gracefulStop").next().unwrap().to_owned()
    };
    for (name, expected) in [
        ("b", "Up to 0 looping VUs for 1s over 1 stages (gracefulRampDown: 5s, exec: foo"),
        ("c", "Up to 0.12 iterations/s for 1s over 2 stages (maxVUs: 0-1"),
        ("c2", "Up to 1.75 iterations/s for 1s over 1 stages (maxVUs: 0"),
        ("d", "0.00 iterations/s for 1s (maxVUs: 0"),
        ("d2", "2.50 iterations/s for 1s (maxVUs: 2"),
        ("d3", "0.39 iterations/s for 1s (maxVUs: 2"),
        ("e", "0 iterations shared among 0 VUs (maxDuration: 1s"),
        ("e1", "3 iterations shared among 2 VUs (maxDuration: 1s"),
        ("e2", "4 iterations shared among 1 VUs (maxDuration: 1s"),
        ("r", "Up to 2.50 iterations/s for 2s over 2 stages (maxVUs: 5-7"),
        ("v", "Up to 3 looping VUs for 1s over 1 stages (gracefulRampDown: 30s"),
        ("zz", "0 looping VUs for 1s"),
        ("f", "3 iterations for each of 0 VUs (maxDuration: 10m0s, startTime: 1s"),
    ] {
        assert_eq!(line(name), expected, "{name}");
    }
    let disabled: Vec<&str> = scenarios
        .iter()
        .filter(|scenario| scenario.is_disabled(&own))
        .map(|s| s.name.as_str())
        .collect();
    assert_eq!(disabled, ["a", "b", "c2", "d", "e", "f", "zz"]);
}

#[test]
fn defaults_are_k6s() {
    let (scenarios, _) = scenarios(
        r#"{"scenarios": {"a": {"executor": "per-vu-iterations"},
        "b": {"executor": "ramping-vus", "stages": [{"duration": "1s", "target": 1}]},
        "c": {"executor": "constant-arrival-rate", "rate": 1, "duration": "1s", "preAllocatedVUs": 3},
        "d": {"executor": "ramping-arrival-rate", "stages": [{"duration": "1s", "target": 1}], "preAllocatedVUs": 0}}}"#,
    );
    let secs = Duration::from_secs;
    assert!(
        scenarios
            .iter()
            .all(|s| s.graceful_stop == secs(30) && s.start_time.is_zero() && s.exec == "default")
    );
    let Executor::PerVuIterations(a) = &scenarios[0].executor else { panic!() };
    assert_eq!((a.vus, a.iterations, a.max_duration), (1, 1, secs(600)));
    let Executor::RampingVus(b) = &scenarios[1].executor else { panic!() };
    assert_eq!((b.start_vus, b.graceful_ramp_down), (1, secs(30)));
    let Executor::ConstantArrivalRate(c) = &scenarios[2].executor else { panic!() };
    assert_eq!((c.time_unit, c.max_vus), (secs(1), 3));
    let Executor::RampingArrivalRate(d) = &scenarios[3].executor else { panic!() };
    assert_eq!((d.start_rate, d.time_unit, d.max_vus), (0, secs(1), 0));
    assert!(scenarios[3].is_disabled(&Striping::whole()), "no VU, no work");
}

#[test]
fn vus_are_kept_until_the_last_iteration_may_end() {
    let (scenarios, whole) = scenarios(
        r#"{"scenarios": {"a": {"executor": "per-vu-iterations", "vus": 2},
        "b": {"executor": "constant-vus", "vus": 2, "duration": "3s", "startTime": "1s", "gracefulStop": "4s"}}}"#,
    );
    let needs = Requirements::of(&scenarios, &whole);
    let steps: Vec<(u64, u64)> =
        needs.steps.iter().map(|s| (s.offset.as_secs(), s.planned_vus)).collect();
    assert_eq!(steps, [(0, 2), (1, 4), (8, 2), (630, 0)]);
    assert_eq!(scenarios[0].max_duration(&whole), Duration::from_secs(630));
    assert_eq!(scenarios[1].max_duration(&whole), Duration::from_secs(8));
}

#[test]
fn unplanned_vus_count_at_the_time_they_may_be_made() {
    let (scenarios, whole) = scenarios(
        r#"{"scenarios": {"a": {"executor": "ramping-arrival-rate", "stages": [{"duration": "5s", "target": 3}],
            "preAllocatedVUs": 2, "maxVUs": 7, "gracefulStop": "1s"},
        "b": {"executor": "constant-arrival-rate", "rate": 1, "duration": "5s", "preAllocatedVUs": 5, "maxVUs": 6,
            "startTime": "10s"}}}"#,
    );
    let needs = Requirements::of(&scenarios, &whole);
    assert_eq!((needs.max_planned_vus, needs.max_possible_vus), (5, 7));
    assert_eq!(needs.max_duration, Duration::from_secs(45));
}

#[test]
fn scaled_scenarios_keep_their_rates() {
    let (scenarios, _) = scenarios(
        r#"{"scenarios": {"a": {"executor": "ramping-arrival-rate", "startRate": 5, "preAllocatedVUs": 2, "startTime": "1m",
        "stages": [{"duration": "1m", "target": 30}]}}}"#,
    );
    let scaled = scenarios[0].scaled(0.1);
    let Executor::RampingArrivalRate(executor) = &scaled.executor else { panic!() };
    assert_eq!(executor.stages[0].duration, Duration::from_secs(6));
    assert_eq!(
        (executor.start_rate, executor.stages[0].target, executor.time_unit),
        (5, 30, Duration::from_secs(1))
    );
    assert_eq!(
        (scaled.start_time, scaled.graceful_stop),
        (Duration::from_secs(6), Duration::from_secs(3))
    );
}

#[test]
fn externally_controlled_scenarios_are_checked_as_by_k6_1() {
    for (fields, problem) in [
        (r#""vus": -1, "duration": "1s""#, "the number of VUs can't be negative"),
        (
            r#""vus": 5, "maxVUs": 2, "duration": "1s""#,
            "the number of active VUs (5) must be less than or equal to the number of maxVUs (2)",
        ),
        (r#""vus": 1"#, "the duration must be specified, for infinite duration use 0"),
        (
            r#""vus": 1, "duration": "-1s""#,
            "the duration can't be negative, for infinite duration use 0",
        ),
        (
            r#""vus": 1, "duration": "1s", "gracefulStop": "1s""#,
            "gracefulStop is not supported by the externally controlled executor",
        ),
    ] {
        let text = format!(
            r#"{{"scenarios": {{"e": {{"executor": "externally-controlled", {fields}}}}}}}"#
        );
        let (options, _) = plan::options::Options::from_script_json(&text).unwrap();
        let derivation = plan::options::Derivation { default_vus: 1, is_exported: &|_| true };
        let error = options.derive_scenarios(derivation).unwrap_err();
        assert_eq!(error.exit_code, 104);
        assert_eq!(
            error.message,
            format!(
                "There were problems with the specified script configuration:\n\t- scenario e has configuration \
                 errors: {problem}"
            )
        );
    }
}

#[test]
fn an_endless_scenario_keeps_its_vus_and_has_no_end() {
    let text = r#"{"scenarios": {"e": {"executor": "externally-controlled", "vus": 1, "maxVUs": 10, "duration": "0"}}}"#;
    let (options, _) = plan::options::Options::from_script_json(text).unwrap();
    let derivation = plan::options::Derivation { default_vus: 1, is_exported: &|_| true };
    let (scenarios, _) = options.derive_scenarios(derivation).unwrap();
    let whole = plan::segment::Striping::whole();
    assert_eq!(
        scenarios[0].describe(&whole),
        "Externally controlled execution with 1 VUs, 10 max VUs, infinite duration"
    );
    let steps = scenarios[0].planned_vus(&whole);
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].planned_vus, 10);
    assert!(scenarios[0].executor.is_endless());
}
