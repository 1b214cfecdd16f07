//! From the bytes of a message to values, by the proto3 JSON rules as k6 applies them: everything that is unset is shown
//! with its default, 64-bit integers are strings, enums are names.
//!
//! What the values are is a [`Model`]'s business: JavaScript's in a VU, `serde_json`'s in tests.

use std::sync::Arc;

use super::known;
use super::schema::{Field, Kind, Known, Message, Schema, Shape};
use super::wire::{Cursor, Malformed, WireType, unzigzag};

/// Messages in messages at most, on both ways. It bounds the stack.
pub(crate) const MAX_DEPTH: usize = 100;

/// Makes values.
pub(crate) trait Model {
    /// A value.
    type Value;
    /// The names of a message's fields, made ready.
    type Names;

    fn null(&mut self) -> Self::Value;
    fn boolean(&mut self, value: bool) -> Self::Value;
    fn number(&mut self, value: f64) -> Self::Value;
    fn string(&mut self, value: &str) -> Result<Self::Value, Failed>;
    fn object(&mut self) -> Result<Self::Value, Failed>;
    fn array(&mut self) -> Result<Self::Value, Failed>;
    fn names(&mut self, schema: &Arc<Schema>, message: u32) -> Self::Names;
    /// Sets the field at `index` of the message that `names` are of.
    fn set_field(
        &mut self,
        object: &mut Self::Value,
        names: &Self::Names,
        field: (&Field, usize),
        value: Self::Value,
    ) -> Result<(), Failed>;
    fn set(
        &mut self,
        object: &mut Self::Value,
        key: &str,
        value: Self::Value,
    ) -> Result<(), Failed>;
    fn push(&mut self, array: &mut Self::Value, at: u32, value: Self::Value) -> Result<(), Failed>;
}

/// Why there are no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The bytes are no such message: what gRPC calls a failure to unmarshal. Without `proto: `.
    Message(String),
    /// A message with no JSON form. Without `proto: `.
    Json(String),
    /// The model could not make a value; it knows why.
    Model,
}

impl From<Malformed> for Failed {
    #[cold]
    fn from(_: Malformed) -> Self {
        Failed::Message("cannot parse invalid wire-format data".to_owned())
    }
}

/// One field as it stood in the bytes.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    field: u16,
    wire: WireType,
    /// Varints and fixed values.
    scalar: u64,
    bytes: &'a [u8],
}

/// Turns messages into values.
pub(crate) struct Decoder<'t, M> {
    pub model: M,
    /// The definitions of the message that is decoded.
    pub schema: &'t Arc<Schema>,
    /// All that were loaded, for `Any`; the first that knows a type counts.
    pub types: &'t [Arc<Schema>],
    depth: usize,
}

impl<'t, M: Model> Decoder<'t, M> {
    pub(crate) fn new(model: M, schema: &'t Arc<Schema>, types: &'t [Arc<Schema>]) -> Self {
        Self { model, schema, types, depth: 0 }
    }

    /// The value of a whole message.
    pub(crate) fn message(&mut self, message: u32, bytes: &[u8]) -> Result<M::Value, Failed> {
        self.typed(message, bytes, None)
    }

    /// The value of an encoded `google.protobuf.Any`.
    pub(crate) fn any(&mut self, bytes: &[u8]) -> Result<M::Value, Failed> {
        known::any(self, bytes)
    }

    /// The value of a message, with the key `@type` if it lies in an `Any`.
    pub(super) fn typed(
        &mut self,
        index: u32,
        bytes: &[u8],
        type_url: Option<&str>,
    ) -> Result<M::Value, Failed> {
        if self.depth >= MAX_DEPTH {
            return Err(Failed::Message("exceeded maximum recursion depth".to_owned()));
        }
        self.depth += 1;
        let schema = self.schema;
        let message = schema.message(index);
        let value = match message.known {
            Some(known) => self.known(known, message, bytes),
            None => self.plain(index, message, bytes, type_url),
        };
        self.depth -= 1;
        value
    }

    fn plain(
        &mut self,
        index: u32,
        message: &Message,
        bytes: &[u8],
        type_url: Option<&str>,
    ) -> Result<M::Value, Failed> {
        let entries = scan(message, bytes)?;
        let schema = self.schema;
        let names = self.model.names(schema, index);
        let mut object = self.model.object()?;
        if let Some(url) = type_url {
            let url = self.model.string(url)?;
            self.model.set(&mut object, "@type", url)?;
        }
        let mut rest = entries.as_slice();
        for (index, field) in message.fields.iter().enumerate() {
            let n = rest.iter().take_while(|entry| usize::from(entry.field) == index).count();
            let (own, later) = rest.split_at(n);
            rest = later;
            let value = match field.shape {
                Shape::One => self.one(field, own)?,
                Shape::List => Some(self.list(field, own)?),
                Shape::Map => Some(self.map(field, own)?),
            };
            if let Some(value) = value {
                self.model.set_field(&mut object, &names, (field, index), value)?;
            }
        }
        Ok(object)
    }

