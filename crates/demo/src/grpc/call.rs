//! The life of one call. A unary one whose message came along with its head, which is nearly every one, is answered on
//! the spot; any other gets a task.

use super::exchange::{Broken, Inbound, Outbound};
use super::method::{Method, Reset, Wishes};
use super::reflection;
use super::socket::Link;
use super::status::{Status, code};
use super::wire::{self, Fields, Value, put_bytes, put_number};
use crate::book::{Book, Receipt};
use crate::connection::{SharedBook, lock};
use crate::fault::Faults;
use crate::log::{Fault, method_code};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Method as Verb, Request, StatusCode};
use rt::Nanos;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::MutexGuard;
use std::task::{Context, Poll};
use std::time::Duration;

/// The most messages of `Count`.
const MAX_COUNT: u64 = 10_000_000;
/// The longest message of `Count`, bytes.
const MAX_SIZE: u64 = 64 * 1024 * 1024;
/// What Go's servers count a call as that the client gave up.
const CANCELED: u8 = 1;

/// What the calls of a connection share.
pub(crate) struct Desk {
    pub(crate) book: SharedBook,
    pub(crate) number: u32,
    pub(crate) link: Rc<Link>,
    pub(crate) is_used: Cell<bool>,
}

/// What was decided about a call.
struct Verdict {
    receipt: Receipt,
    due: Nanos,
    outcome: Option<Status>,
}

impl Desk {
    /// Rules on a call whose last byte, or head if it streams, has come.
    fn judge(&self, book: &mut Book, method: Method, wishes: &Wishes) -> Verdict {
        let arrival = self.link.last_recv.get();
        book.counts.received += 1;
        book.counts.connections_used += u64::from(!self.is_used.replace(true));
        book.grpc.start(method);
        let faults = Faults { delay_ns: wishes.delay_ns, ..Faults::default() };
        let ruling = book.director.rule(arrival, &faults);
        let wished = wishes.status.map(|code| {
            Status::new(code, wishes.message.clone().unwrap_or_else(|| "injected".to_owned()))
        });
        let failed = ruling.status.map(|_| Status::new(code::UNAVAILABLE, "injected"));
        let route = method.route();
        Verdict {
            receipt: Receipt {
                arrival,
                injected_ns: ruling.due.since(arrival).as_nanos() as u64,
                route,
                path: book.log.path_id(route, route.pattern()),
                method: method_code(b"POST"),
                connection: self.number,
            },
            due: ruling.due,
            outcome: wished.or(failed),
        }
    }
}

/// Enters a call that is about to end.
fn complete(book: &mut Book, method: Method, receipt: &Receipt, code: u8, fault: Fault) {
    book.grpc.end(method, code);
    book.complete(receipt, if fault == Fault::Reset { 0 } else { 200 }, fault);
}

/// A call that has begun.
pub(crate) struct Call {
    desk: Rc<Desk>,
    method: Method,
    wishes: Wishes,
    inbound: Inbound,
    outbound: Outbound,
    /// The message of a unary call whose answer is not due yet.
    later: Option<(Verdict, Bytes)>,
}

impl Call {
    /// Looks at the head. `None` when the call was refused for it.
    pub(crate) fn begin(
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        desk: &Rc<Desk>,
    ) -> Option<Call> {
        let (head, body) = request.into_parts();
        let mut outbound = Outbound::new(respond);
        if head.method != Verb::POST {
            outbound.refuse(StatusCode::METHOD_NOT_ALLOWED);
            return None;
        }
        if !is_grpc(&head.headers) {
            outbound.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            return None;
        }
        let found = Method::find(head.uri.path())
            .and_then(|method| Ok((method, Wishes::parse(&head.headers)?)));
        match found {
            Ok((method, wishes)) => {
                if wishes.echoes {
                    outbound.echo(&head.headers);
                }
                let desk = desk.clone();
                let inbound = Inbound::new(body);
                Some(Call { desk, method, wishes, inbound, outbound, later: None })
            }
            Err(status) => {
                // The client may be gone already.
                let _ = outbound.end(Err(&status));
                None
            }
        }
    }

    /// Answers if that needs no waiting; else the call comes back, to be [`run`](Call::run).
    pub(crate) fn try_answer(mut self, cx: &mut Context<'_>) -> Option<Call> {
        if !self.method.is_unary() {
            return Some(self);
        }
        match self.inbound.only(cx) {
            Some(message) => self.unary(message),
            None => Some(self),
        }
    }

