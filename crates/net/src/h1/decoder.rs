//! One response out of a stream of bytes.

use super::body::{CHUNKED, Chunked, Framing};
use super::head::{self, Head, Parsed};
use super::{Limits, MAX_INTERIM};
use crate::error::{NetError, code};
use crate::http::{BodySink, Method, Response};

/// Reads one response. Feed it until it is done, or tell it that the stream has ended.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    sink: BodySink,
    bodyless: bool,
    keep_alive: bool,
    interim: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Bytes of an incomplete head are in the response's buffer. `searched` of them hold no end;
    /// `judge_at` is the size at which they are parsed again to find garbage early.
    Head {
        searched: usize,
        judge_at: usize,
    },
    Body(Framing),
    Done,
}

/// Room made for a body at once, whatever length the server announces.
const MAX_RESERVE: u64 = 1 << 20;

impl Decoder {
    /// For the response to a request of this method.
    pub fn new(method: &Method, sink: BodySink, limits: Limits) -> Decoder {
        Decoder {
            limits,
            sink,
            bodyless: *method == Method::Head,
            keep_alive: false,
            interim: 0,
            state: State::Head { searched: 0, judge_at: 0 },
        }
    }

    /// Whether the response is complete.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether the head is complete.
    pub fn has_head(&self) -> bool {
        !matches!(self.state, State::Head { .. })
    }

    /// Whether the connection may carry another request, once the response is complete.
    pub fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    /// Takes bytes from the stream into `response` and says how many were taken: all, unless the
    /// response ended before.
    ///
    /// # Errors
    /// What keeps it from being a response, in the words of Go's client. The decoder is of no use
    /// afterwards; `response` holds what came before.
    pub fn feed(&mut self, input: &[u8], response: &mut Response) -> Result<usize, NetError> {
        match self.state {
            State::Head { .. } => self.feed_head(input, response),
            State::Body(_) => self.feed_body(input, response),
            State::Done => Ok(0),
        }
    }

    /// The stream has ended.
    ///
    /// # Errors
    /// Unless the response is complete, which a body without a length now is.
    pub fn finish(&mut self, response: &mut Response) -> Result<(), NetError> {
        match self.state {
            State::Head { .. } => {
                let error = head::cut_off(&response.buffer);
                response.buffer.clear();
                Err(error)
            }
            State::Body(Framing::UntilClose) => {
                self.state = State::Done;
                Ok(())
            }
            State::Body(_) => Err(NetError::body(code::GENERIC, "unexpected EOF")),
            State::Done => Ok(()),
        }
    }

    fn feed_head(&mut self, input: &[u8], response: &mut Response) -> Result<usize, NetError> {
        let mut taken = 0;
        // The usual case: the whole head in one piece. Interim responses repeat it.
        while response.buffer.is_empty() && taken < input.len() {
            let rest = &input[taken..];
            match head::parse(rest, &self.limits)? {
                Parsed::Complete(head) if head.len > self.limits.max_head_bytes => {
                    return Err(head::too_large(&self.limits));
                }
                Parsed::Complete(head) => {
                    taken += head.len;
                    if self.skip_interim(&head)? {
                        continue;
                    }
                    response.buffer.extend_from_slice(&rest[..head.len]);
                    self.start_body(&head, response)?;
                    return Ok(taken + self.feed_body(&input[taken..], response)?);
                }
                Parsed::Partial | Parsed::Folded => break,
            }
        }
        if taken < input.len() {
            taken += self.feed_head_piece(&input[taken..], response)?;
        }
        Ok(taken)
    }

