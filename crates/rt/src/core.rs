//! A core's loop: run what is ready, fire what is due, wait for sockets and the next deadline.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::clock::{self, Nanos};
use crate::reactor::{Interrupter, Reactor};
use crate::task::{TaskRef, Tasks};
use crate::timer::Timers;

/// How many tasks run before sockets and timers are looked at again.
const BATCH: usize = 256;
/// Batches in one turn of a core that is run from outside.
const MAX_BATCHES: usize = 16;
/// Tasks that wait for the end of a turn at most, and for how long at most.
const LATE_MOST: usize = 64;
const LATE_LONGEST: Duration = Duration::from_micros(100);
/// A core that may spin stops sleeping this long before a precise deadline: what a wake-up from the kernel costs.
const SPIN: Duration = Duration::from_micros(60);
/// The longest sleep when nothing is due, so that a lost wake-up could not hang a run.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How a core behaves.
#[derive(Debug, Clone, Copy)]
pub struct CoreConfig {
    /// Spin over the last microseconds before a precise deadline ([`crate::sleep_until_precise`]). Only worth it where
    /// no other thread wants this CPU.
    pub spin: bool,
}

/// What a core did with its time since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoreStats {
    /// Time spent running tasks, firing timers and taking events, nanoseconds.
    pub busy_ns: u64,
    /// Time spent waiting in the kernel, nanoseconds.
    pub idle_ns: u64,
    /// Time spent spinning before precise deadlines, nanoseconds.
    pub spin_ns: u64,
    /// The longest stretch between two looks at sockets and timers, nanoseconds.
    pub longest_stretch_ns: u64,
    /// Turns of the loop.
    pub turns: u64,
}

/// Other threads' way in: tasks to run, and the means to end the core's wait.
pub(crate) struct Mailbox {
    posted: Mutex<Vec<Arc<TaskRef>>>,
    any: AtomicBool,
    interrupter: Interrupter,
}

impl Mailbox {
    pub(crate) fn post(&self, task: Arc<TaskRef>) {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        self.any.store(true, Ordering::Release);
        self.interrupter.interrupt();
    }
}

enum Mode {
    Real(Box<RefCell<Reactor>>),
    Simulated,
}

/// The inside of a core, reached through a thread-local pointer while it runs.
pub(crate) struct Inner {
    pub(crate) run_queue: RefCell<VecDeque<Arc<TaskRef>>>,
    pub(crate) tasks: Tasks,
    pub(crate) timers: Timers,
    mailbox: Arc<Mailbox>,
    mode: Mode,
    simulated_now: Cell<u64>,
    /// The task that runs has asked for sockets and timers to be looked at ([`crate::yield_now`]).
    pub(crate) yielded: Cell<bool>,
    /// Tasks that wait for the others of this turn ([`crate::turn_end`]), and since when the first of them does.
    late: RefCell<Vec<Waker>>,
    late_since: Cell<Nanos>,
    /// Woken tasks go to the head of the queue: the late ones, when their time has come.
    pub(crate) wake_first: Cell<bool>,
    config: CoreConfig,
    stats: Cell<CoreStats>,
    main_woken: Arc<MainWaker>,
}

impl Inner {
    /// Puts the task behind the others of this turn; `false` if there are none to wait for.
    pub(crate) fn defer(&self, waker: &Waker) -> bool {
        let mut late = self.late.borrow_mut();
        if late.is_empty() {
            if self.run_queue.borrow().is_empty() {
                return false;
            }
            self.late_since.set(self.now());
        }
        late.push(waker.clone());
        true
    }

    fn late_are_due(&self, idle: bool) -> bool {
        let late = self.late.borrow().len();
        late > 0
            && (idle || late >= LATE_MOST || self.now() - self.late_since.get() >= LATE_LONGEST)
    }

