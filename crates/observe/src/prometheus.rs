//! Prometheus and what speaks its query API.
//!
//! At each look every query is asked for its value now; when the run is over every query is asked for the whole run
//! again. What that brings fills the times in which the server could not be asked, and a table of each series' extremes.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Contains;
use plan::probe::{Prometheus, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::desk::metric_name;
use crate::http::{Answer, Http};
use crate::observation::Observation;
use crate::probe::{Looking, Probe, ProbeError, Secrets, Source};
use crate::secret;

/// Series of one query that are kept; the rest is told of.
const MAX_SERIES: usize = 500;
/// Points of a series of a query over the whole run.
const MAX_POINTS: u64 = 600;
/// Times of looks that are remembered, to know which times have no value.
const MAX_LOOKS: usize = 100_000;
/// Requests of the first look that are for the clock only, and the pause between them: the `Date` of answers is in
/// whole seconds.
const CLOCK_READINGS: u32 = 6;
const CLOCK_PAUSE: Duration = Duration::from_millis(150);

/// Asks PromQL.
pub struct PrometheusProbe {
    name: String,
    http: Http,
    queries: Vec<(String, String, Query)>,
    /// Times of looks that succeeded, ascending.
    looked: Vec<u64>,
}

impl PrometheusProbe {
    /// A probe as the plan has it.
    ///
    /// # Errors
    /// A URL that can't be read, or a variable with a secret that is not there.
    pub fn new(plan: &Prometheus, secrets: &dyn Secrets) -> Result<Self, ProbeError> {
        let mut http = Http::new(&plan.url, plan.insecure)?;
        if let Some(variable) = &plan.token_env {
            http.set_bearer(&secret(secrets, variable)?)?;
        }
        if let Some(user) = &plan.username {
            let password = match &plan.password_env {
                Some(variable) => secret(secrets, variable)?,
                None => String::new(),
            };
            http.set_basic(user, &password)?;
        }
        let queries = plan.all_queries().into_iter();
        let queries =
            queries.map(|(name, query)| (metric_name(&format!("prom_{name}")), name, query));
        let queries = queries.collect();
        Ok(Self { name: plan.name.clone(), http, queries, looked: Vec::new() })
    }

    async fn look(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        if self.looked.is_empty() {
            for _ in 0..CLOCK_READINGS {
                let answer = self.http.post_form(out, "/api/v1/query", &[("query", "1")]).await?;
                Data::read(&answer)?;
                tokio::time::sleep(CLOCK_PAUSE).await;
            }
        }
        for (metric, name, query) in self.queries.clone() {
            if query.at_end {
                continue;
            }
            let form = [("query", query.promql.as_str())];
            let answer = self.http.post_form(out, "/api/v1/query", &form).await?;
            match Data::read(&answer) {
                Ok(data) => instant(out, &metric, &name, data),
                // The query's fault, not the server's: the others are asked all the same.
                Err(error) if answer.status.is_client_error() && !is_login(&answer) => {
                    out.trouble(&name, error);
                }
                Err(error) => return Err(error),
            }
        }
        if self.looked.len() < MAX_LOOKS {
            self.looked.push(out.now());
        }
        Ok(())
    }

    async fn finish(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let (began, ended) = (out.began(), out.now());
        let step_s = (ended.saturating_sub(began) / 1_000_000_000).div_ceil(MAX_POINTS).max(1);
        let seconds = |ns: u64| format!("{:.3}", ns as f64 / 1e9);
        let (start, end, step) =
            (seconds(out.theirs(began)), seconds(out.theirs(ended)), step_s.to_string());
        let mut rows = Vec::new();
        for (metric, name, query) in self.queries.clone() {
            let form = [
                ("query", query.promql.as_str()),
                ("start", &start),
                ("end", &end),
                ("step", &step),
            ];
            let answer = self.http.post_form(out, "/api/v1/query_range", &form).await?;
            match Data::read(&answer) {
                Ok(data) => {
                    let series = data.series();
                    told_limit(out, &name, series.len());
                    for series in series.into_iter().take(MAX_SERIES) {
                        self.fill(out, &metric, &query, &series, step_s);
                        rows.extend(series.row(&name));
                    }
                }
                Err(error) if answer.status.is_client_error() && !is_login(&answer) => {
                    out.trouble(&name, error);
                }
                Err(error) => return Err(error),
            }
        }
        let columns = ["query", "labels", "points", "min", "avg", "max", "last"];
        out.table("queries over the whole run", &columns, rows);
        Ok(())
    }

    /// Values of times at which nobody looked.
    fn fill(
        &self,
        out: &mut Observation,
        metric: &str,
        query: &Query,
        series: &Series,
        step_s: u64,
    ) {
        let tags = series.tags();
        let slack = step_s.saturating_mul(1_500_000_000);
        for (at_s, value) in &series.points {
            let at = out.ours((at_s.max(0.0) * 1e9) as u64);
            let is_known = !query.at_end && {
                let next = self.looked.partition_point(|looked| *looked < at.saturating_sub(slack));
                self.looked.get(next).is_some_and(|looked| *looked <= at.saturating_add(slack))
            };
            if !is_known {
                out.gauge_at(metric, &tags, *value, Contains::Default, at);
            }
        }
    }
}

impl Probe for PrometheusProbe {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> Source {
        Source::Prometheus
    }

    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(self.look(out))
    }

    fn finish<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(self.finish(out))
    }
}

fn is_login(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 401 | 403 | 404 | 407)
}

fn instant(out: &mut Observation, metric: &str, name: &str, data: Data) {
    let series = data.series();
    told_limit(out, name, series.len());
    for series in series.into_iter().take(MAX_SERIES) {
        if let Some((_, value)) = series.points.last() {
            out.gauge(metric, &series.tags(), *value, Contains::Default);
        }
    }
}

