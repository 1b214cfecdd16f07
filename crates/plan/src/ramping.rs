//! The `ramping-vus` executor's schedule: how many VUs run when, and when each is stopped softly and hard.

use std::collections::VecDeque;
use std::time::Duration;

use crate::scenario::RampingVus;
use crate::segment::Striping;

/// From a time on, so many VUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VuStep {
    /// Nanoseconds from the scenario's start.
    pub at_ns: u64,
    /// VUs of this instance from then on.
    pub vus: u64,
}

/// A stretch of time in which a handle runs. A handle is a place for a VU: growing starts the lowest idle handle,
/// shrinking stops the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandleSpan {
    /// It begins to iterate. Nanoseconds from the scenario's start, as the others.
    pub start_ns: u64,
    /// It starts no new iteration; the running one may finish.
    pub soft_stop_ns: u64,
    /// The running iteration is interrupted; `None` if the handle is wanted again by then and goes on.
    pub hard_stop_ns: Option<u64>,
}

/// The whole schedule of a scenario on this instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RampingPlan {
    /// How many handles are to iterate; the last step is to 0 VUs and is the executor's regular end.
    pub steps: Vec<VuStep>,
    /// How many handles may still have a running iteration: handles at or above `vus` are interrupted at the step.
    pub reserved: Vec<VuStep>,
    /// The same for each handle.
    pub handles: Vec<Vec<HandleSpan>>,
    /// Everything is over: nothing runs beyond it.
    pub end_ns: u64,
}

/// The steps of a scenario on this instance. The first is at 0; the last goes to 0 VUs; VUs that are 0 until the end
/// of the stages are cut off. Empty if this instance has no VUs to run.
///
/// Within a stage from A to B VUs of `duration` the number becomes n when the line hits n: at
/// `stage end − trunc(duration·(B−n)/(B−A))`. A segment leaves out the VUs that are others'.
pub fn steps(executor: &RampingVus, striping: &Striping) -> Vec<VuStep> {
    let mut steps = open_steps(executor, striping);
    if let Some(last) = steps.last()
        && last.vus > 0
    {
        steps.push(VuStep { at_ns: stages_ns(executor), vus: 0 });
    }
    steps
}

/// The steps without the final one to 0.
fn open_steps(executor: &RampingVus, striping: &Striping) -> Vec<VuStep> {
    let max = executor.stages.iter().map(|stage| stage.target).fold(executor.start_vus, u64::max);
    if striping.scale(max) == 0 {
        return Vec::new();
    }
    let mut steps = vec![VuStep { at_ns: 0, vus: striping.scale(executor.start_vus) }];
    let (mut from, mut end_ns) = (executor.start_vus, 0u64);
    for stage in &executor.stages {
        let duration_ns = nanos(stage.duration);
        end_ns = end_ns.saturating_add(duration_ns);
        let target = stage.target;
        let before_end = |n: u64| {
            let (todo, all) = (target.abs_diff(n), target.abs_diff(from).max(1));
            u64::try_from(u128::from(duration_ns) * u128::from(todo) / u128::from(all))
                .unwrap_or(duration_ns)
        };
        let (local_from, local_target) = (striping.scale(from), striping.scale(target));
        if duration_ns == 0 {
            if local_from != local_target {
                steps.push(VuStep { at_ns: end_ns, vus: local_target });
            }
        } else {
            // The k-th owned VU of the test is VU `owned(k)`, counted from 0.
            let up = (local_from..local_target)
                .filter_map(|k| Some((striping.owned(k)?.checked_add(1)?, k + 1)));
            let down =
                (local_target..local_from).rev().filter_map(|k| Some((striping.owned(k)?, k)));
            steps.extend(
                up.chain(down).map(|(n, vus)| VuStep { at_ns: end_ns - before_end(n), vus }),
            );
        }
        from = target;
    }
    steps
}

/// VUs kept for the scenario: like [`steps`], but a VU that is ramped down is kept for `graceful_ramp_down`, so that
/// its iteration may finish, and those that run at the end of the stages for `graceful_stop`. If within the time the
/// number gets back to where it was, nothing is given back.
///
/// This is the sliding maximum of the steps. k6 agrees except where the number recovers only in part within the
/// time: it then gives back (and interrupts) VUs that the stages still want, which is not repeated here.
pub fn reserved(
    executor: &RampingVus,
    striping: &Striping,
    graceful_stop: Duration,
) -> Vec<VuStep> {
    let end_ns = stages_ns(executor).saturating_add(nanos(graceful_stop));
    keep_after_ramp_down(
        &open_steps(executor, striping),
        nanos(executor.graceful_ramp_down),
        end_ns,
    )
}

