//! `k6/encoding`.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::module::go_value::with_bytes;
use crate::native;

static FUNCTIONS: List<2> =
    List([func(c"b64encode", 2, native!(b64encode)), func(c"b64decode", 3, native!(b64decode))]);

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

/// Anything k6 does not know is its default, `std`.
fn engine(cx: Ctx, name: Raw) -> JsResult<GeneralPurpose> {
    if name.is_nullish() {
        return Ok(STANDARD);
    }
    Ok(match name.to_text(cx)?.as_str() {
        "rawstd" => STANDARD_NO_PAD,
        "url" => URL_SAFE,
        "rawurl" => URL_SAFE_NO_PAD,
        _ => STANDARD,
    })
}

fn b64encode(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let engine = engine(cx, args.get(1))?;
    let encoded = with_bytes(cx, args.get(0), |bytes| engine.encode(bytes))?
        .map_err(|text| cx.throw_go(&text))?;
    cx.string(&encoded)
}

fn b64decode(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let engine = engine(cx, args.get(1))?;
    // Go's decoder skips line ends.
    let text = args.get(0);
    let text = if text.is_nullish() { cx.string("")? } else { text.dup(cx) };
    let input: Vec<u8> =
        text.raw().to_text(cx)?.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let decoded = engine.decode(&input).map_err(|error| {
        let at = match error {
            base64::DecodeError::InvalidByte(at, _)
            | base64::DecodeError::InvalidLastSymbol(at, _) => at,
            base64::DecodeError::InvalidLength(at) => at,
            // Go names the start of the group of four that lacks its padding.
            base64::DecodeError::InvalidPadding => input.len() / 4 * 4,
        };
        cx.throw_go(&format!("illegal base64 data at input byte {at}"))
    })?;
    let format = args.get(2);
    if format.is_string() && format.to_text(cx)?.as_str() == "s" {
        return cx.string(&String::from_utf8_lossy(&decoded));
    }
    cx.array_buffer(&decoded)
}
