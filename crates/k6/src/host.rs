//! The state of one VU on the Rust side: what every host function reaches from its context.
//!
//! A [`VuHost`] belongs to one VU, lives on one core and is reached by [`Ctx::host`](crate::js::Ctx::host) (one C call,
//! no reference counting) or, without a context, by [`with_current`]. Nothing in it may be borrowed across a wait.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use engine::script::{Activation, Interrupt, Iteration, SharedShard, VuContext};
use engine::status::RunStatus;
use metrics::{MetricId, SeriesId, TagSetId};

use crate::events::Events;
use crate::js::{Atoms, Ctx, Thrown, Val};
use crate::log::{Level, LogRecord};
use crate::metadata::VuMetadata;
use crate::tags::VuTags;
use crate::world::World;

/// The VU was told to stop while it waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

/// What the VU is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Init code (any VU).
    Init,
    /// `setup()`.
    Setup,
    /// An iteration.
    Iteration,
    /// `teardown()`.
    Teardown,
    /// `handleSummary()`.
    Summary,
}

/// What the core of the front end asks of `k6/http`'s state.
pub trait HttpHooks: 'static {
    /// A function of the script (iteration, setup, teardown) is about to run: k6 gives it a new cookie jar unless
    /// `noCookiesReset`.
    fn started(&self, host: &VuHost);
    /// It ended: k6 closes idle connections with `noVUConnectionReuse`.
    fn ended(&self, host: &VuHost);
    /// Bytes sent and received since the last call, for `data_sent` and `data_received`.
    fn take_bytes(&self) -> (u64, u64);
    /// For the owner to find its own type.
    fn as_any(&self) -> &dyn Any;
}

/// The state of one VU.
pub struct VuHost {
    /// What is common to all VUs of the test.
    pub world: Arc<World>,
    /// `__VU`.
    pub id_in_instance: u64,
    /// `exec.vu.idInTest`.
    pub id_in_test: u64,
    /// The core's metrics. Never hold a borrow across a wait.
    pub shard: SharedShard,
    /// Counters of the run.
    pub status: Arc<RunStatus>,
    /// Raised to stop the VU.
    pub interrupt: Rc<Interrupt>,
    /// Interned property names.
    pub atoms: OnceCell<Atoms>,
    /// Tags of the samples the VU makes now.
    pub tags: RefCell<VuTags>,
    /// What goes with these samples besides; empty unless somebody asks for it.
    pub(crate) metadata: OnceCell<Rc<VuMetadata>>,
    /// Timers, promises, background operations.
    pub events: Rc<Events>,
    /// `k6/http`'s state, made when the module is first imported.
    pub http: OnceCell<Rc<dyn HttpHooks>>,
    /// `k6/net/grpc`'s state, made when the module is first imported.
    pub(crate) grpc: OnceCell<Rc<crate::grpc::VuGrpc>>,
    /// What runs.
    pub phase: Cell<Phase>,
    /// The scenario, while it iterates.
    pub activation: RefCell<Option<Rc<Activation>>>,
    /// The running iteration.
    pub iteration: Cell<Option<Iteration>>,
    /// Iterations of this VU so far (`__ITER` is one less), over all scenarios.
    pub iterations: Cell<u64>,
    /// Iterations of this VU in its scenario (`exec.vu.iterationInScenario`).
    pub iterations_in_scenario: Cell<u64>,
    /// The script wants no further iteration of this scenario (`exec.vu.stop()`).
    pub leaves: Cell<bool>,
    /// `exec.test.abort()` was called, with k6's text.
    pub aborted: RefCell<Option<String>>,
    /// When the VU was made.
    pub made: rt::Nanos,
    /// Typed arrays have been added to the realm.
    pub typed_arrays: Cell<bool>,
    /// `BigInt` has been added to the realm.
    pub bigint: Cell<bool>,
    /// When the running stretch of script began, by the interrupt handler's clock; 0: not looked yet.
    pub(crate) stretch_ns: Cell<u64>,
    /// When the interrupt handler was last asked; only meaningful within a stretch.
    pub(crate) polled_ns: Cell<u64>,
    /// Steps of script between two calls of the interrupt handler, as it chose.
    pub(crate) steps: Cell<i32>,
    /// The longest stretch of script that could not be interrupted for others, nanoseconds.
    pub longest_stretch_ns: Cell<u64>,
    /// A scenario has been set and its function has not been looked up.
    pub(crate) fresh: Cell<bool>,
    /// Loaded modules of the realm.
    pub(crate) modules: RefCell<crate::loading::Modules>,
    /// Values that live as long as the realm, by what they are for.
    pub(crate) kept: RefCell<crate::module::Kept>,
    /// Series of `data_sent` and `data_received` under the tags of the last iteration.
    pub(crate) data_series: Cell<Option<(TagSetId, [SeriesId; 2])>>,
    /// Series of checks seen before.
    pub(crate) checks: RefCell<crate::module::k6::CheckCache>,
    /// Groups of async functions.
    pub(crate) paths: RefCell<crate::module::pending::Paths>,
    /// `randomSeed`'s generator, once seeded.
    pub(crate) random: RefCell<Option<crate::module::k6::Random>>,
}

