//! The distribution of a metric's values: exact while there are few, a histogram beyond.

use std::borrow::Cow;

use crate::histogram::{Histogram, bucket_of};

/// Raw values a sink keeps before it folds them into a histogram.
pub const RAW_BUDGET: usize = 10_000;

/// A distribution. Count, sum, minimum and maximum are always exact; percentiles are exact (k6's to the digit) while
/// the raw values are kept, and within 0.05 % beyond.
#[derive(Debug, Clone)]
pub struct TrendSink {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    raw: Vec<f64>,
    is_sorted: bool,
    budget: usize,
    histogram: Option<Box<Histogram>>,
}

impl Default for TrendSink {
    fn default() -> Self {
        Self::with_budget(RAW_BUDGET)
    }
}

impl TrendSink {
    /// A sink that keeps up to `budget` raw values.
    pub fn with_budget(budget: usize) -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            raw: Vec::new(),
            is_sorted: true,
            budget,
            histogram: None,
        }
    }

    /// Adds one value; NaN is ignored.
    pub fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.add_summary(1, value, value, value);
        self.add_raw(&[value]);
    }

    /// Adds the values of another sink.
    pub fn merge(&mut self, other: &Self) {
        self.add_summary(other.count, other.sum, other.min, other.max);
        self.add_raw(&other.raw);
        if let Some(histogram) = &other.histogram {
            self.fold();
            self.histogram_mut().merge(histogram);
        }
    }

    /// Adds `count` values known by their sum and extremes. The values themselves come by
    /// [`add_raw`](Self::add_raw) and [`add_buckets`](Self::add_buckets).
    pub(crate) fn add_summary(&mut self, count: u64, sum: f64, min: f64, max: f64) {
        self.count = self.count.saturating_add(count);
        self.sum += sum;
        self.min = self.min.min(min);
        self.max = self.max.max(max);
    }

    pub(crate) fn add_raw(&mut self, values: &[f64]) {
        if self.histogram.is_none() {
            if self.raw.len() + values.len() <= self.budget {
                self.is_sorted &= values.is_empty();
                self.raw.extend_from_slice(values);
                return;
            }
            self.fold();
        }
        let histogram = self.histogram_mut();
        values.iter().for_each(|value| histogram.add(*value));
    }

    pub(crate) fn add_buckets(&mut self, buckets: impl IntoIterator<Item = (u32, u64)>) {
        let mut buckets = buckets.into_iter().peekable();
        if buckets.peek().is_none() {
            return;
        }
        self.fold();
        let histogram = self.histogram_mut();
        buckets.for_each(|(bucket, n)| histogram.add_to_bucket(bucket, n));
    }

    /// Gives up the raw values for a histogram.
    pub(crate) fn fold(&mut self) {
        if self.histogram.is_none() {
            let raw = std::mem::take(&mut self.raw);
            let histogram = self.histogram_mut();
            raw.iter().for_each(|value| histogram.add(*value));
            self.is_sorted = true;
        }
    }

    /// Sorts the raw values, so that percentiles of this sink need no copy.
    pub(crate) fn settle(&mut self) {
        if !self.is_sorted {
            self.raw.sort_unstable_by(f64::total_cmp);
            self.is_sorted = true;
        }
    }

    /// Number of raw values held.
    pub(crate) fn raw_len(&self) -> usize {
        self.raw.len()
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum of the values.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Smallest value, 0 without any.
    pub fn min(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.min }
    }

    /// Largest value, 0 without any.
    pub fn max(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.max }
    }

    /// Mean, 0 without any value.
    pub fn avg(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// Whether percentiles come from the values themselves.
    pub fn is_exact(&self) -> bool {
        self.histogram.is_none()
    }

    /// The `p`-th percentile, `p` from 0 to 100, as k6 defines it: linear interpolation between the values at the
    /// ranks around `p/100 · (n−1)`. 0 without any value.
    pub fn percentile(&self, p: f64) -> f64 {
        self.percentiles(&[p])[0]
    }

    /// Several percentiles at once, each as [`percentile`](Self::percentile).
    pub fn percentiles(&self, ps: &[f64]) -> Vec<f64> {
        let Some(last) = self.count.checked_sub(1) else {
            return vec![0.0; ps.len()];
        };
        let places: Vec<(u64, f64)> = ps
            .iter()
            .map(|p| {
                let place =
                    if p.is_nan() { 0.0 } else { p.clamp(0.0, 100.0) / 100.0 * last as f64 };
                // Beyond 2⁵³ values the place may be rounded past the last.
                ((place.floor() as u64).min(last), place.fract())
            })
            .collect();
        let above = |low: u64| low.saturating_add(1).min(last);
        let mut ranks: Vec<u64> = places.iter().flat_map(|(low, _)| [*low, above(*low)]).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let values = self.at_ranks(&ranks, last);
        let at = |rank: u64| values[ranks.binary_search(&rank).unwrap_or(0)];
        places.iter().map(|(low, part)| interpolate(at(*low), at(above(*low)), *part)).collect()
    }

    /// Between which values the `p`-th percentile of what was sampled lies with 95 % confidence: order statistics by
    /// the normal approximation of the binomial distribution (Le Boudec, "Performance Evaluation", theorem 2.1).
    /// `None` where the values are too few to bound it on both sides.
    pub fn percentile_bounds(&self, p: f64) -> Option<(f64, f64)> {
        const Z: f64 = 1.959_964;
        if !(0.0..=100.0).contains(&p) {
            return None;
        }
        let (n, q) = (self.count as f64, p / 100.0);
        let spread = Z * (n * q * (1.0 - q)).sqrt();
        // Ranks from 1.
        let (low, high) = ((n * q - spread).floor(), (n * q + spread).ceil() + 1.0);
        if low < 1.0 || high > n {
            return None;
        }
        let ranks = [low as u64 - 1, high as u64 - 1];
        let values = self.at_ranks(&ranks, self.count - 1);
        Some((values[0], values[1]))
    }

    /// The values at the given ranks (from 0, ascending) among all sorted values, for definitions of percentiles other
    /// than k6's; a rank past the end gives the largest, and all are 0 without any value.
    pub fn values_at(&self, ranks: &[u64]) -> Vec<f64> {
        match self.count.checked_sub(1) {
            Some(last) => self.at_ranks(ranks, last),
            None => vec![0.0; ranks.len()],
        }
    }

    fn at_ranks(&self, ranks: &[u64], last: u64) -> Vec<f64> {
        if let Some(histogram) = &self.histogram {
            // The extremes are known exactly, so no rank may lie beyond them.
            let mut values = histogram.at_ranks(ranks);
            for (value, rank) in values.iter_mut().zip(ranks) {
                *value = match *rank {
                    0 => self.min,
                    rank if rank == last => self.max,
                    _ => value.max(self.min).min(self.max),
                };
            }
            return values;
        }
        let mut raw = Cow::Borrowed(self.raw.as_slice());
        if !self.is_sorted {
            raw.to_mut().sort_unstable_by(f64::total_cmp);
        }
        // A sink may be summarised without its values (a damaged record): then there is nothing at a rank.
        ranks
            .iter()
            .map(|rank| raw.get(*rank as usize).or_else(|| raw.last()).copied().unwrap_or(0.0))
            .collect()
    }

    /// The buckets that hold the values, ascending, with their counts; made from the raw values while those are kept.
    pub fn buckets(&self) -> Vec<(u32, u64)> {
        match &self.histogram {
            Some(histogram) => histogram.buckets().collect(),
            None => {
                let mut buckets: Vec<u32> =
                    self.raw.iter().map(|value| bucket_of(*value)).collect();
                buckets.sort_unstable();
                buckets.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).collect()
            }
        }
    }

    fn histogram_mut(&mut self) -> &mut Histogram {
        self.histogram.get_or_insert_with(Box::default)
    }
}

