//! What a client asks of `/ws/echo` in its query.

use crate::percent;
use crate::span;

/// The most messages, fragments and bytes that may be asked for.
const MAX_COUNT: u64 = 10_000_000;
const MAX_SIZE: u64 = 1 << 32;

/// How the connection ends by the server's doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a close frame of this code (`?close=1011`) and `?reason=`.
    Close(u16, String),
    /// With bytes that break the protocol.
    Garbage(Garbage),
    /// By closing the socket (`?drop=1`).
    Drop,
    /// By resetting it (`?reset=1`).
    Reset,
}

/// `?garbage=1` and its kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Garbage {
    /// `1`: all reserved bits and an unknown opcode.
    Frame,
    /// `masked`: a masked frame.
    Masked,
    /// `control`: a ping of more than 125 bytes.
    Control,
    /// `continuation`: the rest of a message that never began.
    Continuation,
    /// `utf8`: text that is not UTF-8.
    Utf8,
    /// `close`: a close frame with a code that must not be sent.
    Close,
    /// `length`: a frame that says it is longer than anything.
    Length,
}

impl Garbage {
    fn parse(text: &str) -> Option<Garbage> {
        Some(match text {
            "1" => Garbage::Frame,
            "masked" => Garbage::Masked,
            "control" => Garbage::Control,
            "continuation" => Garbage::Continuation,
            "utf8" => Garbage::Utf8,
            "close" => Garbage::Close,
            "length" => Garbage::Length,
            _ => return None,
        })
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        match self {
            Garbage::Frame => b"\xf3\x05hello".to_vec(),
            Garbage::Masked => b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(),
            Garbage::Control => [&b"\x89\x7e\x00\x80"[..], &[b'x'; 128]].concat(),
            Garbage::Continuation => b"\x80\x05hello".to_vec(),
            Garbage::Utf8 => b"\x81\x04a\xff\xfeb".to_vec(),
            Garbage::Close => b"\x88\x02\x03\xed".to_vec(),
            Garbage::Length => b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        }
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) end: Option<End>,
    /// `?after=3`: the end comes after so many messages; at once without.
    pub(crate) after: u64,
    /// `?ping=text`: a ping is sent first.
    pub(crate) ping: Option<String>,
    /// `?send=10`: so many text messages, numbered from 0, are sent first.
    pub(crate) send: u64,
    /// `?size=1000`: a binary message of so many bytes is sent first.
    pub(crate) size: Option<u64>,
    /// `?fragments=3`: messages come back in so many frames.
    pub(crate) fragments: usize,
    /// `?wait=20ms`: how long the server thinks before it echoes.
    pub(crate) wait_ns: u64,
    /// `?deflate=0`: compression is not agreed to.
    pub(crate) declines_deflate: bool,
}

impl Wishes {
    /// Reads the query.
    ///
    /// # Errors
    /// What is wrong with a value, for the answer 400.
    pub(crate) fn parse(query: &str) -> Result<Wishes, String> {
        let mut wishes = Wishes { fragments: 1, ..Wishes::default() };
        let mut reason = String::new();
        for (key, value) in percent::pairs(query) {
            let bad = || format!("invalid `{key}`: `{value}`");
            let number = |max: u64| value.parse().ok().filter(|n: &u64| *n <= max).ok_or_else(bad);
            match key.as_ref() {
                "close" => {
                    let code = value.parse().map_err(|_| bad())?;
                    wishes.end = Some(End::Close(code, String::new()));
                }
                "reason" => reason = value.into_owned(),
                "garbage" => {
                    wishes.end = Some(End::Garbage(Garbage::parse(&value).ok_or_else(bad)?));
                }
                "drop" => wishes.end = Some(End::Drop),
                "reset" => wishes.end = Some(End::Reset),
                "after" => wishes.after = number(u64::MAX)?,
                "ping" => wishes.ping = Some(value.into_owned()).filter(|text| text.len() <= 125),
                "send" => wishes.send = number(MAX_COUNT)?,
                "size" => wishes.size = Some(number(MAX_SIZE)?),
                "fragments" => wishes.fragments = number(MAX_COUNT)?.max(1) as usize,
                "wait" => wishes.wait_ns = span::parse_ns(&value).ok_or_else(bad)?,
                "deflate" => wishes.declines_deflate = value == "0",
                _ => {}
            }
        }
        if let Some(End::Close(_, text)) = &mut wishes.end {
            *text = reason;
        }
        Ok(wishes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_give_wishes_and_bad_values_are_named() {
        let wishes = Wishes::parse("close=1011&reason=on+fire&after=2&fragments=3&wait=5ms");
        assert_eq!(
            wishes,
            Ok(Wishes {
                end: Some(End::Close(1011, "on fire".into())),
                after: 2,
                fragments: 3,
                wait_ns: 5_000_000,
                ..Wishes::default()
            })
        );
        assert_eq!(Wishes::parse("garbage=1").unwrap().end, Some(End::Garbage(Garbage::Frame)));
        for bad in ["close=x", "garbage=x", "after=-1", "size=99999999999", "wait=soon"] {
            let key = bad.split_once('=').unwrap().0;
            assert!(Wishes::parse(bad).unwrap_err().contains(key), "{bad}");
        }
    }
}
