//! A run's totals, merged again from its record.

use crate::error::RecordError;
use crate::reader::Run;
use metrics::{Aggregator, AggregatorConfig, Snapshot, Totals};
use std::time::Duration;

impl Run {
    /// The snapshots in the order of writing, read from the file one at a time.
    ///
    /// # Errors
    /// If the file cannot be opened again; each snapshot may fail to be read on its own.
    pub fn snapshots(
        &self,
    ) -> Result<impl Iterator<Item = Result<Snapshot, RecordError>>, RecordError> {
        Ok(self
            .encoded_snapshots()?
            .map(|bytes| Snapshot::decode(&bytes?).map_err(|e| self.content("a snapshot", e))))
    }

    /// What probes saw, in the order of writing, read from the file one at a time. A series is
    /// explained in the first snapshot that mentions it.
    ///
    /// # Errors
    /// If the file cannot be opened again; each snapshot may fail to be read on its own.
    pub fn observed_snapshots(
        &self,
    ) -> Result<impl Iterator<Item = Result<Snapshot, RecordError>>, RecordError> {
        Ok(self.encoded_observed()?.map(|bytes| {
            Snapshot::decode(&bytes?).map_err(|e| self.content("what a probe saw", e))
        }))
    }

    /// Merges the snapshots again and evaluates the thresholds once, as at a run's end. Rates are
    /// over the elapsed time the run itself noted; after a kill, over the time from its start to
    /// the last snapshot. Groups, scenarios and requests by name are always included, whatever
    /// the run printed.
    ///
    /// # Errors
    /// If a snapshot cannot be read or merged, or a threshold of the record cannot be read.
    pub fn rebuild(&self) -> Result<Totals, RecordError> {
        let mut aggregator = Aggregator::new(AggregatorConfig {
            thresholds: self.meta.threshold_defs(),
            full: true,
            request_rows: true,
        })
        .map_err(|e| self.content("a threshold", e))?;
        let (mut first, mut last) = (self.started_unix_ns, None);
        for snapshot in self.snapshots()? {
            let snapshot = snapshot?;
            first.get_or_insert_with(|| snapshot.start_unix_ns());
            last = last.max(Some(snapshot.end_unix_ns()));
            aggregator.ingest(&snapshot).map_err(|e| self.content("a snapshot", e))?;
        }
        let elapsed = match &self.end {
            Some(end) => end.elapsed_ns,
            None => last.unwrap_or_default().saturating_sub(first.unwrap_or_default()),
        };
        let elapsed = Duration::from_nanos(elapsed);
        aggregator.evaluate(elapsed, true);
        Ok(aggregator.totals(elapsed))
    }
}
