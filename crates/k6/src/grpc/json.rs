//! From JSON text to the bytes of a message, by the rules and with the error texts of Go's `protojson`, which k6 uses.
//!
//! This is the careful way, with every case and place; `encode` takes the short one through plain objects and comes here
//! for the rest.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::decode::MAX_DEPTH;
use super::known;
use super::scalar::{Scalar, float_bits, from_base64, map_key, number, put_number, put_scalar};
use super::schema::{Field, Kind, Known, Message, Schema, Shape};
use super::text::{Reader, Token, integer};
use super::wire::{WireType, begin_length, end_length, put_bytes, put_tag, put_varint};

/// Appends the message that `text` describes to `out`.
///
/// # Errors
/// Go's text, without its `proto: `.
pub(crate) fn encode(
    text: &str,
    schema: &Arc<Schema>,
    types: &[Arc<Schema>],
    message: u32,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let reader = Reader::new(text);
    let mut encoder = Encoder { schema, types, reader, depth: 0, missing: None };
    encoder.message(message, out, false)?;
    if !encoder.reader.is_at_end() {
        return Err(encoder.unexpected());
    }
    encoder.missing.map_or(Ok(()), Err)
}

struct Encoder<'t, 'a> {
    schema: &'t Arc<Schema>,
    types: &'t [Arc<Schema>],
    reader: Reader<'a>,
    depth: usize,
    /// A `required` field that is not set, of the outermost message that has one.
    missing: Option<String>,
}

impl Encoder<'_, '_> {
    /// The token that comes is not what may come.
    #[cold]
    fn unexpected(&mut self) -> String {
        self.reader.peek();
        let place = self.reader.place(self.reader.at);
        match self.reader.raw() {
            "" => "syntax error: unexpected EOF".to_owned(),
            raw => format!("syntax error ({place}): unexpected token {raw}"),
        }
    }

    #[cold]
    fn error(&self, at: usize, what: &str) -> String {
        format!("({}): {what}", self.reader.place(at))
    }

