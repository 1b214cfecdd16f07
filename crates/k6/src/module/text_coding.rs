//! `TextEncoder` and `TextDecoder`, as of the WHATWG Encoding Standard with the labels k6 knows: UTF-8 and UTF-16.
//!
//! Only realms with typed arrays have them: what an encoder gives is one.

use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, func};
use crate::native;

struct Encoder;

impl Class for Encoder {
    const ID: u32 = FIRST_CLASS_ID + 12;
    const NAME: &'static std::ffi::CStr = c"TextEncoder";
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

struct Decoder {
    encoding: Encoding,
    is_fatal: bool,
    keeps_mark: bool,
}

impl Class for Decoder {
    const ID: u32 = FIRST_CLASS_ID + 13;
    const NAME: &'static std::ffi::CStr = c"TextDecoder";
}

static ENCODER: List<1> = List([func(c"encode", 1, native!(encode))]);
static DECODER: List<1> = List([func(c"decode", 1, native!(decode))]);

/// Defines both constructors.
pub(crate) fn define(cx: Ctx) -> JsResult<()> {
    let globals = cx.globals();
    let proto = cx.register_class::<Encoder, 1>(&ENCODER)?;
    let constructor = cx.constructor(c"TextEncoder", 0, native!(new_encoder), proto.raw())?;
    globals.set_str(cx, c"TextEncoder", constructor)?;
    let proto = cx.register_class::<Decoder, 1>(&DECODER)?;
    let constructor = cx.constructor(c"TextDecoder", 0, native!(new_decoder), proto.raw())?;
    globals.set_str(cx, c"TextDecoder", constructor)
}

fn new_encoder(cx: Ctx, _target: Raw, _args: Args<'_>) -> JsResult<Val> {
    let object = cx.wrap(Encoder)?;
    object.set_str(cx, c"encoding", cx.string("utf-8")?)?;
    Ok(object)
}

fn encode(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    cx.inner_of::<Encoder>(this)?;
    let input = args.get(0);
    let text = if input.is_undefined() { cx.string("")? } else { input.dup(cx) };
    let buffer = cx.array_buffer(text.raw().to_text(cx)?.as_bytes())?;
    let array = cx.globals().get_str(cx, c"Uint8Array")?;
    cx.construct(array.raw(), &[buffer.raw()])
}

fn new_decoder(cx: Ctx, _target: Raw, args: Args<'_>) -> JsResult<Val> {
    let label = args.get(0);
    let label =
        if label.is_undefined() { "utf-8".to_owned() } else { label.to_text(cx)?.to_string() };
    let (encoding, name) = match label.trim().to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "unicode-1-1-utf-8" => (Encoding::Utf8, "utf-8"),
        "utf-16le" | "utf-16" => (Encoding::Utf16Le, "utf-16le"),
        "utf-16be" => (Encoding::Utf16Be, "utf-16be"),
        _ => return Err(cx.throw_error("RangeError", &format!("unsupported encoding: {label}"))),
    };
    let flag = |name: &std::ffi::CStr| -> JsResult<bool> {
        let options = args.get(1);
        Ok(options.is_object() && options.get_str(cx, name)?.to_bool(cx))
    };
    let (is_fatal, keeps_mark) = (flag(c"fatal")?, flag(c"ignoreBOM")?);
    let object = cx.wrap(Decoder { encoding, is_fatal, keeps_mark })?;
    object.set_str(cx, c"encoding", cx.string(name)?)?;
    object.set_str(cx, c"fatal", cx.boolean(is_fatal))?;
    object.set_str(cx, c"ignoreBOM", cx.boolean(keeps_mark))?;
    Ok(object)
}

fn decode(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let decoder = cx.inner_of::<Decoder>(this)?;
    let input = args.get(0);
    if input.is_nullish() {
        return cx.string("");
    }
    let decoded = match input.with_bytes(cx, |bytes| decoder.text(bytes)) {
        Some(decoded) => decoded,
        None => return Err(cx.throw_type("The argument of decode() is not bytes")),
    };
    match decoded {
        Some(text) => cx.string(&text),
        None => Err(cx.throw_type("The encoded data was not valid")),
    }
}

impl Decoder {
    /// `None` where the bytes are not of the encoding and that is fatal.
    fn text(&self, bytes: &[u8]) -> Option<String> {
        let text = match self.encoding {
            Encoding::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) if self.is_fatal => return None,
                Err(_) => String::from_utf8_lossy(bytes).into_owned(),
            },
            Encoding::Utf16Le | Encoding::Utf16Be => self.utf16(bytes)?,
        };
        match text.strip_prefix('\u{feff}') {
            Some(rest) if !self.keeps_mark => Some(rest.to_owned()),
            _ => Some(text),
        }
    }

    fn utf16(&self, bytes: &[u8]) -> Option<String> {
        let unit = |pair: &[u8]| {
            let pair = [pair[0], pair[1]];
            if self.encoding == Encoding::Utf16Le {
                u16::from_le_bytes(pair)
            } else {
                u16::from_be_bytes(pair)
            }
        };
        let units: Vec<u16> = bytes.chunks_exact(2).map(unit).collect();
        let is_odd = bytes.len() % 2 == 1;
        match String::from_utf16(&units) {
            Ok(text) if !is_odd => Some(text),
            _ if self.is_fatal => None,
            _ => Some(String::from_utf16_lossy(&units) + if is_odd { "\u{fffd}" } else { "" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text_by_encoding_and_strictness() {
        use Encoding::{Utf8, Utf16Be, Utf16Le};
        for (encoding, is_fatal, keeps_mark, bytes, expect) in [
            (Utf8, true, false, &b"\xc3\xbc"[..], Some("ü")),
            (Utf8, false, false, b"a\xff", Some("a\u{fffd}")),
            (Utf8, true, false, b"a\xff", None),
            (Utf8, false, false, b"\xef\xbb\xbfa", Some("a")),
            (Utf8, false, true, b"\xef\xbb\xbfa", Some("\u{feff}a")),
            (Utf16Le, true, false, b"a\0", Some("a")),
            (Utf16Be, true, false, b"\0a", Some("a")),
            (Utf16Le, false, false, b"a\0b", Some("a\u{fffd}")),
            (Utf16Le, true, false, b"a\0b", None),
        ] {
            let decoder = Decoder { encoding, is_fatal, keeps_mark };
            assert_eq!(decoder.text(bytes).as_deref(), expect, "{bytes:?}");
        }
    }
}
