//! Laws that hold for all inputs.

use std::time::Duration;

use plan::arrivals::Arrivals;
use plan::duration::{Span, parse_go, parse_k6};
use plan::options::{Derivation, Options};
use plan::ramping::{self, VuStep};
use plan::scenario::{ConstantArrivalRate, RampingArrivalRate, RampingVus, Stage};
use plan::segment::{Sequence, Striping};
use plan::threshold::{Selector, Threshold};
use proptest::prelude::*;

/// All segments of a random sequence.
fn stripings() -> impl Strategy<Value = Vec<Striping>> {
    (prop::collection::vec(1u64..9, 1..7)).prop_map(|widths| {
        let total: u64 = widths.iter().sum();
        let mut text = "0".to_owned();
        let mut point = 0;
        for width in widths {
            point += width;
            text.push_str(&format!(",{point}/{total}"));
        }
        let sequence: Sequence = text.parse().unwrap();
        sequence
            .segments()
            .iter()
            .map(|own| Striping::new(Some(own), Some(&sequence)).unwrap())
            .collect()
    })
}

fn stages(max_target: u64, max_ms: u64) -> impl Strategy<Value = Vec<Stage>> {
    let stage = (prop_oneof![1 => Just(0), 4 => 1..max_ms * 1_000_000], 0..=max_target)
        .prop_map(|(ns, target)| Stage { duration: Duration::from_nanos(ns), target });
    prop::collection::vec(stage, 1..6)
}

fn ramping_rate() -> impl Strategy<Value = RampingArrivalRate> {
    (0u64..200, stages(200, 20_000), prop_oneof![Just(1u64), Just(7), Just(60)]).prop_map(
        |(start_rate, stages, time_unit_s)| RampingArrivalRate {
            start_rate,
            time_unit: Duration::from_secs(time_unit_s),
            stages,
            pre_allocated_vus: 10,
            max_vus: 10,
        },
    )
}

fn ramping_vus() -> impl Strategy<Value = RampingVus> {
    (0u64..30, stages(30, 20_000), 0u64..20_000).prop_map(|(start_vus, stages, grace_ms)| {
        RampingVus { start_vus, stages, graceful_ramp_down: Duration::from_millis(grace_ms) }
    })
}

/// The integral of a ramp's rate up to a time, in iterations.
fn area(executor: &RampingArrivalRate, until_ns: u64) -> f64 {
    let (mut from, mut start, mut area) = (executor.start_rate as f64, 0.0, 0.0);
    for stage in &executor.stages {
        let (length, to) = (stage.duration.as_nanos() as f64, stage.target as f64);
        let inside = (until_ns as f64 - start).clamp(0.0, length);
        if length > 0.0 {
            area += inside * (from + (to - from) * inside / length / 2.0);
        }
        (from, start) = (to, start + length);
    }
    area / executor.time_unit.as_nanos() as f64
}

