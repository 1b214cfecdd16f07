//! Decides once per series which sinks its changes go to.

use rustc_hash::FxHashMap;

use super::sinks::SinkId;
use super::tree::{FirstSeen, Tree};
use super::{Aggregator, Metric, Row, Scenario};
use crate::registry::MetricKind;
use crate::snapshot::SnapshotSeries;
use crate::tags::OVERFLOW_TAG;

/// Request rows; further names share one row.
const MAX_ROWS: usize = 2_000;
/// Raw values a row's distribution keeps: rows are many.
const ROW_RAW: usize = 1_000;
/// Scenarios of the full summary; a script may set the tag to anything.
const MAX_SCENARIOS: usize = 200;
/// Sinks of scenarios.
const MAX_SCENARIO_SINKS: usize = 10_000;
/// Sinks of the groups of scenarios: a histogram in each takes 5 to 30 KiB.
const MAX_GROUP_SINKS: usize = 10_000;

/// Lists of sinks, each kept once: most series share theirs with many others.
#[derive(Debug, Default)]
pub(super) struct Routes {
    lists: Vec<Box<[SinkId]>>,
    by_list: FxHashMap<Box<[SinkId]>, u32>,
    n_scenario_sinks: usize,
    n_group_sinks: usize,
}

impl Routes {
    pub(super) fn get(&self, route: u32) -> &[SinkId] {
        &self.lists[route as usize]
    }

    fn intern(&mut self, list: Vec<SinkId>) -> u32 {
        let list = list.into_boxed_slice();
        if let Some(route) = self.by_list.get(&list) {
            return *route;
        }
        let route = self.lists.len() as u32;
        self.by_list.insert(list.clone(), route);
        self.lists.push(list);
        route
    }
}

/// The tags routing looks at.
#[derive(Debug, Default)]
struct Known<'a> {
    name: Option<&'a str>,
    check: Option<&'a str>,
    group: Option<&'a str>,
    scenario: Option<&'a str>,
    is_overflow: bool,
}

impl<'a> Known<'a> {
    fn of(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut known = Self::default();
        for (key, value) in tags {
            match key {
                "name" => known.name = Some(value),
                "check" => known.check = Some(value),
                "group" => known.group = Some(value),
                "scenario" => known.scenario = Some(value),
                OVERFLOW_TAG => known.is_overflow = true,
                _ => {}
            }
        }
        known
    }

    /// The scenario whose sections of the full summary the series belongs to. Groups inside setup and teardown have no
    /// scenario and are shown with those of `default`; what setup and teardown do outside of groups is in no section.
    fn section(&self) -> Option<&'a str> {
        self.scenario.or_else(|| {
            let group = self.group.filter(|group| !group.is_empty())?;
            (group != "::setup" && group != "::teardown").then_some("default")
        })
    }
}

impl Aggregator {
    /// Routes a series that a snapshot explains, and brings the changes that came before it.
    pub(super) fn define_series(&mut self, agent: u32, series: &SnapshotSeries<'_>) {
        let Some(state) = self.agents.get(&agent) else {
            return;
        };
        if state.route(series.id).is_some() {
            return;
        }
        let Some(metric) = self.by_name.get(series.metric.name).copied() else {
            return;
        };
        let seen = FirstSeen { unix_ns: series.first_unix_ns, agent, series: series.id };
        let route = self.route(metric, series, seen);
        let orphan =
            self.agents.get_mut(&agent).and_then(|state| state.set_route(series.id, route));
        // The kind of an orphan was guessed from its first change; a wrong one is dropped by `merge`.
        if let Some(orphan) = orphan {
            self.routes.get(route).iter().for_each(|sink| self.sinks.merge(*sink, &orphan));
        }
    }

    fn route(&mut self, metric: usize, series: &SnapshotSeries<'_>, seen: FirstSeen) -> u32 {
        let known = Known::of(series.tags());
        let Metric { total, submetrics, .. } = &self.metrics[metric];
        // The first is the metric's total: the kind of a series is known by it.
        let mut sinks = vec![*total];
        for part in submetrics {
            let has =
                |(key, value): &(String, String)| series.tags().any(|tag| tag == (key, value));
            if part.tags.iter().all(has) {
                sinks.push(part.sink);
            }
        }
        self.route_check(series.metric.name, &known, seen, &mut sinks);
        if self.is_full
            && let Some(section) = known.section()
        {
            self.route_section(section, metric, &known, seen, &mut sinks);
        }
        if self.has_rows {
            self.route_row(series.metric.name, &known, seen, &mut sinks);
        }
        self.routes.intern(sinks)
    }

