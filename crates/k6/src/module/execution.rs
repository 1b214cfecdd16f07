//! `k6/execution`: what the script may know of the run, and the tags of its samples.

use std::rc::Rc;
use std::time::Duration;

use engine::status::RunStatus;
use plan::scenario::{Executor, Scenario};

use crate::host::{self, Phase, VuHost};
use crate::js::{Args, Ctx, JsResult, Raw, Val};
use crate::log::Level;
use crate::metadata::VuMetadata;
use crate::module::data::freeze;
use crate::module::k6::{TagError, abort_text, tag_value};
use crate::module::keyed::{self, Key, Keyed};
use crate::native;

/// One of the objects of the module; values are looked up when they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Instance,
    Scenario,
    Test,
    Vu,
    Metrics,
}

impl Section {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Section::Instance => &[
                "iterationsInterrupted",
                "iterationsCompleted",
                "vusActive",
                "vusInitialized",
                "currentTestRunDuration",
            ],
            Section::Scenario => &[
                "progress",
                "iterationInInstance",
                "iterationInTest",
                "name",
                "executor",
                "startTime",
            ],
            Section::Test => &["abort", "fail", "options"],
            Section::Vu => &[
                "idInInstance",
                "idInTest",
                "iterationInInstance",
                "iterationInScenario",
                "tags",
                "metrics",
            ],
            Section::Metrics => &["tags", "metadata"],
        }
    }
}

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    for (name, section) in [
        (c"instance", Section::Instance),
        (c"scenario", Section::Scenario),
        (c"test", Section::Test),
        (c"vu", Section::Vu),
    ] {
        exports.set_str(cx, name, keyed::object(cx, section)?)?;
    }
    Ok(exports)
}

impl Keyed for Section {
    fn get(&self, cx: Ctx, key: Key<'_>) -> JsResult<Option<Val>> {
        let Key::Name(name) = key else { return Ok(None) };
        // Ours, and not among the names: whoever lists them sees what k6 lists.
        if (*self, name) == (Section::Vu, "stop") {
            return cx.function(c"stop", 0, native!(stop)).map(Some);
        }
        if !self.names().contains(&name) {
            return Ok(None);
        }
        let host = cx.host();
        match self {
            Section::Instance => instance(cx, host, name),
            Section::Scenario => scenario(cx, host, name),
            Section::Test => test(cx, host, name),
            Section::Vu => vu(cx, host, name),
            Section::Metrics if name == "tags" => keyed::object(cx, Tags),
            Section::Metrics => metadata(cx, host),
        }
        .map(Some)
    }

    fn has(&self, _cx: Ctx, key: Key<'_>) -> JsResult<bool> {
        Ok(matches!(key, Key::Name(name) if self.names().contains(&name)))
    }

    fn keys(&self, _cx: Ctx) -> Vec<String> {
        self.names().iter().map(|name| (*name).to_owned()).collect()
    }

    fn set(&self, cx: Ctx, key: &str, _value: Raw) -> JsResult<()> {
        Err(cx.throw_type(&format!("Cannot assign to read only property '{key}'")))
    }

    fn delete(&self, cx: Ctx, key: &str) -> JsResult<()> {
        Err(cx.throw_type(&format!("Cannot delete property '{key}'")))
    }
}

fn instance(cx: Ctx, host: &VuHost, name: &str) -> JsResult<Val> {
    if !matches!(host.phase.get(), Phase::Iteration | Phase::Setup) {
        return Err(
            cx.throw_go("getting instance information in the init context is not supported")
        );
    }
    let status = &host.status;
    let counter = match name {
        "iterationsInterrupted" => &status.iterations_interrupted,
        "iterationsCompleted" => &status.iterations_completed,
        "vusActive" => &status.vus_active,
        "vusInitialized" => &status.vus_initialized,
        _ => {
            let started = RunStatus::read(&status.started_ns);
            let elapsed = if started == 0 { 0 } else { rt::now().0.saturating_sub(started) };
            return Ok(cx.number(elapsed as f64 / 1e6));
        }
    };
    Ok(cx.number(RunStatus::read(counter) as f64))
}

fn scenario(cx: Ctx, host: &VuHost, name: &str) -> JsResult<Val> {
    let activation = host.activation.borrow().clone();
    let (Some(activation), Some(iteration), Phase::Iteration) =
        (activation, host.iteration.get(), host.phase.get())
    else {
        return Err(
            cx.throw_go("getting scenario information outside of the VU context is not supported")
        );
    };
    Ok(match name {
        "name" => cx.string(&activation.scenario.name)?,
        "executor" => cx.string(activation.scenario.executor.kind())?,
        "startTime" => cx.number((activation.started_unix_ns / 1_000_000) as f64),
        "iterationInInstance" => cx.number(iteration.in_instance as f64),
        "iterationInTest" => cx.number(iteration.in_test as f64),
        _ => {
            let elapsed = rt::now().since(activation.started);
            let done = (iteration.in_test, host.iterations_in_scenario.get());
            cx.number(progress(&activation.scenario, elapsed, done.0, done.1))
        }
    })
}

/// How far the scenario is, 0 to 1: by time, or by iterations where those are what ends it.
fn progress(scenario: &Scenario, elapsed: Duration, in_test: u64, in_vu: u64) -> f64 {
    let part = |done: f64, all: f64| if all > 0.0 { (done / all).clamp(0.0, 1.0) } else { 1.0 };
    let total = match &scenario.executor {
        Executor::ConstantVus(e) => e.duration,
        Executor::RampingVus(e) => e.stages.iter().map(|stage| stage.duration).sum(),
        Executor::ConstantArrivalRate(e) => e.duration,
        Executor::RampingArrivalRate(e) => e.stages.iter().map(|stage| stage.duration).sum(),
        Executor::ExternallyControlled(e) => e.duration,
        Executor::SharedIterations(e) => return part(in_test as f64, e.iterations as f64),
        Executor::PerVuIterations(e) => return part(in_vu as f64, e.iterations as f64),
    };
    part(elapsed.as_secs_f64(), total.as_secs_f64())
}

