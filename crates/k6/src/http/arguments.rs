//! Script values as k6 exports them to Go; see [`Exported`].
#![allow(unsafe_code)]

use super::exported::{Exported, FileData};
use super::helpers::FileObject;
use crate::js::{Ctx, JsResult, Raw, qjs};

/// Objects inside objects beyond this are left out.
const MAX_DEPTH: u32 = 32;
/// Largest integer that is exact in a double.
const MAX_INT: f64 = 9_007_199_254_740_992.0;

/// Exports a value.
pub(crate) fn export(cx: Ctx, value: Raw) -> JsResult<Exported> {
    export_at(cx, value, 0)
}

fn export_at(cx: Ctx, value: Raw, depth: u32) -> JsResult<Exported> {
    if value.is_nullish() || depth > MAX_DEPTH {
        return Ok(Exported::Nil);
    }
    if value.is_string() {
        return Ok(Exported::Text(value.to_text(cx)?.to_string()));
    }
    if let Some(b) = value.as_bool() {
        return Ok(Exported::Bool(b));
    }
    if let Some(n) = value.as_f64() {
        return Ok(number(n));
    }
    if !value.is_object() {
        return Ok(Exported::Other(if value.is_bigint() { "*big.Int" } else { "*sobek.Symbol" }));
    }
    if cx.inner::<FileObject>(value).is_some() {
        return file(cx, value).map(Exported::File);
    }
    if let Some(name) = go_type(cx, value) {
        return Ok(Exported::Other(name));
    }
    if let Some(bytes) = bytes(cx, value) {
        return Ok(Exported::Bytes(bytes));
    }
    if value.is_array() {
        let mut items = Vec::new();
        for at in 0..value.length(cx)? {
            items.push(export_at(cx, value.get_idx(cx, at)?.raw(), depth + 1)?);
        }
        return Ok(Exported::List(items));
    }
    let keys = value.keys(cx)?;
    let mut entries = Vec::with_capacity(keys.len());
    for at in 0..keys.len() {
        let item = export_at(cx, keys.value(at)?.raw(), depth + 1)?;
        entries.push((keys.name(at)?.to_string(), item));
    }
    Ok(Exported::Map(entries))
}

fn number(n: f64) -> Exported {
    if n.fract() == 0.0 && n.abs() < MAX_INT && !(n == 0.0 && n.is_sign_negative()) {
        Exported::Int(n as i64)
    } else {
        Exported::Float(n)
    }
}

/// The bytes of an `ArrayBuffer` or a `Uint8Array`.
pub(super) fn bytes(cx: Ctx, value: Raw) -> Option<Vec<u8>> {
    // SAFETY: reads the class of a live value.
    let is_view = unsafe { qjs::JS_GetTypedArrayType(value.0) } >= 0;
    if !is_view && !value.is_array_buffer() {
        return None;
    }
    value.with_bytes(cx, <[u8]>::to_vec)
}

fn file(cx: Ctx, value: Raw) -> JsResult<FileData> {
    let atoms = cx.host().atoms();
    let content = value.get(cx, atoms.data)?;
    let data = match bytes(cx, content.raw()) {
        Some(bytes) => bytes,
        None => content.to_text(cx)?.as_bytes().to_vec(),
    };
    Ok(FileData {
        data,
        filename: value.get(cx, atoms.filename)?.to_text(cx)?.to_string(),
        content_type: value.get(cx, atoms.content_type)?.to_text(cx)?.to_string(),
    })
}

/// Go's name of the type, for objects that are neither maps, arrays nor bytes to Go.
fn go_type(cx: Ctx, value: Raw) -> Option<&'static str> {
    if value.is_function(cx) {
        return Some("func(sobek.FunctionCall) sobek.Value");
    }
    if value.is_date() {
        return Some("time.Time");
    }
    if value.is_promise() {
        return Some("*sobek.Promise");
    }
    // SAFETY: each reads the class of a live value.
    unsafe {
        if qjs::JS_IsMap(value.0) {
            return Some("[][2]interface {}");
        }
        if qjs::JS_IsSet(value.0) {
            return Some("[]interface {}");
        }
        let kind = qjs::JS_GetTypedArrayType(value.0);
        Some(match u32::try_from(kind).ok()? {
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT8 => "[]int8",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT16 => "[]int16",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT16 => "[]uint16",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT32 => "[]int32",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT32 => "[]uint32",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_BIG_INT64 => "[]int64",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_BIG_UINT64 => "[]uint64",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT16 => "[]float16",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT32 => "[]float32",
            qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT64 => "[]float64",
            _ => return None,
        })
    }
}
