//! Durations as users write them (milliseconds, Go's `1h2m3.5s`, k6's `1d2h`) and as Go prints them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A signed length of time in nanoseconds: what options hold before they are validated (`-5s` must still be
/// representable to be refused with the right text). Range: ±292 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub i64);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span of whole seconds, saturating.
    pub const fn from_secs(secs: i64) -> Span {
        Span(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// A span of whole milliseconds, saturating.
    pub const fn from_millis(millis: i64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The same as an unsigned duration; negative spans become zero.
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Milliseconds, with fractions.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The span multiplied by `factor`, rounded to the nearest nanosecond, saturating.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Span {
        Span((self.0 as f64 * factor).round() as i64)
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Span {
        Span(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromStr for Span {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Span, DurationError> {
        parse_k6(text)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no duration. The texts are those of Go's `time` and `strconv` packages, which k6 shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a duration at all, or out of range.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit Go does not know.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// The number of days is not an integer.
    #[error("strconv.ParseInt: parsing {0:?}: {1}")]
    Days(String, &'static str),
    /// A sign after the days.
    #[error("invalid time format '{0}'")]
    SignAfterDays(String),
    /// A JSON value that is neither a number nor a text.
    #[error("'{0}' is not a valid duration value")]
    NotADuration(String),
}

const NANOS_PER_SEC: i64 = 1_000_000_000;
const NANOS_PER_DAY: i64 = 24 * 3600 * NANOS_PER_SEC;

/// Parses a duration of a script, a configuration file or an environment variable: a bare number is milliseconds,
/// `2d`, `1d2h` and `-1d2h` have days, everything else is [`parse_go`]'s.
///
/// # Errors
/// k6's text for what is wrong.
pub fn parse_k6(text: &str) -> Result<Span, DurationError> {
    if let Ok(millis) = parse_go_float(text) {
        return Ok(from_millis_f64(millis));
    }
    let Some((days, rest)) = text.split_once('d') else {
        return parse_go(text);
    };
    if rest.starts_with(['+', '-']) {
        return Err(DurationError::SignAfterDays(rest.to_owned()));
    }
    // Go parses the part after the days first, so its complaint is the one shown.
    let hours = if rest.is_empty() { Span::ZERO } else { parse_go(rest)? };
    let n_days = parse_go_int(days).map_err(|why| DurationError::Days(days.to_owned(), why))?;
    let span = if n_days < 0 || days.starts_with('-') {
        n_days.checked_mul(NANOS_PER_DAY).and_then(|d| d.checked_sub(hours.0))
    } else {
        n_days.checked_mul(NANOS_PER_DAY).and_then(|d| d.checked_add(hours.0))
    };
    span.map(Span).ok_or_else(|| DurationError::Invalid(text.to_owned()))
}

/// A number of milliseconds as a span. What does not fit becomes the smallest span, as Go's conversion does, and is
/// then refused as negative.
pub fn from_millis_f64(millis: f64) -> Span {
    let nanos = millis * 1e6;
    if nanos.is_finite() && nanos.abs() < i64::MAX as f64 {
        Span(nanos as i64)
    } else {
        Span(i64::MIN)
    }
}

/// Parses a duration of the command line: `[+-]` and decimal numbers each with a unit (`h m s ms us µs ns`), or `0`.
///
/// # Errors
/// Go's text for what is wrong.
pub fn parse_go(text: &str) -> Result<Span, DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Span::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let limit = if negative { 1u128 << 63 } else { i64::MAX as u128 };
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (nanos, after) = parse_go_term(text, rest)?;
        total += nanos;
        if total > limit {
            return Err(invalid());
        }
        rest = after;
    }
    let magnitude = i128::try_from(total).map_err(|_| invalid())?;
    let signed = if negative { -magnitude } else { magnitude };
    i64::try_from(signed).map(Span).map_err(|_| invalid())
}

/// One `<number><unit>` of a Go duration: its nanoseconds and what follows it.
fn parse_go_term<'a>(text: &str, rest: &'a str) -> Result<(u128, &'a str), DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => after.split_at(digits(after)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let unit_len = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_len);
    let scale: u128 = match unit {
        "" => return Err(DurationError::MissingUnit(text.to_owned())),
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => {
            return Err(DurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            });
        }
    };
    // 20 digits hold more than the limit of 2^63 ns, and any digits beyond the 18th of a fraction are below 1 ns.
    let whole = whole.trim_start_matches('0');
    if whole.len() > 20 {
        return Err(invalid());
    }
    let mut nanos = whole.bytes().fold(0u128, |n, digit| n * 10 + u128::from(digit - b'0')) * scale;
    let mut unit_of_digit = 1u128;
    let mut numerator = 0u128;
    for digit in fraction.bytes().take(18) {
        numerator = numerator * 10 + u128::from(digit - b'0');
        unit_of_digit *= 10;
    }
    nanos += numerator * scale / unit_of_digit;
    Ok((nanos, rest))
}

/// Go's `strconv.ParseInt(text, 10, 64)`.
pub(crate) fn parse_go_int(text: &str) -> Result<i64, &'static str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("invalid syntax");
    }
    text.parse().map_err(|_| "value out of range")
}

/// Go's `strconv.ParseFloat(text, 64)`: decimal and hexadecimal (with exponent) numbers, `Inf`, `NaN`, with
/// underscores allowed between digits.
pub(crate) fn parse_go_float(text: &str) -> Result<f64, &'static str> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = body.to_ascii_lowercase();
    let magnitude = match lower.as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        _ => match parse_number(&lower).ok_or("invalid syntax")? {
            number if number.is_finite() => number,
            _ => return Err("value out of range"),
        },
    };
    Ok(if negative { -magnitude } else { magnitude })
}

