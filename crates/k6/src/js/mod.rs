//! A thin, unchecked-by-lifetime layer over QuickJS's C API: what the host modules are written against.
//!
//! Everything here runs on a VU's fiber, on the VU's own runtime. [`Val`] owns a reference, [`Raw`] borrows one for the
//! duration of the call it came from. Host functions are made with [`native!`], which turns a panic into a JS exception.
#![allow(unsafe_code)]

mod atoms;
mod class;
mod engine;
mod lazy;
mod list;
mod shared;
mod text;
mod value;

use std::ffi::{CStr, CString};
use std::ptr;

pub use atoms::Atoms;
pub use class::{Class, FIRST_CLASS_ID};
pub use engine::{Engine, Intrinsics};
pub use lazy::Lazy;
pub use list::{Entry, GetterEntry, List, SetterEntry, constructor, func, getter, getter_setter};
pub use rquickjs_sys as qjs;
pub use shared::SharedText;
pub use text::Text;
pub use value::{Props, Raw, Val};

use crate::host::VuHost;

/// An exception is pending in the context; return it to QuickJS or take it with [`Ctx::take_exception`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thrown;

/// What host functions return.
pub type JsResult<T> = Result<T, Thrown>;

/// A JS context (realm), valid while its VU lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ctx(*mut qjs::JSContext);

/// The arguments of a call.
#[derive(Clone, Copy)]
pub struct Args<'a>(&'a [Raw]);

impl Args<'_> {
    /// The `i`-th argument, `undefined` where there is none.
    #[inline]
    pub fn get(&self, i: usize) -> Raw {
        self.0.get(i).copied().unwrap_or(Raw::UNDEFINED)
    }

    /// How many were given.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn as_slice(&self) -> &[Raw] {
        self.0
    }
}

/// A host function: context, `this` (for constructors `new.target`), arguments.
pub type Native = fn(Ctx, Raw, Args<'_>) -> JsResult<Val>;

/// Runs a host function for C. Not to be called directly: see [`native!`].
///
/// # Safety
/// `argv` holds `argc` values and `ctx` is a live context of this thread.
#[doc(hidden)]
pub unsafe fn enter(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    argc: i32,
    argv: *mut qjs::JSValue,
    body: impl FnOnce(Ctx, Raw, Args<'_>) -> JsResult<Val>,
) -> qjs::JSValue {
    let cx = Ctx(ctx);
    let args: &[Raw] = if argc <= 0 {
        &[]
    } else {
        // SAFETY: the caller vouches for argv; Raw is a transparent wrapper of JSValue.
        unsafe { std::slice::from_raw_parts(argv.cast::<Raw>(), argc as usize) }
    };
    let outcome =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(cx, Raw(this), Args(args))));
    match outcome {
        Ok(Ok(value)) => value.into_raw(),
        Ok(Err(Thrown)) => qjs::JS_EXCEPTION,
        Err(payload) => {
            let text = payload
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "unknown panic".to_owned());
            let _ = cx.throw_error(
                "InternalError",
                &format!("internal error (please report it): {text}"),
            );
            qjs::JS_EXCEPTION
        }
    }
}

/// The C entry point of a host function (`fn(Ctx, Raw, Args) -> JsResult<Val>`).
#[macro_export]
macro_rules! native {
    ($f:path) => {{
        #[allow(unsafe_code)]
        unsafe extern "C" fn entry(
            ctx: *mut $crate::js::qjs::JSContext,
            this: $crate::js::qjs::JSValue,
            argc: ::core::ffi::c_int,
            argv: *mut $crate::js::qjs::JSValue,
        ) -> $crate::js::qjs::JSValue {
            // SAFETY: QuickJS passes a live context and `argc` arguments.
            unsafe { $crate::js::enter(ctx, this, argc, argv, $f) }
        }
        entry
    }};
}

