//! How autoscalers followed the load, from events: what `hpa-scaled`, `pod-started` and `pod-ready` say to the
//! millisecond.
//!
//! A climb is a row of steps up. Its length is mostly the autoscaler's own doing: Kubernetes lets one add 4 pods or double
//! them in 15 s unless its `behavior` says otherwise, and that stair must not be taken for slowness.

use metrics::Event;

/// One change of what an autoscaler wants. Times are seconds after the beginning of the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When.
    pub at_s: f64,
    /// Replicas it wanted before.
    pub from: u32,
    /// Replicas it wants from then on.
    pub to: u32,
    /// Of a step up: when all its new pods were ready.
    pub ready_at_s: Option<f64>,
}

/// A row of steps up.
#[derive(Debug, Clone, PartialEq)]
pub struct Climb {
    /// Replicas it wanted before and in the end.
    pub from: u32,
    /// See `from`.
    pub to: u32,
    /// From the beginning of the load to the first step.
    pub detect_s: f64,
    /// From the first step to the last: the stair that the autoscaler's rules make.
    pub stair_s: f64,
    /// The longest that the new pods of a step took to be ready; `None` while some are not.
    pub pods_s: Option<f64>,
    /// From the beginning of the load until all new pods were ready.
    pub ready_s: Option<f64>,
}

/// What one autoscaler did.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Its name.
    pub hpa: String,
    /// Its namespace.
    pub namespace: String,
    /// Every change, in order.
    pub steps: Vec<Step>,
    /// Rows of steps up.
    pub climbs: Vec<Climb>,
    /// How often up became down or down up.
    pub turns: u32,
    /// From the end of the load to the first step down after it.
    pub release_s: Option<f64>,
}

/// When load began and ended, unix nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadSpan {
    /// Its first second, or that of the step that matters.
    pub began_unix_ns: u64,
    /// Its end, if it has one.
    pub ended_unix_ns: Option<u64>,
}

/// What each autoscaler did, by name.
#[must_use]
pub fn scaling(events: &[Event], load: LoadSpan) -> Vec<Scaling> {
    let field = |event: &Event, name: &str| event.fields.get(name).cloned().unwrap_or_default();
    let mut all: Vec<Scaling> = Vec::new();
    let mut scaled: Vec<&Event> = events.iter().filter(|e| e.kind == "hpa-scaled").collect();
    scaled.sort_by_key(|event| event.unix_ns);
    for event in &scaled {
        let number = |name| field(event, name).parse::<u32>().ok();
        let (Some(from), Some(to)) = (number("from"), number("to")) else { continue };
        let step =
            Step { at_s: since(load.began_unix_ns, event.unix_ns), from, to, ready_at_s: None };
        let namespace = field(event, "namespace");
        match all.iter_mut().find(|s| s.hpa == event.subject && s.namespace == namespace) {
            Some(known) => known.steps.push(step),
            None => all.push(Scaling {
                hpa: event.subject.clone(),
                namespace,
                steps: vec![step],
                climbs: Vec::new(),
                turns: 0,
                release_s: None,
            }),
        }
    }
    for scaling in &mut all {
        let of = scaled.iter().find(|event| event.subject == scaling.hpa);
        // Its pods are named after what it scales.
        let deployment = of.map(|event| field(event, "deployment")).filter(|name| !name.is_empty());
        let prefix = format!("{}-", deployment.as_ref().unwrap_or(&scaling.hpa));
        let is_own = |event: &&Event| {
            event.kind == "pod-ready"
                && event.fields.contains_key("ready_after_s")
                && event.subject.starts_with(&prefix)
                && field(event, "namespace") == scaling.namespace
        };
        let ready = events.iter().filter(is_own).map(|e| since(load.began_unix_ns, e.unix_ns));
        let mut ready: Vec<f64> = ready.collect();
        ready.sort_by(f64::total_cmp);
        scaling.complete(&ready, load);
    }
    all.sort_by(|a, b| (&a.namespace, &a.hpa).cmp(&(&b.namespace, &b.hpa)));
    all
}

