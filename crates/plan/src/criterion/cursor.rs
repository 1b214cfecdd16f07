//! A place in the text of a criterion, and the smallest things that stand there.

use super::CriterionError;

/// Reads a text from left to right. Blanks between things do not matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// Bytes read.
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().trim_start().is_empty()
    }

    /// An error at a byte of the text.
    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> CriterionError {
        let column = self.text[..at.min(self.text.len())].chars().count() + 1;
        CriterionError { column, message: message.into() }
    }

    /// An error at the next thing: what was expected, and what is there.
    pub(super) fn expected(&mut self, what: &str) -> CriterionError {
        self.skip_blanks();
        let found = match self.rest().chars().next() {
            None => "nothing".to_owned(),
            Some(_) => {
                let end =
                    self.rest().find(char::is_whitespace).unwrap_or_else(|| self.rest().len());
                format!("`{}`", self.rest()[..end].chars().take(40).collect::<String>())
            }
        };
        self.error(self.at, format!("expected {what}, found {found}"))
    }

    /// Takes `token` if it is next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        self.eat_here(token)
    }

    /// Takes `token` if it is next, without blanks before it.
    pub(super) fn eat_here(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        self.at += if is_next { token.len() } else { 0 };
        is_next
    }

    /// Takes a word (letters, digits, `_`; no digit first) if one is next.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.skip_blanks();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = self.rest();
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        self.at += word.len();
        (!word.is_empty()).then_some(word)
    }

    /// Takes `word` if it is the next word, whole.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let mut ahead = *self;
        let is_next = ahead.word() == Some(word);
        if is_next {
            *self = ahead;
        }
        is_next
    }

    /// Takes digits with `_` or `,` between groups of them and a fraction: `10,000`, `0.5`, `-3`. `1..2` is one, two
    /// dots, two.
    pub(super) fn number(&mut self) -> Result<f64, CriterionError> {
        self.skip_blanks();
        let start = self.at;
        let mut digits = String::new();
        if self.eat_here("-") {
            digits.push('-');
        }
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        loop {
            let mut ahead = self.rest().chars();
            match ahead.next() {
                Some(c) if c.is_ascii_digit() => {
                    digits.push(c);
                    self.at += 1;
                }
                Some('_' | ',') if digits.ends_with(|c: char| c.is_ascii_digit()) => {
                    let group = self.rest()[1..].bytes().take_while(u8::is_ascii_digit).count();
                    if group != 3 {
                        break;
                    }
                    self.at += 1;
                }
                Some('.') if is_digit(ahead.next()) && !digits.contains('.') => {
                    digits.push('.');
                    self.at += 1;
                }
                _ => break,
            }
        }
        match digits.parse() {
            Ok(number) => Ok(number),
            Err(_) => {
                self.at = start;
                Err(self.expected("a number"))
            }
        }
    }

    /// Takes what stands directly behind a number: letters, `%`, `/`.
    pub(super) fn unit(&mut self) -> &'a str {
        let is_part = |c: char| c.is_alphabetic() || matches!(c, '%' | '/' | 'µ');
        let unit =
            &self.rest()[..self.rest().find(|c| !is_part(c)).unwrap_or_else(|| self.rest().len())];
        self.at += unit.len();
        unit
    }

    /// Takes a text in quotes if one is next; `\` keeps the character behind it as it is.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, CriterionError> {
        self.skip_blanks();
        let start = self.at;
        let quote = match self.rest().chars().next() {
            Some(c @ ('"' | '\'')) => c,
            _ => return Ok(None),
        };
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at += at + 1;
                    return Ok(Some(text));
                }
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c => text.push(c),
            }
        }
        Err(self.error(start, format!("this {quote} has no partner")))
    }

    /// Takes a name: in quotes, or letters, digits, `_`, `-`, `.`.
    pub(super) fn name(&mut self, what: &str) -> Result<String, CriterionError> {
        let start = self.at;
        if let Some(name) = self.quoted()? {
            if name.trim().is_empty() {
                return Err(self.error(start, format!("{what} is empty")));
            }
            return Ok(name);
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let name =
            &self.rest()[..self.rest().find(|c| !is_part(c)).unwrap_or_else(|| self.rest().len())];
        if name.is_empty() {
            return Err(self.expected(what));
        }
        self.at += name.len();
        Ok(name.to_owned())
    }

    /// Takes the value of a tag: in quotes, or all up to the next `,` or `}`.
    pub(super) fn tag_value(&mut self) -> Result<String, CriterionError> {
        if let Some(value) = self.quoted()? {
            return Ok(value);
        }
        let end = self.rest().find([',', '}']).unwrap_or_else(|| self.rest().len());
        let value = self.rest()[..end].trim();
        if value.is_empty() {
            return Err(self.expected("the tag's value"));
        }
        self.at += end;
        Ok(value.to_owned())
    }
}
