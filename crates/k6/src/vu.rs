//! A virtual user: a fiber that owns a realm and runs what it is told, one thing at a time.
//!
//! The fiber is polled by whoever waits for its answer (an iteration's future), so a VU costs no task of its own.
//! Between commands it waits with nothing of QuickJS on its stack: that is where it can be ended.

use std::cell::{OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use engine::script::{Activation, Interrupt, Iteration, Outcome, ScriptError, Vu, VuContext};
use metrics::{TagSetId, builtin};
use rt::Nanos;
use rt::fiber::{Fiber, FiberConfig};

use crate::host::{Phase, VuHost};
use crate::js::{Ctx, JsResult, Raw, Thrown, Val};
use crate::log::Level;
use crate::realm::{Failure, Realm};
use crate::world::World;

/// How many times an ending VU is polled before its fiber is given up (it then leaks its stack).
const MAX_FAREWELL_POLLS: usize = 10_000;

/// How long iterations may follow each other before the core's other tasks get a turn.
const GIVE_WAY_AFTER: Duration = Duration::from_millis(1);

/// What the fiber is told to do.
enum Command {
    Iterate(Iteration),
    /// Call `setup` or `teardown`; the argument is JSON.
    Call {
        phase: Phase,
        name: &'static str,
        argument: Option<Arc<str>>,
    },
    /// Run something on the realm: the probe asks for what the script exports.
    Inspect(Box<dyn FnOnce(&Realm) -> Answer>),
    Quit,
}

/// What it answers.
pub(crate) enum Answer {
    Ready(Result<(), Failure>),
    Iterated(Outcome),
    Called(Result<Option<String>, Failure>),
    Inspected(Box<dyn std::any::Any>),
}

#[derive(Default)]
struct Mailbox {
    command: RefCell<Option<Command>>,
    answer: RefCell<Option<Answer>>,
}

/// A VU of a k6 script.
pub struct K6Vu {
    fiber: Pin<Box<Fiber<()>>>,
    host: Rc<VuHost>,
    mailbox: Rc<Mailbox>,
    broken: Option<String>,
    /// The core's turn in which the last iteration ended, and when the one after the first of it did.
    turn: (u64, Option<Nanos>),
}

impl std::fmt::Debug for K6Vu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "K6Vu({})", self.host.id_in_instance)
    }
}

impl K6Vu {
    /// Makes a VU and runs its init code.
    pub(crate) async fn new(world: Arc<World>, context: &VuContext) -> Result<K6Vu, Failure> {
        let host = Rc::new(VuHost::new(world, context));
        let mailbox = Rc::new(Mailbox::default());
        let body = {
            let (host, mailbox) = (host.clone(), mailbox.clone());
            move || live(&host, &mailbox)
        };
        let fiber = Box::pin(Fiber::new(FiberConfig::SCRIPT, host.clone(), body));
        let mut vu = K6Vu { fiber, host, mailbox, broken: None, turn: (u64::MAX, None) };
        match vu.answer().await {
            Ok(Answer::Ready(Ok(()))) => Ok(vu),
            Ok(Answer::Ready(Err(failure))) => Err(failure),
            Ok(_) => Err(Failure::Threw("a VU gave an answer that was not asked for".to_owned())),
            Err(text) => Err(Failure::Threw(text)),
        }
    }

    /// The Rust side of the VU.
    pub fn host(&self) -> &Rc<VuHost> {
        &self.host
    }

