//! The small objects of `k6/http`: files, tagged URLs, expected statuses.

use std::rc::Rc;

use super::arguments::{self, export};
use super::current;
use super::exchange::SharedJar;
use super::expected::Expected;
use super::params;
use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, Raw, Thrown, Val};
use crate::native;

/// Marks what `http.file()` returned; its data are ordinary properties.
pub(super) struct FileObject;

impl Class for FileObject {
    const ID: u32 = FIRST_CLASS_ID + 17;
    const NAME: &'static std::ffi::CStr = c"FileData";
}

/// What ``http.url`…` `` returned.
pub(super) struct TaggedUrl {
    pub url: String,
    pub name: String,
}

impl Class for TaggedUrl {
    const ID: u32 = FIRST_CLASS_ID + 18;
    const NAME: &'static std::ffi::CStr = c"URL";
}

/// What `http.expectedStatuses()` returned.
pub(super) struct ExpectedObject(pub Rc<Expected>);

impl Class for ExpectedObject {
    const ID: u32 = FIRST_CLASS_ID + 19;
    const NAME: &'static std::ffi::CStr = c"ExpectedStatuses";
}

/// A `CookieJar`.
pub(super) struct JarObject(pub SharedJar);

impl Class for JarObject {
    const ID: u32 = FIRST_CLASS_ID + 20;
    const NAME: &'static std::ffi::CStr = c"CookieJar";
}

/// `http.file(data, filename?, contentType?)`.
pub(super) fn file(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let data = args.get(0);
    if !data.is_string() && arguments::bytes(cx, data).is_none() {
        let kind = export(cx, data)?.go_type();
        return Err(cx.throw_go(&format!("invalid type {kind}, expected string or ArrayBuffer")));
    }
    let object = cx.wrap(FileObject)?;
    object.set_str(cx, c"data", data.dup(cx))?;
    let filename = match args.get(1) {
        name if name.is_nullish() => cx.string(&rt::unix_nanos().to_string())?,
        name => name.dup(cx),
    };
    object.set_str(cx, c"filename", filename)?;
    let content_type = match args.get(2) {
        kind if kind.is_nullish() => cx.string("application/octet-stream")?,
        kind => kind.dup(cx),
    };
    object.set_str(cx, c"content_type", content_type)?;
    Ok(object)
}

/// ``http.url`http://host/${id}` ``: the URL, and a name with `${}` for each value.
pub(super) fn url(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let parts = args.get(0);
    if !parts.is_array() {
        let shown = parts.to_text(cx)?;
        return Err(cx.throw_type(&format!(
            "could not convert function call parameter 0: could not convert {shown} to []string"
        )));
    }
    let (mut url, mut name) = (String::new(), String::new());
    for at in 0..parts.length(cx)? {
        let part = parts.get_idx(cx, at)?;
        let part = part.to_text(cx)?;
        url.push_str(&part);
        name.push_str(&part);
        let value = at as usize + 1;
        if value < args.len() {
            name.push_str("${}");
            let value = args.get(value);
            if !value.is_nullish() {
                url.push_str(&value.to_text(cx)?);
            }
        }
    }
    let clean = match net::url::Url::parse(&url) {
        Ok(parsed) if parsed.user_info().is_some() => parsed.masked().into_owned(),
        _ => url.clone(),
    };
    let shown = [(c"name", name.clone()), (c"url", url.clone()), (c"clean_url", clean)];
    let object = cx.wrap(TaggedUrl { url, name })?;
    for (key, text) in shown {
        object.set_str(cx, key, cx.string(&text)?)?;
    }
    object.set_str(cx, c"clean", cx.function(c"clean", 0, native!(url_clean))?)?;
    object.set_str(cx, c"getURL", cx.function(c"getURL", 0, native!(url_clean))?)?;
    Ok(object)
}

fn url_clean(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    this.get_str(cx, c"clean_url")
}

/// `http.expectedStatuses(200, {min: 300, max: 399}, …)`.
pub(super) fn expected_statuses(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    if args.is_empty() {
        return Err(cx.throw_go("no arguments"));
    }
    let mut ranges = Vec::with_capacity(args.len());
    for (at, arg) in args.as_slice().iter().enumerate() {
        ranges.push(range(cx, *arg, at + 1)?);
    }
    cx.wrap(ExpectedObject(Rc::new(Expected::new(ranges))))
}

fn range(cx: Ctx, value: Raw, number: usize) -> Result<(i64, i64), Thrown> {
    let integer = |value: Raw| value.as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i64);
    if let Some(status) = integer(value) {
        return Ok((status, status));
    }
    let neither = || {
        cx.throw_go(&format!(
            "argument number {number} to expectedStatuses was neither an integer nor an object like {{min:100, max:329}}"
        ))
    };
    if !value.is_object() {
        return Err(neither());
    }
    let (min, max) = (value.get_str(cx, c"min")?, value.get_str(cx, c"max")?);
    if min.is_nullish() || max.is_nullish() {
        return Err(neither());
    }
    match (integer(min.raw()), integer(max.raw())) {
        (Some(min), Some(max)) => Ok((min, max)),
        _ => Err(cx.throw_go(&format!(
            "both min and max need to be integers for argument number {number}"
        ))),
    }
}

/// `http.setResponseCallback(expectedStatuses(…) | null)`.
pub(super) fn set_response_callback(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let Some(callback) = params::callback(cx, args.get(0)) else {
        return Err(cx.throw_go("unsupported argument, expected http.expectedStatuses"));
    };
    if let Some(http) = current(cx) {
        *http.expected.borrow_mut() = callback;
    }
    Ok(Val::undefined(cx))
}
