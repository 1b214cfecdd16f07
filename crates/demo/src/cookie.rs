//! `/cookies`, `/cookies/set`, `/cookies/delete`: what the client sent, and changes by redirect.

use crate::answer::Answer;
use crate::percent::{self, Plus};
use crate::reader::Request;
use crate::redirect;
use crate::route::Route;
use serde_json::{Map, Value, json};

/// Answers one of the cookie endpoints.
pub(crate) fn answer(request: &Request<'_>, route: Route, answer: &mut Answer) {
    let (path, query) = request.path_and_query();
    match route {
        Route::CookiesSet => {
            for (name, value) in percent::pairs(query) {
                set(answer, &name, &value);
            }
            redirect::to(answer, 302, "/cookies");
        }
        Route::CookieSetOne => {
            let (name, value) = route.variables(path).split_once('/').unwrap_or(("", ""));
            set(
                answer,
                &percent::decode(name, Plus::IsPlus),
                &percent::decode(value, Plus::IsPlus),
            );
            redirect::to(answer, 302, "/cookies");
        }
        Route::CookiesDelete => {
            for (name, _) in percent::pairs(query) {
                let gone = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/";
                answer.header("Set-Cookie", &format!("{}=; {gone}", cookie_text(&name)));
            }
            redirect::to(answer, 302, "/cookies");
        }
        _ => answer.json(&json!({ "cookies": received(request) })),
    }
}

fn set(answer: &mut Answer, name: &str, value: &str) {
    answer.header("Set-Cookie", &format!("{}={}; Path=/", cookie_text(name), cookie_text(value)));
}

/// Without the characters that end a cookie's name or value.
fn cookie_text(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ';' | ',' | ' ') && !c.is_control()).collect()
}

/// The cookies of all `Cookie` headers, in order; the first of a name counts.
fn received(request: &Request<'_>) -> Value {
    let mut cookies = Map::new();
    for (name, value) in request.headers() {
        if !name.eq_ignore_ascii_case("cookie") {
            continue;
        }
        for pair in String::from_utf8_lossy(value).split(';') {
            if let Some((key, value)) = pair.trim().split_once('=') {
                cookies.entry(key).or_insert_with(|| value.trim_matches('"').into());
            }
        }
    }
    Value::Object(cookies)
}
