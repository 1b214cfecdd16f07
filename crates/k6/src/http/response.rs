//! The `Response` object: a host object whose properties are made when they are read.
//!
//! To scripts it is what k6 gives them: its fields are own, enumerable, writable properties in k6's order, unknown ones can't be added,
//! known ones can't be deleted. Inside it is one Rust value and the values made so far.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use net::http::Request;

use super::VuHttp;
use super::exchange::{Call, Done, ResponseType};
use super::{fields, methods, pages};
use crate::js::{Atom, Ctx, FIRST_CLASS_ID, JsResult, NativeEntry, Raw, Thrown, Val, qjs};
use crate::native;

/// The class of responses.
const CLASS: u32 = FIRST_CLASS_ID + 16;

/// The properties in k6's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Field {
    RemoteIp,
    RemotePort,
    Url,
    Status,
    StatusText,
    Proto,
    Headers,
    Cookies,
    Body,
    Timings,
    TlsVersion,
    TlsCipherSuite,
    Ocsp,
    Error,
    ErrorCode,
    Request,
}

const FIELDS: [(Field, &str); 16] = [
    (Field::RemoteIp, "remote_ip"),
    (Field::RemotePort, "remote_port"),
    (Field::Url, "url"),
    (Field::Status, "status"),
    (Field::StatusText, "status_text"),
    (Field::Proto, "proto"),
    (Field::Headers, "headers"),
    (Field::Cookies, "cookies"),
    (Field::Body, "body"),
    (Field::Timings, "timings"),
    (Field::TlsVersion, "tls_version"),
    (Field::TlsCipherSuite, "tls_cipher_suite"),
    (Field::Ocsp, "ocsp"),
    (Field::Error, "error"),
    (Field::ErrorCode, "error_code"),
    (Field::Request, "request"),
];

/// Methods are own properties too, found on the class's prototype.
const METHODS: [&str; 4] = ["clickLink", "html", "json", "submitForm"];

/// The names above, interned in a VU's runtime.
pub(super) struct Names {
    fields: [qjs::JSAtom; FIELDS.len()],
    methods: [qjs::JSAtom; METHODS.len()],
}

impl Names {
    fn intern(cx: Ctx) -> Self {
        Self {
            fields: FIELDS.map(|(_, name)| cx.atom(name).0),
            methods: METHODS.map(|name| cx.atom(name).0),
        }
    }

    #[inline]
    fn field(&self, atom: qjs::JSAtom) -> Option<Field> {
        // The two that nearly every script reads come first.
        for hot in [Field::Status, Field::Body] {
            if self.fields[hot as usize] == atom {
                return Some(hot);
            }
        }
        self.fields.iter().position(|a| *a == atom).map(|at| FIELDS[at].0)
    }
}

/// What was asked for, for `response.request`.
pub(super) struct Asked {
    pub request: Rc<Request>,
    pub method: Option<Box<str>>,
    pub body: Option<Rc<[u8]>>,
    /// The `Authorization` header came from the URL.
    pub authorized: bool,
}

/// One value for each field, and the parsed body.
const SLOTS: usize = FIELDS.len() + 1;
const PARSED: usize = FIELDS.len();

/// A response.
pub(super) struct ResponseData {
    http: Rc<VuHttp>,
    pub done: Option<Box<Done>>,
    pub response_type: ResponseType,
    pub asked: Option<Asked>,
    /// Text and code of a request that was never sent.
    pub unsent: Option<(String, u16)>,
    /// The body's value, kept apart because most responses make no other.
    body: Cell<qjs::JSValue>,
    slots: RefCell<Option<Box<[qjs::JSValue; SLOTS]>>>,
}

impl ResponseData {
    fn slot(&self, at: usize) -> qjs::JSValue {
        if at == Field::Body as usize {
            return self.body.get();
        }
        self.slots.borrow().as_ref().map_or(qjs::JS_UNINITIALIZED, |slots| slots[at])
    }

    /// Keeps a value; the one it replaces is returned, to be freed when nothing is borrowed.
    fn keep(&self, at: usize, value: qjs::JSValue) -> qjs::JSValue {
        if at == Field::Body as usize {
            return self.body.replace(value);
        }
        let mut slots = self.slots.borrow_mut();
        let slots = slots.get_or_insert_with(|| Box::new([qjs::JS_UNINITIALIZED; SLOTS]));
        std::mem::replace(&mut slots[at], value)
    }

    /// All values kept.
    fn kept(&self) -> impl Iterator<Item = qjs::JSValue> {
        let slots = self.slots.borrow().as_ref().map(|slots| **slots);
        std::iter::once(self.body.get()).chain(slots.into_iter().flatten())
    }

