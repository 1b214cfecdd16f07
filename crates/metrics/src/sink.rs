//! What samples of a metric, or of a part of it, add up to.

use std::time::Duration;

use plan::threshold::Aggregation;

use crate::registry::MetricKind;
use crate::snapshot::Delta;
use crate::trend::TrendSink;

/// The state of a metric after some samples.
#[derive(Debug, Clone, PartialEq)]
pub enum Sink {
    /// Of a counter.
    Counter {
        /// Sum of the values.
        sum: f64,
    },
    /// Of a gauge. All zero before the first value.
    Gauge {
        /// The last value in time.
        last: f64,
        /// When it was set, unix nanoseconds.
        last_unix_ns: u64,
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// Of a rate.
    Rate {
        /// Values that are not zero.
        trues: u64,
        /// All values.
        total: u64,
    },
    /// Of a trend.
    Trend(TrendSink),
}

impl Sink {
    /// The state before any sample.
    pub fn new(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter => Self::Counter { sum: 0.0 },
            MetricKind::Gauge => Self::Gauge { last: 0.0, last_unix_ns: 0, min: 0.0, max: 0.0 },
            MetricKind::Rate => Self::Rate { trues: 0, total: 0 },
            MetricKind::Trend => Self::Trend(TrendSink::default()),
        }
    }

    /// The kind of metric it is of.
    pub fn kind(&self) -> MetricKind {
        match self {
            Self::Counter { .. } => MetricKind::Counter,
            Self::Gauge { .. } => MetricKind::Gauge,
            Self::Rate { .. } => MetricKind::Rate,
            Self::Trend(_) => MetricKind::Trend,
        }
    }

    /// The value a threshold or a report asks for; `elapsed` is the time of the run, for the rate of counters.
    /// `None` where there is no such value: a rate without samples, a counter's rate at time zero.
    pub fn value(&self, aggregation: Aggregation, elapsed: Duration) -> Option<f64> {
        let seconds = elapsed.as_secs_f64();
        match (self, aggregation) {
            (Self::Counter { sum }, Aggregation::Count) => Some(*sum),
            (Self::Counter { sum }, Aggregation::Rate) => (seconds > 0.0).then(|| sum / seconds),
            (Self::Gauge { last, .. }, Aggregation::Value) => Some(*last),
            (Self::Gauge { min, .. }, Aggregation::Min) => Some(*min),
            (Self::Gauge { max, .. }, Aggregation::Max) => Some(*max),
            (Self::Rate { trues, total }, Aggregation::Rate) => {
                (*total > 0).then(|| *trues as f64 / *total as f64)
            }
            (Self::Trend(trend), Aggregation::Count) => Some(trend.count() as f64),
            (Self::Trend(trend), Aggregation::Avg) => Some(trend.avg()),
            (Self::Trend(trend), Aggregation::Min) => Some(trend.min()),
            (Self::Trend(trend), Aggregation::Max) => Some(trend.max()),
            (Self::Trend(trend), Aggregation::Med) => Some(trend.percentile(50.0)),
            (Self::Trend(trend), Aggregation::Percentile(p)) => Some(trend.percentile(p)),
            _ => None,
        }
    }

    /// Takes the change of a series of the same kind; of another kind nothing happens. `is_first` says that nothing
    /// was added before.
    pub fn apply(&mut self, delta: &Delta<'_>, is_first: bool) {
        match (self, delta) {
            (Self::Counter { sum }, Delta::Counter { sum: more }) => *sum += more,
            (Self::Rate { trues, total }, Delta::Rate { trues: more_trues, total: more }) => {
                *trues = trues.saturating_add(*more_trues);
                *total = total.saturating_add(*more);
            }
            (gauge @ Self::Gauge { .. }, Delta::Gauge { last, last_unix_ns, min, max }) => {
                gauge.apply_gauge((*last, *last_unix_ns, *min, *max), is_first);
            }
            (Self::Trend(trend), Delta::Trend { count, sum, min, max, raw, buckets }) => {
                trend.add_summary(*count, *sum, *min, *max);
                trend.add_raw(raw);
                trend.add_buckets(buckets.clone());
            }
            _ => {}
        }
    }

    /// Adds another sink of the same kind, one that has had samples; of another kind nothing happens.
    pub(crate) fn merge(&mut self, other: &Self, is_first: bool) {
        match (self, other) {
            (Self::Trend(trend), Self::Trend(more)) => trend.merge(more),
            (sink, Self::Counter { sum }) => sink.apply(&Delta::Counter { sum: *sum }, is_first),
            (sink, Self::Rate { trues, total }) => {
                sink.apply(&Delta::Rate { trues: *trues, total: *total }, is_first);
            }
            (gauge @ Self::Gauge { .. }, Self::Gauge { last, last_unix_ns, min, max }) => {
                gauge.apply_gauge((*last, *last_unix_ns, *min, *max), is_first);
            }
            _ => {}
        }
    }

    fn apply_gauge(&mut self, new: (f64, u64, f64, f64), is_first: bool) {
        let Self::Gauge { last, last_unix_ns, min, max } = self else {
            return;
        };
        if is_first {
            (*last, *last_unix_ns, *min, *max) = new;
            return;
        }
        if new.1 >= *last_unix_ns {
            (*last, *last_unix_ns) = (new.0, new.1);
        }
        *min = min.min(new.2);
        *max = max.max(new.3);
    }
}
