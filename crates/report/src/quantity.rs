//! Numbers of criteria, charts and tables as text with their units.

use plan::criterion::{Bound, Quantity};

use crate::number;
use crate::short;

/// A number with its unit.
pub fn text(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Milliseconds => short::time(value),
        Quantity::Seconds => seconds(value),
        Quantity::Ratio => percent(value),
        Quantity::PerSecond => format!("{}/s", per_second(value)),
        Quantity::Count => count(value),
        Quantity::Bytes => bytes(value),
        Quantity::Number => plain(value),
    }
}

/// A time in seconds: `12.3s`, `2m5s`.
pub fn seconds(value: f64) -> String {
    short::time(value * 1e3)
}

/// A share: `0.42%`, `99.98%`, `7%`. It never rounds to all or nothing what is neither.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    let decimals = match value.abs() {
        v if v == 0.0 || v >= 1000.0 => 0,
        v if !(10.0..=90.0).contains(&v) => 2,
        _ => 1,
    };
    let text = number::to_fixed(value, decimals);
    let rounded: f64 = text.parse().unwrap_or(value);
    let (is_all, is_none) = (rounded == 100.0 && share != 1.0, rounded == 0.0 && share != 0.0);
    if is_all || is_none {
        let longer = number::to_fixed(value, 4);
        return format!("{}%", trim(&longer));
    }
    format!("{}%", trim(&text))
}

/// A rate: one decimal below a hundred, groups of three above a thousand.
pub fn per_second(value: f64) -> String {
    if value.abs() < 100.0 { trim(&number::to_fixed(value, 1)).to_owned() } else { count(value) }
}

/// A whole number in groups of three: `12,345`.
pub fn count(value: f64) -> String {
    if !value.is_finite() {
        return number::js_number(value);
    }
    let whole = number::to_fixed(value.abs(), 0);
    let mut text = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 && whole != "0" { format!("-{text}") } else { text }
}

/// Bytes in powers of 1024, as clusters and containers count them.
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value;
    let mut unit = 0;
    while scaled.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && scaled.abs() < 100.0);
    format!("{} {}", number::to_fixed(scaled, decimals), UNITS[unit])
}

/// A number of no known unit, with at most three places that matter.
pub fn plain(value: f64) -> String {
    let decimals = match value.abs() {
        v if v == 0.0 || v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v if v >= 0.01 => 3,
        _ => return number::js_number(value),
    };
    let text = number::to_fixed(value, decimals);
    if decimals == 0 { count(value) } else { trim(&text).to_owned() }
}

/// A bound: `< 500ms`, `40 to 60`, `reaches 10`.
pub fn bound(quantity: Quantity, bound: &Bound) -> String {
    let text = |value: f64| text(quantity, value);
    match bound {
        Bound::Is { operator, limit } => format!("{} {}", operator.as_str(), text(*limit)),
        Bound::In { low, high } => format!("{} to {}", text(*low), text(*high)),
        Bound::Reaches(limit) => format!("reaches {}", text(*limit)),
        Bound::Scales { from, to } => format!("from {} to {}", text(*from), text(*to)),
        Bound::Together => "at the same time".to_owned(),
    }
}

fn trim(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (quantity, value, text) in [
            (Quantity::Milliseconds, 487.2, "487ms"),
            (Quantity::Seconds, 12.34, "12.3s"),
            (Quantity::Ratio, 0.0, "0%"),
            (Quantity::Ratio, 1.0, "100%"),
            (Quantity::Ratio, 0.0042, "0.42%"),
            (Quantity::Ratio, 0.99999, "99.999%"),
            (Quantity::Ratio, 0.00001, "0.001%"),
            (Quantity::Ratio, 0.4567, "45.7%"),
            (Quantity::Ratio, 0.985, "98.5%"),
            (Quantity::PerSecond, 12_345.6, "12,346/s"),
            (Quantity::PerSecond, 4.04, "4/s"),
            (Quantity::Count, 1_234_567.0, "1,234,567"),
            (Quantity::Count, 0.0, "0"),
            (Quantity::Bytes, 268_435_456.0, "256 MiB"),
            (Quantity::Bytes, 1_600.0, "1.6 KiB"),
            (Quantity::Number, 0.123_456, "0.123"),
            (Quantity::Number, 48.0, "48"),
            (Quantity::Number, 1.5, "1.5"),
            (Quantity::Number, 0.0, "0"),
        ] {
            assert_eq!(super::text(quantity, value), text, "{value}");
        }
    }
}
