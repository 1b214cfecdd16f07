//! One call of a script on the wire: rate limit, redirects, cookies, decompression, samples. No JavaScript in here, so that batches and
//! promises run it as well as blocking calls.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use metrics::TagSetId;
use net::NetError;
use net::cookie::{Jar, SetCookie, Site, write_pair};
use net::error::{Stage, code};
use net::http::{Body, BodySink, Client, Exchange, Method, Request, Response, Timings};
use net::tls::TlsInfo;
use net::url::{Scheme, Url};
use percent_encoding::percent_decode_str;

use super::VuHttp;
use super::authentication::Auth;
use super::cache::UrlEntry;
use super::debug::DebugFields;
use super::expected::Expected;
use super::hop::{Carry, authorize, copy_headers, is_same_or_subdomain, referer, without_password};
use super::ocsp;
use super::samples::Sample;

/// A cookie of the `cookies` parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallCookie {
    pub name: String,
    pub value: String,
    /// Keep the jar's cookie of this name out.
    pub replace: bool,
}

/// What becomes of the response's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseType {
    /// A string.
    Text,
    /// An `ArrayBuffer`.
    Binary,
    /// It is read and forgotten; `null`.
    None,
}

/// How redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Redirects {
    /// So many are followed.
    pub max: u32,
    /// Warn when there are more: nobody chose `max`.
    pub warn: bool,
}

/// A jar that scripts and requests share.
pub(crate) type SharedJar = Rc<RefCell<Jar>>;

/// A request of a script, read and checked.
pub(super) struct Call {
    pub entry: Rc<UrlEntry>,
    /// The first hop as it is sent, cookies included.
    pub request: Rc<Request>,
    /// The method as the script wrote it, where that is not what is sent.
    pub shown_method: Option<Box<str>>,
    /// A header Go refuses: the error instead of an exchange.
    pub refused: Option<NetError>,
    pub cookies: Vec<CallCookie>,
    pub jar: SharedJar,
    /// Tags of the VU and of the call, `name` included.
    pub base: TagSetId,
    pub timeout: Duration,
    pub redirects: Redirects,
    pub response_type: ResponseType,
    pub expected: Option<Rc<Expected>>,
    pub throws: bool,
    /// The body as the script gave it, shown in `response.request.body`; the sent one may be compressed.
    pub shown_body: Option<Rc<[u8]>>,
    /// The `Authorization` header came from the URL, not from the script.
    pub authorized: bool,
    pub auth: Auth,
    /// The first exchange has not been recorded: it may bring a challenge, which is what is expected then.
    pub awaits_challenge: Cell<bool>,
    pub debug: Option<DebugFields>,
    /// Where it goes out, if not through the VU's client.
    pub client: Option<Rc<Client>>,
}

/// What came of it. Large, so it is boxed on its way to the script.
pub(super) struct Done {
    /// The URL of the last hop.
    pub entry: Rc<UrlEntry>,
    /// Status and headers, where a head came.
    pub response: Option<Response>,
    /// The body after decompression, where it was compressed.
    pub decoded: Option<Vec<u8>>,
    pub error: Option<NetError>,
    /// k6's `error_code`; also set for statuses from 400.
    pub error_code: u16,
    pub timings: Timings,
    pub remote: Option<SocketAddr>,
    pub tls: Option<Rc<TlsInfo>>,
    /// The response switched protocols, which k6 refuses with an exception.
    pub switched: bool,
    /// What the log says of the error.
    pub log_text: Option<String>,
}

/// The state of following redirects.
pub(super) struct Hop {
    pub entry: Rc<UrlEntry>,
    pub request: Rc<Request>,
    followed: u32,
    strips_secrets: bool,
    keeps_body: bool,
}

