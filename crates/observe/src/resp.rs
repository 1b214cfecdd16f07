//! Redis's protocol (RESP 2): a connection, and its answers.
//!
//! Three commands are sent once a second; that takes a hundred lines, where the client library takes forty crates.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::probe::ProbeError;
use crate::tls;

/// Longest answer.
const MAX_ANSWER: usize = 16 << 20;
/// Values within one another.
const MAX_DEPTH: usize = 16;

/// A value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Nil,
    Text(Vec<u8>),
    Error(String),
    Int(i64),
    List(Vec<Value>),
}

impl Value {
    /// Text as people read it; other values as their text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Nil => String::new(),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Error(text) => text.clone(),
            Self::Int(n) => n.to_string(),
            Self::List(list) => list.iter().map(Self::text).collect::<Vec<_>>().join(" "),
        }
    }

    /// A number, also one that is sent as text.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Text(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The items of a list; none of other values.
    pub(crate) fn list(&self) -> &[Value] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }
}

/// Where reading stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A value, and the bytes it took.
    Whole(Value, usize),
    /// Bytes are missing.
    Partial,
    /// These bytes are none of the protocol's.
    Wrong(&'static str),
}

/// Reads a value at the start of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let mut at = 0;
    match value(bytes, &mut at, 0) {
        Ok(value) => Parsed::Whole(value, at),
        Err(None) => Parsed::Partial,
        Err(Some(why)) => Parsed::Wrong(why),
    }
}

/// `Err(None)`: bytes are missing.
fn value(bytes: &[u8], at: &mut usize, depth: usize) -> Result<Value, Option<&'static str>> {
    if depth > MAX_DEPTH {
        return Err(Some("lists are too deep in each other"));
    }
    let kind = *bytes.get(*at).ok_or(None)?;
    let line = line(bytes, at)?;
    let number = || -> Result<i64, Option<&'static str>> {
        let text = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
        text.ok_or(Some("a number is none"))
    };
    match kind {
        b'+' => Ok(Value::Text(line.to_vec())),
        b'-' => Ok(Value::Error(String::from_utf8_lossy(line).into_owned())),
        b':' => number().map(Value::Int),
        b'$' => {
            let Ok(length) = usize::try_from(number()?) else { return Ok(Value::Nil) };
            if length > MAX_ANSWER {
                return Err(Some("a text is too long"));
            }
            let end = *at + length;
            let text = bytes.get(*at..end).ok_or(None)?;
            match bytes.get(end..end + 2) {
                Some(b"\r\n") => {
                    *at = end + 2;
                    Ok(Value::Text(text.to_vec()))
                }
                Some(_) => Err(Some("a text has another length than it says")),
                None => Err(None),
            }
        }
        b'*' => {
            let Ok(length) = usize::try_from(number()?) else { return Ok(Value::Nil) };
            // Each item takes four bytes at least: no memory is taken for what is not there.
            if length > MAX_ANSWER / 4 {
                return Err(Some("a list is too long"));
            }
            let mut list = Vec::with_capacity(length.min(bytes.len() / 4));
            for _ in 0..length {
                list.push(value(bytes, at, depth + 1)?);
            }
            Ok(Value::List(list))
        }
        _ => Err(Some("no answer of a Redis server")),
    }
}

/// The rest of the line after its kind.
fn line<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], Option<&'static str>> {
    let start = *at + 1;
    let rest = bytes.get(start..).ok_or(None)?;
    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
        // What is no protocol of ours has no end of line for long.
        return Err((rest.len() > 64 << 10).then_some("a line has no end"));
    };
    *at = start + end + 2;
    Ok(&rest[..end])
}

/// A command as it is sent.
pub(crate) fn encode(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Where a server is.
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
}

