//! What leaves a shard: snapshots and batches of single samples.

use rustc_hash::FxHashMap;

use super::{Gauge, Intervals, Mark, Shard, State};
use crate::output::SampleBatch;
use crate::registry::MetricId;
use crate::snapshot::{
    Dictionary, MetricDefinition, Row, RowValue, SeriesDefinition, Snapshot, Tally,
};
use crate::tags::{TagSetId, TagTable};

impl Shard {
    /// The change since the last flush. Numbers of flushes (`seq`) count from 1.
    pub fn flush(&mut self, now_unix_ns: u64) -> Snapshot {
        self.seq += 1;
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        let start_unix_ns = self.last_flush_unix_ns.unwrap_or_else(|| {
            let first = self.born.iter().map(|(_, at)| *at).min();
            first.unwrap_or(now_unix_ns).min(now_unix_ns)
        });
        self.last_flush_unix_ns = Some(now_unix_ns);
        let mut snapshot = Snapshot {
            agent: self.agent,
            seq: self.seq,
            start_unix_ns,
            end_unix_ns: now_unix_ns,
            metrics: Vec::new(),
            dictionary: Dictionary::default(),
            series: Vec::new(),
            rows: Vec::with_capacity(touched.len()),
            raw: Vec::new(),
            buckets: Vec::new(),
            tally: self.tally(),
        };
        self.explain(&mut snapshot);
        let mut before = 0;
        for id in &touched {
            let value = self.hand_over(*id, &mut snapshot);
            snapshot.rows.push(Row { gap: id - before, value });
            before = *id;
        }
        self.raw_left = self.raw_left.saturating_sub(snapshot.raw.len() as u64);
        self.release_idle();
        self.touched = std::mem::replace(&mut self.touched_before, touched);
        self.touched.clear();
        snapshot
    }

    /// The tapped samples since the last call with all it takes to understand them; `None` when there are none.
    pub fn take_batch(&mut self) -> Option<SampleBatch> {
        let dropped = self.dropped_raw - self.dropped_raw_told;
        let metadata = self.tapped_metadata.clone();
        let raw = self.take_raw();
        if raw.is_empty() && dropped == 0 {
            return None;
        }
        self.dropped_raw_told = self.dropped_raw;
        let mut writer = DictionaryWriter::new(&self.tags);
        let mut places: FxHashMap<u32, u32> = FxHashMap::default();
        let mut series = Vec::new();
        let samples = raw.iter().map(|sample| {
            let place = *places.entry(sample.series.0).or_insert_with(|| {
                let (metric, tags) = self.keys[sample.series.0 as usize];
                series.push((
                    sample.series,
                    self.metrics[metric.0 as usize].clone(),
                    writer.tag_set(tags),
                ));
                series.len() as u32 - 1
            });
            (place, sample.metadata, sample.at_unix_ns, sample.value)
        });
        let samples = samples.collect();
        Some(SampleBatch {
            agent: self.agent,
            dictionary: writer.dictionary,
            series,
            samples,
            metadata,
            dropped,
        })
    }

    fn tally(&self) -> Tally {
        let folded_series = self.folded.count();
        let blame = self.tags.widest_key().filter(|_| folded_series > 0);
        Tally {
            refused_nan: self.refused_nan,
            dropped_raw: self.dropped_raw,
            folded_series,
            max_series: self.config.max_series as u64,
            blame: blame.map(|(key, values)| (key.to_owned(), values)),
        }
    }

