//! Probes that fail, hang, panic and lie about the time, beside one that is well.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, channel};

use metrics::Contains;

use super::*;
use crate::probe::Looking;

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
const CONFIG: Config = Config { interval: Duration::from_millis(10), samples: false };

/// What a look of a [`Scripted`] probe does.
#[derive(Clone, Copy)]
enum Act {
    See,
    Fail(&'static str),
    Trouble,
    Hang,
    Panic,
}

/// A probe whose looks are written down; the last one is repeated.
struct Scripted {
    name: &'static str,
    acts: Vec<Act>,
    at_end: Act,
    looks: usize,
}

impl Scripted {
    fn new(name: &'static str, acts: &[Act]) -> Self {
        Self { name, acts: acts.to_vec(), at_end: Act::See, looks: 0 }
    }

    fn act<'a>(act: Act, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(async move {
            match act {
                Act::See => out.gauge("seen", &[], 1.0, Contains::Default),
                Act::Fail(why) => return Err(ProbeError::new(why)),
                Act::Trouble => {
                    out.gauge("seen", &[], 1.0, Contains::Default);
                    out.trouble("part", "is not there");
                }
                Act::Hang => std::future::pending().await,
                Act::Panic => panic!("a defect"),
            }
            Ok(())
        })
    }
}

impl Probe for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn source(&self) -> Source {
        Source::Redis
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(50)
    }

    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        let act = self.acts[self.looks.min(self.acts.len() - 1)];
        self.looks += 1;
        Self::act(act, out)
    }

    fn finish<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Self::act(self.at_end, out)
    }
}

/// What was delivered, and which series are known: each is explained once.
struct Inbox {
    delivered: Receiver<Delivered>,
    series: HashMap<u32, String>,
}

fn start(probes: Vec<Scripted>) -> (Observer, Inbox) {
    let (sender, delivered) = channel();
    let probes = probes.into_iter().map(|probe| Box::new(probe) as Box<dyn Probe>).collect();
    let deliver = move |delivered| sender.send(delivered).is_ok();
    let observer = Observer::start(probes, CONFIG, deliver).unwrap();
    (observer, Inbox { delivered, series: HashMap::new() })
}

impl Inbox {
    /// The next delivery; which probes saw something in it.
    fn next(&mut self) -> (Delivered, Vec<String>) {
        let delivered = self.delivered.recv_timeout(PATIENCE).unwrap();
        let mut probes = Vec::new();
        if let Delivered::Snapshot { snapshot, .. } = &delivered {
            assert_eq!(snapshot.agent(), AGENT);
            for one in snapshot.series().filter(|one| one.metric.name == "seen") {
                let probe = one.tags().find(|(key, _)| *key == "probe").unwrap().1;
                self.series.insert(one.id, probe.to_owned());
            }
            let known = snapshot.deltas().filter_map(|(id, _)| self.series.get(&id));
            probes.extend(known.cloned());
        }
        (delivered, probes)
    }

    /// The next event of this kind about this subject.
    fn event(&mut self, kind: &str, subject: &str) -> Event {
        loop {
            if let (Delivered::Event(event), _) = self.next()
                && event.kind == kind
                && event.subject == subject
            {
                return event;
            }
        }
    }

    /// Waits until this probe has seen something.
    fn seen(&mut self, probe: &str) {
        while !self.next().1.iter().any(|name| name == probe) {}
    }
}

#[test]
fn a_failing_probe_is_told_once_and_tried_again() {
    let fail = Act::Fail("refused for postgresql://u:geheim@h/d");
    let (observer, mut inbox) = start(vec![Scripted::new("db", &[fail, fail, fail, Act::See])]);
    let failed = inbox.event("probe-failed", "db");
    assert!(failed.text.contains("db (redis) can't be watched"), "{}", failed.text);
    assert!(failed.text.contains("postgresql://u:***@h/d"), "{}", failed.text);
    let recovered = loop {
        match inbox.next().0 {
            Delivered::Event(event) if event.kind == "probe-failed" => panic!("twice: {event:?}"),
            Delivered::Event(event) if event.kind == "probe-recovered" => break event,
            _ => {}
        }
    };
    assert_eq!(recovered.fields["attempts"], "3");
    inbox.seen("db");
    assert_eq!(observer.stop(PATIENCE).lost, 0);
}

