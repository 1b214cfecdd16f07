//! Metadata: the headers and trailers that are the application's.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::status::Status;

/// Names with values; a name may stand several times. Names that end in `-bin` have any bytes as value, others text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, Vec<u8>)>);

/// Metadata that is received at most, bytes of all names and values.
pub(super) const MAX_BYTES: u32 = 16 << 20;

impl Metadata {
    /// None.
    pub fn new() -> Metadata {
        Metadata::default()
    }

    /// Adds a value; names are kept in lower case.
    pub fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.push((name.to_ascii_lowercase(), value.into()));
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The only value of a name.
    pub(super) fn only(&self, name: &str) -> Option<&[u8]> {
        let mut found = self.iter().filter(|(n, _)| *n == name).map(|(_, value)| value);
        found.next().filter(|_| found.next().is_none())
    }

    /// Puts it into the head of a request.
    ///
    /// # Errors
    /// Names and values that no header may have.
    pub(super) fn write(&self, headers: &mut HeaderMap) -> Result<(), Status> {
        for (name, value) in &self.0 {
            if name.is_empty() {
                return Err(Status::internal("there is an empty key in the header"));
            }
            let is_pseudo = name.starts_with(':');
            if !is_pseudo && !name.bytes().all(is_name_byte) {
                let text =
                    format!("header key {name:?} contains illegal characters not in [0-9a-z-_.]");
                return Err(Status::internal(text));
            }
            let is_binary = name.ends_with("-bin");
            if !is_binary && value.iter().any(|byte| !(0x20..=0x7e).contains(byte)) {
                let text = format!(
                    "header key {name:?} contains value with non-printable ASCII characters"
                );
                return Err(Status::internal(text));
            }
            if is_pseudo || is_reserved(name) {
                continue;
            }
            let encoded;
            let value = if is_binary {
                encoded = base64(value);
                encoded.as_bytes()
            } else {
                value
            };
            // Both were checked above.
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
            {
                headers.append(name, value);
            }
        }
        Ok(())
    }

    /// What of a response's headers or trailers is the application's.
    ///
    /// # Errors
    /// A value that is no base64 where it has to be.
    pub(super) fn read(headers: &HeaderMap) -> Result<Metadata, Status> {
        let mut out = Metadata(Vec::with_capacity(headers.len()));
        for (name, value) in headers {
            let name = name.as_str();
            if is_reserved(name) && !matches!(name, "user-agent" | "content-type") {
                continue;
            }
            let value = if name.ends_with("-bin") {
                from_base64(value.as_bytes()).ok_or_else(|| {
                    let text = format!("transport: malformed {name}: illegal base64 data");
                    Status::internal(text)
                })?
            } else {
                value.as_bytes().to_vec()
            };
            out.0.push((name.to_owned(), value));
        }
        Ok(out)
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
}

/// The protocol's own.
fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "content-type"
            | "user-agent"
            | "grpc-message-type"
            | "grpc-encoding"
            | "grpc-message"
            | "grpc-status"
            | "grpc-timeout"
            | "te"
    )
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 without padding.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            let six = word >> (18 - 6 * i) & 63;
            out.push(char::from(ALPHABET[six as usize]));
        }
    }
    out
}

/// Base64 with or without padding.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) {
        return None;
    }
    let text = &text[..text.len() - padding];
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut word = 0_u32;
        for byte in chunk {
            let six = ALPHABET.iter().position(|known| known == byte)?;
            word = word << 6 | six as u32;
        }
        word <<= 6 * (4 - chunk.len());
        let bytes = word.to_be_bytes();
        out.extend_from_slice(&bytes[1..chunk.len()]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_values_go_both_ways() {
        for length in 0..20_u8 {
            let bytes: Vec<u8> = (0..length).map(|i| i.wrapping_mul(37) ^ 0xa5).collect();
            let text = base64(&bytes);
            assert_eq!(from_base64(text.as_bytes()), Some(bytes.clone()));
            let padded = format!("{text:=<0$}", text.len().div_ceil(4) * 4);
            assert_eq!(from_base64(padded.as_bytes()), Some(bytes));
        }
        for bad in ["A", "AA=", "A===", "AA==A", "A*BC"] {
            assert_eq!(from_base64(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_a_header_is_refused() {
        let write = |name: &str, value: &[u8]| {
            let mut metadata = Metadata::new();
            metadata.push(name, value);
            let mut headers = HeaderMap::new();
            metadata.write(&mut headers).map(|()| headers)
        };
        assert!(write("a b", b"x").is_err());
        assert!(write("", b"x").is_err());
        assert!(write("x", "é".as_bytes()).is_err());
        assert!(write("te", b"x").unwrap().is_empty());
        assert!(write(":path", b"x").unwrap().is_empty());
        let headers = write("X-Any-Bin", &[0, 255]).unwrap();
        assert_eq!(headers["x-any-bin"], "AP8");
        let mut back = Metadata::new();
        back.push("x-any-bin", [0, 255]);
        assert_eq!(Metadata::read(&headers), Ok(back));
    }
}
