//! The few statistics the rules need, each with its source.

/// Spearman's rank correlation of pairs; `None` for fewer than eight pairs or where one side never changes.
pub(super) fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 8 {
        return None;
    }
    let a = ranks(pairs.iter().map(|(a, _)| *a));
    let b = ranks(pairs.iter().map(|(_, b)| *b));
    let mean = (pairs.len() as f64 - 1.0) / 2.0;
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        ab += (a - mean) * (b - mean);
        aa += (a - mean).powi(2);
        bb += (b - mean).powi(2);
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start]];
        let end = start + order[start..].iter().take_while(|at| values[**at] == value).count();
        let shared = (start + end - 1) as f64 / 2.0;
        order[start..end].iter().for_each(|at| ranks[*at] = shared);
        start = end.max(start + 1);
    }
    ranks
}

/// A trend in points of (time, value).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    /// Units a second: Theil and Sen's median of slopes.
    pub(super) slope: f64,
    /// Mann and Kendall's statistic: beyond ±3 it is hardly chance.
    pub(super) z: f64,
}

/// Most points that a trend looks at; of more, every n-th.
const MAX_TREND_POINTS: usize = 300;

/// The trend of points that ascend in time; `None` for fewer than ten.
pub(super) fn trend(points: &[(f64, f64)]) -> Option<Trend> {
    let every = points.len().div_ceil(MAX_TREND_POINTS).max(1);
    let points: Vec<(f64, f64)> = points.iter().step_by(every).copied().collect();
    let n = points.len();
    if n < 10 {
        return None;
    }
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    let mut s = 0.0;
    for (i, (at, value)) in points.iter().enumerate() {
        for (later, after) in &points[i + 1..] {
            if later > at {
                slopes.push((after - value) / (later - at));
            }
            s += if after > value {
                1.0
            } else if after < value {
                -1.0
            } else {
                0.0
            };
        }
    }
    let n = n as f64;
    // Without the correction for ties, which makes it a little too careful.
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    Some(Trend { slope: median(&mut slopes)?, z: s / deviation })
}

/// The middle value.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let (_, value, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*value)
}

/// Where a sequence splits best into two levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// The first index of the second part.
    pub(super) at: usize,
    /// The mean before it.
    pub(super) before: f64,
    /// The mean after it.
    pub(super) after: f64,
    /// Welch's t.
    pub(super) t: f64,
}

/// The split with the largest t (as in E-divisive by a t-test, which Hunter uses), each part at least `least` long.
pub(super) fn split(values: &[f64], least: usize) -> Option<Split> {
    let n = values.len();
    if least < 2 || n < 2 * least {
        return None;
    }
    let sums: Vec<(f64, f64)> = values
        .iter()
        .scan((0.0, 0.0), |(sum, squares), value| {
            *sum += value;
            *squares += value * value;
            Some((*sum, *squares))
        })
        .collect();
    let (all, all_squares) = *sums.last()?;
    let part = |sum: f64, squares: f64, n: f64| {
        let mean = sum / n;
        (mean, ((squares - sum * mean) / (n - 1.0)).max(0.0) / n)
    };
    let mut best: Option<Split> = None;
    for at in least..=n - least {
        let (sum, squares) = sums[at - 1];
        let (before, error_before) = part(sum, squares, at as f64);
        let (after, error_after) = part(all - sum, all_squares - squares, (n - at) as f64);
        // A sequence without any noise is as sure as can be.
        let noise = (error_before + error_after).sqrt().max(1e-9 * (before.abs() + after.abs()));
        let t = if noise > 0.0 { (after - before) / noise } else { 0.0 };
        if best.is_none_or(|best| t.abs() > best.t.abs()) {
            best = Some(Split { at, before, after, t });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_correlate_whatever_the_shape() {
        let rising: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i), f64::from(i * i))).collect();
        assert!((spearman(&rising).unwrap() - 1.0).abs() < 1e-12);
        let falling: Vec<(f64, f64)> = rising.iter().map(|(a, b)| (*a, -b)).collect();
        assert!((spearman(&falling).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(spearman(&[(1.0, 2.0); 20]), None);
        assert_eq!(spearman(&rising[..5]), None);
        assert_eq!(ranks([3.0, 1.0, 3.0].into_iter()), [1.5, 0.0, 1.5]);
    }

    #[test]
    fn trends_ignore_outliers() {
        let mut points: Vec<(f64, f64)> =
            (0..100).map(|i| (f64::from(i), 5.0 + 0.5 * f64::from(i))).collect();
        points[50].1 = 1e6;
        let found = trend(&points).unwrap();
        assert!((found.slope - 0.5).abs() < 0.01 && found.z > 10.0, "{found:?}");
        let flat: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        assert!(trend(&flat).unwrap().z.abs() < 3.0);
        assert_eq!(trend(&points[..5]), None);
    }

    #[test]
    fn sequences_split_where_their_level_changes() {
        let values: Vec<f64> =
            (0..60).map(|i| if i < 40 { 10.0 } else { 30.0 } + f64::from(i % 3)).collect();
        let found = split(&values, 5).unwrap();
        assert_eq!(found.at, 40);
        assert!(
            (found.before - 11.0).abs() < 0.1 && (found.after - 31.0).abs() < 0.2 && found.t > 20.0
        );
        assert_eq!(split(&values[..8], 5), None);
    }
}
