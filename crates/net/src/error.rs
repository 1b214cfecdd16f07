//! What went wrong on the wire, in k6's numbers and words.
//!
//! A failure of the system under test is data, so [`NetError`] is small and cheap: a code, the
//! short text k6 puts into the `error` tag, and, where k6's log line says more, that longer text.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// k6's `error_code` values (its documentation, "Error codes").
pub mod code {
    /// Anything without a code of its own.
    pub const GENERIC: u16 = 1000;
    /// A network error that is not TCP's.
    pub const NON_TCP: u16 = 1010;
    /// A URL that does not parse.
    pub const INVALID_URL: u16 = 1020;
    /// The request's time was up.
    pub const REQUEST_TIMEOUT: u16 = 1050;
    /// Name resolution failed.
    pub const DNS: u16 = 1100;
    /// The name does not exist.
    pub const DNS_NO_SUCH_HOST: u16 = 1101;
    /// The address is in `blacklistIPs`.
    pub const BLACKLISTED_IP: u16 = 1110;
    /// The name is in `blockHostnames`.
    pub const BLOCKED_HOSTNAME: u16 = 1111;
    /// TCP, nothing more precise.
    pub const TCP: u16 = 1200;
    /// Written to a connection that the peer has closed.
    pub const BROKEN_PIPE: u16 = 1201;
    /// An errno k6 has no code for.
    pub const UNKNOWN_ERRNO: u16 = 1202;
    /// Connecting failed, nothing more precise.
    pub const DIAL: u16 = 1210;
    /// Connecting took longer than the request may take.
    pub const DIAL_TIMEOUT: u16 = 1211;
    /// Nobody listens.
    pub const DIAL_REFUSED: u16 = 1212;
    /// Connecting failed with an errno k6 has no code for.
    pub const DIAL_ERRNO: u16 = 1213;
    /// The peer reset the connection.
    pub const RESET: u16 = 1220;
    /// TLS, nothing more precise.
    pub const TLS: u16 = 1300;
    /// What the peer sent is not TLS.
    pub const TLS_RECORD: u16 = 1301;
    /// The certificate's issuer is not trusted.
    pub const UNKNOWN_AUTHORITY: u16 = 1310;
    /// The certificate is for another name.
    pub const HOSTNAME_MISMATCH: u16 = 1311;
    /// The server says why it goes away; by reason from the next number on.
    pub const HTTP2_GO_AWAY: u16 = 1610;
    /// A stream of HTTP/2 was reset; by reason from the next number on.
    pub const HTTP2_STREAM: u16 = 1630;
    /// A connection of HTTP/2 failed; by reason from the next number on.
    pub const HTTP2_CONNECTION: u16 = 1650;
    /// The body could not be decompressed.
    pub const DECOMPRESSION: u16 = 1701;
}

/// Where in the exchange a [`NetError`] arose. k6's log puts `Get "URL": ` before the text of the
/// first kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Up to and including the response head.
    RoundTrip,
    /// While reading or decoding the body.
    Body,
}

/// A failed exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetError {
    /// k6's `error_code`, see [`code`].
    pub code: u16,
    /// How far the exchange had come.
    pub stage: Stage,
    /// k6's `error` tag and `Response.error`, for example `dial: connection refused`.
    pub message: Cow<'static, str>,
    /// The longer text of k6's log line, where it differs.
    detail: Option<Box<str>>,
}

impl NetError {
    /// An error of the round trip (connecting, writing, response head).
    pub fn new(code: u16, message: impl Into<Cow<'static, str>>) -> NetError {
        NetError { code, stage: Stage::RoundTrip, message: message.into(), detail: None }
    }

    /// An error while reading the body.
    pub fn body(code: u16, message: impl Into<Cow<'static, str>>) -> NetError {
        NetError { stage: Stage::Body, ..NetError::new(code, message) }
    }

