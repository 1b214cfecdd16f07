//! `--out opentelemetry`: sums by series, exported as OTLP metrics over gRPC or HTTP, named and shaped as by k6 and the
//! OpenTelemetry library it uses (k6's output reference, section F).

mod grpc;
mod kept;
mod message;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{Contains, MetricKind, Needs, Output};
use net::tls::TlsConfig;
use prost::Message as _;

use self::grpc::Grpc;
use self::kept::{Kept, Span, number_point};
use self::message::{
    Data, ExponentialHistogram, ExportMetricsServiceRequest, ExportMetricsServiceResponse, Gauge,
    Histogram, KeyValue, Metric, Number, Resource, ResourceMetrics, Scope, ScopeMetrics, Sum,
};
use self::settings::Protocol;
pub(crate) use self::settings::Settings;
use crate::context::{Context, Level, Log};
use crate::filter::Filter;
use crate::http::{Poster, USER_AGENT};
use crate::push::{Due, Ending, Item, PushOutput, Station};
use crate::queue::Tally;
use crate::series::Store;
use crate::wanted::{OutputError, Plan};

/// Points of one request: some 2 MB.
const POINTS_PER_REQUEST: usize = 5_000;
const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;

impl Plan for Settings {
    fn description(&self) -> String {
        format!("opentelemetry ({})", self.text())
    }

    fn open(&self, context: &Context, filter: Filter) -> Result<Box<dyn Output>, OutputError> {
        let tls = self.connection.check()?;
        let settings = self.clone();
        let output =
            PushOutput::start(Needs::Snapshots, self.description(), context, move |station| {
                run(settings, filter, tls, station)
            })?;
        Ok(Box::new(output))
    }
}

async fn run(settings: Settings, filter: Filter, tls: Arc<TlsConfig>, station: Station) {
    let Station { mut inbox, tally, ending, log } = station;
    let exporter = match Exporter::new(&settings, tls, &ending) {
        Ok(exporter) => exporter,
        Err(error) => {
            let fields = [("error", error.to_string())];
            log.log(Level::Error, "failed to create OpenTelemetry exporter", &fields);
            while inbox.next().await.is_some() {}
            return;
        }
    };
    let begun = rt::unix_nanos();
    let interval = settings.export_interval;
    let mut sender =
        Sender { settings, exporter, tally, log, store: Store::new(filter), since: begun };
    let mut due = rt::now() + interval;
    loop {
        match inbox.next_until(due).await {
            Ok(Some(Item::Snapshot(snapshot))) => sender.store.merge(&snapshot),
            Ok(Some(Item::Samples(_))) => {}
            Ok(None) => break,
            Err(Due) => {
                sender.export("failed to upload metrics").await;
                due = (due + interval).max(rt::now());
            }
        }
    }
    sender.export("can't shutdown OpenTelemetry metric provider").await;
    sender.tally.undelivered(sender.store.left_out);
}

/// Who carries requests.
enum Exporter {
    Http(Box<Poster>),
    Grpc(Box<Grpc>),
}

impl Exporter {
    fn new(settings: &Settings, tls: Arc<TlsConfig>, ending: &Ending) -> Result<Self, OutputError> {
        match settings.protocol {
            Protocol::Http => {
                let mut headers = vec![
                    ("User-Agent".to_owned(), USER_AGENT.to_owned()),
                    ("Content-Type".to_owned(), "application/x-protobuf".to_owned()),
                ];
                headers.extend(settings.headers.iter().cloned());
                let poster = Poster::new(&settings.url(), &headers, tls, ending.clone())?;
                Ok(Self::Http(Box::new(poster)))
            }
            Protocol::Grpc => {
                let grpc = Grpc::new(settings, tls, ending.clone())?;
                Ok(Self::Grpc(Box::new(grpc)))
            }
        }
    }

    /// Sends a request; returns how many points of it were refused, and why.
    async fn export(&self, message: Vec<u8>) -> Result<(u64, String), String> {
        match self {
            Self::Grpc(grpc) => {
                let answer = grpc.export(&message).await.map_err(|refusal| refusal.text)?;
                Ok(partial(&answer))
            }
            Self::Http(poster) => {
                let answer = poster.post(message).await.map_err(|refusal| refusal.text)?;
                Ok(partial(&answer))
            }
        }
    }
}

/// What an answer says about points that were not taken. One that is no message of the protocol says nothing.
fn partial(answer: &[u8]) -> (u64, String) {
    let answer = ExportMetricsServiceResponse::decode(answer).unwrap_or_default();
    let partial = answer.partial_success.unwrap_or_default();
    (u64::try_from(partial.rejected_data_points).unwrap_or(0), partial.error_message)
}

struct Sender {
    settings: Settings,
    exporter: Exporter,
    tally: Tally,
    log: Arc<dyn Log>,
    store: Store<Kept>,
    /// From when on what is kept was measured, unix nanoseconds.
    since: u64,
}