    /// Opens an object or list.
    fn open(&mut self, byte: u8) -> Result<(), String> {
        if self.reader.takes(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The next key with its place and raw text; `None` at the end of the object.
    fn key(&mut self, first: &mut bool) -> Result<Option<(String, usize, String)>, String> {
        if self.reader.takes(b'}') {
            return Ok(None);
        }
        if !std::mem::take(first) && !self.reader.takes(b',') {
            return Err(self.unexpected());
        }
        if self.reader.peek() != Token::String {
            return Err(self.unexpected());
        }
        let at = self.reader.at;
        let raw = self.reader.raw().to_owned();
        let name = self.reader.string()?;
        if !self.reader.takes(b':') {
            return Err(self.unexpected());
        }
        Ok(Some((name, at, raw)))
    }

    /// Whether another element of a list comes.
    fn element(&mut self, first: &mut bool) -> Result<bool, String> {
        if self.reader.takes(b']') {
            return Ok(false);
        }
        if !std::mem::take(first) && !self.reader.takes(b',') {
            return Err(self.unexpected());
        }
        Ok(true)
    }

    fn message(&mut self, index: u32, out: &mut Vec<u8>, in_any: bool) -> Result<(), String> {
        if self.depth >= MAX_DEPTH {
            return Err("exceeded max recursion depth".to_owned());
        }
        self.depth += 1;
        let schema = self.schema;
        let message = schema.message(index);
        match message.known {
            Some(known) => self.known(known, message, out)?,
            None => self.fields(message, out, in_any)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn fields(&mut self, message: &Message, out: &mut Vec<u8>, in_any: bool) -> Result<(), String> {
        self.open(b'{')?;
        let mut first = true;
        let mut seen: FxHashSet<usize> = FxHashSet::default();
        let mut set: FxHashSet<usize> = FxHashSet::default();
        let mut oneofs: FxHashSet<u16> = FxHashSet::default();
        while let Some((name, at, raw)) = self.key(&mut first)? {
            if in_any && name == "@type" {
                self.skip()?;
                continue;
            }
            let Some(index) = message.field_named(&name) else {
                return Err(self.error(at, &format!("unknown field {raw}")));
            };
            let field = &message.fields[index];
            if !seen.insert(index) {
                return Err(self.error(at, &format!("duplicate field {raw}")));
            }
            set.insert(index);
            if self.reader.peek() == Token::Null && !self.takes_null(field) {
                self.reader.word();
                set.remove(&index);
                continue;
            }
            if field.shape == Shape::One
                && let Some(oneof) = field.oneof
                && !oneofs.insert(oneof)
            {
                let of = &message.oneofs[usize::from(oneof)];
                let text = format!("error parsing {raw}, oneof {of} is already set");
                return Err(self.error(at, &text));
            }
            self.field(field, out)?;
        }
        let unset = |(index, field): &(usize, &Field)| field.is_required && !set.contains(index);
        if let Some((_, field)) = message.fields.iter().enumerate().find(unset) {
            let text = format!("required field {}.{} not set", message.full_name, field.name);
            self.missing = Some(text);
        }
        Ok(())
    }

    fn skip(&mut self) -> Result<(), String> {
        if self.reader.skip() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// `null` is a value only of `Value` and `NullValue`.
    fn takes_null(&self, field: &Field) -> bool {
        match field.kind {
            Kind::Message(index) => self.schema.message(index).known == Some(Known::Value),
            Kind::Enum(index) => self.schema.enums[index as usize].is_null,
            _ => false,
        }
    }

    fn field(&mut self, field: &Field, out: &mut Vec<u8>) -> Result<(), String> {
        match field.shape {
            Shape::One => self.one(field, out),
            Shape::List => self.list(field, out),
            Shape::Map => self.map(field, out),
        }
    }

    fn one(&mut self, field: &Field, out: &mut Vec<u8>) -> Result<(), String> {
        if field.kind.message().is_some() {
            return self.nested(field, out);
        }
        let value = self.scalar(field)?;
        let is_zero = match &value {
            Scalar::Number(number) => *number == 0,
            Scalar::Bytes(bytes) => bytes.is_empty(),
        };
        if field.has_presence || !is_zero {
            put_scalar(out, field, &value);
        }
        Ok(())
    }

    /// A message in a message.
    fn nested(&mut self, field: &Field, out: &mut Vec<u8>) -> Result<(), String> {
        match field.kind {
            Kind::Group(index) => {
                put_tag(out, field.number, WireType::StartGroup);
                self.message(index, out, false)?;
                put_tag(out, field.number, WireType::EndGroup);
            }
            Kind::Message(index) => {
                put_tag(out, field.number, WireType::Bytes);
                let start = begin_length(out);
                self.message(index, out, false)?;
                end_length(out, start);
            }
            _ => {}
        }
        Ok(())
    }

    fn list(&mut self, field: &Field, out: &mut Vec<u8>) -> Result<(), String> {
        self.open(b'[')?;
        let mut first = true;
        if field.kind.message().is_some() {
            while self.element(&mut first)? {
                self.nested(field, out)?;
            }
            return Ok(());
        }
        if !field.is_packed {
            while self.element(&mut first)? {
                let value = self.scalar(field)?;
                put_scalar(out, field, &value);
            }
            return Ok(());
        }
        let before = out.len();
        put_tag(out, field.number, WireType::Bytes);
        let start = begin_length(out);
        while self.element(&mut first)? {
            if let Scalar::Number(number) = self.scalar(field)? {
                put_number(out, field.kind, number);
            }
        }
        if out.len() == start {
            out.truncate(before);
        } else {
            end_length(out, start);
        }
        Ok(())
    }

    fn map(&mut self, field: &Field, out: &mut Vec<u8>) -> Result<(), String> {
        let schema = self.schema;
        let entry = field.kind.message().map(|index| schema.message(index));
        let Some((key_field, value_field)) = entry.and_then(|entry| {
            let at = |number| entry.field_numbered(number).map(|i| &entry.fields[i]);
            Some((at(1)?, at(2)?))
        }) else {
            return Err(self.unexpected());
        };
        self.open(b'{')?;
        let mut first = true;
        let mut seen = FxHashSet::default();
        while let Some((name, at, raw)) = self.key(&mut first)? {
            let Some((key, shown)) = map_key(key_field.kind, &name) else {
                let kind = key_field.kind.name();
                return Err(self.error(at, &format!("invalid value for {kind} key: {raw}")));
            };
            if !seen.insert(shown) {
                return Err(self.error(at, &format!("duplicate map key {raw}")));
            }
            put_tag(out, field.number, WireType::Bytes);
            let start = begin_length(out);
            put_scalar(out, key_field, &key);
            if value_field.kind.message().is_some() {
                self.nested(value_field, out)?;
            } else {
                let value = self.scalar(value_field)?;
                put_scalar(out, value_field, &value);
            }
            end_length(out, start);
        }
        Ok(())
    }

    fn scalar(&mut self, field: &Field) -> Result<Scalar, String> {
        let token = self.reader.peek();
        let at = self.reader.at;
        let raw = self.reader.raw();
        let value = match token {
            Token::String => {
                let text = self.reader.string()?;
                self.scalar_of_text(field.kind, &text)
            }
            Token::Null | Token::Bool | Token::Number => {
                let word = self.reader.word();
                self.scalar_of_word(field.kind, token, word)
            }
            Token::Object | Token::Array => None,
            Token::Other => return Err(self.unexpected()),
        };
        value.ok_or_else(|| {
            let kind = field.kind.name();
            self.error(at, &format!("invalid value for {kind} field {}: {raw}", field.json_name))
        })
    }

    fn scalar_of_word(&self, kind: Kind, token: Token, word: &str) -> Option<Scalar> {
        match (kind, token) {
            (Kind::Bool, Token::Bool) => Some(Scalar::Number(u64::from(word == "true"))),
            (Kind::Enum(index), Token::Null) => {
                self.schema.enums[index as usize].is_null.then_some(Scalar::Number(0))
            }
            (Kind::Enum(_), Token::Number) => {
                let number: i32 = integer(word)?.parse().ok()?;
                Some(Scalar::Number(i64::from(number) as u64))
            }
            (Kind::Bool | Kind::String | Kind::Bytes | Kind::Enum(_), _) => None,
            (kind, Token::Number) => number(kind, word),
            _ => None,
        }
    }

    fn scalar_of_text(&self, kind: Kind, text: &str) -> Option<Scalar> {
        match kind {
            Kind::String => Some(Scalar::Bytes(text.as_bytes().to_vec())),
            Kind::Bytes => from_base64(text).map(Scalar::Bytes),
            Kind::Enum(index) => {
                let number = self.schema.enums[index as usize].number(text)?;
                Some(Scalar::Number(i64::from(number) as u64))
            }
            Kind::Double | Kind::Float => {
                let value = match text {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    _ => return number(kind, text),
                };
                Some(Scalar::Number(float_bits(kind, value)))
            }
            Kind::Bool | Kind::Message(_) | Kind::Group(_) => None,
            kind => number(kind, text),
        }
    }

    fn known(&mut self, known: Known, message: &Message, out: &mut Vec<u8>) -> Result<(), String> {
        match known {
            Known::Any => self.any(out),
            Known::Timestamp | Known::Duration => self.time(known, message, out),
            Known::FieldMask => self.field_mask(message, out),
            Known::Empty => {
                self.open(b'{')?;
                match self.key(&mut true)? {
                    None => Ok(()),
                    Some((_, at, raw)) => Err(self.error(at, &format!("unknown field {raw}"))),
                }
            }
            Known::Wrapper | Known::Struct | Known::ListValue => match message.fields.first() {
                Some(field) => self.field(field, out),
                None => Err(self.unexpected()),
            },
            Known::Value => self.value(message, out),
        }
    }

    fn time(&mut self, known: Known, message: &Message, out: &mut Vec<u8>) -> Result<(), String> {
        if self.reader.peek() != Token::String {
            return Err(self.unexpected());
        }
        let at = self.reader.at;
        let raw = self.reader.raw();
        let text = self.reader.string()?;
        let (parsed, in_range) = if known == Known::Timestamp {
            let parsed = known::parse_timestamp(&text);
            (parsed, parsed.is_some_and(|(s, _)| known::TIMESTAMP_SECONDS.contains(&s)))
        } else {
            let parsed = known::parse_duration(&text);
            let max = known::MAX_DURATION_SECONDS;
            (parsed, parsed.is_some_and(|(s, _)| (-max..=max).contains(&s)))
        };
        let name = &message.full_name;
        let Some((seconds, nanos)) = parsed else {
            return Err(self.error(at, &format!("invalid {name} value {raw}")));
        };
        if !in_range {
            return Err(self.error(at, &format!("{name} value out of range: {raw}")));
        }
        for (number, value) in [(1, seconds), (2, nanos)] {
            if value != 0 {
                put_tag(out, number, WireType::Varint);
                put_varint(out, value as u64);
            }
        }
        Ok(())
    }

    fn field_mask(&mut self, message: &Message, out: &mut Vec<u8>) -> Result<(), String> {
        if self.reader.peek() != Token::String {
            return Err(self.unexpected());
        }
        let at = self.reader.at;
        let text = self.reader.string()?;
        let text = text.trim();
        for camel in text.split(',').filter(|_| !text.is_empty()) {
            let path = known::snake_case(camel);
            if camel.contains('_') || !known::is_name(&path) {
                let shown = super::quoted(camel);
                let text = format!("{}.paths contains invalid path: {shown}", message.full_name);
                return Err(self.error(at, &text));
            }
            put_tag(out, 1, WireType::Bytes);
            put_bytes(out, path.as_bytes());
        }
        Ok(())
    }

    fn value(&mut self, message: &Message, out: &mut Vec<u8>) -> Result<(), String> {
        let number = match self.reader.peek() {
            Token::Null => 1,
            Token::Number => 2,
            Token::String => 3,
            Token::Bool => 4,
            Token::Object => 5,
            Token::Array => 6,
            Token::Other => return Err(self.unexpected()),
        };
        match message.field_numbered(number) {
            Some(index) => self.one(&message.fields[index], out),
            None => Err(self.unexpected()),
        }
    }

    fn any(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        if self.reader.peek() != Token::Object {
            return Err(self.unexpected());
        }
        let start = self.reader.at;
        let before = self.reader;
        let found = self.type_url(start)?;
        let end = self.reader;
        let Some((url, at, raw)) = found else { return Ok(()) };
        let name = url.rsplit('/').next().unwrap_or(&url);
        let types = self.types;
        let found = types.iter().find_map(|schema| Some((schema, schema.message_named(name)?)));
        let Some((schema, index)) = found else {
            let text = format!("unable to resolve {raw}: \"not found\"");
            return Err(self.error(at, &text));
        };
        self.reader = before;
        let mut content = Vec::new();
        let own = std::mem::replace(&mut self.schema, schema);
        let missing = self.missing.take();
        if schema.message(index).known.is_some() {
            self.any_value(index, &mut content)?;
        } else {
            self.message(index, &mut content, true)?;
        }
        (self.schema, self.missing) = (own, missing);
        self.reader = end;
        put_tag(out, 1, WireType::Bytes);
        put_bytes(out, url.as_bytes());
        if !content.is_empty() {
            put_tag(out, 2, WireType::Bytes);
            put_bytes(out, &content);
        }
        Ok(())
    }

    /// Reads over an object and gives its `@type`, with place and raw text; `None` for an empty object.
    fn type_url(&mut self, start: usize) -> Result<Option<(String, usize, String)>, String> {
        self.open(b'{')?;
        let (mut first, mut is_empty) = (true, true);
        let mut url = None;
        while let Some((name, at, _)) = self.key(&mut first)? {
            is_empty = false;
            if name != "@type" {
                self.skip()?;
                continue;
            }
            if url.is_some() {
                return Err(self.error(at, "duplicate \"@type\" field"));
            }
            let is_string = self.reader.peek() == Token::String;
            let (at, raw) = (self.reader.at, self.reader.raw().to_owned());
            if !is_string {
                return Err(self.error(at, &format!("@type field value is not a string: {raw}")));
            }
            let text = self.reader.string()?;
            if text.is_empty() {
                return Err(self.error(at, "@type field contains empty value"));
            }
            url = Some((text, at, raw));
        }
        match url {
            None if !is_empty => Err(self.error(start, "missing \"@type\" field")),
            url => Ok(url),
        }
    }

    /// The `value` of a well-known message in an `Any`.
    fn any_value(&mut self, index: u32, out: &mut Vec<u8>) -> Result<(), String> {
        self.open(b'{')?;
        let mut first = true;
        let mut found = false;
        while let Some((name, at, raw)) = self.key(&mut first)? {
            match name.as_str() {
                "@type" => self.skip()?,
                "value" if found => return Err(self.error(at, "duplicate \"value\" field")),
                "value" => {
                    self.message(index, out, false)?;
                    found = true;
                }
                _ => return Err(self.error(at, &format!("unknown field {raw}"))),
            }
        }
        if !found && self.schema.message(index).known != Some(Known::Empty) {
            return Err(self.error(self.reader.at - 1, "missing \"value\" field"));
        }
        Ok(())
    }
}
