//! Unary calls: `invoke`, `asyncInvoke`, `healthCheck`.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use metrics::{TagSetId, builtin};
use net::grpc::frame::PREFIX_BYTES;
use net::grpc::{Code, Metadata, Reply, Status, Unary};

use super::client::{Client, Connection, Found};
use super::debug::Way;
use super::decode::{Decoder, Failed};
use super::encode::{Encoder, Refused, Special};
use super::model::JsModel;
use super::params::CallParams;
use super::samples::Labels;
use super::schema::Schema;
use super::wire::{Cursor, WireType, put_bytes, put_tag};
use super::{VuGrpc, state};
use crate::host::VuHost;
use crate::js::{Args, Ctx, JsResult, Raw, Thrown, Val};

/// A call's time limit unless it brings its own.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A call, read from its arguments.
struct Call {
    connection: Rc<Connection>,
    found: Found,
    message: Vec<u8>,
    metadata: Metadata,
    timeout: Duration,
    base: TagSetId,
    discards_message: bool,
}

/// Why there is no call.
enum NoCall {
    Thrown(Thrown),
    /// k6's text.
    Because(String),
}

impl From<Thrown> for NoCall {
    fn from(thrown: Thrown) -> Self {
        NoCall::Thrown(thrown)
    }
}

impl From<String> for NoCall {
    fn from(text: String) -> Self {
        NoCall::Because(text)
    }
}

impl From<&str> for NoCall {
    fn from(text: &str) -> Self {
        NoCall::Because(text.to_owned())
    }
}

/// `client.invoke(method, request, params)`.
pub(super) fn invoke(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let client = cx.inner_of::<Client>(this)?;
    let mut call = match read(cx, client, args) {
        Ok(call) => call,
        Err(NoCall::Thrown(thrown)) => return Err(thrown),
        Err(NoCall::Because(text)) => return Err(cx.throw_go(&text)),
    };
    let host = cx.host();
    tell_request(host, client, &call);
    let request = call.request();
    let reply = host.wait_or_throw(cx, send(&call.connection, &call.found, request))?;
    finish(cx, client, &call, &reply)
}

/// The same with a promise.
pub(super) fn async_invoke(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let client = cx.inner_of::<Client>(this)?;
    let mut call = match read(cx, client, args) {
        Ok(call) => call,
        Err(NoCall::Thrown(thrown)) => return Err(thrown),
        Err(NoCall::Because(text)) => {
            let (promise, _, reject) = cx.promise()?;
            let error = cx.object()?;
            super::status::make_text(cx, error.raw(), &text)?;
            cx.call(reject.raw(), Raw::UNDEFINED, &[error.raw()])?;
            return Ok(promise);
        }
    };
    // The client must stay as long as the call.
    let owner = this.dup(cx);
    tell_request(cx.host(), client, &call);
    let request = call.request();
    let sent = {
        let (connection, found) = (call.connection.clone(), call.found.clone());
        async move { send(&connection, &found, request).await }
    };
    cx.host().promise_of(cx, sent, move |cx, reply| {
        let client = cx.inner_of::<Client>(owner.raw())?;
        finish(cx, client, &call, &reply)
    })
}