    /// Polls the fiber until it answers.
    async fn answer(&mut self) -> Result<Answer, String> {
        if let Some(text) = &self.broken {
            return Err(text.clone());
        }
        poll_fn(|cx| self.poll_answer(cx)).await
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, String>> {
        self.host.show_metadata();
        let polled =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.fiber.as_mut().poll(cx)));
        self.host.hide_metadata();
        if let Err(panic) = polled {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                .unwrap_or_else(|| "unknown panic".to_owned());
            let text = format!("internal error in a VU (please report it): {text}");
            self.broken = Some(text.clone());
            return Poll::Ready(Err(text));
        }
        match self.mailbox.answer.borrow_mut().take() {
            Some(answer) => Poll::Ready(Ok(answer)),
            None if matches!(polled, Ok(Poll::Ready(()))) => {
                let text = "the VU has ended".to_owned();
                self.broken = Some(text.clone());
                Poll::Ready(Err(text))
            }
            None => Poll::Pending,
        }
    }

    async fn command(&mut self, command: Command) -> Result<Answer, String> {
        *self.mailbox.command.borrow_mut() = Some(command);
        self.answer().await
    }

    /// Short iterations that wait for nothing never leave the core by themselves: after a while they
    /// let the others have it.
    async fn give_way(&mut self) {
        let turn = rt::stats().turns;
        match self.turn {
            // Who waited has let others run: no need to know the time.
            (last, _) if turn != last => self.turn = (turn, None),
            (_, None) => self.turn.1 = Some(rt::now()),
            (_, Some(since)) if rt::now().since(since) >= GIVE_WAY_AFTER => {
                rt::yield_now().await;
                self.turn = (rt::stats().turns, None);
            }
            _ => {}
        }
    }

    /// Calls an exported function with JSON and gives its result as JSON, `None` for `undefined`.
    pub(crate) async fn call(
        &mut self,
        phase: Phase,
        name: &'static str,
        argument: Option<Arc<str>>,
    ) -> Result<Option<String>, Failure> {
        match self.command(Command::Call { phase, name, argument }).await {
            Ok(Answer::Called(result)) => result,
            Ok(_) => Err(Failure::Threw("a VU gave an answer that was not asked for".to_owned())),
            Err(text) => Err(Failure::Threw(text)),
        }
    }

    /// Runs `f` on the VU's fiber.
    pub(crate) async fn inspect<T: 'static>(
        &mut self,
        f: impl FnOnce(&Realm) -> T + 'static,
    ) -> Result<T, Failure> {
        let command =
            Command::Inspect(Box::new(move |realm| Answer::Inspected(Box::new(f(realm)))));
        match self.command(command).await {
            Ok(Answer::Inspected(value)) => match value.downcast::<T>() {
                Ok(value) => Ok(*value),
                Err(_) => Err(Failure::Threw("a VU gave an answer of another kind".to_owned())),
            },
            Ok(_) => Err(Failure::Threw("a VU gave an answer that was not asked for".to_owned())),
            Err(text) => Err(Failure::Threw(text)),
        }
    }
}

impl Vu for K6Vu {
    fn activate(&mut self, activation: &Rc<Activation>) {
        let host = &self.host;
        *host.activation.borrow_mut() = Some(activation.clone());
        host.tags.borrow_mut().reset(&host.world, Some(&activation.scenario));
        host.iterations_in_scenario.set(0);
        host.fresh.set(true);
        if let Some(metadata) = host.metadata.get() {
            metadata.reset(host.id_in_instance, host.iterations.get());
        }
    }

    async fn iterate(&mut self, iteration: Iteration) -> Outcome {
        let answer = self.command(Command::Iterate(iteration)).await;
        self.give_way().await;
        match answer {
            Ok(Answer::Iterated(outcome)) => outcome,
            Ok(_) => Outcome::Broken("a VU gave an answer that was not asked for".to_owned()),
            Err(text) => Outcome::Broken(text),
        }
    }

    fn tags(&self) -> TagSetId {
        self.host.tag_set()
    }

    fn metadata(&self) -> Option<Arc<metrics::Metadata>> {
        self.host.metadata.get()?.shared()
    }

    fn leaves(&self) -> bool {
        self.host.leaves.take()
    }
}

