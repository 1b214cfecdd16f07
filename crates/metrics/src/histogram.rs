//! A sparse log-linear histogram of any `f64`.
//!
//! A value's bucket is the top 22 bits of its bits (sign, 11 of exponent, 10 of mantissa), turned so that buckets
//! ascend with values. So every normal number, huge or tiny, falls into a bucket at most 1/1024 of it wide; the
//! mid-point stands for it with a relative error of at most 2⁻¹¹ (0.049 %). Zero and the infinities have buckets of
//! their own; subnormal numbers share buckets 2⁻¹⁰³² wide. Pages of 64 counters exist only where values fell.

/// Bits of a bucket's number.
const BUCKET_BITS: u32 = 22;
const SHIFT: u32 = 64 - BUCKET_BITS;
/// Number of buckets; every bucket number is below it.
pub const BUCKETS: u32 = 1 << BUCKET_BITS;
const SIGN: u64 = 1 << 63;
const PAGE_BITS: u32 = 6;
const PAGE_LEN: usize = 1 << PAGE_BITS;
const PAGE_MASK: u32 = PAGE_LEN as u32 - 1;

type Page = [u32; PAGE_LEN];

/// The bucket of a value. NaN has none: callers refuse it before.
#[inline]
pub fn bucket_of(value: f64) -> u32 {
    // Adding zero turns -0 into 0.
    let bits = (value + 0.0).to_bits();
    let ascending = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    (ascending >> SHIFT) as u32
}

/// The value that stands for a bucket: the middle of it, 0 for the bucket that holds zero, an infinity for theirs.
pub fn mid_point(bucket: u32) -> f64 {
    const ZERO: u32 = 1 << (BUCKET_BITS - 1);
    const INFINITY: u32 = bucket_of_bits(0x7ff0_0000_0000_0000);
    const NEG_INFINITY: u32 = bucket_of_bits(0xfff0_0000_0000_0000);
    match bucket {
        ZERO => 0.0,
        INFINITY.. => f64::INFINITY,
        0..=NEG_INFINITY => f64::NEG_INFINITY,
        _ => {
            let ascending = (u64::from(bucket) << SHIFT) | (1 << (SHIFT - 1));
            f64::from_bits(if ascending & SIGN == 0 { !ascending } else { ascending & !SIGN })
        }
    }
}

const fn bucket_of_bits(bits: u64) -> u32 {
    let ascending = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    (ascending >> SHIFT) as u32
}

/// Where a page is: its number (bucket / 64) and its place in the pool of pages.
#[derive(Debug, Clone, Copy)]
struct PageRef {
    number: u16,
    place: u16,
}

/// Counts of values by bucket.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    /// Sorted by page number.
    refs: Vec<PageRef>,
    pages: Vec<Page>,
    /// What counters of 32 bits could not hold: (bucket, how much), sorted by bucket.
    spill: Vec<(u32, u64)>,
    /// Pages used last, by the low bits of their numbers: a series goes back and forth between a few.
    recent: [Option<PageRef>; RECENT],
}

const RECENT: usize = 8;

impl Histogram {
    /// An empty histogram; it allocates when the first value comes.
    pub const fn new() -> Self {
        Self { refs: Vec::new(), pages: Vec::new(), spill: Vec::new(), recent: [None; RECENT] }
    }

