//! What is known of one agent: which of its snapshots came, and where its series go.

use std::collections::{BTreeMap, BTreeSet};

use super::{Gap, IngestError};
use crate::registry::MetricKind;
use crate::sink::Sink;
use crate::snapshot::{Delta, Tally};

/// Most snapshots of one agent that may be missing at once: ten days at one a second.
const MAX_GAP: u64 = 1_000_000;
/// Ids of series beyond this are not believed (a shard counts them from 0; each costs four bytes here).
const MAX_SERIES_ID: u32 = 50_000_000;
/// Series whose changes are kept while the snapshot that explains them is missing.
const MAX_ORPHANS: usize = 10_000;

const NO_ROUTE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipt {
    New,
    Known,
}

#[derive(Debug, Default)]
pub(super) struct Agent {
    /// Largest number received.
    last_seq: u64,
    missing: BTreeSet<u64>,
    /// By series id.
    routes: Vec<u32>,
    /// Changes of series not explained yet.
    orphans: BTreeMap<u32, Sink>,
    tally: Tally,
    tally_seq: u64,
}

pub(super) fn check_series(agent: u32, series: u32) -> Result<(), IngestError> {
    if series > MAX_SERIES_ID {
        return Err(IngestError::Range { agent, what: "series", value: u64::from(series) });
    }
    Ok(())
}

impl Agent {
    pub(super) fn check_seq(&self, agent: u32, seq: u64) -> Result<(), IngestError> {
        let n_missing =
            seq.saturating_sub(self.last_seq.saturating_add(1)) + self.missing.len() as u64;
        if seq == 0 || n_missing > MAX_GAP {
            return Err(IngestError::Range { agent, what: "snapshot number", value: seq });
        }
        Ok(())
    }

    /// Notes that a snapshot came.
    pub(super) fn receive(&mut self, seq: u64) -> Receipt {
        if seq > self.last_seq {
            self.missing.extend(self.last_seq + 1..seq);
            self.last_seq = seq;
            return Receipt::New;
        }
        if self.missing.remove(&seq) { Receipt::New } else { Receipt::Known }
    }

    pub(super) fn keep_tally(&mut self, seq: u64, tally: &Tally) {
        if seq > self.tally_seq {
            self.tally_seq = seq;
            self.tally = tally.clone();
        }
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn n_missing(&self) -> u64 {
        self.missing.len() as u64
    }

    pub(super) fn gaps(&self, agent: u32) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        for seq in &self.missing {
            match gaps.last_mut() {
                Some(gap) if gap.last + 1 == *seq => gap.last = *seq,
                _ => gaps.push(Gap { agent, first: *seq, last: *seq }),
            }
        }
        gaps
    }

    pub(super) fn route(&self, series: u32) -> Option<u32> {
        self.routes.get(series as usize).copied().filter(|route| *route != NO_ROUTE)
    }

    /// Says where a series goes, and gives the changes that came before the explanation.
    pub(super) fn set_route(&mut self, series: u32, route: u32) -> Option<Sink> {
        let at = series as usize;
        if at >= self.routes.len() {
            self.routes.resize(at + 1, NO_ROUTE);
        }
        self.routes[at] = route;
        self.orphans.remove(&series)
    }

    pub(super) fn orphan_kind(&self, series: u32) -> Option<MetricKind> {
        self.orphans.get(&series).map(Sink::kind)
    }

    pub(super) fn keep_orphan(&mut self, series: u32, delta: &Delta<'_>) {
        if let Some(sink) = self.orphans.get_mut(&series) {
            sink.apply(delta, false);
        } else if self.orphans.len() < MAX_ORPHANS {
            let mut sink = Sink::new(delta.kind());
            sink.apply(delta, true);
            self.orphans.insert(series, sink);
        }
    }
}
