//! `--out json=FILE[.gz]`: one JSON object a line, as k6 writes it (its output reference, section F).
//!
//! Formatting and writing happen on a thread of their own, so that a slow disk never holds up the run: batches wait in
//! a bounded queue, and those that find it full are counted and told.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use metrics::{Contains, MetricInfo, MetricKind, Output, SampleBatch};
use plan::threshold::{Selector, ThresholdDef};

use super::OutputContext;
use super::json_line::{Times, append_point, append_text, tags_object};
use crate::exit::{Failure, system_text};
use crate::log::{Level, Logger};
use crate::terminal::Terminal;

/// Batches that may wait for the writer.
const QUEUE: usize = 256;
/// How often what is buffered reaches the file.
const FLUSH: Duration = Duration::from_millis(200);
/// Series whose tags are kept rendered.
const CACHED_SERIES: usize = 200_000;

/// The output as the run sees it.
pub(super) struct JsonFile {
    queue: Option<SyncSender<SampleBatch>>,
    writer: Option<JoinHandle<()>>,
    log: Logger,
    dropped: u64,
}

impl JsonFile {
    /// Opens the file; an empty name or `-` is standard output.
    ///
    /// # Errors
    /// The file can't be made.
    pub(super) fn create(name: &str, context: &OutputContext<'_>) -> Result<Self, Failure> {
        let sink = match name {
            "" | "-" => Sink::Stdout(context.terminal.clone()),
            name => {
                let file = File::create(name).map_err(|error| {
                    Failure::usage(format!("open {name}: {}", system_text(&error)))
                })?;
                let file = BufWriter::with_capacity(256 * 1024, file);
                if name.ends_with(".gz") {
                    Sink::Gzip(GzEncoder::new(file, Compression::fast()))
                } else {
                    Sink::Plain(file)
                }
            }
        };
        let (queue, batches) = sync_channel(QUEUE);
        let writer = Writer {
            sink,
            thresholds: context.thresholds.to_vec(),
            has_expected_response: context.has_expected_response,
            declared: HashSet::new(),
            tags: HashMap::new(),
            times: Times::default(),
            buffer: String::new(),
            log: context.log.clone(),
            failed: false,
        };
        let thread = rt::thread::start("squall-json", move || writer.run(&batches))
            .map_err(|error| Failure::usage(format!("json output: {}", system_text(&error))))?;
        Ok(Self { queue: Some(queue), writer: Some(thread), log: context.log.clone(), dropped: 0 })
    }
}

impl Output for JsonFile {
    fn samples(&mut self, batch: &SampleBatch) {
        self.dropped += batch.dropped();
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(batch)) = queue.try_send(batch.clone()) {
            self.dropped += batch.len() as u64;
        }
    }

    fn finish(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
        if self.dropped > 0 {
            self.log.warn(&format!(
                "json output: {} samples were dropped because they came faster than they could be written",
                self.dropped
            ));
        }
    }
}

enum Sink {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
    Stdout(Terminal),
}

impl Sink {
    fn write(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(text.as_bytes()),
            Self::Gzip(file) => file.write_all(text.as_bytes()),
            Self::Stdout(terminal) => {
                terminal.out_raw(text.as_bytes());
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            // Flushing a compressor costs compression; its file is whole only at the end anyway.
            Self::Gzip(_) | Self::Stdout(_) => Ok(()),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzip(file) => file.finish()?.flush(),
            Self::Stdout(_) => Ok(()),
        }
    }
}

struct Writer {
    sink: Sink,
    thresholds: Vec<(String, Vec<ThresholdDef>)>,
    has_expected_response: bool,
    declared: HashSet<String>,
    tags: HashMap<(u32, u32), String>,
    times: Times,
    buffer: String,
    log: Logger,
    failed: bool,
}

