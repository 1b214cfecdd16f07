//! `/v1/metrics`: what has been measured so far.

use std::fmt::Write as _;
use std::time::Duration;

use hyper::StatusCode;
use metrics::{MetricTotal, Sink, ThresholdResult, Totals};

use super::{Api, ApiError, Response, TEXT, ask, json, respond};

/// A metric or submetric as k6 lists them.
struct Entry<'a> {
    name: &'a str,
    metric: &'a MetricTotal,
    sink: &'a Sink,
    thresholds: &'a [ThresholdResult],
    has_samples: bool,
}

/// Those k6 would have: with samples or named by a threshold.
fn entries(totals: &Totals) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for metric in totals.metrics.iter().filter(|metric| report::is_listed(metric)) {
        entries.push(Entry {
            name: &metric.name,
            metric,
            sink: &metric.sink,
            thresholds: &metric.thresholds,
            has_samples: metric.has_samples,
        });
        for part in metric.submetrics.iter().filter(|part| report::is_listed_part(part)) {
            entries.push(Entry {
                name: &part.name,
                metric,
                sink: &part.sink,
                thresholds: &part.thresholds,
                has_samples: part.has_samples,
            });
        }
    }
    entries
}

/// k6's values of a metric, whatever the options say about columns; sorted by name as Go does.
fn sample(sink: &Sink, elapsed: Duration) -> Vec<(&'static str, f64)> {
    match sink {
        Sink::Counter { sum } => {
            let seconds = elapsed.as_secs_f64();
            vec![("count", *sum), ("rate", if seconds > 0.0 { sum / seconds } else { 0.0 })]
        }
        Sink::Gauge { last, .. } => vec![("value", *last)],
        Sink::Rate { trues, total } => {
            vec![("rate", if *total > 0 { *trues as f64 / *total as f64 } else { 0.0 })]
        }
        Sink::Trend(trend) => vec![
            ("avg", trend.avg()),
            ("max", trend.max()),
            ("med", trend.percentile(50.0)),
            ("min", trend.min()),
            ("p(90)", trend.percentile(90.0)),
            ("p(95)", trend.percentile(95.0)),
        ],
    }
}

impl Entry<'_> {
    /// `null` until its thresholds have been looked at; then whether one was crossed.
    fn tainted(&self, is_seen: bool) -> &'static str {
        match () {
            () if self.thresholds.is_empty() || !is_seen || !self.has_samples => "null",
            () if self.thresholds.iter().all(|threshold| threshold.ok) => "false",
            () => "true",
        }
    }

    fn document(&self, elapsed: Duration, is_seen: bool) -> Result<String, ApiError> {
        let mut values = String::new();
        for (name, value) in sample(self.sink, elapsed) {
            let number = json::number(value).ok_or_else(|| {
                let detail = format!("json: unsupported value: {value}");
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Encoding error", detail)
            })?;
            let comma = if values.is_empty() { "" } else { "," };
            let _ = write!(values, "{comma}\"{name}\":{number}");
        }
        Ok(format!(
            "{{\"type\":\"metrics\",\"id\":{},\"attributes\":{{\"type\":\"{}\",\"contains\":\"{}\",\"tainted\":{},\
             \"sample\":{{{values}}}}}}}",
            json::text(self.name),
            self.metric.kind.as_str(),
            self.metric.contains.as_str(),
            self.tainted(is_seen),
        ))
    }
}

impl Api {
    pub(super) async fn get_metrics(&self) -> Response {
        self.metrics_document().await.unwrap_or_else(|error| error.response(TEXT))
    }

    async fn metrics_document(&self) -> Result<Response, ApiError> {
        let (totals, is_seen) = self.totals().await?;
        let all = entries(&totals);
        let all: Result<Vec<String>, ApiError> =
            all.iter().map(|entry| entry.document(totals.elapsed, is_seen)).collect();
        Ok(respond(StatusCode::OK, TEXT, format!("{{\"data\":[{}]}}", all?.join(","))))
    }

    pub(super) async fn get_metric(&self, id: &str) -> Response {
        self.metric_document(id).await.unwrap_or_else(|error| error.response(TEXT))
    }

    async fn metric_document(&self, id: &str) -> Result<Response, ApiError> {
        let (totals, is_seen) = self.totals().await?;
        let all = entries(&totals);
        let entry = all.iter().find(|entry| entry.name == id).ok_or_else(|| {
            let detail = "No metric with that ID was found";
            ApiError::new(StatusCode::NOT_FOUND, "Not Found", detail)
        })?;
        let document = entry.document(totals.elapsed, is_seen)?;
        Ok(respond(StatusCode::OK, TEXT, format!("{{\"data\":{document}}}")))
    }

    /// What has been measured, and whether thresholds have been looked at.
    pub(super) async fn totals(&self) -> Result<(Totals, bool), ApiError> {
        let state = ask(|reply| self.control.state(reply)).await?;
        let totals = ask(|reply| self.control.totals(reply)).await?;
        Ok((totals, state.thresholds_seen))
    }
}
