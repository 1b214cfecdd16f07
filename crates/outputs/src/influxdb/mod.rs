//! `--out influxdb=http://host:8086/db`: every sample a point, in InfluxDB's line protocol (version 1, or 2 when a
//! bucket, an organization or a token is given).

mod line;
mod settings;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use metrics::{Needs, Output, SampleBatch};
use net::tls::{TlsConfig, Verify};
use rustc_hash::FxHashMap;

use self::line::Frame;
use self::settings::Api;
pub(crate) use self::settings::Settings;
use crate::context::{Context, Level, Log};
use crate::filter::Filter;
use crate::http::{Connection, Poster, USER_AGENT, basic_auth, query_escape};
use crate::packets::Packets;
use crate::push::{Due, Item, PushOutput, Station};
use crate::queue::Tally;
use crate::wanted::{OutputError, Plan, system_text};

/// A body that has grown to this is sent before its time, bytes. InfluxDB takes 25 MB.
const FULL_BODY: usize = 4 << 20;
/// Series whose lines are kept half rendered.
const CACHED_SERIES: usize = 200_000;

impl Plan for Settings {
    fn description(&self) -> String {
        match self.api {
            Api::V1 { .. } => format!("InfluxDBv1 ({})", self.address),
            Api::V2 { .. } => format!("InfluxDBv2 ({})", self.address),
        }
    }

    fn open(&self, context: &Context, filter: Filter) -> Result<Box<dyn Output>, OutputError> {
        let verify = if self.insecure { Verify::Skip } else { Verify::Full };
        let tls = Connection { verify, ..Connection::PLAIN }.check()?;
        let settings = self.clone();
        let output =
            PushOutput::start(Needs::Samples, self.description(), context, move |station| {
                run(settings, filter, tls, station)
            })?;
        Ok(Box::new(output))
    }
}

