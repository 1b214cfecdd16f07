//! `/v1/setup` and `/v1/teardown`: what runs once a test, run by whoever coordinates several instances.

use engine::control::{Hook, Refusal};
use hyper::StatusCode;
use serde_json::Value;

use super::{Api, ApiError, JSON, Request, Response, TEXT, ask, body, respond};

impl Api {
    /// The data VUs are handed now.
    pub(super) fn setup_data(&self) -> Response {
        let attributes = match self.test.setup_data() {
            Some(json) => format!("{{\"data\":{}}}", compact(&json)),
            None => "{}".to_owned(),
        };
        let text = format!(
            "{{\"data\":{{\"type\":\"setupData\",\"id\":\"default\",\"attributes\":{attributes}}}}}"
        );
        respond(StatusCode::OK, JSON, text)
    }

    pub(super) async fn put_setup(&self, request: Request) -> Response {
        let bytes = match body(request, "Error reading request body").await {
            Ok(bytes) => bytes,
            Err(error) => return error.response(TEXT),
        };
        if bytes.is_empty() {
            self.test.set_setup_data(None);
            return self.setup_data();
        }
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(_) => {
                self.test.set_setup_data(Some(String::from_utf8_lossy(&bytes).into_owned()));
                self.setup_data()
            }
            Err(error) => {
                let title = "Error parsing request body";
                let error = super::status::go_text(&bytes, &error);
                ApiError::new(StatusCode::BAD_REQUEST, title, error).response(TEXT)
            }
        }
    }

    pub(super) async fn run_setup(&self) -> Response {
        match self.run(Hook::Setup, "Error executing setup").await {
            Ok(()) => self.setup_data(),
            Err(error) => error.response(TEXT),
        }
    }

    pub(super) async fn run_teardown(&self) -> Response {
        match self.run(Hook::Teardown, "Error executing teardown").await {
            Ok(()) => Response::default(),
            Err(error) => error.response(TEXT),
        }
    }

    async fn run(&self, hook: Hook, title: &'static str) -> Result<(), ApiError> {
        let ran: Result<(), Refusal> = ask(|reply| self.control.run_hook(hook, reply)).await?;
        ran.map_err(|refusal| {
            let detail = refusal.to_string();
            self.test.failed(title, &detail);
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, title, detail)
        })
    }
}

/// JSON without white space between its parts, the rest as it was; `<`, `>` and `&` escaped, as Go does with raw JSON.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            ' ' | '\t' | '\r' | '\n' if !in_text => {}
            c => out.push(c),
        }
        match c {
            '"' if !escaped => in_text = !in_text,
            _ => {}
        }
        escaped = in_text && c == '\\' && !escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_json_is_compacted_but_not_rewritten() {
        assert_eq!(
            compact(" { \"a b\" : [ 1.0 , \"x \\\" y \\\\\" ] ,\n\"c\":\"<&>\" } "),
            r#"{"a b":[1.0,"x \" y \\"],"c":"\u003c\u0026\u003e"}"#
        );
    }
}
