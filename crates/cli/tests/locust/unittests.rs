//! The tests of the Python side, which need its engine: with the package as the binary carries it.

use std::path::Path;

use crate::lab::{Lab, PLAIN, package};

/// As many as there are at least: a run that finds none is no success.
const AT_LEAST: u32 = 38;

#[test]
fn the_python_sides_own_tests_pass() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../locust/python/tests");
    let ended = std::process::Command::new(lab.python())
        .args(["-m", "unittest", "discover", "-s"])
        .arg(&tests)
        .env("PYTHONPATH", package(&lab))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{told}");
    let ran = told.lines().find_map(|line| line.strip_prefix("Ran ")).unwrap_or_default();
    let ran: u32 = ran.split(' ').next().unwrap().parse().unwrap();
    assert!(ran >= AT_LEAST, "{told}");
}
