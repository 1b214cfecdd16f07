//! `k6/secrets`.

use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::module::go_value::text;
use crate::{native, native_bound};

static FUNCTIONS: List<2> =
    List([func(c"get", 1, native!(get_default)), func(c"source", 1, native!(source))]);

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

fn get_default(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let key = text(cx, args.get(0))?;
    get(cx, "default".to_owned(), key)
}

fn source(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let name = cx.string(&text(cx, args.get(0))?)?;
    let object = cx.object()?;
    object.set_str(cx, c"get", cx.closure(1, &[name.raw()], native_bound!(1, get_of))?)?;
    Ok(object)
}

fn get_of(cx: Ctx, args: Args<'_>, bound: &[Raw]) -> JsResult<Val> {
    let name = bound[0].to_text(cx)?.to_string();
    let key = text(cx, args.get(0))?;
    get(cx, name, key)
}

/// A promise of the secret.
fn get(cx: Ctx, source: String, key: String) -> JsResult<Val> {
    let host = cx.host();
    let world = host.world.clone();
    let wanted = rt::blocking(move || world.secrets.get(&source, &key));
    host.promise_of(cx, wanted, |cx, secret| match secret {
        Ok(secret) => cx.string(&secret),
        Err(text) => Err(cx.throw_error("", &text)),
    })
}
