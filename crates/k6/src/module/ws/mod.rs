//! `k6/ws` and `k6/websockets`: WebSockets that block the VU, and those of its event loop, on `net`'s.
//!
//! `params` reads what both take, `session` opens a connection and makes its samples, `socket` is the first module,
//! `websocket` with `driver`, `listeners` and `blob` the second.

mod blob;
mod driver;
mod listeners;
mod params;
mod session;
mod socket;
mod websocket;

use net::ws::WsError;

use crate::js::{Args, Ctx, JsResult, Raw, Val};
use crate::log::Level;

/// The exports of `k6/ws`.
pub(crate) fn open_ws(cx: Ctx) -> JsResult<Val> {
    socket::open(cx)
}

/// The exports of `k6/websockets`.
pub(crate) fn open_websockets(cx: Ctx) -> JsResult<Val> {
    websocket::open(cx)
}

/// The exports of `k6/experimental/websockets`.
pub(crate) fn open_experimental(cx: Ctx) -> JsResult<Val> {
    let host = cx.host();
    let text = "k6/experimental/websockets is deprecated and will be removed in a future release. Please use \
         k6/websockets instead.";
    if host.world.warn_once(text) {
        host.log(Level::Warning, text, Vec::new());
    }
    websocket::open(cx)
}

/// An error as Go's values are shown to scripts: `error()` gives its text, a close frame's has `code` and `text`.
fn error_object(cx: Ctx, error: &WsError) -> JsResult<Val> {
    let object = cx.object()?;
    if let WsError::Closed { code, reason } = error {
        object.set_str(cx, c"code", cx.number(f64::from(*code)))?;
        object.set_str(cx, c"text", cx.string(reason)?)?;
    }
    let text = cx.string(&error.to_string())?;
    for name in [c"error", c"toString"] {
        let function = cx.closure(0, &[text.raw()], crate::native_bound!(1, bound_text))?;
        // Not enumerable: the console shows fields only.
        object.define_str(cx, name, function, crate::js::qjs::JS_PROP_CONFIGURABLE as i32)?;
    }
    Ok(object)
}

fn bound_text(cx: Ctx, _args: Args<'_>, bound: &[Raw]) -> JsResult<Val> {
    Ok(bound[0].dup(cx))
}

/// Text that came over the wire: what is not UTF-8 becomes U+FFFD.
fn text_value(cx: Ctx, bytes: &[u8]) -> JsResult<Val> {
    cx.string(&String::from_utf8_lossy(bytes))
}

/// What Go calls the type of a value, for k6's messages.
fn go_type(cx: Ctx, value: Raw) -> &'static str {
    match value {
        value if value.is_nullish() => "<nil>",
        value if value.is_bool() => "bool",
        value if value.is_string() => "string",
        value if value.is_number() => match value.as_f64() {
            Some(number) if number.fract() == 0.0 => "int64",
            _ => "float64",
        },
        value if value.is_array() => "[]interface {}",
        value if value.is_function(cx) => "func(sobek.FunctionCall) sobek.Value",
        _ => "map[string]interface {}",
    }
}

/// The bytes of an `ArrayBuffer` or a typed array.
fn bytes_of(cx: Ctx, value: Raw) -> Option<Vec<u8>> {
    value.with_bytes(cx, <[u8]>::to_vec)
}
