//! The messages of `google/protobuf/*.proto` whose JSON is a form of its own: times, durations, wrappers, `Any`, `Struct`.
//! Rules: <https://protobuf.dev/programming-guides/json/>.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::decode::{Decoder, Failed, Model};
use super::schema::{Known, Message};
use super::wire::Cursor;

/// 0001-01-01 and 9999-12-31, seconds of Unix time.
pub(super) const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> =
    -62_135_596_800..=253_402_300_799;
/// 10,000 years, seconds.
pub(super) const MAX_DURATION_SECONDS: i64 = 315_576_000_000;
const NANOS: i64 = 1_000_000_000;
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

fn json(text: String) -> Failed {
    Failed::Json(text)
}

/// The value of a well-known message.
pub(super) fn decode<M: Model>(
    decoder: &mut Decoder<'_, M>,
    known: Known,
    message: &Message,
    bytes: &[u8],
) -> Result<M::Value, Failed> {
    match known {
        Known::Any => any(decoder, bytes),
        Known::Timestamp => {
            let text = timestamp(seconds_and_nanos(bytes)?).map_err(json)?;
            decoder.model.string(&text)
        }
        Known::Duration => {
            let text = duration(seconds_and_nanos(bytes)?).map_err(json)?;
            decoder.model.string(&text)
        }
        Known::Wrapper => match message.fields.first() {
            Some(field) => decoder.scalar_of(field, bytes),
            None => Ok(decoder.model.null()),
        },
        Known::Struct => match message.fields.first() {
            Some(field) => decoder.map_of(field, bytes),
            None => decoder.model.object(),
        },
        Known::ListValue => match message.fields.first() {
            Some(field) => decoder.list_of(field, bytes),
            None => decoder.model.array(),
        },
        Known::Value => value(decoder, message, bytes),
        Known::FieldMask => {
            let text = field_mask(bytes)?;
            decoder.model.string(&text)
        }
        Known::Empty => {
            skim(bytes, |_, _| Ok(()))?;
            decoder.model.object()
        }
    }
}

/// Calls `f` with number and value of each varint and each length-delimited field.
fn skim<'a>(
    bytes: &'a [u8],
    mut f: impl FnMut(u32, Scalar<'a>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    use super::wire::WireType;
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_at_end() {
        let (number, wire) = cursor.tag()?;
        match wire {
            WireType::Varint => f(number, Scalar::Varint(cursor.varint()?))?,
            WireType::Bytes => f(number, Scalar::Bytes(cursor.bytes()?))?,
            wire => cursor.skip(number, wire)?,
        }
    }
    Ok(())
}

enum Scalar<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

fn seconds_and_nanos(bytes: &[u8]) -> Result<(i64, i64), Failed> {
    let (mut seconds, mut nanos) = (0, 0);
    skim(bytes, |number, value| {
        match (number, value) {
            (1, Scalar::Varint(value)) => seconds = value as i64,
            (2, Scalar::Varint(value)) => nanos = i64::from(value as i32),
            _ => {}
        }
        Ok(())
    })?;
    Ok((seconds, nanos))
}

fn text(bytes: &[u8]) -> Result<&str, Failed> {
    std::str::from_utf8(bytes)
        .map_err(|_| Failed::Message("string field contains invalid UTF-8".to_owned()))
}

/// Drops groups of three zeros from the end of nine digits, and the point with the last of them.
fn trim_fraction(mut text: String) -> String {
    for end in ["000", "000", ".000"] {
        if text.ends_with(end) {
            text.truncate(text.len() - end.len());
        }
    }
    text
}

fn timestamp((seconds, nanos): (i64, i64)) -> Result<String, String> {
    if !TIMESTAMP_SECONDS.contains(&seconds) {
        return Err(format!("google.protobuf.Timestamp: seconds out of range {seconds}"));
    }
    if !(0..=NANOS).contains(&nanos) {
        return Err(format!("google.protobuf.Timestamp: nanos out of range {nanos}"));
    }
    let (seconds, nanos) = (seconds + nanos / NANOS, nanos % NANOS);
    let time = EPOCH.saturating_add(SignedDuration::from_secs(seconds));
    let text = format!("{}.{nanos:09}", time.strftime("%Y-%m-%dT%H:%M:%S"));
    Ok(trim_fraction(text) + "Z")
}

