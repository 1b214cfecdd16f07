//! `DOMException`, `structuredClone`, `btoa`, `atob`, `performance`.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::value;
use crate::embedded::Embedded;
use crate::js::{Args, Ctx, JsResult, List, Raw, Thrown, Val, func};
use crate::native;

static EXCEPTION: Embedded = Embedded::new(c"DOMException", include_str!("exception.js"));
static CLONE: Embedded = Embedded::new(c"structuredClone", include_str!("clone.js"));
static PERFORMANCE: Embedded = Embedded::new(c"performance", include_str!("performance.js"));

static CLONE_NATIVE: List<2> =
    List([func(c"kind", 1, native!(kind)), func(c"view", 1, native!(view))]);
static PERFORMANCE_NATIVE: List<1> = List([func(c"now", 0, native!(now))]);

/// Throws a `DOMException`.
pub(super) fn throw(cx: Ctx, name: &str, message: &str) -> Thrown {
    let made = value(cx, "DOMException").and_then(|class| {
        let (message, name) = (cx.string(message)?, cx.string(name)?);
        cx.construct(class.raw(), &[message.raw(), name.raw()])
    });
    match made {
        Ok(error) => cx.throw(error),
        Err(thrown) => thrown,
    }
}

pub(super) fn dom_exception(cx: Ctx) -> JsResult<Val> {
    cx.call(EXCEPTION.evaluate(cx)?.raw(), Raw::UNDEFINED, &[])
}

pub(super) fn structured_clone(cx: Ctx) -> JsResult<Val> {
    let native = cx.object()?;
    cx.define_list(native.raw(), &CLONE_NATIVE)?;
    let exception = value(cx, "DOMException")?;
    let program = CLONE.evaluate(cx)?;
    cx.call(program.raw(), Raw::UNDEFINED, &[native.raw(), exception.raw()])
}

/// What kind of object it is, by its inside: scripts can change what it looks like.
fn kind(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let object = args.get(0);
    cx.string(if object.is_error() {
        "Error"
    } else if object.is_boxed() {
        "primitive"
    } else if object.is_date() {
        "Date"
    } else if object.is_regexp() {
        "RegExp"
    } else if object.is_map() {
        "Map"
    } else if object.is_set() {
        "Set"
    } else if object.is_array_buffer() {
        "ArrayBuffer"
    } else if object.typed_array_class().is_some() || object.is_data_view() {
        "view"
    } else if object.is_array() {
        "Array"
    } else if object.is_plain() {
        "Object"
    } else {
        "other"
    })
}

/// The constructor of a view's kind.
fn view(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    cx.string(args.get(0).typed_array_class().unwrap_or("DataView"))
}

pub(super) fn btoa(cx: Ctx) -> JsResult<Val> {
    cx.function(c"btoa", 1, native!(to_base64))
}

pub(super) fn atob(cx: Ctx) -> JsResult<Val> {
    cx.function(c"atob", 1, native!(from_base64))
}

fn to_base64(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    if args.is_empty() {
        return Err(cx.throw_type("The \"data\" argument must be specified"));
    }
    let text = args.get(0).to_text(cx)?;
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    match bytes {
        Some(bytes) => cx.string(&STANDARD.encode(bytes)),
        None => Err(throw(cx, "InvalidCharacterError", "Invalid character")),
    }
}

/// The forgiving decoder of the Infra Standard.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

fn from_base64(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    if args.is_empty() {
        return Err(cx.throw_type("The \"data\" argument must be specified"));
    }
    let text = args.get(0).to_text(cx)?;
    match forgiving_decode(&text) {
        Some(bytes) => {
            let text: String = bytes.into_iter().map(char::from).collect();
            cx.string(&text)
        }
        None => {
            let text = "The string to be decoded is not correctly encoded.";
            Err(throw(cx, "InvalidCharacterError", text))
        }
    }
}

fn forgiving_decode(text: &str) -> Option<Vec<u8>> {
    let mut coded: String =
        text.chars().filter(|c| !matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')).collect();
    if coded.len().is_multiple_of(4) {
        let bare = coded.strip_suffix("==").or_else(|| coded.strip_suffix('='));
        if let Some(len) = bare.map(str::len) {
            coded.truncate(len);
        }
    }
    FORGIVING.decode(coded).ok()
}

pub(super) fn performance(cx: Ctx) -> JsResult<Val> {
    let native = cx.object()?;
    cx.define_list(native.raw(), &PERFORMANCE_NATIVE)?;
    let made = cx.host().made;
    let origin_unix_ns = rt::unix_nanos() as f64 - rt::now().since(made).as_nanos() as f64;
    native.set_str(cx, c"timeOrigin", cx.number(origin_unix_ns / 1e6))?;
    native.set_str(cx, c"clone", value(cx, "structuredClone")?)?;
    let exception = value(cx, "DOMException")?;
    let program = PERFORMANCE.evaluate(cx)?;
    cx.call(program.raw(), Raw::UNDEFINED, &[native.raw(), exception.raw()])
}

/// Milliseconds since the VU was made.
fn now(cx: Ctx, _this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let since = rt::now().since(cx.host().made);
    Ok(cx.number(rt::millis(since)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_as_browsers_do() {
        for (text, expect) in [
            ("aGk=", Some(&b"hi"[..])),
            ("aGk", Some(b"hi")),
            (" a G\nk = ", Some(b"hi")),
            ("aGk==", None),
            ("aG=k", None),
            ("a", None),
            ("", Some(b"")),
            ("ab-_", None),
            ("ah", Some(b"j")),
        ] {
            assert_eq!(forgiving_decode(text).as_deref(), expect, "{text:?}");
        }
    }
}
