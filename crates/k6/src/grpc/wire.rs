//! The bytes of Protocol Buffers: tags, varints, lengths. Format:
//! <https://protobuf.dev/programming-guides/encoding/>.

/// How a value is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint,
    Fixed64,
    Bytes,
    StartGroup,
    EndGroup,
    Fixed32,
}

impl WireType {
    /// The three low bits of a tag.
    pub(crate) const fn bits(self) -> u32 {
        match self {
            WireType::Varint => 0,
            WireType::Fixed64 => 1,
            WireType::Bytes => 2,
            WireType::StartGroup => 3,
            WireType::EndGroup => 4,
            WireType::Fixed32 => 5,
        }
    }

    fn of(bits: u64) -> Option<WireType> {
        Some(match bits {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Bytes,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            _ => return None,
        })
    }
}

/// The bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Groups in groups that are read over at most.
const MAX_GROUPS: usize = 100;
/// The largest field number.
const MAX_NUMBER: u64 = (1 << 29) - 1;

/// A place in the bytes of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in 0..10 {
            let &byte = self.bytes.get(self.at).ok_or(Malformed)?;
            self.at += 1;
            // The tenth byte holds one bit.
            if shift == 9 && byte > 1 {
                return Err(Malformed);
            }
            value |= u64::from(byte & 0x7f) << (shift * 7);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// Field number and layout of what follows.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<(u32, WireType), Malformed> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > MAX_NUMBER {
            return Err(Malformed);
        }
        Ok((number as u32, WireType::of(tag & 7).ok_or(Malformed)?))
    }

    pub(crate) fn fixed32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| Malformed)?))
    }

    pub(crate) fn fixed64(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take(8)?;
        Ok(u64::from_le_bytes(bytes.try_into().map_err(|_| Malformed)?))
    }

    /// A length and so many bytes.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
        self.take(length)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(Malformed)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        Ok(bytes)
    }

    /// The bytes of the group `number` up to its end.
    pub(crate) fn group(&mut self, number: u32) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        let mut open = vec![number];
        loop {
            let before = self.at;
            let (number, wire) = self.tag()?;
            match wire {
                WireType::StartGroup if open.len() >= MAX_GROUPS => return Err(Malformed),
                WireType::StartGroup => open.push(number),
                WireType::EndGroup => {
                    if open.pop() != Some(number) {
                        return Err(Malformed);
                    }
                    if open.is_empty() {
                        return self.bytes.get(start..before).ok_or(Malformed);
                    }
                }
                wire => self.skip_plain(wire)?,
            }
        }
    }

    /// Reads over a value.
    pub(crate) fn skip(&mut self, number: u32, wire: WireType) -> Result<(), Malformed> {
        match wire {
            WireType::StartGroup => self.group(number).map(drop),
            WireType::EndGroup => Err(Malformed),
            wire => self.skip_plain(wire),
        }
    }

    fn skip_plain(&mut self, wire: WireType) -> Result<(), Malformed> {
        match wire {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.take(8).map(drop),
            WireType::Bytes => self.bytes().map(drop),
            WireType::Fixed32 => self.take(4).map(drop),
            WireType::StartGroup | WireType::EndGroup => Err(Malformed),
        }
    }
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_tag(out: &mut Vec<u8>, number: u32, wire: WireType) {
    put_varint(out, u64::from(number << 3 | wire.bits()));
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Leaves room for the length of what is written next; see [`end_length`].
pub(crate) fn begin_length(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len()
}

/// Writes the length of what was written since `start`. What is short, as nearly everything is, need not move.
pub(crate) fn end_length(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    if length < 0x80 {
        out[start - 1] = length as u8;
        return;
    }
    let mut prefix = Vec::with_capacity(5);
    put_varint(&mut prefix, length as u64);
    out.splice(start - 1..start, prefix);
}

#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_as_they_went() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.varint(), Ok(value));
            assert!(cursor.is_at_end());
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX, -12345] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn broken_bytes_are_refused() {
        let eleven = [0x80_u8; 11];
        let too_big = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        for bytes in [&eleven[..], &too_big, &[], &[0x80]] {
            assert_eq!(Cursor::new(bytes).varint(), Err(Malformed), "{bytes:?}");
        }
        assert_eq!(Cursor::new(&[5, 1, 2]).bytes(), Err(Malformed));
        assert_eq!(Cursor::new(&[0]).tag(), Err(Malformed));
        assert_eq!(Cursor::new(&[0x0e]).tag(), Err(Malformed));
        // A group that ends as another.
        assert_eq!(Cursor::new(&[0x14]).group(1), Err(Malformed));
        assert_eq!(Cursor::new(&[0x08, 0x01, 0x0c]).group(1), Ok(&[0x08, 0x01][..]));
    }

    #[test]
    fn a_length_is_put_before_what_was_written() {
        for length in [0, 127, 128, 20_000] {
            let mut out = b"head".to_vec();
            let start = begin_length(&mut out);
            out.resize(start + length, 7);
            end_length(&mut out, start);
            assert_eq!(Cursor::new(&out[4..]).bytes().map(<[u8]>::len), Ok(length));
        }
    }
}
