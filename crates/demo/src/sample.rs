//! Fixed documents: the same bytes for every client, so that scripts can check them.

use crate::answer::{Answer, HTML, JSON, TEXT};
use crate::route::Route;
use std::io::{self, Write};
use std::sync::OnceLock;

const PAGE: &str = include_str!("sample/page.html");
const FORM: &str = include_str!("sample/form.html");
const DOCUMENT: &str = include_str!("sample/document.json");
const UTF8: &str = include_str!("sample/utf8.txt");

/// Answers `/html`, `/forms/post`, `/json`, `/encoding/utf8`.
pub(crate) fn answer(route: Route, answer: &mut Answer) {
    let (content_type, text) = match route {
        Route::FormsPost => (HTML, FORM),
        Route::Json => (JSON, DOCUMENT),
        Route::Utf8 => (TEXT, UTF8),
        _ => (HTML, PAGE),
    };
    answer.text(content_type, text.as_bytes());
}

/// Answers `/gzip`, `/deflate`, `/brotli`, `/zstd`: a JSON document under that content encoding.
pub(crate) fn compressed(route: Route, answer: &mut Answer) {
    static CACHE: [OnceLock<Vec<u8>>; 4] = [const { OnceLock::new() }; 4];
    let (slot, encoding) = match route {
        Route::Gzip => (0, "gzip"),
        Route::Deflate => (1, "deflate"),
        Route::Brotli => (2, "br"),
        _ => (3, "zstd"),
    };
    let body = CACHE[slot].get_or_init(|| {
        let plain = serde_json::json!({ "encoding": encoding, "text": UTF8 }).to_string();
        // Compressing into memory has no error of its own; an empty body would fail every check.
        compress(encoding, plain.as_bytes()).unwrap_or_default()
    });
    answer.text(JSON, body);
    answer.header("Content-Encoding", encoding);
}

fn compress(encoding: &str, plain: &[u8]) -> io::Result<Vec<u8>> {
    let level = flate2::Compression::default();
    match encoding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain)?;
            encoder.finish()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(plain)?;
            encoder.finish()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
            encoder.write_all(plain)?;
            Ok(encoder.into_inner())
        }
        _ => zstd::stream::encode_all(plain, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form;

    #[test]
    fn compressed_documents_decode_to_themselves() {
        for (route, encoding) in [
            (Route::Gzip, "gzip"),
            (Route::Deflate, "deflate"),
            (Route::Brotli, "br"),
            (Route::Zstd, "zstd"),
        ] {
            let mut answer = Answer::new();
            compressed(route, &mut answer);
            let plain = form::decode(encoding, &answer.body).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&plain).unwrap();
            assert_eq!(value["encoding"], encoding);
            assert_eq!(value["text"], UTF8);
        }
    }

    #[test]
    fn the_json_document_is_json() {
        let value: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(value["slideshow"]["slides"].as_array().map(Vec::len), Some(2));
    }
}
