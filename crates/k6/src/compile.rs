//! Scripts compiled once to bytecode, loaded by every VU.
//!
//! A file is compiled as CommonJS if it parses so (k6's rule: `import`, `export` or top-level `await` make it an ES
//! module), else as a module. Compiling a module pulls in what it imports; `require()` adds files while the probe runs.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::exception;
use crate::imports::Listing;
use crate::js::{Ctx, Engine, Intrinsics, JsResult, Raw, Thrown, qjs};
use crate::locate::{Aliases, Located};
use crate::packages::Asked;
use crate::resolve;
use crate::web::Mentioned;
use crate::world::Reader;

/// What stands before a CommonJS file on its first line; stacks are corrected by its length. k6 runs all code strictly.
pub(crate) const COMMONJS_HEAD: &str = "(function(module, exports, require) {'use strict';";
const COMMONJS_TAIL: &str = "\n})";

/// Largest script file, bytes.
const MAX_SOURCE: usize = 64 << 20;

/// How a file is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ES module.
    Module,
    /// A function of `module`, `exports` and `require`.
    CommonJs,
    /// Data: what is kept is its text.
    Json,
}

/// One compiled file.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub kind: Kind,
    pub bytecode: Vec<u8>,
    /// It mentions `import.meta`.
    pub uses_meta: bool,
}

/// Why a script could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompileError {
    /// k6's text.
    pub message: String,
    /// k6's exit code.
    pub exit_code: u8,
}

/// The compiled files of a test.
pub struct Graph {
    pub(crate) main: String,
    files: RwLock<FxHashMap<String, Arc<Compiled>>>,
    intrinsics: RwLock<Intrinsics>,
    globals: RwLock<Mentioned>,
    /// Modules found by Node's rules.
    pub(crate) aliases: Aliases,
    /// Notes what is imported.
    pub(crate) listing: Option<Listing>,
    /// Some file reads its exported options back, so that VUs need the consolidated ones.
    reads_options: AtomicBool,
}

impl Graph {
    /// Compiles the main script `source` at `url` and everything it imports.
    pub(crate) fn compile(
        url: &str,
        source: &[u8],
        reader: &dyn Reader,
    ) -> Result<Graph, CompileError> {
        Self::make(url, source, reader, None)
    }

    /// The same, noting what is imported; modules of k6 that do not exist here are no error.
    pub(crate) fn list(
        url: &str,
        source: &[u8],
        reader: &dyn Reader,
    ) -> Result<Graph, CompileError> {
        Self::make(url, source, reader, Some(Listing::default()))
    }

    fn make(
        url: &str,
        source: &[u8],
        reader: &dyn Reader,
        listing: Option<Listing>,
    ) -> Result<Graph, CompileError> {
        let graph = Graph {
            main: url.to_owned(),
            files: RwLock::default(),
            intrinsics: RwLock::new(Intrinsics::default()),
            globals: RwLock::default(),
            aliases: Aliases::default(),
            listing,
            reads_options: AtomicBool::new(false),
        };
        graph.add_source(url, source, reader)?;
        Ok(graph)
    }