    /// The same error with the longer text for the log.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Box<str>>) -> NetError {
        self.detail = Some(detail.into());
        self
    }

    /// The same error, said to have arisen while reading the body.
    #[must_use]
    pub fn in_body(mut self) -> NetError {
        self.stage = Stage::Body;
        self
    }

    /// What k6's log says: the longer text if there is one, else the message.
    pub fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or(&self.message)
    }

    /// The request's time was up after the connection stood.
    pub fn request_timeout() -> NetError {
        NetError::new(code::REQUEST_TIMEOUT, "request timeout")
    }

    /// The request's time was up before the connection stood.
    pub fn dial_timeout() -> NetError {
        NetError::new(code::DIAL_TIMEOUT, "dial: i/o timeout")
    }

    /// Connecting to `address` failed.
    #[cold]
    pub fn dial(error: &io::Error, address: std::net::SocketAddr) -> NetError {
        let (code, message): (u16, Cow<'static, str>) = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                (code::DIAL_REFUSED, "dial: connection refused".into())
            }
            io::ErrorKind::TimedOut => (code::DIAL_TIMEOUT, "dial: i/o timeout".into()),
            _ => match error.raw_os_error() {
                Some(errno) => (code::DIAL_ERRNO, dial_errno_text(errno, error).into()),
                None => (code::DIAL, format!("dial: {error}").into()),
            },
        };
        let reason = message.strip_prefix("dial: ").unwrap_or(&message);
        let detail = format!("dial tcp {address}: connect: {reason}");
        NetError::new(code, message).with_detail(detail)
    }

    /// Reading from or writing to a standing connection failed.
    #[cold]
    pub fn io(error: &io::Error, during: Direction) -> NetError {
        let verb = match during {
            Direction::Read => "read",
            Direction::Write => "write",
        };
        match error.kind() {
            io::ErrorKind::ConnectionReset => {
                NetError::new(code::RESET, format!("{verb}: connection reset by peer"))
            }
            io::ErrorKind::BrokenPipe => {
                NetError::new(code::BROKEN_PIPE, format!("{verb}: broken pipe"))
            }
            io::ErrorKind::UnexpectedEof => NetError::new(code::GENERIC, "unexpected EOF"),
            _ => match error.raw_os_error() {
                Some(_) => {
                    NetError::new(code::UNKNOWN_ERRNO, format!("{verb}: {}", os_text(error)))
                }
                None => NetError::new(code::TCP, format!("{verb}: {error}")),
            },
        }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NetError {}

/// Which side of a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Receiving.
    Read,
    /// Sending.
    Write,
}

// Linux and macOS agree on EMFILE and ENFILE and differ on EADDRNOTAVAIL.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
const EADDRNOTAVAIL: i32 = if cfg!(target_os = "linux") { 99 } else { 49 };

/// Being out of a resource of this machine is the one failure the user can mend here, so the text
/// names the remedy.
fn dial_errno_text(errno: i32, error: &io::Error) -> String {
    match errno {
        EMFILE => "dial: too many open files in this process (raise the limit: `ulimit -n`)".into(),
        ENFILE => {
            "dial: too many open files on this machine (raise the limit: `sysctl fs.file-max`)"
                .into()
        }
        EADDRNOTAVAIL => "dial: no free local port (reuse connections, add source addresses \
             with `--local-ips`, or widen `net.ipv4.ip_local_port_range`)"
            .into(),
        _ => format!("dial: {}", os_text(error)),
    }
}

/// The system's text in the lower case Go uses and without Rust's ` (os error N)`.
fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dial_errors_carry_k6_codes_and_texts() {
        let address = "127.0.0.1:1".parse().unwrap();
        let error = NetError::dial(&io::ErrorKind::ConnectionRefused.into(), address);
        assert_eq!((error.code, &*error.message), (1212, "dial: connection refused"));
        assert_eq!(error.detail(), "dial tcp 127.0.0.1:1: connect: connection refused");
        let error = NetError::dial(&io::Error::from_raw_os_error(EMFILE), address);
        assert_eq!(error.code, 1213);
        assert!(error.message.contains("ulimit -n"), "{}", error.message);
        let error = NetError::dial(&io::Error::from_raw_os_error(EADDRNOTAVAIL), address);
        assert!(error.message.contains("ip_local_port_range"), "{}", error.message);
    }

    #[test]
    fn errors_of_a_standing_connection_name_the_direction() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(NetError::io(&reset, Direction::Read).message, "read: connection reset by peer");
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        let error = NetError::io(&pipe, Direction::Write);
        assert_eq!((error.code, &*error.message), (1201, "write: broken pipe"));
    }
}
