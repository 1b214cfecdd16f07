//! What is known of a namespace, as the watches add it up; pure: changes go in, gauges, events and tables come out.

pub(crate) mod autoscalers;
pub(crate) mod deployments;
pub(crate) mod notes;
pub(crate) mod pods;
pub(crate) mod usage;

#[cfg(test)]
mod tests;

use metrics::{Contains, Event};
use observe::Observation;
use observe::clock::Clock;

use crate::stamp::Stamp;

/// The source of this probe's events.
const SOURCE: &str = "kubernetes";

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) autoscalers: autoscalers::Autoscalers,
    pub(crate) deployments: deployments::Deployments,
    pub(crate) pods: pods::Pods,
    pub(crate) usage: usage::Usages,
    pub(crate) notes: notes::Notes,
}

impl Picture {
    /// What holds now.
    pub(crate) fn gauges(&self, namespace: &str, out: &mut Observation) {
        self.autoscalers.gauges(namespace, out);
        self.deployments.gauges(namespace, out);
        self.pods.gauges(namespace, out);
    }

    /// What is only told at the end.
    pub(crate) fn tables(&self, out: &mut Observation) {
        self.autoscalers.table(out);
        self.deployments.table(out);
        self.pods.table(&self.usage, out);
    }
}

/// When a change came, and how the server's clock goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// By our clock, unix nanoseconds.
    pub(crate) at: u64,
    pub(crate) clock: &'a Clock,
}

impl Seen<'_> {
    /// When something happened that the server dates so; it was not there at `after`. By our clock.
    fn when(&self, stamp: Option<Stamp>, after: u64) -> u64 {
        let ours = stamp.map(|stamp| Stamp { unix_ns: self.clock.ours(stamp.unix_ns), ..stamp });
        ours.map_or(self.at, |stamp| stamp.moment(after, self.at))
    }

    /// A time of the server's by our clock.
    fn ours(&self, stamp: Stamp) -> u64 {
        self.clock.ours(stamp.unix_ns)
    }
}

fn event(at: u64, kind: &str, subject: &str, text: &str) -> Event {
    Event::new(at, SOURCE, kind, subject, text)
}

/// A gauge of plain numbers.
fn gauge(out: &mut Observation, metric: &str, tags: &[(&str, &str)], value: f64) {
    out.gauge(metric, tags, value, Contains::Default);
}

/// Seconds from one moment to another, in three digits after the point.
fn seconds(from: u64, to: u64) -> String {
    format!("{:.3}", to.saturating_sub(from) as f64 / 1e9)
}
