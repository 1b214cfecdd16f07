//! Threshold expressions (`p(95)<500`) and the selectors they are attached to (`http_req_duration{status:200}`).

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::duration::{Span, parse_go_float};

/// A threshold as options hold it: the expression and when it may abort the test.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThresholdDef {
    /// The expression, as the user wrote it.
    pub source: String,
    /// Crossing it stops the test.
    pub abort_on_fail: bool,
    /// It stops the test only after this much run time.
    pub delay_abort_eval: Option<Span>,
}

impl Serialize for ThresholdDef {
    /// A plain text, or an object where it may abort, as k6 prints it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.abort_on_fail {
            return serializer.serialize_str(&self.source);
        }
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("threshold", &self.source)?;
        map.serialize_entry("abortOnFail", &self.abort_on_fail)?;
        map.serialize_entry("delayAbortEval", &self.delay_abort_eval)?;
        map.end()
    }
}

/// What of a metric is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregation {
    /// The last value of a gauge.
    Value,
    /// The sum of a counter.
    Count,
    /// A counter per second, or the part of a rate that is true.
    Rate,
    /// The mean of a trend.
    Avg,
    /// The minimum of a trend.
    Min,
    /// The median of a trend.
    Med,
    /// The maximum of a trend.
    Max,
    /// A percentile of a trend, 0 to 100.
    Percentile(f64),
    /// `p` without a number: k6 takes it, never has a value for it, and lets it pass always.
    BarePercentile,
}

impl Aggregation {
    /// The name by which support is decided and complaints are worded (`p` for every percentile).
    pub fn method(self) -> &'static str {
        match self {
            Aggregation::Value => "value",
            Aggregation::Count => "count",
            Aggregation::Rate => "rate",
            Aggregation::Avg => "avg",
            Aggregation::Min => "min",
            Aggregation::Med => "med",
            Aggregation::Max => "max",
            Aggregation::Percentile(_) | Aggregation::BarePercentile => "p",
        }
    }
}

/// How the value and the limit are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<=`
    LessOrEqual,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
    /// `==`, `===`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operator {
    /// Whether `value op limit`. Comparisons are those of IEEE numbers: with `NaN` only `!=` holds.
    #[expect(clippy::float_cmp, reason = "the expression language compares exactly")]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Operator::LessOrEqual => value <= limit,
            Operator::Less => value < limit,
            Operator::GreaterOrEqual => value >= limit,
            Operator::Greater => value > limit,
            Operator::Equal => value == limit,
            Operator::NotEqual => value != limit,
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::LessOrEqual => "<=",
            Operator::Less => "<",
            Operator::GreaterOrEqual => ">=",
            Operator::Greater => ">",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
        }
    }
}

/// Operators in the order in which they are looked for.
const OPERATORS: [(&str, Operator); 7] = [
    ("<=", Operator::LessOrEqual),
    ("<", Operator::Less),
    (">=", Operator::GreaterOrEqual),
    (">", Operator::Greater),
    ("===", Operator::Equal),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
];

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As the user wrote it.
    pub source: String,
    /// The left side.
    pub aggregation: Aggregation,
    /// The text of the left side, as the summary repeats it (`p(95)`).
    pub aggregation_text: String,
    /// Between them.
    pub operator: Operator,
    /// The right side, in the metric's own unit (milliseconds for times).
    pub limit: f64,
}

impl Threshold {
    /// Parses `method op number`.
    ///
    /// # Errors
    /// k6's text for what is malformed.
    pub fn parse(source: &str) -> Result<Threshold, ThresholdError> {
        let malformed = || ThresholdError::Malformed(source.to_owned());
        let (at, text, operator) = OPERATORS
            .iter()
            .find_map(|(text, operator)| source.find(text).map(|at| (at, *text, *operator)))
            .ok_or_else(malformed)?;
        let (left, right) = (source[..at].trim(), source[at + text.len()..].trim());
        if source[at + text.len()..].is_empty() {
            return Err(malformed());
        }
        let aggregation = parse_aggregation(left).map_err(|reason| ThresholdError::LeftSide {
            source_text: source.to_owned(),
            reason,
        })?;
        let limit = parse_float(right).map_err(|reason| ThresholdError::RightSide {
            source_text: source.to_owned(),
            reason,
        })?;
        let (source, aggregation_text) = (source.to_owned(), left.to_owned());
        Ok(Threshold { source, aggregation, aggregation_text, operator, limit })
    }

    /// Whether the value of the aggregation satisfies the expression.
    pub fn holds(&self, value: f64) -> bool {
        self.operator.holds(value, self.limit)
    }

    /// Checks that the metric's type has this aggregation. `kind` is the name of the type (`counter`, `gauge`,
    /// `rate`, `trend`), `metric` the name the threshold is attached to.
    ///
    /// # Errors
    /// k6's text, naming what is supported.
    pub fn check_supported(&self, metric: &str, kind: &str) -> Result<(), ThresholdError> {
        let supported: &[&str] = match kind {
            "counter" => &["count", "rate"],
            "gauge" => &["value"],
            "rate" => &["rate"],
            _ => &["avg", "min", "max", "med", "p"],
        };
        let method = self.aggregation.method();
        if supported.contains(&method) {
            return Ok(());
        }
        Err(ThresholdError::Unsupported {
            source_text: self.source.clone(),
            metric: metric.to_owned(),
            kind: kind.to_owned(),
            method,
            supported: supported.join(", "),
        })
    }
}