    /// Puts checks and groups into the tree of the whole test.
    fn route_check(
        &mut self,
        metric: &str,
        known: &Known<'_>,
        seen: FirstSeen,
        sinks: &mut Vec<SinkId>,
    ) {
        let group = match (metric, known.group) {
            ("checks", Some(group)) => group,
            ("checks", None) => "",
            ("group_duration", Some(group)) => group,
            _ => return,
        };
        let Self { tree, sinks: all, left_out, .. } = self;
        let Some(node) = tree.group(group, seen) else {
            *left_out += 1;
            return;
        };
        if metric == "checks"
            && let Some(check) = known.check
        {
            match tree.check(node, check, seen, || all.open(MetricKind::Rate)) {
                Some(sink) => sinks.push(sink),
                None => *left_out += 1,
            }
        }
    }

    /// Puts a series into the sections of its scenario and group.
    fn route_section(
        &mut self,
        section: &str,
        metric: usize,
        known: &Known<'_>,
        seen: FirstSeen,
        sinks: &mut Vec<SinkId>,
    ) {
        if !self.scenarios.contains_key(section) {
            if self.scenarios.len() >= MAX_SCENARIOS {
                self.left_out += 1;
                return;
            }
            self.scenarios.insert(section.to_owned(), Scenario::default());
        }
        let Some(scenario) = self.scenarios.get_mut(section) else {
            return;
        };
        let Metric { kind, name, .. } = &self.metrics[metric];
        let Routes { n_scenario_sinks, n_group_sinks, .. } = &mut self.routes;
        if known.scenario.is_some() {
            let sink = scenario.sinks.get(&metric).copied().or_else(|| {
                *n_scenario_sinks += 1;
                (*n_scenario_sinks <= MAX_SCENARIO_SINKS).then(|| self.sinks.open(*kind))
            });
            match sink {
                Some(sink) => {
                    scenario.sinks.insert(metric, sink);
                    sinks.push(sink);
                }
                None => self.left_out += 1,
            }
        }
        let group = known.group.unwrap_or_default();
        let Some(node) = scenario.tree.group(group, seen) else {
            self.left_out += 1;
            return;
        };
        if node != Tree::ROOT {
            let sink = scenario.tree.sink(node, metric).or_else(|| {
                *n_group_sinks += 1;
                (*n_group_sinks <= MAX_GROUP_SINKS).then(|| self.sinks.open(*kind))
            });
            match sink {
                Some(sink) => {
                    scenario.tree.set_sink(node, metric, sink);
                    sinks.push(sink);
                }
                None => self.left_out += 1,
            }
        }
        if name == "checks"
            && let Some(check) = known.check
        {
            match scenario.tree.check(node, check, seen, || self.sinks.open(MetricKind::Rate)) {
                Some(sink) => sinks.push(sink),
                None => self.left_out += 1,
            }
        }
    }

    fn route_row(
        &mut self,
        metric: &str,
        known: &Known<'_>,
        seen: FirstSeen,
        sinks: &mut Vec<SinkId>,
    ) {
        if !matches!(metric, "http_reqs" | "http_req_duration" | "http_req_failed") {
            return;
        }
        let name = match known.name {
            Some(name) if self.rows.len() < MAX_ROWS || self.row_by_name.contains_key(name) => name,
            Some(_) => OVERFLOW_TAG,
            None if known.is_overflow => OVERFLOW_TAG,
            None => return,
        };
        let idx = self.row_by_name.get(name).copied().unwrap_or_else(|| {
            let count = self.sinks.open(MetricKind::Counter);
            let failed = self.sinks.open(MetricKind::Rate);
            let duration = self.sinks.open_trend(ROW_RAW);
            self.rows.push(Row { name: name.to_owned(), seen, count, failed, duration });
            self.row_by_name.insert(name.to_owned(), self.rows.len() - 1);
            self.rows.len() - 1
        });
        let row = &mut self.rows[idx];
        row.seen = row.seen.min(seen);
        sinks.push(match metric {
            "http_reqs" => row.count,
            "http_req_failed" => row.failed,
            _ => row.duration,
        });
    }
}
