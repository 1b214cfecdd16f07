//! What was asked for: `--out TYPE=ARG`, `K6_OUT`, or `out` of the configuration file.

use metrics::Output;

use crate::context::Context;
use crate::filter::Filter;
use crate::{csv, influxdb, json, otlp, prometheus, statsd};

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

/// Why an output can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// There is no such type. k6's text.
    #[error(
        "invalid output type '{0}', available types are: cloud, csv, experimental-opentelemetry, \
         experimental-prometheus-rw, influxdb, json, opentelemetry, statsd, web-dashboard"
    )]
    UnknownType(String),
    /// A type that is not there, with the reason.
    #[error("could not create the '{0}' output: {1}")]
    Create(String, String),
    /// A type that squall does not have, and what to do instead.
    #[error("output type '{kind}' is not available in squall")]
    Unavailable {
        /// The type.
        kind: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// A filter that is none.
    #[error(
        "invalid metric filter '{0}' of an output: it is patterns joined by '+', such as http_*+vus or -http_req_blocked"
    )]
    Filter(String),
    /// It can't begin.
    #[error("{0}")]
    Start(String),
}

impl OutputError {
    /// The same error, said to be of an output of this type, as k6 words it.
    fn of(self, kind: &str) -> Self {
        match self {
            Self::Start(why) => Self::Create(kind.to_owned(), why),
            other => other,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable { hint, .. } => Some(hint),
            _ => None,
        }
    }
}

/// One output as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    kind: Kind,
    filter: Filter,
    argument: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Csv,
    Influxdb,
    Prometheus,
    Opentelemetry,
    ExperimentalOpentelemetry,
    Statsd,
    WebDashboard,
}

impl Wanted {
    /// Reads `TYPE[@METRICS][=ARG]`. No type of k6 has an `@`, so the filter can't be taken for anything of k6's.
    ///
    /// # Errors
    /// k6's text for an unknown type; ours for one squall lacks.
    pub fn parse(text: &str) -> Result<Self, OutputError> {
        let (kind, argument) = text.split_once('=').unwrap_or((text, ""));
        let (kind, filter) = match kind.split_once('@') {
            Some((kind, patterns)) => {
                let filter = Filter::parse(patterns);
                (kind, filter.ok_or_else(|| OutputError::Filter(patterns.to_owned()))?)
            }
            None => (kind, Filter::default()),
        };
        let kind = match kind {
            "json" => Kind::Json,
            "csv" => Kind::Csv,
            // The second name is that of k6's extension for InfluxDB 2.
            "influxdb" | "xk6-influxdb" => Kind::Influxdb,
            "experimental-prometheus-rw" => Kind::Prometheus,
            "opentelemetry" => Kind::Opentelemetry,
            "experimental-opentelemetry" => Kind::ExperimentalOpentelemetry,
            "statsd" => Kind::Statsd,
            "web-dashboard" => Kind::WebDashboard,
            _ => return Err(refusal(kind)),
        };
        Ok(Self { kind, filter, argument: argument.to_owned() })
    }

    /// A note for the user where the output does less than its name promises.
    pub fn note(&self) -> Option<&'static str> {
        match self.kind {
            Kind::WebDashboard => Some(
                "the web dashboard is not available in this version of squall; the test runs without it (squall \
                 report prints a finished run, dashboards/ has boards for Grafana)",
            ),
            Kind::ExperimentalOpentelemetry => Some(
                "OpenTelemetry output has been graduated as a stable output.You can now use just \"opentelemetry\" \
                 instead of \"experimental-opentelemetry\". The experimental version will be removed in future \
                 versions.",
            ),
            _ => None,
        }
    }

    /// Reads its settings: of the argument, then of the environment, then of the configuration file. `None` for an
    /// output that is accepted and does nothing.
    ///
    /// # Errors
    /// A setting that is wrong, in k6's words.
    pub fn configure(&self, context: &Context) -> Result<Option<Configured>, OutputError> {
        let plan = match self.kind {
            Kind::Json => plan(Ok(json::Settings::new(&self.argument))),
            Kind::Csv => plan(csv::Settings::read(&self.argument, context)),
            Kind::Influxdb => plan(influxdb::Settings::read(&self.argument, context)),
            Kind::Prometheus => plan(prometheus::Settings::read(context)),
            Kind::Statsd => plan(statsd::Settings::read(&self.argument, context)),
            Kind::Opentelemetry | Kind::ExperimentalOpentelemetry => {
                plan(otlp::Settings::read(context))
            }
            Kind::WebDashboard => return Ok(None),
        };
        let plan = plan.map_err(|error| error.of(self.kind.name()))?;
        Ok(Some(Configured { plan, filter: self.filter.clone() }))
    }
}

