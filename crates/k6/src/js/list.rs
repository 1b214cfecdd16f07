//! Static tables of functions and getters: QuickJS makes each function when it is first read.
#![allow(unsafe_code)]

use std::ffi::CStr;

use super::{NativeEntry, qjs};

/// One line of a table.
pub type Entry = qjs::JSCFunctionListEntry;

/// A table with `'static` life.
#[repr(transparent)]
pub struct List<const N: usize>(pub [Entry; N]);

// SAFETY: the entries hold pointers to constants and to functions only.
unsafe impl<const N: usize> Sync for List<N> {}

impl<const N: usize> List<N> {
    pub(super) fn as_ptr(&'static self) -> *const Entry {
        self.0.as_ptr()
    }
}

const FLAGS: u8 =
    (qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_WRITABLE | qjs::JS_PROP_ENUMERABLE) as u8;

/// A function, from [`native!`](crate::native).
pub const fn func(name: &'static CStr, length: u8, entry: NativeEntry) -> Entry {
    Entry {
        name: name.as_ptr(),
        prop_flags: FLAGS,
        def_type: qjs::JS_DEF_CFUNC as u8,
        magic: 0,
        u: qjs::JSCFunctionListEntry__bindgen_ty_1 {
            func: qjs::JSCFunctionListEntry__bindgen_ty_1__bindgen_ty_1 {
                length,
                cproto: qjs::JSCFunctionEnum_JS_CFUNC_generic as u8,
                cfunc: qjs::JSCFunctionType { generic: Some(entry) },
            },
        },
    }
}

/// A function that can be called with `new` and without, as k6's constructors can.
pub const fn constructor(name: &'static CStr, length: u8, entry: NativeEntry) -> Entry {
    let mut made = func(name, length, entry);
    made.u.func = qjs::JSCFunctionListEntry__bindgen_ty_1__bindgen_ty_1 {
        length,
        cproto: qjs::JSCFunctionEnum_JS_CFUNC_constructor_or_func as u8,
        cfunc: qjs::JSCFunctionType { generic: Some(entry) },
    };
    made
}

/// What [`native_getter!`](crate::native_getter) gives.
pub type GetterEntry = unsafe extern "C" fn(*mut qjs::JSContext, qjs::JSValue) -> qjs::JSValue;
/// What [`native_setter!`](crate::native_setter) gives.
pub type SetterEntry =
    unsafe extern "C" fn(*mut qjs::JSContext, qjs::JSValue, qjs::JSValue) -> qjs::JSValue;

/// A read-only property.
pub const fn getter(name: &'static CStr, get: GetterEntry) -> Entry {
    accessor(name, get, None)
}

/// A property with a getter and a setter.
pub const fn getter_setter(name: &'static CStr, get: GetterEntry, set: SetterEntry) -> Entry {
    accessor(name, get, Some(set))
}

const fn accessor(name: &'static CStr, get: GetterEntry, set: Option<SetterEntry>) -> Entry {
    Entry {
        name: name.as_ptr(),
        prop_flags: (qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_ENUMERABLE) as u8,
        def_type: qjs::JS_DEF_CGETSET as u8,
        magic: 0,
        u: qjs::JSCFunctionListEntry__bindgen_ty_1 {
            getset: qjs::JSCFunctionListEntry__bindgen_ty_1__bindgen_ty_2 {
                get: qjs::JSCFunctionType { getter: Some(get) },
                set: qjs::JSCFunctionType { setter: set },
            },
        },
    }
}
