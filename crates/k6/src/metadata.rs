//! What is said of a VU's samples besides their tags: `vu` and `iter`, where these system tags are asked for, and what the
//! script puts into `exec.vu.metrics.metadata`. It makes no series; outputs that want each sample show it.

use std::cell::RefCell;
use std::sync::Arc;

use metrics::Metadata;

use crate::world::World;

/// The metadata of one VU. Made only where somebody asks for it.
#[derive(Debug, Default)]
pub(crate) struct VuMetadata {
    shows_vu: bool,
    shows_iter: bool,
    /// Sorted by name.
    pairs: RefCell<Vec<(String, String)>>,
    shared: RefCell<Option<Arc<Metadata>>>,
}

impl VuMetadata {
    /// Metadata of the system tags that are on; `None` where none of these is.
    pub(crate) fn of_system_tags(world: &World) -> Option<VuMetadata> {
        let tags = &world.config().system_tags;
        let (shows_vu, shows_iter) = (tags.has("vu"), tags.has("iter"));
        let own = VuMetadata { shows_vu, shows_iter, ..VuMetadata::default() };
        (shows_vu || shows_iter).then_some(own)
    }

    /// Starts anew for a scenario.
    pub(crate) fn reset(&self, vu: u64, iteration: u64) {
        self.pairs.borrow_mut().clear();
        self.shared.take();
        if self.shows_vu {
            self.set("vu", vu.to_string());
        }
        self.iterate(iteration);
    }

    /// Begins an iteration.
    pub(crate) fn iterate(&self, iteration: u64) {
        if self.shows_iter {
            self.set("iter", iteration.to_string());
        }
    }

    /// The value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let pairs = self.pairs.borrow();
        let place = pairs.binary_search_by(|(key, _)| key.as_str().cmp(name)).ok()?;
        Some(pairs[place].1.clone())
    }

    /// The names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.pairs.borrow().iter().map(|(name, _)| name.clone()).collect()
    }

    /// Sets a value.
    pub(crate) fn set(&self, name: &str, value: String) {
        self.shared.take();
        let mut pairs = self.pairs.borrow_mut();
        match pairs.binary_search_by(|(key, _)| key.as_str().cmp(name)) {
            Ok(place) => pairs[place].1 = value,
            Err(place) => pairs.insert(place, (name.to_owned(), value)),
        }
    }

    /// Takes a value out.
    pub(crate) fn remove(&self, name: &str) {
        self.shared.take();
        self.pairs.borrow_mut().retain(|(key, _)| key != name);
    }

    /// As it goes with samples.
    pub(crate) fn shared(&self) -> Option<Arc<Metadata>> {
        let mut shared = self.shared.borrow_mut();
        if shared.is_none() {
            let pairs = self.pairs.borrow();
            if pairs.is_empty() {
                return None;
            }
            *shared = Some(pairs.as_slice().into());
        }
        shared.clone()
    }
}
