//! `http.batch`: several requests at once, `batch` of them in all and `batchPerHost` to one host.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use super::arguments::export;
use super::calls::{MethodName, NoCall, THROWN, Unsent, finish, read, state};
use super::exchange::{Call, Done};
use super::exported::Exported;
use super::{VuHttp, response};
use crate::js::{Args, Ctx, JsResult, Raw, Thrown, Val};
use crate::log::Level;

/// Requests of one batch.
const MAX_REQUESTS: usize = 100_000;

/// `http.batch(array | object)`: responses in the same shape.
pub(super) fn batch(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if host.is_init() {
        return Err(cx.throw_go("Using batch in the init context is not supported"));
    }
    if args.is_empty() {
        return Err(cx.throw_go("no argument was provided to http.batch()"));
    }
    let list = args.get(0);
    let kind = if list.is_object() { "" } else { export(cx, list)?.go_type() };
    if !list.is_object() {
        return Err(cx.throw_go(&format!("invalid http.batch() argument type {kind}")));
    }
    let http = state(cx).ok_or(Thrown)?;
    let keys = list.keys(cx)?;
    if keys.len() > MAX_REQUESTS {
        return Err(cx.throw_go(&format!(
            "a batch of {} requests is larger than {MAX_REQUESTS}",
            keys.len()
        )));
    }
    let shape = Shape::of(cx, list)?;
    let mut calls = Vec::with_capacity(keys.len());
    for at in 0..keys.len() {
        match read_entry(cx, http, &keys.name(at)?, keys.value(at)?.raw()) {
            Ok(call) => calls.push(call),
            Err(NoCall::Thrown(thrown)) => return Err(thrown),
            Err(NoCall::Unsent(why)) => {
                let mut responses = Vec::new();
                for _ in &calls {
                    responses.push(response::wrap_unsent(cx, http, String::new(), 0)?);
                }
                responses.push(failed(cx, http, why)?);
                responses.resize_with(keys.len(), || Val::null(cx));
                return shape.fill(cx, list, responses);
            }
        }
    }
    let done = host.wait_or_throw(cx, run_all(http, &calls))?;
    let mut responses = Vec::with_capacity(calls.len());
    for (call, done) in calls.into_iter().zip(done) {
        responses.push(finish(cx, http, call, done, THROWN)?);
    }
    shape.fill(cx, list, responses)
}

/// The container of the responses.
struct Shape {
    container: Val,
    is_list: bool,
}

impl Shape {
    fn of(cx: Ctx, list: Raw) -> JsResult<Self> {
        let is_list = list.is_array();
        Ok(Self { container: if is_list { cx.array()? } else { cx.object()? }, is_list })
    }

    fn fill(self, cx: Ctx, list: Raw, responses: Vec<Val>) -> JsResult<Val> {
        let keys = list.keys(cx)?;
        for (at, response) in responses.into_iter().enumerate() {
            if self.is_list {
                self.container.set_idx(cx, at as u32, response)?;
            } else if at < keys.len() {
                self.container.set(cx, keys.atom(at), response)?;
            }
        }
        Ok(self.container)
    }
}

/// The response of an entry that cannot be built; nothing of the batch is sent then.
fn failed(cx: Ctx, http: &Rc<VuHttp>, (why, code): Unsent) -> JsResult<Val> {
    if http.settings.throws {
        return Err(cx.throw_go(&why));
    }
    http.log(Level::Warning, "A batch request failed".to_owned(), vec![("error", why.clone())]);
    response::wrap_unsent(cx, http, why, code)
}

/// One entry: a URL, `[method, url, body, params]` or `{method, url, body, params}`.
fn read_entry(cx: Ctx, http: &VuHttp, key: &str, entry: Raw) -> Result<Call, NoCall> {
    let atoms = cx.host().atoms();
    let get = || MethodName::parse("GET");
    if entry.is_array() {
        let length = entry.length(cx)?;
        if length < 2 {
            let shown = go_syntax(&export(cx, entry)?);
            return Err(NoCall::Unsent((format!("invalid batch request '{shown}'"), 0)));
        }
        let (method, url) = (entry.get_idx(cx, 0)?, entry.get_idx(cx, 1)?);
        let (body, params) = (entry.get_idx(cx, 2)?, entry.get_idx(cx, 3)?);
        let name = MethodName::read(cx, method.raw())?;
        return read(cx, http, name, url.raw(), body.raw(), params.raw());
    }
    let is_plain_object = entry.is_object()
        && !entry.is_function(cx)
        && cx.inner::<super::helpers::TaggedUrl>(entry).is_none();
    if !is_plain_object {
        return read(cx, http, get(), entry, Raw::UNDEFINED, Raw::UNDEFINED);
    }
    let url = entry.get(cx, atoms.url)?;
    if url.is_undefined() {
        return Err(NoCall::Unsent((format!("batch request {key} doesn't have a url key"), 0)));
    }
    let method = entry.get(cx, atoms.method)?;
    let name =
        if method.is_nullish() { "GET".to_owned() } else { method.to_text(cx)?.to_uppercase() };
    let params = entry.get(cx, atoms.params)?;
    let body = match name.as_str() {
        "GET" | "HEAD" => Val::undefined(cx),
        _ => entry.get(cx, atoms.body)?,
    };
    read(cx, http, MethodName::parse(&name), url.raw(), body.raw(), params.raw())
}

/// Go's `%#v` of a short list.
fn go_syntax(value: &Exported) -> String {
    let one = |value: &Exported| match value {
        Exported::Text(text) => super::exchange::quote(text),
        Exported::Nil => "interface {}(nil)".to_owned(),
        other => other.go_text().into_owned(),
    };
    match value {
        Exported::List(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        other => one(other),
    }
}

/// Carries the calls out in order, within the limits, and gives what came of them in the same order.
async fn run_all(http: &VuHttp, calls: &[Call]) -> Vec<Box<Done>> {
    type Running<'a> = Pin<Box<dyn Future<Output = Box<Done>> + 'a>>;
    let mut running: Vec<(usize, Running<'_>)> = Vec::new();
    let mut results: Vec<Option<Box<Done>>> = Vec::new();
    results.resize_with(calls.len(), || None);
    let mut waiting: Vec<usize> = (0..calls.len()).collect();
    poll_fn(|cx| {
        loop {
            let mut at = 0;
            while at < waiting.len() && running.len() < http.settings.batch {
                let idx = waiting[at];
                let authority = calls[idx].entry.url.authority();
                let same = running
                    .iter()
                    .filter(|(r, _)| calls[*r].entry.url.authority() == authority)
                    .count();
                if same < http.settings.batch_per_host {
                    waiting.remove(at);
                    running.push((idx, Box::pin(http.run(&calls[idx]))));
                } else {
                    at += 1;
                }
            }
            let before = running.len();
            running.retain_mut(|(idx, future)| match future.as_mut().poll(cx) {
                Poll::Ready(done) => {
                    results[*idx] = Some(done);
                    false
                }
                Poll::Pending => true,
            });
            if running.is_empty() && waiting.is_empty() {
                return Poll::Ready(());
            }
            if running.len() == before || waiting.is_empty() {
                return Poll::Pending;
            }
        }
    })
    .await;
    drop(running);
    results.into_iter().flatten().collect()
}
