//! `html()`, `submitForm()`, `clickLink()`: a response's body as a page.

use html::Selection;
use net::http::Method;
use net::url::Url;

use super::calls::{self, MethodName};
use super::fields::{body_bytes, text};
use super::methods::{NULL_BODY, this_response};
use super::response::ResponseData;
use crate::html::{self as pages, SelectionObject, Value};
use crate::js::{Args, Ctx, JsResult, Raw, Val};

/// The body parsed.
fn page(cx: Ctx, data: &ResponseData) -> JsResult<SelectionObject> {
    let null = || cx.throw_go(&NULL_BODY.replace("JSON", "HTML"));
    let url = data.shown_url(cx)?;
    if let Some(own) = data.own_body(cx) {
        if own.is_nullish() {
            return Err(null());
        }
        if own.is_string() {
            return pages::parsed(cx, &own.to_text(cx)?, &url);
        }
        if let Some(bytes) = own.with_bytes(cx, <[u8]>::to_vec) {
            return pages::parsed(cx, &text(&bytes), &url);
        }
    }
    let bytes = data.done.as_ref().and_then(|done| body_bytes(data, done)).ok_or_else(null)?;
    pages::parsed(cx, &text(bytes), &url)
}

/// `html(selector?)`.
pub(super) fn html(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let mut page = page(cx, this_response(cx, this)?)?;
    if !args.is_empty() {
        page = pages::find(&page, &pages::text_argument(cx, args.get(0))?);
    }
    pages::wrap(cx, page)
}

/// The named values of an object of arguments; all `undefined` where there is none.
fn options<const N: usize>(cx: Ctx, args: Args<'_>, names: [&str; N]) -> JsResult<[Val; N]> {
    let mut values = names.map(|_| Val::undefined(cx));
    if args.is_empty() {
        return Ok(values);
    }
    let object = args.get(0);
    if object.is_nullish() {
        return Err(cx.throw_type("Cannot convert undefined or null to object"));
    }
    if object.is_object() {
        let keys = object.keys(cx)?;
        for i in 0..keys.len() {
            let name = keys.name(i)?;
            if let Some(at) = names.iter().position(|known| *known == name.as_str()) {
                values[at] = keys.value(i)?;
            }
        }
    }
    Ok(values)
}

/// An option's text, where it is given.
fn text_or(cx: Ctx, value: &Val, default: &str) -> JsResult<String> {
    if value.is_undefined() { Ok(default.to_owned()) } else { Ok(value.to_text(cx)?.to_string()) }
}

fn parse_url(cx: Ctx, url: &str) -> JsResult<Url> {
    Url::parse(url).map_err(|error| cx.throw_go(&error.to_string()))
}

/// A reference resolved against the response's address.
fn resolve(cx: Ctx, base: &Url, reference: &str) -> JsResult<Url> {
    if reference.is_empty() {
        return Ok(base.clone());
    }
    base.join(reference).map_err(|error| cx.throw_go(&error.to_string()))
}

/// `submitForm({formSelector, submitSelector, fields, params})`.
pub(super) fn submit_form(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let data = this_response(cx, this)?;
    let [form_selector, submit_selector, fields, params] =
        options(cx, args, ["formSelector", "submitSelector", "fields", "params"])?;
    let form_selector = text_or(cx, &form_selector, "form")?;
    let submit_selector = text_or(cx, &submit_selector, "[type=\"submit\"]")?;
    let page = page(cx, data)?;
    let form = pages::find(&page, &form_selector).selection;
    if form.nodes().is_empty() {
        return Err(cx.throw_go(&format!(
            "no form found for selector '{form_selector}' in response '{}'",
            page.url
        )));
    }
    let method = form.attribute("method").unwrap_or("get").to_uppercase();
    let base = parse_url(cx, &page.url)?;
    let url = match form.attribute("action") {
        Some(action) => resolve(cx, &base, action)?,
        None => base,
    };
    let is_get = method == "GET";
    let values = values(cx, &form, &submit_selector, fields.raw(), is_get)?;
    if !is_get {
        let url = cx.string(url.as_str())?;
        let name = MethodName::parse(&method);
        return calls::call(cx, name, url.raw(), values.raw(), params.raw());
    }
    let keys = values.keys(cx)?;
    let mut pairs = Vec::with_capacity(keys.len());
    for i in 0..keys.len() {
        let value = keys.value(i)?.to_text(cx)?.to_string();
        pairs.push((keys.name(i)?.to_string(), vec![value]));
    }
    let url = with_query(&url, &pages::query(pairs));
    let url = cx.string(&url)?;
    calls::call(cx, Method::Get.into(), url.raw(), Raw::UNDEFINED, params.raw())
}

/// What the form sends: its controls, the button that submits it, what the script sets.
fn values(
    cx: Ctx,
    form: &std::rc::Rc<Selection>,
    submit_selector: &str,
    fields: Raw,
    is_get: bool,
) -> JsResult<Val> {
    let values = cx.object()?;
    for (name, value) in pages::form_values(form) {
        let value = match value {
            // As k6 writes a list, one way in queries and the other in bodies.
            Value::List(items) if is_get => cx.string(&items.join(","))?,
            Value::List(items) => cx.string(&format!("[{}]", items.join(" ")))?,
            value => value.to_js(cx)?,
        };
        values.set_key(cx, &name, value)?;
    }
    let submit = form.find(::html::Selector::parse(submit_selector).ok().as_ref());
    if let Some(name) = submit.attribute("name") {
        let value = pages::value(&submit).to_js(cx)?;
        if !value.is_undefined() {
            values.set_key(cx, name, value)?;
        }
    }
    if fields.is_object() {
        let keys = fields.keys(cx)?;
        for i in 0..keys.len() {
            values.set(cx, keys.atom(i), keys.value(i)?)?;
        }
    }
    Ok(values)
}

/// The URL with another query.
fn with_query(url: &Url, query: &str) -> String {
    let text = url.as_str();
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let mut out = text[..end].to_owned();
    if !query.is_empty() {
        out.push('?');
        out.push_str(query);
    }
    if let Some(fragment) = url.fragment() {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

/// `clickLink({selector, params})`.
pub(super) fn click_link(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let data = this_response(cx, this)?;
    let [selector, params] = options(cx, args, ["selector", "params"])?;
    let selector = text_or(cx, &selector, "a[href]")?;
    let page = page(cx, data)?;
    let base = parse_url(cx, &page.url)?;
    let link = pages::find(&page, &selector).selection;
    if link.nodes().is_empty() {
        return Err(cx.throw_go(&format!(
            "no element found for selector '{selector}' in response '{}'",
            page.url
        )));
    }
    let Some(href) = link.attribute("href") else {
        return Err(cx.throw_go(&format!(
            "no valid href attribute value found on element '{selector}' in response '{}'",
            page.url
        )));
    };
    let url = cx.string(resolve(cx, &base, href)?.as_str())?;
    calls::call(cx, Method::Get.into(), url.raw(), Raw::UNDEFINED, params.raw())
}
