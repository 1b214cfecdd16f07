//! What the simulated cluster knows: objects, the history of their changes, and what pods do.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use serde_json::Value;

use super::kind::Kind;
use super::selector::Selector;

/// Changes that are remembered for watches; older ones are gone, as in a real server.
const HISTORY: usize = 10_000;

/// What a watch tells of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Added,
    Modified,
    Deleted,
}

impl Verb {
    pub(super) fn word(self) -> &'static str {
        match self {
            Verb::Added => "ADDED",
            Verb::Modified => "MODIFIED",
            Verb::Deleted => "DELETED",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Verb> {
        [Verb::Added, Verb::Modified, Verb::Deleted].into_iter().find(|verb| verb.word() == word)
    }
}

/// One change, as it is told to watches.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) version: u64,
    pub(super) plural: &'static str,
    pub(super) verb: Verb,
    pub(super) object: Value,
}

/// An object's namespace and name.
type Key = (&'static str, String, String);

/// What a container uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) cpu_nanocores: u64,
    pub(super) memory_bytes: u64,
}

/// One line a container has written.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) unix_ns: i64,
    pub(super) text: String,
}

/// Everything but faults.
#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<Key, Value>,
    history: VecDeque<Logged>,
    /// The version of the newest change.
    pub(super) version: u64,
    /// Watches may start from here on.
    pub(super) oldest: u64,
    /// Counts how often pods were put or deleted: forwards to the former one end.
    lives: BTreeMap<(String, String), u64>,
    /// Who answers at a pod's port.
    listeners: BTreeMap<(String, u16), SocketAddr>,
    pub(super) usage: BTreeMap<(String, String), Usage>,
    logs: BTreeMap<(String, String), Vec<Line>>,
}

impl Store {
    /// Puts an object in, as new or in the place of the former one, with the next version.
    pub(super) fn put(&mut self, kind: &'static Kind, mut object: Value) {
        self.version += 1;
        let version = self.version;
        object["metadata"]["resourceVersion"] = version.to_string().into();
        self.put_as(kind, object, version);
    }

    /// The same with a version of its own, which is higher than the last one.
    pub(super) fn put_as(&mut self, kind: &'static Kind, mut object: Value, version: u64) {
        object["kind"] = kind.name.into();
        object["apiVersion"] = kind.api_version(kind.version).into();
        self.version = self.version.max(version);
        let key = key(kind, &object);
        let is_new = self.objects.insert(key, object.clone()).is_none();
        let verb = if is_new { Verb::Added } else { Verb::Modified };
        self.tell(Logged { version, plural: kind.plural, verb, object });
    }

    /// Takes an object out; false if there is none.
    pub(super) fn delete(&mut self, kind: &'static Kind, namespace: &str, name: &str) -> bool {
        let key = (kind.plural, namespace.to_owned(), name.to_owned());
        let Some(mut object) = self.objects.remove(&key) else { return false };
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        if kind.plural == "pods" {
            *self.lives.entry((namespace.to_owned(), name.to_owned())).or_default() += 1;
        }
        let version = self.version;
        self.tell(Logged { version, plural: kind.plural, verb: Verb::Deleted, object });
        true
    }

    /// A deletion with a version of its own.
    pub(super) fn delete_as(&mut self, kind: &'static Kind, object: Value, version: u64) {
        let key = key(kind, &object);
        if kind.plural == "pods" {
            *self.lives.entry((key.1.clone(), key.2.clone())).or_default() += 1;
        }
        self.objects.remove(&key);
        self.version = self.version.max(version);
        self.tell(Logged { version, plural: kind.plural, verb: Verb::Deleted, object });
    }

    fn tell(&mut self, change: Logged) {
        self.history.push_back(change);
        while self.history.len() > HISTORY {
            if let Some(gone) = self.history.pop_front() {
                self.oldest = self.oldest.max(gone.version);
            }
        }
    }

    /// Forgets the history: a watch from before now has to list again.
    pub(super) fn compact(&mut self) {
        self.history.clear();
        self.oldest = self.version;
    }

