//! gRPC's status codes, as header and by name. Source: <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>.

use http::{HeaderMap, HeaderValue};
use std::fmt::Write;

/// The codes that are given here.
pub(crate) mod code {
    pub(crate) const OK: u8 = 0;
    pub(crate) const INVALID_ARGUMENT: u8 = 3;
    pub(crate) const NOT_FOUND: u8 = 5;
    pub(crate) const RESOURCE_EXHAUSTED: u8 = 8;
    pub(crate) const UNIMPLEMENTED: u8 = 12;
    pub(crate) const INTERNAL: u8 = 13;
    pub(crate) const UNAVAILABLE: u8 = 14;
}

/// By number, as Prometheus' label of Go's servers spells them.
pub(crate) const NAMES: [&str; 17] = [
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

/// How a call ended when it did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Status {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Status {
        Status { code, message: message.into() }
    }

    pub(crate) fn malformed() -> Status {
        let text =
            "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data";
        Status::new(code::INTERNAL, text)
    }

    /// Adds `grpc-status` and `grpc-message`.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert("grpc-status", HeaderValue::from(u16::from(self.code)));
        // What `percent` gives is visible ASCII, which every header takes.
        if let Ok(text) = HeaderValue::from_str(&percent(&self.message)) {
            headers.insert("grpc-message", text);
        }
    }
}

/// The encoding of `grpc-message`: what is not visible ASCII, and `%`, as `%XX`.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | 0..0x20 | 0x7f.. => {
                // Writing to a String can't fail.
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_escaped() {
        assert_eq!(percent("a 100% é\n"), "a 100%25 %C3%A9%0A");
        let mut headers = HeaderMap::new();
        Status::new(code::INTERNAL, "ü").write(&mut headers);
        assert_eq!(headers["grpc-status"], "13");
        assert_eq!(headers["grpc-message"], "%C3%BC");
    }
}
