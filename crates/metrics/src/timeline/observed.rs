//! What probes saw: series of points.

use crate::registry::Contains;
use crate::snapshot::Delta;

/// Most points of a series; beyond, pairs become one each.
pub(super) const MAX_POINTS: usize = 8_192;

/// One look of a probe, or several that lie close to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When, seconds since the run's start; negative before it.
    pub at_s: f64,
    /// The last value.
    pub value: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// A series of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedSeries {
    /// Its name.
    pub metric: String,
    /// What its values are.
    pub contains: Contains,
    /// Its tags, sorted by key.
    pub tags: Vec<(String, String)>,
    /// Its points, ascending in time.
    pub points: Vec<Point>,
}

impl ObservedSeries {
    /// The value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// Whether it has this name, and the tags have the given forms (`*` stands for any text).
    pub fn is(&self, name: &str, tags: &[(String, String)]) -> bool {
        self.metric == name
            && tags.iter().all(|(key, wanted)| {
                self.tag(key).is_some_and(|value| plan::criterion::matches(wanted, value))
            })
    }

    /// Its name with its tags, as Prometheus writes them, without the tag that names the probe.
    pub fn label(&self) -> String {
        let tags: Vec<String> = self
            .tags
            .iter()
            .filter(|(key, _)| key != "probe")
            .map(|(key, value)| format!("{key}=\"{value}\""))
            .collect();
        if tags.is_empty() {
            self.metric.clone()
        } else {
            format!("{}{{{}}}", self.metric, tags.join(","))
        }
    }

    /// The points of a window.
    pub fn points_in(&self, from_s: f64, to_s: f64) -> &[Point] {
        let start = self.points.partition_point(|point| point.at_s < from_s);
        let end = self.points.partition_point(|point| point.at_s <= to_s);
        self.points.get(start..end).unwrap_or_default()
    }

    pub(super) fn take(&mut self, delta: &Delta<'_>, end_s: f64, start_unix_ns: u64) {
        let point = match delta {
            Delta::Gauge { last, last_unix_ns, min, max } => Point {
                at_s: super::seconds_between(start_unix_ns, *last_unix_ns),
                value: *last,
                min: *min,
                max: *max,
            },
            // Counters of probes are shown as what they have come to.
            Delta::Counter { sum } => {
                let value = self.points.last().map_or(0.0, |point| point.value) + sum;
                Point { at_s: end_s, value, min: value, max: value }
            }
            Delta::Rate { total: 0, .. } => return,
            Delta::Rate { trues, total } => {
                let value = *trues as f64 / *total as f64;
                Point { at_s: end_s, value, min: value, max: value }
            }
            Delta::Trend { count: 0, .. } => return,
            Delta::Trend { count, sum, min, max, .. } => {
                Point { at_s: end_s, value: sum / *count as f64, min: *min, max: *max }
            }
        };
        // Clocks are corrected while the run goes on, so a point may come to lie before the last one.
        let at = self.points.partition_point(|known| known.at_s <= point.at_s);
        self.points.insert(at, point);
        if self.points.len() > MAX_POINTS {
            self.thin();
        }
    }

    fn thin(&mut self) {
        let pairs = self.points.chunks(2).map(|pair| match pair {
            [a, b] => Point { min: a.min.min(b.min), max: a.max.max(b.max), ..*b },
            one => one[0],
        });
        self.points = pairs.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> ObservedSeries {
        ObservedSeries {
            metric: "k8s_pod_cpu_cores".into(),
            contains: Contains::Default,
            tags: vec![("pod".into(), "api-1".into()), ("probe".into(), "cluster".into())],
            points: Vec::new(),
        }
    }

    fn gauge(last: f64, at_s: u64) -> Delta<'static> {
        Delta::Gauge { last, last_unix_ns: at_s * 1_000_000_000, min: last, max: last }
    }

    #[test]
    fn points_lie_in_the_order_of_time_and_extremes_survive_thinning() {
        let mut series = series();
        for at in 0..=MAX_POINTS as u64 {
            let value = if at == 101 { 99.0 } else { at as f64 % 3.0 };
            series.take(&gauge(value, at + 10), 0.0, 10_000_000_000);
        }
        assert!(series.points.len() <= MAX_POINTS / 2 + 1);
        assert!(series.points.is_sorted_by(|a, b| a.at_s < b.at_s));
        assert_eq!(series.points.iter().map(|p| p.max).fold(0.0, f64::max), 99.0);
        series.take(&gauge(7.0, 9), 0.0, 10_000_000_000);
        assert_eq!(series.points[0].at_s, -1.0);
        assert_eq!(series.points_in(-5.0, 0.5).len(), 1);
    }

    #[test]
    fn series_are_found_by_name_and_form_of_their_tags() {
        let series = series();
        let tags = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        assert!(series.is("k8s_pod_cpu_cores", &[]));
        assert!(series.is("k8s_pod_cpu_cores", &tags(&[("pod", "api-*")])));
        assert!(!series.is("k8s_pod_cpu_cores", &tags(&[("pod", "db-*")])));
        assert!(!series.is("k8s_pod_cpu_cores", &tags(&[("namespace", "*")])));
        assert!(!series.is("k8s_pod_memory_bytes", &[]));
        assert_eq!(series.label(), "k8s_pod_cpu_cores{pod=\"api-1\"}");
    }
}