impl VuHttp {
    /// Carries the call out, samples included.
    pub(super) async fn run(&self, call: &Call) -> Box<Done> {
        if let Some(limiter) = &self.settings.limiter {
            let at = limiter.reserve(rt::now());
            if at > rt::now() {
                rt::sleep_until(at).await;
            }
        }
        let deadline = rt::now() + call.timeout;
        let mut hop = Hop {
            entry: call.entry.clone(),
            request: call.request.clone(),
            followed: 0,
            strips_secrets: false,
            keeps_body: true,
        };
        loop {
            let mut is_encoded = false;
            let exchange = match &call.refused {
                Some(error) => refused(error.clone()),
                None if call.timeout.is_zero() => refused(NetError::request_timeout()),
                None => {
                    self.debug_request(call, &hop.request);
                    match call.auth {
                        Auth::Basic => {
                            self.client_for(call).send(&hop.request, Some(deadline)).await
                        }
                        // Boxed: rare, and its state would be every call's.
                        _ => Box::pin(self.send_authenticated(call, &mut hop, deadline)).await,
                    }
                }
            };
            if let Ok(response) = &exchange.result {
                self.debug_response(call, response);
                is_encoded = response.notable.is_encoded;
                if response.notable.sets_cookies {
                    keep_cookies(&call.jar, &hop.entry.url, response);
                }
                match self.next_hop(call, &hop, response) {
                    Next::Final => {}
                    Next::Hop(next) => {
                        self.record_redirect(call, &hop, &exchange, response);
                        if let Ok(response) = exchange.result {
                            self.client.recycle(response);
                        }
                        hop = *next;
                        continue;
                    }
                    Next::Bad(text) => {
                        let error = NetError::new(code::GENERIC, text);
                        let failed = Exchange { result: Err(error), partial: None, ..exchange };
                        return self.finish(call, &hop, failed, false);
                    }
                }
            }
            return self.finish(call, &hop, exchange, is_encoded);
        }
    }

    /// Ends the call with its last exchange: decompression, error code, samples.
    fn finish(&self, call: &Call, hop: &Hop, exchange: Exchange, is_encoded: bool) -> Box<Done> {
        let Exchange { result, partial, timings, remote_addr, tls, .. } = exchange;
        let (response, mut error) = match result {
            Ok(response) => (Some(response), None),
            Err(error) => (partial, Some(error)),
        };
        let switched = error.is_none() && response.as_ref().is_some_and(|r| r.status == 101);
        let mut decoded = None;
        if let (None, Some(response)) = (&error, &response)
            && is_encoded
            && call.response_type != ResponseType::None
        {
            match self.decode(response) {
                Ok(body) => decoded = body,
                Err(failed) => error = Some(failed),
            }
        }
        let status = response.as_ref().filter(|_| error.is_none()).map_or(0, |r| r.status);
        let error_code = match &error {
            Some(error) => error.code,
            None if status >= 400 => 1000 + status,
            None => 0,
        };
        let log_text = error.as_ref().map(|error| self.log_text(&hop.request, error));
        if !switched {
            self.record(
                call,
                hop,
                &Observed {
                    status,
                    response: response.as_ref(),
                    error: error.as_ref(),
                    error_code,
                    timings: &timings,
                    remote: remote_addr,
                    tls: tls.as_deref(),
                },
            );
        }
        Box::new(Done {
            entry: hop.entry.clone(),
            response,
            decoded,
            error,
            error_code,
            timings,
            remote: remote_addr,
            tls,
            switched,
            log_text,
        })
    }

    /// Records an exchange that another one follows.
    pub(super) fn record_redirect(
        &self,
        call: &Call,
        hop: &Hop,
        exchange: &Exchange,
        response: &Response,
    ) {
        self.record(
            call,
            hop,
            &Observed {
                status: response.status,
                response: Some(response),
                error: None,
                error_code: if response.status >= 400 { 1000 + response.status } else { 0 },
                timings: &exchange.timings,
                remote: exchange.remote_addr,
                tls: exchange.tls.as_deref(),
            },
        );
    }

    fn record(&self, call: &Call, hop: &Hop, observed: &Observed<'_>) {
        let status = observed.status;
        let is_first = call.awaits_challenge.replace(false);
        let expected = call.expected.as_ref().map(|expected| match call.auth {
            Auth::Digest if is_first => status == 401,
            Auth::Ntlm if is_first => status == 401 || expected.covers(status),
            _ => expected.covers(status),
        });
        let shown_method = if hop.followed == 0 { call.shown_method.as_deref() } else { None };
        self.recorder.record(&Sample {
            base: call.base,
            entry: &hop.entry,
            method: &hop.request.method,
            shown_method,
            status: observed.status,
            version: observed.response.map(|r| r.version).unwrap_or_default(),
            expected,
            error: observed.error.map(|e| &*e.message),
            error_code: observed.error_code,
            // As in k6, a failure has neither protocol nor version.
            tls_version: observed.tls.filter(|_| observed.error.is_none()).map(|tls| tls.version),
            ocsp: observed
                .tls
                .filter(|_| self.recorder.choice.ocsp_status && observed.error.is_none())
                .map(|tls| ocsp::read(tls).status),
            ip: observed.remote.map(|remote| remote.ip()),
            timings: observed.timings,
            at_unix_ns: rt::unix_of(observed.timings.ended),
        });
    }

