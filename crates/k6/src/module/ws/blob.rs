//! `Blob`: bytes with a type, as binary messages come.

use std::ffi::CStr;
use std::rc::Rc;

use super::{bytes_of, go_type, text_value};
use crate::embedded::Embedded;
use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, func, getter};
use crate::{module, native, native_bound, native_getter};

/// The most bytes of a blob that a script puts together.
const MAX_BYTES: usize = 256 << 20;

/// How much a stream gives at once, bytes.
const PIECE_BYTES: usize = 1024;

static STREAM: Embedded = Embedded::new(
    c"Blob",
    "(function (ReadableStream, piece, size) {
       let at = 0;
       return new ReadableStream({
         pull(controller) {
           const text = piece(at);
           at += size;
           controller.enqueue(text);
           if (text === '') controller.close();
         },
       });
     })",
);

struct Blob {
    bytes: Rc<[u8]>,
    kind: String,
}

impl Class for Blob {
    const ID: u32 = FIRST_CLASS_ID + 50;
    const NAME: &'static CStr = c"Blob";
}

static MEMBERS: List<8> = List([
    getter(c"size", native_getter!(size)),
    getter(c"type", native_getter!(kind)),
    func(c"arrayBuffer", 0, native!(array_buffer)),
    func(c"bytes", 0, native!(byte_array)),
    func(c"slice", 3, native!(slice)),
    func(c"text", 0, native!(text)),
    func(c"stream", 0, native!(stream)),
    func(c"toString", 0, native!(to_string)),
]);

/// Registers the class; the result is its constructor.
pub(super) fn register(cx: Ctx) -> JsResult<Val> {
    let proto = cx.register_class::<Blob, 8>(&MEMBERS)?;
    cx.constructor(c"Blob", 2, native!(construct), proto.raw())
}

/// A blob of these bytes.
pub(super) fn wrap(cx: Ctx, bytes: Vec<u8>, kind: String) -> JsResult<Val> {
    cx.wrap(Blob { bytes: bytes.into(), kind })
}

/// The bytes of a blob; `None` for anything else.
pub(super) fn bytes(cx: Ctx, value: Raw) -> Option<Rc<[u8]>> {
    cx.inner::<Blob>(value).map(|blob| blob.bytes.clone())
}

/// The part of its buffer that a `DataView` shows; `None` for anything else.
pub(super) fn view_bytes(cx: Ctx, value: Raw) -> JsResult<Option<Vec<u8>>> {
    if !value.is_object() {
        return Ok(None);
    }
    let buffer = value.get_str(cx, c"buffer")?;
    let number = |name: &CStr| Ok(value.get_str(cx, name)?.as_f64().unwrap_or(0.0) as usize);
    let (offset, length) = (number(c"byteOffset")?, number(c"byteLength")?);
    if !buffer.is_array_buffer() {
        return Ok(None);
    }
    Ok(bytes_of(cx, buffer.raw())
        .map(|all| all.get(offset..).unwrap_or_default().iter().take(length).copied().collect()))
}

/// `new Blob(parts?, {type}?)`.
fn construct(cx: Ctx, new_target: Raw, args: Args<'_>) -> JsResult<Val> {
    let mut bytes = Vec::new();
    let parts = args.get(0);
    let failed = |what: &str| cx.throw_go(&format!("failed to process [blobParts]: {what}"));
    if !parts.is_undefined() {
        if !parts.is_array() {
            let kind = go_type(cx, parts);
            return Err(failed(&format!("could not convert {kind} to []interface {{}}")));
        }
        for at in 0..parts.length(cx)? {
            let part = parts.get_idx(cx, at)?;
            if part.is_string() {
                bytes.extend_from_slice(part.to_text(cx)?.as_str().as_bytes());
            } else if let Some(blob) = self::bytes(cx, part.raw()) {
                bytes.extend_from_slice(&blob);
            } else if let Some(part) = bytes_of(cx, part.raw()) {
                bytes.extend_from_slice(&part);
            } else if let Some(part) = view_bytes(cx, part.raw())? {
                bytes.extend_from_slice(&part);
            } else {
                return Err(failed(&format!("unsupported type: {}", go_type(cx, part.raw()))));
            }
            if bytes.len() > MAX_BYTES {
                return Err(failed(&format!("more than {MAX_BYTES} bytes")));
            }
        }
    }
    let mut kind = String::new();
    let options = args.get(1);
    if !options.is_undefined() {
        if !options.is_object() {
            return Err(cx.throw_go("[options] must be an object"));
        }
        let given = options.get_str(cx, c"type")?;
        if !given.is_undefined() {
            kind = given.to_text(cx)?.to_string();
        }
    }
    cx.wrap_for(new_target, Blob { bytes: bytes.into(), kind })
}

