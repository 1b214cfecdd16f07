//! One core's metrics: the place every sample goes first.
//!
//! Nothing here locks, and in steady state nothing allocates: a series is an index, recording is a match on its slot.
//! Once a second [`Shard::flush`] moves what changed into a [`Snapshot`]; only series that were touched cost
//! anything there, and a series that rests for one interval keeps no buffers.

mod interval;
mod publish;

use std::sync::Arc;

use interval::Intervals;

use crate::distinct::Distinct;
use crate::index::{Index, hash_of};
use crate::output::{Metadata, RawSample};
use crate::registry::{MetricId, MetricInfo, MetricKind, Registry};
use crate::tags::{Extended, OVERFLOW_TAG, TagSetId, TagTable};

/// A series of one shard: a metric with a tag set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

/// Limits of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardConfig {
    /// Series beyond this number are folded into overflow series (k6 warns from 100,000 on). At most 1,000,000, so
    /// that a snapshot in which all of them are new can be encoded.
    pub max_series: usize,
    /// Values of its lifetime a series hands over as they are; later ones go by histogram bucket.
    pub raw_per_series: usize,
}

impl ShardConfig {
    /// What a run uses unless told otherwise.
    pub const STANDARD: Self = Self { max_series: 100_000, raw_per_series: 2_048 };
}

impl Default for ShardConfig {
    fn default() -> Self {
        Self::STANDARD
    }
}

const MOST_SERIES: usize = 1_000_000;
/// Raw values all series of a shard together hand over in its lifetime.
const RAW_BUDGET: u64 = 1 << 20;
/// Samples the raw tap holds until they are taken (24 bytes each).
const TAP_CAPACITY: usize = 1 << 18;

/// What a series gathered since the last flush; the bulky parts live elsewhere and only while needed.
#[derive(Debug, Clone, Copy)]
enum State {
    Counter { sum: f64 },
    Rate { trues: u64, total: u64 },
    Gauge { place: u32 },
    Trend { place: u32, raw_handed_over: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Never recorded to.
    New,
    /// Not recorded to since the last flush.
    Resting,
    /// Recorded to since the last flush.
    Touched,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    state: State,
    mark: Mark,
}

#[derive(Debug, Clone, Copy)]
struct Gauge {
    last: f64,
    last_unix_ns: u64,
    min: f64,
    max: f64,
}

impl Gauge {
    const RESTING: Self =
        Self { last: 0.0, last_unix_ns: 0, min: f64::INFINITY, max: f64::NEG_INFINITY };
}

/// One core's metrics. Not shared: a core keeps it in an `Rc<RefCell<_>>` and never holds the borrow over a wait.
#[derive(Debug)]
pub struct Shard {
    agent: u32,
    registry: Arc<Registry>,
    config: ShardConfig,
    /// The shard's copy of the registry's list, so that nothing locks.
    metrics: Vec<MetricInfo>,
    n_metrics_explained: usize,
    tags: TagTable,
    slots: Vec<Slot>,
    keys: Vec<(MetricId, TagSetId)>,
    index: Index,
    n_overflow: usize,
    folded: Distinct,
    gauges: Vec<Gauge>,
    intervals: Intervals,
    touched: Vec<u32>,
    touched_before: Vec<u32>,
    /// Series recorded to for the first time since the last flush, and when.
    born: Vec<(u32, u64)>,
    raw_left: u64,
    refused_nan: u64,
    seq: u64,
    last_flush_unix_ns: Option<u64>,
    tap: Option<Vec<RawSample>>,
    /// What goes with samples that are tapped now, and its place in `tapped_metadata` from 1; 0 where it has none yet.
    metadata: Option<Arc<Metadata>>,
    metadata_place: u32,
    tapped_metadata: Vec<Arc<Metadata>>,
    tap_capacity: usize,
    dropped_raw: u64,
    dropped_raw_told: u64,
}

impl Shard {
    /// A shard that signs its snapshots with `agent`.
    pub fn new(agent: u32, registry: Arc<Registry>, config: ShardConfig) -> Self {
        let metrics = registry.list_from(0);
        let config = ShardConfig { max_series: config.max_series.clamp(1, MOST_SERIES), ..config };
        Self {
            agent,
            registry,
            config,
            metrics,
            n_metrics_explained: 0,
            tags: TagTable::new(config.max_series),
            slots: Vec::new(),
            keys: Vec::new(),
            index: Index::default(),
            n_overflow: 0,
            folded: Distinct::default(),
            gauges: Vec::new(),
            intervals: Intervals::default(),
            touched: Vec::new(),
            touched_before: Vec::new(),
            born: Vec::new(),
            raw_left: RAW_BUDGET,
            refused_nan: 0,
            seq: 0,
            last_flush_unix_ns: None,
            tap: None,
            metadata: None,
            metadata_place: 0,
            tapped_metadata: Vec::new(),
            tap_capacity: TAP_CAPACITY,
            dropped_raw: 0,
            dropped_raw_told: 0,
        }
    }

