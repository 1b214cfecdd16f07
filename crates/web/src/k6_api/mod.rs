//! k6's REST API, version 1: paths, methods, bodies and status codes as k6 2.2 answers them.

mod groups;
mod json;
mod metrics;
mod setup;
mod status;

use std::borrow::Cow;
use std::sync::Arc;

use engine::control::{ControlHandle, Reply};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::sync::oneshot;

use crate::Test;
pub(crate) use crate::server::Request;
use crate::server::{self, Site};

/// Longest body of a request that is read: setup data of a large test. Bytes.
const MAX_BODY: usize = 64 << 20;

type Response = hyper::Response<Full<Bytes>>;

const JSON: &str = "application/json";
const JSON_UTF8: &str = "application/json; charset=utf-8";
/// What k6 sends where it sets no type: Go's guess for JSON.
const TEXT: &str = "text/plain; charset=utf-8";

/// What requests are answered from.
pub(crate) struct Api {
    pub(crate) control: ControlHandle,
    pub(crate) test: Arc<dyn Test>,
}

/// A document of k6's errors.
struct ApiError {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl ApiError {
    fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> ApiError {
        ApiError { status, title, detail: detail.into() }
    }

    /// The run is over, and nobody is there to answer.
    fn gone() -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "Not running", "the test run is over")
    }

    fn response(&self, content_type: &'static str) -> Response {
        let text = format!(
            "{{\"errors\":[{{\"status\":\"{}\",\"title\":{},\"detail\":{}}}]}}",
            self.status.as_u16(),
            json::text(self.title),
            json::text(&self.detail),
        );
        respond(self.status, content_type, text)
    }
}

impl Site for Api {
    async fn answer(&self, request: Request) -> server::Response {
        let path = decoded(request.uri().path()).into_owned();
        let line = format!("{} {path}", request.method());
        let response = self.route(&path, request).await;
        self.test.answered(&line, response.status().as_u16());
        response.map(|body| body.map_err(|never| match never {}).boxed_unsync())
    }
}

impl Api {
    async fn route(&self, path: &str, request: Request) -> Response {
        let method = request.method().clone();
        let is_get = method == Method::GET;
        let clean = clean(path);
        if clean != path {
            return moved(&clean);
        }
        match path {
            "/v1/status" if is_get => self.get_status().await,
            "/v1/status" if method == Method::PATCH => self.patch_status(request).await,
            "/v1/metrics" if is_get => self.get_metrics().await,
            "/v1/groups" if is_get => self.get_groups().await,
            "/v1/setup" if is_get => self.setup_data(),
            "/v1/setup" if method == Method::PUT => self.put_setup(request).await,
            "/v1/setup" if method == Method::POST => self.run_setup().await,
            "/v1/teardown" if method == Method::POST => self.run_teardown().await,
            "/v1/status" | "/v1/metrics" | "/v1/groups" | "/v1/setup" | "/v1/teardown" => {
                not_allowed()
            }
            "/v1" => moved("/v1/"),
            _ => {
                if let Some(id) = path.strip_prefix("/v1/metrics/") {
                    if is_get { self.get_metric(id).await } else { not_allowed() }
                } else if let Some(id) = path.strip_prefix("/v1/groups/") {
                    if is_get { self.get_group(id).await } else { not_allowed() }
                } else if path.starts_with("/v1/") {
                    not_found()
                } else if path == "/metrics" || path.starts_with("/debug/") {
                    respond(StatusCode::NOT_FOUND, TEXT, NO_PROFILES.to_owned())
                } else {
                    respond(StatusCode::OK, TEXT, "ok".to_owned())
                }
            }
        }
    }
}

/// k6 serves profiles and counters of its Go program here.
const NO_PROFILES: &str =
    "squall has no Go runtime to profile; `perf record -g -p PID` shows where its time goes\n";

/// Asks the run something and waits for the answer.
async fn ask<T: Send + 'static>(question: impl FnOnce(Reply<T>)) -> Result<T, ApiError> {
    let (reply, answer) = oneshot::channel();
    question(Box::new(move |value| drop(reply.send(value))));
    answer.await.map_err(|_| ApiError::gone())
}

/// Reads a request's body.
async fn body(request: Request, what_failed: &'static str) -> Result<Bytes, ApiError> {
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, what_failed, error.to_string()))
}

fn respond(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn not_allowed() -> Response {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

fn not_found() -> Response {
    let mut response = respond(StatusCode::NOT_FOUND, TEXT, "404 page not found\n".to_owned());
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert("x-content-type-options", nosniff);
    response
}

fn moved(to: &str) -> Response {
    let escaped = to.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let escaped = escaped.replace('"', "&#34;").replace('\'', "&#39;");
    let text = format!("<a href=\"{escaped}\">Temporary Redirect</a>.\n\n");
    let mut response = respond(StatusCode::TEMPORARY_REDIRECT, "text/html; charset=utf-8", text);
    // A path that was decoded may be no header any more; the page names it then.
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// The path without empty, `.` and `..` parts, to which Go's servers send those who ask for another.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let end = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}

/// A path with its `%xx` resolved; one that is no UTF-8 then stays as it is.
fn decoded(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8().unwrap_or(Cow::Borrowed(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unclean_paths_are_cleaned_as_in_go() {
        for (path, clean_path) in [
            ("/", "/"),
            ("//v1/status", "/v1/status"),
            ("/v1/", "/v1/"),
            ("/v1/../v1/./status", "/v1/status"),
            ("/..", "/"),
            ("/a//", "/a/"),
        ] {
            assert_eq!(clean(path), clean_path);
        }
    }

    #[test]
    fn paths_are_decoded_where_they_can_be() {
        for (path, decoded_path) in [
            ("/v1/metrics/a", "/v1/metrics/a"),
            ("/v1/metrics/a%7Bb%3ac%7d", "/v1/metrics/a{b:c}"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%zz%41", "/%zzA"),
            ("/%ff", "/%ff"),
            ("/%c3%a4", "/ä"),
        ] {
            assert_eq!(decoded(path), decoded_path);
        }
    }
}
