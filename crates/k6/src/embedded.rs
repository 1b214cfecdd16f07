//! Parts of the library that are written in JavaScript: compiled once for the process, read by each VU that uses them.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::sync::OnceLock;

use crate::js::{Ctx, Engine, Intrinsics, JsResult, Thrown, Val, qjs};
use crate::loading::read_bytecode;

/// Stack of the engine that compiles, bytes.
const COMPILER_STACK: usize = 400 << 10;

/// A program whose value is what it makes: usually a function of its native helpers.
pub(crate) struct Embedded {
    name: &'static CStr,
    source: &'static str,
    lines: Lines,
    bytecode: OnceLock<Result<Vec<u8>, String>>,
}

/// What the stacks of a program's exceptions show of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// Lines and columns, which each VU keeps.
    Kept,
    /// Its name.
    Dropped,
}

impl Embedded {
    /// `name` is what stacks show.
    pub(crate) const fn new(name: &'static CStr, source: &'static str) -> Embedded {
        Embedded { name, source, lines: Lines::Dropped, bytecode: OnceLock::new() }
    }

    /// A program that calls the script's functions, whose stacks then say where.
    pub(crate) const fn with_lines(name: &'static CStr, source: &'static str) -> Embedded {
        Embedded { name, source, lines: Lines::Kept, bytecode: OnceLock::new() }
    }

    /// The program's value, made anew.
    ///
    /// # Errors
    /// Out of memory, or the program does not compile (see the tests).
    pub(crate) fn evaluate(&self, cx: Ctx) -> JsResult<Val> {
        let code = match self.bytecode() {
            Ok(bytecode) => read_bytecode(cx, bytecode)?,
            Err(why) => return Err(cx.throw_error("InternalError", why)),
        };
        // SAFETY: JS_EvalFunction takes over the reference to the code.
        cx.own(unsafe { qjs::JS_EvalFunction(cx.as_ptr(), code.into_raw()) })
    }

    /// Its text.
    #[cfg(test)]
    pub(crate) fn source(&self) -> &'static str {
        self.source
    }

    /// What it is compiled to, or why it can't be.
    pub(crate) fn bytecode(&self) -> Result<&[u8], &str> {
        let compiled = self.bytecode.get_or_init(|| compile(self.name, self.source, self.lines));
        compiled.as_deref().map_err(String::as_str)
    }
}

/// Bytecode without the source's text.
fn compile(name: &CStr, source: &str, lines: Lines) -> Result<Vec<u8>, String> {
    let failed = |what: &str| format!("{}: {what}", name.to_string_lossy());
    let engine = Engine::new(Intrinsics::ALL, COMPILER_STACK).ok_or_else(|| failed("no memory"))?;
    let cx = engine.ctx();
    let text = CString::new(source).map_err(|_| failed("a NUL"))?;
    let flags = (qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY) as i32;
    // SAFETY: NUL-terminated source and name.
    let code = cx.own(unsafe {
        qjs::JS_Eval(cx.as_ptr(), text.as_ptr(), source.len() as _, name.as_ptr(), flags)
    });
    let code = code.map_err(|Thrown| {
        let error = cx.take_exception();
        let text = error.raw().to_text(cx).map_or_else(|_| String::new(), |text| text.to_string());
        failed(&text)
    })?;
    let mut flags = qjs::JS_WRITE_OBJ_BYTECODE | qjs::JS_WRITE_OBJ_STRIP_SOURCE;
    if lines == Lines::Dropped {
        flags |= qjs::JS_WRITE_OBJ_STRIP_DEBUG;
    }
    let mut size = 0;
    // SAFETY: the callee allocates `size` bytes, which are copied and freed.
    unsafe {
        let data = qjs::JS_WriteObject(cx.as_ptr(), &mut size, code.raw().0, flags as i32);
        if data.is_null() {
            return Err(failed("no memory"));
        }
        let bytes = std::slice::from_raw_parts(data, size as usize).to_vec();
        qjs::js_free(cx.as_ptr(), data.cast());
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_compile_says_why() {
        let bad = Embedded::new(c"<bad>", "(function");
        let error = bad.bytecode().unwrap_err();
        assert!(error.starts_with("<bad>: SyntaxError"), "{error}");
    }
}
