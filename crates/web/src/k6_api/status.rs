//! `/v1/status`: how the run stands, and pausing, resuming, scaling and ending it.

use engine::StopReason;
use engine::control::{Refusal, RunState, Scale};
use engine::progress::Phase;
use hyper::StatusCode;
use serde_json::{Map, Value};

use super::{Api, ApiError, JSON_UTF8, Request, Response, ask, body, respond};

/// k6's numbers of where a run is.
fn number(state: &RunState) -> u8 {
    match state.phase {
        Phase::Init => 1,
        Phase::Paused => 4,
        Phase::Setup => 6,
        Phase::Running => 7,
        Phase::Teardown => 8,
        Phase::Lingering | Phase::Done if state.marked_failed => 11,
        Phase::Lingering | Phase::Done if state.cut_short => 10,
        Phase::Lingering | Phase::Done => 9,
    }
}

fn document(state: &RunState) -> String {
    // k6 never marks a run as ended that was ended before its time.
    let has_ended = number(state) == 9;
    format!(
        "{{\"data\":{{\"type\":\"status\",\"id\":\"default\",\"attributes\":{{\"status\":{},\"paused\":{},\
         \"vus\":{},\"vus-max\":{},\"stopped\":{},\"running\":{},\"tainted\":{}}}}}}}",
        number(state),
        state.paused,
        state.vus_active,
        state.vus_initialized,
        state.stopped,
        state.started && !has_ended,
        state.crossed > 0,
    )
}

/// What a PATCH asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    stopped: bool,
    paused: Option<bool>,
    vus: Option<i64>,
    max_vus: Option<i64>,
}

impl Wish {
    fn read(bytes: &[u8]) -> Result<Wish, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| go_text(bytes, &error))?;
        let mut wish = Wish::default();
        let Some(data) = object(&value, "StatusJSONAPI")?.and_then(|o| get(o, "data")) else {
            return Ok(wish);
        };
        let Some(attributes) = object(data, "statusData")?.and_then(|data| get(data, "attributes"))
        else {
            return Ok(wish);
        };
        let Some(attributes) = object(attributes, "Status")? else { return Ok(wish) };
        for (key, value) in attributes {
            match key.to_ascii_lowercase().as_str() {
                "stopped" => wish.stopped = stopped(value)?.unwrap_or(wish.stopped),
                "paused" => wish.paused = paused(value)?,
                "vus" => wish.vus = integer(value, "vus")?,
                "vus-max" => wish.max_vus = integer(value, "vus-max")?,
                _ => {}
            }
        }
        Ok(wish)
    }
}

/// What Go's decoder says of a body that is no JSON, where it is easily said.
pub(super) fn go_text(bytes: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".into();
    }
    let line_start = bytes.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let offset = line_start.map(|line| line.len() + 1).sum::<usize>() + error.column();
    match bytes.get(offset.saturating_sub(1)) {
        Some(byte) if byte.is_ascii_graphic() => {
            format!("invalid character '{}' looking for beginning of value", char::from(*byte))
        }
        _ => error.to_string(),
    }
}

fn object<'a>(value: &'a Value, what: &str) -> Result<Option<&'a Map<String, Value>>, String> {
    match value {
        Value::Object(map) => Ok(Some(map)),
        Value::Null => Ok(None),
        other => {
            Err(format!("json: cannot unmarshal {} into Go value of type v1.{what}", kind(other)))
        }
    }
}

fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn stopped(value: &Value) -> Result<Option<bool>, String> {
    match value {
        Value::Bool(value) => Ok(Some(*value)),
        Value::Null => Ok(None),
        other => Err(format!(
            "json: cannot unmarshal {} into Go struct field Status.data.attributes.stopped of type bool",
            kind(other)
        )),
    }
}

fn paused(value: &Value) -> Result<Option<bool>, String> {
    match value {
        Value::Bool(value) => Ok(Some(*value)),
        Value::Null => Ok(None),
        other => Err(format!(
            "json: cannot unmarshal {} into Go value of type null.Bool",
            go_type(other)
        )),
    }
}

/// Go's name of the type its decoder gives a value; lists and objects have none.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Null | Value::Array(_) | Value::Object(_) => "",
    }
}

