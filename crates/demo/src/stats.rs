//! Counts of what was served, and the figures of `/_stats`.

use crate::lateness::{self, Lateness, percentile};
use crate::log::{Log, Record};
use crate::route::Route;
use serde_json::{Value, json};

/// How often a route was answered with a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteCount {
    /// The route's pattern.
    pub route: &'static str,
    /// The status; 0 when none was sent.
    pub status: u16,
    /// How often.
    pub count: u64,
}

/// Counts since the start or the last reset. Admin requests and `/metrics` are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Service requests received whole.
    pub received: u64,
    /// Service requests that were answered, or ended on purpose without an answer.
    pub completed: u64,
    /// Connections accepted, whatever came over them.
    pub connections_accepted: u64,
    /// Connections over which at least one service request came.
    pub connections_used: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Completed requests by route and status.
    pub routes: Vec<RouteCount>,
}

impl Served {
    /// Completed requests of one route, all statuses.
    #[must_use]
    pub fn of_route(&self, route: &str) -> u64 {
        self.routes.iter().filter(|count| count.route == route).map(|count| count.count).sum()
    }
}

/// The counters behind [`Served`].
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) connections_accepted: u64,
    pub(crate) connections_used: u64,
    pub(crate) connections_open: u64,
    /// By route; few statuses each.
    statuses: Vec<Vec<(u16, u64)>>,
}

impl Counts {
    pub(crate) fn new() -> Counts {
        Counts {
            received: 0,
            connections_accepted: 0,
            connections_used: 0,
            connections_open: 0,
            statuses: vec![Vec::new(); Route::COUNT],
        }
    }

    /// Starts again from zero; open connections stay open.
    pub(crate) fn clear(&mut self) {
        *self = Counts { connections_open: self.connections_open, ..Counts::new() };
    }

    pub(crate) fn complete(&mut self, route: Route, status: u16) {
        let statuses = &mut self.statuses[route as usize];
        match statuses.iter_mut().find(|(have, _)| *have == status) {
            Some((_, count)) => *count += 1,
            None => statuses.push((status, 1)),
        }
    }

    pub(crate) fn served(&self, completed: u64) -> Served {
        let mut routes = Vec::new();
        for (route, statuses) in Route::ALL.iter().zip(&self.statuses) {
            let mut statuses = statuses.clone();
            statuses.sort_unstable();
            routes.extend(statuses.into_iter().map(|(status, count)| RouteCount {
                route: route.pattern(),
                status,
                count,
            }));
        }
        Served {
            received: self.received,
            completed,
            connections_accepted: self.connections_accepted,
            connections_used: self.connections_used,
            connections_open: self.connections_open,
            routes,
        }
    }
}

/// Which part of the log the figures are of.
pub(crate) struct Scope<'a> {
    pub(crate) since: u64,
    /// A pattern; empty means every route.
    pub(crate) route: &'a str,
    /// The rate of the ideal schedule, a second.
    pub(crate) rate: Option<f64>,
}

/// The document of `/_stats`.
pub(crate) fn document(served: &Served, log: &Log, scope: &Scope<'_>) -> Value {
    let in_scope =
        |record: &Record| scope.route.is_empty() || record.route.pattern() == scope.route;
    let records: Vec<&Record> =
        log.records(scope.since).map(|(_, record)| record).filter(|r| in_scope(r)).collect();
    let mut arrivals: Vec<u64> = records.iter().map(|r| r.arrival_ns).collect();
    let fitted = scope.rate.and_then(|rate| lateness::fit(&mut arrivals, rate));
    let routes: Vec<Value> = served
        .routes
        .iter()
        .map(|c| json!({ "route": c.route, "status": c.status, "count": c.count }))
        .collect();
    json!({
        "received": served.received,
        "completed": served.completed,
        "logged": records.len(),
        "not_logged_any_more": log.first_seq(),
        "connections": {
            "accepted": served.connections_accepted,
            "used": served.connections_used,
            "open": served.connections_open,
        },
        "routes": routes,
        "actual_ms": distribution(records.iter().map(|r| r.actual_ns)),
        "injected_ms": distribution(records.iter().map(|r| r.injected_ns)),
        "overrun_ms": distribution(records.iter().map(|r| r.actual_ns.saturating_sub(r.injected_ns))),
        "lateness_us": fitted.map(lateness_document),
    })
}

fn distribution(ns: impl Iterator<Item = u64>) -> Value {
    let mut ms: Vec<f64> = ns.map(|ns| ns as f64 / 1e6).collect();
    ms.sort_unstable_by(f64::total_cmp);
    let at = |p| percentile(&ms, p);
    let mean = ms.iter().sum::<f64>() / ms.len().max(1) as f64;
    json!({
        "mean": mean, "min": at(0.0), "p50": at(50.0), "p90": at(90.0), "p95": at(95.0),
        "p99": at(99.0), "p99.5": at(99.5), "p99.9": at(99.9), "p99.95": at(99.95), "max": at(100.0),
    })
}

fn lateness_document(fit: Lateness) -> Value {
    json!({
        "arrivals": fit.arrivals, "p50": fit.p50_us, "p90": fit.p90_us, "p99": fit.p99_us,
        "min": fit.min_us, "max": fit.max_us, "gap_cov": fit.gap_cov,
        "measured_rate": fit.measured_rate,
    })
}
