//! CSV (RFC 4180) as Go's `encoding/csv` reads it: what `k6/experimental/csv` is made of.
//!
//! A reader walks over bytes that all VUs share and makes one record at a time.

use std::borrow::Cow;

/// Why a record can't be read; the texts are Go's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A quote inside of a field that does not start with one.
    BareQuote {
        /// Line, from 1.
        line: usize,
        /// Byte within it, from 1.
        column: usize,
    },
    /// Something follows the end of a quoted field, or the end never comes.
    Quote {
        /// Line that the record starts on.
        start: usize,
        /// Line, from 1.
        line: usize,
        /// Byte within it, from 1.
        column: usize,
    },
    /// Records of different lengths.
    FieldCount {
        /// Line that the record starts on.
        start: usize,
    },
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Malformed::BareQuote { line, column } => {
                write!(
                    f,
                    "parse error on line {line}, column {column}: bare \" in non-quoted-field"
                )
            }
            Malformed::Quote { start, line, column } => {
                if start != line {
                    write!(f, "record on line {start}; ")?;
                }
                write!(
                    f,
                    "parse error on line {line}, column {column}: extraneous or missing \" in quoted-field"
                )
            }
            Malformed::FieldCount { start } => {
                write!(f, "record on line {start}: wrong number of fields")
            }
        }
    }
}

/// One record.
pub(crate) type Record<'a> = Vec<Cow<'a, str>>;

/// Where a reader is; the bytes are someone else's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    delimiter: u8,
    /// Offset of the next byte.
    at: usize,
    /// Lines that have been read.
    lines: usize,
    /// Fields of the first record; later ones must have as many.
    fields: Option<usize>,
}

impl Position {
    /// At offset `at`.
    pub(crate) fn new(delimiter: u8, at: usize) -> Position {
        Position { delimiter, at, lines: 0, fields: None }
    }

    /// Offset of what has not been read.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The next line with its end, `None` at the end of the bytes.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let rest = bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |i| i + 1);
        self.at += len;
        self.lines += 1;
        Some(&rest[..len])
    }

    /// The next record, `None` at the end. Empty lines are none.
    ///
    /// # Errors
    /// Go's.
    pub(crate) fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<Record<'a>>, Malformed> {
        let line = loop {
            match self.line(bytes) {
                None => return Ok(None),
                Some(b"\n" | b"\r\n") => {}
                // A lone `\r` at the very end is what is left of a line end.
                Some(b"\r") if self.at == bytes.len() => {}
                Some(line) => break line,
            }
        };
        let start = self.lines;
        let record = self.record(bytes, line)?;
        if *self.fields.get_or_insert(record.len()) != record.len() {
            return Err(Malformed::FieldCount { start });
        }
        Ok(Some(record))
    }

    fn record<'a>(&mut self, bytes: &'a [u8], mut line: &'a [u8]) -> Result<Record<'a>, Malformed> {
        let start = self.lines;
        let mut record = Vec::with_capacity(self.fields.unwrap_or(0));
        let mut from = 0;
        loop {
            let rest = without_end(&line[from..]);
            if rest.first() != Some(&b'"') {
                let len = rest.iter().position(|byte| *byte == self.delimiter);
                let field = &rest[..len.unwrap_or(rest.len())];
                if let Some(i) = field.iter().position(|byte| *byte == b'"') {
                    return Err(Malformed::BareQuote { line: self.lines, column: from + i + 1 });
                }
                record.push(String::from_utf8_lossy(field));
                match len {
                    Some(len) => from += len + 1,
                    None => return Ok(record),
                }
                continue;
            }
            from += 1;
            let mut field = Vec::new();
            loop {
                let rest = &line[from..];
                let Some(i) = rest.iter().position(|byte| *byte == b'"') else {
                    // The field goes on on the next line.
                    field.extend_from_slice(without_end(rest));
                    let has_end = line.ends_with(b"\n");
                    if has_end {
                        field.push(b'\n');
                    }
                    let column = without_end(line).len() + usize::from(has_end) + 1;
                    match self.line(bytes) {
                        Some(next) => (line, from) = (next, 0),
                        None => {
                            return Err(Malformed::Quote { start, line: self.lines, column });
                        }
                    }
                    continue;
                };
                field.extend_from_slice(&rest[..i]);
                from += i + 1;
                let rest = without_end(&line[from..]);
                match rest.first() {
                    Some(b'"') => {
                        field.push(b'"');
                        from += 1;
                    }
                    Some(byte) if *byte == self.delimiter => {
                        from += 1;
                        break;
                    }
                    None => {
                        record.push(text(field));
                        return Ok(record);
                    }
                    Some(_) => {
                        return Err(Malformed::Quote { start, line: self.lines, column: from });
                    }
                }
            }
            record.push(text(field));
        }
    }
}