impl Sender {
    /// Exports every series, as the SDK does; in delta mode those that changed.
    async fn export(&mut self, trouble: &str) {
        let span = Span { start: self.since, end: rt::unix_nanos() };
        let mut chunk: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut n = 0;
        let mut chunks = Vec::new();
        for (place, series) in self.store.series.iter().enumerate() {
            if self.settings.is_delta && !series.is_fresh {
                continue;
            }
            chunk.entry(series.metric).or_default().push(place);
            n += 1;
            if n % POINTS_PER_REQUEST == 0 {
                chunks.push(std::mem::take(&mut chunk));
            }
        }
        chunks.push(chunk);
        for chunk in chunks.into_iter().filter(|chunk| !chunk.is_empty()) {
            let points = chunk.values().map(Vec::len).sum::<usize>() as u64;
            match self.exporter.export(self.request(&chunk, span).encode_to_vec()).await {
                Ok((refused, why)) => {
                    let refused = refused.min(points);
                    self.tally.delivered(points - refused);
                    self.tally.undelivered(refused);
                    if refused > 0 {
                        self.log.log(Level::Warning, "OTLP partial success", &[("error", why)]);
                    }
                    for place in chunk.values().flatten() {
                        let series = &mut self.store.series[*place];
                        series.is_fresh = false;
                        if self.settings.is_delta {
                            series.kept.reset();
                        }
                    }
                }
                // Sums go on from where they are: what was not exported now is in the next export.
                Err(error) => {
                    self.tally.undelivered(points);
                    self.log.log(Level::Error, trouble, &[("error", error)]);
                }
            }
        }
        if self.settings.is_delta {
            self.since = span.end;
        }
    }

    fn request(
        &self,
        chunk: &BTreeMap<usize, Vec<usize>>,
        span: Span,
    ) -> ExportMetricsServiceRequest {
        let metrics = chunk.iter().map(|(metric, places)| self.metric(*metric, places, span));
        let own = [
            ("service.name", self.settings.service_name.as_str()),
            ("service.version", self.settings.service_version.as_str()),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.name", "squall"),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        let mut attributes: BTreeMap<&str, &str> =
            self.settings.resource.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        attributes.extend(own);
        let resource = Resource {
            attributes: attributes.into_iter().map(|(k, v)| KeyValue::text(k, v)).collect(),
        };
        let scope_metrics = vec![ScopeMetrics {
            scope: Some(Scope { name: "k6".into() }),
            metrics: metrics.collect(),
        }];
        let all = ResourceMetrics { resource: Some(resource), scope_metrics };
        ExportMetricsServiceRequest { resource_metrics: vec![all] }
    }

    fn metric(&self, metric: usize, places: &[usize], span: Span) -> Metric {
        let known = &self.store.metrics[metric];
        let temporality = if self.settings.is_delta { DELTA } else { CUMULATIVE };
        let attributes = |place: usize| -> Vec<KeyValue> {
            self.store.series[place].tags.iter().map(|(k, v)| KeyValue::text(k, v)).collect()
        };
        let numbers = || {
            let points = places.iter().flat_map(|place| {
                let attributes = attributes(*place);
                let point = move |(more, value): (Option<KeyValue>, Number)| {
                    let mut attributes = attributes.clone();
                    attributes.extend(more);
                    number_point(span, attributes, value)
                };
                self.store.series[*place].kept.numbers().into_iter().map(point)
            });
            points.collect()
        };
        let trends = || {
            places.iter().filter_map(|place| match &self.store.series[*place].kept {
                Kept::Trend(trend) => Some((trend, attributes(*place))),
                _ => None,
            })
        };
        let mut name = format!("{}{}", self.settings.metric_prefix, known.name);
        let mut unit = match known.contains {
            Contains::Time => "ms",
            Contains::Data => "By",
            Contains::Default => "",
        };
        let sum = |data_points| {
            Data::Sum(Sum { data_points, aggregation_temporality: temporality, is_monotonic: true })
        };
        let data = match known.kind {
            MetricKind::Counter => sum(numbers()),
            MetricKind::Gauge => Data::Gauge(Gauge { data_points: numbers() }),
            MetricKind::Rate => {
                name.push_str(".total");
                unit = "";
                sum(numbers())
            }
            MetricKind::Trend if self.settings.is_exponential => {
                Data::Exponential(ExponentialHistogram {
                    data_points: trends().map(|(t, tags)| t.exponential(span, tags)).collect(),
                    aggregation_temporality: temporality,
                })
            }
            MetricKind::Trend => Data::Histogram(Histogram {
                data_points: trends().map(|(t, tags)| t.explicit(span, tags)).collect(),
                aggregation_temporality: temporality,
            }),
        };
        Metric { name, unit: unit.to_owned(), data: Some(data) }
    }
}
