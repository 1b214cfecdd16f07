//! Times as the API server writes them.

use serde::{Deserialize, Deserializer};

const SECOND: u64 = 1_000_000_000;

/// A time of the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Unix nanoseconds.
    pub(crate) unix_ns: u64,
    /// Written in whole seconds: it was some time within that second.
    pub(crate) is_whole: bool,
}

impl Stamp {
    /// Reads RFC 3339.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        let unix_ns = u64::try_from(time.as_nanosecond()).ok()?;
        Some(Self { unix_ns, is_whole: !text.contains('.') })
    }

    /// When it was, if it was not before `after` and not after `seen`, all by the same clock. Within the second it
    /// names, that is as late as it was seen.
    pub(crate) fn moment(self, after: u64, seen: u64) -> u64 {
        let end =
            if self.is_whole { self.unix_ns.saturating_add(SECOND - 1) } else { self.unix_ns };
        let earliest = self.unix_ns.max(after);
        seen.min(end).max(earliest).min(seen.max(after))
    }
}

/// A field that may be missing, `null`, or something nobody expects.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Stamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.as_deref().and_then(Stamp::parse))
}

/// Reads the `Date` of an HTTP answer: unix nanoseconds of a whole second.
pub(crate) fn http_date(text: &str) -> Option<u64> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let time = parser.parse_timestamp(text).ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// A time as the server takes it, in microseconds.
pub(crate) fn rfc3339(unix_ns: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or_default();
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 1_795_206_425 * SECOND;

    #[test]
    fn whole_seconds_and_microseconds_are_told_apart() {
        assert_eq!(
            Stamp::parse("2026-11-20T20:27:05Z"),
            Some(Stamp { unix_ns: AT, is_whole: true })
        );
        let exact = Stamp::parse("2026-11-20T20:27:05.619122Z").unwrap();
        assert_eq!((exact.unix_ns - AT, exact.is_whole), (619_122_000, false));
        assert_eq!(Stamp::parse("yesterday"), None);
        assert_eq!(rfc3339(exact.unix_ns), "2026-11-20T20:27:05.619122Z");
        assert_eq!(http_date("Fri, 20 Nov 2026 20:27:05 GMT"), Some(AT));
    }

    #[test]
    fn a_moment_lies_in_its_second_and_between_two_looks() {
        let whole = Stamp { unix_ns: AT, is_whole: true };
        for (after, seen, moment) in [
            (0, AT + SECOND / 3, AT + SECOND / 3), // seen within the second
            (0, AT + 9 * SECOND, AT + SECOND - 1), // seen later
            (AT + SECOND / 2, AT + 9 * SECOND, AT + SECOND - 1),
            (AT + 5 * SECOND, AT + 9 * SECOND, AT + 5 * SECOND), // it was not there before
            (0, AT - SECOND, AT - SECOND), // a clock that is not corrected well
        ] {
            assert_eq!(whole.moment(after, seen), moment, "{after} {seen}");
        }
        let exact = Stamp { unix_ns: AT + 7, is_whole: false };
        assert_eq!(exact.moment(0, AT + SECOND), AT + 7);
    }
}
