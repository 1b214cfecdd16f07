//! Quantities as Kubernetes writes them: `250m`, `128Mi`, `1.5`, `12345678n`, `2e3`.

use serde::{Deserialize, Deserializer};

/// Reads a quantity; `None` where it is none.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-');
    let end = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    // `1e3` and `1E3` are exponents, `1E` is exa.
    if unit.len() > 1 && unit.starts_with(['e', 'E']) {
        return text.parse().ok().filter(|value: &f64| value.is_finite());
    }
    let factor = match unit {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        _ => return None,
    };
    number.parse::<f64>().ok().map(|value| value * factor).filter(|value| value.is_finite())
}

/// A field with a quantity: text, or a number; anything else is nothing.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::String(text) => parse(&text),
        serde_json::Value::Number(number) => number.as_f64(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix_is_known() {
        for (text, value) in [
            ("1", 1.0),
            ("250m", 0.25),
            ("1.5", 1.5),
            ("12345678n", 0.012_345_678),
            ("5u", 5e-6),
            ("128Mi", 134_217_728.0),
            ("81920Ki", 83_886_080.0),
            ("2Gi", 2_147_483_648.0),
            ("1k", 1_000.0),
            ("2e3", 2_000.0),
            ("1E3", 1_000.0),
            ("1E", 1e18),
            ("0", 0.0),
        ] {
            let read = parse(text).unwrap();
            assert!((read - value).abs() <= value * 1e-12, "{text}: {read}");
        }
        for text in ["", "Mi", "1Q", "1 m x", "one", "1e999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
