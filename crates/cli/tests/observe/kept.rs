//! What a run's record holds of probes.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use metrics::{Delta, Event, Table};
use record::Run;

/// A series: its metric, its tags, and its points as unix nanoseconds and value.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) metric: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) points: Vec<(u64, f64)>,
}

/// A record, read as a report would.
pub(crate) struct Kept {
    pub(crate) run: Run,
    pub(crate) series: Vec<Series>,
}

impl Kept {
    pub(crate) fn read(folder: &Path) -> Self {
        let run = Run::open(folder).unwrap();
        let mut series: Vec<Series> = Vec::new();
        let mut places = HashMap::new();
        for snapshot in run.observed_snapshots().unwrap() {
            let snapshot = snapshot.unwrap();
            assert_eq!(snapshot.agent(), observe::AGENT);
            for one in snapshot.series() {
                places.insert(one.id, series.len());
                let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
                let tags = one.tags().map(own).collect();
                let metric = one.metric.name.to_owned();
                series.push(Series { metric, tags, points: Vec::new() });
            }
            for (id, delta) in snapshot.deltas() {
                let Delta::Gauge { last, last_unix_ns, .. } = delta else { panic!("{delta:?}") };
                series[places[&id]].points.push((last_unix_ns, last));
            }
        }
        Self { run, series }
    }

    /// All values of a metric, of all its series, in the order of the record.
    pub(crate) fn values(&self, metric: &str) -> Vec<f64> {
        let of = self.series.iter().filter(|series| series.metric == metric);
        of.flat_map(|series| series.points.iter().map(|(_, value)| *value)).collect()
    }

    /// The series of a metric with this tag.
    #[track_caller]
    pub(crate) fn one(&self, metric: &str, tag: (&str, &str)) -> &Series {
        let is_it = |series: &&Series| {
            series.metric == metric && series.tags.get(tag.0).is_some_and(|value| value == tag.1)
        };
        self.series.iter().find(is_it).unwrap_or_else(|| {
            panic!("no {metric} {tag:?} among {:?}", self.names());
        })
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.series.iter().map(|s| s.metric.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Events of a kind about a subject.
    pub(crate) fn events(&self, kind: &str, subject: &str) -> Vec<&Event> {
        let is_it = |event: &&Event| event.kind == kind && event.subject == subject;
        self.run.events.iter().filter(is_it).collect()
    }

    #[track_caller]
    pub(crate) fn table(&self, name: &str) -> &Table {
        let names: Vec<&str> = self.run.tables.iter().map(|table| table.name.as_str()).collect();
        let found = self.run.tables.iter().find(|table| table.name == name);
        found.unwrap_or_else(|| panic!("no table {name} among {names:?}"))
    }
}
