//! What k6's flags and variables ask for and this version does not have: named, never silently ignored.

use crate::exit::Failure;
use crate::flags::Parsed;
use crate::session::setting;

/// Refuses what would change the test's result, and returns notes about the rest.
///
/// # Errors
/// Names the flag or variable.
pub(crate) fn check(flags: &Parsed) -> Result<Vec<String>, Failure> {
    let refuse = |flag: &str, why: &str| {
        Failure::usage(format!("--{flag} is not available in this version of squall")).hint(why.to_owned())
    };
    if setting(flags, "secret-source", "K6_SECRET_SOURCE").is_some() {
        return Err(refuse("secret-source", "pass secrets with -e NAME=value; k6/secrets can't be imported yet"));
    }
    let mut notes = Vec::new();
    if setting(flags, "address", "K6_ADDRESS").is_some() {
        notes.push("the REST API (--address) is not available in this version of squall; the test runs without it");
    }
    let profiling = flags.is_on("profiling-enabled")
        || crate::environment::var("K6_PROFILING_ENABLED").is_some();
    if profiling {
        notes.push("--profiling-enabled has no meaning for squall; the test runs without it");
    }
    if crate::environment::option_var("K6_WEB_DASHBOARD").is_some_and(|value| value != "false") {
        notes.push("the web dashboard (K6_WEB_DASHBOARD) is not available in this version of squall");
    }
    Ok(notes.into_iter().map(str::to_owned).collect())
}

/// Feature flags of k6 2: which are known, and that none of them does anything here yet.
const FEATURES: &[&str] = &["freeze-env", "merge-run-tags", "native-histograms"];

/// The feature flags asked for, each with whether it is known.
pub(crate) fn features(flags: &Parsed, from_config: Option<&[String]>) -> Vec<(String, bool, &'static str)> {
    let split = |text: &str| -> Vec<String> {
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    let (names, source) = if flags.is_set("features") {
        (flags.all("features").flat_map(split).collect(), "cli")
    } else if let Some(text) = crate::environment::option_var("K6_FEATURES") {
        (split(&text), "env")
    } else {
        (from_config.map(<[String]>::to_vec).unwrap_or_default(), "config")
    };
    names.into_iter().map(|name: String| {
        let known = FEATURES.contains(&name.as_str());
        (name, known, source)
    }).collect()
}
