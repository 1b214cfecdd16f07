//! WebSocket (RFC 6455), the client's side: handshake, messages, compression without context (RFC 7692).
//!
//! [`open`] shakes hands and gives a [`Connection`]; it is polled for what comes and takes what is to go out. The codec
//! ([`Decoder`], [`encode`]) does no I/O and trusts nothing. Errors have the words of the library that k6 uses.

mod connection;
mod deflate;
mod error;
mod frame;
mod handshake;

#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use error::{WsError, close_code};
pub use frame::{Decoder, Incoming, Kind, close_payload, encode};
pub use handshake::{Handshake, Opened, open};

/// The longest payload of a ping, pong or close, bytes.
pub const MAX_CONTROL_BYTES: usize = 125;