/// The C entry point of a getter (`fn(Ctx, Raw) -> JsResult<Val>`).
#[macro_export]
macro_rules! native_getter {
    ($f:path) => {{
        #[allow(unsafe_code)]
        unsafe extern "C" fn entry(
            ctx: *mut $crate::js::qjs::JSContext,
            this: $crate::js::qjs::JSValue,
        ) -> $crate::js::qjs::JSValue {
            // SAFETY: QuickJS passes a live context.
            unsafe {
                $crate::js::enter(ctx, this, 0, ::core::ptr::null_mut(), |cx, this, _| $f(cx, this))
            }
        }
        entry
    }};
}

/// The C entry point of a setter (`fn(Ctx, this: Raw, value: Raw) -> JsResult<()>`).
#[macro_export]
macro_rules! native_setter {
    ($f:path) => {{
        #[allow(unsafe_code)]
        unsafe extern "C" fn entry(
            ctx: *mut $crate::js::qjs::JSContext,
            this: $crate::js::qjs::JSValue,
            value: $crate::js::qjs::JSValue,
        ) -> $crate::js::qjs::JSValue {
            let mut value = value;
            // SAFETY: QuickJS passes a live context; `value` is one argument.
            unsafe {
                $crate::js::enter(ctx, this, 1, &mut value, |cx, this, args| {
                    $f(cx, this, args.get(0)).map(|()| $crate::js::Val::undefined(cx))
                })
            }
        }
        entry
    }};
}

impl Ctx {
    /// Wraps a context.
    ///
    /// # Safety
    /// `ctx` is live for as long as the copies of the result are used, on this thread only.
    pub unsafe fn from_ptr(ctx: *mut qjs::JSContext) -> Ctx {
        Ctx(ctx)
    }

    /// The C pointer.
    #[inline]
    pub fn as_ptr(self) -> *mut qjs::JSContext {
        self.0
    }

    /// The context's runtime.
    pub fn runtime(self) -> *mut qjs::JSRuntime {
        // SAFETY: the context is live.
        unsafe { qjs::JS_GetRuntime(self.0) }
    }

    /// The VU this realm belongs to.
    #[inline]
    pub fn host<'a>(self) -> &'a VuHost {
        // SAFETY: the realm sets the opaque pointer to its VuHost before any script runs and keeps it alive longer
        // than the context (realm.rs).
        unsafe { &*qjs::JS_GetContextOpaque(self.0).cast::<VuHost>() }
    }

    /// Takes ownership of a result of the C API; `Err` if it is an exception.
    #[inline]
    pub fn own(self, raw: qjs::JSValue) -> JsResult<Val> {
        // SAFETY: reads the tag only.
        if unsafe { qjs::JS_IsException(raw) } { Err(Thrown) } else { Ok(Val::from_raw(self, raw)) }
    }

    /// The global object.
    pub fn globals(self) -> Val {
        // SAFETY: the context is live.
        Val::from_raw(self, unsafe { qjs::JS_GetGlobalObject(self.0) })
    }

    /// A string value.
    #[inline]
    pub fn string(self, s: &str) -> JsResult<Val> {
        // SAFETY: pointer and length of a valid UTF-8 string.
        self.own(unsafe { qjs::JS_NewStringLen(self.0, s.as_ptr().cast(), s.len() as _) })
    }

    /// A number value.
    #[inline]
    pub fn number(self, n: f64) -> Val {
        Val::from_raw(self, qjs::JS_NewFloat64(n))
    }

    /// A boolean value.
    #[inline]
    pub fn boolean(self, b: bool) -> Val {
        Val::from_raw(self, if b { qjs::JS_TRUE } else { qjs::JS_FALSE })
    }

    /// `{}`.
    pub fn object(self) -> JsResult<Val> {
        // SAFETY: the context is live.
        self.own(unsafe { qjs::JS_NewObject(self.0) })
    }

