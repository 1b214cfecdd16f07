//! Single values: from their JSON form to their bytes.

use super::schema::{Field, Kind};
use super::text::integer;
use super::wire::{WireType, put_bytes, put_tag, put_varint, zigzag};

/// What a value is on the wire.
pub(super) enum Scalar {
    Number(u64),
    Bytes(Vec<u8>),
}

/// A numeric value written as `raw`.
pub(super) fn number(kind: Kind, raw: &str) -> Option<Scalar> {
    let digits = || integer(raw);
    Some(Scalar::Number(match kind {
        Kind::Int32 | Kind::Sfixed32 | Kind::Sint32 => {
            let value: i32 = digits()?.parse().ok()?;
            match kind {
                Kind::Int32 => i64::from(value) as u64,
                Kind::Sfixed32 => u64::from(value as u32),
                _ => zigzag(i64::from(value)),
            }
        }
        Kind::Int64 | Kind::Sfixed64 => digits()?.parse::<i64>().ok()? as u64,
        Kind::Sint64 => zigzag(digits()?.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => u64::from(digits()?.parse::<u32>().ok()?),
        Kind::Uint64 | Kind::Fixed64 => digits()?.parse().ok()?,
        Kind::Double | Kind::Float => {
            let first = raw.bytes().find(|b| *b != b'-')?;
            if !first.is_ascii_digit() {
                return None;
            }
            let value = if kind == Kind::Float {
                f64::from(raw.parse::<f32>().ok()?)
            } else {
                raw.parse().ok()?
            };
            if value.is_infinite() {
                return None;
            }
            float_bits(kind, value)
        }
        _ => return None,
    }))
}

/// The bits of a floating-point value of this kind.
pub(super) fn float_bits(kind: Kind, value: f64) -> u64 {
    if kind == Kind::Float { u64::from((value as f32).to_bits()) } else { value.to_bits() }
}

/// Standard or URL-safe, padded or not, as Go tells them apart.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64::alphabet::{STANDARD, URL_SAFE};
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let padding = if text.len().is_multiple_of(4) {
        DecodePaddingMode::RequireCanonical
    } else {
        DecodePaddingMode::RequireNone
    };
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(padding);
    let engine = GeneralPurpose::new(alphabet, config);
    let plain: std::borrow::Cow<'_, str> = if text.contains(['\r', '\n']) {
        text.replace(['\r', '\n'], "").into()
    } else {
        text.into()
    };
    base64::Engine::decode(&engine, plain.as_bytes()).ok()
}

/// A key of a map that is no text.
pub(super) fn map_key_number(kind: Kind, name: &str) -> Option<u64> {
    // Go's `ParseInt` takes a sign and any zeros in front.
    Some(match kind {
        Kind::Bool => match name {
            "true" => 1,
            "false" => 0,
            _ => return None,
        },
        Kind::Int32 => i64::from(name.parse::<i32>().ok()?) as u64,
        Kind::Sfixed32 => u64::from(name.parse::<i32>().ok()? as u32),
        Kind::Sint32 => zigzag(i64::from(name.parse::<i32>().ok()?)),
        Kind::Int64 | Kind::Sfixed64 => name.parse::<i64>().ok()? as u64,
        Kind::Sint64 => zigzag(name.parse().ok()?),
        // But no sign where there is none to have.
        _ if name.starts_with('+') => return None,
        Kind::Uint32 | Kind::Fixed32 => u64::from(name.parse::<u32>().ok()?),
        Kind::Uint64 | Kind::Fixed64 => name.parse().ok()?,
        _ => return None,
    })
}

/// A key of a map, and what tells it from others.
pub(super) fn map_key(kind: Kind, name: &str) -> Option<(Scalar, String)> {
    if kind == Kind::String {
        return Some((Scalar::Bytes(name.as_bytes().to_vec()), name.to_owned()));
    }
    let number = map_key_number(kind, name)?;
    Some((Scalar::Number(number), number.to_string()))
}

/// A value with its tag.
pub(super) fn put_scalar(out: &mut Vec<u8>, field: &Field, value: &Scalar) {
    put_tag(out, field.number, field.kind.wire());
    match value {
        Scalar::Number(number) => put_number(out, field.kind, *number),
        Scalar::Bytes(bytes) => put_bytes(out, bytes),
    }
}

/// A number without its tag.
#[inline]
pub(super) fn put_number(out: &mut Vec<u8>, kind: Kind, number: u64) {
    match kind.wire() {
        WireType::Fixed32 => out.extend_from_slice(&(number as u32).to_le_bytes()),
        WireType::Fixed64 => out.extend_from_slice(&number.to_le_bytes()),
        _ => put_varint(out, number),
    }
}
