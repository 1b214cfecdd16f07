//! Success criteria: what a run must have done to pass, one line each.
//!
//! ```text
//! p(95) < 500ms                                  any percentile, also p95; median, avg, min, max
//! p(99){name:"GET /x", method:GET} < 1s          of some requests; `*` stands for any text
//! error_rate < 1%   success_rate >= 98%          failures == 0   requests >= 10_000   dropped == 0
//! throughput >= 10000/s                          requests a second; also /m
//! checks > 99%      checks{name:"status 200"} == 100%
//! max(k8s_pod_cpu_limit_ratio{pod:"api-*"}) < 70%   min, avg, max, last, p(N) of a probe's series, or of a
//!                                                metric of the script: p(95)(portfolio_latency) < 400ms
//! pg_connections_total in 40..60                 without an aggregation every sample must hold
//! k8s_hpa_replicas_current reaches 10            k8s_hpa_replicas_current from 2 to 10
//! promql "sum(rate(errors_total[1m]))" < 5       also max(promql "…")
//! restarts == 0     oom_kills == 0               evictions == 0
//! active_together "publish a", "publish b"       requests of all these names at the same time
//! recovery after spike <= 60s                    until latency and errors are as before that phase
//! goodput >= 80% of peak after overload          successful requests a second, against the best before
//! ```
//!
//! After the bound may come, in any order: `marginal <= 700ms` (does the bound not hold but this, the verdict is
//! MARGINAL), `during peak` (only that phase), `every 10s` (each window of that length must hold: "sustains").
//!
//! Times are milliseconds without a unit (`us`, `ms`, `s`, `m`, `h`), shares may be written as `1%` or `0.01`, bytes
//! as `256MiB`, long numbers as `10_000` or `10,000`. `≤` and `≥` are taken for `<=` and `>=`.
//!
//! This is syntax only: `report::judge` holds the criteria against a run.

mod check;
mod cursor;
mod parse;
mod quantity;

pub use parse::parse;
pub use quantity::Quantity;

use crate::threshold::Operator;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest criterion that is read, in bytes.
pub const MAX_LENGTH: usize = 4_096;

/// One condition a run must meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// As the user wrote it, without blanks around it.
    pub text: String,
    /// What is measured.
    pub subject: Subject,
    /// What the numbers of the bounds are; limits are in its unit.
    pub quantity: Quantity,
    /// What it must be.
    pub bound: Bound,
    /// What is still bearable, if that is more.
    pub marginal: Option<Bound>,
    /// Over what time.
    pub scope: Scope,
}

/// What a criterion measures.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// The time of requests.
    Latency {
        /// Which number of the distribution; never [`Statistic::Last`].
        statistic: Statistic,
        /// Of which requests.
        requests: Selection,
    },
    /// Failed requests to all.
    ErrorRate(Selection),
    /// The other requests to all.
    SuccessRate(Selection),
    /// Requests a second.
    Throughput(Selection),
    /// Number of requests.
    Requests(Selection),
    /// Number of failed requests.
    Failures(Selection),
    /// Iterations or arrivals that could not be started.
    Dropped,
    /// The share of checks that were true.
    Checks {
        /// The check's name; `None` for all.
        name: Option<String>,
    },
    /// A series that a probe observed, or a metric of the script.
    Series {
        /// Which number of its samples; with `None` every sample must hold.
        statistic: Option<Statistic>,
        /// Its name.
        name: String,
        /// Tags its samples must have; `*` in a value stands for any text.
        tags: Vec<(String, String)>,
    },
    /// The result of a query, asked during the run.
    PromQl {
        /// Which number of its samples; with `None` every sample must hold.
        statistic: Option<Statistic>,
        /// The query.
        query: String,
    },
    /// Restarts of pods and containers.
    Restarts,
    /// Kills of pods and containers for want of memory.
    OomKills,
    /// Pods that were evicted.
    Evictions,
    /// Requests of all these names, made at the same time.
    ActiveTogether(Vec<String>),
    /// Seconds after a phase until latency and errors are as before it.
    Recovery {
        /// The phase.
        after: String,
    },
    /// Successful requests a second after a phase, to the best before its end.
    Goodput {
        /// The phase.
        after: String,
    },
}