    /// The body without its content encodings; `None` where it has none.
    fn decode(&self, response: &Response) -> Result<Option<Vec<u8>>, NetError> {
        if response.body().is_empty() {
            return Ok(None);
        }
        let Some(encoding) = response.header("content-encoding") else { return Ok(None) };
        let Ok(encoding) = std::str::from_utf8(encoding) else { return Ok(None) };
        if encoding.is_empty() {
            return Ok(None);
        }
        match net::encoding::decode_body(encoding, response.body(), super::BODY_LIMIT)? {
            Cow::Borrowed(_) => Ok(None),
            Cow::Owned(body) => Ok(Some(body)),
        }
    }

    fn next_hop(&self, call: &Call, hop: &Hop, response: &Response) -> Next {
        let status = response.status;
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Next::Final;
        }
        let location = match response.header("location") {
            Some(location) if !location.is_empty() => String::from_utf8_lossy(location),
            _ => return Next::Final,
        };
        let url = match hop.entry.url.join(&location) {
            Ok(url) => url,
            Err(error) => {
                let quoted = quote(&location);
                return Next::Bad(format!("failed to parse Location header {quoted}: {error}"));
            }
        };
        if hop.followed >= call.redirects.max {
            if call.redirects.warn {
                self.warn_redirects(call, hop);
            }
            return Next::Final;
        }
        let method = match (status, &hop.request.method) {
            (301..=303, Method::Get | Method::Head) | (307 | 308, _) => hop.request.method.clone(),
            _ => Method::Get,
        };
        let keeps_body = hop.keeps_body && matches!(status, 307 | 308);
        let first = &call.entry.url;
        let strips_secrets = hop.strips_secrets
            || (first.authority() != url.authority()
                && !is_same_or_subdomain(first.host(), url.host()));
        let mut request = Request::new(method, url);
        request.sink = call.request.sink;
        if keeps_body {
            request.body = call.request.body.clone();
        }
        let is_relative = Url::parse(&location).is_ok_and(|u| u.scheme_str().is_empty());
        copy_headers(
            &call.request.headers,
            &mut request.headers,
            Carry { strips_secrets, keeps_body, is_relative },
        );
        if request.headers.get("referer").is_none()
            && let Some(referer) = referer(&hop.entry.url, &request.url)
        {
            let _ = request.headers.add("Referer", referer.as_bytes());
        }
        let entry = UrlEntry::new(request.url.clone());
        let cookies = self.cookie_header("", &call.cookies, &call.jar, &entry.url);
        if !cookies.is_empty() {
            let _ = request.headers.add("Cookie", cookies.as_bytes());
        }
        authorize(&mut request);
        request.headers.sort();
        Next::Hop(Box::new(Hop {
            entry,
            request: Rc::new(request),
            followed: hop.followed + 1,
            strips_secrets,
            keeps_body,
        }))
    }

    #[cold]
    fn warn_redirects(&self, call: &Call, hop: &Hop) {
        let text = format!(
            "Stopped after {} redirects and returned the redirection; pass {{ redirects: n }} in request params or set global maxRedirects \
             to silence this",
            hop.followed + 1
        );
        self.log(
            crate::log::Level::Warning,
            text,
            vec![("url", call.entry.url.as_str().to_owned())],
        );
    }

    /// The `Cookie` header of a request to `url`: what the script put into `header`, the call's cookies, the jar's.
    pub(super) fn cookie_header(
        &self,
        header: &str,
        cookies: &[CallCookie],
        jar: &SharedJar,
        url: &Url,
    ) -> String {
        let mut out = header.to_owned();
        for cookie in cookies {
            write_pair(&mut out, &cookie.name, &cookie.value, false);
        }
        let jar = jar.borrow();
        if jar.is_empty() {
            return out;
        }
        let path = decoded_path(url);
        for (name, value, quoted) in jar.cookies(site(url, &path), unix_seconds()) {
            if !cookies.iter().any(|c| c.replace && c.name == name) {
                write_pair(&mut out, name, value, quoted);
            }
        }
        out
    }

    /// k6's log text: with `Get "URL": ` before errors of the round trip.
    #[cold]
    fn log_text(&self, request: &Request, error: &NetError) -> String {
        if error.stage == Stage::Body {
            return error.detail().to_owned();
        }
        let method = request.method.as_str();
        let (first, rest) = method.split_at_checked(1).unwrap_or((method, ""));
        let url = without_password(&request.url);
        format!("{first}{} {}: {}", rest.to_lowercase(), quote(&url), error.detail())
    }
}

