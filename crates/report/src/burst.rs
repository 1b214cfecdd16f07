//! The report of `squall burst`: a load without a script.

use crate::number;
use crate::short;
use metrics::TrendSink;
use serde::Serialize;
use std::time::Duration;

/// What a burst did.
#[derive(Debug, Clone, PartialEq)]
pub struct BurstFigures {
    /// Requests started.
    pub issued: u64,
    /// Those answered with an expected status.
    pub ok: u64,
    /// The others.
    pub err: u64,
    /// The others by kind (`status 503`, `connection refused`, …).
    pub err_by_kind: Vec<(String, u64)>,
    /// Requests an open loop could not start; 0 in a closed loop.
    pub dropped: u64,
    /// The time the load was made in.
    pub elapsed: Duration,
    /// Bytes sent, TLS included.
    pub bytes_sent: u64,
    /// Bytes received, TLS included.
    pub bytes_received: u64,
    /// From request to the end of its answer.
    pub latency: LatencyFigures,
    /// From the intended start to the end of the answer; open loop only.
    pub response: Option<LatencyFigures>,
    /// From the intended to the actual start; open loop only.
    pub lateness: Option<LatencyFigures>,
}

/// A distribution of times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LatencyFigures {
    /// Number of times measured.
    pub count: u64,
    /// Arithmetic mean.
    pub avg: f64,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    #[serde(rename = "p99.9")]
    pub p999: f64,
    /// Largest.
    pub max: f64,
}

impl From<&TrendSink> for LatencyFigures {
    fn from(trend: &TrendSink) -> Self {
        let values = trend.percentiles(&[50.0, 90.0, 95.0, 99.0, 99.9]);
        let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
        LatencyFigures {
            count: trend.count(),
            avg: trend.avg(),
            min: trend.min(),
            p50: at(0),
            p90: at(1),
            p95: at(2),
            p99: at(3),
            p999: at(4),
            max: trend.max(),
        }
    }
}

/// The report as text, several lines, each with its end.
pub fn burst_text(figures: &BurstFigures) -> String {
    let seconds = figures.elapsed.as_secs_f64();
    let per_s = |n: u64| if seconds > 0.0 { n as f64 / seconds } else { 0.0 };
    let counts = [
        ("issued", figures.issued),
        ("ok", figures.ok),
        ("err", figures.err),
        ("dropped", figures.dropped),
    ];
    let width = counts.iter().map(|(_, n)| n.to_string().len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, n) in counts {
        if name == "dropped" && n == 0 {
            continue;
        }
        text.push_str(&format!("{name:<11} {n:>width$}"));
        match name {
            "err" if n > 0 => {
                text.push_str(&format!("  {}", number::rate(n as f64 / figures.issued as f64)));
                text.push_str(&kinds(&figures.err_by_kind));
            }
            "issued" => text.push_str(&format!("  in {}", short::time(seconds * 1000.0))),
            _ => {}
        }
        text.push('\n');
    }
    text.push_str(&format!(
        "throughput  {} req/s, {}/s received, {}/s sent\n",
        short::rate(per_s(figures.ok)),
        number::data(per_s(figures.bytes_received)),
        number::data(per_s(figures.bytes_sent)),
    ));
    text.push_str(&latency_line("latency", &figures.latency));
    for (name, latency) in [("response", &figures.response), ("lateness", &figures.lateness)] {
        if let Some(latency) = latency {
            text.push_str(&latency_line(name, latency));
        }
    }
    text
}

/// `: status 503 7, timeout 2`, the most frequent first.
fn kinds(kinds: &[(String, u64)]) -> String {
    let mut kinds: Vec<&(String, u64)> = kinds.iter().filter(|(_, n)| *n > 0).collect();
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let list: Vec<String> =
        kinds.iter().map(|(kind, n)| format!("{} × {n}", short::printable(kind))).collect();
    if list.is_empty() { String::new() } else { format!(": {}", list.join(", ")) }
}

