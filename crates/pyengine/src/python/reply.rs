//! A request that was sent, and its response once it is there.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use jiter::{FloatMode, PartialMode, PythonParse, StringCacheMode};
use net::encoding::decode_body;
use net::http::{Method, Response, Version};
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyList, PyString};
use rt::Nanos;

use super::client::{Client, Lines, Target, pairs, seconds, value_bytes};
use super::stats::Stats;
use super::{NoAddress, NotPlain, Waiter, count_request, engine, existing_engine};
use crate::engine::Order;
use crate::head::{self, Draft};
use crate::outcome::{Failure, Outcome, Slot};

/// Flags of `settle`.
const FAILED: u32 = 1;
const SETS_COOKIES: u32 = 2;
const REDIRECTS: u32 = 4;
const UNDECODABLE: u32 = 8;
const UNFINISHED: u32 = 16;
const IS_ERROR: u32 = 32;

/// What a decoded body may be at most; the same as one that is not encoded.
const MAX_DECODED_BYTES: u64 = 256 << 20;

/// A request that was sent, and its response. Making one sends the request; when the greenlet it was made with runs
/// again, `settle` takes the response in.
#[pyclass(frozen, subclass, module = "squall_locust._engine")]
pub(super) struct Reply {
    slot: Arc<Slot<Waiter>>,
    outcome: OnceLock<Settled>,
    method: Py<PyString>,
    target: Py<Target>,
    name: Py<PyAny>,
    session: Py<PyAny>,
    body: Option<Py<PyAny>>,
    /// The context of the request, where it has one.
    context: Option<Py<PyAny>>,
    /// A status that was put in place of the response's, plus one; 0 is none.
    own_status: AtomicU32,
    /// Whether it may be used in a with-block, and whether it is.
    catches: AtomicBool,
    is_entered: AtomicBool,
    /// Whether something of it was changed that a report has to look at.
    is_touched: AtomicBool,
}

/// A response that was taken in.
struct Settled {
    outcome: Outcome,
    /// The body without its content encoding, where it had one.
    decoded: Option<Vec<u8>>,
    flags: u32,
    content: OnceLock<Py<PyBytes>>,
}

impl Settled {
    fn new(outcome: Outcome) -> Settled {
        let response = &outcome.response;
        let mut flags = 0;
        if outcome.failure.is_some() {
            flags |= FAILED;
        }
        if response.notable.sets_cookies {
            flags |= SETS_COOKIES;
        }
        if matches!(response.status, 301 | 302 | 303 | 307 | 308)
            && response.header("location").is_some()
        {
            flags |= REDIRECTS;
        }
        if response.status >= 400 {
            flags |= IS_ERROR;
        }
        let mut decoded = None;
        if response.notable.is_encoded && !response.body().is_empty() {
            match decode(response) {
                Some(Cow::Owned(body)) => decoded = Some(body),
                Some(Cow::Borrowed(_)) => {}
                None => flags |= UNDECODABLE,
            }
        }
        Settled { outcome, decoded, flags, content: OnceLock::new() }
    }

    fn body(&self) -> &[u8] {
        self.decoded.as_deref().unwrap_or_else(|| self.outcome.response.body())
    }
}

fn decode(response: &Response) -> Option<Cow<'_, [u8]>> {
    let mut names = Vec::new();
    for (name, value) in response.headers() {
        if name.eq_ignore_ascii_case("content-encoding") {
            names.push(std::str::from_utf8(value).ok()?);
        }
    }
    decode_body(&names.join(","), response.body(), MAX_DECODED_BYTES).ok()
}

/// A request that is ready to go.
struct Sending<'py> {
    client: &'py Bound<'py, Client>,
    target: &'py Bound<'py, Target>,
    bytes: Vec<u8>,
    method: Method,
    timeouts: Option<(Option<f64>, Option<f64>)>,
    addresses: Option<Vec<(String, u16)>>,
    waiter: Waiter,
}

