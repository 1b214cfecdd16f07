//! What a shard hands over about once a second: the change since the last time, and its one versioned encoding.
//!
//! A snapshot explains every series it mentions for the first time, with all strings that takes, so a reader needs no
//! state but which series it already knows. Lists are flat, so a damaged or hostile encoding can make a decoder
//! allocate no more than a small multiple of its own length.

use serde::{Deserialize, Serialize};

use crate::histogram::BUCKETS;
use crate::registry::{Contains, MetricKind};

/// The version this crate writes and reads.
pub const SNAPSHOT_VERSION: u16 = 1;
/// Longest encoding that is read.
pub const MAX_ENCODED_BYTES: usize = 256 << 20;
const MAGIC: [u8; 4] = *b"SQMS";
const HEADER_BYTES: usize = 6;

/// Why bytes are no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Not the first bytes of a snapshot.
    #[error("not a metrics snapshot")]
    Magic,
    /// Written by another version.
    #[error("metrics snapshot of version {0}, this program reads version {SNAPSHOT_VERSION}")]
    Version(u16),
    /// Longer than [`MAX_ENCODED_BYTES`].
    #[error("metrics snapshot of {0} bytes, at most {MAX_ENCODED_BYTES} are read")]
    TooLong(usize),
    /// Ends early, has bytes left over or holds values out of range.
    #[error("damaged metrics snapshot: {0}")]
    Damaged(&'static str),
}

/// The strings and tag sets some series use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dictionary {
    pub(crate) text: String,
    pub(crate) text_ends: Vec<u32>,
    /// Key and value, indexes of strings.
    pub(crate) pairs: Vec<(u32, u32)>,
    pub(crate) set_ends: Vec<u32>,
}

impl Dictionary {
    fn string(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.text_ends[id - 1] as usize };
        &self.text[start..self.text_ends[id] as usize]
    }

    pub(crate) fn tags(&self, set: u32) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        let set = set as usize;
        let start = if set == 0 { 0 } else { self.set_ends[set - 1] as usize };
        self.pairs[start..self.set_ends[set] as usize]
            .iter()
            .map(|(key, value)| (self.string(*key), self.string(*value)))
    }

    fn check(&self) -> Result<(), SnapshotError> {
        let mut end = 0;
        for next in &self.text_ends {
            if *next < end || !self.text.is_char_boundary(*next as usize) {
                return Err(SnapshotError::Damaged("string out of range"));
            }
            end = *next;
        }
        let n_strings = self.text_ends.len();
        if self
            .pairs
            .iter()
            .any(|(key, value)| *key as usize >= n_strings || *value as usize >= n_strings)
        {
            return Err(SnapshotError::Damaged("tag without its string"));
        }
        let is_sorted = self.set_ends.is_sorted();
        if !is_sorted || self.set_ends.last().is_some_and(|end| *end as usize > self.pairs.len()) {
            return Err(SnapshotError::Damaged("tag set out of range"));
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricDefinition {
    pub(crate) name: String,
    pub(crate) kind: MetricKind,
    pub(crate) contains: Contains,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct SeriesDefinition {
    pub(crate) id: u32,
    /// Index in the snapshot's metrics.
    pub(crate) metric: u32,
    /// Index in the snapshot's tag sets.
    pub(crate) tag_set: u32,
    pub(crate) first_unix_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum RowValue {
    Counter { sum: f64 },
    Gauge { last: f64, last_unix_ns: u64, min: f64, max: f64 },
    Rate { trues: u64, total: u64 },
    Trend { count: u64, sum: f64, min: f64, max: f64, n_raw: u32, n_buckets: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Series id minus that of the row before (the first: minus nothing); rows ascend.
    pub(crate) gap: u32,
    pub(crate) value: RowValue,
}

/// What a shard could not keep, summed since its start, so that a lost snapshot loses nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Values refused because they were not numbers.
    pub refused_nan: u64,
    /// Raw samples the tap had no room for.
    pub dropped_raw: u64,
    /// Distinct series (metric and tags) that were folded into overflow series; estimated beyond some thousands.
    pub folded_series: u64,
    /// The shard's limit of series.
    pub max_series: u64,
    /// The tag key with the most values and their number; set once something was folded.
    pub blame: Option<(String, u32)>,
}

/// The change of a shard since its last snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub(crate) agent: u32,
    pub(crate) seq: u64,
    pub(crate) start_unix_ns: u64,
    pub(crate) end_unix_ns: u64,
    pub(crate) metrics: Vec<MetricDefinition>,
    pub(crate) dictionary: Dictionary,
    pub(crate) series: Vec<SeriesDefinition>,
    pub(crate) rows: Vec<Row>,
    pub(crate) raw: Vec<f64>,
    /// Bucket number minus that of the bucket before (the first of a series: minus nothing), and count.
    pub(crate) buckets: Vec<(u32, u64)>,
    pub(crate) tally: Tally,
}

/// A metric, as a snapshot explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotMetric<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it does with samples.
    pub kind: MetricKind,
    /// What its values are.
    pub contains: Contains,
}

/// A series that a snapshot mentions for the first time.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotSeries<'a> {
    /// The agent's id of it.
    pub id: u32,
    /// Its metric.
    pub metric: SnapshotMetric<'a>,
    /// Time of its first sample, unix nanoseconds.
    pub first_unix_ns: u64,
    dictionary: &'a Dictionary,
    tag_set: u32,
}

impl<'a> SnapshotSeries<'a> {
    /// Its tags, sorted by key.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        self.dictionary.tags(self.tag_set)
    }
}

