//! Settings of `--out opentelemetry`. k6 takes none from the argument.

use std::time::Duration;

use net::tls::{TlsVersion, Verify};

use crate::config::Layers;
use crate::context::Context;
use crate::http::{Connection, basic_auth, unescape};
use crate::wanted::OutputError;

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Http,
}

/// The output's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(super) service_name: String,
    pub(super) service_version: String,
    pub(super) metric_prefix: String,
    pub(super) export_interval: Duration,
    pub(super) protocol: Protocol,
    /// Host and port, without a scheme.
    pub(super) endpoint: String,
    pub(super) path: String,
    /// Without TLS.
    pub(super) insecure: bool,
    pub(super) headers: Vec<(String, String)>,
    pub(super) connection: Connection,
    /// Each export tells what came since the last, instead of since the start.
    pub(super) is_delta: bool,
    pub(super) is_exponential: bool,
    /// Further attributes of the program.
    pub(super) resource: Vec<(String, String)>,
}

impl Settings {
    /// Reads variables and the configuration file.
    ///
    /// # Errors
    /// k6's texts.
    pub(crate) fn read(context: &Context) -> Result<Self, OutputError> {
        let layers = Layers::of("opentelemetry", context);
        let name = |suffix: &str| format!("K6_OTEL_{suffix}");
        let text = |key: &str, suffix: &str| layers.text(key, &name(suffix));
        let is_on = |key: &str, suffix: &str| layers.switch(key, &name(suffix));
        let interval = |key: &str, suffix: &str, seconds: u64| {
            let given = layers.duration(key, &name(suffix))?.filter(|given| !given.is_zero());
            Ok::<_, OutputError>(given.unwrap_or_else(|| Duration::from_secs(seconds)))
        };
        let otel = |suffix: &str| layers.variable(&format!("OTEL_{suffix}")).map(str::to_owned);
        let protocol = text("exporterProtocol", "EXPORTER_PROTOCOL")?;
        let protocol = match protocol.as_deref().unwrap_or("grpc") {
            "grpc" => Protocol::Grpc,
            "http/protobuf" => Protocol::Http,
            other => {
                return Err(invalid(&format!(
                    "unsupported exporter protocol {other:?}, only \"grpc\" and \"http/protobuf\" are supported"
                )));
            }
        };
        let (endpoint, insecure) = match protocol {
            Protocol::Grpc => (
                text("grpcExporterEndpoint", "GRPC_EXPORTER_ENDPOINT")?
                    .unwrap_or_else(|| "localhost:4317".into()),
                is_on("grpcExporterInsecure", "GRPC_EXPORTER_INSECURE")?,
            ),
            Protocol::Http => (
                text("httpExporterEndpoint", "HTTP_EXPORTER_ENDPOINT")?
                    .unwrap_or_else(|| "localhost:4318".into()),
                is_on("httpExporterInsecure", "HTTP_EXPORTER_INSECURE")?,
            ),
        };
        if protocol == Protocol::Http
            && (endpoint.starts_with("http://") || endpoint.starts_with("https://"))
        {
            return Err(invalid("HTTP exporter endpoint must only be host and port, no scheme"));
        }
        // The interval at which k6 hands samples to its library has no meaning here; a wrong one is told all the same.
        interval("flushInterval", "FLUSH_INTERVAL", 1)?;
        let temporality = otel("EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
        let histogram = otel("EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION");
        let is = |given: Option<String>, wanted: &str| {
            given.is_some_and(|given| given.eq_ignore_ascii_case(wanted))
        };
        let skips = is_on("tlsInsecureSkipVerify", "TLS_INSECURE_SKIP_VERIFY")?.unwrap_or(false);
        let certificate = text("tlsClientCertificate", "TLS_CLIENT_CERTIFICATE")?;
        let key = text("tlsClientKey", "TLS_CLIENT_KEY")?;
        Ok(Self {
            service_name: layers
                .variable("K6_OTEL_SERVICE_NAME")
                .map(str::to_owned)
                .or_else(|| otel("SERVICE_NAME"))
                .map_or_else(|| text("serviceName", "SERVICE_NAME"), |given| Ok(Some(given)))?
                .unwrap_or_else(|| "k6".into()),
            service_version: text("serviceVersion", "SERVICE_VERSION")?
                .unwrap_or_else(|| env!("CARGO_PKG_VERSION").into()),
            metric_prefix: text("metricPrefix", "METRIC_PREFIX")?.unwrap_or_default(),
            export_interval: interval("exportInterval", "EXPORT_INTERVAL", 10)?,
            protocol,
            endpoint,
            path: text("httpExporterURLPath", "HTTP_EXPORTER_URL_PATH")?
                .unwrap_or_else(|| "/v1/metrics".into()),
            insecure: insecure.unwrap_or(false),
            headers: headers(&layers)?,
            connection: Connection {
                verify: if skips { Verify::Skip } else { Verify::Full },
                min_tls: Some(TlsVersion::Tls12),
                client_cert: certificate.zip(key),
                authorities: text("tlsCertificate", "TLS_CERTIFICATE")?,
            },
            is_delta: is(temporality, "delta"),
            is_exponential: is(histogram, "base2_exponential_bucket_histogram"),
            resource: otel("RESOURCE_ATTRIBUTES")
                .iter()
                .flat_map(|list| list.split(','))
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key.trim().to_owned(), unescape(value.trim(), false)))
                .collect(),
        })
    }

    /// As the banner shows it.
    pub(super) fn text(&self) -> String {
        match self.protocol {
            Protocol::Http => format!("http/protobuf, {}", self.url()),
            Protocol::Grpc => {
                let insecure = if self.insecure { " (insecure)" } else { "" };
                format!("grpc{insecure}, {}", self.endpoint)
            }
        }
    }

    /// Where bodies are posted to.
    pub(super) fn url(&self) -> String {
        let scheme = if self.insecure { "http" } else { "https" };
        format!("{scheme}://{}{}", self.endpoint, self.path)
    }
}

