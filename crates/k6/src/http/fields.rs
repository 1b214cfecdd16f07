//! The values of a response's properties, made from what came over the wire.

use std::borrow::Cow;

use net::cookie::{self, SetCookie};
use net::http::{Response, canonical_name};

use super::exchange::{Done, ResponseType};
use super::ocsp;
use super::response::{Asked, Field, ResponseData};
use crate::js::{Ctx, JsResult, Val};

/// What k6 shows for a cookie without an expiry date: Go's zero time in milliseconds, wrapped.
const NO_EXPIRY_MS: f64 = -6_795_364_578_871.0;

/// Values that scripts may change in place, or that are dear to make, are made once.
pub(super) fn is_kept(field: Field) -> bool {
    matches!(
        field,
        Field::Body
            | Field::Headers
            | Field::Cookies
            | Field::Timings
            | Field::Ocsp
            | Field::Request
    )
}

/// Makes the value of a field.
pub(super) fn make(cx: Ctx, data: &ResponseData, field: Field) -> JsResult<Val> {
    let Some(done) = &data.done else { return make_unsent(cx, data, field) };
    let response = done.response.as_ref();
    let answered = response.filter(|_| done.error.is_none());
    match field {
        Field::Status => Ok(cx.number(answered.map_or(0.0, |r| f64::from(r.status)))),
        Field::Body => body(cx, data, done),
        Field::Headers => headers(cx, answered),
        Field::Timings => timings(cx, Some(done)),
        Field::Url => cx.string(done.entry.url.as_str()),
        Field::StatusText => cx.string(&answered.map(Response::status_text).unwrap_or_default()),
        Field::Proto => cx.string(answered.map_or("", |r| r.version.as_str())),
        Field::Error => cx.string(done.error.as_ref().map_or("", |e| &e.message)),
        Field::ErrorCode => Ok(cx.number(f64::from(done.error_code))),
        Field::RemoteIp => cx.string(&done.remote.map(|r| r.ip().to_string()).unwrap_or_default()),
        Field::RemotePort => Ok(cx.number(done.remote.map_or(0.0, |r| f64::from(r.port())))),
        Field::TlsVersion => cx.string(done.tls.as_deref().map_or("", |tls| tls.version)),
        Field::TlsCipherSuite => cx.string(done.tls.as_deref().map_or("", |tls| &tls.cipher_suite)),
        Field::Ocsp => ocsp::object(cx, done.tls.as_deref()),
        Field::Cookies => cookies(cx, answered),
        Field::Request => match &data.asked {
            Some(asked) => request(cx, asked),
            None => Ok(Val::null(cx)),
        },
    }
}

/// Fields of a request that was never sent: all empty but the error.
fn make_unsent(cx: Ctx, data: &ResponseData, field: Field) -> JsResult<Val> {
    let (error, code) =
        data.unsent.as_ref().map_or(("", 0), |(error, code)| (error.as_str(), *code));
    match field {
        Field::Error => cx.string(error),
        Field::ErrorCode => Ok(cx.number(f64::from(code))),
        Field::Status | Field::RemotePort => Ok(cx.number(0.0)),
        Field::Body | Field::Request => Ok(Val::null(cx)),
        Field::Headers | Field::Cookies => cx.object(),
        Field::Timings => timings(cx, None),
        Field::Ocsp => ocsp::object(cx, None),
        _ => cx.string(""),
    }
}

/// The bytes of the body, decompressed; `None` where k6 has `null`.
pub(super) fn body_bytes<'a>(data: &'a ResponseData, done: &'a Done) -> Option<&'a [u8]> {
    let response = done.response.as_ref()?;
    if data.response_type == ResponseType::None
        || (done.error.is_none() && matches!(response.status, 204 | 304))
    {
        return None;
    }
    if done.error.as_ref().is_some_and(|e| e.code == net::error::code::DECOMPRESSION) {
        return None;
    }
    Some(done.decoded.as_deref().unwrap_or_else(|| response.body()))
}

fn body(cx: Ctx, data: &ResponseData, done: &Done) -> JsResult<Val> {
    match (body_bytes(data, done), data.response_type) {
        (None, _) => Ok(Val::null(cx)),
        (Some(bytes), ResponseType::Binary) => cx.array_buffer(bytes),
        (Some(bytes), _) => cx.string(&text(bytes)),
    }
}

/// Bytes as k6 turns them into a string: each byte that is no UTF-8 becomes U+FFFD.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(std::iter::repeat_n('\u{FFFD}', chunk.invalid().len()));
    }
    Cow::Owned(out)
}