    /// An object that inherits from `proto`.
    pub fn object_with(self, proto: Raw) -> JsResult<Val> {
        // SAFETY: values of this context.
        self.own(unsafe { qjs::JS_NewObjectProto(self.0, proto.0) })
    }

    /// `[]`.
    pub fn array(self) -> JsResult<Val> {
        // SAFETY: the context is live.
        self.own(unsafe { qjs::JS_NewArray(self.0) })
    }

    /// An `ArrayBuffer` with a copy of `bytes`.
    pub fn array_buffer(self, bytes: &[u8]) -> JsResult<Val> {
        self.need_typed_arrays()?;
        // SAFETY: pointer and length of a slice, copied by the callee.
        self.own(unsafe { qjs::JS_NewArrayBufferCopy(self.0, bytes.as_ptr(), bytes.len() as _) })
    }

    /// A `Uint8Array` with a copy of `bytes`.
    pub fn uint8_array(self, bytes: &[u8]) -> JsResult<Val> {
        self.need_typed_arrays()?;
        // SAFETY: pointer and length of a slice, copied by the callee.
        self.own(unsafe { qjs::JS_NewUint8ArrayCopy(self.0, bytes.as_ptr(), bytes.len() as _) })
    }

    /// Typed arrays are an intrinsic that realms add only when a script mentions them; values of ours need it too.
    ///
    /// # Errors
    /// Out of memory.
    pub fn need_typed_arrays(self) -> JsResult<()> {
        let host = self.host();
        if !host.typed_arrays.get() {
            host.typed_arrays.set(true);
            // SAFETY: the context is live and the intrinsic has not been added yet.
            if unsafe { qjs::JS_AddIntrinsicTypedArrays(self.0) } != 0 {
                return Err(Thrown);
            }
        }
        Ok(())
    }

    /// A `BigInt` of a big-endian number.
    pub fn bigint(self, bytes: &[u8]) -> JsResult<Val> {
        let host = self.host();
        if !host.bigint.replace(true) {
            // SAFETY: the context is live and the intrinsic has not been added yet.
            if unsafe { qjs::JS_AddIntrinsicBigInt(self.0) } != 0 {
                return Err(Thrown);
            }
        }
        let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let text = self.string(&format!("0x0{digits}"))?;
        let constructor = self.globals().get_str(self, c"BigInt")?;
        self.call(constructor.raw(), Raw::UNDEFINED, &[text.raw()])
    }

    /// Calls a function.
    pub fn call(self, function: Raw, this: Raw, args: &[Raw]) -> JsResult<Val> {
        // SAFETY: values of this context; the callee does not keep or write argv.
        self.own(unsafe {
            qjs::JS_Call(
                self.0,
                function.0,
                this.0,
                args.len() as i32,
                args.as_ptr().cast_mut().cast(),
            )
        })
    }

    /// Calls `new constructor(args)`.
    pub fn construct(self, constructor: Raw, args: &[Raw]) -> JsResult<Val> {
        // SAFETY: as in `call`.
        self.own(unsafe {
            qjs::JS_CallConstructor(
                self.0,
                constructor.0,
                args.len() as i32,
                args.as_ptr().cast_mut().cast(),
            )
        })
    }

    /// A function object around a host function made with [`native!`].
    pub fn function(self, name: &CStr, length: u8, entry: NativeEntry) -> JsResult<Val> {
        // SAFETY: `entry` has the C signature of a generic function.
        self.own(unsafe {
            qjs::JS_NewCFunction2(
                self.0,
                Some(entry),
                name.as_ptr(),
                i32::from(length),
                qjs::JSCFunctionEnum_JS_CFUNC_generic,
                0,
            )
        })
    }

