//! `--fail-on`: what of a run that ended well makes the process fail all the same. For CI: k6 ends with 0 where every
//! iteration throws, where checks fail, and where iterations were dropped.

use metrics::{Sink, Totals};

use crate::exit::{ExitStatus, Failure};
use crate::flags::Parsed;

/// Things a run may be failed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An iteration ended by an exception.
    Exception,
    /// A check was not true.
    Check,
    /// An iteration was dropped.
    Dropped,
}

/// Reads the flag.
///
/// # Errors
/// An unknown word; code 255.
pub(crate) fn parse(flags: &Parsed) -> Result<Vec<Cause>, Failure> {
    flags
        .list("fail-on")
        .unwrap_or_default()
        .iter()
        .map(|word| match word.trim() {
            "exception" => Ok(Cause::Exception),
            "check" => Ok(Cause::Check),
            "dropped" => Ok(Cause::Dropped),
            other => Err(Failure::usage(format!(
                "invalid --fail-on '{other}': it takes exception, check and dropped"
            ))),
        })
        .collect()
}

/// What of the causes happened; `None` where nothing did.
pub(crate) fn judge(causes: &[Cause], totals: &Totals, exceptions: u64) -> Option<Failure> {
    let sink = |name: &str| totals.metrics.iter().find(|m| m.name == name).map(|m| &m.sink);
    let mut reasons = Vec::new();
    for cause in causes {
        reasons.extend(match cause {
            Cause::Exception => {
                (exceptions > 0).then(|| format!("{exceptions} iterations ended by an exception"))
            }
            Cause::Check => match sink("checks") {
                Some(Sink::Rate { trues, total }) if trues < total => {
                    Some(format!("{} of {total} checks failed", total - trues))
                }
                _ => None,
            },
            Cause::Dropped => match sink("dropped_iterations") {
                Some(Sink::Counter { sum }) if *sum > 0.0 => {
                    Some(format!("{sum} iterations were dropped"))
                }
                _ => None,
            },
        });
    }
    (!reasons.is_empty())
        .then(|| Failure::new(ExitStatus::FailOn, format!("--fail-on: {}", reasons.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{Aggregator, AggregatorConfig};
    use std::time::Duration;

    #[test]
    fn only_what_was_asked_for_counts() {
        let totals = Aggregator::new(AggregatorConfig::default()).unwrap().totals(Duration::ZERO);
        assert_eq!(judge(&[Cause::Check, Cause::Dropped], &totals, 3), None);
        let failure = judge(&[Cause::Exception], &totals, 3).unwrap();
        assert_eq!(failure.status.code(), 111);
        assert_eq!(failure.message, "--fail-on: 3 iterations ended by an exception");
        assert_eq!(judge(&[Cause::Exception], &totals, 0), None);
    }
}
