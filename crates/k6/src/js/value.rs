//! Values: borrowed ([`Raw`]) and owned ([`Val`]).
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::ops::Deref;

use super::{Atom, Ctx, JsResult, Text, Thrown, qjs};

/// A borrowed value: valid during the call it was passed to, or while the [`Val`] it came from lives.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Raw(pub(crate) qjs::JSValue);

/// An owned value; releases its reference when dropped.
pub struct Val {
    ctx: Ctx,
    raw: Raw,
}

impl Val {
    /// Takes over a reference.
    #[inline]
    pub fn from_raw(ctx: Ctx, raw: qjs::JSValue) -> Val {
        Val { ctx, raw: Raw(raw) }
    }

    /// `undefined`.
    #[inline]
    pub fn undefined(ctx: Ctx) -> Val {
        Val { ctx, raw: Raw::UNDEFINED }
    }

    /// `null`.
    pub fn null(ctx: Ctx) -> Val {
        Val { ctx, raw: Raw::NULL }
    }

    /// Borrows it.
    #[inline]
    pub fn raw(&self) -> Raw {
        self.raw
    }

    /// Gives the reference away.
    #[inline]
    pub fn into_raw(self) -> qjs::JSValue {
        let raw = self.raw.0;
        std::mem::forget(self);
        raw
    }

    /// The context it belongs to.
    pub fn ctx(&self) -> Ctx {
        self.ctx
    }
}

impl Clone for Val {
    fn clone(&self) -> Self {
        self.raw.dup(self.ctx)
    }
}

impl Drop for Val {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: we own one reference; plain values (numbers, …) are ignored by the callee.
        unsafe {
            if qjs::JS_VALUE_HAS_REF_COUNT(self.raw.0) {
                qjs::JS_FreeValue(self.ctx.as_ptr(), self.raw.0);
            }
        }
    }
}

impl Deref for Val {
    type Target = Raw;

    #[inline]
    fn deref(&self) -> &Raw {
        &self.raw
    }
}

impl std::fmt::Debug for Val {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Val")
    }
}

impl Raw {
    /// `undefined`.
    pub const UNDEFINED: Raw = Raw(qjs::JS_UNDEFINED);
    /// `null`.
    pub const NULL: Raw = Raw(qjs::JS_NULL);

    /// A new reference.
    #[inline]
    pub fn dup(self, cx: Ctx) -> Val {
        // SAFETY: the value is live while borrowed.
        Val::from_raw(cx, unsafe { qjs::JS_DupValue(cx.as_ptr(), self.0) })
    }

    /// It is `undefined`.
    #[inline]
    pub fn is_undefined(self) -> bool {
        // SAFETY: reads the tag.
        unsafe { qjs::JS_IsUndefined(self.0) }
    }

    /// It is `null`.
    #[inline]
    pub fn is_null(self) -> bool {
        // SAFETY: reads the tag.
        unsafe { qjs::JS_IsNull(self.0) }
    }

    /// It is `undefined` or `null`.
    #[inline]
    pub fn is_nullish(self) -> bool {
        self.is_undefined() || self.is_null()
    }

    /// It is a string.
    #[inline]
    pub fn is_string(self) -> bool {
        // SAFETY: reads the tag.
        unsafe { qjs::JS_IsString(self.0) }
    }

    /// It is a number.
    #[inline]
    pub fn is_number(self) -> bool {
        // SAFETY: reads the tag.
        unsafe { qjs::JS_IsNumber(self.0) }
    }

    /// It is a boolean.
    #[inline]
    pub fn is_bool(self) -> bool {
        // SAFETY: reads the tag.
        unsafe { qjs::JS_IsBool(self.0) }
    }

    /// It is a bigint.
    pub fn is_bigint(self) -> bool {
        // SAFETY: reads the tag.
        unsafe { qjs::JS_IsBigInt(self.0) }
    }

    /// It is a symbol.
    pub fn is_symbol(self) -> bool {
        // SAFETY: reads the tag.
        unsafe { qjs::JS_IsSymbol(self.0) }
    }

    /// It is an object (functions and arrays included).
    #[inline]
    pub fn is_object(self) -> bool {
        // SAFETY: reads the tag.
        unsafe { qjs::JS_IsObject(self.0) }
    }

    /// It is an object or array of the language itself, not of a host's class.
    pub(crate) fn is_plain(self) -> bool {
        // The ids of QuickJS's own `Object` and `Array`.
        const OBJECT_AND_ARRAY: std::ops::RangeInclusive<u32> = 1..=2;
        // SAFETY: an object may be asked for its class.
        self.is_object() && OBJECT_AND_ARRAY.contains(&unsafe { qjs::JS_GetClassID(self.0) })
    }