fn parse_aggregation(text: &str) -> Result<Aggregation, String> {
    Ok(match text {
        "value" => Aggregation::Value,
        "count" => Aggregation::Count,
        "rate" => Aggregation::Rate,
        "avg" => Aggregation::Avg,
        "min" => Aggregation::Min,
        "med" => Aggregation::Med,
        "max" => Aggregation::Max,
        "p" => Aggregation::BarePercentile,
        _ => match text.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')')) {
            Some(number) => Aggregation::Percentile(parse_percentile(number)?),
            None => return Err("failed parsing method from expression".to_owned()),
        },
    })
}

fn parse_percentile(number: &str) -> Result<f64, String> {
    let percentile = parse_float(number)
        .map_err(|reason| format!("malformed percentile value; reason: {reason}"))?;
    if (0.0..=100.0).contains(&percentile) {
        Ok(percentile)
    } else {
        Err("malformed percentile value, provide a number between 0 and 100".to_owned())
    }
}

fn parse_float(text: &str) -> Result<f64, String> {
    parse_go_float(text).map_err(|why| format!("strconv.ParseFloat: parsing {text:?}: {why}"))
}

/// Why a threshold can't be used. The texts are k6's, spelling included. All have exit code 104.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// No operator, or nothing after it.
    #[error("failed parsing threshold expression {0:?}; reason: malformed threshold expression")]
    Malformed(String),
    /// The aggregation.
    #[error(
        "failed parsing threshold expression's {source_text:?} left hand side; reason: {reason}"
    )]
    LeftSide {
        /// The expression.
        source_text: String,
        /// What is wrong.
        reason: String,
    },
    /// The number.
    #[error(
        "failed parsing threshold expresion's {source_text:?} right hand side; reason: {reason}"
    )]
    RightSide {
        /// The expression.
        source_text: String,
        /// What is wrong.
        reason: String,
    },
    /// The metric's type has no such aggregation.
    #[error(
        "invalid threshold {source_text:?} applied on metric {metric}; reason: unsupported aggregation method \
         {method} on metric of type {kind}. supported aggregation methods for this metric are: {supported}"
    )]
    Unsupported {
        /// The expression.
        source_text: String,
        /// What it is attached to.
        metric: String,
        /// The metric's type.
        kind: String,
        /// What was asked for.
        method: &'static str,
        /// What there is.
        supported: String,
    },
    /// There is no such metric.
    #[error("invalid threshold defined on {0}; reason: no metric name {0:?} found")]
    NoSuchMetric(String),
    /// The selector.
    #[error("unable to validate threshold expressions; reason: {0}")]
    Selector(#[from] SelectorError),
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// One brace without the other.
    #[error("parsing metric name failed, metric {0:?} has unmatched opening/close curly brace")]
    UnmatchedBrace(String),
    /// Something after the last brace.
    #[error(
        "parsing metric name failed, metric {0:?} lacks a closing curly brace in its last position"
    )]
    NotLast(String),
    /// `}` before `{`.
    #[error(
        "parsing metric name failed, metric {0:?} closing curly brace appears before opening one"
    )]
    WrongOrder(String),
    /// A tag without a name or value.
    #[error("parsing metric name failed, metric {0:?} tag expression is malformed")]
    MalformedTags(String),
}

/// A metric, or the part of it whose samples have certain tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// All of these must be among a sample's tags; empty for the whole metric.
    pub tags: Vec<(String, String)>,
    /// What stands between the braces, verbatim; `None` without braces.
    pub suffix: Option<String>,
}

impl Selector {
    /// Parses `metric` or `metric{key:value,…}`. Blanks around keys and values are dropped, then quotes.
    ///
    /// # Errors
    /// k6's text for what is malformed.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        let (open, close) = match (text.find('{'), text.rfind('}')) {
            (None, None) => {
                return Ok(Selector { metric: text.to_owned(), tags: Vec::new(), suffix: None });
            }
            (Some(open), Some(close)) => (open, close),
            _ => return Err(SelectorError::UnmatchedBrace(text.to_owned())),
        };
        if close < open {
            return Err(SelectorError::WrongOrder(text.to_owned()));
        }
        if close + 1 != text.len() {
            return Err(SelectorError::NotLast(text.to_owned()));
        }
        let (metric, suffix) = (text[..open].to_owned(), text[open + 1..close].to_owned());
        let pair = |pair: &str| match pair.split_once(':') {
            // A quoted empty value is one: it selects samples whose tag is empty.
            Some((key, value)) if !value.is_empty() => {
                Ok((unquoted(key).to_owned(), unquoted(value).to_owned()))
            }
            _ => Err(SelectorError::MalformedTags(pair.to_owned())),
        };
        let tags = suffix.split(',').map(pair).collect::<Result<Vec<_>, _>>()?;
        Ok(Selector { metric, tags, suffix: Some(suffix) })
    }

    /// The warning for selectors that can never match, if this is one.
    pub fn warning(&self) -> Option<String> {
        let (key, _) = self.tags.iter().find(|(key, _)| key == "vu" || key == "iter")?;
        Some(format!(
            "The high-cardinality '{key}' metric tag was made non-indexable in k6 v0.41.0, so thresholds like \
             '{}{{{}}}' that are based on it won't work correctly.",
            self.metric,
            self.suffix.as_deref().unwrap_or_default(),
        ))
    }
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}