/// k6 takes numbers and strings of digits.
fn integer(value: &Value, key: &str) -> Result<Option<i64>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => text
            .parse()
            .map(Some)
            .map_err(|_| format!("strconv.ParseInt: parsing {text:?}: invalid syntax")),
        Value::Number(number) => number.as_i64().map(Some).ok_or_else(|| {
            format!(
                "json: cannot unmarshal number {number} into Go struct field Status.data.attributes.{key} of type \
                 int64"
            )
        }),
        other => Err(format!(
            "json: cannot unmarshal {} into Go value of type null.Int",
            go_type(other)
        )),
    }
}

impl Api {
    async fn state(&self) -> Result<RunState, ApiError> {
        ask(|reply| self.control.state(reply)).await
    }

    pub(super) async fn get_status(&self) -> Response {
        match self.state().await {
            Ok(state) => respond(StatusCode::OK, JSON_UTF8, document(&state)),
            Err(error) => error.response(JSON_UTF8),
        }
    }

    pub(super) async fn patch_status(&self, request: Request) -> Response {
        match self.change(request).await {
            Ok(state) => respond(StatusCode::OK, JSON_UTF8, document(&state)),
            Err(error) => error.response(JSON_UTF8),
        }
    }

    async fn change(&self, request: Request) -> Result<RunState, ApiError> {
        let bytes = body(request, "Couldn't read request").await?;
        let wish = Wish::read(&bytes)
            .map_err(|text| ApiError::new(StatusCode::BAD_REQUEST, "Invalid data", text))?;
        if wish.stopped {
            self.control.stop(StopReason::Api);
            return self.state().await;
        }
        let mut state = None;
        if let Some(paused) = wish.paused {
            let paused = ask(|reply| self.control.set_paused(paused, reply)).await?;
            state = Some(paused.map_err(|refusal| refused(&refusal))?);
        }
        if wish.vus.is_some() || wish.max_vus.is_some() {
            let scale = Scale { vus: wish.vus, max_vus: wish.max_vus };
            let scaled = ask(|reply| self.control.scale(scale, reply)).await?;
            state = Some(scaled.map_err(|refusal| refused(&refusal))?);
        }
        match state {
            Some(state) => Ok(state),
            None => self.state().await,
        }
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    let (status, title) = match refusal {
        Refusal::Pause(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Pause error"),
        Refusal::NotScalable => (StatusCode::INTERNAL_SERVER_ERROR, "Execution config error"),
        Refusal::Scale(_) => (StatusCode::BAD_REQUEST, "Config update error"),
        Refusal::Hook(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Error executing setup"),
    };
    ApiError::new(status, title, refusal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &str) -> Result<Wish, String> {
        Wish::read(text.as_bytes())
    }

    #[test]
    fn a_wish_is_what_the_attributes_say() {
        let paused = Wish { paused: Some(false), ..Wish::default() };
        let text = r#"{"data":{"attributes":{"paused":false},"id":"default","type":"status"}}"#;
        assert_eq!(wish(text), Ok(paused));
        let text = r#"{"DATA":{"Attributes":{"VUs":3,"vus-max":"5","status":7,"x":[]}}}"#;
        let scale = Wish { vus: Some(3), max_vus: Some(5), ..Wish::default() };
        assert_eq!(wish(text), Ok(scale));
        for nothing in ["{}", "null", r#"{"data":null}"#, r#"{"data":{"attributes":null}}"#] {
            assert_eq!(wish(nothing), Ok(Wish::default()), "{nothing}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_told_in_the_words_of_go() {
        assert_eq!(wish(""), Err("unexpected end of JSON input".into()));
        assert!(wish("nope!").is_err());
        assert_eq!(
            wish("[1]"),
            Err("json: cannot unmarshal array into Go value of type v1.StatusJSONAPI".into())
        );
        for (attributes, text) in [
            (
                r#""vus":1.5"#,
                "json: cannot unmarshal number 1.5 into Go struct field Status.data.attributes.vus of type int64",
            ),
            (r#""paused":"x""#, "json: cannot unmarshal string into Go value of type null.Bool"),
            (
                r#""stopped":"3""#,
                "json: cannot unmarshal string into Go struct field Status.data.attributes.stopped of type bool",
            ),
            (r#""vus":"x""#, r#"strconv.ParseInt: parsing "x": invalid syntax"#),
            (r#""vus":true"#, "json: cannot unmarshal bool into Go value of type null.Int"),
        ] {
            let body = format!(r#"{{"data":{{"attributes":{{{attributes}}}}}}}"#);
            assert_eq!(wish(&body), Err(text.into()));
        }
    }
}