    /// It is an array.
    pub fn is_array(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsArray(self.0) }
    }

    /// It can be called.
    #[inline]
    pub fn is_function(self, cx: Ctx) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsFunction(cx.as_ptr(), self.0) }
    }

    /// It is an `async` function.
    pub fn is_async_function(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsAsyncFunction(self.0) }
    }

    /// It is an `Error`.
    pub fn is_error(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsError(self.0) }
    }

    /// It was thrown to end the script, which can't catch it.
    pub fn is_uncatchable(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsUncatchableError(self.0) }
    }

    /// It is a promise.
    pub fn is_promise(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsPromise(self.0) }
    }

    /// It is a `Date`.
    pub fn is_date(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsDate(self.0) }
    }

    /// It is a `RegExp`.
    pub fn is_regexp(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsRegExp(self.0) }
    }

    /// It is a `DataView`.
    pub fn is_data_view(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsDataView(self.0) }
    }

    /// It is an object around a number, a string, a boolean or a bigint.
    pub(crate) fn is_boxed(self) -> bool {
        // QuickJS's own ids of these classes.
        const NUMBER_STRING_BOOLEAN: std::ops::RangeInclusive<u32> = 4..=6;
        const BIGINT: u32 = 35;
        if !self.is_object() {
            return false;
        }
        // SAFETY: an object may be asked for its class.
        let class = unsafe { qjs::JS_GetClassID(self.0) };
        NUMBER_STRING_BOOLEAN.contains(&class) || class == BIGINT
    }

    /// It is a `Map`.
    pub fn is_map(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsMap(self.0) }
    }

    /// It is a `Set`.
    pub fn is_set(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsSet(self.0) }
    }

    /// It is an `ArrayBuffer`.
    pub fn is_array_buffer(self) -> bool {
        // SAFETY: the value is live.
        unsafe { qjs::JS_IsArrayBuffer(self.0) }
    }

    /// The name k6 prints for a typed array (`Uint8ClampedArray` is a `Uint8Array` to it).
    pub(crate) fn typed_array_name(self) -> Option<&'static str> {
        match self.typed_array_class()? {
            "Uint8ClampedArray" => Some("Uint8Array"),
            name => Some(name),
        }
    }

    /// The constructor of a typed array.
    pub(crate) fn typed_array_class(self) -> Option<&'static str> {
        const NAMES: [&str; 12] = [
            "Uint8ClampedArray",
            "Int8Array",
            "Uint8Array",
            "Int16Array",
            "Uint16Array",
            "Int32Array",
            "Uint32Array",
            "BigInt64Array",
            "BigUint64Array",
            "Float16Array",
            "Float32Array",
            "Float64Array",
        ];
        // SAFETY: the value is live.
        let kind = unsafe { qjs::JS_GetTypedArrayType(self.0) };
        usize::try_from(kind).ok().and_then(|kind| NAMES.get(kind).copied())
    }

    /// `!!value`.
    #[inline]
    pub fn to_bool(self, cx: Ctx) -> bool {
        // SAFETY: the value is live; conversion to a boolean runs no script.
        unsafe { qjs::JS_ToBool(cx.as_ptr(), self.0) > 0 }
    }

    /// `Number(value)`.
    pub fn to_f64(self, cx: Ctx) -> JsResult<f64> {
        let mut n = 0.0;
        // SAFETY: `n` outlives the call.
        if unsafe { qjs::JS_ToFloat64(cx.as_ptr(), &mut n, self.0) } < 0 {
            Err(Thrown)
        } else {
            Ok(n)
        }
    }

    /// The number it is, without any conversion.
    #[inline]
    pub fn as_f64(self) -> Option<f64> {
        // SAFETY: reads tag and payload of a number.
        unsafe {
            if qjs::JS_IsInt(self.0) {
                Some(f64::from(qjs::JS_VALUE_GET_INT(self.0)))
            } else if self.is_number() {
                Some(qjs::JS_VALUE_GET_FLOAT64(self.0))
            } else {
                None
            }
        }
    }

    /// The boolean it is, without any conversion.
    #[inline]
    pub fn as_bool(self) -> Option<bool> {
        // SAFETY: reads tag and payload of a boolean.
        unsafe { self.is_bool().then(|| qjs::JS_VALUE_GET_BOOL(self.0)) }
    }

    /// `String(value)`, without a copy where the string is ASCII.
    #[inline]
    pub fn to_text(self, cx: Ctx) -> JsResult<Text> {
        Text::of(cx, self)
    }

    /// `object[atom]`.
    #[inline]
    pub fn get(self, cx: Ctx, key: Atom) -> JsResult<Val> {
        // SAFETY: live value and atom.
        cx.own(unsafe { qjs::JS_GetProperty(cx.as_ptr(), self.0, key.0) })
    }

    /// `object.name`.
    pub fn get_str(self, cx: Ctx, name: &CStr) -> JsResult<Val> {
        // SAFETY: live value, NUL-terminated name.
        cx.own(unsafe { qjs::JS_GetPropertyStr(cx.as_ptr(), self.0, name.as_ptr()) })
    }

    /// `array[i]`.
    pub fn get_idx(self, cx: Ctx, i: u32) -> JsResult<Val> {
        // SAFETY: live value.
        cx.own(unsafe { qjs::JS_GetPropertyInt64(cx.as_ptr(), self.0, i64::from(i)) })
    }

    /// `array.length`, 0 where it is none.
    pub fn length(self, cx: Ctx) -> JsResult<u32> {
        let mut n = 0_i64;
        // SAFETY: `n` outlives the call.
        if unsafe { qjs::JS_GetLength(cx.as_ptr(), self.0, &mut n) } < 0 {
            return Err(Thrown);
        }
        Ok(u32::try_from(n).unwrap_or(0))
    }

    /// Defines `object[atom] = value` (enumerable, writable, configurable; no setter runs).
    #[inline]
    pub fn set(self, cx: Ctx, key: Atom, value: Val) -> JsResult<()> {
        let flags = qjs::JS_PROP_C_W_E as i32;
        // SAFETY: ownership of the value goes to the callee.
        let status = unsafe {
            qjs::JS_DefinePropertyValue(cx.as_ptr(), self.0, key.0, value.into_raw(), flags)
        };
        if status < 0 { Err(Thrown) } else { Ok(()) }
    }

    /// Defines `object.name = value`.
    pub fn set_str(self, cx: Ctx, name: &CStr, value: Val) -> JsResult<()> {
        self.define_str(cx, name, value, qjs::JS_PROP_C_W_E as i32)
    }

    /// Defines `object.name` with QuickJS's property flags.
    pub fn define_str(self, cx: Ctx, name: &CStr, value: Val, flags: i32) -> JsResult<()> {
        // SAFETY: ownership of the value goes to the callee.
        let status = unsafe {
            qjs::JS_DefinePropertyValueStr(
                cx.as_ptr(),
                self.0,
                name.as_ptr(),
                value.into_raw(),
                flags,
            )
        };
        if status < 0 { Err(Thrown) } else { Ok(()) }
    }

    /// Defines `object[key] = value` for a key known only at run time.
    pub fn set_key(self, cx: Ctx, key: &str, value: Val) -> JsResult<()> {
        let atom = cx.atom(key);
        let result = self.set(cx, atom, value);
        // SAFETY: the atom was made above; the property holds its own reference.
        unsafe { qjs::JS_FreeAtom(cx.as_ptr(), atom.0) };
        result
    }

    /// `object[key]` for a key known only at run time.
    pub fn get_key(self, cx: Ctx, key: &str) -> JsResult<Val> {
        let atom = cx.atom(key);
        let result = self.get(cx, atom);
        // SAFETY: the atom was made above.
        unsafe { qjs::JS_FreeAtom(cx.as_ptr(), atom.0) };
        result
    }

    /// `delete object[key]`.
    pub fn delete_key(self, cx: Ctx, key: &str) -> JsResult<()> {
        let atom = cx.atom(key);
        // SAFETY: live value and atom; the atom is released after use.
        let status = unsafe {
            let status = qjs::JS_DeleteProperty(cx.as_ptr(), self.0, atom.0, 0);
            qjs::JS_FreeAtom(cx.as_ptr(), atom.0);
            status
        };
        if status < 0 { Err(Thrown) } else { Ok(()) }
    }

    /// `array[i] = value`.
    pub fn set_idx(self, cx: Ctx, i: u32, value: Val) -> JsResult<()> {
        let flags = qjs::JS_PROP_C_W_E as i32;
        // SAFETY: ownership of the value goes to the callee.
        let status = unsafe {
            qjs::JS_DefinePropertyValueUint32(cx.as_ptr(), self.0, i, value.into_raw(), flags)
        };
        if status < 0 { Err(Thrown) } else { Ok(()) }
    }

    /// The object's own enumerable string keys, in JS's order.
    pub fn keys(self, cx: Ctx) -> JsResult<Props> {
        Props::of(cx, self)
    }

    /// Address of the object, to tell objects apart.
    pub(crate) fn address(self) -> usize {
        // SAFETY: only called on objects; reads the payload.
        unsafe { qjs::JS_VALUE_GET_PTR(self.0) as usize }
    }

    /// Runs `f` with the bytes of an `ArrayBuffer`, a typed array or a `DataView`; `None` for anything else.
    pub fn with_bytes<R>(self, cx: Ctx, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let (_buffer, data, len) = self.place(cx)?;
        // SAFETY: the buffer is alive while borrowed and `f` runs no script, so it can't be detached meanwhile.
        Some(f(unsafe { bytes_of(data, len) }))
    }

    /// The same, to write into it; `None` for a buffer that nobody may write, too.
    pub fn with_bytes_mut<R>(self, cx: Ctx, f: impl FnOnce(&mut [u8]) -> R) -> Option<R> {
        let (buffer, ..) = self.place(cx)?;
        // Bytes that others share are copied now; the place changes.
        // SAFETY: a live value.
        if !unsafe { qjs::JS_OwnArrayBuffer(buffer.raw().0) } {
            return None;
        }
        let (_buffer, data, len) = self.place(cx)?;
        if data.is_null() || len == 0 {
            return Some(f(&mut []));
        }
        // SAFETY: as above; one thread runs the VU, so nothing else looks at the bytes meanwhile.
        Some(f(unsafe { std::slice::from_raw_parts_mut(data, len) }))
    }

    /// The buffer of an `ArrayBuffer`, a typed array or a `DataView`, and where its bytes are.
    fn place(self, cx: Ctx) -> Option<(Val, *mut u8, usize)> {
        // SAFETY: the value is alive; out-parameters outlive the calls.
        unsafe {
            let mut len = 0;
            let (buffer, offset, length) = if self.is_array_buffer() {
                (Ok(self.dup(cx)), 0, usize::MAX)
            } else if qjs::JS_GetTypedArrayType(self.0) >= 0 {
                let (mut offset, mut length, mut each) = (0, 0, 0);
                let raw = qjs::JS_GetTypedArrayBuffer(
                    cx.as_ptr(),
                    self.0,
                    &mut offset,
                    &mut length,
                    &mut each,
                );
                (cx.own(raw), offset as usize, length as usize)
            } else if qjs::JS_IsDataView(self.0) {
                // Getters of the prototype; a script that replaces them gets what it asks for.
                let number = |name| -> JsResult<usize> {
                    Ok(self.get_str(cx, name)?.as_f64().unwrap_or(0.0) as usize)
                };
                let Ok((offset, length)) =
                    number(c"byteOffset").and_then(|offset| Ok((offset, number(c"byteLength")?)))
                else {
                    drop(cx.take_exception());
                    return None;
                };
                (self.get_str(cx, c"buffer"), offset, length)
            } else {
                return None;
            };
            let Ok(buffer) = buffer else {
                drop(cx.take_exception());
                return None;
            };
            let data = qjs::JS_GetArrayBuffer(cx.as_ptr(), &mut len, buffer.raw().0);
            if data.is_null() {
                drop(cx.take_exception());
                return Some((buffer, data, 0));
            }
            let (all, offset) = (len as usize, offset.min(len as usize));
            Some((buffer, data.add(offset), length.min(all - offset)))
        }
    }
}

