//! The tar format, as far as k6's archives need it: files, folders and hard links; ustar, PAX and GNU's long names.
//!
//! POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".

use std::fmt;
use std::ops::Range;

const BLOCK: usize = 512;

/// Most entries of an archive.
const MAX_ENTRIES: usize = 100_000;

/// Longest name or extended header, bytes.
const MAX_HEADER: usize = 1 << 20;

/// Why bytes are no archive; the texts are Go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TarError {
    /// A header makes no sense.
    Header,
    /// It ends within an entry.
    Truncated,
    /// It has more entries than anything of sense.
    Entries,
}

impl fmt::Display for TarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("archive/tar: invalid tar header"),
            Self::Truncated => f.write_str("unexpected EOF"),
            Self::Entries => write!(f, "more than {MAX_ENTRIES} entries"),
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    /// A hard link to another entry.
    Link(String),
    /// What k6's archives do not have.
    Other,
}

/// One entry; its content is a stretch of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) content: Range<usize>,
}

/// What extended headers say about the entry that follows.
#[derive(Debug, Default)]
struct Extended {
    path: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

/// Whether bytes start with a tar header.
pub(crate) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(..BLOCK).is_some_and(has_checksum)
}

/// Reads all entries.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Entry>, TarError> {
    let mut entries = Vec::new();
    let mut extended = Extended::default();
    let mut at = 0;
    while at < bytes.len() {
        let header = bytes.get(at..at + BLOCK).ok_or(TarError::Truncated)?;
        at += BLOCK;
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        if !has_checksum(header) {
            return Err(TarError::Header);
        }
        let kind = header[156];
        let own_size = number(&header[124..136]).ok_or(TarError::Header)?;
        let is_about_next = matches!(kind, b'x' | b'g' | b'L' | b'K');
        let size = extended.size.filter(|_| !is_about_next).unwrap_or(own_size);
        // Links and folders have no content, whatever their size says.
        let size = if matches!(kind, b'1' | b'2' | b'5') { 0 } else { size };
        let size = usize::try_from(size).map_err(|_| TarError::Truncated)?;
        let end =
            at.checked_add(size).filter(|end| *end <= bytes.len()).ok_or(TarError::Truncated)?;
        let content = at..end;
        at = end.next_multiple_of(BLOCK);
        if is_about_next {
            if size > MAX_HEADER {
                return Err(TarError::Header);
            }
            extend(&mut extended, kind, &bytes[content])?;
            continue;
        }
        let extended = std::mem::take(&mut extended);
        let name = extended.path.unwrap_or_else(|| ustar_name(header));
        let link = extended.link.unwrap_or_else(|| text(&header[157..257]));
        let kind = match kind {
            b'0' | 0 if name.ends_with('/') => Kind::Folder,
            b'0' | 0 | b'7' => Kind::File,
            b'1' => Kind::Link(link),
            b'5' => Kind::Folder,
            _ => Kind::Other,
        };
        if entries.len() >= MAX_ENTRIES {
            return Err(TarError::Entries);
        }
        entries.push(Entry { name, kind, content });
    }
    Ok(entries)
}

fn extend(extended: &mut Extended, kind: u8, content: &[u8]) -> Result<(), TarError> {
    match kind {
        b'L' => extended.path = Some(text(content)),
        b'K' => extended.link = Some(text(content)),
        b'x' => {
            let mut rest = content;
            while !rest.is_empty() {
                // `length key=value\n`, the length counting itself.
                let space =
                    rest.iter().take(20).position(|byte| *byte == b' ').ok_or(TarError::Header)?;
                let length =
                    std::str::from_utf8(&rest[..space]).ok().and_then(|n| n.parse::<usize>().ok());
                let length = length.filter(|n| *n > space + 1 && *n <= rest.len());
                let (record, others) = rest.split_at(length.ok_or(TarError::Header)?);
                rest = others;
                let record = String::from_utf8_lossy(&record[space + 1..]);
                let record = record.strip_suffix('\n').ok_or(TarError::Header)?;
                let (key, value) = record.split_once('=').ok_or(TarError::Header)?;
                match key {
                    "path" => extended.path = Some(value.to_owned()),
                    "linkpath" => extended.link = Some(value.to_owned()),
                    "size" => extended.size = Some(value.parse().map_err(|_| TarError::Header)?),
                    _ => {}
                }
            }
        }
        // Of all entries, or of another program: nothing that changes names or sizes.
        _ => {}
    }
    Ok(())
}

