//! The JS world of one VU: its runtime, its modules, and how its code is run and stopped.
//!
//! Made on the VU's fiber and dropped there. What is JS in here must be released before the runtime: see `Drop`.
#![allow(unsafe_code)]

use std::rc::Rc;

use crate::compile::Kind;
use crate::events::Due;
use crate::host::VuHost;
use crate::js::{Atoms, Ctx, Engine, Raw, Thrown, Val, qjs};
use crate::loading::{commonjs, evaluate, load, normalize};
use crate::{exception, module};

/// Depth of a script's calls, bytes of its fiber; the rest is for what runs below it (TLS, decoders).
const SCRIPT_STACK: usize = 640 << 10;

/// What a VU's script may hold, bytes: one that hoards gets an exception, and the machine stays
/// usable. k6 has no limit; no VU of a real test comes near this one.
const SCRIPT_MEMORY: usize = 1 << 30;

/// How long a script may run before other tasks of its core get a turn.
const STRETCH_NS: u64 = 1_000_000;

/// How often a running script should look whether it has to give way; a look costs about 40 ns.
const POLL_NS: u64 = 200_000;
/// Steps of script between two looks: at first, at least (one native call is ten), at most.
pub(crate) const FIRST_STEPS: i32 = 1000;
const MIN_STEPS: i32 = 10;
const MAX_STEPS: i32 = 10_000;

/// A collection starts when the runtime holds so much; grows with what survives.
const COLLECT_ABOVE: u64 = 192 << 10;

/// How a script ended when it did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It threw: the text with its stack.
    Threw(String),
    /// A promise was rejected and nobody handled it: the text, which starts with `Uncaught (in promise)`.
    Rejected(String),
    /// It was told to stop.
    Interrupted,
    /// It called `exec.test.abort()`: k6's text.
    Aborted(String),
}

/// What the rejection of a promise that the host waits for is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rejection {
    /// An exception, as of the promise that stands for a module's code.
    Throws,
    /// An uncaught rejection, as of what an async function returns.
    Uncaught,
}

/// One VU's realm.
pub(crate) struct Realm {
    engine: Engine,
    host: Rc<VuHost>,
    exports: Option<Val>,
}

impl Realm {
    /// Makes the realm, without running anything of the script.
    pub(crate) fn new(host: Rc<VuHost>) -> Result<Realm, Failure> {
        let intrinsics = host.world.graph.intrinsics();
        let engine = Engine::new(intrinsics, SCRIPT_STACK)
            .ok_or_else(|| Failure::Threw("out of memory while making a VU".to_owned()))?;
        host.typed_arrays.set(intrinsics.typed_arrays);
        host.bigint.set(intrinsics.bigint);
        let cx = engine.ctx();
        let opaque: *mut core::ffi::c_void = Rc::as_ptr(&host).cast_mut().cast();
        // SAFETY: the host outlives the engine (field order and Drop of Realm).
        unsafe {
            qjs::JS_SetContextOpaque(cx.as_ptr(), opaque);
            qjs::JS_SetGCThreshold(engine.runtime(), COLLECT_ABOVE as _);
            qjs::JS_SetMemoryLimit(engine.runtime(), SCRIPT_MEMORY as _);
            qjs::JS_SetInterruptHandler(engine.runtime(), Some(on_interrupt), opaque);
            qjs::JS_SetModuleLoaderFunc(engine.runtime(), Some(normalize), Some(load), opaque);
            qjs::JS_SetHostPromiseRejectionTracker(engine.runtime(), Some(on_rejection), opaque);
        }
        let _ = host.atoms.set(Atoms::intern(cx));
        let realm = Realm { engine, host, exports: None };
        module::globals::define(cx).map_err(|Thrown| realm.failure())?;
        Ok(realm)
    }

    /// The context.
    pub(crate) fn cx(&self) -> Ctx {
        self.engine.ctx()
    }

