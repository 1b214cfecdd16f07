//! What a time scale does to a plan's criteria and phases: the load stays as it is, the time is shorter, so counts are
//! smaller and times within the run come sooner.

use std::time::Duration;

use plan::criterion::{Bound, Criterion, Subject};
use plan::suite::{Marks, Scenario};

/// The shortest window a criterion can look at: the record's step.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);

/// The criterion for a run under this factor. What was changed is added to its text.
pub(crate) fn criterion(mut criterion: Criterion, factor: f64) -> Criterion {
    if factor == 1.0 {
        return criterion;
    }
    let mut notes = Vec::new();
    let is_sum = matches!(
        criterion.subject,
        Subject::Requests(_) | Subject::Failures(_) | Subject::Dropped | Subject::Recovery { .. }
    );
    if is_sum {
        criterion.bound = bound(criterion.bound, factor, &mut notes);
        criterion.marginal = criterion.marginal.map(|marginal| bound(marginal, factor, &mut notes));
    }
    if let Some(every) = &mut criterion.scope.every {
        let scaled = every.mul_f64(factor).max(SHORTEST_WINDOW);
        if scaled != *every {
            notes.push(format!("every {}", plan::suite::Time(scaled)));
            *every = scaled;
        }
    }
    if !notes.is_empty() {
        criterion.text = format!("{} [time scale {factor}: {}]", criterion.text, notes.join(", "));
    }
    criterion
}

fn bound(bound: Bound, factor: f64, notes: &mut Vec<String>) -> Bound {
    let scaled = match bound {
        Bound::Is { operator, limit } => Bound::Is { operator, limit: limit * factor },
        Bound::In { low, high } => Bound::In { low: low * factor, high: high * factor },
        other => other,
    };
    if scaled != bound {
        notes.push(match scaled {
            Bound::In { low, high } => format!("{}..{}", short(low), short(high)),
            Bound::Is { limit, .. } => short(limit),
            _ => String::new(),
        });
    }
    scaled
}

fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The times of phases that are marked by times, under this factor; `None` as an end is the run's.
pub(crate) fn phases(
    scenario: &Scenario,
    factor: f64,
) -> Vec<(String, Duration, Option<Duration>)> {
    let timed = |phase: &plan::suite::Phase| match phase.marks() {
        Marks::Times { from, to } => {
            let scaled = |time: Duration| time.mul_f64(factor);
            Some((phase.name.clone(), scaled(from), to.map(scaled)))
        }
        Marks::Stage { .. } => None,
    };
    scenario.phases.iter().filter_map(timed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_shrink_with_time_and_nothing_else_does() {
        for (text, scaled) in [
            ("requests >= 375", "requests >= 375 [time scale 0.02: 7.5]"),
            ("failures <= 200", "failures <= 200 [time scale 0.02: 4]"),
            ("failures == 0", "failures == 0"),
            ("p(95) < 500ms", "p(95) < 500ms"),
            (
                "throughput >= 100/s every 100s",
                "throughput >= 100/s every 100s [time scale 0.02: every 2s]",
            ),
        ] {
            let criterion = criterion(plan::criterion::parse(text).unwrap(), 0.02);
            assert_eq!(criterion.text, scaled);
        }
    }
}
