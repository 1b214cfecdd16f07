//! Why a WebSocket is of no use any more.

use std::borrow::Cow;
use std::fmt;

use crate::error::NetError;

/// Codes of close frames (RFC 6455 7.4.1).
pub mod close_code {
    /// All is well.
    pub const NORMAL: u16 = 1000;
    /// The page is left, the server goes down.
    pub const GOING_AWAY: u16 = 1001;
    /// The protocol was broken.
    pub const PROTOCOL: u16 = 1002;
    /// Stands for a close frame without a code; never sent.
    pub const NO_STATUS: u16 = 1005;
    /// Stands for an end without a close frame; never sent.
    pub const ABNORMAL: u16 = 1006;
    /// A message is too big.
    pub const TOO_BIG: u16 = 1009;
}

/// The end of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WsError {
    /// A close frame came, or ([`close_code::ABNORMAL`]) the end of the stream without one.
    Closed {
        /// Its code; [`close_code::NO_STATUS`] if it had none.
        code: u16,
        /// Its text.
        reason: String,
    },
    /// The peer broke the protocol.
    Protocol(Cow<'static, str>),
    /// A message is longer than is kept.
    TooBig,
    /// A compressed message is damaged.
    Deflate(&'static str),
    /// Something is to be sent after a close frame.
    CloseSent,
    /// The connection failed.
    Net(NetError),
}

impl WsError {
    /// The end of the stream where none was announced.
    pub(crate) fn unexpected_eof() -> WsError {
        WsError::Closed { code: close_code::ABNORMAL, reason: "unexpected EOF".to_owned() }
    }

    /// The close frame that tells the peer of an error of its own: code and text.
    pub(crate) fn reply(&self) -> Option<(u16, &str)> {
        match self {
            WsError::Protocol(text) => Some((close_code::PROTOCOL, text)),
            WsError::TooBig => Some((close_code::TOO_BIG, "")),
            _ => None,
        }
    }
}

impl fmt::Display for WsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WsError::Closed { code, reason } => {
                let name = match code {
                    1000 => " (normal)",
                    1001 => " (going away)",
                    1002 => " (protocol error)",
                    1003 => " (unsupported data)",
                    1005 => " (no status)",
                    1006 => " (abnormal closure)",
                    1007 => " (invalid payload data)",
                    1008 => " (policy violation)",
                    1009 => " (message too big)",
                    1010 => " (mandatory extension missing)",
                    1011 => " (internal server error)",
                    1015 => " (TLS handshake error)",
                    _ => "",
                };
                let colon = if reason.is_empty() { "" } else { ": " };
                write!(f, "websocket: close {code}{name}{colon}{reason}")
            }
            WsError::Protocol(text) => write!(f, "websocket: {text}"),
            WsError::TooBig => f.write_str("websocket: read limit exceeded"),
            WsError::Deflate(text) => f.write_str(text),
            WsError::CloseSent => f.write_str("websocket: close sent"),
            WsError::Net(error) => f.write_str(error.detail()),
        }
    }
}

impl std::error::Error for WsError {}

impl From<NetError> for WsError {
    fn from(error: NetError) -> WsError {
        WsError::Net(error)
    }
}