    /// A field with one value; `None` where nothing is shown.
    fn one(&mut self, field: &Field, own: &[Entry<'_>]) -> Result<Option<M::Value>, Failed> {
        let Some(last) = own.last() else { return self.unset(field) };
        if let Some(message) = field.kind.message() {
            return self.merged(message, own).map(Some);
        }
        if !field.has_presence && is_zero(field.kind, last) {
            return self.unset(field);
        }
        self.scalar(field, last).map(Some)
    }

    /// A message that came in parts is all of them.
    fn merged(&mut self, message: u32, own: &[Entry<'_>]) -> Result<M::Value, Failed> {
        match own {
            [one] => self.message(message, one.bytes),
            parts => {
                let all: Vec<u8> = parts.iter().flat_map(|part| part.bytes).copied().collect();
                self.message(message, &all)
            }
        }
    }

    fn unset(&mut self, field: &Field) -> Result<Option<M::Value>, Failed> {
        if field.oneof.is_some() {
            return Ok(None);
        }
        if field.has_presence {
            return Ok(Some(self.model.null()));
        }
        Ok(Some(match field.kind {
            Kind::Bool => self.model.boolean(false),
            Kind::String | Kind::Bytes => self.model.string("")?,
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
                self.model.string("0")?
            }
            Kind::Enum(index) => self.enumerated(index, 0)?,
            Kind::Message(_) | Kind::Group(_) => self.model.null(),
            _ => self.model.number(0.0),
        }))
    }

    fn list(&mut self, field: &Field, own: &[Entry<'_>]) -> Result<M::Value, Failed> {
        let mut array = self.model.array()?;
        let mut n = 0_u32;
        for entry in own {
            if let Some(message) = field.kind.message() {
                let value = self.message(message, entry.bytes)?;
                self.model.push(&mut array, n, value)?;
                n += 1;
            } else if entry.wire == WireType::Bytes && field.kind.is_packable() {
                let mut cursor = Cursor::new(entry.bytes);
                while !cursor.is_at_end() {
                    let scalar = read_scalar(&mut cursor, field.kind.wire())?;
                    let one = Entry { wire: field.kind.wire(), scalar, ..*entry };
                    let value = self.scalar(field, &one)?;
                    self.model.push(&mut array, n, value)?;
                    n += 1;
                }
            } else {
                let value = self.scalar(field, entry)?;
                self.model.push(&mut array, n, value)?;
                n += 1;
            }
        }
        Ok(array)
    }

    pub(super) fn map_of(&mut self, field: &Field, bytes: &[u8]) -> Result<M::Value, Failed> {
        // Only called for messages of one field.
        let entries = scan_one(field, bytes)?;
        self.map(field, &entries)
    }

    pub(super) fn list_of(&mut self, field: &Field, bytes: &[u8]) -> Result<M::Value, Failed> {
        let entries = scan_one(field, bytes)?;
        self.list(field, &entries)
    }

    fn map(&mut self, field: &Field, own: &[Entry<'_>]) -> Result<M::Value, Failed> {
        let mut object = self.model.object()?;
        let schema = self.schema;
        let Some(entry_type) = field.kind.message().map(|index| schema.message(index)) else {
            return Ok(object);
        };
        let (Some(key_at), Some(value_at)) =
            (entry_type.field_numbered(1), entry_type.field_numbered(2))
        else {
            return Ok(object);
        };
        let (key_field, value_field) = (&entry_type.fields[key_at], &entry_type.fields[value_at]);
        for entry in own {
            let pair = scan(entry_type, entry.bytes)?;
            let of = |at: usize| pair.iter().filter(move |e| usize::from(e.field) == at);
            let key = key_text(key_field, of(key_at).next_back())?;
            let value = match (value_field.kind.message(), of(value_at).next_back()) {
                (Some(message), None) => self.message(message, &[])?,
                (Some(message), Some(_)) => {
                    let parts: Vec<Entry<'_>> = of(value_at).copied().collect();
                    self.merged(message, &parts)?
                }
                (None, Some(entry)) => self.scalar(value_field, entry)?,
                (None, None) => {
                    let zero =
                        Entry { field: 0, wire: value_field.kind.wire(), scalar: 0, bytes: &[] };
                    self.scalar(value_field, &zero)?
                }
            };
            self.model.set(&mut object, &key, value)?;
        }
        Ok(object)
    }

    fn scalar(&mut self, field: &Field, entry: &Entry<'_>) -> Result<M::Value, Failed> {
        let raw = entry.scalar;
        Ok(match field.kind {
            Kind::Double => self.float(f64::from_bits(raw))?,
            Kind::Float => self.single(f32::from_bits(raw as u32))?,
            Kind::Int32 | Kind::Sfixed32 => self.model.number(f64::from(raw as i32)),
            Kind::Uint32 | Kind::Fixed32 => self.model.number(f64::from(raw as u32)),
            Kind::Sint32 => self.model.number(f64::from(unzigzag(u64::from(raw as u32)) as i32)),
            Kind::Int64 | Kind::Sfixed64 => self.digits(raw as i64)?,
            Kind::Sint64 => self.digits(unzigzag(raw))?,
            Kind::Uint64 | Kind::Fixed64 => self.model.string(Digits::new(raw, false).as_str())?,
            Kind::Bool => self.model.boolean(raw != 0),
            Kind::Enum(index) => self.enumerated(index, raw as i32)?,
            Kind::String => match std::str::from_utf8(entry.bytes) {
                Ok(text) => self.model.string(text)?,
                Err(_) => return Err(not_utf8(field)),
            },
            Kind::Bytes => {
                use base64::Engine as _;
                let text = base64::engine::general_purpose::STANDARD.encode(entry.bytes);
                self.model.string(&text)?
            }
            Kind::Message(index) | Kind::Group(index) => self.message(index, entry.bytes)?,
        })
    }

    pub(super) fn scalar_of(&mut self, field: &Field, bytes: &[u8]) -> Result<M::Value, Failed> {
        let entries = scan_one(field, bytes)?;
        match entries.last() {
            Some(entry) => self.scalar(field, entry),
            None => {
                let zero = Entry { field: 0, wire: field.kind.wire(), scalar: 0, bytes: &[] };
                self.scalar(field, &zero)
            }
        }
    }

    fn digits(&mut self, value: i64) -> Result<M::Value, Failed> {
        let digits = Digits::new(value.unsigned_abs(), value < 0);
        self.model.string(digits.as_str())
    }

    fn float(&mut self, value: f64) -> Result<M::Value, Failed> {
        if value.is_finite() {
            return Ok(self.model.number(value));
        }
        self.model.string(if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })
    }

    /// A single-precision value as its shortest decimal says, not as its bits widened: 0.1, not 0.10000000149.
    fn single(&mut self, value: f32) -> Result<M::Value, Failed> {
        let wide = f64::from(value);
        if !value.is_finite() || wide == wide.trunc() && wide.abs() < 1e7 {
            return self.float(wide);
        }
        let shortest = format!("{value:e}").parse().unwrap_or(wide);
        Ok(self.model.number(shortest))
    }

    fn enumerated(&mut self, index: u32, number: i32) -> Result<M::Value, Failed> {
        let schema = self.schema;
        let of = &schema.enums[index as usize];
        if of.is_null {
            return Ok(self.model.null());
        }
        match of.name(number) {
            Some(name) => self.model.string(name),
            None => Ok(self.model.number(f64::from(number))),
        }
    }

    fn known(&mut self, known: Known, message: &Message, bytes: &[u8]) -> Result<M::Value, Failed> {
        known::decode(self, known, message, bytes)
    }
}

/// An integer in digits, without an allocation.
struct Digits {
    buffer: [u8; 20],
    start: usize,
}

impl Digits {
    fn new(mut value: u64, negative: bool) -> Digits {
        let mut digits = Digits { buffer: [b'0'; 20], start: 20 };
        loop {
            digits.start -= 1;
            digits.buffer[digits.start] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        if negative {
            digits.start -= 1;
            digits.buffer[digits.start] = b'-';
        }
        digits
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.buffer[self.start..]).unwrap_or("0")
    }
}

#[cold]
fn not_utf8(field: &Field) -> Failed {
    let text = format!("field {} contains invalid UTF-8", field.full_name);
    if field.is_utf8 { Failed::Message(text) } else { Failed::Json(text) }
}

fn is_zero(kind: Kind, entry: &Entry<'_>) -> bool {
    match kind {
        Kind::String | Kind::Bytes => entry.bytes.is_empty(),
        // Only +0 is nothing.
        _ => entry.scalar == 0,
    }
}

fn read_scalar(cursor: &mut Cursor<'_>, wire: WireType) -> Result<u64, Malformed> {
    match wire {
        WireType::Varint => cursor.varint(),
        WireType::Fixed32 => cursor.fixed32().map(u64::from),
        WireType::Fixed64 => cursor.fixed64(),
        _ => Err(Malformed),
    }
}

/// Whether a field may be laid out so.
fn fits(field: &Field, wire: WireType) -> bool {
    wire == field.kind.wire()
        || (wire == WireType::Bytes && field.shape == Shape::List && field.kind.is_packable())
}

/// The known fields of a message, those of one field together and in the order of the definition.
fn scan<'a>(message: &Message, bytes: &'a [u8]) -> Result<Vec<Entry<'a>>, Failed> {
    let mut entries: Vec<Entry<'a>> = Vec::with_capacity(message.fields.len().min(bytes.len()));
    let mut cursor = Cursor::new(bytes);
    let mut in_order = true;
    let mut has_oneofs = false;
    while !cursor.is_at_end() {
        let (number, wire) = cursor.tag()?;
        let known = message.field_numbered(number).map(|index| (index, &message.fields[index]));
        let Some((index, field)) = known.filter(|(_, field)| fits(field, wire)) else {
            cursor.skip(number, wire)?;
            continue;
        };
        let entry = entry(&mut cursor, (number, wire), index as u16)?;
        check_text(field, &entry)?;
        has_oneofs |= field.oneof.is_some();
        in_order &= entries.last().is_none_or(|last| last.field <= entry.field);
        entries.push(entry);
    }
    if has_oneofs && !message.oneofs.is_empty() {
        keep_last_of_oneofs(message, &mut entries);
    }
    if !in_order {
        entries.sort_by_key(|entry| entry.field);
    }
    Ok(entries)
}