/// The value of steps at a time.
fn value_at(steps: &[VuStep], at_ns: u64) -> u64 {
    steps.iter().take_while(|step| step.at_ns <= at_ns).last().map_or(0, |step| step.vus)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn segments_own_every_index_exactly_once(all in stripings(), total in 0u64..500) {
        prop_assert_eq!(all.iter().map(|own| own.scale(total)).sum::<u64>(), total);
        let mut owners = vec![0; usize::try_from(total).unwrap()];
        for own in &all {
            for k in 0..own.scale(total) {
                let index = own.owned(k).unwrap();
                prop_assert!(index < total && own.owns(index));
                owners[usize::try_from(index).unwrap()] += 1;
            }
        }
        prop_assert!(owners.into_iter().all(|n| n == 1));
    }

    #[test]
    fn indices_dealt_by_total_are_owned_exactly_once_too(all in stripings(), vus in 1u64..60, total in 0u64..300) {
        let owners: Vec<Striping> = all.iter().filter_map(|own| own.for_total(vus)).collect();
        prop_assert_eq!(owners.len(), all.iter().filter(|own| own.scale(vus) > 0).count());
        prop_assert_eq!(owners.iter().map(|own| own.scale(total)).sum::<u64>(), total);
        for index in 0..total {
            prop_assert_eq!(owners.iter().filter(|own| own.owns(index)).count(), 1);
        }
    }

    #[test]
    fn every_prefix_is_shared_as_evenly_as_the_widths_allow(all in stripings(), total in 0u64..500) {
        for own in &all {
            let fair = own.share() * total as f64;
            prop_assert!((own.scale(total) as f64 - fair).abs() <= all.len() as f64);
        }
    }

    #[test]
    fn ramping_arrivals_never_go_back_and_follow_the_integral(executor in ramping_rate()) {
        let arrivals = Arrivals::ramping(&executor, &Striping::whole()).unwrap();
        let end_ns = u64::try_from(executor.stages.iter().map(|s| s.duration).sum::<Duration>().as_nanos()).unwrap();
        let mut before = 0;
        for k in (0..arrivals.total()).step_by(1 + usize::try_from(arrivals.total() / 2000).unwrap()) {
            let at = arrivals.at(k).unwrap();
            prop_assert!(before <= at && at <= end_ns);
            // Within a nanosecond of where the area is k + 1 (and the float sum's own error).
            let slack = 2.0 * arrivals.max_rate() / 1e9 + 1e-6;
            prop_assert!(area(&executor, at) <= (k + 1) as f64 + slack, "{} at {at}", area(&executor, at));
            prop_assert!(area(&executor, at + 1) >= (k + 1) as f64 - slack || at == end_ns);
            before = at;
        }
        prop_assert!((arrivals.total() as f64 - area(&executor, end_ns)).abs() <= 1.0 + 1e-6);
        prop_assert_eq!(arrivals.at(arrivals.total()), None);
    }

    #[test]
    fn the_number_of_arrivals_in_any_window_is_the_integral_over_it(
        executor in ramping_rate(), from in 0.0f64..1.0, to in 0.0f64..1.0,
    ) {
        let arrivals = Arrivals::ramping(&executor, &Striping::whole()).unwrap();
        let end_ns = executor.stages.iter().map(|s| s.duration).sum::<Duration>().as_nanos() as f64;
        let (from, to) = ((from.min(to) * end_ns) as u64, (from.max(to) * end_ns) as u64);
        let n = (0..arrivals.total()).filter(|k| (from..to).contains(&arrivals.at(*k).unwrap())).count();
        let expected = area(&executor, to) - area(&executor, from);
        prop_assert!((n as f64 - expected).abs() <= 1.0 + 1e-3, "{n} arrivals, integral {expected}");
    }

    #[test]
    fn the_number_of_constant_arrivals_in_any_window_is_the_rate_times_its_length(
        rate in 1u64..5_000, from_ns in 0u64..10_000_000_000, length_ns in 0u64..1_000_000_000,
    ) {
        let second = Duration::from_secs(1);
        let executor = ConstantArrivalRate {
            rate, time_unit: second, duration: 20 * second, pre_allocated_vus: 1, max_vus: 1,
        };
        let arrivals = Arrivals::constant(&executor, &Striping::whole()).unwrap();
        let before = |ns: u64| {
            let (mut low, mut high) = (0, arrivals.total());
            while low < high {
                let middle = low.midpoint(high);
                if arrivals.at(middle).unwrap() < ns { low = middle + 1 } else { high = middle }
            }
            low
        };
        let n = before(from_ns + length_ns) - before(from_ns);
        let period_ns = (1_000_000_000 / rate) as f64;
        prop_assert!((n as f64 - length_ns as f64 / period_ns).abs() <= 1.0);
    }

    #[test]
    fn segments_together_make_the_arrivals_of_the_whole_test(
        executor in ramping_rate(), all in stripings(), max_vus in 1u64..40,
    ) {
        let executor = RampingArrivalRate { max_vus, ..executor };
        let mut together: Vec<(u64, u64)> = Vec::new();
        for arrivals in all.iter().filter_map(|own| Arrivals::ramping(&executor, own)) {
            for k in 0..arrivals.total().min(300) {
                together.push((arrivals.global_index(k).unwrap(), arrivals.at(k).unwrap()));
            }
        }
        together.sort_unstable();
        let whole = Arrivals::ramping(&executor, &Striping::whole()).unwrap();
        for (k, (index, at)) in (0..whole.total().min(40)).zip(together) {
            prop_assert_eq!((index, Some(at)), (k, whole.at(k)));
        }
    }

    #[test]
    fn ramps_stay_within_their_maximum_and_return_to_zero(executor in ramping_vus(), all in stripings()) {
        let max = executor.stages.iter().map(|s| s.target).fold(executor.start_vus, u64::max);
        for own in &all {
            let steps = ramping::steps(&executor, own);
            prop_assert_eq!(steps.is_empty(), own.scale(max) == 0);
            prop_assert!(steps.iter().all(|step| step.vus <= own.scale(max)));
            prop_assert!(steps.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
            prop_assert_eq!(steps.last().map_or(0, |step| step.vus), 0);
        }
        // The segments' VUs add up at all times.
        let whole = ramping::steps(&executor, &Striping::whole());
        let end_ns = whole.last().map_or(0, |step| step.at_ns);
        let parts: Vec<Vec<VuStep>> = all.iter().map(|own| ramping::steps(&executor, own)).collect();
        for step in whole.iter().filter(|step| step.at_ns < end_ns) {
            let sum: u64 = parts.iter().map(|part| value_at(part, step.at_ns)).sum();
            prop_assert_eq!(sum, value_at(&whole, step.at_ns));
        }
    }

    #[test]
    fn kept_vus_are_the_handles_that_may_still_run(executor in ramping_vus(), stop_ms in 0u64..20_000) {
        let plan = ramping::plan(&executor, &Striping::whole(), Duration::from_millis(stop_ms));
        prop_assert_eq!(plan.reserved.last().map_or(0, |step| step.vus), 0);
        prop_assert!(plan.reserved.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns));
        let times = plan.reserved.iter().chain(&plan.steps).map(|step| step.at_ns);
        for at_ns in times.flat_map(|ns| [ns.saturating_sub(1), ns, ns + 1]) {
            let alive = plan.handles.iter().filter(|spans| {
                let begun = spans.iter().take_while(|span| span.start_ns <= at_ns).last();
                begun.is_some_and(|span| span.hard_stop_ns.is_none_or(|hard_stop_ns| at_ns < hard_stop_ns))
            });
            prop_assert_eq!(alive.count() as u64, value_at(&plan.reserved, at_ns), "at {}", at_ns);
            let running = plan.handles.iter().filter(|spans| {
                spans.iter().any(|span| span.start_ns <= at_ns && at_ns < span.soft_stop_ns)
            });
            prop_assert_eq!(running.count() as u64, value_at(&plan.steps, at_ns), "at {}", at_ns);
        }
        for spans in &plan.handles {
            prop_assert!(spans.iter().all(|span| span.start_ns <= span.soft_stop_ns));
            prop_assert!(spans.iter().all(|span| span.hard_stop_ns.is_none_or(|hard| span.soft_stop_ns <= hard)));
            prop_assert!(spans.windows(2).all(|pair| pair[0].soft_stop_ns <= pair[1].start_ns));
            prop_assert!(spans.last().is_none_or(|last| last.hard_stop_ns.is_some()));
        }
    }

    #[test]
    fn durations_survive_printing(nanos in any::<i64>()) {
        let printed = Span(nanos).to_string();
        prop_assert_eq!(parse_go(&printed).unwrap(), Span(nanos));
        prop_assert_eq!(parse_k6(&printed).unwrap(), Span(nanos));
    }

    #[test]
    fn parsers_of_texts_never_panic(text in ".*", near in "[pcrmavdhsu0-9().,:{}<>=!_+eE%/\"'-]*") {
        for text in [&text, &near] {
            let _ = (parse_k6(text), parse_go(text), Threshold::parse(text), Selector::parse(text));
            let _ = (text.parse::<plan::segment::Segment>(), text.parse::<Sequence>());
            let _ = (text.parse::<plan::options::DnsConfig>(), text.parse::<plan::options::LocalIps>());
            let _ = (Options::from_script_json(text), Options::from_config_json(text));
            let _ = Options::from_env(&|_| Some(text.clone()));
        }
    }

    #[test]
    fn options_of_any_shape_are_taken_or_refused_without_panic(options in any_options()) {
        if let Ok((options, _)) = Options::from_script_json(&options.to_string()) {
            let derivation = Derivation { default_vus: 1, is_exported: &|_| true };
            let _ = options.to_json();
            if let (Ok((scenarios, _)), Ok(own)) = (options.derive_scenarios(derivation), options.striping()) {
                for scenario in &scenarios {
                    let _ = (scenario.describe(&own), scenario.scaled(0.001));
                    if let Some(arrivals) = Arrivals::of(scenario, &own) {
                        let _ = (arrivals.at(0), arrivals.at(arrivals.total().wrapping_sub(1)), arrivals.rate_at(1));
                    }
                }
            }
        }
    }
}

