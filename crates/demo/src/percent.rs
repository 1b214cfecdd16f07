//! Percent decoding and `key=value&…` lists: queries and urlencoded forms.

use std::borrow::Cow;

/// Decodes `%XX` and, in forms and queries, `+`. Broken escapes stay as they are; bytes that are not
/// UTF-8 become U+FFFD.
pub(crate) fn decode(raw: &str, plus: Plus) -> Cow<'_, str> {
    let has_plus = plus == Plus::IsSpace && raw.contains('+');
    if !raw.contains('%') && !has_plus {
        return Cow::Borrowed(raw);
    }
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(hex_pair);
        match (bytes[at], escape) {
            (_, Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) if plus == Plus::IsSpace => out.push(b' '),
            (other, _) => out.push(other),
        }
        at += 1;
    }
    match String::from_utf8(out) {
        Ok(text) => Cow::Owned(text),
        Err(e) => Cow::Owned(String::from_utf8_lossy(e.as_bytes()).into_owned()),
    }
}

/// Whether `+` means a space: in queries and forms, not in paths.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    IsSpace,
    IsPlus,
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |b: u8| (b as char).to_digit(16);
    Some((digit(*pair.first()?)? * 16 + digit(*pair.get(1)?)?) as u8)
}

/// The decoded pairs of a query or urlencoded form, in order; a key without `=` has an empty value.
pub(crate) fn pairs(raw: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key, Plus::IsSpace), decode(value, Plus::IsSpace))
    })
}

/// The first value of `key`.
pub(crate) fn value<'a>(raw: &'a str, key: &str) -> Option<Cow<'a, str>> {
    pairs(raw).find(|(k, _)| k == key).map(|(_, v)| v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_decode_and_broken_ones_stay() {
        let cases = [
            ("a%20b", "a b"),
            ("a+b", "a b"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("%C3%A9", "é"),
            ("%ff", "\u{fffd}"),
            ("%+1", "% 1"),
        ];
        for (raw, want) in cases {
            assert_eq!(decode(raw, Plus::IsSpace), want, "{raw}");
        }
        assert_eq!(decode("a+b", Plus::IsPlus), "a+b");
    }

    #[test]
    fn pairs_keep_their_order_and_repeats() {
        let got: Vec<_> = pairs("b=2&a=1&&b=3&flag&x=a%26b").collect();
        let want = [("b", "2"), ("a", "1"), ("b", "3"), ("flag", ""), ("x", "a&b")];
        assert_eq!(got.len(), want.len());
        for ((k, v), (wk, wv)) in got.iter().zip(want) {
            assert_eq!((k.as_ref(), v.as_ref()), (wk, wv));
        }
        assert_eq!(value("a=1&b=2", "b").as_deref(), Some("2"));
        assert_eq!(value("a=1", "c"), None);
    }
}