fn latency_line(name: &str, latency: &LatencyFigures) -> String {
    if latency.count == 0 {
        return format!("{name:<11} none measured\n");
    }
    let stats = [
        ("p50", latency.p50),
        ("p90", latency.p90),
        ("p95", latency.p95),
        ("p99", latency.p99),
        ("p99.9", latency.p999),
        ("max", latency.max),
    ];
    let stats = stats.map(|(stat, ms)| format!("{stat}={}", short::time(ms)));
    format!("{name:<11} {}\n", stats.join(" "))
}

/// The report as JSON: counts, seconds, bytes, and times in milliseconds.
pub fn burst_json(figures: &BurstFigures) -> serde_json::Value {
    let seconds = figures.elapsed.as_secs_f64();
    let per_s = |n: u64| if seconds > 0.0 { n as f64 / seconds } else { 0.0 };
    let kinds: serde_json::Map<String, serde_json::Value> =
        figures.err_by_kind.iter().map(|(kind, n)| (kind.clone(), (*n).into())).collect();
    serde_json::json!({
        "issued": figures.issued,
        "ok": figures.ok,
        "err": figures.err,
        "err_by_kind": kinds,
        "dropped": figures.dropped,
        "elapsed_s": seconds,
        "throughput_rps": per_s(figures.ok),
        "bytes_sent": figures.bytes_sent,
        "bytes_received": figures.bytes_received,
        "latency_ms": figures.latency,
        "response_ms": figures.response,
        "lateness_ms": figures.lateness,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(count: u64) -> LatencyFigures {
        LatencyFigures {
            count,
            avg: 0.2,
            min: 0.1,
            p50: 0.15,
            p90: 0.3,
            p95: 0.45,
            p99: 2.0,
            p999: 15.5,
            max: 1204.0,
        }
    }

    fn figures() -> BurstFigures {
        BurstFigures {
            issued: 100_010,
            ok: 100_000,
            err: 10,
            err_by_kind: vec![("timeout".into(), 3), ("status 503".into(), 7)],
            dropped: 0,
            elapsed: Duration::from_secs(10),
            bytes_sent: 8_000_000,
            bytes_received: 123_000_000,
            latency: latency(100_000),
            response: None,
            lateness: None,
        }
    }

    #[test]
    fn a_closed_loop_reads_like_this() {
        assert_eq!(
            burst_text(&figures()),
            "issued      100010  in 10.0s
ok          100000
err             10  0.00%: status 503 × 7, timeout × 3
throughput  10000 req/s, 12 MB/s received, 800 kB/s sent
latency     p50=150µs p90=300µs p95=450µs p99=2.00ms p99.9=15.5ms max=1.20s
"
        );
    }

    #[test]
    fn an_open_loop_adds_what_was_intended() {
        let open = BurstFigures {
            dropped: 42,
            response: Some(latency(100_000)),
            lateness: Some(latency(0)),
            ..figures()
        };
        let text = burst_text(&open);
        let names: Vec<&str> = text.lines().filter_map(|l| l.split(' ').next()).collect();
        let expected =
            ["issued", "ok", "err", "dropped", "throughput", "latency", "response", "lateness"];
        assert_eq!(names, expected);
        assert!(text.ends_with("lateness    none measured\n"), "{text}");
    }

    #[test]
    fn json_holds_every_figure() {
        let json = burst_json(&figures());
        assert_eq!(json["throughput_rps"], 10_000.0);
        assert_eq!(json["err_by_kind"]["status 503"], 7);
        assert_eq!(json["latency_ms"]["p99.9"], 15.5);
        assert!(json["response_ms"].is_null());
    }

    #[test]
    fn nothing_done_divides_by_nothing() {
        let none = BurstFigures {
            issued: 0,
            ok: 0,
            err: 0,
            elapsed: Duration::ZERO,
            latency: latency(0),
            ..figures()
        };
        assert!(burst_text(&none).contains("throughput  0.0 req/s"));
        assert_eq!(burst_json(&none)["throughput_rps"], 0.0);
    }
}