    /// What its snapshots are signed with.
    pub fn agent(&self) -> u32 {
        self.agent
    }

    /// The process's metrics.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The tag set with these tags; of equal keys the later wins.
    pub fn tag_set(&mut self, pairs: &[(&str, &str)]) -> TagSetId {
        self.extend_tags(TagSetId::EMPTY, pairs)
    }

    /// `base` with these tags laid over it; of equal keys the later wins. Cheap when asked before.
    ///
    /// A shard that is full (see [`ShardConfig::max_series`]) gives a set without the tags that have the most values,
    /// and with [`OVERFLOW_TAG`], for combinations it has not seen.
    pub fn extend_tags(&mut self, base: TagSetId, pairs: &[(&str, &str)]) -> TagSetId {
        match self.tags.extend(base, pairs) {
            Extended::Whole(set) => set,
            Extended::Folded(set, asked_for) => {
                self.folded.insert(asked_for);
                set
            }
        }
    }

    /// The tags of a set, sorted by key.
    pub fn tags(&self, set: TagSetId) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.tags.pairs(set)
    }

    /// The value of one tag of a set.
    pub fn tag(&self, set: TagSetId, key: &str) -> Option<&str> {
        self.tags.get(set, key)
    }

    /// The series of a metric with a tag set, made when there is none. Beyond the limit of series: the metric's
    /// overflow series, whose tag set lacks the tags with the most values.
    ///
    /// # Panics
    /// When the metric is not of this shard's registry.
    #[inline]
    pub fn series(&mut self, metric: MetricId, tags: TagSetId) -> SeriesId {
        let hash = hash_of((metric, tags));
        match self.index.find(hash, |id| self.keys[id as usize] == (metric, tags)) {
            Some(id) => SeriesId(id),
            None => self.new_series(metric, tags, hash),
        }
    }

    /// Records a sample. NaN is refused and counted.
    ///
    /// # Panics
    /// When the series is not of this shard.
    #[inline]
    pub fn record(&mut self, series: SeriesId, value: f64, at_unix_ns: u64) {
        self.record_at(series, value, || at_unix_ns);
    }

    /// Records a sample whose time (unix, nanoseconds) costs something to get: most samples are not asked for it.
    ///
    /// # Panics
    /// When the series is not of this shard.
    #[inline]
    pub fn record_at(&mut self, series: SeriesId, value: f64, at_unix_ns: impl Fn() -> u64) {
        if value.is_nan() {
            self.refused_nan += 1;
            return;
        }
        let id = series.0 as usize;
        if self.slots[id].mark != Mark::Touched {
            self.wake(series, at_unix_ns());
        }
        match &mut self.slots[id].state {
            State::Counter { sum } => *sum += value,
            State::Rate { trues, total } => {
                *trues += u64::from(value != 0.0);
                *total += 1;
            }
            State::Gauge { place } => {
                let gauge = &mut self.gauges[*place as usize];
                (gauge.last, gauge.last_unix_ns) = (value, at_unix_ns());
                gauge.min = gauge.min.min(value);
                gauge.max = gauge.max.max(value);
            }
            State::Trend { place, .. } => self.intervals[*place].add(value),
        }
        if self.tap.is_some() {
            self.tap(series, value, at_unix_ns());
        }
    }

    /// Records a sample of a metric with a tag set.
    ///
    /// # Panics
    /// When the metric is not of this shard's registry.
    #[inline]
    pub fn add(&mut self, metric: MetricId, tags: TagSetId, value: f64, at_unix_ns: u64) {
        let series = self.series(metric, tags);
        self.record(series, value, at_unix_ns);
    }

    /// Metric and tag set of a series.
    ///
    /// # Panics
    /// When the series is not of this shard.
    pub fn series_info(&self, series: SeriesId) -> (MetricId, TagSetId) {
        self.keys[series.0 as usize]
    }

    /// Number of series, overflow series included.
    pub fn n_series(&self) -> usize {
        self.slots.len()
    }

    /// Starts or stops keeping each sample for [`take_raw`](Self::take_raw).
    pub fn set_raw_tap(&mut self, on: bool) {
        match (on, &self.tap) {
            (true, None) => self.tap = Some(Vec::new()),
            (false, _) => self.tap = None,
            _ => {}
        }
    }

