//! `TextEncoder` and `TextDecoder`, as of the WHATWG Encoding Standard with the labels k6 knows: UTF-8 and UTF-16.

use std::cell::RefCell;

use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, func};
use crate::module::go_value::byte_slice;
use crate::native;

struct Encoder;

impl Class for Encoder {
    const ID: u32 = FIRST_CLASS_ID + 12;
    const NAME: &'static std::ffi::CStr = c"TextEncoder";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// What a decoder keeps from one piece of a stream to the next.
#[derive(Default)]
struct Stream {
    /// Bytes of a character whose end has not come.
    rest: Vec<u8>,
    /// A first character has come: what looks like a byte order mark now is none.
    has_begun: bool,
}

struct Decoder {
    encoding: Encoding,
    is_fatal: bool,
    keeps_mark: bool,
    stream: RefCell<Stream>,
}

impl Class for Decoder {
    const ID: u32 = FIRST_CLASS_ID + 13;
    const NAME: &'static std::ffi::CStr = c"TextDecoder";
}

static ENCODER: List<2> =
    List([func(c"encode", 1, native!(encode)), func(c"encodeInto", 2, native!(encode_into))]);
static DECODER: List<1> = List([func(c"decode", 1, native!(decode))]);

/// The constructor `TextEncoder`.
pub(crate) fn encoder(cx: Ctx) -> JsResult<Val> {
    let proto = cx.register_class::<Encoder, 2>(&ENCODER)?;
    cx.constructor(c"TextEncoder", 0, native!(new_encoder), proto.raw())
}

/// The constructor `TextDecoder`.
pub(crate) fn decoder(cx: Ctx) -> JsResult<Val> {
    let proto = cx.register_class::<Decoder, 1>(&DECODER)?;
    cx.constructor(c"TextDecoder", 0, native!(new_decoder), proto.raw())
}

/// A property that scripts can see and not change.
fn fixed(cx: Ctx, object: &Val, name: &std::ffi::CStr, value: Val) -> JsResult<()> {
    object.define_str(cx, name, value, crate::js::qjs::JS_PROP_ENUMERABLE as i32)
}

fn new_encoder(cx: Ctx, _target: Raw, _args: Args<'_>) -> JsResult<Val> {
    let object = cx.wrap(Encoder)?;
    fixed(cx, &object, c"encoding", cx.string("utf-8")?)?;
    Ok(object)
}

fn encode(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    cx.inner_of::<Encoder>(this)?;
    let input = args.get(0);
    // k6 takes `null` for nothing, where the standard takes it for a word.
    let text = if input.is_nullish() { cx.string("")? } else { input.dup(cx) };
    cx.uint8_array(text.raw().to_text(cx)?.as_bytes())
}

/// `encodeInto(text, array)`, which k6 lacks: as many whole characters as fit.
fn encode_into(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    cx.inner_of::<Encoder>(this)?;
    let text = args.get(0).to_text(cx)?;
    let target = args.get(1);
    if target.typed_array_name() != Some("Uint8Array") {
        return Err(cx.throw_type("The second argument of encodeInto() is not a Uint8Array"));
    }
    let (mut read, mut written) = (0, 0);
    target.with_bytes_mut(cx, |bytes| {
        for c in text.chars() {
            if written + c.len_utf8() > bytes.len() {
                break;
            }
            c.encode_utf8(&mut bytes[written..]);
            written += c.len_utf8();
            read += c.len_utf16();
        }
    });
    let result = cx.object()?;
    result.set_str(cx, c"read", cx.number(read as f64))?;
    result.set_str(cx, c"written", cx.number(written as f64))?;
    Ok(result)
}

fn encoding_of(label: &str) -> Option<(Encoding, &'static str)> {
    let trimmed = label.trim_matches(['\t', '\n', '\x0c', '\r', ' ']);
    Some(match trimmed.to_ascii_lowercase().as_str() {
        "" | "unicode-1-1-utf-8" | "unicode11utf8" | "unicode20utf8" | "utf-8" | "utf8"
        | "x-unicode20utf8" => (Encoding::Utf8, "utf-8"),
        "csunicode" | "iso-10646-ucs-2" | "ucs-2" | "unicode" | "unicodefeff" | "utf-16"
        | "utf-16le" => (Encoding::Utf16Le, "utf-16le"),
        "unicodefffe" | "utf-16be" => (Encoding::Utf16Be, "utf-16be"),
        _ => return None,
    })
}

fn flag(cx: Ctx, options: Raw, name: &std::ffi::CStr) -> JsResult<bool> {
    Ok(options.is_object() && options.get_str(cx, name)?.to_bool(cx))
}

fn new_decoder(cx: Ctx, _target: Raw, args: Args<'_>) -> JsResult<Val> {
    let label = args.get(0);
    if label.is_symbol() {
        let text = "the provided label value cannot be converted to a string";
        return Err(cx.throw_type(text));
    }
    let label =
        if label.is_nullish() { "utf-8".to_owned() } else { label.to_text(cx)?.to_string() };
    let Some((encoding, name)) = encoding_of(&label) else {
        return Err(cx.throw_range(&format!("unsupported encoding: {label}")));
    };
    let is_fatal = flag(cx, args.get(1), c"fatal")?;
    let keeps_mark = flag(cx, args.get(1), c"ignoreBOM")?;
    let object = cx.wrap(Decoder { encoding, is_fatal, keeps_mark, stream: RefCell::default() })?;
    fixed(cx, &object, c"encoding", cx.string(name)?)?;
    fixed(cx, &object, c"fatal", cx.boolean(is_fatal))?;
    fixed(cx, &object, c"ignoreBOM", cx.boolean(keeps_mark))?;
    Ok(object)
}

fn decode(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let decoder = cx.inner_of::<Decoder>(this)?;
    let goes_on = flag(cx, args.get(1), c"stream")?;
    let input = args.get(0);
    let decoded = match input.with_bytes(cx, |bytes| decoder.take(bytes, goes_on)) {
        Some(decoded) => decoded,
        None if input.is_nullish() || input.is_string() || input.is_array() => {
            decoder.take(&byte_slice(cx, input, 0)?, goes_on)
        }
        None => {
            return Err(cx.throw_go("data is not an ArrayBuffer, typed array, or DataView"));
        }
    };
    match decoded {
        Some(text) => cx.string(&text),
        None => Err(cx.throw_type("decoding text: invalid byte sequence")),
    }
}

impl Decoder {
    /// The text of the next piece; `None` where the bytes are not of the encoding and that is fatal. Unless the stream
    /// goes on, the next piece begins a new one.
    fn take(&self, bytes: &[u8], goes_on: bool) -> Option<String> {
        let mut stream = std::mem::take(&mut *self.stream.borrow_mut());
        let joined;
        let all = if stream.rest.is_empty() {
            bytes
        } else {
            joined = [&stream.rest[..], bytes].concat();
            &joined
        };
        let whole = if goes_on { all.len() - self.open_end(all) } else { all.len() };
        let (now, rest) = all.split_at(whole);
        let mut text = self.text(now)?;
        if !stream.has_begun
            && !self.keeps_mark
            && let Some(behind) = text.strip_prefix('\u{feff}')
        {
            text = behind.to_owned();
        }
        if goes_on {
            stream.has_begun |= !now.is_empty();
            stream.rest = rest.to_vec();
            *self.stream.borrow_mut() = stream;
        }
        Some(text)
    }