fn parse_number(text: &str) -> Option<f64> {
    let plain = without_underscores(text)?;
    match plain.strip_prefix("0x") {
        Some(hex) => parse_hex_float(hex),
        None => parse_decimal_float(&plain),
    }
}

/// Removes underscores that stand between digits; `None` if one stands elsewhere.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for (idx, byte) in bytes.iter().enumerate() {
        if *byte == b'_' {
            let before = idx
                .checked_sub(1)
                .and_then(|i| bytes.get(i))
                .is_some_and(|b| b.is_ascii_alphanumeric());
            let after = bytes.get(idx + 1).is_some_and(u8::is_ascii_hexdigit);
            if !(before && after) {
                return None;
            }
        }
    }
    Some(text.replace('_', ""))
}

fn parse_decimal_float(text: &str) -> Option<f64> {
    // Rust's own parser also takes words ("inf", "nan"); those were handled before.
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-')) {
        return None;
    }
    if text.starts_with(['+', '-']) {
        return None; // the one sign was taken off before
    }
    text.parse().ok()
}

/// `<hex digits>[.<hex digits>]p<exponent>`; the exponent is required.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent = i32::try_from(parse_go_int(exponent).ok()?).ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    Some(value * 2f64.powi(shift))
}

/// Prints a duration as Go does: `1h2m3.5s`, `1m30s`, `500ms`, `0s`.
pub fn format_go(duration: impl Into<Span>) -> String {
    duration.into().to_string()
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (value, decimals, unit) = match nanos {
            0 => return f.write_str("0s"),
            1..1_000 => (nanos, 0, "ns"),
            1_000..1_000_000 => (nanos, 3, "\u{b5}s"),
            1_000_000..1_000_000_000 => (nanos, 6, "ms"),
            _ => {
                let secs = nanos / 1_000_000_000;
                let (hours, minutes) = (secs / 3600, secs / 60 % 60);
                let rest = decimal(nanos % 60_000_000_000, 9);
                return match (hours, minutes) {
                    (0, 0) => write!(f, "{sign}{rest}s"),
                    (0, _) => write!(f, "{sign}{minutes}m{rest}s"),
                    _ => write!(f, "{sign}{hours}h{minutes}m{rest}s"),
                };
            }
        };
        write!(f, "{sign}{}{unit}", decimal(value, decimals))
    }
}

/// `value / 10^decimals` without trailing zeros.
fn decimal(value: u64, decimals: u32) -> String {
    let scale = 10u64.pow(decimals);
    let (whole, fraction) = (value / scale, value % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = format!("{fraction:0width$}", width = decimals as usize);
    format!("{whole}.{}", digits.trim_end_matches('0'))
}