fn text<'a>(field: Vec<u8>) -> Cow<'a, str> {
    Cow::Owned(
        String::from_utf8(field)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

/// A line without `\n`, `\r\n`, or a `\r` at the end of the file.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<Vec<String>>, String> {
        let mut position = Position::new(b',', 0);
        let mut records = Vec::new();
        while let Some(record) =
            position.next(text.as_bytes()).map_err(|error| error.to_string())?
        {
            records.push(record.into_iter().map(Cow::into_owned).collect());
        }
        Ok(records)
    }

    /// Each line was read by Go's `encoding/csv`.
    #[test]
    fn records_are_those_go_reads() {
        for (text, expect) in [
            ("a,b\nc,d\n", Ok(&[&["a", "b"][..], &["c", "d"]][..])),
            ("a,b\r\nc,d", Ok(&[&["a", "b"], &["c", "d"]])),
            ("\n\r\na\n\n", Ok(&[&["a"]])),
            ("a,\n,b\n", Ok(&[&["a", ""], &["", "b"]])),
            ("\"a,b\",\"c\"\"d\"\n", Ok(&[&["a,b", "c\"d"]])),
            ("\"a\nb\",c\n", Ok(&[&["a\nb", "c"]])),
            ("\"a\r\nb\",c\n", Ok(&[&["a\nb", "c"]])),
            ("\"\",\"\"", Ok(&[&["", ""]])),
            (" a , \"\n", Err("parse error on line 1, column 6: bare \" in non-quoted-field")),
            ("a,b\nc\n", Err("record on line 2: wrong number of fields")),
            ("x\"y\n", Err("parse error on line 1, column 2: bare \" in non-quoted-field")),
            (
                "\"a\"b\n",
                Err("parse error on line 1, column 3: extraneous or missing \" in quoted-field"),
            ),
            ("a\r", Ok(&[&["a"]])),
            ("a\rb\n", Ok(&[&["a\rb"]])),
            ("\"a\"\r", Ok(&[&["a"]])),
            ("ü\"\n", Err("parse error on line 1, column 3: bare \" in non-quoted-field")),
            (
                "x,\"a\nbb\n",
                Err(
                    "record on line 1; parse error on line 2, column 4: extraneous or missing \" in quoted-field",
                ),
            ),
            (
                "\"a\r",
                Err("parse error on line 1, column 3: extraneous or missing \" in quoted-field"),
            ),
            ("\"a\n\n\nb\"\n,\n", Err("record on line 5: wrong number of fields")),
            ("\r", Ok(&[])),
            ("", Ok(&[])),
        ] {
            let expect = expect
                .map(|rows| {
                    rows.iter()
                        .map(|row| row.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
                        .collect::<Vec<_>>()
                })
                .map_err(str::to_owned);
            assert_eq!(all(text), expect, "{text:?}");
        }
    }

    #[test]
    fn a_field_that_never_ends_is_an_error_and_the_end_of_the_file() {
        let mut position = Position::new(b',', 0);
        assert!(position.next(b"a,\"b\nc").is_err());
        assert_eq!(position.offset(), 6);
        assert_eq!(position.next(b"a,\"b\nc"), Ok(None));
    }
}
