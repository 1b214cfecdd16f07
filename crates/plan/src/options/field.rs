//! Reading a JSON value as one of Go's types, with Go's complaints.

use serde_json::Value;

use super::{
    ExecutorKind, OptionsError, Pairs, ScenarioConfig, StageConfig, Thresholds, TlsAuth,
    TlsVersions,
};
use crate::duration::{DurationError, Span, from_millis_f64, parse_go_int, parse_k6};
use crate::threshold::ThresholdDef;

pub(super) enum DecodeError {
    /// A value of the wrong type: its place, and Go's text.
    Type { snippet: String, text: String },
    /// Anything else.
    Other(OptionsError),
}

impl DecodeError {
    pub(super) fn in_script(self) -> OptionsError {
        match self {
            DecodeError::Type { snippet, text } => OptionsError::config(format!(
                "parsing options from script got error while parsing {snippet:?}: {text}"
            )),
            DecodeError::Other(error) => error,
        }
    }

    pub(super) fn in_file(self) -> OptionsError {
        match self {
            DecodeError::Type { text, .. } => OptionsError::config(text),
            DecodeError::Other(error) => error,
        }
    }

    pub(super) fn plain(text: impl Into<String>) -> DecodeError {
        DecodeError::Other(OptionsError::config(text))
    }
}

impl From<OptionsError> for DecodeError {
    fn from(error: OptionsError) -> DecodeError {
        DecodeError::Other(error)
    }
}

impl From<DurationError> for DecodeError {
    fn from(error: DurationError) -> DecodeError {
        DecodeError::plain(error.to_string())
    }
}

/// Whether keys that are not known are refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    IgnoreUnknown,
    RefuseUnknown,
}

/// A key and its value, to be read as one of Go's types.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a Value,
}

/// Go's name for the kind of a JSON value.
pub(super) fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The place of a value: its key, and as much of it as fits in a line.
pub(super) fn snippet(key: &str, value: &Value) -> String {
    let value = match value {
        Value::Array(_) => "[".to_owned(),
        Value::Object(_) => "{".to_owned(),
        scalar => scalar.to_string().chars().take(80).collect(),
    };
    if key.is_empty() { value } else { format!("{key:?}: {value}") }
}

pub(super) fn unknown_field(key: &str) -> DecodeError {
    DecodeError::plain(format!("json: unknown field {key:?}"))
}

