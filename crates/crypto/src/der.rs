//! Just enough DER (ITU-T X.690) to read certificates and keys, and to write keys.
//!
//! Reading borrows, never allocates for a length it was told, and is as strict as Go's reader: definite lengths in
//! their shortest form, low tag numbers only.

use std::fmt::Write as _;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;

/// The tag of a context-specific element that holds others.
pub(crate) const fn explicit(n: u8) -> u8 {
    0xa0 | n
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    /// Tag, length and content.
    pub whole: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of what comes next.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, mut rest) = rest.split_first()?;
        let len = if first < 0x80 {
            usize::from(first)
        } else {
            let n = usize::from(first & 0x7f);
            if n == 0 || n > 4 {
                return None;
            }
            let (bytes, after) = rest.split_at_checked(n)?;
            rest = after;
            let len = bytes.iter().fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
            if bytes[0] == 0 || len < 0x80 {
                return None;
            }
            len
        };
        let (content, after) = rest.split_at_checked(len)?;
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Some(Element { tag, content, whole })
    }

    /// The next element if it has this tag.
    pub(crate) fn element(&mut self, tag: u8) -> Option<Element<'a>> {
        if self.peek() == Some(tag) { self.any() } else { None }
    }

    /// The content of the next element if it has this tag.
    pub(crate) fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element(tag).map(|element| element.content)
    }

    /// The inside of the next element if it has this tag.
    pub(crate) fn inside(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.content(tag).map(Reader)
    }

    /// A non-negative integer, big-endian, without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let bytes = self.content(INTEGER)?;
        match bytes {
            [] => None,
            [0, rest @ ..] if rest.first().is_some_and(|byte| byte & 0x80 != 0) => Some(rest),
            [0] => Some(&[]),
            [0, ..] => None,
            [first, ..] if first & 0x80 != 0 => None,
            _ => Some(bytes),
        }
    }

    /// A bit string of whole bytes.
    pub(crate) fn bits(&mut self) -> Option<&'a [u8]> {
        match self.content(BIT_STRING)? {
            [0, bytes @ ..] => Some(bytes),
            _ => None,
        }
    }
}

/// An element around `content`.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = vec![tag];
    if len < 0x80 {
        out.push(len as u8);
    } else {
        let bytes = len.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        out.push(0x80 | (bytes.len() - skip) as u8);
        out.extend_from_slice(&bytes[skip..]);
    }
    out.extend_from_slice(content);
    out
}

/// An element around others.
pub(crate) fn around(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// A non-negative integer of big-endian bytes.
pub(crate) fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[zeros..];
    if bytes.first().is_none_or(|byte| byte & 0x80 != 0) {
        element(INTEGER, &[&[0], bytes].concat())
    } else {
        element(INTEGER, bytes)
    }
}

/// A bit string of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes].concat())
}

/// An object identifier as text, `1.2.840`.
pub(crate) fn oid_text(content: &[u8]) -> Option<String> {
    let mut arcs = Vec::new();
    let mut arc = 0_u64;
    let mut is_open = false;
    for byte in content {
        if !is_open && *byte == 0x80 {
            return None;
        }
        arc = arc.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        is_open = byte & 0x80 != 0;
        if !is_open {
            arcs.push(arc);
            arc = 0;
        }
    }
    if is_open {
        return None;
    }
    let (first, rest) = arcs.split_first()?;
    let root = (*first / 40).min(2);
    let mut text = format!("{root}.{}", first - root * 40);
    for arc in rest {
        let _ = write!(text, ".{arc}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_their_shortest_form_only() {
        for (bytes, expect) in [
            (&[4, 1, 9][..], Some(&[9][..])),
            (&[4, 0], Some(&[])),
            (&[4, 2, 9], None),
            (&[4, 0x81, 1, 9], None),
            (&[4, 0x80], None),
            (&[4, 0x85, 0, 0, 0, 0, 1, 9], None),
            (&[0x1f, 1, 9], None),
            (&[4], None),
            (&[], None),
        ] {
            assert_eq!(Reader::new(bytes).any().map(|e| e.content), expect, "{bytes:?}");
        }
        let long = [&[4, 0x81, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(Reader::new(&long).any().map(|e| e.content.len()), Some(0x80));
    }

    #[test]
    fn identifiers_are_dotted() {
        for (bytes, expect) in [
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1][..], Some("1.2.840.113549.1.1.1")),
            (&[0x55, 4, 3], Some("2.5.4.3")),
            (&[0x88, 0x37, 3], Some("2.999.3")),
            (&[0x2a, 0x86], None),
            (&[0x80, 1], None),
            (&[], None),
        ] {
            assert_eq!(oid_text(bytes).as_deref(), expect, "{bytes:?}");
        }
    }

    #[test]
    fn integers_have_a_sign() {
        for (bytes, expect) in [
            (&[2, 1, 5][..], Some(&[5][..])),
            (&[2, 2, 0, 0x80], Some(&[0x80])),
            (&[2, 1, 0], Some(&[])),
            (&[2, 1, 0x80], None),
            (&[2, 2, 0, 5], None),
            (&[2, 0], None),
        ] {
            assert_eq!(Reader::new(bytes).unsigned(), expect, "{bytes:?}");
        }
    }
}
