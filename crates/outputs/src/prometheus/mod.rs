//! `--out experimental-prometheus-rw`: sums by series, sent by Prometheus remote write 1.0.
//!
//! What is sent is cumulative since the test's start, so a request that failed loses points in time and no counts. Series
//! are named and valued as by k6 (its output reference, section F), but for two faults of k6's: the count of a trend of
//! times is not divided by 1,000, and labels that Prometheus would refuse (with all others of the request) are renamed.

mod message;
mod native;
mod settings;

use std::sync::Arc;

use metrics::{Contains, Needs, Output, Sink};
use net::tls::TlsConfig;
use prost::Message as _;

use self::message::{Label, Sample, TimeSeries, WriteRequest};
use self::native::Kept;
pub(crate) use self::settings::Settings;
use self::settings::StatKind;
use crate::context::{Context, Level, Log};
use crate::filter::Filter;
use crate::http::Poster;
use crate::push::{Due, Item, PushOutput, Station};
use crate::queue::Tally;
use crate::series::{Keep, Metric, Store};
use crate::wanted::{OutputError, Plan};

/// Time series of one request.
const SERIES_PER_REQUEST: usize = 5_000;
/// Tells Prometheus that a series has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

impl Plan for Settings {
    fn description(&self) -> String {
        format!("Prometheus remote write ({})", self.url)
    }

    fn open(&self, context: &Context, filter: Filter) -> Result<Box<dyn Output>, OutputError> {
        let tls = self.connection.check()?;
        let settings = self.clone();
        let output = PushOutput::start(
            Needs::Snapshots,
            self.description(),
            context,
            move |station| async {
                if settings.native_histograms {
                    run::<Kept>(settings, filter, tls, station).await;
                } else {
                    run::<Sink>(settings, filter, tls, station).await;
                }
            },
        )?;
        Ok(Box::new(output))
    }
}

/// What trends add up to decides how they are sent.
trait Trend: Keep {
    /// The values of a series at a time.
    fn points(&self, metric: &Metric, settings: &Settings) -> Vec<Point>;
}

/// A value with the end of its series' name.
enum Point {
    Value(String, f64),
    Native(String, Box<native::Native>),
}

impl Trend for Sink {
    fn points(&self, metric: &Metric, settings: &Settings) -> Vec<Point> {
        let value = |suffix: &str, value: f64| vec![Point::Value(suffix.to_owned(), value)];
        let trend = match self {
            Sink::Counter { sum } => return value("_total", *sum),
            Sink::Gauge { last, .. } => return value("", *last),
            Sink::Rate { trues, total } => {
                return value("_rate", *trues as f64 / (*total).max(1) as f64);
            }
            Sink::Trend(trend) => trend,
        };
        let unit = if metric.contains == Contains::Time { 1_000.0 } else { 1.0 };
        let point = |stat: &settings::TrendStat| {
            let value = match stat.kind {
                StatKind::Count => trend.count() as f64,
                StatKind::Avg => trend.avg() / unit,
                StatKind::Min => trend.min() / unit,
                StatKind::Max => trend.max() / unit,
                StatKind::Sum => trend.sum() / unit,
                StatKind::Percentile(rank) => trend.percentile(rank) / unit,
            };
            Point::Value(format!("_{}", stat.suffix), value)
        };
        settings.trend_stats.iter().map(point).collect()
    }
}

impl Trend for Kept {
    fn points(&self, metric: &Metric, settings: &Settings) -> Vec<Point> {
        let native = match self {
            Self::Sink(sink) => return sink.points(metric, settings),
            Self::Native(native) => native,
        };
        let unit = match metric.contains {
            Contains::Time => "_seconds",
            Contains::Data => "_bytes",
            Contains::Default => "",
        };
        vec![Point::Native(unit.to_owned(), Box::new(native.clone()))]
    }
}

async fn run<K: Trend>(settings: Settings, filter: Filter, tls: Arc<TlsConfig>, station: Station) {
    let Station { mut inbox, tally, ending, log } = station;
    let mut poster = match Poster::new(&settings.url, &settings.headers, tls, ending) {
        Ok(poster) => poster,
        Err(error) => {
            tell(&log, &error.to_string());
            while inbox.next().await.is_some() {}
            return;
        }
    };
    // What failed is superseded by the next values: trying longer than an interval would only delay them.
    poster.retry_for = settings.push_interval;
    let mut sender =
        Sender { settings, poster, tally, log, store: Store::<K>::new(filter), sent: Vec::new() };
    let mut due = rt::now() + sender.settings.push_interval;
    loop {
        match inbox.next_until(due).await {
            Ok(Some(Item::Snapshot(snapshot))) => sender.store.merge(&snapshot),
            Ok(Some(Item::Samples(_))) => {}
            Ok(None) => break,
            Err(Due) => {
                sender.push(false).await;
                due = (due + sender.settings.push_interval).max(rt::now());
            }
        }
    }
    sender.push(true).await;
    if sender.settings.stale_markers {
        sender.push_stale().await;
    }
    sender.tally.undelivered(sender.store.left_out);
}

