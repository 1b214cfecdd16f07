//! Objects whose properties are Rust's: tags of a VU, `__ENV`, `SharedArray`.
#![allow(unsafe_code)]

use std::ffi::CStr;

use crate::js::{Atom, Ctx, FIRST_CLASS_ID, JsResult, Raw, Thrown, Val, qjs};

/// A property key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// An array index.
    Index(u32),
    /// Any other string.
    Name(&'a str),
}

/// What is behind a keyed object.
pub(crate) trait Keyed: 'static {
    /// The value, `None` where there is none.
    fn get(&self, cx: Ctx, key: Key<'_>) -> JsResult<Option<Val>>;
    /// Whether there is a value; runs on `in` and `hasOwnProperty`.
    fn has(&self, cx: Ctx, key: Key<'_>) -> JsResult<bool> {
        Ok(self.get(cx, key)?.is_some())
    }
    /// Keys in order.
    fn keys(&self, cx: Ctx) -> Vec<String>;
    /// Sets a value, or throws.
    fn set(&self, cx: Ctx, key: &str, value: Raw) -> JsResult<()>;
    /// Deletes a value, or throws.
    fn delete(&self, cx: Ctx, key: &str) -> JsResult<()>;
}

const OBJECT: u32 = FIRST_CLASS_ID + 1;
const ARRAY: u32 = FIRST_CLASS_ID + 2;
/// QuickJS's own class of arrays, for its prototype.
const JS_CLASS_ARRAY: u32 = 2;

type Inner = Box<dyn Keyed>;

static EXOTIC: qjs::JSClassExoticMethods = qjs::JSClassExoticMethods {
    get_own_property: Some(get_own_property),
    get_own_property_names: Some(get_own_property_names),
    delete_property: Some(delete_property),
    define_own_property: Some(define_own_property),
    has_property: None,
    get_property: None,
    set_property: Some(set_property),
};

/// An object over `inner`.
pub(crate) fn object(cx: Ctx, inner: impl Keyed) -> JsResult<Val> {
    make(cx, OBJECT, c"Object", Box::new(inner))
}

/// An object over `inner` that is an array to scripts: `Array.isArray`, its methods, JSON.
pub(crate) fn array(cx: Ctx, inner: impl Keyed) -> JsResult<Val> {
    // SAFETY: the runtime is live.
    unsafe { qjs::JS_SetArrayLikeClass(cx.runtime(), ARRAY) };
    make(cx, ARRAY, c"Array", Box::new(inner))
}

fn make(cx: Ctx, class: u32, name: &'static CStr, inner: Inner) -> JsResult<Val> {
    // SAFETY: QuickJS copies the definition and only reads the methods; the box is freed by `finalize`.
    unsafe {
        if !qjs::JS_IsRegisteredClass(cx.runtime(), class) {
            let def = qjs::JSClassDef {
                class_name: name.as_ptr(),
                finalizer: Some(if class == ARRAY {
                    finalize::<ARRAY>
                } else {
                    finalize::<OBJECT>
                }),
                gc_mark: None,
                call: None,
                exotic: std::ptr::from_ref(&EXOTIC).cast_mut(),
            };
            if qjs::JS_NewClass(cx.runtime(), class, &def) < 0 {
                return Err(cx.throw_error("InternalError", "can't register a host class"));
            }
        }
        let proto = if class == ARRAY {
            Val::from_raw(cx, qjs::JS_GetClassProto(cx.as_ptr(), JS_CLASS_ARRAY))
        } else {
            let plain = cx.object()?;
            cx.own(qjs::JS_GetPrototype(cx.as_ptr(), plain.raw().0))?
        };
        let object = cx.own(qjs::JS_NewObjectProtoClass(cx.as_ptr(), proto.raw().0, class))?;
        qjs::JS_SetOpaque(object.raw().0, Box::into_raw(Box::new(inner)).cast());
        Ok(object)
    }
}

unsafe extern "C" fn finalize<const CLASS: u32>(_: *mut qjs::JSRuntime, value: qjs::JSValue) {
    // SAFETY: the opaque pointer of this class is a leaked Box<Inner> or null.
    unsafe {
        let opaque = qjs::JS_GetOpaque(value, CLASS).cast::<Inner>();
        if !opaque.is_null() {
            drop(Box::from_raw(opaque));
        }
    }
}

/// What is behind an array made by [`array`] or an object made by [`object`].
fn inner<'a>(object: qjs::JSValue) -> Option<&'a dyn Keyed> {
    // SAFETY: a non-null opaque pointer of either class is a Box<Inner> that lives as long as the object.
    unsafe {
        let mut opaque = qjs::JS_GetOpaque(object, OBJECT);
        if opaque.is_null() {
            opaque = qjs::JS_GetOpaque(object, ARRAY);
        }
        opaque.cast::<Inner>().as_ref().map(|inner| &**inner)
    }
}