impl Drop for K6Vu {
    fn drop(&mut self) {
        if self.broken.is_some() || !self.fiber.is_suspended() {
            return;
        }
        // Whatever runs is interrupted and returns; then the fiber takes this command and frees its runtime.
        *self.mailbox.command.borrow_mut() = Some(Command::Quit);
        self.host.interrupt.raise();
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..MAX_FAREWELL_POLLS {
            let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.fiber.as_mut().poll(&mut cx)
            }));
            if !matches!(polled, Ok(Poll::Pending)) {
                return;
            }
        }
    }
}

/// What runs on the fiber.
fn live(host: &Rc<VuHost>, mailbox: &Mailbox) {
    let mut realm = match Realm::new(host.clone()) {
        Ok(realm) => realm,
        Err(failure) => {
            *mailbox.answer.borrow_mut() = Some(Answer::Ready(Err(failure)));
            return;
        }
    };
    let ready = realm.init();
    let failed = ready.is_err();
    *mailbox.answer.borrow_mut() = Some(Answer::Ready(ready));
    if failed {
        return;
    }
    loop {
        // Making the VU and its first iterations go deeper than it goes later (connecting, handshakes).
        let n = host.iterations.get();
        if n == 0 || n.is_power_of_two() {
            rt::fiber::trim();
        }
        let command = rt::fiber::wait(poll_fn(|_| match mailbox.command.borrow_mut().take() {
            Some(command) => Poll::Ready(command),
            None => Poll::Pending,
        }));
        host.stretch_ns.set(0);
        let answer = match command {
            Command::Quit => return,
            Command::Iterate(iteration) => Answer::Iterated(iterate(&realm, host, iteration)),
            Command::Call { phase, name, argument } => {
                Answer::Called(call(&realm, host, phase, name, argument.as_deref()))
            }
            Command::Inspect(f) => f(&realm),
        };
        *mailbox.answer.borrow_mut() = Some(answer);
    }
}

fn iterate(realm: &Realm, host: &VuHost, iteration: Iteration) -> Outcome {
    host.phase.set(Phase::Iteration);
    host.iteration.set(Some(iteration));
    let n = host.iterations.get();
    host.iterations.set(n + 1);
    if let Some(metadata) = host.metadata.get() {
        metadata.iterate(n);
        host.show_metadata();
    }
    host.iterations_in_scenario.set(host.iterations_in_scenario.get() + 1);
    let prepared = prepare(realm, host, n);
    if let Some(http) = host.http.get() {
        http.started(host);
    }
    let result = match prepared {
        Ok((function, data)) => realm.run(function.raw(), &[data.raw()]).map(drop),
        Err(failure) => Err(failure),
    };
    finish(host, "");
    match result {
        Ok(()) => Outcome::Complete { threw: false },
        Err(Failure::Interrupted) => Outcome::Interrupted,
        Err(Failure::Aborted(text)) => Outcome::Abort(text),
        Err(failure) => {
            log_failure(host, &failure);
            Outcome::Complete { threw: true }
        }
    }
}

/// The scenario's function and its argument, looked up once for each scenario.
fn prepare(realm: &Realm, host: &VuHost, n: u64) -> Result<(Val, Val), Failure> {
    let cx = realm.cx();
    if host.fresh.replace(false) {
        let name = host
            .activation
            .borrow()
            .as_ref()
            .map_or_else(|| "default".to_owned(), |activation| activation.scenario.exec.clone());
        let function = realm.export(&name);
        let mut kept = host.kept.borrow_mut();
        let old = (kept.exec.replace(function), kept.env.take());
        drop(kept);
        drop(old);
        if host.iterations.get() == 1 {
            write_options(realm, host).map_err(|Thrown| realm.failure())?;
        }
    }
    let iter = host.atoms().iter;
    cx.globals().set(cx, iter, cx.number(n as f64)).map_err(|Thrown| realm.failure())?;
    let data = setup_data(realm, host)?;
    let function = host.kept.borrow().exec.clone();
    Ok((function.unwrap_or_else(|| Val::undefined(cx)), data))
}