fn vu(cx: Ctx, host: &VuHost, name: &str) -> JsResult<Val> {
    if host.is_init() {
        return Err(cx.throw_go("getting VU information in the init context is not supported"));
    }
    match name {
        "idInInstance" => Ok(cx.number(host.id_in_instance as f64)),
        "idInTest" => Ok(cx.number(host.id_in_test as f64)),
        "iterationInInstance" => Ok(cx.number(host.iterations.get().saturating_sub(1) as f64)),
        "iterationInScenario" => {
            Ok(cx.number(host.iterations_in_scenario.get().saturating_sub(1) as f64))
        }
        "tags" => keyed::object(cx, Tags),
        _ => keyed::object(cx, Section::Metrics),
    }
}

fn test(cx: Ctx, host: &VuHost, name: &str) -> JsResult<Val> {
    match name {
        "abort" => cx.function(c"abort", 1, native!(abort)),
        "fail" => cx.function(c"fail", 1, native!(fail)),
        _ => {
            if host.is_init() {
                return Err(
                    cx.throw_go("getting test options in the init context is not supported")
                );
            }
            if let Some(options) = &host.kept.borrow().options {
                return Ok(options.clone());
            }
            let json = &host.world.config().options_json;
            let options = if json.is_empty() { cx.object()? } else { cx.parse_json(json)? };
            freeze(cx, options.raw())?;
            host.kept.borrow_mut().options = Some(options.clone());
            Ok(options)
        }
    }
}

/// `exec.vu.stop()`: the VU finishes this iteration and begins no other of its scenario.
fn stop(cx: Ctx, _this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if host.phase.get() != Phase::Iteration {
        return Err(cx.throw_go("exec.vu.stop() ends the iterations of a VU; here is none"));
    }
    host.leaves.set(true);
    Ok(Val::undefined(cx))
}

/// `exec.test.abort(message)`: ends the whole test; scripts can't catch it.
fn abort(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let message = args.get(0);
    let text = if message.is_nullish() || message.to_text(cx)?.is_empty() {
        abort_text(cx, None)
    } else {
        abort_text(cx, Some(&message.to_text(cx)?))
    };
    *cx.host().aborted.borrow_mut() = Some(text);
    Err(cx.throw_interrupted())
}

/// `exec.test.fail(message)`: the run ends with exit code 110, but goes on.
fn fail(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let message = args.get(0);
    let text = if message.is_nullish() {
        "test marked as failed".to_owned()
    } else {
        format!("test marked as failed: {}", message.to_text(cx)?.as_str())
    };
    let host = cx.host();
    RunStatus::bump(&host.status.marked_failed, 1);
    host.log(Level::Error, text, Vec::new());
    Ok(Val::undefined(cx))
}

/// `exec.vu.metrics.tags`: changes count for all later samples of the VU.
struct Tags;

impl Keyed for Tags {
    fn get(&self, cx: Ctx, key: Key<'_>) -> JsResult<Option<Val>> {
        let Key::Name(name) = key else { return Ok(None) };
        let value = cx.host().tags.borrow().get(name).map(str::to_owned);
        value.map(|value| cx.string(&value)).transpose()
    }

    fn keys(&self, cx: Ctx) -> Vec<String> {
        cx.host().tags.borrow().visible().into_iter().map(|(key, _)| key).collect()
    }

    fn set(&self, cx: Ctx, key: &str, value: Raw) -> JsResult<()> {
        let value = checked(cx, key, value)?;
        cx.host().tags.borrow_mut().set(key, &value);
        Ok(())
    }

    fn delete(&self, cx: Ctx, key: &str) -> JsResult<()> {
        cx.host().tags.borrow_mut().remove(key);
        Ok(())
    }
}

fn checked(cx: Ctx, key: &str, value: Raw) -> JsResult<String> {
    tag_value(cx, key, value).map_err(|error| match error {
        TagError::Thrown(thrown) => thrown,
        TagError::Invalid(text) => cx.throw_type(&text),
    })
}

/// `exec.vu.metrics.metadata`.
struct Metadata(Rc<VuMetadata>);

fn metadata(cx: Ctx, host: &VuHost) -> JsResult<Val> {
    if let Some(metadata) = &host.kept.borrow().metadata {
        return Ok(metadata.clone());
    }
    let own = host.metadata.get_or_init(Rc::default);
    let made = keyed::object(cx, Metadata(own.clone()))?;
    host.kept.borrow_mut().metadata = Some(made.clone());
    Ok(made)
}

impl Metadata {
    /// From now on samples go with what it holds.
    fn changed(&self) {
        host::with_current(VuHost::show_metadata);
    }
}

impl Keyed for Metadata {
    fn get(&self, cx: Ctx, key: Key<'_>) -> JsResult<Option<Val>> {
        let Key::Name(name) = key else { return Ok(None) };
        self.0.get(name).map(|value| cx.string(&value)).transpose()
    }

    fn keys(&self, _cx: Ctx) -> Vec<String> {
        self.0.names()
    }

    fn set(&self, cx: Ctx, key: &str, value: Raw) -> JsResult<()> {
        self.0.set(key, checked(cx, key, value)?);
        self.changed();
        Ok(())
    }

    fn delete(&self, _cx: Ctx, key: &str) -> JsResult<()> {
        self.0.remove(key);
        self.changed();
        Ok(())
    }
}
