//! Properties whose value is made when it is first read.
#![allow(unsafe_code)]

use super::{Ctx, JsResult, Raw, Thrown, Val, enter, qjs};

/// What properties defined by [`Ctx::define_lazy`] are.
pub trait Lazy: 'static {
    /// The value of property `which`.
    ///
    /// # Errors
    /// What making it threw.
    fn get(cx: Ctx, which: i32) -> JsResult<Val>;
    /// A script sets property `which`.
    ///
    /// # Errors
    /// What setting it threw.
    fn set(cx: Ctx, which: i32, value: Raw) -> JsResult<()>;
}

unsafe extern "C" fn on_get<T: Lazy>(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _argc: core::ffi::c_int,
    _argv: *mut qjs::JSValue,
    which: core::ffi::c_int,
    _data: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: QuickJS passes a live context.
    unsafe { enter(ctx, this, 0, std::ptr::null_mut(), |cx, _, _| T::get(cx, which)) }
}

unsafe extern "C" fn on_set<T: Lazy>(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    argc: core::ffi::c_int,
    argv: *mut qjs::JSValue,
    which: core::ffi::c_int,
    _data: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: QuickJS passes a live context and `argc` arguments.
    unsafe {
        enter(ctx, this, argc, argv, |cx, _, args| {
            T::set(cx, which, args.get(0)).map(|()| Val::undefined(cx))
        })
    }
}

impl Ctx {
    /// Defines `object[name]` by accessors that stand for the value until it is made; not enumerable, may be redefined.
    ///
    /// # Errors
    /// Out of memory.
    pub fn define_lazy<T: Lazy>(self, object: Raw, name: &str, which: i32) -> JsResult<()> {
        let flags = (qjs::JS_PROP_CONFIGURABLE
            | qjs::JS_PROP_HAS_CONFIGURABLE
            | qjs::JS_PROP_HAS_ENUMERABLE
            | qjs::JS_PROP_HAS_GET
            | qjs::JS_PROP_HAS_SET) as i32;
        let ctx = self.as_ptr();
        let none = std::ptr::null_mut();
        // SAFETY: functions without data; the property takes references of its own to both.
        unsafe {
            let get =
                self.own(qjs::JS_NewCFunctionData(ctx, Some(on_get::<T>), 0, which, 0, none))?;
            let set =
                self.own(qjs::JS_NewCFunctionData(ctx, Some(on_set::<T>), 1, which, 0, none))?;
            let atom = self.atom(name);
            let status = qjs::JS_DefineProperty(
                ctx,
                object.0,
                atom.0,
                qjs::JS_UNDEFINED,
                get.raw().0,
                set.raw().0,
                flags,
            );
            qjs::JS_FreeAtom(ctx, atom.0);
            if status < 0 { Err(Thrown) } else { Ok(()) }
        }
    }
}
