//! `textSummary`, as the `k6-summary` library of jslib.k6.io has it, and as a global.

use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::native;

static FUNCTIONS: List<1> = List([func(c"textSummary", 2, native!(text_summary))]);

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

/// `textSummary(data, {indent, enableColors})`.
pub(crate) fn text_summary(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let Some(json) = cx.stringify(args.get(0))? else {
        return Err(cx.throw_type("textSummary needs the data that handleSummary was called with"));
    };
    let (mut indent, mut colors) = (" ".to_owned(), true);
    let options = args.get(1);
    if options.is_object() {
        let value = options.get_str(cx, c"indent")?;
        if !value.is_nullish() {
            indent = value.to_text(cx)?.to_string();
        }
        let value = options.get_str(cx, c"enableColors")?;
        if !value.is_nullish() {
            colors = value.to_bool(cx);
        }
    }
    cx.string(&(cx.host().world.text_summary)(&json, &indent, colors))
}