    /// The compiled file at `url`.
    pub(crate) fn get(&self, url: &str) -> Option<Arc<Compiled>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    /// What realms need.
    pub(crate) fn intrinsics(&self) -> Intrinsics {
        *self.intrinsics.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Globals of the web platform that the scripts mention.
    pub(crate) fn globals(&self) -> Mentioned {
        *self.globals.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the script may look at its options while it runs.
    pub(crate) fn reads_options(&self) -> bool {
        self.reads_options.load(Ordering::Relaxed)
    }

    /// Reads and compiles the file at `url`, unless that is done.
    pub(crate) fn add_file(
        &self,
        url: &str,
        specifier: &str,
        reader: &dyn Reader,
    ) -> Result<(), CompileError> {
        if self.get(url).is_some() {
            return Ok(());
        }
        let source = read(url, specifier, reader)?;
        self.add_source(url, &source, reader)
    }

    fn add_source(
        &self,
        url: &str,
        source: &[u8],
        reader: &dyn Reader,
    ) -> Result<(), CompileError> {
        let engine = Engine::new(
            Intrinsics { eval: true, bigint: true, ..Intrinsics::default() },
            400 << 10,
        )
        .ok_or_else(|| failure("out of memory while compiling"))?;
        let compiler = Compiler { graph: self, reader, error: RefCell::new(None) };
        // SAFETY: `compiler` outlives the engine's use of the pointer: nothing is compiled after this function.
        unsafe {
            qjs::JS_SetModuleLoaderFunc(
                engine.runtime(),
                Some(normalize),
                Some(load),
                std::ptr::from_ref(&compiler).cast_mut().cast(),
            );
        }
        match compiler.file(engine.ctx(), url, source) {
            Ok(_) => Ok(()),
            Err(Thrown) => Err(compiler.take_error(engine.ctx())),
        }
    }

    fn keep(&self, url: &str, source: &str, compiled: Compiled) {
        if let Some(listing) = &self.listing {
            listing.directives(url, source);
        }
        let mut intrinsics = self.intrinsics.write().unwrap_or_else(PoisonError::into_inner);
        let mentioned = Intrinsics::mentioned(source);
        *intrinsics = intrinsics.or(mentioned);
        drop(intrinsics);
        let mut globals = self.globals.write().unwrap_or_else(PoisonError::into_inner);
        *globals = globals.or(Mentioned::in_source(source, mentioned == Intrinsics::ALL));
        drop(globals);
        if source.contains("options.") || source.contains("options[") {
            self.reads_options.store(true, Ordering::Relaxed);
        }
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(url.to_owned(), Arc::new(compiled));
    }
}

fn failure(message: &str) -> CompileError {
    CompileError { message: message.to_owned(), exit_code: 107 }
}

fn read(url: &str, specifier: &str, reader: &dyn Reader) -> Result<Vec<u8>, CompileError> {
    let source = if resolve::is_remote(url) {
        reader.fetch(url).map_err(|why| failure(&resolve::not_fetched(specifier, url, &why)))?
    } else {
        let path = resolve::path_of(url).ok_or_else(|| failure(&resolve::not_found(specifier)))?;
        reader.read(&path).map_err(|_| failure(&resolve::not_found(specifier)))?
    };
    if source.len() > MAX_SOURCE {
        return Err(failure(&format!("the script {url} is larger than {MAX_SOURCE} bytes")));
    }
    Ok(source)
}

struct Compiler<'a> {
    graph: &'a Graph,
    reader: &'a dyn Reader,
    error: RefCell<Option<CompileError>>,
}

impl Compiler<'_> {
    /// Compiles one file; the module stands for it in this engine.
    fn file(&self, cx: Ctx, url: &str, source: &[u8]) -> JsResult<*mut qjs::JSModuleDef> {
        let text = String::from_utf8_lossy(source);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        match extension(url) {
            "json" => self.json(cx, url, text),
            "ts" | "mts" | "cts" => match strip_types(text) {
                Ok(javascript) => self.javascript(cx, url, &javascript),
                Err(error) => Err(self.fail(cx, failure(&type_error(url, &error)))),
            },
            _ => self.javascript(cx, url, text).or_else(|Thrown| {
                if !is_standard_input(url) || self.error_is_elsewhere(url) {
                    return Err(Thrown);
                }
                let Ok(javascript) = strip_types(text) else { return Err(Thrown) };
                drop(cx.take_exception());
                self.error.borrow_mut().take();
                self.javascript(cx, url, &javascript)
            }),
        }
    }

    /// Whether the error to report is that of a file which this one imports.
    fn error_is_elsewhere(&self, url: &str) -> bool {
        let error = self.error.borrow();
        error.as_ref().is_some_and(|error| !error.message.starts_with(url))
    }

    fn json(&self, cx: Ctx, url: &str, text: &str) -> JsResult<*mut qjs::JSModuleDef> {
        if let Err(Thrown) = cx.parse_json(text) {
            let thrown = cx.take_exception();
            let why = exception::headline(cx, thrown.raw());
            let why = why.strip_prefix("SyntaxError: ").unwrap_or(&why);
            return Err(self.fail(cx, failure(&format!("{url}: {why}"))));
        }
        let bytecode = text.as_bytes().to_vec();
        self.graph.keep(url, "", Compiled { kind: Kind::Json, bytecode, uses_meta: false });
        stand_in(cx, &c_string(url))
    }

    fn javascript(&self, cx: Ctx, url: &str, text: &str) -> JsResult<*mut qjs::JSModuleDef> {
        let name = c_string(url);
        let head = if text.starts_with("#!") { "//" } else { "" };
        let wrapped = format!("{COMMONJS_HEAD}{head}{text}{COMMONJS_TAIL}");
        match eval(cx, &wrapped, &name, qjs::JS_EVAL_TYPE_GLOBAL) {
            Ok(function) => {
                self.keep(cx, url, text, Kind::CommonJs, function.raw())?;
                stand_in(cx, &name)
            }
            Err(Thrown) => {
                let as_script = cx.take_exception();
                match eval(cx, text, &name, qjs::JS_EVAL_TYPE_MODULE) {
                    Ok(module) => {
                        // SAFETY: a compiled module's value holds its pointer, and the context owns it.
                        let pointer = unsafe { qjs::JS_VALUE_GET_PTR(module.raw().0) }.cast();
                        self.keep(cx, url, text, Kind::Module, module.raw())?;
                        Ok(pointer)
                    }
                    Err(Thrown) if looks_like_module(text) => Err(Thrown),
                    Err(Thrown) => {
                        drop(cx.take_exception());
                        let error =
                            exception::syntax(cx, as_script.raw(), url, COMMONJS_HEAD.len());
                        self.error.borrow_mut().get_or_insert(failure(&error));
                        Err(cx.throw(as_script))
                    }
                }
            }
        }
    }

