use super::*;
use crate::builtin;
use crate::registry::Contains;
use crate::snapshot::Delta;

const CONFIG: ShardConfig = ShardConfig { max_series: 1_000, raw_per_series: 100 };

fn shard(config: ShardConfig) -> Shard {
    Shard::new(7, Arc::new(Registry::with_builtins()), config)
}

/// (series, kind and numbers) of a flush.
fn deltas(shard: &mut Shard, now: u64) -> Vec<(u32, String)> {
    let show = |delta: Delta<'_>| match delta {
        Delta::Counter { sum } => format!("counter {sum}"),
        Delta::Gauge { last, last_unix_ns, min, max } => {
            format!("gauge {last}@{last_unix_ns} {min}..{max}")
        }
        Delta::Rate { trues, total } => format!("rate {trues}/{total}"),
        Delta::Trend { count, sum, min, max, raw, buckets } => {
            let in_buckets: u64 = buckets.map(|(_, n)| n).sum();
            format!("trend {count} {sum} {min}..{max} raw {raw:?} + {in_buckets}")
        }
    };
    shard.flush(now).deltas().map(|(series, delta)| (series, show(delta))).collect()
}

#[test]
fn a_flush_tells_what_changed_since_the_last_and_nothing_else() {
    let mut shard = shard(CONFIG);
    let tags = shard.tag_set(&[("scenario", "s")]);
    let counter = shard.series(builtin::HTTP_REQS, tags);
    let gauge = shard.series(builtin::VUS, TagSetId::EMPTY);
    let rate = shard.series(builtin::CHECKS, tags);
    let trend = shard.series(builtin::HTTP_REQ_DURATION, tags);
    for (series, value, at) in [
        (trend, 1.5, 10),
        (counter, 1.0, 11),
        (rate, 0.0, 12),
        (gauge, 5.0, 13),
        (rate, 2.0, 14),
        (gauge, 3.0, 15),
        (trend, 0.5, 16),
        (counter, 2.0, 17),
    ] {
        shard.record(series, value, at);
    }
    let lines = [
        (0, "counter 3"),
        (1, "gauge 3@15 3..5"),
        (2, "rate 1/2"),
        (3, "trend 2 2 0.5..1.5 raw [1.5, 0.5] + 0"),
    ];
    assert_eq!(deltas(&mut shard, 100), lines.map(|(series, line)| (series, line.to_owned())));
    assert_eq!(deltas(&mut shard, 200), []);
    shard.record(gauge, 9.0, 210);
    let snapshot = shard.flush(300);
    assert_eq!((snapshot.seq(), snapshot.start_unix_ns(), snapshot.end_unix_ns()), (3, 200, 300));
    assert_eq!(snapshot.series().len(), 0);
    assert_eq!(snapshot.deltas().count(), 1);
}

#[test]
fn series_are_explained_once_with_tags_and_first_time() {
    let mut shard = shard(CONFIG);
    let tags = shard.tag_set(&[("url", "/a"), ("method", "GET")]);
    shard.series(builtin::HTTP_REQS, TagSetId::EMPTY);
    shard.add(builtin::HTTP_REQS, tags, 1.0, 50);
    shard.add(builtin::HTTP_REQS, tags, 1.0, 60);
    let snapshot = shard.flush(100);
    let series: Vec<_> = snapshot.series().collect();
    assert_eq!(series.len(), 1, "a series without samples is not mentioned");
    assert_eq!(
        (series[0].id, series[0].metric.name, series[0].first_unix_ns),
        (1, "http_reqs", 50)
    );
    assert_eq!(series[0].tags().collect::<Vec<_>>(), [("method", "GET"), ("url", "/a")]);
    assert_eq!(snapshot.metrics().len(), builtin::ALL.len());
    shard.add(builtin::HTTP_REQS, tags, 1.0, 150);
    let snapshot = shard.flush(200);
    assert_eq!((snapshot.series().len(), snapshot.metrics().len()), (0, 0));
}

#[test]
fn metrics_declared_later_are_explained_in_the_next_flush() {
    let mut shard = shard(CONFIG);
    shard.flush(1);
    let mine = shard.registry().declare("mine", MetricKind::Trend, Contains::Time).unwrap();
    shard.add(mine, TagSetId::EMPTY, 1.0, 2);
    let snapshot = shard.flush(3);
    assert_eq!(
        snapshot.metrics().map(|metric| metric.name.to_owned()).collect::<Vec<_>>(),
        ["mine"]
    );
}

#[test]
fn nan_is_refused_and_counted_for_every_kind() {
    let mut shard = shard(CONFIG);
    for metric in [builtin::HTTP_REQS, builtin::VUS, builtin::CHECKS, builtin::HTTP_REQ_DURATION] {
        shard.add(metric, TagSetId::EMPTY, f64::NAN, 1);
    }
    let snapshot = shard.flush(2);
    assert_eq!(snapshot.deltas().count(), 0);
    assert_eq!(snapshot.tally().refused_nan, 4);
}

