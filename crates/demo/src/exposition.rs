//! `/metrics`: the seeds' metric names in Prometheus' text exposition format, version 0.0.4.

use crate::book::Book;
use crate::route::Route;
use std::fmt::Write;

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the latency buckets, seconds.
const BOUNDS: [f64; 17] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
    2.5, 5.0, 10.0,
];

#[derive(Clone, Copy)]
struct RouteMetrics {
    requests: u64,
    seconds_sum: f64,
    /// Not cumulative; the last one is beyond every bound.
    buckets: [u64; BOUNDS.len() + 1],
}

/// Counters since the start of the process; a reset of the log leaves them alone, as Prometheus
/// expects of counters.
pub(crate) struct Exposition {
    routes: Vec<RouteMetrics>,
}

impl Exposition {
    pub(crate) fn new() -> Exposition {
        let empty = RouteMetrics { requests: 0, seconds_sum: 0.0, buckets: [0; BOUNDS.len() + 1] };
        Exposition { routes: vec![empty; Route::COUNT] }
    }

    pub(crate) fn observe(&mut self, route: Route, service_ns: u64) {
        let seconds = service_ns as f64 / 1e9;
        let metrics = &mut self.routes[route as usize];
        metrics.requests += 1;
        metrics.seconds_sum += seconds;
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        metrics.buckets[bucket] += 1;
    }

    pub(crate) fn render(&self, book: &Book, now: rt::Nanos) -> String {
        let mut out = String::with_capacity(4096);
        // Writing to a String can't fail.
        let _ = self.write(&mut out, book.predictions, book.quality.rolling_rmsle(now));
        let _ = write_ws(&mut out, book.ws_received, book.ws_sent);
        let _ = book.grpc.write(&mut out);
        out
    }

    fn write(&self, out: &mut String, predictions: u64, rmsle: Option<f64>) -> std::fmt::Result {
        let seen = || {
            let all =
                Route::ALL.iter().map(|route| (route.pattern(), self.routes[*route as usize]));
            all.filter(|(_, metrics)| metrics.requests > 0)
        };
        writeln!(out, "# HELP app_requests_total Requests served, by route.")?;
        writeln!(out, "# TYPE app_requests_total counter")?;
        for (route, metrics) in seen() {
            writeln!(out, "app_requests_total{{route=\"{route}\"}} {}", metrics.requests)?;
        }
        writeln!(
            out,
            "# HELP app_request_latency_seconds Time from a request's last byte to its answer's."
        )?;
        writeln!(out, "# TYPE app_request_latency_seconds histogram")?;
        let name = "app_request_latency_seconds";
        for (route, metrics) in seen() {
            let mut cumulative = 0;
            for (bound, count) in BOUNDS.iter().zip(metrics.buckets) {
                cumulative += count;
                writeln!(out, "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {cumulative}")?;
            }
            let n = metrics.requests;
            writeln!(out, "{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {n}")?;
            writeln!(out, "{name}_sum{{route=\"{route}\"}} {}", metrics.seconds_sum)?;
            writeln!(out, "{name}_count{{route=\"{route}\"}} {n}")?;
        }
        writeln!(
            out,
            "# HELP app_rolling_rmsle_5m Error of the predictions of the last 5 minutes whose truth is known; NaN without any."
        )?;
        writeln!(out, "# TYPE app_rolling_rmsle_5m gauge")?;
        match rmsle {
            Some(value) => writeln!(out, "app_rolling_rmsle_5m {value}")?,
            None => writeln!(out, "app_rolling_rmsle_5m NaN")?,
        }
        writeln!(out, "# HELP sentinel_predictions_total Predictions made.")?;
        writeln!(out, "# TYPE sentinel_predictions_total counter")?;
        writeln!(out, "sentinel_predictions_total {predictions}")
    }
}

/// Messages of the WebSockets that have ended; nothing if there was none.
fn write_ws(out: &mut String, received: u64, sent: u64) -> std::fmt::Result {
    if received + sent == 0 {
        return Ok(());
    }
    writeln!(out, "# HELP app_ws_messages_total Messages of WebSockets that have ended.")?;
    writeln!(out, "# TYPE app_ws_messages_total counter")?;
    writeln!(out, "app_ws_messages_total{{direction=\"received\"}} {received}")?;
    writeln!(out, "app_ws_messages_total{{direction=\"sent\"}} {sent}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TargetConfig;

    #[test]
    fn buckets_are_cumulative_and_end_at_the_count() {
        let mut exposition = Exposition::new();
        for ns in [20_000, 50_000, 3_000_000, 20_000_000_000] {
            exposition.observe(Route::Predict, ns);
        }
        let mut book = Book::new(&TargetConfig::on_free_port(), rt::Nanos(0));
        book.predictions = 3;
        let text = exposition.render(&book, rt::Nanos(0));
        for line in [
            "app_requests_total{route=\"/predict\"} 4",
            "app_request_latency_seconds_bucket{route=\"/predict\",le=\"0.00005\"} 2",
            "app_request_latency_seconds_bucket{route=\"/predict\",le=\"0.0025\"} 2",
            "app_request_latency_seconds_bucket{route=\"/predict\",le=\"0.005\"} 3",
            "app_request_latency_seconds_bucket{route=\"/predict\",le=\"10\"} 3",
            "app_request_latency_seconds_bucket{route=\"/predict\",le=\"+Inf\"} 4",
            "app_request_latency_seconds_count{route=\"/predict\"} 4",
            "app_rolling_rmsle_5m NaN",
            "sentinel_predictions_total 3",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} not in\n{text}");
        }
    }
}
