//! Decoding options from JSON, as tolerant and as strict as k6 (which is Go's `encoding/json` with types of its own).
//!
//! One thing is not repeated: k6 quotes the place of a type error from a wrong offset and so mostly names another key;
//! here the quoted place is the right one.

use serde_json::{Map, Value};

use super::network::{check_cipher_suite, parse_blacklisted, parse_blocked, parse_hosts};
use super::{
    ExecutorKind, Options, OptionsError, Pairs, ScenarioConfig, StageConfig, TlsAuth, TlsVersions,
    Warning, known_system_tags,
};
use crate::duration::{DurationError, Span, from_millis_f64, parse_go_int, parse_k6};
use crate::threshold::ThresholdDef;

impl Options {
    /// Decodes the `options` a script exports, as JSON text (`null` for none).
    ///
    /// # Errors
    /// k6's text, exit code 104 (255 for a bad DNS time); see [`OptionsError`] about its prefix.
    pub fn from_script_json(text: &str) -> Result<(Options, Vec<Warning>), OptionsError> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            OptionsError::other(format!("error parsing script options: {error}"))
        })?;
        let mut options = Options::default();
        let mut warnings = Vec::new();
        let unknown = options.decode(value).map_err(|error| error.in_script())?;
        if let Some(first) = unknown.first {
            warnings.push(
                Warning::new("There were unknown fields in the options exported in the script")
                    .with("error", format!("json: unknown field {first:?}")),
            );
        }
        if unknown.features {
            warnings.push(
                Warning::new(
                    "Feature flags in script options are not supported; use --features, K6_FEATURES, or the JSON \
                     config",
                )
                .with("source", "options"),
            );
        }
        Ok((options, warnings))
    }

    /// Decodes a configuration file. Unknown keys are ignored, as in k6.
    ///
    /// # Errors
    /// Go's text, exit code 104; k6 shows it behind `couldn't parse the configuration from "<path>": `.
    pub fn from_config_json(text: &str) -> Result<Options, OptionsError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| OptionsError::config(error.to_string()))?;
        let mut options = Options::default();
        if let Value::Object(map) = &value {
            options.decode_outer(map).map_err(|error| error.in_file())?;
        }
        options.decode(value).map_err(|error| error.in_file())?;
        Ok(options)
    }

    fn decode(&mut self, mut value: Value) -> Result<Unknown, DecodeError> {
        let mut unknown = Unknown::default();
        value.sort_all_objects(); // as k6 has them, so that the first error is the same
        let map = match value {
            Value::Null => return Ok(unknown),
            Value::Object(map) => map,
            other => {
                let text = format!(
                    "json: cannot unmarshal {} into Go value of type lib.Options",
                    go_kind(&other)
                );
                return Err(DecodeError::Type { snippet: snippet("", &other), text });
            }
        };
        for (key, value) in &map {
            let field = Field { key, value };
            let lower = key.to_ascii_lowercase();
            let known = self.decode_execution(&lower, field)?
                || self.decode_requests(&lower, field)?
                || self.decode_results(&lower, field)?;
            if lower == "features" {
                unknown.features = !value.is_null();
            } else if !known && unknown.first.is_none() {
                unknown.first = Some(key.clone());
            }
        }
        Ok(unknown)
    }

    /// What runs and when. Whether the key is one of these.
    fn decode_execution(&mut self, key: &str, field: Field<'_>) -> Result<bool, DecodeError> {
        match key {
            "paused" => self.paused = field.bool()?,
            "vus" => self.vus = field.int("Options.vus")?,
            "duration" => self.duration = field.span()?,
            "iterations" => self.iterations = field.int("Options.iterations")?,
            "stages" => self.stages = field.stages(Strictness::IgnoreUnknown)?,
            "scenarios" => self.scenarios = field.scenarios()?,
            "executionsegment" => {
                self.execution_segment =
                    field.parsed("Options.executionSegment", "*lib.ExecutionSegment")?;
            }
            "executionsegmentsequence" => {
                self.execution_segment_sequence = field
                    .parsed("Options.executionSegmentSequence", "*lib.ExecutionSegmentSequence")?;
            }
            "nosetup" => self.no_setup = field.bool()?,
            "setuptimeout" => self.setup_timeout = field.span()?,
            "noteardown" => self.no_teardown = field.bool()?,
            "teardowntimeout" => self.teardown_timeout = field.span()?,
            "handlesummarytimeout" => self.handle_summary_timeout = field.span()?,
            "miniterationduration" => self.min_iteration_duration = field.span()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How requests are made.
    fn decode_requests(&mut self, key: &str, field: Field<'_>) -> Result<bool, DecodeError> {
        match key {
            "rps" => self.rps = field.int("Options.rps")?,
            "dns" => self.decode_dns(field)?,
            "maxredirects" => self.max_redirects = field.int("Options.maxRedirects")?,
            "useragent" => self.user_agent = field.text()?,
            "batch" => self.batch = field.int("Options.batch")?,
            "batchperhost" => self.batch_per_host = field.int("Options.batchPerHost")?,
            "httpdebug" => self.http_debug = field.text()?,
            "insecureskiptlsverify" => self.insecure_skip_tls_verify = field.bool()?,
            "tlsciphersuites" => {
                let suites = field.texts("Options.tlsCipherSuites", "[]string", "string")?;
                suites.iter().flatten().try_for_each(|suite| check_cipher_suite(suite))?;
                self.tls_cipher_suites = suites;
            }
            "tlsversion" => self.tls_version = field.tls_versions()?,
            "tlsauth" => self.tls_auth = field.tls_auth()?,
            "throw" => self.throw = field.bool()?,
            "blacklistips" => {
                let blocks = field.texts("Options.blacklistIPs", "[]*lib.IPNet", "*lib.IPNet")?;
                let parse = |blocks: Vec<String>| {
                    blocks.iter().map(|text| parse_blacklisted(text)).collect()
                };
                self.blacklist_ips = blocks.map(parse).transpose()?;
            }
            "blockhostnames" => {
                let patterns = field.texts("Options.blockHostnames", "[]string", "string")?;
                let parse = |patterns: Vec<String>| {
                    patterns.iter().map(|text| parse_blocked(text)).collect()
                };
                self.block_hostnames = patterns.map(parse).transpose()?;
            }
            "hosts" => self.hosts = field.pairs("Options.hosts")?.map(parse_hosts).transpose()?,
            "noconnectionreuse" => self.no_connection_reuse = field.bool()?,
            "novuconnectionreuse" => self.no_vu_connection_reuse = field.bool()?,
            "nocookiesreset" => self.no_cookies_reset = field.bool()?,
            "discardresponsebodies" => self.discard_response_bodies = field.bool()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What becomes of the results.
    fn decode_results(&mut self, key: &str, field: Field<'_>) -> Result<bool, DecodeError> {
        match key {
            "thresholds" => self.thresholds = field.thresholds()?,
            "cloud" => self.cloud = field.non_null(),
            "ext" => {
                if !matches!(field.value, Value::Null | Value::Object(_)) {
                    return Err(field.type_error("Options.ext", "map[string]json.RawMessage"));
                }
                self.ext = field.non_null();
            }
            "summarytrendstats" => {
                self.summary_trend_stats =
                    field.texts("Options.summaryTrendStats", "[]string", "string")?;
            }
            "summarytimeunit" => self.summary_time_unit = field.text()?,
            "systemtags" => {
                let names = field.texts("Options.systemTags", "[]string", "string")?;
                self.system_tags = names.map(known_system_tags);
            }
            "tags" => self.tags = field.pairs("Options.tags")?,
            "metricsamplesbuffersize" => {
                self.metric_samples_buffer_size = field.int("Options.metricSamplesBufferSize")?;
            }
            "features" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What only a configuration file has.
    fn decode_outer(&mut self, map: &Map<String, Value>) -> Result<(), DecodeError> {
        for (key, value) in map {
            let field = Field { key, value };
            match key.to_ascii_lowercase().as_str() {
                "out" => self.outer.out = field.texts("Config.out", "[]string", "string")?,
                "linger" => self.outer.linger = field.bool()?,
                "nousagereport" => self.outer.no_usage_report = field.bool()?,
                "webdashboard" => self.outer.web_dashboard = field.bool()?,
                "features" => {
                    self.outer.features = field.texts("Config.features", "[]string", "string")?
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn decode_dns(&mut self, field: Field<'_>) -> Result<(), DecodeError> {
        let map = match field.value {
            Value::Null => return Ok(()),
            Value::Object(map) => map,
            _ => {
                let go_type = "struct { TTL null.String \"json:\\\"ttl\\\"\"; Select types.NullDNSSelect \
                               \"json:\\\"select\\\"\"; Policy types.NullDNSPolicy \"json:\\\"policy\\\"\" }";
                return Err(field.type_error("Options.dns", go_type));
            }
        };
        for (key, value) in map {
            let field = Field { key, value };
            match key.to_ascii_lowercase().as_str() {
                "ttl" => self.dns.ttl = field.text()?,
                "select" => self.dns.select = field.parsed("Options.dns.select", "string")?,
                "policy" => self.dns.policy = field.parsed("Options.dns.policy", "string")?,
                _ => {}
            }
        }
        self.dns.ttl()?;
        Ok(())
    }
}

/// Keys that are no options.
#[derive(Default)]
struct Unknown {
    first: Option<String>,
    features: bool,
}

enum DecodeError {
    /// A value of the wrong type: its place, and Go's text.
    Type { snippet: String, text: String },
    /// Anything else.
    Other(OptionsError),
}

impl DecodeError {
    fn in_script(self) -> OptionsError {
        match self {
            DecodeError::Type { snippet, text } => OptionsError::config(format!(
                "parsing options from script got error while parsing {snippet:?}: {text}"
            )),
            DecodeError::Other(error) => error,
        }
    }

    fn in_file(self) -> OptionsError {
        match self {
            DecodeError::Type { text, .. } => OptionsError::config(text),
            DecodeError::Other(error) => error,
        }
    }

    fn plain(text: impl Into<String>) -> DecodeError {
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
enum Strictness {
    IgnoreUnknown,
    RefuseUnknown,
}

/// A key and its value, to be read as one of Go's types.
#[derive(Clone, Copy)]
struct Field<'a> {
    key: &'a str,
    value: &'a Value,
}

/// Go's name for the kind of a JSON value.
fn go_kind(value: &Value) -> &'static str {
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
fn snippet(key: &str, value: &Value) -> String {
    let value = match value {
        Value::Array(_) => "[".to_owned(),
        Value::Object(_) => "{".to_owned(),
        scalar => scalar.to_string().chars().take(80).collect(),
    };
    if key.is_empty() { value } else { format!("{key:?}: {value}") }
}

fn unknown_field(key: &str) -> DecodeError {
    DecodeError::plain(format!("json: unknown field {key:?}"))
}

impl Field<'_> {
    fn type_error(&self, path: &str, go_type: &str) -> DecodeError {
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

    fn non_null(&self) -> Option<Value> {
        Some(self.value.clone()).filter(|value| !value.is_null())
    }

    /// An integer, or a text of one; `''` is unset, an object is 0.
    fn int(&self, path: &str) -> Result<Option<i64>, DecodeError> {
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

    fn bool(&self) -> Result<Option<bool>, DecodeError> {
        match self.value {
            Value::Null => Ok(None),
            Value::Bool(value) => Ok(Some(*value)),
            Value::Object(_) => Ok(Some(false)),
            _ => Err(self.null_type_error("null.Bool")),
        }
    }

    fn text(&self) -> Result<Option<String>, DecodeError> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            Value::Object(_) => Ok(Some(String::new())),
            _ => Err(self.null_type_error("null.String")),
        }
    }

    fn span(&self) -> Result<Option<Span>, DecodeError> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(parse_k6(text)?)),
            Value::Number(number) => Ok(Some(from_millis_f64(number.as_f64().unwrap_or(f64::NAN)))),
            other => Err(DurationError::NotADuration(other.to_string()).into()),
        }
    }

    /// A text that is parsed further.
    fn parsed<T: std::str::FromStr<Err: Into<DecodeError>>>(
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

    fn texts(
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
    fn pairs(&self, path: &str) -> Result<Option<Pairs>, DecodeError> {
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

    fn stages(&self, strictness: Strictness) -> Result<Option<Vec<StageConfig>>, DecodeError> {
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

    fn scenarios(&self) -> Result<Option<Vec<ScenarioConfig>>, DecodeError> {
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

    fn thresholds(&self) -> Result<Option<Vec<(String, Vec<ThresholdDef>)>>, DecodeError> {
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

    fn tls_versions(&self) -> Result<Option<TlsVersions>, DecodeError> {
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

    fn tls_auth(&self) -> Result<Option<Vec<TlsAuth>>, DecodeError> {
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

impl ScenarioConfig {
    /// What all kinds have. Whether the key is one of these.
    fn decode_common(&mut self, field: Field<'_>) -> Result<bool, DecodeError> {
        match field.key.to_ascii_lowercase().as_str() {
            "executor" => {}
            "starttime" => self.start_time = field.span()?,
            "gracefulstop" => self.graceful_stop = field.span()?,
            "env" => self.env = field.pairs("Options.scenarios.BaseConfig.env")?,
            "exec" => self.exec = field.text()?,
            "tags" => self.tags = field.pairs("Options.scenarios.BaseConfig.tags")?,
            "options" => {
                let path = "Options.scenarios.BaseConfig.options";
                let map = match field.value {
                    Value::Null => return Ok(true),
                    Value::Object(map) => map,
                    _ => return Err(field.type_error(path, "lib.ScenarioOptions")),
                };
                for (key, value) in map {
                    match value {
                        _ if !key.eq_ignore_ascii_case("browser") => {
                            return Err(unknown_field(key));
                        }
                        Value::Null | Value::Object(_) => {}
                        _ => {
                            let (path, go_type) =
                                (format!("{path}.browser"), "map[string]interface {}");
                            return Err(Field { key, value }.type_error(&path, go_type));
                        }
                    }
                }
                self.options = field.non_null();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What this kind has. Whether the key is one of these.
    fn decode_own(&mut self, field: Field<'_>) -> Result<bool, DecodeError> {
        let Some(key) =
            self.executor.own_keys().iter().find(|key| key.eq_ignore_ascii_case(field.key))
        else {
            return Ok(false);
        };
        let path = format!("Options.scenarios.{key}");
        match *key {
            "vus" => self.vus = field.int(&path)?,
            "iterations" => self.iterations = field.int(&path)?,
            "duration" => self.duration = field.span()?,
            "maxDuration" => self.max_duration = field.span()?,
            "startVUs" => self.start_vus = field.int(&path)?,
            "stages" => self.stages = field.stages(Strictness::RefuseUnknown)?,
            "gracefulRampDown" => self.graceful_ramp_down = field.span()?,
            "rate" => self.rate = field.int(&path)?,
            "startRate" => self.start_rate = field.int(&path)?,
            "timeUnit" => self.time_unit = field.span()?,
            "preAllocatedVUs" => self.pre_allocated_vus = field.int(&path)?,
            "maxVUs" => self.max_vus = field.int(&path)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl From<crate::segment::SegmentError> for DecodeError {
    fn from(error: crate::segment::SegmentError) -> DecodeError {
        DecodeError::plain(error.to_string())
    }
}
