//! Percent decoding and `key=value&…` lists: queries and urlencoded forms.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Decodes `%XX` and, in forms and queries, `+`. Broken escapes stay as they are; bytes that are not
/// UTF-8 become U+FFFD.
pub(crate) fn decode(raw: &str, plus: Plus) -> Cow<'_, str> {
    if plus == Plus::IsSpace && raw.contains('+') {
        let spaced = raw.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(raw).decode_utf8_lossy()
}

/// Whether `+` means a space: in queries and forms, not in paths.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    IsSpace,
    IsPlus,
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