fn duration((mut seconds, mut nanos): (i64, i64)) -> Result<String, String> {
    if !(-MAX_DURATION_SECONDS..=MAX_DURATION_SECONDS).contains(&seconds) {
        return Err(format!("google.protobuf.Duration: seconds out of range {seconds}"));
    }
    if !(-NANOS..=NANOS).contains(&nanos) {
        return Err(format!("google.protobuf.Duration: nanos out of range {nanos}"));
    }
    if (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0) {
        return Err("google.protobuf.Duration: signs of seconds and nanos do not match".to_owned());
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    (seconds, nanos) = (seconds.abs(), nanos.abs());
    Ok(trim_fraction(format!("{sign}{seconds}.{nanos:09}")) + "s")
}

/// Seconds and nanoseconds of RFC 3339's text.
pub(super) fn parse_timestamp(text: &str) -> Option<(i64, i64)> {
    let digits = |from: usize, n: usize| -> Option<i64> {
        let part = text.as_bytes().get(from..from + n)?;
        part.iter()
            .all(u8::is_ascii_digit)
            .then(|| part.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    };
    let is = |at: usize, byte: u8| text.as_bytes().get(at) == Some(&byte);
    let separated = is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':');
    if !separated {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|n| n as i8);
    // Two digits each; those that no calendar or clock has are refused here.
    let time = DateTime::new(year as i16, month, day, hour, minute, second, 0).ok()?;
    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let n = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if n == 0 || n > 9 {
            return None;
        }
        nanos = fraction[..n].parse::<i64>().ok()? * 10_i64.pow(9 - n as u32);
        rest = &fraction[n..];
    }
    let offset = if rest == "Z" {
        0
    } else {
        let at = text.len() - rest.len();
        let sign = if is(at, b'+') {
            1
        } else if is(at, b'-') {
            -1
        } else {
            return None;
        };
        if rest.len() != 6 || !is(at + 3, b':') {
            return None;
        }
        let (hours, minutes) = (digits(at + 1, 2)?, digits(at + 4, 2)?);
        if hours > 24 || minutes > 60 {
            return None;
        }
        sign * (hours * 3600 + minutes * 60)
    };
    Some((time.duration_since(EPOCH).as_secs() - offset, nanos))
}

/// Seconds and nanoseconds of `1.5s`.
pub(super) fn parse_duration(text: &str) -> Option<(i64, i64)> {
    let text = text.strip_suffix('s')?;
    let (sign, text) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let seconds: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    Some((sign * seconds, sign * nanos))
}

pub(super) fn any<M: Model>(
    decoder: &mut Decoder<'_, M>,
    bytes: &[u8],
) -> Result<M::Value, Failed> {
    let (mut url, mut content): (&[u8], &[u8]) = (&[], &[]);
    skim(bytes, |number, value| {
        match (number, value) {
            (1, Scalar::Bytes(bytes)) => url = bytes,
            (2, Scalar::Bytes(bytes)) => content = bytes,
            _ => {}
        }
        Ok(())
    })?;
    let url = text(url)?;
    if url.is_empty() {
        if content.is_empty() {
            return decoder.model.object();
        }
        return Err(json("google.protobuf.Any: type_url is not set".to_owned()));
    }
    let name = url.rsplit('/').next().unwrap_or(url);
    let types = decoder.types;
    let found = types.iter().find_map(|schema| Some((schema, schema.message_named(name)?)));
    let Some((schema, index)) = found else {
        let quoted = super::quoted(url);
        return Err(json(format!("google.protobuf.Any: unable to resolve {quoted}: not found")));
    };
    let before = std::mem::replace(&mut decoder.schema, schema);
    let value = if schema.message(index).known.is_some() {
        in_any(decoder, url, index, content)
    } else {
        decoder.typed(index, content, Some(url))
    };
    decoder.schema = before;
    value.map_err(|failed| match failed {
        Failed::Message(why) => {
            json(format!("google.protobuf.Any: unable to unmarshal {}: {why}", super::quoted(url)))
        }
        failed => failed,
    })
}

fn in_any<M: Model>(
    decoder: &mut Decoder<'_, M>,
    url: &str,
    index: u32,
    content: &[u8],
) -> Result<M::Value, Failed> {
    let mut object = decoder.model.object()?;
    let shown = decoder.model.string(url)?;
    decoder.model.set(&mut object, "@type", shown)?;
    let value = decoder.message(index, content)?;
    decoder.model.set(&mut object, "value", value)?;
    Ok(object)
}

