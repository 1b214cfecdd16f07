//! How k6 writes numbers: rates, plain values, bytes and times.
//!
//! k6 makes its summary in JavaScript, so the formats rest on two conversions of that language:
//! `Number.prototype.toString` (shortest digits that read back the same) and `toFixed` (ties away
//! from zero). Both are here, because Rust's own differ in the exponent form and in ties.

/// The unit all times are forced into by `--summary-time-unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds, `s`.
    Seconds,
    /// Milliseconds, `ms`.
    Milliseconds,
    /// Microseconds, `us` on input, `µs` in print.
    Microseconds,
}

impl TimeUnit {
    /// Reads `s`, `ms` or `us`; anything else (and `""`, k6's "no unit") is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "s" => Some(TimeUnit::Seconds),
            "ms" => Some(TimeUnit::Milliseconds),
            "us" => Some(TimeUnit::Microseconds),
            _ => None,
        }
    }

    /// The form `parse` reads.
    pub fn as_str(self) -> &'static str {
        match self {
            TimeUnit::Seconds => "s",
            TimeUnit::Milliseconds => "ms",
            TimeUnit::Microseconds => "us",
        }
    }
}

/// JavaScript's `String(x)`: `1e-7`, `1.5e+21`, `100000000000000000000`, `0` for minus zero.
pub fn js_number(x: f64) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if x == 0.0 {
        return "0".to_owned();
    }
    // Rust's `{:e}` gives the same shortest digits; only their layout differs.
    let scientific = format!("{:e}", x.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let body = if (-6..21).contains(&exponent) {
        place_point(&digits, exponent)
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{first}{point}{rest}e{sign}{}", exponent.abs())
    };
    if x < 0.0 { format!("-{body}") } else { body }
}

/// Puts the decimal point after the digit of weight 10^0; `exponent` is the first digit's weight.
fn place_point(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    let (whole, fraction) = digits.split_at(whole);
    format!("{whole}.{fraction}")
}

/// JavaScript's `x.toFixed(decimals)`: exact decimal value, ties away from zero, and the
/// exponent form from 1e21 on. A negative value keeps its sign even when it rounds to zero.
pub fn to_fixed(x: f64, decimals: usize) -> String {
    if !x.is_finite() || x.abs() >= 1e21 {
        return js_number(x);
    }
    let magnitude = x.abs();
    let body = if is_tie(magnitude, decimals) {
        // The expansion ends in a 5 just after the last kept digit, and Rust would round half to
        // even; a nudge by less than that digit makes the rounding go up.
        let longer = format!("{magnitude:.*}", decimals + 1);
        round_up_last(&longer[..longer.len() - 1])
    } else {
        format!("{magnitude:.decimals$}")
    };
    if x < 0.0 { format!("-{body}") } else { body }
}

/// Whether the exact value lies midway between two numbers of `decimals` places. Such a value is
/// a multiple of 2^-(decimals+1), which the multiplication by a power of two shows exactly.
fn is_tie(magnitude: f64, decimals: usize) -> bool {
    let scaled = magnitude * 2f64.powi(decimals as i32 + 1);
    scaled.fract() == 0.0 && format!("{magnitude:.*}", decimals + 1).ends_with('5')
}

/// Adds one to the last digit of a decimal literal; `9.9` becomes `10.0`. A trailing point, left
/// when no decimals are kept, is dropped.
fn round_up_last(literal: &str) -> String {
    let mut digits: Vec<u8> = literal.trim_end_matches('.').bytes().collect();
    for at in (0..digits.len()).rev() {
        match digits[at] {
            b'9' => digits[at] = b'0',
            b'.' => {}
            _ => {
                digits[at] += 1;
                return String::from_utf8_lossy(&digits).into_owned();
            }
        }
    }
    format!("1{}", String::from_utf8_lossy(&digits))
}

/// At most `decimals` places, rounded, without trailing zeros.
fn trimmed(x: f64, decimals: usize) -> String {
    js_number(to_fixed(x, decimals).parse().unwrap_or(x))
}

/// At most `decimals` places, cut off rather than rounded, without trailing zeros.
fn truncated(x: f64, decimals: usize) -> String {
    let scale = 10f64.powi(decimals as i32);
    trimmed((scale * x).trunc() / scale, decimals)
}

/// A share as a percentage cut off after two decimals: 2/3 is `66.66%`, never `66.67%`.
pub fn rate(share: f64) -> String {
    format!("{}%", to_fixed((share * 100.0 * 100.0).trunc() / 100.0, 2))
}

/// A value without a unit: up to six decimals, rounded.
pub fn plain(value: f64) -> String {
    trimmed(value, 6)
}

/// Bytes in powers of 1000: raw below 10, one decimal below 10 of a unit, else none.
pub fn data(bytes: f64) -> String {
    const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    // The comparison is written so that NaN, too, is printed raw.
    if !(bytes >= 10.0 && bytes.is_finite()) {
        return format!("{} B", js_number(bytes));
    }
    let power = (bytes.ln() / 1000f64.ln()).floor().clamp(0.0, 8.0);
    let value = (bytes / 1000f64.powi(power as i32) * 10.0 + 0.5).floor() / 10.0;
    let decimals = usize::from(value < 10.0);
    format!("{} {}", to_fixed(value, decimals), UNITS[power as usize])
}

/// A time given in milliseconds. Without a unit: the largest of ns, µs, ms, s that leaves at least
/// one, cut off after two decimals; beyond a minute `1m5s`, `1h1m1s` with whole seconds. With a
/// unit: always two decimals, rounded.
pub fn time(ms: f64, unit: Option<TimeUnit>) -> String {
    match unit {
        Some(TimeUnit::Seconds) => format!("{}s", to_fixed(ms * 0.001, 2)),
        Some(TimeUnit::Milliseconds) => format!("{}ms", to_fixed(ms, 2)),
        Some(TimeUnit::Microseconds) => format!("{}µs", to_fixed(ms * 1000.0, 2)),
        None => scaled_time(ms),
    }
}

fn scaled_time(ms: f64) -> String {
    if ms == 0.0 {
        return "0s".to_owned();
    }
    if !ms.is_finite() {
        return format!("{}s", js_number(ms));
    }
    // Negative times, which a script can produce, are all below a microsecond, as in k6.
    if ms < 0.001 {
        return format!("{}ns", js_number((ms * 1_000_000.0).trunc()));
    }
    if ms < 1.0 {
        return format!("{}µs", truncated(ms * 1000.0, 2));
    }
    if ms < 1000.0 {
        return format!("{}ms", truncated(ms, 2));
    }
    let decimals = if ms > 60_000.0 { 0 } else { 2 };
    let seconds = truncated((ms % 60_000.0) / 1000.0, decimals);
    let minutes = (ms / 60_000.0).trunc();
    if minutes < 1.0 {
        return format!("{seconds}s");
    }
    let hours = (minutes / 60.0).trunc();
    let minutes = js_number(minutes % 60.0);
    if hours < 1.0 {
        return format!("{minutes}m{seconds}s");
    }
    format!("{}h{minutes}m{seconds}s", js_number(hours))
}