impl Settings {
    fn write_url(&self) -> String {
        let base = self.address.trim_end_matches('/');
        let precision = self.precision.name;
        match &self.api {
            Api::V1 { retention, consistency, .. } => format!(
                "{base}/write?consistency={}&db={}&precision={precision}&rp={}",
                query_escape(consistency),
                query_escape(&self.database),
                query_escape(retention),
            ),
            Api::V2 { organization, bucket, .. } => format!(
                "{base}/api/v2/write?bucket={}&org={}&precision={precision}",
                query_escape(bucket),
                query_escape(organization),
            ),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![
            ("User-Agent".to_owned(), USER_AGENT.to_owned()),
            ("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned()),
        ];
        let authorization = match &self.api {
            Api::V1 { username: None, .. } => None,
            Api::V1 { username: Some(name), password, .. } => {
                Some(basic_auth(name, password.as_deref().unwrap_or_default()))
            }
            Api::V2 { token, .. } => Some(format!("Token {token}")),
        };
        headers.extend(authorization.map(|value| ("Authorization".to_owned(), value)));
        headers
    }
}

/// Where bodies go.
enum Target {
    Http(Rc<Poster>),
    Udp(Packets),
}

async fn run(settings: Settings, filter: Filter, tls: Arc<TlsConfig>, station: Station) {
    let Station { mut inbox, tally, ending, log } = station;
    let target = match Target::open(&settings, tls, &ending).await {
        Ok(target) => target,
        Err(error) => {
            tell(&log, &error.to_string());
            // Nothing can be sent: everything is taken and counted as lost.
            while let Some(item) = inbox.next().await {
                if let Item::Samples(batch) = item {
                    tally.undelivered(batch.len() as u64);
                }
            }
            return;
        }
    };
    let mut writer = Writer {
        settings,
        filter,
        target,
        tally,
        log,
        frames: FxHashMap::default(),
        body: String::new(),
        points: 0,
        in_flight: Rc::default(),
        landed: Rc::default(),
    };
    let mut due = rt::now() + writer.settings.push_interval;
    loop {
        match inbox.next_until(due).await {
            Ok(Some(Item::Samples(batch))) => {
                writer.add(&batch);
                if writer.body.len() >= FULL_BODY {
                    writer.send().await;
                }
            }
            Ok(Some(Item::Snapshot(_))) => {}
            Ok(None) => break,
            Err(Due) => {
                due = rt::now() + writer.settings.push_interval;
                writer.send().await;
            }
        }
    }
    writer.send().await;
    writer.settle().await;
}

impl Target {
    async fn open(
        settings: &Settings,
        tls: Arc<TlsConfig>,
        ending: &crate::push::Ending,
    ) -> Result<Self, OutputError> {
        if let Some(address) = settings.address.strip_prefix("udp://") {
            let packets = Packets::to(address, settings.payload_size, usize::MAX)
                .map_err(|error| OutputError::Start(system_text(&error)))?;
            return Ok(Self::Udp(packets));
        }
        if matches!(settings.api, Api::V1 { .. }) {
            // Failing is harmless: the database may be there, and the user need not be its administrator.
            let query = format!(
                "{}/query?db=&params=%7B%7D&q={}",
                settings.address.trim_end_matches('/'),
                query_escape(&format!("CREATE DATABASE {}", settings.database)),
            );
            let create =
                Poster::new(&query, &settings.headers(), Arc::clone(&tls), ending.clone())?;
            let _ = create.attempt(&Rc::from([])).await;
        }
        let poster = Poster::new(&settings.write_url(), &settings.headers(), tls, ending.clone())?;
        Ok(Self::Http(Rc::new(poster)))
    }
}

struct Writer {
    settings: Settings,
    filter: Filter,
    target: Target,
    tally: Tally,
    log: Arc<dyn Log>,
    /// By agent and series; `None` for metrics that the filter keeps out.
    frames: FxHashMap<(u32, u32), Option<Frame>>,
    body: String,
    points: u64,
    in_flight: Rc<Cell<usize>>,
    landed: Rc<rt::Signal>,
}

impl Writer {
    fn add(&mut self, batch: &SampleBatch) {
        if self.frames.len() > CACHED_SERIES {
            self.frames.clear();
        }
        for sample in batch.samples() {
            let key = (batch.agent(), sample.series.id.0);
            let frame = self.frames.entry(key).or_insert_with(|| {
                let metric = sample.series.metric;
                self.filter
                    .takes(metric)
                    .then(|| Frame::new(&metric.name, sample.series.tags(), &self.settings.fields))
            });
            let Some(frame) = frame else { continue };
            if !sample.value.is_finite() {
                // InfluxDB has no infinity.
                self.tally.undelivered(1);
                continue;
            }
            frame.append(sample.value, sample.at_unix_ns, self.settings.precision, &mut self.body);
            self.points += 1;
        }
    }

    /// Sends what was gathered, as soon as fewer than the allowed number of bodies are under way. While it waits,
    /// samples gather in the queue, which is bounded.
    async fn send(&mut self) {
        if self.points == 0 {
            return;
        }
        let poster = match &self.target {
            Target::Http(poster) => Rc::clone(poster),
            Target::Udp(packets) => {
                let sent = packets.send(&self.body);
                self.tally.delivered(sent.min(self.points));
                self.tally.undelivered(self.points.saturating_sub(sent));
                self.points = 0;
                self.body.clear();
                return;
            }
        };
        while self.in_flight.get() >= self.settings.concurrent_writes {
            self.landed.wait().await;
        }
        let room = String::with_capacity(self.body.len());
        let body = std::mem::replace(&mut self.body, room);
        let points = std::mem::take(&mut self.points);
        self.in_flight.set(self.in_flight.get() + 1);
        let (in_flight, landed) = (Rc::clone(&self.in_flight), Rc::clone(&self.landed));
        let (tally, log) = (self.tally.clone(), Arc::clone(&self.log));
        rt::spawn(async move {
            match poster.post(body.into_bytes()).await {
                Ok(_) => tally.delivered(points),
                Err(refusal) => {
                    tally.undelivered(points);
                    tell(&log, &refusal.text);
                }
            }
            in_flight.set(in_flight.get() - 1);
            landed.notify();
        });
    }

    /// Waits until nothing is under way.
    async fn settle(&self) {
        while self.in_flight.get() > 0 {
            self.landed.wait().await;
        }
    }
}

fn tell(log: &Arc<dyn Log>, error: &str) {
    let fields = [("error", error.to_owned()), ("output", "InfluxDBv1".to_owned())];
    log.log(Level::Error, "Couldn't write stats", &fields);
}
