//! From a script's object to the bytes of a message.
//!
//! The short way walks the object with the message's tables. Whatever is unusual (a well-known type, a number in a string
//! with an exponent, a wrong value) goes the way k6 goes: JSON text, then `json`, which also knows the error texts. Both
//! give the same bytes; the short way only gives up.

use std::sync::Arc;

use super::decode::MAX_DEPTH;
use super::json;
use super::model::NameCache;
use super::scalar;
use super::schema::{Field, Kind, Message, Schema, Shape};
use super::wire::{WireType, begin_length, end_length, put_bytes, put_tag, put_varint, zigzag};
use crate::js::{Ctx, JsResult, Raw, Thrown};

/// Whether numbers that JSON does not have are written as strings, as k6 does for unary calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Text,
    Null,
}

/// Why there are no bytes.
#[derive(Debug)]
pub(super) enum Refused {
    /// A getter of the script threw.
    Thrown(Thrown),
    /// The object has no JSON form: k6's text.
    NoJson(String),
    /// The object is no such message: Go's text.
    NoMessage(String),
}

impl From<Thrown> for Refused {
    fn from(thrown: Thrown) -> Self {
        Refused::Thrown(thrown)
    }
}

/// What an encoder works with.
#[derive(Clone, Copy)]
pub(super) struct Encoder<'a> {
    pub cx: Ctx,
    pub names: &'a NameCache,
    pub schema: &'a Arc<Schema>,
    pub types: &'a [Arc<Schema>],
    pub special: Special,
}

/// The short way ends here.
enum Stop {
    Thrown(Thrown),
    GiveUp,
}

impl From<Thrown> for Stop {
    fn from(thrown: Thrown) -> Self {
        Stop::Thrown(thrown)
    }
}

/// Integers up to here are exact in a double and written without exponent.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