    /// A method around a host function that learns which of many it is: `entry` comes from
    /// [`native_numbered!`], `number` is handed to it.
    pub fn numbered_function(
        self,
        name: &CStr,
        length: u8,
        number: i32,
        entry: NumberedEntry,
    ) -> JsResult<Val> {
        let function = qjs::JSCFunctionType { generic_magic: Some(entry) };
        // SAFETY: QuickJS calls a `generic_magic` function with its number, whatever type it is handed over as: the
        // union's members are all one function pointer.
        self.own(unsafe {
            qjs::JS_NewCFunction2(
                self.0,
                function.generic,
                name.as_ptr(),
                i32::from(length),
                qjs::JSCFunctionEnum_JS_CFUNC_generic_magic,
                number,
            )
        })
    }

    /// A constructor (callable with `new` only) whose `prototype` is `proto`.
    pub fn constructor(
        self,
        name: &CStr,
        length: u8,
        entry: NativeEntry,
        proto: Raw,
    ) -> JsResult<Val> {
        // SAFETY: as in `function`; both values are of this context.
        unsafe {
            let constructor = self.own(qjs::JS_NewCFunction2(
                self.0,
                Some(entry),
                name.as_ptr(),
                i32::from(length),
                qjs::JSCFunctionEnum_JS_CFUNC_constructor,
                0,
            ))?;
            qjs::JS_SetConstructor(self.0, constructor.raw().0, proto.0);
            Ok(constructor)
        }
    }

    /// A function with values bound to it: `entry` gets them before the call's own arguments.
    ///
    /// # Errors
    /// Out of memory.
    pub fn closure(self, length: u8, bound: &[Raw], entry: BoundEntry) -> JsResult<Val> {
        // SAFETY: the callee duplicates the bound values.
        self.own(unsafe {
            qjs::JS_NewCFunctionData(
                self.0,
                Some(entry),
                i32::from(length),
                0,
                bound.len() as i32,
                bound.as_ptr().cast_mut().cast(),
            )
        })
    }

    /// Throws a value.
    pub fn throw(self, value: Val) -> Thrown {
        // SAFETY: ownership of the value goes to the context.
        unsafe { qjs::JS_Throw(self.0, value.into_raw()) };
        Thrown
    }

    /// Throws an `Error` called `name`, with the script's stack. k6's host errors are called `GoError`.
    pub fn throw_error(self, name: &str, message: &str) -> Thrown {
        match self.new_error(name, message) {
            Ok(error) => self.throw(error),
            Err(thrown) => thrown,
        }
    }

    /// Throws k6's kind of host error: prints as `GoError: message`.
    pub fn throw_go(self, message: &str) -> Thrown {
        self.throw_error("GoError", message)
    }

    /// Throws a `TypeError`.
    pub fn throw_type(self, message: &str) -> Thrown {
        let message = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
        // SAFETY: a format with one string, which is NUL-terminated.
        unsafe { qjs::JS_ThrowTypeError(self.0, c"%s".as_ptr(), message.as_ptr()) };
        Thrown
    }

    /// Throws a `RangeError`.
    pub fn throw_range(self, message: &str) -> Thrown {
        let message = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
        // SAFETY: a format with one string, which is NUL-terminated.
        unsafe { qjs::JS_ThrowRangeError(self.0, c"%s".as_ptr(), message.as_ptr()) };
        Thrown
    }

    /// An error object called `name` with the script's current stack.
    pub fn new_error(self, name: &str, message: &str) -> JsResult<Val> {
        // SAFETY: the context is live.
        let error = self.own(unsafe { qjs::JS_NewError(self.0) })?;
        let flags = (qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_WRITABLE) as i32;
        error.raw().define_str(self, c"message", self.string(message)?, flags)?;
        error.raw().define_str(self, c"name", self.string(name)?, flags)?;
        Ok(error)
    }

    /// Takes the pending exception.
    pub fn take_exception(self) -> Val {
        // SAFETY: the context is live.
        Val::from_raw(self, unsafe { qjs::JS_GetException(self.0) })
    }

