//! How late arrivals are against an ideal schedule of constant rate.
//!
//! The method is the one of `measurement.md` section 4a: lateness of arrival i is
//! arrival − (origin + i / rate), where the origin is fitted as the 0.5th percentile of
//! arrival − i / rate. The fit cannot tell a schedule that is late as a whole, and it contains the
//! server's pick-up; it is the same for every generator measured with it.

/// Lateness of a series of arrivals, and how even their gaps are. Times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lateness {
    /// How many arrivals there were.
    pub arrivals: usize,
    /// Percentiles of the lateness.
    pub p50_us: f64,
    /// 90th percentile.
    pub p90_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// The latest.
    pub max_us: f64,
    /// The earliest: negative, since the origin is a percentile.
    pub min_us: f64,
    /// Standard deviation of the gaps between arrivals over their mean: 0 for a perfect schedule,
    /// 1 for a Poisson process.
    pub gap_cov: f64,
    /// Arrivals per second between the first and the last.
    pub measured_rate: f64,
}

/// Fits `arrivals_ns` (any order; they are sorted here) to a schedule of `rate_per_s`. `None` with
/// fewer than two arrivals or without a positive rate.
#[must_use]
pub fn fit(arrivals_ns: &mut [u64], rate_per_s: f64) -> Option<Lateness> {
    if arrivals_ns.len() < 2 || !rate_per_s.is_finite() || rate_per_s <= 0.0 {
        return None;
    }
    arrivals_ns.sort_unstable();
    let first = arrivals_ns[0];
    let last = arrivals_ns[arrivals_ns.len() - 1];
    let step_ns = 1e9 / rate_per_s;
    let mut offsets: Vec<f64> = arrivals_ns
        .iter()
        .enumerate()
        .map(|(i, at)| (at - first) as f64 - i as f64 * step_ns)
        .collect();
    offsets.sort_unstable_by(f64::total_cmp);
    let origin = percentile(&offsets, 0.5);
    let late_us = |p: f64| (percentile(&offsets, p) - origin) / 1e3;

    let n_gaps = (arrivals_ns.len() - 1) as f64;
    let mean = (last - first) as f64 / n_gaps;
    let squares: f64 =
        arrivals_ns.windows(2).map(|pair| ((pair[1] - pair[0]) as f64 - mean).powi(2)).sum();
    Some(Lateness {
        arrivals: arrivals_ns.len(),
        p50_us: late_us(50.0),
        p90_us: late_us(90.0),
        p99_us: late_us(99.0),
        max_us: late_us(100.0),
        min_us: late_us(0.0),
        gap_cov: if mean > 0.0 { (squares / n_gaps).sqrt() / mean } else { 0.0 },
        measured_rate: if mean > 0.0 { 1e9 / mean } else { 0.0 },
    })
}

/// Percentile `p` (0 to 100) of sorted values by linear interpolation between the closest ranks, as
/// k6 computes its own, so that the two can be compared. 0 when there are none.
#[must_use]
pub fn percentile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let rank = (p / 100.0).clamp(0.0, 1.0) * last as f64;
    let (low, high) = (rank.floor() as usize, rank.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (rank - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_schedule_has_no_lateness() {
        let mut arrivals: Vec<u64> = (0..1000).rev().map(|i| 5_000 + i * 1_000_000).collect();
        let fit = fit(&mut arrivals, 1000.0).unwrap();
        assert_eq!((fit.p50_us, fit.p99_us, fit.max_us, fit.gap_cov), (0.0, 0.0, 0.0, 0.0));
        assert!((fit.measured_rate - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn known_lateness_comes_back() {
        // Every tenth arrival is 200 µs late.
        let late = |i: u64| if i % 10 == 9 { 200_000 } else { 0 };
        let mut arrivals: Vec<u64> = (0..10_000).map(|i| i * 1_000_000 + late(i)).collect();
        let fit = fit(&mut arrivals, 1000.0).unwrap();
        assert_eq!(fit.p50_us, 0.0);
        assert!((fit.p99_us - 200.0).abs() < 1e-6, "{fit:?}");
        // Of ten gaps one is 0.2 ms longer and one 0.2 ms shorter: sqrt(2 × 0.04 / 10).
        assert!((fit.gap_cov - 0.0894).abs() < 0.001, "{fit:?}");
    }

    #[test]
    fn bursts_show_in_the_gaps() {
        let mut arrivals: Vec<u64> = (0..8000).map(|i| i / 8 * 8_000_000).collect();
        let fit = fit(&mut arrivals, 1000.0).unwrap();
        assert!((fit.gap_cov - 7_f64.sqrt()).abs() < 0.01, "{fit:?}");
    }

    #[test]
    fn too_little_to_fit_is_none() {
        assert_eq!(fit(&mut [], 1.0), None);
        assert_eq!(fit(&mut [1], 1.0), None);
        assert_eq!(fit(&mut [1, 2], 0.0), None);
        assert_eq!(fit(&mut [1, 2], f64::NAN), None);
        assert_eq!(fit(&mut [2, 2], 10.0).unwrap().gap_cov, 0.0);
    }

    #[test]
    fn percentiles_interpolate() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(percentile(&values, 0.0), 1.0);
        assert_eq!(percentile(&values, 50.0), 2.5);
        assert_eq!(percentile(&values, 100.0), 4.0);
        assert_eq!(percentile(&[], 50.0), 0.0);
    }
}