    /// The value of a field as the script sees it.
    fn get(&self, cx: Ctx, field: Field) -> JsResult<Val> {
        let kept = self.slot(field as usize);
        if !is_missing(kept) {
            return Ok(Raw(kept).dup(cx));
        }
        let made = fields::make(cx, self, field)?;
        if fields::is_kept(field) {
            let old = self.keep(field as usize, made.clone().into_raw());
            drop(Val::from_raw(cx, old));
        }
        Ok(made)
    }

    /// The response's `url`, as the script sees it.
    pub(super) fn shown_url(&self, cx: Ctx) -> JsResult<String> {
        Ok(self.get(cx, Field::Url)?.to_text(cx)?.to_string())
    }

    /// The value a script gave the body instead of the one received.
    pub(super) fn own_body(&self, cx: Ctx) -> Option<Val> {
        let kept = self.body.get();
        (!is_missing(kept)).then(|| Raw(kept).dup(cx))
    }

    /// The body as parsed by an earlier `json()`.
    pub(super) fn parsed(&self, cx: Ctx) -> Option<Val> {
        let kept = self.slot(PARSED);
        (!is_missing(kept)).then(|| Raw(kept).dup(cx))
    }

    /// Keeps what `json()` made of the body.
    pub(super) fn keep_parsed(&self, cx: Ctx, value: Val) {
        self.set(cx, PARSED, value);
    }

    fn set(&self, cx: Ctx, at: usize, value: Val) {
        let old = self.keep(at, value.into_raw());
        if !is_missing(old) {
            drop(Val::from_raw(cx, old));
        }
    }
}

fn is_missing(value: qjs::JSValue) -> bool {
    // SAFETY: reads the tag.
    unsafe { qjs::JS_IsUninitialized(value) }
}

impl Drop for ResponseData {
    fn drop(&mut self) {
        if let Some(response) = self.done.take().and_then(|done| done.response) {
            self.http.client.recycle(response);
        }
    }
}

/// Makes the object for a finished call.
pub(super) fn wrap(cx: Ctx, http: &Rc<VuHttp>, call: Call, done: Box<Done>) -> JsResult<Val> {
    let asked = Asked {
        request: call.request,
        method: call.shown_method,
        body: call.shown_body,
        authorized: call.authorized,
    };
    new_object(
        cx,
        ResponseData {
            http: http.clone(),
            done: Some(done),
            response_type: call.response_type,
            asked: Some(asked),
            unsent: None,
            body: Cell::new(qjs::JS_UNINITIALIZED),
            slots: RefCell::new(None),
        },
    )
}

/// Makes the object for a request that could not even be built.
pub(super) fn wrap_unsent(cx: Ctx, http: &Rc<VuHttp>, error: String, code: u16) -> JsResult<Val> {
    new_object(
        cx,
        ResponseData {
            http: http.clone(),
            done: None,
            response_type: ResponseType::Text,
            asked: None,
            unsent: Some((error, code)),
            body: Cell::new(qjs::JS_UNINITIALIZED),
            slots: RefCell::new(None),
        },
    )
}

fn new_object(cx: Ctx, data: ResponseData) -> JsResult<Val> {
    // SAFETY: the class was registered by `register`; the Box is freed by `finalize`.
    unsafe {
        let object = cx.own(qjs::JS_NewObjectClass(cx.as_ptr(), CLASS))?;
        qjs::JS_SetOpaque(object.raw().0, Box::into_raw(Box::new(data)).cast());
        Ok(object)
    }
}

pub(super) fn data<'a>(object: Raw) -> Option<&'a ResponseData> {
    // SAFETY: a non-null opaque pointer of this class is a Box<ResponseData> that lives as long as the object, which the
    // caller holds for the call.
    unsafe { qjs::JS_GetOpaque(object.0, CLASS).cast::<ResponseData>().as_ref() }
}

/// How properties of responses behave. QuickJS keeps a pointer to it.
static EXOTIC: qjs::JSClassExoticMethods = qjs::JSClassExoticMethods {
    get_own_property: Some(get_own_property),
    get_own_property_names: Some(get_own_property_names),
    delete_property: Some(delete_property),
    define_own_property: None,
    has_property: Some(has_property),
    get_property: Some(get_property),
    set_property: Some(set_property),
};

