//! What criteria make sense: none that can never hold, none whose parts contradict each other.

use super::cursor::Cursor;
use super::quantity::Quantity;
use super::{Bound, CriterionError, Subject};
use crate::threshold::Operator;

/// The words a criterion may begin with, for those who miss one by a letter or two.
const WORDS: [&str; 17] = [
    "median",
    "error_rate",
    "success_rate",
    "throughput",
    "requests",
    "failures",
    "dropped",
    "checks",
    "restarts",
    "oom_kills",
    "evictions",
    "promql",
    "active_together",
    "recovery",
    "goodput",
    "latency",
    "duration",
];
/// What series of probes begin with.
const SERIES: [&str; 8] =
    ["prom_", "k8s_", "docker_", "pg_", "redis_", "log_", "generator_", "observer_"];

/// What the numbers of a subject are, where that is known without one.
pub(super) fn quantity(subject: &Subject) -> Option<Quantity> {
    Some(match subject {
        Subject::Latency { .. } => Quantity::Milliseconds,
        Subject::ErrorRate(_)
        | Subject::SuccessRate(_)
        | Subject::Checks { .. }
        | Subject::Goodput { .. } => Quantity::Ratio,
        Subject::Throughput(_) => Quantity::PerSecond,
        Subject::Requests(_)
        | Subject::Failures(_)
        | Subject::Dropped
        | Subject::Restarts
        | Subject::OomKills
        | Subject::Evictions => Quantity::Count,
        Subject::Recovery { .. } => Quantity::Seconds,
        Subject::Series { name, .. } => return Quantity::of_series(name),
        Subject::PromQl { .. } | Subject::ActiveTogether(_) => return None,
    })
}

/// Refuses a word that is likely a misspelt one of ours. `last(…)` takes any name.
pub(super) fn series_name(
    cursor: &Cursor<'_>,
    at: usize,
    name: &str,
) -> Result<(), CriterionError> {
    if SERIES.iter().any(|start| name.starts_with(start)) {
        return Ok(());
    }
    if matches!(name, "latency" | "duration" | "response_time" | "http_req_duration") {
        let text = format!("which number of `{name}`? Write p(95), median, avg or max");
        return Err(cursor.error(at, text));
    }
    let near = WORDS.iter().find(|word| name.len() >= 4 && distance(name, word) <= 2);
    match near {
        Some(word) => Err(cursor.error(at, format!("unknown `{name}`: did you mean `{word}`?"))),
        None => Ok(()),
    }
}

/// Letters to change, add or remove (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The values a subject can have, and what to call it.
fn domain(subject: &Subject) -> Option<(f64, f64, &'static str)> {
    Some(match subject {
        Subject::ErrorRate(_) => (0.0, 1.0, "an error rate is between 0% and 100%"),
        Subject::SuccessRate(_) => (0.0, 1.0, "a success rate is between 0% and 100%"),
        Subject::Checks { .. } => (0.0, 1.0, "the share of true checks is between 0% and 100%"),
        Subject::Latency { .. } => (0.0, f64::INFINITY, "a latency is not negative"),
        Subject::Goodput { .. } => (0.0, f64::INFINITY, "a share of the peak is not negative"),
        Subject::Throughput(_) => (0.0, f64::INFINITY, "a throughput is not negative"),
        Subject::Recovery { .. } => (0.0, f64::INFINITY, "a time is not negative"),
        Subject::Requests(_)
        | Subject::Failures(_)
        | Subject::Dropped
        | Subject::Restarts
        | Subject::OomKills
        | Subject::Evictions => (0.0, f64::INFINITY, "a count is not negative"),
        Subject::Series { .. } | Subject::PromQl { .. } | Subject::ActiveTogether(_) => {
            return None;
        }
    })
}

