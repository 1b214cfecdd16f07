//! An open WebSocket on its stream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::deflate::Deflate;
use super::error::WsError;
use super::frame::{self, Decoder, Incoming, Kind, close_payload};
use super::handshake::{net, poll_write_all};
use crate::stream::Stream;

/// Room for one read, bytes. Large messages are read in pieces of it.
const READ_BYTES: usize = 16 << 10;
/// An output buffer beyond this is given back once it is empty, bytes.
const KEPT_BYTES: usize = 64 << 10;

/// An open WebSocket. Dropping it closes the connection without a word.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    decoder: Decoder,
    /// What has come and is not used up, from `start` on.
    inbox: Vec<u8>,
    start: usize,
    /// Bytes that are still to be written, from `sent` on.
    outbox: Vec<u8>,
    sent: usize,
    deflate: Option<Deflate>,
    random: Random,
    /// A close frame was put into the outbox.
    is_closing: bool,
    /// What reading ended with, to be given again.
    ended: Option<WsError>,
}

/// SplitMix64: masks keep intermediaries from being fooled by what a script sends, no more.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn mask(&mut self) -> [u8; 4] {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 32) as u32).to_ne_bytes()
    }
}

thread_local! {
    /// Used within one poll and never across a wait: one for all connections of a core.
    static SCRATCH: std::cell::RefCell<Box<[u8]>> =
        std::cell::RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

impl Connection {
    pub(super) fn new(
        mut stream: Stream,
        rest: Vec<u8>,
        deflates: bool,
        max_message: u64,
        seed: u64,
    ) -> Connection {
        // Messages are told when they are read.
        stream.stop_stamping();
        Connection {
            stream,
            decoder: Decoder::new(deflates, max_message),
            inbox: rest,
            start: 0,
            outbox: Vec::new(),
            sent: 0,
            deflate: deflates.then(Deflate::new),
            random: Random::new(!seed),
            is_closing: false,
            ended: None,
        }
    }

    /// Puts a frame into the outbox; [`poll_flush`](Self::poll_flush) writes it.
    ///
    /// # Errors
    /// After a close frame nothing is sent any more.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), WsError> {
        if self.is_closing {
            return Err(WsError::CloseSent);
        }
        self.is_closing = kind == Kind::Close;
        let mask = self.random.mask();
        match &mut self.deflate {
            Some(deflate) if matches!(kind, Kind::Text | Kind::Binary) => {
                let packed = deflate.message(payload);
                frame::encode(&mut self.outbox, kind, true, &packed, mask);
            }
            _ => frame::encode(&mut self.outbox, kind, false, payload, mask),
        }
        Ok(())
    }

    /// Puts a close frame into the outbox.
    ///
    /// # Errors
    /// If there was one before.
    pub fn send_close(&mut self, code: u16, text: &str) -> Result<(), WsError> {
        self.send(Kind::Close, &close_payload(code, text))
    }

    /// Bytes in the outbox.
    pub fn unsent(&self) -> usize {
        self.outbox.len() - self.sent
    }

    /// Writes the outbox.
    ///
    /// # Errors
    /// The stream's; the outbox is lost.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        if self.outbox.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let mut rest = &self.outbox[self.sent..];
        let polled = poll_write_all(&mut self.stream, cx, &mut rest);
        self.sent = self.outbox.len() - rest.len();
        let result = ready!(polled);
        self.outbox.clear();
        self.outbox.shrink_to(KEPT_BYTES);
        self.sent = 0;
        Poll::Ready(result.map_err(WsError::from))
    }

    /// The next message, ping or pong. What breaks the protocol is told to the peer, as far as that goes without
    /// waiting.
    ///
    /// # Errors
    /// The connection's end, again and again.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, WsError>> {
        if let Some(ended) = &self.ended {
            return Poll::Ready(Err(ended.clone()));
        }
        let result = match self.poll_incoming(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(result) => result,
        };
        if let Err(error) = &result {
            if let Some((code, text)) = error.reply()
                && self.send_close(code, text).is_ok()
            {
                // It is only a courtesy.
                let _ = self.poll_flush(cx);
            }
            self.ended = Some(error.clone());
        }
        Poll::Ready(result)
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, WsError>> {
        SCRATCH.with_borrow_mut(|scratch| {
            loop {
                if self.start < self.inbox.len() {
                    let (used, incoming) = self.decoder.decode(&self.inbox[self.start..])?;
                    self.start += used;
                    if let Some(incoming) = incoming {
                        return Poll::Ready(Ok(incoming));
                    }
                }
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))
                    .map_err(|error| net(&self.stream, &error))?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(Err(WsError::unexpected_eof()));
                }
                // What is left of before is the beginning of a head: few bytes.
                self.inbox.drain(..self.start);
                self.inbox.extend_from_slice(buffer.filled());
                self.start = 0;
            }
        })
    }
}