    /// Runs the init code to its end, event loop included.
    pub(crate) fn init(&mut self) -> Result<(), Failure> {
        let cx = self.cx();
        let main = self.host.world.graph.main.clone();
        let compiled = self.host.world.graph.get(&main).ok_or(Failure::Interrupted)?;
        match compiled.kind {
            Kind::CommonJs | Kind::Json => {
                let module = commonjs(cx, &main).map_err(|Thrown| self.failure())?;
                self.exports = Some(
                    module.get(cx, cx.host().atoms().exports).map_err(|Thrown| self.failure())?,
                );
                self.settle()?;
            }
            Kind::Module => {
                let (module, promise) = evaluate(cx, &main).map_err(|Thrown| self.failure())?;
                self.settle_promise(&promise, Rejection::Throws)?;
                // SAFETY: the module is owned by the context.
                let namespace = cx.own(unsafe { qjs::JS_GetModuleNamespace(cx.as_ptr(), module) });
                self.exports = Some(namespace.map_err(|Thrown| self.failure())?);
            }
        }
        Ok(())
    }

    /// A value the main script exports; `undefined` if it doesn't. CommonJS scripts may keep theirs in `default`.
    pub(crate) fn export(&self, name: &str) -> Val {
        let cx = self.cx();
        let Some(exports) = &self.exports else { return Val::undefined(cx) };
        if !exports.is_object() {
            return Val::undefined(cx);
        }
        exports.get_key(cx, name).unwrap_or_else(|Thrown| {
            drop(cx.take_exception());
            Val::undefined(cx)
        })
    }

    /// Names of exported functions.
    pub(crate) fn exported_functions(&self) -> Vec<String> {
        let cx = self.cx();
        let mut names = Vec::new();
        if let Some(exports) = &self.exports
            && exports.is_object()
            && let Ok(keys) = exports.keys(cx)
        {
            for i in 0..keys.len() {
                if let (Ok(name), Ok(value)) = (keys.name(i), keys.value(i))
                    && value.is_function(cx)
                {
                    names.push(name.to_string());
                }
            }
        }
        names
    }

    /// Calls a function and runs the event loop until everything it started is done; a promise is awaited and gives
    /// its value.
    pub(crate) fn run(&self, function: Raw, args: &[Raw]) -> Result<Val, Failure> {
        let result = self.run_to_end(function, args);
        if result.is_err() {
            // What the function had left to do is nothing the next iteration should find.
            // SAFETY: the runtime is live, and no job runs now.
            unsafe { qjs::JS_DropPendingJobs(self.engine.runtime()) };
        }
        result
    }

    fn run_to_end(&self, function: Raw, args: &[Raw]) -> Result<Val, Failure> {
        let cx = self.cx();
        let result = cx.call(function, Raw::UNDEFINED, args).map_err(|Thrown| self.failure())?;
        // SAFETY: the runtime is live.
        let has_jobs = unsafe { qjs::JS_IsJobPending(self.engine.runtime()) };
        // Nothing to wait for: the common case.
        if self.host.events.is_idle()
            && !has_jobs
            && !result.is_promise()
            && self.host.events.rejections.borrow().is_empty()
        {
            return Ok(result);
        }
        if result.is_promise() {
            return self.settle_promise(&result, Rejection::Uncaught);
        }
        self.settle()?;
        Ok(result)
    }

    /// Runs the event loop dry, then gives the promise's value.
    fn settle_promise(&self, promise: &Val, rejection: Rejection) -> Result<Val, Failure> {
        let cx = self.cx();
        let own = (rejection == Rejection::Throws).then(|| promise.raw().address());
        self.settle_but(own)?;
        // SAFETY: a live promise, whose result is ours.
        unsafe {
            match qjs::JS_PromiseState(cx.as_ptr(), promise.raw().0) {
                qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED => {
                    Ok(Val::from_raw(cx, qjs::JS_PromiseResult(cx.as_ptr(), promise.raw().0)))
                }
                qjs::JSPromiseStateEnum_JS_PROMISE_REJECTED => {
                    let reason =
                        Val::from_raw(cx, qjs::JS_PromiseResult(cx.as_ptr(), promise.raw().0));
                    Err(self.failure_of_reason(reason.raw(), "\n"))
                }
                // Nothing left can settle it: k6 goes on as well.
                _ => Ok(Val::undefined(cx)),
            }
        }
    }

