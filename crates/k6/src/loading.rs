//! How a realm finds and runs its modules: ES modules from bytecode, CommonJS files, built-in ones, `require()`.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::compile::{Kind, js_strdup};
use crate::js::{Args, Ctx, JsResult, Raw, Thrown, Val, qjs};
use crate::locate::Located;
use crate::packages::Asked;
use crate::resolve;
use crate::{jslib, module, native_bound};

/// Loaded modules of one realm.
#[derive(Default)]
pub(crate) struct Modules {
    /// `module` objects of CommonJS files, by URL.
    commonjs: FxHashMap<String, Val>,
    /// ES modules, by URL; owned by the context.
    native: FxHashMap<String, *mut qjs::JSModuleDef>,
    /// Exports of built-in modules, by name.
    builtin: FxHashMap<&'static str, Val>,
}

pub(crate) unsafe extern "C" fn normalize(
    ctx: *mut qjs::JSContext,
    base: *const core::ffi::c_char,
    name: *const core::ffi::c_char,
    _opaque: *mut core::ffi::c_void,
) -> *mut core::ffi::c_char {
    // SAFETY: a live context and NUL-terminated names.
    let (cx, base, name) =
        unsafe { (Ctx::from_ptr(ctx), CStr::from_ptr(base), CStr::from_ptr(name)) };
    let graph = &cx.host().world.graph;
    match graph.locate(&base.to_string_lossy(), &name.to_string_lossy(), Asked::Import, None) {
        Ok(Located::Builtin(name)) => js_strdup(cx, name),
        Ok(Located::File(url)) => js_strdup(cx, &url),
        Err(message) => {
            cx.throw_go(&message);
            std::ptr::null_mut()
        }
    }
}

pub(crate) unsafe extern "C" fn load(
    ctx: *mut qjs::JSContext,
    name: *const core::ffi::c_char,
    _opaque: *mut core::ffi::c_void,
) -> *mut qjs::JSModuleDef {
    // SAFETY: a live context and a NUL-terminated name.
    let (cx, name) = unsafe { (Ctx::from_ptr(ctx), CStr::from_ptr(name)) };
    let url = name.to_string_lossy();
    if !resolve::is_url(&url) {
        // SAFETY: `open_builtin` is a module init function.
        return unsafe { lazy_module(cx, name, open_builtin) };
    }
    match cx.host().world.graph.get(&url) {
        None => {
            cx.throw_go("dynamic modules not enabled in the host program");
            std::ptr::null_mut()
        }
        // SAFETY: `open_commonjs` is a module init function.
        Some(file) if file.kind != Kind::Module => unsafe { lazy_module(cx, name, open_commonjs) },
        Some(_) => read_module(cx, &url).unwrap_or(std::ptr::null_mut()),
    }
}

type Init = unsafe extern "C" fn(*mut qjs::JSContext, *mut qjs::JSModuleDef) -> core::ffi::c_int;

/// # Safety
/// `init` follows QuickJS's contract for module init functions.
unsafe fn lazy_module(cx: Ctx, name: &CStr, init: Init) -> *mut qjs::JSModuleDef {
    // SAFETY: live context, NUL-terminated name.
    unsafe {
        let module = qjs::JS_NewCModule(cx.as_ptr(), name.as_ptr(), Some(init));
        if !module.is_null() {
            qjs::JS_SetModuleLazyExports(cx.as_ptr(), module);
        }
        module
    }
}

/// Loads an ES module's bytecode, without what it imports.
fn read_module(cx: Ctx, url: &str) -> JsResult<*mut qjs::JSModuleDef> {
    if let Some(&module) = cx.host().modules.borrow().native.get(url) {
        return Ok(module);
    }
    let file =
        cx.host().world.graph.get(url).ok_or_else(|| cx.throw_go("a module was not compiled"))?;
    // SAFETY: bytecode made by this program's own compiler.
    let value = read_bytecode(cx, &file.bytecode)?;
    // SAFETY: a module's value holds its pointer; the context keeps the module.
    let module = unsafe { qjs::JS_VALUE_GET_PTR(value.raw().0) }.cast::<qjs::JSModuleDef>();
    if file.uses_meta {
        // SAFETY: a live module.
        let meta = cx.own(unsafe { qjs::JS_GetImportMeta(cx.as_ptr(), module) })?;
        let base = cx.string(url)?;
        let resolve = cx.closure(1, &[base.raw()], native_bound!(1, meta_resolve))?;
        meta.set_str(cx, c"resolve", resolve)?;
    }
    cx.host().modules.borrow_mut().native.insert(url.to_owned(), module);
    Ok(module)
}

