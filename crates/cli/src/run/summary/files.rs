//! Where the parts of a summary go: standard streams and files.

use std::fs;
use std::path::Path;

use crate::exit::system_text;
use crate::terminal::Terminal;

/// A part of a summary: `stdout`, `stderr` or a file's path, and what goes there.
pub(super) type Part = (String, Vec<u8>);

/// Writes every part, going on where one fails.
///
/// # Errors
/// k6's text, naming all files that could not be written.
pub(super) fn save(parts: &[Part], terminal: &Terminal) -> Result<(), String> {
    let mut failed = Vec::new();
    for (place, content) in parts {
        match place.as_str() {
            "stdout" => match std::str::from_utf8(content) {
                Ok(text) => terminal.out(text),
                Err(_) => terminal.out_raw(content),
            },
            "stderr" => terminal.err(&String::from_utf8_lossy(content)),
            path => {
                if let Err(error) = write(Path::new(path), content) {
                    let why = system_text(&error);
                    failed.push(format!("\n\t- could not open '{path}': open {path}: {why}"));
                }
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("Could not save some summary information:{}", failed.concat()))
}

/// Writes a file. Missing parent folders are made: k6 refuses, and its users' scripts fail on fresh checkouts.
fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)
}