/// Objects with k6's keys and values of all kinds.
fn any_options() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let number = prop_oneof![any::<i64>().prop_map(Value::from), (-5i64..50).prop_map(Value::from)];
    let value = prop_oneof![
        4 => number,
        1 => any::<f64>().prop_map(|float| json!(float)),
        3 => "[0-9]{1,3}(ms|s|m|h|d)?".prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!([{"duration": "1s", "target": 3}, {"duration": 10, "target": 0}])),
        1 => Just(json!({"a": "b"})),
    ];
    let executor = prop::sample::select(plan::options::ExecutorKind::ALL.to_vec())
        .prop_map(|kind| kind.name());
    let keys = [
        "vus",
        "duration",
        "iterations",
        "maxDuration",
        "startVUs",
        "stages",
        "gracefulRampDown",
        "rate",
        "startRate",
        "timeUnit",
        "preAllocatedVUs",
        "maxVUs",
        "startTime",
        "gracefulStop",
        "env",
        "tags",
        "exec",
    ];
    let pairs =
        prop::collection::hash_map(prop::sample::select(keys.to_vec()), value.clone(), 0..6);
    let scenario = (executor, pairs).prop_map(|(executor, pairs)| {
        let mut scenario = json!({"executor": executor});
        for (key, value) in pairs {
            scenario[key] = value;
        }
        scenario
    });
    let top = [
        "vus",
        "duration",
        "iterations",
        "stages",
        "rps",
        "dns",
        "tags",
        "thresholds",
        "hosts",
        "systemTags",
        "tlsAuth",
        "executionSegment",
        "tlsVersion",
        "setupTimeout",
        "ext",
    ];
    let top = prop::collection::hash_map(prop::sample::select(top.to_vec()), value, 0..4);
    (top, prop::option::of(prop::collection::hash_map("[a-c]", scenario, 0..3))).prop_map(
        |(top, scenarios)| {
            let mut options = json!({});
            for (key, value) in top {
                options[key] = value;
            }
            if let Some(scenarios) = scenarios {
                options["scenarios"] = json!(scenarios);
            }
            options
        },
    )
}
