//! What a scenario that runs has measured so far, from the record it writes.

use std::collections::HashMap;
use std::path::Path;

use metrics::{Delta, Snapshot};
use record::{Follow, Followed};

/// What a series counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Requests,
    Failures,
    /// A time of which each sample is a request.
    Calls {
        is_failed: bool,
    },
    Users,
    Other,
}

/// Sums so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) requests: u64,
    pub(super) failures: u64,
    /// Virtual users; 0 where nobody tells.
    pub(super) users: u64,
}

/// A scenario that runs.
pub(super) struct Live {
    follow: Follow,
    roles: HashMap<(u32, u32), Role>,
    users: HashMap<u32, f64>,
    figures: Figures,
    /// Seconds of the run's clock, and the requests up to then, at the last look.
    before: (f64, u64),
}

impl Live {
    pub(super) fn new(record: &Path) -> Self {
        Self {
            follow: Follow::new(record),
            roles: HashMap::new(),
            users: HashMap::new(),
            figures: Figures::default(),
            before: (0.0, 0),
        }
    }

    /// Takes in what is new. Trouble with the record is the judge's to tell, later.
    pub(super) fn look(&mut self, mut each: impl FnMut(&Followed)) {
        for followed in self.follow.snapshots().unwrap_or_default() {
            if let Followed::Load(snapshot) = &followed {
                self.take(snapshot);
            }
            each(&followed);
        }
    }

    fn take(&mut self, snapshot: &Snapshot) {
        let agent = snapshot.agent();
        for series in snapshot.series() {
            let status = series.tags().find(|(key, _)| *key == "status").map(|(_, value)| value);
            let role = match series.metric.name {
                "http_reqs" | "locust_requests" => Role::Requests,
                "http_req_failed" | "locust_failures" => Role::Failures,
                "grpc_req_duration" => {
                    Role::Calls { is_failed: !matches!(status, None | Some("0" | "OK")) }
                }
                "vus" => Role::Users,
                _ => Role::Other,
            };
            self.roles.insert((agent, series.id), role);
        }
        for (id, delta) in snapshot.deltas() {
            let Some(role) = self.roles.get(&(agent, id)) else { continue };
            match (role, delta) {
                (Role::Requests, Delta::Counter { sum }) => self.figures.requests += sum as u64,
                (Role::Failures, Delta::Counter { sum }) => self.figures.failures += sum as u64,
                (Role::Failures, Delta::Rate { trues, .. }) => self.figures.failures += trues,
                (Role::Calls { is_failed }, Delta::Trend { count, .. }) => {
                    self.figures.requests += count;
                    self.figures.failures += if *is_failed { count } else { 0 };
                }
                (Role::Users, Delta::Gauge { last, .. }) => {
                    self.users.insert(agent, last);
                }
                _ => {}
            }
        }
        self.figures.users = self.users.values().sum::<f64>() as u64;
    }

    /// One line about it: sums, and the rate since the last line.
    pub(super) fn line(&mut self, elapsed_s: f64) -> String {
        let Figures { requests, failures, users } = self.figures;
        let (then, before) = std::mem::replace(&mut self.before, (elapsed_s, requests));
        let rate = (requests - before) as f64 / (elapsed_s - then).max(1e-3);
        let mut line = format!("{requests} requests, {rate:.0}/s");
        if failures > 0 {
            line.push_str(&format!(", {failures} failed"));
        }
        if users > 0 {
            line.push_str(&format!(", {users} users"));
        }
        line
    }
}
