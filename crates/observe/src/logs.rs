//! Log files: what is written into them while the run goes on, through rotation and truncation.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

use plan::probe::LogFile;

use crate::observation::Observation;
use crate::patterns::{Lines, Patterns};
use crate::probe::{Looking, Probe, ProbeError, Source};

/// Bytes read in one look; what is beyond is skipped and told, so that a log that grows by gigabytes costs little.
const MAX_BYTES_OF_LOOK: u64 = 8 << 20;
/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Counts patterns in a log file.
pub struct LogProbe {
    name: String,
    path: PathBuf,
    patterns: Patterns,
    /// The file that is read, and where.
    open: Option<Open>,
    /// Whether the file was looked for before: one that comes later is read from its start.
    is_begun: bool,
    skipped: u64,
}

struct Open {
    file: File,
    identity: Option<Identity>,
    at: u64,
    lines: Lines,
}

/// What tells a file from another that took its name.
type Identity = (u64, u64);

impl LogProbe {
    /// A probe as the plan has it.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn new(plan: &LogFile) -> Result<Self, ProbeError> {
        Ok(Self {
            name: plan.name.clone(),
            path: PathBuf::from(&plan.file),
            patterns: Patterns::new(&plan.patterns)?,
            open: None,
            is_begun: false,
            skipped: 0,
        })
    }

    fn look(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        if let Some(mut open) = self.open.take() {
            self.read(&mut open, out)?;
            if self.is_replaced(&open) {
                self.end(&mut open, out);
            } else {
                self.open = Some(open);
            }
        }
        if self.open.is_none()
            && let Some(mut open) = self.open(is_first)?
        {
            self.read(&mut open, out)?;
            self.open = Some(open);
        }
        self.patterns.counts(&self.name, out);
        if self.open.is_none() {
            return Err(ProbeError::new(format!("{} is not there", self.path.display())));
        }
        Ok(())
    }

    /// Opens the file: at its end when the run starts, else at its start.
    fn open(&self, at_end: bool) -> Result<Option<Open>, ProbeError> {
        let failed = |error: std::io::Error| {
            ProbeError::new(format!("can't read {}: {error}", self.path.display()))
        };
        // Opening a pipe would wait for its writer.
        let metadata = match std::fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        if !metadata.is_file() {
            return Err(ProbeError::new(format!("{} is no file", self.path.display())));
        }
        let mut file = File::open(&self.path).map_err(failed)?;
        let identity = identity(&file.metadata().map_err(failed)?);
        let at = if at_end { file.seek(SeekFrom::End(0)).map_err(failed)? } else { 0 };
        Ok(Some(Open { file, identity, at, lines: Lines::default() }))
    }

    /// Reads what was added.
    fn read(&mut self, open: &mut Open, out: &mut Observation) -> Result<(), ProbeError> {
        let failed = |error: std::io::Error| {
            ProbeError::new(format!("can't read {}: {error}", self.path.display()))
        };
        let size = open.file.metadata().map_err(failed)?.len();
        if size < open.at {
            // Emptied in place, as `copytruncate` does.
            let (patterns, name, now) = (&mut self.patterns, &self.name, out.now());
            open.lines.end(|line| patterns.line(name, line, now, out));
            open.at = 0;
        }
        let added = size - open.at;
        if added > MAX_BYTES_OF_LOOK {
            let skip = added - MAX_BYTES_OF_LOOK;
            self.skipped += skip;
            open.at += skip;
            open.lines = Lines::default();
            let text = format!(
                "it grows faster than it is read: {} bytes were skipped so far",
                self.skipped
            );
            out.trouble("reading", text);
        }
        open.file.seek(SeekFrom::Start(open.at)).map_err(failed)?;
        let mut left = size - open.at;
        let mut chunk = vec![0; CHUNK];
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let n = open.file.read(&mut chunk[..want]).map_err(failed)?;
            if n == 0 {
                break;
            }
            let (patterns, name, now) = (&mut self.patterns, &self.name, out.now());
            open.lines.push(&chunk[..n], |line| patterns.line(name, line, now, out));
            open.at += n as u64;
            left -= n as u64;
        }
        Ok(())
    }

    fn end(&mut self, open: &mut Open, out: &mut Observation) {
        let (patterns, name, now) = (&mut self.patterns, &self.name, out.now());
        open.lines.end(|line| patterns.line(name, line, now, out));
    }

    /// Whether another file has the name now. One that is gone may come back: what is open is still written to.
    fn is_replaced(&self, open: &Open) -> bool {
        match std::fs::metadata(&self.path) {
            Ok(now) => identity(&now) != open.identity,
            Err(_) => false,
        }
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn identity(metadata: &std::fs::Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> Option<Identity> {
    None
}

impl Probe for LogProbe {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> Source {
        Source::Logs
    }

    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(std::future::ready(self.look(out)))
    }

    fn finish<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        // That the file is not there has been told.
        let _ = self.look(out);
        if let Some(mut open) = self.open.take() {
            self.end(&mut open, out);
            self.patterns.counts(&self.name, out);
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::*;
    use crate::clock::Clock;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("squall-logs-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn append(&self, text: &str) {
            let mut options = OpenOptions::new();
            let mut file = options.append(true).create(true).open(self.0.join("a.log")).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn probe(&self) -> LogProbe {
            LogProbe::new(&LogFile {
                name: "a".into(),
                file: self.0.join("a.log").display().to_string(),
                patterns: [("bad".to_owned(), "bad|worse".to_owned())].into(),
            })
            .unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn look(probe: &mut LogProbe) -> Result<f64, String> {
        let mut out = Observation::new("a", Source::Logs, 0, Clock::default());
        probe.look(&mut out).map_err(|error| error.to_string())?;
        Ok(out.samples().last().unwrap().value)
    }

    #[test]
    fn only_what_is_written_during_the_run_counts() {
        let folder = Folder::new("during");
        folder.append("bad before\n");
        let mut probe = folder.probe();
        assert_eq!(look(&mut probe), Ok(0.0));
        folder.append("bad 1\nfine\nwor");
        assert_eq!(look(&mut probe), Ok(1.0));
        folder.append("se\nba");
        assert_eq!(look(&mut probe), Ok(2.0));
        folder.append("d end");
        let mut out = Observation::new("a", Source::Logs, 0, Clock::default());
        drop(probe.finish(&mut out));
        assert_eq!(out.samples().last().unwrap().value, 3.0, "a last line without its end counts");
    }

    #[test]
    fn a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_start() {
        let folder = Folder::new("rotated");
        folder.append("old\n");
        let mut probe = folder.probe();
        assert_eq!(look(&mut probe), Ok(0.0));
        folder.append("bad 1\n");
        std::fs::rename(folder.0.join("a.log"), folder.0.join("a.log.1")).unwrap();
        assert_eq!(look(&mut probe), Ok(1.0), "what is open is read on");
        folder.append("bad 2\nbad 3\n");
        assert_eq!(look(&mut probe), Ok(3.0));
        std::fs::write(folder.0.join("a.log"), "bad 4\n").unwrap();
        assert_eq!(look(&mut probe), Ok(4.0), "emptied in place");
    }

    #[test]
    fn a_file_that_comes_later_is_read_from_its_start() {
        let folder = Folder::new("later");
        let mut probe = folder.probe();
        assert!(look(&mut probe).unwrap_err().contains("is not there"));
        folder.append("bad\n");
        assert_eq!(look(&mut probe), Ok(1.0));
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = Folder::new("folder");
        std::fs::create_dir(folder.0.join("a.log")).unwrap();
        assert!(look(&mut folder.probe()).unwrap_err().contains("is no file"));
    }

    #[test]
    fn a_flood_is_skipped_and_told() {
        let folder = Folder::new("flood");
        folder.append("");
        let mut probe = folder.probe();
        assert_eq!(look(&mut probe), Ok(0.0));
        let line = format!("bad {}\n", "x".repeat(1_019));
        folder.append(&line.repeat(9 << 10));
        let mut out = Observation::new("a", Source::Logs, 0, Clock::default());
        probe.look(&mut out).unwrap();
        assert_eq!(out.troubles().len(), 1);
        let counted = out.samples().last().unwrap().value;
        assert!(counted > 8_000.0 && counted <= 8_193.0, "{counted}");
    }
}
