//! Decoding options from JSON, as tolerant and as strict as k6 (which is Go's `encoding/json` with types of its own).
//!
//! One thing is not repeated: k6 quotes the place of a type error from a wrong offset and so mostly names another key;
//! here the quoted place is the right one.

use serde_json::{Map, Value};

use super::field::{DecodeError, Field, Strictness, go_kind, snippet, unknown_field};
use super::network::{check_cipher_suite, parse_blacklisted, parse_blocked, parse_hosts};
use super::{Options, OptionsError, ScenarioConfig, Warning, known_system_tags};

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
                "collectors" => self.outer.collectors = value.as_object().cloned(),
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

impl ScenarioConfig {
    /// What all kinds have. Whether the key is one of these.
    pub(super) fn decode_common(&mut self, field: Field<'_>) -> Result<bool, DecodeError> {
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
    pub(super) fn decode_own(&mut self, field: Field<'_>) -> Result<bool, DecodeError> {
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
