//! Unix times as text.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Formats unix times as RFC 3339 in the local zone, as Go does; remembers the last second.
#[derive(Debug, Default)]
pub(crate) struct LocalTimes {
    second: Option<u64>,
    prefix: String,
    zone: String,
}

impl LocalTimes {
    /// Appends `2026-11-20T21:08:18.5Z`: up to nine digits of the second, without trailing zeros.
    pub(crate) fn append_nanos(&mut self, unix_ns: u64, out: &mut String) {
        let nanos = self.turn_to(unix_ns);
        out.push_str(&self.prefix);
        if nanos > 0 {
            let digits = format!("{nanos:09}");
            out.push('.');
            out.push_str(digits.trim_end_matches('0'));
        }
        out.push_str(&self.zone);
    }

    /// Appends `2026-11-20T21:08:18Z`.
    pub(crate) fn append_seconds(&mut self, unix_ns: u64, out: &mut String) {
        self.turn_to(unix_ns);
        out.push_str(&self.prefix);
        out.push_str(&self.zone);
    }

    fn turn_to(&mut self, unix_ns: u64) -> u64 {
        let (second, nanos) = (unix_ns / 1_000_000_000, unix_ns % 1_000_000_000);
        if self.second != Some(second) {
            self.second = Some(second);
            let stamp = Timestamp::from_second(i64::try_from(second).unwrap_or(i64::MAX));
            let zoned = stamp.unwrap_or(Timestamp::MAX).to_zoned(TimeZone::system());
            self.prefix.clear();
            let _ = write!(self.prefix, "{}", zoned.strftime("%Y-%m-%dT%H:%M:%S"));
            self.zone.clear();
            if zoned.offset().seconds() == 0 {
                self.zone.push('Z');
            } else {
                let _ = write!(self.zone, "{}", zoned.strftime("%:z"));
            }
        }
        nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_lose_their_trailing_zeros() {
        let mut out = String::new();
        let mut times = LocalTimes::default();
        times.append_nanos(1_500_000_000, &mut out);
        assert!(out.starts_with("1970-01-01T") || out.starts_with("1969-12-31T"), "{out}");
        assert!(out.contains(":01.5"), "{out}");
        out.clear();
        times.append_seconds(1_500_000_000, &mut out);
        assert!(out.contains(":01") && !out.contains('.'), "{out}");
    }
}
