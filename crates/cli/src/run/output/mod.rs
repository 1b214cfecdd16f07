//! Outputs: who wants every sample. `--out TYPE=ARG`, `K6_OUT`, or `out` of the config file.

mod json;
mod json_line;

use metrics::Output;
use plan::threshold::ThresholdDef;

use crate::exit::Failure;
use crate::log::Logger;
use crate::terminal::Terminal;

/// Types of k6 that this version does not have yet.
const LATER: &[&str] = &[
    "cloud",
    "csv",
    "experimental-opentelemetry",
    "experimental-prometheus-rw",
    "influxdb",
    "opentelemetry",
    "statsd",
    "web-dashboard",
];

/// What k6 says for types it no longer has.
const GONE: &[(&str, &str)] = &[
    (
        "kafka",
        "the kafka output was deprecated in k6 v0.32.0 and removed in k6 v0.34.0, please use the new xk6 kafka output \
         extension instead - https://github.com/k6io/xk6-output-kafka",
    ),
    (
        "datadog",
        "the datadog output was deprecated in k6 v0.32.0 and removed in k6 v0.34.0, please use the statsd output \
         extension https://github.com/LeonAdato/xk6-output-statsd with environment variable \
         K6_STATSD_ENABLE_TAGS=true or an experimental opentelemetry output instead",
    ),
];

/// One output as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    kind: String,
    argument: String,
}

impl Wanted {
    /// Reads `TYPE[=ARG]`.
    ///
    /// # Errors
    /// k6's text for an unknown type; ours for one this version lacks.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (kind, argument) = text.split_once('=').unwrap_or((text, ""));
        if kind == "json" {
            return Ok(Self { kind: kind.to_owned(), argument: argument.to_owned() });
        }
        if let Some((_, why)) = GONE.iter().find(|(gone, _)| *gone == kind) {
            return Err(Failure::usage(format!("could not create the '{kind}' output: {why}")));
        }
        if LATER.contains(&kind) {
            return Err(Failure::usage(format!(
                "output type '{kind}' is not available in this version of squall"
            ))
            .hint("available: json=FILE[.gz]"));
        }
        Err(Failure::usage(format!(
            "invalid output type '{kind}', available types are: cloud, csv, experimental-opentelemetry, \
             experimental-prometheus-rw, influxdb, json, opentelemetry, statsd, web-dashboard"
        )))
    }

    /// As the banner shows it.
    pub(crate) fn description(&self) -> String {
        let file = if self.argument.is_empty() { "-" } else { &self.argument };
        format!("{} ({file})", self.kind)
    }

    /// Opens it.
    ///
    /// # Errors
    /// Its file can't be made.
    pub(crate) fn open(&self, context: &OutputContext<'_>) -> Result<Box<dyn Output>, Failure> {
        Ok(Box::new(json::JsonFile::create(&self.argument, context)?))
    }
}

/// What outputs are given beside samples.
pub(crate) struct OutputContext<'a> {
    /// Thresholds by selector.
    pub(crate) thresholds: &'a [(String, Vec<ThresholdDef>)],
    /// Whether samples of requests say if their answer was expected: k6 then makes a submetric of it.
    pub(crate) has_expected_response: bool,
    /// Where troubles are told.
    pub(crate) log: &'a Logger,
    /// For outputs that write to standard output.
    pub(crate) terminal: &'a Terminal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_a_type_and_an_argument() {
        let json = Wanted::parse("json=a=b.gz").unwrap();
        assert_eq!(json.description(), "json (a=b.gz)");
        assert_eq!(Wanted::parse("json").unwrap().description(), "json (-)");
        for (text, part) in [
            ("nope", "invalid output type 'nope', available types are: cloud,"),
            ("influxdb=http://x", "output type 'influxdb' is not available"),
            ("kafka", "could not create the 'kafka' output: the kafka output was deprecated"),
        ] {
            let failure = Wanted::parse(text).unwrap_err();
            assert!(failure.message.starts_with(part), "{}", failure.message);
            assert_eq!(failure.status.code(), 255);
        }
    }
}
