//! JSON as Go's encoder writes it: numbers without a needless point, `<`, `>` and `&` escaped.

use std::fmt::Write as _;

/// A string with its quotes.
pub(super) fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A number; `None` for what JSON can't say, which k6 answers with an error.
pub(super) fn number(value: f64) -> Option<String> {
    value.is_finite().then(|| report::number::js_number(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_in_go() {
        assert_eq!(text("a\"b\\<\u{1}\n&>é"), r#""a\"b\\\u003c\u0001\n\u0026\u003eé""#);
    }

    #[test]
    fn numbers_have_no_needless_point() {
        let of = |x| number(x).unwrap_or_else(|| "none".into());
        assert_eq!(
            [3.0, 0.25, -0.5, 1e21, 1e-7, f64::NAN].map(of),
            ["3", "0.25", "-0.5", "1e+21", "1e-7", "none"]
        );
    }
}
