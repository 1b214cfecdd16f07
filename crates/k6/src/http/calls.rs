//! The functions scripts call: reading their arguments, waiting, making the response.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use net::NetError;
use net::error::code;
use net::http::{Headers, Method, Request, canonical_name};
use net::url::Url;

use super::arguments::export;
use super::authentication::Auth;
use super::cache::UrlEntry;
use super::debug::{DebugFields, random_hex};
use super::exchange::{Call, Done, Redirects, ResponseType, sink, wire_body};
use super::exported::Exported;
use super::helpers::{self, ExpectedObject, FileObject, TaggedUrl};
use super::hop::authorize;
use super::params::{DEFAULT_TIMEOUT, Params, Refused};
use super::{VuHttp, batch, body, jar, response};
use crate::host::{HttpHooks, VuHost};
use crate::js::{Args, Ctx, JsResult, List, Raw, Thrown, Val, func};
use crate::log::Level;
use crate::native;

/// What the host keeps of us.
struct Slot(Rc<VuHttp>);

impl HttpHooks for Slot {
    fn started(&self, host: &VuHost) {
        self.0.started(host);
    }
    fn ended(&self, host: &VuHost) {
        self.0.ended(host);
    }
    fn take_bytes(&self) -> (u64, u64) {
        self.0.take_bytes()
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The VU's state.
#[inline]
pub(super) fn state<'a>(cx: Ctx) -> Option<&'a Rc<VuHttp>> {
    cx.host().http.get()?.as_any().downcast_ref::<Slot>().map(|slot| &slot.0)
}

static FUNCTIONS: List<14> = List([
    func(c"cookieJar", 0, native!(jar::cookie_jar)),
    func(c"file", 3, native!(helpers::file)),
    func(c"get", 2, native!(get)),
    func(c"head", 2, native!(head)),
    func(c"post", 3, native!(post)),
    func(c"put", 3, native!(put)),
    func(c"patch", 3, native!(patch)),
    func(c"del", 3, native!(del)),
    func(c"options", 3, native!(options)),
    func(c"request", 4, native!(request)),
    func(c"asyncRequest", 4, native!(async_request)),
    func(c"batch", 1, native!(batch::batch)),
    func(c"setResponseCallback", 1, native!(helpers::set_response_callback)),
    func(c"expectedStatuses", 1, native!(helpers::expected_statuses)),
]);

const CONSTANTS: [(&str, &str); 18] = [
    ("TLS_1_0", "tls1.0"),
    ("TLS_1_1", "tls1.1"),
    ("TLS_1_2", "tls1.2"),
    ("TLS_1_3", "tls1.3"),
    ("OCSP_STATUS_GOOD", "good"),
    ("OCSP_STATUS_REVOKED", "revoked"),
    ("OCSP_STATUS_SERVER_FAILED", "server_failed"),
    ("OCSP_STATUS_UNKNOWN", "unknown"),
    ("OCSP_REASON_UNSPECIFIED", "unspecified"),
    ("OCSP_REASON_KEY_COMPROMISE", "key_compromise"),
    ("OCSP_REASON_CA_COMPROMISE", "ca_compromise"),
    ("OCSP_REASON_AFFILIATION_CHANGED", "affiliation_changed"),
    ("OCSP_REASON_SUPERSEDED", "superseded"),
    ("OCSP_REASON_CESSATION_OF_OPERATION", "cessation_of_operation"),
    ("OCSP_REASON_CERTIFICATE_HOLD", "certificate_hold"),
    ("OCSP_REASON_REMOVE_FROM_CRL", "remove_from_crl"),
    ("OCSP_REASON_PRIVILEGE_WITHDRAWN", "privilege_withdrawn"),
    ("OCSP_REASON_AA_COMPROMISE", "aa_compromise"),
];

/// The VU's state, made when a module first needs it.
pub(super) fn ensure(cx: Ctx) -> JsResult<Rc<VuHttp>> {
    if let Some(http) = state(cx) {
        return Ok(http.clone());
    }
    let host = cx.host();
    let http = Rc::new(VuHttp::new(host).map_err(|why| cx.throw_go(&why))?);
    let _ = host.http.set(Rc::new(Slot(http.clone())));
    Ok(http)
}

/// Makes the module's exports and the VU's state.
pub(super) fn open(cx: Ctx) -> JsResult<Val> {
    static NO_METHODS: List<0> = List([]);
    let http = ensure(cx)?;
    response::register(cx, &http)?;
    cx.register_class::<FileObject, 0>(&NO_METHODS)?;
    cx.register_class::<TaggedUrl, 0>(&NO_METHODS)?;
    cx.register_class::<ExpectedObject, 0>(&NO_METHODS)?;
    let exports = cx.object()?;
    for (name, value) in CONSTANTS {
        exports.set_key(cx, name, cx.string(value)?)?;
    }
    exports.set_str(cx, c"url", cx.function(c"url", 1, native!(helpers::url))?)?;
    exports.set_str(cx, c"CookieJar", jar::register(cx)?)?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

/// A method as a script names it.
pub(super) struct MethodName {
    method: Method,
    /// What the script wrote, where that is not what is sent.
    shown: Option<Box<str>>,
    refused: Option<NetError>,
}

impl From<Method> for MethodName {
    fn from(method: Method) -> Self {
        Self { method, shown: None, refused: None }
    }
}

impl MethodName {
    /// Any text; what is no method fails when the request is sent.
    pub(super) fn parse(name: &str) -> Self {
        if name.is_empty() {
            return Self { method: Method::Get, shown: Some("".into()), refused: None };
        }
        match Method::parse(name) {
            Ok(method) => method.into(),
            Err(error) => {
                Self { method: Method::Other(name.into()), shown: None, refused: Some(error) }
            }
        }
    }

    /// Reads an argument.
    pub(super) fn read(cx: Ctx, value: Raw) -> JsResult<Self> {
        if value.is_nullish() { Ok(Self::parse("")) } else { Ok(Self::parse(&value.to_text(cx)?)) }
    }
}

/// Text and `error_code` of a request that cannot be built.
pub(super) type Unsent = (String, u16);

/// Why there is no call.
pub(super) enum NoCall {
    Thrown(Thrown),
    Unsent(Unsent),
}

impl From<Thrown> for NoCall {
    fn from(thrown: Thrown) -> Self {
        Self::Thrown(thrown)
    }
}

impl From<Refused> for NoCall {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Thrown(thrown) => Self::Thrown(thrown),
            Refused::Because(why) => Self::Unsent((why, 0)),
        }
    }
}

/// The URL argument: a string or what ``http.url`…` `` made, with its name.
fn read_url(cx: Ctx, http: &VuHttp, value: Raw) -> Result<(Rc<UrlEntry>, Option<String>), NoCall> {
    let parse = |text: &str| {
        let entry = http.recorder.cache.url(text);
        entry.map_err(|error| NoCall::Unsent((format!("invalid URL: {error}"), code::INVALID_URL)))
    };
    if value.is_string() {
        return Ok((parse(&value.to_text(cx)?)?, None));
    }
    if let Some(tagged) = cx.inner::<TaggedUrl>(value) {
        return Ok((parse(&tagged.url)?, Some(tagged.name.clone())));
    }
    let shown = export(cx, value)?;
    Err(NoCall::Unsent((format!("invalid URL: '#{}'", shown.go_text()), code::INVALID_URL)))
}

/// Reads a call.
pub(super) fn read(
    cx: Ctx,
    http: &VuHttp,
    name: MethodName,
    url: Raw,
    body: Raw,
    params: Raw,
) -> Result<Call, NoCall> {
    let (entry, url_name) = read_url(cx, http, url)?;
    let host = cx.host();
    let settings = &http.settings;
    let mut call = Call {
        // What a plain GET sends; replaced below for anything else.
        request: entry.plain_get(|| plain_get(http, &entry.url)).clone(),
        entry,
        shown_method: name.shown,
        refused: name.refused,
        cookies: Vec::new(),
        jar: http.jar(),
        base: host.tag_set(),
        timeout: DEFAULT_TIMEOUT,
        redirects: Redirects { max: settings.max_redirects, warn: settings.warns_of_redirects },
        response_type: if settings.discards_bodies {
            ResponseType::None
        } else {
            ResponseType::Text
        },
        expected: http.expected.borrow().clone(),
        throws: settings.throws,
        shown_body: None,
        authorized: false,
        auth: Auth::Basic,
        awaits_challenge: Cell::new(false),
        debug: settings.debug.map(|_| DebugFields::new(host)),
        client: None,
    };
    let is_plain = params.is_nullish() && body.is_nullish() && name.method == Method::Get;
    if is_plain && url_name.is_none() && call.jar.borrow().is_empty() && !call.entry.has_user() {
        return Ok(call);
    }
    read_rest(cx, http, &mut call, name.method, url_name.as_deref(), body, params)?;
    Ok(call)
}

/// What only some calls have. Not inlined, for a VU's stack keeps every page it ever touched.
#[inline(never)]
fn read_rest(
    cx: Ctx,
    http: &VuHttp,
    call: &mut Call,
    method: Method,
    url_name: Option<&str>,
    body: Raw,
    params: Raw,
) -> Result<(), NoCall> {
    let params = Params::read(cx, params)?;
    let mut tags: Vec<(&str, &str)> = Vec::with_capacity(params.tags.len() + 1);
    if let Some(name) = url_name {
        tags.push(("name", name));
    }
    tags.extend(params.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    if !tags.is_empty() {
        call.base = cx.host().shard.borrow_mut().extend_tags(call.base, &tags);
    }
    call.timeout = params.timeout.unwrap_or(DEFAULT_TIMEOUT);
    if let Some(max) = params.redirects {
        call.redirects = Redirects { max, warn: false };
    }
    call.response_type = params.response_type.unwrap_or(call.response_type);
    call.throws = params.throws.unwrap_or(call.throws);
    call.auth = params.auth;
    call.awaits_challenge.set(params.auth != Auth::Basic);
    if let Some(expected) = &params.expected {
        call.expected.clone_from(expected);
    }
    if let Some(jar) = &params.jar {
        call.jar = jar.clone();
    }
    if let Some(identity) = &params.identity {
        let client = http.client_of(identity).map_err(|why| NoCall::Unsent((why, 0)))?;
        call.client = Some(client);
    }
    let body = if body.is_nullish() { None } else { read_body(cx, body)? };
    finish_request(http, call, method, params, body);
    Ok(())
}

fn plain_get(http: &VuHttp, url: &Url) -> Request {
    let mut request = Request::new(Method::Get, url.clone());
    if http.settings.discards_bodies {
        request.sink = sink(ResponseType::None);
    }
    if !http.settings.user_agent.is_empty() {
        let _ = request.headers.add("User-Agent", http.settings.user_agent.as_bytes());
    }
    request
}

fn read_body(cx: Ctx, value: Raw) -> Result<Option<body::Body>, NoCall> {
    let exported: Exported = export(cx, value)?;
    body::build(exported, || random_hex(60)).map_err(|why| NoCall::Unsent((why, 0)))
}

/// Headers, cookies and body of the first hop.
#[inline(never)]
fn finish_request(
    http: &VuHttp,
    call: &mut Call,
    method: Method,
    params: Params,
    body: Option<body::Body>,
) {
    let mut request = Request::new(method, call.entry.url.clone());
    request.sink = sink(call.response_type);
    let mut cookie = String::new();
    let mut encoding = None;
    let mut has_agent = false;
    for (name, value) in &params.headers {
        let name = canonical_name(name);
        match &*name {
            "Content-Length" => {
                warn_length(http, call, &request, value, body.as_ref().map_or(0, |b| b.bytes.len()))
            }
            "Cookie" => cookie.clone_from(value),
            "User-Agent" if value.is_empty() => has_agent = true,
            _ => {
                has_agent |= name == "User-Agent";
                if name == "Content-Encoding" {
                    encoding = Some(value.clone());
                }
                set_header(call, &mut request.headers, &name, value);
            }
        }
    }
    if !has_agent && !http.settings.user_agent.is_empty() {
        set_header(call, &mut request.headers, "User-Agent", &http.settings.user_agent);
    }
    if let Some(body) = body {
        if let Some(kind) = &body.content_type
            && request.headers.get("content-type").is_none()
        {
            set_header(call, &mut request.headers, "Content-Type", kind);
        }
        let shown: Rc<[u8]> = body.bytes.into();
        let mut sent = shown.clone();
        if !params.compression.is_empty() {
            let names: Vec<&str> = params.compression.iter().map(|e| e.as_str()).collect();
            let names = names.join(", ");
            match &encoding {
                None => set_header(call, &mut request.headers, "Content-Encoding", &names),
                Some(own) if *own != names => warn_encoding(http, &request),
                Some(_) => {}
            }
            for encoding in &params.compression {
                sent = net::encoding::encode(*encoding, &sent).into();
            }
        }
        call.shown_body = Some(shown);
        request.body = wire_body(&request.method, sent);
    }
    call.cookies = params.cookies;
    let cookie = http.cookie_header(&cookie, &call.cookies, &call.jar, &call.entry.url);
    if !cookie.is_empty() {
        set_header(call, &mut request.headers, "Cookie", &cookie);
    }
    let before = request.headers.len();
    authorize(&mut request);
    call.authorized = request.headers.len() > before;
    request.headers.sort();
    call.request = Rc::new(request);
}

/// Adds a header, or notes why Go would refuse the request.
fn set_header(call: &mut Call, headers: &mut Headers, name: &str, value: &str) {
    if let Err(error) = headers.set(name, value.as_bytes()) {
        call.refused.get_or_insert_with(|| error.into());
    }
}

#[cold]
fn warn_length(http: &VuHttp, call: &Call, request: &Request, said: &str, length: usize) {
    if said == length.to_string() {
        return;
    }
    let text = format!(
        "The specified Content-Length header \"{said}\" in the {} request for {} doesn't match the actual request body length of \
         {length}, so it will be ignored!",
        request.method,
        call.entry.url.as_str()
    );
    http.log(Level::Warning, text, Vec::new());
}

#[cold]
fn warn_encoding(http: &VuHttp, request: &Request) {
    let text = format!(
        "There's a mismatch between the desired `compression` the manually set `Content-Encoding` header in the {} request for '{}', \
         the custom header has precedence and won't be overwritten. This may result in invalid data being sent to the server.",
        request.method,
        request.url.as_str()
    );
    http.log(Level::Warning, text, Vec::new());
}

/// What exceptions are called: k6's are `GoError`s, but promises are rejected with the bare error, which prints as its text.
pub(super) const THROWN: &str = "GoError";
const REJECTED: &str = "";

/// What a finished call gives the script: a response, or an exception called `error_name`.
pub(super) fn finish(
    cx: Ctx,
    http: &Rc<VuHttp>,
    call: Call,
    done: Box<Done>,
    error_name: &str,
) -> JsResult<Val> {
    if done.switched {
        let status =
            done.response.as_ref().map(net::http::Response::status_text).unwrap_or_default();
        return Err(cx.throw_error(error_name, &format!("unsupported response status: {status}")));
    }
    if let Some(text) = &done.log_text {
        if call.throws {
            return Err(cx.throw_error(error_name, text));
        }
        http.log(Level::Warning, "Request Failed".to_owned(), vec![("error", text.clone())]);
    }
    response::wrap(cx, http, call, done)
}

/// The response of a request that could not be built.
fn unsent(cx: Ctx, http: &Rc<VuHttp>, (why, code): Unsent) -> JsResult<Val> {
    if http.settings.throws {
        return Err(cx.throw_go(&why));
    }
    http.log(Level::Warning, "Request Failed".to_owned(), vec![("error", why.clone())]);
    response::wrap_unsent(cx, http, why, code)
}

/// Makes a call and waits for it.
pub(super) fn call(cx: Ctx, name: MethodName, url: Raw, body: Raw, params: Raw) -> JsResult<Val> {
    let host = cx.host();
    if host.is_init() {
        return Err(cx.throw_go(NOT_IN_INIT));
    }
    let http = state(cx).ok_or(Thrown)?;
    let call = match read(cx, http, name, url, body, params) {
        Ok(call) => call,
        Err(NoCall::Thrown(thrown)) => return Err(thrown),
        Err(NoCall::Unsent(why)) => return unsent(cx, http, why),
    };
    // Pinned here: passed by value the future would be copied, 2 KiB or so.
    let done = host.wait_or_throw(cx, pin!(http.run(&call)))?;
    finish(cx, http, call, done, THROWN)
}

const NOT_IN_INIT: &str = "Making http requests in the init context is not supported";

/// `get` and `head` have no body.
fn without_body(cx: Ctx, method: Method, name: &str, args: Args<'_>) -> JsResult<Val> {
    if args.len() > 2 {
        let text = format!(
            "http.{name} only accepts a url and a params argument (2 arguments), but {} were given",
            args.len()
        );
        cx.host().log(Level::Warning, text, Vec::new());
    }
    call(cx, method.into(), args.get(0), Raw::UNDEFINED, args.get(1))
}

fn with_body(cx: Ctx, method: Method, args: Args<'_>) -> JsResult<Val> {
    call(cx, method.into(), args.get(0), args.get(1), args.get(2))
}

fn get(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    without_body(cx, Method::Get, "get", args)
}

fn head(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    without_body(cx, Method::Head, "head", args)
}

fn post(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    with_body(cx, Method::Post, args)
}

fn put(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    with_body(cx, Method::Put, args)
}

fn patch(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    with_body(cx, Method::Patch, args)
}

fn del(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    with_body(cx, Method::Delete, args)
}

fn options(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    with_body(cx, Method::Options, args)
}

fn request(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let name = MethodName::read(cx, args.get(0))?;
    call(cx, name, args.get(1), args.get(2), args.get(3))
}

/// `http.asyncRequest`: the same, as a promise.
fn async_request(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if host.is_init() {
        return reject(cx, NOT_IN_INIT);
    }
    let http = state(cx).ok_or(Thrown)?;
    let name = MethodName::read(cx, args.get(0))?;
    let call = match read(cx, http, name, args.get(1), args.get(2), args.get(3)) {
        Ok(call) => call,
        Err(NoCall::Thrown(thrown)) => return Err(thrown),
        Err(NoCall::Unsent(why)) => {
            let (promise, resolve, reject) = cx.promise()?;
            let (settle, value) = match unsent(cx, http, why) {
                Ok(response) => (resolve, response),
                Err(Thrown) => (reject, cx.take_exception()),
            };
            cx.call(settle.raw(), Raw::UNDEFINED, &[value.raw()])?;
            return Ok(promise);
        }
    };
    let (runner, finisher) = (http.clone(), http.clone());
    let future = async move {
        let done = runner.run(&call).await;
        (call, done)
    };
    host.promise_of(cx, future, move |cx, (call, done)| finish(cx, &finisher, call, done, REJECTED))
}

fn reject(cx: Ctx, why: &str) -> JsResult<Val> {
    let (promise, _resolve, reject) = cx.promise()?;
    let error = cx.new_error("GoError", why)?;
    cx.call(reject.raw(), Raw::UNDEFINED, &[error.raw()])?;
    Ok(promise)
}
