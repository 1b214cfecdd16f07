//! Kubernetes' own events, as far as they concern what is watched and happened in the run.

use std::collections::{HashMap, VecDeque};

use observe::Observation;

use super::{Seen, event};
use crate::object::event::KubeEvent;
use crate::selection::Interest;
use crate::watch::Change;

/// Events of a run that are told; a namespace in trouble makes them without end.
const MAX_TOLD: usize = 2_000;
/// Events that are remembered, so that a list after a gap does not tell them again.
const MAX_KNOWN: usize = 10_000;

/// What controllers said.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    interest: Interest,
    /// How often each was seen, by its uid.
    known: HashMap<String, u64>,
    order: VecDeque<String>,
    told: usize,
}

impl Notes {
    /// Tells what concerns these objects.
    pub(crate) fn of(interest: Interest) -> Self {
        Self { interest, ..Self::default() }
    }

    /// Takes a change in. What happened before the run is not told.
    pub(crate) fn take(
        &mut self,
        change: Change<KubeEvent>,
        seen: Seen<'_>,
        out: &mut Observation,
    ) {
        match change {
            Change::All(notes) => notes.iter().for_each(|note| self.apply(note, seen, out)),
            Change::Applied(note) => self.apply(&note, seen, out),
            // They are deleted after an hour.
            Change::Deleted(_) => {}
        }
    }

    fn apply(&mut self, note: &KubeEvent, seen: Seen<'_>, out: &mut Observation) {
        let times = note.times();
        let uid = &note.metadata.uid;
        let is_known = self.known.get(uid).is_some_and(|known| *known >= times);
        if is_known || !self.interest.concerns(&note.involved_object) {
            return;
        }
        if self.known.insert(uid.clone(), times).is_none() {
            self.order.push_back(uid.clone());
            let surplus = self.order.len() > MAX_KNOWN;
            if let Some(oldest) = surplus.then(|| self.order.pop_front()).flatten() {
                self.known.remove(&oldest);
            }
        }
        let at = seen.when(note.time(), 0);
        if at < out.began() || self.told == MAX_TOLD {
            return;
        }
        self.told += 1;
        let object = &note.involved_object;
        let told = event(at, "kubernetes-event", &object.name, &note.message)
            .with("reason", &note.reason)
            .with("type", &note.kind)
            .with("object", format!("{}/{}", object.kind, object.name))
            .with("namespace", &note.metadata.namespace);
        out.event(if times > 1 { told.with("count", times) } else { told });
    }
}