/// Calls `f` with the key of an atom; symbols have none.
fn with_key<R>(
    cx: Ctx,
    atom: qjs::JSAtom,
    f: impl FnOnce(Key<'_>) -> JsResult<R>,
) -> JsResult<Option<R>> {
    const TAGGED_INT: u32 = 1 << 31;
    if atom & TAGGED_INT != 0 {
        return f(Key::Index(atom & !TAGGED_INT)).map(Some);
    }
    // SAFETY: a live atom.
    let value = cx.own(unsafe { qjs::JS_AtomToValue(cx.as_ptr(), atom) })?;
    if value.is_symbol() {
        return Ok(None);
    }
    let text = value.to_text(cx)?;
    f(Key::Name(&text)).map(Some)
}

fn with_name<R>(
    cx: Ctx,
    atom: qjs::JSAtom,
    f: impl FnOnce(&str) -> JsResult<R>,
) -> JsResult<Option<R>> {
    with_key(cx, atom, |key| match key {
        Key::Index(i) => f(&i.to_string()),
        Key::Name(name) => f(name),
    })
}

/// Runs a callback of QuickJS; a panic becomes an exception.
///
/// # Safety
/// `ctx` is live.
unsafe fn guarded(
    ctx: *mut qjs::JSContext,
    f: impl FnOnce(Ctx) -> JsResult<core::ffi::c_int>,
) -> core::ffi::c_int {
    // SAFETY: vouched for by the caller.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(cx))) {
        Ok(Ok(status)) => status,
        Ok(Err(Thrown)) => -1,
        Err(_) => {
            cx.throw_error("InternalError", "internal error (please report it)");
            -1
        }
    }
}

unsafe extern "C" fn get_own_property(
    ctx: *mut qjs::JSContext,
    desc: *mut qjs::JSPropertyDescriptor,
    obj: qjs::JSValue,
    prop: qjs::JSAtom,
) -> core::ffi::c_int {
    // SAFETY: a live context; `desc` is null or writable.
    unsafe {
        guarded(ctx, |cx| {
            let Some(inner) = inner(obj) else { return Ok(0) };
            let Some(desc) = desc.as_mut() else {
                return Ok(core::ffi::c_int::from(
                    with_key(cx, prop, |key| inner.has(cx, key))?.unwrap_or(false),
                ));
            };
            let Some(value) = with_key(cx, prop, |key| inner.get(cx, key))?.flatten() else {
                return Ok(0);
            };
            desc.flags = qjs::JS_PROP_C_W_E as core::ffi::c_int;
            desc.value = value.into_raw();
            desc.getter = qjs::JS_UNDEFINED;
            desc.setter = qjs::JS_UNDEFINED;
            Ok(1)
        })
    }
}

unsafe extern "C" fn get_own_property_names(
    ctx: *mut qjs::JSContext,
    table: *mut *mut qjs::JSPropertyEnum,
    len: *mut u32,
    obj: qjs::JSValue,
) -> core::ffi::c_int {
    // SAFETY: a live context and writable out-pointers; the table is allocated as the caller will free it.
    unsafe {
        guarded(ctx, |cx| {
            let keys = inner(obj).map(|inner| inner.keys(cx)).unwrap_or_default();
            let bytes = keys.len().max(1) * size_of::<qjs::JSPropertyEnum>();
            let entries = qjs::js_malloc(ctx, bytes as _).cast::<qjs::JSPropertyEnum>();
            if entries.is_null() {
                return Err(Thrown);
            }
            for (i, key) in keys.iter().enumerate() {
                let Atom(atom) = cx.atom(key);
                entries.add(i).write(qjs::JSPropertyEnum { is_enumerable: true, atom });
            }
            *table = entries;
            *len = keys.len() as u32;
            Ok(0)
        })
    }
}

unsafe extern "C" fn delete_property(
    ctx: *mut qjs::JSContext,
    obj: qjs::JSValue,
    prop: qjs::JSAtom,
) -> core::ffi::c_int {
    // SAFETY: a live context.
    unsafe {
        guarded(ctx, |cx| {
            if let Some(inner) = inner(obj) {
                with_name(cx, prop, |name| inner.delete(cx, name))?;
            }
            Ok(1)
        })
    }
}

unsafe extern "C" fn define_own_property(
    ctx: *mut qjs::JSContext,
    obj: qjs::JSValue,
    prop: qjs::JSAtom,
    value: qjs::JSValue,
    _getter: qjs::JSValue,
    _setter: qjs::JSValue,
    _flags: core::ffi::c_int,
) -> core::ffi::c_int {
    // SAFETY: a live context; the value is borrowed.
    unsafe {
        guarded(ctx, |cx| {
            if let Some(inner) = inner(obj) {
                with_name(cx, prop, |name| inner.set(cx, name, Raw(value)))?;
            }
            Ok(1)
        })
    }
}

unsafe extern "C" fn set_property(
    ctx: *mut qjs::JSContext,
    obj: qjs::JSValue,
    prop: qjs::JSAtom,
    value: qjs::JSValue,
    _receiver: qjs::JSValue,
    _flags: core::ffi::c_int,
) -> core::ffi::c_int {
    // SAFETY: as above.
    unsafe { define_own_property(ctx, obj, prop, value, qjs::JS_UNDEFINED, qjs::JS_UNDEFINED, 0) }
}
