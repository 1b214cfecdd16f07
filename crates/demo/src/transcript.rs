//! The transcript: every request as it was received, in order, for comparing two clients.

use crate::auth::hex_md5;
use crate::form;
use crate::reader::Request;
use serde_json::{Value, json};

/// The most requests kept; later ones are counted.
const MAX_ENTRIES: usize = 20_000;
/// Bodies up to this length are kept as text, bytes.
const MAX_TEXT: usize = 64 * 1024;
/// Text kept over all entries, bytes; beyond it only digests are.
const MAX_TOTAL: usize = 128 * 1024 * 1024;

/// One part of a multipart request, without its random boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptPart {
    /// The field's name.
    pub name: String,
    /// The file's name, if it is a file.
    pub filename: Option<String>,
    /// The part's own content type.
    pub content_type: Option<String>,
    /// MD5 of the data, hexadecimal.
    pub md5: String,
    /// The data when it is text and short.
    pub text: Option<String>,
}

/// One request as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptEntry {
    /// Number of the connection, from 1.
    pub connection: u32,
    /// The method.
    pub method: String,
    /// The target as sent.
    pub target: String,
    /// Header names and values as sent, in order; bytes that are not UTF-8 as U+FFFD.
    pub headers: Vec<(String, String)>,
    /// Length of the body without chunking, bytes.
    pub body_bytes: usize,
    /// MD5 of that body, hexadecimal.
    pub body_md5: String,
    /// The body with its content encodings undone, when that is text and short.
    pub body: Option<String>,
    /// The parts of a multipart body.
    pub parts: Vec<TranscriptPart>,
}

/// What was received since the start or the last reset, as far as it fits.
pub(crate) struct Transcript {
    entries: Option<Vec<TranscriptEntry>>,
    kept_bytes: usize,
    n_dropped: u64,
}

impl Transcript {
    pub(crate) fn new(is_on: bool) -> Transcript {
        Transcript { entries: is_on.then(Vec::new), kept_bytes: 0, n_dropped: 0 }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.entries.is_some()
    }

    pub(crate) fn clear(&mut self) {
        *self = Transcript::new(self.is_on());
    }

    pub(crate) fn entries(&self) -> &[TranscriptEntry] {
        self.entries.as_deref().unwrap_or(&[])
    }

    /// How many requests did not fit.
    pub(crate) fn n_dropped(&self) -> u64 {
        self.n_dropped
    }

    pub(crate) fn record(&mut self, connection: u32, request: &Request<'_>) {
        let Some(entries) = &mut self.entries else { return };
        if entries.len() >= MAX_ENTRIES {
            self.n_dropped += 1;
            return;
        }
        let headers: Vec<(String, String)> = request
            .headers()
            .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
            .collect();
        self.kept_bytes += request.target().len();
        self.kept_bytes +=
            headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let is_full = self.kept_bytes > MAX_TOTAL;
        let encodings = request.header("content-encoding").unwrap_or("");
        let decoded =
            form::decode(encodings, request.body).unwrap_or_else(|_| request.body.to_vec());
        let content_type = request.header("content-type").unwrap_or("");
        let parts = if form::media_type(content_type) == "multipart/form-data" {
            form::parts(content_type, &decoded)
        } else {
            Vec::new()
        };
        let keep = |data: &[u8]| if is_full { None } else { text(data) };
        let parts: Vec<TranscriptPart> = parts
            .into_iter()
            .map(|part| TranscriptPart {
                name: part.name,
                filename: part.filename,
                content_type: part.content_type,
                md5: hex_md5(&part.data),
                text: keep(&part.data),
            })
            .collect();
        let body = keep(&decoded);
        let part_bytes: usize = parts.iter().filter_map(|p| p.text.as_ref()).map(String::len).sum();
        self.kept_bytes += body.as_ref().map_or(0, String::len) + part_bytes;
        entries.push(TranscriptEntry {
            connection,
            method: String::from_utf8_lossy(request.method()).into_owned(),
            target: request.target().to_owned(),
            headers,
            body_bytes: request.body.len(),
            body_md5: hex_md5(request.body),
            body,
            parts,
        });
    }
}

fn text(data: &[u8]) -> Option<String> {
    if data.len() > MAX_TEXT {
        return None;
    }
    String::from_utf8(data.to_vec()).ok()
}

impl TranscriptEntry {
    /// One element of the array that `/_transcript` gives.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|part| {
                json!({
                    "name": part.name, "filename": part.filename,
                    "content_type": part.content_type, "md5": part.md5, "text": part.text,
                })
            })
            .collect();
        json!({
            "connection": self.connection,
            "method": self.method,
            "target": self.target,
            "headers": self.headers,
            "body_bytes": self.body_bytes,
            "body_md5": self.body_md5,
            "body": self.body,
            "parts": parts,
        })
    }
}
