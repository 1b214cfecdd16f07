//! `externally-controlled`: VUs that iterate, rest, come and go as somebody outside says (k6 1's executor).
//!
//! Changes happen one after the other, each is answered when it is done: VUs that are taken away have ended then.

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use plan::scenario::ExternallyControlled;
use rt::Nanos;

use crate::control::{Refusal, Scale};
use crate::director::Director;
use crate::drive::{Happened, Lane, Woken};
use crate::message::{Command, LoopRule, VuId};

/// VUs of the whole test, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Goal {
    vus: u64,
    max_vus: u64,
}

/// What is known of a scenario of this kind from outside.
pub(crate) struct Controlled {
    start: Goal,
    pub(crate) now: Cell<Goal>,
}

impl Controlled {
    pub(crate) fn new(executor: &ExternallyControlled) -> Controlled {
        let start = Goal { vus: executor.vus, max_vus: executor.max_vus };
        Controlled { start, now: Cell::new(start) }
    }

    /// What a change leads to.
    pub(crate) fn goal(&self, change: Scale) -> Result<Goal, Refusal> {
        let Goal { vus, max_vus } = self.now.get();
        let or = |asked: Option<i64>, known: u64| asked.unwrap_or_else(|| known.cast_signed());
        let (vus, max_vus) = (or(change.vus, vus), or(change.max_vus, max_vus));
        let wrong = ExternallyControlled::check_vus(vus, max_vus);
        if !wrong.is_empty() {
            let text = format!("invalid configuration supplied: {}", wrong.join(", "));
            return Err(Refusal::Scale(text));
        }
        let start = self.start.max_vus;
        if max_vus < start.cast_signed() {
            return Err(Refusal::Scale(format!(
                "the new number of max VUs cannot be lower than the starting number of max VUs ({start})"
            )));
        }
        if max_vus > MAX_VUS {
            return Err(Refusal::Scale(format!("maxVUs exceeds max limit of {MAX_VUS}")));
        }
        Ok(Goal { vus: vus.unsigned_abs(), max_vus: max_vus.unsigned_abs() })
    }
}

/// As many VUs as a plan may have.
const MAX_VUS: i64 = 100_000_000;

/// How long an answer waits for VUs to begin.
const START_PATIENCE: Duration = Duration::from_millis(500);

struct Handle {
    vu: VuId,
    turn: u64,
    loops: bool,
}

/// Why a wait for VUs ended early.
enum Cut {
    Over,
    Stopped,
}

struct Drive<'a> {
    director: &'a Rc<Director>,
    lane: &'a Lane,
    handles: Vec<Handle>,
    /// VUs of the plan; further ones are made for this scenario and end with it.
    planned: usize,
    active: usize,
    backlog: VecDeque<Happened>,
    /// When it ends, pauses so far included.
    end: Option<Nanos>,
    paused_at: Option<Nanos>,
}

/// Runs the scenario until its time is over or the run stops. Whether it ran to its end.
pub(crate) async fn controlled(director: &Rc<Director>, lane: &Lane) -> bool {
    let Some(own) = &lane.controlled else { return true };
    let planned = director.striping.scale(own.start.max_vus);
    let vus = director.take_vus(lane, planned).await;
    let duration = lane.run.scenario.executor.regular_duration();
    let endless = lane.run.scenario.executor.is_endless();
    let mut drive = Drive {
        director,
        lane,
        planned: vus.len(),
        handles: vus.into_iter().map(|vu| Handle { vu, turn: 0, loops: false }).collect(),
        active: 0,
        backlog: VecDeque::new(),
        end: (!endless).then(|| lane.run.times().started + duration),
        paused_at: None,
    };
    let cut = drive.run(own).await;
    drive.finish().await;
    matches!(cut, Cut::Over)
}