#[test]
fn a_series_hands_over_its_first_values_raw_and_the_rest_by_bucket() {
    // Values recorded before each flush, and how many of them are raw. Buckets come from a list while the values of an
    // interval are few, from a histogram beyond 64 of them.
    let check = |raw_per_series, rounds: &[(u32, usize)]| {
        let mut shard = shard(ShardConfig { raw_per_series, ..CONFIG });
        let trend = shard.series(builtin::HTTP_REQ_DURATION, TagSetId::EMPTY);
        for (at, (n, n_raw)) in (1..).zip(rounds) {
            let value = |i: u32| f64::from(i * 37 % 101) / 8.0;
            (0..*n).for_each(|i| shard.record(trend, value(i), at));
            let snapshot = shard.flush(at);
            let Some((_, Delta::Trend { count, raw, buckets, .. })) = snapshot.deltas().next()
            else {
                panic!("round {at} has no trend");
            };
            let expected: Vec<f64> = (0..*n).map(value).collect();
            assert_eq!(
                (count, raw),
                (u64::from(*n), &expected[..*n_raw]),
                "round {at} of {rounds:?}"
            );
            let mut histogram = crate::histogram::Histogram::new();
            expected[*n_raw..].iter().for_each(|value| histogram.add(*value));
            assert!(buckets.eq(histogram.buckets()), "round {at} of {rounds:?}");
        }
    };
    check(100, &[(60, 60), (60, 40), (5, 0), (500, 0), (3, 0)]);
    check(100, &[(100, 100), (5, 0), (64, 0), (65, 0), (500, 0), (3, 0)]);
    check(0, &[(3, 0), (500, 0), (64, 0), (500, 0)]);
    check(1_000, &[(700, 700), (300, 300), (1, 0)]);
}

#[test]
fn a_resting_series_keeps_no_buffers() {
    let mut shard = shard(CONFIG);
    let trends: Vec<_> = (0..50)
        .map(|i| {
            let tags = shard.tag_set(&[("i", &i.to_string())]);
            shard.series(builtin::HTTP_REQ_DURATION, tags)
        })
        .collect();
    for trend in &trends {
        for i in 0..500 {
            shard.record(*trend, f64::from(i), 1);
        }
    }
    shard.flush(1);
    assert_eq!(shard.intervals.in_use(), 50);
    shard.record(trends[3], 1.0, 2);
    shard.flush(2);
    assert_eq!(shard.intervals.in_use(), 1);
    shard.flush(3);
    assert_eq!(shard.intervals.in_use(), 0);
    // And it works again afterwards.
    shard.record(trends[4], 2.0, 4);
    assert_eq!(deltas(&mut shard, 4), [(4, "trend 1 2 2..2 raw [] + 1".to_owned())]);
}

#[test]
fn beyond_the_cap_each_metric_has_one_overflow_series_and_the_tag_is_named() {
    let mut shard = shard(ShardConfig { max_series: 90, raw_per_series: 10 });
    for i in 0..1_000 {
        let url = format!("/item/{i}");
        let tags =
            shard.tag_set(&[("scenario", "s"), ("url", &url), ("name", &url), ("status", "200")]);
        for metric in [builtin::HTTP_REQS, builtin::HTTP_REQ_DURATION, builtin::HTTP_REQ_FAILED] {
            shard.add(metric, tags, 1.0, 1);
        }
    }
    assert_eq!(shard.n_series(), 90 + 3);
    let snapshot = shard.flush(2);
    let overflow: Vec<_> = snapshot
        .series()
        .filter(|series| series.tags().any(|(key, _)| key == OVERFLOW_TAG))
        .collect();
    assert_eq!(
        overflow.iter().map(|series| series.metric.name).collect::<Vec<_>>(),
        ["http_reqs", "http_req_duration", "http_req_failed"]
    );
    let kept = [(OVERFLOW_TAG, "name,url"), ("scenario", "s"), ("status", "200")];
    assert_eq!(overflow[0].tags().collect::<Vec<_>>(), kept);
    // No sample is lost.
    let requests: f64 = snapshot
        .deltas()
        .filter_map(|(_, delta)| match delta {
            Delta::Counter { sum } => Some(sum),
            _ => None,
        })
        .sum();
    assert_eq!(requests, 1_000.0);
    let tally = snapshot.tally();
    assert_eq!(tally.max_series, 90);
    assert_eq!(tally.blame.as_ref().map(|(key, _)| key.as_str()), Some("url"));
    assert!((900..=1_000).contains(&tally.folded_series), "{}", tally.folded_series);
}

