//! The recorded story: what a real API server (Kubernetes 1.36.2) told while an HPA scaled a deployment from 2 pods to
//! 10 and back, with one pod killed for its memory.
//!
//! Lists are the beginning; the watches' changes follow in the order of their versions, which is the order of the
//! cluster. Kubernetes writes most times in whole seconds: within a second the changes are spread evenly, around those
//! whose time is known exactly. When the story is played all times in it are moved along.

use super::civil::{self, Precision};
use super::kind::Kind;
use super::store::Verb;
use serde_json::Value;

const NS: i64 = 1_000_000_000;

/// The recorded lists and watches, by the plural of their kind.
const RECORDED: &[(&str, &str, &str)] = &[
    (
        "horizontalpodautoscalers",
        include_str!("../../fixtures/kubernetes/hpa.list.json"),
        include_str!("../../fixtures/kubernetes/hpa.watch.jsonl"),
    ),
    (
        "pods",
        include_str!("../../fixtures/kubernetes/pods.list.json"),
        include_str!("../../fixtures/kubernetes/pods.watch.jsonl"),
    ),
    (
        "deployments",
        include_str!("../../fixtures/kubernetes/deployments.list.json"),
        include_str!("../../fixtures/kubernetes/deployments.watch.jsonl"),
    ),
    (
        "events",
        include_str!("../../fixtures/kubernetes/events.list.json"),
        include_str!("../../fixtures/kubernetes/events.watch.jsonl"),
    ),
];
/// When the load was raised and lowered.
const LOAD_UP: &str = include_str!("../../fixtures/kubernetes/t_load_up.txt");
const LOAD_DOWN: &str = include_str!("../../fixtures/kubernetes/t_load_down.txt");
/// What the load asked of all pods together, in thousandths of a core: before and after, and between.
const LOAD: (u64, u64) = (200, 1_400);
/// What every pod of the story takes of its 128 MiB.
pub(super) const MEMORY: u64 = 80 << 20;

/// One recorded change.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// When it happened, recorded time.
    pub(super) at_ns: i64,
    pub(super) kind: &'static Kind,
    pub(super) verb: Verb,
    pub(super) version: u64,
    pub(super) object: Value,
}

/// The story as recorded.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) beginning: Vec<(&'static Kind, Value)>,
    /// The version of the lists.
    pub(super) version: u64,
    pub(super) changes: Vec<Change>,
    pub(super) load_up_ns: i64,
    pub(super) load_down_ns: i64,
}

impl Story {
    /// Reads the recording, which is part of the program.
    ///
    /// # Panics
    /// When the recording is not what it was (a test reads it).
    pub(super) fn recorded() -> Story {
        let time = |text: &str| civil::parse(text.trim()).expect("a recorded time").0;
        let (load_up_ns, load_down_ns) = (time(LOAD_UP), time(LOAD_DOWN));
        let mut story = Story {
            beginning: Vec::new(),
            version: 0,
            changes: Vec::new(),
            load_up_ns,
            load_down_ns,
        };
        for (plural, list, watch) in RECORDED {
            let kind = Kind::named(plural).expect("a kind of the cluster");
            let mut list: Value = serde_json::from_str(list).expect("a recorded list");
            story.version = story.version.max(version(&list));
            if let Value::Array(items) = list["items"].take() {
                story.beginning.extend(items.into_iter().map(|item| (kind, item)));
            }
            let changes = watch.lines().filter_map(|line| change(kind, line));
            story.changes.extend(changes);
        }
        story.changes.sort_by_key(|change| change.version);
        spread(&mut story.changes, load_up_ns);
        story
    }

