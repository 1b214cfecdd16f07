//! Numbers and texts as Python writes them: Locust's files are full of `repr`s.

/// A float as Python's `repr` has it: the shortest digits that read back, `8.0`, `1e-05`, `1e+16`.
pub fn repr_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// A text as Python's `repr` has it, in quotes.
pub fn repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            // Python prints no character of the classes "other" and "separator"; these are the common ones.
            '\u{80}'..='\u{a0}' | '\u{ad}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{3000}' | '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// Reads a `repr` of a text back; `None` where it is none.
pub fn text_of_repr(repr: &str) -> Option<String> {
    let quote = repr.chars().next().filter(|c| ['\'', '"'].contains(c))?;
    let inner = repr.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == quote {
            return None;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'x' => out.push(escaped(&mut chars, 2)?),
            'u' => out.push(escaped(&mut chars, 4)?),
            'U' => out.push(escaped(&mut chars, 8)?),
            other => out.push(other),
        }
    }
    Some(out)
}

fn escaped(chars: &mut std::str::Chars<'_>, n: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..n {
        code = code * 16 + chars.next()?.to_digit(16)?;
    }
    char::from_u32(code)
}

/// Rounds to a multiple of `step`, ties to the even multiple, as Python's `round(x, -n)` does: by the exact value, not
/// by a quotient that was rounded itself.
pub fn round_to(value: f64, step: f64) -> f64 {
    let below = (value / step).floor();
    let rest = value - below * step;
    let half = step / 2.0;
    let up = rest > half || (rest == half && below % 2.0 != 0.0);
    (below + if up { 1.0 } else { 0.0 }) * step
}

/// Locust's `proper_round`: away from zero at a half, to so many digits.
pub fn proper_round(value: f64, digits: usize) -> f64 {
    let length = i32::try_from(repr_float(value).len()).unwrap_or(i32::MAX);
    let nudged = value + 10f64.powi(-length - 1);
    if digits == 0 {
        return nudged.round_ties_even();
    }
    format!("{nudged:.digits$}").parse().unwrap_or(nudged)
}

/// How Locust names a percentile in tables: `50%`, `99.9%`.
pub fn percentile_name(part: f64) -> String {
    let percent = part * 100.0;
    if percent.fract() == 0.0 {
        return format!("{percent:.0}%");
    }
    let rounded: f64 = format!("{percent:.6}").parse().unwrap_or(percent);
    format!("{}%", repr_float(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (8.0, "8.0"),
            (8.227_320_679_257_334, "8.227320679257334"),
            (0.1, "0.1"),
            (0.000_1, "0.0001"),
            (0.000_01, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.234e22, "1.234e+22"),
            (-2.5, "-2.5"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(repr_float(value), text);
        }
    }

    #[test]
    fn texts_are_quoted_as_python_quotes_them_and_read_back() {
        for (text, repr) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("both ' and \"", "'both \\' and \"'"),
            ("a\nb\\", "'a\\nb\\\\'"),
            ("\u{1}ä", "'\\x01ä'"),
        ] {
            assert_eq!(repr_text(text), repr);
            assert_eq!(text_of_repr(repr).as_deref(), Some(text));
        }
        for no_repr in ["", "'", "a", "'a'b'", "ValueError('x')"] {
            assert_eq!(text_of_repr(no_repr), None, "{no_repr}");
        }
    }

    #[test]
    fn percentiles_have_locusts_names() {
        let names: Vec<_> = [0.5, 0.66, 0.29, 0.95, 0.999, 0.9999, 1.0]
            .iter()
            .map(|p| percentile_name(*p))
            .collect();
        assert_eq!(names, ["50%", "66%", "29.0%", "95%", "99.9%", "99.99%", "100%"]);
    }
}
