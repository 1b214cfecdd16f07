use std::sync::Arc;

use plan::duration::Span;

use super::*;
use crate::registry::{MetricId, Registry};
use crate::shard::{Shard, ShardConfig};
use crate::tags::OVERFLOW_TAG;
use crate::threshold::validate;
use crate::totals::{GroupTotal, MetricTotal, Totals};

const CONFIG: ShardConfig = ShardConfig { max_series: 1_000, raw_per_series: 100 };
const SECOND: Duration = Duration::from_secs(1);

fn shard(agent: u32) -> Shard {
    Shard::new(agent, Arc::new(Registry::with_builtins()), CONFIG)
}

fn def(source: &str) -> ThresholdDef {
    ThresholdDef { source: source.to_owned(), abort_on_fail: false, delay_abort_eval: None }
}

fn thresholds(list: &[(&str, &[&str])]) -> Vec<(String, Vec<ThresholdDef>)> {
    list.iter()
        .map(|(name, sources)| ((*name).to_owned(), sources.iter().map(|s| def(s)).collect()))
        .collect()
}

fn aggregator(list: &[(&str, &[&str])]) -> Aggregator {
    let config = AggregatorConfig { thresholds: thresholds(list), full: true, request_rows: true };
    Aggregator::new(config).unwrap()
}

type Sample<'a> = (MetricId, &'a [(&'a str, &'a str)], f64);

fn record(shard: &mut Shard, from_unix_ns: u64, samples: &[Sample<'_>]) {
    for (at, (metric, tags, value)) in (from_unix_ns..).zip(samples) {
        let tags = shard.tag_set(tags);
        shard.add(*metric, tags, *value, at);
    }
}

fn metric<'a>(totals: &'a Totals, name: &str) -> &'a MetricTotal {
    totals.metrics.iter().find(|metric| metric.name == name).unwrap()
}

/// The tree, one line an entry.
fn lines(group: &GroupTotal, depth: usize) -> Vec<String> {
    let pad = " ".repeat(depth);
    let metrics: Vec<&str> = group.metrics.iter().map(|metric| metric.name.as_str()).collect();
    let mut lines =
        vec![format!("{pad}[{}] {}", group.path, metrics.join(" ")).trim_end().to_owned()];
    lines.extend(
        group
            .checks
            .iter()
            .map(|check| format!("{pad} {} {}/{}", check.path, check.passes, check.fails)),
    );
    lines.extend(group.groups.iter().flat_map(|group| self::lines(group, depth + 1)));
    lines
}

#[test]
fn checks_and_groups_make_k6s_tree_in_first_seen_order_over_agents() {
    let check = |group, name| [("check", name), ("group", group), ("scenario", "default")];
    let (mut one, mut two) = (shard(1), shard(2));
    // Agent 2 saw everything later, in another order.
    record(
        &mut two,
        1_000,
        &[
            (builtin::CHECKS, &check("::B", "b"), 0.0),
            (builtin::CHECKS, &check("::A", "second"), 1.0),
            (builtin::CHECKS, &check("::A", "first"), 1.0),
        ],
    );
    record(
        &mut one,
        10,
        &[
            (builtin::CHECKS, &check("", "top"), 1.0),
            (builtin::CHECKS, &check("::A::inner", "deep"), 1.0),
            (builtin::CHECKS, &check("::A", "first"), 1.0),
            (builtin::CHECKS, &check("::A", "second"), 0.0),
            (builtin::HTTP_REQS, &[("group", "::only requests"), ("scenario", "default")], 1.0),
            (builtin::GROUP_DURATION, &[("group", "::empty"), ("scenario", "default")], 5.0),
        ],
    );
    let mut aggregator = aggregator(&[]);
    for shard in [&mut two, &mut one] {
        aggregator.ingest(&shard.flush(2_000)).unwrap();
    }
    let totals = aggregator.totals(SECOND);
    assert_eq!(
        lines(&totals.root_group, 0),
        [
            "[]",
            " ::top 1/0",
            " [::A]",
            "  ::A::first 2/0",
            "  ::A::second 1/1",
            "  [::A::inner]",
            "   ::A::inner::deep 1/0",
            " [::empty]",
            " [::B]",
            "  ::B::b 0/1",
        ]
    );
    // Sections of the full summary know every group that had a sample, and its metrics.
    assert_eq!(
        lines(&totals.scenarios[0].root_group, 0),
        [
            "[]",
            " ::top 1/0",
            " [::A] checks",
            "  ::A::first 2/0",
            "  ::A::second 1/1",
            "  [::A::inner] checks",
            "   ::A::inner::deep 1/0",
            " [::only requests] http_reqs",
            " [::empty] group_duration",
            " [::B] checks",
            "  ::B::b 0/1",
        ]
    );
}

