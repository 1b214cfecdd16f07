//! One QuickJS runtime with one context, freed together.
#![allow(unsafe_code)]

use std::ffi::c_void;

use super::{Ctx, FIRST_CLASS_ID, qjs};

/// Which built-in objects a realm has beyond the language core. Each costs memory in every VU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Intrinsics {
    /// `eval`, `Function(…)`.
    pub eval: bool,
    /// `ArrayBuffer`, typed arrays, `DataView`.
    pub typed_arrays: bool,
    /// `Proxy`, `Reflect` comes with the core.
    pub proxy: bool,
    /// `BigInt`.
    pub bigint: bool,
    /// `WeakRef`, `FinalizationRegistry`.
    pub weak_ref: bool,
}

impl Intrinsics {
    /// Everything.
    pub const ALL: Intrinsics =
        Intrinsics { eval: true, typed_arrays: true, proxy: true, bigint: true, weak_ref: true };

    /// What the text of a script mentions; computed access to globals and code made at run time mean everything.
    pub fn mentioned(source: &str) -> Intrinsics {
        let has = |word: &str| source.contains(word);
        if has("eval") || has("Function") || has("globalThis[") || has("global[") || has("Reflect")
        {
            return Intrinsics::ALL;
        }
        const BYTES: [&str; 13] = [
            "TextEncoder",
            "TextDecoder",
            "ArrayBuffer",
            "DataView",
            "Uint8",
            "Uint16",
            "Uint32",
            "Int8",
            "Int16",
            "Int32",
            "Float16",
            "Float32",
            "Float64",
        ];
        Intrinsics {
            eval: false,
            typed_arrays: BYTES.iter().any(|word| has(word)) || has("BigInt64") || has("BigUint64"),
            proxy: has("Proxy"),
            bigint: has("BigInt") || has_bigint_literal(source),
            weak_ref: has("WeakRef") || has("FinalizationRegistry"),
        }
    }

    /// What either needs.
    #[must_use]
    pub fn or(self, other: Intrinsics) -> Intrinsics {
        Intrinsics {
            eval: self.eval || other.eval,
            typed_arrays: self.typed_arrays || other.typed_arrays,
            proxy: self.proxy || other.proxy,
            bigint: self.bigint || other.bigint,
            weak_ref: self.weak_ref || other.weak_ref,
        }
    }
}

/// A word that starts with a digit and ends with `n`, as `10n`.
fn has_bigint_literal(source: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let mut words = source.as_bytes().split(|byte| !is_word(byte));
    words.any(|word| word.len() > 1 && word[0].is_ascii_digit() && word.ends_with(b"n"))
}

/// Scripts' memory comes from the allocator the rest of the program uses: the C library's costs a tenth of a scripted
/// request more and keeps more of what it once had.
static ALLOCATOR: qjs::JSMallocFunctions = qjs::JSMallocFunctions {
    js_calloc: Some(calloc),
    js_malloc: Some(malloc),
    js_free: Some(free),
    js_realloc: Some(realloc),
    js_malloc_usable_size: Some(usable_size),
};

unsafe extern "C" fn calloc(_: *mut c_void, count: qjs::size_t, size: qjs::size_t) -> *mut c_void {
    // SAFETY: has no precondition.
    unsafe { libmimalloc_sys::mi_calloc(count as usize, size as usize) }
}

unsafe extern "C" fn malloc(_: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: has no precondition.
    unsafe { libmimalloc_sys::mi_malloc(size as usize) }
}

unsafe extern "C" fn free(_: *mut c_void, block: *mut c_void) {
    // SAFETY: the engine frees what it was given by this allocator, once.
    unsafe { libmimalloc_sys::mi_free(block) }
}

unsafe extern "C" fn realloc(_: *mut c_void, block: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: as in `free`.
    unsafe { libmimalloc_sys::mi_realloc(block, size as usize) }
}

unsafe extern "C" fn usable_size(block: *const c_void) -> qjs::size_t {
    // SAFETY: asked of live blocks only; null is allowed.
    unsafe { libmimalloc_sys::mi_usable_size(block) as qjs::size_t }
}

/// A runtime and its context.
#[derive(Debug)]
pub struct Engine {
    runtime: *mut qjs::JSRuntime,
    context: *mut qjs::JSContext,
}

impl Engine {
    /// Makes both. Must be called on the stack (fiber) that will run the scripts: the engine measures its depth from
    /// here, and throws a `RangeError` at `stack_bytes`.
    ///
    /// `None` when out of memory.
    pub fn new(intrinsics: Intrinsics, stack_bytes: usize) -> Option<Engine> {
        // SAFETY: plain constructor calls, each checked; on failure what was made is freed by Drop.
        unsafe {
            let runtime = qjs::JS_NewRuntime2(&raw const ALLOCATOR, std::ptr::null_mut());
            if runtime.is_null() {
                return None;
            }
            qjs::JS_SetMaxStackSize(runtime, stack_bytes as _);
            let mut id = 0;
            assert!(
                qjs::JS_NewClassID(runtime, &mut id) <= FIRST_CLASS_ID,
                "QuickJS has grown more classes: raise FIRST_CLASS_ID"
            );
            let context = qjs::JS_NewContextRaw(runtime);
            let engine = Engine { runtime, context };
            if context.is_null() {
                return None;
            }
            let mut failed = qjs::JS_AddIntrinsicBaseObjects(context)
                | qjs::JS_AddIntrinsicDate(context)
                | qjs::JS_AddIntrinsicRegExp(context)
                | qjs::JS_AddIntrinsicJSON(context)
                | qjs::JS_AddIntrinsicMapSet(context)
                | qjs::JS_AddIntrinsicPromise(context);
            if intrinsics.eval {
                failed |= qjs::JS_AddIntrinsicEval(context);
            }
            if intrinsics.typed_arrays {
                failed |= qjs::JS_AddIntrinsicTypedArrays(context);
            }
            if intrinsics.proxy {
                failed |= qjs::JS_AddIntrinsicProxy(context);
            }
            if intrinsics.bigint {
                failed |= qjs::JS_AddIntrinsicBigInt(context);
            }
            if intrinsics.weak_ref {
                failed |= qjs::JS_AddIntrinsicWeakRef(context);
            }
            (failed == 0).then_some(engine)
        }
    }

    /// The context.
    pub fn ctx(&self) -> Ctx {
        // SAFETY: live as long as self; users keep within that.
        unsafe { Ctx::from_ptr(self.context) }
    }

    /// The runtime.
    pub fn runtime(&self) -> *mut qjs::JSRuntime {
        self.runtime
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once, context first.
        unsafe {
            if !self.context.is_null() {
                qjs::JS_FreeContext(self.context);
            }
            qjs::JS_FreeRuntime(self.runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intrinsics_follow_what_the_script_mentions() {
        let none = Intrinsics::default();
        for (source, expect) in [
            ("export default function () {}", none),
            ("const n = 10n", Intrinsics { bigint: true, ..none }),
            ("const min = a1n + on", none),
            ("new Uint8Array(3)", Intrinsics { typed_arrays: true, ..none }),
            ("new Proxy({}, {})", Intrinsics { proxy: true, ..none }),
            ("new Function('return 1')", Intrinsics::ALL),
            ("globalThis['Big' + 'Int']", Intrinsics::ALL),
        ] {
            assert_eq!(Intrinsics::mentioned(source), expect, "{source}");
        }
    }
}
