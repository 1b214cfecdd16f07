//! `--out csv=FILE[.gz]`: one sample a row, in k6's columns (its output reference, section F).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use metrics::{BatchSeries, Metadata, Output, SampleBatch};

use crate::config::{Layers, parse_duration};
use crate::context::Context;
use crate::file::{FileOutput, Lines, Place};
use crate::filter::Filter;
use crate::time::LocalTimes;
use crate::wanted::{OutputError, Plan};

/// Series whose columns are kept rendered.
const CACHED_SERIES: usize = 200_000;
/// System tags that k6 keeps as metadata: they have no column of their own.
const METADATA: [&str; 2] = ["iter", "vu"];

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeFormat {
    Unix,
    UnixMilli,
    UnixMicro,
    UnixNano,
    Rfc3339,
    Rfc3339Nano,
}

impl TimeFormat {
    fn parse(text: &str) -> Result<Self, OutputError> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "unix" => Self::Unix,
            "unix_milli" => Self::UnixMilli,
            "unix_micro" => Self::UnixMicro,
            "unix_nano" => Self::UnixNano,
            "rfc3339" => Self::Rfc3339,
            "rfc3339_nano" => Self::Rfc3339Nano,
            _ => {
                return Err(OutputError::Start(format!(
                    "{text} does not belong to TimeFormat values"
                )));
            }
        })
    }
}

/// The output's settings.
#[derive(Debug)]
pub(crate) struct Settings {
    name: String,
    save_interval: Duration,
    time_format: TimeFormat,
}

impl Settings {
    /// Reads `FILE` or `fileName=…,saveInterval=…,timeFormat=…`, variables and the configuration file.
    ///
    /// # Errors
    /// k6's texts.
    pub(crate) fn read(argument: &str, context: &Context) -> Result<Self, OutputError> {
        let layers = Layers::of("csv", context);
        let mut name = layers.text("file_name", "K6_CSV_FILENAME")?;
        let mut save_interval = layers.duration("save_interval", "K6_CSV_SAVE_INTERVAL")?;
        let mut time_format = layers.text("time_format", "K6_CSV_TIME_FORMAT")?;
        if !argument.contains('=') {
            name = Some(argument.to_owned()).filter(|name| !name.is_empty()).or(name);
        } else {
            for pair in argument.split(',') {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                if value.is_empty() {
                    return Err(OutputError::Start(format!(
                        "couldn't parse {argument:?} as argument for csv output"
                    )));
                }
                match key {
                    "saveInterval" => save_interval = Some(parse_duration(value)?),
                    "fileName" => name = Some(value.to_owned()),
                    "timeFormat" => time_format = Some(value.to_owned()),
                    _ => {
                        return Err(OutputError::Start(format!(
                            "unknown key {key:?} as argument for csv output"
                        )));
                    }
                }
            }
        }
        Ok(Self {
            name: name.unwrap_or_else(|| "file.csv".into()),
            save_interval: save_interval.unwrap_or(Duration::from_secs(1)),
            time_format: time_format
                .map_or(Ok(TimeFormat::Unix), |text| TimeFormat::parse(&text))?,
        })
    }
}

impl Plan for Settings {
    fn description(&self) -> String {
        match self.name.as_str() {
            "" | "-" => "csv (stdout)".to_owned(),
            name => format!("csv ({name})"),
        }
    }

    fn open(&self, context: &Context, filter: Filter) -> Result<Box<dyn Output>, OutputError> {
        let place = Place {
            name: &self.name,
            flush_every: self.save_interval,
            description: self.description(),
            trouble: "CSV: Error writing to file",
        };
        let mut columns: Vec<String> = context.system_tags.to_vec();
        columns.retain(|tag| !METADATA.contains(&tag.as_str()));
        columns.sort_unstable();
        let rows = Rows {
            columns,
            time_format: self.time_format,
            filter,
            rendered: HashMap::new(),
            times: LocalTimes::default(),
        };
        let output = FileOutput::start(place, context, rows)
            .map_err(|error| OutputError::Create("csv".into(), error.to_string()))?;
        Ok(Box::new(output))
    }
}

struct Rows {
    /// The system tags with a column, sorted.
    columns: Vec<String>,
    time_format: TimeFormat,
    filter: Filter,
    /// What stands behind the value, by agent and series.
    rendered: HashMap<(u32, u32), String>,
    times: LocalTimes,
}

impl Lines for Rows {
    fn head(&mut self, out: &mut String) {
        out.push_str("metric_name,timestamp,metric_value");
        for column in &self.columns {
            out.push(',');
            append_field(column, out);
        }
        out.push_str(",extra_tags,metadata\n");
    }

