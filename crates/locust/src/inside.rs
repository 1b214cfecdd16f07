//! Load on an ASGI application within its own Python process (`python/squall_locust/inside.py`): the process is given a plan,
//! tells once a second how it goes, and at the end what came of it.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use metrics::{MetricKind, Sink, Snapshot, TrendSink};
use serde_json::Value;

use crate::child::Start;

/// Longest line that is read.
const MAX_LINE: u64 = 64 << 20;

/// The process that makes the load.
#[derive(Debug)]
pub struct Inside {
    child: Child,
    lines: BufReader<ChildStdout>,
}

/// How it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// Seconds since the load began.
    pub elapsed_s: f64,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests under way.
    pub under_way: u64,
    /// Requests that found as many under way as may be.
    pub dropped: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Requests started.
    pub issued: u64,
    /// Those given up at the end.
    pub unanswered: u64,
    /// Those not started.
    pub dropped: u64,
    /// Seconds.
    pub elapsed_s: f64,
    /// CPU time of the process, application included, seconds.
    pub cpu_s: f64,
    /// Whether a signal ended it.
    pub is_stopped: bool,
    /// The event loop's library.
    pub event_loop: String,
    /// Failures by kind.
    pub errors: Vec<(String, u64)>,
    /// Bytes of bodies sent.
    pub sent: u64,
    /// Bytes of bodies received.
    pub received: u64,
    /// From a request's start to the end of its response, milliseconds.
    pub latency: TrendSink,
    /// From when it was due, milliseconds; open loops only.
    pub response: TrendSink,
    /// From when it was due to its start, milliseconds; open loops only.
    pub lateness: TrendSink,
}

/// A line of the process.
#[derive(Debug)]
pub enum Told {
    /// How it goes.
    Progress(Progress),
    /// What came of it.
    Result(Box<Figures>),
    /// Why there is no load, and what may help.
    Refused(String, Option<String>),
}

impl Inside {
    /// Starts the process with a plan.
    ///
    /// # Errors
    /// The system's.
    pub fn start(start: &Start, plan: &Value) -> io::Result<Self> {
        let mut command = start.command("squall_locust.inside");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that has ended already is heard of by its lines.
            drop(stdin.write_all(plan.to_string().as_bytes()));
        }
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        Ok(Self { child, lines: BufReader::new(stdout) })
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it tells next; none once it has ended. Waits.
    pub fn hear(&mut self) -> Option<Told> {
        loop {
            let mut line = Vec::new();
            let mut limited = io::Read::take(&mut self.lines, MAX_LINE);
            match limited.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            let Ok(value) = serde_json::from_slice::<Value>(&line) else { continue };
            if let Some(told) = told(&value) {
                return Some(told);
            }
        }
    }

    /// Waits for its end; how it ended, in words, where that is not in order.
    pub fn wait(mut self) -> Option<String> {
        match self.child.wait() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

fn told(value: &Value) -> Option<Told> {
    let count = |key: &str| value[key].as_u64().unwrap_or(0);
    let float = |key: &str| value[key].as_f64().unwrap_or(0.0);
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    Some(match value["type"].as_str()? {
        "progress" => Told::Progress(Progress {
            elapsed_s: float("elapsed_s"),
            answered: count("answered"),
            under_way: count("under_way"),
            dropped: count("dropped"),
        }),
        "result" => {
            let [latency, response, lateness] = trends(value["snapshot"].as_str()?)?;
            let errors = value["errors"].as_object().into_iter().flatten();
            Told::Result(Box::new(Figures {
                issued: count("issued"),
                unanswered: count("unanswered"),
                dropped: count("dropped"),
                elapsed_s: float("elapsed_s"),
                cpu_s: float("cpu_s"),
                is_stopped: value["is_stopped"].as_bool().unwrap_or(false),
                event_loop: text("loop").unwrap_or_default(),
                errors: errors.map(|(kind, n)| (kind.clone(), n.as_u64().unwrap_or(0))).collect(),
                sent: count("sent"),
                received: count("received"),
                latency,
                response,
                lateness,
            }))
        }
        "refused" => Told::Refused(text("text").unwrap_or_default(), text("hint")),
        _ => return None,
    })
}

/// Latency, response time and lateness out of a snapshot in hexadecimal.
fn trends(encoded: &str) -> Option<[TrendSink; 3]> {
    let bytes: Option<Vec<u8>> = encoded
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let snapshot = Snapshot::decode(&bytes?).ok()?;
    let mut sinks = [(); 3].map(|()| Sink::new(MetricKind::Trend));
    let names = ["inside_latency", "inside_response", "inside_lateness"];
    let mut places = std::collections::BTreeMap::new();
    for series in snapshot.series() {
        if let Some(place) = names.iter().position(|name| *name == series.metric.name) {
            places.insert(series.id, place);
        }
    }
    for (id, delta) in snapshot.deltas() {
        if let Some(place) = places.get(&id) {
            sinks[*place].apply(&delta, true);
        }
    }
    let trend = |sink: Sink| match sink {
        Sink::Trend(trend) => trend,
        _ => TrendSink::default(),
    };
    Some(sinks.map(trend))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_read_and_what_is_none_is_passed_over() {
        let progress = json!({"type": "progress", "elapsed_s": 1.5, "answered": 7});
        let Some(Told::Progress(progress)) = told(&progress) else { panic!("no progress") };
        assert_eq!((progress.elapsed_s, progress.answered, progress.dropped), (1.5, 7, 0));
        let refused = json!({"type": "refused", "text": "no module", "hint": null});
        assert!(matches!(told(&refused), Some(Told::Refused(text, None)) if text == "no module"));
        for odd in [json!({}), json!([1]), json!({"type": "news"}), json!({"type": "result"})] {
            assert!(told(&odd).is_none(), "{odd}");
        }
        let damaged = json!({"type": "result", "snapshot": "zz"});
        assert!(told(&damaged).is_none());
    }
}