    /// How many samples the tap holds until they are taken; further ones are dropped and counted.
    pub fn set_raw_capacity(&mut self, samples: usize) {
        self.tap_capacity = samples;
    }

    /// The samples since the last call, in order, while the tap is on.
    pub fn take_raw(&mut self) -> Vec<RawSample> {
        let Some(tap) = &mut self.tap else {
            return Vec::new();
        };
        let room = Vec::with_capacity(tap.len());
        self.metadata_place = 0;
        self.tapped_metadata.clear();
        std::mem::replace(tap, room)
    }

    /// Samples the tap had no room for, since the shard's start.
    pub fn dropped_raw(&self) -> u64 {
        self.dropped_raw
    }

    /// What goes with samples from now on: of whoever records next. Only outputs that want each sample see it, so it
    /// may be left out where [`is_tapped`](Self::is_tapped) says no.
    pub fn set_metadata(&mut self, metadata: Option<Arc<Metadata>>) {
        self.metadata = metadata.filter(|metadata| !metadata.is_empty());
        // Whoever waits much gives the same again and again.
        let is_last = |last: &Arc<Metadata>| {
            self.metadata.as_ref().is_some_and(|metadata| Arc::ptr_eq(last, metadata))
        };
        self.metadata_place = match self.tapped_metadata.last() {
            Some(last) if is_last(last) => self.tapped_metadata.len() as u32,
            _ => 0,
        };
    }

    /// Whether each sample is kept for [`take_raw`](Self::take_raw).
    pub fn is_tapped(&self) -> bool {
        self.tap.is_some()
    }

    fn tap(&mut self, series: SeriesId, value: f64, at_unix_ns: u64) {
        if let (Some(metadata), 0) = (&self.metadata, self.metadata_place) {
            self.tapped_metadata.push(Arc::clone(metadata));
            self.metadata_place = self.tapped_metadata.len() as u32;
        }
        let sample = RawSample { series, metadata: self.metadata_place, at_unix_ns, value };
        match &mut self.tap {
            Some(tap) if tap.len() < self.tap_capacity => tap.push(sample),
            Some(_) => self.dropped_raw += 1,
            None => {}
        }
    }

    #[cold]
    fn new_series(&mut self, metric: MetricId, tags: TagSetId, hash: u64) -> SeriesId {
        if metric.0 as usize >= self.metrics.len() {
            self.metrics.extend(self.registry.list_from(self.metrics.len()));
        }
        let is_overflow = self.tags.get(tags, OVERFLOW_TAG).is_some();
        let n_regular = self.slots.len() - self.n_overflow;
        if !is_overflow && n_regular >= self.config.max_series {
            self.folded.insert(hash);
            let folded = self.tags.fold(tags);
            return self.series(metric, folded);
        }
        let max_overflow = (self.config.max_series / 10).max(1_000);
        if is_overflow && self.n_overflow >= max_overflow && self.tags.pairs(tags).len() > 1 {
            // Even the folded combinations are too many: one series per metric takes the rest.
            self.folded.insert(hash);
            let last = self.tags.last_resort();
            return self.series(metric, last);
        }
        self.n_overflow += usize::from(is_overflow);
        let state = match self.metrics[metric.0 as usize].kind {
            MetricKind::Counter => State::Counter { sum: 0.0 },
            MetricKind::Rate => State::Rate { trues: 0, total: 0 },
            MetricKind::Gauge => {
                self.gauges.push(Gauge::RESTING);
                State::Gauge { place: self.gauges.len() as u32 - 1 }
            }
            MetricKind::Trend => State::Trend { place: Intervals::NONE, raw_handed_over: 0 },
        };
        let id = self.slots.len() as u32;
        self.slots.push(Slot { state, mark: Mark::New });
        self.keys.push((metric, tags));
        let keys = &self.keys;
        self.index.insert(hash, id, |id| hash_of(keys[id as usize]));
        SeriesId(id)
    }

    /// The first sample of a series since the last flush.
    #[cold]
    fn wake(&mut self, series: SeriesId, at_unix_ns: u64) {
        let slot = &mut self.slots[series.0 as usize];
        if slot.mark == Mark::New {
            self.born.push((series.0, at_unix_ns));
        }
        slot.mark = Mark::Touched;
        self.touched.push(series.0);
        if let State::Trend { place, raw_handed_over } = &mut slot.state {
            if *place == Intervals::NONE {
                *place = self.intervals.take();
            }
            let left = self.config.raw_per_series.saturating_sub(*raw_handed_over as usize);
            let left = left.min(usize::try_from(self.raw_left).unwrap_or(usize::MAX));
            self.intervals[*place].start(left);
        }
    }
}

#[cfg(test)]
mod tests;
