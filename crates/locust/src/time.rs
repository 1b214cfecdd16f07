//! Times as Locust writes them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-11-20T19:59:51Z`, of unix seconds; the fraction is cut off.
pub fn utc(unix_s: f64) -> String {
    written(unix_s, 0, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2026-11-20-20h02` in local time: what Locust puts into names of files.
pub fn local_minute(unix_s: f64, utc_offset_s: i64) -> String {
    written(unix_s, utc_offset_s, "%Y-%m-%d-%Hh%M")
}

fn written(unix_s: f64, utc_offset_s: i64, format: &str) -> String {
    let seconds = (unix_s.max(0.0) as i64).saturating_add(utc_offset_s);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// `1 hour, 1 minute and 1 second`.
pub fn duration(from_s: f64, to_s: f64) -> String {
    let seconds = (to_s - from_s).max(0.0) as u64;
    let parts = [
        (seconds / 86_400, "day"),
        (seconds % 86_400 / 3_600, "hour"),
        (seconds % 3_600 / 60, "minute"),
        (seconds % 60, "second"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}{}", if *n == 1 { "" } else { "s" }))
        .collect();
    match words.split_last() {
        None => "0 seconds".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_the_second() {
        assert_eq!(utc(1_795_204_788.99), "2026-11-20T19:59:48Z");
        assert_eq!(utc(0.0), "1970-01-01T00:00:00Z");
        assert_eq!(local_minute(1_795_204_788.99, 7_200), "2026-11-20-21h59");
    }
}
