//! Durations as the query parameters, the control document and the flags spell them.

/// The longest delay, stall or pace that may be asked for: 10 minutes, in nanoseconds.
pub(crate) const LONGEST_NS: u64 = 600 * 1_000_000_000;

/// Parses `12.5ms`, `250us`, `1s`, `2m`, or a plain number of milliseconds, into nanoseconds.
/// `None` when it is none of these, negative, or longer than [`LONGEST_NS`].
pub(crate) fn parse_ns(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "" | "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        _ => return None,
    };
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let ns = number.parse::<f64>().ok()? * scale;
    (ns <= LONGEST_NS as f64).then_some(ns.round() as u64)
}

/// The reverse of [`parse_ns`] in milliseconds, e.g. `12.5ms`.
pub(crate) fn format_ns(ns: u64) -> String {
    format!("{}ms", ns as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_default_to_milliseconds() {
        let cases = [
            ("12.5ms", Some(12_500_000)),
            ("12.5", Some(12_500_000)),
            ("0", Some(0)),
            ("250us", Some(250_000)),
            ("250µs", Some(250_000)),
            ("1s", Some(1_000_000_000)),
            ("2m", Some(120_000_000_000)),
            ("10m", Some(LONGEST_NS)),
            ("11m", None),
            ("-1ms", None),
            ("ms", None),
            ("", None),
            ("1e3ms", None),
            ("1h", None),
            ("inf", None),
            ("NaN", None),
        ];
        for (text, ns) in cases {
            assert_eq!(parse_ns(text), ns, "{text}");
        }
        assert_eq!(format_ns(12_500_000), "12.5ms");
    }
}
