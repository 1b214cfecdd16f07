//! Protocol buffers' wire format, as much as a handful of small messages needs, and gRPC's framing of messages.
//! Formats: <https://protobuf.dev/programming-guides/encoding/>, gRPC's PROTOCOL-HTTP2.md.

use bytes::{Bytes, BytesMut};

/// The longest message that is taken, bytes: gRPC's usual default.
pub(crate) const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// A frame's head: one byte that says whether it is compressed, four of length.
const HEAD: usize = 5;

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The message is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Walks over a message's fields.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (index, byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index as u32);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Value::Bytes(self.take(len)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return Err(Malformed),
        };
        if tag >> 3 == 0 { Err(Malformed) } else { Ok((tag >> 3, value)) }
    }
}

impl<'a> Iterator for Fields<'a> {
    /// The field's number and value.
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a number; 0 is what an absent one means, and is left out.
pub(crate) fn put_number(out: &mut Vec<u8>, field: u64, value: i64) {
    if value != 0 {
        put_optional_number(out, field, value);
    }
}

/// Appends a number of a field that tells zero from nothing: one of proto2, as in descriptors.
pub(crate) fn put_optional_number(out: &mut Vec<u8>, field: u64, value: i64) {
    varint(out, field << 3);
    varint(out, value as u64);
}

/// Appends a string, bytes or a message; an empty one too.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A message with its frame's head before it, written by `fill`.
pub(crate) fn framed(fill: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::with_capacity(32);
    out.extend_from_slice(&[0; HEAD]);
    fill(&mut out);
    let len = (out.len() - HEAD) as u32;
    out[1..HEAD].copy_from_slice(&len.to_be_bytes());
    out.into()
}

/// What the beginning of a stream of frames holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Not a whole one yet.
    Part,
    Message(Bytes),
    Compressed,
    /// One of this length, which is beyond [`MAX_MESSAGE`].
    TooLong(usize),
}

/// Takes the first frame off `buffer` if it is whole.
pub(crate) fn take_frame(buffer: &mut BytesMut) -> Frame {
    let Some((head, rest)) = buffer.split_at_checked(HEAD) else { return Frame::Part };
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if len > MAX_MESSAGE {
        return Frame::TooLong(len);
    }
    if head[0] != 0 {
        return Frame::Compressed;
    }
    if rest.len() < len {
        return Frame::Part;
    }
    let mut frame = buffer.split_to(HEAD + len);
    Frame::Message(frame.split_off(HEAD).freeze())
}

/// The message of `data`, if that is exactly one frame.
pub(crate) fn only_frame(data: &[u8]) -> Option<&[u8]> {
    let (head, message) = data.split_at_checked(HEAD)?;
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    (head[0] == 0 && message.len() == len && len <= MAX_MESSAGE).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_round_trip() {
        let mut out = Vec::new();
        put_number(&mut out, 1, -7);
        put_number(&mut out, 2, 0);
        put_number(&mut out, 300, 300);
        put_bytes(&mut out, 3, b"abc");
        let fields: Vec<_> = Fields(&out).collect();
        assert_eq!(
            fields,
            [
                Ok((1, Value::Number(-7_i64 as u64))),
                Ok((300, Value::Number(300))),
                Ok((3, Value::Bytes(b"abc"))),
            ]
        );
    }

    #[test]
    fn what_is_no_message_is_malformed_and_ends() {
        for bytes in [
            &b"\x08"[..],
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0a\x05ab",
            b"\x0b",
            b"\x00\x00",
            b"\x09\x00",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            let fields: Vec<_> = Fields(bytes).collect();
            assert_eq!(fields.last(), Some(&Err(Malformed)), "{bytes:?}");
        }
    }

    #[test]
    fn frames_are_taken_whole() {
        let frame = framed(|out| out.extend_from_slice(b"hello"));
        for cut in 0..frame.len() {
            assert_eq!(take_frame(&mut BytesMut::from(&frame[..cut])), Frame::Part, "{cut}");
            assert_eq!(only_frame(&frame[..cut]), None);
        }
        let mut two = BytesMut::from(&[&frame[..], &frame[..]].concat()[..]);
        assert_eq!(only_frame(&two), None);
        assert_eq!(take_frame(&mut two), Frame::Message(Bytes::from_static(b"hello")));
        assert_eq!(only_frame(&two), Some(&b"hello"[..]));
        assert_eq!(take_frame(&mut BytesMut::from(&b"\x01\0\0\0\0"[..])), Frame::Compressed);
        let long = take_frame(&mut BytesMut::from(&b"\x00\xff\0\0\0"[..]));
        assert_eq!(long, Frame::TooLong(0xff00_0000));
    }
}