    /// Makes the late tasks the next to run, in their order.
    fn release_late(&self) {
        let late = self.late.take();
        self.wake_first.set(true);
        for waker in late.iter().rev() {
            waker.wake_by_ref();
        }
        self.wake_first.set(false);
        let mut late = late;
        late.clear();
        *self.late.borrow_mut() = late;
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self.mode, Mode::Simulated)
    }

    pub(crate) fn now(&self) -> Nanos {
        if self.is_simulated() { Nanos(self.simulated_now.get()) } else { clock::monotonic() }
    }

    pub(crate) fn with_reactor<R>(&self, f: impl FnOnce(&mut Reactor) -> R) -> io::Result<R> {
        match &self.mode {
            Mode::Real(reactor) => Ok(f(&mut reactor.borrow_mut())),
            Mode::Simulated => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "a simulated core has no sockets"))
            }
        }
    }

    fn take_mail(&self) {
        if self.mailbox.any.swap(false, Ordering::AcqRel) {
            let posted = std::mem::take(
                &mut *self.mailbox.posted.lock().unwrap_or_else(PoisonError::into_inner),
            );
            self.run_queue.borrow_mut().extend(posted);
        }
    }

    fn run_ready(&self) {
        for _ in 0..BATCH {
            if self.late_are_due(self.run_queue.borrow().is_empty()) {
                self.release_late();
            }
            let Some(task) = self.run_queue.borrow_mut().pop_front() else { return };
            self.tasks.run(&task);
            // It gave way: a batch of such would keep sockets and timers waiting for as many times what made it do so.
            if self.yielded.take() {
                break;
            }
        }
        if !self.late.borrow().is_empty() {
            self.release_late();
        }
    }

    /// Runs what is ready on a core that is run from outside, and sets its alarm for what is not.
    fn settle(&self) {
        let mut batches = 0;
        loop {
            self.take_mail();
            self.run_ready();
            batches += 1;
            if self.run_queue.borrow().is_empty() && !self.mailbox.any.load(Ordering::Acquire) {
                break;
            }
            if batches == MAX_BATCHES {
                // The other loop has things to do as well; this makes it come back.
                self.mailbox.interrupter.interrupt();
                break;
            }
        }
        let next = self.timers.next().map(|(at, _)| at);
        // Simulated time needs no alarm. A kernel that refuses a timer leaves time-outs to the next event.
        drop(self.with_reactor(|reactor| reactor.ring_at(next)));
    }

    fn has_work(&self) -> bool {
        !self.run_queue.borrow().is_empty() || self.main_woken.0.load(Ordering::Acquire)
    }

    /// Waits for events or the next deadline, then fires what is due. Real time.
    fn turn_real(&self, reactor: &RefCell<Reactor>, since: &mut Nanos) {
        let before = clock::monotonic();
        let mut stats = self.stats.get();
        let stretch = before.since(*since).as_nanos() as u64;
        stats.busy_ns += stretch;
        stats.longest_stretch_ns = stats.longest_stretch_ns.max(stretch);
        stats.turns += 1;
        let wait = if self.has_work() || self.mailbox.any.load(Ordering::Acquire) {
            Duration::ZERO
        } else {
            match self.timers.next() {
                None => MAX_WAIT,
                Some((at, precise)) => {
                    let left = at.since(before).min(MAX_WAIT);
                    if precise && self.config.spin { left.saturating_sub(SPIN) } else { left }
                }
            }
        };
        reactor.borrow_mut().wait(wait);
        let mut now = clock::monotonic();
        stats.idle_ns += now.since(before).as_nanos() as u64;
        if self.config.spin && !self.has_work() {
            let from = now;
            while let Some((at, true)) = self.timers.next() {
                if at <= now || at.since(now) > SPIN {
                    break;
                }
                reactor.borrow_mut().wait(Duration::ZERO);
                now = clock::monotonic();
                if self.has_work() || self.mailbox.any.load(Ordering::Acquire) {
                    break;
                }
            }
            stats.spin_ns += now.since(from).as_nanos() as u64;
        }
        self.stats.set(stats);
        self.timers.fire(now);
        *since = now;
    }

    /// Jumps to the next deadline if nothing else can happen.
    fn turn_simulated(&self) {
        if self.has_work() || self.mailbox.any.load(Ordering::Acquire) {
            return;
        }
        let (at, _) = self
            .timers
            .next()
            .expect("a simulated core with nothing to run has a timer to jump to (deadlock)");
        self.simulated_now.set(self.simulated_now.get().max(at.0));
        self.timers.fire(self.now());
    }
}

struct MainWaker(AtomicBool, Mutex<Option<Arc<Mailbox>>>);

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        if self.0.swap(true, Ordering::AcqRel) {
            return;
        }
        let mailbox = self.1.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(mailbox) = mailbox else { return };
        let local = with_current(|core| core.is_some_and(|c| Arc::ptr_eq(&c.mailbox, &mailbox)));
        if !local {
            mailbox.interrupter.interrupt();
        }
    }
}

/// One core: everything a thread needs to run tasks.
pub struct Core(Rc<Inner>);

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Core({} tasks)", self.0.tasks.len())
    }
}

impl Core {
    /// A core on real time and real sockets.
    ///
    /// # Errors
    /// When the kernel refuses the polling descriptors.
    pub fn new(config: CoreConfig) -> io::Result<Core> {
        let reactor = Reactor::new()?;
        let interrupter = reactor.interrupter();
        Ok(Core::build(Mode::Real(Box::new(RefCell::new(reactor))), interrupter, config, 0))
    }

    /// A core in simulated time that starts at `start`: when all tasks wait, time jumps to the next deadline.
    #[must_use]
    pub fn simulated(start: Nanos) -> Core {
        Core::build(Mode::Simulated, Interrupter::none(), CoreConfig { spin: false }, start.0)
    }

    fn build(mode: Mode, interrupter: Interrupter, config: CoreConfig, now: u64) -> Core {
        let mailbox = Arc::new(Mailbox {
            posted: Mutex::default(),
            any: AtomicBool::new(false),
            interrupter,
        });
        let main_woken =
            Arc::new(MainWaker(AtomicBool::new(true), Mutex::new(Some(mailbox.clone()))));
        Core(Rc::new(Inner {
            run_queue: RefCell::default(),
            tasks: Tasks::default(),
            timers: Timers::default(),
            mailbox,
            mode,
            simulated_now: Cell::new(now),
            yielded: Cell::new(false),
            late: RefCell::default(),
            late_since: Cell::default(),
            wake_first: Cell::new(false),
            config,
            stats: Cell::default(),
            main_woken,
        }))
    }