fn plan(settings: Result<impl Plan + 'static, OutputError>) -> Result<Box<dyn Plan>, OutputError> {
    settings.map(|settings| Box::new(settings) as Box<dyn Plan>)
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Influxdb => "influxdb",
            Self::Prometheus => "experimental-prometheus-rw",
            Self::Opentelemetry => "opentelemetry",
            Self::ExperimentalOpentelemetry => "experimental-opentelemetry",
            Self::Statsd => "statsd",
            Self::WebDashboard => "web-dashboard",
        }
    }
}

fn refusal(kind: &str) -> OutputError {
    if let Some((_, why)) = GONE.iter().find(|(gone, _)| *gone == kind) {
        return OutputError::Create(kind.to_owned(), (*why).to_owned());
    }
    if kind == "cloud" {
        return OutputError::Unavailable {
            kind: kind.to_owned(),
            hint: "squall sends nothing to k6's cloud; send to a Prometheus, InfluxDB or OpenTelemetry receiver of \
                   yours instead: --out experimental-prometheus-rw, influxdb=URL, opentelemetry",
        };
    }
    OutputError::UnknownType(kind.to_owned())
}

/// An output whose settings are read.
pub(crate) trait Plan: Send {
    /// As the banner shows it.
    fn description(&self) -> String;
    /// Begins.
    fn open(&self, context: &Context, filter: Filter) -> Result<Box<dyn Output>, OutputError>;
}

/// An output that is ready to begin.
pub struct Configured {
    plan: Box<dyn Plan>,
    filter: Filter,
}

impl std::fmt::Debug for Configured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Configured({})", self.description())
    }
}

impl Configured {
    /// As the banner shows it.
    pub fn description(&self) -> String {
        self.plan.description()
    }

    /// Begins: opens its file, or starts the thread that sends.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Output>, OutputError> {
        self.plan.open(context, self.filter.clone())
    }
}

/// A system error in the words Go and libc use: `no such file or directory`.
pub(crate) fn system_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_a_type_a_filter_and_an_argument() {
        let json = Wanted::parse("json=a=b.gz").unwrap();
        assert_eq!((json.kind, json.argument.as_str()), (Kind::Json, "a=b.gz"));
        let some = Wanted::parse("csv@http_*+vus=x@y.csv").unwrap();
        assert_eq!((some.kind, some.argument.as_str()), (Kind::Csv, "x@y.csv"));
        assert!(some.filter.passes("http_reqs") && !some.filter.passes("iterations"));
        assert!(Wanted::parse("web-dashboard=port=1").unwrap().note().is_some());
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        for (text, part) in [
            ("nope", "invalid output type 'nope', available types are: cloud,"),
            ("cloud", "output type 'cloud' is not available"),
            ("kafka", "could not create the 'kafka' output: the kafka output was deprecated"),
            ("json@=x", "invalid metric filter ''"),
        ] {
            let error = Wanted::parse(text).unwrap_err();
            assert!(error.to_string().starts_with(part), "{error}");
        }
        assert!(Wanted::parse("cloud").unwrap_err().hint().unwrap().contains("prometheus"));
    }
}
