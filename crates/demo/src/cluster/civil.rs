//! Times as Kubernetes and HTTP write them, in UTC.

const NS: i64 = 1_000_000_000;
const DAY_S: i64 = 86_400;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How exact a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Seconds,
    Micros,
}

/// Reads `2026-11-20T20:27:05Z`, with a fraction or without: nanoseconds since 1970, and how exact it is.
pub(super) fn parse(text: &str) -> Option<(i64, Precision)> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let number = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        if is_number { text.parse::<i64>().ok() } else { None }
    };
    let [year, month, day] = three(date, '-')?;
    let (clock, fraction) = time.split_once('.').map_or((time, None), |(c, f)| (c, Some(f)));
    let [hour, minute, second] = three(clock, ':')?;
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    let whole = days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
    match fraction {
        None => Some((whole * NS, Precision::Seconds)),
        Some(digits) if (1..=9).contains(&digits.len()) => {
            let scale = 10_i64.pow(9 - digits.len() as u32);
            let value = number(digits, digits.len())?;
            Some((whole * NS + value * scale, Precision::Micros))
        }
        Some(_) => None,
    }
}

fn three(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut parts = text.split(separator);
    let found = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

/// Writes a time as Kubernetes does; what is finer than `precision` is cut off.
pub(super) fn write(unix_ns: i64, precision: Precision) -> String {
    let (seconds, rest) = (unix_ns.div_euclid(NS), unix_ns.rem_euclid(NS));
    let (year, month, day) = date_of(seconds.div_euclid(DAY_S));
    let clock = seconds.rem_euclid(DAY_S);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match precision {
        Precision::Seconds => format!("{whole}Z"),
        Precision::Micros => format!("{whole}.{:06}Z", rest / 1000),
    }
}

/// The `Date` header of HTTP: `Fri, 20 Nov 2026 20:27:05 GMT`.
pub(super) fn http_date(unix_ns: i64) -> String {
    let seconds = unix_ns.div_euclid(NS);
    let days = seconds.div_euclid(DAY_S);
    let (year, month, day) = date_of(days);
    let clock = seconds.rem_euclid(DAY_S);
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        DAYS[days.rem_euclid(7) as usize],
        MONTHS[month as usize - 1],
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}

/// Days since 1970 of a Gregorian date (Howard Hinnant's `days_from_civil`).
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The other way round: `civil_from_days`.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_alike() {
        for text in ["1970-01-01T00:00:00Z", "2026-11-20T20:27:05Z", "2024-02-29T23:59:59Z"] {
            let (ns, precision) = parse(text).unwrap();
            assert_eq!((write(ns, precision).as_str(), precision), (text, Precision::Seconds));
        }
        let (ns, precision) = parse("2026-11-20T20:27:05.619122Z").unwrap();
        assert_eq!(write(ns, precision), "2026-11-20T20:27:05.619122Z");
        assert_eq!(parse("2026-11-20T20:27:40.397Z").unwrap().0 % NS, 397_000_000);
        // `date -u -d 2026-11-20T20:27:05Z +%s`
        assert_eq!(parse("2026-11-20T20:27:05Z").unwrap().0, 1_795_206_425 * NS);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "Z", "2026-11-20", "2026-11-20T20:27Z", "a-b-cTd:e:fZ", "2026-1-20T20:27:05Z"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_date_header_names_the_day() {
        assert_eq!(
            http_date(parse("2026-11-20T20:27:05Z").unwrap().0),
            "Fri, 20 Nov 2026 20:27:05 GMT"
        );
    }
}
