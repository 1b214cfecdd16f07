//! Values of a plan that a number or a text alone would leave open: lengths of time, rates, shares, counts.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::duration::{DurationError, parse_go};

/// A length of time: `300ms`, `30s`, `1h30m`. Never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

/// How many, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub u32);

/// How many a second: `200`, `200/s`, `12000/m`. Above 0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct PerSecond(pub f64);

/// A part of a whole: `0.98` or `98%`. From 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl Time {
    /// The time under this factor.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Time {
        Time(Duration::try_from_secs_f64(self.0.as_secs_f64() * factor).unwrap_or(Duration::MAX))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX);
        f.write_str(&crate::duration::format_go(crate::duration::Span(nanos)))
    }
}

fn time(text: &str) -> Result<Time, String> {
    let example = "it is written like `300ms`, `30s` or `1h30m`";
    let span = parse_go(text).map_err(|error| match error {
        DurationError::MissingUnit(_) => format!("the duration `{text}` lacks a unit: {example}"),
        DurationError::UnknownUnit { unit, .. } => {
            format!("the duration `{text}` has the unknown unit `{unit}`: {example}")
        }
        _ => format!("`{text}` is no duration: {example}"),
    })?;
    if span.nanos() < 0 {
        return Err(format!("the duration `{text}` is negative"));
    }
    Ok(Time(span.as_duration()))
}

fn per_second(text: &str) -> Result<PerSecond, String> {
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let wrong = || format!("`{text}` is no rate: it is written like `200`, `200/s` or `12000/m`");
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    positive(number / seconds).ok_or_else(|| format!("the rate `{text}` is not above 0"))
}

fn positive(rate: f64) -> Option<PerSecond> {
    (rate.is_finite() && rate > 0.0).then_some(PerSecond(rate))
}

fn share(text: &str) -> Result<Share, String> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is no share: it is written like `0.98` or `98%`"))?;
    part(number / whole).ok_or_else(|| format!("the share `{text}` is not between 0 and 100 %"))
}

fn part(number: f64) -> Option<Share> {
    (0.0..=1.0).contains(&number).then_some(Share(number))
}

/// Reads a value from a text, or from a number where one is enough.
struct Reading<T> {
    expected: &'static str,
    text: fn(&str) -> Result<T, String>,
    number: Option<fn(f64) -> Option<T>>,
}

impl<T> Visitor<'_> for Reading<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.text)(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        match self.number {
            Some(read) => {
                read(number).ok_or_else(|| E::custom(format!("{number} is not {}", self.expected)))
            }
            // So that the message says what is missing.
            None => (self.text)(&number.to_string())
                .map_err(E::custom)
                .and_then(|_| Err(E::invalid_type(Unexpected::Float(number), &self.expected))),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading { expected: "a duration", text: time, number: None })
    }
}

impl<'de> Deserialize<'de> for PerSecond {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a rate above 0";
        let reading = Reading { expected, text: per_second, number: Some(positive) };
        deserializer.deserialize_any(reading)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a share between 0 and 1";
        deserializer.deserialize_any(Reading { expected, text: share, number: Some(part) })
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a whole number from 1";
        fn whole(number: f64) -> Option<Amount> {
            let fits = number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number);
            fits.then_some(Amount(number as u32))
        }
        fn text(text: &str) -> Result<Amount, String> {
            text.parse().ok().and_then(whole).ok_or_else(|| format!("`{text}` is not {EXPECTED}"))
        }
        let reading = Reading { expected: EXPECTED, text, number: Some(whole) };
        deserializer.deserialize_any(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'a> Deserialize<'a>>(json: &str) -> Result<T, String> {
        serde_json::from_str(json).map_err(|error| {
            let text = error.to_string();
            text.rsplit_once(" at line").map_or_else(|| text.clone(), |(text, _)| text.to_owned())
        })
    }

    #[test]
    fn lengths_rates_and_shares_are_read() {
        assert_eq!(read("\"1m30s\""), Ok(Time(Duration::from_secs(90))));
        for (text, rate) in [("200", 200.0), ("\"200/s\"", 200.0), ("\"120/m\"", 2.0)] {
            assert_eq!(read(text), Ok(PerSecond(rate)), "{text}");
        }
        for (text, part) in [("0.98", 0.98), ("\"98%\"", 0.98), ("1", 1.0), ("\"0.5\"", 0.5)] {
            assert_eq!(read(text), Ok(Share(part)), "{text}");
        }
        assert_eq!(read("7"), Ok(Amount(7)));
        assert_eq!(Time(Duration::from_secs(300)).scaled(0.02), Time(Duration::from_secs(6)));
        assert_eq!(Time(Duration::from_secs(90)).to_string(), "1m30s");
    }

    #[test]
    fn what_they_cannot_be_is_told() {
        let time = |text: &str| read::<Time>(text).unwrap_err();
        assert!(time("\"10x\"").contains("unknown unit `x`"), "{}", time("\"10x\""));
        assert!(time("10").contains("`10` lacks a unit"), "{}", time("10"));
        assert!(time("\"-5s\"").contains("negative"));
        assert!(time("\"soon\"").contains("`soon` is no duration"));
        assert!(read::<PerSecond>("\"5/week\"").unwrap_err().contains("is no rate"));
        assert!(read::<PerSecond>("0").unwrap_err().contains("0 is not a rate above 0"));
        assert!(read::<Share>("\"120%\"").unwrap_err().contains("not between 0 and 100 %"));
        assert!(read::<Amount>("0").unwrap_err().contains("whole number from 1"));
        assert!(read::<Amount>("1.5").unwrap_err().contains("1.5 is not"));
    }
}