fn headers(layers: &Layers<'_>) -> Result<Vec<(String, String)>, OutputError> {
    let mut headers = Vec::new();
    if let Some(list) = layers.text("headers", "K6_OTEL_HEADERS")? {
        for header in list.split(',') {
            let (key, value) = header.split_once('=').ok_or_else(|| {
                OutputError::Start(format!(
                    "failed to create OpenTelemetry exporter: failed to parse headers: invalid header {header:?}, \
                     expected format key=value"
                ))
            })?;
            headers.push((unescape(key, false), unescape(value, false)));
        }
    }
    if let Some(user) = layers.text("username", "K6_OTEL_HTTP_EXPORTER_USERNAME")? {
        let password = layers.text("password", "K6_OTEL_HTTP_EXPORTER_PASSWORD")?;
        let auth = basic_auth(&user, password.as_deref().unwrap_or_default());
        headers.push(("Authorization".to_owned(), auth));
    }
    Ok(headers)
}

fn invalid(why: &str) -> OutputError {
    OutputError::Start(format!("error validating OpenTelemetry output config: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::context;

    #[test]
    fn variables_are_k6s_and_some_of_opentelemetrys() {
        let context = context(
            &[
                ("OTEL_SERVICE_NAME", "other"),
                ("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b, stage=x"),
                ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
                ("K6_OTEL_EXPORTER_PROTOCOL", "http/protobuf"),
                ("K6_OTEL_HTTP_EXPORTER_ENDPOINT", "h:1"),
                ("K6_OTEL_HTTP_EXPORTER_INSECURE", "true"),
                ("K6_OTEL_HEADERS", "a=b%3Dc,d=e"),
                ("K6_OTEL_EXPORT_INTERVAL", "2s"),
            ],
            r#"{"opentelemetry": {"metricPrefix": "p_"}}"#,
        );
        let settings = Settings::read(&context).unwrap();
        assert_eq!(settings.text(), "http/protobuf, http://h:1/v1/metrics");
        assert_eq!(
            (settings.service_name.as_str(), settings.metric_prefix.as_str()),
            ("other", "p_")
        );
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(settings.headers, pairs(&[("a", "b=c"), ("d", "e")]));
        assert_eq!(settings.resource, pairs(&[("team", "a b"), ("stage", "x")]));
        assert!(settings.is_delta && settings.export_interval == Duration::from_secs(2));
    }

    #[test]
    fn mistakes_are_told_in_k6s_words() {
        let error = |variables: &[(&str, &str)]| {
            Settings::read(&context(variables, "{}")).unwrap_err().to_string()
        };
        assert_eq!(
            error(&[("K6_OTEL_EXPORTER_PROTOCOL", "x")]),
            "error validating OpenTelemetry output config: unsupported exporter protocol \"x\", only \"grpc\" and \
             \"http/protobuf\" are supported"
        );
        assert_eq!(
            error(&[
                ("K6_OTEL_EXPORTER_PROTOCOL", "http/protobuf"),
                ("K6_OTEL_HTTP_EXPORTER_ENDPOINT", "http://h")
            ]),
            "error validating OpenTelemetry output config: HTTP exporter endpoint must only be host and port, no scheme"
        );
    }
}