impl Encoder<'_> {
    /// Appends the message that `value` describes to `out`.
    pub(super) fn encode(
        &self,
        value: Raw,
        message: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let start = out.len();
        if !self.schema.message(message).has_required {
            match self.message(value, message, out, 0) {
                Ok(()) => return Ok(()),
                Err(Stop::Thrown(thrown)) => return Err(thrown.into()),
                Err(Stop::GiveUp) => out.truncate(start),
            }
        }
        let text = self.text(value)?;
        json::encode(&text, self.schema, self.types, message, out).map_err(Refused::NoMessage)
    }

    fn text(&self, value: Raw) -> Result<String, Refused> {
        let mut text = String::new();
        let mut above = Vec::new();
        let written = write_json(self.cx, value, self.special, &mut above, &mut text)?;
        // What has no JSON is nothing, and nothing is no message.
        Ok(if written { text } else { String::new() })
    }

    fn message(&self, value: Raw, index: u32, out: &mut Vec<u8>, depth: usize) -> Result<(), Stop> {
        let schema = self.schema;
        let message = schema.message(index);
        if message.known.is_some() {
            return self.by_text(value, index, out);
        }
        if !value.is_plain() || value.is_array() || depth >= MAX_DEPTH {
            return Err(Stop::GiveUp);
        }
        let names = self.names.of(self.cx, schema, index);
        let keys = value.keys(self.cx)?;
        let mut seen = Seen::default();
        let mut next = 0;
        for i in 0..keys.len() {
            let item = keys.value(i)?;
            if item.is_undefined() {
                continue;
            }
            let at = names.find(keys.atom(i), next).ok_or(Stop::GiveUp)?;
            next = at + 1;
            let field = &message.fields[at];
            if !seen.insert(at) || item.is_symbol() || item.is_function(self.cx) {
                return Err(Stop::GiveUp);
            }
            if item.is_null() {
                if is_null_a_value(schema, field) {
                    return Err(Stop::GiveUp);
                }
                continue;
            }
            if field.shape == Shape::One
                && let Some(oneof) = field.oneof
                && !seen.insert(message.fields.len() + usize::from(oneof))
            {
                return Err(Stop::GiveUp);
            }
            self.field(field, item.raw(), out, depth)?;
        }
        Ok(())
    }

    /// A part that takes the way over text.
    fn by_text(&self, value: Raw, index: u32, out: &mut Vec<u8>) -> Result<(), Stop> {
        let text = match self.text(value) {
            Ok(text) => text,
            Err(Refused::Thrown(thrown)) => return Err(thrown.into()),
            Err(_) => return Err(Stop::GiveUp),
        };
        json::encode(&text, self.schema, self.types, index, out).map_err(|_| Stop::GiveUp)
    }

    fn field(
        &self,
        field: &Field,
        value: Raw,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Stop> {
        match field.shape {
            Shape::One => self.one(field, value, out, depth),
            Shape::List => self.list(field, value, out, depth),
            Shape::Map => self.map(field, value, out, depth),
        }
    }

    fn one(&self, field: &Field, value: Raw, out: &mut Vec<u8>, depth: usize) -> Result<(), Stop> {
        if let Kind::Message(index) = field.kind {
            return self.nested(field.number, index, value, out, depth);
        }
        let before = out.len();
        put_tag(out, field.number, field.kind.wire());
        let after_tag = out.len();
        self.scalar(field.kind, value, out)?;
        if !field.has_presence && out[after_tag..].iter().all(|byte| *byte == 0) {
            // Zero in any layout, and the length of nothing.
            out.truncate(before);
        }
        Ok(())
    }

    fn nested(
        &self,
        number: u32,
        index: u32,
        value: Raw,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Stop> {
        put_tag(out, number, WireType::Bytes);
        let start = begin_length(out);
        self.message(value, index, out, depth + 1)?;
        end_length(out, start);
        Ok(())
    }

    fn list(&self, field: &Field, value: Raw, out: &mut Vec<u8>, depth: usize) -> Result<(), Stop> {
        if !value.is_array() {
            return Err(Stop::GiveUp);
        }
        let n = value.length(self.cx)?;
        if let Kind::Message(index) = field.kind {
            for i in 0..n {
                let item = value.get_idx(self.cx, i)?;
                self.nested(field.number, index, item.raw(), out, depth)?;
            }
            return Ok(());
        }
        if !field.is_packed {
            for i in 0..n {
                let item = value.get_idx(self.cx, i)?;
                put_tag(out, field.number, field.kind.wire());
                self.scalar(field.kind, item.raw(), out)?;
            }
            return Ok(());
        }
        if n == 0 {
            return Ok(());
        }
        put_tag(out, field.number, WireType::Bytes);
        let start = begin_length(out);
        for i in 0..n {
            let item = value.get_idx(self.cx, i)?;
            self.scalar(field.kind, item.raw(), out)?;
        }
        end_length(out, start);
        Ok(())
    }

    fn map(&self, field: &Field, value: Raw, out: &mut Vec<u8>, depth: usize) -> Result<(), Stop> {
        if !value.is_plain() || value.is_array() {
            return Err(Stop::GiveUp);
        }
        let entry = field.kind.message().map(|index| self.schema.message(index));
        let Some((key_field, value_field)) = entry.and_then(entry_fields) else {
            return Err(Stop::GiveUp);
        };
        let keys = value.keys(self.cx)?;
        for i in 0..keys.len() {
            let item = keys.value(i)?;
            if item.is_undefined() {
                continue;
            }
            let name = keys.name(i)?;
            put_tag(out, field.number, WireType::Bytes);
            let start = begin_length(out);
            put_tag(out, 1, key_field.kind.wire());
            if key_field.kind == Kind::String {
                if name.contains('\u{fffd}') {
                    return Err(Stop::GiveUp);
                }
                put_bytes(out, name.as_bytes());
            } else {
                // `1` and `+1` are the same key, which only the long way sees.
                let number = scalar::map_key_number(key_field.kind, &name);
                let number = number.filter(|_| is_canonical(&name)).ok_or(Stop::GiveUp)?;
                scalar::put_number(out, key_field.kind, number);
            }
            if let Kind::Message(index) = value_field.kind {
                self.nested(2, index, item.raw(), out, depth)?;
            } else {
                put_tag(out, 2, value_field.kind.wire());
                self.scalar(value_field.kind, item.raw(), out)?;
            }
            end_length(out, start);
        }
        Ok(())
    }

    /// A value without its tag.
    fn scalar(&self, kind: Kind, value: Raw, out: &mut Vec<u8>) -> Result<(), Stop> {
        match kind {
            Kind::String => {
                let text = self.string(value)?;
                put_bytes(out, text.as_bytes());
            }
            Kind::Bytes => {
                let text = self.string(value)?;
                let bytes = scalar::from_base64(&text).ok_or(Stop::GiveUp)?;
                put_bytes(out, &bytes);
            }
            Kind::Bool => out.push(u8::from(value.as_bool().ok_or(Stop::GiveUp)?)),
            Kind::Enum(index) => {
                let number = if value.is_string() {
                    let name = value.to_text(self.cx)?;
                    let known = self.schema.enums[index as usize].number(&name);
                    known.ok_or(Stop::GiveUp)?
                } else {
                    whole(value, f64::from(i32::MIN), f64::from(i32::MAX))? as i32
                };
                put_varint(out, i64::from(number) as u64);
            }
            Kind::Double | Kind::Float => {
                let number = value.as_f64().ok_or(Stop::GiveUp)?;
                let too_large = kind == Kind::Float && number.abs() > f64::from(f32::MAX);
                if !number.is_finite() && self.special == Special::Null
                    || number.is_finite() && too_large
                {
                    return Err(Stop::GiveUp);
                }
                // `JSON.stringify(-0)` is `0`.
                scalar::put_number(out, kind, scalar::float_bits(kind, number + 0.0));
            }
            Kind::Message(_) | Kind::Group(_) => return Err(Stop::GiveUp),
            integer => scalar::put_number(out, integer, self.integer(integer, value)?),
        }
        Ok(())
    }

    fn string(&self, value: Raw) -> Result<crate::js::Text, Stop> {
        if !value.is_string() {
            return Err(Stop::GiveUp);
        }
        let text = value.to_text(self.cx)?;
        // It may stand for half of a pair, which has no UTF-8.
        if text.contains('\u{fffd}') {
            return Err(Stop::GiveUp);
        }
        Ok(text)
    }

    fn integer(&self, kind: Kind, value: Raw) -> Result<u64, Stop> {
        if value.is_string() {
            let text = value.to_text(self.cx)?;
            return digits(kind, &text).ok_or(Stop::GiveUp);
        }
        let (low, high) = match kind {
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                (f64::from(i32::MIN), f64::from(i32::MAX))
            }
            Kind::Uint32 | Kind::Fixed32 => (0.0, f64::from(u32::MAX)),
            Kind::Uint64 | Kind::Fixed64 => (0.0, MAX_EXACT),
            _ => (-MAX_EXACT, MAX_EXACT),
        };
        let number = whole(value, low, high)? as i64;
        Ok(match kind {
            Kind::Sint32 | Kind::Sint64 => zigzag(number),
            Kind::Sfixed32 => u64::from(number as i32 as u32),
            _ => number as u64,
        })
    }
}

