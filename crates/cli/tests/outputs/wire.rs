//! Reads protobuf messages by field numbers alone, so that what we send is judged by code that shares nothing with the
//! code that wrote it.

/// A field of a message.
#[derive(Debug, Clone)]
pub(crate) enum Field {
    Int(u64),
    Bytes(Vec<u8>),
    Fixed(u64),
}

/// A message: field numbers and values, in the order they came.
#[derive(Debug, Clone)]
pub(crate) struct Message(Vec<(u64, Field)>);

impl Message {
    pub(crate) fn parse(mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let field = match key & 7 {
                0 => Field::Int(varint(&mut bytes)),
                1 => Field::Fixed(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
                2 => {
                    let n = usize::try_from(varint(&mut bytes)).unwrap();
                    Field::Bytes(take(&mut bytes, n).to_vec())
                }
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, field));
        }
        Self(fields)
    }

    fn all(&self, number: u64) -> impl Iterator<Item = &Field> {
        self.0.iter().filter(move |(known, _)| *known == number).map(|(_, field)| field)
    }

    pub(crate) fn has(&self, number: u64) -> bool {
        self.all(number).next().is_some()
    }

    pub(crate) fn messages(&self, number: u64) -> Vec<Message> {
        self.all(number)
            .map(|field| match field {
                Field::Bytes(bytes) => Message::parse(bytes),
                other => panic!("field {number} is {other:?}"),
            })
            .collect()
    }

    pub(crate) fn text(&self, number: u64) -> String {
        match self.all(number).last() {
            Some(Field::Bytes(bytes)) => String::from_utf8(bytes.clone()).unwrap(),
            None => String::new(),
            Some(other) => panic!("field {number} is {other:?}"),
        }
    }

    pub(crate) fn int(&self, number: u64) -> u64 {
        match self.all(number).last() {
            Some(Field::Int(n) | Field::Fixed(n)) => *n,
            None => 0,
            Some(other) => panic!("field {number} is {other:?}"),
        }
    }

    pub(crate) fn double(&self, number: u64) -> f64 {
        f64::from_bits(self.int(number))
    }

    /// A repeated number of varints, packed or not.
    pub(crate) fn ints(&self, number: u64) -> Vec<u64> {
        let mut out = Vec::new();
        for field in self.all(number) {
            match field {
                Field::Int(n) => out.push(*n),
                Field::Bytes(bytes) => {
                    let mut rest = bytes.as_slice();
                    while !rest.is_empty() {
                        out.push(varint(&mut rest));
                    }
                }
                Field::Fixed(n) => out.push(*n),
            }
        }
        out
    }

    /// A repeated number of eight bytes each, packed.
    pub(crate) fn fixed(&self, number: u64) -> Vec<u64> {
        let mut out = Vec::new();
        for field in self.all(number) {
            match field {
                Field::Fixed(n) => out.push(*n),
                Field::Bytes(bytes) => out.extend(
                    bytes
                        .chunks_exact(8)
                        .map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap())),
                ),
                Field::Int(_) => panic!("field {number} is a varint"),
            }
        }
        out
    }
}

/// A signed number as protobuf zig-zags it.
pub(crate) fn zigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(n);
    *bytes = rest;
    taken
}
