//! Strings of the engine, borrowed as UTF-8.
#![allow(unsafe_code)]

use std::ops::Deref;

use super::{Ctx, JsResult, Raw, Thrown, qjs};

/// A string value as UTF-8; lone surrogates become U+FFFD.
pub struct Text {
    ctx: Ctx,
    ptr: *const core::ffi::c_char,
    len: usize,
    /// Set where the engine's bytes were no UTF-8.
    repaired: Option<Box<str>>,
}

impl Text {
    pub(super) fn of(cx: Ctx, value: Raw) -> JsResult<Text> {
        let mut len = 0;
        // SAFETY: `len` outlives the call; a null result means a pending exception.
        let ptr = unsafe { qjs::JS_ToCStringLen(cx.as_ptr(), &mut len, value.0) };
        if ptr.is_null() {
            return Err(Thrown);
        }
        let mut text = Text { ctx: cx, ptr, len, repaired: None };
        // Nearly always right: the lossy conversion costs twice as much to find that out.
        if std::str::from_utf8(text.bytes()).is_err() {
            text.repaired = Some(String::from_utf8_lossy(text.bytes()).into());
        }
        Ok(text)
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the engine keeps `len` bytes alive until JS_FreeCString.
        unsafe { std::slice::from_raw_parts(self.ptr.cast(), self.len) }
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.repaired {
            Some(text) => text,
            // SAFETY: checked in `of`.
            None => unsafe { std::str::from_utf8_unchecked(self.bytes()) },
        }
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: from JS_ToCStringLen, freed once.
        unsafe { qjs::JS_FreeCString(self.ctx.as_ptr(), self.ptr) };
    }
}