/// # Safety
/// `data` points at `len` bytes, or is null.
unsafe fn bytes_of<'a>(data: *const u8, len: usize) -> &'a [u8] {
    if data.is_null() || len == 0 {
        &[]
    } else {
        // SAFETY: vouched for by the caller.
        unsafe { std::slice::from_raw_parts(data, len) }
    }
}

/// The own enumerable string keys of an object.
pub struct Props {
    ctx: Ctx,
    table: *mut qjs::JSPropertyEnum,
    len: u32,
    object: Val,
}

impl Props {
    fn of(cx: Ctx, object: Raw) -> JsResult<Props> {
        let (mut table, mut len) = (std::ptr::null_mut(), 0);
        let flags = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY) as i32;
        // SAFETY: the callee fills both on success.
        let status = unsafe {
            qjs::JS_GetOwnPropertyNames(cx.as_ptr(), &mut table, &mut len, object.0, flags)
        };
        if status < 0 {
            return Err(Thrown);
        }
        Ok(Props { ctx: cx, table, len, object: object.dup(cx) })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The `i`-th key as an atom, owned by this table.
    #[inline]
    pub fn atom(&self, i: usize) -> Atom {
        assert!(i < self.len());
        // SAFETY: checked above.
        Atom(unsafe { (*self.table.add(i)).atom })
    }

    /// The `i`-th key.
    pub fn name(&self, i: usize) -> JsResult<Text> {
        // SAFETY: the atom is owned by this table.
        let name =
            self.ctx.own(unsafe { qjs::JS_AtomToString(self.ctx.as_ptr(), self.atom(i).0) })?;
        name.raw().to_text(self.ctx)
    }

    /// The `i`-th value.
    pub fn value(&self, i: usize) -> JsResult<Val> {
        self.object.raw().get(self.ctx, self.atom(i))
    }
}

impl Drop for Props {
    fn drop(&mut self) {
        // SAFETY: the table was filled by JS_GetOwnPropertyNames.
        unsafe { qjs::JS_FreePropertyEnum(self.ctx.as_ptr(), self.table, self.len) };
    }
}
