//! `--out statsd`: as k6 1.x and its extension send it, by UDP. Counters and rates are added up and gauges kept to their
//! last value before they are sent, once an interval; every value of a trend is sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use metrics::{BatchSeries, MetricKind, Needs, Output, SampleBatch};
use rustc_hash::FxHashMap;

use crate::config::Layers;
use crate::context::{Context, Level};
use crate::filter::Filter;
use crate::packets::Packets;
use crate::push::{Due, Item, PushOutput, Station};
use crate::queue::Tally;
use crate::wanted::{OutputError, Plan, system_text};

/// Bytes of a packet that fits into an Ethernet frame.
const PAYLOAD: usize = 1_432;
/// Text that has grown to this is sent before its time, bytes.
const FULL_TEXT: usize = 1 << 20;
/// Series whose lines are kept half rendered.
const CACHED_SERIES: usize = 200_000;

/// The output's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    address: String,
    lines_per_packet: usize,
    namespace: String,
    push_interval: Duration,
    tags: Tags,
}

/// Which tags are sent, in Datadog's form.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    None,
    AllBut(Vec<String>),
}

impl Settings {
    /// Reads `host:port` (ours; k6 takes no argument), variables and the configuration file.
    ///
    /// # Errors
    /// A variable that can't be read.
    pub(crate) fn read(argument: &str, context: &Context) -> Result<Self, OutputError> {
        let layers = Layers::of("statsd", context);
        let address = layers.text("addr", "K6_STATSD_ADDR")?;
        let blocked = layers.list("tagBlocklist", "K6_STATSD_TAG_BLOCKLIST")?;
        let blocked = blocked.unwrap_or_else(|| ["vu", "iter", "url"].map(str::to_owned).to_vec());
        let with_tags = layers.switch("enableTags", "K6_STATSD_ENABLE_TAGS")?.unwrap_or(false);
        let buffer = layers.int("bufferSize", "K6_STATSD_BUFFER_SIZE")?;
        Ok(Self {
            address: Some(argument.to_owned())
                .filter(|argument| !argument.is_empty())
                .or(address)
                .unwrap_or_else(|| "localhost:8125".into()),
            lines_per_packet: buffer
                .and_then(|n| n.try_into().ok())
                .filter(|n| *n > 0)
                .unwrap_or(20),
            namespace: layers
                .text("namespace", "K6_STATSD_NAMESPACE")?
                .unwrap_or_else(|| "k6.".into()),
            push_interval: layers
                .duration("pushInterval", "K6_STATSD_PUSH_INTERVAL")?
                .filter(|interval| !interval.is_zero())
                .unwrap_or(Duration::from_secs(1)),
            tags: if with_tags { Tags::AllBut(blocked) } else { Tags::None },
        })
    }
}

impl Plan for Settings {
    fn description(&self) -> String {
        format!("statsd ({})", self.address)
    }

    fn open(&self, context: &Context, filter: Filter) -> Result<Box<dyn Output>, OutputError> {
        let packets =
            Packets::to(&self.address, PAYLOAD, self.lines_per_packet).map_err(|error| {
                OutputError::Start(format!(
                    "Couldn't make buffered client, {}",
                    system_text(&error)
                ))
            })?;
        let settings = self.clone();
        let output =
            PushOutput::start(Needs::Samples, self.description(), context, move |station| {
                run(settings, filter, packets, station)
            })?;
        Ok(Box::new(output))
    }
}

async fn run(settings: Settings, filter: Filter, packets: Packets, station: Station) {
    let Station { mut inbox, tally, log, .. } = station;
    let push_interval = settings.push_interval;
    let mut sums = Sums {
        settings,
        filter,
        series: FxHashMap::default(),
        counters: BTreeMap::new(),
        gauges: BTreeMap::new(),
        text: String::new(),
        n_of_text: 0,
        n: 0,
    };
    let mut due = rt::now() + push_interval;
    let mut lost = 0;
    loop {
        let is_over = match inbox.next_until(due).await {
            Ok(Some(Item::Samples(batch))) => {
                sums.add(&batch);
                if sums.text.len() < FULL_TEXT {
                    continue;
                }
                lost += sums.send_values(&packets, &tally);
                continue;
            }
            Ok(Some(Item::Snapshot(_))) => continue,
            Ok(None) => true,
            Err(Due) => false,
        };
        due = rt::now() + push_interval;
        lost += sums.send_values(&packets, &tally);
        lost += sums.send_sums(&packets, &tally);
        if lost > 0 {
            let fields = [("output", "statsd".to_owned())];
            log.log(Level::Warning, &format!("Couldn't send {lost} samples"), &fields);
            lost = 0;
        }
        if is_over {
            return;
        }
    }
}

