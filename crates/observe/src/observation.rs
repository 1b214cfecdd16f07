//! What one look of a probe brought.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Contains, Event, Table};

use crate::clock::Clock;
use crate::probe::Source;

/// Most samples of a look; further ones are counted as lost. Queries over a whole run bring most.
pub(crate) const MAX_SAMPLES: usize = 100_000;
/// Most events of a look.
pub(crate) const MAX_EVENTS: usize = 2_000;
/// Most tables of a look.
pub(crate) const MAX_TABLES: usize = 64;
/// Most parts that can be in trouble at one time.
const MAX_TROUBLES: usize = 64;

/// A value of a gauge.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric's name; what a metric's name can't hold becomes `_`.
    pub metric: String,
    /// Its tags but for `probe`.
    pub tags: Vec<(String, String)>,
    /// The value.
    pub value: f64,
    /// What it is.
    pub contains: Contains,
    /// When it held, by our clock.
    pub at_unix_ns: u64,
}

/// What one look of a probe brought. It reads the clock itself, so that probes need none.
#[derive(Debug)]
pub struct Observation {
    probe: Arc<str>,
    source: Source,
    began_unix_ns: u64,
    at_unix_ns: u64,
    pub(crate) clock: Clock,
    pub(crate) samples: Vec<Sample>,
    pub(crate) events: Vec<Event>,
    pub(crate) tables: Vec<Table>,
    pub(crate) troubles: Vec<(String, String)>,
    pub(crate) lost: u64,
}

impl Observation {
    /// An empty one that begins now, of a run that is watched since `began_unix_ns`.
    pub fn new(probe: &str, source: Source, began_unix_ns: u64, clock: Clock) -> Self {
        Self {
            probe: probe.into(),
            source,
            began_unix_ns,
            at_unix_ns: rt::unix_nanos(),
            clock,
            samples: Vec::new(),
            events: Vec::new(),
            tables: Vec::new(),
            troubles: Vec::new(),
            lost: 0,
        }
    }

    /// The time, unix nanoseconds.
    pub fn now(&self) -> u64 {
        rt::unix_nanos()
    }

    /// Since when the run is watched, unix nanoseconds.
    pub fn began(&self) -> u64 {
        self.began_unix_ns
    }

    /// The source answered just now what it was asked at `asked_unix_ns`: samples from here on held half-way between.
    pub fn answered(&mut self, asked_unix_ns: u64) {
        let now = self.now();
        self.at_unix_ns = asked_unix_ns.min(now) + now.saturating_sub(asked_unix_ns) / 2;
    }

    /// As [`answered`](Self::answered), and the answer said what the source's clock showed, rounded down to `resolution`.
    pub fn answered_with_clock(
        &mut self,
        asked_unix_ns: u64,
        source_unix_ns: u64,
        resolution: Duration,
    ) {
        self.answered(asked_unix_ns);
        let now = self.now();
        self.clock.read(asked_unix_ns, now, source_unix_ns, resolution);
    }

    /// The source's clock showed `source_unix_ns`, rounded down to `resolution`, at some time between these two of ours.
    pub fn clock_reading(
        &mut self,
        asked_unix_ns: u64,
        answered_unix_ns: u64,
        source_unix_ns: u64,
        resolution: Duration,
    ) {
        self.clock.read(asked_unix_ns, answered_unix_ns, source_unix_ns, resolution);
    }

    /// A time of the source's, in ours.
    pub fn ours(&self, source_unix_ns: u64) -> u64 {
        self.clock.ours(source_unix_ns)
    }

    /// A time of ours, in the source's.
    pub fn theirs(&self, unix_ns: u64) -> u64 {
        self.clock.theirs(unix_ns)
    }

    /// A value that holds at the time of the last answer; before one, of the look's start. Values that are no numbers
    /// are left out.
    pub fn gauge(&mut self, metric: &str, tags: &[(&str, &str)], value: f64, contains: Contains) {
        self.gauge_at(metric, tags, value, contains, self.at_unix_ns);
    }

    /// A value that held at a time of ours.
    pub fn gauge_at(
        &mut self,
        metric: &str,
        tags: &[(&str, &str)],
        value: f64,
        contains: Contains,
        at_unix_ns: u64,
    ) {
        if !value.is_finite() {
            return;
        }
        if self.samples.len() >= MAX_SAMPLES {
            self.lost += 1;
            return;
        }
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let tags = tags.iter().map(own).collect();
        let metric = metric.to_owned();
        self.samples.push(Sample { metric, tags, value, contains, at_unix_ns });
    }

    /// An event of this source at the time of the last answer, to be given to [`event`](Self::event).
    pub fn new_event(&self, kind: &str, subject: &str, text: &str) -> Event {
        Event::new(self.at_unix_ns, self.source.as_str(), kind, subject, text)
    }

    /// Something that happened. The field `probe` is added.
    pub fn event(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.lost += 1;
            return;
        }
        self.events.push(event.with("probe", &self.probe).bounded());
    }

    /// What the probe knows in a table, named after the probe and `name`; it replaces an earlier one of that name.
    pub fn table(&mut self, name: &str, columns: &[&str], rows: Vec<Vec<serde_json::Value>>) {
        if self.tables.len() >= MAX_TABLES {
            self.lost += 1;
            return;
        }
        let name = format!("{} {name}", self.probe);
        let table = Table { rows, ..Table::new(self.source.as_str(), &name, columns) };
        self.tables.push(table.bounded());
    }

    /// A part of what was to be seen can't be: told once, until a look passes without it.
    pub fn trouble(&mut self, part: &str, text: impl std::fmt::Display) {
        if self.troubles.len() < MAX_TROUBLES
            && !self.troubles.iter().any(|(known, _)| known == part)
        {
            let text = plan::probe::redact::text(&text.to_string());
            self.troubles.push((part.to_owned(), text));
        }
    }

    /// The samples so far: for tests of probes.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The events so far: for tests of probes.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The tables so far: for tests of probes.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The parts in trouble so far: for tests of probes.
    pub fn troubles(&self) -> &[(String, String)] {
        &self.troubles
    }
}
