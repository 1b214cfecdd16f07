//! The runs of a folder, with figures that cost time to find kept beside them.
//!
//! The list itself is always made of what lies in the folder. What is found out about a run (its requests, its p95) is
//! kept in [`INDEX_FILE`], each with the size and time of the record it was made of. So a stale entry is made again, and
//! a file that is missing, damaged or of another version only costs the time to make it again: it is a cache of a few
//! hundred kilobytes with one writer, which is why it is a JSON file and no database.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RecordError;
use crate::{META_FILE, RUN_FILE};

/// The cache, in the folder of the runs.
pub const INDEX_FILE: &str = "index.json";
/// The version of the cache; another one is made again.
const VERSION: u32 = 1;
/// The longest cache that is read, bytes.
const MAX_INDEX_BYTES: u64 = 64 << 20;
/// The longest `meta.json` that is read, bytes.
const MAX_META_BYTES: u64 = 16 << 20;

/// A run of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its directory.
    pub directory: PathBuf,
    /// The directory's name, which starts with the time of the run.
    pub name: String,
    /// What `meta.json` says; null if there is none that can be read.
    pub description: Value,
    /// Size of the record, bytes.
    pub bytes: u64,
    /// What was found out about it.
    pub facts: Value,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    version: u32,
    runs: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    bytes: u64,
    modified_ns: u64,
    facts: Value,
}

/// The newest runs of a folder, newest first, and how many there are in all. `find` is asked about those whose facts are
/// not known yet, or were found when the record was another; where it knows none, it gives null, which is not kept.
///
/// # Errors
/// The folder can't be read; one that does not exist has no runs.
pub fn list(
    folder: &Path,
    newest: usize,
    mut find: impl FnMut(&Path) -> Value,
) -> Result<(Vec<Listed>, usize), RecordError> {
    let mut names = names(folder)?;
    names.sort_unstable_by(|a, b| b.cmp(a));
    let all = names.len();
    let path = folder.join(INDEX_FILE);
    let mut index = read(&path);
    let before = index.runs.len();
    // What is no longer there is forgotten.
    index.runs.retain(|name, _| names.binary_search_by(|known| name.cmp(known)).is_ok());
    let mut is_changed = index.runs.len() != before;
    let mut listed = Vec::new();
    for name in names.into_iter().take(newest) {
        let directory = folder.join(&name);
        let (bytes, modified_ns) = state(&directory.join(RUN_FILE));
        let known = index.runs.get(&name);
        let known = known.filter(|e| e.bytes == bytes && e.modified_ns == modified_ns);
        let facts = match known {
            Some(entry) => entry.facts.clone(),
            None => {
                let facts = find(&directory);
                if !facts.is_null() {
                    let entry = Entry { bytes, modified_ns, facts: facts.clone() };
                    index.runs.insert(name.clone(), entry);
                    is_changed = true;
                }
                facts
            }
        };
        let description = description(&directory.join(META_FILE));
        listed.push(Listed { directory, name, description, bytes, facts });
    }
    if is_changed {
        // A folder that can't be written to has no cache: the list is whole without it.
        drop(write(&path, &index));
    }
    Ok((listed, all))
}

/// The directories in a folder that hold a run.
fn names(folder: &Path) -> Result<Vec<String>, RecordError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RecordError::io("read", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(RecordError::io("read", folder))?;
        if entry.path().join(RUN_FILE).is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

fn state(path: &Path) -> (u64, u64) {
    let Ok(meta) = fs::metadata(path) else { return (0, 0) };
    let modified = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_ns = modified.and_then(|since| u64::try_from(since.as_nanos()).ok());
    (meta.len(), modified_ns.unwrap_or(0))
}

fn bounded(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let size = fs::metadata(path).ok()?.len();
    if size > limit { None } else { fs::read(path).ok() }
}

fn description(path: &Path) -> Value {
    let text = bounded(path, MAX_META_BYTES);
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn read(path: &Path) -> Index {
    let empty = || Index { version: VERSION, runs: BTreeMap::new() };
    let text = bounded(path, MAX_INDEX_BYTES);
    let index: Option<Index> = text.and_then(|text| serde_json::from_slice(&text).ok());
    index.filter(|index| index.version == VERSION).unwrap_or_else(empty)
}

fn write(path: &Path, index: &Index) -> std::io::Result<()> {
    // Another listing may write at the same time: each has a file of its own until it is whole.
    let fresh = path.with_extension(format!("json.{}", std::process::id()));
    fs::write(&fresh, serde_json::to_vec(index)?)?;
    fs::rename(&fresh, path)
}
