//! Host objects: a Rust value behind a JS object.
#![allow(unsafe_code)]

use std::ffi::CStr;

use super::{Ctx, JsResult, List, Raw, Thrown, Val, null, qjs};

/// The first class id that QuickJS does not use itself; checked when a realm is made.
pub const FIRST_CLASS_ID: u32 = 72;

/// A Rust type that scripts hold as an object. Ids are fixed so that every runtime agrees: give each type its own
/// `FIRST_CLASS_ID + n` (0–15: this crate's core, 16–31: `http`, 48–50: WebSockets, 64–79: cryptography, files,
/// streams, 80–82: `html`).
///
/// A value that keeps [`Val`]s must hand them to `trace`, or cycles through it leak until the VU ends.
pub trait Class: Sized + 'static {
    /// `FIRST_CLASS_ID + n`.
    const ID: u32;
    /// What `Object.prototype.toString` and console show.
    const NAME: &'static CStr;
    /// Shows the collector the values kept inside.
    fn trace(&self, _mark: &mut dyn FnMut(Raw)) {}
}

unsafe extern "C" fn finalize<T: Class>(_rt: *mut qjs::JSRuntime, value: qjs::JSValue) {
    // SAFETY: the opaque pointer of an object of this class is a leaked Box<T> or null; the object dies now.
    unsafe {
        let opaque = qjs::JS_GetOpaque(value, T::ID).cast::<T>();
        if !opaque.is_null() {
            drop(Box::from_raw(opaque));
        }
    }
}

unsafe extern "C" fn mark<T: Class>(
    rt: *mut qjs::JSRuntime,
    value: qjs::JSValue,
    func: qjs::JS_MarkFunc,
) {
    // SAFETY: as in `finalize`, but the object lives.
    unsafe {
        let opaque = qjs::JS_GetOpaque(value, T::ID).cast::<T>();
        if let Some(inner) = opaque.as_ref() {
            inner.trace(&mut |raw| qjs::JS_MarkValue(rt, raw.0, func));
        }
    }
}

impl Ctx {
    /// Registers a class in the VU's runtime, with its methods and getters; once for each runtime. Returns the prototype.
    pub fn register_class<T: Class, const N: usize>(self, list: &'static List<N>) -> JsResult<Val> {
        let def = qjs::JSClassDef {
            class_name: T::NAME.as_ptr(),
            finalizer: Some(finalize::<T>),
            gc_mark: Some(mark::<T>),
            call: None,
            exotic: null::<qjs::JSClassExoticMethods>().cast_mut(),
        };
        // SAFETY: QuickJS copies the definition; the prototype is given to the context.
        unsafe {
            if !qjs::JS_IsRegisteredClass(self.runtime(), T::ID)
                && qjs::JS_NewClass(self.runtime(), T::ID, &def) < 0
            {
                return Err(self.throw_error("InternalError", "can't register a host class"));
            }
            let proto = self.object()?;
            self.define_list(proto.raw(), list)?;
            qjs::JS_SetClassProto(self.as_ptr(), T::ID, proto.clone().into_raw());
            Ok(proto)
        }
    }

    /// A new object of the class around `inner`.
    pub fn wrap<T: Class>(self, inner: T) -> JsResult<Val> {
        // SAFETY: the class is registered before its objects are made; the Box is freed by `finalize`.
        unsafe {
            let object = self.own(qjs::JS_NewObjectClass(self.as_ptr(), T::ID))?;
            qjs::JS_SetOpaque(object.raw().0, Box::into_raw(Box::new(inner)).cast());
            Ok(object)
        }
    }

    /// A new object around `inner` whose prototype is that of `new.target`, so that scripts may extend the class.
    pub fn wrap_for<T: Class>(self, new_target: Raw, inner: T) -> JsResult<Val> {
        let proto = new_target.get_str(self, c"prototype")?;
        // SAFETY: as in `wrap`.
        unsafe {
            let object =
                self.own(qjs::JS_NewObjectProtoClass(self.as_ptr(), proto.raw().0, T::ID))?;
            qjs::JS_SetOpaque(object.raw().0, Box::into_raw(Box::new(inner)).cast());
            Ok(object)
        }
    }

    /// A new object around `inner` with a prototype of its own.
    pub fn wrap_with<T: Class>(self, proto: Raw, inner: T) -> JsResult<Val> {
        // SAFETY: as in `wrap`.
        unsafe {
            let object = self.own(qjs::JS_NewObjectProtoClass(self.as_ptr(), proto.0, T::ID))?;
            qjs::JS_SetOpaque(object.raw().0, Box::into_raw(Box::new(inner)).cast());
            Ok(object)
        }
    }

    /// The Rust value behind an object, `None` if it is of another class.
    #[inline]
    pub fn inner<'a, T: Class>(self, object: Raw) -> Option<&'a T> {
        // SAFETY: a non-null opaque pointer of this class is a Box<T> that lives as long as the object, which the caller
        // borrows for the call.
        unsafe { qjs::JS_GetOpaque(object.0, T::ID).cast::<T>().as_ref() }
    }

    /// Like [`inner`](Self::inner), throwing a `TypeError` for another class.
    #[inline]
    pub fn inner_of<'a, T: Class>(self, object: Raw) -> JsResult<&'a T> {
        match self.inner(object) {
            Some(inner) => Ok(inner),
            None => {
                self.throw_type(&format!("this is not a {}", T::NAME.to_string_lossy()));
                Err(Thrown)
            }
        }
    }
}
