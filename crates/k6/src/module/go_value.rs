//! Values as k6's Go code takes them from scripts: what counts as bytes or text, and what a type is called when it
//! does not.

use crate::js::{Ctx, JsResult, Raw};

/// The name k6's messages give to a value's type.
pub(crate) fn go_type(cx: Ctx, value: Raw) -> &'static str {
    if value.is_nullish() {
        "<nil>"
    } else if value.is_bool() {
        "bool"
    } else if value.is_string() {
        "string"
    } else if value.is_number() {
        if value.as_f64().is_some_and(|n| n.fract() == 0.0) { "int64" } else { "float64" }
    } else if value.is_bigint() {
        "*big.Int"
    } else if value.is_array() || value.is_set() {
        "[]interface {}"
    } else if value.is_function(cx) {
        "func(sobek.FunctionCall) sobek.Value"
    } else if value.is_date() {
        "time.Time"
    } else if value.is_map() {
        "[][2]interface {}"
    } else if value.is_promise() {
        "*sobek.Promise"
    } else if value.is_array_buffer() {
        "sobek.ArrayBuffer"
    } else {
        match value.typed_array_name() {
            Some("Uint8Array") => "[]uint8",
            Some("Int8Array") => "[]int8",
            Some("Int16Array") => "[]int16",
            Some("Uint16Array") => "[]uint16",
            Some("Int32Array") => "[]int32",
            Some("Uint32Array") => "[]uint32",
            Some("BigInt64Array") => "[]int64",
            Some("BigUint64Array") => "[]uint64",
            Some("Float32Array") => "[]float32",
            Some("Float64Array") => "[]float64",
            _ => "map[string]interface {}",
        }
    }
}

/// Runs `f` on the bytes of a string, an `ArrayBuffer` or a `Uint8Array`; `Err` is k6's text for anything else.
pub(crate) fn with_bytes<R>(
    cx: Ctx,
    value: Raw,
    f: impl FnOnce(&[u8]) -> R,
) -> JsResult<Result<R, String>> {
    if value.is_string() {
        return Ok(Ok(f(value.to_text(cx)?.as_bytes())));
    }
    if (value.is_array_buffer() || value.typed_array_name() == Some("Uint8Array"))
        && let Some(result) = value.with_bytes(cx, f)
    {
        return Ok(Ok(result));
    }
    let kind = go_type(cx, value);
    Ok(Err(format!("invalid type {kind}, expected string, []byte or ArrayBuffer")))
}

/// An argument that Go declares as `string`: one that is missing is empty.
pub(crate) fn text(cx: Ctx, value: Raw) -> JsResult<String> {
    if value.is_nullish() { Ok(String::new()) } else { Ok(value.to_text(cx)?.to_string()) }
}

/// An argument that Go declares as `int`.
pub(crate) fn integer(cx: Ctx, value: Raw) -> JsResult<i64> {
    if value.is_nullish() {
        return Ok(0);
    }
    // A cast saturates, and makes NaN 0.
    Ok(value.to_f64(cx)? as i64)
}

/// An argument that Go declares as `[]byte`, the `n`-th.
pub(crate) fn byte_slice(cx: Ctx, value: Raw, n: usize) -> JsResult<Vec<u8>> {
    if value.is_nullish() {
        return Ok(Vec::new());
    }
    if value.is_string() {
        return Ok(value.to_text(cx)?.as_bytes().to_vec());
    }
    if let Some(bytes) = value.with_bytes(cx, <[u8]>::to_vec) {
        return Ok(bytes);
    }
    let what = format!("could not convert function call parameter {n}");
    if !value.is_object() {
        let shown = value.to_text(cx)?;
        return Err(cx.throw_type(&format!("{what}: could not convert {shown} to []uint8")));
    }
    if !value.is_array() {
        let shown = value.to_text(cx)?;
        return Err(cx.throw_type(&format!(
            "{what}: cannot convert {shown} to []uint8: not an array or iterable"
        )));
    }
    let mut bytes = Vec::new();
    for i in 0..value.length(cx)? {
        bytes.push(integer(cx, value.get_idx(cx, i)?.raw())? as u8);
    }
    Ok(bytes)
}