struct Observed<'a> {
    status: u16,
    response: Option<&'a Response>,
    error: Option<&'a NetError>,
    error_code: u16,
    timings: &'a Timings,
    remote: Option<SocketAddr>,
    tls: Option<&'a TlsInfo>,
}

enum Next {
    Final,
    Hop(Box<Hop>),
    Bad(String),
}

/// An exchange that failed before it began.
fn refused(error: NetError) -> Exchange {
    let now = rt::now();
    Exchange {
        result: Err(error),
        partial: None,
        timings: Timings { started: now, ended: now, ..Timings::default() },
        bytes_sent: 0,
        bytes_received: 0,
        remote_addr: None,
        tls: None,
        reused: false,
    }
}

/// Takes the cookies that a response sets into the jar.
pub(super) fn keep_cookies(jar: &SharedJar, url: &Url, response: &Response) {
    let now = unix_seconds();
    let path = decoded_path(url);
    let lines = response.headers().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    for (_, value) in lines {
        if let Some(cookie) = std::str::from_utf8(value).ok().and_then(SetCookie::parse) {
            // A cookie for a foreign domain is dropped silently, as Go does.
            let _ = jar.borrow_mut().set(site(url, &path), &cookie, now);
        }
    }
}

/// Where cookies of a URL belong.
pub(super) fn site<'a>(url: &'a Url, path: &'a str) -> Site<'a> {
    Site { tls: url.scheme() == Scheme::Https, host: url.host(), path }
}

/// The path without escapes, for cookies.
pub(super) fn decoded_path(url: &Url) -> Cow<'_, str> {
    percent_decode_str(url.path()).decode_utf8_lossy()
}

/// Unix time in seconds.
pub(super) fn unix_seconds() -> i64 {
    i64::try_from(rt::unix_nanos() / 1_000_000_000).unwrap_or(i64::MAX)
}

/// Go's `%q`.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                out.push_str(&format!("\\x{:02x}", c as u32))
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A body that Go sends in chunks although it is empty: k6 makes one of the empty string.
#[derive(Debug)]
struct EmptyChunks;

impl net::http::StreamBody for EmptyChunks {
    fn length(&self) -> Option<u64> {
        None
    }
    fn open(&self) -> Box<dyn net::http::BodyReader> {
        Box::new(EmptyChunks)
    }
}

impl net::http::BodyReader for EmptyChunks {
    fn poll_next(
        &mut self,
        _cx: &mut std::task::Context<'_>,
        _out: &mut Vec<u8>,
    ) -> std::task::Poll<std::io::Result<bool>> {
        std::task::Poll::Ready(Ok(false))
    }
}

/// The body as Go frames it: an empty one of a POST, PUT or PATCH goes out in chunks, elsewhere it is none.
pub(super) fn wire_body(method: &Method, bytes: Rc<[u8]>) -> Body {
    match method {
        _ if !bytes.is_empty() => Body::Shared(bytes),
        Method::Post | Method::Put | Method::Patch => Body::Stream(Rc::new(EmptyChunks)),
        _ => Body::Empty,
    }
}

/// What is done with the body of responses of this type.
pub(super) fn sink(response_type: ResponseType) -> BodySink {
    match response_type {
        ResponseType::None => BodySink::Discard,
        ResponseType::Text | ResponseType::Binary => BodySink::Keep,
    }
}
