//! Frames without I/O: messages to masked frames, the server's frames to messages.

use super::MAX_CONTROL_BYTES;
use super::deflate::Inflate;
use super::error::{WsError, close_code};

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const MASK: u8 = 0x80;
const CONTINUATION: u8 = 0;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A message of text.
    Text = 1,
    /// A message of bytes.
    Binary = 2,
    /// The end.
    Close = 8,
    /// Are you there?
    Ping = 9,
    /// I am.
    Pong = 10,
}

/// What came from the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A message: [`Kind::Text`] (which need not be UTF-8; as in k6, nobody checks) or [`Kind::Binary`].
    Message(Kind, Vec<u8>),
    /// A ping with its payload, to be answered.
    Ping(Vec<u8>),
    /// A pong with its payload.
    Pong(Vec<u8>),
}

/// Appends a masked frame. `deflated` marks the payload as compressed.
pub fn encode(out: &mut Vec<u8>, kind: Kind, deflated: bool, payload: &[u8], mask: [u8; 4]) {
    out.reserve(14 + payload.len());
    out.push(kind as u8 | FIN | if deflated { RSV1 } else { 0 });
    match payload.len() {
        len @ 0..=125 => out.push(len as u8 | MASK),
        len @ 126..=0xffff => {
            out.push(126 | MASK);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(127 | MASK);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], mask);
}

fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let word = u32::from_ne_bytes(mask);
    let wide = u64::from(word) << 32 | u64::from(word);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// The payload of a close frame. [`close_code::NO_STATUS`] stands for an empty one. A longer text than fits is cut.
pub fn close_payload(code: u16, text: &str) -> Vec<u8> {
    if code == close_code::NO_STATUS {
        return Vec::new();
    }
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(text.as_bytes());
    payload.truncate(MAX_CONTROL_BYTES);
    payload
}

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
struct Head {
    opcode: u8,
    is_final: bool,
    deflated: bool,
    head_len: usize,
    len: u64,
}

/// Takes the server's bytes in whatever pieces they come.
#[derive(Debug)]
pub struct Decoder {
    /// Messages may be compressed.
    inflate: Option<Inflate>,
    max_message: u64,
    /// The message that is under way, its kind and whether it is compressed.
    message: Vec<u8>,
    under_way: Option<(Kind, bool)>,
    /// What is still to come of a data frame's payload, and whether it is the message's last frame.
    payload: Option<(u64, bool)>,
}

impl Decoder {
    /// For messages of at most `max_message` bytes, as they come and decompressed.
    pub fn new(deflates: bool, max_message: u64) -> Decoder {
        Decoder {
            inflate: deflates.then(Inflate::new),
            max_message,
            message: Vec::new(),
            under_way: None,
            payload: None,
        }
    }

    /// Takes bytes from the front of `input`: how many, and what they completed. If nothing, all that is left of
    /// `input` is the beginning of a frame's head or of a control frame, which have to come again with more behind them.
    ///
    /// # Errors
    /// A close frame, or what breaks the protocol. The decoder is of no use afterwards.
    pub fn decode(&mut self, input: &[u8]) -> Result<(usize, Option<Incoming>), WsError> {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            if let Some((left, is_last)) = self.payload {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                self.message.extend_from_slice(&rest[..n]);
                used += n;
                let left = left - n as u64;
                self.payload = (left > 0).then_some((left, is_last));
                if left > 0 {
                    return Ok((used, None));
                }
                if is_last {
                    return Ok((used, self.finish()?));
                }
                continue;
            }
            let Some(head) = self.head(rest)? else { return Ok((used, None)) };
            if head.opcode >= 8 {
                let len = head.len as usize;
                let Some(payload) = rest.get(head.head_len..head.head_len + len) else {
                    return Ok((used, None));
                };
                return Ok((used + head.head_len + len, Some(control(head.opcode, payload)?)));
            }
            used += head.head_len;
            self.begin(&head)?;
        }
    }

    /// Reads and judges the head of a frame. As in the library k6 uses, all that is wrong with its first two bytes is
    /// told at once.
    fn head(&self, input: &[u8]) -> Result<Option<Head>, WsError> {
        let [first, second, rest @ ..] = input else { return Ok(None) };
        let opcode = first & 0x0f;
        let is_final = first & FIN != 0;
        let short = second & 0x7f;
        let mut wrong: Vec<String> = Vec::new();
        let mut check = |is_wrong: bool, text: &str| {
            if is_wrong {
                wrong.push(text.to_owned());
            }
        };
        check(first & RSV1 != 0 && self.inflate.is_none(), "RSV1 set");
        check(first & RSV2 != 0, "RSV2 set");
        check(first & RSV3 != 0, "RSV3 set");
        match opcode {
            8..=10 => {
                check(usize::from(short) > MAX_CONTROL_BYTES, "len > 125 for control");
                check(!is_final, "FIN not set on control");
            }
            1 | 2 => check(self.under_way.is_some(), "data before FIN"),
            CONTINUATION => check(self.under_way.is_none(), "continuation after FIN"),
            _ => wrong.push(format!("bad opcode {opcode}")),
        }
        if second & MASK != 0 {
            wrong.push("bad MASK".to_owned());
        }
        if !wrong.is_empty() {
            return Err(WsError::Protocol(wrong.join(", ").into()));
        }
        let extra = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(bytes) = rest.get(..extra) else { return Ok(None) };
        let long = bytes.iter().fold(0_u64, |len, byte| len << 8 | u64::from(*byte));
        Ok(Some(Head {
            opcode,
            is_final,
            deflated: first & RSV1 != 0,
            head_len: 2 + extra,
            len: if extra == 0 { u64::from(short) } else { long },
        }))
    }

    fn begin(&mut self, head: &Head) -> Result<(), WsError> {
        match head.opcode {
            CONTINUATION => {}
            1 => self.under_way = Some((Kind::Text, head.deflated)),
            _ => self.under_way = Some((Kind::Binary, head.deflated)),
        }
        let total = (self.message.len() as u64).checked_add(head.len);
        if total.is_none_or(|total| total > self.max_message) {
            return Err(WsError::TooBig);
        }
        self.payload = Some((head.len, head.is_final));
        Ok(())
    }

    /// The message is whole.
    fn finish(&mut self) -> Result<Option<Incoming>, WsError> {
        let Some((kind, deflated)) = self.under_way.take() else { return Ok(None) };
        let message = std::mem::take(&mut self.message);
        match &mut self.inflate {
            Some(inflate) if deflated => {
                let plain = inflate.message(&message, self.max_message)?;
                Ok(Some(Incoming::Message(kind, plain)))
            }
            _ => Ok(Some(Incoming::Message(kind, message))),
        }
    }
}

/// A whole control frame.
fn control(opcode: u8, payload: &[u8]) -> Result<Incoming, WsError> {
    match opcode {
        9 => Ok(Incoming::Ping(payload.to_vec())),
        10 => Ok(Incoming::Pong(payload.to_vec())),
        _ => Err(closed(payload)),
    }
}

fn closed(payload: &[u8]) -> WsError {
    let [high, low, text @ ..] = payload else {
        return WsError::Closed { code: close_code::NO_STATUS, reason: String::new() };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999) {
        return WsError::Protocol(format!("bad close code {code}").into());
    }
    match std::str::from_utf8(text) {
        Ok(text) => WsError::Closed { code, reason: text.to_owned() },
        Err(_) => WsError::Protocol("invalid utf8 payload in close frame".into()),
    }
}
