//! Unix time as a date.

/// `2026-11-20 22:55:03 UTC`.
pub(crate) fn utc(unix_ns: u64) -> String {
    let (date, time) = parts(unix_ns);
    format!("{date} {time} UTC")
}

/// `2026-11-20T22:55:03Z`.
pub(crate) fn rfc3339(unix_ns: u64) -> String {
    let (date, time) = parts(unix_ns);
    format!("{date}T{time}Z")
}

fn parts(unix_ns: u64) -> (String, String) {
    let seconds = unix_ns / 1_000_000_000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days as i64);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"))
}

/// Days since 1970-01-01 to year, month and day, counting in years that start in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (unix_s, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_795_215_303, "2026-11-20 22:55:03 UTC"),
        ] {
            assert_eq!(utc(unix_s * 1_000_000_000), text);
        }
        assert_eq!(rfc3339(1_795_215_303_269_000_000), "2026-11-20T22:55:03Z");
    }
}