    /// How many bytes at the end are the beginning of a character.
    fn open_end(&self, bytes: &[u8]) -> usize {
        match self.encoding {
            Encoding::Utf8 => (1..=3.min(bytes.len()))
                .find(|n| {
                    std::str::from_utf8(&bytes[bytes.len() - n..])
                        .is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none())
                })
                .unwrap_or(0),
            Encoding::Utf16Le | Encoding::Utf16Be => {
                let odd = bytes.len() % 2;
                let units = self.units(bytes);
                let is_open = units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit));
                odd + if is_open { 2 } else { 0 }
            }
        }
    }

    /// `None` where the bytes are not of the encoding and that is fatal.
    fn text(&self, bytes: &[u8]) -> Option<String> {
        match self.encoding {
            Encoding::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => Some(text.to_owned()),
                Err(_) if self.is_fatal => None,
                Err(_) => Some(String::from_utf8_lossy(bytes).into_owned()),
            },
            Encoding::Utf16Le | Encoding::Utf16Be => {
                let units = self.units(bytes);
                let is_odd = bytes.len() % 2 == 1;
                match String::from_utf16(&units) {
                    Ok(text) if !is_odd => Some(text),
                    _ if self.is_fatal => None,
                    _ => Some(
                        String::from_utf16_lossy(&units) + if is_odd { "\u{fffd}" } else { "" },
                    ),
                }
            }
        }
    }

    fn units(&self, bytes: &[u8]) -> Vec<u16> {
        let unit = |pair: &[u8]| {
            let pair = [pair[0], pair[1]];
            match self.encoding {
                Encoding::Utf16Be => u16::from_be_bytes(pair),
                _ => u16::from_le_bytes(pair),
            }
        };
        bytes.chunks_exact(2).map(unit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder(encoding: Encoding, is_fatal: bool, keeps_mark: bool) -> Decoder {
        Decoder { encoding, is_fatal, keeps_mark, stream: RefCell::default() }
    }

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
            let decoder = decoder(encoding, is_fatal, keeps_mark);
            assert_eq!(decoder.take(bytes, false).as_deref(), expect, "{bytes:?}");
        }
    }

    #[test]
    fn characters_may_be_cut_anywhere() {
        let text = "a\u{feff}ü€😀z";
        for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
            let bytes: Vec<u8> = match encoding {
                Encoding::Utf8 => text.bytes().collect(),
                Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            };
            for cut in 0..=bytes.len() {
                let decoder = decoder(encoding, true, false);
                let mut out = decoder.take(&bytes[..cut], true).unwrap();
                out += &decoder.take(&bytes[cut..], true).unwrap();
                out += &decoder.take(&[], false).unwrap();
                assert_eq!(out, text, "{encoding:?} cut at {cut}");
            }
            let decoder = decoder(encoding, false, false);
            assert_eq!(decoder.take(&[0xe2], true).unwrap(), "");
            assert_eq!(decoder.take(&[], false).unwrap(), "\u{fffd}");
        }
    }
}
