//! Endpoints that describe the request back, in the form scripts know from httpbin: `/get`, `/post`,
//! `/anything`, `/headers`, `/ip`, `/user-agent`.

use crate::answer::Answer;
use crate::form::{self, Part};
use crate::percent;
use crate::reader::Request;
use crate::route::Route;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Answers one of the describing endpoints.
pub(crate) fn answer(request: &Request<'_>, route: Route, peer: IpAddr, answer: &mut Answer) {
    let value = match route {
        Route::Headers => {
            json!({ "headers": headers(request), "header_list": header_list(request) })
        }
        Route::Ip => json!({ "origin": peer.to_string() }),
        Route::UserAgent => json!({ "user-agent": request.header("user-agent") }),
        _ => describe(request, route, peer),
    };
    answer.json(&value);
}

/// httpbin's keys, plus `header_list`: names and values as received, in order.
fn describe(request: &Request<'_>, route: Route, peer: IpAddr) -> Value {
    let (path, query) = request.path_and_query();
    let mut out = Map::new();
    out.insert("args".into(), collect(percent::pairs(query)));
    let has_body = !matches!(route, Route::Get);
    if has_body {
        describe_body(request, &mut out);
    }
    out.insert("headers".into(), headers(request));
    out.insert("header_list".into(), header_list(request));
    out.insert("method".into(), String::from_utf8_lossy(request.method()).into());
    out.insert("origin".into(), peer.to_string().into());
    let host = request.header("host").unwrap_or("");
    let question = if query.is_empty() { "" } else { "?" };
    out.insert("url".into(), format!("http://{host}{path}{question}{query}").into());
    Value::Object(out)
}

fn describe_body(request: &Request<'_>, out: &mut Map<String, Value>) {
    let content_type = request.header("content-type").unwrap_or("");
    let media = form::media_type(content_type);
    let (mut data, mut forms, mut files) =
        (Value::String(String::new()), Value::Object(Map::new()), Value::Object(Map::new()));
    if media == "application/x-www-form-urlencoded" {
        let text = String::from_utf8_lossy(request.body);
        forms = collect(percent::pairs(&text));
    } else if media == "multipart/form-data" {
        let parts = form::parts(content_type, request.body);
        let (with_file, without): (Vec<&Part>, Vec<&Part>) =
            parts.iter().partition(|part| part.filename.is_some());
        let pair = |part: &&Part| (part.name.clone(), text_or_base64(&part.data));
        forms = collect(without.iter().map(pair));
        files = collect(with_file.iter().map(pair));
    } else {
        data = text_or_base64(request.body).into();
    }
    let json = serde_json::from_slice(request.body).unwrap_or(Value::Null);
    out.insert("data".into(), data);
    out.insert("files".into(), files);
    out.insert("form".into(), forms);
    out.insert("json".into(), json);
}

/// UTF-8 as it is, anything else as a data URL.
fn text_or_base64(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(
        |_| format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes)),
        str::to_owned,
    )
}

/// Pairs as an object in order of first appearance; a repeated key has an array.
fn collect<K: AsRef<str>, V: AsRef<str>>(pairs: impl Iterator<Item = (K, V)>) -> Value {
    let mut out = Map::new();
    for (key, value) in pairs {
        let value = Value::String(value.as_ref().to_owned());
        match out.get_mut(key.as_ref()) {
            None => {
                out.insert(key.as_ref().to_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(single) => {
                let first = single.take();
                *single = Value::Array(vec![first, value]);
            }
        }
    }
    Value::Object(out)
}

/// Headers under their canonical names, sorted; the values of a repeated one joined by commas.
fn headers(request: &Request<'_>) -> Value {
    let mut sorted = std::collections::BTreeMap::<String, String>::new();
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value);
        let joined = sorted.entry(canonical(name)).or_default();
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(&value);
    }
    Value::Object(sorted.into_iter().map(|(name, value)| (name, value.into())).collect())
}

fn header_list(request: &Request<'_>) -> Value {
    request.headers().map(|(name, value)| json!([name, String::from_utf8_lossy(value)])).collect()
}

/// `x-my-HEADER` as `X-My-Header`.
fn canonical(name: &str) -> String {
    let word = |word: &str| {
        let mut word = word.to_ascii_lowercase();
        if let Some(first) = word.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        word
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_keys_become_arrays() {
        let got = collect([("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")].into_iter());
        assert_eq!(got, json!({ "a": ["1", "3", "4"], "b": "2" }));
    }

    #[test]
    fn header_names_are_canonical() {
        assert_eq!(canonical("x-my-HEADER"), "X-My-Header");
        assert_eq!(canonical("-"), "-");
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_in_base64() {
        assert_eq!(text_or_base64(b"hi"), "hi");
        assert_eq!(text_or_base64(&[0xff]), "data:application/octet-stream;base64,/w==");
    }
}
