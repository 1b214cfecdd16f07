//! Numbers in Go's syntax, with Go's error texts: what k6's flags accept.

/// Parses an integer as Go's `ParseInt(text, 0, 64)`: sign, `0x`/`0o`/`0b` prefixes, underscores with a prefix.
///
/// # Errors
/// Go's text.
pub(crate) fn parse_int(text: &str) -> Result<i64, String> {
    let fail = |why: &str| format!("strconv.ParseInt: parsing {text:?}: {why}");
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    let plain = body.replace('_', "");
    let well_formed = !plain.is_empty()
        && plain.chars().all(|c| c.is_digit(radix))
        && !body.ends_with('_')
        && !body.contains("__")
        && (radix != 10 || !body.starts_with('_'));
    if !well_formed {
        return Err(fail("invalid syntax"));
    }
    let magnitude = i128::from_str_radix(&plain, radix).map_err(|_| fail("value out of range"))?;
    let value = if negative { -magnitude } else { magnitude };
    i64::try_from(value).map_err(|_| fail("value out of range"))
}

/// Parses a boolean as Go's `ParseBool`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_follow_go() {
        assert_eq!(parse_int("0x10"), Ok(16));
        assert_eq!(parse_int("-5"), Ok(-5));
        assert_eq!(parse_int("010"), Ok(8));
        assert!(parse_int("5.0").unwrap_err().ends_with("invalid syntax"));
        assert!(parse_int("99999999999999999999").unwrap_err().ends_with("value out of range"));
    }
}
