//! Squall beside the real k6: every script of `conformance/scripts` is run by Squall and compared with what the pinned
//! k6 was recorded doing (`conformance/recorded`); where `SQUALL_K6` names a k6, the recordings are compared with it too.
//!
//! * `SQUALL_K6=PATH SQUALL_RECORD=1 cargo test -p squall-cli --test conformance` writes the recordings anew.
//! * `SQUALL_ONLY=a,b` runs only cases whose name contains one of the words.
//! * With `CI=true` a missing k6 is a failure unless `SQUALL_NO_K6=1`.
//!
//! Start reading at `case` (what a script's head may say), then `observed` (what is compared).

// Tests may read the environment and stop at what is not there; the lints are for the product.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod archives;
mod case;
#[path = "../support/child.rs"]
mod child;
#[path = "../support/comparing.rs"]
mod comparing;
mod export;
#[path = "../../../k6/tests/support/grpc_server.rs"]
mod grpc_server;
#[path = "../support/known.rs"]
mod known;
#[path = "../support/lines.rs"]
mod lines;
mod normal;
mod observed;
mod ocsp;
#[path = "../support/parallel.rs"]
mod parallel;
mod points;
mod program;
mod requests;
#[path = "../support/sandbox.rs"]
mod sandbox;
mod secure;

use case::Case;
use comparing::{differences, is_on, is_whole, remove_stale, report, wanted};
use known::KnownDifferences;
use observed::Observed;
use parallel::on_all;
use program::Program;
use std::path::{Path, PathBuf};

/// How often the real k6 gets to repeat a recording: goroutines of its own race in some cases, a drift stays.
const N_TRIES_OF_K6: u32 = 5;
/// How many cases run at once in each of the two comparing tests, which cargo runs side by side.
const N_AT_ONCE: usize = 2;
/// Fewer than this and the scripts were not found.
const LEAST_CASES: usize = 40;

/// The folder `conformance` of the repository.
fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance").canonicalize().unwrap()
}

/// The real k6, where there is one.
fn k6_path() -> Option<PathBuf> {
    std::env::var_os("SQUALL_K6").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn k6() -> Option<Program> {
    k6_path().map(Program::k6)
}

fn cases() -> Vec<Case> {
    wanted(case::all(&home().join("scripts")), LEAST_CASES, |case| &case.name)
}

fn names(cases: &[Case]) -> impl Iterator<Item = &str> {
    cases.iter().map(|case| &*case.name)
}

#[test]
fn squall_does_what_k6_was_recorded_doing() {
    if is_on("SQUALL_RECORD") {
        return;
    }
    let known = KnownDifferences::read(&home().join("known_differences.json"), "k6");
    let cases = cases();
    let squall = Program::squall();
    let results = on_all(&cases, N_AT_ONCE, |case| {
        let recorded = Observed::read(&home(), case);
        differences(case.tries, || {
            let observed = squall.run(case, &home());
            known.unknown(&case.name, recorded.compare(&observed))
        })
    });
    let (n, text) = report(names(&cases), results, "k6 as recorded", "squall");
    let unused = if is_whole() { known.unused() } else { Vec::new() };
    assert!(n == 0, "{n} of {} cases differ{text}", cases.len());
    assert!(unused.is_empty(), "known differences that are none any more:\n{}", unused.join("\n"));
}

#[test]
fn the_real_k6_still_does_what_was_recorded() {
    let Some(k6) = k6() else {
        let must = is_on("CI") && !is_on("SQUALL_NO_K6");
        assert!(
            !must,
            "SQUALL_K6 does not name a k6 (scripts/k6.sh builds the pinned one); SQUALL_NO_K6=1 goes without"
        );
        return;
    };
    assert_eq!(
        k6.version(),
        format!("v{}", normal::K6_VERSION),
        "recordings are of the pinned version"
    );
    let cases = cases();
    if is_on("SQUALL_RECORD") {
        on_all(&cases, N_AT_ONCE, |case| k6.run(case, &home()).write(&home(), case));
        if is_whole() {
            remove_stale(&home(), names(&cases));
        }
        return;
    }
    let results = on_all(&cases, N_AT_ONCE, |case| {
        let recorded = Observed::read(&home(), case);
        let tries = case.tries.max(N_TRIES_OF_K6);
        differences(tries, || recorded.compare(&k6.run(case, &home())))
    });
    let (n, text) = report(names(&cases), results, "as recorded", "this k6");
    assert!(n == 0, "{n} of {} recordings have drifted{text}", cases.len());
}