/// The change of one series.
#[derive(Debug, Clone)]
pub enum Delta<'a> {
    /// Of a counter.
    Counter {
        /// Sum of the new values.
        sum: f64,
    },
    /// Of a gauge.
    Gauge {
        /// The last value.
        last: f64,
        /// When it was set, unix nanoseconds.
        last_unix_ns: u64,
        /// Smallest new value.
        min: f64,
        /// Largest new value.
        max: f64,
    },
    /// Of a rate.
    Rate {
        /// New values that are not zero.
        trues: u64,
        /// New values.
        total: u64,
    },
    /// Of a trend: its new values, raw or by bucket.
    Trend {
        /// Number of new values.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The smallest of them.
        min: f64,
        /// The largest of them.
        max: f64,
        /// Values sent as they are.
        raw: &'a [f64],
        /// The other values.
        buckets: Buckets<'a>,
    },
}

impl Delta<'_> {
    /// The kind of metric it is of.
    pub fn kind(&self) -> MetricKind {
        match self {
            Self::Counter { .. } => MetricKind::Counter,
            Self::Gauge { .. } => MetricKind::Gauge,
            Self::Rate { .. } => MetricKind::Rate,
            Self::Trend { .. } => MetricKind::Trend,
        }
    }
}

/// Buckets of a trend's delta, ascending, with counts (see [`crate::histogram`]).
#[derive(Debug, Clone, Default)]
pub struct Buckets<'a> {
    rest: std::slice::Iter<'a, (u32, u64)>,
    bucket: u32,
}

