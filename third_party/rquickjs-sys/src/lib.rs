#![allow(non_upper_case_globals)]
#![allow(non_camel_case_types)]
#![allow(non_snake_case)]
#![allow(clippy::unreadable_literal)]
#![allow(clippy::missing_safety_doc)]
#![allow(clippy::upper_case_acronyms)]
#![allow(clippy::uninlined_format_args)]
#![no_std]

use ::core::ptr;

/// Common error message for converting between C `size_t` and Rust `usize`;
pub const SIZE_T_ERROR: &str =
    "conversion between C type 'size_t' and Rust type 'usize' overflowed.";

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

#[cfg(not(feature = "bindgen"))]
include!(concat!("bindings/", bindings_env!("TARGET"), ".rs"));

#[cfg(target_pointer_width = "64")]
include!("inlines/ptr_64.rs");

#[cfg(target_pointer_width = "32")]
include!("inlines/ptr_32_nan_boxing.rs");

include!("inlines/common.rs");

extern "C" {
    /// An Error made where a value that is no Error was last thrown; undefined if there was none since the last call.
    pub fn JS_TakeThrowSite(ctx: *mut JSContext) -> JSValue;
    /// How many steps run between two calls of the interrupt handler, which may set it (see PATCHES.md).
    pub fn JS_SetInterruptBudget(rt: *mut JSRuntime, steps: c_int);
    /// Forgets the promise jobs that are waiting to run.
    pub fn JS_DropPendingJobs(rt: *mut JSRuntime);
    /// Sets the host's number for what runs now, which promise reactions and jobs made from here on remember.
    pub fn JS_SetAsyncContext(rt: *mut JSRuntime, context: u32);
    /// The number that the next job was made under; 0 without a job.
    pub fn JS_NextJobAsyncContext(rt: *mut JSRuntime) -> u32;
    /// Makes objects of a class arrays to `Array.isArray`, JSON and `concat`.
    pub fn JS_SetArrayLikeClass(rt: *mut JSRuntime, class_id: JSClassID);
    /// Lets any name be imported from the native module `m` (see PATCHES.md, lazy exports).
    pub fn JS_SetModuleLazyExports(ctx: *mut JSContext, m: *mut JSModuleDef);
    /// Sets the names that were imported from `m`; -1 with a pending exception if a getter threw.
    pub fn JS_FillLazyExports(
        ctx: *mut JSContext,
        m: *mut JSModuleDef,
        exports: JSValue,
        default_export: JSValue,
    ) -> c_int;
    /// An `ArrayBuffer` over bytes that others share; before it is first written, `realloc_func` gives it a copy.
    pub fn JS_NewCopyOnWriteArrayBuffer(
        ctx: *mut JSContext,
        buf: *mut u8,
        len: size_t,
        realloc_func: JSReallocArrayBufferDataFunc,
        opaque: *mut ::core::ffi::c_void,
    ) -> JSValue;
    /// Makes the bytes of an `ArrayBuffer` its own, so that the host may write them; false where nobody may.
    pub fn JS_OwnArrayBuffer(obj: JSValue) -> bool;
    /// A string of characters that the host keeps until `free_func` is called.
    pub fn JS_NewExternalString(
        ctx: *mut JSContext,
        data: *const ::core::ffi::c_void,
        len: size_t,
        is_wide_char: bool,
        free_func: Option<unsafe extern "C" fn(opaque: *mut ::core::ffi::c_void)>,
        opaque: *mut ::core::ffi::c_void,
    ) -> JSValue;
}