/// Values under a name, in the order the names first came.
fn grouped<'a, V>(items: impl Iterator<Item = (Cow<'a, str>, V)>) -> Vec<(Cow<'a, str>, Vec<V>)> {
    let mut groups: Vec<(Cow<'a, str>, Vec<V>)> = Vec::new();
    for (name, value) in items {
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

fn headers(cx: Ctx, response: Option<&Response>) -> JsResult<Val> {
    let object = cx.object()?;
    let Some(response) = response else { return Ok(object) };
    let all = response.headers().map(|(name, value)| (canonical_name(name), text(value)));
    // Go's client takes framing headers out of the map.
    for (name, values) in
        grouped(all.filter(|(name, _)| !matches!(&**name, "Transfer-Encoding" | "Trailer")))
    {
        object.set_key(cx, &name, cx.string(&values.join(", "))?)?;
    }
    Ok(object)
}

fn cookies(cx: Ctx, response: Option<&Response>) -> JsResult<Val> {
    let object = cx.object()?;
    let Some(response) = response else { return Ok(object) };
    let lines = response.headers().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let parsed = lines.filter_map(|(_, value)| SetCookie::parse(std::str::from_utf8(value).ok()?));
    for (name, cookies) in grouped(parsed.map(|c| (Cow::Owned(c.name.clone()), c))) {
        let list = cx.array()?;
        for (at, cookie) in cookies.iter().enumerate() {
            list.set_idx(cx, at as u32, response_cookie(cx, cookie)?)?;
        }
        object.set_key(cx, &name, list)?;
    }
    Ok(object)
}

fn response_cookie(cx: Ctx, cookie: &SetCookie) -> JsResult<Val> {
    let object = cx.object()?;
    object.set_str(cx, c"name", cx.string(&cookie.name)?)?;
    object.set_str(cx, c"value", cx.string(&cookie.value)?)?;
    object.set_str(cx, c"domain", cx.string(&cookie.domain)?)?;
    object.set_str(cx, c"path", cx.string(&cookie.path)?)?;
    object.set_str(cx, c"http_only", cx.boolean(cookie.http_only))?;
    object.set_str(cx, c"secure", cx.boolean(cookie.secure))?;
    object.set_str(cx, c"max_age", cx.number(cookie.max_age as f64))?;
    let expires = cookie.expires.map_or(NO_EXPIRY_MS, |at| at as f64 * 1000.0);
    object.set_str(cx, c"expires", cx.number(expires))?;
    Ok(object)
}

fn timings(cx: Ctx, done: Option<&Done>) -> JsResult<Val> {
    let object = cx.object()?;
    let t = done.map(|done| done.timings).unwrap_or_default();
    object.set_str(cx, c"duration", cx.number(rt::millis(t.duration())))?;
    object.set_str(cx, c"blocked", cx.number(rt::millis(t.blocked)))?;
    object.set_str(cx, c"looking_up", cx.number(0.0))?;
    object.set_str(cx, c"connecting", cx.number(rt::millis(t.connecting)))?;
    object.set_str(cx, c"tls_handshaking", cx.number(rt::millis(t.tls_handshaking)))?;
    object.set_str(cx, c"sending", cx.number(rt::millis(t.sending)))?;
    object.set_str(cx, c"waiting", cx.number(rt::millis(t.waiting)))?;
    object.set_str(cx, c"receiving", cx.number(rt::millis(t.receiving)))?;
    Ok(object)
}

fn request(cx: Ctx, asked: &Asked) -> JsResult<Val> {
    let request = &asked.request;
    let object = cx.object()?;
    object.set_str(
        cx,
        c"method",
        cx.string(asked.method.as_deref().unwrap_or(request.method.as_str()))?,
    )?;
    object.set_str(cx, c"url", cx.string(request.url.as_str())?)?;
    let headers = cx.object()?;
    let host = request.headers.host().map(|host| (Cow::Borrowed("Host"), Cow::Borrowed(host)));
    // Basic authentication from the URL is the client's doing, not the script's.
    let shown =
        request.headers.iter().filter(|(name, _)| !(asked.authorized && *name == "Authorization"));
    for (name, values) in
        grouped(host.into_iter().chain(shown.map(|(n, v)| (Cow::Borrowed(n), text(v)))))
    {
        let list = cx.array()?;
        for (at, value) in values.iter().enumerate() {
            list.set_idx(cx, at as u32, cx.string(value)?)?;
        }
        headers.set_key(cx, &name, list)?;
    }
    object.set_str(cx, c"headers", headers)?;
    object.set_str(cx, c"body", cx.string(&text(asked.body.as_deref().unwrap_or_default()))?)?;
    let cookies = cx.object()?;
    let header =
        request.headers.get("cookie").map(|value| text(value).into_owned()).unwrap_or_default();
    for (name, values) in
        grouped(cookie::pairs(&header).map(|(name, value)| (Cow::Borrowed(name), value)))
    {
        let list = cx.array()?;
        for (at, value) in values.iter().enumerate() {
            let cookie = cx.object()?;
            cookie.set_str(cx, c"name", cx.string(&name)?)?;
            cookie.set_str(cx, c"value", cx.string(value)?)?;
            cookie.set_str(cx, c"replace", cx.boolean(false))?;
            list.set_idx(cx, at as u32, cookie)?;
        }
        cookies.set_key(cx, &name, list)?;
    }
    object.set_str(cx, c"cookies", cookies)?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_that_is_no_utf8_becomes_one_replacement_character() {
        assert_eq!(text(b"ab"), "ab");
        assert_eq!(text(b"a\xe2\x82z\xff"), "a\u{FFFD}\u{FFFD}z\u{FFFD}");
    }
}