    /// Counts a value; it must not be NaN.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.add_to_bucket(bucket_of(value), 1);
    }

    /// Counts `n` values of a bucket. Numbers that are no bucket are taken as the last one.
    #[inline]
    pub fn add_to_bucket(&mut self, bucket: u32, n: u64) {
        let bucket = bucket.min(BUCKETS - 1);
        let number = (bucket >> PAGE_BITS) as u16;
        let place = match self.recent[usize::from(number) % RECENT] {
            Some(page) if page.number == number => page.place,
            _ => self.page(number),
        };
        let counter = &mut self.pages[usize::from(place)][(bucket & PAGE_MASK) as usize];
        match u64::from(*counter).checked_add(n).map(u32::try_from) {
            Some(Ok(sum)) => *counter = sum,
            _ => self.spill(bucket, n),
        }
    }

    /// Adds another histogram's counts.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, n) in other.buckets() {
            self.add_to_bucket(bucket, n);
        }
    }

    /// The buckets that hold values, ascending, with their counts.
    pub fn buckets(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.refs.iter().flat_map(move |page| {
            let first = u32::from(page.number) << PAGE_BITS;
            self.pages[usize::from(page.place)].iter().zip(first..).filter_map(
                move |(counter, bucket)| {
                    let spilt = self.spilt(bucket);
                    let n = u64::from(*counter).saturating_add(spilt);
                    (n > 0).then_some((bucket, n))
                },
            )
        })
    }

    /// Whether no value was counted.
    pub fn is_empty(&self) -> bool {
        self.buckets().next().is_none()
    }

    /// The values that stand at the given ranks (from 0), which must ascend; one past the end gives the largest bucket.
    pub(crate) fn at_ranks(&self, ranks: &[u64]) -> Vec<f64> {
        let mut found = Vec::with_capacity(ranks.len());
        let mut seen: u64 = 0;
        let mut last = 0.0;
        for (bucket, n) in self.buckets() {
            seen = seen.saturating_add(n);
            last = mid_point(bucket);
            while found.len() < ranks.len() && ranks[found.len()] < seen {
                found.push(last);
            }
            if found.len() == ranks.len() {
                break;
            }
        }
        found.resize(ranks.len(), last);
        found
    }

    /// Number of allocated pages of 64 counters.
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// Zeroes every counter, and gives back the pages no value fell into since the last time. Pages still in use are
    /// kept, so that a series with steady values allocates nothing.
    pub(crate) fn clear_and_trim(&mut self) {
        self.spill.clear();
        self.recent = [None; RECENT];
        let idle = self.pages.iter().filter(|page| page.iter().all(|n| *n == 0)).count();
        if idle > 0 {
            let mut kept = Vec::with_capacity(self.pages.len() - idle);
            let pages = &self.pages;
            self.refs.retain_mut(|page| {
                let is_used = pages[usize::from(page.place)].iter().any(|n| *n != 0);
                if is_used {
                    page.place = kept.len() as u16;
                    kept.push([0; PAGE_LEN]);
                }
                is_used
            });
            self.refs.shrink_to_fit();
            self.pages = kept;
        } else {
            self.pages.iter_mut().for_each(|page| page.fill(0));
        }
    }

    fn page(&mut self, number: u16) -> u16 {
        let place = match self.refs.binary_search_by_key(&number, |page| page.number) {
            Ok(at) => self.refs[at].place,
            Err(at) => {
                // There are 65,536 page numbers, so places fit.
                let place = self.pages.len() as u16;
                self.pages.push([0; PAGE_LEN]);
                self.refs.insert(at, PageRef { number, place });
                place
            }
        };
        self.recent[usize::from(number) % RECENT] = Some(PageRef { number, place });
        place
    }

    #[cold]
    fn spill(&mut self, bucket: u32, n: u64) {
        match self.spill.binary_search_by_key(&bucket, |(b, _)| *b) {
            Ok(at) => self.spill[at].1 = self.spill[at].1.saturating_add(n),
            Err(at) => self.spill.insert(at, (bucket, n)),
        }
    }

    fn spilt(&self, bucket: u32) -> u64 {
        if self.spill.is_empty() {
            return 0;
        }
        self.spill.binary_search_by_key(&bucket, |(b, _)| *b).map_or(0, |at| self.spill[at].1)
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.buckets().eq(other.buckets())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn special_values_stand_for_themselves() {
        for value in [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(mid_point(bucket_of(value)), value);
        }
        assert_eq!(bucket_of(0.0), bucket_of(-0.0));
        assert!(mid_point(bucket_of(f64::MIN_POSITIVE)) > 0.0);
        assert!(mid_point(bucket_of(f64::MAX)).is_finite());
        assert!(mid_point(bucket_of(5e-324)).abs() < 1e-300);
        assert!(mid_point(bucket_of(-5e-324)).abs() < 1e-300);
        for bucket in 0..BUCKETS {
            assert!(!mid_point(bucket).is_nan(), "{bucket}");
        }
    }

    proptest! {
        #[test]
        fn mid_points_err_by_less_than_a_twentieth_of_a_percent(value in proptest::num::f64::NORMAL) {
            let shown = mid_point(bucket_of(value));
            prop_assert!(((shown - value) / value).abs() <= 0.0005, "{} shown as {}", value, shown);
        }

        #[test]
        fn buckets_ascend_with_values(a in proptest::num::f64::ANY, b in proptest::num::f64::ANY) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(bucket_of(low) <= bucket_of(high));
            prop_assert!(mid_point(bucket_of(low)) <= mid_point(bucket_of(high)));
        }

        #[test]
        fn merging_equals_counting_all_in_one(
            parts in proptest::collection::vec(proptest::collection::vec(-1e3f64..1e3, 0..50), 0..6),
        ) {
            let mut merged = Histogram::new();
            let mut one = Histogram::new();
            for part in &parts {
                let mut histogram = Histogram::new();
                for value in part {
                    histogram.add(*value);
                    one.add(*value);
                }
                merged.merge(&histogram);
            }
            prop_assert_eq!(&merged, &one);
            let total: u64 = one.buckets().map(|(_, n)| n).sum();
            prop_assert_eq!(total, parts.iter().map(|part| part.len() as u64).sum::<u64>());
        }
    }

    #[test]
    fn counters_spill_beyond_32_bits() {
        let mut histogram = Histogram::new();
        let bucket = bucket_of(1.5);
        histogram.add_to_bucket(bucket, u64::from(u32::MAX) - 1);
        histogram.add_to_bucket(bucket, 1);
        histogram.add_to_bucket(bucket, 1);
        histogram.add_to_bucket(bucket, 1 << 40);
        histogram.add(1.5);
        let expected = (1 << 40) + u64::from(u32::MAX) + 2;
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(bucket, expected)]);
        histogram.add_to_bucket(bucket, u64::MAX);
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(bucket, u64::MAX)]);
    }

    #[test]
    fn trimming_keeps_pages_in_use_and_gives_back_the_others() {
        let mut histogram = Histogram::new();
        for value in [1.0, 10.0, 100.0] {
            histogram.add(value);
        }
        assert_eq!(histogram.page_count(), 3);
        histogram.clear_and_trim();
        assert!(histogram.is_empty());
        assert_eq!(histogram.page_count(), 3);
        histogram.add(10.0);
        histogram.clear_and_trim();
        assert_eq!(histogram.page_count(), 1);
        histogram.add(10.0);
        histogram.add(1.0);
        assert_eq!(
            histogram.buckets().map(|(b, n)| (mid_point(b).round(), n)).collect::<Vec<_>>(),
            [(1.0, 1), (10.0, 1)]
        );
    }
}
