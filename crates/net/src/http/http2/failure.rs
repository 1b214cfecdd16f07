//! `h2`'s errors in k6's numbers and Go's words.

use std::io;
use std::task::{Context, Poll, Waker};

use h2::Reason;

use super::exchange::Failure;
use super::{Ended, Session};
use crate::error::{NetError, code};
use crate::stream::Probe;

/// Go's name of a reason.
fn name(reason: Reason) -> String {
    let known = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    let number = u32::from(reason);
    match known.get(number as usize) {
        Some(name) => (*name).to_owned(),
        None => format!("unknown error code 0x{number:x}"),
    }
}

/// k6's code of a reason in the family that starts at `base`.
fn numbered(base: u16, reason: Reason) -> u16 {
    match u32::from(reason) {
        known @ 0..=13 => base + 1 + known as u16,
        _ => base,
    }
}

/// The server reset the stream, or its frames broke the protocol.
fn stream_error(stream_id: u32, reason: Reason, is_remote: bool) -> NetError {
    let name = name(reason);
    let cause = if is_remote { "; received from peer" } else { "" };
    NetError::new(
        numbered(code::HTTP2_STREAM, reason),
        format!("http2: stream error with http2 ErrCode {name}"),
    )
    .with_detail(format!("stream error: stream ID {stream_id}; {name}{cause}"))
}

fn connection_error(reason: Reason) -> NetError {
    let name = name(reason);
    NetError::new(
        numbered(code::HTTP2_CONNECTION, reason),
        format!("http2: connection error with http2 ErrCode {name}"),
    )
    .with_detail(format!("connection error: {name}"))
}

fn go_away(reason: Reason) -> NetError {
    let name = name(reason);
    NetError::new(
        numbered(code::HTTP2_GO_AWAY, reason),
        format!("http2: received GoAway with http2 ErrCode {name}"),
    )
    .with_detail(format!("http2: server sent GOAWAY and closed the connection; ErrCode={name}"))
}

/// The stream under the connection broke.
#[cold]
pub(super) fn of_stream(error: &h2::Error, probe: &Probe) -> NetError {
    if let Some(failure) = probe.failure() {
        return failure;
    }
    match (error.get_io(), error.reason()) {
        (Some(io), _) if io.kind() != io::ErrorKind::Other => unexpected_end(),
        (Some(io), _) => NetError::new(code::GENERIC, io.to_string()),
        (None, Some(reason)) if !error.is_remote() => connection_error(reason),
        (None, Some(reason)) => go_away(reason),
        (None, None) => NetError::new(code::GENERIC, format!("http2: {error}")),
    }
}

fn unexpected_end() -> NetError {
    NetError::new(code::GENERIC, "unexpected EOF")
}

/// How the connection ended, from what its driver was told.
#[cold]
pub(super) fn of_end(error: &h2::Error, probe: &Probe) -> Ended {
    match error.reason() {
        Some(reason) if error.is_go_away() && error.is_remote() => Ended::Closed(Some(reason)),
        _ => Ended::Failed(of_stream(error, probe)),
    }
}

/// Why an exchange failed, and whether the server has touched it.
#[cold]
pub(super) fn of_exchange(error: &h2::Error, session: &Session, stream_id: u32) -> Failure {
    let failure = |error, untouched| Failure { error, untouched, is_of_stream: false };
    match error.reason() {
        Some(reason) if error.is_reset() => {
            // Go takes a peer's PROTOCOL_ERROR for a connection gone wrong and tries another one.
            let is_of_stream = !error.is_remote() || reason != Reason::PROTOCOL_ERROR;
            let untouched = error.is_remote()
                && matches!(reason, Reason::REFUSED_STREAM | Reason::PROTOCOL_ERROR);
            Failure {
                error: stream_error(stream_id, reason, error.is_remote()),
                untouched,
                is_of_stream,
            }
        }
        // Streams after the last that the server has looked at; Go gives up on the first.
        Some(reason) if error.is_go_away() && error.is_remote() => {
            failure(go_away(reason), stream_id != 1 || reason == Reason::NO_ERROR)
        }
        Some(reason) if error.is_go_away() => failure(connection_error(reason), false),
        _ => failure(session.end(error), stream_id == 0),
    }
}

impl Session {
    /// Why the connection ended: streams are told no more than that it did.
    fn end(&self, error: &h2::Error) -> NetError {
        match &*self.shared.ended.borrow() {
            Some(Ended::Failed(error)) => return error.clone(),
            Some(Ended::Closed(Some(reason))) => return go_away(*reason),
            _ => {}
        }
        // The peer may have said that it would go, and its driver not have come to the end.
        let mut cx = Context::from_waker(Waker::noop());
        match self.sender.borrow_mut().poll_ready(&mut cx) {
            Poll::Ready(Err(said)) if said.is_go_away() && said.is_remote() => {
                go_away(said.reason().unwrap_or(Reason::NO_ERROR))
            }
            _ => of_stream(error, &self.shared.probe),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_k6s_numbers_and_gos_names() {
        let error = stream_error(3, Reason::INTERNAL_ERROR, true);
        assert_eq!(error.code, 1633);
        assert_eq!(error.message, "http2: stream error with http2 ErrCode INTERNAL_ERROR");
        assert_eq!(error.detail(), "stream error: stream ID 3; INTERNAL_ERROR; received from peer");
        assert_eq!(go_away(Reason::NO_ERROR).code, 1611);
        assert_eq!(connection_error(Reason::HTTP_1_1_REQUIRED).code, 1664);
        let odd = go_away(Reason::from(0xff));
        assert_eq!(odd.code, 1610);
        assert!(odd.message.ends_with("unknown error code 0xff"), "{}", odd.message);
    }
}
