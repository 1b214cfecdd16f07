//! Finds tokens between the nodes of a syntax tree, which does not keep them.

/// The first position from `at` that is neither white space nor in a comment.
pub(crate) fn skip(source: &str, mut at: usize) -> usize {
    while let Some(rest) = source.get(at..) {
        if let Some(comment) = rest.strip_prefix("//") {
            at += 2 + comment.find(['\n', '\r', '\u{2028}', '\u{2029}']).unwrap_or(comment.len());
        } else if let Some(comment) = rest.strip_prefix("/*") {
            at += 2 + comment.find("*/").map_or(comment.len(), |end| end + 2);
        } else {
            match rest.chars().next() {
                Some(c) if c.is_whitespace() || c == '\u{feff}' => at += c.len_utf8(),
                _ => return at,
            }
        }
    }
    at.min(source.len())
}

/// The position of `token` if it is the next one in `from..to`.
pub(crate) fn next_is(source: &str, from: usize, to: usize, token: u8) -> Option<usize> {
    let at = skip(source, from);
    (at < to && source.as_bytes().get(at) == Some(&token)).then_some(at)
}

/// The position of the first `token` in `from..to` outside of comments.
pub(crate) fn find(source: &str, from: usize, to: usize, token: u8) -> Option<usize> {
    let mut at = from;
    loop {
        at = skip(source, at);
        if at >= to.min(source.len()) {
            return None;
        }
        if source.as_bytes()[at] == token {
            return Some(at);
        }
        at += source[at..].chars().next().map_or(1, char::len_utf8);
    }
}

/// The words that follow each other from `from` up to `to`, with their positions; ends at what is no word.
pub(crate) fn words(source: &str, from: usize, to: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut at = from;
    std::iter::from_fn(move || {
        at = skip(source, at);
        let rest = source.get(at..to)?;
        let length = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(rest.len());
        let word = (at, &rest[..length]);
        at += length;
        (length > 0).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_tokens() {
        let source = "a /* ? */ // ?\n ?: b";
        assert_eq!(find(source, 1, source.len(), b'?'), Some(16));
        assert_eq!(next_is(source, 1, source.len(), b'?'), Some(16));
        assert_eq!(next_is(source, 1, source.len(), b':'), None);
        assert_eq!(find(source, 1, 16, b'?'), None);
        assert_eq!(skip("/* open", 0), 7);
    }

    #[test]
    fn words_end_at_what_is_none() {
        let source = "public /* x */ static\nasync *gen";
        let found: Vec<_> = words(source, 0, source.len()).map(|(_, word)| word).collect();
        assert_eq!(found, ["public", "static", "async"]);
    }
}