impl Sending<'_> {
    fn send(self) -> PyResult<Arc<Slot<Waiter>>> {
        let client = self.client.get();
        let config = &client.config;
        let (connect_timeout, read_timeout) = match self.timeouts {
            Some((connect, read)) => (seconds(connect), seconds(read)),
            None => (config.connect_timeout, config.read_timeout),
        };
        let repeatable = match &self.method {
            Method::Get | Method::Head | Method::Options | Method::Put | Method::Delete => true,
            Method::Other(name) => &**name == "TRACE",
            _ => false,
        };
        let order = Order {
            method: self.method,
            bytes: self.bytes,
            repeatable,
            addresses: self.addresses.map(|list| socket_addresses(&list)).unwrap_or_default(),
            connect_timeout,
            read_timeout,
            started: Nanos(0),
        };
        let origin = self.target.get().target.origin();
        let sent = engine()?.submit(client.number, config, origin, order, self.waiter);
        match sent {
            Ok(slot) => {
                count_request();
                Ok(slot)
            }
            Err(back) => {
                drop(back);
                Err(NoAddress::new_err(origin.host.to_string()))
            }
        }
    }
}

fn socket_addresses(list: &[(String, u16)]) -> Vec<SocketAddr> {
    let parse = |(text, port): &(String, u16)| {
        // Python gives scoped addresses as `fe80::1%eth0`.
        let bare = text.split('%').next().unwrap_or(text);
        bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, *port))
    };
    list.iter().filter_map(parse).collect()
}

fn not_plain(error: head::NotPlain) -> PyErr {
    NotPlain::new_err(error.to_string())
}

fn wire_method(method: &str) -> PyResult<Method> {
    let name: Cow<'_, str> = if method.bytes().any(|b| b.is_ascii_lowercase()) {
        method.to_ascii_uppercase().into()
    } else {
        method.into()
    };
    Method::parse(&name).map_err(|_| NotPlain::new_err("the method is no token"))
}