/// Requests by name and method; those that are `None` do not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The request's name, or `METHOD name`; `*` stands for any text.
    pub name: Option<String>,
    /// The request's method.
    pub method: Option<String>,
}

impl Selection {
    /// All requests.
    pub const ALL: Self = Self { name: None, method: None };

    /// Whether it says anything.
    pub fn is_all(&self) -> bool {
        self.name.is_none() && self.method.is_none()
    }

    /// Whether a request is among them.
    pub fn has(&self, method: &str, name: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.name.as_ref().is_none_or(|wanted| is_named(wanted, method, name))
    }
}

/// Whether a request is the one that `wanted` names: by its name, or by method and name (`GET /x`).
pub fn is_named(wanted: &str, method: &str, name: &str) -> bool {
    if matches(wanted, name) {
        return true;
    }
    !method.is_empty() && matches(wanted, &format!("{method} {name}"))
}

/// Whether `text` has the form of `pattern`, in which each `*` stands for any text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// A number of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// The smallest.
    Min,
    /// The mean.
    Avg,
    /// The median.
    Median,
    /// The largest.
    Max,
    /// The last in time.
    Last,
    /// A percentile, 0 to 100.
    Percentile(f64),
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Min => "min",
            Self::Avg => "avg",
            Self::Median => "median",
            Self::Max => "max",
            Self::Last => "last",
            Self::Percentile(p) => return write!(f, "p({p})"),
        })
    }
}

/// What a measured number must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Compared with a limit.
    Is {
        /// How.
        operator: Operator,
        /// With what.
        limit: f64,
    },
    /// Between two numbers, both included.
    In {
        /// The lower.
        low: f64,
        /// The upper.
        high: f64,
    },
    /// At least this at some moment.
    Reaches(f64),
    /// The first number at the start, and at least the second (or, going down, at most) later.
    Scales {
        /// At the start.
        from: f64,
        /// Later.
        to: f64,
    },
    /// [`Subject::ActiveTogether`] needs no number.
    Together,
}

impl Bound {
    /// Whether a single number satisfies it. Of [`Bound::Reaches`] and [`Bound::Scales`] it is whether it is there yet.
    pub fn holds(&self, value: f64) -> bool {
        match self {
            Self::Is { operator, limit } => operator.holds(value, *limit),
            Self::In { low, high } => (*low..=*high).contains(&value),
            Self::Reaches(limit) => value >= *limit,
            Self::Scales { from, to } if from <= to => value >= *to,
            Self::Scales { to, .. } => value <= *to,
            Self::Together => true,
        }
    }
}

/// The time a criterion is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// Only this phase; `None` for the whole run.
    pub phase: Option<String>,
    /// Each window of this length must hold; `None` for all the time at once.
    pub every: Option<Duration>,
}

impl Scope {
    /// The whole run at once.
    pub const WHOLE: Self = Self { phase: None, every: None };
}

/// What is wrong with a criterion, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct CriterionError {
    /// Where, in characters from 1; one past the end when something is missing there.
    pub column: usize,
    /// What, and what helps.
    pub message: String,
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Criterion {
    type Err = CriterionError;

    fn from_str(text: &str) -> Result<Self, CriterionError> {
        parse(text)
    }
}

impl Criterion {
    /// The phases it names.
    pub fn phases(&self) -> impl Iterator<Item = &str> {
        let after = match &self.subject {
            Subject::Recovery { after } | Subject::Goodput { after } => Some(after.as_str()),
            _ => None,
        };
        self.scope.phase.as_deref().into_iter().chain(after)
    }

    /// The query it asks a Prometheus, and the name of the query: the series is called `prom_<name>`.
    pub fn promql(&self) -> Option<(String, &str)> {
        match &self.subject {
            Subject::PromQl { query, .. } => Some((query_name(query), query)),
            _ => None,
        }
    }
}

/// The name of a criterion's query, the same for the same text: `criterion_` and FNV-1a in hexadecimal digits.
pub fn query_name(query: &str) -> String {
    let hash = query
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("criterion_{hash:08x}")
}