    /// Where a value that is no `Error` was last thrown, as a stack of the engine's form; empty if unknown.
    pub fn thrown_stack(self) -> String {
        // SAFETY: ownership of the site comes to us.
        let site = Val::from_raw(self, unsafe { qjs::JS_TakeThrowSite(self.0) });
        if !site.raw().is_error() {
            return String::new();
        }
        match site.raw().get_str(self, c"stack").and_then(|stack| stack.raw().to_text(self)) {
            Ok(stack) => stack.to_string(),
            Err(Thrown) => {
                drop(self.take_exception());
                String::new()
            }
        }
    }

    /// Throws what scripts cannot catch: the VU was told to stop.
    pub fn throw_interrupted(self) -> Thrown {
        // SAFETY: a constant format; the error object is owned by us until thrown again.
        unsafe {
            qjs::JS_ThrowInternalError(self.0, c"interrupted".as_ptr());
            let error = qjs::JS_GetException(self.0);
            qjs::JS_SetUncatchableError(self.0, error);
            qjs::JS_Throw(self.0, error);
        }
        Thrown
    }

    /// Parses JSON text.
    pub fn parse_json(self, json: &str) -> JsResult<Val> {
        let text =
            CString::new(json).map_err(|_| self.throw_error("SyntaxError", "NUL in JSON"))?;
        // SAFETY: NUL-terminated text with its length.
        self.own(unsafe {
            qjs::JS_ParseJSON(self.0, text.as_ptr(), text.as_bytes().len() as _, c"<json>".as_ptr())
        })
    }

    /// `JSON.stringify(value)`; `None` where that is `undefined`.
    pub fn stringify(self, value: Raw) -> JsResult<Option<String>> {
        // SAFETY: values of this context.
        let json = self.own(unsafe {
            qjs::JS_JSONStringify(self.0, value.0, qjs::JS_UNDEFINED, qjs::JS_UNDEFINED)
        })?;
        if json.raw().is_undefined() {
            Ok(None)
        } else {
            Ok(Some(json.raw().to_text(self)?.to_string()))
        }
    }

    /// A new promise with its resolve and reject functions.
    pub fn promise(self) -> JsResult<(Val, Val, Val)> {
        let mut functions = [qjs::JS_UNDEFINED; 2];
        // SAFETY: the callee fills both functions when it succeeds.
        let promise =
            self.own(unsafe { qjs::JS_NewPromiseCapability(self.0, functions.as_mut_ptr()) })?;
        let [resolve, reject] = functions.map(|f| Val::from_raw(self, f));
        Ok((promise, resolve, reject))
    }

    /// Sets the number that promise reactions made from here on remember (see PATCHES.md).
    pub(crate) fn set_async_context(self, context: u32) {
        // SAFETY: the runtime is live.
        unsafe { qjs::JS_SetAsyncContext(self.runtime(), context) };
    }

    /// Interns a property name for the life of the runtime.
    pub fn atom(self, name: &str) -> Atom {
        // SAFETY: pointer and length of a valid UTF-8 string.
        Atom(unsafe { qjs::JS_NewAtomLen(self.0, name.as_ptr().cast(), name.len() as _) })
    }

    /// Adds functions and getters to an object; they are made when first read.
    pub fn define_list<const N: usize>(self, object: Raw, list: &'static List<N>) -> JsResult<()> {
        // SAFETY: the list is 'static and has N entries.
        let status =
            unsafe { qjs::JS_SetPropertyFunctionList(self.0, object.0, list.as_ptr(), N as i32) };
        if status < 0 { Err(Thrown) } else { Ok(()) }
    }

    /// `Object.freeze(value)`.
    pub fn freeze(self, value: Raw) -> JsResult<()> {
        // SAFETY: a live value.
        if unsafe { qjs::JS_FreezeObject(self.0, value.0) } < 0 { Err(Thrown) } else { Ok(()) }
    }

    /// Runs the cycle collector.
    pub fn collect(self) {
        // SAFETY: the runtime is live.
        unsafe { qjs::JS_RunGC(self.runtime()) };
    }
}