struct Sender<K> {
    settings: Settings,
    poster: Poster,
    tally: Tally,
    log: Arc<dyn Log>,
    store: Store<K>,
    /// When each series was sent last, unix milliseconds.
    sent: Vec<i64>,
}

impl<K: Trend> Sender<K> {
    /// Sends what changed. Values with a time that was sent before wait for the next push, or get a later time at the
    /// end: receivers take such for duplicates.
    async fn push(&mut self, is_last: bool) {
        self.sent.resize(self.store.series.len(), 0);
        let mut request = Vec::new();
        let mut requests = Vec::new();
        for (series, sent) in self.store.series.iter_mut().zip(&mut self.sent) {
            let mut unix_ms = i64::try_from(series.changed_unix_ns / 1_000_000).unwrap_or(i64::MAX);
            if is_last {
                unix_ms = unix_ms.max(*sent + 1);
            }
            if !series.is_fresh || unix_ms <= *sent {
                continue;
            }
            series.is_fresh = false;
            *sent = unix_ms;
            let metric = &self.store.metrics[series.metric];
            for point in series.kept.points(metric, &self.settings) {
                request.push(time_series(metric, &series.tags, point, unix_ms));
            }
            if request.len() >= SERIES_PER_REQUEST {
                requests.push(std::mem::take(&mut request));
            }
        }
        requests.push(request);
        for timeseries in requests.into_iter().filter(|request| !request.is_empty()) {
            self.post(timeseries, "Failed to send the time series data to the endpoint").await;
        }
    }

    /// Marks every series as ended.
    async fn push_stale(&mut self) {
        let now_ms = i64::try_from(rt::unix_nanos() / 1_000_000).unwrap_or(i64::MAX);
        let newest = self.sent.iter().copied().max().unwrap_or(0);
        let unix_ms = now_ms.max(newest) + 1;
        let mut all = Vec::new();
        for series in self.store.series.iter().filter(|series| series.changed_unix_ns > 0) {
            let metric = &self.store.metrics[series.metric];
            for point in series.kept.points(metric, &self.settings) {
                let (Point::Value(suffix, _) | Point::Native(suffix, _)) = point;
                let stale = Point::Value(suffix, f64::from_bits(STALE));
                all.push(time_series(metric, &series.tags, stale, unix_ms));
            }
        }
        for chunk in all.chunks(SERIES_PER_REQUEST) {
            self.post(chunk.to_vec(), "marking time series as stale failed").await;
        }
    }

    async fn post(&self, timeseries: Vec<TimeSeries>, trouble: &str) {
        let n = timeseries.len() as u64;
        let bytes = WriteRequest { timeseries }.encode_to_vec();
        let result = match snap::raw::Encoder::new().compress_vec(&bytes) {
            Ok(body) => self.poster.post(body).await.map_err(|refusal| match refusal.status {
                Some(status) => format!(
                    "got status code: {status} instead expected a 2xx successful status code ({})",
                    refusal.text
                ),
                None => format!("HTTP POST request failed: {}", refusal.text),
            }),
            Err(error) => Err(error.to_string()),
        };
        match result {
            Ok(_) => self.tally.delivered(n),
            Err(text) => {
                self.tally.undelivered(n);
                let fields = [("error", text), ("output", "Prometheus remote write".to_owned())];
                self.log.log(Level::Error, trouble, &fields);
            }
        }
    }
}

fn tell(log: &Arc<dyn Log>, error: &str) {
    let fields = [("error", error.to_owned()), ("output", "Prometheus remote write".to_owned())];
    log.log(Level::Error, "failed to initialize the Prometheus remote write client", &fields);
}

fn time_series(
    metric: &Metric,
    tags: &[(String, String)],
    point: Point,
    timestamp: i64,
) -> TimeSeries {
    let (suffix, samples, histograms) = match point {
        Point::Value(suffix, value) => (suffix, vec![Sample { value, timestamp }], Vec::new()),
        Point::Native(suffix, native) => (suffix, Vec::new(), vec![native.message(timestamp)]),
    };
    TimeSeries { labels: labels(&metric.name, &suffix, tags), samples, histograms }
}

/// `__name__` and the tags, sorted by name as the protocol demands.
fn labels(metric: &str, suffix: &str, tags: &[(String, String)]) -> Vec<Label> {
    let mut labels: Vec<Label> = tags
        .iter()
        .map(|(key, value)| Label { name: label_name(key), value: value.clone() })
        .collect();
    labels.push(Label { name: "__name__".into(), value: format!("k6_{metric}{suffix}") });
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    labels.dedup_by(|a, b| a.name == b.name);
    labels
}

/// A name Prometheus takes: letters, digits and underscores, no digit first.
fn label_name(key: &str) -> String {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut name: String = key.chars().map(|c| if is_fine(c) { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_fit_for_prometheus() {
        let tags = [("Z", "1"), ("weird key", "x"), ("weird-key", "y"), ("1st", "z")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let labels = labels("http_reqs", "_total", &tags);
        let seen: Vec<(&str, &str)> =
            labels.iter().map(|l| (l.name.as_str(), l.value.as_str())).collect();
        assert_eq!(
            seen,
            [("Z", "1"), ("_1st", "z"), ("__name__", "k6_http_reqs_total"), ("weird_key", "x")]
        );
    }
}