impl VuHost {
    /// The state of a new VU.
    pub fn new(world: Arc<World>, context: &VuContext) -> VuHost {
        let tags = VuTags::new(&world);
        let metadata = OnceCell::new();
        if let Some(own) = VuMetadata::of_system_tags(&world) {
            let _ = metadata.set(Rc::new(own));
        }
        VuHost {
            world,
            id_in_instance: context.id_in_instance,
            id_in_test: context.id_in_test,
            shard: context.shard.clone(),
            status: context.status.clone(),
            interrupt: context.interrupt.clone(),
            atoms: OnceCell::new(),
            tags: RefCell::new(tags),
            metadata,
            events: Rc::default(),
            http: OnceCell::new(),
            grpc: OnceCell::new(),
            phase: Cell::new(Phase::Init),
            activation: RefCell::new(None),
            iteration: Cell::new(None),
            iterations: Cell::new(0),
            iterations_in_scenario: Cell::new(0),
            leaves: Cell::new(false),
            aborted: RefCell::new(None),
            made: rt::now(),
            typed_arrays: Cell::new(false),
            bigint: Cell::new(false),
            stretch_ns: Cell::new(0),
            polled_ns: Cell::new(0),
            steps: Cell::new(crate::realm::FIRST_STEPS),
            longest_stretch_ns: Cell::new(0),
            fresh: Cell::new(true),
            modules: RefCell::default(),
            kept: RefCell::default(),
            data_series: Cell::new(None),
            checks: RefCell::default(),
            paths: RefCell::default(),
            random: RefCell::new(None),
        }
    }

    /// The interned names.
    #[inline]
    pub fn atoms(&self) -> &Atoms {
        self.atoms.get().expect("a realm interns its names before it runs anything")
    }

    /// Waits for a future in the middle of a host function, or until the VU is told to stop.
    ///
    /// # Errors
    /// [`Interrupted`]: return [`Ctx::throw_interrupted`] so that the script cannot catch it.
    pub fn wait<F: Future>(&self, future: F) -> Result<F::Output, Interrupted> {
        if self.interrupt.is_raised() {
            return Err(Interrupted);
        }
        let mut future = pin!(future);
        let result = rt::fiber::wait(poll_fn(|cx| {
            if self.interrupt.is_raised() {
                return Poll::Ready(Err(Interrupted));
            }
            let polled = future.as_mut().poll(cx).map(Ok);
            if polled.is_pending() {
                self.interrupt.register(cx.waker());
            }
            polled
        }));
        self.stretch_ns.set(0);
        result
    }

    /// [`wait`](Self::wait) that throws what a script cannot catch when the VU is told to stop.
    ///
    /// # Errors
    /// The uncatchable exception is pending.
    pub fn wait_or_throw<F: Future>(&self, cx: Ctx, future: F) -> Result<F::Output, Thrown> {
        self.wait(future).map_err(|Interrupted| cx.throw_interrupted())
    }

