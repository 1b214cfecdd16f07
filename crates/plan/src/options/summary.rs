//! Names that options of samples and of the summary may hold.

use super::OptionsError;
use crate::duration::parse_go_float;

/// Columns of trends unless set.
pub const DEFAULT_TREND_STATS: [&str; 6] = ["avg", "min", "med", "max", "p(90)", "p(95)"];

/// System tags set unless told otherwise.
pub const DEFAULT_SYSTEM_TAGS: [&str; 14] = [
    "proto",
    "subproto",
    "status",
    "method",
    "url",
    "name",
    "group",
    "check",
    "error",
    "error_code",
    "tls_version",
    "scenario",
    "service",
    "expected_response",
];

/// System tags that are set only when asked for.
pub const OPT_IN_SYSTEM_TAGS: [&str; 4] = ["iter", "vu", "ocsp_status", "ip"];

/// The names that are system tags, sorted, without repetitions; k6 drops the others silently.
pub fn known_system_tags<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for name in names {
        let mut all = DEFAULT_SYSTEM_TAGS.iter().chain(&OPT_IN_SYSTEM_TAGS);
        if all.any(|tag| *tag == name.as_ref()) {
            known.push(name.as_ref().to_owned());
        }
    }
    known.sort_unstable();
    known.dedup();
    known
}

/// Checks columns of trends: `avg`, `min`, `med`, `max`, `count`, `p(N)`.
///
/// # Errors
/// k6's text, exit code 255.
pub fn check_trend_stats<T: AsRef<str>>(stats: &[T]) -> Result<(), OptionsError> {
    stats.iter().try_for_each(|stat| check_trend_stat(stat.as_ref()))
}

fn check_trend_stat(stat: &str) -> Result<(), OptionsError> {
    if matches!(stat, "avg" | "min" | "med" | "max" | "count") {
        return Ok(());
    }
    let Some(number) = stat.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')')) else {
        return Err(OptionsError::other(format!("invalid trend stat '{stat}', unknown format")));
    };
    match parse_go_float(number) {
        Ok(percentile) if (0.0..=100.0).contains(&percentile) => Ok(()),
        _ => Err(OptionsError::other(format!(
            "invalid percentile trend stat value '{stat}', provide a number between 0 and 100"
        ))),
    }
}

/// Checks the unit of times in the summary. k6 does so for the flag only and ignores other units elsewhere.
///
/// # Errors
/// k6's text, exit code 255.
pub fn check_time_unit(unit: &str) -> Result<(), OptionsError> {
    match unit {
        "" | "s" | "ms" | "us" => Ok(()),
        _ => Err(OptionsError::other(format!(
            "invalid summary time unit '{unit}', use 's', 'ms' or 'us'"
        ))),
    }
}