impl Writer {
    fn run(mut self, batches: &Receiver<SampleBatch>) {
        loop {
            match batches.recv_timeout(FLUSH) {
                Ok(batch) => self.batch(&batch),
                Err(RecvTimeoutError::Timeout) => {
                    let result = self.sink.flush();
                    self.check(result);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let Self { sink, log, failed, .. } = self;
        if let (Err(error), false) = (sink.finish(), failed) {
            tell(&log, &error);
        }
    }

    fn batch(&mut self, batch: &SampleBatch) {
        if self.failed {
            return;
        }
        self.buffer.clear();
        if self.tags.len() > CACHED_SERIES {
            self.tags.clear();
        }
        for sample in batch.samples() {
            let metric = sample.series.metric;
            let name: &str = &metric.name;
            if !self.declared.contains(name) {
                self.declared.insert(name.to_owned());
                let automatic = self.has_expected_response.then_some("expected_response:true");
                append_metric(metric, &self.thresholds, automatic, &mut self.buffer);
            }
            let tags = self
                .tags
                .entry((batch.agent(), sample.series.id.0))
                .or_insert_with(|| tags_object(sample.series.tags()));
            append_point(
                name,
                sample.at_unix_ns,
                sample.value,
                tags,
                &mut self.times,
                &mut self.buffer,
            );
        }
        let result = self.sink.write(&self.buffer);
        self.check(result);
    }

    /// Tells the first trouble; k6 too loses samples then and runs on.
    fn check(&mut self, result: io::Result<()>) {
        if let (Err(error), false) = (result, self.failed) {
            self.failed = true;
            tell(&self.log, &error);
        }
    }
}

fn tell(log: &Logger, error: &io::Error) {
    log.log(
        Level::Error,
        "Couldn't write samples to the JSON file; later samples are lost",
        &[("error", system_text(error))],
    );
}

/// Appends the `Metric` line that comes before a metric's first sample.
fn append_metric(
    metric: &MetricInfo,
    thresholds: &[(String, Vec<ThresholdDef>)],
    automatic: Option<&str>,
    out: &mut String,
) {
    let name: &str = &metric.name;
    out.push_str("{\"type\":\"Metric\",\"data\":{\"name\":");
    append_text(name, out);
    let kind = match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Rate => "rate",
        MetricKind::Trend => "trend",
    };
    let contains = match metric.contains {
        Contains::Default => "default",
        Contains::Time => "time",
        Contains::Data => "data",
    };
    out.push_str(&format!(",\"type\":\"{kind}\",\"contains\":\"{contains}\",\"thresholds\":["));
    let own = thresholds.iter().find(|(selector, _)| selector == name).map(|(_, defs)| defs);
    for (i, def) in own.into_iter().flatten().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::to_string(def).unwrap_or_else(|_| "null".into()));
    }
    out.push_str("],\"submetrics\":");
    append_submetrics(name, thresholds, automatic, out);
    out.push_str("},\"metric\":");
    append_text(name, out);
    out.push_str("}\n");
}

/// `automatic` is the submetric that k6 makes of request durations by itself.
fn append_submetrics(
    name: &str,
    thresholds: &[(String, Vec<ThresholdDef>)],
    automatic: Option<&str>,
    out: &mut String,
) {
    let mut suffixes: Vec<String> = thresholds
        .iter()
        .filter_map(|(selector, _)| {
            selector.strip_prefix(name)?.strip_prefix('{')?.strip_suffix('}')
        })
        .map(str::to_owned)
        .collect();
    if let Some(automatic) = automatic
        && name == "http_req_duration"
        && !suffixes.iter().any(|suffix| suffix == automatic)
    {
        suffixes.push(automatic.to_owned());
    }
    if suffixes.is_empty() {
        out.push_str("null");
        return;
    }
    out.push('[');
    for (i, suffix) in suffixes.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        let full = format!("{name}{{{suffix}}}");
        out.push_str("{\"name\":");
        append_text(&full, out);
        out.push_str(",\"suffix\":");
        append_text(suffix, out);
        out.push_str(",\"tags\":");
        let tags = Selector::parse(&full).map(|selector| selector.tags).unwrap_or_default();
        let mut tags: Vec<(&str, &str)> =
            tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        tags.sort_unstable();
        out.push_str(&tags_object(tags.into_iter()));
        out.push('}');
    }
    out.push(']');
}