/// A host function with bound values: context, arguments, what was bound.
pub type NativeBound = fn(Ctx, Args<'_>, &[Raw]) -> JsResult<Val>;

/// What [`native!`] gives.
pub type NativeEntry = unsafe extern "C" fn(
    *mut qjs::JSContext,
    qjs::JSValue,
    core::ffi::c_int,
    *mut qjs::JSValue,
) -> qjs::JSValue;

/// What [`native_numbered!`] gives.
pub type NumberedEntry = unsafe extern "C" fn(
    *mut qjs::JSContext,
    qjs::JSValue,
    core::ffi::c_int,
    *mut qjs::JSValue,
    core::ffi::c_int,
) -> qjs::JSValue;

/// The C entry point of many functions (`fn(Ctx, Raw, Args, number: i32) -> JsResult<Val>`).
#[macro_export]
macro_rules! native_numbered {
    ($f:path) => {{
        #[allow(unsafe_code)]
        unsafe extern "C" fn entry(
            ctx: *mut $crate::js::qjs::JSContext,
            this: $crate::js::qjs::JSValue,
            argc: ::core::ffi::c_int,
            argv: *mut $crate::js::qjs::JSValue,
            number: ::core::ffi::c_int,
        ) -> $crate::js::qjs::JSValue {
            // SAFETY: QuickJS passes a live context and `argc` arguments.
            unsafe {
                $crate::js::enter(ctx, this, argc, argv, |cx, this, args| {
                    $f(cx, this, args, number)
                })
            }
        }
        entry
    }};
}

/// What [`native_bound!`] gives.
pub type BoundEntry = unsafe extern "C" fn(
    *mut qjs::JSContext,
    qjs::JSValue,
    core::ffi::c_int,
    *mut qjs::JSValue,
    core::ffi::c_int,
    *mut qjs::JSValue,
) -> qjs::JSValue;

/// The C entry point of a function with bound values (`fn(Ctx, Args, bound: &[Raw]) -> JsResult<Val>`); `$n` is how many.
#[macro_export]
macro_rules! native_bound {
    ($n:expr, $f:path) => {{
        const BOUND: usize = $n;
        const BODY: $crate::js::NativeBound = $f;
        #[allow(unsafe_code)]
        unsafe extern "C" fn entry(
            ctx: *mut $crate::js::qjs::JSContext,
            this: $crate::js::qjs::JSValue,
            argc: ::core::ffi::c_int,
            argv: *mut $crate::js::qjs::JSValue,
            _magic: ::core::ffi::c_int,
            data: *mut $crate::js::qjs::JSValue,
        ) -> $crate::js::qjs::JSValue {
            // SAFETY: QuickJS passes `argc` arguments and the values bound when the function was made.
            unsafe {
                let bound: &[$crate::js::Raw] = ::core::slice::from_raw_parts(data.cast(), BOUND);
                $crate::js::enter(ctx, this, argc, argv, |cx, _this, args| BODY(cx, args, bound))
            }
        }
        entry
    }};
}

/// An interned property name. Never freed before its runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Atom(pub(crate) qjs::JSAtom);

impl Atom {
    /// The name.
    ///
    /// # Errors
    /// Out of memory.
    pub fn to_text(self, cx: Ctx) -> JsResult<Text> {
        // SAFETY: a live atom.
        let name = cx.own(unsafe { qjs::JS_AtomToString(cx.0, self.0) })?;
        name.raw().to_text(cx)
    }

    /// Keeps it interned for the life of the runtime.
    pub fn keep(self, cx: Ctx) {
        // SAFETY: a live atom; the reference is given up with the runtime.
        unsafe { qjs::JS_DupAtom(cx.0, self.0) };
    }
}

/// A null pointer for optional C arguments.
pub(crate) const fn null<T>() -> *const T {
    ptr::null()
}