/// How a series is sent.
#[derive(Debug, Clone)]
enum Line {
    /// Not at all.
    None,
    /// The name before the value, the type and tags after it.
    Value {
        head: String,
        tail: String,
    },
    Gauge(Arc<str>),
    Counter(Arc<str>),
    /// The keys of values that are not zero, and of those that are.
    Check {
        pass: Arc<str>,
        fail: Arc<str>,
    },
}

struct Sums {
    settings: Settings,
    filter: Filter,
    series: FxHashMap<(u32, u32), Line>,
    /// `name|c|#tags` and the sum; the fraction that was not sent stays.
    counters: BTreeMap<Arc<str>, f64>,
    gauges: BTreeMap<Arc<str>, f64>,
    /// Lines of trends that were not sent yet.
    text: String,
    n_of_text: u64,
    /// Samples in the sums that were not sent yet.
    n: u64,
}

impl Sums {
    fn add(&mut self, batch: &SampleBatch) {
        if self.series.len() > CACHED_SERIES {
            self.series.clear();
        }
        for sample in batch.samples() {
            let Self { settings, filter, series, .. } = self;
            let line = series
                .entry((batch.agent(), sample.series.id.0))
                .or_insert_with(|| settings.line(filter, &sample.series));
            let (sum, value) = match line {
                Line::None => continue,
                Line::Value { head, tail } => {
                    let _ = writeln!(self.text, "{head}{:.6}{tail}", sample.value);
                    self.n_of_text += 1;
                    continue;
                }
                Line::Gauge(key) => {
                    self.gauges.insert(Arc::clone(key), sample.value);
                    self.n += 1;
                    continue;
                }
                Line::Counter(key) => (key, sample.value),
                Line::Check { fail, .. } if sample.value == 0.0 => (fail, 1.0),
                Line::Check { pass, .. } => (pass, 1.0),
            };
            match self.counters.get_mut(sum) {
                Some(sum) => *sum += value,
                None => {
                    self.counters.insert(Arc::clone(sum), value);
                }
            }
            self.n += 1;
        }
    }

    /// Sends the values of trends; returns how many samples were lost.
    fn send_values(&mut self, packets: &Packets, tally: &Tally) -> u64 {
        let n = std::mem::take(&mut self.n_of_text);
        let sent = packets.send(&self.text).min(n);
        self.text.clear();
        tally.delivered(sent);
        tally.undelivered(n - sent);
        n - sent
    }

    /// Sends sums and last values; returns how many samples were lost.
    fn send_sums(&mut self, packets: &Packets, tally: &Tally) -> u64 {
        let mut text = String::new();
        for (key, sum) in &mut self.counters {
            let whole = sum.trunc();
            // A counter of whole numbers: what is left of 2.5 comes with the next.
            *sum -= whole;
            if whole != 0.0 {
                append_keyed(key, &format!("{whole:.0}"), &mut text);
            }
        }
        for (key, value) in std::mem::take(&mut self.gauges) {
            append_keyed(&key, &format!("{value:.6}"), &mut text);
        }
        let lines = text.lines().count() as u64;
        let lost = if packets.send(&text) == lines { 0 } else { self.n };
        tally.delivered(self.n - lost);
        tally.undelivered(lost);
        self.n = 0;
        lost
    }
}

/// `name|c|#tags` and a value → `name:value|c|#tags`.
fn append_keyed(key: &str, value: &str, out: &mut String) {
    let (name, rest) = key.split_once('|').unwrap_or((key, "c"));
    let _ = writeln!(out, "{name}:{value}|{rest}");
}

