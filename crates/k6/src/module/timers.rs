//! `k6/timers` and the global timer functions.

use std::time::Duration;

use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::native;

static FUNCTIONS: List<4> = List([
    func(c"setTimeout", 2, native!(set_timeout)),
    func(c"clearTimeout", 1, native!(clear)),
    func(c"setInterval", 2, native!(set_interval)),
    func(c"clearInterval", 1, native!(clear)),
]);

/// Longest delay, milliseconds: what a 64-bit count of nanoseconds holds.
const MAX_DELAY_MS: f64 = 9.2e12;

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

pub(crate) fn set_timeout(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let delay = delay(cx, &args, "setTimeout")?;
    Ok(add(cx, &args, delay, None))
}

pub(crate) fn set_interval(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    // k6 keeps an interval of 0 from spinning by a millisecond.
    let delay = delay(cx, &args, "setInterval")?.max(Duration::from_millis(1));
    Ok(add(cx, &args, delay, Some(delay)))
}

pub(crate) fn clear(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    if let Some(id) = args.get(0).as_f64()
        && id >= 1.0
    {
        cx.host().events.clear_timer(id as u64);
    }
    Ok(Val::undefined(cx))
}

fn delay(cx: Ctx, args: &Args<'_>, name: &str) -> JsResult<Duration> {
    if !args.is_empty() && !args.get(0).is_function(cx) {
        let shown = args.get(0).to_text(cx)?;
        return Err(cx.throw_type(&format!(
            "could not convert function call parameter 0: could not convert {shown} to sobek.Callable"
        )));
    }
    if args.is_empty() {
        return Err(cx.throw_go(&format!("{name}'s callback isn't a callable function")));
    }
    let ms = if args.get(1).is_undefined() { 0.0 } else { args.get(1).to_f64(cx)? };
    Ok(if ms > 0.0 {
        Duration::from_nanos((ms.min(MAX_DELAY_MS) * 1e6) as u64)
    } else {
        Duration::ZERO
    })
}

fn add(cx: Ctx, args: &Args<'_>, delay: Duration, every: Option<Duration>) -> Val {
    let function = args.get(0).dup(cx);
    let rest = args.as_slice().iter().skip(2).map(|arg| arg.dup(cx)).collect();
    let id = cx.host().events.add_timer(function, rest, delay, every);
    cx.number(id as f64)
}