    /// Runs `future`, and the tasks it spawns, until it is done. Tasks still alive then run on at the next call; they
    /// are dropped with the core.
    ///
    /// # Panics
    /// When called on a core's own thread while it runs; in simulated time, when every task waits for ever.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let core = self.0.clone();
        let _entered = Entered::enter(&core);
        let mut future = pin!(future);
        let waker = Waker::from(core.main_woken.clone());
        core.main_woken.0.store(true, Ordering::Release);
        let mut since = core.now();
        loop {
            if core.main_woken.0.swap(false, Ordering::AcqRel)
                && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return value;
            }
            core.take_mail();
            core.run_ready();
            match &core.mode {
                Mode::Real(reactor) => core.turn_real(reactor, &mut since),
                Mode::Simulated => core.turn_simulated(),
            }
        }
    }

    /// The descriptor that is readable while [`Core::turn`] has something to do, for a loop of somebody else's that runs
    /// this core. It is the core's; nobody may read from it or close it.
    ///
    /// # Errors
    /// Where the system has no such descriptor (elsewhere than on Linux), and in simulated time.
    pub fn descriptor(&self) -> io::Result<RawFd> {
        self.0.with_reactor(|reactor| reactor.descriptor())?
    }

    /// Takes the events that are there, fires what is due, runs the tasks that are ready, and comes back: never waits.
    /// In simulated time, jumps to the next deadline if nothing is ready.
    ///
    /// # Panics
    /// When called from a task of this core.
    pub fn turn(&mut self) {
        let core = self.0.clone();
        let _entered = Entered::enter(&core);
        match &core.mode {
            Mode::Real(reactor) => {
                reactor.borrow_mut().wait(Duration::ZERO);
                core.timers.fire(clock::monotonic());
            }
            Mode::Simulated => {
                let idle =
                    core.run_queue.borrow().is_empty() && !core.mailbox.any.load(Ordering::Acquire);
                if idle && let Some((at, _)) = core.timers.next() {
                    core.simulated_now.set(core.simulated_now.get().max(at.0));
                    core.timers.fire(core.now());
                }
            }
        }
        core.settle();
    }

    /// Calls `f` as if by a task of this core, so that it may spawn and use sockets, then runs the tasks that are ready.
    ///
    /// # Panics
    /// When called from a task of this core.
    pub fn enter<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let core = self.0.clone();
        let _entered = Entered::enter(&core);
        let result = f();
        core.settle();
        result
    }

    /// Makes [`Core::descriptor`] readable, from this or another thread.
    pub fn interrupt(&self) {
        self.0.mailbox.interrupter.interrupt();
    }

    /// Drops a core that a fork has copied: sockets are closed here and stay with the parent. To be called in the child,
    /// before anything else is done with the core.
    ///
    /// # Errors
    /// When the kernel refuses a descriptor; the core is then left in memory.
    pub fn disown(self) -> io::Result<()> {
        let disowned = self.0.with_reactor(|reactor| reactor.disown()).and_then(|result| result);
        if disowned.is_err() {
            std::mem::forget(self);
        }
        disowned
    }

    /// How many spawned tasks have not ended.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.0.tasks.len()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // Tasks may hold sockets and timers of this core: they go while it can still be reached.
        let _entered = Entered::enter(&self.0);
        self.0.run_queue.borrow_mut().clear();
        drop(self.0.tasks.drain());
        self.0.timers.clear();
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Inner>>> = const { RefCell::new(None) };
}

struct Entered(Option<Rc<Inner>>);

impl Entered {
    fn enter(core: &Rc<Inner>) -> Entered {
        // The thread may be ending, with a core among its last things: what is dropped then finds none.
        let previous = CURRENT.try_with(|current| current.replace(Some(core.clone())));
        Entered(previous.ok().flatten())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let previous = self.0.take();
        // The thread may be ending: then there is nothing to restore.
        drop(CURRENT.try_with(|current| current.replace(previous)));
    }
}

pub(crate) fn current() -> Option<Rc<Inner>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

pub(crate) fn with_current<R>(f: impl FnOnce(Option<&Inner>) -> R) -> R {
    let mut f = Some(f);
    let mut call = |core: Option<&Inner>| f.take().map(|f| f(core));
    let result = CURRENT.try_with(|current| call(current.borrow().as_deref())).ok().flatten();
    match result {
        Some(result) => result,
        // The thread is ending and its core is gone.
        None => call(None).expect("the closure has not run yet"),
    }
}

/// What the current core has done so far; zeros on a thread without one or in simulated time.
#[must_use]
pub fn stats() -> CoreStats {
    with_current(|core| core.map_or_else(CoreStats::default, |core| core.stats.get()))
}
