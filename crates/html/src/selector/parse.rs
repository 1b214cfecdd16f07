//! From text to [`Selector`].

use regex_lite::Regex;

use super::{Combinator, Complex, Compound, Selector, Simple, Test};

/// `:not(:has(…))` within one another; matching recurses so deep.
const MAX_NESTING: usize = 16;
/// Compounds of one complex selector; matching recurses so deep.
const MAX_COMPOUNDS: usize = 128;

type Parsed<T> = Result<T, String>;

pub(super) fn parse(text: &str) -> Parsed<Selector> {
    let mut parser = Parser { bytes: text.as_bytes(), at: 0, nesting: 0 };
    let selector = parser.group()?;
    match parser.bytes.len() - parser.at {
        0 => Ok(selector),
        left => Err(format!("parsing {text:?}: {left} bytes left over")),
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    nesting: usize,
}

fn is_name_start(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_' || c > 127
}

fn is_name(c: u8) -> bool {
    is_name_start(c) || c == b'-' || c.is_ascii_digit()
}

/// Bytes between two places of a valid text; escapes may have cut a character.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn found(&self) -> String {
        self.peek().map_or_else(|| "EOF".to_owned(), |c| format!("'{}'", char::from(c)))
    }

    fn expect(&mut self, wanted: u8) -> Parsed<()> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(format!("expected '{}', found {} instead", char::from(wanted), self.found()))
    }

    fn group(&mut self) -> Parsed<Selector> {
        let mut alternatives = vec![self.complex()?];
        while self.take(b',') {
            alternatives.push(self.complex()?);
        }
        Ok(Selector(alternatives))
    }

    fn complex(&mut self) -> Parsed<Complex> {
        self.skip_space();
        let mut subject = self.compound()?;
        let mut others = Vec::new();
        loop {
            let mut combinator = self.skip_space().then_some(Combinator::Descendant);
            match self.peek() {
                Some(b'+') => combinator = Some(Combinator::NextSibling),
                Some(b'>') => combinator = Some(Combinator::Child),
                Some(b'~') => combinator = Some(Combinator::LaterSibling),
                None | Some(b',' | b')') => combinator = None,
                _ => {}
            }
            let Some(combinator) = combinator else {
                others.reverse();
                return Ok(Complex { subject, others });
            };
            if combinator != Combinator::Descendant {
                self.at += 1;
                self.skip_space();
            }
            if others.len() + 1 >= MAX_COMPOUNDS {
                return Err(format!("a selector of more than {MAX_COMPOUNDS} parts"));
            }
            let next = self.compound()?;
            others.push((combinator, std::mem::replace(&mut subject, next)));
        }
    }

    fn compound(&mut self) -> Parsed<Compound> {
        let mut simples = Vec::new();
        match self.peek() {
            None => return Err("expected selector, found EOF instead".to_owned()),
            Some(b'*') => {
                self.at += 1;
                if self.bytes[self.at..].starts_with(b"|*") && self.at + 2 < self.bytes.len() {
                    self.at += 2;
                }
            }
            Some(b'#' | b'.' | b'[' | b':') => {}
            Some(_) => simples.push(Simple::Tag(self.identifier()?.to_ascii_lowercase())),
        }
        loop {
            let simple = match self.peek() {
                Some(b'#') => {
                    self.at += 1;
                    Simple::Id(self.name()?)
                }
                Some(b'.') => {
                    self.at += 1;
                    Simple::Class(self.identifier()?)
                }
                Some(b'[') => {
                    self.at += 1;
                    self.attribute()?
                }
                Some(b':') => {
                    self.at += 1;
                    self.pseudo()?
                }
                _ => return Ok(Compound(simples)),
            };
            simples.push(simple);
        }
    }

    /// White space and comments; whether there was any.
    fn skip_space(&mut self) -> bool {
        let start = self.at;
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n' | b'\x0c') => self.at += 1,
                Some(b'/') if self.bytes[self.at..].starts_with(b"/*") => {
                    let rest = &self.bytes[self.at + 2..];
                    let Some(end) = rest.windows(2).position(|pair| pair == b"*/") else { break };
                    self.at += end + 4;
                }
                _ => break,
            }
        }
        self.at > start
    }

    fn identifier(&mut self) -> Parsed<String> {
        let start = self.at;
        while self.take(b'-') {}
        let dashes = self.at - start;
        match self.peek() {
            Some(c) if is_name_start(c) || c == b'\\' => {}
            _ => return Err(format!("expected identifier, found {} instead", self.found())),
        }
        Ok("-".repeat(dashes) + &self.name()?)
    }

    fn name(&mut self) -> Parsed<String> {
        let mut out = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                c if is_name(c) => {
                    out.push(c);
                    self.at += 1;
                }
                b'\\' => self.escape(&mut out)?,
                _ => break,
            }
        }
        if out.is_empty() {
            return Err(format!("expected name, found {} instead", self.found()));
        }
        Ok(text_of(out))
    }

    /// What stands for a character after a backslash.
    fn escape(&mut self, out: &mut Vec<u8>) -> Parsed<()> {
        let rest = &self.bytes[self.at + 1..];
        let Some(first) = rest.first() else { return Err("invalid escape sequence".to_owned()) };
        if matches!(first, b'\r' | b'\n' | b'\x0c') {
            return Err("escaped line ending outside string".to_owned());
        }
        let digits = rest.iter().take(6).take_while(|c| c.is_ascii_hexdigit()).count();
        if digits == 0 {
            out.push(*first);
            self.at += 2;
            return Ok(());
        }
        let code = rest[..digits]
            .iter()
            .fold(0, |code: u32, digit| code * 16 + char::from(*digit).to_digit(16).unwrap_or(0));
        let c = char::from_u32(code).unwrap_or('\u{fffd}');
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += 1 + digits;
        match self.peek() {
            Some(b'\r') => {
                self.at += 1;
                self.take(b'\n');
            }
            Some(b' ' | b'\t' | b'\n' | b'\x0c') => self.at += 1,
            _ => {}
        }
        Ok(())
    }

    fn string(&mut self, quote: u8) -> Parsed<String> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None => return Err("EOF in string".to_owned()),
                Some(c) if c == quote => {
                    self.at += 1;
                    return Ok(text_of(out));
                }
                Some(b'\\') => match self.bytes.get(self.at + 1) {
                    Some(b'\n' | b'\x0c') => self.at += 2,
                    Some(b'\r') => {
                        self.at += 2;
                        self.take(b'\n');
                    }
                    _ => self.escape(&mut out)?,
                },
                Some(b'\r' | b'\n' | b'\x0c') => {
                    return Err("unexpected end of line in string".to_owned());
                }
                Some(c) => {
                    out.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn string_or_identifier(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(quote @ (b'\'' | b'"')) => self.string(quote),
            _ => self.identifier(),
        }
    }

    /// A regular expression up to the bracket that it did not open.
    fn regex(&mut self) -> Parsed<Regex> {
        let start = self.at;
        let mut open = 0_usize;
        while let Some(c) = self.peek() {
            match c {
                b'(' | b'[' => open += 1,
                b')' | b']' if open == 0 => {
                    let text = String::from_utf8_lossy(&self.bytes[start..self.at]);
                    return Regex::new(&text).map_err(|error| error.to_string());
                }
                b')' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
        Err("EOF in regular expression".to_owned())
    }

    fn attribute(&mut self) -> Parsed<Simple> {
        self.skip_space();
        let key = self.identifier()?.to_ascii_lowercase();
        self.skip_space();
        if self.take(b']') {
            return Ok(Simple::Attribute { key, test: Test::Present, ignores_case: false });
        }
        let operator = match (self.peek(), self.bytes.get(self.at + 1)) {
            (Some(b'='), _) => b'=',
            (Some(c), Some(b'=')) => c,
            _ => return Err(format!("expected equality operator, found {}", self.found())),
        };
        self.at += if operator == b'=' { 1 } else { 2 };
        self.skip_space();
        let test = match operator {
            b'#' => Test::Regex(self.regex()?),
            b'=' => Test::Equals(self.string_or_identifier()?),
            b'!' => Test::Differs(self.string_or_identifier()?),
            b'~' => Test::Includes(self.string_or_identifier()?),
            b'|' => Test::Dash(self.string_or_identifier()?),
            b'^' => Test::Prefix(self.string_or_identifier()?),
            b'$' => Test::Suffix(self.string_or_identifier()?),
            b'*' => Test::Substring(self.string_or_identifier()?),
            other => {
                return Err(format!(
                    "attribute operator \"{}=\" is not supported",
                    char::from(other)
                ));
            }
        };
        self.skip_space();
        let ignores_case = self.take(b'i') || self.take(b'I');
        self.skip_space();
        self.expect(b']')?;
        Ok(Simple::Attribute { key, test, ignores_case })
    }

    fn open(&mut self) -> Parsed<()> {
        self.expect(b'(')?;
        self.skip_space();
        if self.at == self.bytes.len() { Err("unmatched '('".to_owned()) } else { Ok(()) }
    }

    fn close(&mut self) -> Parsed<()> {
        self.skip_space();
        self.expect(b')')
    }

    fn pseudo(&mut self) -> Parsed<Simple> {
        let name = self.identifier()?.to_ascii_lowercase();
        let nth = |last, of_type| Simple::Nth { a: 0, b: 1, last, of_type };
        Ok(match name.as_str() {
            "not" => Simple::Not(self.argument()?),
            "has" => Simple::Has(self.argument()?),
            "haschild" => Simple::HasChild(self.argument()?),
            "contains" | "containsown" => {
                self.open()?;
                let text = self.string_or_identifier()?.to_lowercase();
                self.close()?;
                Simple::Contains { text, own: name == "containsown" }
            }
            "matches" | "matchesown" => {
                self.open()?;
                let regex = self.regex()?;
                self.close()?;
                Simple::Matches { regex, own: name == "matchesown" }
            }
            "nth-child" | "nth-last-child" | "nth-of-type" | "nth-last-of-type" => {
                self.open()?;
                let (a, b) = self.nth()?;
                self.close()?;
                let (last, of_type) = (name.contains("-last-"), name.ends_with("-of-type"));
                Simple::Nth { a, b, last, of_type }
            }
            "first-child" => nth(false, false),
            "last-child" => nth(true, false),
            "first-of-type" => nth(false, true),
            "last-of-type" => nth(true, true),
            "only-child" => Simple::Only { of_type: false },
            "only-of-type" => Simple::Only { of_type: true },
            "input" => Simple::Input,
            "empty" => Simple::Empty,
            "root" => Simple::Root,
            "link" => Simple::Link,
            "lang" => {
                self.open()?;
                let lang = self.identifier()?.to_lowercase();
                self.close()?;
                Simple::Lang(lang)
            }
            "enabled" => Simple::Enabled,
            "disabled" => Simple::Disabled,
            "checked" => Simple::Checked,
            "visited" | "hover" | "active" | "focus" | "target" => Simple::Never,
            _ => return Err(format!("unknown pseudoclass or pseudoelement :{name}")),
        })
    }

    fn argument(&mut self) -> Parsed<Selector> {
        self.open()?;
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(format!("selectors nested more than {MAX_NESTING} deep"));
        }
        let selector = self.group()?;
        self.nesting -= 1;
        self.close()?;
        Ok(selector)
    }

    fn integer(&mut self) -> Parsed<i64> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = String::from_utf8_lossy(&self.bytes[start..self.at]);
        digits.parse().map_err(|_| "expected integer, but didn't find it".to_owned())
    }

    /// `odd`, `even`, `3`, `2n+1`, `-n + 3`.
    fn nth(&mut self) -> Parsed<(i64, i64)> {
        if matches!(self.peek(), Some(b'o' | b'O' | b'e' | b'E')) {
            return match self.name()?.to_ascii_lowercase().as_str() {
                "odd" => Ok((2, 1)),
                "even" => Ok((2, 0)),
                other => Err(format!("expected 'odd' or 'even', but found '{other}' instead")),
            };
        }
        let sign = if self.take(b'-') { -1 } else { 1 };
        if sign == 1 {
            self.take(b'+');
        }
        let has_number = self.peek().is_some_and(|c| c.is_ascii_digit());
        let number = sign * if has_number { self.integer()? } else { 1 };
        if !self.take(b'n') && !self.take(b'N') {
            return if has_number && self.peek().is_some() {
                Ok((0, number))
            } else {
                Err("unexpected end of an expression of the form an+b".to_owned())
            };
        }
        self.skip_space();
        let sign = match self.peek() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return Ok((number, 0)),
            None => return Err("unexpected end of an expression of the form an+b".to_owned()),
        };
        self.at += 1;
        self.skip_space();
        Ok((number, sign * self.integer()?))
    }
}