fn read(cx: Ctx, client: &Client, args: Args<'_>) -> Result<Call, NoCall> {
    let host = cx.host();
    if host.is_init() {
        return Err("invoking RPC methods in the init context is not supported".into());
    }
    let connection = client.connection.borrow().clone();
    let connection = connection.ok_or("no gRPC connection, you must call connect first")?;
    let found = method(cx, client, args.get(0))?;
    let params = CallParams::read(cx, args.get(2)).map_err(|refused| match refused {
        super::params::Refused::Thrown(thrown) => NoCall::Thrown(thrown),
        super::params::Refused::Because(why) => {
            NoCall::Because(format!("invalid GRPC's client.invoke() parameters: {why}"))
        }
    })?;
    if args.len() < 2 {
        return Err("request cannot be nil".into());
    }
    let request = args.get(1);
    if request.is_nullish() {
        return Err(cx.throw_type("Cannot convert undefined or null to object").into());
    }
    let types = client.schemas.borrow().clone();
    let encoder = Encoder {
        cx,
        names: &client.names,
        schema: &found.schema,
        types: &types,
        special: Special::Text,
    };
    let mut message = Vec::with_capacity(128);
    message.resize(PREFIX_BYTES, 0);
    let encoded = encoder.encode(request, found.method().input, &mut message);
    encoded.map_err(|refused| match refused {
        Refused::Thrown(thrown) => NoCall::Thrown(thrown),
        Refused::NoJson(why) => {
            NoCall::Because(format!("unable to normalize number strings: {why}"))
        }
        Refused::NoMessage(why) => NoCall::Because(format!(
            "unable to serialise request object to protocol buffer: proto: {why}"
        )),
    })?;
    let base = base(host, &params.tags);
    Ok(Call {
        connection,
        found,
        message,
        metadata: params.metadata,
        timeout: params.timeout.unwrap_or(TIMEOUT),
        base,
        discards_message: params.discards_message,
    })
}

/// The method that a script names, with or without a slash in front.
fn method(cx: Ctx, client: &Client, name: Raw) -> Result<Found, NoCall> {
    let name = name.to_text(cx)?;
    if name.is_empty() {
        return Err("method to invoke cannot be empty".into());
    }
    let slashed;
    let path = if name.starts_with('/') {
        name.as_str()
    } else {
        slashed = format!("/{}", name.as_str());
        &slashed
    };
    client.find(path).ok_or_else(|| {
        let quoted = super::quoted(path);
        NoCall::Because(format!("method {quoted} not found in file descriptors"))
    })
}

/// The VU's tags with those of a call.
pub(super) fn base(host: &VuHost, tags: &[(String, String)]) -> TagSetId {
    if tags.is_empty() {
        return host.tag_set();
    }
    let pairs: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    host.tag_set_with(&pairs)
}

/// What goes out.
struct Request {
    message: Vec<u8>,
    metadata: Metadata,
    timeout: Duration,
}

impl Call {
    /// Taken out once.
    fn request(&mut self) -> Request {
        Request {
            message: std::mem::take(&mut self.message),
            metadata: std::mem::take(&mut self.metadata),
            timeout: self.timeout,
        }
    }
}

/// For `httpDebug`.
fn tell_request(host: &VuHost, client: &Client, call: &Call) {
    let Some(grpc) = state(host) else { return };
    let types = client.schemas.borrow().clone();
    grpc.debug_begin(host, &call.connection.channel, &call.found.method().path, &call.metadata);
    let message = call.message.get(PREFIX_BYTES..).unwrap_or_default();
    grpc.debug_message(host, Way::Out, &call.found, &types, message);
}

async fn send(connection: &Connection, found: &Found, request: Request) -> Reply {
    let channel = &connection.channel;
    match channel.endpoint(&found.method().path) {
        Ok(endpoint) => {
            let deadline = Some(rt::now() + request.timeout);
            let Request { message, metadata, .. } = request;
            channel
                .unary(Unary { endpoint: &endpoint, message, metadata: &metadata, deadline })
                .await
        }
        Err(status) => failed(status),
    }
}

fn failed(status: Status) -> Reply {
    let now = rt::now();
    Reply {
        status,
        headers: Metadata::new(),
        trailers: Metadata::new(),
        message: None,
        started: now,
        ended: now,
        remote: None,
        is_measured: false,
    }
}

