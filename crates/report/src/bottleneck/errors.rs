//! Failures by their kind: which layer they come from, and when they began.

use metrics::timeline::ErrorSeries;

use super::facts::Facts;
use super::{Analysis, Confidence, Evidence, Finding, Severity};
use crate::judge::moment;
use crate::quantity::{count, percent};

/// Kinds that are told.
const SHOWN: usize = 5;

/// Where a failure comes from, by its text.
struct Layer {
    id: &'static str,
    what: &'static str,
    cause: &'static str,
    advice: &'static str,
    words: &'static [&'static str],
}

/// Each with the words its texts have; the first that fits counts.
const LAYERS: &[Layer] = &[
    Layer {
        id: "errors-refused",
        what: "Connections were refused",
        cause: "Nothing listened there: the service was not up, restarted, or its queue of connections was full",
        advice: "Check that the service runs and is ready, the address and port, and that a port-forward is still alive",
        words: &["refused", "Refused"],
    },
    Layer {
        id: "errors-timeout",
        what: "Requests timed out",
        cause: "The system took longer than the client waits: a saturated pool or a stuck lock behind it",
        advice: "Look at what saturated first, and set time-outs on the server below those of its clients",
        words: &["timeout", "Timeout", "timed out", "deadline", "status 504", "status 408"],
    },
    Layer {
        id: "errors-auth",
        what: "Requests were not authorised",
        cause: "Wrong or missing credentials: test users that do not exist, or tokens that expired",
        advice: "Check that the test users exist and their passwords, and that tokens outlive the run",
        words: &["status 401", "status 403", "401", "403", "Unauthorized", "gRPC status 16"],
    },
    Layer {
        id: "errors-limited",
        what: "Requests were turned away by a rate limit",
        cause: "The system protects itself: more than it allows was asked for",
        advice: "Raise the limit for the test, or test with as many clients as it allows",
        words: &["status 429", "429"],
    },
    Layer {
        id: "errors-dns",
        what: "Names could not be resolved",
        cause: "The name server knows no such name, or was overrun",
        advice: "Check the host name, and let the client cache what it resolved",
        words: &["lookup", "no such host", "NameResolution", "getaddrinfo"],
    },
    Layer {
        id: "errors-reset",
        what: "Connections broke off",
        cause: "The service or something before it closed them: a restart, a crash, a proxy's limit",
        advice: "Compare with restarts at that time, and check keep-alive times of proxies",
        words: &["reset", "EOF", "RemoteDisconnected", "broken pipe", "closed"],
    },
    Layer {
        id: "errors-ports",
        what: "The generator ran out of ports or descriptors",
        cause: "Too many connections from one machine",
        advice: "Reuse connections, widen net.ipv4.ip_local_port_range, or use several generators",
        words: &["assign requested address", "too many open files"],
    },
    Layer {
        id: "errors-tls",
        what: "TLS handshakes failed",
        cause: "A certificate that is not trusted, or versions that do not match",
        advice: "Check the certificate, or skip its verification for the test",
        words: &["x509", "tls:", "certificate", "SSL"],
    },
    Layer {
        id: "errors-unavailable",
        what: "The service was not available",
        cause: "No healthy instance behind a proxy, or all of them full",
        advice: "Compare with restarts and readiness of pods at that time, and with saturated pools",
        words: &["status 502", "status 503", "gRPC status 14", "502", "503"],
    },
    Layer {
        id: "errors-server",
        what: "The application failed",
        cause: "An exception in the application, or in what it calls",
        advice: "Read the application's log of that time",
        words: &["status 5", "500", "gRPC status 2", "gRPC status 13"],
    },
    Layer {
        id: "errors-client",
        what: "The application refused requests",
        cause: "The test asks for what does not exist or is not valid",
        advice: "Check the paths and data of the test",
        words: &["status 4", "404", "400", "422"],
    },
];

fn layer(kind: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.words.iter().any(|word| kind.contains(word)))
}

pub(super) fn look(facts: &Facts<'_>, analysis: &mut Analysis) {
    let total = |series: &ErrorSeries| series.steps.iter().sum::<u64>();
    let mut kinds: Vec<&ErrorSeries> = facts.run.timeline.errors.iter().collect();
    kinds.retain(|kind| total(kind) > 0);
    kinds.sort_by_key(|kind| std::cmp::Reverse(total(kind)));
    let mut told: Vec<(&'static Layer, Finding)> = Vec::new();
    for kind in kinds.iter().take(SHOWN) {
        let Some(layer) = layer(&kind.kind) else { continue };
        let step_s = facts.run.timeline.step_s;
        let first = kind.steps.iter().position(|n| *n > 0).unwrap_or(0) as f64 * step_s;
        let share = total(kind) as f64 / (facts.whole.requests as f64).max(1.0);
        let evidence = Evidence::new(
            kind.kind.clone(),
            format!(
                "{} ({} of all), from {}",
                count(total(kind) as f64),
                percent(share),
                moment(first)
            ),
        )
        .at(first);
        match told.iter_mut().find(|(known, _)| known.id == layer.id) {
            Some((_, finding)) => finding.evidence.push(evidence),
            None => {
                let severity = if share > 0.01 { Severity::Warning } else { Severity::Info };
                let finding = Finding::new(layer.id, severity, Confidence::Medium, layer.what)
                    .cause(layer.cause)
                    .evidence(evidence)
                    .advice(layer.advice);
                told.push((layer, finding));
            }
        }
    }
    told.into_iter().for_each(|(_, finding)| analysis.find(finding));
    for series in facts.series("log_matches") {
        let Some(level) = facts.level_of(series).filter(|level| level.peak > 0.0) else { continue };
        let (log, pattern) =
            (series.tag("log").unwrap_or_default(), series.tag("pattern").unwrap_or_default());
        let first = series.points.iter().find(|p| p.value > 0.0).map_or(0.0, |p| p.at_s);
        analysis.find(
            Finding::new(
                "log-matches",
                Severity::Info,
                Confidence::High,
                format!("The log {log} had {pattern} {} times", count(level.peak)),
            )
            .evidence(Evidence::new(series.label(), count(level.peak)).at(first)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_failures_lead_to_their_layer() {
        for (kind, id) in [
            ("dial: connection refused", "errors-refused"),
            ("ConnectionRefusedError(111, 'Connection refused')", "errors-refused"),
            ("request timeout", "errors-timeout"),
            ("status 401", "errors-auth"),
            ("status 503", "errors-unavailable"),
            ("status 500", "errors-server"),
            ("HTTPError('500 Server Error: for url: /x')", "errors-server"),
            ("status 404", "errors-client"),
            ("lookup: no such host", "errors-dns"),
            ("read: connection reset by peer", "errors-reset"),
            ("gRPC status 14", "errors-unavailable"),
        ] {
            assert_eq!(layer(kind).map(|layer| layer.id), Some(id), "{kind}");
        }
        assert!(layer("CatchResponseError('wrong total')").is_none());
    }
}
