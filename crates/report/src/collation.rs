//! The order in which k6 lists metrics: JavaScript's `localeCompare`, not code points.
//!
//! Measured on k6's engine for ASCII: punctuation, digits, letters; case decides only between
//! names that are otherwise equal, and then lower case comes first. Other characters sort behind
//! by code point, which only tag values in submetric names can contain.

use std::cmp::Ordering;

/// ASCII from the lowest to the highest, without letters.
const ORDER: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789";

/// Compares two names as `a.localeCompare(b)` does in k6.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let primary = a.chars().map(weight).cmp(b.chars().map(weight));
    primary.then_with(|| a.chars().map(char::is_uppercase).cmp(b.chars().map(char::is_uppercase)))
}

fn weight(c: char) -> u32 {
    if c.is_ascii_alphabetic() {
        return 0x80 + u32::from(c.to_ascii_lowercase());
    }
    match ORDER.find(c) {
        Some(place) => place as u32,
        None => 0x1000 + u32::from(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_in_the_engine_of_k6() {
        // The sequence k6 2.2 printed for an Array.sort with localeCompare.
        let sorted = [
            "",
            "__a",
            "_a",
            "1",
            "a",
            "a b",
            "a_",
            "A_",
            "a_b",
            "a_c",
            "a-b",
            "a:b",
            "a{b:c}",
            "a1",
            "a10",
            "a2",
            "aa",
            "ab",
            "aB",
            "Ab",
            "AB",
            "ab:c",
            "b",
            "B",
            "e",
            "f",
            "HTTP",
            "http_req",
            "http_reqs",
            "http_reqS",
            "Http_reqs",
            "z",
        ];
        for pair in sorted.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn ascii_sorts_as_in_the_engine_of_k6() {
        let sorted = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789aAbBcCdDeEfFgGhHiIjJkKlLmMnNoO\
                      pPqQrRsStTuUvVwWxXyYzZ";
        let mut chars: Vec<String> = (32u8..127).map(|c| char::from(c).to_string()).collect();
        chars.sort_by(|a, b| compare(a, b));
        assert_eq!(chars.concat(), sorted);
    }
}