/// An integer in this range.
fn whole(value: Raw, low: f64, high: f64) -> Result<f64, Stop> {
    let number = value.as_f64().ok_or(Stop::GiveUp)?;
    let fits = number.trunc() == number && (low..=high).contains(&number);
    if fits { Ok(number) } else { Err(Stop::GiveUp) }
}

/// Plain digits, perhaps with a minus.
fn digits(kind: Kind, text: &str) -> Option<u64> {
    if !is_canonical(text) {
        return None;
    }
    scalar::map_key_number(kind, text)
}

/// The one way to write an integer.
fn is_canonical(text: &str) -> bool {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let has_digits = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit());
    (has_digits && (!plain.starts_with('0') || text == "0")) || matches!(text, "true" | "false")
}

fn entry_fields(entry: &Message) -> Option<(&Field, &Field)> {
    let at = |number| entry.field_numbered(number).map(|i| &entry.fields[i]);
    Some((at(1)?, at(2)?))
}

fn is_null_a_value(schema: &Schema, field: &Field) -> bool {
    match field.kind {
        Kind::Message(index) => schema.message(index).known.is_some(),
        Kind::Enum(index) => schema.enums[index as usize].is_null,
        _ => false,
    }
}

/// Fields and `oneof`s that were met.
#[derive(Default)]
struct Seen {
    low: u64,
    rest: Vec<usize>,
}

