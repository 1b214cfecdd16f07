//! Settings of `--out experimental-prometheus-rw`. k6 takes none from the argument.

use std::time::Duration;

use net::tls::{TlsVersion, Verify};
use plan::options::check_trend_stats;
use serde_json::Value;

use crate::config::Layers;
use crate::context::Context;
use crate::http::{Connection, USER_AGENT, basic_auth};
use crate::wanted::OutputError;

/// A number of a trend that is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TrendStat {
    /// What the series' name ends in: `p99`.
    pub(super) suffix: String,
    pub(super) kind: StatKind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum StatKind {
    Avg,
    Min,
    Max,
    Count,
    Sum,
    Percentile(f64),
}

/// The output's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) connection: Connection,
    pub(super) push_interval: Duration,
    pub(super) native_histograms: bool,
    pub(super) trend_stats: Vec<TrendStat>,
    pub(super) stale_markers: bool,
}

const PREFIX: &str = "K6_PROMETHEUS_RW_";

impl Settings {
    /// Reads variables and the configuration file.
    ///
    /// # Errors
    /// k6's texts.
    pub(crate) fn read(context: &Context) -> Result<Self, OutputError> {
        let layers = Layers::of("experimental-prometheus-rw", context);
        let name = |suffix: &str| format!("{PREFIX}{suffix}");
        let text = |key: &str, suffix: &str| layers.text(key, &name(suffix));
        for (key, suffix) in [
            ("sigV4Region", "SIGV4_REGION"),
            ("sigV4AccessKey", "SIGV4_ACCESS_KEY"),
            ("sigV4SecretKey", "SIGV4_SECRET_KEY"),
        ] {
            if text(key, suffix)?.is_some() {
                return Err(OutputError::Start(format!(
                    "signing requests for AWS ({PREFIX}{suffix}) is not available in this version of squall: send \
                     through a proxy that signs"
                )));
            }
        }
        let is_on = |key: &str, suffix: &str| layers.switch(key, &name(suffix));
        let insecure = is_on("insecureSkipTLSVerify", "INSECURE_SKIP_TLS_VERIFY")?.unwrap_or(false);
        let least = text("tlsMinVersion", "TLS_MINIMUM_VERSION")?;
        let certificate = text("clientCertificate", "CLIENT_CERTIFICATE")?;
        let key = text("clientCertificateKey", "CLIENT_CERTIFICATE_KEY")?;
        let stats = layers.list("trendStats", &name("TREND_STATS"))?;
        let native = layers.switch("trendAsNativeHistogram", "")?.unwrap_or(false);
        Ok(Self {
            url: text("url", "SERVER_URL")?
                .unwrap_or_else(|| "http://localhost:9090/api/v1/write".into()),
            headers: headers(&layers, context)?,
            connection: Connection {
                verify: if insecure { Verify::Skip } else { Verify::Full },
                min_tls: Some(match least.as_deref() {
                    Some("1.2") => TlsVersion::Tls12,
                    _ => TlsVersion::Tls13,
                }),
                client_cert: certificate.zip(key),
                authorities: None,
            },
            push_interval: layers
                .duration("pushInterval", &name("PUSH_INTERVAL"))?
                .filter(|interval| !interval.is_zero())
                .unwrap_or(Duration::from_secs(5)),
            native_histograms: native || context.native_histograms,
            trend_stats: trend_stats(&stats.unwrap_or_else(|| vec!["p(99)".into()]))?,
            stale_markers: is_on("staleMarkers", "STALE_MARKERS")?.unwrap_or(false),
        })
    }
}