#[test]
fn setup_counts_in_totals_and_only_its_inner_groups_have_sections() {
    let mut shard = shard(1);
    record(
        &mut shard,
        1,
        &[
            (builtin::CHECKS, &[("check", "c"), ("group", "::setup")], 1.0),
            (builtin::CHECKS, &[("check", "c"), ("group", "::setup::inner")], 1.0),
            (builtin::DATA_SENT, &[("group", "")], 1.0),
            (builtin::ITERATIONS, &[("group", ""), ("scenario", "beta")], 1.0),
            (builtin::HTTP_REQS, &[("group", "::g"), ("scenario", "beta")], 1.0),
        ],
    );
    let mut aggregator = aggregator(&[]);
    aggregator.ingest(&shard.flush(9)).unwrap();
    let totals = aggregator.totals(SECOND);
    assert_eq!(metric(&totals, "checks").sink, Sink::Rate { trues: 2, total: 2 });
    let names: Vec<_> = totals.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names, ["beta", "default"]);
    assert_eq!(
        lines(&totals.scenarios[1].root_group, 0),
        ["[]", " [::setup]", "  [::setup::inner] checks", "   ::setup::inner::c 1/0"]
    );
    assert!(totals.scenarios[1].metrics.is_empty());
    // A scenario's own metrics contain those of its groups.
    let beta: Vec<_> =
        totals.scenarios[0].metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(beta, ["http_reqs", "iterations"]);
    assert_eq!(lines(&totals.scenarios[0].root_group, 0), ["[]", " [::g] http_reqs"]);
}

#[test]
fn without_full_there_are_no_scenarios_and_without_rows_no_requests() {
    let mut shard = shard(1);
    record(
        &mut shard,
        1,
        &[(builtin::HTTP_REQS, &[("group", "::g"), ("scenario", "s"), ("name", "n")], 1.0)],
    );
    let mut aggregator = Aggregator::new(AggregatorConfig::default()).unwrap();
    aggregator.ingest(&shard.flush(9)).unwrap();
    let totals = aggregator.totals(SECOND);
    assert!(totals.scenarios.is_empty() && totals.requests.is_empty());
    assert_eq!(metric(&totals, "http_reqs").sink, Sink::Counter { sum: 1.0 });
}

#[test]
fn submetrics_take_samples_that_have_all_their_tags() {
    let mut aggregator = aggregator(&[
        ("http_reqs{a:1,b:2}", &["count>5"]),
        ("http_reqs{a:1}", &["count>5"]),
        ("http_reqs{nope:1}", &["count>=0"]),
        ("http_req_duration{expected_response:true}", &["max<3"]),
    ]);
    let mut shard = shard(1);
    record(
        &mut shard,
        1,
        &[
            (builtin::HTTP_REQS, &[("a", "1")], 1.0),
            (builtin::HTTP_REQS, &[("a", "1"), ("b", "2"), ("c", "3")], 10.0),
            (builtin::HTTP_REQS, &[("a", "2"), ("b", "2")], 100.0),
            (builtin::HTTP_REQ_DURATION, &[("expected_response", "true")], 2.0),
            (builtin::HTTP_REQ_DURATION, &[("expected_response", "false")], 7.0),
        ],
    );
    aggregator.ingest(&shard.flush(9)).unwrap();
    let verdict = aggregator.evaluate(SECOND, true);
    assert_eq!(verdict.crossed, Vec::<String>::new());
    let totals = aggregator.totals(SECOND);
    let reqs = metric(&totals, "http_reqs");
    let parts: Vec<_> = reqs
        .submetrics
        .iter()
        .map(|part| (part.suffix.as_str(), part.sink.clone(), part.has_samples))
        .collect();
    assert_eq!(
        parts,
        [
            ("a:1", Sink::Counter { sum: 11.0 }, true),
            ("a:1,b:2", Sink::Counter { sum: 10.0 }, true),
            ("nope:1", Sink::Counter { sum: 0.0 }, false)
        ]
    );
    // The automatic submetric and the one of the threshold are the same.
    let duration = metric(&totals, "http_req_duration");
    assert_eq!(duration.submetrics.len(), 1);
    assert_eq!(duration.submetrics[0].name, "http_req_duration{expected_response:true}");
    assert_eq!(duration.submetrics[0].thresholds[0].value, Some(2.0));
}

