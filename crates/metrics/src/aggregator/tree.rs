//! Groups and checks as a tree, in the order in which they were first seen on any agent.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::sinks::SinkId;

/// k6's separator of group names in a path.
const SEPARATOR: &str = "::";
/// Groups of one tree; a script may make their names from anything.
const MAX_GROUPS: usize = 2_000;
/// Checks of one tree.
const MAX_CHECKS: usize = 10_000;
/// Levels of groups in each other.
const MAX_DEPTH: usize = 64;

/// When something was first seen. Checks of one call share a time, so the agent's numbering decides among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FirstSeen {
    pub(super) unix_ns: u64,
    pub(super) agent: u32,
    pub(super) series: u32,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) seen: FirstSeen,
    pub(super) groups: Vec<usize>,
    pub(super) checks: Vec<usize>,
    pub(super) sinks: BTreeMap<usize, SinkId>,
    parent: usize,
}

#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) seen: FirstSeen,
    pub(super) sink: SinkId,
}

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) groups: Vec<Group>,
    pub(super) checks: Vec<Check>,
    by_path: FxHashMap<String, usize>,
    by_check: FxHashMap<(usize, String), usize>,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Group {
            name: String::new(),
            path: String::new(),
            seen: FirstSeen { unix_ns: u64::MAX, agent: 0, series: 0 },
            groups: Vec::new(),
            checks: Vec::new(),
            sinks: BTreeMap::new(),
            parent: Self::ROOT,
        };
        Self {
            groups: vec![root],
            checks: Vec::new(),
            by_path: FxHashMap::from_iter([(String::new(), Self::ROOT)]),
            by_check: FxHashMap::default(),
        }
    }
}

impl Tree {
    pub(super) const ROOT: usize = 0;

    /// The group of a path (`::a::b`, empty for the root), made with those above it; `None` beyond the limits.
    pub(super) fn group(&mut self, path: &str, seen: FirstSeen) -> Option<usize> {
        let names = path.strip_prefix(SEPARATOR).unwrap_or(path);
        if names.is_empty() {
            return Some(Self::ROOT);
        }
        let node = match self.by_path.get(path) {
            Some(node) => *node,
            None => self.new_group(names)?,
        };
        let mut at = node;
        while at != Self::ROOT {
            let group = &mut self.groups[at];
            group.seen = group.seen.min(seen);
            at = group.parent;
        }
        Some(node)
    }

    fn new_group(&mut self, names: &str) -> Option<usize> {
        let n_new = names.split(SEPARATOR).count();
        if n_new > MAX_DEPTH || self.groups.len() + n_new > MAX_GROUPS {
            return None;
        }
        let mut parent = Self::ROOT;
        for name in names.split(SEPARATOR) {
            let path = [self.groups[parent].path.as_str(), SEPARATOR, name].concat();
            parent = match self.by_path.get(&path) {
                Some(node) => *node,
                None => self.push_group(parent, name, path),
            };
        }
        Some(parent)
    }

    fn push_group(&mut self, parent: usize, name: &str, path: String) -> usize {
        let node = self.groups.len();
        self.by_path.insert(path.clone(), node);
        self.groups[parent].groups.push(node);
        self.groups.push(Group {
            name: name.to_owned(),
            path,
            seen: FirstSeen { unix_ns: u64::MAX, agent: u32::MAX, series: u32::MAX },
            groups: Vec::new(),
            checks: Vec::new(),
            sinks: BTreeMap::new(),
            parent,
        });
        node
    }

    /// The sink of a check of a group; `None` beyond the limit.
    pub(super) fn check(
        &mut self,
        group: usize,
        name: &str,
        seen: FirstSeen,
        open: impl FnOnce() -> SinkId,
    ) -> Option<SinkId> {
        let key = (group, name.to_owned());
        if let Some(idx) = self.by_check.get(&key) {
            let check = &mut self.checks[*idx];
            check.seen = check.seen.min(seen);
            return Some(check.sink);
        }
        if self.checks.len() >= MAX_CHECKS {
            return None;
        }
        let (idx, sink) = (self.checks.len(), open());
        self.checks.push(Check { name: name.to_owned(), seen, sink });
        self.groups[group].checks.push(idx);
        self.by_check.insert(key, idx);
        Some(sink)
    }

    pub(super) fn sink(&self, group: usize, metric: usize) -> Option<SinkId> {
        self.groups[group].sinks.get(&metric).copied()
    }

    pub(super) fn set_sink(&mut self, group: usize, metric: usize, sink: SinkId) {
        self.groups[group].sinks.insert(metric, sink);
    }
}