/// Reads what this program compiled.
pub(crate) fn read_bytecode(cx: Ctx, bytecode: &[u8]) -> JsResult<Val> {
    let flags = qjs::JS_READ_OBJ_BYTECODE as i32;
    // SAFETY: a slice of bytecode written by the same QuickJS.
    cx.own(unsafe {
        qjs::JS_ReadObject(cx.as_ptr(), bytecode.as_ptr(), bytecode.len() as _, flags)
    })
}

/// Links and runs an ES module; the result is its promise.
pub(crate) fn evaluate(cx: Ctx, url: &str) -> JsResult<(*mut qjs::JSModuleDef, Val)> {
    let module = read_module(cx, url)?;
    let value = qjs::JS_MKPTR(qjs::JS_TAG_MODULE, module.cast());
    // SAFETY: the context owns the module; JS_EvalFunction takes a reference of its own, made here.
    unsafe {
        if qjs::JS_ResolveModule(cx.as_ptr(), value) < 0 {
            return Err(Thrown);
        }
        let promise =
            cx.own(qjs::JS_EvalFunction(cx.as_ptr(), qjs::JS_DupValue(cx.as_ptr(), value)))?;
        Ok((module, promise))
    }
}

unsafe extern "C" fn open_builtin(
    ctx: *mut qjs::JSContext,
    m: *mut qjs::JSModuleDef,
) -> core::ffi::c_int {
    // SAFETY: QuickJS passes a live context and module.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    let opened = std::panic::catch_unwind(|| {
        let name = module_name(cx, m);
        let exports = builtin(cx, &name)?;
        fill(cx, m, exports.raw(), exports.raw())
    });
    finish_init(cx, &opened)
}

unsafe extern "C" fn open_commonjs(
    ctx: *mut qjs::JSContext,
    m: *mut qjs::JSModuleDef,
) -> core::ffi::c_int {
    // SAFETY: QuickJS passes a live context and module.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    let opened = std::panic::catch_unwind(|| {
        let name = module_name(cx, m);
        let module = commonjs(cx, &name)?;
        let exports = module.get(cx, cx.host().atoms().exports)?;
        let mut default = exports.clone();
        let is_json = is_json(cx, &name);
        if exports.is_object() && !is_json {
            let own = exports.get(cx, cx.host().atoms().default)?;
            if !own.is_undefined() {
                default = own;
            }
        }
        fill(cx, m, exports.raw(), default.raw())
    });
    finish_init(cx, &opened)
}

/// Whether a module is data, whose `default` is all of it.
fn is_json(cx: Ctx, url: &str) -> bool {
    cx.host().world.graph.get(url).is_some_and(|file| file.kind == Kind::Json)
}

fn finish_init(cx: Ctx, opened: &std::thread::Result<JsResult<()>>) -> core::ffi::c_int {
    match opened {
        Ok(Ok(())) => 0,
        Ok(Err(Thrown)) => -1,
        Err(_) => {
            cx.throw_error(
                "InternalError",
                "internal error while opening a module (please report it)",
            );
            -1
        }
    }
}

/// Gives an imported module its names, and the object of `import *` its properties.
fn fill(cx: Ctx, m: *mut qjs::JSModuleDef, exports: Raw, default: Raw) -> JsResult<()> {
    // SAFETY: a live module with lazy exports; the namespace of such a module is a plain object.
    unsafe {
        if qjs::JS_FillLazyExports(cx.as_ptr(), m, exports.0, default.0) < 0 {
            return Err(Thrown);
        }
        let namespace = cx.own(qjs::JS_GetModuleNamespace(cx.as_ptr(), m))?;
        if exports.is_object() && namespace.raw().address() != exports.address() {
            let keys = exports.keys(cx)?;
            for i in 0..keys.len() {
                namespace.set(cx, keys.atom(i), keys.value(i)?)?;
            }
            namespace.set(cx, cx.host().atoms().default, default.dup(cx))?;
        }
    }
    Ok(())
}

fn module_name(cx: Ctx, m: *mut qjs::JSModuleDef) -> String {
    // SAFETY: a live module; the atom is ours to free.
    unsafe {
        let atom = qjs::JS_GetModuleName(cx.as_ptr(), m);
        let name =
            cx.own(qjs::JS_AtomToString(cx.as_ptr(), atom)).and_then(|name| name.raw().to_text(cx));
        qjs::JS_FreeAtom(cx.as_ptr(), atom);
        name.map(|name| name.to_string()).unwrap_or_default()
    }
}

/// The exports of a built-in module; one object for each realm.
fn builtin(cx: Ctx, name: &str) -> JsResult<Val> {
    let host = cx.host();
    if let Some(exports) = host.modules.borrow().builtin.get(name) {
        return Ok(exports.clone());
    }
    let exports = module::open(cx, name)?;
    let known = resolve::BUILTIN.iter().copied().find(|known| *known == name);
    let known = known.or_else(|| jslib::named(name)).or_else(|| module::graduated::find(name));
    if let Some(name) = known {
        host.modules.borrow_mut().builtin.insert(name, exports.clone());
    }
    Ok(exports)
}