/// The sample of a call that has ended, and what the script gets.
fn finish(cx: Ctx, client: &Client, call: &Call, reply: &Reply) -> JsResult<Val> {
    let host = cx.host();
    let Some(grpc) = state(host) else { return Err(cx.throw_go("the module is not open")) };
    let types = client.schemas.borrow().clone();
    let output = call.found.method().output;
    let schema = &call.found.schema;
    if reply.remote.is_some() {
        grpc.debug_head(host, &reply.headers);
    }
    if let Some(bytes) = &reply.message {
        grpc.debug_message(host, Way::In, &call.found, &types, bytes);
    }
    let mut status = reply.status.clone();
    let mut message = None;
    if reply.message.is_some() && !call.discards_message {
        let bytes = reply.message.as_deref().unwrap_or_default();
        match decode(cx, client, schema, &types, output, bytes)? {
            Ok(value) => message = Some(value),
            Err(Failed::Message(why)) => {
                status = Status::new(
                    Code::INTERNAL,
                    format!("grpc: failed to unmarshal the received message: proto: {why}"),
                );
            }
            Err(Failed::Json(why)) => {
                record(host, grpc, client, call, reply, status.code);
                return Err(cx.throw_go(&unconvertible(&why)));
            }
            Err(Failed::Model) => return Err(Thrown),
        }
    }
    record(host, grpc, client, call, reply, status.code);
    let message = match message {
        Some(message) => message,
        None if call.discards_message => Val::null(cx),
        // k6 shows the empty message of a call that failed.
        None => match decode(cx, client, schema, &types, output, &[])? {
            Ok(value) => value,
            Err(Failed::Json(why) | Failed::Message(why)) => {
                return Err(cx.throw_go(&unconvertible(&why)));
            }
            Err(Failed::Model) => return Err(Thrown),
        },
    };
    let names = &grpc.names;
    let response = cx.object()?;
    response.set(cx, names.message, message)?;
    let error = match status.code {
        Code::OK => Val::null(cx),
        _ => error_object(cx, client, &types, &status)?,
    };
    response.set(cx, names.error, error)?;
    response.set(cx, names.headers, metadata_object(cx, &reply.headers)?)?;
    response.set(cx, names.trailers, metadata_object(cx, &reply.trailers)?)?;
    response.set(cx, names.status, super::status::value(cx, status.code)?)?;
    Ok(response)
}

fn unconvertible(why: &str) -> String {
    format!(
        "unable to convert response object to JSON: failed to marshal the message: proto: {why}"
    )
}

/// The JavaScript value of a message. The outer error is an exception.
pub(super) fn decode(
    cx: Ctx,
    client: &Client,
    schema: &Arc<Schema>,
    types: &[Arc<Schema>],
    message: u32,
    bytes: &[u8],
) -> JsResult<Result<Val, Failed>> {
    let model = JsModel { cx, names: &client.names };
    match Decoder::new(model, schema, types).message(message, bytes) {
        Err(Failed::Model) => Err(Thrown),
        result => Ok(result),
    }
}

fn record(host: &VuHost, grpc: &VuGrpc, client: &Client, call: &Call, reply: &Reply, code: Code) {
    if !reply.is_measured {
        return;
    }
    let address = client.address.borrow().clone();
    let labels = Labels {
        base: call.base,
        address: &address,
        method: Some(call.found.method()),
        status: Some(code.0),
        ip: reply.remote.map(|remote| remote.ip()),
    };
    let took = rt::millis(reply.ended.since(reply.started));
    let at = rt::unix_of(reply.ended);
    let metric = builtin::GRPC_REQ_DURATION;
    client.series.record(host, grpc.choice, metric, &labels, (took, at));
}

/// The encoded `google.rpc.Status` as k6 shows it: `code`, `message`, `details`.
pub(super) fn error_object(
    cx: Ctx,
    client: &Client,
    types: &[Arc<Schema>],
    status: &Status,
) -> JsResult<Val> {
    let Some(grpc) = state(cx.host()) else { return Err(cx.throw_go("the module is not open")) };
    let names = &grpc.names;
    let object = cx.object()?;
    let Some(details) = details(cx, client, types, status)? else {
        // One of the details has no JSON: k6 then shows nothing at all.
        return Ok(object);
    };
    object.set(cx, names.code, cx.number(f64::from(status.code.0 as i32)))?;
    object.set(cx, names.message, cx.string(&status.message)?)?;
    object.set(cx, names.details, details)?;
    Ok(object)
}

