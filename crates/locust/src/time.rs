//! Times as Locust writes them.

/// `2026-11-20T19:59:51Z`, of unix seconds; the fraction is cut off.
pub fn utc(unix_s: f64) -> String {
    let [year, month, day, hour, minute, second] = parts(unix_s.max(0.0) as i64);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `2026-11-20-20h02` in local time: what Locust puts into names of files.
pub fn local_minute(unix_s: f64, utc_offset_s: i64) -> String {
    let [year, month, day, hour, minute, _] = parts(unix_s.max(0.0) as i64 + utc_offset_s);
    format!("{year:04}-{month:02}-{day:02}-{hour:02}h{minute:02}")
}

/// Year, month, day, hour, minute, second.
fn parts(seconds: i64) -> [i64; 6] {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1970 to a date of the Gregorian calendar, in years that start in March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    [year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60]
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