/// Refuses a bound that can never hold.
pub(super) fn bound(
    cursor: &Cursor<'_>,
    at: usize,
    subject: &Subject,
    quantity: Quantity,
    bound: &Bound,
) -> Result<(), CriterionError> {
    match *bound {
        Bound::In { low, high } if low > high => {
            return Err(cursor.error(at, "the range is empty: its lower end comes first"));
        }
        Bound::Scales { from, to } if from == to => {
            return Err(cursor.error(at, "from a number to the same one is no change"));
        }
        _ => {}
    }
    let Some((least, most, why)) = domain(subject) else { return Ok(()) };
    let is_possible = match *bound {
        Bound::Is { operator, limit } => match operator {
            Operator::Less => limit > least,
            Operator::LessOrEqual => limit >= least,
            Operator::Greater => limit < most,
            Operator::GreaterOrEqual => limit <= most,
            Operator::Equal => (least..=most).contains(&limit),
            Operator::NotEqual => true,
        },
        Bound::In { low, high } => low <= most && high >= least,
        Bound::Reaches(_) | Bound::Scales { .. } | Bound::Together => true,
    };
    if !is_possible {
        return Err(cursor.error(at, format!("this can never hold: {why}")));
    }
    if let Bound::Is { limit, .. } = *bound
        && quantity == Quantity::Ratio
        && limit > 1.0
        && most <= 1.0
    {
        let text = format!("{limit} is more than all: write {limit}% if that is meant");
        return Err(cursor.error(at, text));
    }
    Ok(())
}

/// Refuses a marginal bound that is not wider than the bound itself.
pub(super) fn marginal(
    cursor: &Cursor<'_>,
    at: usize,
    bound: &Bound,
    marginal: &Bound,
) -> Result<(), CriterionError> {
    use Operator::{Greater, GreaterOrEqual, Less, LessOrEqual};
    let is_wider = match (*bound, *marginal) {
        (Bound::Is { operator: a, limit: tight }, Bound::Is { operator: b, limit: wide }) => {
            match (a, b) {
                (Less | LessOrEqual, Less | LessOrEqual) => {
                    wide > tight || (wide == tight && a == Less && b == LessOrEqual)
                }
                (Greater | GreaterOrEqual, Greater | GreaterOrEqual) => {
                    wide < tight || (wide == tight && a == Greater && b == GreaterOrEqual)
                }
                // `failures == 0 marginal <= 5`, `success_rate == 100% marginal >= 99%`.
                (Operator::Equal, Less | LessOrEqual) => wide > tight,
                (Operator::Equal, Greater | GreaterOrEqual) => wide < tight,
                _ => {
                    return Err(
                        cursor.error(at, "the marginal bound goes another way than the bound")
                    );
                }
            }
        }
        (Bound::Is { operator: Operator::Equal, limit }, Bound::In { low, high }) => {
            low <= limit && limit <= high
        }
        (Bound::In { low, high }, Bound::In { low: wide_low, high: wide_high }) => {
            wide_low <= low && wide_high >= high && (wide_low < low || wide_high > high)
        }
        (Bound::Reaches(tight), Bound::Reaches(wide)) => wide < tight,
        (Bound::Scales { from, to }, Bound::Scales { to: wide, .. }) => {
            if from <= to {
                wide < to && wide > from
            } else {
                wide > to && wide < from
            }
        }
        _ => return Err(cursor.error(at, "the marginal bound is of another form than the bound")),
    };
    if is_wider {
        return Ok(());
    }
    Err(cursor
        .error(at, "the marginal bound must be wider than the bound, or it is never met alone"))
}

/// Refuses `reaches` and `from … to …` where there is one number only.
pub(super) fn may_move(
    cursor: &Cursor<'_>,
    at: usize,
    subject: &Subject,
) -> Result<(), CriterionError> {
    match subject {
        Subject::Series { statistic: None, .. } | Subject::PromQl { statistic: None, .. } => Ok(()),
        _ => Err(cursor.error(at, "only a series moves, and only without an aggregation")),
    }
}

/// Refuses a phase where the subject has its own.
pub(super) fn may_be_during(
    cursor: &Cursor<'_>,
    at: usize,
    subject: &Subject,
) -> Result<(), CriterionError> {
    match subject {
        Subject::Recovery { .. } | Subject::Goodput { .. } => {
            Err(cursor.error(at, "it names its phase already: `after`"))
        }
        _ => Ok(()),
    }
}

/// Refuses windows where there is nothing to see in each.
pub(super) fn may_be_every(
    cursor: &Cursor<'_>,
    at: usize,
    subject: &Subject,
    bound: &Bound,
) -> Result<(), CriterionError> {
    let is_once = matches!(subject, Subject::Recovery { .. } | Subject::Goodput { .. })
        || matches!(bound, Bound::Reaches(_) | Bound::Scales { .. });
    if is_once {
        return Err(cursor.error(at, "this happens once, not in every window"));
    }
    Ok(())
}