/// The sliding maximum of `steps` over the last `grace_ns`, ended by a step to 0 at `end_ns` at the latest.
fn keep_after_ramp_down(steps: &[VuStep], grace_ns: u64, end_ns: u64) -> Vec<VuStep> {
    let mut kept = Kept(Vec::new());
    // Levels that still hold VUs: (held until, vus), highest and earliest first. A level that is followed by one at
    // least as high is never seen again.
    let mut held: VecDeque<(u64, u64)> = VecDeque::new();
    for (idx, step) in steps.iter().enumerate() {
        // What is held until the very time of this step may be taken over by it.
        kept.release(&mut held, step.at_ns.min(end_ns));
        while held.back().is_some_and(|(_, vus)| *vus <= step.vus) {
            held.pop_back();
        }
        let until_ns =
            steps.get(idx + 1).map_or(u64::MAX, |next| next.at_ns.saturating_add(grace_ns));
        held.push_back((until_ns, step.vus));
        kept.put(step.at_ns, held[0].1);
    }
    kept.release(&mut held, end_ns);
    if kept.0.last().is_some_and(|last| last.vus > 0) {
        kept.put(end_ns, 0);
    }
    kept.0
}

/// Steps without repetitions.
struct Kept(Vec<VuStep>);

impl Kept {
    fn put(&mut self, at_ns: u64, vus: u64) {
        match self.0.last_mut() {
            Some(last) if last.vus == vus => {}
            Some(last) if last.at_ns == at_ns => last.vus = vus,
            _ => self.0.push(VuStep { at_ns, vus }),
        }
    }

    /// Gives back the levels held until before `at_ns`.
    fn release(&mut self, held: &mut VecDeque<(u64, u64)>, at_ns: u64) {
        while held.len() > 1 && held[0].0 < at_ns {
            let until_ns = held[0].0;
            held.pop_front();
            self.put(until_ns, held[0].1);
        }
    }
}

/// The schedule with everything the executor needs. `graceful_stop` is the scenario's.
pub fn plan(executor: &RampingVus, striping: &Striping, graceful_stop: Duration) -> RampingPlan {
    let n_open_steps = open_steps(executor, striping).len();
    let steps = steps(executor, striping);
    let reserved = reserved(executor, striping, graceful_stop);
    let end_ns = stages_ns(executor).saturating_add(nanos(graceful_stop));
    let grace_ns = nanos(executor.graceful_ramp_down);
    let n_handles = steps.iter().map(|step| step.vus).max().unwrap_or(0);
    let mut handles: Vec<Vec<HandleSpan>> =
        vec![Vec::new(); usize::try_from(n_handles).unwrap_or(0)];
    let mut running = 0usize;
    for (idx, step) in steps.iter().enumerate() {
        let wanted = usize::try_from(step.vus).unwrap_or(running);
        for spans in handles.iter_mut().take(wanted).skip(running) {
            if let Some(before) = spans.last_mut()
                && before.hard_stop_ns.is_some_and(|hard_stop_ns| step.at_ns <= hard_stop_ns)
            {
                before.hard_stop_ns = None;
            }
            spans.push(HandleSpan {
                start_ns: step.at_ns,
                soft_stop_ns: end_ns,
                hard_stop_ns: Some(end_ns),
            });
        }
        // The step that only ends the ramp is not a ramp-down: gracefulStop counts, not gracefulRampDown.
        let ends_ramp = idx >= n_open_steps;
        let hard_stop_ns =
            if ends_ramp { end_ns } else { step.at_ns.saturating_add(grace_ns).min(end_ns) };
        for span in
            handles.iter_mut().take(running).skip(wanted).filter_map(|spans| spans.last_mut())
        {
            (span.soft_stop_ns, span.hard_stop_ns) = (step.at_ns, Some(hard_stop_ns));
        }
        running = wanted;
    }
    RampingPlan { steps, reserved, handles, end_ns }
}

/// The sum of the stages' durations.
fn stages_ns(executor: &RampingVus) -> u64 {
    executor.stages.iter().fold(0, |sum: u64, stage| sum.saturating_add(nanos(stage.duration)))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