/// Two sinks are equal when they hold the same values, raw or by bucket.
impl PartialEq for TrendSink {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count
            && self.min.total_cmp(&other.min).is_eq()
            && self.max.total_cmp(&other.max).is_eq()
            && self.is_exact() == other.is_exact()
            && self.buckets() == other.buckets()
    }
}

fn interpolate(low: f64, high: f64, part: f64) -> f64 {
    // Without the first branch an infinity on one side would make NaN of a rank that is met exactly.
    if part == 0.0 || low == high { low } else { low + (high - low) * part }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sink(budget: usize, values: &[f64]) -> TrendSink {
        let mut sink = TrendSink::with_budget(budget);
        values.iter().for_each(|value| sink.add(*value));
        sink
    }

    #[test]
    fn percentiles_interpolate_as_k6_does() {
        let ten = sink(100, &[10.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        for (p, expected) in
            [(0.0, 1.0), (50.0, 5.5), (90.0, 9.1), (95.0, 9.55), (99.5, 9.955), (100.0, 10.0)]
        {
            assert!((ten.percentile(p) - expected).abs() < 1e-12, "p({p}) = {}", ten.percentile(p));
        }
        assert_eq!(sink(100, &[]).percentile(95.0), 0.0);
        assert_eq!(sink(100, &[7.5]).percentiles(&[0.0, 33.0, 100.0]), [7.5, 7.5, 7.5]);
        assert_eq!(sink(0, &[7.5]).percentile(95.0), 7.5);
    }

    #[test]
    fn values_stand_at_their_ranks_raw_or_not() {
        for budget in [0, 100] {
            let four = sink(budget, &[8.0, 1.0, 2.0, 4.0]);
            let values = four.values_at(&[0, 1, 3, 9]);
            for (value, expected) in values.iter().zip([1.0, 2.0, 8.0, 8.0]) {
                assert!((value - expected).abs() <= expected * 0.0005, "{value} is not {expected}");
            }
        }
        assert_eq!(sink(100, &[]).values_at(&[0, 5]), [0.0, 0.0]);
    }

    #[test]
    fn beyond_its_budget_a_sink_stays_exact_in_count_sum_and_extremes() {
        let values: Vec<f64> = (0..1_000).map(|i| f64::from(i) * 0.37 + 0.011).collect();
        let folded = sink(999, &values);
        assert!(!folded.is_exact());
        assert!(sink(1_000, &values).is_exact());
        assert_eq!(folded.count(), 1_000);
        assert_eq!(folded.min(), 0.011);
        assert_eq!(folded.max(), 999.0 * 0.37 + 0.011);
        assert_eq!(folded.sum(), values.iter().sum::<f64>());
        assert_eq!(folded.percentile(0.0), folded.min());
        assert_eq!(folded.percentile(100.0), folded.max());
    }

    #[test]
    fn infinite_values_do_not_make_finite_percentiles_vanish() {
        for budget in [0, 100] {
            let sink = sink(budget, &[1.0, 2.0, f64::INFINITY]);
            assert!((sink.percentile(50.0) - 2.0).abs() < 0.001);
            assert_eq!(sink.max(), f64::INFINITY);
        }
    }

    #[test]
    fn bounds_of_a_percentile_are_the_order_statistics_around_it() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        // n = 100, q = 0.5: ranks floor(50 - 9.8) and ceil(50 + 9.8) + 1.
        assert_eq!(sink(1_000, &hundred).percentile_bounds(50.0), Some((40.0, 61.0)));
        assert_eq!(sink(1_000, &hundred).percentile_bounds(99.0), None);
        assert_eq!(sink(1_000, &[]).percentile_bounds(50.0), None);
        let (low, high) = sink(0, &hundred).percentile_bounds(50.0).unwrap();
        assert!((low - 40.0).abs() < 0.02 && (high - 61.0).abs() < 0.03);
    }

    proptest! {
        #[test]
        fn folded_percentiles_are_within_a_twentieth_of_a_percent_of_the_exact_ones(
            values in proptest::collection::vec(0.001f64..1e6, 1..400),
            ps in proptest::collection::vec(0.0f64..=100.0, 1..8),
        ) {
            let exact = sink(usize::MAX, &values).percentiles(&ps);
            let folded = sink(0, &values).percentiles(&ps);
            for ((exact, folded), p) in exact.iter().zip(&folded).zip(&ps) {
                prop_assert!((exact - folded).abs() <= 0.0005 * exact.abs(), "p({}): {} for {}", p, folded, exact);
            }
        }

        #[test]
        fn merging_is_associative_and_ignores_the_order(
            parts in proptest::collection::vec(proptest::collection::vec(-50.0f64..1e3, 0..40), 3..4),
            budget in 0usize..130,
        ) {
            let [a, b, c] = [0, 1, 2].map(|i: usize| sink(budget, &parts[i]));
            let mut left = a.clone();
            left.merge(&b);
            left.merge(&c);
            let mut right_part = c.clone();
            right_part.merge(&b);
            let mut right = right_part;
            right.merge(&a);
            let one = sink(budget, &parts.concat());
            for merged in [&left, &right] {
                prop_assert_eq!(merged, &one);
                prop_assert!((merged.sum() - one.sum()).abs() <= 1e-9 * (1.0 + parts.concat().iter().map(|v| v.abs()).sum::<f64>()));
                prop_assert_eq!(merged.percentiles(&[10.0, 50.0, 99.0]), one.percentiles(&[10.0, 50.0, 99.0]));
            }
        }
    }
}