fn value<M: Model>(
    decoder: &mut Decoder<'_, M>,
    message: &Message,
    bytes: &[u8],
) -> Result<M::Value, Failed> {
    let mut last = None;
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_at_end() {
        let (number, wire) = cursor.tag()?;
        if let Some(index) = message.field_numbered(number)
            && message.fields[index].kind.wire() == wire
        {
            last = Some(index);
        }
        cursor.skip(number, wire)?;
    }
    let Some(field) = last.map(|index| &message.fields[index]) else {
        return Err(json("google.protobuf.Value: none of the oneof fields is set".to_owned()));
    };
    if let Some(inner) = field.kind.message() {
        let mut all = Vec::new();
        skim(bytes, |number, value| {
            if let (true, Scalar::Bytes(part)) = (number == field.number, value) {
                all.extend_from_slice(part);
            }
            Ok(())
        })?;
        return decoder.message(inner, &all);
    }
    if field.number == 2 {
        let mut number = 0.0;
        let mut cursor = Cursor::new(bytes);
        while !cursor.is_at_end() {
            match cursor.tag()? {
                (2, super::wire::WireType::Fixed64) => number = f64::from_bits(cursor.fixed64()?),
                (other, wire) => cursor.skip(other, wire)?,
            }
        }
        if !number.is_finite() {
            let shown = match number {
                n if n.is_nan() => "NaN",
                n if n > 0.0 => "+Inf",
                _ => "-Inf",
            };
            return Err(json(format!("google.protobuf.Value.number_value: invalid {shown} value")));
        }
    }
    decoder.scalar_of(field, bytes)
}

fn field_mask(bytes: &[u8]) -> Result<String, Failed> {
    let mut out = String::new();
    let mut n = 0;
    skim(bytes, |number, value| {
        let (1, Scalar::Bytes(bytes)) = (number, value) else { return Ok(()) };
        let path = text(bytes)?;
        if !is_name(path) {
            let shown = super::quoted(path);
            let text = format!("google.protobuf.FieldMask.paths contains invalid path: {shown}");
            return Err(json(text));
        }
        let camel = camel_case(path);
        if snake_case(&camel) != path {
            let shown = super::quoted(path);
            let text =
                format!("google.protobuf.FieldMask.paths contains irreversible value {shown}");
            return Err(json(text));
        }
        if n > 0 {
            out.push(',');
        }
        out.push_str(&camel);
        n += 1;
        Ok(())
    })?;
    Ok(out)
}

/// Names joined by dots.
pub(super) fn is_name(text: &str) -> bool {
    text.split('.').all(|part| {
        let starts = part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        starts && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

fn camel_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_underscore = false;
    for c in text.chars() {
        if c != '_' {
            out.push(if after_underscore { c.to_ascii_uppercase() } else { c });
        }
        after_underscore = c == '_';
    }
    out
}

pub(super) fn snake_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_go_both_ways() {
        for (parts, shown) in [
            ((0, 0), "1970-01-01T00:00:00Z"),
            ((1_700_000_000, 120_000_000), "2023-11-14T22:13:20.120Z"),
            ((1_700_000_000, 1_000), "2023-11-14T22:13:20.000001Z"),
            ((-62_135_596_800, 0), "0001-01-01T00:00:00Z"),
            ((253_402_300_799, 999_999_999), "9999-12-31T23:59:59.999999999Z"),
            ((951_782_400, 0), "2000-02-29T00:00:00Z"),
        ] {
            assert_eq!(timestamp(parts).as_deref(), Ok(shown));
            assert_eq!(parse_timestamp(shown), Some(parts));
        }
        assert_eq!(parse_timestamp("1970-01-01T01:00:00+01:00"), Some((0, 0)));
        for bad in [
            "",
            "1970-01-01",
            "1970-02-30T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "x",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567890Z",
        ] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
        assert!(timestamp((253_402_300_800, 0)).is_err());
        assert!(timestamp((0, -1)).is_err());
    }

    #[test]
    fn durations_go_both_ways() {
        for (parts, shown) in [
            ((0, 0), "0s"),
            ((1, 500_000_000), "1.500s"),
            ((-1, -1), "-1.000000001s"),
            ((0, -500_000_000), "-0.500s"),
            ((3600, 0), "3600s"),
        ] {
            assert_eq!(duration(parts).as_deref(), Ok(shown));
            assert_eq!(parse_duration(shown), Some(parts));
        }
        assert_eq!(parse_duration(".5s"), Some((0, 500_000_000)));
        assert_eq!(parse_duration("1.s"), Some((1, 0)));
        for bad in ["", "s", "1", "01s", "1.1234567890s", "1,5s", "--1s", "1e3s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert!(duration((1, -1)).is_err());
    }

    #[test]
    fn names_of_masks_change_their_case() {
        assert_eq!(camel_case("foo_bar.baz_qux"), "fooBar.bazQux");
        assert_eq!(snake_case("fooBar.bazQux"), "foo_bar.baz_qux");
        assert!(is_name("a.b_c"));
        assert!(!is_name("a..b") && !is_name("") && !is_name("1a"));
    }
}
