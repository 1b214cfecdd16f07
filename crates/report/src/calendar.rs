//! Unix time as a date.

use jiff::Timestamp;

/// `2026-11-20 22:55:03 UTC`.
pub(crate) fn utc(unix_ns: u64) -> String {
    timestamp(unix_ns).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `2026-11-20T22:55:03Z`.
pub(crate) fn rfc3339(unix_ns: u64) -> String {
    format!("{:.0}", timestamp(unix_ns))
}

/// Any 64-bit number of nanoseconds is a time.
fn timestamp(unix_ns: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or_default()
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
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33Z");
    }
}
