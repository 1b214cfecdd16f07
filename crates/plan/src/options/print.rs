//! Options as JSON, in k6's order and form: for `inspect` and `exec.test.options`.

use serde_json::{Map, Value};

use super::scenario_config::{pairs_json, span_json, stages_json};
use super::{Options, ScenarioConfig};

impl Options {
    /// All options, `null` where unset, in k6's order.
    pub fn to_json(&self) -> Value {
        let mut json = Map::new();
        let mut put = |key: &str, value: Value| json.insert(key.to_owned(), value);
        put("paused", Value::from(self.paused));
        put("vus", Value::from(self.vus));
        put("duration", span_json(self.duration));
        put("iterations", Value::from(self.iterations));
        put("stages", stages_json(self.stages.as_deref()));
        put("scenarios", self.scenarios.as_deref().map_or(Value::Null, scenarios_json));
        put("executionSegment", text_json(self.execution_segment.as_ref()));
        put("executionSegmentSequence", text_json(self.execution_segment_sequence.as_ref()));
        put("noSetup", Value::from(self.no_setup));
        put("setupTimeout", span_json(self.setup_timeout));
        put("noTeardown", Value::from(self.no_teardown));
        put("teardownTimeout", span_json(self.teardown_timeout));
        put("handleSummaryTimeout", span_json(self.handle_summary_timeout));
        put("rps", Value::from(self.rps));
        put("dns", self.dns.to_json());
        put("maxRedirects", Value::from(self.max_redirects));
        put("userAgent", Value::from(self.user_agent.clone()));
        put("batch", Value::from(self.batch));
        put("batchPerHost", Value::from(self.batch_per_host));
        put("httpDebug", Value::from(self.http_debug.clone()));
        put("insecureSkipTLSVerify", Value::from(self.insecure_skip_tls_verify));
        put("tlsCipherSuites", Value::from(self.tls_cipher_suites.clone()));
        put(
            "tlsVersion",
            self.tls_version.as_ref().map_or(Value::Null, |versions| versions.to_json()),
        );
        let auth = self
            .tls_auth
            .as_ref()
            .map(|auth| auth.iter().map(|auth| auth.to_json()).collect::<Vec<_>>());
        put("tlsAuth", Value::from(auth));
        put("throw", Value::from(self.throw));
        put("thresholds", self.thresholds_json());
        put("blacklistIPs", texts_json(self.blacklist_ips.as_deref()));
        put("blockHostnames", Value::from(self.block_hostnames.clone()));
        put("hosts", pairs_json(self.hosts.as_ref()));
        put("noConnectionReuse", Value::from(self.no_connection_reuse));
        put("noVUConnectionReuse", Value::from(self.no_vu_connection_reuse));
        put("minIterationDuration", span_json(self.min_iteration_duration));
        if let Some(cloud) = &self.cloud {
            put("cloud", cloud.clone()); // the one key k6 leaves out when unset
        }
        put("ext", Value::from(self.ext.clone()));
        put("summaryTrendStats", Value::from(self.summary_trend_stats.clone()));
        put("summaryTimeUnit", Value::from(self.summary_time_unit.clone()));
        put("systemTags", Value::from(self.system_tags.clone().filter(|tags| !tags.is_empty())));
        put("tags", pairs_json(self.tags.as_ref()));
        put("metricSamplesBufferSize", Value::from(self.metric_samples_buffer_size));
        put("noCookiesReset", Value::from(self.no_cookies_reset));
        put("discardResponseBodies", Value::from(self.discard_response_bodies));
        put("features", Value::Null);
        Value::Object(json)
    }

    /// What scripts see as `exec.test.options`: the same without the shortcuts, which have
    /// become scenarios, and with two options that only the environment and flags set.
    pub fn to_test_options_json(&self) -> Value {
        let mut json = self.to_json();
        if let Value::Object(map) = &mut json {
            for shortcut in ["vus", "duration", "iterations", "stages"] {
                map.shift_remove(shortcut);
            }
            map.insert("consoleOutput".to_owned(), Value::from(self.console_output.clone()));
            map.insert("localIPs".to_owned(), text_json(self.local_ips.as_ref()));
        }
        json
    }

    fn thresholds_json(&self) -> Value {
        let Some(thresholds) = &self.thresholds else { return Value::Null };
        let entry = |(selector, defs): &(String, Vec<_>)| {
            (selector.clone(), serde_json::to_value(defs).unwrap_or(Value::Null))
        };
        Value::Object(thresholds.iter().map(entry).collect())
    }
}

fn scenarios_json(scenarios: &[ScenarioConfig]) -> Value {
    Value::Object(
        scenarios.iter().map(|scenario| (scenario.name.clone(), scenario.to_json())).collect(),
    )
}

fn text_json(value: Option<&impl ToString>) -> Value {
    value.map_or(Value::Null, |value| Value::from(value.to_string()))
}

fn texts_json(values: Option<&[impl ToString]>) -> Value {
    values.map_or(Value::Null, |values| {
        Value::Array(values.iter().map(|v| Value::from(v.to_string())).collect())
    })
}

/// JSON with two blanks of indentation and with `<`, `>` and `&` escaped, as Go prints it.
pub fn to_go_json(value: &Value) -> String {
    let mut out = String::new();
    for c in format!("{value:#}").chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}