    fn keep(&self, cx: Ctx, url: &str, source: &str, kind: Kind, value: Raw) -> JsResult<()> {
        let flags = (qjs::JS_WRITE_OBJ_BYTECODE | qjs::JS_WRITE_OBJ_STRIP_SOURCE) as i32;
        let mut size = 0;
        // SAFETY: the callee allocates `size` bytes, which are copied and freed.
        let bytecode = unsafe {
            let data = qjs::JS_WriteObject(cx.as_ptr(), &mut size, value.0, flags);
            if data.is_null() {
                return Err(Thrown);
            }
            let bytes = std::slice::from_raw_parts(data, size as usize).to_vec();
            qjs::js_free(cx.as_ptr(), data.cast());
            bytes
        };
        let uses_meta = source.contains("import.meta");
        self.graph.keep(url, source, Compiled { kind, bytecode, uses_meta });
        Ok(())
    }

    fn take_error(&self, cx: Ctx) -> CompileError {
        let pending = cx.take_exception();
        self.error
            .borrow_mut()
            .take()
            .unwrap_or_else(|| failure(&exception::syntax(cx, pending.raw(), &self.graph.main, 0)))
    }

    fn fail(&self, cx: Ctx, error: CompileError) -> Thrown {
        let thrown = cx.throw_error("Error", &error.message);
        self.error.borrow_mut().get_or_insert(error);
        thrown
    }
}

/// Whether the error to show is that of the file read as a module.
fn looks_like_module(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        [
            "import ", "import{", "import*", "import'", "import\"", "export ", "export{",
            "export*", "await ",
        ]
        .iter()
        .any(|word| line.starts_with(word))
    })
}

/// A module without code: nobody runs it here. What is imported from it is found when it is.
fn stand_in(cx: Ctx, name: &CStr) -> JsResult<*mut qjs::JSModuleDef> {
    // SAFETY: a live context and a NUL-terminated name.
    unsafe {
        let module = qjs::JS_NewCModule(cx.as_ptr(), name.as_ptr(), Some(never_run));
        if module.is_null() {
            return Err(Thrown);
        }
        qjs::JS_SetModuleLazyExports(cx.as_ptr(), module);
        Ok(module)
    }
}

/// Standard input has no extension, and may be TypeScript, as in k6.
fn is_standard_input(url: &str) -> bool {
    url.starts_with("file://") && url.ends_with("/-")
}