    /// Serves the call to its end.
    pub(crate) async fn run(mut self) {
        if !self.method.is_unary() {
            return self.stream().await;
        }
        if self.later.is_none() {
            let outcome = match self.inbound.next().await {
                Ok(Some(message)) => Ok(message),
                Ok(None) => Err(Status::new(code::INTERNAL, "no message")),
                Err(Broken::Refused(status)) => Err(status),
                Err(Broken::Gone) => return,
            };
            match outcome {
                Ok(message) => match self.unary(message) {
                    Some(call) => self = call,
                    None => return,
                },
                Err(status) => return self.refuse(&status),
            }
        }
        let Some((verdict, message)) = self.later.take() else { return };
        let is_given_up = self.is_given_up_before(verdict.due).await;
        let desk = self.desk.clone();
        let mut book = lock(&desk.book);
        if is_given_up {
            return complete(&mut book, self.method, &verdict.receipt, CANCELED, Fault::Never);
        }
        self.unary_now(book, &verdict, &message);
    }

    fn refuse(self, status: &Status) {
        let mut book = lock(&self.desk.book);
        let verdict = self.desk.judge(&mut book, self.method, &self.wishes);
        complete(&mut book, self.method, &verdict.receipt, status.code, Fault::None);
        drop(book);
        // The client may be gone already.
        let _ = self.outbound.end(Err(status));
    }

    /// Answers a unary call, all under one lock; one that has to wait for its time comes back.
    fn unary(mut self, message: Bytes) -> Option<Call> {
        let desk = self.desk.clone();
        let mut book = lock(&desk.book);
        let verdict = desk.judge(&mut book, self.method, &self.wishes);
        if verdict.due > verdict.receipt.arrival {
            self.later = Some((verdict, message));
            return Some(self);
        }
        self.unary_now(book, &verdict, &message);
        None
    }

    fn unary_now(self, mut book: MutexGuard<'_, Book>, verdict: &Verdict, message: &[u8]) {
        if let Some(reset) = self.wishes.reset {
            return self.reset(reset, &mut book, &verdict.receipt);
        }
        let outcome = match &verdict.outcome {
            Some(status) if status.code != code::OK => Err(status.clone()),
            _ => answer(self.method, message, &mut book),
        };
        let code = outcome.as_ref().map_or_else(|status| status.code, |_| code::OK);
        let fault = if verdict.outcome.is_some() { Fault::Status } else { Fault::None };
        complete(&mut book, self.method, &verdict.receipt, code, fault);
        drop(book);
        // The client may be gone already.
        let _ = match outcome {
            Ok(message) => self.outbound.answer(message),
            Err(status) => self.outbound.end(Err(&status)),
        };
    }

    fn reset(self, reset: Reset, book: &mut Book, receipt: &Receipt) {
        complete(book, self.method, receipt, CANCELED, Fault::Reset);
        match reset {
            Reset::Stream(reason) => self.outbound.reset(reason),
            Reset::Connection => {
                self.desk.link.is_to_be_reset.set(true);
                self.outbound.reset(h2::Reason::CANCEL.into());
            }
        }
    }

    /// Waits until `due`, never less; true when the client gave up before.
    async fn is_given_up_before(&mut self, due: Nanos) -> bool {
        while rt::now() < due {
            let mut sleep = pin!(rt::sleep_until_precise(due));
            let is_given_up = poll_fn(|cx| {
                if self.outbound.poll_given_up(cx).is_ready() {
                    return Poll::Ready(true);
                }
                sleep.as_mut().poll(cx).map(|()| false)
            });
            if is_given_up.await {
                return true;
            }
        }
        false
    }

    /// A call with a stream in either direction; a status that was asked for comes after its messages.
    async fn stream(mut self) {
        let verdict = {
            let mut book = lock(&self.desk.book);
            self.desk.judge(&mut book, self.method, &self.wishes)
        };
        if self.is_given_up_before(verdict.due).await {
            let mut book = lock(&self.desk.book);
            return complete(&mut book, self.method, &verdict.receipt, CANCELED, Fault::Never);
        }
        let served = self.converse().await;
        if let Some(reset) = self.wishes.reset {
            let desk = self.desk.clone();
            return self.reset(reset, &mut lock(&desk.book), &verdict.receipt);
        }
        let is_injected = verdict.outcome.is_some();
        let outcome = match (served, verdict.outcome) {
            (Err(Broken::Gone), _) => {
                let mut book = lock(&self.desk.book);
                return complete(&mut book, self.method, &verdict.receipt, CANCELED, Fault::None);
            }
            (Err(Broken::Refused(status)), _) => Err(status),
            (Ok(()), Some(status)) if status.code != code::OK => Err(status),
            (Ok(()), _) => Ok(()),
        };
        let code = outcome.as_ref().map_or_else(|status| status.code, |()| code::OK);
        let fault = if is_injected { Fault::Status } else { Fault::None };
        complete(&mut lock(&self.desk.book), self.method, &verdict.receipt, code, fault);
        // The client may be gone already.
        let _ = self.outbound.end(outcome.as_ref().copied());
    }

