//! The recorded story, fed change by change: what comes out must not depend on how it was watched.

use observe::clock::Clock;
use observe::{Observation, Source};
use report::scaling::{Climb, LoadSpan, scaling};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pods::Pods;
use super::{Picture, Seen};
use crate::stamp::Stamp;
use crate::watch::Change;

const HPA: (&str, &str) = (
    include_str!("../../../demo/fixtures/kubernetes/hpa.list.json"),
    include_str!("../../../demo/fixtures/kubernetes/hpa.watch.jsonl"),
);
const PODS: (&str, &str) = (
    include_str!("../../../demo/fixtures/kubernetes/pods.list.json"),
    include_str!("../../../demo/fixtures/kubernetes/pods.watch.jsonl"),
);
const DEPLOYMENTS: (&str, &str) = (
    include_str!("../../../demo/fixtures/kubernetes/deployments.list.json"),
    include_str!("../../../demo/fixtures/kubernetes/deployments.watch.jsonl"),
);
const LOAD_UP: &str = include_str!("../../../demo/fixtures/kubernetes/t_load_up.txt");
const LOAD_DOWN: &str = include_str!("../../../demo/fixtures/kubernetes/t_load_down.txt");

fn unix_ns(text: &str) -> u64 {
    Stamp::parse(text.trim()).unwrap().unix_ns
}

fn list<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let list: Value = serde_json::from_str(text).unwrap();
    serde_json::from_value(list["items"].clone()).unwrap()
}

/// The recorded changes of all kinds in the order of the cluster, each with the latest time anybody wrote down.
fn changes() -> Vec<(u64, &'static str, Value)> {
    let mut changes = Vec::new();
    for (kind, (_, watch)) in [("hpa", HPA), ("pods", PODS), ("deployments", DEPLOYMENTS)] {
        for line in watch.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["type"] != "BOOKMARK" {
                let version = line["object"]["metadata"]["resourceVersion"].as_str().unwrap();
                changes.push((version.parse::<u64>().unwrap(), kind, line));
            }
        }
    }
    changes.sort_by_key(|(version, ..)| *version);
    let mut latest = unix_ns(LOAD_UP);
    for (at, _, line) in &mut changes {
        let managed = line["object"]["metadata"]["managedFields"].as_array().unwrap();
        let times = managed.iter().filter_map(|field| Some(unix_ns(field["time"].as_str()?)));
        // A millisecond apart where the second is the same.
        latest = times.max().unwrap_or(0).max(latest + 1_000_000);
        *at = latest;
    }
    changes
}

fn change<T: DeserializeOwned>(line: &Value) -> Change<T> {
    let object = serde_json::from_value(line["object"].clone()).unwrap();
    if line["type"] == "DELETED" { Change::Deleted(object) } else { Change::Applied(object) }
}

/// Feeds the story.
fn story() -> Observation {
    let clock = Clock::default();
    let mut out = Observation::new("cluster", Source::Kubernetes, 0, clock);
    let mut picture = Picture { pods: Pods::of(&[String::new()]), ..Picture::default() };
    let before = Seen { at: unix_ns(LOAD_UP) - 1_000_000_000, clock: &clock };
    picture.autoscalers.take(Change::All(list(HPA.0)), before, &mut out);
    picture.deployments.take(Change::All(list(DEPLOYMENTS.0)));
    picture.pods.take(0, Change::All(list(PODS.0)), &picture.usage, before, &mut out);
    assert!(out.events().is_empty(), "{:?}", out.events());
    for (at, kind, line) in changes() {
        let seen = Seen { at, clock: &clock };
        match kind {
            "hpa" => picture.autoscalers.take(change(&line), seen, &mut out),
            "pods" => picture.pods.take(0, change(&line), &picture.usage, seen, &mut out),
            _ => picture.deployments.take(change(&line)),
        }
    }
    picture.tables(&mut out);
    out
}

#[test]
fn the_recorded_climb_is_a_stair_of_fifteen_seconds_and_pods_that_start_at_once() {
    let out = story();
    let load =
        LoadSpan { began_unix_ns: unix_ns(LOAD_UP), ended_unix_ns: Some(unix_ns(LOAD_DOWN)) };
    let figures = scaling(out.events(), load);
    assert_eq!((figures.len(), figures[0].hpa.as_str()), (1, "web"));
    let [Climb { from, to, detect_s, stair_s, pods_s, ready_s }] = &figures[0].climbs[..] else {
        panic!("{figures:#?}");
    };
    assert_eq!((*from, *to), (2, 10));
    // What is only known to the second may be wrong by one.
    assert!((0.0..1.0).contains(detect_s), "{detect_s}");
    assert!((14.0..16.0).contains(stair_s), "{stair_s}");
    assert!((0.0..=1.1).contains(&pods_s.unwrap()), "{pods_s:?}");
    assert!((15.0..17.0).contains(&ready_s.unwrap()), "{ready_s:?}");
    // The window for scaling down was 15 s, after a reading of the load that was 10 s late at most.
    assert!((9.0..12.0).contains(&figures[0].release_s.unwrap()), "{:?}", figures[0].release_s);
}

#[test]
fn every_death_start_and_readiness_is_told_once_in_the_order_of_time() {
    let out = story();
    let count = |kind: &str| out.events().iter().filter(|event| event.kind == kind).count();
    let kinds =
        ["hpa-scaled", "pod-started", "pod-ready", "pod-restarted", "oom-killed", "evicted"];
    assert_eq!(kinds.map(count), [3, 8, 8, 1, 1, 0]);
    let killed = out.events().iter().find(|event| event.kind == "oom-killed").unwrap();
    // The kubelet dated it before the pod was made: it can't have been before the last look that did not show it.
    assert!(killed.unix_ns > unix_ns(LOAD_UP), "{killed:?}");
    for event in out.events().iter().filter(|event| event.kind == "pod-ready") {
        let after: f64 = event.fields["ready_after_s"].parse().unwrap();
        assert!((0.0..2.0).contains(&after), "{event:?}");
    }
    let rows = &out.tables().iter().find(|table| table.name == "cluster pods").unwrap().rows;
    assert_eq!(rows.len(), 14);
    assert_eq!(rows.iter().filter(|row| row[3] == "gone").count(), 8);
}

#[test]
fn a_list_in_the_place_of_changes_tells_the_same_pods() {
    let clock = Clock::default();
    let mut out = Observation::new("cluster", Source::Kubernetes, 0, clock);
    let mut pods = Pods::of(&[String::new()]);
    let usage = super::usage::Usages::default();
    let first = Seen { at: unix_ns(LOAD_UP), clock: &clock };
    pods.take(0, Change::All(list(PODS.0)), &usage, first, &mut out);
    // The newest state of every pod before the first was deleted, as one list.
    let mut newest = std::collections::BTreeMap::new();
    for (_, kind, line) in changes() {
        if line["type"] == "DELETED" {
            break;
        }
        if kind == "pods" {
            let name = line["object"]["metadata"]["name"].as_str().unwrap().to_owned();
            newest.insert(name, line["object"].clone());
        }
    }
    let all = newest.into_values().map(|pod| serde_json::from_value(pod).unwrap()).collect();
    let later = Seen { at: unix_ns(LOAD_DOWN), clock: &clock };
    pods.take(0, Change::All(all), &usage, later, &mut out);
    let count = |kind: &str| out.events().iter().filter(|event| event.kind == kind).count();
    assert_eq!([count("pod-started"), count("pod-restarted"), count("oom-killed")], [8, 1, 1]);
}
