//! Where all observations of a run come together: they become series of one shard, and are delivered.

use std::collections::HashSet;
use std::sync::Arc;

use metrics::{Contains, Event, MetricId, MetricKind, Registry, SeriesId, Shard, ShardConfig};

use crate::observation::{Observation, Sample};
use crate::runner::{AGENT, Delivered};

/// Series of all probes together; beyond it, series without the tags with the most values.
const MAX_SERIES: usize = 20_000;

/// The one shard of a run's probes, and who takes what they saw.
pub(crate) struct Desk {
    shard: Shard,
    registry: Arc<Registry>,
    /// Series recorded to since the last snapshot: each holds one value of a gauge.
    touched: HashSet<SeriesId>,
    deliver: Box<dyn FnMut(Delivered) -> bool>,
    /// What nobody took, and what probes themselves had to leave out.
    pub(crate) lost: u64,
}

impl Desk {
    pub(crate) fn new(samples: bool, deliver: Box<dyn FnMut(Delivered) -> bool>) -> Self {
        let registry = Arc::new(Registry::empty());
        let config = ShardConfig { max_series: MAX_SERIES, ..ShardConfig::STANDARD };
        let mut shard = Shard::new(AGENT, Arc::clone(&registry), config);
        shard.set_raw_tap(samples);
        Self { shard, registry, touched: HashSet::new(), deliver, lost: 0 }
    }

    /// Records and delivers an observation of this probe; `is_live` says that its samples are of now.
    pub(crate) fn take(&mut self, probe: &str, observation: &mut Observation, is_live: bool) {
        self.lost += std::mem::take(&mut observation.lost);
        let mut samples = std::mem::take(&mut observation.samples);
        if !is_live {
            samples.sort_by_key(|sample| sample.at_unix_ns);
        }
        for sample in &samples {
            self.record(probe, sample, is_live);
        }
        self.flush(is_live);
        for event in std::mem::take(&mut observation.events) {
            self.event(event);
        }
        for table in std::mem::take(&mut observation.tables) {
            self.give(Delivered::Table(table));
        }
    }

    /// Delivers an event.
    pub(crate) fn event(&mut self, event: Event) {
        self.give(Delivered::Event(event.bounded()));
    }

    /// Records and delivers one value of the observer's own.
    pub(crate) fn own(&mut self, metric: &str, probe: &str, value: f64) {
        let at_unix_ns = rt::unix_nanos();
        let (metric, tags) = (metric.to_owned(), Vec::new());
        let sample = Sample { metric, tags, value, contains: Contains::Default, at_unix_ns };
        self.record(probe, &sample, true);
    }

    /// Delivers what was recorded since the last time.
    pub(crate) fn flush(&mut self, is_live: bool) {
        if self.touched.is_empty() {
            return;
        }
        self.touched.clear();
        let snapshot = self.shard.flush(rt::unix_nanos());
        let batch = self.shard.take_batch();
        self.give(Delivered::Snapshot { snapshot: Box::new(snapshot), is_live });
        if let Some(batch) = batch {
            self.give(Delivered::Samples(Box::new(batch)));
        }
    }

    fn record(&mut self, probe: &str, sample: &Sample, is_live: bool) {
        let Some(metric) = self.metric(&sample.metric, sample.contains) else {
            self.lost += 1;
            return;
        };
        let mut pairs: Vec<(&str, &str)> =
            sample.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        pairs.push(("probe", probe));
        let tags = self.shard.tag_set(&pairs);
        let series = self.shard.series(metric, tags);
        // A snapshot holds a gauge's last value: of two times there are two snapshots.
        if self.touched.contains(&series) {
            self.flush(is_live);
        }
        self.touched.insert(series);
        self.shard.record(series, sample.value, sample.at_unix_ns);
    }

    fn metric(&self, name: &str, contains: Contains) -> Option<MetricId> {
        if let Some(known) = self.registry.get(name) {
            return Some(known);
        }
        let name = metric_name(name);
        // Of two that give it different contents the first decides.
        self.registry
            .get(&name)
            .or_else(|| self.registry.declare(&name, MetricKind::Gauge, contains).ok())
    }

    fn give(&mut self, delivered: Delivered) {
        if !(self.deliver)(delivered) {
            self.lost += 1;
        }
    }
}

/// A name that a metric can have: other characters become `_`, and it is cut.
pub(crate) fn metric_name(text: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut name: String = text.chars().take(120).map(word).collect();
    if name.len() < 2 || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if name.len() < 2 { "__".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use metrics::{Delta, registry};

    use super::*;
    use crate::clock::Clock;
    use crate::probe::Source;

    #[test]
    fn each_time_of_a_series_is_a_snapshot_of_its_own() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&seen);
        let deliver = move |delivered| {
            into.borrow_mut().push(delivered);
            true
        };
        let mut desk = Desk::new(true, Box::new(deliver));
        let mut out = Observation::new("p", Source::Prometheus, 0, Clock::default());
        for at in [30, 10, 20] {
            for series in ["a", "b"] {
                let tags = [("series", series)];
                out.gauge_at("prom_x y", &tags, at as f64, Contains::Default, at);
            }
        }
        out.gauge_at("prom_x y", &[], f64::NAN, Contains::Default, 5);
        desk.take("p", &mut out, false);
        let mut times = Vec::new();
        let mut n_samples = 0;
        for delivered in seen.borrow().iter() {
            match delivered {
                Delivered::Snapshot { snapshot, is_live } => {
                    assert!(!is_live);
                    for (_, delta) in snapshot.deltas() {
                        let Delta::Gauge { last, last_unix_ns, .. } = delta else { panic!() };
                        assert_eq!(last as u64, last_unix_ns);
                        times.push(last_unix_ns);
                    }
                    for series in snapshot.series() {
                        assert_eq!(series.metric.name, "prom_x_y");
                        assert!(series.tags().any(|tag| tag == ("probe", "p")));
                    }
                }
                Delivered::Samples(batch) => n_samples += batch.len(),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((times, n_samples), (vec![10, 10, 20, 20, 30, 30], 6));
    }

    #[test]
    fn what_nobody_takes_is_counted() {
        let mut desk = Desk::new(false, Box::new(|_| false));
        let mut out = Observation::new("p", Source::Logs, 0, Clock::default());
        out.gauge("log_matches", &[], 1.0, Contains::Default);
        let event = out.new_event("log-match", "a", "b");
        out.event(event);
        out.table("t", &["a"], Vec::new());
        desk.take("p", &mut out, true);
        assert_eq!(desk.lost, 3);
    }

    #[test]
    fn any_text_becomes_a_name_of_a_metric() {
        for text in ["", "a", "1", "1a", "rate of x", "ü", &"x".repeat(500)] {
            let name = metric_name(text);
            assert!(registry::is_valid_name(&name), "{text}: {name}");
        }
        assert_eq!(metric_name("prom_p95 (s)"), "prom_p95__s_");
    }
}
