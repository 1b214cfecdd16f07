//! Where records lie: names of run directories, and making one that is free.

use crate::error::RecordError;
use crate::{META_FILE, RUN_FILE};
use jiff::Timestamp;
use jiff::tz::Offset;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest part of the script's name that goes into a directory's name.
const MAX_SCRIPT_CHARS: usize = 40;
/// How many names are tried before giving up; two runs rarely share even one.
const MAX_ATTEMPTS: u32 = 100;

/// What a run's directory is named after.
#[derive(Debug, Clone, Copy)]
pub struct RunName<'a> {
    /// The start of the run.
    pub started_unix_ns: u64,
    /// Seconds the user's clock is ahead of UTC, for names in local time.
    pub utc_offset_s: i32,
    /// The script's path; only the stem of its file name is used.
    pub script: &'a str,
}

impl RunName<'_> {
    /// `YYYYMMDD-HHMMSS-<script>-<suffix>`: sorts by time, tells the script, and differs between
    /// runs and attempts. The script's part holds only letters, digits, `_`, `.` and `-`.
    pub fn attempt(&self, attempt: u32) -> String {
        let offset = Offset::from_seconds(self.utc_offset_s).unwrap_or(Offset::UTC);
        let local = offset.to_datetime(timestamp(self.started_unix_ns));
        let time = local.strftime("%Y%m%d-%H%M%S");
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.started_unix_ns.to_le_bytes());
        hasher.update(&attempt.to_le_bytes());
        let suffix = hasher.finalize() & 0xf_ffff;
        let script = plain_stem(self.script);
        format!("{time}-{script}-{suffix:05x}")
    }
}

fn plain_stem(script: &str) -> String {
    let file = script.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' };
    let name: String = stem.chars().take(MAX_SCRIPT_CHARS).map(plain).collect();
    let name = name.trim_matches(['.', '-']);
    if name.is_empty() { "run".to_owned() } else { name.to_owned() }
}

/// Any 64-bit number of nanoseconds is a time.
fn timestamp(unix_ns: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or_default()
}

/// A time as `2026-11-20T22:55:03Z`.
pub(crate) fn rfc3339(unix_ns: u64) -> String {
    format!("{:.0}", timestamp(unix_ns))
}

/// Makes a new directory for a run inside `folder` (which is made too, if need be) and returns
/// its path. Only its owner may look inside: scripts and command lines can hold secrets.
///
/// # Errors
/// The operating system's, naming the directory.
pub fn create_unique(folder: &Path, name: RunName<'_>) -> Result<PathBuf, RecordError> {
    fs::create_dir_all(folder).map_err(RecordError::io("create", folder))?;
    let mut attempt = 0;
    loop {
        let path = folder.join(name.attempt(attempt));
        match create_private(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < MAX_ATTEMPTS => {
                attempt += 1;
            }
            Err(e) => return Err(RecordError::io("create", &path)(e)),
        }
    }
}

/// Makes a directory named by the user, or takes it if it exists and holds no run.
pub(crate) fn claim(path: &Path) -> Result<(), RecordError> {
    match fs::create_dir_all(path.parent().unwrap_or_else(|| Path::new(""))).and_then(|()| {
        match create_private(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }) {
        Ok(()) if [RUN_FILE, META_FILE].iter().any(|file| path.join(file).exists()) => {
            Err(RecordError::Occupied(path.to_owned()))
        }
        Ok(()) => Ok(()),
        Err(e) => Err(RecordError::io("create", path)(e)),
    }
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The newest run in `folder` by its name, which starts with its time; `None` if there is none.
///
/// # Errors
/// The operating system's; a folder that does not exist holds no run and is no error.
pub fn latest(folder: &Path) -> Result<Option<PathBuf>, RecordError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(RecordError::io("read", folder)(e)),
    };
    let mut newest: Option<PathBuf> = None;
    for entry in entries {
        let path = entry.map_err(RecordError::io("read", folder))?.path();
        let newer = newest.as_ref().is_none_or(|n| n.file_name() < path.file_name());
        if newer && path.join(RUN_FILE).is_file() {
            newest = Some(path);
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(script: &str) -> RunName<'_> {
        // 2026-11-20 22:55:03 UTC
        RunName { started_unix_ns: 1_795_215_303_269_000_000, utc_offset_s: 0, script }
    }

    #[test]
    fn names_tell_time_and_script() {
        for (script, start) in [
            ("/home/u/test.js", "20261120-225503-test-"),
            ("..\\scripts\\my test.min.js", "20261120-225503-my_test.min-"),
            ("-", "20261120-225503-run-"),
            ("", "20261120-225503-run-"),
            ("/x/..", "20261120-225503-run-"),
            ("übung.ts", "20261120-225503-_bung-"),
        ] {
            let got = name(script).attempt(0);
            assert!(got.starts_with(start), "{script}: {got}");
            assert_eq!(got.len(), start.len() + 5, "{got}");
        }
        let east = RunName { utc_offset_s: 2 * 3600, ..name("a.js") };
        assert!(east.attempt(0).starts_with("20261121-005503-a-"), "local time crosses the day");
        assert_ne!(name("a").attempt(0), name("a").attempt(1));
        assert!(name(&"x".repeat(500)).attempt(0).len() < 80);
    }

    #[test]
    fn times_follow_the_calendar() {
        for (days, date) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_777, "2026-11-20"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(rfc3339(days * 86_400_000_000_000), format!("{date}T00:00:00Z"), "{days}");
        }
        let west = RunName { started_unix_ns: 0, utc_offset_s: -86_400, script: "a.js" };
        assert!(west.attempt(0).starts_with("19691231-000000-a-"), "{}", west.attempt(0));
        assert_eq!(rfc3339(1_795_215_303_269_000_000), "2026-11-20T22:55:03Z");
    }
}
