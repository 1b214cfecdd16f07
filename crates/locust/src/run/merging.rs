//! The numbers of all processes for the one that leads: what each hands over is passed on to it, and it can wait for what they
//! have measured up to now.

use std::collections::BTreeSet;

use metrics::Snapshot;
use serde_json::json;

use super::desk::Desk;
use crate::message::Role;

/// Snapshots that are kept for a process that has not said yet that it leads.
const MAX_EARLY: usize = 256;

/// What is passed on, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Merging {
    /// Snapshots that came before the process that leads.
    early: Vec<(String, Vec<u8>)>,
    waits: Vec<Wait>,
}

/// The process that leads waits for others.
#[derive(Debug)]
struct Wait {
    /// The question they were asked; none: until they end.
    question: Option<u64>,
    missing: BTreeSet<u64>,
}

impl Desk<'_> {
    /// Passes a snapshot of a worker on.
    pub(super) fn relay(&mut self, source: u64, generation: u32, snapshot: &Snapshot) {
        let name = format!("{source}/{generation}");
        match self.hello().map(|hello| hello.role) {
            None if self.merging.early.len() < MAX_EARLY => {
                self.merging.early.push((name, snapshot.encode()));
            }
            Some(Role::Master) => self.relay_to_lead(&name, &snapshot.encode()),
            _ => {}
        }
    }

    /// Passes on what came too early.
    pub(super) fn relay_early(&mut self) {
        let early = std::mem::take(&mut self.merging.early);
        if self.hello().is_some_and(|hello| hello.role == Role::Master) {
            early.iter().for_each(|(name, encoded)| self.relay_to_lead(name, encoded));
        }
    }

    /// The process that leads wants the numbers of all others: of now, or once they have ended.
    pub(super) fn merge(&mut self, is_last: bool) {
        let missing: BTreeSet<u64> = self.open_workers().collect();
        let question = (!is_last).then(|| self.next_question());
        if let Some(id) = question {
            for source in &missing {
                self.tell(*source, &json!({"type": "sync", "id": id}));
            }
        }
        self.merging.waits.push(Wait { question, missing });
        self.answer_merges();
    }

    /// A worker has told everything up to a question.
    pub(super) fn worker_synced(&mut self, source: u64, id: u64) {
        for wait in &mut self.merging.waits {
            if wait.question.is_some_and(|question| question <= id) {
                wait.missing.remove(&source);
            }
        }
        self.answer_merges();
    }

    /// A worker has nothing more to tell.
    pub(super) fn worker_ended(&mut self, source: u64) {
        for wait in &mut self.merging.waits {
            wait.missing.remove(&source);
        }
        self.answer_merges();
    }

    fn answer_merges(&mut self) {
        let waits = std::mem::take(&mut self.merging.waits);
        for wait in waits {
            if wait.missing.is_empty() {
                self.tell_lead(&json!({"type": "merged"}));
            } else {
                self.merging.waits.push(wait);
            }
        }
    }
}
