//! How a call ended.

use h2::Reason;
use percent_encoding::percent_decode;

/// A status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(pub u32);

impl Code {
    /// Success.
    pub const OK: Code = Code(0);
    /// The caller gave up.
    pub const CANCELED: Code = Code(1);
    /// No better code is known.
    pub const UNKNOWN: Code = Code(2);
    /// The time-out passed.
    pub const DEADLINE_EXCEEDED: Code = Code(4);
    /// Not allowed.
    pub const PERMISSION_DENIED: Code = Code(7);
    /// Too much of something.
    pub const RESOURCE_EXHAUSTED: Code = Code(8);
    /// No such method.
    pub const UNIMPLEMENTED: Code = Code(12);
    /// The protocol was violated.
    pub const INTERNAL: Code = Code(13);
    /// No connection.
    pub const UNAVAILABLE: Code = Code(14);
    /// Not authenticated.
    pub const UNAUTHENTICATED: Code = Code(16);

    /// The code's name in grpc-go's texts.
    pub fn name(self) -> String {
        const NAMES: [&str; 17] = [
            "OK",
            "Canceled",
            "Unknown",
            "InvalidArgument",
            "DeadlineExceeded",
            "NotFound",
            "AlreadyExists",
            "PermissionDenied",
            "ResourceExhausted",
            "FailedPrecondition",
            "Aborted",
            "OutOfRange",
            "Unimplemented",
            "Internal",
            "Unavailable",
            "DataLoss",
            "Unauthenticated",
        ];
        match NAMES.get(self.0 as usize) {
            Some(name) => (*name).to_owned(),
            None => format!("Code({})", self.0),
        }
    }

    /// What an HTTP status without a gRPC status means.
    pub(super) fn of_http(status: u16) -> Code {
        match status {
            400 => Code::INTERNAL,
            401 => Code::UNAUTHENTICATED,
            403 => Code::PERMISSION_DENIED,
            404 => Code::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => Code::UNAVAILABLE,
            _ => Code::UNKNOWN,
        }
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// The message.
    pub message: String,
    /// An encoded `google.rpc.Status`, if the server sent one that agrees with the code.
    pub details: Option<Vec<u8>>,
}

impl Status {
    /// Without details.
    pub fn new(code: Code, message: impl Into<String>) -> Status {
        Status { code, message: message.into(), details: None }
    }

    /// Success.
    pub fn ok() -> Status {
        Status::new(Code::OK, "")
    }

    /// The time-out of a call has passed.
    pub fn deadline_exceeded() -> Status {
        Status::new(Code::DEADLINE_EXCEEDED, "context deadline exceeded")
    }

    /// The channel was closed by its owner.
    pub(super) fn closing() -> Status {
        Status::new(Code::CANCELED, "grpc: the client connection is closing")
    }

    pub(super) fn internal(message: impl Into<String>) -> Status {
        Status::new(Code::INTERNAL, message)
    }

    /// The stream was reset.
    #[cold]
    pub(super) fn of_reset(reason: Reason) -> Status {
        let (code, name) = match reason {
            Reason::NO_ERROR => (Code::INTERNAL, "NO_ERROR"),
            Reason::PROTOCOL_ERROR => (Code::INTERNAL, "PROTOCOL_ERROR"),
            Reason::INTERNAL_ERROR => (Code::INTERNAL, "INTERNAL_ERROR"),
            Reason::FLOW_CONTROL_ERROR => (Code::RESOURCE_EXHAUSTED, "FLOW_CONTROL_ERROR"),
            Reason::SETTINGS_TIMEOUT => (Code::INTERNAL, "SETTINGS_TIMEOUT"),
            Reason::STREAM_CLOSED => (Code::INTERNAL, "STREAM_CLOSED"),
            Reason::FRAME_SIZE_ERROR => (Code::INTERNAL, "FRAME_SIZE_ERROR"),
            Reason::REFUSED_STREAM => (Code::UNAVAILABLE, "REFUSED_STREAM"),
            Reason::CANCEL => (Code::CANCELED, "CANCEL"),
            Reason::COMPRESSION_ERROR => (Code::INTERNAL, "COMPRESSION_ERROR"),
            Reason::CONNECT_ERROR => (Code::INTERNAL, "CONNECT_ERROR"),
            Reason::ENHANCE_YOUR_CALM => (Code::RESOURCE_EXHAUSTED, "ENHANCE_YOUR_CALM"),
            Reason::INADEQUATE_SECURITY => (Code::PERMISSION_DENIED, "INADEQUATE_SECURITY"),
            Reason::HTTP_1_1_REQUIRED => (Code::INTERNAL, "HTTP_1_1_REQUIRED"),
            other => {
                let number = u32::from(other);
                let text = format!(
                    "stream terminated by RST_STREAM with error code: unknown error code 0x{number:x}"
                );
                return Status::new(Code::UNKNOWN, text);
            }
        };
        Status::new(code, format!("stream terminated by RST_STREAM with error code: {name}"))
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rpc error: code = {} desc = {}", self.code.name(), self.message)
    }
}

/// Undoes the percent-encoding of `grpc-message`. What is no escape stays.
pub(super) fn decode_message(raw: &[u8]) -> String {
    percent_decode(raw).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_lose_their_escapes() {
        for (raw, expect) in [
            ("plain", "plain"),
            ("a%20b", "a b"),
            ("%C3%A9", "é"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decode_message(raw.as_bytes()), expect);
        }
    }

    #[test]
    fn codes_have_names() {
        assert_eq!(Code::UNAVAILABLE.name(), "Unavailable");
        assert_eq!(Code(99).name(), "Code(99)");
        assert_eq!(Code::of_http(404), Code::UNIMPLEMENTED);
        assert_eq!(Code::of_http(500), Code::UNKNOWN);
        let status = Status::new(Code(5), "gone");
        assert_eq!(status.to_string(), "rpc error: code = NotFound desc = gone");
    }
}