    /// Runs promise jobs, timers and finished operations until none is left.
    pub(crate) fn settle(&self) -> Result<(), Failure> {
        self.settle_but(None)
    }

    /// The same; the rejection of the promise at `own` is the caller's business.
    fn settle_but(&self, own: Option<usize>) -> Result<(), Failure> {
        let cx = self.cx();
        let events = &self.host.events;
        loop {
            self.run_jobs()?;
            self.check_rejections(own)?;
            match events.take_due() {
                Some(Due::Operation(id, output)) => {
                    if let Some((context, done)) = events.take_done(id) {
                        let result = self.host.resume(cx, context, || done(cx, output));
                        result.map_err(|Thrown| self.failure())?;
                    }
                }
                Some(Due::Timer(timer)) => {
                    let args: Vec<Raw> = timer.args.iter().map(|arg| arg.raw()).collect();
                    let call = || cx.call(timer.function.raw(), Raw::UNDEFINED, &args);
                    let result = self.host.resume(cx, timer.context, call);
                    events.repeat(timer);
                    result.map_err(|Thrown| self.failure())?;
                }
                None if events.is_idle() => return Ok(()),
                None => self.host.wait(events.ready()).map_err(|_| Failure::Interrupted)?,
            }
        }
    }

    fn run_jobs(&self) -> Result<(), Failure> {
        let cx = self.cx();
        let runtime = self.engine.runtime();
        loop {
            // SAFETY: the runtime is live.
            let context = unsafe { qjs::JS_NextJobAsyncContext(runtime) };
            let status = self.host.resume(cx, context, || {
                let mut ctx = std::ptr::null_mut();
                // SAFETY: the runtime is live; `ctx` receives the job's context.
                unsafe { qjs::JS_ExecutePendingJob(runtime, &mut ctx) }
            });
            match status {
                0 => return Ok(()),
                status if status < 0 => return Err(self.failure()),
                _ => self.check_stopped()?,
            }
        }
    }