/// Bytes both ways.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The system's, naming the address.
    pub(crate) async fn open(address: &Address) -> Result<Self, ProbeError> {
        let Address { host, port, tls } = address;
        let failed = |error: std::io::Error| {
            ProbeError::new(format!("can't connect to {host}:{port}: {error}"))
        };
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(failed)?;
        let _ = stream.set_nodelay(true);
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(stream),
            Some(tls) => {
                let connector = TlsConnector::from(Arc::clone(tls));
                let name = tls::server_name(host)?;
                Box::new(connector.connect(name, stream).await.map_err(failed)?)
            }
        };
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends commands at once and reads their answers.
    ///
    /// # Errors
    /// The connection ends, or answers what is none.
    pub(crate) async fn ask(&mut self, commands: &[&[&str]]) -> Result<Vec<Value>, ProbeError> {
        let sent: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
        self.stream.write_all(&sent).await?;
        self.stream.flush().await?;
        let mut answers = Vec::with_capacity(commands.len());
        while answers.len() < commands.len() {
            answers.push(self.answer().await?);
        }
        Ok(answers)
    }

    async fn answer(&mut self) -> Result<Value, ProbeError> {
        let mut chunk = [0; 16 << 10];
        let mut looked = 0;
        loop {
            // A long text is not looked at again for every piece of it.
            if self.buffer.len() >= looked * 2 || self.buffer.ends_with(b"\r\n") {
                match parse(&self.buffer) {
                    Parsed::Whole(value, length) => {
                        self.buffer.drain(..length);
                        return Ok(value);
                    }
                    Parsed::Wrong(why) => return Err(ProbeError::new(why)),
                    Parsed::Partial => looked = self.buffer.len(),
                }
            }
            if self.buffer.len() > MAX_ANSWER {
                return Err(ProbeError::new(format!("an answer is over {MAX_ANSWER} bytes")));
            }
            let n = self.stream.read(&mut chunk).await?;
            if n == 0 {
                return Err(ProbeError::new("the server closed the connection"));
            }
            self.buffer.extend_from_slice(&chunk[..n]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn answers_of_every_kind_are_read() {
        for (bytes, value) in [
            ("+OK\r\n", text("OK")),
            ("-ERR no\r\n", Value::Error("ERR no".into())),
            (":-5\r\n", Value::Int(-5)),
            ("$3\r\na\r\n\r\n", text("a\r\n")),
            ("$-1\r\n", Value::Nil),
            ("*-1\r\n", Value::Nil),
            (
                "*2\r\n:1\r\n*1\r\n$0\r\n\r\n",
                Value::List(vec![Value::Int(1), Value::List(vec![text("")])]),
            ),
        ] {
            assert_eq!(parse(bytes.as_bytes()), Parsed::Whole(value, bytes.len()), "{bytes:?}");
            for cut in 0..bytes.len() {
                assert_eq!(parse(&bytes.as_bytes()[..cut]), Parsed::Partial, "{bytes:?} {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_refused_and_takes_no_memory() {
        for bytes in [
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            ":x\r\n",
            "$3\r\nabcd\r\n",
            "$99999999999\r\n",
            "*99999999\r\n",
        ] {
            assert!(matches!(parse(bytes.as_bytes()), Parsed::Wrong(_)), "{bytes:?}");
        }
        let deep = "*1\r\n".repeat(100);
        assert!(matches!(parse(deep.as_bytes()), Parsed::Wrong(_)));
        assert!(matches!(parse(&[b'+'; 100_000]), Parsed::Wrong(_)));
        assert_eq!(parse(b"*1000000\r\n"), Parsed::Partial);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            any::<i64>().prop_map(Value::Int),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Text),
            "[A-Z]{1,5} [a-z ]{0,9}".prop_map(Value::Error),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop::collection::vec(inner, 0..5).prop_map(Value::List)
        })
    }

    fn written(value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Nil => out.extend(b"$-1\r\n"),
            Value::Int(n) => out.extend(format!(":{n}\r\n").bytes()),
            Value::Error(text) => out.extend(format!("-{text}\r\n").bytes()),
            Value::Text(bytes) => {
                out.extend(format!("${}\r\n", bytes.len()).bytes());
                out.extend(bytes);
                out.extend(b"\r\n");
            }
            Value::List(list) => {
                out.extend(format!("*{}\r\n", list.len()).bytes());
                list.iter().for_each(|value| written(value, out));
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read_and_the_rest_stays(value in values(), rest in prop::collection::vec(any::<u8>(), 0..9)) {
            let mut bytes = Vec::new();
            written(&value, &mut bytes);
            let length = bytes.len();
            bytes.extend(rest);
            prop_assert_eq!(parse(&bytes), Parsed::Whole(value, length));
        }
    }
}
