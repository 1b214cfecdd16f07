//! `status`, `pause`, `resume`, `scale`, `stats`: commands that talk to the REST API of a run in another process.
//!
//! k6 1 has all of them, k6 2 only `stats`; what they print is what k6 printed: YAML.

use std::fmt::Write as _;

use serde_json::{Value, json};
use web::client::{CallError, call};

use crate::exit::{CommandResult, ExitStatus, Failure, system_text};
use crate::flags::{Flag, Kind};
use crate::run::rest::DEFAULT_ADDRESS;
use crate::session::{Name, Session, setting};

/// `scale`'s own flags.
pub(crate) const SCALE: &[Flag] = &[
    Flag::new("vus", Kind::Int, "int", "VUs that iterate").short('u'),
    Flag::new("max", Kind::Int, "int", "VUs that exist").short('m'),
];

/// Prints how the run stands.
pub(crate) fn status(session: &Session) -> CommandResult {
    exchange(session, "GET", "/v1/status", None).map(|answer| print(session, &status_yaml(&answer)))
}

/// Pauses the run.
pub(crate) fn pause(session: &Session) -> CommandResult {
    change(session, &json!({ "paused": true }))
}

/// Starts or resumes the run.
pub(crate) fn resume(session: &Session) -> CommandResult {
    change(session, &json!({ "paused": false }))
}

/// Changes the numbers of VUs.
pub(crate) fn scale(session: &Session) -> CommandResult {
    let (vus, max) = (session.flags.int("vus"), session.flags.int("max"));
    if vus.is_none() && max.is_none() {
        return Err(Failure::usage("Specify either -u/--vus or -m/--max"));
    }
    change(session, &json!({ "vus": vus, "vus-max": max }))
}

/// Prints what has been measured.
pub(crate) fn stats(session: &Session) -> CommandResult {
    // k6 2 wants to be told where; k6 1 had a default.
    if session.name == Name::K6 && setting(&session.flags, "address", "K6_ADDRESS").is_none() {
        return Err(Failure::usage(
            "The REST API server is disabled, but this command needs to read metrics from it. Enable it by setting \
             --address or K6_ADDRESS.",
        ));
    }
    exchange(session, "GET", "/v1/metrics", None).map(|answer| print(session, &stats_yaml(&answer)))
}

fn print(session: &Session, text: &str) -> ExitStatus {
    session.terminal.out(text);
    ExitStatus::Success
}

fn change(session: &Session, attributes: &Value) -> CommandResult {
    let body = json!({"data": {"type": "status", "id": "default", "attributes": attributes}});
    exchange(session, "PATCH", "/v1/status", Some(&body))
        .map(|answer| print(session, &status_yaml(&answer)))
}

/// One request; what the API refuses is a failure with k6's text.
fn exchange(
    session: &Session,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let address = setting(&session.flags, "address", "K6_ADDRESS");
    let address = address.as_deref().unwrap_or(DEFAULT_ADDRESS);
    let text = body.map(Value::to_string).unwrap_or_default();
    let go_method = match method {
        "GET" => "Get",
        _ => "Patch",
    };
    let told =
        |why: String| Failure::usage(format!("{go_method} \"http://{address}{path}\": {why}"));
    let (code, bytes) = call(address, method, path, &text).map_err(|error| match error {
        CallError::Connect(tried, error) => {
            told(format!("dial tcp {tried}: connect: {}", system_text(&error)))
        }
        CallError::Exchange(why) => told(why),
    })?;
    let answer: Value = serde_json::from_slice(&bytes)
        .map_err(|error| told(format!("the answer is no JSON: {error}")))?;
    if code >= 400 {
        let error = &answer["errors"][0];
        let word = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        return Err(Failure::usage(format!("{}: {}", word("title"), word("detail"))));
    }
    Ok(answer)
}

/// The attributes of a status, numbers that may be unset as quoted text, as k6 has it.
fn status_yaml(answer: &Value) -> String {
    let attributes = &answer["data"]["attributes"];
    let mut text = String::new();
    for key in ["status", "paused", "vus", "vus-max", "stopped", "running", "tainted"] {
        let value = &attributes[key];
        let _ = match key {
            "paused" | "vus" | "vus-max" => writeln!(text, "{key}: \"{value}\""),
            _ => writeln!(text, "{key}: {value}"),
        };
    }
    text
}

fn stats_yaml(answer: &Value) -> String {
    let metrics = answer["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    if metrics.is_empty() {
        return "[]\n".to_owned();
    }
    let mut text = String::new();
    for metric in metrics {
        let attributes = &metric["attributes"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let tainted = match &attributes["tainted"] {
            Value::Bool(tainted) => tainted.to_string(),
            _ => String::new(),
        };
        let _ = write!(
            text,
            "- name: {}\n  type:\n    type: {}\n    valid: true\n  contains:\n    type: {}\n    valid: true\n  \
             tainted: \"{tainted}\"\n  sample:\n",
            plain(&word(&metric["id"])),
            word(&attributes["type"]),
            word(&attributes["contains"]),
        );
        for (name, value) in attributes["sample"].as_object().into_iter().flatten() {
            let _ = writeln!(text, "    {name}: {}", go_float(value.as_f64().unwrap_or(0.0)));
        }
    }
    text
}

/// A name as YAML has it: quoted where it would be read as something else.
fn plain(name: &str) -> String {
    const WORDS: [&str; 12] =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "", "<<"];
    let needs_quotes = WORDS.contains(&name.to_ascii_lowercase().as_str())
        || name.contains(": ")
        || name.contains(" #")
        || name.chars().any(char::is_control);
    if needs_quotes { format!("{name:?}") } else { name.to_owned() }
}

/// A number as Go's `%g` writes it: an exponent from 1e21 on is `strconv`'s, below 1e-4 too.
fn go_float(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-4..1e21).contains(&magnitude) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_printed_as_k6_did() {
        let answer = json!({"data": {"attributes": {
            "status": 7, "paused": false, "vus": 2, "vus-max": 5, "stopped": false, "running": true, "tainted": true,
        }}});
        assert_eq!(
            status_yaml(&answer),
            "status: 7\npaused: \"false\"\nvus: \"2\"\nvus-max: \"5\"\nstopped: false\nrunning: true\ntainted: true\n"
        );
    }

    #[test]
    fn metrics_are_printed_as_k6_does() {
        let answer = json!({"data": [{"id": "my_t{a:b}", "type": "metrics", "attributes": {
            "type": "trend", "contains": "time", "tainted": false, "sample": {"avg": 3.25, "p(90)": 3},
        }}]});
        assert_eq!(
            stats_yaml(&answer),
            "- name: my_t{a:b}\n  type:\n    type: trend\n    valid: true\n  contains:\n    type: time\n    \
             valid: true\n  tainted: \"false\"\n  sample:\n    avg: 3.25\n    p(90): 3\n"
        );
        assert_eq!(stats_yaml(&json!({"data": []})), "[]\n");
    }

    #[test]
    fn numbers_are_those_of_go() {
        for (value, text) in
            [(0.0, "0"), (7.0, "7"), (0.078, "0.078"), (1e-5, "1e-05"), (1.5e22, "1.5e+22")]
        {
            assert_eq!(go_float(value), text);
        }
    }

    #[test]
    fn names_that_are_words_of_yaml_are_quoted() {
        assert_eq!([plain("y"), plain("a{b:c}")], ["\"y\"", "a{b:c}"]);
    }
}