impl Field<'_> {
    pub(super) fn type_error(&self, path: &str, go_type: &str) -> DecodeError {
        let text = format!(
            "json: cannot unmarshal {} into Go struct field {path} of type {go_type}",
            go_kind(self.value)
        );
        DecodeError::Type { snippet: snippet(self.key, self.value), text }
    }

    /// The complaint of the nullable types, which decode into Go values first.
    fn null_type_error(&self, go_type: &str) -> DecodeError {
        let kind = match self.value {
            Value::Number(_) => "float64",
            Value::Array(_) => "",
            other => go_kind(other),
        };
        DecodeError::plain(format!("json: cannot unmarshal {kind} into Go value of type {go_type}"))
    }

    pub(super) fn non_null(&self) -> Option<Value> {
        Some(self.value.clone()).filter(|value| !value.is_null())
    }

    /// An integer, or a text of one; `''` is unset, an object is 0.
    pub(super) fn int(&self, path: &str) -> Result<Option<i64>, DecodeError> {
        match self.value {
            Value::Null => Ok(None),
            Value::Number(number) => match number.as_i64() {
                Some(int) => Ok(Some(int)),
                None => Err(DecodeError::Type {
                    snippet: snippet(self.key, self.value),
                    text: format!(
                        "json: cannot unmarshal number {number} into Go struct field {path} of type int64"
                    ),
                }),
            },
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => match parse_go_int(text) {
                Ok(int) => Ok(Some(int)),
                Err(why) => {
                    Err(DecodeError::plain(format!("strconv.ParseInt: parsing {text:?}: {why}")))
                }
            },
            Value::Object(_) => Ok(Some(0)),
            Value::Bool(_) | Value::Array(_) => Err(self.null_type_error("null.Int")),
        }
    }

    pub(super) fn bool(&self) -> Result<Option<bool>, DecodeError> {
        match self.value {
            Value::Null => Ok(None),
            Value::Bool(value) => Ok(Some(*value)),
            Value::Object(_) => Ok(Some(false)),
            _ => Err(self.null_type_error("null.Bool")),
        }
    }

    pub(super) fn text(&self) -> Result<Option<String>, DecodeError> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            Value::Object(_) => Ok(Some(String::new())),
            _ => Err(self.null_type_error("null.String")),
        }
    }

    pub(super) fn span(&self) -> Result<Option<Span>, DecodeError> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(parse_k6(text)?)),
            Value::Number(number) => Ok(Some(from_millis_f64(number.as_f64().unwrap_or(f64::NAN)))),
            other => Err(DurationError::NotADuration(other.to_string()).into()),
        }
    }

    /// A text that is parsed further.
    pub(super) fn parsed<T: std::str::FromStr<Err: Into<DecodeError>>>(
        &self,
        path: &str,
        go_type: &str,
    ) -> Result<Option<T>, DecodeError> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) => text.parse().map(Some).map_err(Into::into),
            _ => Err(self.type_error(path, go_type)),
        }
    }

    pub(super) fn texts(
        &self,
        path: &str,
        list_type: &str,
        item_type: &str,
    ) -> Result<Option<Vec<String>>, DecodeError> {
        let items = match self.value {
            Value::Null => return Ok(None),
            Value::Array(items) => items,
            _ => return Err(self.type_error(path, list_type)),
        };
        let item = |value: &Value| match value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            other => Err(Field { key: "", value: other }.type_error(path, item_type)),
        };
        items.iter().map(item).collect::<Result<_, _>>().map(Some)
    }

    /// An object of texts.
    pub(super) fn pairs(&self, path: &str) -> Result<Option<Pairs>, DecodeError> {
        let map = match self.value {
            Value::Null => return Ok(None),
            Value::Object(map) => map,
            _ => return Err(self.type_error(path, "map[string]string")),
        };
        let pair = |(key, value): (&String, &Value)| match value {
            Value::Null => Ok((key.clone(), String::new())),
            Value::String(text) => Ok((key.clone(), text.clone())),
            _ => Err(Field { key, value }.type_error(path, "string")),
        };
        map.iter().map(pair).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn stages(
        &self,
        strictness: Strictness,
    ) -> Result<Option<Vec<StageConfig>>, DecodeError> {
        let (path, list_type, item_type) = match strictness {
            Strictness::IgnoreUnknown => ("Options.stages", "[]lib.Stage", "lib.StageFields"),
            Strictness::RefuseUnknown => {
                ("Options.scenarios.stages", "[]executor.Stage", "executor.Stage")
            }
        };
        let items = match self.value {
            Value::Null => return Ok(None),
            Value::Array(items) => items,
            _ => return Err(self.type_error(path, list_type)),
        };
        let item = |value: &Value| {
            let mut stage = StageConfig::default();
            let map = match value {
                Value::Null => return Ok(stage),
                Value::Object(map) => map,
                other => return Err(Field { key: "", value: other }.type_error(path, item_type)),
            };
            for (key, value) in map {
                let field = Field { key, value };
                match key.to_ascii_lowercase().as_str() {
                    "duration" => stage.duration = field.span()?,
                    "target" => stage.target = field.int(&format!("{path}.target"))?,
                    _ if strictness == Strictness::RefuseUnknown => return Err(unknown_field(key)),
                    _ => {}
                }
            }
            Ok(stage)
        };
        items.iter().map(item).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn scenarios(&self) -> Result<Option<Vec<ScenarioConfig>>, DecodeError> {
        let map = match self.value {
            Value::Null => return Ok(None),
            Value::Object(map) => map,
            _ => {
                return Err(
                    self.type_error("Options.scenarios", "map[string]lib.protoExecutorConfig")
                );
            }
        };
        map.iter()
            .map(|(key, value)| Field { key, value }.scenario())
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn scenario(&self) -> Result<ScenarioConfig, DecodeError> {
        let no_executor = || {
            DecodeError::plain(format!(
                "scenario '{}' doesn't have a specified executor type",
                self.key
            ))
        };
        let map = match self.value {
            Value::Null => return Err(no_executor()),
            Value::Object(map) => map,
            _ => {
                let go_type = "struct { ExecutorType string \"json:\\\"executor\\\"\" }";
                return Err(self.type_error("Options.scenarios", go_type));
            }
        };
        let executor = map.iter().find(|(key, _)| key.eq_ignore_ascii_case("executor"));
        let kind = match executor {
            None | Some((_, Value::Null)) => return Err(no_executor()),
            Some((_, Value::String(name))) if name.is_empty() => return Err(no_executor()),
            Some((_, Value::String(name))) => ExecutorKind::from_name(name)
                .ok_or_else(|| DecodeError::plain(format!("unknown executor type '{name}'")))?,
            Some((key, value)) => {
                return Err(Field { key, value }.type_error("Options.scenarios.executor", "string"));
            }
        };
        let mut scenario = ScenarioConfig::new(self.key, kind);
        for (key, value) in map {
            let field = Field { key, value };
            let is_known = scenario.decode_common(field)? || scenario.decode_own(field)?;
            if !is_known {
                return Err(unknown_field(key));
            }
        }
        Ok(scenario)
    }

    pub(super) fn thresholds(&self) -> Result<Option<Thresholds>, DecodeError> {
        let map = match self.value {
            Value::Null => return Ok(None),
            Value::Object(map) => map,
            _ => return Err(self.type_error("Options.thresholds", "map[string]metrics.Thresholds")),
        };
        let entry = |(key, value): (&String, &Value)| {
            let field = Field { key, value };
            let defs = match value {
                Value::Null => Vec::new(),
                Value::Array(items) => {
                    items.iter().map(decode_threshold).collect::<Result<_, _>>()?
                }
                _ => {
                    return Err(field.type_error("Options.thresholds", "[]metrics.thresholdConfig"));
                }
            };
            Ok((key.clone(), defs))
        };
        map.iter().map(entry).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn tls_versions(&self) -> Result<Option<TlsVersions>, DecodeError> {
        let map = match self.value {
            Value::Null => return Ok(None),
            Value::String(name) if TlsVersions::is_name(name) => {
                return Ok(Some(TlsVersions { min: name.clone(), max: name.clone() }));
            }
            Value::Object(map) => map,
            _ => return Err(self.type_error("Options.tlsVersion", "lib.tlsVersionsFields")),
        };
        let mut versions = TlsVersions { min: String::new(), max: String::new() };
        for (key, value) in map {
            let bound = match key.to_ascii_lowercase().as_str() {
                "min" => &mut versions.min,
                "max" => &mut versions.max,
                _ => return Err(unknown_field(key)),
            };
            match value {
                Value::Null => {}
                Value::String(name) if TlsVersions::is_name(name) => bound.clone_from(name),
                Value::String(name) => {
                    return Err(DecodeError::plain(format!("unknown TLS version '{name}'")));
                }
                _ => {
                    return Err(
                        Field { key, value }.type_error("Options.tlsVersion", "lib.TLSVersion")
                    );
                }
            }
        }
        Ok(Some(versions))
    }

    pub(super) fn tls_auth(&self) -> Result<Option<Vec<TlsAuth>>, DecodeError> {
        let items = match self.value {
            Value::Null => return Ok(None),
            Value::Array(items) => items,
            _ => return Err(self.type_error("Options.tlsAuth", "[]*lib.TLSAuth")),
        };
        let item = |value: &Value| {
            let Value::Object(map) = value else {
                return Err(Field { key: "", value }.type_error("Options.tlsAuth", "lib.TLSAuth"));
            };
            let mut auth = TlsAuth::default();
            for (key, value) in map {
                let field = Field { key, value };
                match key.to_ascii_lowercase().as_str() {
                    "cert" => auth.cert = field.text()?.unwrap_or_default(),
                    "key" => auth.key = field.text()?.unwrap_or_default(),
                    "password" => auth.password = field.text()?,
                    "domains" => {
                        auth.domains =
                            field.texts("Options.tlsAuth.domains", "[]string", "string")?
                    }
                    _ => {}
                }
            }
            Ok(auth)
        };
        items.iter().map(item).collect::<Result<_, _>>().map(Some)
    }
}

/// An expression, or an object with one.
fn decode_threshold(value: &Value) -> Result<ThresholdDef, DecodeError> {
    let mut def = ThresholdDef::default();
    let map = match value {
        Value::Null => return Ok(def),
        Value::String(source) => {
            def.source.clone_from(source);
            return Ok(def);
        }
        Value::Object(map) => map,
        other => {
            return Err(Field { key: "", value: other }
                .type_error("Options.thresholds", "metrics.rawThresholdConfig"));
        }
    };
    for (key, value) in map {
        let field = Field { key, value };
        match (key.to_ascii_lowercase().as_str(), value) {
            (_, Value::Null) => {}
            ("threshold", Value::String(source)) => def.source.clone_from(source),
            ("threshold", _) => {
                return Err(field.type_error("Options.thresholds.threshold", "string"));
            }
            ("abortonfail", Value::Bool(abort)) => def.abort_on_fail = *abort,
            ("abortonfail", _) => {
                return Err(field.type_error("Options.thresholds.abortOnFail", "bool"));
            }
            ("delayaborteval", _) => def.delay_abort_eval = field.span()?,
            _ => {}
        }
    }
    Ok(def)
}

impl From<crate::segment::SegmentError> for DecodeError {
    fn from(error: crate::segment::SegmentError) -> DecodeError {
        DecodeError::plain(error.to_string())
    }
}
