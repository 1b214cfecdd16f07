//! Reads JSON text piece by piece, with the places that error messages name. The text is what `JSON.stringify` made, so
//! anything unusual is an error and not a case.

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Null,
    Bool,
    Number,
    String,
    Object,
    Array,
    /// Something that no value starts with, or the end.
    Other,
}

/// A place in JSON text.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    text: &'a str,
    pub at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    pub(super) fn peek(&mut self) -> Token {
        self.skip_space();
        match self.byte() {
            Some(b'n') => Token::Null,
            Some(b't' | b'f') => Token::Bool,
            Some(b'-' | b'0'..=b'9') => Token::Number,
            Some(b'"') => Token::String,
            Some(b'{') => Token::Object,
            Some(b'[') => Token::Array,
            _ => Token::Other,
        }
    }

    /// Takes `byte` if it comes next.
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Line and column, from 1, columns in characters.
    pub(super) fn place(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        format!("line {line}:{column}")
    }

    /// The text of the token that starts here: a word, a number, a string or one character.
    pub(super) fn raw(&self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or("");
        let length = match rest.as_bytes().first() {
            None => 0,
            Some(b'"') => string_length(rest).unwrap_or(rest.len()),
            Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => 1,
            Some(_) => rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c)))
                .unwrap_or(rest.len())
                .max(rest.chars().next().map_or(0, char::len_utf8)),
        };
        rest.get(..length).unwrap_or(rest)
    }

    /// A word or number as it stands.
    pub(super) fn word(&mut self) -> &'a str {
        self.skip_space();
        let raw = self.raw();
        self.at += raw.len();
        raw
    }

    /// A string, its escapes undone.
    pub(super) fn string(&mut self) -> Result<String, String> {
        self.skip_space();
        let start = self.at;
        let raw = self.raw();
        let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        let Some(inner) = inner.filter(|_| raw.len() >= 2) else {
            return Err("syntax error: unexpected EOF".to_owned());
        };
        self.at += raw.len();
        if !inner.contains('\\') {
            return Ok(inner.to_owned());
        }
        unescape(inner).map_err(|escape| {
            // Go wants six bytes more where half of a pair stands alone.
            const ESCAPE_BYTES: usize = 6;
            if escape.len() < ESCAPE_BYTES {
                return "unexpected EOF".to_owned();
            }
            let shown = super::quoted(escape);
            format!("syntax error ({}): invalid escape code {shown} in string", self.place(start))
        })
    }

    /// Reads over a value; `false` where there is none.
    pub(super) fn skip(&mut self) -> bool {
        let mut open = 0_usize;
        loop {
            self.skip_space();
            match self.byte() {
                None => return false,
                Some(b'{' | b'[') => {
                    open += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if open == 0 => return false,
                Some(b'}' | b']') => {
                    open -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if open == 0 => return false,
                Some(_) => self.at += self.raw().len().max(1),
            }
            if open == 0 {
                return self.text.is_char_boundary(self.at);
            }
        }
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at >= self.text.len()
    }
}

/// Length of the string that `text` starts with, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Undoes JSON's escapes; the error is the escape that is none.
fn unescape(inner: &str) -> Result<String, &str> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let escape = rest.get(..2).ok_or(rest)?;
        let plain = match escape.as_bytes()[1] {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (c, length) = unicode(rest)?;
                out.push(c);
                rest = rest.get(length..).unwrap_or("");
                continue;
            }
            _ => return Err(escape),
        };
        out.push(plain);
        rest = &rest[2..];
    }
    out.push_str(rest);
    Ok(out)
}

/// `\u` and four digits, twice for what UTF-16 needs two units for.
fn unicode(text: &str) -> Result<(char, usize), &str> {
    let unit = |at: usize| -> Option<u32> {
        let escape = text.get(at..at + 6)?;
        let digits = escape.strip_prefix("\\u")?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then_some(())?;
        u32::from_str_radix(digits, 16).ok()
    };
    let shown = |at: usize| text.get(at..at + 6).or_else(|| text.get(at..)).unwrap_or(text);
    let high = unit(0).ok_or_else(|| shown(0))?;
    if let Some(c) = char::from_u32(high) {
        return Ok((c, 6));
    }
    let low = unit(6).ok_or_else(|| shown(6))?;
    let joined = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
    let code = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
    joined.then(|| char::from_u32(code)).flatten().map(|c| (c, 12)).ok_or_else(|| shown(6))
}

/// The integer that a JSON number is, in digits; `None` where it has a fraction or is too long to be one of 64 bits.
pub(super) fn integer(raw: &str) -> Option<String> {
    // The longest of 64 bits.
    const MAX_DIGITS: usize = 20;
    let (sign, rest) = match raw.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", raw),
    };
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let is_whole = whole == "0" || (!whole.is_empty() && !whole.starts_with('0'));
    if !is_whole || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    if mantissa.contains('.') && fraction.is_empty() {
        return None;
    }
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let whole = if whole == "0" { "" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() && fraction.is_empty() {
        return Some("0".to_owned());
    }
    if exponent >= 0 {
        let exponent = exponent as usize;
        if fraction.len() > exponent || whole.len() + exponent > MAX_DIGITS {
            return None;
        }
        let zeros = "0".repeat(exponent - fraction.len());
        return Some(format!("{sign}{whole}{fraction}{zeros}"));
    }
    let kept = whole.len().checked_sub(exponent.unsigned_abs() as usize)?;
    if !fraction.is_empty() || whole[kept..].bytes().any(|b| b != b'0') {
        return None;
    }
    Some(format!("{sign}{}", &whole[..kept]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_found_in_any_form() {
        for (raw, expect) in [
            ("0", Some("0")),
            ("-0", Some("0")),
            ("12", Some("12")),
            ("1.0", Some("1")),
            ("1.5", None),
            ("1.5e1", Some("15")),
            ("1e3", Some("1000")),
            ("1E+3", Some("1000")),
            ("1200e-2", Some("12")),
            ("1250e-2", None),
            ("1e400", None),
            ("1e99999999999", None),
            ("-7", Some("-7")),
            ("", None),
            ("-", None),
            ("01", None),
            ("1.", None),
            ("1_", None),
        ] {
            assert_eq!(integer(raw).as_deref(), expect, "{raw}");
        }
    }

    #[test]
    fn strings_lose_their_escapes() {
        let read = |text: &str| Reader::new(text).string();
        assert_eq!(
            read(r#""a\"\\\/\b\f\n\r\té\ud83d\ude00b""#).unwrap(),
            "a\"\\/\u{8}\u{c}\n\r\té😀b"
        );
        for bad in [r#""\ud800""#, r#""\udc00x""#, r#""\u12""#, r#""\x""#, "\"", "\"\\\""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_read_over() {
        for text in ["1", "\"a}\"", "[1,[2,{\"a\":\"]\"}]]", "{}", "null"] {
            let mut reader = Reader::new(text);
            assert!(reader.skip() && reader.is_at_end(), "{text}");
        }
        for text in ["", "[", "}", "{\"a\":"] {
            assert!(!Reader::new(text).skip(), "{text}");
        }
    }
}