/// Go refuses such text while it reads the message, before it looks what is shown.
fn check_text(field: &Field, entry: &Entry<'_>) -> Result<(), Failed> {
    let is_text = field.kind == Kind::String && field.is_utf8;
    if is_text && std::str::from_utf8(entry.bytes).is_err() {
        return Err(not_utf8(field));
    }
    Ok(())
}

fn entry<'a>(
    cursor: &mut Cursor<'a>,
    (number, wire): (u32, WireType),
    field: u16,
) -> Result<Entry<'a>, Malformed> {
    let mut entry = Entry { field, wire, scalar: 0, bytes: &[] };
    match wire {
        WireType::Bytes => entry.bytes = cursor.bytes()?,
        WireType::StartGroup => entry.bytes = cursor.group(number)?,
        wire => entry.scalar = read_scalar(cursor, wire)?,
    }
    Ok(entry)
}

/// The entries of one field alone.
fn scan_one<'a>(field: &Field, bytes: &'a [u8]) -> Result<Vec<Entry<'a>>, Failed> {
    let mut entries = Vec::new();
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_at_end() {
        let (number, wire) = cursor.tag()?;
        if number == field.number && fits(field, wire) {
            let entry = entry(&mut cursor, (number, wire), 0)?;
            check_text(field, &entry)?;
            entries.push(entry);
        } else {
            cursor.skip(number, wire)?;
        }
    }
    Ok(entries)
}