impl Iterator for Buckets<'_> {
    type Item = (u32, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let (gap, n) = self.rest.next()?;
        self.bucket = self.bucket.saturating_add(*gap);
        Some((self.bucket, *n))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

impl Snapshot {
    /// The shard that made it.
    pub fn agent(&self) -> u32 {
        self.agent
    }

    /// The same snapshot as if another shard had made it: who collects from several processes tells them apart so.
    #[must_use]
    pub fn signed(self, agent: u32) -> Self {
        Self { agent, ..self }
    }

    /// Its number among the shard's snapshots, from 1.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// From when on its samples were recorded, unix nanoseconds.
    pub fn start_unix_ns(&self) -> u64 {
        self.start_unix_ns
    }

    /// Until when its samples were recorded, unix nanoseconds.
    pub fn end_unix_ns(&self) -> u64 {
        self.end_unix_ns
    }

    /// What the shard could not keep, since its start.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Metrics explained here: those declared since the last snapshot, and those of [`series`](Self::series).
    pub fn metrics(&self) -> impl ExactSizeIterator<Item = SnapshotMetric<'_>> {
        self.metrics.iter().map(|m| SnapshotMetric {
            name: &m.name,
            kind: m.kind,
            contains: m.contains,
        })
    }

    /// Series mentioned for the first time, ascending by id.
    pub fn series(&self) -> impl ExactSizeIterator<Item = SnapshotSeries<'_>> {
        self.series.iter().map(|series| {
            let metric = &self.metrics[series.metric as usize];
            SnapshotSeries {
                id: series.id,
                metric: SnapshotMetric {
                    name: &metric.name,
                    kind: metric.kind,
                    contains: metric.contains,
                },
                first_unix_ns: series.first_unix_ns,
                dictionary: &self.dictionary,
                tag_set: series.tag_set,
            }
        })
    }

    /// Number of changed series.
    pub fn n_changes(&self) -> usize {
        self.rows.len()
    }

    /// The changed series, ascending by id, and their changes.
    pub fn deltas(&self) -> impl Iterator<Item = (u32, Delta<'_>)> {
        let (mut series, mut raw, mut buckets) =
            (0u32, self.raw.as_slice(), self.buckets.as_slice());
        self.rows.iter().map(move |row| {
            series = series.saturating_add(row.gap);
            let delta = match row.value {
                RowValue::Counter { sum } => Delta::Counter { sum },
                RowValue::Gauge { last, last_unix_ns, min, max } => {
                    Delta::Gauge { last, last_unix_ns, min, max }
                }
                RowValue::Rate { trues, total } => Delta::Rate { trues, total },
                RowValue::Trend { count, sum, min, max, n_raw, n_buckets } => {
                    let (these_raw, rest) = raw.split_at(n_raw as usize);
                    raw = rest;
                    let (these_buckets, rest) = buckets.split_at(n_buckets as usize);
                    buckets = rest;
                    let buckets = Buckets { rest: these_buckets.iter(), bucket: 0 };
                    Delta::Trend { count, sum, min, max, raw: these_raw, buckets }
                }
            };
            (series, delta)
        })
    }

    /// Whether nothing changed and nothing is explained.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.series.is_empty() && self.metrics.is_empty()
    }

    /// The versioned encoding: `SQMS`, version (2 bytes, little endian), postcard.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(
            256 + self.rows.len() * 24 + self.raw.len() * 8 + self.buckets.len() * 3,
        );
        bytes.extend(MAGIC);
        bytes.extend(SNAPSHOT_VERSION.to_le_bytes());
        match postcard::to_extend(self, bytes) {
            Ok(bytes) => bytes,
            // Writing to a vector can't fail, and every type here has an encoding.
            Err(error) => unreachable!("a snapshot has an encoding: {error}"),
        }
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// When the bytes are no snapshot of this version, or damaged. Never panics; allocates at most a small multiple
    /// of `bytes.len()`.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        if bytes.len() > MAX_ENCODED_BYTES {
            return Err(SnapshotError::TooLong(bytes.len()));
        }
        let Some((header, body)) = bytes.split_at_checked(HEADER_BYTES) else {
            return Err(SnapshotError::Magic);
        };
        if header[..4] != MAGIC {
            return Err(SnapshotError::Magic);
        }
        let version = u16::from_le_bytes([header[4], header[5]]);
        if version != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version(version));
        }
        let (snapshot, rest): (Self, _) =
            postcard::take_from_bytes(body).map_err(|_| SnapshotError::Damaged("malformed"))?;
        if !rest.is_empty() {
            return Err(SnapshotError::Damaged("bytes left over"));
        }
        snapshot.check()?;
        Ok(snapshot)
    }

    fn check(&self) -> Result<(), SnapshotError> {
        self.dictionary.check()?;
        let (n_metrics, n_sets) = (self.metrics.len(), self.dictionary.set_ends.len());
        if self
            .series
            .iter()
            .any(|s| s.metric as usize >= n_metrics || s.tag_set as usize >= n_sets)
        {
            return Err(SnapshotError::Damaged("series without its metric or tags"));
        }
        let (mut series, mut raw, mut buckets) =
            (0u32, self.raw.as_slice(), self.buckets.as_slice());
        for (i, row) in self.rows.iter().enumerate() {
            let is_ascending = i == 0 || row.gap > 0;
            series = series
                .checked_add(row.gap)
                .filter(|_| is_ascending)
                .ok_or(SnapshotError::Damaged("series out of order"))?;
            if let RowValue::Trend { count, n_raw, n_buckets, .. } = row.value {
                raw = check_raw(&mut buckets, raw, count, n_raw as usize, n_buckets as usize)?;
            }
        }
        if !raw.is_empty() || !buckets.is_empty() {
            return Err(SnapshotError::Damaged("values of no series"));
        }
        Ok(())
    }
}

