//! Squall beside the real Locust: every file of `conformance/locust/files` is run by Squall and compared with what the
//! pinned Locust was recorded doing (`conformance/locust/recorded`); the recordings are compared with the real Locust too.
//! Both run in the virtual environment whose Python `SQUALL_LOCUST_PYTHON` names (`scripts/locust.sh` makes one).
//!
//! * `SQUALL_RECORD=1 cargo test -p squall-cli --test locust_conformance` writes the recordings anew.
//! * `SQUALL_ONLY=a,b` runs only cases whose name contains one of the words.
//! * With `CI=true` a missing Locust is a failure unless `SQUALL_NO_LOCUST=1`.
//!
//! Start reading at `case` (what a locustfile's head may say), then `observed` (what is compared).

// Tests may read the environment and stop at what is not there; the lints are for the product.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod case;
#[path = "../support/child.rs"]
mod child;
mod files;
#[path = "../support/known.rs"]
mod known;
#[path = "../support/lines.rs"]
mod lines;
mod normal;
mod observed;
#[path = "../support/parallel.rs"]
mod parallel;
mod program;
#[path = "../conformance/requests.rs"]
mod requests;
#[path = "../support/sandbox.rs"]
mod sandbox;
mod secure;
mod sheet;
mod tables;

use case::Case;
use known::KnownDifferences;
use lines::Difference;
use observed::Observed;
use parallel::on_all;
use program::Program;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The version that is recorded.
const LOCUST_VERSION: &str = "2.47.0";
/// How often the real Locust gets to repeat a recording: a busy machine disturbs some cases, a drift stays.
const N_TRIES_OF_LOCUST: u32 = 3;
/// How many cases run at once in each of the two comparing tests, which cargo runs side by side: they mostly wait.
const N_AT_ONCE: usize = 4;
/// Fewer than this and the locustfiles were not found.
const LEAST_CASES: usize = 60;

/// The folder `conformance/locust` of the repository.
fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/locust").canonicalize().unwrap()
}

fn is_on(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0" && value != "false")
}

/// The Python that has the pinned Locust.
fn python() -> Option<PathBuf> {
    let path = std::env::var_os("SQUALL_LOCUST_PYTHON").filter(|path| !path.is_empty());
    let must = is_on("CI") && !is_on("SQUALL_NO_LOCUST");
    assert!(
        path.is_some() || !must,
        "SQUALL_LOCUST_PYTHON does not name a Python with Locust (scripts/locust.sh makes one); SQUALL_NO_LOCUST=1 goes without"
    );
    path.map(PathBuf::from)
}

fn words() -> Vec<String> {
    let only = std::env::var("SQUALL_ONLY").unwrap_or_default();
    only.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn cases() -> Vec<Case> {
    let all = case::all(&home().join("files"));
    assert!(all.len() >= LEAST_CASES, "only {} cases in {}", all.len(), home().display());
    let words = words();
    let is_wanted =
        |case: &Case| words.is_empty() || words.iter().any(|word| case.name.contains(word));
    all.into_iter().filter(is_wanted).collect()
}

/// Runs a case until it gives what is wanted, at most `tries` times.
fn differences(
    program: &Program,
    case: &Case,
    tries: u32,
    compare: impl Fn(&Observed) -> Vec<Difference>,
) -> Vec<Difference> {
    let mut last = Vec::new();
    for _ in 0..tries {
        last = compare(&program.run(case, &home()));
        if last.is_empty() {
            break;
        }
    }
    last
}

/// The cases that differ, as a text; empty if none does.
fn report(cases: &[Case], results: Vec<Vec<Difference>>, expected: &str, got: &str) -> String {
    let mut out = String::new();
    for (case, differences) in cases.iter().zip(results).filter(|(_, d)| !d.is_empty()) {
        writeln!(out, "\n{}: - {expected}, + {got}", case.name).unwrap();
        for difference in differences {
            writeln!(out, "  {difference}").unwrap();
        }
    }
    out
}

#[test]
fn squall_does_what_locust_was_recorded_doing() {
    let Some(python) = python().filter(|_| !is_on("SQUALL_RECORD")) else { return };
    let known = KnownDifferences::read(&home().join("known_differences.json"), "locust");
    let cases = cases();
    let squall = Program::squall(&python);
    let results = on_all(&cases, N_AT_ONCE, |case| {
        let recorded = Observed::read(&home(), case);
        differences(&squall, case, case.tries, |observed| {
            known.unknown(&case.name, recorded.compare(observed))
        })
    });
    let text = report(&cases, results, "locust as recorded", "squall");
    let unused = if words().is_empty() { known.unused() } else { Vec::new() };
    assert!(text.is_empty(), "cases differ{text}");
    assert!(unused.is_empty(), "known differences that are none any more:\n{}", unused.join("\n"));
}

#[test]
fn the_real_locust_still_does_what_was_recorded() {
    let Some(python) = python() else { return };
    let locust = Program::locust(&python);
    assert_eq!(locust.version(), LOCUST_VERSION, "recordings are of the pinned version");
    let cases = cases();
    if is_on("SQUALL_RECORD") {
        on_all(&cases, N_AT_ONCE, |case| locust.run(case, &home()).write(&home(), case));
        if words().is_empty() {
            observed::remove_stale(&home(), &cases);
        }
        return;
    }
    let results = on_all(&cases, N_AT_ONCE, |case| {
        let recorded = Observed::read(&home(), case);
        let tries = case.tries.max(N_TRIES_OF_LOCUST);
        differences(&locust, case, tries, |observed| recorded.compare(observed))
    });
    let text = report(&cases, results, "as recorded", "this Locust");
    assert!(text.is_empty(), "recordings have drifted{text}");
}