#[pymethods]
impl Reply {
    /// Sends a request: the session's headers with those of the request (a dict, or `None`) laid over them.
    #[new]
    #[pyo3(signature = (
        client, session, method, target, name, lines, extras, cookie, authorization, body, content_type, tells_zero,
        timeouts, catches, context, addresses, waiter,
    ))]
    #[allow(clippy::too_many_arguments)] // The caller in Python is hot: no object is made to carry them.
    fn new(
        client: &Bound<'_, Client>,
        session: Py<PyAny>,
        method: Bound<'_, PyString>,
        target: &Bound<'_, Target>,
        name: Py<PyAny>,
        lines: &Bound<'_, Lines>,
        extras: Option<&Bound<'_, PyDict>>,
        cookie: Option<&Bound<'_, PyAny>>,
        authorization: Option<&str>,
        body: Option<&Bound<'_, PyAny>>,
        content_type: Option<&str>,
        tells_zero: bool,
        timeouts: Option<(Option<f64>, Option<f64>)>,
        catches: &Bound<'_, PyAny>,
        context: Option<Py<PyAny>>,
        addresses: Option<Vec<(String, u16)>>,
        waiter: Waiter,
    ) -> PyResult<Reply> {
        let parsed = wire_method(method.to_str()?)?;
        let own = extras.map(own_headers).transpose()?.unwrap_or_default();
        if client.get().order == head::Order::HostFirst
            && own.iter().any(|(name, value)| value.is_none() && is_always_sent(name))
        {
            return Err(NotPlain::new_err("a header is left to the library"));
        }
        let own: Vec<head::Extra<'_>> =
            own.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let cookie = cookie.map(value_bytes).transpose()?;
        let draft = Draft {
            method: parsed.as_str(),
            target: &target.get().target,
            lines: &lines.get().lines,
            extras: &own,
            cookie: cookie.as_deref(),
            authorization: authorization.map(str::as_bytes),
            body: body.map(body_bytes).transpose()?,
            content_type,
            tells_zero,
        };
        let mut bytes = Vec::with_capacity(512 + draft.body.map_or(0, <[u8]>::len));
        head::write(&draft, client.get().order, &mut bytes).map_err(not_plain)?;
        let sending =
            Sending { client, target, bytes, method: parsed, timeouts, addresses, waiter };
        let slot = sending.send()?;
        Ok(Reply {
            slot,
            outcome: OnceLock::new(),
            method: method.unbind(),
            target: target.clone().unbind(),
            name,
            session,
            body: body.map(|body| body.clone().unbind()),
            context,
            own_status: AtomicU32::new(0),
            catches: AtomicBool::new(catches.is_truthy()?),
            is_entered: AtomicBool::new(false),
            is_touched: AtomicBool::new(false),
        })
    }

    /// Sends a request whose headers are all given.
    #[staticmethod]
    #[allow(clippy::too_many_arguments)] // As above.
    fn prepared(
        client: &Bound<'_, Client>,
        session: Py<PyAny>,
        method: Bound<'_, PyString>,
        target: &Bound<'_, Target>,
        headers: &Bound<'_, PyList>,
        body: Option<&Bound<'_, PyBytes>>,
        timeouts: Option<(Option<f64>, Option<f64>)>,
        addresses: Option<Vec<(String, u16)>>,
        waiter: Waiter,
    ) -> PyResult<Reply> {
        let parsed = wire_method(method.to_str()?)?;
        let headers = pairs(headers)?;
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let sent_body = body.map(|body| body.as_bytes()).unwrap_or_default();
        let mut bytes = Vec::with_capacity(512 + sent_body.len());
        let order = client.get().order;
        let to = &target.get().target;
        head::write_prepared(parsed.as_str(), to, headers, sent_body, order, &mut bytes)
            .map_err(not_plain)?;
        let sending =
            Sending { client, target, bytes, method: parsed, timeouts, addresses, waiter };
        let slot = sending.send()?;
        let name = target.get().path_url.clone_ref(method.py()).into_any();
        Ok(Reply {
            slot,
            outcome: OnceLock::new(),
            method: method.unbind(),
            target: target.clone().unbind(),
            name,
            session,
            body: body.map(|body| body.clone().into_any().unbind()),
            context: None,
            own_status: AtomicU32::new(0),
            catches: AtomicBool::new(false),
            is_entered: AtomicBool::new(false),
            is_touched: AtomicBool::new(false),
        })
    }

    /// Takes the response in. 0: it is whole, has a status below 400, no redirect and no cookies; else flags.
    fn settle(&self) -> u32 {
        if let Some(settled) = self.outcome.get() {
            return settled.flags;
        }
        match self.slot.take() {
            Some(outcome) => self.outcome.get_or_init(|| Settled::new(outcome)).flags,
            None => UNFINISHED,
        }
    }

    /// Gives the request up and closes its connection.
    fn cancel(&self) {
        if let Some(engine) = existing_engine() {
            drop(engine.cancel(&self.slot));
        }
    }

    /// Counts the request, with a failure if a text is given.
    #[pyo3(signature = (stats, error=None))]
    fn record(
        &self,
        py: Python<'_>,
        stats: &Bound<'_, Stats>,
        error: Option<&str>,
    ) -> PyResult<()> {
        let settled = self.settled()?;
        let method = self.method.bind(py).to_str()?;
        let name = self.name.bind(py).str()?;
        let name = name.to_str()?;
        let mut stats = stats.get().lock();
        let now = rt::unix_nanos();
        let length = settled.body().len() as i64;
        stats.log(method, name, Some(settled.outcome.elapsed_ms()), length, now);
        if let Some(text) = error {
            stats.error(method, name, text, now);
        }
        Ok(())
    }

    /// Begins a with-block.
    fn __enter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.get();
        this.is_entered.store(true, Ordering::Relaxed);
        if !this.catches.load(Ordering::Relaxed) {
            return slf.call_method0(intern!(slf.py(), "_enter_slowly"));
        }
        Ok(slf.clone().into_any())
    }

    /// Ends a with-block. One in which nothing was decided, and that only the engine hears of, is counted here.
    fn __exit__<'py>(
        slf: &Bound<'py, Self>,
        kind: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        traceback: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let is_plain =
            kind.is_none() && !this.is_touched.load(Ordering::Relaxed) && this.status_code() < 400;
        if is_plain {
            let event = this.session.bind(py).getattr(intern!(py, "request_event"))?;
            if let Ok(stats) = event.getattr(intern!(py, "engine"))?.cast_exact::<Stats>() {
                this.record(py, stats, None)?;
                return Ok(PyBool::new(py, true).to_owned().into_any());
            }
        }
        slf.call_method1(intern!(py, "_exit_slowly"), (kind, value, traceback))
    }

    /// Something was changed that a report has to look at.
    fn touch(&self) {
        self.is_touched.store(true, Ordering::Relaxed);
    }

    #[getter(_entered)]
    fn is_entered(&self) -> bool {
        self.is_entered.load(Ordering::Relaxed)
    }

    #[setter(_entered)]
    fn set_entered(&self, is: bool) {
        self.is_entered.store(is, Ordering::Relaxed);
    }

    #[getter(_catch_response)]
    fn catches(&self) -> bool {
        self.catches.load(Ordering::Relaxed)
    }

    #[setter(_catch_response)]
    fn set_catches(&self, does: bool) {
        self.catches.store(does, Ordering::Relaxed);
    }

    /// The context of the request, if it has one.
    #[getter]
    fn request_context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.context.as_ref().map(|context| context.clone_ref(py))
    }

    /// What the collector of cycles has to know of: a session may come back to its responses.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.session)?;
        visit.call(&self.name)?;
        visit.call(&self.body)?;
        visit.call(&self.context)
    }

    /// What failed: a word, and a number or a text; `None` if nothing did.
    fn what_failed(&self, py: Python<'_>) -> PyResult<Option<(&'static str, Py<PyAny>)>> {
        let Some(failure) = &self.settled()?.outcome.failure else { return Ok(None) };
        let number = |number: &i32| number.into_pyobject(py).map(|n| n.into_any().unbind());
        let text = |text: &str| PyString::new(py, text).into_any().unbind();
        Ok(Some(match failure {
            Failure::Connect(errno) => ("connect", number(errno)?),
            Failure::ConnectTimeout => ("connect timeout", py.None()),
            Failure::Tls(words) => ("tls", text(words)),
            Failure::Closed => ("closed", py.None()),
            Failure::Broken(errno) => ("broken", number(errno)?),
            Failure::ReadTimeout => ("read timeout", py.None()),
            Failure::Malformed(words) => ("malformed", text(words)),
            Failure::Incomplete => ("incomplete", py.None()),
            Failure::Other(words) => ("other", text(words)),
        }))
    }

    /// The status code, or what was put in its place; 0 without a response.
    #[getter]
    fn status_code(&self) -> u32 {
        match self.own_status.load(Ordering::Relaxed) {
            0 => self.outcome.get().map_or(0, |settled| settled.outcome.response.status.into()),
            own => own - 1,
        }
    }

    #[setter]
    fn set_status_code(&self, status: u32) {
        self.own_status.store(status.saturating_add(1), Ordering::Relaxed);
    }

    /// The body, without content encodings.
    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let settled = self.settled()?;
        let content = settled.content.get_or_init(|| PyBytes::new(py, settled.body()).unbind());
        Ok(content.bind(py).clone())
    }

    /// The body as it was received.
    #[getter]
    fn raw_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, self.settled()?.outcome.response.body()))
    }

    /// Bytes of the body, without content encodings.
    #[getter]
    fn body_length(&self) -> PyResult<usize> {
        Ok(self.settled()?.body().len())
    }

    /// The reason phrase.
    #[getter]
    fn reason_phrase(&self) -> PyResult<String> {
        let response = &self.settled()?.outcome.response;
        if response.status == 0 { Ok(String::new()) } else { Ok(response.reason().to_owned()) }
    }

    /// 10 or 11.
    #[getter]
    fn http_version(&self) -> PyResult<u8> {
        let version = self.settled()?.outcome.response.version;
        Ok(if version == Version::Http10 { 10 } else { 11 })
    }

    /// The response's headers, in order.
    fn header_pairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for (name, value) in self.settled()?.outcome.response.headers() {
            list.append((name, latin1(value)))?;
        }
        Ok(list)
    }

    /// The first header of this name.
    fn header(&self, name: &str) -> PyResult<Option<String>> {
        let value = self.settled()?.outcome.response.header(name);
        Ok(value.map(|value| latin1(value).into_owned()))
    }

    /// What was sent before the body.
    #[getter]
    fn sent_head<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let sent = &self.settled()?.outcome.sent;
        let end =
            sent.windows(4).position(|four| four == b"\r\n\r\n").map_or(sent.len(), |at| at + 4);
        Ok(PyBytes::new(py, &sent[..end]))
    }

    /// The body that was sent.
    #[getter]
    fn sent_body(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.body.as_ref().map(|body| body.clone_ref(py))
    }

    /// From asking to the end of the response, milliseconds.
    #[getter]
    fn elapsed_ms(&self) -> PyResult<f64> {
        Ok(self.settled()?.outcome.elapsed_ms())
    }

    /// From asking to the first byte of the response, seconds.
    #[getter]
    fn first_byte_s(&self) -> PyResult<f64> {
        let outcome = &self.settled()?.outcome;
        Ok(outcome.first_byte.since(outcome.started).as_secs_f64())
    }

    /// When it was asked for, unix seconds.
    #[getter]
    fn started_at(&self) -> PyResult<f64> {
        let outcome = &self.settled()?.outcome;
        Ok(rt::unix_of(outcome.started) as f64 / 1e9)
    }

    /// How long ago it was asked for, seconds.
    #[getter]
    fn age_s(&self) -> PyResult<f64> {
        Ok(rt::now().since(self.settled()?.outcome.started).as_secs_f64())
    }

    #[getter]
    fn asked_method(&self, py: Python<'_>) -> Py<PyString> {
        self.method.clone_ref(py)
    }

    #[getter]
    fn target(&self, py: Python<'_>) -> Py<Target> {
        self.target.clone_ref(py)
    }

    #[getter]
    fn stat_name(&self, py: Python<'_>) -> Py<PyAny> {
        self.name.clone_ref(py)
    }

    #[getter]
    fn session(&self, py: Python<'_>) -> Py<PyAny> {
        self.session.clone_ref(py)
    }

    /// The body as JSON. What is not plainly that is left to `_json_slowly`.
    #[pyo3(signature = (**kwargs))]
    fn json<'py>(
        slf: &Bound<'py, Self>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if kwargs.is_none_or(|kwargs| kwargs.is_empty())
            && let Some(value) = slf.get().parse(py)?
        {
            return Ok(value);
        }
        slf.call_method(intern!(py, "_json_slowly"), (), kwargs)
    }

    /// The body as JSON, or an exception if it is not plainly that.
    fn parse_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.parse(py)?.ok_or_else(|| NotPlain::new_err("the body is not plainly JSON in UTF-8"))
    }
}

