//! `--out json=FILE[.gz]`: one JSON object a line, as k6 writes it (its output reference, section F).

mod line;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::{MetricInfo, Output, SampleBatch};
use plan::threshold::{Selector, ThresholdDef};

use self::line::{append_point, append_text, tags_object};
use crate::context::Context;
use crate::file::{FileOutput, Lines, Place};
use crate::filter::Filter;
use crate::time::LocalTimes;
use crate::wanted::{OutputError, Plan};

/// How often what is buffered reaches the file.
const FLUSH: Duration = Duration::from_millis(200);
/// Series whose tags are kept rendered.
const CACHED_SERIES: usize = 200_000;

/// Where to write.
#[derive(Debug)]
pub(crate) struct Settings {
    name: String,
}

impl Settings {
    /// A file; an empty name or `-` is standard output.
    pub(crate) fn new(argument: &str) -> Self {
        Self { name: argument.to_owned() }
    }
}

impl Plan for Settings {
    fn description(&self) -> String {
        format!("json ({})", if self.name.is_empty() { "-" } else { &self.name })
    }

    fn open(&self, context: &Context, filter: Filter) -> Result<Box<dyn Output>, OutputError> {
        let place = Place {
            name: &self.name,
            flush_every: FLUSH,
            description: self.description(),
            trouble: "Couldn't write samples to the JSON file; later samples are lost",
        };
        let lines = JsonLines {
            thresholds: Arc::clone(&context.thresholds),
            has_expected_response: context.has_system_tag("expected_response"),
            filter,
            declared: HashSet::new(),
            tags: HashMap::new(),
            times: LocalTimes::default(),
        };
        Ok(Box::new(FileOutput::start(place, context, lines)?))
    }
}

struct JsonLines {
    thresholds: Arc<[(String, Vec<ThresholdDef>)]>,
    has_expected_response: bool,
    filter: Filter,
    declared: HashSet<Arc<str>>,
    tags: HashMap<(u32, u32), String>,
    times: LocalTimes,
}

impl Lines for JsonLines {
    fn head(&mut self, _: &mut String) {}

    fn lines(&mut self, batch: &SampleBatch, out: &mut String) -> u64 {
        if self.tags.len() > CACHED_SERIES {
            self.tags.clear();
        }
        let mut n = 0;
        for sample in batch.samples() {
            let metric = sample.series.metric;
            if !self.filter.takes(metric) {
                continue;
            }
            if !self.declared.contains(&metric.name) {
                self.declared.insert(Arc::clone(&metric.name));
                let automatic = self.has_expected_response.then_some("expected_response:true");
                append_metric(metric, &self.thresholds, automatic, out);
            }
            let tags = self
                .tags
                .entry((batch.agent(), sample.series.id.0))
                .or_insert_with(|| tags_object(sample.series.tags()));
            append_point(
                &metric.name,
                sample.at_unix_ns,
                sample.value,
                tags,
                sample.metadata,
                &mut self.times,
                out,
            );
            n += 1;
        }
        n
    }
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
    let (kind, contains) = (metric.kind, metric.contains);
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