    /// What all pods together ask for, thousandths of a core.
    pub(super) fn load(&self, at_ns: i64) -> u64 {
        let is_high = (self.load_up_ns..self.load_down_ns).contains(&at_ns);
        if is_high { LOAD.1 } else { LOAD.0 }
    }
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A line of a watch; `None` for bookmarks.
fn change(kind: &'static Kind, line: &str) -> Option<Change> {
    let mut line: Value = serde_json::from_str(line).expect("a recorded line");
    let verb = Verb::parse(line["type"].as_str()?)?;
    let object = line["object"].take();
    Some(Change { at_ns: newest(&object), kind, verb, version: version(&object), object })
}

/// The newest time at which somebody has written to an object.
fn newest(object: &Value) -> i64 {
    let managed = object["metadata"]["managedFields"].as_array().map(Vec::as_slice);
    let times = managed.unwrap_or_default().iter().map(|field| &field["time"]);
    let exact = [&object["eventTime"]];
    let parse = |value: &Value| Some(civil::parse(value.as_str()?)?.0);
    times.chain(exact).filter_map(parse).max().unwrap_or(0)
}

/// Gives changes of one second different times, in order; those with an exact time keep it.
fn spread(changes: &mut [Change], load_up_ns: i64) {
    let mut latest = load_up_ns;
    let mut at = 0;
    while at < changes.len() {
        let second = changes[at].at_ns.max(latest).div_euclid(NS);
        let is_within = |change: &Change| change.at_ns.div_euclid(NS) <= second;
        let end = at + changes[at..].iter().take_while(|change| is_within(change)).count();
        // The first change follows the load by some time; nothing tells how long.
        let mut from = (second * NS).max(latest).max(if second == load_up_ns.div_euclid(NS) {
            load_up_ns + NS / 10
        } else {
            0
        });
        let mut first = at;
        while first < end {
            let is_exact = |change: &Change| change.at_ns > from && change.at_ns % NS != 0;
            let run = changes[first..end].iter().take_while(|change| !is_exact(change)).count();
            let to = changes[first..end].get(run).map_or((second + 1) * NS, |change| change.at_ns);
            for (i, change) in changes[first..first + run].iter_mut().enumerate() {
                change.at_ns = from + (to - from) * (i as i64 + 1) / (run as i64 + 1);
            }
            from = to;
            first += run + 1;
        }
        latest = changes[end - 1].at_ns;
        at = end;
    }
}

/// Where the story lies in real time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playback {
    /// When the load rises, real time.
    pub(super) load_up_unix_ns: i64,
    /// Recorded seconds that pass in a real one.
    pub(super) speed: f64,
    recorded_up_ns: i64,
}

impl Playback {
    pub(super) fn new(story: &Story, load_up_unix_ns: i64, speed: f64) -> Playback {
        Playback { load_up_unix_ns, speed, recorded_up_ns: story.load_up_ns }
    }

    /// When something recorded happens. What was long before the story stays as long before.
    pub(super) fn real(&self, recorded_ns: i64) -> i64 {
        let since = recorded_ns - self.recorded_up_ns;
        let scaled = if since <= 0 { since } else { (since as f64 / self.speed) as i64 };
        self.load_up_unix_ns + scaled
    }

    /// Which recorded moment it is.
    pub(super) fn recorded(&self, unix_ns: i64) -> i64 {
        let since = unix_ns - self.load_up_unix_ns;
        let scaled = if since <= 0 { since } else { (since as f64 * self.speed) as i64 };
        self.recorded_up_ns + scaled
    }

    /// Moves every time in an object; those of its own second become `at_ns`, the moment of the change.
    pub(super) fn move_times(&self, value: &mut Value, at_ns: i64) {
        match value {
            Value::String(text) => {
                if let Some((ns, precision)) = civil::parse(text) {
                    let own = at_ns.div_euclid(NS) == ns.div_euclid(NS);
                    let ns = match precision {
                        Precision::Seconds if own => at_ns,
                        _ => ns,
                    };
                    *text = civil::write(self.real(ns), precision);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.move_times(item, at_ns)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.move_times(field, at_ns));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_is_whole_and_its_changes_are_in_order() {
        let story = Story::recorded();
        let count = |plural: &str| story.changes.iter().filter(|c| c.kind.plural == plural).count();
        assert_eq!(
            ["horizontalpodautoscalers", "pods", "deployments", "events"].map(count),
            [7, 49, 27, 14]
        );
        assert!(story.changes.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns));
        assert!(story.changes.iter().all(|change| change.at_ns > story.load_up_ns));
        let scheduled = story.changes.iter().find(|change| change.version == 812).unwrap();
        assert_eq!(scheduled.at_ns, civil::parse("2026-11-20T20:27:05.619122Z").unwrap().0);
    }

    #[test]
    fn played_faster_everything_after_the_load_comes_sooner() {
        let story = Story::recorded();
        let playback = Playback::new(&story, 1_000 * NS, 10.0);
        assert_eq!(playback.real(story.load_up_ns - 5 * NS), 995 * NS);
        assert_eq!(playback.real(story.load_up_ns + 20 * NS), 1_002 * NS);
        assert_eq!(playback.recorded(1_002 * NS), story.load_up_ns + 20 * NS);
        let mut object = serde_json::json!({"a": ["2026-11-20T20:27:25Z"], "b": "2026-11-20"});
        playback.move_times(&mut object, 0);
        assert_eq!(object["a"][0], civil::write(1_001_984_700_000, Precision::Seconds));
        assert_eq!(object["b"], "2026-11-20");
    }
}
