//! What is measured: metrics, tags, distributions, and how the measurements of many cores become one result.
//!
//! A core records samples in its own [`Shard`]; about once a second the shard flushes a [`Snapshot`], the change since
//! the last one; an [`Aggregator`] merges the snapshots of any number of shards, evaluates thresholds and gives
//! [`Totals`], of which reports are made. The crate must know no I/O and no clock (times come in as unix nanoseconds
//! and durations), no protocol, and no way of printing; of a test it knows what `plan` says about thresholds.
//!
//! Start reading at [`shard`] (the hot side), then [`snapshot`], then [`aggregator`].

pub mod aggregator;
pub mod builtin;
mod distinct;
pub mod event;
pub mod histogram;
mod index;
pub mod output;
pub mod registry;
pub mod shard;
pub mod sink;
pub mod snapshot;
pub mod tags;
pub mod threshold;
pub mod timeline;
pub mod totals;
pub mod trend;

pub use aggregator::{Aggregator, AggregatorConfig, Gap, Ingest, IngestError};
pub use event::{Event, Table};
pub use output::{
    BatchSample, BatchSeries, Delivery, Metadata, Needs, Output, RawSample, SampleBatch,
};
pub use registry::{Contains, MetricId, MetricInfo, MetricKind, Registry, RegistryError};
pub use shard::{SeriesId, Shard, ShardConfig};
pub use sink::Sink;
pub use snapshot::{Delta, SNAPSHOT_VERSION, Snapshot, SnapshotError, Tally};
pub use tags::{OVERFLOW_TAG, TagSetId};
pub use threshold::ThresholdVerdict;
pub use timeline::Timeline;
pub use totals::{
    CheckTotal, GroupTotal, MetricTotal, Overflow, RequestRow, ScenarioTotal, SubmetricTotal,
    ThresholdResult, Totals,
};
pub use trend::TrendSink;