#[test]
fn overflow_keeps_the_tags_that_checks_and_scenarios_need() {
    let mut shard = shard(ShardConfig { max_series: 20, raw_per_series: 10 });
    for i in 0..100 {
        let tags = shard.tag_set(&[("url", &format!("/{i}"))]);
        shard.add(builtin::HTTP_REQS, tags, 1.0, 1);
    }
    let tags = shard.tag_set(&[("check", "late check"), ("group", "::g"), ("scenario", "s")]);
    let tags: Vec<_> = shard.tags(tags).map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(tags, ["__overflow__=url", "check=late check", "group=::g", "scenario=s"]);
}

#[test]
fn series_and_tag_sets_stay_bounded_whatever_the_script_does() {
    let mut shard = shard(ShardConfig { max_series: 100, raw_per_series: 10 });
    for i in 0..20_000u32 {
        let (a, b) = ((i % 7).to_string(), (i / 7).to_string());
        let tags = shard.tag_set(&[("a", &a), (&b, &a), ("c", &b)]);
        shard.add(builtin::HTTP_REQS, tags, 1.0, 1);
    }
    assert!(shard.n_series() <= 100 + 1_000 + 1, "{}", shard.n_series());
}

#[test]
fn the_raw_tap_keeps_order_and_counts_what_it_drops() {
    let mut shard = shard(CONFIG);
    let tags = shard.tag_set(&[("k", "v")]);
    shard.add(builtin::HTTP_REQS, tags, 9.0, 0);
    assert!(shard.take_raw().is_empty());
    shard.set_raw_tap(true);
    shard.set_raw_capacity(3);
    for i in 1..=5 {
        shard.add(builtin::HTTP_REQS, tags, f64::from(i), i as u64);
    }
    let raw = shard.take_raw();
    assert_eq!(raw.iter().map(|sample| sample.value).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    assert_eq!(shard.series_info(raw[0].series), (builtin::HTTP_REQS, tags));
    assert_eq!(shard.dropped_raw(), 2);
    assert_eq!(shard.flush(6).tally().dropped_raw, 2);
    shard.set_raw_tap(false);
    shard.add(builtin::HTTP_REQS, tags, 1.0, 7);
    assert!(shard.take_raw().is_empty());
}

#[test]
fn metadata_goes_with_the_samples_of_who_set_it() {
    let mut shard = shard(CONFIG);
    let of = |vu: &str| -> Arc<Metadata> { Arc::from([("vu".to_owned(), vu.to_owned())]) };
    let (one, two) = (of("1"), of("2"));
    shard.set_raw_tap(true);
    let mut record = |who: Option<&Arc<Metadata>>, value: f64| {
        shard.set_metadata(who.cloned());
        shard.add(builtin::HTTP_REQS, TagSetId::EMPTY, value, 1);
    };
    record(Some(&one), 1.0);
    record(Some(&one), 2.0);
    record(None, 3.0);
    record(Some(&two), 4.0);
    record(Some(&one), 5.0);
    let said = |batch: &crate::SampleBatch| -> Vec<String> {
        let vu = |metadata: &Metadata| {
            metadata.first().map_or_else(|| "-".to_owned(), |(_, vu)| vu.clone())
        };
        batch.samples().map(|sample| format!("{} {}", vu(sample.metadata), sample.value)).collect()
    };
    assert_eq!(said(&shard.take_batch().unwrap()), ["1 1", "1 2", "- 3", "2 4", "1 5"]);
    // Who is at it goes on with a new batch.
    shard.add(builtin::HTTP_REQS, TagSetId::EMPTY, 6.0, 1);
    assert_eq!(said(&shard.take_batch().unwrap()), ["1 6"]);
}

#[test]
fn a_batch_explains_its_samples() {
    let mut shard = shard(CONFIG);
    shard.set_raw_tap(true);
    shard.set_raw_capacity(4);
    let tags = shard.tag_set(&[("k", "v"), ("a", "")]);
    for i in 0..3 {
        shard.add(builtin::HTTP_REQS, tags, f64::from(i), i as u64);
        shard.add(builtin::HTTP_REQ_DURATION, tags, 0.5, i as u64);
    }
    let batch = shard.take_batch().unwrap();
    assert_eq!((batch.agent(), batch.len(), batch.dropped(), batch.series().len()), (7, 4, 2, 2));
    let lines: Vec<String> = batch
        .samples()
        .map(|sample| {
            format!(
                "{} {} {:?}",
                sample.series.metric.name,
                sample.at_unix_ns,
                sample.series.tags().collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(lines[2], r#"http_reqs 1 [("a", ""), ("k", "v")]"#);
    assert_eq!(lines[3], r#"http_req_duration 1 [("a", ""), ("k", "v")]"#);
    assert!(shard.take_batch().is_none());
}
