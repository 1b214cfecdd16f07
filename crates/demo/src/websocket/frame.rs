//! Frames of WebSocket (RFC 6455), the server's side: masked ones come in, plain ones go out.

/// What a frame is.
pub(crate) mod opcode {
    pub(crate) const CONTINUATION: u8 = 0;
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const BINARY: u8 = 2;
    pub(crate) const CLOSE: u8 = 8;
    pub(crate) const PING: u8 = 9;
    pub(crate) const PONG: u8 = 10;
}

const FIN: u8 = 0x80;
/// The first reserved bit: the message is compressed (RFC 7692).
const RSV1: u8 = 0x40;
const RSV: u8 = 0x70;
const MASK: u8 = 0x80;
/// The longest payload of a control frame, bytes.
const MAX_CONTROL: usize = 125;

/// The head of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) opcode: u8,
    pub(crate) is_final: bool,
    pub(crate) is_compressed: bool,
    mask: [u8; 4],
    /// Where the payload begins and how long it is, bytes.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// The code of the close frame that answers what breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) u16);

pub(crate) const PROTOCOL: Violation = Violation(1002);
pub(crate) const NOT_TEXT: Violation = Violation(1007);
pub(crate) const TOO_BIG: Violation = Violation(1009);

impl Head {
    /// Reads the head of the frame that `buf` begins with; `None` if it isn't there yet.
    ///
    /// # Errors
    /// When it breaks the protocol, or says it is longer than `max`.
    pub(crate) fn parse(buf: &[u8], max: usize) -> Result<Option<Head>, Violation> {
        let [first, second, rest @ ..] = buf else { return Ok(None) };
        let opcode = first & 0x0f;
        let (is_final, is_control) = (first & FIN != 0, opcode >= 8);
        let is_known = matches!(opcode, 0..=2 | 8..=10);
        if !is_known || second & MASK == 0 || first & RSV & !RSV1 != 0 {
            return Err(PROTOCOL);
        }
        let short = usize::from(second & 0x7f);
        if is_control && (short > MAX_CONTROL || !is_final || first & RSV1 != 0) {
            return Err(PROTOCOL);
        }
        let extra = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((length, rest)) = rest.split_at_checked(extra) else { return Ok(None) };
        let long = length.iter().fold(0_u64, |len, byte| len << 8 | u64::from(*byte));
        let len = if extra == 0 { short as u64 } else { long };
        let len = usize::try_from(len).ok().filter(|len| *len <= max).ok_or(TOO_BIG)?;
        let Some(mask) = rest.first_chunk::<4>() else { return Ok(None) };
        Ok(Some(Head {
            opcode,
            is_final,
            is_compressed: first & RSV1 != 0,
            mask: *mask,
            start: 2 + extra + 4,
            len,
        }))
    }

    /// Removes the mask.
    pub(crate) fn unmask(&self, payload: &mut [u8]) {
        let mask = u32::from_ne_bytes(self.mask);
        let wide = u64::from(mask) << 32 | u64::from(mask);
        let mut words = payload.chunks_exact_mut(8);
        for word in &mut words {
            if let Ok(bytes) = <[u8; 8]>::try_from(&*word) {
                word.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
            }
        }
        for (byte, mask) in words.into_remainder().iter_mut().zip(self.mask.iter().cycle()) {
            *byte ^= mask;
        }
    }
}

/// How a frame is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) is_final: bool,
    pub(crate) is_compressed: bool,
}

/// An ordinary frame's.
pub(crate) const WHOLE: Marks = Marks { is_final: true, is_compressed: false };

/// Appends a frame's head.
pub(crate) fn put_head(out: &mut Vec<u8>, opcode: u8, marks: Marks, len: usize) {
    let fin = if marks.is_final { FIN } else { 0 };
    out.push(opcode | fin | if marks.is_compressed { RSV1 } else { 0 });
    match len {
        0..=125 => out.push(len as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Appends a whole frame.
pub(crate) fn put(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    put_head(out, opcode, WHOLE, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a close frame.
pub(crate) fn put_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let reason = &reason.as_bytes()[..reason.len().min(MAX_CONTROL - 2)];
    put_head(out, opcode::CLOSE, WHOLE, 2 + reason.len());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 5.7: a masked "Hello".
    const HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

    #[test]
    fn the_rfcs_example_is_read_whole_and_waited_for_in_parts() {
        let head = Head::parse(HELLO, 100).unwrap().unwrap();
        assert_eq!((head.opcode, head.is_final, head.start, head.len), (1, true, 6, 5));
        let mut payload = HELLO[head.start..].to_vec();
        head.unmask(&mut payload);
        assert_eq!(payload, b"Hello");
        for cut in 0..6 {
            assert_eq!(Head::parse(&HELLO[..cut], 100), Ok(None));
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        for (bytes, violation) in [
            (&b"\x83\x80\0\0\0\0"[..], PROTOCOL),  // opcode 3
            (b"\x81\x05Hello", PROTOCOL),          // no mask
            (b"\xa1\x80\0\0\0\0", PROTOCOL),       // RSV2
            (b"\x09\x80\0\0\0\0", PROTOCOL),       // a ping in parts
            (b"\x89\xfe\0\x80\0\0\0\0", PROTOCOL), // a ping of 128 bytes
            (b"\x82\xfe\0\xff\0\0\0\0", TOO_BIG),  // 255 bytes of at most 100
            (b"\x82\xff\xff\0\0\0\0\0\0\0\0\0\0\0", TOO_BIG),
        ] {
            assert_eq!(Head::parse(bytes, 100), Err(violation), "{bytes:?}");
        }
    }

    #[test]
    fn heads_have_the_shortest_length_and_masks_reach_every_byte() {
        for (len, head) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = Vec::new();
            put_head(&mut out, opcode::BINARY, WHOLE, len);
            assert_eq!(out.len(), head, "{len}");
        }
        let head = Head { mask: [1, 2, 3, 4], ..Head::parse(HELLO, 9).unwrap().unwrap() };
        for len in 0..40 {
            let mut payload = vec![0; len];
            head.unmask(&mut payload);
            let want: Vec<u8> = [1, 2, 3, 4].into_iter().cycle().take(len).collect();
            assert_eq!(payload, want);
        }
    }
}