impl Settings {
    fn line(&self, filter: &Filter, series: &BatchSeries<'_>) -> Line {
        if !filter.takes(series.metric) {
            return Line::None;
        }
        let name = format!("{}{}", self.namespace, series.metric.name);
        let tags = self.tags_of(series);
        match series.metric.kind {
            MetricKind::Trend => {
                Line::Value { head: format!("{}:", clean(&name)), tail: format!("|ms{tags}") }
            }
            MetricKind::Gauge => Line::Gauge(format!("{}|g{tags}", clean(&name)).into()),
            MetricKind::Counter => Line::Counter(format!("{}|c{tags}", clean(&name)).into()),
            MetricKind::Rate => match series.tags().find(|(key, _)| *key == "check") {
                Some((_, check)) => {
                    let key = |end: &str| {
                        let name = format!("{}check.{check}.{end}", self.namespace);
                        format!("{}|c{tags}", clean(&name)).into()
                    };
                    Line::Check { pass: key("pass"), fail: key("fail") }
                }
                None => Line::Counter(format!("{}|c{tags}", clean(&name)).into()),
            },
        }
    }

    /// `|#key:value,…`, or nothing.
    fn tags_of(&self, series: &BatchSeries<'_>) -> String {
        let Tags::AllBut(blocked) = &self.tags else { return String::new() };
        let mut out = String::new();
        for (key, value) in series.tags() {
            if value.is_empty() || blocked.iter().any(|tag| tag == key) {
                continue;
            }
            out.push_str(if out.is_empty() { "|#" } else { "," });
            // A comma ends a tag, a bar the tags; a value may have colons.
            let text = format!("{key}:{value}");
            out.extend(
                text.chars().map(|c| if matches!(c, ',' | '|' | '\n' | '\r') { '_' } else { c }),
            );
        }
        out
    }
}

/// A name without what would end it.
fn clean(name: &str) -> String {
    name.chars().map(|c| if matches!(c, ':' | '|' | '@' | '\n' | '\r') { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use metrics::{Contains, Registry, Shard, ShardConfig, builtin};

    use super::*;
    use crate::context::tests::context;

    #[test]
    fn samples_become_k6s_lines() {
        let settings =
            Settings::read("", &context(&[("K6_STATSD_ENABLE_TAGS", "true")], "{}")).unwrap();
        assert_eq!(settings.description(), "statsd (localhost:8125)");
        let registry = Arc::new(Registry::with_builtins());
        let own = registry.declare("my_counter", MetricKind::Counter, Contains::Default).unwrap();
        let mut shard = Shard::new(1, registry, ShardConfig::STANDARD);
        shard.set_raw_tap(true);
        let tags = shard.tag_set(&[("url", "u"), ("status", "200"), ("error", "a,b|c")]);
        let check = shard.tag_set(&[("check", "is: ok")]);
        shard.add(own, tags, 2.5, 1);
        shard.add(own, tags, 2.75, 1);
        shard.add(builtin::HTTP_REQ_DURATION, tags, 1.5, 1);
        shard.add(builtin::CHECKS, check, 1.0, 1);
        shard.add(builtin::CHECKS, check, 0.0, 1);
        shard.add(builtin::CHECKS, check, 1.0, 1);
        shard.add(builtin::VUS, check, 1.0, 1);
        shard.add(builtin::VUS, check, 7.0, 1);
        shard.add(builtin::HTTP_REQ_FAILED, tags, 1.0, 1);
        let batch = shard.take_batch().unwrap();

        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let packets = Packets::to(&receiver.local_addr().unwrap().to_string(), 1_432, 20).unwrap();
        let tally = Tally::default();
        let mut sums = Sums {
            settings,
            filter: Filter::default(),
            series: FxHashMap::default(),
            counters: BTreeMap::new(),
            gauges: BTreeMap::new(),
            text: String::new(),
            n_of_text: 0,
            n: 0,
        };
        sums.add(&batch);
        assert_eq!(sums.send_values(&packets, &tally) + sums.send_sums(&packets, &tally), 0);
        assert_eq!(tally.delivery("").delivered, 9);
        let mut lines = Vec::new();
        for _ in 0..2 {
            let mut packet = [0; 2_000];
            let n = receiver.recv(&mut packet).unwrap();
            lines.extend(String::from_utf8_lossy(&packet[..n]).lines().map(str::to_owned));
        }
        assert_eq!(
            lines,
            [
                "k6.http_req_duration:1.500000|ms|#error:a_b_c,status:200",
                "k6.check.is_ ok.fail:1|c|#check:is: ok",
                "k6.check.is_ ok.pass:2|c|#check:is: ok",
                "k6.http_req_failed:1|c|#error:a_b_c,status:200",
                "k6.my_counter:5|c|#error:a_b_c,status:200",
                "k6.vus:7.000000|g|#check:is: ok",
            ]
        );
    }
}
