//! Prometheus' native histograms, with the buckets that its Go library makes of a growth factor of 1.1.

use std::collections::BTreeMap;

use metrics::histogram::mid_point;
use metrics::{Contains, Delta, MetricKind, Sink};

use super::message::{BucketSpan, Histogram};
use crate::series::Keep;

/// Eight buckets for each power of two: a growth of 2^(1/8) = 1.09.
const SCHEMA: i32 = 3;
/// Absolute values up to this are zero: 2⁻¹²⁸.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;
/// Upper bounds of the buckets between a half and one: 2^(i/8 − 1).
const BOUNDS: [f64; 8] = [
    0.5,
    0.545_253_866_332_628_8,
    0.594_603_557_501_360_5,
    0.648_419_777_325_504_8,
    0.707_106_781_186_547_5,
    0.771_105_412_703_970_4,
    0.840_896_415_253_714_4,
    0.917_004_043_204_671_1,
];
/// Empty buckets that a span may contain rather than end at.
const LONGEST_GAP: i32 = 2;

/// A histogram of everything a trend was given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Native {
    count: u64,
    sum: f64,
    zeros: u64,
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
    /// What values are divided by: times are seconds in Prometheus.
    divisor: f64,
}

impl Native {
    fn add(&mut self, value: f64, n: u64) {
        let value = value / self.divisor;
        if value.abs() <= ZERO_THRESHOLD {
            self.zeros = self.zeros.saturating_add(n);
            return;
        }
        let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        let count = side.entry(bucket_of(value.abs())).or_default();
        *count = count.saturating_add(n);
    }

    /// As it is sent.
    pub(super) fn message(&self, unix_ms: i64) -> Histogram {
        let (negative_spans, negative_deltas) = spans(&self.negative);
        let (positive_spans, positive_deltas) = spans(&self.positive);
        Histogram {
            count_int: Some(self.count),
            sum: self.sum / self.divisor,
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count_int: Some(self.zeros),
            negative_spans,
            negative_deltas,
            positive_spans,
            positive_deltas,
            timestamp: unix_ms,
        }
    }
}

/// The number of the bucket of a positive value: its upper bound is 2^(number/8).
fn bucket_of(value: f64) -> i32 {
    if value.is_infinite() {
        return bucket_of(f64::MAX) + 1;
    }
    let (fraction, exponent) = split(value);
    let place = BOUNDS.partition_point(|bound| *bound < fraction);
    place as i32 + (exponent - 1) * BOUNDS.len() as i32
}

/// `value` = fraction · 2^exponent, with the fraction from a half to one. `value` is a normal number: smaller ones are
/// zero here.
fn split(value: f64) -> (f64, i32) {
    let bits = value.to_bits();
    let exponent = (bits >> 52) as i32 - 1_022;
    (f64::from_bits((bits & !(0x7ff << 52)) | (1_022 << 52)), exponent)
}

fn spans(buckets: &BTreeMap<i32, u64>) -> (Vec<BucketSpan>, Vec<i64>) {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut deltas = Vec::new();
    let (mut next, mut before) = (0, 0i64);
    for (bucket, n) in buckets {
        let gap = bucket - next;
        match spans.last_mut() {
            Some(span) if gap <= LONGEST_GAP => {
                for _ in 0..gap {
                    deltas.push(-before);
                    before = 0;
                }
                span.length += gap as u32 + 1;
            }
            _ => spans.push(BucketSpan { offset: gap, length: 1 }),
        }
        let n = i64::try_from(*n).unwrap_or(i64::MAX);
        deltas.push(n - before);
        before = n;
        next = bucket + 1;
    }
    (spans, deltas)
}

/// What a series adds up to when trends are native histograms.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    /// A trend.
    Native(Native),
    /// Everything else, or a trend of which single numbers are sent.
    Sink(Sink),
}

impl Keep for Kept {
    fn new(kind: MetricKind, contains: Contains, nth: usize) -> Self {
        match kind {
            MetricKind::Trend => Self::Native(Native {
                divisor: if contains == Contains::Time { 1_000.0 } else { 1.0 },
                ..Native::default()
            }),
            kind => Self::Sink(<Sink as Keep>::new(kind, contains, nth)),
        }
    }

    fn apply(&mut self, delta: &Delta<'_>, is_first: bool) {
        match (self, delta) {
            (Self::Sink(sink), delta) => sink.apply(delta, is_first),
            (Self::Native(native), Delta::Trend { count, sum, raw, buckets, .. }) => {
                native.count = native.count.saturating_add(*count);
                native.sum += sum;
                raw.iter().for_each(|value| native.add(*value, 1));
                buckets.clone().for_each(|(bucket, n)| native.add(mid_point(bucket), n));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_those_of_prometheus_library() {
        // Upper bounds belong to their bucket.
        for (value, bucket) in
            [(1.0, 0), (1.000_001, 1), (2.0, 8), (0.5, -8), (1.09, 1), (1.091, 2), (3.0, 13)]
        {
            assert_eq!(bucket_of(value), bucket, "{value}");
        }
        assert_eq!(bucket_of(f64::INFINITY), bucket_of(f64::MAX) + 1);
        for i in -40..40 {
            let bound = 2f64.powf(f64::from(i) / 8.0 + 0.001);
            assert_eq!(bucket_of(bound), i + 1);
        }
    }

    #[test]
    fn spans_bridge_gaps_of_two() {
        let buckets = BTreeMap::from([(-3, 2), (-2, 5), (1, 1), (5, 4)]);
        let (spans, deltas) = spans(&buckets);
        let expected = [BucketSpan { offset: -3, length: 5 }, BucketSpan { offset: 3, length: 1 }];
        assert_eq!(spans, expected);
        assert_eq!(deltas, [2, 3, -5, 0, 1, 3]);
    }

    #[test]
    fn zero_and_negative_values_have_their_places() {
        let mut native = Native { divisor: 1.0, ..Native::default() };
        for value in [0.0, 1e-40, -1.0, 4.0] {
            native.add(value, 1);
        }
        let message = native.message(7);
        assert_eq!(message.zero_count_int, Some(2));
        assert_eq!(message.negative_spans, [BucketSpan { offset: 0, length: 1 }]);
        assert_eq!(message.positive_spans, [BucketSpan { offset: 16, length: 1 }]);
    }
}
