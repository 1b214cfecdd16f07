//! From a route to its answer: what each endpoint says when nothing is injected.

use crate::answer::{Answer, BINARY, TEXT};
use crate::book::Book;
use crate::reader::Request;
use crate::route::Route;
use crate::stream::{Content, Stream};
use crate::totalizer::Totalizer;
use crate::{
    admin, auth, cookie, echo, exposition, percent, predict, redirect, sample, span, websocket,
};
use rt::Nanos;
use serde_json::json;
use std::net::IpAddr;

/// The longest `/bytes/:n`.
const MAX_BYTES: u64 = 1 << 40;
/// The most lines of `/stream/:n`.
const MAX_LINES: u64 = 10_000_000;

/// Where a request came from and when.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) peer: IpAddr,
    pub(crate) arrival: Nanos,
}

/// Fills in the answer of `route`.
pub(crate) fn answer(
    request: &Request<'_>,
    route: Route,
    origin: Origin,
    book: &mut Book,
    out: &mut Answer,
) {
    if !route.allowed().permits(request.method()) {
        return not_allowed(request, route, out);
    }
    match route {
        Route::Results => book.totalizer.results(origin.arrival, out),
        Route::Healthcheck | Route::Root | Route::Health | Route::Healthz | Route::Ready => {
            Totalizer::healthcheck(out);
        }
        Route::Predict | Route::PredictV1 | Route::PredictApi => {
            let quality = &mut book.quality;
            book.predictions += predict::predict(request.body, origin.arrival, quality, out);
        }
        Route::Feedback => {
            predict::feedback(request.body, origin.arrival, &mut book.quality, out);
        }
        Route::Login | Route::Portfolio | Route::Trades | Route::Positions | Route::Signals => {
            book.trading.answer(request, route, out);
        }
        Route::ApiHealth
        | Route::ApiHealthBare
        | Route::SessionLogin
        | Route::SessionLoginBare
        | Route::SessionLogout
        | Route::SessionUser
        | Route::Deployments
        | Route::Deployment
        | Route::Approvals
        | Route::Approve
        | Route::Reject
        | Route::CabPending
        | Route::CabApprove
        | Route::CabReject
        | Route::Connectors
        | Route::ConnectorPublish
        | Route::ConnectorStatus
        | Route::ConnectorRemediate => book.rollout.answer(request, route, out),
        Route::Metrics => {
            let text = book.exposition.render(book, origin.arrival);
            out.text(exposition::CONTENT_TYPE, text.as_bytes());
        }
        Route::Get
        | Route::Post
        | Route::Put
        | Route::Patch
        | Route::Delete
        | Route::Anything
        | Route::AnythingBelow
        | Route::Delay
        | Route::Headers
        | Route::Ip
        | Route::UserAgent => echo::answer(request, route, origin.peer, out),
        Route::Redirect | Route::RelativeRedirect | Route::AbsoluteRedirect | Route::RedirectTo => {
            redirect::answer(request, route, out)
        }
        Route::Cookies | Route::CookiesSet | Route::CookieSetOne | Route::CookiesDelete => {
            cookie::answer(request, route, out);
        }
        Route::BasicAuth | Route::DigestAuth => auth::answer(request, route, out),
        Route::Gzip | Route::Deflate | Route::Brotli | Route::Zstd => {
            sample::compressed(route, out);
        }
        Route::Html | Route::FormsPost | Route::Json | Route::Utf8 => sample::answer(route, out),
        Route::Status => status(request, out),
        Route::ResponseHeaders => response_headers(request, out),
        Route::Bytes | Route::Stream | Route::Drip => streamed(request, route, out),
        Route::Control | Route::Log | Route::Stats | Route::Reset | Route::Transcript => {
            admin::answer(request, route, book, out);
        }
        Route::WsEcho => websocket::answer(request, out),
        Route::GrpcSum
        | Route::GrpcEcho
        | Route::GrpcCount
        | Route::GrpcCollect
        | Route::GrpcChat
        | Route::GrpcHealthCheck
        | Route::GrpcHealthWatch
        | Route::GrpcReflect
        | Route::GrpcReflectAlpha => {
            out.error(415, "gRPC is served over HTTP/2 on a port of its own");
        }
        Route::NotFound | Route::Malformed => out.error(404, "not found"),
    }
}

/// The delay that the path itself asks for (`/delay/:seconds`), nanoseconds.
pub(crate) fn path_delay_ns(route: Route, path: &str) -> Result<Option<u64>, String> {
    if route != Route::Delay {
        return Ok(None);
    }
    let text = route.variables(path);
    let ns = text.parse::<f64>().ok().and_then(|s| span::parse_ns(&format!("{s}s")));
    ns.map(Some).ok_or_else(|| format!("invalid delay: `{text}`"))
}

fn not_allowed(request: &Request<'_>, route: Route, out: &mut Answer) {
    if request.method() == b"OPTIONS" {
        out.text("", b"");
    } else {
        out.error(405, "method not allowed");
    }
    out.header("Allow", route.allowed().list());
}

fn status(request: &Request<'_>, out: &mut Answer) {
    let (path, _) = request.path_and_query();
    let code = Route::Status.variables(path).parse().ok().filter(|c| (200..=999).contains(c));
    let Some(code) = code else { return out.error(400, "the status is not from 200 to 999") };
    out.status = code;
    out.text(TEXT, b"");
    match code {
        300..=303 | 305..=399 => out.header("Location", "/get"),
        401 => out.header("WWW-Authenticate", "Basic realm=\"squall\""),
        407 => out.header("Proxy-Authenticate", "Basic realm=\"squall\""),
        418 => out.text(TEXT, b"I'm a teapot\n"),
        _ => {}
    }
}

/// Each pair of the query as a header, and all of them as JSON.
fn response_headers(request: &Request<'_>, out: &mut Answer) {
    let (_, query) = request.path_and_query();
    let mut seen = serde_json::Map::new();
    for (name, value) in percent::pairs(query) {
        let lower = name.to_ascii_lowercase();
        if matches!(lower.as_str(), "content-length" | "transfer-encoding" | "connection") {
            continue; // These frame the answer.
        }
        if lower != "content-type" {
            out.header(&name, &value);
        }
        seen.insert(name.into_owned(), value.into_owned().into());
    }
    out.json(&json!(seen));
}

fn streamed(request: &Request<'_>, route: Route, out: &mut Answer) {
    let (path, query) = request.path_and_query();
    let count = |text: &str, limit: u64| text.parse::<u64>().ok().filter(|n| *n <= limit);
    let stream = match route {
        Route::Bytes => count(route.variables(path), MAX_BYTES)
            .map(|len| (BINARY, Stream::Fill { len, content: Content::Bytes })),
        Route::Stream => count(route.variables(path), MAX_LINES)
            .map(|n| ("application/json", Stream::Lines { n })),
        _ => drip(query).map(|stream| (BINARY, stream)),
    };
    match stream {
        Some((content_type, stream)) => {
            out.content_type = content_type;
            out.stream = Some(stream);
        }
        None => out.error(400, "a count or duration is out of range"),
    }
}

/// `?numbytes=10&duration=2`: httpbin's names, the duration in seconds.
fn drip(query: &str) -> Option<Stream> {
    let n = percent::value(query, "numbytes").map_or(Some(10), |text| text.parse().ok())?;
    let seconds = percent::value(query, "duration");
    let seconds = seconds.map_or(Some(2.0), |text| text.parse::<f64>().ok())?;
    let over_ns = span::parse_ns(&format!("{seconds}s"))?;
    (n <= MAX_LINES).then_some(Stream::Drip { n, over_ns })
}
