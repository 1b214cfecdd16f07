//! What every script finds in the global scope besides the language.

use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func, getter_setter};
use crate::module::{console, environment, files, summary, timers};
use crate::{loading, native, native_getter, native_setter, web};

static GLOBALS: List<8> = List([
    func(c"setTimeout", 2, native!(timers::set_timeout)),
    func(c"clearTimeout", 1, native!(timers::clear)),
    func(c"setInterval", 2, native!(timers::set_interval)),
    func(c"clearInterval", 1, native!(timers::clear)),
    func(c"open", 2, native!(files::open)),
    func(c"require", 1, native!(require)),
    // Not in k6, but scripts assume it.
    func(c"textSummary", 2, native!(summary::text_summary)),
    getter_setter(c"__ENV", native_getter!(environment::get), native_setter!(environment::set)),
]);

/// Defines the globals of a new realm.
pub(crate) fn define(cx: Ctx) -> JsResult<()> {
    let globals = cx.globals();
    cx.define_list(globals.raw(), &GLOBALS)?;
    globals.set_str(cx, c"console", console::object(cx)?)?;
    globals.set_str(cx, c"__VU", cx.number(cx.host().id_in_instance as f64))?;
    globals.set_str(cx, c"global", globals.clone())?;
    // QuickJS has these, k6 doesn't, and scripts look.
    for name in ["queueMicrotask", "navigator", "performance"] {
        globals.delete_key(cx, name)?;
    }
    web::define(cx, cx.host().world.graph.globals())
}

fn require(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let require = loading::require_for(cx, &cx.host().world.graph.main)?;
    cx.call(require.raw(), Raw::UNDEFINED, args.as_slice())
}
