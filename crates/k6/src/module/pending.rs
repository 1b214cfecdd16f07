//! Groups and checks whose functions are async, which k6 refuses: they are over when the promise is settled.
//!
//! While such a group runs, what it started belongs to it: continuations after an `await`, handlers of promises, callbacks
//! of timers and of background operations. The engine carries a number along ([`VuHost::within`]), which stands for the
//! path of the group.

use std::cell::Cell;

use metrics::builtin;

use super::k6::{custom_tags, record_check};
use crate::embedded::Embedded;
use crate::host::VuHost;
use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::log::Level;
use crate::native;

static PROGRAM: Embedded = Embedded::new(c"k6", include_str!("pending.js"));
static NATIVE: List<2> =
    List([func(c"leave", 2, native!(leave)), func(c"record", 4, native!(record))]);

/// Paths of groups that a VU tells apart for this; a script that has more makes them up.
const MAX_PATHS: usize = 4096;

/// The paths of groups with async functions by their numbers, which start at 1.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    known: Vec<String>,
    is_full: Cell<bool>,
}

impl Paths {
    fn number(&mut self, path: &str) -> Option<u32> {
        let place = self.known.iter().position(|known| known == path).or_else(|| {
            (self.known.len() < MAX_PATHS).then(|| {
                self.known.push(path.to_owned());
                self.known.len() - 1
            })
        });
        place.and_then(|place| u32::try_from(place + 1).ok())
    }

    /// The path of a number.
    pub(crate) fn path(&self, number: u32) -> Option<&str> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.known.get(place).map(String::as_str)
    }
}

/// The number for what runs in a group; 0 when there are too many.
pub(crate) fn context(host: &VuHost, path: &str) -> u32 {
    let number = host.paths.borrow_mut().number(path);
    if number.is_none() && !host.paths.borrow().is_full.replace(true) {
        let text = format!(
            "more than {MAX_PATHS} groups of async functions: the tags of further ones end at their first await"
        );
        host.log(Level::Warning, text, Vec::new());
    }
    number.unwrap_or_default()
}

/// The program of this realm.
fn program(cx: Ctx) -> JsResult<Val> {
    if let Some(program) = &cx.host().kept.borrow().pending {
        return Ok(program.clone());
    }
    let native = cx.object()?;
    cx.define_list(native.raw(), &NATIVE)?;
    let make = PROGRAM.evaluate(cx)?;
    let program = cx.call(make.raw(), Raw::UNDEFINED, &[native.raw()])?;
    cx.host().kept.borrow_mut().pending = Some(program.clone());
    Ok(program)
}

/// Calls the async function of a group that has been entered; the promise of its result.
pub(crate) fn group(cx: Ctx, function: Raw, path: &str) -> JsResult<Val> {
    let run = program(cx)?.get_str(cx, c"group")?;
    let started = cx.number(rt::now().0 as f64);
    cx.call(run.raw(), Raw::UNDEFINED, &[function, cx.string(path)?.raw(), started.raw()])
}

/// The promise of whether `all` and every one of `conditions` (promise and name) hold.
pub(crate) fn check(cx: Ctx, all: bool, conditions: &[(Val, String)], tags: Raw) -> JsResult<Val> {
    let run = program(cx)?.get_str(cx, c"check")?;
    let list = cx.array()?;
    for (i, (promise, name)) in (0..).zip(conditions) {
        let pair = cx.array()?;
        pair.set_idx(cx, 0, promise.clone())?;
        pair.set_idx(cx, 1, cx.string(name)?)?;
        list.set_idx(cx, i, pair)?;
    }
    let group = cx.string(cx.host().tags.borrow().group())?;
    let all = cx.boolean(all);
    cx.call(run.raw(), Raw::UNDEFINED, &[all.raw(), list.raw(), tags, group.raw()])
}

/// `leave(path, started)`: a group's function is done.
fn leave(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    let path = args.get(0).to_text(cx)?.to_string();
    let took_ms = (rt::now().0 as f64 - args.get(1).to_f64(cx)?).max(0.0) / 1e6;
    in_group(host, path, || {
        host.record(builtin::GROUP_DURATION, host.tag_set(), took_ms, rt::unix_nanos());
    });
    Ok(Val::undefined(cx))
}

/// `record(name, passed, tags, group)`: a condition is settled.
fn record(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    let name = args.get(0).to_text(cx)?;
    let passed = args.get(1).to_bool(cx);
    let tags = custom_tags(cx, args.get(2))?;
    let group = args.get(3).to_text(cx)?.to_string();
    in_group(host, group, || record_check(host, &name, &tags, passed));
    Ok(Val::undefined(cx))
}

/// Runs `f` as if in a group.
fn in_group<R>(host: &VuHost, path: String, f: impl FnOnce() -> R) -> R {
    let outer = host.tags.borrow_mut().set_group(path);
    let result = f();
    host.tags.borrow_mut().set_group(outer);
    result
}
