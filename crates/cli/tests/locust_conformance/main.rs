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
#[path = "../support/comparing.rs"]
mod comparing;
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
use comparing::{differences, is_on, is_whole, remove_stale, report, wanted};
use known::KnownDifferences;
use observed::Observed;
use parallel::on_all;
use program::Program;
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

fn cases() -> Vec<Case> {
    wanted(case::all(&home().join("files")), LEAST_CASES, |case| &case.name)
}

fn names(cases: &[Case]) -> impl Iterator<Item = &str> {
    cases.iter().map(|case| &*case.name)
}

#[test]
fn squall_does_what_locust_was_recorded_doing() {
    let Some(python) = python().filter(|_| !is_on("SQUALL_RECORD")) else { return };
    let known = KnownDifferences::read(&home().join("known_differences.json"), "locust");
    let cases = cases();
    let squall = Program::squall(&python);
    let results = on_all(&cases, N_AT_ONCE, |case| {
        let recorded = Observed::read(&home(), case);
        differences(case.tries, || {
            let observed = squall.run(case, &home());
            known.unknown(&case.name, recorded.compare(&observed))
        })
    });
    let (_, text) = report(names(&cases), results, "locust as recorded", "squall");
    let unused = if is_whole() { known.unused() } else { Vec::new() };
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
        if is_whole() {
            remove_stale(&home(), names(&cases));
        }
        return;
    }
    let results = on_all(&cases, N_AT_ONCE, |case| {
        let recorded = Observed::read(&home(), case);
        let tries = case.tries.max(N_TRIES_OF_LOCUST);
        differences(tries, || recorded.compare(&locust.run(case, &home())))
    });
    let (_, text) = report(names(&cases), results, "as recorded", "this Locust");
    assert!(text.is_empty(), "recordings have drifted{text}");
}
