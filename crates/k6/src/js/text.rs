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
            text.repaired = Some(repaired(text.bytes()).into());
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

/// The engine's bytes with U+FFFD for what is no UTF-8: a lone surrogate, of three bytes, becomes one.
fn repaired(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                out.push_str(text);
                return out;
            }
            Err(error) => {
                let (text, broken) = rest.split_at(error.valid_up_to());
                out.push_str(&String::from_utf8_lossy(text));
                out.push('\u{fffd}');
                let len = match broken {
                    [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => 3,
                    _ => error.error_len().unwrap_or(broken.len()),
                };
                rest = &broken[len..];
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_surrogate_is_one_character() {
        for (bytes, expect) in [
            (&b"a\xed\xa0\x80b"[..], "a\u{fffd}b"),
            (b"\xed\xb0\x80\xed\xb0\x80", "\u{fffd}\u{fffd}"),
            (b"\xff\xc3\xbc", "\u{fffd}ü"),
            (b"x\xe2\x82", "x\u{fffd}"),
        ] {
            assert_eq!(repaired(bytes), expect);
        }
    }
}
