//! What the numbers of a criterion are, and the units they may be written in.

use serde::{Deserialize, Serialize};

use super::CriterionError;
use super::cursor::Cursor;

/// What a number is; limits and measured values are in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// A time in milliseconds.
    Milliseconds,
    /// A time in seconds.
    Seconds,
    /// A share, 1 for all.
    Ratio,
    /// A number each second.
    PerSecond,
    /// How many.
    Count,
    /// Bytes.
    Bytes,
    /// A number whose unit nobody told.
    Number,
}

/// The units a number may be written in, and what they make of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    None,
    Percent,
    /// Milliseconds in one.
    Time(f64),
    /// Seconds it is per.
    Per(f64),
    /// Bytes in one.
    Bytes(f64),
}

const UNITS: &[(&str, Unit)] = &[
    ("", Unit::None),
    ("%", Unit::Percent),
    ("ns", Unit::Time(1e-6)),
    ("us", Unit::Time(1e-3)),
    ("µs", Unit::Time(1e-3)),
    ("μs", Unit::Time(1e-3)),
    ("ms", Unit::Time(1.0)),
    ("s", Unit::Time(1e3)),
    ("sec", Unit::Time(1e3)),
    ("m", Unit::Time(60e3)),
    ("min", Unit::Time(60e3)),
    ("h", Unit::Time(3_600e3)),
    ("/s", Unit::Per(1.0)),
    ("/sec", Unit::Per(1.0)),
    ("req/s", Unit::Per(1.0)),
    ("rps", Unit::Per(1.0)),
    ("/m", Unit::Per(60.0)),
    ("/min", Unit::Per(60.0)),
    ("/h", Unit::Per(3_600.0)),
    ("B", Unit::Bytes(1.0)),
    ("kB", Unit::Bytes(1e3)),
    ("KB", Unit::Bytes(1e3)),
    ("MB", Unit::Bytes(1e6)),
    ("GB", Unit::Bytes(1e9)),
    ("KiB", Unit::Bytes(1_024.0)),
    ("MiB", Unit::Bytes(1_048_576.0)),
    ("GiB", Unit::Bytes(1_073_741_824.0)),
    ("Ki", Unit::Bytes(1_024.0)),
    ("Mi", Unit::Bytes(1_048_576.0)),
    ("Gi", Unit::Bytes(1_073_741_824.0)),
];

impl Quantity {
    /// What the samples of a series are, by the end of its name; `None` where it does not say.
    pub fn of_series(name: &str) -> Option<Self> {
        const ENDS: &[(&str, Quantity)] = &[
            ("_ratio", Quantity::Ratio),
            ("_ms", Quantity::Milliseconds),
            ("_seconds", Quantity::Seconds),
            ("_s", Quantity::Seconds),
            ("_bytes", Quantity::Bytes),
            ("_per_second", Quantity::PerSecond),
        ];
        ENDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, quantity)| *quantity)
    }

    fn what(self) -> &'static str {
        match self {
            Self::Milliseconds | Self::Seconds => "a time, like 500ms or 1.5s",
            Self::Ratio => "a share, like 1% or 0.01",
            Self::PerSecond => "a rate, like 1000/s",
            Self::Count => "a count, without a unit",
            Self::Bytes => "a size, like 256MiB",
            Self::Number => "a number",
        }
    }
}

/// A number with its unit, as it stands in a criterion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    value: f64,
    unit: Unit,
    /// Where it stands, in bytes.
    pub(super) at: usize,
}

impl Amount {
    /// Reads one. Times may have several parts: `1m30s`.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, CriterionError> {
        cursor.skip_blanks();
        let at = cursor.at;
        let (mut value, unit) = Self::part(cursor)?;
        if let Unit::Time(factor) = unit {
            value *= factor;
            while cursor.rest().starts_with(|c: char| c.is_ascii_digit()) {
                let part_at = cursor.at;
                match Self::part(cursor)? {
                    (more, Unit::Time(factor)) => value += more * factor,
                    _ => return Err(cursor.error(part_at, "this is no part of a time")),
                }
            }
            return Ok(Self { value, unit: Unit::Time(1.0), at });
        }
        Ok(Self { value, unit, at })
    }

    fn part(cursor: &mut Cursor<'_>) -> Result<(f64, Unit), CriterionError> {
        let value = cursor.number()?;
        let at = cursor.at;
        let text = cursor.unit();
        match UNITS.iter().find(|(known, _)| *known == text) {
            Some((_, unit)) => Ok((value, *unit)),
            None => Err(cursor.error(
                at,
                format!("unknown unit `{text}`: there are %, us, ms, s, m, h, /s, /m, KiB, MiB, GiB, kB, MB, GB"),
            )),
        }
    }

    /// What the unit says the number is, where nothing else does. Prometheus counts time in seconds, everything here
    /// in milliseconds.
    pub(super) fn guess(self, is_prometheus: bool) -> Quantity {
        match self.unit {
            Unit::None => Quantity::Number,
            Unit::Percent => Quantity::Ratio,
            Unit::Time(_) if is_prometheus => Quantity::Seconds,
            Unit::Time(_) => Quantity::Milliseconds,
            Unit::Per(_) => Quantity::PerSecond,
            Unit::Bytes(_) => Quantity::Bytes,
        }
    }

    /// The number in the unit of a quantity.
    pub(super) fn into_unit_of(
        self,
        quantity: Quantity,
        cursor: &Cursor<'_>,
    ) -> Result<f64, CriterionError> {
        Ok(match (quantity, self.unit) {
            // A bare number is in the quantity's own unit.
            (_, Unit::None) => self.value,
            (Quantity::Ratio, Unit::Percent) => self.value / 100.0,
            (Quantity::Milliseconds, Unit::Time(factor)) => self.value * factor,
            (Quantity::Seconds, Unit::Time(factor)) => self.value * factor / 1e3,
            (Quantity::PerSecond, Unit::Per(seconds)) => self.value / seconds,
            (Quantity::Bytes, Unit::Bytes(bytes)) => self.value * bytes,
            (wanted, _) => {
                return Err(cursor.error(self.at, format!("expected {}", wanted.what())));
            }
        })
    }
}