    /// Writes down the metrics declared and the series born since the last flush.
    fn explain(&mut self, snapshot: &mut Snapshot) {
        self.metrics.extend(self.registry.list_from(self.metrics.len()));
        let mut born = std::mem::take(&mut self.born);
        born.sort_unstable();
        let define = |id: usize| {
            let info = &self.metrics[id];
            MetricDefinition {
                name: info.name.as_ref().to_owned(),
                kind: info.kind,
                contains: info.contains,
            }
        };
        snapshot.metrics.extend((self.n_metrics_explained..self.metrics.len()).map(define));
        let mut places: FxHashMap<MetricId, u32> = (self.n_metrics_explained..self.metrics.len())
            .zip(0..)
            .map(|(id, place)| (MetricId(id as u32), place))
            .collect();
        self.n_metrics_explained = self.metrics.len();
        let mut writer = DictionaryWriter::new(&self.tags);
        for (id, first_unix_ns) in &born {
            let (metric, tags) = self.keys[*id as usize];
            let metric = *places.entry(metric).or_insert_with(|| {
                snapshot.metrics.push(define(metric.0 as usize));
                snapshot.metrics.len() as u32 - 1
            });
            let tag_set = writer.tag_set(tags);
            snapshot.series.push(SeriesDefinition {
                id: *id,
                metric,
                tag_set,
                first_unix_ns: *first_unix_ns,
            });
        }
        snapshot.dictionary = writer.dictionary;
        born.clear();
        // A burst of new series (the start, or many URLs at once) should not hold memory for good.
        if born.capacity() <= 1_024 {
            self.born = born;
        }
    }

    /// Moves what a series gathered into the snapshot.
    fn hand_over(&mut self, id: u32, snapshot: &mut Snapshot) -> RowValue {
        let slot = &mut self.slots[id as usize];
        slot.mark = Mark::Resting;
        match &mut slot.state {
            State::Counter { sum } => RowValue::Counter { sum: std::mem::take(sum) },
            State::Rate { trues, total } => {
                RowValue::Rate { trues: std::mem::take(trues), total: std::mem::take(total) }
            }
            State::Gauge { place } => {
                let gauge = &mut self.gauges[*place as usize];
                let Gauge { last, last_unix_ns, min, max } =
                    std::mem::replace(gauge, Gauge::RESTING);
                RowValue::Gauge { last, last_unix_ns, min, max }
            }
            State::Trend { place, raw_handed_over } => {
                let interval = &mut self.intervals[*place];
                let (count, sum, min, max) =
                    (interval.count, interval.sum, interval.min, interval.max);
                let (n_raw, n_buckets) =
                    interval.hand_over(&mut snapshot.raw, &mut snapshot.buckets);
                interval.handed_over_in = self.seq;
                *raw_handed_over = raw_handed_over.saturating_add(n_raw);
                RowValue::Trend { count, sum, min, max, n_raw, n_buckets }
            }
        }
    }

    /// Frees the buffers of trends that were touched in the interval before but not in this one.
    fn release_idle(&mut self) {
        for id in &self.touched_before {
            if let State::Trend { place, .. } = &mut self.slots[*id as usize].state
                && *place != Intervals::NONE
                && self.intervals[*place].handed_over_in != self.seq
            {
                self.intervals.give_back(*place);
                *place = Intervals::NONE;
            }
        }
    }
}

/// Copies the strings and tag sets that are needed into a dictionary of their own.
struct DictionaryWriter<'a> {
    table: &'a TagTable,
    dictionary: Dictionary,
    strings: FxHashMap<u32, u32>,
    sets: FxHashMap<TagSetId, u32>,
}

impl<'a> DictionaryWriter<'a> {
    fn new(table: &'a TagTable) -> Self {
        let (strings, sets) = (FxHashMap::default(), FxHashMap::default());
        Self { table, dictionary: Dictionary::default(), strings, sets }
    }

    fn tag_set(&mut self, set: TagSetId) -> u32 {
        if let Some(place) = self.sets.get(&set) {
            return *place;
        }
        let table = self.table;
        for (key, value) in table.symbols_of(set) {
            let pair = (self.string(key), self.string(value));
            self.dictionary.pairs.push(pair);
        }
        let place = self.dictionary.set_ends.len() as u32;
        self.dictionary.set_ends.push(self.dictionary.pairs.len() as u32);
        self.sets.insert(set, place);
        place
    }

    fn string(&mut self, symbol: u32) -> u32 {
        let Self { dictionary, table, .. } = self;
        *self.strings.entry(symbol).or_insert_with(|| {
            dictionary.text.push_str(table.symbol(symbol));
            dictionary.text_ends.push(dictionary.text.len() as u32);
            dictionary.text_ends.len() as u32 - 1
        })
    }
}
