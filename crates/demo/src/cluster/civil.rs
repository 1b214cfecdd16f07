//! Times as Kubernetes and HTTP write them, in UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How exact a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Seconds,
    Micros,
}

/// Reads `2026-11-20T20:27:05Z`, with a fraction or without: nanoseconds since 1970, and how exact it is.
pub(super) fn parse(text: &str) -> Option<(i64, Precision)> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, precision) = match clock.split_once('.') {
        Some((clock, _)) => (clock, Precision::Micros),
        None => (clock, Precision::Seconds),
    };
    // Other forms of the standard are no times of an API server.
    if date.len() != "2026-11-20".len() || clock.len() != "20:27:05".len() {
        return None;
    }
    let time: Timestamp = text.parse().ok()?;
    Some((i64::try_from(time.as_nanosecond()).ok()?, precision))
}

/// Writes a time as Kubernetes does; what is finer than `precision` is cut off.
pub(super) fn write(unix_ns: i64, precision: Precision) -> String {
    let time = timestamp(unix_ns);
    match precision {
        Precision::Seconds => format!("{time:.0}"),
        Precision::Micros => format!("{time:.6}"),
    }
}

/// The `Date` header of HTTP: `Fri, 20 Nov 2026 20:27:05 GMT`.
pub(super) fn http_date(unix_ns: i64) -> String {
    let zoned = timestamp(unix_ns).to_zoned(TimeZone::UTC);
    zoned.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Any 64-bit number of nanoseconds is a time.
fn timestamp(unix_ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or_default()
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
        assert_eq!(parse("2026-11-20T20:27:40.397Z").unwrap().0 % 1_000_000_000, 397_000_000);
        // `date -u -d 2026-11-20T20:27:05Z +%s`
        assert_eq!(parse("2026-11-20T20:27:05Z").unwrap().0, 1_795_206_425_000_000_000);
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
