//! JUnit's XML of a whole report: for each run what it came to, its criteria, thresholds and checks.

use crate::ci::{Failed, Suite, whole};
use crate::document::{Document, RunReport};
use crate::judge::Verdict;

/// The report as JUnit's XML; of several runs each suite has the run's name before its own.
pub fn junit_suites(document: &Document) -> String {
    let is_one = document.runs.len() == 1;
    let suites = document.runs.iter().flat_map(|run| {
        suites(run, is_one).into_iter().map(|suite| (suite, run.elapsed_s)).collect::<Vec<_>>()
    });
    let suites: Vec<(Suite, f64)> = suites.collect();
    whole(&document.title, &suites, document.totals.elapsed_s)
}

fn suites(run: &RunReport, is_one: bool) -> Vec<Suite> {
    let named = |what: &str| {
        if is_one { what.to_owned() } else { format!("{}.{what}", run.name) }
    };
    let mut whole = Suite::new(named("run"));
    let failed = match run.verdict {
        Some(Verdict::Inconclusive) => Some("error"),
        _ if !run.ending.is_empty() => Some("error"),
        _ => None,
    };
    let message = if run.ending.is_empty() { &run.headline } else { &run.ending };
    let failed = failed.map(|kind| Failed { kind, message: message.clone() });
    whole.case(&named("run"), &run.script, failed);
    let mut all = vec![whole];
    for (what, is_threshold) in [("criteria", false), ("thresholds", true)] {
        let mut suite = Suite::new(named(what));
        let rows = run.criteria.iter().filter(|row| row.is_threshold == is_threshold);
        rows.for_each(|row| suite.criterion(&named(what), row));
        all.push(suite);
    }
    let mut checks = Suite::new(named("checks"));
    for check in &run.checks {
        let total = check.passed + check.failed;
        let failed = (check.failed > 0).then(|| Failed {
            kind: "failure",
            message: format!("{} of {total} failed", check.failed),
        });
        checks.case(&named("checks"), &check.name, failed);
    }
    all.push(checks);
    all.retain(|suite| !suite.is_empty());
    all
}
