//! Fewer points that look the same: of each stretch of time the smallest and the largest.

use metrics::timeline::Point;

/// At most two points for each stretch of the time from 0 to `end_s`.
pub(super) fn thin(points: &[Point], end_s: f64, stretches: usize) -> Vec<(f64, f64)> {
    let is_plain = points.iter().all(|point| point.min == point.max);
    if points.len() <= stretches && is_plain {
        return points.iter().map(|point| (point.at_s, point.value)).collect();
    }
    let length = (end_s / stretches as f64).max(f64::MIN_POSITIVE);
    let stretch = |point: &Point| (point.at_s / length).floor();
    let mut thinned = Vec::with_capacity(2 * stretches);
    for part in points.chunk_by(|a, b| stretch(a) == stretch(b)) {
        let Some(low) = part.iter().min_by(|a, b| a.min.total_cmp(&b.min)) else { continue };
        let Some(high) = part.iter().max_by(|a, b| a.max.total_cmp(&b.max)) else { continue };
        if low.min == high.max {
            thinned.push((low.at_s, low.min));
            continue;
        }
        let (low, high) = ((low.at_s, low.min), (high.at_s, high.max));
        // Which came first is not known of two values of one look.
        let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
        thinned.push(first);
        thinned.push(second);
    }
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_stay_and_points_get_fewer() {
        let point =
            |at: u32, value: f64| Point { at_s: f64::from(at), value, min: value, max: value };
        let points: Vec<Point> = (0..1_800)
            .map(|at| point(at, if at == 777 { 99.0 } else { f64::from(at % 10) }))
            .collect();
        let thinned = thin(&points, 1_800.0, 480);
        assert!(thinned.len() <= 960, "{}", thinned.len());
        assert!(thinned.contains(&(777.0, 99.0)));
        assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
        assert_eq!(thin(&points[..10], 1_800.0, 480).len(), 10);
        let flat: Vec<Point> = (0..1_800).map(|at| point(at, 5.0)).collect();
        assert!(thin(&flat, 1_800.0, 480).len() <= 481);
        assert_eq!(thin(&[], 10.0, 480), []);
    }
}