#[test]
fn each_threshold_rule_of_k6_holds() {
    let none: &[Sample<'_>] = &[];
    let trend: &[Sample<'_>] =
        &[(builtin::HTTP_REQ_DURATION, &[], 1.0), (builtin::HTTP_REQ_DURATION, &[], 2.0)];
    let counter: &[Sample<'_>] = &[(builtin::HTTP_REQS, &[], 10.0)];
    let gauge: &[Sample<'_>] = &[(builtin::VUS, &[], 10.0), (builtin::VUS, &[], 4.0)];
    let rate: &[Sample<'_>] = &[(builtin::CHECKS, &[], 1.0), (builtin::CHECKS, &[], 0.0)];
    let (start, two) = (Duration::ZERO, Duration::from_secs(2));
    // name, threshold, samples, elapsed, at the end: does it hold?
    for (name, source, samples, elapsed, at_end, holds) in [
        ("http_req_duration", "avg<=1.5", trend, two, false, true),
        ("http_req_duration", "avg<1.5", trend, two, false, false),
        ("http_req_duration", "p(90)<1.95", trend, two, false, true),
        ("http_req_duration", "p(90)<1.85", trend, two, false, false),
        ("http_req_duration", "med==1.5", trend, two, false, true),
        ("http_req_duration", "min===1", trend, two, false, true),
        ("http_req_duration", "max!=2", trend, two, false, false),
        ("http_req_duration", "p<0", trend, two, true, true),
        ("http_reqs", "count==10", counter, two, false, true),
        ("http_reqs", "rate>=5", counter, two, false, true),
        ("http_reqs", "rate>5", counter, two, false, false),
        ("http_reqs", "rate>1000", counter, start, true, true),
        ("vus", "value<5", gauge, two, false, true),
        ("checks", "rate>=0.5", rate, two, false, true),
        ("checks", "rate>0.5", rate, two, false, false),
        ("http_reqs", "count<NaN", counter, two, true, false),
        ("http_reqs", "count!=NaN", counter, two, true, true),
        // Without samples: skipped during the run, compared with zero at the end; a rate has no value.
        ("http_reqs", "count>0", none, two, false, true),
        ("http_reqs", "count>0", none, two, true, false),
        ("http_reqs", "rate>0", none, two, true, false),
        ("vus", "value>0", none, two, true, false),
        ("http_req_duration", "p(95)>10", none, two, true, false),
        ("http_req_duration", "avg<1", none, two, true, true),
        ("checks", "rate>0.99", none, two, true, true),
    ] {
        let mut aggregator = aggregator(&[(name, &[source])]);
        let mut shard = shard(1);
        record(&mut shard, 1, samples);
        aggregator.ingest(&shard.flush(9)).unwrap();
        let verdict = aggregator.evaluate(elapsed, at_end);
        let expected: Vec<String> = if holds { vec![] } else { vec![name.to_owned()] };
        assert_eq!(verdict.crossed, expected, "{name}: {source}, at end: {at_end}");
        assert!(!verdict.abort);
        assert_eq!(metric(&aggregator.totals(elapsed), name).thresholds[0].ok, holds);
    }
}

#[test]
fn crossed_names_are_sorted_and_include_submetrics_as_written() {
    let mut aggregator = aggregator(&[
        ("http_reqs{ a : \"b\" }", &["count>5", "count>=0"]),
        ("vus", &["value>5"]),
        ("http_reqs", &["count>=0"]),
        ("data_sent", &["count>5"]),
    ]);
    let verdict = aggregator.evaluate(SECOND, true);
    assert_eq!(verdict.crossed, ["data_sent", "http_reqs{ a : \"b\" }", "vus"]);
}

#[test]
fn abort_on_fail_waits_for_its_delay_and_stays() {
    let at = Duration::from_secs;
    for (delay, aborts) in
        [(None, [true, true, true]), (Some(5), [false, false, true]), (Some(60), [false; 3])]
    {
        let abort = ThresholdDef {
            source: "count<1".to_owned(),
            abort_on_fail: true,
            delay_abort_eval: delay.map(Span::from_secs),
        };
        let thresholds = vec![("http_reqs".to_owned(), vec![abort, def("count>0")])];
        let config = AggregatorConfig { thresholds, full: false, request_rows: false };
        let mut aggregator = Aggregator::new(config).unwrap();
        // No samples: nothing is evaluated, nothing aborts.
        assert_eq!(aggregator.evaluate(at(90), false), ThresholdVerdict::default());
        let mut shard = shard(1);
        record(&mut shard, 1, &[(builtin::HTTP_REQS, &[], 1.0)]);
        aggregator.ingest(&shard.flush(9)).unwrap();
        // Equal to the delay is not beyond it.
        let seen = [2, 5, 6].map(|seconds| aggregator.evaluate(at(seconds), false).abort);
        assert_eq!(seen, aborts, "{delay:?}");
    }
}

#[test]
fn a_crossed_threshold_without_abort_on_fail_never_aborts() {
    let mut aggregator = aggregator(&[("vus", &["value>0"])]);
    let mut shard = shard(1);
    record(&mut shard, 1, &[(builtin::VUS, &[], 0.0)]);
    aggregator.ingest(&shard.flush(9)).unwrap();
    let verdict = aggregator.evaluate(SECOND, false);
    assert_eq!(verdict, ThresholdVerdict { crossed: vec!["vus".to_owned()], abort: false });
}

#[test]
fn thresholds_that_make_no_sense_are_refused_with_k6s_texts() {
    let registry = Registry::with_builtins();
    registry.declare("mine", MetricKind::Gauge, Contains::Default).unwrap();
    for (name, source, text) in [
        (
            "http_req_duration{a:b}",
            "count<10",
            "invalid threshold \"count<10\" applied on metric http_req_duration{a:b}; reason: unsupported aggregation method count on metric of type trend. supported aggregation methods for this metric are: avg, min, max, med, p",
        ),
        (
            "nope{a:b}",
            "count<10",
            "invalid threshold defined on nope{a:b}; reason: no metric name \"nope{a:b}\" found",
        ),
        (
            "mine",
            "rate<10",
            "invalid threshold \"rate<10\" applied on metric mine; reason: unsupported aggregation method rate on metric of type gauge. supported aggregation methods for this metric are: value",
        ),
        (
            "http_reqs{",
            "count>1",
            "unable to validate threshold expressions; reason: parsing metric name failed, metric \"http_reqs{\" has unmatched opening/close curly brace",
        ),
        (
            "vus",
            "value<",
            "failed parsing threshold expression \"value<\"; reason: malformed threshold expression",
        ),
    ] {
        let error = validate(&registry, &thresholds(&[(name, &[source])])).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(
        validate(&registry, &thresholds(&[("mine", &["value<3"]), ("http_reqs", &[])])),
        Ok(vec![])
    );
    let warnings = validate(&registry, &thresholds(&[("http_reqs{vu:1}", &["count>1"])])).unwrap();
    assert!(warnings[0].contains("'vu' metric tag was made non-indexable"), "{warnings:?}");
}

#[test]
fn thresholds_on_a_scripts_metric_wait_until_it_is_known() {
    let mut aggregator = aggregator(&[("mine", &["count>1"]), ("mine{a:b}", &["count<1"])]);
    assert!(aggregator.evaluate(SECOND, true).crossed.is_empty());
    let info =
        MetricInfo { name: "mine".into(), kind: MetricKind::Counter, contains: Contains::Default };
    aggregator.declare(&info).unwrap();
    assert_eq!(aggregator.evaluate(SECOND, true).crossed, ["mine"]);
    let mut shard = shard(1);
    let mine = shard.registry().declare("mine", MetricKind::Counter, Contains::Default).unwrap();
    record(&mut shard, 1, &[(mine, &[("a", "b")], 7.0)]);
    aggregator.ingest(&shard.flush(9)).unwrap();
    assert_eq!(aggregator.evaluate(SECOND, true).crossed, ["mine{a:b}"]);
    let totals = aggregator.totals(SECOND);
    assert!(metric(&totals, "mine").user_defined);
    assert!(!metric(&totals, "vus").user_defined);
}

#[test]
fn request_rows_gather_by_name_and_share_one_beyond_the_limit() {
    let mut shard = Shard::new(1, Arc::new(Registry::with_builtins()), ShardConfig::STANDARD);
    for i in 0..2_500 {
        let name = format!("/{i}");
        record(
            &mut shard,
            1 + i,
            &[
                (builtin::HTTP_REQS, &[("name", &name)], 1.0),
                (builtin::HTTP_REQ_DURATION, &[("name", &name)], i as f64),
                (builtin::HTTP_REQ_FAILED, &[("name", &name)], f64::from(i % 2 == 0)),
            ],
        );
    }
    let mut aggregator = aggregator(&[]);
    aggregator.ingest(&shard.flush(9)).unwrap();
    let rows = aggregator.totals(SECOND).requests;
    assert_eq!(rows.len(), 2_001);
    assert_eq!((rows[4].name.as_str(), rows[4].count, rows[4].failed), ("/4", 1, 1));
    assert_eq!(rows[4].trend.percentile(50.0), 4.0);
    let last = &rows[2_000];
    assert_eq!(
        (last.name.as_str(), last.count, last.failed, last.trend.count()),
        (OVERFLOW_TAG, 500, 250, 500)
    );
}

#[test]
fn overflow_of_shards_is_told_with_the_tag_to_blame() {
    let mut shard = Shard::new(
        1,
        Arc::new(Registry::with_builtins()),
        ShardConfig { max_series: 50, ..CONFIG },
    );
    let mut aggregator = aggregator(&[("http_reqs{scenario:s}", &["count==200"])]);
    assert_eq!(aggregator.totals(SECOND).overflow, None);
    for i in 0..200 {
        let url = format!("/{i}");
        record(
            &mut shard,
            i,
            &[(builtin::HTTP_REQS, &[("url", &url), ("name", &url), ("scenario", "s")], 1.0)],
        );
    }
    aggregator.ingest(&shard.flush(1_000)).unwrap();
    let totals = aggregator.totals(SECOND);
    let overflow = totals.overflow.unwrap();
    assert_eq!((overflow.tag_to_blame.as_deref(), overflow.limit), (Some("url"), 50));
    assert!((150..=152).contains(&overflow.folded_series), "{overflow:?}");
    assert_eq!(
        totals.requests.last().map(|row| (row.name.as_str(), row.count >= 150)),
        Some((OVERFLOW_TAG, true))
    );
    assert_eq!(totals.requests.iter().map(|row| row.count).sum::<u64>(), 200);
    // Selectors on tags with few values stay right.
    assert!(aggregator.evaluate(SECOND, true).crossed.is_empty());
}

#[test]
fn duplicates_are_refused_and_gaps_are_seen_and_closed() {
    let mut shard = shard(3);
    let snapshots: Vec<Snapshot> = (1..=6)
        .map(|i| {
            record(&mut shard, i, &[(builtin::HTTP_REQS, &[], 1.0)]);
            shard.flush(i)
        })
        .collect();
    let mut aggregator = aggregator(&[]);
    let mut ingest = |i: usize| aggregator.ingest(&snapshots[i]).unwrap();
    assert_eq!([1, 1, 4].map(&mut ingest), [Ingest::Applied, Ingest::Duplicate, Ingest::Applied]);
    let gap = |first, last| Gap { agent: 3, first, last };
    assert_eq!(aggregator.gaps(), [gap(1, 1), gap(3, 4)]);
    assert_eq!(aggregator.totals(SECOND).missing_snapshots, 3);
    // The first explains the series: what came before it counts now.
    let mut ingest = |i: usize| aggregator.ingest(&snapshots[i]).unwrap();
    assert_eq!(
        [0, 3, 0, 2, 5].map(&mut ingest),
        [Ingest::Applied, Ingest::Applied, Ingest::Duplicate, Ingest::Applied, Ingest::Applied]
    );
    assert_eq!(aggregator.gaps(), []);
    assert_eq!(metric(&aggregator.totals(SECOND), "http_reqs").sink, Sink::Counter { sum: 6.0 });
}

#[test]
fn contradictions_are_refused_as_a_whole() {
    let declared = |agent, kind| {
        let mut shard = shard(agent);
        let mine = shard.registry().declare("mine", kind, Contains::Default).unwrap();
        record(&mut shard, 1, &[(builtin::HTTP_REQS, &[], 1.0), (mine, &[], 1.0)]);
        shard.flush(9)
    };
    let mut aggregator = aggregator(&[]);
    aggregator.ingest(&declared(1, MetricKind::Counter)).unwrap();
    let error = aggregator.ingest(&declared(2, MetricKind::Trend)).unwrap_err();
    assert_eq!(error.to_string(), "agent 2 sends metric 'mine' as trend, others as counter");
    assert_eq!(metric(&aggregator.totals(SECOND), "http_reqs").sink, Sink::Counter { sum: 1.0 });

    let mut far = declared(1, MetricKind::Counter);
    far.seq = u64::MAX;
    assert!(matches!(
        aggregator.ingest(&far),
        Err(IngestError::Range { what: "snapshot number", .. })
    ));
    far.seq = 0;
    assert!(matches!(
        aggregator.ingest(&far),
        Err(IngestError::Range { what: "snapshot number", .. })
    ));
    far.seq = 2;
    far.series[0].id = u32::MAX;
    assert!(matches!(aggregator.ingest(&far), Err(IngestError::Range { what: "series", .. })));
    let mut wrong = declared(1, MetricKind::Counter);
    wrong.seq = 2;
    wrong.series.clear();
    wrong.rows[0].value = crate::snapshot::RowValue::Rate { trues: 1, total: 1 };
    assert_eq!(aggregator.ingest(&wrong), Err(IngestError::Delta { agent: 1, series: 0 }));
}
