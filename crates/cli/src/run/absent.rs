//! What k6's flags and variables ask for and this version does not have: named, never silently ignored.

use crate::exit::Failure;
use crate::flags::Parsed;

/// Refuses what would change the test's result, and returns notes about the rest.
///
/// # Errors
/// Names the flag or variable.
pub(crate) fn check(flags: &Parsed) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    let profiling = flags.is_on("profiling-enabled")
        || crate::environment::var("K6_PROFILING_ENABLED").is_some();
    if profiling {
        notes.push("--profiling-enabled has no meaning for squall; the test runs without it");
    }
    Ok(notes.into_iter().map(str::to_owned).collect())
}
