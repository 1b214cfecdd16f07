//! Cryptography on bytes: hashes, ciphers, signatures, keys, certificates.
//!
//! Pure functions: what goes in and comes out are bytes and small enums. It knows no scripts and no I/O; only
//! [`random`] asks the system, for random bytes. The primitives are RustCrypto's; this crate names them as k6 and the
//! Web Cryptography API do, and reads the formats in which keys and certificates come. Start reading at [`hash`].

pub mod aes;
pub mod ec;
pub mod hash;
pub mod ocsp;
pub mod rsa;
pub mod x509;

mod der;
mod pkcs8;

/// Why an operation failed, named as the Web Cryptography API names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {text}")]
pub struct Error {
    /// `OperationError`, `DataError`, …
    pub name: &'static str,
    /// What is wrong.
    pub text: String,
}

impl Error {
    /// The operation could not be done.
    pub(crate) fn operation(text: impl Into<String>) -> Error {
        Error { name: "OperationError", text: text.into() }
    }

    /// A key could not be read.
    pub(crate) fn data(text: impl Into<String>) -> Error {
        Error { name: "DataError", text: text.into() }
    }
}

/// Fills `out` with random bytes of the system.
///
/// # Errors
/// The system has none to give.
pub fn random(out: &mut [u8]) -> Result<(), RandomError> {
    getrandom::fill(out).map_err(|error| RandomError(error.to_string()))
}

/// The system's source of random bytes failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes: {0}")]
pub struct RandomError(String);

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
