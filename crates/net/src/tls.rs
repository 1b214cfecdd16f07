//! TLS through `rustls` with `ring`, straight on `rt`'s sockets.
//!
//! What `rustls` does not have (TLS 1.0 and 1.1, RSA key exchange, CBC suites) is refused when the
//! settings are read, by name.

mod error;
mod key;
mod roots;
mod settings;
mod stream;
mod verify;

pub use key::decrypt_key;
pub use settings::{
    ClientCert, Resumption, TlsConfig, TlsConfigError, TlsOptions, TlsVersion, Verify,
};
pub(crate) use stream::TlsStream;

/// What a handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `tls1.2` or `tls1.3`, as k6's `tls_version` shows it.
    pub version: &'static str,
    /// The suite's name as Go prints it.
    pub cipher_suite: String,
    /// The protocol that was agreed on (ALPN), if any.
    pub alpn: Option<Box<[u8]>>,
    /// The OCSP response that the server stapled to its certificate, DER, if it did. Nobody has looked at it.
    pub ocsp: Option<Box<[u8]>>,
}