    fn lines(&mut self, batch: &SampleBatch, out: &mut String) -> u64 {
        if self.rendered.len() > CACHED_SERIES {
            self.rendered.clear();
        }
        let mut n = 0;
        for sample in batch.samples() {
            let metric = sample.series.metric;
            if !self.filter.takes(metric) {
                continue;
            }
            append_field(&metric.name, out);
            out.push(',');
            self.append_time(sample.at_unix_ns, out);
            out.push(',');
            append_value(sample.value, out);
            let columns = &self.columns;
            let rest = self
                .rendered
                .entry((batch.agent(), sample.series.id.0))
                .or_insert_with(|| tag_columns(columns, &sample.series));
            out.push_str(rest);
            out.push(',');
            if !sample.metadata.is_empty() {
                append_field(&joined(sample.metadata), out);
            }
            out.push('\n');
            n += 1;
        }
        n
    }
}

impl Rows {
    fn append_time(&mut self, unix_ns: u64, out: &mut String) {
        let divisor = match self.time_format {
            TimeFormat::Unix => 1_000_000_000,
            TimeFormat::UnixMilli => 1_000_000,
            TimeFormat::UnixMicro => 1_000,
            TimeFormat::UnixNano => 1,
            TimeFormat::Rfc3339 => return self.times.append_seconds(unix_ns, out),
            TimeFormat::Rfc3339Nano => return self.times.append_nanos(unix_ns, out),
        };
        let _ = write!(out, "{}", unix_ns / divisor);
    }
}

/// Go's `%f`.
fn append_value(value: f64, out: &mut String) {
    if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        let _ = write!(out, "{value:.6}");
    }
}

/// `,a,b,…,x=1&y=2`: the columns of tags, and the other tags in one.
fn tag_columns(columns: &[String], series: &BatchSeries<'_>) -> String {
    let mut out = String::new();
    for column in columns {
        out.push(',');
        if let Some((_, value)) = series.tags().find(|(key, _)| key == column) {
            append_field(value, &mut out);
        }
    }
    let mut extra = String::new();
    for (key, value) in series.tags().filter(|(key, _)| !columns.iter().any(|c| c == key)) {
        if !extra.is_empty() {
            extra.push('&');
        }
        let _ = write!(extra, "{key}={value}");
    }
    out.push(',');
    append_field(&extra, &mut out);
    out
}

/// `vu=1&iter=0`.
fn joined(metadata: &Metadata) -> String {
    let pairs: Vec<String> = metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join("&")
}

/// A field as Go's CSV writer has it.
fn append_field(text: &str, out: &mut String) {
    let needs_quotes = text == r"\."
        || text.contains([',', '"', '\r', '\n'])
        || text.starts_with(char::is_whitespace);
    if needs_quotes {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::context;

    #[test]
    fn fields_are_quoted_as_go_does() {
        for (text, field) in [
            ("", ""),
            ("a b", "a b"),
            (" a", "\" a\""),
            ("ok, \"q\"", "\"ok, \"\"q\"\"\""),
            ("a\nb", "\"a\nb\""),
            (r"\.", "\"\\.\""),
        ] {
            let mut out = String::new();
            append_field(text, &mut out);
            assert_eq!(out, field);
        }
    }

    #[test]
    fn values_have_six_digits() {
        for (value, text) in
            [(1.0, "1.000000"), (1e-7, "0.000000"), (-2.5, "-2.500000"), (f64::INFINITY, "+Inf")]
        {
            let mut out = String::new();
            append_value(value, &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn the_argument_beats_the_variables_and_these_the_file() {
        let context = context(
            &[("K6_CSV_FILENAME", "env.csv"), ("K6_CSV_TIME_FORMAT", "unix_nano")],
            r#"{"csv": {"file_name": "json.csv", "save_interval": "3s", "time_format": "rfc3339"}}"#,
        );
        let read = |argument| Settings::read(argument, &context);
        let plain = read("").unwrap();
        assert_eq!((plain.name.as_str(), plain.time_format), ("env.csv", TimeFormat::UnixNano));
        assert_eq!(plain.save_interval, Duration::from_secs(3));
        let given = read("fileName=x.csv,timeFormat=rfc3339_nano,saveInterval=20ms").unwrap();
        assert_eq!((given.name.as_str(), given.time_format), ("x.csv", TimeFormat::Rfc3339Nano));
        assert_eq!(given.save_interval, Duration::from_millis(20));
        assert_eq!(read("-").unwrap().description(), "csv (stdout)");
        for (argument, text) in [
            ("a=b", "unknown key \"a\" as argument for csv output"),
            ("fileName=", "couldn't parse \"fileName=\" as argument for csv output"),
            ("timeFormat=x", "x does not belong to TimeFormat values"),
        ] {
            assert_eq!(read(argument).unwrap_err().to_string(), text);
        }
    }
}
