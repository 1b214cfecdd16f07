//! Whether the generator kept up, from what the engine found to what reports and records have.

use engine::selfcheck::{SelfCheck, Verdict};
use report::SelfCheckFigures;

/// The self-check as reports and records have it.
pub(crate) fn figures(check: &SelfCheck) -> SelfCheckFigures {
    let millis = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
    let cores = || check.cores.iter();
    let lateness = check.lateness_ms.unwrap_or_default();
    let busy = |core: &engine::selfcheck::CoreWork| {
        let work = core.cpu.saturating_sub(core.spun).as_secs_f64();
        work / core.elapsed.as_secs_f64().max(1e-9)
    };
    SelfCheckFigures {
        lateness_p50_ms: lateness.0,
        lateness_p99_ms: lateness.1,
        lateness_max_ms: lateness.2,
        lateness_known: check.lateness_ms.is_some(),
        busiest_core: cores().map(busy).fold(0.0, f64::max),
        throttled_ms: cores().map(|core| millis(core.throttled)).fold(0.0, f64::max),
        steal: cores().map(|core| core.steal).fold(0.0, f64::max),
        longest_stretch_ms: cores().map(|core| millis(core.longest_stretch)).fold(0.0, f64::max),
        dropped_samples: check.dropped_samples,
        verdict: match check.verdict {
            Verdict::Valid => report::Verdict::Valid,
            Verdict::Degraded => report::Verdict::Degraded,
            Verdict::Invalid => report::Verdict::Invalid,
        },
        reasons: check.reasons.clone(),
    }
}
