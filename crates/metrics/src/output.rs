//! Single samples, for outputs that want each of them.

use std::sync::Arc;

use crate::registry::MetricInfo;
use crate::shard::SeriesId;
use crate::snapshot::{Dictionary, Snapshot};

/// What is said of samples besides their tags: names and values that make no series (k6's metadata: `vu`, `iter`, a trace).
/// Sorted by name.
pub type Metadata = [(String, String)];

/// One sample as it was recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawSample {
    /// The shard's series.
    pub series: SeriesId,
    /// Which of the shard's metadata since the last hand-over goes with it, from 1; 0 for none.
    pub metadata: u32,
    /// Its time, unix nanoseconds.
    pub at_unix_ns: u64,
    /// Its value.
    pub value: f64,
}

/// Samples of one shard with everything needed to understand them; can be sent to another thread.
#[derive(Debug, Clone)]
pub struct SampleBatch {
    pub(crate) agent: u32,
    pub(crate) dictionary: Dictionary,
    pub(crate) series: Vec<(SeriesId, MetricInfo, u32)>,
    /// Index in `series`, place in `metadata` from 1, time, value.
    pub(crate) samples: Vec<(u32, u32, u64, f64)>,
    pub(crate) metadata: Vec<Arc<Metadata>>,
    pub(crate) dropped: u64,
}

/// A series some samples of a batch belong to.
#[derive(Debug, Clone, Copy)]
pub struct BatchSeries<'a> {
    /// The shard's id of it; the same in every batch of the shard.
    pub id: SeriesId,
    /// Its metric.
    pub metric: &'a MetricInfo,
    dictionary: &'a Dictionary,
    tag_set: u32,
}

impl<'a> BatchSeries<'a> {
    /// Its tags, sorted by key.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        self.dictionary.tags(self.tag_set)
    }
}

/// A sample of a batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchSample<'a> {
    /// Metric and tags.
    pub series: BatchSeries<'a>,
    /// Index of the series in [`SampleBatch::series`], for outputs that prepare something per series.
    pub series_idx: usize,
    /// What is said of it besides tags; mostly nothing.
    pub metadata: &'a Metadata,
    /// Its time, unix nanoseconds.
    pub at_unix_ns: u64,
    /// Its value.
    pub value: f64,
}

impl SampleBatch {
    /// The shard the samples are of.
    pub fn agent(&self) -> u32 {
        self.agent
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Samples dropped since the batch before, because nobody took them in time.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The series of these samples.
    pub fn series(&self) -> impl ExactSizeIterator<Item = BatchSeries<'_>> {
        (0..self.series.len()).map(|idx| self.series_at(idx))
    }

    /// The samples in the order they were recorded.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = BatchSample<'_>> {
        self.samples.iter().map(|(idx, metadata, at_unix_ns, value)| BatchSample {
            series: self.series_at(*idx as usize),
            series_idx: *idx as usize,
            metadata: match metadata.checked_sub(1) {
                Some(place) => &self.metadata[place as usize],
                None => &[],
            },
            at_unix_ns: *at_unix_ns,
            value: *value,
        })
    }

    fn series_at(&self, idx: usize) -> BatchSeries<'_> {
        let (id, metric, tag_set) = &self.series[idx];
        BatchSeries { id: *id, metric, dictionary: &self.dictionary, tag_set: *tag_set }
    }
}

/// What an output must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Every single sample: the cores keep and hand over each of them.
    Samples,
    /// The snapshots that cores make anyway.
    Snapshots,
}

/// What became of what an output was given, at the end. Numbers of samples, or of points where the output sends sums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The output, as the banner shows it.
    pub output: String,
    /// Written, or accepted by the receiver.
    pub delivered: u64,
    /// Dropped because they came faster than they could be written.
    pub overflowed: u64,
    /// Refused by the receiver, or not sent within the bounds of retrying.
    pub undelivered: u64,
}

impl Delivery {
    /// Whether anything was lost.
    pub fn has_losses(&self) -> bool {
        self.overflowed > 0 || self.undelivered > 0
    }
}

/// Where measurements go while the run lasts: a file, a database. It is called on the director's thread, beside the
/// cores, and must not wait there.
pub trait Output {
    /// Which of the two following it is to be given.
    fn needs(&self) -> Needs;

    /// Takes samples; batches of a shard come in order.
    fn samples(&mut self, batch: &Arc<SampleBatch>);

    /// Takes the change of a shard since its last snapshot.
    fn snapshot(&mut self, snapshot: &Arc<Snapshot>);

    /// The run is over: writes what is left, in bounded time.
    fn finish(&mut self) -> Delivery;
}