/// Registers the class in the VU's runtime.
pub(super) fn register(cx: Ctx, http: &VuHttp) -> JsResult<()> {
    let _ = http.names.set(Names::intern(cx));
    let def = qjs::JSClassDef {
        class_name: c"Response".as_ptr(),
        finalizer: Some(finalize),
        gc_mark: Some(mark),
        call: None,
        exotic: (&raw const EXOTIC).cast_mut(),
    };
    let proto = cx.object()?;
    let functions: [(&CStr, NativeEntry); METHODS.len()] = [
        (c"clickLink", native!(pages::click_link)),
        (c"html", native!(pages::html)),
        (c"json", native!(methods::json)),
        (c"submitForm", native!(pages::submit_form)),
    ];
    for (name, entry) in functions {
        proto.set_str(cx, name, cx.function(name, 1, entry)?)?;
    }
    // SAFETY: QuickJS copies the definition and only reads the exotic methods, which are 'static; the prototype goes to
    // the context.
    unsafe {
        let runtime = cx.runtime();
        if !qjs::JS_IsRegisteredClass(runtime, CLASS) && qjs::JS_NewClass(runtime, CLASS, &def) < 0
        {
            return Err(cx.throw_error("InternalError", "can't register the class of responses"));
        }
        qjs::JS_SetClassProto(cx.as_ptr(), CLASS, proto.into_raw());
    }
    Ok(())
}

unsafe extern "C" fn finalize(rt: *mut qjs::JSRuntime, value: qjs::JSValue) {
    // SAFETY: the opaque pointer is the Box leaked by `new_object`, or null; the object dies now.
    unsafe {
        let opaque = qjs::JS_GetOpaque(value, CLASS).cast::<ResponseData>();
        if !opaque.is_null() {
            let data = Box::from_raw(opaque);
            for kept in data.kept() {
                qjs::JS_FreeValueRT(rt, kept);
            }
        }
    }
}

unsafe extern "C" fn mark(rt: *mut qjs::JSRuntime, value: qjs::JSValue, func: qjs::JS_MarkFunc) {
    // SAFETY: as in `finalize`, but the object lives.
    unsafe {
        if let Some(data) = qjs::JS_GetOpaque(value, CLASS).cast::<ResponseData>().as_ref() {
            for kept in data.kept() {
                qjs::JS_MarkValue(rt, kept, func);
            }
        }
    }
}

/// Runs the body of a callback; a panic becomes a JS exception.
#[inline]
fn guard<T>(cx: Ctx, failed: T, body: impl FnOnce() -> JsResult<T>) -> T {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(Thrown)) => failed,
        Err(_) => {
            let _ =
                cx.throw_error("InternalError", "internal error in a response (please report it)");
            failed
        }
    }
}

/// The prototype of responses, for methods and what every object has.
fn inherited(cx: Ctx, atom: qjs::JSAtom) -> JsResult<Val> {
    // SAFETY: a live context; the prototype is owned by `proto` while it is read.
    unsafe {
        let proto = cx.own(qjs::JS_GetClassProto(cx.as_ptr(), CLASS))?;
        cx.own(qjs::JS_GetProperty(cx.as_ptr(), proto.raw().0, atom))
    }
}

unsafe extern "C" fn get_property(
    ctx: *mut qjs::JSContext,
    object: qjs::JSValue,
    atom: qjs::JSAtom,
    _receiver: qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: QuickJS passes a live context.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    guard(cx, qjs::JS_EXCEPTION, || {
        let data = data(Raw(object)).ok_or(Thrown)?;
        let value = match names_of(data).field(atom) {
            Some(field) => data.get(cx, field)?,
            None => inherited(cx, atom)?,
        };
        Ok(value.into_raw())
    })
}

/// The names, through the response itself.
#[inline]
fn names_of(data: &ResponseData) -> &Names {
    data.http.names.get().expect("responses are made after their class is registered")
}

unsafe extern "C" fn set_property(
    ctx: *mut qjs::JSContext,
    object: qjs::JSValue,
    atom: qjs::JSAtom,
    value: qjs::JSValue,
    receiver: qjs::JSValue,
    _flags: core::ffi::c_int,
) -> core::ffi::c_int {
    // SAFETY: QuickJS passes a live context.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    guard(cx, -1, || {
        let data = data(Raw(object)).ok_or(Thrown)?;
        if Raw(receiver).is_object() && Raw(receiver).address() != Raw(object).address() {
            // An object that inherits from a response gets a property of its own.
            Raw(receiver).set(cx, Atom(atom), Raw(value).dup(cx))?;
            return Ok(1);
        }
        if let Some(field) = names_of(data).field(atom) {
            data.set(cx, field as usize, assigned(cx, field, Raw(value))?);
            if field == Field::Body {
                // The parsed body no longer fits.
                data.set(cx, PARSED, Val::from_raw(cx, qjs::JS_UNINITIALIZED));
            }
            return Ok(1);
        }
        Err(cx.throw_type(&format!(
            "Cannot assign to property {} of a host object",
            text_of(cx, atom)
        )))
    })
}