/// The name of a header; POSIX's has its folders apart.
fn ustar_name(header: &[u8]) -> String {
    let name = text(&header[..100]);
    let prefix =
        if &header[257..263] == b"ustar\0" { text(&header[345..500]) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// Up to the first zero.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// Octal digits, or GNU's binary form for what does not fit.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let (first, rest) = field.split_first()?;
        return rest.iter().try_fold(u64::from(first & 0x7f), |n, byte| {
            n.checked_mul(256).map(|n| n + u64::from(*byte))
        });
    }
    let digits = text(field);
    let digits = digits.trim_matches(' ');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn has_checksum(header: &[u8]) -> bool {
    let Some(expect) = number(&header[148..156]) else { return false };
    // Some programs of old took bytes for signed.
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (at, byte) in header.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    i64::try_from(expect).is_ok_and(|expect| expect == unsigned || expect == signed)
}

/// Writes the checksum of a header.
pub(super) fn set_checksum(header: &mut [u8]) {
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Writes an archive.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Adds an entry, changed at `mtime` seconds of Unix time.
    pub(crate) fn add(&mut self, name: &str, kind: &Kind, content: &[u8], mtime: u64) {
        let (letter, mode, link) = match kind {
            Kind::File | Kind::Other => (b'0', 0o644, ""),
            Kind::Folder => (b'5', 0o755, ""),
            Kind::Link(to) => (b'1', 0, to.as_str()),
        };
        let fits = |text: &str| text.len() <= 100 && text.is_ascii();
        if !fits(name) || !fits(link) {
            let mut records = String::new();
            for (key, value) in [("path", name), ("linkpath", link)] {
                if !fits(value) {
                    records.push_str(&record(key, value));
                }
            }
            self.block("PaxHeaders.0/long", b'x', 0o644, "", records.len(), mtime);
            self.content(records.as_bytes());
        }
        self.block(name, letter, mode, link, content.len(), mtime);
        self.content(content);
    }

    fn content(&mut self, content: &[u8]) {
        self.out.extend_from_slice(content);
        self.out.resize(self.out.len().next_multiple_of(BLOCK), 0);
    }

    fn block(&mut self, name: &str, kind: u8, mode: u32, link: &str, size: usize, mtime: u64) {
        let mut header = [0_u8; BLOCK];
        let mut put = |at: usize, text: &[u8]| {
            header[at..at + text.len()].copy_from_slice(text);
        };
        let short =
            |text: &str| -> Vec<u8> { text.bytes().filter(u8::is_ascii).take(100).collect() };
        put(0, &short(name));
        put(100, format!("{mode:07o}").as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        // 8 GiB and more do not fit; nothing here is that large.
        put(124, format!("{:011o}", size.min((1 << 33) - 1)).as_bytes());
        put(136, format!("{:011o}", mtime.min((1 << 33) - 1)).as_bytes());
        put(156, &[kind]);
        put(157, &short(link));
        put(257, b"ustar\x0000");
        set_checksum(&mut header);
        self.out.extend_from_slice(&header);
    }

    /// The archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.resize(self.out.len() + 2 * BLOCK, 0);
        self.out
    }
}

/// One record of an extended header; its length counts its own digits.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length = length.to_string().len() + rest.len();
    }
    format!("{length}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let long = format!("{}ü.js", "folder/".repeat(40));
        let cases = [
            ("metadata.json", Kind::File, &b"{}"[..]),
            ("file", Kind::Folder, b""),
            ("file/x.js", Kind::Link("data".into()), b""),
            (long.as_str(), Kind::File, &[7; 1000]),
        ];
        let mut writer = Writer::default();
        for (name, kind, content) in &cases {
            writer.add(name, kind, content, 1);
        }
        let bytes = writer.finish();
        assert!(is_tar(&bytes) && bytes.len() % BLOCK == 0);
        let entries = read(&bytes).unwrap();
        assert_eq!(entries.len(), cases.len());
        for (entry, (name, kind, content)) in entries.iter().zip(&cases) {
            assert_eq!((entry.name.as_str(), &entry.kind), (*name, kind));
            assert_eq!(&bytes[entry.content.clone()], *content);
        }
    }

    #[test]
    fn what_is_no_archive_says_so() {
        let mut writer = Writer::default();
        writer.add("a", &Kind::File, b"content", 0);
        let bytes = writer.finish();
        assert!(read(&bytes[..600]).is_ok());
        assert_eq!(read(&bytes[..515]), Err(TarError::Truncated));
        assert_eq!(read(&bytes[..100]), Err(TarError::Truncated));
        let mut damaged = bytes.clone();
        damaged[0] = b'b';
        assert_eq!(read(&damaged), Err(TarError::Header));
        assert!(!is_tar(&damaged) && !is_tar(b"export default") && !is_tar(&[0; 512]));
        assert_eq!(read(&[]), Ok(Vec::new()));
    }

    #[test]
    fn a_record_counts_its_own_length() {
        assert_eq!(record("path", "x"), "9 path=x\n");
        assert_eq!(record("path", "xy"), "11 path=xy\n");
        for length in [80, 89, 90, 91, 92, 990, 991, 992] {
            let record = record("path", &"x".repeat(length));
            assert!(record.starts_with(&format!("{} ", record.len())));
        }
    }
}
