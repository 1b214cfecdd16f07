//! The method `json()` of a response.

use super::fields::{body_bytes, text};
use super::response::{self, ResponseData};
use crate::js::{Args, Ctx, JsResult, Raw, Thrown, Val};

pub(super) const NULL_BODY: &str = "the body is null so we can't transform it to JSON - this likely was because of a request error getting the response";

pub(super) fn this_response<'a>(cx: Ctx, this: Raw) -> JsResult<&'a ResponseData> {
    response::data(this).ok_or_else(|| cx.throw_type("this is not a Response"))
}

/// `json(selector?)`: the whole body parsed, or what a gjson path finds in it.
pub(super) fn json(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let data = this_response(cx, this)?;
    let whole = args.is_empty();
    if whole && let Some(parsed) = data.parsed(cx) {
        return Ok(parsed);
    }
    if let Some(own) = data.own_body(cx)
        && (own.is_string() || own.is_nullish())
    {
        if own.is_nullish() {
            return Err(cx.throw_go(NULL_BODY));
        }
        let body = own.to_text(cx)?;
        return find(cx, data, &body, args);
    }
    let Some(bytes) = data.done.as_ref().and_then(|done| body_bytes(data, done)) else {
        return Err(cx.throw_go(NULL_BODY));
    };
    find(cx, data, &text(bytes), args)
}

fn find(cx: Ctx, data: &ResponseData, body: &str, args: Args<'_>) -> JsResult<Val> {
    if args.is_empty() {
        let parsed = cx.parse_json(body).map_err(|Thrown| bad_json(cx, body))?;
        data.keep_parsed(cx, parsed.clone());
        return Ok(parsed);
    }
    let selector = args.get(0).to_text(cx)?;
    if selector.is_empty() {
        return Ok(Val::undefined(cx));
    }
    let found = gjson::get(body, &selector);
    if !found.exists() {
        return Ok(Val::undefined(cx));
    }
    cx.parse_json(found.json()).or_else(|Thrown| {
        // gjson reads on where the document is broken; so does k6, which then has no value.
        drop(cx.take_exception());
        Ok(Val::undefined(cx))
    })
}

#[cold]
fn bad_json(cx: Ctx, body: &str) -> Thrown {
    drop(cx.take_exception());
    let why = match serde_json::from_str::<serde::de::IgnoredAny>(body) {
        Ok(_) => "cannot parse json".to_owned(),
        Err(error) => {
            let text = error.to_string();
            let reason = match text.split(" at line").next().unwrap_or_default() {
                reason if reason.starts_with("EOF ") => "unexpected end of JSON input".to_owned(),
                "expected value" => {
                    let line = body.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
                    let at = line.get(error.column().saturating_sub(1)..).unwrap_or_default();
                    let found = at.chars().next().unwrap_or_default();
                    format!("invalid character '{found}' looking for beginning of value")
                }
                reason => reason.to_owned(),
            };
            format!(
                "cannot parse json due to an error at line {}, character {} , error: {reason}",
                error.line(),
                error.column()
            )
        }
    };
    cx.throw_go(&why)
}
