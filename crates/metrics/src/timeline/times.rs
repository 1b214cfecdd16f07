//! The distribution of one step, small: values as they came, and buckets.

use crate::snapshot::Delta;
use crate::trend::{RAW_BUDGET, TrendSink};

/// What two steps become when they are made one.
pub(super) trait Fold {
    /// Takes the step that follows.
    fn fold(&mut self, other: Self);
}

/// Makes pairs of steps one each.
pub(super) fn fold_pairs<T: Fold>(steps: &mut Vec<T>) {
    let mut folded = Vec::with_capacity(steps.len().div_ceil(2));
    let mut rest = std::mem::take(steps).into_iter();
    while let Some(mut step) = rest.next() {
        if let Some(next) = rest.next() {
            step.fold(next);
        }
        folded.push(step);
    }
    *steps = folded;
}

/// A distribution of times or other values. Count, sum and extremes are exact; values are kept as the snapshots had
/// them: some raw, the others by bucket (see [`crate::histogram`]).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Times {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    raw: Vec<f64>,
    /// Ascending; a bucket whose count is beyond 32 bits has several entries.
    buckets: Vec<(u32, u32)>,
}

impl Times {
    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Entries it holds.
    pub(super) fn len(&self) -> usize {
        self.raw.len() + self.buckets.len()
    }

    /// Adds the change of a trend; other changes are ignored.
    pub(super) fn add(&mut self, delta: &Delta<'_>) {
        let Delta::Trend { count, sum, min, max, raw, buckets } = delta else { return };
        self.add_summary(*count, *sum, *min, *max);
        self.raw.extend_from_slice(raw);
        let parts = buckets.clone().flat_map(|(bucket, n)| {
            let whole = n / u64::from(u32::MAX);
            let rest = (n % u64::from(u32::MAX)) as u32;
            let whole = std::iter::repeat_n((bucket, u32::MAX), whole as usize);
            whole.chain((rest > 0).then_some((bucket, rest)))
        });
        self.buckets = merged(&self.buckets, parts);
    }

    fn add_summary(&mut self, count: u64, sum: f64, min: f64, max: f64) {
        let is_first = self.count == 0;
        self.min = if is_first { min } else { self.min.min(min) };
        self.max = if is_first { max } else { self.max.max(max) };
        self.count += count;
        self.sum += sum;
    }

    /// Adds all of it to a sink.
    pub(super) fn pour(&self, sink: &mut TrendSink) {
        if self.count == 0 {
            return;
        }
        sink.add_summary(self.count, self.sum, self.min, self.max);
        sink.add_raw(&self.raw);
        sink.add_buckets(self.buckets.iter().map(|(bucket, n)| (*bucket, u64::from(*n))));
    }

    /// Gives up the raw values for buckets where there are more than a sink keeps anyway.
    fn trim(&mut self) {
        if self.raw.len() > RAW_BUDGET {
            let mut buckets: Vec<u32> =
                self.raw.drain(..).map(crate::histogram::bucket_of).collect();
            self.raw.shrink_to_fit();
            buckets.sort_unstable();
            let runs = buckets.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32));
            self.buckets = merged(&self.buckets, runs);
        }
    }
}

impl Fold for Times {
    fn fold(&mut self, other: Self) {
        if other.count > 0 {
            self.add_summary(other.count, other.sum, other.min, other.max);
            self.raw.extend(other.raw);
            self.buckets = merged(&self.buckets, other.buckets.into_iter());
            self.trim();
        }
    }
}

/// Two ascending lists as one.
fn merged(a: &[(u32, u32)], b: impl Iterator<Item = (u32, u32)>) -> Vec<(u32, u32)> {
    let mut b = b.peekable();
    let mut out: Vec<(u32, u32)> = Vec::with_capacity(a.len() + b.size_hint().0);
    let mut push = |bucket: u32, n: u32| match out.last_mut() {
        Some((last, sum)) if *last == bucket && sum.checked_add(n).is_some() => *sum += n,
        _ => out.push((bucket, n)),
    };
    for (bucket, n) in a {
        while let Some((other, m)) = b.next_if(|(other, _)| other < bucket) {
            push(other, m);
        }
        push(*bucket, *n);
    }
    b.for_each(|(bucket, n)| push(bucket, n));
    out.shrink_to_fit();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_buckets_merge_in_order_and_counts_do_not_wrap() {
        let a = [(1, 5), (3, u32::MAX), (9, 1)];
        let b = [(0, 1), (3, 2), (9, 4), (10, 1)];
        assert_eq!(
            merged(&a, b.into_iter()),
            [(0, 1), (1, 5), (3, u32::MAX), (3, 2), (9, 5), (10, 1)]
        );
        assert_eq!(merged(&[], std::iter::empty()), []);
    }

    #[test]
    fn pairs_of_steps_become_one_and_the_odd_one_stays() {
        let mut steps = vec![1u64, 2, 3, 4, 5];
        fold_pairs(&mut steps);
        assert_eq!(steps, [3, 7, 5]);
        fold_pairs(&mut steps);
        assert_eq!(steps, [10, 5]);
    }
}
