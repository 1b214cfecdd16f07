//! gRPC on HTTP/2: channels, unary and streaming calls, statuses. Protocol:
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
//!
//! Messages are bytes here; what they mean is the caller's. A failure is a [`Status`] with the words of `grpc-go`, which
//! is what scripts of k6 compare with. Start reading at [`Channel`], then `call`; [`frame`] is the framing without I/O.

mod call;
mod channel;
pub mod frame;
mod metadata;
mod status;

pub use call::{Call, Event, Reply, Sender, Unary};
pub use channel::{Channel, ChannelConfig, Endpoint};
pub use metadata::Metadata;
pub use status::{Code, Status};

/// Bytes of a message that is received at most, unless the caller says otherwise (grpc-go's default).
pub const MAX_RECEIVE_BYTES: usize = 4 << 20;
/// Bytes of a message that is sent at most, unless the caller says otherwise (grpc-go's default).
pub const MAX_SEND_BYTES: usize = i32::MAX as usize;
