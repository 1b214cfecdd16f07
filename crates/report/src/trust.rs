//! One line that says whether the generator kept up, so that the other numbers can be trusted.

use crate::short;
use serde::{Deserialize, Serialize};

/// What the self-check makes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The generator was not the limit.
    Valid,
    /// It was late or short of CPU now and then: look at tails with care.
    Degraded,
    /// It was the limit: the numbers say more about it than about the system under test.
    Invalid,
}

/// What the self-check measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfCheckFigures {
    /// Start of arrivals after their intended time: median, in milliseconds.
    pub lateness_p50_ms: f64,
    /// Its 99th percentile.
    pub lateness_p99_ms: f64,
    /// Its maximum.
    pub lateness_max_ms: f64,
    /// Whether there were intended times at all (open-loop executors).
    pub lateness_known: bool,
    /// CPU use of the busiest core, 0 to 1.
    pub busiest_core: f64,
    /// Time the cgroup's quota kept the process from running, in milliseconds.
    pub throttled_ms: f64,
    /// CPU time the host took for others, 0 to 1.
    pub steal: f64,
    /// Longest stretch of script or native code without a pause, in milliseconds.
    pub longest_stretch_ms: f64,
    /// Samples that found no place.
    pub dropped_samples: u64,
    /// The conclusion.
    pub verdict: Verdict,
    /// What led to it, in words, the weightiest first.
    pub reasons: Vec<String>,
}

/// The line, without an end: the verdict, its reasons if it is not clean, and the figures.
pub fn trust(figures: &SelfCheckFigures) -> String {
    let mut verdict = match figures.verdict {
        Verdict::Valid => "kept up".to_owned(),
        Verdict::Degraded => "barely kept up (results degraded)".to_owned(),
        Verdict::Invalid => "did NOT keep up (results invalid)".to_owned(),
    };
    if !figures.reasons.is_empty() {
        verdict = format!("{verdict}: {}", figures.reasons.join("; "));
    }
    let percent = |share: f64| format!("{}%", crate::number::to_fixed(share * 100.0, 1));
    let mut parts = Vec::new();
    if figures.lateness_known {
        let [p50, p99, max] =
            [figures.lateness_p50_ms, figures.lateness_p99_ms, figures.lateness_max_ms]
                .map(short::time);
        parts.push(format!("lateness p50={p50} p99={p99} max={max}"));
    }
    parts.push(format!("busiest core {}", percent(figures.busiest_core)));
    parts.push(format!("throttled {}", short::time(figures.throttled_ms)));
    parts.push(format!("steal {}", percent(figures.steal)));
    parts.push(format!("longest script stretch {}", short::time(figures.longest_stretch_ms)));
    parts.push(format!("dropped samples {}", figures.dropped_samples));
    format!("generator {verdict} [{}]", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> SelfCheckFigures {
        SelfCheckFigures {
            lateness_p50_ms: 0.0123,
            lateness_p99_ms: 0.08,
            lateness_max_ms: 1.2,
            lateness_known: true,
            busiest_core: 0.3456,
            throttled_ms: 0.0,
            steal: 0.001,
            longest_stretch_ms: 0.31,
            dropped_samples: 0,
            verdict: Verdict::Valid,
            reasons: Vec::new(),
        }
    }

    #[test]
    fn a_quiet_run_says_that_it_kept_up() {
        assert_eq!(
            trust(&quiet()),
            "generator kept up [lateness p50=12.3µs p99=80.0µs max=1.20ms, busiest core 34.6%, \
             throttled 0s, steal 0.1%, longest script stretch 310µs, dropped samples 0]"
        );
    }

    #[test]
    fn a_run_that_did_not_says_why() {
        let figures = SelfCheckFigures {
            lateness_known: false,
            verdict: Verdict::Invalid,
            reasons: vec!["throttled for 1.50s".into(), "7 samples dropped".into()],
            throttled_ms: 1500.0,
            dropped_samples: 7,
            ..quiet()
        };
        assert_eq!(
            trust(&figures),
            "generator did NOT keep up (results invalid): throttled for 1.50s; 7 samples dropped \
             [busiest core 34.6%, throttled 1.50s, steal 0.1%, longest script stretch 310µs, \
             dropped samples 7]"
        );
    }
}
