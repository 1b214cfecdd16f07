//! The data of the charts: how rates, response times and users went, a point every five seconds.

use serde_json::{Map, Value, json};

use crate::number::{proper_round, repr_float};
use crate::statistics::Statistics;
use crate::time::utc;

/// Points that are kept; beyond it every other one goes, so that a run of any length stays a chart.
const MAX_POINTS: usize = 8_192;

/// The points so far.
#[derive(Debug, Default)]
pub struct Chart {
    points: Vec<Value>,
    /// Of how many moments one is kept.
    stride: u64,
    moments: u64,
}

impl Chart {
    /// Forgets all points.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The points, as Locust's page reads them.
    pub fn points(&self) -> &[Value] {
        &self.points
    }

    /// Adds the present moment.
    pub fn add(&mut self, statistics: &Statistics, moment: Moment<'_>) {
        self.moments += 1;
        self.stride = self.stride.max(1);
        if !(self.moments - 1).is_multiple_of(self.stride) {
            return;
        }
        if self.points.len() >= MAX_POINTS {
            let mut at = 0;
            self.points.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.stride *= 2;
        }
        self.points.push(moment.point(statistics));
    }

    /// Adds the end of the test, unless there is a point of it.
    pub fn close(&mut self, statistics: &Statistics, moment: Moment<'_>) {
        let end = utc(moment.now_s);
        let is_later = self
            .points
            .last()
            .is_some_and(|p| p["time"].as_str().is_some_and(|t| t < end.as_str()));
        if is_later {
            self.points.push(moment.point(statistics));
        }
    }
}

/// What a point is made from besides the numbers.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Unix seconds.
    pub now_s: f64,
    /// The percentiles of the chart, 0 to 1.
    pub percentiles: &'a [f64],
    /// Seconds they are of.
    pub window_s: u64,
    /// Users that run.
    pub user_count: u64,
}

impl Moment<'_> {
    fn point(self, statistics: &Statistics) -> Value {
        let total = statistics.total();
        let time = utc(self.now_s);
        let mut point = Map::new();
        let current = total.current_percentiles(self.percentiles, self.now_s, self.window_s);
        for (at, part) in self.percentiles.iter().enumerate() {
            let value = current.as_ref().map_or(0, |values| values[at]);
            point.insert(percentile_key(*part), json!([time, value]));
        }
        point.insert("current_rps".into(), json!([time, total.current_rps()]));
        point.insert("current_fail_per_sec".into(), json!([time, total.current_fail_per_sec()]));
        let average = proper_round(total.avg_response_time(), 2);
        point.insert("total_avg_response_time".into(), json!([time, average]));
        point.insert("user_count".into(), json!([time, self.user_count]));
        point.insert("time".into(), json!(time));
        Value::Object(point)
    }
}

/// `response_time_percentile_0.95`.
pub fn percentile_key(part: f64) -> String {
    format!("response_time_percentile_{}", repr_float(part))
}