    /// Begins again with these objects, which have versions of their own. Objects of other kinds stay.
    pub(super) fn reset(&mut self, objects: Vec<(&'static Kind, Value)>, version: u64) {
        self.objects
            .retain(|(plural, ..), _| objects.iter().all(|(kind, _)| kind.plural != *plural));
        self.history.clear();
        self.usage.clear();
        for (kind, mut object) in objects {
            object["kind"] = kind.name.into();
            object["apiVersion"] = kind.api_version(kind.version).into();
            self.objects.insert(key(kind, &object), object);
        }
        self.version = version;
        self.oldest = version;
    }

    pub(super) fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Option<&Value> {
        let is_it = |(plural, space, own): &&Key| {
            *plural == kind.plural && space == namespace && own == name
        };
        self.objects.keys().find(is_it).and_then(|key| self.objects.get(key))
    }

    /// The objects of a kind in a namespace (empty: in all).
    pub(super) fn list<'a>(
        &'a self,
        kind: &'a Kind,
        namespace: &'a str,
        selector: &'a Selector,
    ) -> impl Iterator<Item = &'a Value> {
        let is_wanted = move |((plural, space, _), object): &(&Key, &Value)| {
            *plural == kind.plural
                && (namespace.is_empty() || space == namespace)
                && selector.takes(object)
        };
        self.objects.iter().filter(is_wanted).map(|(_, object)| object)
    }

    /// The changes after a version.
    pub(super) fn since(&self, version: u64) -> impl Iterator<Item = &Logged> {
        self.history.iter().filter(move |change| change.version > version)
    }

    /// Says which of a pod's lives this is.
    pub(super) fn life(&self, namespace: &str, pod: &str) -> u64 {
        self.lives.get(&(namespace.to_owned(), pod.to_owned())).copied().unwrap_or(0)
    }

    /// Ends what goes through a pod, as a restart of its container does.
    pub(super) fn end_life(&mut self, namespace: &str, pod: &str) {
        *self.lives.entry((namespace.to_owned(), pod.to_owned())).or_default() += 1;
    }

    pub(super) fn listen(&mut self, pod: &str, port: u16, address: Option<SocketAddr>) {
        let key = (pod.to_owned(), port);
        match address {
            Some(address) => self.listeners.insert(key, address),
            None => self.listeners.remove(&key),
        };
    }

    pub(super) fn listener(&self, pod: &str, port: u16) -> Option<SocketAddr> {
        let any = ("*".to_owned(), port);
        self.listeners.get(&(pod.to_owned(), port)).or_else(|| self.listeners.get(&any)).copied()
    }

    pub(super) fn add_line(&mut self, pod: &str, container: &str, line: Line) {
        self.logs.entry((pod.to_owned(), container.to_owned())).or_default().push(line);
    }

    /// The lines of a container from one on.
    pub(super) fn lines(&self, pod: &str, container: &str, from: usize) -> &[Line] {
        let lines = self.logs.get(&(pod.to_owned(), container.to_owned()));
        lines.and_then(|lines| lines.get(from..)).unwrap_or_default()
    }
}

fn key(kind: &'static Kind, object: &Value) -> Key {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    (kind.plural, text("namespace"), text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_told_in_order_and_forgotten_on_demand() {
        let mut store = Store::default();
        let pods = Kind::named("pods").unwrap();
        let pod = json!({"metadata": {"name": "a", "namespace": "n"}});
        store.put(pods, pod.clone());
        store.put(pods, pod);
        assert!(store.delete(pods, "n", "a") && !store.delete(pods, "n", "a"));
        let verbs: Vec<_> = store.since(0).map(|change| (change.version, change.verb)).collect();
        assert_eq!(verbs, [(1, Verb::Added), (2, Verb::Modified), (3, Verb::Deleted)]);
        assert_eq!(store.since(2).count(), 1);
        store.compact();
        assert_eq!((store.since(0).count(), store.oldest), (0, 3));
        assert_eq!(store.life("n", "a"), 1);
    }
}
