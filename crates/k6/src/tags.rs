//! The tags of a VU's samples: what `exec.vu.metrics.tags` shows, with the interned set kept beside.

use std::sync::Arc;

use engine::script::SharedShard;
use metrics::TagSetId;
use rustc_hash::FxHashMap;

use crate::world::World;

/// Tags of one VU: run, scenario, the script's own, and the group.
#[derive(Debug)]
pub struct VuTags {
    /// Sorted by nothing; few. Keys are unique.
    pairs: Vec<(String, String)>,
    group: String,
    tag_groups: bool,
    interned: Option<TagSetId>,
    /// Sets of groups entered from the present one, valid while `pairs` do not change.
    groups: FxHashMap<String, TagSetId>,
}

impl VuTags {
    /// The tags outside of scenarios: those of the run.
    pub fn new(world: &Arc<World>) -> VuTags {
        VuTags {
            pairs: world.config().run_tags.clone(),
            group: String::new(),
            tag_groups: world.config().system_tags.has("group"),
            interned: None,
            groups: FxHashMap::default(),
        }
    }

    /// Starts anew for a scenario.
    pub(crate) fn reset(
        &mut self,
        world: &Arc<World>,
        scenario: Option<&plan::scenario::Scenario>,
    ) {
        *self = VuTags::new(world);
        if let Some(scenario) = scenario {
            for (key, value) in &scenario.tags {
                self.set(key, value);
            }
            if world.config().system_tags.has("scenario") {
                self.set("scenario", &scenario.name);
            }
        }
    }

    /// The interned set.
    #[inline]
    pub(crate) fn current(&mut self, shard: &SharedShard) -> TagSetId {
        match self.interned {
            Some(set) => set,
            None => self.intern(shard),
        }
    }

    fn intern(&mut self, shard: &SharedShard) -> TagSetId {
        if let Some(&set) = self.groups.get(&self.group) {
            self.interned = Some(set);
            return set;
        }
        let mut pairs: Vec<(&str, &str)> =
            self.pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        if self.tag_groups && !pairs.iter().any(|(key, _)| *key == "group") {
            pairs.push(("group", &self.group));
        }
        let set = shard.borrow_mut().tag_set(&pairs);
        if self.groups.len() < 64 {
            self.groups.insert(self.group.clone(), set);
        }
        self.interned = Some(set);
        set
    }

    /// The group path (`::a::b`, empty at the root).
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Enters or leaves a group.
    pub(crate) fn set_group(&mut self, path: String) -> String {
        if path == self.group {
            return path;
        }
        self.interned = None;
        std::mem::replace(&mut self.group, path)
    }

    /// All tags as scripts see them.
    pub fn visible(&self) -> Vec<(String, String)> {
        let mut all = self.pairs.clone();
        if self.tag_groups && !all.iter().any(|(key, _)| key == "group") {
            all.push(("group".to_owned(), self.group.clone()));
        }
        all
    }

    /// The value of a tag.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
        found.or_else(|| (self.tag_groups && key == "group").then_some(self.group.as_str()))
    }

    /// Sets a tag of all later samples.
    pub fn set(&mut self, key: &str, value: &str) {
        self.changed();
        match self.pairs.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.pairs.push((key.to_owned(), value.to_owned())),
        }
    }

    /// Removes a tag.
    pub fn remove(&mut self, key: &str) {
        self.changed();
        self.pairs.retain(|(k, _)| k != key);
    }

    fn changed(&mut self) {
        self.interned = None;
        self.groups.clear();
    }
}