fn told_limit(out: &mut Observation, name: &str, n: usize) {
    if n > MAX_SERIES {
        out.trouble(name, format!("{n} series, the first {MAX_SERIES} are kept: add `sum by (…)`"));
    }
}

/// A series of an answer: its labels, and times (unix seconds by the server's clock) with values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    labels: BTreeMap<String, String>,
    points: Vec<(f64, f64)>,
}

impl Series {
    fn tags(&self) -> Vec<(&str, &str)> {
        self.labels
            .iter()
            .map(|(key, value)| {
                (if key == "__name__" { "name" } else { key.as_str() }, value.as_str())
            })
            .collect()
    }

    fn row(&self, query: &str) -> Option<Vec<Value>> {
        let values =
            || self.points.iter().map(|(_, value)| *value).filter(|value| value.is_finite());
        let n = values().count();
        let last = values().next_back()?;
        let (min, max) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let avg = values().sum::<f64>() / n as f64;
        let labels: Vec<String> =
            self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Some(vec![
            json!(query),
            json!(labels.join(", ")),
            json!(n),
            json!(min),
            json!(avg),
            json!(max),
            json!(last),
        ])
    }
}

/// What a query gave.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(crate) enum Data {
    Vector(Vec<Labelled>),
    Matrix(Vec<Labelled>),
    Scalar(Point),
    String(#[allow(dead_code)] Value),
}

#[derive(Debug, Deserialize)]
pub(crate) struct Labelled {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<Point>,
    #[serde(default)]
    values: Vec<Point>,
}

/// A time in seconds and a value as text: `NaN`, `+Inf` among them.
#[derive(Debug, Deserialize)]
pub(crate) struct Point(f64, String);

#[derive(Deserialize)]
struct Reply {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

impl Data {
    /// Reads an answer of the API.
    ///
    /// # Errors
    /// It is none, or says what is wrong.
    fn read(answer: &Answer) -> Result<Self, ProbeError> {
        Self::parse(answer.status.as_u16(), &answer.body)
    }

    pub(crate) fn parse(status: u16, body: &[u8]) -> Result<Self, ProbeError> {
        let reply: Reply = match serde_json::from_slice(body) {
            Ok(reply) => reply,
            Err(_) if status == 401 || status == 403 => {
                let text = format!(
                    "the login is refused (status {status}): check `username`, `password_env` and `token_env`"
                );
                return Err(ProbeError::new(text));
            }
            Err(error) => {
                let start = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
                let text = format!(
                    "the answer (status {status}) is none of Prometheus's query API: {error}: {start:?}"
                );
                return Err(ProbeError::new(text));
            }
        };
        match reply.data {
            Some(data) if reply.status == "success" => Ok(data),
            _ if !reply.error.is_empty() => Err(ProbeError::new(reply.error)),
            _ => Err(ProbeError::new(format!("the answer (status {status}) has no data"))),
        }
    }

    pub(crate) fn series(self) -> Vec<Series> {
        let point = |Point(at, value): Point| value.parse::<f64>().ok().map(|value| (at, value));
        match self {
            Self::Vector(list) | Self::Matrix(list) => list
                .into_iter()
                .map(|labelled| Series {
                    labels: labelled.metric,
                    points: labelled
                        .values
                        .into_iter()
                        .chain(labelled.value)
                        .filter_map(point)
                        .collect(),
                })
                .collect(),
            Self::Scalar(value) => {
                vec![Series { labels: BTreeMap::new(), points: point(value).into_iter().collect() }]
            }
            Self::String(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_of_every_type_are_read() {
        let vector = br#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"__name__":"up","route":"/a"},"value":[1795767300.5,"1.5"]},
            {"metric":{},"value":[1795767300.5,"NaN"]}]}}"#;
        let series = Data::parse(200, vector).unwrap().series();
        assert_eq!(series[0].tags(), [("name", "up"), ("route", "/a")]);
        assert_eq!(series[0].points, [(1_795_767_300.5, 1.5)]);
        assert!(series[1].points[0].1.is_nan());
        let matrix = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"a":"b"},"values":[[1,"2"],[2,"4"],[3,"+Inf"]]}]}}"#;
        let row = Data::parse(200, matrix).unwrap().series()[0].row("q").unwrap();
        assert_eq!(
            row[1..],
            [json!("a=b"), json!(2), json!(2.0), json!(3.0), json!(4.0), json!(4.0)]
        );
        let scalar = br#"{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}"#;
        assert_eq!(Data::parse(200, scalar).unwrap().series()[0].points, [(1.0, 7.0)]);
        let text = br#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#;
        assert!(Data::parse(200, text).unwrap().series().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_in_the_servers_words() {
        for (status, body, part) in [
            (
                400,
                r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: x"}"#,
                "1:5: parse error: x",
            ),
            (401, "Unauthorized", "the login is refused"),
            (200, "<html>", "none of Prometheus's query API"),
            (200, r#"{"status":"success"}"#, "has no data"),
            (200, "", "none of Prometheus's"),
        ] {
            let error = Data::parse(status, body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Data::parse(status, &body).map(Data::series);
        }

        #[test]
        fn any_json_is_read_or_refused(body in r#"\{"status":"success","data":\{"resultType":"(vector|matrix|scalar|x)","result":[\[\]\{\}a-z0-9",:.-]{0,60}\}\}"#) {
            for series in Data::parse(200, body.as_bytes()).map(Data::series).unwrap_or_default() {
                let _ = (series.tags().len(), series.row("q"));
            }
        }
    }
}
