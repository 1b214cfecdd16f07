//! PEM (RFC 7468), read as leniently as Go does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// The content of the first block that is whole; what it is called does not matter.
pub fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) =
            line.strip_prefix(BEGIN).and_then(|rest| rest.trim_end().strip_suffix(DASHES))
        else {
            continue;
        };
        let end = format!("-----END {kind}-----");
        let mut coded = String::new();
        let mut is_whole = false;
        // Looks ahead: where the block is none, the search goes on behind its first line.
        for line in lines.clone() {
            if line.trim_end() == end {
                is_whole = true;
                break;
            }
            // `Proc-Type: 4,ENCRYPTED` and its like.
            if !line.contains(": ") {
                coded.extend(line.chars().filter(|c| !c.is_ascii_whitespace()));
            }
        }
        if is_whole && let Ok(content) = STANDARD.decode(coded) {
            return Some(content);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_whole_block_counts() {
        for (text, expect) in [
            ("-----BEGIN A-----\naGk=\n-----END A-----\n", Some(&b"hi"[..])),
            ("x\n-----BEGIN A-----\r\nKey: v\r\n\r\naG\r\nk=\r\n-----END A-----", Some(b"hi")),
            (
                "-----BEGIN A-----\n!\n-----END A-----\n-----BEGIN B-----\naGk=\n-----END B-----",
                Some(b"hi"),
            ),
            ("-----BEGIN A-----\n-----END A-----\n", Some(b"")),
            ("-----BEGIN A-----\naGk=\n-----END B-----\n", None),
            ("-----BEGIN A-----\naGk=\n", None),
            ("aGk=", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), expect, "{text}");
        }
    }
}