/// The value as k6 stores it: its fields have types.
fn assigned(cx: Ctx, field: Field, value: Raw) -> JsResult<Val> {
    match field {
        Field::Status | Field::RemotePort | Field::ErrorCode if value.as_f64().is_none() => {
            let number = value.to_f64(cx)?;
            Ok(cx.number(if number.is_finite() { number.trunc() } else { 0.0 }))
        }
        Field::Url
        | Field::StatusText
        | Field::Proto
        | Field::RemoteIp
        | Field::TlsVersion
        | Field::TlsCipherSuite
        | Field::Error
            if !value.is_string() =>
        {
            cx.string(&value.to_text(cx)?)
        }
        _ => Ok(value.dup(cx)),
    }
}

unsafe extern "C" fn has_property(
    ctx: *mut qjs::JSContext,
    object: qjs::JSValue,
    atom: qjs::JSAtom,
) -> core::ffi::c_int {
    // SAFETY: QuickJS passes a live context.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    guard(cx, -1, || {
        let data = data(Raw(object)).ok_or(Thrown)?;
        if names_of(data).field(atom).is_some() {
            return Ok(1);
        }
        // SAFETY: a live context; the prototype is owned while it is asked.
        unsafe {
            let proto = cx.own(qjs::JS_GetClassProto(cx.as_ptr(), CLASS))?;
            Ok(qjs::JS_HasProperty(cx.as_ptr(), proto.raw().0, atom))
        }
    })
}

unsafe extern "C" fn delete_property(
    ctx: *mut qjs::JSContext,
    object: qjs::JSValue,
    atom: qjs::JSAtom,
) -> core::ffi::c_int {
    // SAFETY: QuickJS passes a live context.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    guard(cx, -1, || {
        let names = names_of(data(Raw(object)).ok_or(Thrown)?);
        if names.field(atom).is_some() || names.methods.contains(&atom) {
            return Err(cx.throw_type(&format!(
                "Cannot delete property {} from a Go type",
                text_of(cx, atom)
            )));
        }
        Ok(1)
    })
}

unsafe extern "C" fn get_own_property(
    ctx: *mut qjs::JSContext,
    descriptor: *mut qjs::JSPropertyDescriptor,
    object: qjs::JSValue,
    atom: qjs::JSAtom,
) -> core::ffi::c_int {
    // SAFETY: QuickJS passes a live context.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    guard(cx, -1, || {
        let data = data(Raw(object)).ok_or(Thrown)?;
        let names = names_of(data);
        let (value, flags) = match names.field(atom) {
            // SAFETY: a null descriptor means that only the existence is asked for.
            Some(_) if descriptor.is_null() => return Ok(1),
            Some(field) => (data.get(cx, field)?, qjs::JS_PROP_ENUMERABLE | qjs::JS_PROP_WRITABLE),
            None if names.methods.contains(&atom) => {
                (inherited(cx, atom)?, qjs::JS_PROP_ENUMERABLE)
            }
            None => return Ok(0),
        };
        if !descriptor.is_null() {
            // SAFETY: a valid descriptor to fill; it takes the value over.
            unsafe {
                descriptor.write(qjs::JSPropertyDescriptor {
                    flags: flags as i32,
                    value: value.into_raw(),
                    getter: qjs::JS_UNDEFINED,
                    setter: qjs::JS_UNDEFINED,
                });
            }
        }
        Ok(1)
    })
}

unsafe extern "C" fn get_own_property_names(
    ctx: *mut qjs::JSContext,
    table: *mut *mut qjs::JSPropertyEnum,
    len: *mut u32,
    object: qjs::JSValue,
) -> core::ffi::c_int {
    // SAFETY: QuickJS passes a live context.
    let cx = unsafe { Ctx::from_ptr(ctx) };
    guard(cx, -1, || {
        let names = names_of(data(Raw(object)).ok_or(Thrown)?);
        let atoms = names.fields.iter().chain(&names.methods);
        let count = FIELDS.len() + METHODS.len();
        // SAFETY: the table is QuickJS's to free, with one reference to each atom.
        unsafe {
            let memory = qjs::js_malloc(ctx, (count * size_of::<qjs::JSPropertyEnum>()) as _);
            if memory.is_null() {
                return Err(Thrown);
            }
            let entries = memory.cast::<qjs::JSPropertyEnum>();
            for (at, atom) in atoms.enumerate() {
                let atom = qjs::JS_DupAtom(ctx, *atom);
                entries.add(at).write(qjs::JSPropertyEnum { is_enumerable: true, atom });
            }
            table.write(entries);
            len.write(count as u32);
        }
        Ok(0)
    })
}

fn text_of(cx: Ctx, atom: qjs::JSAtom) -> String {
    // SAFETY: a live atom.
    let text = cx
        .own(unsafe { qjs::JS_AtomToString(cx.as_ptr(), atom) })
        .and_then(|text| text.raw().to_text(cx));
    text.map(|text| text.to_string()).unwrap_or_default()
}
