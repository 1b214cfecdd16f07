//! What a series adds up to for OTLP, over the whole run or since the last export.

use std::collections::BTreeMap;

use metrics::histogram::mid_point;
use metrics::{Contains, Delta, MetricKind};

use super::message::{
    Buckets, ExponentialHistogramDataPoint, HistogramDataPoint, KeyValue, Number, NumberDataPoint,
};
use crate::series::Keep;

/// Upper bounds of the histogram's buckets: the default of OpenTelemetry's SDKs.
pub(super) const BOUNDS: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1_000.0, 2_500.0, 5_000.0,
    7_500.0, 10_000.0,
];
/// Sixteen buckets for each power of two: a growth of 4.4 %.
const SCALE: i32 = 4;

/// The times of a point, unix nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// The sums of one series.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    Counter(f64),
    Gauge { last: f64, last_unix_ns: u64 },
    Rate { nonzero: u64, zero: u64 },
    Trend(Box<Distribution>),
}

/// A distribution in both forms of histogram; which is sent is a setting.
#[derive(Debug, Clone)]
pub(super) struct Distribution {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    counts: [u64; BOUNDS.len() + 1],
    zeros: u64,
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
}

impl Distribution {
    const EMPTY: Self = Self {
        count: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        counts: [0; BOUNDS.len() + 1],
        zeros: 0,
        positive: BTreeMap::new(),
        negative: BTreeMap::new(),
    };

    fn add(&mut self, value: f64, n: u64) {
        self.counts[BOUNDS.partition_point(|bound| *bound < value)] += n;
        let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        if value == 0.0 || !value.is_finite() {
            self.zeros += n;
        } else {
            *side.entry(exponential_bucket(value.abs())).or_default() += n;
        }
    }

    fn extremes(&self) -> (Option<f64>, Option<f64>) {
        if self.count == 0 { (None, None) } else { (Some(self.min), Some(self.max)) }
    }

    /// With the fixed bounds.
    pub(super) fn explicit(&self, span: Span, attributes: Vec<KeyValue>) -> HistogramDataPoint {
        let (min, max) = self.extremes();
        HistogramDataPoint {
            start_time_unix_nano: span.start,
            time_unix_nano: span.end,
            count: self.count,
            sum: Some(self.sum),
            bucket_counts: self.counts.to_vec(),
            explicit_bounds: BOUNDS.to_vec(),
            attributes,
            min,
            max,
        }
    }

    /// With exponential buckets.
    pub(super) fn exponential(
        &self,
        span: Span,
        attributes: Vec<KeyValue>,
    ) -> ExponentialHistogramDataPoint {
        let (min, max) = self.extremes();
        ExponentialHistogramDataPoint {
            attributes,
            start_time_unix_nano: span.start,
            time_unix_nano: span.end,
            count: self.count,
            sum: Some(self.sum),
            scale: SCALE,
            zero_count: self.zeros,
            positive: Some(row(&self.positive)),
            negative: Some(row(&self.negative)),
            min,
            max,
        }
    }
}

/// The bucket (2^(i/16), 2^((i+1)/16)] that holds a positive value.
fn exponential_bucket(value: f64) -> i32 {
    let per_octave = f64::from(1 << SCALE);
    (value.log2() * per_octave).ceil() as i32 - 1
}

fn row(buckets: &BTreeMap<i32, u64>) -> Buckets {
    let Some((first, last)) = buckets.keys().next().zip(buckets.keys().next_back()) else {
        return Buckets::default();
    };
    let counts = (*first..=*last).map(|i| buckets.get(&i).copied().unwrap_or(0)).collect();
    Buckets { offset: *first, bucket_counts: counts }
}

impl Kept {
    /// The numbers of everything but a trend, each with what is added to the series' attributes.
    pub(super) fn numbers(&self) -> Vec<(Option<KeyValue>, Number)> {
        let condition =
            |value: &str, n: u64| (Some(KeyValue::text("condition", value)), Number::Int(int(n)));
        match self {
            Self::Counter(sum) => vec![(None, Number::Double(*sum))],
            Self::Gauge { last, .. } => vec![(None, Number::Double(*last))],
            // A condition that never was has no series, as in k6.
            Self::Rate { nonzero, zero } => [("nonzero", *nonzero), ("zero", *zero)]
                .into_iter()
                .filter(|(_, n)| *n > 0)
                .map(|(value, n)| condition(value, n))
                .collect(),
            Self::Trend(_) => Vec::new(),
        }
    }

    /// Begins a new interval.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Counter(sum) => *sum = 0.0,
            Self::Gauge { .. } => {}
            Self::Rate { nonzero, zero } => (*nonzero, *zero) = (0, 0),
            Self::Trend(trend) => **trend = Distribution::EMPTY,
        }
    }
}

/// A point of these attributes.
pub(super) fn number_point(
    span: Span,
    attributes: Vec<KeyValue>,
    value: Number,
) -> NumberDataPoint {
    NumberDataPoint {
        start_time_unix_nano: span.start,
        time_unix_nano: span.end,
        attributes,
        value: Some(value),
    }
}

fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Keep for Kept {
    fn new(kind: MetricKind, _: Contains, _: usize) -> Self {
        match kind {
            MetricKind::Counter => Self::Counter(0.0),
            MetricKind::Gauge => Self::Gauge { last: 0.0, last_unix_ns: 0 },
            MetricKind::Rate => Self::Rate { nonzero: 0, zero: 0 },
            MetricKind::Trend => Self::Trend(Box::new(Distribution::EMPTY)),
        }
    }

    fn apply(&mut self, delta: &Delta<'_>, _: bool) {
        match (self, delta) {
            (Self::Counter(sum), Delta::Counter { sum: more }) => *sum += more,
            (
                Self::Gauge { last, last_unix_ns },
                Delta::Gauge { last: new, last_unix_ns: at, .. },
            ) if at >= last_unix_ns => (*last, *last_unix_ns) = (*new, *at),
            (Self::Rate { nonzero, zero }, Delta::Rate { trues, total }) => {
                *nonzero += trues;
                *zero += total.saturating_sub(*trues);
            }
            (Self::Trend(trend), Delta::Trend { count, sum, min, max, raw, buckets }) => {
                trend.count += count;
                trend.sum += sum;
                trend.min = trend.min.min(*min);
                trend.max = trend.max.max(*max);
                raw.iter().for_each(|value| trend.add(*value, 1));
                buckets.clone().for_each(|(bucket, n)| trend.add(mid_point(bucket), n));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_the_buckets_of_the_sdk() {
        let mut trend = Distribution::EMPTY;
        for value in [0.0, 5.0, 5.1, 10_000.0, 10_001.0, -3.0] {
            trend.add(value, 1);
        }
        let mut expected = [0; 16];
        for (bucket, n) in [(0, 2), (1, 1), (2, 1), (14, 1), (15, 1)] {
            expected[bucket] = n;
        }
        assert_eq!(trend.counts, expected);
        assert_eq!(trend.zeros, 1);
        assert_eq!(trend.negative.len(), 1);
    }

    #[test]
    fn exponential_buckets_hold_their_upper_bound() {
        for (value, bucket) in [(1.0, -1), (1.001, 0), (2.0, 15), (2.001, 16), (0.5, -17)] {
            assert_eq!(exponential_bucket(value), bucket, "{value}");
        }
        let buckets = row(&BTreeMap::from([(-1, 2), (2, 5)]));
        assert_eq!(buckets, Buckets { offset: -1, bucket_counts: vec![2, 0, 0, 5] });
    }
}
