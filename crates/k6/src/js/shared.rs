//! Buffers and strings over memory that all VUs share.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::Arc;

use super::{Ctx, JsResult, Val, qjs};

/// Characters as the engine keeps them.
#[derive(Debug, Clone)]
pub enum SharedText {
    /// Latin-1, with a NUL behind the last.
    Narrow(Arc<[u8]>),
    /// UTF-16.
    Wide(Arc<[u16]>),
}

impl SharedText {
    /// Of UTF-8; what is none becomes U+FFFD.
    pub fn of(bytes: &[u8]) -> SharedText {
        let text = String::from_utf8_lossy(bytes);
        if text.chars().all(|c| u32::from(c) <= 0xff) {
            SharedText::Narrow(text.chars().map(|c| c as u8).chain([0]).collect())
        } else {
            SharedText::Wide(text.encode_utf16().collect())
        }
    }
}

/// What is behind a buffer: the bytes of all, then those of its own.
struct Behind {
    shared: Arc<[u8]>,
    own: *mut c_void,
}

/// What the engine calls to get memory for a buffer's own bytes, to change its size, and with 0 to free it.
unsafe extern "C" fn reallocate(
    _rt: *mut qjs::JSRuntime,
    opaque: *mut c_void,
    _ptr: *mut c_void,
    size: qjs::size_t,
) -> *mut c_void {
    let opaque = opaque.cast::<Behind>();
    // SAFETY: the opaque pointer is the leaked Box of `shared_buffer`; the engine frees a buffer once, and `own` comes
    // from the allocator that frees it.
    unsafe {
        if size == 0 {
            let behind = Box::from_raw(opaque);
            libmimalloc_sys::mi_free(behind.own);
            return std::ptr::null_mut();
        }
        let behind = &mut *opaque;
        let size = size as usize;
        if behind.own.is_null() {
            let own = libmimalloc_sys::mi_malloc(size);
            if own.is_null() {
                return own;
            }
            let shared = behind.shared.len().min(size);
            std::ptr::copy_nonoverlapping(behind.shared.as_ptr(), own.cast(), shared);
            std::ptr::write_bytes(own.cast::<u8>().add(shared), 0, size - shared);
            behind.own = own;
            // The others keep theirs; this one is done with it.
            behind.shared = Arc::new([]);
        } else {
            let own = libmimalloc_sys::mi_realloc(behind.own, size);
            if !own.is_null() {
                behind.own = own;
            }
            return own;
        }
        behind.own
    }
}

unsafe extern "C" fn forget_text(opaque: *mut c_void) {
    // SAFETY: the leaked Box of `shared_string`; called once.
    drop(unsafe { Box::from_raw(opaque.cast::<SharedText>()) });
}

impl Ctx {
    /// An `ArrayBuffer` over bytes that others share; it gets a copy when a script first writes into it.
    ///
    /// # Errors
    /// Out of memory, or more than 2 GiB.
    pub fn shared_buffer(self, bytes: Arc<[u8]>) -> JsResult<Val> {
        if bytes.is_empty() {
            return self.array_buffer(&[]);
        }
        self.need_typed_arrays()?;
        let (data, len) = (bytes.as_ptr().cast_mut(), bytes.len());
        let behind = Box::into_raw(Box::new(Behind { shared: bytes, own: std::ptr::null_mut() }));
        // SAFETY: the bytes live as long as the Box, which the engine frees through `reallocate`; it never writes them
        // before it has asked for a copy.
        unsafe {
            let buffer = self.own(qjs::JS_NewCopyOnWriteArrayBuffer(
                self.as_ptr(),
                data,
                len as _,
                Some(reallocate),
                behind.cast(),
            ));
            if buffer.is_err() {
                drop(Box::from_raw(behind));
            }
            buffer
        }
    }

    /// A string of characters that others share.
    ///
    /// # Errors
    /// Out of memory, or more than 1 Gi characters.
    pub fn shared_string(self, text: SharedText) -> JsResult<Val> {
        let (data, len, is_wide) = match &text {
            SharedText::Narrow(bytes) => (bytes.as_ptr().cast::<c_void>(), bytes.len() - 1, false),
            SharedText::Wide(units) => (units.as_ptr().cast(), units.len(), true),
        };
        if len == 0 {
            return self.string("");
        }
        let text = Box::into_raw(Box::new(text));
        // SAFETY: the characters live as long as the Box, which `forget_text` frees, also where this fails.
        self.own(unsafe {
            qjs::JS_NewExternalString(
                self.as_ptr(),
                data,
                len as _,
                is_wide,
                Some(forget_text),
                text.cast(),
            )
        })
    }
}