/// k6 writes the consolidated options into the exported object before a VU's functions run.
fn write_options(realm: &Realm, host: &VuHost) -> JsResult<()> {
    let json = &host.world.config().options_json;
    if json.is_empty() || !host.world.graph.reads_options() {
        return Ok(());
    }
    let exported = realm.export("options");
    if !exported.is_object() {
        return Ok(());
    }
    let cx = realm.cx();
    let options = cx.parse_json(json)?;
    let keys = options.keys(cx)?;
    for i in 0..keys.len() {
        let value = keys.value(i)?;
        if !value.is_null() {
            exported.set(cx, keys.atom(i), value)?;
        }
    }
    Ok(())
}

/// What `setup()` returned, parsed once for each VU.
fn setup_data(realm: &Realm, host: &VuHost) -> Result<Val, Failure> {
    let cx = realm.cx();
    if let Some(data) = &host.kept.borrow().setup_data {
        return Ok(data.clone());
    }
    let data = match host.world.setup_data() {
        Some(json) => cx.parse_json(&json).map_err(|Thrown| realm.failure())?,
        None => Val::undefined(cx),
    };
    host.kept.borrow_mut().setup_data = Some(data.clone());
    Ok(data)
}

/// After a function of the script: nothing that it started may live on, its bytes are counted for `group`.
fn finish(host: &VuHost, group: &str) {
    host.events.clear();
    host.tags.borrow_mut().set_group(group.to_owned());
    let (mut sent, mut received) = match host.http.get() {
        Some(http) => {
            http.ended(host);
            http.take_bytes()
        }
        None => (0, 0),
    };
    if let Some(grpc) = host.grpc.get() {
        let more = grpc.take_bytes();
        (sent, received) = (sent + more.0, received + more.1);
    }
    let tags = host.tag_set();
    let mut shard = host.shard.borrow_mut();
    let series = match host.data_series.get() {
        Some((known, series)) if known == tags => series,
        _ => [builtin::DATA_SENT, builtin::DATA_RECEIVED].map(|m| shard.series(m, tags)),
    };
    host.data_series.set(Some((tags, series)));
    let at = OnceCell::new();
    let at = || *at.get_or_init(rt::unix_nanos);
    shard.record_at(series[0], sent as f64, at);
    shard.record_at(series[1], received as f64, at);
}

/// Logs what an iteration threw, as k6 does.
fn log_failure(host: &VuHost, failure: &Failure) {
    let mut fields = Vec::new();
    if let Some(activation) = &*host.activation.borrow() {
        fields.push(("executor", activation.scenario.executor.kind().to_owned()));
        fields.push(("scenario", activation.scenario.name.clone()));
    }
    match failure {
        Failure::Rejected(text) => host.log(Level::Error, text.clone(), fields),
        Failure::Threw(text) => {
            fields.push(("hint", "script exception".to_owned()));
            fields.push(("source", "stacktrace".to_owned()));
            host.log(Level::Error, text.clone(), fields);
        }
        Failure::Interrupted | Failure::Aborted(_) => {}
    }
}

/// Calls an exported function outside of iterations.
fn call(
    realm: &Realm,
    host: &VuHost,
    phase: Phase,
    name: &str,
    argument: Option<&str>,
) -> Result<Option<String>, Failure> {
    let cx = realm.cx();
    host.phase.set(phase);
    let group = match phase {
        Phase::Setup => "::setup",
        Phase::Teardown => "::teardown",
        _ => "",
    };
    host.tags.borrow_mut().set_group(group.to_owned());
    let function = realm.export(name);
    let argument = match argument {
        Some(json) => cx.parse_json(json).map_err(|Thrown| realm.failure())?,
        None => Val::undefined(cx),
    };
    if let Some(http) = host.http.get() {
        http.started(host);
    }
    let result = realm.run(function.raw(), &[argument.raw()]);
    let json = match result {
        Ok(value) => match stringify_strictly(cx, value.raw()) {
            Ok(json) => Ok(json),
            Err(Thrown) => Err(match realm.failure() {
                Failure::Threw(text) => {
                    let first = text.lines().next().unwrap_or_default();
                    Failure::Rejected(format!("error marshaling setup() data to JSON: {first}"))
                }
                other => other,
            }),
        },
        Err(failure) => Err(failure),
    };
    finish(host, group);
    json
}