fn size(cx: Ctx, this: Raw) -> JsResult<Val> {
    Ok(cx.number(cx.inner_of::<Blob>(this)?.bytes.len() as f64))
}

fn kind(cx: Ctx, this: Raw) -> JsResult<Val> {
    cx.string(&cx.inner_of::<Blob>(this)?.kind)
}

/// A promise of a value that is there.
fn promise_of(cx: Ctx, value: &Val) -> JsResult<Val> {
    let (promise, resolve, _) = cx.promise()?;
    cx.call(resolve.raw(), Raw::UNDEFINED, &[value.raw()])?;
    Ok(promise)
}

fn array_buffer(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let buffer = cx.array_buffer(&cx.inner_of::<Blob>(this)?.bytes)?;
    promise_of(cx, &buffer)
}

fn byte_array(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let buffer = cx.array_buffer(&cx.inner_of::<Blob>(this)?.bytes)?;
    let constructor = cx.globals().get_str(cx, c"Uint8Array")?;
    let array = cx.construct(constructor.raw(), &[buffer.raw()])?;
    promise_of(cx, &array)
}

fn text(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let text = text_value(cx, &cx.inner_of::<Blob>(this)?.bytes)?;
    promise_of(cx, &text)
}

/// `slice(from?, to?, type?)`; both may count from the end, which k6 allows for `to` only.
fn slice(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let blob = cx.inner_of::<Blob>(this)?;
    let len = blob.bytes.len();
    let index = |value: Raw, default: usize| {
        if value.is_undefined() {
            return Ok(default);
        }
        let at = value.to_f64(cx)? as i64;
        let at = if at < 0 { at.saturating_add(len as i64).max(0) } else { at };
        Ok(usize::try_from(at).unwrap_or(len).min(len))
    };
    let (from, to) = (index(args.get(0), 0)?, index(args.get(1), len)?);
    let kind = match args.len() {
        0..=2 => String::new(),
        _ => args.get(2).to_text(cx)?.to_string(),
    };
    wrap(cx, blob.bytes.get(from..to).unwrap_or_default().to_vec(), kind)
}

/// A `ReadableStream` of the bytes in pieces, which are texts as in k6, and an empty one comes last.
fn stream(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.inner_of::<Blob>(this)?;
    let streams = module::streams::open(cx)?;
    let class = streams.get_str(cx, c"ReadableStream")?;
    let piece = cx.closure(1, &[this], native_bound!(1, piece))?;
    let make = STREAM.evaluate(cx)?;
    let size = cx.number(PIECE_BYTES as f64);
    cx.call(make.raw(), Raw::UNDEFINED, &[class.raw(), piece.raw(), size.raw()])
}

/// `piece(at)`: the bytes from there.
fn piece(cx: Ctx, args: Args<'_>, bound: &[Raw]) -> JsResult<Val> {
    let bytes = &cx.inner_of::<Blob>(bound[0])?.bytes;
    let from = (args.get(0).to_f64(cx)? as usize).min(bytes.len());
    text_value(cx, &bytes[from..bytes.len().min(from + PIECE_BYTES)])
}

fn to_string(cx: Ctx, _this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string("[object Blob]")
}