    /// A promise can catch what `try` cannot, so whether the script must stop is asked after each job.
    fn check_stopped(&self) -> Result<(), Failure> {
        if let Some(text) = &*self.host.aborted.borrow() {
            return Err(Failure::Aborted(text.clone()));
        }
        if self.host.interrupt.is_raised() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// k6 ends the function at the first rejection that nobody has handled when the queue of jobs is empty.
    fn check_rejections(&self, own: Option<usize>) -> Result<(), Failure> {
        let rejections = std::mem::take(&mut *self.host.events.rejections.borrow_mut());
        match rejections.iter().find(|(address, ..)| Some(*address) != own) {
            None => Ok(()),
            Some((_, _, reason)) => Err(match self.failure_of_reason(reason.raw(), "") {
                Failure::Threw(text) => Failure::Rejected(format!("Uncaught (in promise) {text}")),
                other => other,
            }),
        }
    }

    /// Takes the pending exception as a failure, and forgets what was started.
    pub(crate) fn failure(&self) -> Failure {
        let cx = self.cx();
        let thrown = cx.take_exception();
        self.failure_of(thrown.raw())
    }

    /// What the reason of a rejection means. Only errors know where they were made; other reasons end with `end`.
    fn failure_of_reason(&self, reason: Raw, end: &str) -> Failure {
        match self.failure_of(reason) {
            Failure::Threw(text) if !reason.is_error() => Failure::Threw(
                text.split("\n\tat ").next().unwrap_or("").trim_end_matches('\n').to_owned() + end,
            ),
            failure => failure,
        }
    }

    /// What a thrown value means.
    fn failure_of(&self, thrown: Raw) -> Failure {
        if let Some(text) = self.host.aborted.borrow().clone() {
            return Failure::Aborted(text);
        }
        // SAFETY: a live value.
        if unsafe { qjs::JS_IsUncatchableError(thrown.0) } || self.host.interrupt.is_raised() {
            return Failure::Interrupted;
        }
        Failure::Threw(exception::describe(self.cx(), thrown, &self.host.world.graph))
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        // Everything that holds JS values goes before the runtime: QuickJS insists on an empty heap.
        self.exports = None;
        self.host.events.clear();
        let modules = std::mem::take(&mut *self.host.modules.borrow_mut());
        drop(modules);
        let values = std::mem::take(&mut *self.host.kept.borrow_mut());
        drop(values);
        self.host.checks.borrow_mut().clear();
        if let Some(grpc) = self.host.grpc.get() {
            grpc.release();
        }
    }
}

/// The VU behind an opaque pointer.
///
/// # Safety
/// `opaque` was set by [`Realm::new`] and its realm lives.
unsafe fn host_of<'a>(opaque: *mut core::ffi::c_void) -> &'a VuHost {
    // SAFETY: vouched for by the caller.
    unsafe { &*opaque.cast::<VuHost>() }
}

unsafe extern "C" fn on_interrupt(
    runtime: *mut qjs::JSRuntime,
    opaque: *mut core::ffi::c_void,
) -> core::ffi::c_int {
    // SAFETY: see `host_of`.
    let host = unsafe { host_of(opaque) };
    if host.interrupt.is_raised() {
        return 1;
    }
    let now = rt::now().0;
    let since = host.stretch_ns.get();
    let polled = host.polled_ns.replace(now);
    if since == 0 {
        host.stretch_ns.set(now);
        return 0;
    }
    let budget = steps_until_poll(host.steps.get(), now.saturating_sub(polled));
    if budget != host.steps.replace(budget) {
        // SAFETY: the runtime that calls is live.
        unsafe { qjs::JS_SetInterruptBudget(runtime, budget) };
    }
    let stretch = now.saturating_sub(since);
    if stretch < STRETCH_NS || !rt::fiber::is_inside() {
        return 0;
    }
    host.longest_stretch_ns.set(host.longest_stretch_ns.get().max(stretch));
    rt::fiber::suspend_once();
    let resumed = rt::now().0;
    host.stretch_ns.set(resumed);
    host.polled_ns.set(resumed);
    core::ffi::c_int::from(host.interrupt.is_raised())
}

/// Steps that take about [`POLL_NS`], after some took `took_ns`.
fn steps_until_poll(steps: i32, took_ns: u64) -> i32 {
    if took_ns > POLL_NS {
        let fewer = u64::from(steps.unsigned_abs()) * POLL_NS / took_ns;
        i32::try_from(fewer).unwrap_or(i32::MAX).max(MIN_STEPS)
    } else if took_ns < POLL_NS / 4 {
        (steps * 2).min(MAX_STEPS)
    } else {
        steps
    }
}

unsafe extern "C" fn on_rejection(
    ctx: *mut qjs::JSContext,
    promise: qjs::JSValue,
    reason: qjs::JSValue,
    is_handled: bool,
    opaque: *mut core::ffi::c_void,
) {
    // SAFETY: see `host_of`; the values are borrowed for the call.
    let (cx, host) = unsafe { (Ctx::from_ptr(ctx), host_of(opaque)) };
    let address = Raw(promise).address();
    if is_handled {
        let mut rejections = host.events.rejections.borrow_mut();
        if let Some(i) = rejections.iter().position(|(a, ..)| *a == address) {
            let gone = rejections.swap_remove(i);
            drop(rejections);
            drop(gone);
        }
    } else {
        let entry = (address, Raw(promise).dup(cx), Raw(reason).dup(cx));
        host.events.rejections.borrow_mut().push(entry);
    }
}