/// Seconds from one time to another, which may be earlier.
fn since(from: u64, to: u64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64 / 1e9
}

impl Scaling {
    /// `ready` are the times at which new pods became ready, in order.
    fn complete(&mut self, ready: &[f64], load: LoadSpan) {
        let is_up = |step: &Step| step.to > step.from;
        self.turns =
            self.steps.windows(2).map(|two| u32::from(is_up(&two[0]) != is_up(&two[1]))).sum();
        let mut first = 0;
        while first < self.steps.len() {
            let run = self.steps[first..].iter().take_while(|step| is_up(step)).count();
            if run > 0 {
                let climb = climb(&mut self.steps[first..first + run], ready);
                self.climbs.push(climb);
            }
            first += run.max(1);
        }
        self.release_s = load.ended_unix_ns.and_then(|ended| {
            let ended_s = since(load.began_unix_ns, ended);
            let down = self.steps.iter().find(|step| !is_up(step) && step.at_s >= ended_s);
            down.map(|step| step.at_s - ended_s)
        });
    }
}

/// Finds out when the pods of each step were ready: each takes the first that no step before it needs.
fn climb(steps: &mut [Step], ready: &[f64]) -> Climb {
    let begun = steps.first().map_or(0.0, |step| step.at_s);
    let own: Vec<f64> = ready.iter().copied().filter(|at| *at >= begun).collect();
    let mut needed = 0;
    let mut pods_s = Some(0.0_f64);
    for step in steps.iter_mut() {
        needed += (step.to - step.from) as usize;
        step.ready_at_s = own.get(needed.saturating_sub(1)).copied();
        pods_s = pods_s.zip(step.ready_at_s).map(|(most, at)| most.max(at - step.at_s));
    }
    Climb {
        from: steps.first().map_or(0, |step| step.from),
        to: steps.last().map_or(0, |step| step.to),
        detect_s: begun,
        stair_s: steps.last().map_or(0.0, |step| step.at_s - begun),
        pods_s,
        ready_s: steps.last().and_then(|step| step.ready_at_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn scaled(at_ms: u64, from: u32, to: u32) -> Event {
        Event::new(at_ms * 1_000_000, "kubernetes", "hpa-scaled", "web", "")
            .with("from", from)
            .with("to", to)
            .with("namespace", "default")
            .with("deployment", "api")
    }

    fn ready(at_ms: u64, pod: &str) -> Event {
        Event::new(at_ms * 1_000_000, "kubernetes", "pod-ready", pod, "")
            .with("ready_after_s", 1)
            .with("namespace", "default")
    }

    #[test]
    fn a_climb_is_split_into_detection_stair_and_pods() {
        let events = [
            scaled(12_000, 2, 3),
            ready(12_400, "api-1"),
            ready(12_500, "other-1"),
            scaled(27_000, 3, 5),
            ready(28_000, "api-2"),
            ready(29_500, "api-3"),
            scaled(80_000, 5, 2),
        ];
        let load = LoadSpan { began_unix_ns: 10 * SECOND, ended_unix_ns: Some(60 * SECOND) };
        let found = scaling(&events, load);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].climbs,
            [Climb {
                from: 2,
                to: 5,
                detect_s: 2.0,
                stair_s: 15.0,
                pods_s: Some(2.5),
                ready_s: Some(19.5)
            }]
        );
        assert_eq!((found[0].turns, found[0].release_s), (1, Some(20.0)));
        assert_eq!(found[0].steps[0].ready_at_s, Some(2.4));
    }

    #[test]
    fn pods_that_never_were_ready_leave_the_figures_open() {
        let load = LoadSpan { began_unix_ns: 0, ended_unix_ns: None };
        let found = scaling(&[scaled(1_000, 2, 4), ready(2_000, "api-1")], load);
        assert_eq!((found[0].climbs[0].pods_s, found[0].climbs[0].ready_s), (None, None));
        assert!(scaling(&[], load).is_empty());
    }
}