/// Runs a CommonJS file once; the result is its `module`.
pub(crate) fn commonjs(cx: Ctx, url: &str) -> JsResult<Val> {
    let host = cx.host();
    if let Some(module) = host.modules.borrow().commonjs.get(url) {
        return Ok(module.clone());
    }
    let file = host.world.graph.get(url).ok_or_else(|| cx.throw_go("a module was not compiled"))?;
    // It may be the first to mention one of them.
    crate::web::define(cx, host.world.graph.globals())?;
    if file.kind == Kind::Json {
        let data = cx.parse_json(&String::from_utf8_lossy(&file.bytecode))?;
        let module = cx.object()?;
        module.set(cx, host.atoms().exports, data)?;
        host.modules.borrow_mut().commonjs.insert(url.to_owned(), module.clone());
        return Ok(module);
    }
    let code = read_bytecode(cx, &file.bytecode)?;
    // SAFETY: JS_EvalFunction takes over the reference to the code.
    let function = cx.own(unsafe { qjs::JS_EvalFunction(cx.as_ptr(), code.into_raw()) })?;
    let module = cx.object()?;
    let exports = cx.object()?;
    module.set(cx, host.atoms().exports, exports.clone())?;
    host.modules.borrow_mut().commonjs.insert(url.to_owned(), module.clone());
    let require = require_for(cx, url)?;
    cx.call(function.raw(), exports.raw(), &[module.raw(), exports.raw(), require.raw()])?;
    Ok(module)
}

/// A `require` that resolves relative to `base`.
pub(crate) fn require_for(cx: Ctx, base: &str) -> JsResult<Val> {
    let base = cx.string(base)?;
    cx.closure(1, &[base.raw()], native_bound!(1, require))
}

fn require(cx: Ctx, args: Args<'_>, bound: &[Raw]) -> JsResult<Val> {
    let host = cx.host();
    if !host.is_init() {
        return Err(cx.throw_go(&module::only_in_init("require")));
    }
    let base = bound[0].to_text(cx)?;
    let specifier = args.get(0).to_text(cx)?;
    if specifier.is_empty() {
        return Err(cx.throw_go("require() can't be used with an empty specifier"));
    }
    let reader = host.world.is_probe().then_some(&*host.world.reader);
    let located = host.world.graph.locate(&base, &specifier, Asked::Require, reader);
    let url = match located.map_err(|message| cx.throw_go(&message))? {
        Located::Builtin(name) => return builtin(cx, name),
        Located::File(url) => url,
    };
    if host.world.is_probe() {
        let added = host.world.graph.add_file(&url, &specifier, &*host.world.reader);
        added.map_err(|error| cx.throw_go(&error.message))?;
    }
    let Some(file) = host.world.graph.get(&url) else {
        return Err(cx.throw_go(&resolve::not_found(&specifier)));
    };
    if file.kind != Kind::Module {
        return commonjs(cx, &url)?.get(cx, host.atoms().exports);
    }
    let (module, promise) = evaluate(cx, &url)?;
    // SAFETY: a live promise and module.
    unsafe {
        if qjs::JS_PromiseState(cx.as_ptr(), promise.raw().0)
            == qjs::JSPromiseStateEnum_JS_PROMISE_REJECTED
        {
            let reason = Val::from_raw(cx, qjs::JS_PromiseResult(cx.as_ptr(), promise.raw().0));
            return Err(cx.throw(reason));
        }
        cx.own(qjs::JS_GetModuleNamespace(cx.as_ptr(), module))
    }
}

fn meta_resolve(cx: Ctx, args: Args<'_>, bound: &[Raw]) -> JsResult<Val> {
    let base = bound[0].to_text(cx)?;
    let specifier = args.get(0).to_text(cx)?;
    match cx.host().world.graph.locate(&base, &specifier, Asked::Import, None) {
        Ok(Located::File(url)) => cx.string(&url),
        Ok(Located::Builtin(name)) => cx.string(name),
        Err(message) => Err(cx.throw_go(&message)),
    }
}

/// The directory of the module that calls, for `open()`'s warning.
pub(crate) fn calling_dir(cx: Ctx) -> Option<std::path::PathBuf> {
    // SAFETY: reads the caller's frame; the atom is ours to free.
    let name = unsafe {
        let atom = qjs::JS_GetScriptOrModuleName(cx.as_ptr(), 1);
        if atom == 0 {
            return None;
        }
        let name =
            cx.own(qjs::JS_AtomToString(cx.as_ptr(), atom)).and_then(|name| name.raw().to_text(cx));
        qjs::JS_FreeAtom(cx.as_ptr(), atom);
        name.ok()?.to_string()
    };
    resolve::path_of(&name)?.parent().map(Path::to_path_buf)
}