impl Drive<'_> {
    async fn run(&mut self, own: &Controlled) -> Cut {
        if let Err((cut, _)) = self.go_to(own.now.get()).await {
            return cut;
        }
        loop {
            let event = match self.backlog.pop_front() {
                Some(event) => event,
                None => match self.next().await {
                    Ok(event) => event,
                    Err(cut) => return cut,
                },
            };
            match event {
                Happened::Scaled { goal, answer } => match self.go_to(goal).await {
                    Ok(()) => {
                        own.now.set(goal);
                        answer.push(Ok(()));
                    }
                    Err((cut, text)) => {
                        answer.push(Err(Refusal::Scale(text)));
                        return cut;
                    }
                },
                Happened::Paused { paused, answer } => match self.set_paused(paused).await {
                    Ok(()) => answer.push(Ok(())),
                    Err(cut) => {
                        answer.push(Err(Refusal::Pause("the test ends".to_owned())));
                        return cut;
                    }
                },
                event => self.file(&event),
            }
        }
    }

    /// The next event; changes that come while another is made wait for their turn.
    async fn next(&mut self) -> Result<Happened, Cut> {
        let end = if self.paused_at.is_some() { None } else { self.end };
        match self.lane.next(self.director, end).await {
            Woken::Event(event) => Ok(event),
            Woken::Time => Err(Cut::Over),
            Woken::Stopped => Err(Cut::Stopped),
        }
    }

    fn file(&mut self, event: &Happened) {
        if let Happened::LoopEnded { vu, turn } = event
            && let Some(handle) = self.handles.iter_mut().find(|h| h.vu == *vu && h.turn == *turn)
        {
            handle.loops = false;
        }
    }

    /// Waits until the VUs from `first` on, and before `last`, have ended.
    async fn ended(&mut self, first: usize, last: usize) -> Result<(), Cut> {
        while self.handles[first..last].iter().any(|handle| handle.loops) {
            match self.next().await? {
                event @ (Happened::Scaled { .. } | Happened::Paused { .. }) => {
                    self.backlog.push_back(event);
                }
                event => self.file(&event),
            }
        }
        Ok(())
    }

    fn start(&mut self, idx: usize) {
        let run = self.lane.run.clone();
        let handle = &mut self.handles[idx];
        handle.turn += 1;
        handle.loops = true;
        let (vu, turn) = (handle.vu, handle.turn);
        self.director.tell(vu, Command::Loop { vu, run, rule: LoopRule::UntilEnd, turn });
    }

    async fn go_to(&mut self, goal: Goal) -> Result<(), (Cut, String)> {
        let ends = |cut| (cut, "the test ends".to_owned());
        let scale = |n| usize::try_from(self.director.striping.scale(n)).unwrap_or(usize::MAX);
        let (active, max) = (scale(goal.vus), scale(goal.max_vus).max(self.planned));
        while self.handles.len() < max {
            let vu = self.director.make_vu(self.lane);
            self.made(vu).await?;
        }
        let active = active.min(self.handles.len());
        if self.paused_at.is_none() {
            (self.active..active).for_each(|idx| self.start(idx));
        }
        let before = std::mem::replace(&mut self.active, active);
        for handle in self.handles.iter().take(before).skip(active) {
            let (vu, turn) = (handle.vu, handle.turn);
            self.director.tell(vu, Command::StopHard { vu, turn });
        }
        if active < before {
            self.ended(active, before).await.map_err(ends)?;
        } else if self.paused_at.is_none() {
            self.begun().await;
        }
        self.retire(max);
        Ok(())
    }

    /// Waits for a VU that is being made.
    async fn made(&mut self, wanted: VuId) -> Result<(), (Cut, String)> {
        loop {
            match self.next().await.map_err(|cut| (cut, "the test ends".to_owned()))? {
                Happened::VuMade { vu, result } if vu == wanted => match result {
                    Ok(()) => {
                        self.lane.run.held.fetch_add(1, Ordering::Relaxed);
                        self.handles.push(Handle { vu, turn: 0, loops: false });
                        return Ok(());
                    }
                    // As in k6 1: a scenario that can't have its VUs is over.
                    Err(error) => return Err((Cut::Stopped, error.message)),
                },
                event @ (Happened::Scaled { .. } | Happened::Paused { .. }) => {
                    self.backlog.push_back(event);
                }
                event => self.file(&event),
            }
        }
    }

    /// Ends the VUs beyond the first `keep`, none of which is one of the plan's.
    fn retire(&mut self, keep: usize) {
        for Handle { vu, .. } in
            self.handles.drain(keep.max(self.planned).min(self.handles.len())..)
        {
            self.lane.run.held.fetch_sub(1, Ordering::Relaxed);
            self.director.tell(vu, Command::Retire { vu });
        }
    }

    async fn set_paused(&mut self, paused: bool) -> Result<(), Cut> {
        if paused == self.paused_at.is_some() {
            return Ok(());
        }
        if paused {
            for handle in self.handles.iter().take(self.active) {
                let (vu, turn) = (handle.vu, handle.turn);
                self.director.tell(vu, Command::StopSoft { vu, turn });
            }
            self.ended(0, self.active).await?;
            self.paused_at = Some(rt::now());
        } else {
            let rest = self.paused_at.take().map_or(Duration::ZERO, |since| rt::now() - since);
            self.end = self.end.map(|end| end + rest);
            (0..self.active).for_each(|idx| self.start(idx));
            self.begun().await;
        }
        Ok(())
    }

    /// Waits until the cores have got all VUs going, so that whoever asked for them sees them; not for long.
    async fn begun(&self) {
        let deadline = rt::now() + START_PATIENCE;
        let all = self.active as u64;
        while self.lane.run.active.load(Ordering::Relaxed) < all && rt::now() < deadline {
            rt::sleep(Duration::from_micros(200)).await;
        }
    }

    /// Interrupts what still runs and gives the VUs back.
    async fn finish(&mut self) {
        self.director.interrupt(self.lane);
        let give_up = self.director.give_up_at();
        while self.handles.iter().any(|handle| handle.loops) {
            match self.lane.next_end(give_up).await {
                Woken::Event(Happened::Scaled { answer, .. } | Happened::Paused { answer, .. }) => {
                    answer.push(Err(Refusal::Pause("the test ends".to_owned())))
                }
                Woken::Event(event) => self.file(&event),
                Woken::Time | Woken::Stopped => break,
            }
        }
        self.backlog.extend(std::iter::from_fn(|| self.lane.events.try_next()));
        for event in self.backlog.drain(..) {
            if let Happened::Scaled { answer, .. } | Happened::Paused { answer, .. } = event {
                answer.push(Err(Refusal::Pause("the test ends".to_owned())));
            }
        }
        self.retire(self.planned);
        let lost: BTreeSet<VuId> =
            self.handles.iter().filter(|handle| handle.loops).map(|handle| handle.vu).collect();
        self.director.lose(&lost);
        for handle in self.handles.drain(..).filter(|handle| !handle.loops) {
            self.director.give_back(self.lane, handle.vu);
        }
    }
}
