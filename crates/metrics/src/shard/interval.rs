//! A trend's values between two flushes.

use std::ops::{Index, IndexMut};

use crate::histogram::{Histogram, bucket_of};

/// Values gathered in a list before a histogram is worth its pages.
const LISTED: usize = 64;

#[derive(Debug)]
pub(super) struct Interval {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    values: Vec<f64>,
    /// Values beyond this number go into the histogram.
    max_values: usize,
    /// The list will be handed over as it is; otherwise by bucket.
    is_raw: bool,
    histogram: Option<Box<Histogram>>,
    /// Number of the flush that took its values last.
    pub(super) handed_over_in: u64,
}

impl Default for Interval {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            values: Vec::new(),
            max_values: 0,
            is_raw: false,
            histogram: None,
            handed_over_in: 0,
        }
    }
}

impl Interval {
    /// Prepares for the first value, when `raw_left` more values may be handed over raw.
    pub(super) fn start(&mut self, raw_left: usize) {
        self.is_raw = raw_left > 0;
        self.max_values = match (self.is_raw, &self.histogram) {
            (true, _) => raw_left,
            (false, None) => LISTED,
            (false, Some(_)) => 0,
        };
    }

    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if self.values.len() < self.max_values {
            self.values.push(value);
        } else if let Some(histogram) = &mut self.histogram {
            histogram.add(value);
        } else {
            self.open_histogram(value);
        }
    }

    #[cold]
    fn open_histogram(&mut self, value: f64) {
        let mut histogram = Box::new(Histogram::new());
        histogram.add(value);
        if !self.is_raw {
            self.values.drain(..).for_each(|value| histogram.add(value));
            self.values = Vec::new();
            self.max_values = 0;
        }
        self.histogram = Some(histogram);
    }

    /// Appends the values, raw ones to `raw`, the others to `buckets` (gap to the bucket before, count); returns how
    /// many of each. Then rests, with the buffers a series of steady rate needs again.
    pub(super) fn hand_over(
        &mut self,
        raw: &mut Vec<f64>,
        buckets: &mut Vec<(u32, u64)>,
    ) -> (u32, u32) {
        let buckets_before = buckets.len();
        let mut last = 0;
        let mut push = |bucket: u32, n: u64| {
            buckets.push((bucket - last, n));
            last = bucket;
        };
        if let Some(histogram) = &mut self.histogram {
            histogram.buckets().for_each(|(bucket, n)| push(bucket, n));
            histogram.clear_and_trim();
            if histogram.page_count() == 0 {
                self.histogram = None;
            }
        } else if !self.is_raw {
            self.values.sort_unstable_by(f64::total_cmp);
            for run in self.values.chunk_by(|a, b| bucket_of(*a) == bucket_of(*b)) {
                push(bucket_of(run[0]), run.len() as u64);
            }
        }
        let n_raw = if self.is_raw { self.values.len() } else { 0 };
        if self.is_raw {
            raw.extend_from_slice(&self.values);
        }
        if self.values.capacity() > LISTED && self.values.len() * 4 < self.values.capacity() {
            self.values = Vec::new();
        }
        self.values.clear();
        (self.count, self.sum, self.min, self.max) = (0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        (n_raw as u32, (buckets.len() - buckets_before) as u32)
    }
}

/// The intervals of the series in use; places are used again.
#[derive(Debug, Default)]
pub(super) struct Intervals {
    all: Vec<Interval>,
    free: Vec<u32>,
}

impl Intervals {
    /// The place of a series that has no interval.
    pub(super) const NONE: u32 = u32::MAX;

    pub(super) fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.all.push(Interval::default());
            self.all.len() as u32 - 1
        })
    }

    /// Gives an interval and its buffers back.
    pub(super) fn give_back(&mut self, place: u32) {
        self[place] = Interval::default();
        self.free.push(place);
        if self.free.len() == self.all.len() {
            (self.all, self.free) = (Vec::new(), Vec::new());
        }
    }

    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        self.all.len() - self.free.len()
    }
}

impl Index<u32> for Intervals {
    type Output = Interval;

    #[inline]
    fn index(&self, place: u32) -> &Interval {
        &self.all[place as usize]
    }
}

impl IndexMut<u32> for Intervals {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut Interval {
        &mut self.all[place as usize]
    }
}
