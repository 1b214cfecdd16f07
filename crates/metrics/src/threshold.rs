//! Thresholds on sinks: checking that they make sense, and evaluating them as k6 does.

use std::time::Duration;

use plan::threshold::{Selector, Threshold, ThresholdDef, ThresholdError};

use crate::registry::{MetricKind, Registry};
use crate::sink::Sink;
use crate::totals::ThresholdResult;

/// What an evaluation of all thresholds found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThresholdVerdict {
    /// Metrics and submetrics with a threshold that does not hold, sorted by name.
    pub crossed: Vec<String>,
    /// One of them asks for the test to stop, and its delay is over. Stays true once it was.
    pub abort: bool,
}

/// Checks thresholds against the metrics there are: to be called when the init code has declared them all. Gives the
/// warnings about selectors that can't match.
///
/// # Errors
/// k6's text for the first that is malformed, names no metric, or asks a metric for something it has not.
pub fn validate(
    registry: &Registry,
    thresholds: &[(String, Vec<ThresholdDef>)],
) -> Result<Vec<String>, ThresholdError> {
    let mut warnings = Vec::new();
    for (name, defs) in thresholds {
        let selector = Selector::parse(name)?;
        let parsed =
            defs.iter().map(|def| Threshold::parse(&def.source)).collect::<Result<Vec<_>, _>>()?;
        let Some(metric) = registry.get(&selector.metric) else {
            // k6 names the whole selector in both places.
            return Err(ThresholdError::NoSuchMetric(name.clone()));
        };
        let kind = registry.info(metric).kind;
        for threshold in parsed {
            threshold.check_supported(name, kind.as_str())?;
        }
        warnings.extend(selector.warning());
    }
    Ok(warnings)
}

/// A threshold and how it stood last.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    threshold: Threshold,
    def: ThresholdDef,
    is_ok: bool,
}

/// Whether an evaluation happens during the run or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Metrics without samples are skipped.
    During,
    /// Metrics without samples are compared too, with zeros.
    AtEnd,
}

/// What came of the guards of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Judgement {
    pub(crate) is_crossed: bool,
    pub(crate) wants_abort: bool,
}

impl Guard {
    pub(crate) fn parse(def: &ThresholdDef) -> Result<Self, ThresholdError> {
        Ok(Self { threshold: Threshold::parse(&def.source)?, def: def.clone(), is_ok: true })
    }

    pub(crate) fn check_supported(
        &self,
        metric: &str,
        kind: MetricKind,
    ) -> Result<(), ThresholdError> {
        self.threshold.check_supported(metric, kind.as_str())
    }

    /// How it stands, with the value of now.
    pub(crate) fn result(&self, sink: &Sink, elapsed: Duration) -> ThresholdResult {
        ThresholdResult {
            source: self.def.source.clone(),
            ok: self.is_ok,
            abort_on_fail: self.def.abort_on_fail,
            aggregation: self.threshold.aggregation,
            aggregation_text: self.threshold.aggregation_text.clone(),
            value: sink.value(self.threshold.aggregation, elapsed),
        }
    }
}

/// Evaluates the guards of one metric. A value that does not exist (a rate without samples, `p` without a number)
/// lets its threshold pass.
pub(crate) fn judge(
    guards: &mut [Guard],
    sink: &Sink,
    has_samples: bool,
    elapsed: Duration,
    moment: Moment,
) -> Judgement {
    let mut judgement = Judgement::default();
    if !has_samples && moment == Moment::During {
        return judgement;
    }
    for guard in guards {
        let value = sink.value(guard.threshold.aggregation, elapsed);
        guard.is_ok = value.is_none_or(|value| guard.threshold.holds(value));
        if !guard.is_ok {
            judgement.is_crossed = true;
            let is_delay_over =
                guard.def.delay_abort_eval.is_none_or(|delay| delay.as_duration() < elapsed);
            judgement.wants_abort |= guard.def.abort_on_fail && is_delay_over;
        }
    }
    judgement
}