#[test]
fn another_reason_is_told_as_well() {
    let acts = [Act::Fail("one"), Act::Fail("two"), Act::See];
    let (observer, mut inbox) = start(vec![Scripted::new("db", &acts)]);
    assert_eq!(inbox.event("probe-failed", "db").fields["error"], "one");
    assert_eq!(inbox.event("probe-failed", "db").fields["error"], "two");
    inbox.event("probe-recovered", "db");
    observer.stop(PATIENCE);
}

#[test]
fn probes_that_hang_and_panic_leave_the_others_alone() {
    let (observer, mut inbox) = start(vec![
        Scripted::new("hangs", &[Act::Hang]),
        Scripted::new("panics", &[Act::See, Act::Panic]),
        Scripted::new("well", &[Act::See]),
    ]);
    let failed = inbox.event("probe-failed", "hangs");
    assert!(failed.text.contains("no answer within"), "{}", failed.text);
    for _ in 0..5 {
        inbox.seen("well");
    }
    observer.stop(PATIENCE);
    let failed = inbox.event("probe-failed", "panics");
    assert!(failed.text.contains("has a defect"), "{}", failed.text);
}

#[test]
fn a_part_in_trouble_is_told_once_and_the_rest_is_seen() {
    let acts = [Act::Trouble, Act::Trouble, Act::See, Act::Trouble, Act::See];
    let (observer, mut inbox) = start(vec![Scripted::new("db", &acts)]);
    for _ in 0..8 {
        inbox.seen("db");
    }
    observer.stop(PATIENCE);
    drop(inbox);
    let (observer, mut inbox) = start(vec![Scripted::new("db", &[Act::Trouble])]);
    assert_eq!(inbox.event("probe-failed", "db").fields["part"], "part");
    for _ in 0..5 {
        inbox.seen("db");
    }
    observer.stop(PATIENCE);
    let again = |d: Delivered| matches!(d, Delivered::Event(event) if event.kind == "probe-failed");
    assert!(!inbox.delivered.try_iter().any(again), "told twice");
}

#[test]
fn the_end_is_bounded_and_what_is_asked_then_is_marked() {
    let hangs = Scripted { at_end: Act::Hang, ..Scripted::new("hangs", &[Act::See]) };
    let (observer, mut inbox) = start(vec![hangs, Scripted::new("well", &[Act::See])]);
    inbox.seen("hangs");
    let ended = observer.stop(Duration::from_millis(100));
    assert!(!ended.is_stuck);
    let all: Vec<Delivered> = inbox.delivered.try_iter().collect();
    assert!(all.iter().any(|d| matches!(d, Delivered::Snapshot { is_live: false, .. })));
    let is_told = |d: &Delivered| match d {
        Delivered::Event(event) => event.text.contains("asked at the end of the run is missing"),
        _ => false,
    };
    assert!(all.iter().any(is_told));
}

/// A probe that waits without letting others run, and says when it does.
struct Blocks(std::sync::mpsc::Sender<()>);

impl Probe for Blocks {
    fn name(&self) -> &str {
        "blocks"
    }

    fn source(&self) -> Source {
        Source::Logs
    }

    fn look<'a>(&'a mut self, _: &'a mut Observation) -> Looking<'a> {
        let _ = self.0.send(());
        let (_keep, never) = channel::<()>();
        let _ = never.recv_timeout(PATIENCE);
        Box::pin(std::future::ready(Ok(())))
    }
}

#[test]
fn a_thread_that_is_blocked_does_not_hold_the_end_of_the_run() {
    let (sender, blocked) = channel();
    let observer = Observer::start(vec![Box::new(Blocks(sender))], CONFIG, |_| true).unwrap();
    blocked.recv_timeout(PATIENCE).unwrap();
    let began = rt::now();
    assert!(observer.stop(Duration::from_millis(10)).is_stuck);
    assert!(rt::now().since(began) < PATIENCE);
}

#[test]
fn deliveries_that_nobody_takes_are_counted_and_the_thread_measures_itself() {
    let probes: Vec<Box<dyn Probe>> = vec![Box::new(Scripted::new("well", &[Act::See]))];
    let (sender, refused) = channel();
    let deliver = move |delivered| {
        if let Delivered::Snapshot { snapshot, .. } = delivered {
            let _ = sender.send(snapshot.series().any(|s| s.metric.name == "observer_cpu_cores"));
        }
        false
    };
    let observer = Observer::start(probes, CONFIG, deliver).unwrap();
    while !refused.recv_timeout(PATIENCE).unwrap() {}
    let ended = observer.stop(PATIENCE);
    assert!(ended.lost > 0 && ended.cpu_cores > 0.0, "{ended:?}");
}
