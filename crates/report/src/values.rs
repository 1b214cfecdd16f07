//! A metric's values: which statistics it has, and how they print.

use crate::columns::{Cells, Line};
use crate::number::{self, TimeUnit};
use metrics::{Contains, Sink};
use plan::threshold::Aggregation;
use std::time::Duration;

/// A statistic of trends, as `summaryTrendStats` names it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendStat {
    text: String,
    aggregation: Aggregation,
}

impl TrendStat {
    /// Reads `avg`, `min`, `med`, `max`, `count` or `p(N)`, N from 0 to 100.
    ///
    /// # Errors
    /// In k6's words.
    pub fn parse(text: &str) -> Result<TrendStat, String> {
        let aggregation = match text {
            "avg" => Aggregation::Avg,
            "min" => Aggregation::Min,
            "med" => Aggregation::Med,
            "max" => Aggregation::Max,
            "count" => Aggregation::Count,
            _ => {
                let n = text.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')'));
                let n: f64 = n
                    .and_then(|n| n.parse().ok())
                    .ok_or_else(|| format!("invalid trend stat '{text}', unknown format"))?;
                if !(0.0..=100.0).contains(&n) {
                    return Err(format!(
                        "invalid percentile trend stat value '{text}', \
                         provide a number between 0 and 100"
                    ));
                }
                Aggregation::Percentile(n)
            }
        };
        Ok(TrendStat { text: text.to_owned(), aggregation })
    }

    /// k6's default: `avg,min,med,max,p(90),p(95)`.
    pub fn defaults() -> Vec<TrendStat> {
        crate::DEFAULT_TREND_STATS.iter().filter_map(|text| TrendStat::parse(text).ok()).collect()
    }

    /// The form `parse` reads.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is taken of the trend.
    pub fn aggregation(&self) -> Aggregation {
        self.aggregation
    }
}

/// What the form of values depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) trend_stats: &'a [TrendStat],
    pub(crate) time_unit: Option<TimeUnit>,
    /// What rates of counters are over.
    pub(crate) elapsed: Duration,
}

impl Form<'_> {
    /// A value in the metric's unit.
    pub(crate) fn human(&self, value: f64, contains: Contains) -> String {
        match contains {
            Contains::Time => number::time(value, self.time_unit),
            Contains::Data => number::data(value),
            Contains::Default => number::plain(value),
        }
    }

    /// What stands to the right of a metric's name in k6's summary since 1.0.
    pub(crate) fn cells(&self, sink: &Sink, contains: Contains) -> Cells {
        let human = |value| self.human(value, contains);
        match sink {
            Sink::Counter { sum } => {
                let extras = vec![self.per_second(*sum, contains)];
                Cells::Single { value: human(*sum), extras }
            }
            Sink::Gauge { last, min, max, .. } => {
                let extras = vec![format!("min={}", human(*min)), format!("max={}", human(*max))];
                Cells::Single { value: human(*last), extras }
            }
            Sink::Rate { trues, total } => {
                let extras = vec![format!("{trues} out of {total}")];
                Cells::Single { value: number::rate(share(*trues, *total)), extras }
            }
            Sink::Trend(_) => {
                let stat = |stat: &TrendStat| {
                    let value = self.value(sink, stat.aggregation);
                    let text = match stat.aggregation {
                        Aggregation::Count => number::js_number(value),
                        _ => human(value),
                    };
                    (stat.text.clone(), text)
                };
                Cells::Trend(self.trend_stats.iter().map(stat).collect())
            }
        }
    }

    pub(crate) fn line(&self, name: String, nested: bool, sink: &Sink, contains: Contains) -> Line {
        Line { name, nested, cells: self.cells(sink, contains) }
    }

    /// A sum over the run's time: `33.028392/s`.
    pub(crate) fn per_second(&self, sum: f64, contains: Contains) -> String {
        let rate = self.value(&Sink::Counter { sum }, Aggregation::Rate);
        format!("{}/s", self.human(rate, contains))
    }

    /// A statistic; 0 where there is none yet, as k6 prints it.
    pub(crate) fn value(&self, sink: &Sink, aggregation: Aggregation) -> f64 {
        sink.value(aggregation, self.elapsed).unwrap_or(0.0)
    }
}

/// `part` of `total` from 0 to 1; 0 of nothing.
pub(crate) fn share(part: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { part as f64 / total as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trend_statistics_are_read_and_refused_as_by_k6() {
        for text in ["avg", "min", "med", "max", "count", "p(0)", "p(99.99)", "p(100)"] {
            assert_eq!(TrendStat::parse(text).map(|stat| stat.text), Ok(text.to_owned()));
        }
        for (text, message) in [
            ("zz", "invalid trend stat 'zz', unknown format"),
            ("", "invalid trend stat '', unknown format"),
            ("p(x)", "invalid trend stat 'p(x)', unknown format"),
            (
                "p(101)",
                "invalid percentile trend stat value 'p(101)', provide a number between 0 and 100",
            ),
            (
                "p(-1)",
                "invalid percentile trend stat value 'p(-1)', provide a number between 0 and 100",
            ),
        ] {
            assert_eq!(TrendStat::parse(text), Err(message.to_owned()));
        }
        assert_eq!(TrendStat::defaults().len(), 6);
    }
}