/// What stands behind the last dot of a URL's path.
fn extension(url: &str) -> &str {
    let path =
        if resolve::is_remote(url) { url.split(['?', '#']).next().unwrap_or(url) } else { url };
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Strips types on a thread with the stack that needs; scripts without TypeScript never come here.
fn strip_types(text: &str) -> Result<String, typescript::SyntaxError> {
    let text = text.to_owned();
    let worker = rt::thread::start_with_stack("typescript", typescript::STACK, move || {
        typescript::strip(&text)
    });
    let stripped = worker.map_err(|error| error.to_string()).and_then(|worker| {
        worker.join().map_err(|_| "the parser failed; please report it".to_owned())
    });
    stripped.unwrap_or_else(|message| Err(typescript::SyntaxError { line: 1, column: 1, message }))
}

fn type_error(url: &str, error: &typescript::SyntaxError) -> String {
    format!("{url}: Line {}:{} {}", error.line, error.column, error.message)
}

fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

fn eval(cx: Ctx, source: &str, name: &CStr, kind: u32) -> JsResult<crate::js::Val> {
    let text = CString::new(source)
        .map_err(|_| cx.throw_error("SyntaxError", "the file holds a NUL character"))?;
    let flags = (kind | qjs::JS_EVAL_FLAG_COMPILE_ONLY) as i32;
    // SAFETY: NUL-terminated source and name.
    cx.own(unsafe {
        qjs::JS_Eval(cx.as_ptr(), text.as_ptr(), text.as_bytes().len() as _, name.as_ptr(), flags)
    })
}

unsafe extern "C" fn never_run(
    _: *mut qjs::JSContext,
    _: *mut qjs::JSModuleDef,
) -> core::ffi::c_int {
    0
}

/// A copy of `text` that QuickJS frees.
pub(crate) fn js_strdup(cx: Ctx, text: &str) -> *mut core::ffi::c_char {
    let text = c_string(text);
    // SAFETY: a NUL-terminated string, copied by the callee.
    unsafe { qjs::js_strdup(cx.as_ptr(), text.as_ptr()) }
}

unsafe extern "C" fn normalize(
    ctx: *mut qjs::JSContext,
    base: *const core::ffi::c_char,
    name: *const core::ffi::c_char,
    opaque: *mut core::ffi::c_void,
) -> *mut core::ffi::c_char {
    // SAFETY: a live context, NUL-terminated names, and the Compiler set in `add_source`.
    let (cx, base, name, compiler) = unsafe {
        (
            Ctx::from_ptr(ctx),
            CStr::from_ptr(base),
            CStr::from_ptr(name),
            &*opaque.cast::<Compiler<'_>>(),
        )
    };
    let (base, specifier) = (base.to_string_lossy(), name.to_string_lossy());
    let located = compiler.graph.locate(&base, &specifier, Asked::Import, Some(compiler.reader));
    match located {
        Ok(Located::Builtin(name)) => {
            compiler.note(&specifier);
            js_strdup(cx, name)
        }
        Ok(Located::File(url)) => {
            compiler.note(&url);
            // Read here, where the specifier as written is known: the error shows it.
            if compiler.graph.get(&url).is_none() && compiler.known(&url, &specifier, cx).is_err() {
                return std::ptr::null_mut();
            }
            js_strdup(cx, &url)
        }
        Err(_) if specifier.starts_with("k6/") && compiler.graph.listing.is_some() => {
            compiler.note(&specifier);
            js_strdup(cx, &specifier)
        }
        Err(message) => {
            compiler.fail(cx, failure(&message));
            std::ptr::null_mut()
        }
    }
}

impl Compiler<'_> {
    fn note(&self, module: &str) {
        if let Some(listing) = &self.graph.listing {
            listing.module(module);
        }
    }

    /// Checks that the file can be read.
    fn known(&self, url: &str, specifier: &str, cx: Ctx) -> JsResult<()> {
        read(url, specifier, self.reader).map(|_| ()).map_err(|error| self.fail(cx, error))
    }
}

unsafe extern "C" fn load(
    ctx: *mut qjs::JSContext,
    name: *const core::ffi::c_char,
    opaque: *mut core::ffi::c_void,
) -> *mut qjs::JSModuleDef {
    // SAFETY: as in `normalize`.
    let (cx, name, compiler) =
        unsafe { (Ctx::from_ptr(ctx), CStr::from_ptr(name), &*opaque.cast::<Compiler<'_>>()) };
    let url = name.to_string_lossy();
    if !resolve::is_url(&url) {
        return stand_in(cx, name).unwrap_or(std::ptr::null_mut());
    }
    let module = match read(&url, &url, compiler.reader) {
        Ok(source) => compiler.file(cx, &url, &source).inspect_err(|_| compiler.remember(cx, &url)),
        Err(error) => Err(compiler.fail(cx, error)),
    };
    module.unwrap_or(std::ptr::null_mut())
}

impl Compiler<'_> {
    /// Keeps the text of the error that is pending, with the file it is in, as the one to report.
    fn remember(&self, cx: Ctx, url: &str) {
        if self.error.borrow().is_none() {
            let pending = cx.take_exception();
            let message = exception::syntax(cx, pending.raw(), url, 0);
            *self.error.borrow_mut() = Some(failure(&message));
            cx.throw(pending);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_chains_of_typescript_need_no_endless_stack() {
        for text in [
            format!("let x: number = {}1", "1 + ".repeat(20_000)),
            format!("let x: boolean = {}y", "!".repeat(10_000)),
            format!("let x: any = {}y", "a => ".repeat(5_000)),
            format!("let x: any = y{}", "!.a".repeat(10_000)),
            format!("{}f()", "if (a) ".repeat(5_000)),
            format!("type X = {}1", "A extends B ? C : ".repeat(5_000)),
        ] {
            assert!(strip_types(&text).is_ok(), "{}", &text[..40]);
        }
        let deep = "(".repeat(typescript::MAX_DEPTH + 1);
        assert!(strip_types(&deep).is_err());
    }

    #[test]
    fn the_extension_of_a_url_is_that_of_its_path() {
        for (url, expect) in [
            ("file:///a/b.ts", "ts"),
            ("file:///a.b/c", ""),
            ("https://h/x.mts?y=z.js#w.js", "mts"),
            ("file:///a/what?.ts", "ts"),
        ] {
            assert_eq!(extension(url), expect, "{url}");
        }
    }
}
