//! The checks of a section: three totals, then one line (two, if it failed) for each.

use super::{Block, Page, indent};
use crate::columns::Widths;
use crate::paint::Ink;
use metrics::{CheckTotal, Contains, GroupTotal, Sink, Totals};
use std::collections::HashMap;

/// A check's name and counts.
pub(crate) struct Counts<'a> {
    pub(crate) name: &'a str,
    order: usize,
    pub(crate) passes: u64,
    pub(crate) fails: u64,
}

impl<'a> Counts<'a> {
    pub(super) fn of(check: &'a CheckTotal) -> Self {
        Counts { name: &check.name, order: check.order, passes: check.passes, fails: check.fails }
    }
}

/// The checks of a tree of groups, those of one name as one, first seen first.
pub(crate) fn merged(root: &GroupTotal) -> Vec<Counts<'_>> {
    let mut all = Vec::new();
    let mut groups = vec![root];
    while let Some(group) = groups.pop() {
        all.extend(group.checks.iter().map(Counts::of));
        groups.extend(&group.groups);
    }
    all.sort_by_key(|check| check.order);
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut merged: Vec<Counts<'_>> = Vec::new();
    for check in all {
        let place = *places.entry(check.name).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(first) => {
                first.passes += check.passes;
                first.fails += check.fails;
            }
            None => merged.push(check),
        }
    }
    merged
}

impl Page<'_> {
    /// The two blocks, or none without checks.
    pub(super) fn check_blocks(&self, checks: &[Counts<'_>], depth: usize) -> Vec<Block> {
        if checks.is_empty() {
            return Vec::new();
        }
        let passes: u64 = checks.iter().map(|check| check.passes).sum();
        let fails: u64 = checks.iter().map(|check| check.fails).sum();
        self.counted_checks(passes, passes + fails, checks, depth)
    }

    /// The blocks of the whole run. Without the system tags `check` and `group` nobody knows the checks' names; k6
    /// then shows their totals and one more blank line.
    pub(super) fn run_check_blocks(&self, totals: &Totals) -> Vec<Block> {
        let checks = merged(&totals.root_group);
        let metric = totals.metrics.iter().find(|metric| metric.name == "checks");
        match metric.map(|metric| &metric.sink) {
            Some(Sink::Rate { trues, total }) if checks.is_empty() && *total > 0 => {
                self.counted_checks(*trues, *total, &checks, 0)
            }
            _ => self.check_blocks(&checks, 0),
        }
    }

    fn counted_checks(
        &self,
        passes: u64,
        total: u64,
        checks: &[Counts<'_>],
        depth: usize,
    ) -> Vec<Block> {
        let fails = total - passes;
        let line = |name: &str, sink: Sink| {
            self.form.line(name.to_owned(), false, &sink, Contains::Default)
        };
        let lines = [
            line("checks_total", Sink::Counter { sum: total as f64 }),
            line("checks_succeeded", Sink::Rate { trues: passes, total }),
            line("checks_failed", Sink::Rate { trues: fails, total }),
        ];
        let widths = Widths::of(&lines);
        let head = lines
            .iter()
            .map(|line| format!("{}{}", indent(depth), line.render_indented(&widths, &self.paint)));
        let each = checks.iter().flat_map(|check| self.check_lines(check, depth));
        let (mut head, each): (Block, Block) = (head.collect(), each.collect());
        if each.is_empty() {
            head.push(String::new());
            return vec![head];
        }
        vec![head, each]
    }

    fn check_lines(&self, check: &Counts<'_>, depth: usize) -> Block {
        let indent = indent(depth);
        let Counts { name, passes, fails, .. } = *check;
        if fails == 0 {
            return vec![format!("{indent}{}", self.paint.on(Ink::Pass, &format!("✓ {name}")))];
        }
        let percent = 100 * u128::from(passes) / u128::from(passes + fails);
        let counts = format!("↳  {percent}% — ✓ {passes} / ✗ {fails}");
        // The second line moves right by four columns a level, not two: so it does in k6.
        let further = " ".repeat(6 + 4 * depth);
        vec![
            format!("{indent}{}", self.paint.on(Ink::Fail, &format!("✗ {name}"))),
            format!("{further}{}", self.paint.on(Ink::Fail, &counts)),
        ]
    }
}