/// Checks the values of one trend and returns the raw values after them.
fn check_raw<'a>(
    buckets: &mut &[(u32, u64)],
    raw: &'a [f64],
    count: u64,
    n_raw: usize,
    n_buckets: usize,
) -> Result<&'a [f64], SnapshotError> {
    let missing = SnapshotError::Damaged("values are missing");
    let (these, rest) = raw.split_at_checked(n_raw).ok_or_else(|| missing.clone())?;
    let (these_buckets, rest_buckets) = buckets.split_at_checked(n_buckets).ok_or(missing)?;
    *buckets = rest_buckets;
    let mut bucket = 0u32;
    let mut n = these.len() as u64;
    for (gap, n_values) in these_buckets {
        bucket = bucket.saturating_add(*gap);
        n = n.saturating_add(*n_values);
    }
    if bucket >= BUCKETS || these.iter().any(|value| value.is_nan()) {
        return Err(SnapshotError::Damaged("value out of range"));
    }
    if n != count {
        return Err(SnapshotError::Damaged("count differs from the values"));
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Snapshot {
        let definition = |name: &str, kind| MetricDefinition {
            name: name.to_owned(),
            kind,
            contains: Contains::Time,
        };
        Snapshot {
            agent: 3,
            seq: 300,
            start_unix_ns: 1,
            end_unix_ns: 2,
            metrics: vec![definition("ab", MetricKind::Trend)],
            dictionary: Dictionary {
                text: "kv".to_owned(),
                text_ends: vec![1, 2],
                pairs: vec![(0, 1)],
                set_ends: vec![1],
            },
            series: vec![SeriesDefinition { id: 5, metric: 0, tag_set: 0, first_unix_ns: 7 }],
            rows: vec![
                Row { gap: 4, value: RowValue::Rate { trues: 1, total: 2 } },
                Row {
                    gap: 1,
                    value: RowValue::Trend {
                        count: 3,
                        sum: 0.0,
                        min: 0.0,
                        max: 0.0,
                        n_raw: 1,
                        n_buckets: 1,
                    },
                },
            ],
            raw: vec![0.0],
            buckets: vec![(200, 2)],
            tally: Tally {
                refused_nan: 1,
                dropped_raw: 2,
                folded_series: 3,
                max_series: 4,
                blame: None,
            },
        }
    }

    /// Agents and coordinators of different builds, and records of old runs, meet in these bytes: whoever changes them
    /// raises [`SNAPSHOT_VERSION`].
    #[test]
    fn the_encoding_of_this_version_does_not_change() {
        let expected: Vec<u8> = [
            b"SQMS\x01\x00".as_slice(),
            b"\x03\xac\x02\x01\x02",
            b"\x01\x02ab\x03\x01",
            b"\x02kv\x02\x01\x02\x01\x00\x01\x01\x01",
            b"\x01\x05\x00\x00\x07",
            b"\x02\x04\x02\x01\x02\x01\x03\x03",
            &[0; 24],
            b"\x01\x01",
            b"\x01",
            &[0; 8],
            b"\x01\xc8\x01\x02",
            b"\x01\x02\x03\x04\x00",
        ]
        .concat();
        assert_eq!(small().encode(), expected);
        assert_eq!(Snapshot::decode(&expected), Ok(small()));
    }

    #[test]
    fn every_reference_out_of_range_is_refused() {
        type Damage = fn(&mut Snapshot);
        let damages: [(&str, Damage); 12] = [
            ("string out of range", |s| s.dictionary.text_ends[1] = 3),
            ("string out of range", |s| s.dictionary.text_ends[0] = 9),
            ("tag without its string", |s| s.dictionary.pairs[0].1 = 2),
            ("tag set out of range", |s| s.dictionary.set_ends[0] = 2),
            ("series without its metric or tags", |s| s.series[0].metric = 1),
            ("series without its metric or tags", |s| s.series[0].tag_set = 1),
            ("series out of order", |s| s.rows[1].gap = 0),
            ("series out of order", |s| s.rows[1].gap = u32::MAX),
            ("values are missing", |s| s.raw.clear()),
            ("values of no series", |s| s.raw.push(1.0)),
            ("value out of range", |s| s.buckets[0].0 = BUCKETS),
            ("count differs from the values", |s| s.buckets[0].1 = 9),
        ];
        for (text, damage) in damages {
            let mut snapshot = small();
            damage(&mut snapshot);
            assert_eq!(
                Snapshot::decode(&snapshot.encode()),
                Err(SnapshotError::Damaged(text)),
                "{text}"
            );
        }
        let mut snapshot = small();
        snapshot.raw[0] = f64::NAN;
        assert_eq!(
            Snapshot::decode(&snapshot.encode()),
            Err(SnapshotError::Damaged("value out of range"))
        );
    }

    #[test]
    fn huge_lengths_in_few_bytes_are_refused_without_allocating_them() {
        for at in 6..60 {
            let mut bytes = small().encode();
            bytes.truncate(at);
            bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
            assert!(Snapshot::decode(&bytes).is_err(), "{at}");
        }
    }
}