    /// Runs `future` in the background; when it is done, `done` runs on the VU between two callbacks of its script.
    /// The iteration does not end before that. An interrupt drops the future and `done` unrun.
    pub fn start_async<F>(
        &self,
        future: F,
        done: impl FnOnce(Ctx, F::Output) -> Result<(), Thrown> + 'static,
    ) where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.events.start(future, done);
    }

    /// Tags of a sample made now: run, scenario, VU and group tags.
    #[inline]
    pub fn tag_set(&self) -> TagSetId {
        self.tags.borrow_mut().current(&self.shard)
    }

    /// The same with more tags, later ones winning.
    pub fn tag_set_with(&self, pairs: &[(&str, &str)]) -> TagSetId {
        let base = self.tag_set();
        if pairs.is_empty() { base } else { self.shard.borrow_mut().extend_tags(base, pairs) }
    }

    /// Records a sample.
    #[inline]
    pub fn record(&self, metric: MetricId, tags: TagSetId, value: f64, at_unix_ns: u64) {
        self.shard.borrow_mut().add(metric, tags, value, at_unix_ns);
    }

    /// Logs a line.
    pub fn log(
        &self,
        level: Level,
        message: impl Into<String>,
        fields: Vec<(&'static str, String)>,
    ) {
        if self.world.log.is_enabled(level) {
            self.world.log.log(LogRecord {
                level,
                message: message.into(),
                fields,
                unix_ns: rt::unix_nanos(),
                in_init: self.is_init(),
            });
        }
    }

    /// Runs `f` in the group of `path`. What it starts is found to be of that group again by the number `context`
    /// ([`pending::context`](crate::module::pending::context)); 0 does not change what things belong to.
    pub(crate) fn within<R>(&self, cx: Ctx, context: u32, path: &str, f: impl FnOnce() -> R) -> R {
        let outer_path = self.tags.borrow_mut().set_group(path.to_owned());
        let outer = self.events.context();
        if context != 0 {
            self.follow(cx, context);
        }
        let result = f();
        if context != 0 {
            self.follow(cx, outer);
        }
        self.tags.borrow_mut().set_group(outer_path);
        result
    }

    /// Runs `f` in the group that `context` stands for, if it is another one.
    pub(crate) fn resume<R>(&self, cx: Ctx, context: u32, f: impl FnOnce() -> R) -> R {
        if context == self.events.context() {
            return f();
        }
        let path = self.paths.borrow().path(context).map(str::to_owned);
        match path {
            Some(path) => self.within(cx, context, &path, f),
            None => f(),
        }
    }

    fn follow(&self, cx: Ctx, context: u32) {
        self.events.set_context(context);
        cx.set_async_context(context);
    }

    /// Tells the core's metrics what goes with the samples that come now.
    pub(crate) fn show_metadata(&self) {
        if let Some(metadata) = self.metadata.get() {
            let mut shard = self.shard.borrow_mut();
            if shard.is_tapped() {
                shard.set_metadata(metadata.shared());
            }
        }
    }

    /// The VU's samples end here for now.
    pub(crate) fn hide_metadata(&self) {
        if self.metadata.get().is_some() {
            self.shard.borrow_mut().set_metadata(None);
        }
    }

    /// Whether the script is in its init stage.
    pub fn is_init(&self) -> bool {
        self.phase.get() == Phase::Init
    }

    /// A promise that settles when `future` is done, by `make` (an `Err` rejects it with the pending exception).
    ///
    /// # Errors
    /// Out of memory.
    pub fn promise_of<F>(
        &self,
        cx: Ctx,
        future: F,
        make: impl FnOnce(Ctx, F::Output) -> Result<Val, Thrown> + 'static,
    ) -> Result<Val, Thrown>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let (promise, resolve, reject) = cx.promise()?;
        self.start_async(future, move |cx, output| {
            match make(cx, output) {
                Ok(value) => cx.call(resolve.raw(), crate::js::Raw::UNDEFINED, &[value.raw()])?,
                Err(Thrown) => {
                    let error = cx.take_exception();
                    cx.call(reject.raw(), crate::js::Raw::UNDEFINED, &[error.raw()])?
                }
            };
            Ok(())
        });
        Ok(promise)
    }
}

/// Runs `f` with the VU whose fiber runs now; `None` outside of one.
pub fn with_current<R>(f: impl FnOnce(&VuHost) -> R) -> Option<R> {
    let data = rt::fiber::data()?;
    data.downcast_ref::<VuHost>().map(f)
}