/// Of the members of a `oneof` the last one in the bytes counts.
fn keep_last_of_oneofs(message: &Message, entries: &mut Vec<Entry<'_>>) {
    let mut last = vec![u16::MAX; message.oneofs.len()];
    let of = |entry: &Entry<'_>| message.fields[usize::from(entry.field)].oneof.map(usize::from);
    for entry in entries.iter() {
        if let Some(oneof) = of(entry) {
            last[oneof] = entry.field;
        }
    }
    entries.retain(|entry| of(entry).is_none_or(|oneof| last[oneof] == entry.field));
}

/// A map's key as JSON writes it.
fn key_text<'a>(
    field: &Field,
    entry: Option<&Entry<'a>>,
) -> Result<std::borrow::Cow<'a, str>, Failed> {
    let raw = entry.map_or(0, |entry| entry.scalar);
    Ok(match field.kind {
        Kind::String => {
            let bytes = entry.map_or(&[][..], |entry| entry.bytes);
            std::str::from_utf8(bytes).map_err(|_| not_utf8(field))?.into()
        }
        Kind::Bool => if raw == 0 { "false" } else { "true" }.into(),
        Kind::Int32 | Kind::Sfixed32 => (raw as i32).to_string().into(),
        Kind::Sint32 => (unzigzag(u64::from(raw as u32)) as i32).to_string().into(),
        Kind::Uint32 | Kind::Fixed32 => (raw as u32).to_string().into(),
        Kind::Int64 | Kind::Sfixed64 => (raw as i64).to_string().into(),
        Kind::Sint64 => unzigzag(raw).to_string().into(),
        _ => raw.to_string().into(),
    })
}