/// All headers. Unlike k6's, basic authentication survives headers of one's own.
fn headers(layers: &Layers<'_>, context: &Context) -> Result<Vec<(String, String)>, OutputError> {
    let mut headers = Vec::new();
    if let Some(user) = layers.text("username", &format!("{PREFIX}USERNAME"))? {
        let password = layers.text("password", &format!("{PREFIX}PASSWORD"))?.unwrap_or_default();
        headers.push(("Authorization".to_owned(), basic_auth(&user, &password)));
    }
    for (name, value) in layers.value("headers").and_then(Value::as_object).into_iter().flatten() {
        headers.push((name.clone(), value.as_str().unwrap_or_default().to_owned()));
    }
    let start = format!("{PREFIX}HEADERS_");
    let mut of_environment: Vec<(String, String)> = context
        .environment
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(&start)?.to_owned(), value.clone())))
        .collect();
    of_environment.sort_unstable();
    headers.extend(of_environment);
    if let Some(list) = layers.variable(&format!("{PREFIX}HTTP_HEADERS")) {
        for pair in list.split(',') {
            let (name, value) =
                pair.split_once(':').filter(|(_, value)| !value.contains(':')).ok_or_else(|| {
                    OutputError::Start(format!(
                        "parse environment variables options failed: the provided header ({pair}) does not respect \
                         the expected format <header key>:<value>"
                    ))
                })?;
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    if let Some(token) = layers.text("bearerToken", &format!("{PREFIX}BEARER_TOKEN"))? {
        headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    for (name, value) in [
        ("User-Agent", USER_AGENT),
        ("Content-Encoding", "snappy"),
        ("Content-Type", "application/x-protobuf"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ] {
        headers.push((name.to_owned(), value.to_owned()));
    }
    Ok(headers)
}

fn trend_stats(texts: &[String]) -> Result<Vec<TrendStat>, OutputError> {
    let known: Vec<&String> = texts.iter().filter(|text| *text != "sum").collect();
    check_trend_stats(&known).map_err(|error| OutputError::Start(error.to_string()))?;
    let stat = |text: &String| {
        let kind = match text.as_str() {
            "avg" => StatKind::Avg,
            "min" => StatKind::Min,
            "max" => StatKind::Max,
            "med" => StatKind::Percentile(50.0),
            "count" => StatKind::Count,
            "sum" => StatKind::Sum,
            text => {
                let rank = text.trim_start_matches("p(").trim_end_matches(')');
                let kind = StatKind::Percentile(rank.parse().unwrap_or(0.0));
                return TrendStat { suffix: format!("p{}", rank.replace('.', "")), kind };
            }
        };
        TrendStat { suffix: text.clone(), kind }
    };
    Ok(texts.iter().map(stat).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::context;

    #[test]
    fn variables_are_k6s() {
        let context = context(
            &[
                ("K6_PROMETHEUS_RW_SERVER_URL", "http://p:1/w"),
                ("K6_PROMETHEUS_RW_TREND_STATS", "p(99.9),avg,med,sum,count"),
                ("K6_PROMETHEUS_RW_HEADERS_X-Org", "1"),
                ("K6_PROMETHEUS_RW_HTTP_HEADERS", "a:b,c:d"),
                ("K6_PROMETHEUS_RW_USERNAME", "u"),
                ("K6_PROMETHEUS_RW_PASSWORD", "p"),
                ("K6_PROMETHEUS_RW_TLS_MINIMUM_VERSION", "1.2"),
                ("K6_PROMETHEUS_RW_STALE_MARKERS", "true"),
                ("K6_PROMETHEUS_RW_PUSH_INTERVAL", "2s"),
            ],
            r#"{"experimental-prometheus-rw": {"url": "http://json", "headers": {"h": "j"}}}"#,
        );
        let settings = Settings::read(&context).unwrap();
        assert_eq!(settings.url, "http://p:1/w");
        let suffixes: Vec<&str> =
            settings.trend_stats.iter().map(|stat| stat.suffix.as_str()).collect();
        assert_eq!(suffixes, ["p999", "avg", "med", "sum", "count"]);
        assert_eq!(settings.trend_stats[0].kind, StatKind::Percentile(99.9));
        assert!(settings.stale_markers && settings.push_interval == Duration::from_secs(2));
        assert_eq!(settings.connection.min_tls, Some(TlsVersion::Tls12));
        for (name, value) in
            [("Authorization", "Basic dTpw"), ("X-Org", "1"), ("a", "b"), ("c", "d"), ("h", "j")]
        {
            assert!(settings.headers.contains(&(name.into(), value.into())), "{name}");
        }
    }

    #[test]
    fn mistakes_are_told_in_k6s_words() {
        for (name, value, text) in [
            (
                "K6_PROMETHEUS_RW_HTTP_HEADERS",
                "a:b:c",
                "parse environment variables options failed: the provided header (a:b:c) does not respect the expected \
                 format <header key>:<value>",
            ),
            ("K6_PROMETHEUS_RW_TREND_STATS", "zz", "invalid trend stat 'zz', unknown format"),
        ] {
            let error = Settings::read(&context(&[(name, value)], "{}")).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }
}