impl Seen {
    fn insert(&mut self, at: usize) -> bool {
        if at < 64 {
            let bit = 1 << at;
            let is_new = self.low & bit == 0;
            self.low |= bit;
            return is_new;
        }
        let is_new = !self.rest.contains(&at);
        if is_new {
            self.rest.push(at);
        }
        is_new
    }
}

/// Writes `JSON.stringify` of what k6 makes of the value: own properties of plain objects, numbers that JSON does not have
/// as text. `false` where it has no JSON. `above` are the objects it lies in.
fn write_json(
    cx: Ctx,
    value: Raw,
    special: Special,
    above: &mut Vec<usize>,
    out: &mut String,
) -> Result<bool, Refused> {
    if value.is_undefined() || value.is_symbol() || value.is_function(cx) {
        return Ok(false);
    }
    if special == Special::Text
        && let Some(number) = value.as_f64()
        && !number.is_finite()
    {
        out.push_str(match number {
            n if n.is_nan() => "\"NaN\"",
            n if n > 0.0 => "\"Infinity\"",
            _ => "\"-Infinity\"",
        });
        return Ok(true);
    }
    if !value.is_plain() || has_own_form(cx, value)? {
        let Some(text) = cx.stringify(value)? else { return Ok(false) };
        out.push_str(&text);
        return Ok(true);
    }
    if above.contains(&value.address()) {
        return Err(Refused::NoJson("cyclic reference to an object found".to_owned()));
    }
    if above.len() > MAX_DEPTH {
        return Err(Refused::NoJson(format!("more than {MAX_DEPTH} objects in each other")));
    }
    above.push(value.address());
    if value.is_array() {
        out.push('[');
        for i in 0..value.length(cx)? {
            if i > 0 {
                out.push(',');
            }
            let item = value.get_idx(cx, i)?;
            if !write_json(cx, item.raw(), special, above, out)? {
                out.push_str("null");
            }
        }
        out.push(']');
    } else {
        write_object(cx, value, special, above, out)?;
    }
    above.pop();
    Ok(true)
}

fn write_object(
    cx: Ctx,
    value: Raw,
    special: Special,
    above: &mut Vec<usize>,
    out: &mut String,
) -> Result<(), Refused> {
    out.push('{');
    let keys = value.keys(cx)?;
    let mut is_first = true;
    for i in 0..keys.len() {
        let before = out.len();
        if !is_first {
            out.push(',');
        }
        let name = keys.name(i)?;
        // Writing a string into a string does not fail.
        out.push_str(&serde_json::to_string(name.as_str()).unwrap_or_default());
        out.push(':');
        let item = keys.value(i)?;
        if write_json(cx, item.raw(), special, above, out)? {
            is_first = false;
        } else {
            out.truncate(before);
        }
    }
    out.push('}');
    Ok(())
}

/// The object says itself what its JSON is.
fn has_own_form(cx: Ctx, value: Raw) -> JsResult<bool> {
    Ok(value.get_str(cx, c"toJSON")?.is_function(cx))
}
