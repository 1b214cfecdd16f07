//! Numbers for tables and lines of our own, where width matters more than k6's exact form.

/// A time in milliseconds with three significant digits: `870ns`, `45.1µs`, `12.3ms`, `1.25s`;
/// minutes and hours as k6 has them.
pub(crate) fn time(ms: f64) -> String {
    if ms == 0.0 || !ms.is_finite() {
        return crate::number::time(ms, None);
    }
    for (unit, factor) in [("ns", 1e6), ("µs", 1e3), ("ms", 1.0), ("s", 1e-3)] {
        let value = ms * factor;
        let limit = if unit == "s" { 60.0 } else { 999.5 };
        if value.abs() < limit {
            return format!("{}{unit}", three_digits(value));
        }
    }
    crate::number::time(ms, None)
}

fn three_digits(value: f64) -> String {
    let decimals = match value.abs() {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    crate::number::to_fixed(value, decimals)
}

/// A rate with one decimal below 1000 and none above.
pub(crate) fn rate(per_s: f64) -> String {
    crate::number::to_fixed(per_s, usize::from(per_s.abs() < 999.95))
}

/// `text` in at most `columns`, its middle replaced by `…` where it is longer; both ends of a URL
/// tell more than its middle.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    let len = text.chars().count();
    if len <= columns {
        return text.to_owned();
    }
    let kept = columns.saturating_sub(1);
    let tail = kept / 2;
    let head: String = text.chars().take(kept - tail).collect();
    let tail: String = text.chars().skip(len - tail).collect();
    format!("{head}…{tail}")
}

/// Keeps a name from the system under test on its line and the terminal unharmed.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_three_digits() {
        for (ms, text) in [
            (0.0, "0s"),
            (0.000_87, "870ns"),
            (0.000_999_6, "1.00µs"),
            (0.045_12, "45.1µs"),
            (0.999_4, "999µs"),
            (0.999_6, "1.00ms"),
            (9.996, "10.0ms"),
            (12.345, "12.3ms"),
            (123.45, "123ms"),
            (999.6, "1.00s"),
            (1250.0, "1.25s"),
            (59_000.0, "59.0s"),
            (61_500.0, "1m1s"),
        ] {
            assert_eq!(time(ms), text, "{ms}");
        }
    }

    #[test]
    fn long_texts_lose_their_middle() {
        for (text, columns, short) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abc…fg"),
            ("äöüäöü", 3, "ä…ü"),
            ("abc", 1, "…"),
            ("abc", 0, "…"),
        ] {
            assert_eq!(shorten(text, columns), short, "{text} in {columns}");
        }
        assert_eq!(printable("a\x1b[31m\n"), "a\u{fffd}[31m\u{fffd}");
    }
}