/// `JSON.stringify` that refuses what Go's encoder does: cycles, functions, the numbers JSON does not have.
pub(crate) fn stringify_strictly(cx: Ctx, value: Raw) -> JsResult<Option<String>> {
    let json = match cx.stringify(value) {
        Ok(json) => json,
        Err(Thrown) => {
            let error = cx.take_exception();
            if crate::exception::headline(cx, error.raw()).contains("circular reference") {
                let text = "unsupported value: encountered a cycle via map[string]interface {}";
                return Err(cx.throw_error("json", text));
            }
            return Err(cx.throw(error));
        }
    };
    let mut fills = false;
    match unsupported(cx, value, 0, &mut fills)? {
        Some(what) => Err(cx.throw_error("json", &format!("unsupported {what}"))),
        None if fills => cx.stringify(value),
        None => Ok(json),
    }
}

/// Go's name of what in `value` JSON can't hold. Cycles were refused before. What is `undefined` in an object becomes
/// `null` and a date gets Go's form, as on their way through Go; `fills` says so.
fn unsupported(
    cx: Ctx,
    value: Raw,
    depth: usize,
    fills: &mut bool,
) -> JsResult<Option<&'static str>> {
    if let Some(number) = value.as_f64() {
        return Ok(match number {
            n if n.is_nan() => Some("value: NaN"),
            n if n == f64::INFINITY => Some("value: +Inf"),
            n if n == f64::NEG_INFINITY => Some("value: -Inf"),
            _ => None,
        });
    }
    if value.is_function(cx) {
        return Ok(Some("type: func(sobek.FunctionCall) sobek.Value"));
    }
    // Of host objects, methods are no data.
    if !value.is_plain() || depth > 1000 {
        return Ok(None);
    }
    let keys = value.keys(cx)?;
    for i in 0..keys.len() {
        let inner = keys.value(i)?;
        if inner.is_undefined() {
            *fills = true;
            value.set(cx, keys.atom(i), Val::null(cx))?;
        } else if inner.is_date() {
            *fills = true;
            let text = cx.stringify(inner.raw())?.unwrap_or_default();
            value.set(cx, keys.atom(i), cx.string(&go_date(text.trim_matches('"')))?)?;
        } else if let Some(what) = unsupported(cx, inner.raw(), depth + 1, fills)? {
            return Ok(Some(what));
        }
    }
    Ok(None)
}

/// A date in Go's form, RFC 3339 without zeros at the end of its fraction.
fn go_date(iso: &str) -> String {
    match iso.strip_suffix('Z') {
        Some(text) if text.contains('.') => {
            format!("{}Z", text.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => iso.to_owned(),
    }
}

/// What a failure outside of iterations means for the run.
pub(crate) fn script_error(failure: Failure) -> ScriptError {
    match failure {
        Failure::Threw(message) => {
            ScriptError { message, exit_code: 107, hint: Some("script exception".to_owned()) }
        }
        Failure::Rejected(message) => ScriptError { message, exit_code: 255, hint: None },
        Failure::Aborted(message) => ScriptError { message, exit_code: 108, hint: None },
        Failure::Interrupted => ScriptError {
            message: "the script was interrupted".to_owned(),
            exit_code: 105,
            hint: None,
        },
    }
}

/// A context for VUs that are none of the run's: the probe, the summary.
pub(crate) fn throw_away_context(world: &World) -> VuContext {
    let config = metrics::ShardConfig::default();
    VuContext {
        id_in_instance: 0,
        id_in_test: 0,
        core: 0,
        shard: Rc::new(RefCell::new(metrics::Shard::new(u32::MAX, world.registry.clone(), config))),
        status: Arc::default(),
        interrupt: Rc::new(Interrupt::default()),
    }
}