    /// Collects a head that comes in pieces, or has folded lines.
    fn feed_head_piece(
        &mut self,
        input: &[u8],
        response: &mut Response,
    ) -> Result<usize, NetError> {
        let State::Head { searched, judge_at } = &mut self.state else { return Ok(0) };
        let before = response.buffer.len();
        response.buffer.extend_from_slice(input);
        let Some(end) = head::end(&response.buffer, *searched) else {
            if response.buffer.len() > self.limits.max_head_bytes {
                response.buffer.clear();
                return Err(head::too_large(&self.limits));
            }
            *searched = response.buffer.len();
            if *searched >= *judge_at {
                *judge_at = (*searched * 2).max(64);
                let seen = std::mem::take(&mut response.buffer);
                // Garbage is reported now rather than when the time is up.
                head::parse(&seen, &self.limits)?;
                response.buffer = seen;
            }
            return Ok(input.len());
        };
        let mut collected = std::mem::take(&mut response.buffer);
        collected.truncate(end);
        if end > self.limits.max_head_bytes {
            return Err(head::too_large(&self.limits));
        }
        head::unfold(&mut collected);
        let head = match head::parse(&collected, &self.limits)? {
            Parsed::Complete(head) if head.len == end => head,
            _ => return Err(head::malformed(&collected)),
        };
        // The end lies behind what was there before, because that was searched.
        let taken = end - before;
        let rest = &input[taken..];
        if self.skip_interim(&head)? {
            collected.clear();
            response.buffer = collected;
            self.state = State::Head { searched: 0, judge_at: 0 };
            return Ok(taken + self.feed_head(rest, response)?);
        }
        response.buffer = collected;
        self.start_body(&head, response)?;
        Ok(taken + self.feed_body(rest, response)?)
    }

    /// Whether the head is one of an interim response, to be forgotten.
    fn skip_interim(&mut self, head: &Head) -> Result<bool, NetError> {
        if !(100..200).contains(&head.status) || head.status == 101 {
            return Ok(false);
        }
        self.interim += 1;
        if self.interim > MAX_INTERIM {
            let text = "net/http: too many 1xx informational responses";
            return Err(NetError::new(code::GENERIC, text));
        }
        Ok(true)
    }

    /// The head is in the response's buffer.
    fn start_body(&mut self, head: &Head, response: &mut Response) -> Result<(), NetError> {
        response.status = head.status;
        response.version = head.version;
        response.notable = head.notable;
        response.head_len = response.buffer.len();
        self.keep_alive = head.keep_alive;
        if self.bodyless || matches!(head.status, 101 | 204 | 304) {
            // After "switching protocols" the stream is no longer HTTP.
            self.keep_alive &= head.status != 101;
            self.state = State::Done;
            return Ok(());
        }
        let framing = match head.content_length {
            _ if head.chunked => Framing::Chunked(CHUNKED),
            Some(0) => {
                self.state = State::Done;
                return Ok(());
            }
            Some(length) => {
                if self.sink == BodySink::Keep {
                    if length > self.limits.max_body_bytes {
                        self.state = State::Body(Framing::Length(length));
                        return Err(self.limits.body_too_large());
                    }
                    response.buffer.reserve(length.min(MAX_RESERVE) as usize);
                }
                Framing::Length(length)
            }
            None => {
                self.keep_alive = false;
                Framing::UntilClose
            }
        };
        self.state = State::Body(framing);
        Ok(())
    }

    fn feed_body(&mut self, input: &[u8], response: &mut Response) -> Result<usize, NetError> {
        let mut at = 0;
        while at < input.len() {
            let State::Body(framing) = &mut self.state else { break };
            let rest = &input[at..];
            let (taken, data, done) = match framing {
                Framing::Length(left) => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= n as u64;
                    (n, &rest[..n], *left == 0)
                }
                Framing::Chunked(chunked) => {
                    let (taken, data) = chunked.step(rest)?;
                    (taken, data, *chunked == Chunked::Done)
                }
                Framing::UntilClose => (rest.len(), rest, false),
            };
            at += taken;
            response.body_received += data.len() as u64;
            if self.sink == BodySink::Keep {
                if response.body_received > self.limits.max_body_bytes {
                    return Err(self.limits.body_too_large());
                }
                response.buffer.extend_from_slice(data);
            }
            if done {
                self.state = State::Done;
            }
        }
        Ok(at)
    }
}
