//! The server-wide modes: what happens to requests that did not ask for it.
//!
//! `PUT /_control` takes a JSON object that replaces all modes at once; what it leaves out is off:
//! `{"delay": "mix", "stall": {"at": "3s", "for": "1s"}, "fail": 0.1, "fail_status": 503}`.

use crate::span;
use serde::Deserialize;
use std::time::Duration;

/// The delay put on every service request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayPlan {
    /// None.
    Off,
    /// The same for all.
    Constant(Duration),
    /// Every 10th request 5 ms, every 100th 20 ms, every 1000th 100 ms, the others none.
    Mix,
}

/// One pause: no request is answered from `at` after the first request until `at + length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StallPlan {
    /// Its start, from the arrival of the first service request since start or reset.
    pub at: Duration,
    /// How long it lasts.
    pub length: Duration,
}

/// All modes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Control {
    /// The delay of each request; `?delay=` takes its place.
    pub delay: DelayPlan,
    /// The pause, if any.
    pub stall: Option<StallPlan>,
    /// The share of requests that fail, 0 to 1. After n requests exactly ⌊n × fail⌋ have failed.
    pub fail: f64,
    /// The status of failed requests.
    pub fail_status: u16,
}

impl Control {
    /// Everything off.
    pub const PLAIN: Control =
        Control { delay: DelayPlan::Off, stall: None, fail: 0.0, fail_status: 503 };
}

/// Why a control document or flag was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlError(pub(crate) String);

impl std::fmt::Display for ControlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ControlError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    delay: Option<serde_json::Value>,
    stall: Option<StallDocument>,
    fail: Option<f64>,
    fail_status: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StallDocument {
    at: String,
    #[serde(rename = "for")]
    length: String,
}

impl Control {
    /// Reads the document of `PUT /_control`.
    ///
    /// # Errors
    /// When it is not such an object; the message names the key.
    pub fn from_json(json: &[u8]) -> Result<Control, ControlError> {
        let document: Document = serde_json::from_slice(json)
            .map_err(|e| ControlError(format!("invalid control document: {e}")))?;
        let delay = match &document.delay {
            None | Some(serde_json::Value::Null) => DelayPlan::Off,
            Some(serde_json::Value::String(text)) => DelayPlan::parse(text)?,
            Some(other) => DelayPlan::parse(&other.to_string())?,
        };
        let stall = document.stall.map(|s| StallPlan::parse(&s.at, &s.length)).transpose()?;
        Control::PLAIN.with(delay, stall).failing(document.fail, document.fail_status)
    }

    pub(crate) fn with(self, delay: DelayPlan, stall: Option<StallPlan>) -> Control {
        Control { delay, stall, ..self }
    }

    pub(crate) fn failing(
        self,
        fail: Option<f64>,
        status: Option<u16>,
    ) -> Result<Control, ControlError> {
        let fail = fail.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&fail) {
            return Err(ControlError(format!("invalid `fail`: {fail} is not from 0 to 1")));
        }
        let fail_status = status.unwrap_or(Control::PLAIN.fail_status);
        if !(200..=999).contains(&fail_status) {
            return Err(ControlError(format!("invalid `fail_status`: {fail_status}")));
        }
        Ok(Control { fail, fail_status, ..self })
    }

    /// The document that [`Control::from_json`] reads back.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = |d: Duration| span::format_ns(d.as_nanos() as u64);
        let delay = match self.delay {
            DelayPlan::Off => None,
            DelayPlan::Constant(d) => Some(text(d)),
            DelayPlan::Mix => Some("mix".to_owned()),
        };
        let stall =
            self.stall.map(|s| serde_json::json!({ "at": text(s.at), "for": text(s.length) }));
        serde_json::json!({
            "delay": delay, "stall": stall, "fail": self.fail, "fail_status": self.fail_status,
        })
        .to_string()
    }
}

impl DelayPlan {
    /// `off`, `mix`, or a duration such as `10ms`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<DelayPlan, ControlError> {
        match text {
            "off" => Ok(DelayPlan::Off),
            "mix" => Ok(DelayPlan::Mix),
            _ => Ok(DelayPlan::Constant(duration("delay", text)?)),
        }
    }
}

impl StallPlan {
    /// From two durations such as `3s` and `1s`.
    ///
    /// # Errors
    /// When one isn't a duration.
    pub fn parse(at: &str, length: &str) -> Result<StallPlan, ControlError> {
        Ok(StallPlan { at: duration("stall.at", at)?, length: duration("stall.for", length)? })
    }
}

fn duration(key: &str, text: &str) -> Result<Duration, ControlError> {
    span::parse_ns(text)
        .map(Duration::from_nanos)
        .ok_or_else(|| ControlError(format!("invalid `{key}`: `{text}` is not a duration")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_round_trip() {
        let cases = [
            "{}",
            r#"{"delay":"mix"}"#,
            r#"{"delay":"10ms","fail":0.25,"fail_status":500}"#,
            r#"{"delay":2.5,"stall":{"at":"3s","for":"1s"}}"#,
            r#"{"delay":null,"stall":null}"#,
        ];
        for json in cases {
            let control = Control::from_json(json.as_bytes()).unwrap();
            assert_eq!(Control::from_json(control.to_json().as_bytes()), Ok(control), "{json}");
        }
        assert_eq!(Control::from_json(b"{}"), Ok(Control::PLAIN));
        let stall = Control::from_json(br#"{"stall":{"at":"3s","for":"1s"}}"#).unwrap().stall;
        let want = StallPlan { at: Duration::from_secs(3), length: Duration::from_secs(1) };
        assert_eq!(stall, Some(want));
    }

    #[test]
    fn wrong_documents_are_refused_by_name() {
        let cases = [
            ("", "control document"),
            ("[]", "control document"),
            (r#"{"dely":"mix"}"#, "dely"),
            (r#"{"delay":"soon"}"#, "delay"),
            (r#"{"fail":1.5}"#, "fail"),
            (r#"{"fail_status":1}"#, "fail_status"),
            (r#"{"stall":{"at":"3s"}}"#, "for"),
            (r#"{"stall":{"at":"x","for":"1s"}}"#, "stall.at"),
        ];
        for (json, word) in cases {
            let error = Control::from_json(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(word), "{json}: {error}");
        }
    }
}