    async fn converse(&mut self) -> Result<(), Broken> {
        let (inbound, outbound) = (&mut self.inbound, &mut self.outbound);
        match self.method {
            Method::Count => {
                let request = inbound.next().await?.unwrap_or_default();
                return count(&request, outbound).await;
            }
            Method::HealthWatch => {
                let request = inbound.next().await?.unwrap_or_default();
                let serving = if health_of(&request)? { 1 } else { 3 };
                outbound.send(wire::framed(|out| put_number(out, 1, serving))).await?;
                // It never changes: the stream stays open until the client ends it.
                poll_fn(|cx| outbound.poll_given_up(cx)).await;
                return Err(Broken::Gone);
            }
            Method::Collect => {
                let (mut messages, mut bytes, mut total) = (0, 0, 0_i64);
                while let Some(message) = inbound.next().await? {
                    messages += 1;
                    bytes += message.len() as i64;
                    total = total.wrapping_add(number(&message, 1)? as i64);
                }
                let summary = wire::framed(|out| {
                    put_number(out, 1, messages);
                    put_number(out, 2, bytes);
                    put_number(out, 3, total);
                });
                return outbound.send(summary).await;
            }
            _ => {}
        }
        outbound.open()?;
        while let Some(message) = inbound.next().await? {
            let mut answer = Ok(());
            let framed = wire::framed(|out| match self.method {
                Method::Chat => out.extend_from_slice(&message),
                _ => answer = reflection::answer(&message, out),
            });
            answer.map_err(Broken::Refused)?;
            outbound.send(framed).await?;
        }
        Ok(())
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get("content-type").map_or(&b""[..], |value| value.as_bytes());
    content_type
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| rest.is_empty() || matches!(rest[0], b'+' | b';'))
}

/// The last varint of a field; 0 if there is none.
fn number(message: &[u8], field: u64) -> Result<u64, Broken> {
    let mut found = 0;
    for item in Fields(message) {
        match item.map_err(|_| Broken::Refused(Status::malformed()))? {
            (have, Value::Number(value)) if have == field => found = value,
            _ => {}
        }
    }
    Ok(found)
}

/// Whether the service that a health request names is one of ours; the empty name is the server itself.
fn health_of(message: &[u8]) -> Result<bool, Broken> {
    let mut service = &b""[..];
    for item in Fields(message) {
        if let (1, Value::Bytes(name)) = item.map_err(|_| Broken::Refused(Status::malformed()))? {
            service = name;
        }
    }
    let is_ours = Method::ALL.iter().any(|method| method.names().0.as_bytes() == service);
    Ok(service.is_empty() || is_ours)
}

/// Answers a unary call's message.
fn answer(method: Method, message: &[u8], book: &mut Book) -> Result<Bytes, Status> {
    match method {
        Method::Sum => {
            let (mut x, mut y) = (0, 0);
            for field in Fields(message) {
                match field.map_err(|_| Status::malformed())? {
                    (1, Value::Number(value)) => x = value as i32,
                    (2, Value::Number(value)) => y = value as i32,
                    _ => {}
                }
            }
            let sum = i64::from(x.wrapping_add(y));
            book.totalizer.feed(rt::now(), sum);
            Ok(wire::framed(|out| put_number(out, 1, sum)))
        }
        Method::HealthCheck => match health_of(message) {
            Ok(true) => Ok(wire::framed(|out| put_number(out, 1, 1))),
            Ok(false) => Err(Status::new(code::NOT_FOUND, "unknown service")),
            Err(_) => Err(Status::malformed()),
        },
        _ => Ok(wire::framed(|out| out.extend_from_slice(message))),
    }
}

/// `Count`: so many payloads, numbered from 0, each with `size` bytes of data, one every `interval_ms`.
async fn count(request: &[u8], outbound: &mut Outbound) -> Result<(), Broken> {
    let (n, size) = (number(request, 1)?, number(request, 2)?);
    let interval = Duration::from_millis(number(request, 3)?.min(600_000));
    if n > MAX_COUNT || size > MAX_SIZE {
        let text = format!("at most {MAX_COUNT} messages of {MAX_SIZE} bytes");
        return Err(Broken::Refused(Status::new(code::INVALID_ARGUMENT, text)));
    }
    outbound.open()?;
    let data = vec![b'x'; size as usize];
    for index in 0..n as i64 {
        if index > 0 && !interval.is_zero() {
            rt::sleep(interval).await;
        }
        let payload = wire::framed(|out| {
            put_number(out, 1, index);
            if !data.is_empty() {
                put_bytes(out, 3, &data);
            }
        });
        outbound.send(payload).await?;
    }
    Ok(())
}