fn details(
    cx: Ctx,
    client: &Client,
    types: &[Arc<Schema>],
    status: &Status,
) -> JsResult<Option<Val>> {
    let list = cx.array()?;
    let encoded = status.details.as_deref().unwrap_or_default();
    let Some(details) = any_fields(encoded) else { return Ok(Some(list)) };
    for (i, any) in details.into_iter().enumerate() {
        let Some(schema) = types.first() else { return Ok(None) };
        let model = JsModel { cx, names: &client.names };
        let mut decoder = Decoder::new(model, schema, types);
        match decoder.any(any) {
            Ok(value) => list.set_idx(cx, i as u32, value)?,
            Err(Failed::Model) => return Err(Thrown),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(list))
}

/// The `details` (field 3) of an encoded `google.rpc.Status`.
fn any_fields(encoded: &[u8]) -> Option<Vec<&[u8]>> {
    let mut cursor = Cursor::new(encoded);
    let mut out = Vec::new();
    while !cursor.is_at_end() {
        match cursor.tag().ok()? {
            (3, WireType::Bytes) => out.push(cursor.bytes().ok()?),
            (number, wire) => cursor.skip(number, wire).ok()?,
        }
    }
    Some(out)
}

/// Metadata as k6 shows it: each name with a list of its values.
pub(super) fn metadata_object(cx: Ctx, metadata: &Metadata) -> JsResult<Val> {
    let object = cx.object()?;
    for (name, value) in metadata.iter() {
        let known = object.get_key(cx, name)?;
        let list = if known.is_array() { known } else { cx.array()? };
        let at = list.length(cx)?;
        list.set_idx(cx, at, cx.string(&String::from_utf8_lossy(value))?)?;
        if at == 0 {
            object.set_key(cx, name, list)?;
        }
    }
    Ok(object)
}

const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// `client.healthCheck(service)`: `grpc.health.v1.Health/Check`.
pub(super) fn health_check(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let client = cx.inner_of::<Client>(this)?;
    let host = cx.host();
    let connection = client.connected(cx)?;
    let mut message = vec![0; PREFIX_BYTES];
    if !args.get(0).is_nullish() {
        let service = args.get(0).to_text(cx)?;
        if !service.is_empty() {
            put_tag(&mut message, 1, WireType::Bytes);
            put_bytes(&mut message, service.as_bytes());
        }
    }
    let channel = &connection.channel;
    let metadata = Metadata::new();
    let Some(grpc) = state(host) else { return Err(cx.throw_go("the module is not open")) };
    grpc.debug_begin(host, channel, HEALTH_CHECK, &metadata);
    let asking = async {
        match channel.endpoint(HEALTH_CHECK) {
            Ok(endpoint) => {
                // Without one of its own in k6; a server that never answers must not hold the VU for ever.
                let deadline = Some(rt::now() + TIMEOUT);
                let call = Unary { endpoint: &endpoint, message, metadata: &metadata, deadline };
                channel.unary(call).await
            }
            Err(status) => failed(status),
        }
    };
    let reply = host.wait_or_throw(cx, asking)?;
    if reply.remote.is_some() {
        grpc.debug_head(host, &reply.headers);
    }
    let labels = Labels {
        base: host.tag_set(),
        address: "",
        method: None,
        status: Some(reply.status.code.0),
        ip: reply.remote.map(|remote| remote.ip()),
    };
    let took = rt::millis(reply.ended.since(reply.started));
    let at = rt::unix_of(reply.ended);
    client.series.record(host, grpc.choice, builtin::GRPC_REQ_DURATION, &labels, (took, at));
    if reply.status.code != Code::OK {
        return Err(cx.throw_go(&reply.status.to_string()));
    }
    let status = serving_status(reply.message.as_deref().unwrap_or_default());
    let object = cx.object()?;
    object.set(cx, grpc.names.status, super::status::health(cx, status)?)?;
    Ok(object)
}

/// The `status` (field 1) of a `HealthCheckResponse`.
fn serving_status(bytes: &[u8]) -> i32 {
    let mut cursor = Cursor::new(bytes);
    let mut status = 0;
    while !cursor.is_at_end() {
        let read = match cursor.tag() {
            Ok((1, WireType::Varint)) => cursor.varint().map(|value| status = value as i32),
            Ok((number, wire)) => cursor.skip(number, wire),
            Err(malformed) => Err(malformed),
        };
        if read.is_err() {
            break;
        }
    }
    status
}