impl Reply {
    fn settled(&self) -> PyResult<&Settled> {
        self.outcome.get().ok_or_else(|| PyRuntimeError::new_err("the response is not there yet"))
    }

    fn parse<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let settled = self.settled()?;
        let body = settled.body();
        // Other encodings than UTF-8 have a zero or a mark among the first bytes.
        let is_utf8 = !body.iter().take(4).any(|b| *b == 0 || *b >= 0xef)
            && (body.is_ascii() || says_utf8(settled.outcome.response.header("content-type")));
        if !is_utf8 {
            return Ok(None);
        }
        let parse = PythonParse {
            allow_inf_nan: true,
            cache_mode: StringCacheMode::Keys,
            partial_mode: PartialMode::Off,
            catch_duplicate_keys: false,
            float_mode: FloatMode::Float,
        };
        // Python's parser says what is wrong with it.
        Ok(parse.python_parse(py, body).ok())
    }
}

/// Whether text of this content type is UTF-8 by requests' rules.
fn says_utf8(content_type: Option<&[u8]>) -> bool {
    let Some(kind) = content_type else { return true };
    let kind = kind.to_ascii_lowercase();
    let contains = |text: &[u8]| kind.windows(text.len()).any(|part| part == text);
    if contains(b"charset") {
        return contains(b"charset=utf-8") || contains(b"charset=\"utf-8\"");
    }
    contains(b"application/json") || !contains(b"text")
}

fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => text.into(),
        _ => bytes.iter().map(|b| char::from(*b)).collect::<String>().into(),
    }
}

/// The bytes of a body: text goes out in UTF-8.
fn body_bytes<'a>(body: &'a Bound<'_, PyAny>) -> PyResult<&'a [u8]> {
    if let Ok(bytes) = body.cast_exact::<PyBytes>() {
        return Ok(bytes.as_bytes());
    }
    match body.cast_exact::<PyString>() {
        Ok(text) => Ok(text.to_str()?.as_bytes()),
        Err(_) => Err(NotPlain::new_err("the body is neither bytes nor text")),
    }
}

/// Headers that urllib3 or http.client send a value of their own for where they are missing.
fn is_always_sent(name: &str) -> bool {
    name.eq_ignore_ascii_case("user-agent") || name.eq_ignore_ascii_case("accept-encoding")
}

/// The headers of one request; `None` as a value takes the session's away.
fn own_headers(dict: &Bound<'_, PyDict>) -> PyResult<Vec<(String, Option<Vec<u8>>)>> {
    dict.iter()
        .map(|(name, value)| {
            let name = name
                .cast_exact::<PyString>()
                .map_err(|_| NotPlain::new_err("the name of a header is no text"))?;
            let value = match value.cast_exact::<PyString>() {
                Ok(text) => Some(value_bytes(text)?),
                Err(_) if value.is_none() => None,
                Err(_) => return Err(NotPlain::new_err("the value of a header is no text")),
            };
            Ok((name.to_str()?.to_owned(), value))
        })
        .collect()
}
